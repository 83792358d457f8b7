//! The document and the routes say the same.

use std::collections::BTreeSet;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::place::{KEY, Place};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Whether the router takes the method at the path. Only the head of the answer is awaited: some bodies never end.
async fn takes(place: &Place, method: &str, path: &str) -> bool {
    let request = Request::builder()
        .method(method.to_uppercase().as_str())
        .uri(path)
        .header("authorization", format!("Bearer {KEY}"))
        .body(Body::empty())
        .unwrap();
    let response = place.router.clone().oneshot(request).await.unwrap();
    response.status() != StatusCode::METHOD_NOT_ALLOWED
}

/// A path of this template.
fn example_of(template: &str) -> String {
    let parts = template.split('/').map(|part| match part.split_once('}') {
        Some((name, rest)) if name.ends_with("_id") => format!("1{rest}"),
        Some((_, rest)) => format!("x{rest}"),
        None => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn described() -> BTreeSet<(String, String)> {
    let paths = api::openapi::document()["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
        let methods = item.as_object().unwrap().keys();
        methods.map(|method| (path.clone(), method.clone())).collect()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn what_is_routed_is_described_and_what_is_described_is_routed() {
    let place = Place::new().await;
    let mut routed = BTreeSet::new();
    for path in api::paths() {
        for method in METHODS {
            if takes(&place, method, &example_of(path)).await {
                routed.insert((path.to_owned(), method.to_owned()));
            }
        }
    }
    let described = described();
    let undescribed: Vec<_> = routed.difference(&described).collect();
    let unrouted: Vec<_> = described.difference(&routed).collect();
    assert!(
        undescribed.is_empty() && unrouted.is_empty(),
        "not described: {undescribed:?}; not routed: {unrouted:?}"
    );
}

#[test]
fn every_reference_leads_somewhere_and_names_are_unique() {
    let document = api::openapi::document();
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
        match value {
            Value::Array(list) => open.extend(list),
            Value::Object(map) => open.extend(map.values()),
            _ => {}
        }
    }
    let paths = document["paths"].as_object().unwrap().values();
    let operations: Vec<&Value> = paths
        .flat_map(|item| item.as_object().unwrap().values())
        .collect();
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|one| one["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
    for operation in operations {
        assert!(
            operation["summary"].as_str().is_some_and(|text| text.len() > 10),
            "{operation}"
        );
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{operation}");
    }
}

#[tokio::test]
async fn the_document_and_the_page_need_no_key() {
    let place = Place::new().await;
    let reply = place.get("/openapi.json").anonymous().send().await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(&reply.ok(200), api::openapi::document());
    let reply = place.get("/docs").anonymous().send().await;
    assert_eq!(reply.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = reply.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(reply.text.contains("<h1>OrderDesk Gateway"));
}

/// Statuses by operation; what a change of the contract changes here should be meant.
#[test]
fn operations_answer_with_these_statuses() {
    let document = api::openapi::document();
    let mut lines = Vec::new();
    for (path, method) in described() {
        let responses = document["paths"][&path][&method]["responses"]
            .as_object()
            .unwrap();
        let statuses: Vec<&str> = responses.keys().map(String::as_str).collect();
        lines.push(format!(
            "{:6} {path} {}",
            method.to_uppercase(),
            statuses.join(" ")
        ));
    }
    insta::assert_snapshot!(lines.join("\n"));
}
