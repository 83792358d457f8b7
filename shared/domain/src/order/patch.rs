//! Applying operations to a JSON document, within bounds.

use std::collections::BTreeSet;

use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, PatchErrorKind, PatchOperation, ReplaceOperation};
use serde_json::Value;

use super::decimal;
use super::document::{DocError, OrderDoc};
use super::heal::{self, Container};
use super::limit::{MAX_DEPTH, MAX_WORK, measure};
use super::operation::{Operation, OperationKind};

/// An RFC 6902 patch in pointer form, as it is stored and shown.
pub type Patch = json_patch::Patch;

/// Why an operation cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// A `test` found another value, or none.
    #[error("the value at {path} is not the expected one")]
    TestFailed {
        /// The place tested.
        path: String,
    },
    /// A place does not exist, or cannot take the value.
    #[error("{path} {reason}")]
    NotApplicable {
        /// The place.
        path: String,
        /// What is the matter with it.
        reason: &'static str,
    },
    /// The operations would copy more than is allowed.
    #[error(
        "the operations copy or move more than {MAX_WORK} values, or nest deeper than {MAX_DEPTH} levels"
    )]
    TooMuch,
}

/// The places that a patch changes, as JSON pointers; a `test` changes none.
pub fn touched(patch: &Patch) -> BTreeSet<String> {
    let mut places = BTreeSet::new();
    for operation in &patch.0 {
        match operation {
            PatchOperation::Test(_) => continue,
            PatchOperation::Move(op) => {
                places.insert(op.from.to_string());
            }
            PatchOperation::Add(_)
            | PatchOperation::Remove(_)
            | PatchOperation::Replace(_)
            | PatchOperation::Copy(_) => {}
        }
        places.insert(operation.path().to_string());
    }
    places
}

/// Applies a patch to an order, to the letter of RFC 6902. The order is left as it was on failure.
///
/// # Errors
/// The index of the operation that failed, and why.
pub fn apply(patch: &Patch, doc: &OrderDoc) -> Result<OrderDoc, (usize, ApplyError)> {
    let mut value = doc.to_value();
    let mut engine = Engine::default();
    for (index, operation) in patch.0.iter().enumerate() {
        engine
            .step(&mut value, operation)
            .map_err(|error| (index, error))?;
    }
    finish(value).map_err(|error| (patch.0.len().saturating_sub(1), error))
}

/// Takes the result of some operations for an order again.
pub(super) fn finish(value: Value) -> Result<OrderDoc, ApplyError> {
    OrderDoc::from_value(value).map_err(|error| match error {
        DocError::NotAnObject | DocError::NotJson(_) => fail(Pointer::root(), "must stay an object"),
        DocError::TooDeep => ApplyError::TooMuch,
    })
}

/// Applies operations one by one and counts what they cost.
pub(super) struct Engine {
    work: usize,
}

impl Default for Engine {
    fn default() -> Self {
        Self { work: MAX_WORK }
    }
}

impl Engine {
    /// One operation of a command: in pointer form RFC 6902, in bare form with lists and maps that grow.
    pub(super) fn run(&mut self, doc: &mut Value, operation: &Operation) -> Result<(), ApplyError> {
        let path = operation.path.pointer();
        let value = || operation.value.clone().ok_or_else(|| fail(path, "needs a value"));
        let from = || {
            operation
                .from
                .as_ref()
                .map(super::path::Path::pointer)
                .ok_or_else(|| fail(path, "needs a from"))
        };
        match operation.op {
            OperationKind::Add if operation.path.is_bare() => {
                self.add_bare(doc, &operation.path.tokens(), path, value()?)
            }
            OperationKind::Add => {
                heal_parent(doc, path);
                self.add(doc, path, value()?)
            }
            OperationKind::Remove => self.remove(doc, path).map(drop),
            OperationKind::Replace => self.replace(doc, path, value()?),
            OperationKind::Move => self.relocate(doc, from()?, path, true),
            OperationKind::Copy => self.copy(doc, from()?, path, true),
            OperationKind::Test => self.test(doc, path, &value()?),
        }
    }

    fn step(&mut self, doc: &mut Value, operation: &PatchOperation) -> Result<(), ApplyError> {
        match operation {
            PatchOperation::Add(op) => self.add(doc, &op.path, op.value.clone()),
            PatchOperation::Remove(op) => self.remove(doc, &op.path).map(drop),
            PatchOperation::Replace(op) => self.replace(doc, &op.path, op.value.clone()),
            PatchOperation::Move(op) => self.relocate(doc, &op.from, &op.path, false),
            PatchOperation::Copy(op) => self.copy(doc, &op.from, &op.path, false),
            PatchOperation::Test(op) => self.test(doc, &op.path, &op.value),
        }
    }

    /// Takes `value` off the budget, and refuses what would nest too deep at `path`.
    fn charge(&mut self, path: &Pointer, value: &Value) -> Result<(), ApplyError> {
        let depth = MAX_DEPTH.checked_sub(path.count()).ok_or(ApplyError::TooMuch)?;
        let size = measure(value, depth, self.work).ok_or(ApplyError::TooMuch)?;
        self.work -= size;
        Ok(())
    }

