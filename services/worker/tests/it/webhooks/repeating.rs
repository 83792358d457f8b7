//! Attempts, their repetition and what is remembered of them.

use std::time::Duration;

use app::{Purpose, SigningSecret};
use domain::webhook::WebhookEvent;
use domain::{SecretId, Timestamp};
use ledger::DeliveryState;
use runtime::Clock as _;
use serde_json::Value;
use testkit::{Receiver, Reply};
use uuid::Uuid;
use webhook::Secret;

use super::*;

#[tokio::test]
async fn an_event_is_told_signed_and_once_where_it_is_taken() {
    let town = Town::new().await;
    let receiver = Receiver::taking_all().await;
    let everything = town.endpoint(&receiver.url(), &[]).await;
    let deaf = Receiver::taking_all().await;
    let uninterested = town.endpoint(&deaf.url(), &[WebhookEvent::JobFailed]).await;
    let teller = town.teller().await;
    town.pauses(1).await;
    town.delivered(&everything, 1).await;
    let received = &receiver.received()[0];
    assert!(everything.has_signed(received));
    assert!(!uninterested.has_signed(received));
    let library = standardwebhooks::Webhook::new(&everything.secret.reveal()).unwrap();
    library
        .verify(received.body.as_bytes(), &received.headers)
        .unwrap();
    let body: Value = serde_json::from_str(&received.body).unwrap();
    let delivery = &town.deliveries(&everything).await[0];
    assert_eq!(received.header("webhook-id"), delivery.id.to_string());
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(body["type"], "store.paused");
    assert_eq!(body["timestamp"], delivery.recorded_at.to_string());
    assert_eq!(body["sequence"], delivery.position);
    assert_eq!(body["data"]["store_id"], "101");
    assert_eq!(
        (&body["data"]["paused"], &body["data"]["paused_reason"]),
        (&true.into(), &"user".into())
    );
    // A test goes to its endpoint alone, whatever that wants otherwise.
    town.test(&uninterested).await;
    town.delivered(&uninterested, 1).await;
    let body: Value = serde_json::from_str(&deaf.received()[0].body).unwrap();
    assert_eq!(body["type"], "test");
    teller.stop().await;
    assert_eq!((receiver.count(), deaf.count()), (1, 1));
}

#[tokio::test]
async fn a_receiver_that_fails_k_times_is_told_each_event_by_one_id_at_the_times_of_the_schedule() {
    const K: u32 = 4;
    let town = Town::new().await;
    // Each event by itself: the first K attempts at it fail in different ways.
    let seen = std::sync::Mutex::new(std::collections::HashMap::<String, u32>::new());
    let receiver = Receiver::start(move |received, _| {
        let mut seen = seen.lock().unwrap();
        let attempt = seen.entry(received.header("webhook-id").to_owned()).or_default();
        *attempt += 1;
        match *attempt {
            1 => Reply::status(500),
            2 => Reply::status(302).header("location", "/elsewhere"),
            3 => Reply::status(404),
            4 => Reply::status(503).header("retry-after", "1"),
            _ => Reply::status(200),
        }
    })
    .await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let teller = town.teller().await;
    town.pauses(3).await;
    for attempt in 1..=K {
        town.failed(&hooked, 3, attempt).await;
        let wait = WAITS[attempt as usize - 1];
        // Nothing is due before four fifths of the wait, everything after six.
        let now = Timestamp::from_millis(town.clock.unix_ms());
        for delivery in town.deliveries(&hooked).await {
            let due_in = delivery.due_at.since(now);
            assert!(
                due_in > wait.mul_f64(0.79) && due_in < wait.mul_f64(1.21),
                "{due_in:?} of {wait:?}"
            );
        }
        town.clock.advance(wait.mul_f64(1.21));
    }
    town.delivered(&hooked, 3).await;
    teller.stop().await;
    let by_id = by_id(&receiver);
    assert_eq!(by_id.len(), 3);
    for (id, attempts) in by_id {
        assert_eq!(attempts.len(), K as usize + 1, "{id}");
        assert!(
            attempts.iter().all(|received| hooked.has_signed(received)),
            "{id}"
        );
        assert!(
            attempts.iter().all(|received| received.body == attempts[0].body),
            "{id}"
        );
        let times: Vec<&str> = attempts
            .iter()
            .map(|received| received.header("webhook-timestamp"))
            .collect();
        assert!(times.is_sorted() && times[0] != times[1], "{times:?}");
    }
    assert!(
        receiver
            .received()
            .iter()
            .all(|received| received.path == "/hooks"),
        "no redirect is followed"
    );
}

