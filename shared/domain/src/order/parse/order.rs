//! Whole orders, for create and replace: open at the top, under either set of names.

use serde_json::Value;

use super::envelope::Reader;
use super::{address, folder_id, item, note};
use crate::order::create::MARKER;
use crate::order::document::{Object, id_text};
use crate::order::fields;
use crate::order::mutation::{Mutation, ParseContext};
use crate::order::refusal::{FieldCode, join};

/// The body of `order.create`.
pub(super) fn create(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) -> Option<Mutation> {
    if map.contains_key("id") {
        reader.error(FieldCode::FieldReadOnly, "/id", "is given by Order Desk");
    }
    let order = rename(reader, map, context)?;
    let pointer = given_name(map, "order_items");
    for (index, value) in entries(&order, "order_items") {
        let pointer = format!("/{pointer}/{index}");
        if let Some(entry) = reader.object(&pointer, value) {
            item::check_new(reader, &pointer, entry);
        }
    }
    if order
        .get("order_metadata")
        .and_then(Value::as_object)
        .is_some_and(|map| map.contains_key(MARKER))
    {
        let pointer = join(&join("", given_name(map, "order_metadata")), MARKER);
        reader.error(FieldCode::FieldReadOnly, &pointer, "is the gateway's own mark");
    }
    address::check_order(reader, map, false);
    shapes(reader, map, &order);
    Some(Mutation::Create { order })
}

/// The body of `order.replace`.
pub(super) fn replace(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) -> Option<Mutation> {
    check_id(reader, map, context);
    let order = rename(reader, map, context)?;
    let pointer = given_name(map, "order_items");
    for (index, value) in entries(&order, "order_items") {
        reader.object(&format!("/{pointer}/{index}"), value);
    }
    address::check_order(reader, map, true);
    shapes(reader, map, &order);
    Some(Mutation::Replace { order })
}

/// Refuses a body whose `id` is another than the path's.
pub(super) fn check_id(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) {
    let Some(id) = map.get("id") else { return };
    let given = id_text(id);
    if given.is_none()
        || context
            .target_id
            .is_some_and(|target| given.as_deref() != Some(target))
    {
        reader.error(
            FieldCode::IdMismatch,
            "/id",
            "must be the id in the path, or be left out",
        );
    }
}

/// The order under Order Desk's names, new notes completed.
fn rename(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) -> Option<Object> {
    for (alias, real) in fields::ALIASES {
        reader.either("", map, &[alias, real]);
    }
    let mut order = Object::new();
    for (key, value) in map {
        let value = if key == "notes" {
            notes(reader, value, context)?
        } else {
            value.clone()
        };
        order.insert(fields::order_desk_name(key).to_owned(), value);
    }
    Some(order)
}

/// The list under `notes`: new notes, completed.
fn notes(reader: &mut Reader, value: &Value, context: &ParseContext<'_>) -> Option<Value> {
    let list = reader.list("/notes", value)?;
    let mut notes = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        let pointer = format!("/notes/{index}");
        let note = reader.object(&pointer, value)?;
        notes.push(Value::Object(note::complete(reader, &pointer, note, context)?));
    }
    Some(Value::Array(notes))
}

/// The shapes of the known containers, and the folder.
fn shapes(reader: &mut Reader, map: &Object, order: &Object) {
    for (key, value) in order {
        if fields::is_server_managed(key) {
            continue;
        }
        let pointer = join("", given_name(map, key));
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if fields::is_list(key) && !empty && !value.is_array() && !value.is_object() {
            reader.invalid(&pointer, "must be a list");
        }
        if fields::is_map(key) && !empty && !value.is_array() && !value.is_object() {
            reader.invalid(&pointer, "must be an object");
        }
        if key == "folder_id" {
            folder_id(reader, &pointer, value);
        }
    }
}

/// The name under which `map` gives the member that Order Desk calls `real`.
fn given_name<'m>(map: &Object, real: &'m str) -> &'m str {
    let alias = fields::ALIASES
        .iter()
        .find(|(alias, name)| *name == real && map.contains_key(*alias));
    alias.map_or(real, |(alias, _)| alias)
}

fn entries<'o>(order: &'o Object, field: &str) -> impl Iterator<Item = (usize, &'o Value)> {
    order
        .get(field)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice)
        .iter()
        .enumerate()
}