    fn add(&mut self, doc: &mut Value, path: &Pointer, value: Value) -> Result<(), ApplyError> {
        self.charge(path, &value)?;
        run_one(
            doc,
            path,
            PatchOperation::Add(AddOperation {
                path: path.to_buf(),
                value,
            }),
        )
    }

    fn replace(&mut self, doc: &mut Value, path: &Pointer, value: Value) -> Result<(), ApplyError> {
        self.charge(path, &value)?;
        run_one(
            doc,
            path,
            PatchOperation::Replace(ReplaceOperation {
                path: path.to_buf(),
                value,
            }),
        )
    }

    /// Takes the value at `path` away; the members after it keep their order.
    fn remove(&mut self, doc: &mut Value, path: &Pointer) -> Result<Value, ApplyError> {
        let missing = || fail(path, "does not exist");
        let (parent, last) = path
            .split_back()
            .ok_or_else(|| fail(path, "is the whole order"))?;
        let parent = doc.pointer_mut(parent.as_str()).ok_or_else(missing)?;
        let value = match parent {
            Value::Object(map) => map.shift_remove(last.decoded().as_ref()).ok_or_else(missing)?,
            Value::Array(list) => {
                let index = last
                    .to_index()
                    .ok()
                    .and_then(|i| i.for_len(list.len()).ok())
                    .ok_or_else(missing)?;
                list.remove(index)
            }
            _ => return Err(missing()),
        };
        self.work = self.work.checked_sub(1).ok_or(ApplyError::TooMuch)?;
        Ok(value)
    }

    fn relocate(
        &mut self,
        doc: &mut Value,
        from: &Pointer,
        path: &Pointer,
        healing: bool,
    ) -> Result<(), ApplyError> {
        if path.count() > from.count() && path.tokens().zip(from.tokens()).all(|(one, other)| one == other) {
            return Err(fail(path, "lies inside the value that is to be moved there"));
        }
        let value = self.remove(doc, from)?;
        if healing {
            heal_parent(doc, path);
        }
        self.add(doc, path, value)
    }

    fn copy(
        &mut self,
        doc: &mut Value,
        from: &Pointer,
        path: &Pointer,
        healing: bool,
    ) -> Result<(), ApplyError> {
        let source = doc
            .pointer(from.as_str())
            .ok_or_else(|| fail(from, "does not exist"))?;
        // Charged before the clone: copying the order into itself doubles it each time.
        self.charge(path, source)?;
        let value = source.clone();
        if healing {
            heal_parent(doc, path);
        }
        self.add(doc, path, value)
    }

    fn test(&mut self, doc: &Value, path: &Pointer, expected: &Value) -> Result<(), ApplyError> {
        self.charge(path, expected)?;
        match doc.pointer(path.as_str()) {
            Some(found) if equal(found, expected) => Ok(()),
            _ => Err(ApplyError::TestFailed {
                path: path.to_string(),
            }),
        }
    }

    /// The bare `add`: a list grows, a map merges keys, everything else is RFC 6902.
    fn add_bare(
        &mut self,
        doc: &mut Value,
        tokens: &[String],
        path: &Pointer,
        value: Value,
    ) -> Result<(), ApplyError> {
        heal_parent(doc, path);
        heal::heal(doc, tokens);
        let in_list = path
            .split_back()
            .and_then(|(parent, _)| doc.pointer(parent.as_str()))
            .is_some_and(Value::is_array);
        if in_list {
            return self.add(doc, path, value);
        }
        self.charge(path, &value)?;
        match (doc.pointer_mut(path.as_str()), value) {
            (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
            (Some(Value::Array(list)), one) => list.push(one),
            (Some(Value::Object(map)), Value::Object(more)) => map.extend(more),
            // An empty map, as PHP would write it: nothing to merge.
            (Some(Value::Object(_)), Value::Array(none)) if none.is_empty() => {}
            (Some(Value::Object(_)), _) if heal::known(tokens) == Some(Container::Map) => {
                return Err(fail(path, "takes an object"));
            }
            (_, value) => return self.add(doc, path, value),
        }
        Ok(())
    }
}

fn heal_parent(doc: &mut Value, path: &Pointer) {
    let tokens: Vec<String> = path.tokens().map(|token| token.decoded().into_owned()).collect();
    if let Some((_, parent)) = tokens.split_last() {
        heal::heal(doc, parent);
    }
}

fn run_one(doc: &mut Value, path: &Pointer, operation: PatchOperation) -> Result<(), ApplyError> {
    json_patch::patch_unsafe(doc, &[operation]).map_err(|error| match error.kind {
        PatchErrorKind::TestFailed => ApplyError::TestFailed {
            path: path.to_string(),
        },
        _ => fail(path, "does not exist, or cannot take a value there"),
    })
}

fn fail(path: &Pointer, reason: &'static str) -> ApplyError {
    let path: PointerBuf = path.to_buf();
    ApplyError::NotApplicable {
        path: if path.is_root() {
            "the order".to_owned()
        } else {
            path.to_string()
        },
        reason,
    }
}

/// Equality as RFC 6902 §4.6 defines it: numbers by value, objects regardless of order.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || decimal::of_number(a) == decimal::of_number(b),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| equal(x, y)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, x)| b.get(key).is_some_and(|y| equal(x, y)))
        }
        _ => one == other,
    }
}