#[tokio::test]
async fn however_many_attempts_fail_first_each_event_arrives_while_the_schedule_lasts() {
    let town = Town::new().await;
    // The first event that comes is taken at once, the last one at the last attempt that there is.
    let failures = std::sync::Mutex::new(std::collections::HashMap::<String, usize>::new());
    let receiver = Receiver::start(move |received, _| {
        let mut failures = failures.lock().unwrap();
        let next = failures.len();
        let left = failures
            .entry(received.header("webhook-id").to_owned())
            .or_insert(next);
        if *left == 0 {
            return Reply::status(200);
        }
        *left -= 1;
        Reply::status(500)
    })
    .await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    town.pauses(WAITS.len() + 1).await;
    for (wait, attempts) in WAITS.iter().zip(1..) {
        town.until(&hooked, "all to have been tried", |all| {
            all.len() == WAITS.len() + 1
                && all.iter().all(|one| {
                    one.state == DeliveryState::Delivered || (one.attempts == attempts && !one.claimed)
                })
        })
        .await;
        town.clock.advance(wait.mul_f64(1.21));
    }
    town.delivered(&hooked, WAITS.len() + 1).await;
    let by_id = by_id(&receiver);
    let mut attempts: Vec<usize> = by_id.values().map(Vec::len).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, (1..=WAITS.len() + 1).collect::<Vec<_>>());
    assert!(
        by_id
            .values()
            .flatten()
            .all(|received| hooked.has_signed(received))
    );
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_longer_wait_gets_it() {
    let town = Town::new().await;
    let receiver = Receiver::start(|_, before| match before {
        0 => Reply::status(429).header("retry-after", "7200"),
        _ => Reply::status(200),
    })
    .await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    let began = Timestamp::from_millis(town.clock.unix_ms());
    town.pauses(1).await;
    town.failed(&hooked, 1, 1).await;
    let due_in = town.deliveries(&hooked).await[0].due_at.since(began);
    assert_eq!(due_in, Duration::from_hours(2));
    town.clock.advance(due_in);
    town.delivered(&hooked, 1).await;
}

#[tokio::test]
async fn after_the_last_wait_a_delivery_is_given_up_and_can_be_asked_for_again() {
    let mut town = Town::new().await;
    town.waits = vec![Duration::from_secs(5)];
    let receiver = Receiver::start(|_, before| Reply::status(if before < 2 { 500 } else { 200 })).await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    town.pauses(1).await;
    town.failed(&hooked, 1, 1).await;
    town.clock.advance(Duration::from_secs(6));
    let given_up = town
        .until(&hooked, "one given up", |all| {
            all.iter().any(|one| one.state == DeliveryState::Failed)
        })
        .await;
    assert_eq!(given_up[0].attempts, 2);
    let now = Timestamp::from_millis(town.clock.unix_ms());
    assert!(town.ledger.redeliver(given_up[0].id, now).await.unwrap());
    town.delivered(&hooked, 1).await;
    assert_eq!(by_id(&receiver).len(), 1, "under the same id");
}

#[tokio::test]
async fn what_was_answered_is_kept_sealed_with_its_status_and_its_time() {
    let town = Town::new().await;
    let said = "jo@example.com is unknown here. ".repeat(1_000);
    let answer = said.clone();
    let receiver = Receiver::start(move |_, _| Reply::status(422).body(answer.clone())).await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let nobody = town
        .endpoint("http://127.0.0.1:1/", &[WebhookEvent::StorePaused])
        .await;
    let _teller = town.teller().await;
    town.pauses(1).await;
    town.failed(&hooked, 1, 1).await;
    town.failed(&nobody, 1, 1).await;
    let delivery = &town.deliveries(&hooked).await[0];
    let attempts = town.ledger.attempts_of(&[delivery.id]).await.unwrap();
    let attempt = &attempts[0].1;
    assert_eq!(
        (attempt.number, attempt.status, &attempt.error),
        (1, Some(422), &None)
    );
    let sealed = attempt.answer.as_ref().expect("an answer");
    let opened = town
        .seals
        .open(town.tenant, Purpose::WebhookAnswer, delivery.id.0, sealed)
        .await
        .unwrap();
    assert_eq!(std::str::from_utf8(&opened).unwrap(), &said[..2_048]);
    let refused = town.deliveries(&nobody).await[0].id;
    let attempts = town.ledger.attempts_of(&[refused]).await.unwrap();
    assert_eq!(
        (attempts[0].1.status, attempts[0].1.error.as_deref()),
        (None, Some("connect"))
    );
}

#[tokio::test]
async fn while_a_secret_is_replaced_both_sign_and_then_the_new_one_alone() {
    let town = Town::new().await;
    let receiver = Receiver::taking_all().await;
    let old = Secret::new([9; 32]);
    let until = Timestamp::from_millis(town.clock.unix_ms()).plus(Duration::from_hours(24));
    let replaced = SigningSecret {
        id: SecretId(Uuid::now_v7()),
        secret: old.reveal().to_string(),
        until: Some(until),
    };
    let hooked = town
        .endpoint_with(&receiver.url(), &[], |_, secrets| secrets.push(replaced))
        .await;
    let _teller = town.teller().await;
    town.pauses(1).await;
    town.delivered(&hooked, 1).await;
    town.clock.advance(Duration::from_hours(24));
    town.pauses(1).await;
    town.delivered(&hooked, 2).await;
    let received = receiver.received();
    assert!(received.iter().all(|received| hooked.has_signed(received)));
    assert_eq!(
        (signs(&old, &received[0]), signs(&old, &received[1])),
        (true, false)
    );
}
