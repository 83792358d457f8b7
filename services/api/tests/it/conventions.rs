//! What holds for every route, asked of each operation of the document: whoever adds a route adds it here, too.

use api::openapi::document;
use http::StatusCode;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::incoming::sign;
use crate::place::{ADMIN, Call, KEY, Place};

/// Those of the document's methods, and `HEAD`.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// Calls that anybody may make take whatever query a monitor or a browser adds, or whoever tells of orders.
const LENIENT: [&str; 10] = [
    "getHealth",
    "getLiveness",
    "getReadiness",
    "getHealthReady",
    "getMetrics",
    "getOpenApi",
    "getDocs",
    "explainProblem",
    "listLogKeys",
    "receiveOrder",
];
/// What signs a call of a relay.
const SECRET: &str = "the-relays-secret";

/// An operation at a path with real ids where there are some.
struct Operation {
    id: &'static str,
    method: String,
    path: String,
    described: &'static Value,
}

impl Operation {
    fn call<'p>(&self, place: &'p Place, query: &str) -> Call<'p> {
        let key = if self.needs("admin_token") { ADMIN } else { KEY };
        place
            .call(&self.method, &format!("{}{query}", self.path))
            .key(key)
    }

    /// The call with a body: one that is believed by its signature, and by nothing else, has one.
    fn signed<'p>(&self, place: &'p Place, body: &str) -> Call<'p> {
        self.call(place, "")
            .header("x-orderdesk-signature", &sign(SECRET, body.as_bytes()))
    }

    fn needs(&self, scheme: &str) -> bool {
        let security = self.described["security"].as_array().unwrap();
        security.iter().any(|one| one.get(scheme).is_some())
    }

    fn takes_body(&self) -> bool {
        self.described.get("requestBody").is_some()
    }

    /// The schema of its JSON body.
    fn schema(&self) -> Option<&'static Value> {
        self.described
            .pointer("/requestBody/content/application~1json/schema")
            .map(resolved)
    }

    /// A body that is accepted as far as its schema goes.
    fn example(&self) -> Value {
        let schema = self.schema().unwrap_or(&Value::Null);
        schema.pointer("/examples/0").cloned().unwrap_or(json!({}))
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document().pointer(reference.trim_start_matches('#')).unwrap()),
        None => schema,
    }
}

/// Whether each form of the body refuses what it does not name.
fn is_closed(schema: &'static Value) -> bool {
    let schema = resolved(schema);
    match schema["oneOf"].as_array() {
        Some(forms) if schema.get("properties").is_none() => forms.iter().all(is_closed),
        _ => schema["additionalProperties"] == false,
    }
}

/// A place, and the document's paths with ids of what is there.
async fn furnished() -> (Place, Vec<(&'static str, String)>) {
    let place = Place::with_app(|config| config.webhook_secret = Some(SECRET.into())).await;
    place.register(KEY, "101").await;
    let order = place.desk.seed_orders("101", 1).unwrap().remove(0);
    let job = place.note(&order, "x").await["id"].as_str().unwrap().to_owned();
    let fill = |template: &str| {
        template
            .replace("{store_id}", "101")
            .replace("{order_id}", &order)
            .replace("{item_id}", "1")
            .replace("{job_id}", &job)
            .replace("{code}", "not_found")
    };
    let paths = document()["paths"].as_object().unwrap().keys();
    let paths = paths.map(|template| (template.as_str(), any_id(&fill(template))));
    let paths = paths.collect();
    (place, paths)
}

/// Ids of which nothing more is known are those of nothing.
fn any_id(path: &str) -> String {
    let mut filled = path.to_owned();
    while let Some((before, (_, after))) = filled
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        filled = format!("{before}01920000-0000-7000-8000-000000000000{after}");
    }
    filled
}

