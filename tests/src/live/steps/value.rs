//! Reading values that may come in two forms.

use serde_json::Value;

/// A scalar as text; blank for everything else.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A scalar as a number; zero for everything else.
pub(super) fn number(value: &Value) -> f64 {
    text(value).trim().parse().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// One member of each entry of a list.
pub(super) fn texts(entries: &Value, member: &str) -> Vec<String> {
    list(entries).iter().map(|entry| text(&entry[member])).collect()
}

/// Whether nothing is in it: no entry, or blank ones alone.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_blank),
    }
}

/// An order without what a write may change by itself, for a comparison.
pub(super) fn lasting(order: &Value) -> Value {
    let mut order = order.clone();
    if let Some(members) = order.as_object_mut() {
        members.remove("date_updated");
    }
    for item in order["order_items"].as_array_mut().into_iter().flatten() {
        if let Some(members) = item.as_object_mut() {
            members.remove("id");
        }
    }
    order
}

/// The names of the members in which two orders differ.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
        return vec!["the whole".to_owned()];
    };
    let all = before
        .keys()
        .chain(after.keys().filter(|name| !before.contains_key(*name)));
    all.filter(|name| before.get(*name) != after.get(*name))
        .cloned()
        .collect()
}
