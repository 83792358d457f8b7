//! What tests ask of the simulated Order Desk.

use serde_json::Value;
use simulator::{Handle, SimulatorConfig};

/// The default store.
pub const STORE: &str = SimulatorConfig::STORE_ID;

/// Puts `count` orders into the default store and returns their ids.
///
/// # Panics
/// If the store is missing.
pub fn orders(desk: &Handle, count: u64) -> Vec<String> {
    desk.seed_orders(STORE, count).expect("the store exists")
}

/// An order of the default store.
///
/// # Panics
/// If it is missing.
#[track_caller]
pub fn order(desk: &Handle, order: &str) -> Value {
    desk.get_order(STORE, order)
        .unwrap_or_else(|| panic!("order {order} exists"))
}

/// The texts of an order's notes, in their order; none if there is no such order.
pub fn notes_of(desk: &Handle, store: &str, order: &str) -> Vec<String> {
    texts(
        &desk.get_order(store, order).unwrap_or_default(),
        "order_notes",
        "content",
    )
}

/// The codes of an order's items, in their order; none if there is no such order.
pub fn items_of(desk: &Handle, store: &str, order: &str) -> Vec<String> {
    texts(
        &desk.get_order(store, order).unwrap_or_default(),
        "order_items",
        "code",
    )
}

/// How many of a list of texts are `text`.
pub fn count(texts: &[String], text: &str) -> usize {
    texts.iter().filter(|other| *other == text).count()
}

fn texts(order: &Value, list: &str, member: &str) -> Vec<String> {
    let entries = order[list].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry[member].as_str().map(str::to_owned))
        .collect()
}
