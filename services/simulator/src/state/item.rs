//! The items of an order.

use serde_json::{Value, json};

use super::{
    Context, Refusal,
    value::{Object, amount, id, map, number, text},
};

const TEXTS: [&str; 5] = [
    "name",
    "code",
    "delivery_type",
    "category_code",
    "fulfillment_method",
];

/// A new item: what the client left out gets its default.
pub(crate) fn create(sent: &Object, context: &mut Context<'_>) -> Result<Value, Refusal> {
    if text(sent.get("name")).is_empty() && text(sent.get("code")).is_empty() {
        return Err(Refusal::bad("An order item needs a name or a code"));
    }
    let mut item = Object::new();
    item.insert("id".into(), json!(context.ids.next()));
    fill(&mut item, sent);
    for (field, default) in [("delivery_type", "ship"), ("category_code", "DEFAULT")] {
        if text(sent.get(field)).is_empty() {
            item.insert(field.into(), json!(default));
        }
    }
    if sent.get("quantity").is_none() {
        item.insert("quantity".into(), json!(1));
    }
    Ok(Value::Object(item))
}

/// A known item written whole: what the client left out becomes blank, the id stays.
pub(crate) fn replace(stored: &Object, sent: &Object) -> Value {
    let mut item = stored.clone();
    fill(&mut item, sent);
    Value::Object(item)
}

fn fill(item: &mut Object, sent: &Object) {
    for field in TEXTS {
        item.insert(field.into(), json!(text(sent.get(field))));
    }
    // The sample shows the price as text, every other number as a number.
    let price = match sent.get("price") {
        Some(Value::String(price)) if price.trim().parse::<f64>().is_ok() => price.trim().to_owned(),
        other => amount(number(other)).to_string(),
    };
    item.insert("price".into(), json!(price));
    item.insert("quantity".into(), json!(number(sent.get("quantity")) as i64));
    item.insert("weight".into(), amount(number(sent.get("weight"))));
    item.insert("variation_list".into(), map(sent.get("variation_list")));
    item.insert("metadata".into(), map(sent.get("metadata")));
}

/// The item list of a PUT of an order: known ids are updated, others are new, missing ones go.
pub(crate) fn replace_list(
    stored: &[Value],
    sent: Option<&Value>,
    context: &mut Context<'_>,
) -> Result<Value, Refusal> {
    let sent = match sent {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(list)) => list.as_slice(),
        Some(Value::Object(map)) if map.is_empty() => &[][..],
        Some(_) => return Err(Refusal::bad("order_items must be a list")),
    };
    let mut used: Vec<String> = Vec::with_capacity(sent.len());
    let mut items = Vec::with_capacity(sent.len());
    for value in sent {
        let Value::Object(object) = value else {
            return Err(Refusal::bad("Every entry of order_items must be an object"));
        };
        // An id sent twice names one item only; the second is a new one.
        let known = id(object.get("id"))
            .filter(|id| !used.contains(id))
            .and_then(|id| find(stored, &id));
        let mut item = match known {
            Some(known) => {
                used.push(text(known.get("id")));
                replace(known, object)
            }
            None => create(object, context)?,
        };
        if context.quirks.renewed_item_ids {
            item["id"] = json!(context.ids.next());
        }
        items.push(item);
    }
    Ok(Value::Array(items))
}

/// The item of that id.
pub(crate) fn find<'a>(items: &'a [Value], wanted: &str) -> Option<&'a Object> {
    items
        .iter()
        .filter_map(Value::as_object)
        .find(|item| id(item.get("id")).as_deref() == Some(wanted))
}
