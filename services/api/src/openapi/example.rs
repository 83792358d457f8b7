//! Examples that are shared: one problem document for each code.

use serde_json::{Map, Value, json};

use crate::problem::{Code, problem_object};

/// Those that may be referred to, by name.
pub(super) fn components() -> Map<String, Value> {
    Code::ALL
        .iter()
        .map(|code| (code.as_str().to_owned(), of(*code)))
        .collect()
}

fn of(code: Code) -> Value {
    let mut document = problem_object(code, code.about());
    document.insert(
        "request_id".to_owned(),
        "0192f0c1-2b7c-7e7e-8a51-0d2f6c1f9a3e".into(),
    );
    if let Code::ValidationFailed | Code::FieldReadOnly = code {
        let (pointer, field) = match code {
            Code::FieldReadOnly => ("/operations/0/path", "field_read_only"),
            _ => ("/note", "field_missing"),
        };
        document.insert(
            "errors".to_owned(),
            json!([{"pointer": pointer, "detail": code.title(), "code": field}]),
        );
    }
    json!({"summary": code.title(), "value": document})
}
