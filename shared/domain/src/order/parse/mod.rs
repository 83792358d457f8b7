//! Reading the bodies of commands: closed envelopes, open orders, every error with its pointer.

mod address;
mod envelope;
mod item;
mod note;
mod operation;
mod order;

use serde_json::Value;

use super::document::{FolderId, Object};
use super::kind::CommandKind;
use super::limit::{MAX_DEPTH, is_within_depth};
use super::mutation::{AddressType, FolderTarget, Mutation, ParseContext};
use super::refusal::{FieldCode, FieldError};
use envelope::Reader;

/// Reads the body of a command of `kind`.
pub(super) fn body(
    kind: CommandKind,
    body: &Value,
    context: &ParseContext<'_>,
) -> Result<Mutation, Vec<FieldError>> {
    if !is_within_depth(body, MAX_DEPTH) {
        let detail = format!("must not nest deeper than {MAX_DEPTH} levels");
        return Err(vec![FieldError::new(FieldCode::LimitExceeded, "", detail)]);
    }
    let mut reader = Reader::default();
    let empty = Object::new();
    let map = match body {
        Value::Object(map) => map,
        Value::Null if matches!(kind, CommandKind::OrderDelete | CommandKind::InventoryDelete) => &empty,
        _ => {
            reader.invalid("", "must be a JSON object");
            return Err(reader.into_errors());
        }
    };
    let mutation = match kind {
        CommandKind::OrderCreate => order::create(&mut reader, map, context),
        CommandKind::OrderReplace => order::replace(&mut reader, map, context),
        CommandKind::OrderMutate => operation::list(&mut reader, map, context),
        CommandKind::OrderMoveFolder => move_folder(&mut reader, map),
        CommandKind::OrderAddItems => item::list(&mut reader, map),
        CommandKind::OrderUpdateAddress => update_address(&mut reader, map),
        CommandKind::OrderAddNote => note::add(&mut reader, map, context),
        CommandKind::OrderDelete => {
            reader.close("", map, &[]);
            Some(Mutation::Delete)
        }
        CommandKind::InventoryCreate => Some(item::inventory_create(&mut reader, map)),
        CommandKind::InventoryUpdate => Some(item::inventory_update(&mut reader, map, context)),
        CommandKind::InventoryDelete => {
            reader.close("", map, &[]);
            Some(Mutation::InventoryDelete)
        }
    };
    reader.finish(mutation)
}

fn move_folder(reader: &mut Reader, map: &Object) -> Option<Mutation> {
    reader.close("", map, &["folder_id", "folder_name"]);
    let folder = match (map.get("folder_id"), map.get("folder_name")) {
        (Some(_), Some(_)) => {
            reader.error(
                FieldCode::FieldConflict,
                "/folder_name",
                "give either folder_id or folder_name",
            );
            return None;
        }
        (None, None) => {
            reader.error(
                FieldCode::FieldMissing,
                "/folder_id",
                "folder_id or folder_name is required",
            );
            return None;
        }
        (Some(id), None) => FolderTarget::Id(folder_id(reader, "/folder_id", id)?),
        (None, Some(name)) => match name.as_str().map(str::trim) {
            Some(name) if !name.is_empty() => FolderTarget::Name(name.to_owned()),
            _ => {
                reader.invalid("/folder_name", "must be a text that is not empty");
                return None;
            }
        },
    };
    Some(Mutation::MoveFolder { folder })
}

fn folder_id(reader: &mut Reader, pointer: &str, value: &Value) -> Option<FolderId> {
    let id = FolderId::from_value(value);
    if id.is_none() {
        reader.invalid(
            pointer,
            "must be the id of a folder: a whole number, or its digits as text",
        );
    }
    id
}

fn update_address(reader: &mut Reader, map: &Object) -> Option<Mutation> {
    reader.close("", map, &["address_type", "address"]);
    let kind = reader.required("", map, "address_type").and_then(|value| {
        let kind = match value.as_str() {
            Some("shipping") => Some(AddressType::Shipping),
            Some("customer" | "billing") => Some(AddressType::Customer),
            Some("return") => Some(AddressType::Return),
            _ => None,
        };
        if kind.is_none() {
            reader.invalid(
                "/address_type",
                "must be shipping, customer (or billing) or return",
            );
        }
        kind
    });
    let address = reader
        .required("", map, "address")
        .and_then(|value| reader.object("/address", value));
    let (kind, given) = (kind?, address?);
    if given.is_empty() {
        reader.invalid("/address", "must name at least one field");
    }
    address::check(reader, "/address", given, kind.field());
    Some(Mutation::UpdateAddress {
        address_type: kind,
        address: given.clone(),
    })
}

#[cfg(test)]
mod tests;
