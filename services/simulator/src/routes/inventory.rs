//! Inventory items.

use serde_json::{Value, json};

use super::Call;
use crate::{
    reply::Reply,
    state::{Refusal, Store, inventory, search, value},
};

fn unknown() -> Refusal {
    Refusal::missing("Inventory Item")
}

pub(super) fn search(store: &Store, call: &Call<'_>) -> Reply {
    Reply::page(
        "inventory_items",
        search::inventory(&store.inventory, &call.request.query()),
    )
}

pub(super) fn create(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = call.request.object()?;
    let item = inventory::create(&mut store.inventory, body, &mut call.context(&store.config))?;
    Ok(Reply::of("inventory_item", Value::Object(item))
        .created()
        .with("Inventory Item Added"))
}

pub(super) fn show(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let item = store.inventory.get(call.child()).ok_or_else(unknown)?;
    Ok(Reply::of("inventory_item", Value::Object(item.clone())))
}

pub(super) fn replace(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = call.request.object()?;
    let item = inventory::replace(
        &mut store.inventory,
        call.child(),
        body,
        &call.context(&store.config),
    )?;
    Ok(Reply::of("inventory_item", Value::Object(item))
        .changed()
        .with("Inventory Item Updated"))
}

pub(super) fn delete(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    store.inventory.remove(call.child()).ok_or_else(unknown)?;
    Ok(Reply::message("Inventory Item Deleted").changed())
}

/// Each item of the bare array is written whole and succeeds or fails alone.
pub(super) fn batch(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let sent = call
        .request
        .json()?
        .as_array()
        .ok_or_else(|| Refusal::bad("The body must be a list"))?;
    let mut changed = false;
    let mut results = Vec::with_capacity(sent.len());
    for entry in sent {
        let id = value::id(entry.get("id"));
        let outcome = match (entry.as_object(), &id) {
            (Some(object), Some(id)) => {
                inventory::replace(&mut store.inventory, id, object, &call.context(&store.config))
            }
            _ => Err(Refusal::bad("id is required")),
        };
        results.push(match outcome {
            Ok(_) => {
                changed = true;
                json!({"status": "success", "message": "Inventory Item Updated", "id": id})
            }
            Err(refusal) => json!({"status": "error", "message": refusal.message, "id": id}),
        });
    }
    let reply = Reply::of("results", Value::Array(results));
    Ok(if changed { reply.changed() } else { reply })
}
