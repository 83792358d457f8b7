//! The form in which two images of one order compare: equal exactly when Order Desk means the same.
//!
//! Order Desk spells one content in many ways (orderdesk-api §13): empty maps as `[]`, numbers as text, fields
//! left out when empty, keys in any order. This form has one spelling for each, and leaves out what changes on
//! its own (§14.3). It is for comparing only; nothing of it is ever sent.

use std::collections::BTreeMap;

use serde_json::Value;

use super::decimal;
use super::document::{Object, OrderDoc};
use super::fields::{self, Shape};

/// How much an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Everything but what changes on its own: for entity tags and for noticing edits.
    Comparable,
    /// Without server-managed fields, ids and defaults: for judging whether a request of ours arrived.
    Judgement,
}

/// An order in comparable form. Keys are sorted at every level.
#[derive(Clone, PartialEq, Eq)]
pub struct Canonical(Object);

impl Canonical {
    /// The comparable form of an order: without `execution_time`, `date_updated`, `email_count`.
    pub fn of(doc: &OrderDoc) -> Self {
        Self(object(doc.as_object(), fields::shape, Form::Comparable))
    }

    /// The form for judging a request in doubt: further without server-managed fields, item ids, the
    /// write-only card number, and numbers that are zero.
    pub fn judgement(doc: &OrderDoc) -> Self {
        Self(judgement(doc))
    }

    /// The members.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The bytes that are hashed: JSON with sorted keys and no space.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("a JSON object with text keys serialises")
    }
}

impl std::fmt::Debug for Canonical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Canonical({} members, ***)", self.0.len())
    }
}

/// Whether Order Desk means the same by two values of the top-level member `field`.
pub fn same_member(field: &str, one: &Value, other: &Value) -> bool {
    let shape = fields::shape(field);
    value(shape, one, Form::Comparable) == value(shape, other, Form::Comparable)
}

pub(super) fn judgement(doc: &OrderDoc) -> Object {
    let mut map = object(doc.as_object(), fields::shape, Form::Judgement);
    map.retain(|key, _| !fields::is_server_managed(key) && key != "cc_number");
    if let Some(Value::Array(items)) = map.get_mut("order_items") {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.shift_remove("id");
        }
    }
    map
}

/// An object whose members have the shapes that `shape` says, keys sorted, empties left out.
pub(super) fn object(map: &Object, shape: fn(&str) -> Shape, form: Form) -> Object {
    let sorted: BTreeMap<&String, Value> = map
        .iter()
        .filter_map(|(key, member)| Some((key, value(shape(key), member, form)?)))
        .collect();
    sorted
        .into_iter()
        .map(|(key, member)| (key.clone(), member))
        .collect()
}

/// One value in comparable form; `None` if it is as good as absent.
fn value(shape: Shape, value: &Value, form: Form) -> Option<Value> {
    match shape {
        Shape::LeftOut => None,
        Shape::Text => Some(text(value, form)).filter(|v| !is_blank(v)),
        Shape::Number => {
            let is_default = |v: &Value| form == Form::Judgement && v.as_str() == Some("0");
            Some(number(value)).filter(|v| !is_blank(v) && !is_default(v))
        }
        Shape::Address => match value {
            Value::Object(map) => non_empty(object(map, |_| Shape::Text, form)),
            other => blank_or_open(other),
        },
        Shape::TextMap => as_map(value, |member| {
            let text = text(member, form);
            if text.is_null() { Value::from("") } else { text }
        }),
        Shape::Map => as_map(value, |member| open(member, true)),
        Shape::List(members) => match as_list(value) {
            Some(list) if list.is_empty() => None,
            Some(list) => Some(
                list.into_iter()
                    .map(|entry| element(entry, members, form))
                    .collect(),
            ),
            None => blank_or_open(value),
        },
        Shape::Open => Some(open(value, false)),
    }
}

fn element(entry: &Value, members: fn(&str) -> Shape, form: Form) -> Value {
    match entry {
        Value::Object(map) => Value::Object(object(map, members, form)),
        other => open(other, true),
    }
}

fn text(value: &Value, form: Form) -> Value {
    match value {
        Value::Number(number) => Value::String(decimal::of_number(number)),
        Value::String(text) if form == Form::Judgement => {
            Value::String(text.replace("\r\n", "\n").trim().to_owned())
        }
        Value::Array(_) | Value::Object(_) => open(value, true),
        other => other.clone(),
    }
}

fn number(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(decimal::of_number(number)),
        Value::String(text) => Value::String(decimal::normalise(text).unwrap_or_else(|| text.clone())),
        other => open(other, true),
    }
}

