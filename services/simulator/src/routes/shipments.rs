//! The shipments of one order, and the batch call for many.

use serde_json::{Value, json};

use super::{Call, orders::touch};
use crate::{
    reply::Reply,
    state::{
        Refusal, Store, item, shipment,
        value::{self, Object},
    },
};

fn unknown() -> Refusal {
    Refusal::missing("Shipment")
}

fn shipments<'a>(store: &'a Store, order: &str) -> Result<&'a [Value], Refusal> {
    let order = store.orders.get(order).ok_or_else(|| Refusal::missing("Order"))?;
    Ok(value::list(order.get("order_shipments")))
}

fn store_shipments(store: &mut Store, order: &str, shipments: Vec<Value>, stamp: &str) {
    if let Some(order) = store.orders.get_mut(order) {
        order.insert("order_shipments".into(), Value::Array(shipments));
    }
    touch(store, order, stamp);
}

fn add_to(store: &mut Store, order: &str, sent: &Object, call: &mut Call<'_>) -> Result<Value, Refusal> {
    let mut list = shipments(store, order)?.to_vec();
    let shipment = shipment::create(order, sent, &mut call.context(&store.config))?;
    list.push(shipment.clone());
    store_shipments(store, order, list, &call.stamp());
    Ok(shipment)
}

pub(super) fn list(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::of("shipments", json!(shipments(store, call.order())?)))
}

pub(super) fn show(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let found = item::find(shipments(store, call.order())?, call.child()).ok_or_else(unknown)?;
    Ok(Reply::of("shipment", Value::Object(found.clone())))
}

pub(super) fn add(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    shipments(store, call.order())?;
    let body = call.request.object()?;
    add_to(store, call.order(), body, call)?;
    Ok(Reply::message("Shipment Added").created())
}

pub(super) fn replace(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut list = shipments(store, call.order())?.to_vec();
    let stored = item::find(&list, call.child()).ok_or_else(unknown)?;
    let shipment = shipment::replace(stored, call.request.object()?)?;
    for entry in &mut list {
        if entry.get("id") == shipment.get("id") {
            *entry = shipment.clone();
        }
    }
    store_shipments(store, call.order(), list, &call.stamp());
    Ok(Reply::message("Shipment Updated").changed())
}

pub(super) fn delete(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut list = shipments(store, call.order())?.to_vec();
    let before = list.len();
    list.retain(|entry| value::id(entry.get("id")).as_deref() != Some(call.child()));
    if list.len() == before {
        return Err(unknown());
    }
    store_shipments(store, call.order(), list, &call.stamp());
    Ok(Reply::message("Shipment Deleted").changed())
}

/// Each shipment of the bare array succeeds or fails alone.
pub(super) fn batch(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let sent = call
        .request
        .json()?
        .as_array()
        .ok_or_else(|| Refusal::bad("The body must be a list"))?;
    let mut changed = false;
    let mut results = Vec::with_capacity(sent.len());
    for entry in sent {
        let outcome = entry
            .as_object()
            .ok_or_else(|| Refusal::bad("A shipment must be an object"))
            .and_then(|object| {
                let order =
                    value::id(object.get("order_id")).ok_or_else(|| Refusal::bad("order_id is required"))?;
                add_to(store, &order, object, call)
            });
        let order_id = value::text(entry.get("order_id"));
        results.push(match outcome {
            Ok(_) => {
                changed = true;
                json!({"status": "success", "message": "Shipment Added", "order_id": order_id})
            }
            Err(refusal) => {
                json!({"status": "error", "message": refusal.message, "order_id": order_id})
            }
        });
    }
    let reply = Reply::of("results", Value::Array(results));
    Ok(if changed { reply.changed() } else { reply })
}
