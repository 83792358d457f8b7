//! Endpoints that want no more, or fail for too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::webhook::{DisableReason, WebhookEvent};
use ledger::DeliveryState;
use serde_json::Value;
use testkit::{Receiver, Reply, eventually};

use super::*;
use crate::support::PATIENCE;

async fn disabled(town: &Town, hooked: &Hooked, reason: DisableReason) {
    eventually("the endpoint is disabled", PATIENCE, async || {
        town.state(hooked).await.disabled == Some(reason)
    })
    .await;
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_told_no_more_and_its_tenants_others_hear_of_it() {
    let mut town = Town::new().await;
    town.config.per_endpoint = 1;
    let gone = Receiver::start(|_, _| Reply::status(410)).await;
    let leaving = town.endpoint(&gone.url(), &[WebhookEvent::StorePaused]).await;
    let receiver = Receiver::taking_all().await;
    let staying = town
        .endpoint(&receiver.url(), &[WebhookEvent::EndpointDisabled])
        .await;
    town.pauses(20).await;
    let _teller = town.teller().await;
    disabled(&town, &leaving, DisableReason::Gone).await;
    town.delivered(&staying, 1).await;
    let told: Value = serde_json::from_str(&receiver.received()[0].body).unwrap();
    assert_eq!(
        (&told["type"], &told["data"]["id"]),
        (&"endpoint.disabled".into(), &leaving.id.to_string().into())
    );
    assert_eq!(told["data"]["disabled_reason"], "gone");
    let ended = town
        .until(&leaving, "nothing more to tell", |all| {
            all.iter().all(|one| one.state != DeliveryState::Pending)
        })
        .await;
    let came = gone.count();
    assert!(came < 20, "{came} of 20 came all the same");
    let skipped = ended
        .iter()
        .filter(|one| one.state == DeliveryState::Skipped)
        .count();
    assert_eq!(skipped, 20 - came);
    // What happens later is remembered, so that it can be replayed, and not sent.
    town.pauses(1).await;
    town.until(&leaving, "one more that is skipped", |all| {
        all.len() == 21 && all[20].state == DeliveryState::Skipped
    })
    .await;
    assert_eq!(gone.count(), came);
}

#[tokio::test]
async fn five_days_of_nothing_but_failures_disable_an_endpoint_and_one_success_saves_it() {
    let mut town = Town::new().await;
    town.waits = vec![Duration::from_hours(24); 10];
    let works = Arc::new(AtomicBool::new(false));
    let failing = Receiver::start(|_, _| Reply::status(500)).await;
    let wavering = Receiver::start({
        let works = Arc::clone(&works);
        move |_, _| Reply::status(if works.load(Ordering::SeqCst) { 200 } else { 500 })
    })
    .await;
    let dead = town.endpoint(&failing.url(), &[WebhookEvent::StorePaused]).await;
    let weak = town.endpoint(&wavering.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    town.pauses(1).await;
    town.failed(&dead, 1, 1).await;
    town.failed(&weak, 1, 1).await;
    town.clock.advance(Duration::from_hours(3 * 24));
    works.store(true, Ordering::SeqCst);
    town.delivered(&weak, 1).await;
    town.failed(&dead, 1, 2).await;
    works.store(false, Ordering::SeqCst);
    assert_eq!(town.state(&dead).await.disabled, None, "after three days");
    town.pauses(1).await;
    town.until(&weak, "another failure", |all| {
        all.len() == 2 && all[1].attempts == 1
    })
    .await;
    town.clock.advance(Duration::from_hours(2 * 24));
    disabled(&town, &dead, DisableReason::Failing).await;
    town.until(&weak, "a failure after five days", |all| {
        all[1].attempts == 2 && !all[1].claimed
    })
    .await;
    assert_eq!(town.state(&weak).await.disabled, None);
}
