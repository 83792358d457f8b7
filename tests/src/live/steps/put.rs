//! What a PUT of a whole order does.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use super::super::trial::Trial;
use super::value::{is_blank, list, number, text, texts};

/// One PUT in which everything is changed.
pub(super) async fn everything(
    trial: &mut Trial<'_>,
    folders: &BTreeMap<String, String>,
) -> Result<(), String> {
    let before = trial.order().await?;
    let [first, _] = list(&before["order_items"]) else {
        return Err("the order has not the two items that it was created with".to_owned());
    };
    let here = text(&before["folder_id"]);
    let there = folders.keys().find(|id| **id != here);
    let mut first = first.clone();
    first["quantity"] = json!(5);
    let third = json!({"name": "Live check 3", "code": "LIVE-CHECK-3", "price": 1, "quantity": 1, "delivery_type": "noship"});
    let note =
        json!({"date_added": "2024-01-02 03:04:05", "username": "Live Check", "content": "The only note"});
    let mut sent = before.clone();
    sent["order_items"] = json!([first, third]);
    sent["order_notes"] = json!([note]);
    sent["checkout_data"] = json!({"second": "changed"});
    sent["order_shipments"] = json!([{"tracking_number": "LIVE-CHECK", "carrier_code": "UPS"}]);
    sent["date_updated"] = json!("2001-01-01 00:00:00");
    sent["live_check_unknown"] = json!("unknown");
    for (member, value) in [
        ("order_total", json!(999)),
        ("email_count", json!("7")),
        ("tag_name", json!("Live")),
    ] {
        sent[member] = value;
    }
    if let Some(there) = there {
        sent["folder_id"] = there.parse::<u64>().map_or(json!(there), |id| json!(id));
    }
    trial.settle().await;
    let after = trial.write(&sent).await?;

    let items = &after["order_items"];
    let codes = texts(items, "code");
    let replaced = codes == ["LIVE-CHECK-1", "LIVE-CHECK-3"] && text(&items[0]["quantity"]) == "5";
    trial.judge("put.items_replaced", replaced, codes.join(", "));
    let (old, new) = (text(&first["id"]), text(&items[0]["id"]));
    trial.judge("put.item_ids_kept", old == new, format!("{old} → {new}"));
    let notes = texts(&after["order_notes"], "content");
    trial.judge(
        "put.notes_replaced",
        notes == ["The only note"],
        format!("{} notes", notes.len()),
    );
    let data = &after["checkout_data"];
    trial.judge(
        "put.map_replaced",
        *data == json!({"second": "changed"}),
        data.to_string(),
    );
    let shipments = list(&after["order_shipments"]).len();
    trial.judge(
        "put.shipments_ignored",
        shipments == 0,
        format!("{shipments} shipments"),
    );
    if there.is_some() {
        let now = text(&after["folder_id"]);
        trial.judge("put.folder_kept", now == here, format!("{here} → {now}"));
    }
    let taken: Vec<&str> = ["order_total", "email_count", "tag_name"]
        .into_iter()
        .filter(|member| text(&after[member]) == text(&sent[member]))
        .collect();
    trial.judge("put.server_fields_ignored", taken.is_empty(), taken.join(", "));
    let (total, expected) = (number(&after["product_total"]), products(items));
    let recomputed = (total - expected).abs() < 0.01;
    trial.judge(
        "put.totals_recomputed",
        recomputed,
        format!("{total} of {expected}"),
    );
    let date = text(&after["date_updated"]);
    trial.judge(
        "put.date_updated_ignored",
        !date.starts_with("2001"),
        date.clone(),
    );
    let moved = date != text(&before["date_updated"]) && !date.starts_with("2001");
    trial.judge("date.put_moves", moved, date);
    trial.judge(
        "put.unknown_ignored",
        after.get("live_check_unknown").is_none(),
        "",
    );
    Ok(())
}

fn products(items: &Value) -> f64 {
    let of = |item: &Value| number(&item["price"]) * number(&item["quantity"]);
    list(items).iter().map(of).sum()
}

/// A PUT that leaves out a text, maps and an address.
pub(super) async fn left_out(trial: &mut Trial<'_>) -> Result<(), String> {
    let mut sent = trial.order().await?;
    if let Some(members) = sent.as_object_mut() {
        for member in ["customer_id", "checkout_data", "order_metadata", "return_address"] {
            members.remove(member);
        }
    }
    let after = trial.write(&sent).await?;
    let customer = &after["customer_id"];
    trial.judge("put.omitted_text_blank", is_blank(customer), customer.to_string());
    let maps = [&after["checkout_data"], &after["order_metadata"]];
    let empty = maps.iter().all(|map| is_blank(map));
    trial.judge(
        "put.omitted_map_empty",
        empty,
        format!("{} and {}", maps[0], maps[1]),
    );
    let address = &after["return_address"];
    trial.judge(
        "put.omitted_address_blank",
        is_blank(address),
        address.to_string(),
    );
    Ok(())
}

/// A PUT on a condition that does not hold.
pub(super) async fn if_match(trial: &mut Trial<'_>) -> Result<(), String> {
    let order = trial.order().await?;
    let condition = [("If-Match", "\"no-such-version\"")];
    let body = Some(order.to_string());
    let seen = trial
        .desk
        .call(Method::PUT, &trial.path(""), body, &condition)
        .await?;
    trial.judge("conflict.if_match_ignored", seen.is_success(), seen.told());
    Ok(())
}

/// A PUT without items.
pub(super) async fn no_items(trial: &mut Trial<'_>) -> Result<(), String> {
    let mut sent = trial.order().await?;
    sent["order_items"] = json!([]);
    let answer = trial.desk.put(&trial.path(""), &sent).await?;
    let left = list(&trial.order().await?["order_items"]).len();
    let seen = format!("{}, {left} items left", answer.told());
    trial.judge("put.no_items_accepted", answer.is_success() && left == 0, seen);
    Ok(())
}
