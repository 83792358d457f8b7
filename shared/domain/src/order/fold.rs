//! What a command makes of an order.

use serde_json::Value;

use super::canonical::same_member;
use super::document::{FolderId, Object, OrderDoc};
use super::fields;
use super::heal;
use super::limit::{MAX_DEPTH, is_within_depth};
use super::mutation::{AddressType, FolderTarget, Mutation};
use super::operation::Operation;
use super::patch::{self, ApplyError, Engine};
use crate::job::ErrorCode;

/// Why a command does not fit the order as it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct FoldError {
    /// The stable code.
    pub code: ErrorCode,
    /// What is the matter; names places, never values.
    pub detail: String,
    /// Where in the command's body, if it is one part of it.
    pub pointer: Option<String>,
}

impl FoldError {
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            pointer: None,
        }
    }
}

/// The order after the command; `doc` itself is never changed, so a command that fails leaves no trace.
///
/// # Errors
/// [`ErrorCode::TestFailed`], [`ErrorCode::PatchNotApplicable`], or [`ErrorCode::FolderNotFound`] for a folder
/// name that nobody looked up ([`Mutation::with_folder`]). Commands that are no change of an existing order
/// (create, delete, inventory) answer [`ErrorCode::Internal`].
pub fn apply(mutation: &Mutation, doc: &OrderDoc) -> Result<OrderDoc, FoldError> {
    let after = match mutation {
        Mutation::Replace { order } => replace(doc, order),
        Mutation::Mutate { operations } => operate(doc, operations)?,
        Mutation::MoveFolder {
            folder: FolderTarget::Id(id),
        } if doc.folder_id() == Some(*id) => doc.clone(),
        Mutation::MoveFolder {
            folder: FolderTarget::Id(id),
        } => doc.with_folder(*id),
        Mutation::MoveFolder {
            folder: FolderTarget::Name(_),
        } => {
            return Err(FoldError::new(
                ErrorCode::FolderNotFound,
                "the folder's name has not been looked up",
            ));
        }
        Mutation::AddItems { items } => append(doc, "order_items", items.iter().cloned().map(Value::Object))?,
        Mutation::UpdateAddress {
            address_type,
            address,
        } => update_address(doc, *address_type, address)?,
        Mutation::AddNote {
            content,
            username,
            date_added,
        } => {
            let mut note = Object::new();
            note.insert("date_added".to_owned(), Value::from(date_added.as_str()));
            note.insert("username".to_owned(), Value::from(username.as_str()));
            note.insert("content".to_owned(), Value::from(content.as_str()));
            append(doc, "order_notes", [Value::Object(note)])?
        }
        Mutation::Create { .. }
        | Mutation::Delete
        | Mutation::InventoryCreate { .. }
        | Mutation::InventoryUpdate { .. }
        | Mutation::InventoryDelete => {
            return Err(FoldError::new(
                ErrorCode::Internal,
                "the command is no change of an existing order",
            ));
        }
    };
    if !after
        .as_object()
        .values()
        .all(|value| is_within_depth(value, MAX_DEPTH - 1))
    {
        return Err(FoldError::new(
            ErrorCode::PatchNotApplicable,
            "the order would nest too deep",
        ));
    }
    keeps_shape(doc, &after)?;
    Ok(after)
}

/// The folder that the order moves to, if it lies in another one afterwards.
pub fn folder_change(before: &OrderDoc, after: &OrderDoc) -> Option<FolderId> {
    let destination = after.folder_id()?;
    (before.folder_id() != Some(destination)).then_some(destination)
}

/// Each member given takes the place of the present one, unless Order Desk manages it or means the same by it.
fn replace(doc: &OrderDoc, order: &Object) -> OrderDoc {
    let mut after = doc.clone();
    for (key, value) in order.iter().filter(|(key, _)| !fields::is_server_managed(key)) {
        // Kept in the shape received: a client that parsed and printed the order has changed nothing.
        if !after
            .get(key)
            .is_some_and(|present| same_member(key, present, value))
        {
            after.object_mut().insert(key.clone(), value.clone());
        }
    }
    after
}

fn operate(doc: &OrderDoc, operations: &[Operation]) -> Result<OrderDoc, FoldError> {
    let mut value = doc.to_value();
    let mut engine = Engine::default();
    for (index, operation) in operations.iter().enumerate() {
        engine.run(&mut value, operation).map_err(|error| FoldError {
            code: match error {
                ApplyError::TestFailed { .. } => ErrorCode::TestFailed,
                ApplyError::NotApplicable { .. } | ApplyError::TooMuch => ErrorCode::PatchNotApplicable,
            },
            detail: error.to_string(),
            pointer: Some(format!("/operations/{index}")),
        })?;
    }
    patch::finish(value).map_err(|error| FoldError::new(ErrorCode::PatchNotApplicable, error.to_string()))
}

fn append(
    doc: &OrderDoc,
    field: &str,
    entries: impl IntoIterator<Item = Value>,
) -> Result<OrderDoc, FoldError> {
    let mut value = doc.to_value();
    heal::heal(&mut value, &[field.to_owned()]);
    let Some(list) = value.get_mut(field).and_then(Value::as_array_mut) else {
        return Err(wrong_shape(field, "a list"));
    };
    list.extend(entries);
    patch::finish(value).map_err(|error| FoldError::new(ErrorCode::PatchNotApplicable, error.to_string()))
}

fn update_address(doc: &OrderDoc, kind: AddressType, given: &Object) -> Result<OrderDoc, FoldError> {
    let field = kind.field();
    let mut value = doc.to_value();
    heal::heal(&mut value, &[field.to_owned()]);
    let Some(address) = value.get_mut(field).and_then(Value::as_object_mut) else {
        return Err(wrong_shape(field, "an object"));
    };
    for (key, text) in given {
        address.insert(key.clone(), text.clone());
    }
    patch::finish(value).map_err(|error| FoldError::new(ErrorCode::PatchNotApplicable, error.to_string()))
}

/// A change must not leave a known member in a shape that Order Desk could only misread.
fn keeps_shape(before: &OrderDoc, after: &OrderDoc) -> Result<(), FoldError> {
    for (key, value) in after.as_object() {
        if before.get(key) == Some(value) {
            continue;
        }
        let blank = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let container = value.is_object() || value.is_array();
        if fields::is_list(key) && !blank && !container {
            return Err(wrong_shape(key, "a list"));
        }
        if fields::is_map(key) && !blank && !container
            || fields::address_members(key).is_some() && !blank && !value.is_object()
        {
            return Err(wrong_shape(key, "an object"));
        }
    }
    if before.folder_id().is_some() && after.folder_id().is_none() {
        return Err(wrong_shape(
            "folder_id",
            "the id of a folder: an order lies in exactly one",
        ));
    }
    Ok(())
}

fn wrong_shape(field: &str, wanted: &str) -> FoldError {
    FoldError::new(ErrorCode::PatchNotApplicable, format!("{field} must be {wanted}"))
}

#[cfg(test)]
mod tests;
