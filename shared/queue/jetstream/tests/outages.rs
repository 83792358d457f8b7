//! A broker that is late, dies, or comes back empty: nothing waits, and everything works again by itself.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use queue::Queue;
use queue::conformance::deadline::{next, quickly, until};
use queue_jetstream::JetStreamQueue;
use support::{
    AT_ONCE, Broker, REFUSAL, Refuses, Wire, announcement, becomes_dead, becomes_live, hint, options, request,
};
use testkit::eventually;

/// What every method does without a broker.
async fn is_useless_but_quick(queue: &JetStreamQueue) {
    assert!(!queue.is_live());
    quickly(AT_ONCE, async {
        for position in 1..=5_000 {
            assert!(!queue.hint(hint(40, position)).await);
            assert!(!queue.announce(&announcement(position)).await);
        }
    })
    .await;
    assert_eq!(
        quickly(AT_ONCE, queue.request_grant(&request(40), Duration::from_secs(5))).await,
        None
    );
    quickly(AT_ONCE, queue.release_grant(40, uuid::Uuid::from_u128(1))).await;
    assert!(quickly(AT_ONCE, queue.ping()).await.is_err());
}

/// What works with a broker: hints, bus and grants between two processes.
async fn works_between(here: &JetStreamQueue, there: &JetStreamQueue, position: u64) {
    let mut heard = there.announcements().await;
    assert!(here.announce(&announcement(position)).await);
    until("an announcement", &mut heard, |heard| {
        *heard == announcement(position)
    })
    .await;
    let mut hints = there.hints(41).await;
    eventually("hints are sent", support::DEADLINE, async || {
        here.hint(hint(41, position)).await
    })
    .await;
    until("a hint", &mut hints, |taken| *taken == hint(41, position)).await;
    let _serving = there.serve_grants(41, Arc::new(Refuses)).await;
    assert_eq!(
        here.request_grant(&request(41), Duration::from_secs(5)).await,
        Some(REFUSAL)
    );
    assert_eq!(here.ping().await, Ok(()));
}

#[tokio::test]
async fn a_broker_that_comes_late_finds_everybody_waiting() {
    let broker = Broker::start().await;
    broker.0.stop().await;
    let (here, there) = (
        quickly(AT_ONCE, broker.connect()).await,
        quickly(AT_ONCE, broker.connect()).await,
    );
    is_useless_but_quick(&here).await;
    // What was begun without a broker works once there is one.
    let mut hints = quickly(AT_ONCE, there.hints(3)).await;
    assert!(futures::StreamExt::next(&mut hints).now_or_never().is_none());
    let mut heard = there.announcements().await;
    let _serving = quickly(Duration::from_secs(3), there.serve_grants(3, Arc::new(Refuses))).await;
    assert!(!here.hint(hint(3, 8)).await);

    broker.0.start().await;
    // A hint given while there was no broker is sent when there is one.
    assert_eq!(next("the hint of the outage", &mut hints).await, hint(3, 8));
    becomes_live(&here).await;
    becomes_live(&there).await;
    assert!(here.announce(&announcement(9)).await);
    assert_eq!(next("an announcement", &mut heard).await, announcement(9));
    assert_eq!(
        here.request_grant(&request(3), Duration::from_secs(5)).await,
        Some(REFUSAL)
    );
    works_between(&here, &there, 10).await;
}

#[tokio::test]
async fn a_killed_broker_is_found_again_with_what_it_kept() {
    let broker = Broker::start().await;
    let (here, there) = (broker.live().await, broker.live().await);
    let mut hints = there.hints(3).await;
    let mut heard = there.announcements().await;
    let _serving = there.serve_grants(3, Arc::new(Refuses)).await;
    assert!(here.hint(hint(3, 1)).await);
    assert_eq!(next("a hint before", &mut hints).await, hint(3, 1));
    // Stored, and taken by nobody yet.
    assert!(here.hint(hint(4, 5)).await);
    let raw = broker.raw().await;
    eventually("the hint is stored", support::DEADLINE, async || {
        raw.get_stream("ODG_JOBS")
            .await
            .unwrap()
            .cached_info()
            .state
            .messages
            == 1
    })
    .await;

    broker.0.kill9().await;
    becomes_dead(&here).await;
    is_useless_but_quick(&here).await;
    // Our own readers hear us all the same.
    let mut own = here.announcements().await;
    assert!(!here.announce(&announcement(6)).await);
    assert_eq!(next("our own announcement", &mut own).await, announcement(6));

    broker.0.start().await;
    becomes_live(&here).await;
    becomes_live(&there).await;
    assert_eq!(
        next("the stored hint", &mut there.hints(4).await).await,
        hint(4, 5)
    );
    here.hint(hint(3, 2)).await;
    until("a hint after, in the old stream", &mut hints, |taken| {
        *taken == hint(3, 2)
    })
    .await;
    assert!(here.announce(&announcement(7)).await);
    assert_eq!(next("an announcement after", &mut heard).await, announcement(7));
    assert_eq!(
        here.request_grant(&request(3), Duration::from_secs(5)).await,
        Some(REFUSAL)
    );
    works_between(&here, &there, 10).await;
}

