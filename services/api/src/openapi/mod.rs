//! The OpenAPI document: made from the code by `utoipa`, completed here, served at `/openapi.json` and `/docs`.
//!
//! **How to describe an endpoint.**
//! 1. `#[utoipa::path(get, path = "/stores/{store_id}", operation_id = "getStore", tag = "stores", …)]` at the handler;
//!    its doc comment becomes summary (first line) and description. A line in `operations`.
//! 2. `params(("verify" = bool, Query, description = "…"))` for parameters of its own, `params(Paging)` and the like for
//!    those of `parameter`. Left out, because `complete` adds them: path parameters, `Idempotency-Key`.
//! 3. `request_body = AddNote`, `responses((status = 200, description = "…", body = Store), …)` with types that derive
//!    `utoipa::ToSchema`, or with those of `schema`, which are written as JSON Schema. Only successes are listed.
//! 4. Problems follow from the shape of the operation (a key, a body, an id in the path); those of its own are named by
//!    `extensions(("x-problems" = json!(["job_running"])))`. The headers of every answer are added, too.
//! 5. `security(())` for a call without a master key, `security(("admin_token" = []))` for the administrator's.
//!
//! Every answer of the tests in `tests/it` is held against the document: status, problem code, headers and schema.

mod complete;
mod docs;
mod example;
mod header;
mod operations;
#[expect(
    clippy::needless_pass_by_value,
    reason = "the values are made for these calls"
)]
pub(crate) mod parameter;
mod problem;
#[expect(
    clippy::needless_pass_by_value,
    reason = "the values are made for these calls"
)]
pub(crate) mod schema;

use std::sync::LazyLock;

use http::HeaderValue;
use serde_json::Value;
use utoipa::OpenApi as _;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let described = serde_json::to_value(operations::Described::openapi());
    complete::complete(described.expect("the description is JSON"))
});
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());
static POLICY: LazyLock<HeaderValue> =
    LazyLock::new(|| HeaderValue::from_str(&docs::policy()).expect("the policy is made of ASCII"));
static PAGE: LazyLock<String> = LazyLock::new(|| docs::page(&DOCUMENT));

/// The document.
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The document as it is sent.
pub(crate) fn text() -> &'static str {
    &TEXT
}

/// The document as a page for people.
pub(crate) fn page() -> &'static str {
    &PAGE
}

/// What that page may load.
pub(crate) fn page_policy() -> HeaderValue {
    POLICY.clone()
}

/// The methods that the document has for a path, `HEAD` with `GET`; none if it has no such path.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        ("get", "GET"),
        ("head", "HEAD"),
        ("post", "POST"),
        ("put", "PUT"),
        ("patch", "PATCH"),
        ("delete", "DELETE"),
    ];
    let Some(item) = DOCUMENT["paths"].get(path) else {
        return Vec::new();
    };
    let is_there = |key: &str| item.get(if key == "head" { "get" } else { key }).is_some();
    let known = KNOWN.into_iter();
    known
        .filter(|(key, _)| is_there(key))
        .map(|(_, name)| name)
        .collect()
}
