//! Giving an empty container its right JSON type before something is put into it.
//!
//! PHP spells an empty map `[]`, a list with a gap as an object, and leaves out what is empty (orderdesk-api
//! §13), so `add /order_metadata/key` must work on an order whose `order_metadata` came as `[]` or not at all.

use serde_json::{Map, Value};

use super::canonical::as_list;
use super::fields;

/// Which container is known to stand at a place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Map,
    List,
}

/// The container that belongs at the place that `tokens` name, if we know it.
pub(super) fn known(tokens: &[String]) -> Option<Container> {
    match tokens {
        [field] if fields::is_list(field) => Some(Container::List),
        [field] if fields::is_map(field) || fields::address_members(field).is_some() => Some(Container::Map),
        [list, _, field] if list == "order_items" && (field == "variation_list" || field == "metadata") => {
            Some(Container::Map)
        }
        _ => None,
    }
}

/// Gives the container at `tokens` its right type if it is missing or as good as empty.
///
/// What holds something of the wrong type stays: the operation will then fail.
pub(super) fn heal(doc: &mut Value, tokens: &[String]) {
    let (Some(container), Some((last, parents))) = (known(tokens), tokens.split_last()) else {
        return;
    };
    let Some(parent) = parents.iter().try_fold(doc, |value, token| child(value, token)) else {
        return;
    };
    let Value::Object(parent) = parent else { return };
    let slot = parent.entry(last.as_str()).or_insert(Value::Null);
    match container {
        Container::Map if is_empty(slot) => *slot = Value::Object(Map::new()),
        Container::List if is_empty(slot) => *slot = Value::Array(Vec::new()),
        // `["a"]` is how PHP spells `{"0": "a"}`.
        Container::Map => {
            if let Value::Array(list) = slot {
                let keyed = std::mem::take(list)
                    .into_iter()
                    .enumerate()
                    .map(|(i, v)| (i.to_string(), v));
                *slot = Value::Object(keyed.collect());
            }
        }
        Container::List if slot.is_object() => {
            if let Some(list) = as_list(slot) {
                *slot = list.into_iter().cloned().collect();
            }
        }
        Container::List => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        // An empty object is a map already; for a list, `as_list` turns it.
        Value::Object(_) | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
    }
}

fn child<'v>(value: &'v mut Value, token: &str) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(token),
        Value::Array(list) => list.get_mut(token.parse::<usize>().ok()?),
        _ => None,
    }
}