#[tokio::test]
async fn an_emptied_broker_is_furnished_again() {
    let broker = Broker::start().await;
    let (here, there) = (broker.live().await, broker.live().await);
    let mut hints = Vec::new();
    for partition in 0..8 {
        let mut taken = there.hints(partition).await;
        assert!(here.hint(hint(partition, 1)).await);
        assert_eq!(next("a hint before", &mut taken).await, hint(partition, 1));
        hints.push(taken);
    }
    for round in 2..=3 {
        broker.0.stop().await;
        broker.0.wipe().await;
        becomes_dead(&here).await;
        broker.0.start().await;
        becomes_live(&here).await;
        // A taker that waits for missing heartbeats would take longer.
        quickly(Duration::from_secs(8), async {
            for (partition, taken) in (0..).zip(&mut hints) {
                here.hint(hint(partition, round)).await;
                until("a hint after", taken, |taken| *taken == hint(partition, round)).await;
            }
        })
        .await;
        becomes_live(&there).await;
        works_between(&here, &there, 10 * round).await;
    }
}

#[tokio::test]
async fn a_stream_deleted_by_somebody_is_made_again() {
    let broker = Broker::start().await;
    let (here, there) = (broker.live().await, broker.live().await);
    let mut hints = there.hints(3).await;
    assert!(here.hint(hint(3, 1)).await);
    assert_eq!(next("a hint before", &mut hints).await, hint(3, 1));
    broker.raw().await.delete_stream("ODG_JOBS").await.unwrap();
    here.hint(hint(3, 2)).await;
    until("a hint after", &mut hints, |taken| *taken == hint(3, 2)).await;
}

#[tokio::test]
async fn a_wrong_password_is_no_reason_to_give_up_or_to_wait() {
    let broker = Broker::start().await;
    let elsewhere = format!("nats://user:hunter2@127.0.0.1:{}", testkit::free_port());
    let queue = JetStreamQueue::connect(&elsewhere, options()).await.unwrap();
    is_useless_but_quick(&queue).await;
    assert!(!format!("{queue:?}").contains("hunter2"));
    // A server that asks for no password takes any.
    let url = broker.0.url().replace("nats://", "nats://user:hunter2@");
    let queue = JetStreamQueue::connect(&url, options()).await.unwrap();
    becomes_live(&queue).await;
}

#[tokio::test]
async fn a_connection_that_hangs_is_noticed_and_blocks_nobody() {
    let broker = Broker::start().await;
    let wire = Wire::to(&broker).await;
    let here = JetStreamQueue::connect(&wire.url, options()).await.unwrap();
    becomes_live(&here).await;
    let there = broker.live().await;
    let mut hints = there.hints(3).await;

    wire.set_flowing(false);
    // No socket was closed: only the missing answer tells.
    quickly(Duration::from_secs(8), becomes_dead(&here)).await;
    quickly(AT_ONCE, async {
        for position in 1..=5_000 {
            assert!(!here.hint(hint(3, position)).await);
            assert!(!here.announce(&announcement(position)).await);
        }
    })
    .await;
    let asked = request(40);
    let answer = here.request_grant(&asked, Duration::from_millis(300));
    assert_eq!(quickly(AT_ONCE, answer).await, None);
    assert!(quickly(2 * AT_ONCE, here.ping()).await.is_err());

    wire.set_flowing(true);
    becomes_live(&here).await;
    until("the newest hint of the silence", &mut hints, |taken| {
        *taken == hint(3, 5_000)
    })
    .await;
    works_between(&here, &there, 6_000).await;
}
