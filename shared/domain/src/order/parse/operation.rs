//! The operations of `order.mutate`: their form, and what they may write.

use serde_json::Value;

use super::envelope::Reader;
use super::{address, folder_id, item, note};
use crate::order::document::Object;
use crate::order::fields;
use crate::order::limit::MAX_OPERATIONS;
use crate::order::mutation::{Mutation, ParseContext};
use crate::order::operation::{Operation, OperationKind};
use crate::order::path::Path;
use crate::order::refusal::{FieldCode, join};

/// The body of `order.mutate`.
pub(super) fn list(reader: &mut Reader, map: &Object, context: &ParseContext<'_>) -> Option<Mutation> {
    reader.close("", map, &["operations"]);
    let value = reader.required("", map, "operations")?;
    let values = reader.list("/operations", value)?;
    if values.is_empty() {
        reader.invalid("/operations", "must hold at least one operation");
    }
    if values.len() > MAX_OPERATIONS {
        let detail = format!("must not hold more than {MAX_OPERATIONS} operations");
        reader.error(FieldCode::LimitExceeded, "/operations", detail);
        return None;
    }
    let mut operations = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        operations.extend(one(reader, &format!("/operations/{index}"), value, context));
    }
    Some(Mutation::Mutate { operations })
}

/// One operation. Members beyond its own are ignored, as RFC 6902 §4 demands.
fn one(reader: &mut Reader, base: &str, value: &Value, context: &ParseContext<'_>) -> Option<Operation> {
    let map = reader.object(base, value)?;
    let op = kind(reader, base, map);
    let path = path(reader, base, map, "path");
    let (op, path) = (op?, path?);
    let from = match op {
        OperationKind::Move | OperationKind::Copy => Some(self::path(reader, base, map, "from")?),
        OperationKind::Add | OperationKind::Remove | OperationKind::Replace | OperationKind::Test => None,
    };
    let mut value = match op {
        OperationKind::Add | OperationKind::Replace | OperationKind::Test => {
            Some(reader.required(base, map, "value")?.clone())
        }
        OperationKind::Remove | OperationKind::Move | OperationKind::Copy => None,
    };
    if let Some(value) = &mut value
        && path.is_bare()
    {
        take_names(reader, &join(base, "value"), &path, op, value, context);
    }
    let operation = Operation {
        op,
        path,
        from,
        value,
    };
    if operation.is_write() {
        writable(reader, base, &operation);
    }
    Some(operation)
}

fn kind(reader: &mut Reader, base: &str, map: &Object) -> Option<OperationKind> {
    let name = reader.required(base, map, "op")?.as_str();
    let kind = OperationKind::ALL
        .into_iter()
        .find(|kind| name == Some(kind.as_str()));
    if kind.is_none() {
        reader.invalid(
            &join(base, "op"),
            "must be add, remove, replace, move, copy or test",
        );
    }
    kind
}

fn path(reader: &mut Reader, base: &str, map: &Object, name: &str) -> Option<Path> {
    let pointer = join(base, name);
    let Some(text) = reader.required(base, map, name)?.as_str() else {
        reader.invalid(&pointer, "must be a text");
        return None;
    };
    match Path::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            reader.invalid(&pointer, error.to_string());
            None
        }
    }
}

/// In the bare form, the members of notes take the specification's names; new ones are completed.
fn take_names(
    reader: &mut Reader,
    pointer: &str,
    path: &Path,
    op: OperationKind,
    value: &mut Value,
    context: &ParseContext<'_>,
) {
    let tokens = path.tokens();
    if tokens.len() > 2 || tokens[0] != "order_notes" {
        return;
    }
    let mut take = |pointer: &str, note: &mut Value| {
        if let Value::Object(map) = note {
            let new = match op {
                OperationKind::Add => true,
                OperationKind::Replace => !map.contains_key("date_added"),
                _ => false,
            };
            *map = if new {
                note::complete(reader, pointer, map, context).unwrap_or_default()
            } else {
                note::rename(reader, pointer, map)
            };
        }
    };
    match value {
        Value::Array(list) => {
            for (index, note) in list.iter_mut().enumerate() {
                take(&format!("{pointer}/{index}"), note);
            }
        }
        one => take(pointer, one),
    }
}

/// Refuses what a command may not write, and values that cannot be right where they go.
fn writable(reader: &mut Reader, base: &str, operation: &Operation) {
    let at = join(base, "path");
    let errors = reader.count();
    for (index, field) in operation.written_fields().into_iter().enumerate() {
        let at = if index == 0 {
            at.clone()
        } else {
            join(base, "from")
        };
        if field.is_empty() {
            reader.error(
                FieldCode::FieldReadOnly,
                &at,
                "the order as a whole is replaced by PUT",
            );
        } else if fields::is_server_managed(&field) {
            reader.error(
                FieldCode::FieldReadOnly,
                &at,
                format!("{field} is managed by Order Desk"),
            );
        } else if fields::order_desk_name(&field) != field {
            let detail = format!(
                "Order Desk calls it /{}; {field} is for the bare form",
                fields::order_desk_name(&field)
            );
            reader.error(FieldCode::FieldUnknown, &at, detail);
        }
    }
    if reader.count() > errors {
        return;
    }
    let tokens = operation.path.tokens();
    if operation.op != OperationKind::Remove
        && let [field, key, ..] = &tokens[..]
        && fields::address_members(field).is_some()
        && (tokens.len() > 2
            || fields::address_members(field).is_some_and(|known| !known.contains(&key.as_str())))
    {
        address::member(reader, &at, field, &tokens[1..].join("/"));
        return;
    }
    if let Some(value) = &operation.value {
        fitting(reader, &join(base, "value"), operation, &tokens, value);
    }
}

fn fitting(reader: &mut Reader, pointer: &str, operation: &Operation, tokens: &[String], value: &Value) {
    let empty = value.as_array().is_some_and(Vec::is_empty);
    match tokens {
        [field] if field == "folder_id" => {
            folder_id(reader, pointer, value);
        }
        [field] if fields::address_members(field).is_some() => match value {
            Value::Object(map) => address::check(reader, pointer, map, field),
            _ if empty => {}
            _ => reader.invalid(pointer, "must be an object"),
        },
        [field, _] if fields::address_members(field).is_some() => address::text(reader, pointer, value),
        [field] if fields::is_map(field) && !value.is_object() && !empty => {
            reader.invalid(pointer, "must be an object");
        }
        [field] if fields::is_list(field) => {
            let bare_add = operation.op == OperationKind::Add && operation.path.is_bare();
            match value {
                Value::Array(list) => {
                    for (index, entry) in list.iter().enumerate() {
                        element(reader, &format!("{pointer}/{index}"), field, entry);
                    }
                }
                Value::Object(_) if bare_add => element(reader, pointer, field, value),
                _ => reader.invalid(pointer, "must be a list of objects"),
            }
        }
        [field, _] if fields::is_list(field) => element(reader, pointer, field, value),
        _ => {}
    }
}

fn element(reader: &mut Reader, pointer: &str, field: &str, value: &Value) {
    let Some(map) = reader.object(pointer, value) else {
        return;
    };
    if field == "order_items" {
        item::check(reader, pointer, map);
    }
}
