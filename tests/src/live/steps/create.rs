//! The store, the order as it is created, and its duplicates.

use std::collections::BTreeMap;

use reqwest::Version;
use serde_json::{Value, json};

use super::super::trial::Trial;
use super::value::{list, text, texts};

/// Whether anything can be tried at all.
pub(super) async fn connect(trial: &mut Trial<'_>) -> Result<(), String> {
    let seen = trial.desk.get("/test").await?.success("GET /test")?;
    let closes = seen
        .headers
        .get("connection")
        .is_some_and(|value| value == "close");
    let seen_as = format!("{:?}{}", seen.version, if closes { ", closed" } else { "" });
    trial.judge(
        "http.keep_alive",
        seen.version == Version::HTTP_11 && !closes,
        seen_as,
    );
    Ok(())
}

/// The store's folders, from id to name.
pub(super) async fn folders(trial: &mut Trial<'_>) -> Result<BTreeMap<String, String>, String> {
    let store = trial.desk.get("/store").await?.success("GET /store")?.body;
    let shown = &store["store"]["folders"];
    trial.judge(
        "store.folders_map",
        shown.is_object(),
        if shown.is_array() { "a list" } else { "" },
    );
    let folders: BTreeMap<String, String> = match shown {
        Value::Object(map) => map.iter().map(|(id, name)| (id.clone(), text(name))).collect(),
        other => list(other)
            .iter()
            .map(|folder| (text(&folder["id"]), text(&folder["name"])))
            .collect(),
    };
    let usual = ["New", "Prepared", "Closed", "Canceled"];
    let missing: Vec<&str> = usual
        .into_iter()
        .filter(|name| !folders.values().any(|folder| folder == name))
        .collect();
    trial.judge("store.usual_folders", missing.is_empty(), missing.join(", "));
    Ok(folders)
}

fn address() -> Value {
    json!({
        "first_name": "Live", "last_name": "Check", "company": "", "address1": "1 Test Street", "address2": "",
        "city": "Anytown", "state": "CA", "postal_code": "12345", "country": "US", "phone": "5551234567",
    })
}

/// What the order is created from. Nothing in it is to be shipped, and nobody is to get mail of it.
fn body(source_id: &str) -> Value {
    let item = |code: &str, quantity: u32| {
        json!({
            "name": format!("Live check {code}"), "code": code, "price": 10, "quantity": quantity, "weight": 1,
            "delivery_type": "noship", "variation_list": {}, "metadata": {},
        })
    };
    json!({
        "source_id": source_id, "email": "live-check@example.invalid", "customer_id": "live-check",
        "shipping": address(), "customer": address(),
        "return_address": {"title": "Returns", "name": "Live Check", "city": "Anytown"},
        "checkout_data": {"first": "1", "second": "2"}, "order_metadata": {"first": "1", "second": "2"},
        "order_notes": [{"username": "Live Check", "content": "The first note"}],
        "order_items": [item("LIVE-CHECK-1", 2), item("LIVE-CHECK-2", 1)],
    })
}

/// Creates the order.
pub(super) async fn order(trial: &mut Trial<'_>) -> Result<(), String> {
    let sent = body(&trial.source_id);
    let seen = trial
        .desk
        .post("/orders", &sent)
        .await?
        .success("creating an order")?;
    let id = text(&seen.body["order"]["id"]);
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("creating an order was answered without its id".to_owned());
    }
    trial.order_id.clone_from(&id);
    trial.created.push(id);
    trial.judge("create.status_201", seen.status == 201, seen.status.to_string());
    let order = trial.order().await?;
    let mut changed = Vec::new();
    for member in ["email", "customer_id", "source_id"] {
        if order[member] != sent[member] {
            changed.push(member.to_owned());
        }
    }
    for name in ["shipping", "customer"] {
        let members = sent[name].as_object().into_iter().flatten();
        let others = members.filter(|(member, value)| order[name][member] != **value);
        changed.extend(others.map(|(member, _)| format!("{name}.{member}")));
    }
    for (name, member) in [("order_notes", "content"), ("order_items", "code")] {
        if texts(&order[name], member) != texts(&sent[name], member) {
            changed.push(name.to_owned());
        }
    }
    if !text(&order["tag_name"]).is_empty() {
        changed.push("tag_name".to_owned());
    }
    trial.judge("create.as_sent", changed.is_empty(), changed.join(", "));
    let dated = !text(&order["order_notes"][0]["date_added"]).is_empty();
    trial.judge("create.note_dated", dated, "");
    Ok(())
}

/// The order as it is read: its values, and what it has no sign of.
pub(super) async fn as_read(trial: &mut Trial<'_>) -> Result<(), String> {
    let seen = trial
        .desk
        .get(&trial.path(""))
        .await?
        .success("reading the order")?;
    let order = &seen.body["order"];
    let empty = &order["order_items"][0]["variation_list"];
    trial.judge(
        "values.empty_map_is_list",
        empty.as_array().is_some_and(Vec::is_empty),
        empty.to_string(),
    );
    let numbers = [
        &order["order_total"],
        &order["quantity_total"],
        &order["order_items"][0]["quantity"],
    ];
    trial.judge(
        "values.numbers",
        numbers.iter().all(|value| value.is_number()),
        format!("{numbers:?}"),
    );
    let etag = seen.headers.get("etag").map(|value| format!("{value:?}"));
    trial.judge("conflict.no_etag", etag.is_none(), etag.unwrap_or_default());
    let versions = ["version", "revision", "etag", "lock_version", "row_version"];
    let version = versions.into_iter().find(|name| order.get(*name).is_some());
    trial.judge(
        "conflict.no_version",
        version.is_none(),
        version.unwrap_or_default(),
    );
    Ok(())
}

/// Creates of the same source id again.
pub(super) async fn duplicates(trial: &mut Trial<'_>) -> Result<(), String> {
    let mut sent = body(&trial.source_id);
    let seen = trial.desk.post("/orders", &sent).await?;
    remember(trial, &seen.body);
    trial.judge("create.duplicate_400", seen.status == 400, seen.told());
    if !seen.is_success() {
        let names_it = seen.body.to_string().contains(trial.order_id.as_str());
        trial.judge("create.duplicate_named", names_it, seen.told());
    }
    sent["source_name"] = json!("Shopify");
    let seen = trial.desk.post("/orders", &sent).await?;
    remember(trial, &seen.body);
    trial.judge("create.other_source_name", seen.is_success(), seen.told());
    Ok(())
}

/// An order that was created is one to be deleted, whether it ought to be there or not.
pub(super) fn remember(trial: &mut Trial<'_>, answer: &Value) {
    let id = text(&answer["order"]["id"]);
    if !id.is_empty() && answer["status"] != "error" && answer["order"]["source_id"] == *trial.source_id {
        trial.created.push(id);
    }
}
