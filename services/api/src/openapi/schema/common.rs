//! Words and small shapes that occur everywhere.

use domain::event::Event;
use domain::job::{JobStatus, Priority as JobPriority};
use domain::order::CommandKind as Kind;
use serde_json::{Value, json};

use super::{refer, written};
use crate::problem::Code;

fn words<'a>(about: &str, words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"type": "string", "description": about, "enum": words.into_iter().collect::<Vec<_>>()})
}

written! {
    /// RFC 9457.
    Problem = json!({
        "type": "object",
        "description": "Why a request was refused (RFC 9457). Some codes add members, named in their description.",
        "required": ["type", "title", "status", "detail", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "`/problems/<code>`, which explains it."},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What is wrong with this request, for people."},
            "code": refer("ProblemCode"),
            "request_id": {"type": "string"},
            "errors": {"type": "array", "items": refer("FieldError")},
        },
        "additionalProperties": true,
    });
    /// One entry of a problem's `errors`.
    FieldError = json!({
        "type": "object",
        "description": "A member or parameter that cannot be accepted.",
        "required": ["pointer", "detail", "code"],
        "properties": {
            "pointer": {"type": "string", "description": "JSON Pointer into the body, or `/query/…`, `/path/…`, `/header/…`."},
            "detail": {"type": "string"},
            "code": {"enum": [
                "field_missing", "field_unknown", "field_invalid", "field_read_only", "field_conflict", "id_mismatch",
                "limit_exceeded",
            ]},
            "parameter": {"type": "string", "description": "The name, where it is no member of the body."},
        },
    });
    /// All codes.
    ProblemCode = json!({
        "type": "string",
        "description": "The stable code of a problem, of an answer or of a job.",
        "enum": Code::ALL.iter().map(|code| code.as_str()).collect::<Vec<_>>(),
        "x-enum-descriptions": Code::ALL.iter().map(|code| code.about()).collect::<Vec<_>>(),
    });
    /// The explanation of a code.
    ProblemType = json!({
        "type": "object",
        "required": ["type", "code", "title", "status", "description"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "code": refer("ProblemCode"),
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "description": {"type": "string"},
        },
    });
    /// Where a job stands.
    Status = words("Where a job stands; `succeeded`, `failed` and `cancelled` are final.", JobStatus::ALL.iter().map(|s| s.as_str()));
    /// Which lane goes first.
    Priority = words("Which of a store's waiting jobs goes first.", JobPriority::ALL.iter().map(|p| p.as_str()));
    /// What a command does.
    CommandKind = words("What a command does.", Kind::ALL.iter().map(|kind| kind.as_str()));
    /// What can happen.
    EventType = words("What can happen: the types of the ledger's events, which the change history and the audit name.", Event::TYPES.iter().copied());
    /// Our id, or anything that JSON can say.
    JsonPatch = json!({
        "type": "array",
        "description": "RFC 6902 operations.",
        "items": {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                "path": {"type": "string"},
                "from": {"type": "string"},
                "value": true,
            },
        },
    });
}