/// A map that PHP may have spelled as a list: `[]` when empty, `["a"]` for `{"0": "a"}`.
fn as_map(value: &Value, member: impl Fn(&Value) -> Value) -> Option<Value> {
    let sorted: BTreeMap<String, Value> = match value {
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), member(v))).collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(i, v)| (i.to_string(), member(v)))
            .collect(),
        other => return blank_or_open(other),
    };
    non_empty(sorted.into_iter().collect())
}

/// A list that PHP may have spelled as an object with numbers for keys, when one of them was missing.
pub(super) fn as_list(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(list) => Some(list.iter().collect()),
        Value::Object(map)
            if map
                .keys()
                .all(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit())) =>
        {
            Some(map.values().collect())
        }
        _ => None,
    }
}

fn non_empty(map: Object) -> Option<Value> {
    (!map.is_empty()).then_some(Value::Object(map))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn blank_or_open(value: &Value) -> Option<Value> {
    (!is_blank(value)).then(|| open(value, true))
}

/// Any value: keys sorted, `1.0` as `1`; where PHP wrote it (`php`), an empty object as an empty list.
fn open(value: &Value, php: bool) -> Value {
    match value {
        Value::Object(map) if php && map.is_empty() => Value::Array(Vec::new()),
        Value::Object(map) => {
            let sorted: BTreeMap<&String, Value> = map.iter().map(|(k, v)| (k, open(v, php))).collect();
            Value::Object(sorted.into_iter().map(|(k, v)| (k.clone(), v)).collect())
        }
        Value::Array(list) => list.iter().map(|v| open(v, php)).collect(),
        Value::Number(number) => {
            let text = decimal::of_number(number);
            let whole = text
                .parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.parse::<u64>().map(Value::from));
            whole.unwrap_or_else(|_| value.clone())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(value: Value) -> Canonical {
        Canonical::of(&OrderDoc::from_value(value).unwrap())
    }

    #[test]
    fn spellings_of_one_content_are_one() {
        let plain = canonical(json!({
            "id": "7", "folder_id": 3, "checkout_data": {}, "order_metadata": {"0": "a"}, "tax_total": 10,
            "shipping": {"city": "Ulm", "company": ""}, "return_address": {},
            "order_items": [{"id": "1", "price": 10.5, "quantity": 2, "variation_list": {}, "metadata": {}}],
            "discount_list": [{"name": "x", "amount": 1.7}],
        }));
        let php = canonical(json!({
            "execution_time": "0.1 s", "date_updated": "2026-01-01 00:00:00", "email_count": "4",
            "discount_list": [{"amount": "1.70", "code": "", "name": "x"}],
            "order_items": {"1": {"variation_list": [], "metadata": [], "quantity": "2", "price": "10.50", "id": 1}},
            "shipping": {"company": null, "city": "Ulm"}, "tax_total": "10.00", "order_notes": [],
            "order_metadata": ["a"], "checkout_data": [], "folder_id": "3", "id": 7,
        }));
        assert_eq!(plain.as_object(), php.as_object());
        assert_eq!(plain.to_bytes(), php.to_bytes());
    }

    #[test]
    fn what_is_no_number_is_not_compared_as_one() {
        for (one, other) in [
            (json!({"source_id": "007"}), json!({"source_id": "7"})),
            (
                json!({"shipping": {"postal_code": "01234"}}),
                json!({"shipping": {"postal_code": "1234"}}),
            ),
            (
                json!({"shipping": {"phone": "0123"}}),
                json!({"shipping": {"phone": "123"}}),
            ),
            (
                json!({"order_items": [{"code": "1.0"}]}),
                json!({"order_items": [{"code": "1"}]}),
            ),
            (
                json!({"order_notes": [{"content": "10.0"}]}),
                json!({"order_notes": [{"content": "10"}]}),
            ),
            (
                json!({"order_metadata": {"a": "1.0"}}),
                json!({"order_metadata": {"a": "1"}}),
            ),
            (json!({"unknown": []}), json!({"unknown": {}})),
            (json!({"unknown": "1"}), json!({"unknown": 1})),
        ] {
            assert_ne!(canonical(one.clone()), canonical(other), "{one}");
        }
    }

    #[test]
    fn the_judgement_form_ignores_what_the_server_fills_in() {
        let sent = OrderDoc::from_value(json!({"order_items": [{"name": "A", "quantity": 1}]})).unwrap();
        let seen = OrderDoc::from_value(json!({
            "id": "1", "order_total": 0, "tag_name": "rush", "tax_total": "0.00",
            "order_items": [{"id": "9", "name": "A ", "quantity": "1", "weight": 0}],
        }));
        assert_eq!(Canonical::judgement(&sent), Canonical::judgement(&seen.unwrap()));
    }
}
