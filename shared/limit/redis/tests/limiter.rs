//! Against a real Redis.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::sync::Arc;
use std::time::Duration;

use limit::{Limiter as _, Outcome, Quota, Subject};
use limit_redis::RedisLimiter;
use runtime::{Clock, ManualClock, SystemClock};
use testkit::Redis;

/// Long enough for a busy machine: these tests are not about speed.
const PATIENCE: Duration = Duration::from_secs(10);

fn limiter(redis: &Redis, quota: Option<Quota>, clock: Arc<dyn Clock>) -> RedisLimiter {
    let opened = RedisLimiter::open(&redis.url(), quota.unwrap(), clock).unwrap();
    opened.patient(PATIENCE)
}

fn who(n: u8) -> Subject {
    Subject::id([n; 16])
}

#[tokio::test]
async fn two_processes_share_one_bucket() {
    let redis = Redis::start_new().await;
    let one = limiter(&redis, Quota::per_hour(10), Arc::new(SystemClock));
    let other = limiter(&redis, Quota::per_hour(10), Arc::new(SystemClock));
    for left in (0..5).rev() {
        assert_eq!(one.take(who(1)).await.remaining, left * 2 + 1);
        assert_eq!(other.take(who(1)).await.remaining, left * 2);
    }
    let refused = one.take(who(1)).await;
    let Outcome::Refused { retry_after } = refused.outcome else {
        panic!("{refused:?}");
    };
    assert!(retry_after <= Duration::from_mins(6) && retry_after > Duration::from_mins(1));
    assert!(!other.take(who(1)).await.is_passed());
    assert_eq!(
        other.take(who(2)).await.remaining,
        9,
        "another subject has its own"
    );
}

#[tokio::test]
async fn many_at_once_get_no_more_than_there_is() {
    let redis = Redis::start_new().await;
    let limiter = Arc::new(limiter(&redis, Quota::per_hour(40), Arc::new(SystemClock)));
    let takers: Vec<_> = (0..100)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { limiter.take(who(1)).await.is_passed() })
        })
        .collect();
    let mut passed = 0;
    for taker in takers {
        passed += u32::from(taker.await.unwrap());
    }
    assert_eq!(passed, 40);
}

#[tokio::test]
async fn an_idle_bucket_leaves_nothing_behind() {
    let redis = Redis::start_new().await;
    let limiter = limiter(&redis, Quota::per_minute(6_000), Arc::new(SystemClock));
    assert!(limiter.take(who(1)).await.is_passed());
    testkit::eventually("the key expires", Duration::from_secs(20), || async {
        redis.command("DBSIZE").await.unwrap() == ":0"
    })
    .await;
}

#[tokio::test]
async fn without_redis_each_process_counts_alone_and_finds_back() {
    let redis = Redis::start_new().await;
    let clock = Arc::new(ManualClock::at(0));
    let limiter = limiter(&redis, Quota::per_hour(3), Arc::clone(&clock) as Arc<dyn Clock>);
    for _ in 0..3 {
        assert!(limiter.take(who(1)).await.is_passed());
    }
    assert!(!limiter.take(who(1)).await.is_passed() && limiter.probe().await);
    redis.stop().await;
    let passed = [
        limiter.take(who(1)).await,
        limiter.take(who(1)).await,
        limiter.take(who(1)).await,
        limiter.take(who(1)).await,
    ];
    assert_eq!(passed.map(|decision| decision.remaining), [2, 1, 0, 0]);
    assert_eq!(
        passed.map(|decision| decision.is_passed()),
        [true, true, true, false]
    );
    assert!(!limiter.probe().await);
    redis.start().await;
    testkit::eventually("Redis is found again", Duration::from_secs(20), || async {
        limiter.probe().await
    })
    .await;
    assert!(
        !limiter.take(who(1)).await.is_passed(),
        "what was counted before is still known"
    );
}

#[tokio::test]
async fn a_process_may_start_before_redis() {
    let redis = Redis::start_new().await;
    redis.stop().await;
    let limiter = limiter(&redis, Quota::per_hour(3), Arc::new(SystemClock));
    assert!(!limiter.probe().await);
    assert_eq!(limiter.take(who(1)).await.remaining, 2);
    redis.start().await;
    testkit::eventually("Redis is found", Duration::from_secs(20), || async {
        limiter.probe().await
    })
    .await;
    assert_eq!(limiter.take(who(1)).await.remaining, 2, "Redis has a full bucket");
}

#[tokio::test]
async fn a_redis_that_hangs_is_waited_for_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let (quota, clock) = (Quota::per_hour(3).unwrap(), Arc::new(ManualClock::at(0)));
    let opened = RedisLimiter::open(&url, quota, clock).unwrap();
    let limiter = opened.patient(Duration::from_millis(50));
    assert_eq!(limiter.take(who(1)).await.remaining, 2);
    // From now on nobody waits: with this patience each of them would wait for ever.
    let limiter = limiter.patient(Duration::MAX);
    assert_eq!(limiter.take(who(1)).await.remaining, 1);
    assert_eq!(limiter.take(who(1)).await.remaining, 0);
}
