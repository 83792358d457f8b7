//! What is recorded for the audit alone: who was shown what, and which withdrawn keys were tried.

use std::sync::Arc;
use std::time::Duration;

use app::{App, CustomerSearch, Listing, NewKey, ReadOptions, Search};
use domain::OrderId;
use domain::event::{Event, ListView, LoginRefusal, LoginRefused, OrderRead, OrderView, OrdersListed};
use domain::store::Store;
use ledger::Recorded;
use queue::Queue as _;
use serde_json::json;

use crate::place::{KEY, OTHER_KEY, Owner, Place, master, note};

type Serving = Box<dyn Send + Sync>;

/// A place with a store of some orders, whose reads are granted.
async fn shop(orders: usize) -> (Place, app::Caller, Arc<Store>, Vec<OrderId>, Serving) {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let put = |n: usize| json!({"email": format!("c{n}@example.com"), "customer": {"last_name": "Doe"}});
    let ids = (0..orders)
        .map(|n| place.desk.put_order("101", put(n)).unwrap().parse().unwrap())
        .collect();
    let serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(10_000) as _)
        .await;
    (place, caller, store, ids, Box::new(serving))
}

async fn events(place: &Place) -> Vec<(Recorded, Event)> {
    let log = place
        .log()
        .await
        .into_iter()
        .filter(|row| row.type_name.starts_with("audit."));
    log.map(|row| {
        let event = row.event().unwrap();
        (row, event)
    })
    .collect()
}

async fn reads(place: &Place) -> Vec<(Recorded, OrderRead)> {
    let read = |(row, event)| match event {
        Event::OrderRead(read) => Some((row, read)),
        _ => None,
    };
    events(place).await.into_iter().filter_map(read).collect()
}

async fn lists(place: &Place) -> Vec<OrdersListed> {
    let list = |(_, event)| match event {
        Event::OrdersListed(list) => Some(list),
        _ => None,
    };
    events(place).await.into_iter().filter_map(list).collect()
}

async fn refusals(place: &Place) -> Vec<(Recorded, LoginRefused)> {
    let refused = |(row, event)| match event {
        Event::LoginRefused(refused) => Some((row, refused)),
        _ => None,
    };
    events(place).await.into_iter().filter_map(refused).collect()
}

