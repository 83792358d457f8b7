//! Schemas that are written as JSON Schema: bodies that are read member by member, and answers made as JSON.
//!
//! A schema is a line in [`written!`]; its name then stands for it in `#[utoipa::path]`.

mod answer;
mod audit;
mod command;
mod common;
mod history;
mod incoming;
mod object;
mod store;
mod tenant;
mod webhook;

use serde_json::Value;

macro_rules! written {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {
        $(
            $(#[$doc])*
            #[allow(dead_code, reason = "some are only referred to by others")]
            pub(crate) enum $name {}

            impl utoipa::PartialSchema for $name {
                // A place for the name; the schema itself says more than utoipa's types can.
                fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                    utoipa::openapi::Schema::default().into()
                }
            }

            impl utoipa::ToSchema for $name {}
        )*

        /// The schemas of this file, by name.
        pub(super) fn all() -> Vec<(&'static str, serde_json::Value)> {
            vec![$((stringify!($name), $schema)),*]
        }
    };
}
use written;

pub(crate) use answer::*;
pub(crate) use audit::*;
pub(crate) use command::*;
pub(crate) use common::*;
pub(crate) use history::*;
pub(crate) use incoming::*;
pub(crate) use object::*;
pub(crate) use store::*;
pub(crate) use tenant::*;
pub(crate) use webhook::*;

/// Every schema, by name.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Value)> {
    let files = [
        answer::all(),
        audit::all(),
        command::all(),
        common::all(),
        history::all(),
        incoming::all(),
        object::all(),
        store::all(),
        tenant::all(),
        webhook::all(),
    ];
    files.into_iter().flatten()
}

/// Refers to a schema.
fn refer(name: &str) -> Value {
    serde_json::json!({"$ref": format!("#/components/schemas/{name}")})
}

/// `schema`, or null.
fn nullable(schema: Value) -> Value {
    serde_json::json!({"anyOf": [schema, {"type": "null"}]})
}

/// An object with exactly these members.
fn closed(required: &[&str], properties: Value) -> Value {
    serde_json::json!({
        "type": "object", "additionalProperties": false, "required": required, "properties": properties,
    })
}

/// An object with all of these members; later versions may add others.
fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties
        .as_object()
        .map(|all| all.keys().collect())
        .unwrap_or_default();
    serde_json::json!({"type": "object", "required": required, "properties": properties})
}

fn timestamp() -> Value {
    serde_json::json!({"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00.000Z"]})
}

fn uuid() -> Value {
    serde_json::json!({"type": "string", "format": "uuid"})
}

fn digits() -> Value {
    serde_json::json!({"type": "string", "pattern": "^[0-9]{1,20}$"})
}

/// A page of one of our own lists.
fn page(name: &str) -> Value {
    object(serde_json::json!({
        "data": {"type": "array", "items": refer(name)},
        "next_cursor": {"type": ["string", "null"], "description": "Where the next page begins; null on the last."},
    }))
}