fn operations(paths: &[(&'static str, String)]) -> Vec<Operation> {
    let of = |(template, path): &(&'static str, String)| {
        let item = document()["paths"][*template].as_object().unwrap().iter();
        let operation = |(method, described): (&String, &'static Value)| Operation {
            id: described["operationId"].as_str().unwrap(),
            method: method.to_uppercase(),
            path: path.clone(),
            described,
        };
        item.map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes() {
    let (place, paths) = furnished().await;
    for (template, path) in &paths {
        let item = document()["paths"][*template].as_object().unwrap();
        let described = |method: &&str| {
            let key = if *method == "HEAD" { "GET" } else { method };
            item.contains_key(&key.to_lowercase())
        };
        let taken: Vec<&str> = METHODS.into_iter().filter(described).collect();
        for method in METHODS.into_iter().filter(|method| !taken.contains(method)) {
            let reply = place.call(method, path).send().await;
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(
                reply.header("allow"),
                Some(taken.join(", ").as_str()),
                "{method} {path}"
            );
            if method != "HEAD" {
                reply.refused(405, "method_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn what_can_be_got_has_a_head() {
    let (place, paths) = furnished().await;
    for operation in operations(&paths).iter().filter(|one| one.method == "GET") {
        // Only the head of the answer: some bodies never end.
        let got = operation.call(&place, "").response("").await;
        let head = Operation {
            method: "HEAD".to_owned(),
            path: operation.path.clone(),
            ..*operation
        };
        let head = head.call(&place, "").response("").await;
        assert_eq!(head.status(), got.status(), "{}", operation.name());
        assert_eq!(
            head.headers().get("content-type"),
            got.headers().get("content-type"),
            "{}",
            operation.name()
        );
        let body = head.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty(), "{}", operation.name());
    }
}

#[tokio::test]
async fn a_query_parameter_that_an_operation_does_not_know_is_pointed_at() {
    let (place, paths) = furnished().await;
    for operation in operations(&paths) {
        if LENIENT.contains(&operation.id) {
            continue;
        }
        let call = operation.call(&place, "?nonsense=1");
        let reply = if operation.takes_body() {
            call.json(&operation.example()).await
        } else {
            call.send().await
        };
        let name = operation.name();
        assert_eq!(reply.status.as_u16(), 422, "{name}: {}", reply.text);
        let reply = reply.refused(422, "validation_failed");
        assert!(
            reply.pointers().contains(&"/query/nonsense"),
            "{name}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn who_has_no_key_is_told_to_bring_one() {
    let (place, paths) = furnished().await;
    for operation in operations(&paths) {
        if operation.described["security"] == json!([]) {
            continue;
        }
        let reply = place
            .call(&operation.method, &operation.path)
            .anonymous()
            .send()
            .await;
        assert_eq!(reply.status.as_u16(), 401, "{}: {}", operation.name(), reply.text);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        reply.refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_body_has_the_type_the_size_and_the_form_that_its_operation_takes() {
    let (place, paths) = furnished().await;
    for operation in operations(&paths).iter().filter(|one| one.takes_body()) {
        let name = operation.name();
        let cases = [
            ("image/png", "{}", None, 415),
            ("application/json", "{", None, 400),
            ("application/json", "[]", None, 422),
            // No limit is beyond this; an announced length is believed.
            ("application/json", "{}", Some("8388609"), 413),
        ];
        for (kind, body, length, status) in cases {
            if kind == "application/json" && operation.schema().is_none() {
                continue;
            }
            let mut call = operation.signed(&place, body).header("content-type", kind);
            if let Some(length) = length {
                call = call.header("content-length", length);
            }
            let reply = call.raw(body).await;
            assert_eq!(
                reply.status.as_u16(),
                status,
                "{name} {kind} {body}: {}",
                reply.text
            );
            assert_eq!(
                reply.header("content-type"),
                Some("application/problem+json"),
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_member_that_an_envelope_does_not_know_is_pointed_at() {
    let (place, paths) = furnished().await;
    let mut closed = 0;
    for operation in operations(&paths) {
        if !operation.schema().is_some_and(is_closed) {
            continue;
        }
        closed += 1;
        let mut body = operation.example();
        body["nonsense"] = 1.into();
        let reply = operation.signed(&place, &body.to_string()).json(&body).await;
        let name = operation.name();
        assert_eq!(reply.status.as_u16(), 422, "{name}: {}", reply.text);
        let reply = reply.refused(422, "validation_failed");
        assert!(reply.pointers().contains(&"/nonsense"), "{name}: {}", reply.text);
    }
    assert!(closed >= 8, "only {closed} envelopes are closed");
}
