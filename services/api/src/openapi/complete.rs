//! What is the same for all operations: added here, so that no handler repeats it.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::{example, header, parameter, problem, schema};

/// Where the master key goes.
const MASTER_KEY: &str = "master_key";

const ABOUT: &str = "Durable, ordered and provable changes of Order Desk orders. A command is answered `202` with a job \
    once it is stored; `Prefer: wait=30` waits for its end. Errors are problem documents (RFC 9457) with a stable \
    `code`. Every answer carries `X-Request-Id`. Every changing call takes an `Idempotency-Key`.\n\nThe colon in paths \
    such as `/jobs/{job_id}:cancel` may be sent as `%3A`. `HEAD` is served wherever `GET` is.";

/// The whole document, from what the handlers say.
pub(super) fn complete(mut document: Value) -> Value {
    document["info"] = json!({
        "title": "OrderDesk Gateway",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "Reliable changes for Order Desk",
        "description": ABOUT,
        "license": {"name": "MIT", "identifier": "MIT"},
    });
    document["jsonSchemaDialect"] = "https://spec.openapis.org/oas/3.1/dialect/base".into();
    document["servers"] = json!([{"url": "/", "description": "Where this document was found"}]);
    if let Some(paths) = document["paths"].as_object_mut() {
        for (path, item) in paths.iter_mut() {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                complete_operation(path, method, operation);
            }
        }
    }
    let components = &mut document["components"];
    let derived = components["schemas"].take();
    let mut schemas: Map<String, Value> = derived.as_object().cloned().unwrap_or_default();
    schemas.extend(schema::all().map(|(name, schema)| (name.to_owned(), schema)));
    schemas.sort_keys();
    *components = json!({
        "securitySchemes": security_schemes(),
        "parameters": parameter::components(),
        "headers": header::components(),
        "examples": example::components(),
        "schemas": schemas,
    });
    document
}

fn security_schemes() -> Value {
    json!({
        MASTER_KEY: {
            "type": "http",
            "scheme": "bearer",
            "description": "A master key of the tenant. Never in the query: it would end up in logs.",
        },
        "admin_token": {
            "type": "http",
            "scheme": "bearer",
            "description": "The operator's `ADMIN_TOKEN`.",
        },
    })
}

/// What the shape of an operation says about it.
pub(super) struct Traits<'a> {
    /// The template.
    pub(super) path: &'a str,
    /// Whether a key is needed.
    pub(super) secured: bool,
    /// Whether it is the administrator's key.
    pub(super) admin: bool,
    /// Whether it changes something.
    pub(super) changes: bool,
    /// Whether it takes a body.
    pub(super) body: bool,
    /// The names of its parameters.
    pub(super) parameters: Vec<String>,
}

/// Takes `null` out of the schemas of a body that may be left out: a body that is sent is an object.
fn without_null(content: &mut Value) {
    for (_, media) in content.as_object_mut().into_iter().flatten() {
        let mut choices = media["schema"]["oneOf"].as_array().cloned().unwrap_or_default();
        choices.retain(|choice| choice != &json!({"type": "null"}));
        if let [only] = choices.as_slice() {
            media["schema"] = only.clone();
        }
    }
}

fn complete_operation(path: &str, method: &str, operation: &mut Value) {
    let security = operation["security"].as_array().cloned();
    let open = security
        .as_ref()
        .is_some_and(|list| list.iter().all(|one| one == &json!({})));
    match &security {
        _ if open => operation["security"] = json!([]),
        None => operation["security"] = json!([{MASTER_KEY: []}]),
        Some(_) => {}
    }
    let changes = !open && method != "get";
    let parameters = parameter::complete(path, changes, operation["parameters"].take());
    let names = parameters.iter().map(parameter::name).collect();
    operation["parameters"] = parameters.into();
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        without_null(content);
    }
    let traits = Traits {
        path,
        secured: !open,
        admin: security.is_some_and(|list| list.iter().any(|one| one.get("admin_token").is_some())),
        changes,
        body: operation.get("requestBody").is_some(),
        parameters: names,
    };
    let own = operation
        .as_object_mut()
        .and_then(|operation| operation.remove("x-problems"));
    let own: Vec<String> = own
        .map(|own| serde_json::from_value(own).expect("x-problems lists codes"))
        .unwrap_or_default();
    for (status, mut response) in problem::responses(&traits, &own) {
        // An answer of the same status that is no problem: `/ready` says what is missing.
        if let Some(other) = operation["responses"].get(status.as_str()) {
            response["description"] = other["description"].clone();
            for (kind, media) in other["content"].as_object().into_iter().flatten() {
                response["content"][kind] = media.clone();
            }
        }
        operation["responses"][status.as_str()] = response;
    }
    for (status, response) in operation["responses"].as_object_mut().into_iter().flatten() {
        header::complete(status.parse().unwrap_or(StatusCode::OK), &traits, response);
    }
    if let Some(responses) = operation["responses"].as_object_mut() {
        responses.sort_keys();
    }
}
