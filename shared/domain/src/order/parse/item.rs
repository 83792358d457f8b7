//! Order items and inventory items: open objects whose known members have their types.

use serde_json::Value;

use super::envelope::Reader;
use super::order;
use crate::order::decimal;
use crate::order::document::Object;
use crate::order::limit::MAX_OPERATIONS;
use crate::order::mutation::{Mutation, ParseContext};
use crate::order::refusal::{FieldCode, join};

/// The body of `order.add_items`.
pub(super) fn list(reader: &mut Reader, map: &Object) -> Option<Mutation> {
    reader.close("", map, &["items", "order_items"]);
    let pointer = if map.contains_key("items") {
        "/items"
    } else {
        "/order_items"
    };
    let Some(value) = reader.either("", map, &["items", "order_items"]) else {
        reader.error(FieldCode::FieldMissing, "/items", "is required");
        return None;
    };
    let values = reader.list(pointer, value)?;
    if values.is_empty() {
        reader.invalid(pointer, "must hold at least one item");
    }
    if values.len() > MAX_OPERATIONS {
        reader.error(
            FieldCode::LimitExceeded,
            pointer,
            format!("must not hold more than {MAX_OPERATIONS} items"),
        );
        return None;
    }
    let mut items = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        if let Some(item) = reader.object(&pointer, value) {
            check_new(reader, &pointer, item);
            items.push(item.clone());
        }
    }
    Some(Mutation::AddItems { items })
}

/// An item that is to be added.
pub(super) fn check_new(reader: &mut Reader, base: &str, item: &Object) {
    if item.contains_key("id") {
        reader.error(
            FieldCode::FieldReadOnly,
            &join(base, "id"),
            "is given by Order Desk",
        );
    }
    if ["name", "code"]
        .iter()
        .all(|name| !matches!(item.get(*name), Some(Value::String(text)) if !text.is_empty()))
    {
        reader.error(
            FieldCode::FieldMissing,
            &join(base, "name"),
            "a name or a code is required",
        );
    }
    check(reader, base, item);
}

/// The types of an item's known members.
pub(super) fn check(reader: &mut Reader, base: &str, item: &Object) {
    texts(
        reader,
        base,
        item,
        &[
            "name",
            "code",
            "delivery_type",
            "category_code",
            "fulfillment_method",
        ],
    );
    numbers(reader, base, item, &["price", "weight"]);
    whole_numbers(reader, base, item, &["quantity"]);
    maps(reader, base, item);
}

/// The body of `inventory.create`.
pub(super) fn inventory_create(reader: &mut Reader, item: &Object) -> Mutation {
    if item.contains_key("id") {
        reader.error(FieldCode::FieldReadOnly, "/id", "is given by Order Desk");
    }
    for name in ["name", "code"] {
        if let Some(Value::String(text)) = reader.required("", item, name)
            && text.trim().is_empty()
        {
            reader.invalid(&join("", name), "must not be empty");
        }
    }
    inventory(reader, item);
    Mutation::InventoryCreate { item: item.clone() }
}

/// The body of `inventory.update`.
pub(super) fn inventory_update(reader: &mut Reader, item: &Object, context: &ParseContext<'_>) -> Mutation {
    order::check_id(reader, item, context);
    if item.keys().all(|key| key == "id") {
        reader.invalid("", "must name at least one field to change");
    }
    inventory(reader, item);
    Mutation::InventoryUpdate { item: item.clone() }
}

fn inventory(reader: &mut Reader, item: &Object) {
    texts(
        reader,
        "",
        item,
        &["name", "code", "location", "manufacturer_sku"],
    );
    numbers(reader, "", item, &["price", "cost", "weight"]);
    whole_numbers(reader, "", item, &["stock"]);
    maps(reader, "", item);
}

fn texts(reader: &mut Reader, base: &str, item: &Object, names: &[&str]) {
    for name in names {
        if item.get(*name).is_some_and(|value| !value.is_string()) {
            reader.invalid(&join(base, name), "must be a text");
        }
    }
}

fn numbers(reader: &mut Reader, base: &str, item: &Object, names: &[&str]) {
    for name in names {
        if item.get(*name).is_some_and(|value| decimal_of(value).is_none()) {
            reader.invalid(&join(base, name), "must be a number, or one as text");
        }
    }
}

fn whole_numbers(reader: &mut Reader, base: &str, item: &Object, names: &[&str]) {
    for name in names {
        let whole = |value: &Value| decimal_of(value).is_some_and(|text| text.parse::<i64>().is_ok());
        if item.get(*name).is_some_and(|value| !whole(value)) {
            reader.invalid(&join(base, name), "must be a whole number, or one as text");
        }
    }
}

fn maps(reader: &mut Reader, base: &str, item: &Object) {
    for name in ["variation_list", "metadata"] {
        let fits = |value: &Value| value.is_object() || value.as_array().is_some_and(Vec::is_empty);
        if item.get(name).is_some_and(|value| !fits(value)) {
            reader.invalid(&join(base, name), "must be an object");
        }
    }
}

fn decimal_of(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(decimal::of_number(number)),
        Value::String(text) => decimal::normalise(text),
        _ => None,
    }
}