async fn read(app: &App, caller: &app::Caller, store: &Arc<Store>, order: &OrderId) {
    app.read_order(caller, store, order, ReadOptions::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn an_order_that_is_read_is_recorded_once_for_each_key_order_and_minute() {
    let (place, caller, store, orders, _serving) = shop(2).await;
    let other = place.another_process();
    for minute in 1..=2_usize {
        for _ in 0..3 {
            for order in &orders {
                read(&place.app, &caller, &store, order).await;
            }
            place.app.record_notes().await;
        }
        // Another process, or this one after a crash, knows nothing of it but what the ledger knows.
        read(&other, &caller, &store, &orders[0]).await;
        other.record_notes().await;
        assert_eq!(reads(&place).await.len(), minute * orders.len());
        place.clock.advance(Duration::from_mins(1));
    }
    let (row, event) = &reads(&place).await[0];
    assert_eq!(
        (row.store_id, &row.order_id),
        (Some(store.id), &Some(orders[0].clone()))
    );
    assert_eq!(
        (event.view, Some(event.key_id)),
        (OrderView::Order, caller.key_id)
    );
    let meta = row.meta();
    assert_eq!(
        (meta.key_id, meta.client_ip),
        (caller.key_id, Some(caller.client_ip.clone()))
    );
    assert_eq!(meta.request_id, Some(caller.request_id.clone()));
    assert_eq!(event.minute.as_millis() % 60_000, 0);
}

#[tokio::test]
async fn reads_with_different_keys_are_told_apart() {
    let (place, caller, store, orders, _serving) = shop(1).await;
    let new = NewKey {
        label: "second".to_owned(),
        expires_at: None,
    };
    let made = place
        .app
        .add_key(&caller, &new, None)
        .await
        .unwrap()
        .done()
        .unwrap();
    let second = place.caller(made.secret.expose()).await;
    for caller in [&caller, &second] {
        read(&place.app, caller, &store, &orders[0]).await;
    }
    place.app.record_notes().await;
    let keys: Vec<_> = reads(&place)
        .await
        .into_iter()
        .map(|(_, read)| Some(read.key_id))
        .collect();
    assert_eq!(keys.len(), 2);
    assert!(keys.contains(&caller.key_id) && keys.contains(&second.key_id));
}

#[tokio::test]
async fn a_list_names_the_orders_that_no_list_of_the_minute_has_named_before() {
    let (place, caller, store, orders, _serving) = shop(3).await;
    let all = Search::new(Listing::Orders, 50, 0);
    let some = CustomerSearch::default().with("email", "c1@example.com").unwrap();
    let options = ReadOptions { no_cache: true };
    for _ in 0..3 {
        place.app.list(&caller, &store, &all, options).await.unwrap();
        place
            .app
            .find_customers(&caller, &store, &some, options)
            .await
            .unwrap();
        place.app.record_notes().await;
    }
    let listed = lists(&place).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let mut named = listed[0].order_ids.clone();
    named.sort_unstable();
    let mut expected = orders.clone();
    expected.sort_unstable();
    assert_eq!((named, listed[0].view), (expected, ListView::Orders));
    place
        .desk
        .put_order("101", json!({"email": "new@example.com"}))
        .unwrap();
    place.app.list(&caller, &store, &all, options).await.unwrap();
    place.app.record_notes().await;
    assert_eq!(lists(&place).await[1].order_ids.len(), 1, "the new one alone");
    place.clock.advance(Duration::from_mins(1));
    place
        .app
        .find_customers(&caller, &store, &some, options)
        .await
        .unwrap();
    place.app.record_notes().await;
    let last = lists(&place).await.pop().unwrap();
    assert_eq!(
        (last.view, last.order_ids),
        (ListView::Customers, vec![orders[1].clone()])
    );
}

#[tokio::test]
async fn a_dry_run_shows_the_order_and_what_has_no_personal_data_is_not_recorded() {
    let (place, caller, store, orders, _serving) = shop(1).await;
    place
        .app
        .store_settings(&caller, &store, ReadOptions::default())
        .await
        .unwrap();
    let items = Search::new(Listing::Inventory, 50, 0);
    place
        .app
        .list(&caller, &store, &items, ReadOptions::default())
        .await
        .unwrap();
    place.app.record_notes().await;
    assert_eq!(events(&place).await.len(), 0);
    let submission = note(orders[0].as_str(), "what if");
    place.app.dry_run(&caller, &store, &submission).await.unwrap();
    place.app.record_notes().await;
    assert_eq!(reads(&place).await[0].1.view, OrderView::DryRun);
}

#[tokio::test]
async fn nothing_is_recorded_of_reads_where_the_operator_wants_none() {
    let place = Place::with(|config| config.audit_reads = false).await;
    let (caller, store) = place.store(KEY).await;
    let order: OrderId = place
        .desk
        .put_order("101", json!({"email": "a@b.example"}))
        .unwrap()
        .parse()
        .unwrap();
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(10_000) as _)
        .await;
    read(&place.app, &caller, &store, &order).await;
    place.app.record_notes().await;
    assert_eq!(events(&place).await.len(), 0);
}

#[tokio::test]
async fn a_withdrawn_key_that_is_tried_is_recorded_once_for_each_address_and_minute() {
    let place = Place::new().await;
    let (caller, _) = place.store(KEY).await;
    let new = |expires_at| NewKey {
        label: "second".to_owned(),
        expires_at,
    };
    let revoked = place
        .app
        .add_key(&caller, &new(None), None)
        .await
        .unwrap()
        .done()
        .unwrap();
    place.app.revoke_key(&caller, revoked.key.id, None).await.unwrap();
    let until = place.app.now().plus(Duration::from_secs(1));
    let expired = place
        .app
        .add_key(&caller, &new(Some(until)), None)
        .await
        .unwrap()
        .done()
        .unwrap();
    place.caller(expired.secret.expose()).await;
    place.clock.advance(Duration::from_secs(2));
    let request = "request-of-a-thief".parse().unwrap();
    for app in [&place.app, &place.another_process()] {
        for _ in 0..3 {
            for key in [&revoked.secret, &expired.secret, &master(OTHER_KEY)] {
                for ip in ["192.0.2.66", "2001:db8::66"] {
                    let _ = app.log_in(key, ip, &request).await;
                }
            }
            app.record_notes().await;
        }
    }
    let found = refusals(&place).await;
    let reasons: Vec<_> = found
        .iter()
        .map(|(_, refused)| (refused.key_id, refused.reason))
        .collect();
    assert_eq!(reasons.len(), 4, "{reasons:?}");
    for (key, reason) in [
        (revoked.key.id, LoginRefusal::Revoked),
        (expired.key.id, LoginRefusal::Expired),
    ] {
        assert_eq!(reasons.iter().filter(|other| **other == (key, reason)).count(), 2);
    }
    let (row, _) = &found[0];
    assert_eq!(row.meta().request_id, Some(request));
    assert_eq!(row.tenant_id, revoked.key.tenant_id);
}

#[tokio::test]
async fn the_end_of_the_process_records_what_was_noted_last() {
    let (place, caller, store, orders, _serving) = shop(1).await;
    let draining = tokio_util::sync::CancellationToken::new();
    let recorder = tokio::spawn(place.app.start_recorder(draining.clone()));
    read(&place.app, &caller, &store, &orders[0]).await;
    draining.cancel();
    recorder.await.unwrap();
    place.app.record_notes().await;
    assert_eq!(reads(&place).await.len(), 1);
}
