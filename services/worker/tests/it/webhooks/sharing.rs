//! Several tellers, tellers that die, and endpoints that hold nobody up.

use std::time::Duration;

use domain::webhook::WebhookEvent;
use ledger::DeliveryState;
use testkit::{Receiver, Reply, eventually};

use super::*;
use crate::support::{Database, PATIENCE, on_both_ledgers};

on_both_ledgers! {
    several_tellers_share_the_work_and_tell_nothing_twice
    what_a_killed_teller_was_telling_is_told_again_by_the_same_id
    a_teller_that_stops_gives_back_what_it_could_not_end
    a_dead_endpoint_with_a_backlog_delays_no_other
}

async fn several_tellers_share_the_work_and_tell_nothing_twice(database: Database) {
    const EVENTS: usize = 60;
    let town = Town::on(database).await;
    let receiver = Receiver::taking_all().await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let tellers = [town.teller().await, town.teller().await, town.teller().await];
    town.pauses(EVENTS).await;
    let deliveries = town.delivered(&hooked, EVENTS).await;
    for teller in tellers {
        teller.stop().await;
    }
    assert!(deliveries.iter().all(|one| one.attempts == 1));
    assert_eq!((receiver.count(), by_id(&receiver).len()), (EVENTS, EVENTS));
}

async fn what_a_killed_teller_was_telling_is_told_again_by_the_same_id(database: Database) {
    let town = Town::on(database).await;
    let stuck = Receiver::start(|_, before| match before {
        0..5 => Reply::never(),
        _ => Reply::status(200),
    })
    .await;
    let hooked = town.endpoint(&stuck.url(), &[WebhookEvent::StorePaused]).await;
    let teller = town.teller().await;
    town.pauses(5).await;
    eventually("five attempts hang", PATIENCE, async || stuck.count() == 5).await;
    let first: Vec<String> = by_id(&stuck).into_keys().collect();
    teller.kill().await;
    // More happens while nobody tells anything.
    town.pauses(2).await;
    let _successor = town.teller().await;
    town.clock
        .advance(town.config.claim_lease + Duration::from_secs(1));
    let deliveries = town.delivered(&hooked, 7).await;
    assert_eq!(deliveries.len(), 7);
    let by_id = by_id(&stuck);
    assert_eq!(by_id.len(), 7, "every event came, and none by two ids");
    assert!(
        first.iter().all(|id| by_id[id].len() == 2),
        "those that hung came again"
    );
}

async fn a_teller_that_stops_gives_back_what_it_could_not_end(database: Database) {
    let mut town = Town::on(database).await;
    town.config.stop_within = Duration::from_millis(50);
    let stuck = Receiver::start(|_, before| match before {
        0 => Reply::never(),
        _ => Reply::status(200),
    })
    .await;
    let hooked = town.endpoint(&stuck.url(), &[WebhookEvent::StorePaused]).await;
    let teller = town.teller().await;
    town.pauses(1).await;
    eventually("an attempt hangs", PATIENCE, async || stuck.count() == 1).await;
    teller.stop().await;
    // The clock stands still: the successor waits for no lease.
    town.pauses(1).await;
    let _successor = town.teller().await;
    town.delivered(&hooked, 2).await;
    assert_eq!(by_id(&stuck).len(), 2);
}

async fn a_dead_endpoint_with_a_backlog_delays_no_other(database: Database) {
    const EVENTS: usize = 40;
    const BACKLOG: usize = 1_000;
    let mut town = Town::on(database).await;
    // Less room than the dead one alone could fill.
    town.config.in_flight = 32;
    town.config.per_endpoint = 4;
    town.timeout = Duration::from_mins(10);
    let dead = Receiver::start(|_, _| Reply::never()).await;
    let dead_one = town.endpoint(&dead.url(), &[WebhookEvent::StorePaused]).await;
    town.pauses(BACKLOG).await;
    let teller = town.teller().await;
    town.until(&dead_one, "a backlog that hangs", |all| {
        all.len() == BACKLOG && all.iter().filter(|one| one.claimed).count() == 4
    })
    .await;
    let receivers = [
        Receiver::taking_all().await,
        Receiver::taking_all().await,
        Receiver::taking_all().await,
    ];
    let mut good = Vec::new();
    for receiver in &receivers {
        good.push(town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await);
    }
    town.pauses(EVENTS).await;
    for hooked in &good {
        town.delivered(hooked, EVENTS).await;
    }
    // All of that while the first attempts at the dead one were still waiting for an answer.
    assert_eq!(dead.count(), 4);
    let waiting = town.deliveries(&dead_one).await;
    assert!(
        waiting
            .iter()
            .all(|one| one.state == DeliveryState::Pending && one.attempts == 0)
    );
    assert!(receivers.iter().all(|receiver| by_id(receiver).len() == EVENTS));
    teller.kill().await;
}

#[tokio::test]
async fn nothing_depends_on_being_woken() {
    let mut town = Town::new().await;
    town.config.hints = false;
    let receiver = Receiver::taking_all().await;
    let hooked = town.endpoint(&receiver.url(), &[WebhookEvent::StorePaused]).await;
    let _teller = town.teller().await;
    town.pauses(2).await;
    town.delivered(&hooked, 2).await;
}
