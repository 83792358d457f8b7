//! The items of one order.

use serde_json::{Value, json};

use super::{Call, orders::touch};
use crate::{
    reply::Reply,
    state::{Refusal, Store, item, totals, value},
};

fn unknown() -> Refusal {
    Refusal::missing("Order Item")
}

fn items<'a>(store: &'a Store, call: &Call<'_>) -> Result<&'a [Value], Refusal> {
    let order = store
        .orders
        .get(call.order())
        .ok_or_else(|| Refusal::missing("Order"))?;
    Ok(value::list(order.get("order_items")))
}

/// Stores the changed list and all that follows from it.
fn store_items(store: &mut Store, call: &Call<'_>, items: Vec<Value>) {
    if let Some(order) = store.orders.get_mut(call.order()) {
        order.insert("order_items".into(), Value::Array(items));
        totals::recompute(order);
    }
    touch(store, call.order(), &call.stamp());
}

pub(super) fn list(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::of("order_items", json!(items(store, call)?)))
}

pub(super) fn show(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let found = item::find(items(store, call)?, call.child()).ok_or_else(unknown)?;
    Ok(Reply::of("order_item", Value::Object(found.clone())))
}

pub(super) fn add(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut list = items(store, call)?.to_vec();
    let body = call.request.object()?;
    let item = item::create(body, &mut call.context(&store.config))?;
    list.push(item.clone());
    store_items(store, call, list);
    Ok(Reply::of("order_item", item).created().with("Order Item Added"))
}

pub(super) fn replace(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let mut list = items(store, call)?.to_vec();
    let stored = item::find(&list, call.child()).ok_or_else(unknown)?;
    let item = item::replace(stored, call.request.object()?);
    for entry in &mut list {
        if entry.get("id") == item.get("id") {
            *entry = item.clone();
        }
    }
    store_items(store, call, list);
    Ok(Reply::of("order_item", item).changed().with("Order Item Updated"))
}

pub(super) fn delete(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut list = items(store, call)?.to_vec();
    let before = list.len();
    list.retain(|entry| value::id(entry.get("id")).as_deref() != Some(call.child()));
    if list.len() == before {
        return Err(unknown());
    }
    store_items(store, call, list);
    Ok(Reply::message("Order Item Deleted").changed())
}
