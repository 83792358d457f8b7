//! Which problems an operation may answer with, and how they look in the document.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Value, json};

use super::complete::Traits;
use crate::problem::Code;

/// The answers that are problem documents, by status.
pub(super) fn responses(traits: &Traits<'_>, own: &[String]) -> BTreeMap<StatusCode, Value> {
    let mut by_status: BTreeMap<StatusCode, Vec<Code>> = BTreeMap::new();
    let own = own
        .iter()
        .map(|code| Code::parse(code).expect("x-problems names codes of problem/code.rs"));
    for code in of_shape(traits).into_iter().chain(own) {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    by_status
        .into_iter()
        .map(|(status, codes)| (status, response(status, &codes)))
        .collect()
}

/// What follows from what the operation takes.
fn of_shape(traits: &Traits<'_>) -> Vec<Code> {
    use Code::{
        BodyTooLarge, Busy, DeliveryNotFound, EndpointNotFound, HandlerTimeout, IdempotencyKeyReused,
        Internal, InvalidCursor, InvalidHeader, InvalidJson, InvalidRequest, JobNotFound, KeyRevoked,
        MethodNotAllowed, NotFound, RequestTimeout, StoreAmbiguous, StoreNotFound, TooManyRequests,
        Unauthorized, Unavailable, UnsupportedMediaType, ValidationFailed,
    };
    let mut codes = vec![Internal, HandlerTimeout];
    if traits.secured {
        codes.extend([Unauthorized, TooManyRequests, ValidationFailed, Unavailable]);
    }
    if traits.secured && !traits.admin {
        codes.extend([KeyRevoked, Busy]);
    }
    if traits.path.contains('{') {
        codes.extend([InvalidRequest, NotFound]);
    }
    if traits.path.contains("{store_id}") {
        codes.extend([StoreNotFound, StoreAmbiguous]);
    }
    if traits.path.contains("{job_id}") {
        codes.push(JobNotFound);
    }
    if traits.path.contains("{endpoint_id}") {
        codes.push(EndpointNotFound);
    }
    if traits.path.contains("{delivery_id}") {
        codes.push(DeliveryNotFound);
    }
    // An id that ends in a known verb names the path of another method.
    let takes_verbs = ["{job_id}", "{order_id}", "{endpoint_id}"];
    if takes_verbs.iter().any(|id| traits.path.ends_with(id)) {
        codes.push(MethodNotAllowed);
    }
    if traits.body {
        codes.extend([
            InvalidJson,
            InvalidRequest,
            RequestTimeout,
            BodyTooLarge,
            UnsupportedMediaType,
        ]);
    }
    if traits.changes {
        codes.extend([InvalidHeader, IdempotencyKeyReused]);
    }
    let takes = |name: &str| traits.parameters.iter().any(|own| own == name);
    if takes("cursor") {
        codes.push(InvalidCursor);
    }
    if takes("Prefer") || takes("If-None-Match") {
        codes.push(InvalidHeader);
    }
    codes
}

fn response(status: StatusCode, codes: &[Code]) -> Value {
    let about: Vec<String> = codes
        .iter()
        .map(|code| format!("- `{}`: {}", code.as_str(), code.title()))
        .collect();
    let names: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let examples: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"$ref": format!("#/components/examples/{name}")}),
            )
        })
        .collect();
    json!({
        "description": format!("{}.\n{}", status.canonical_reason().unwrap_or("Refused"), about.join("\n")),
        "content": {"application/problem+json": {
            "schema": {
                "allOf": [{"$ref": "#/components/schemas/Problem"}],
                "properties": {"status": {"const": status.as_u16()}, "code": {"enum": names}},
            },
            "examples": examples,
        }},
    })
}
