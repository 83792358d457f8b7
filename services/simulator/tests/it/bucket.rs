//! The token bucket over HTTP.

use simulator::{BucketConfig, SimulatorConfig, StoreConfig};

use crate::support::{DEADLINE, Desk, STORE};

fn limited(size: u32, refill_per_second: f64) -> SimulatorConfig {
    let bucket = BucketConfig {
        size,
        refill_per_second,
        enforced: true,
    };
    SimulatorConfig {
        bucket,
        ..SimulatorConfig::default()
    }
}

#[tokio::test]
async fn every_answer_counts_down_and_an_empty_bucket_is_429_with_a_wait() {
    let desk = Desk::start_with(limited(3, 0.5)).await;
    for left in [2, 1, 0] {
        assert_eq!(desk.get("/test").await.tokens, Some(left));
    }
    let refused = desk.get("/test").await;
    assert_eq!(
        (refused.status, refused.tokens, refused.retry_after),
        (429, Some(0), Some(2))
    );
    assert_eq!(refused.body["status"], "error");
    assert_eq!(desk.simulator.counters().total().throttled, 1);
    assert_eq!(desk.simulator.counters().store(STORE).requests, 4);
}

#[tokio::test]
async fn tokens_come_back_with_time() {
    let desk = Desk::start_with(limited(1, 20.0)).await;
    assert_eq!(desk.get("/test").await.status, 200);
    let mut tries = 0;
    let answered = tokio::time::timeout(DEADLINE, async {
        while desk.get("/test").await.status != 200 {
            tries += 1;
        }
    });
    assert!(answered.await.is_ok());
    assert_eq!(desk.simulator.counters().total().throttled, tries);
}

#[tokio::test]
async fn each_store_has_its_own_bucket_and_others_may_empty_it() {
    let desk = Desk::start_with(limited(5, 0.001)).await;
    desk.simulator.add_store(StoreConfig::new("2", "k"));
    desk.simulator.set_tokens(STORE, 0.0).unwrap();
    assert_eq!(desk.get("/test").await.status, 429);
    assert_eq!(desk.simulator.tokens("2"), Ok(5));
}

#[tokio::test]
async fn without_the_limit_nothing_is_refused() {
    let mut config = limited(1, 0.001);
    config.bucket.enforced = false;
    let desk = Desk::start_with(config).await;
    for _ in 0..5 {
        let reply = desk.get("/test").await;
        assert_eq!((reply.status, reply.tokens), (200, Some(1)));
    }
}
