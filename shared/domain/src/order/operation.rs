//! One operation of an `order.mutate` (RFC 6902 §4), in either path form.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::path::Path;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Puts a value at a place, into a list before the element there.
    Add,
    /// Takes the value away.
    Remove,
    /// Puts another value in the place of one.
    Replace,
    /// Takes a value from one place to another.
    Move,
    /// Puts a copy of one place's value at another.
    Copy,
    /// Demands that a value be there.
    Test,
}

impl OperationKind {
    /// Every kind, in the order of RFC 6902 §4.
    pub const ALL: [Self; 6] = [
        Self::Add,
        Self::Remove,
        Self::Replace,
        Self::Move,
        Self::Copy,
        Self::Test,
    ];

    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Test => "test",
        }
    }
}

/// One operation, its value already under Order Desk's names.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What it does.
    pub op: OperationKind,
    /// Where.
    pub path: Path,
    /// From where (`move`, `copy`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Path>,
    /// The value (`add`, `replace`, `test`); `null` is a value.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub value: Option<Value>,
}

/// Tells `"value": null` from no value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Operation {
    /// Whether it changes what is at `path`.
    pub fn is_write(&self) -> bool {
        self.op != OperationKind::Test
    }

    /// The first token of each place that it changes; the empty text for the whole order.
    pub fn written_fields(&self) -> Vec<String> {
        let first = |path: &Path| path.tokens().into_iter().next().unwrap_or_default();
        let mut fields = Vec::new();
        if self.is_write() {
            fields.push(first(&self.path));
        }
        if self.op == OperationKind::Move {
            fields.extend(self.from.as_ref().map(first));
        }
        fields
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operation({} {}, ***)", self.op.as_str(), self.path.as_str())
    }
}
