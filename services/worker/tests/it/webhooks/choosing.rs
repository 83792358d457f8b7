//! Who is told of what: kinds of events, stores, and endpoints that are not what they were when it happened.

use std::time::Duration;

use domain::event::{EndpointDeleted, EndpointDisabled, EndpointEnabled, StoreResumed};
use domain::webhook::{DisableReason, WebhookEvent};
use ledger::DeliveryState;
use serde_json::Value;
use testkit::{Receiver, Reply};

use super::*;

/// The kinds and stores of what came, in its order.
fn told(receiver: &Receiver) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told: Vec<(u64, String, String)> = receiver
        .received()
        .iter()
        .map(|received| {
            let body: Value = serde_json::from_str(&received.body).expect("JSON");
            let sequence = body["sequence"].as_u64().expect("a position");
            (sequence, text(&body["type"]), text(&body["data"]["store_id"]))
        })
        .collect();
    told.sort();
    told.into_iter().map(|(_, kind, store)| (kind, store)).collect()
}

#[tokio::test]
async fn an_endpoint_is_told_of_its_stores_and_its_kinds_of_events_alone() {
    let town = Town::new().await;
    let other = town.another_store("102").await;
    let (all, one, both, none) = (
        Receiver::taking_all().await,
        Receiver::taking_all().await,
        Receiver::taking_all().await,
        Receiver::taking_all().await,
    );
    let only = async |receiver: &Receiver, kinds: &[WebhookEvent], stores: &[&str]| {
        town.endpoint_with(&receiver.url(), kinds, |event, _| {
            event.store_ids = stores.iter().map(|id| id.parse().unwrap()).collect();
        })
        .await
    };
    let everything = only(&all, &[], &[]).await;
    let paused_there = only(&one, &[WebhookEvent::StorePaused], &["102"]).await;
    let of_both = only(&both, &[], &["101", "102"]).await;
    let of_neither = only(&none, &[], &["103"]).await;
    town.pauses(1).await;
    town.pauses_of(&other, 1).await;
    for store in [&town.store, &other] {
        let store = town.ledger.store(store.id).await.unwrap().unwrap();
        let mut append = ledger::Append::new(town.now(), ledger::Meta::default());
        let event = StoreResumed {
            at: append.now,
            store_id: store.id,
        };
        append.store(&store, event, None);
        town.ledger.append(append).await.unwrap();
    }
    // What concerns no store is told whatever the stores are: the end of another endpoint.
    let leaving = town.endpoint("http://127.0.0.1:1/", &[WebhookEvent::Test]).await;
    let event = EndpointDisabled {
        at: town.now(),
        endpoint_id: leaving.id,
        reason: DisableReason::User,
    };
    town.happens_to(&leaving, event).await;
    let teller = town.teller().await;
    town.delivered(&everything, 5).await;
    town.delivered(&of_both, 5).await;
    town.delivered(&paused_there, 1).await;
    town.delivered(&of_neither, 1).await;
    teller.stop().await;
    let whole = [
        ("store.paused", "101"),
        ("store.paused", "102"),
        ("store.resumed", "101"),
        ("store.resumed", "102"),
        ("endpoint.disabled", ""),
    ]
    .map(|(kind, store)| (kind.to_owned(), store.to_owned()));
    assert_eq!(told(&all), whole);
    assert_eq!(told(&both), whole);
    assert_eq!(told(&one), whole[1..2]);
    assert_eq!(told(&none), whole[4..]);
}

#[tokio::test]
async fn an_endpoint_is_told_nothing_from_before_it_was_made() {
    let town = Town::new().await;
    town.pauses(3).await;
    let receiver = Receiver::taking_all().await;
    let hooked = town.endpoint(&receiver.url(), &[]).await;
    town.pauses(1).await;
    let teller = town.teller().await;
    town.delivered(&hooked, 1).await;
    teller.stop().await;
    assert_eq!(receiver.count(), 1);
}

#[tokio::test]
async fn what_waits_for_another_attempt_is_not_told_once_its_endpoint_is_disabled_or_removed() {
    let town = Town::new().await;
    let failing = async || Receiver::start(|_, _| Reply::status(500)).await;
    let (first, second) = (failing().await, failing().await);
    let disabled = town.endpoint(&first.url(), &[WebhookEvent::StorePaused]).await;
    let removed = town.endpoint(&second.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    town.pauses(2).await;
    town.failed(&disabled, 2, 1).await;
    town.failed(&removed, 2, 1).await;
    let at = town.now();
    // As it is written, nothing else: whoever claims what is due must look.
    let endpoint_id = disabled.id;
    let reason = DisableReason::User;
    town.happens_to(
        &disabled,
        EndpointDisabled {
            at,
            endpoint_id,
            reason,
        },
    )
    .await;
    let endpoint_id = removed.id;
    town.happens_to(&removed, EndpointDeleted { at, endpoint_id })
        .await;
    town.clock.advance(Duration::from_secs(7));
    for hooked in [&disabled, &removed] {
        town.until(hooked, "nothing left to tell", |all| {
            all.len() == 2 && all.iter().all(|one| one.state == DeliveryState::Skipped)
        })
        .await;
    }
    assert_eq!((first.count(), second.count()), (2, 2));

    // Enabled again, it is told what happens from now on.
    let endpoint_id = disabled.id;
    town.happens_to(
        &disabled,
        EndpointEnabled {
            at: town.now(),
            endpoint_id,
        },
    )
    .await;
    town.pauses(1).await;
    town.until(&disabled, "one more attempt", |all| {
        all.len() == 3 && all[2].attempts == 1
    })
    .await;
    assert_eq!(first.count(), 3);
}

#[tokio::test]
async fn what_ended_a_month_ago_is_removed_however_much_it_is() {
    const MANY: usize = 6_000;
    let town = Town::new().await;
    let off = town
        .endpoint("http://127.0.0.1:1/", &[WebhookEvent::StorePaused])
        .await;
    let (at, endpoint_id) = (town.now(), off.id);
    let reason = DisableReason::User;
    let event = EndpointDisabled {
        at,
        endpoint_id,
        reason,
    };
    town.happens_to(&off, event).await;
    town.pauses(MANY).await;
    let teller = town.teller().await;
    town.until(&off, "all to be kept, though not told", |all| all.len() == MANY)
        .await;
    teller.stop().await;
    town.clock.advance(Duration::from_hours(31 * 24));
    let _teller = town.teller().await;
    town.until(&off, "nothing left", <[_]>::is_empty).await;
}
