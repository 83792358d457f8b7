//! Orders that a test or another party puts in place, past the rules of the API.

use serde_json::{Value, json};

use super::{
    Context, address, order, totals,
    value::{Object, id, list},
};

/// A complete order from whatever a test gives: given values stay as they are, the rest gets defaults.
pub(crate) fn complete(given: Object, context: &mut Context<'_>) -> Object {
    let mut order = order::blank();
    let stamp = context.stamp();
    order.insert("date_added".into(), json!(stamp));
    order.insert("date_updated".into(), json!(stamp));
    order.insert("source_name".into(), json!("Order Desk"));
    order.insert(
        "folder_id".into(),
        json!(context.store.folders.first().map_or(0, |folder| folder.id)),
    );
    let given_totals: Vec<(String, Value)> = given
        .iter()
        .filter(|(field, _)| TOTALS.contains(&field.as_str()))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    for (field, value) in given {
        order.insert(field, value);
    }
    order.insert(
        "id".into(),
        json!(id(order.get("id")).unwrap_or_else(|| context.ids.next())),
    );
    finish(&mut order, context);
    order.extend(given_totals);
    order
}

const TOTALS: [&str; 4] = ["quantity_total", "weight_total", "product_total", "order_total"];

/// Gives an edited order what every stored one has: whole addresses, item ids, totals.
pub(crate) fn finish(order: &mut Object, context: &mut Context<'_>) {
    for (name, fields) in address::ALL {
        if let Some(Value::Object(address)) = order.get_mut(name) {
            for field in fields {
                address.entry(*field).or_insert_with(|| json!(""));
            }
        }
    }
    let items = list(order.get("order_items")).to_vec();
    for item in &items {
        if let Some(id) = id(item.get("id")) {
            context.ids.avoid(&id);
        }
    }
    let items: Value = items
        .into_iter()
        .map(|item| complete_item(item, context))
        .collect();
    order.insert("order_items".into(), items);
    totals::recompute(order);
}

fn complete_item(item: Value, context: &mut Context<'_>) -> Value {
    let Value::Object(given) = item else { return item };
    let mut item = Object::new();
    item.insert(
        "id".into(),
        json!(id(given.get("id")).unwrap_or_else(|| context.ids.next())),
    );
    let defaults = json!({
        "name": "", "price": "0", "quantity": 1, "weight": 0, "code": "", "delivery_type": "ship",
        "category_code": "DEFAULT", "fulfillment_method": "", "variation_list": {}, "metadata": {},
    });
    if let Value::Object(defaults) = defaults {
        item.extend(defaults);
    }
    item.extend(given.into_iter().filter(|(field, _)| field != "id"));
    Value::Object(item)
}

/// Applies a merge patch as another party would: `date_updated` moves unless the patch sets it.
pub(crate) fn merge(stored: &Object, patch: &Value, context: &mut Context<'_>) -> Object {
    let mut merged = Value::Object(stored.clone());
    json_patch::merge(&mut merged, patch);
    let Value::Object(mut order) = merged else {
        return stored.clone();
    };
    order.insert("id".into(), stored.get("id").cloned().unwrap_or_default());
    finish(&mut order, context);
    for field in TOTALS {
        if let Some(value) = patch.get(field) {
            order.insert(field.into(), value.clone());
        }
    }
    if patch.get("date_updated").is_none() {
        order.insert("date_updated".into(), json!(context.stamp()));
    }
    order
}
