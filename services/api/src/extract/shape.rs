//! Reading our own closed envelopes: every member is taken by name, what nobody takes is refused, and all
//! errors are told at once.

use domain::order::FieldCode;
use serde_json::{Map, Value};

use crate::problem::{Field, Problem, escape};

/// The longest label.
const MAX_LABEL: usize = 200;
/// What a label must be.
pub(crate) const LABEL_RULE: &str = "must be a text of 1 to 200 characters without control characters";

/// Whether a text can be a label.
pub(crate) fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// An object of the body, to be taken apart and then [finished](Shape::finish).
#[derive(Debug)]
pub(crate) struct Shape {
    base: String,
    members: Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<Field>,
}

impl Shape {
    /// The body itself.
    ///
    /// # Errors
    /// 422 if it is no object.
    pub(crate) fn of(body: Value) -> Result<Self, Problem> {
        Self::at("", body).map_err(|error| Problem::validation(vec![error]))
    }

    /// An object within the body.
    pub(crate) fn at(base: &str, value: Value) -> Result<Self, Field> {
        match value {
            Value::Object(members) => Ok(Self {
                base: base.to_owned(),
                members,
                known: Vec::new(),
                errors: Vec::new(),
            }),
            _ => Err(Field::member(
                FieldCode::FieldInvalid,
                base,
                "must be a JSON object",
            )),
        }
    }

    /// Takes a member as it is.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.push(name);
        self.members.shift_remove(name)
    }

    /// Takes a text; null counts as absent.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.read(name, "must be a text", |value| value.as_str().map(str::to_owned))
    }

    /// Takes a label, which must be there.
    pub(crate) fn label(&mut self) -> Option<String> {
        let label = self.read("label", LABEL_RULE, |value| {
            value.as_str().filter(|text| is_label(text)).map(str::to_owned)
        });
        self.require("label", label)
    }

    /// Takes true or false; null counts as absent.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, "must be true or false", Value::as_bool)
    }

    /// Takes a member and reads it; null counts as absent, `rule` says what would be right.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(name).filter(|value| !value.is_null())?;
        let read = read(&value);
        if read.is_none() {
            self.refuse(FieldCode::FieldInvalid, name, rule);
        }
        read
    }

    /// Notes that a member is needed, unless something is wrong with it already.
    pub(crate) fn require<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let pointer = self.pointer(name);
        if value.is_none() && !self.errors.iter().any(|error| error.is_at(&pointer)) {
            self.refuse(FieldCode::FieldMissing, name, "is required");
        }
        value
    }

    /// Notes an error at a member.
    pub(crate) fn refuse(&mut self, code: FieldCode, name: &str, detail: impl Into<String>) {
        self.errors.push(Field::member(code, self.pointer(name), detail));
    }

    fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.base, escape(name))
    }

    /// Ends the reading: the errors, those of members that nobody took included.
    pub(crate) fn errors(mut self) -> Vec<Field> {
        let names: Vec<String> = self.members.keys().take(100).cloned().collect();
        let known = self.known.join(", ");
        for name in names {
            self.refuse(
                FieldCode::FieldUnknown,
                &name,
                format!("is not known here; known are {known}"),
            );
        }
        self.errors
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 422 if anything was wrong.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let errors = self.errors();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Problem::validation(errors))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_error_is_told_with_its_pointer() {
        let mut shape = Shape::of(json!({"label": 7, "paused": true, "lable": "x", "a/b": 1})).unwrap();
        let label = shape.text("label");
        assert_eq!(shape.flag("paused"), Some(true));
        let id = shape.text("store_id");
        shape.require("store_id", id);
        shape.require("label", label);
        let document = shape.finish().unwrap_err().document("r");
        let pointers: Vec<&str> = document["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(pointers, ["/label", "/store_id", "/lable", "/a~1b"]);
    }

    #[test]
    fn a_body_that_is_no_object_is_refused() {
        for body in [json!([]), json!("x"), json!(null)] {
            assert!(Shape::of(body).is_err());
        }
    }
}
