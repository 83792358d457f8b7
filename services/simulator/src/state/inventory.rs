//! Inventory items; their code is unique in a store.

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Context, Refusal,
    value::{Object, amount, id, map, number, text},
};

const TEXTS: [&str; 5] = ["name", "code", "location", "manufacturer_sku", "update_source"];
const AMOUNTS: [&str; 4] = ["price", "cost", "weight", "stock"];

/// The inventory of a store by id.
pub(crate) type Inventory = BTreeMap<String, Object>;

/// Adds an item and returns it.
pub(crate) fn create(
    inventory: &mut Inventory,
    sent: &Object,
    context: &mut Context<'_>,
) -> Result<Object, Refusal> {
    check(inventory, sent, None)?;
    let new_id = context.ids.next();
    let mut item = Object::new();
    item.insert("id".into(), json!(new_id));
    fill(&mut item, sent);
    item.insert("date_added".into(), json!(context.stamp()));
    item.insert("date_updated".into(), json!(context.stamp()));
    inventory.insert(new_id, item.clone());
    Ok(item)
}

/// Writes an item whole and returns it; what the client left out becomes blank.
pub(crate) fn replace(
    inventory: &mut Inventory,
    wanted: &str,
    sent: &Object,
    context: &Context<'_>,
) -> Result<Object, Refusal> {
    let mut item = inventory
        .get(wanted)
        .cloned()
        .ok_or_else(|| Refusal::missing("Inventory Item"))?;
    check(inventory, sent, Some(wanted))?;
    fill(&mut item, sent);
    item.insert("date_updated".into(), json!(context.stamp()));
    inventory.insert(wanted.to_owned(), item.clone());
    Ok(item)
}

fn check(inventory: &Inventory, sent: &Object, own: Option<&str>) -> Result<(), Refusal> {
    let code = text(sent.get("code"));
    if code.is_empty() || text(sent.get("name")).is_empty() {
        return Err(Refusal::bad("name and code are required"));
    }
    let clash = inventory.iter().find(|(known, item)| {
        own != Some(known.as_str()) && text(item.get("code")).eq_ignore_ascii_case(&code)
    });
    match clash {
        Some((known, _)) => Err(Refusal::bad(format!(
            "The code {code} is already used by inventory item {known}"
        ))),
        None => Ok(()),
    }
}

fn fill(item: &mut Object, sent: &Object) {
    for field in TEXTS {
        item.insert(field.into(), json!(text(sent.get(field))));
    }
    for field in AMOUNTS {
        item.insert(field.into(), amount(number(sent.get(field))));
    }
    item.insert("variation_list".into(), map(sent.get("variation_list")));
    item.insert("metadata".into(), map(sent.get("metadata")));
}

/// An item as a test gives it: given values stay, the rest gets defaults.
pub(crate) fn complete(given: Object, context: &mut Context<'_>) -> Object {
    let mut item = Object::new();
    let own = id(given.get("id")).unwrap_or_else(|| context.ids.next());
    context.ids.avoid(&own);
    item.insert("id".into(), json!(own));
    fill(&mut item, &Object::new());
    item.insert("date_added".into(), json!(context.stamp()));
    item.insert("date_updated".into(), json!(context.stamp()));
    item.extend(given.into_iter().filter(|(field, _)| field != "id"));
    item
}
