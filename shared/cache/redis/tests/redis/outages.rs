//! Redis killed, wiped, hanging or not there at all: reads go on, and nothing is shown that was forgotten meanwhile.

use std::time::Duration;

use cache::State;
use cache::conformance::{Place, Source};
use testkit::Redis;

use crate::support::{backend, connected, hasty, is_down, is_up, patient};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_go_on_without_redis_and_use_it_once_it_is_there() {
    let redis = Redis::start_new().await;
    redis.stop().await;
    let place = Place::over(backend(&redis, patient()));
    let source = Source::open();
    assert!(place.cache.ping().await.is_err());
    for _ in 0..2 {
        assert_eq!(place.shows(&source).await, (1, State::Miss));
    }
    redis.start().await;
    is_up(&place.backend).await;
    assert_eq!(place.shows(&source).await, (1, State::Miss));
    assert_eq!(place.shows(&source).await, (1, State::Hit));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_raised_while_redis_is_dead_is_not_found_when_it_is_back() {
    let redis = Redis::start_new().await;
    let (worker, reader) = (
        Place::over(connected(&redis, patient()).await),
        Place::over(connected(&redis, patient()).await),
    );
    let source = Source::open();
    assert_eq!(reader.shows(&source).await, (1, State::Miss));
    assert_eq!(reader.shows(&source).await, (1, State::Hit));
    redis.kill9().await;
    is_down(&worker.backend).await;
    is_down(&reader.backend).await;
    source.change();
    worker.raise().await;
    assert_eq!(reader.shows(&source).await, (2, State::Miss));
    // It has kept its data on disk.
    redis.start().await;
    is_up(&reader.backend).await;
    assert_eq!(reader.shows(&source).await, (2, State::Miss));
    // The worker's return makes all forget once more.
    is_up(&worker.backend).await;
    reader.shows(&source).await;
    assert_eq!(reader.shows(&source).await, (2, State::Hit));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_has_forgotten_a_raise_is_not_believed() {
    let redis = Redis::start_new().await;
    let place = Place::over(connected(&redis, patient()).await);
    let source = Source::open();
    place.shows(&source).await;
    // What comes now is lost when it dies, and what went before is not.
    assert_eq!(redis.command("CONFIG SET appendonly no").await.unwrap(), "+OK");
    source.change();
    place.raise().await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    redis.kill9().await;
    redis.start().await;
    is_up(&place.backend).await;
    assert_eq!(place.shows(&source).await.0, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_is_waited_for_once() {
    let redis = Redis::start_new().await;
    let (worker, reader) = (
        Place::over(connected(&redis, hasty()).await),
        Place::over(connected(&redis, hasty()).await),
    );
    let source = Source::open();
    reader.shows(&source).await;
    redis.pause().await;
    is_down(&reader.backend).await;
    // Each with a time-out of its own, these would take minutes.
    let reads = async {
        for _ in 0..500 {
            assert_eq!(reader.shows(&source).await, (1, State::Miss));
        }
    };
    tokio::time::timeout(Duration::from_mins(1), reads)
        .await
        .expect("reads do not wait for redis");
    source.change();
    worker.raise().await;
    assert_eq!(reader.shows(&source).await, (2, State::Miss));
    redis.resume().await;
    is_up(&worker.backend).await;
    is_up(&reader.backend).await;
    assert_eq!(reader.shows(&source).await, (2, State::Miss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raise_that_was_not_answered_is_made_up_for_everybody() {
    let redis = Redis::start_new().await;
    let (worker, reader) = (
        Place::over(connected(&redis, hasty()).await),
        Place::over(connected(&redis, patient()).await),
    );
    let source = Source::open();
    assert_eq!(reader.shows(&source).await, (1, State::Miss));
    redis.pause().await;
    source.change();
    worker.raise().await;
    redis.resume().await;
    is_up(&worker.backend).await;
    // The reader has noticed nothing of all that.
    assert_eq!(reader.shows(&source).await, (2, State::Miss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raise_that_redis_refuses_makes_all_forget_everything() {
    let redis = Redis::start_new().await;
    let place = Place::over(connected(&redis, patient()).await);
    let source = Source::open();
    place.shows(&source).await;
    let refused = redis.command("ACL SETUSER default -del").await;
    assert_eq!(refused.unwrap(), "+OK");
    source.change();
    place.raise().await;
    is_up(&place.backend).await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raise_looks_for_redis_at_once() {
    let redis = Redis::start_new().await;
    let options = cache_redis::RedisOptions {
        retry_every: Duration::from_hours(1),
        ..patient()
    };
    let place = Place::over(connected(&redis, options).await);
    redis.kill9().await;
    is_down(&place.backend).await;
    redis.start().await;
    place.raise().await;
    assert_eq!(place.cache.ping().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_redis_keeps_nothing_from_before_and_everything_from_then_on() {
    let redis = Redis::start_new().await;
    let place = Place::over(connected(&redis, patient()).await);
    let source = Source::held();
    let read = place.read(&source);
    let wipe = async {
        source.has_begun(1).await;
        assert_eq!(redis.command("FLUSHALL").await.unwrap(), "+OK");
        source.let_go(1);
    };
    let (read, ()) = tokio::join!(read, wipe);
    assert!(read.is_ok());
    source.let_go(1);
    assert_eq!(place.shows(&source).await, (1, State::Miss));
    assert_eq!(place.shows(&source).await, (1, State::Hit));
}

#[tokio::test]
async fn without_redis_askers_share_only_fetches_that_begin_after_they_asked() {
    let redis = Redis::start_new().await;
    redis.stop().await;
    let place = std::sync::Arc::new(Place::over(backend(&redis, patient())));
    let source = Source::held();
    let ask = || {
        let (place, source) = (std::sync::Arc::clone(&place), source.clone());
        tokio::spawn(async move { place.shows(&source).await.0 })
    };
    let first = ask();
    source.has_begun(1).await;
    // Another process's change: nobody here is told of its raise.
    source.change();
    let others: Vec<_> = (0..100).map(|_| ask()).collect();
    // In one thread each has come as far as it can when this one's turn comes again.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    source.let_go(100);
    assert_eq!(first.await.unwrap(), 1);
    for other in others {
        assert_eq!(other.await.unwrap(), 2);
    }
    assert_eq!(source.begun(), 2);
}
