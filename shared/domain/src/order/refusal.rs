//! Why a request body is refused, member by member.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One member of a body that cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer into the body.
    pub pointer: String,
    /// What is wrong and what would be right; never the value.
    pub detail: String,
    /// The stable code.
    pub code: FieldCode,
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldCode {
    /// It is needed and not there.
    FieldMissing,
    /// It is there and has no meaning.
    FieldUnknown,
    /// It has the wrong type, form or range.
    FieldInvalid,
    /// Order Desk manages it.
    FieldReadOnly,
    /// The same thing is given twice under two names.
    FieldConflict,
    /// The id is another than the path's.
    IdMismatch,
    /// There is more of it than we take.
    LimitExceeded,
}

impl FieldCode {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FieldMissing => "field_missing",
            Self::FieldUnknown => "field_unknown",
            Self::FieldInvalid => "field_invalid",
            Self::FieldReadOnly => "field_read_only",
            Self::FieldConflict => "field_conflict",
            Self::IdMismatch => "id_mismatch",
            Self::LimitExceeded => "limit_exceeded",
        }
    }
}

impl FieldError {
    /// An error at `pointer`.
    pub fn new(code: FieldCode, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            detail: detail.into(),
            code,
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.pointer, self.detail, self.code.as_str())
    }
}

/// `base` extended by one token, escaped as RFC 6901 §3 says.
pub(super) fn join(base: &str, token: &str) -> String {
    format!("{base}/{}", token.replace('~', "~0").replace('/', "~1"))
}
