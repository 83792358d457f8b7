//! What the broker does with our hints: keeps the newest, delivers again what was not acknowledged, hands over.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::time::{Duration, Instant};

use futures::StreamExt;
use queue::Queue;
use queue::conformance::deadline::{next, until};
use queue_jetstream::{ConnectError, JetStreamOptions, JetStreamQueue};
use support::{Broker, DEADLINE, announcement, becomes_live, hint, options};
use testkit::eventually;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Messages the stream holds.
async fn stored(raw: &async_nats::jetstream::Context) -> u64 {
    raw.get_stream("ODG_JOBS")
        .await
        .unwrap()
        .cached_info()
        .state
        .messages
}

/// The newest hint that the stream holds of a partition.
async fn newest(raw: &async_nats::jetstream::Context, partition: u16) -> Option<queue::Hint> {
    let stream = raw.get_stream("ODG_JOBS").await.ok()?;
    let subject = format!("odg.jobs.{partition}");
    let message = stream.get_last_raw_message_by_subject(&subject).await.ok()?;
    serde_json::from_slice(&message.payload).ok()
}

async fn publish(raw: &async_nats::jetstream::Context, partition: u16, payload: String) {
    let subject = format!("odg.jobs.{partition}");
    raw.publish(subject, payload.into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn the_stream_keeps_the_newest_hint_of_each_partition_and_none_that_was_taken() {
    let broker = Broker::start().await;
    let queue = broker.live().await;
    let raw = broker.raw().await;
    for position in 1..=50 {
        for partition in 0..3 {
            assert!(queue.hint(hint(partition, position)).await);
        }
        tokio::task::yield_now().await;
    }
    // Publishing goes on in the background: only after the last one is what follows here the newest.
    for partition in 0..3 {
        eventually("the newest hint of each partition", DEADLINE, async || {
            newest(&raw, partition).await == Some(hint(partition, 50))
        })
        .await;
    }
    assert_eq!(stored(&raw).await, 3);
    // The publisher sends few; however many come, the stream holds one of them.
    for position in 51..=60 {
        publish(&raw, 0, serde_json::to_string(&hint(0, position)).unwrap()).await;
    }
    assert_eq!(stored(&raw).await, 3);
    for partition in 0..3 {
        let newest = if partition == 0 { 60 } else { 50 };
        let mut hints = queue.hints(partition).await;
        until("the newest", &mut hints, |taken| {
            *taken == hint(partition, newest)
        })
        .await;
    }
    eventually("what was taken is gone", DEADLINE, async || {
        stored(&raw).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_hint_that_died_with_its_taker_is_delivered_again() {
    let broker = Broker::start().await;
    let (sender, successor) = (broker.live().await, broker.live().await);
    // Opening makes the consumer, which the dying owner then uses.
    let mut hints = sender.hints(5).await;
    assert!(sender.hint(hint(5, 1)).await);
    next("a first hint", &mut hints).await;
    drop(hints);

    let raw = broker.raw().await;
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        raw.get_consumer_from_stream("p5", "ODG_JOBS").await.unwrap();
    let mut dying = consumer
        .fetch()
        .max_messages(1)
        .expires(DEADLINE)
        .messages()
        .await
        .unwrap();
    assert!(sender.hint(hint(5, 2)).await);
    let unacknowledged = dying.next().await.unwrap().unwrap();
    let died = Instant::now();
    let mut hints = successor.hints(5).await;
    assert_eq!(next("the hint again", &mut hints).await, hint(5, 2));
    assert!(died.elapsed() < Duration::from_secs(5), "{:?}", died.elapsed());
    // The dead one's acknowledgement comes late and changes nothing.
    unacknowledged.ack().await.unwrap();
    assert!(sender.hint(hint(5, 3)).await);
    until("a hint after", &mut hints, |taken| *taken == hint(5, 3)).await;
}

#[tokio::test]
async fn a_hint_that_was_taken_is_not_delivered_again() {
    let broker = Broker::start().await;
    let queue = broker.live().await;
    let mut hints = queue.hints(5).await;
    assert!(queue.hint(hint(5, 1)).await);
    assert_eq!(next("the hint", &mut hints).await, hint(5, 1));
    let raw = broker.raw().await;
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        raw.get_consumer_from_stream("p5", "ODG_JOBS").await.unwrap();
    // While it were unacknowledged, the server would deliver it again and again.
    eventually("the acknowledgement", DEADLINE, async || {
        consumer.get_info().await.unwrap().num_ack_pending == 0
    })
    .await;
    assert!(queue.hint(hint(5, 2)).await);
    assert_eq!(
        next("the next, no repetition before it", &mut hints).await,
        hint(5, 2)
    );
}

#[tokio::test]
async fn duplicates_old_and_strange_messages_are_harmless() {
    let broker = Broker::start().await;
    let queue = broker.live().await;
    let mut hints = queue.hints(5).await;
    assert!(queue.hint(hint(5, 9)).await);
    next("a first hint", &mut hints).await;
    let raw = broker.raw().await;
    for payload in [
        r#"{"partition":5,"position":9}"#,
        r#"{"partition":5,"position":9}"#,
        r#"{"partition":5,"position":2}"#,
        r#"{"partition":6,"position":99}"#,
        "garbage",
        "",
    ] {
        publish(&raw, 5, payload.to_owned()).await;
    }
    raw.client().publish("odg.bus", "garbage".into()).await.unwrap();
    raw.client()
        .publish("odg.grant.5", "garbage".into())
        .await
        .unwrap();
    raw.client().flush().await.unwrap();
    assert!(queue.hint(hint(5, 10)).await);
    let taken = until("a hint after", &mut hints, |taken| *taken == hint(5, 10)).await;
    assert!(
        taken
            .iter()
            .all(|taken| taken.partition == 5 && taken.position <= 10),
        "{taken:?}"
    );
    let mut heard = queue.announcements().await;
    let other = broker.live().await;
    assert!(other.announce(&announcement(1)).await);
    assert_eq!(next("an announcement after", &mut heard).await, announcement(1));
}

#[tokio::test]
async fn partitions_move_between_processes_under_load() {
    let broker = Broker::start().await;
    let (sender, one, two) = (broker.live().await, broker.live().await, broker.live().await);
    let mut position = 0;
    for turn in 0..6 {
        let owner = if turn % 2 == 0 { &one } else { &two };
        let mut hints = owner.hints(5).await;
        for _ in 0..10 {
            position += 1;
            assert!(sender.hint(hint(5, position)).await);
            until("the owner's hint", &mut hints, |taken| taken.position == position).await;
        }
        // Some are on their way while the partition changes hands: the newest must reach the next owner.
        position += 1;
        assert!(sender.hint(hint(5, position)).await);
        drop(hints);
        let next_owner = if turn % 2 == 0 { &two } else { &one };
        let mut hints = next_owner.hints(5).await;
        until("the hint of the hand-over", &mut hints, |taken| {
            taken.position == position
        })
        .await;
    }
}

#[tokio::test]
async fn a_dropped_taker_leaves_nothing_behind() {
    let broker = Broker::start().await;
    let queue = broker.live().await;
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for partition in 0..20 {
        let mut hints = queue.hints(partition).await;
        assert!(queue.hint(hint(partition, 1)).await);
        next("a hint", &mut hints).await;
    }
    eventually("the tasks of takers end", DEADLINE, async || tasks() <= before).await;
    let raw = broker.raw().await;
    let consumer: async_nats::jetstream::consumer::PullConsumer =
        raw.get_consumer_from_stream("p5", "ODG_JOBS").await.unwrap();
    // The server finds out when it next has something to deliver.
    publish(&raw, 5, String::new()).await;
    eventually("nobody asks any more", DEADLINE, async || {
        let info = consumer.get_info().await.unwrap();
        info.num_waiting == 0 && info.num_pending == 1
    })
    .await;
}

#[tokio::test]
async fn hints_on_their_way_are_sent_before_the_queue_goes() {
    let broker = Broker::start().await;
    let (leaving, staying) = (broker.live().await, broker.live().await);
    for partition in 0..64 {
        assert!(leaving.hint(hint(partition, 3)).await);
    }
    drop(leaving);
    for partition in 0..64 {
        assert_eq!(
            next("its hint", &mut staying.hints(partition).await).await,
            hint(partition, 3)
        );
    }
}

#[tokio::test]
async fn an_owner_of_all_partitions_is_at_work_soon() {
    let broker = Broker::start().await;
    let queue = broker.live().await;
    let started = Instant::now();
    let mut all = futures::stream::SelectAll::new();
    for partition in 0..64 {
        all.push(queue.hints(partition).await);
        assert!(queue.hint(hint(partition, 1)).await);
    }
    let mut missing: std::collections::HashSet<u16> = (0..64).collect();
    while !missing.is_empty() {
        missing.remove(&next("each partition's hint", &mut all).await.partition);
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn deployments_with_different_prefixes_do_not_meet() {
    let broker = Broker::start().await;
    let ours = broker.live().await;
    let other = JetStreamOptions {
        prefix: "other".to_owned(),
        ..options()
    };
    let theirs = JetStreamQueue::connect(&broker.0.url(), other).await.unwrap();
    becomes_live(&theirs).await;
    let (mut hints, mut heard) = (ours.hints(5).await, ours.announcements().await);
    assert!(theirs.hint(hint(5, 1)).await);
    assert!(theirs.announce(&announcement(1)).await);
    assert_eq!(next("their hint", &mut theirs.hints(5).await).await, hint(5, 1));
    assert!(theirs.ping().await.is_ok());
    assert!(ours.hint(hint(5, 2)).await);
    assert!(ours.announce(&announcement(2)).await);
    assert_eq!(next("our hint alone", &mut hints).await, hint(5, 2));
    assert_eq!(next("our announcement alone", &mut heard).await, announcement(2));
}

#[tokio::test]
async fn somebody_who_listens_to_everything_changes_nothing() {
    let broker = Broker::start().await;
    let curious = async_nats::connect(broker.0.url()).await.unwrap();
    let mut heard = curious.subscribe(">").await.unwrap();
    curious.publish("curious", "here".into()).await.unwrap();
    while heard.next().await.unwrap().subject.as_str() != "curious" {}
    let (here, there) = (broker.live().await, broker.live().await);
    let mut announced = there.announcements().await;
    assert!(here.announce(&announcement(7)).await);
    assert_eq!(next("the announcement", &mut announced).await.position, 7);
    assert!(here.ping().await.is_ok() && there.is_live());
}

#[tokio::test]
async fn what_can_never_work_is_refused_at_once() {
    let address = JetStreamQueue::connect("http://127.0.0.1", options()).await;
    assert!(
        matches!(address, Err(ConnectError::Address { .. })),
        "{address:?}"
    );
    let wild = JetStreamOptions {
        prefix: "odg.>".to_owned(),
        ..options()
    };
    let prefix = JetStreamQueue::connect("nats://127.0.0.1", wild).await;
    assert!(matches!(prefix, Err(ConnectError::Prefix { .. })), "{prefix:?}");
}

/// What a client says to a server that asks for credentials.
async fn presented(credentials: &str) -> serde_json::Value {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{credentials}@{}", listener.local_addr().unwrap());
    let _queue = JetStreamQueue::connect(&url, options()).await.unwrap();
    let (mut client, _) = listener.accept().await.unwrap();
    let info = "INFO {\"server_id\":\"A\",\"version\":\"2.15.1\",\"auth_required\":true,\"headers\":true,\"max_payload\":1048576}\r\n";
    client.write_all(info.as_bytes()).await.unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).await.unwrap();
    serde_json::from_str(line.strip_prefix("CONNECT ").unwrap()).unwrap()
}

#[tokio::test]
async fn credentials_in_the_address_are_presented() {
    let user = presented("us%40er:p%3Ass").await;
    assert_eq!(
        (&user["user"], &user["pass"]),
        (&"us@er".into(), &"p:ss".into()),
        "{user}"
    );
    let token = presented("s3cret").await;
    assert_eq!(token["auth_token"], "s3cret", "{token}");
}
