//! Collecting what is wrong with a body while reading it.

use serde_json::Value;

use crate::order::document::Object;
use crate::order::refusal::{FieldCode, FieldError, join};

/// Most errors that one answer lists.
const MAX_ERRORS: usize = 100;

/// Reads members and keeps the errors.
#[derive(Default)]
pub(super) struct Reader {
    errors: Vec<FieldError>,
}

impl Reader {
    pub(super) fn error(&mut self, code: FieldCode, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(FieldError::new(code, pointer, detail));
        }
    }

    pub(super) fn invalid(&mut self, pointer: &str, detail: impl Into<String>) {
        self.error(FieldCode::FieldInvalid, pointer, detail);
    }

    /// Refuses every member of `map` that is not `known`.
    pub(super) fn close(&mut self, base: &str, map: &Object, known: &[&str]) {
        for key in map.keys().filter(|key| !known.contains(&key.as_str())) {
            let detail = if known.is_empty() {
                "no body is expected".to_owned()
            } else {
                format!("is not known here; known are {}", known.join(", "))
            };
            self.error(FieldCode::FieldUnknown, &join(base, key), detail);
        }
    }

    pub(super) fn required<'v>(&mut self, base: &str, map: &'v Object, name: &str) -> Option<&'v Value> {
        let value = map.get(name);
        if value.is_none() {
            self.error(FieldCode::FieldMissing, &join(base, name), "is required");
        }
        value
    }

    pub(super) fn object<'v>(&mut self, pointer: &str, value: &'v Value) -> Option<&'v Object> {
        if !value.is_object() {
            self.invalid(pointer, "must be an object");
        }
        value.as_object()
    }

    pub(super) fn list<'v>(&mut self, pointer: &str, value: &'v Value) -> Option<&'v Vec<Value>> {
        if !value.is_array() {
            self.invalid(pointer, "must be a list");
        }
        value.as_array()
    }

    /// The value of whichever of `names` is there; two of them are a conflict.
    pub(super) fn either<'v>(&mut self, base: &str, map: &'v Object, names: &[&str]) -> Option<&'v Value> {
        let mut found = names.iter().filter_map(|name| Some((*name, map.get(*name)?)));
        let (first, value) = found.next()?;
        for (name, _) in found {
            let detail = format!("is the same as {first}; give one of them");
            self.error(FieldCode::FieldConflict, &join(base, name), detail);
        }
        Some(value)
    }

    /// How many errors there are so far.
    pub(super) fn count(&self) -> usize {
        self.errors.len()
    }

    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The value, if nothing was wrong.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => {
                if self.errors.is_empty() {
                    self.invalid("", "cannot be read");
                }
                Err(self.errors)
            }
        }
    }
}
