//! What is known of one order.

use std::collections::HashSet;
use std::sync::Arc;

use domain::{OrderId, StoreId};

use super::walk::Walk;
use super::{Fixture, audit, sample};
use crate::{Backend, ORDER_EVENT_TYPES, OrderEventFilter, Recorded};

pub async fn what_is_known_of_an_order_is_found_newest_first(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let mut walk = Walk::start(Arc::clone(&backend), 77).await;
    walk.steps(250).await;
    let log = audit::log(&*backend).await;
    let orders: HashSet<(StoreId, OrderId)> = log
        .iter()
        .filter_map(|row| Some((row.store_id?, row.order_id.clone()?)))
        .collect();
    let mut seen = HashSet::new();
    for (store_id, order_id) in orders {
        let all = OrderEventFilter {
            store_id,
            order_id,
            types: ORDER_EVENT_TYPES.to_vec(),
            before: None,
            until: None,
            limit: 1_000,
        };
        let found = same(&*backend, &log, &all).await;
        seen.extend(found.iter().map(|row| row.type_name.clone()));
        let Some(middle) = found.get(found.len() / 2) else {
            continue;
        };
        let images = vec!["order.written.v1", "order.changed_externally.v1"];
        for narrowed in [
            OrderEventFilter {
                types: images.clone(),
                ..all.clone()
            },
            OrderEventFilter {
                before: Some(middle.position),
                ..all.clone()
            },
            OrderEventFilter {
                until: Some(middle.recorded_at),
                ..all.clone()
            },
            OrderEventFilter {
                limit: 2,
                ..all.clone()
            },
            OrderEventFilter {
                types: images,
                before: Some(middle.position + 9),
                until: Some(middle.recorded_at),
                limit: 1,
                ..all.clone()
            },
            OrderEventFilter {
                store_id: sample::id(),
                ..all.clone()
            },
            OrderEventFilter {
                types: Vec::new(),
                ..all.clone()
            },
        ] {
            same(&*backend, &log, &narrowed).await;
        }
    }
    // Nobody makes an edit_overwritten in these walks.
    assert_eq!(seen.len(), ORDER_EVENT_TYPES.len() - 1, "{seen:?}");
}

/// Asserts that the query finds what the log holds, and returns it.
async fn same(backend: &dyn Backend, log: &[Recorded], filter: &OrderEventFilter) -> Vec<Recorded> {
    let expected: Vec<Recorded> = log
        .iter()
        .rev()
        .filter(|row| {
            row.store_id == Some(filter.store_id)
                && row.order_id.as_ref() == Some(&filter.order_id)
                && filter.types.contains(&row.type_name.as_str())
                && filter.before.is_none_or(|before| row.position < before)
                && filter.until.is_none_or(|until| row.recorded_at <= until)
        })
        .take(filter.limit as usize)
        .cloned()
        .collect();
    let found = backend.order_events(filter).await.unwrap();
    assert_eq!(found, expected, "{filter:?}");
    found
}
