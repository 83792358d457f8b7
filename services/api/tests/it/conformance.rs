//! Holds every answer of the tests against the OpenAPI document.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::{HeaderMap, StatusCode};
use jsonschema::Validator;
use serde_json::{Value, json};

/// The document with closed answers: a member that it does not name is one that somebody forgot to describe.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = api::openapi::document().clone();
    for schema in document["components"]["schemas"]
        .as_object_mut()
        .unwrap()
        .values_mut()
    {
        close(schema);
    }
    document
});

/// By path, method and status: whatever is not there is compiled when it is first met.
static VALIDATORS: LazyLock<std::sync::Mutex<HashMap<String, std::sync::Arc<Validator>>>> =
    LazyLock::new(std::sync::Mutex::default);

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            let is_object =
                members.get("type") == Some(&json!("object")) && members.contains_key("properties");
            if is_object && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// The template of the document that `path` is.
fn template(path: &str) -> Option<&'static str> {
    let path = path.replace("%3A", ":").replace("%3a", ":");
    let fits = |template: &str| {
        let (mut given, mut wanted) = (path.split('/'), template.split('/'));
        loop {
            match (given.next(), wanted.next()) {
                (None, None) => return true,
                (Some(given), Some(wanted)) if part_fits(given, wanted) => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().unwrap().keys();
    // What has fewer parameters is meant: `/jobs/events` is no job.
    let fitting = paths.filter(|template| fits(template)).map(String::as_str);
    fitting.min_by_key(|template| (template.matches('{').count(), usize::MAX - template.len()))
}

fn part_fits(given: &str, wanted: &str) -> bool {
    match wanted.split_once('}') {
        None => given == wanted,
        Some((_, "")) => !given.is_empty(),
        Some((_, verb)) => given.strip_suffix(verb).is_some_and(|id| !id.is_empty()),
    }
}

/// Asserts that the document foresees this answer.
#[track_caller]
pub fn check(method: &str, path: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) {
    // A preflight belongs to CORS, not to an operation.
    if method == "OPTIONS" {
        return;
    }
    let method = if method == "HEAD" {
        "get".to_owned()
    } else {
        method.to_lowercase()
    };
    let Some(template) = template(path) else {
        assert_eq!(
            status,
            StatusCode::NOT_FOUND,
            "{path} is not described, and yet it answers"
        );
        return;
    };
    let operation = &DOCUMENT["paths"][template][&method];
    if operation.is_null() {
        assert!(
            status == StatusCode::METHOD_NOT_ALLOWED || status == StatusCode::NOT_FOUND,
            "{method} {template} is not described, and yet it answers {status}"
        );
        return;
    }
    let response = &operation["responses"][status.as_str()];
    let shown = String::from_utf8_lossy(body);
    assert!(
        !response.is_null(),
        "{method} {template} is not said to answer {status}: {shown}"
    );
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let pointer = header["$ref"].as_str().unwrap().trim_start_matches('#');
        let header = DOCUMENT.pointer(pointer).unwrap();
        assert!(
            header["required"] != true || headers.contains_key(name.as_str()),
            "{method} {template} {status} lacks {name}"
        );
    }
    if body.is_empty() {
        return;
    }
    let kind = headers
        .get("content-type")
        .map_or("", |value| value.to_str().unwrap());
    let essence = kind.split(';').next().unwrap_or_default();
    let media = &response["content"][essence];
    assert!(
        !media.is_null(),
        "{method} {template} is not said to answer {status} with {essence}"
    );
    // Lines of JSON are no JSON document.
    if essence == "application/json" || essence.ends_with("+json") {
        let key = format!("{method} {template} {status} {essence}");
        let validator = VALIDATORS
            .lock()
            .unwrap()
            .entry(key.clone())
            .or_insert_with(|| compile(&media["schema"]))
            .clone();
        let body: Value = serde_json::from_slice(body).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&body)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{key}: {errors:#?}\n{body:#}");
    }
}

/// The schema with the components that it refers to.
fn compile(schema: &Value) -> std::sync::Arc<Validator> {
    let mut schema = schema.clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert(
            "components".to_owned(),
            json!({"schemas": DOCUMENT["components"]["schemas"]}),
        );
    }
    let validator = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .should_validate_formats(true)
        .build(&schema);
    std::sync::Arc::new(validator.unwrap())
}
