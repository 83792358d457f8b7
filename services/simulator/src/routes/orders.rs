//! Orders and their history.

use serde_json::{Value, json};

use super::Call;
use crate::{
    reply::Reply,
    state::{Refusal, Store, order, search, value::text},
};

/// The longest history note, in characters.
const HISTORY_NOTE_LIMIT: usize = 1_800;

fn unknown() -> Refusal {
    Refusal::missing("Order")
}

pub(super) fn search(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let page = search::orders(&store.orders, &call.request.query(), &store.config)?;
    Ok(Reply::page("orders", page))
}

pub(super) fn create(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = call.request.object()?;
    let (source, name) = (text(body.get("source_id")), text(body.get("source_name")));
    let name = if name.is_empty() {
        "Order Desk".to_owned()
    } else {
        name
    };
    if !source.is_empty() {
        let twin = store.orders.iter().find(|(_, order)| {
            order.get("source_id").and_then(Value::as_str) == Some(&source)
                && order.get("source_name").and_then(Value::as_str) == Some(&name)
        });
        if let Some((id, _)) = twin {
            return Err(Refusal::bad(format!(
                "Duplicate order: {name} {source} already exists as order {id}"
            )));
        }
    }
    let order = order::create(body, &mut call.context(&store.config))?;
    let id = text(order.get("id"));
    store.orders.insert(id.clone(), order.clone());
    store.record(&id, "Order created", "API", &call.stamp())?;
    Ok(Reply::of("order", Value::Object(order))
        .created()
        .with("Order Added"))
}

pub(super) fn show(store: &Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let order = store.orders.get(call.order()).ok_or_else(unknown)?;
    Ok(Reply::of("order", Value::Object(order.clone())))
}

pub(super) fn replace(store: &mut Store, call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let id = call.order();
    let stored = store.orders.get(id).ok_or_else(unknown)?;
    let body = call.request.object()?;
    let order = order::replace(stored, body, &mut call.context(&store.config))?;
    store.orders.insert(id.to_owned(), order.clone());
    let reply = if call.quirks.put_answer_without_order {
        Reply::message("Order Updated")
    } else {
        Reply::of("order", Value::Object(order)).with("Order Updated")
    };
    Ok(reply.changed())
}

pub(super) fn delete(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    store.orders.remove(call.order()).ok_or_else(unknown)?;
    store.history.remove(call.order());
    Ok(Reply::message("Order Deleted").changed())
}

pub(super) fn add_history(store: &mut Store, call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = call.order();
    if !store.orders.contains_key(id) {
        return Err(unknown());
    }
    let body = call.request.object()?;
    let note = text(body.get("note"));
    if note.is_empty() {
        return Err(Refusal::bad("note is required"));
    }
    if note.chars().count() > HISTORY_NOTE_LIMIT {
        return Err(Refusal::bad(format!(
            "note is longer than {HISTORY_NOTE_LIMIT} characters"
        )));
    }
    let source = Some(text(body.get("source_name"))).filter(|source| !source.is_empty());
    store.record(id, &note, source.as_deref().unwrap_or("API"), &call.stamp())?;
    Ok(Reply::message("Order History Added").created())
}

/// Marks an order as changed now.
pub(super) fn touch(store: &mut Store, id: &str, stamp: &str) {
    if let Some(order) = store.orders.get_mut(id) {
        order.insert("date_updated".into(), json!(stamp));
    }
}
