//! The headers of answers.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::complete::Traits;

/// On every answer.
const ALWAYS: [(&str, &str); 6] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-XSS-Protection", "0"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", ""),
    ("Cache-Control", ""),
];

/// Those that may be referred to.
pub(super) fn components() -> Map<String, Value> {
    let text = |about: &str, required: bool, schema: Value| json!({"description": about, "required": required, "schema": schema});
    let mut headers = Map::new();
    for (name, value) in ALWAYS {
        let schema = match value {
            "" => json!({"type": "string"}),
            value => json!({"type": "string", "const": value}),
        };
        headers.insert(name.to_owned(), text("The same on every answer.", true, schema));
    }
    let seconds = || json!({"type": "integer", "minimum": 0});
    for (name, about, required, schema) in [
        (
            "X-Request-Id",
            "The request's correlation id: the client's, or one made here.",
            true,
            json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"}),
        ),
        (
            "Strict-Transport-Security",
            "If the client came by https.",
            false,
            json!({"type": "string"}),
        ),
        (
            "RateLimit-Policy",
            "The tenant's limit (draft-ietf-httpapi-ratelimit-headers), where one is set.",
            false,
            json!({"type": "string"}),
        ),
        (
            "RateLimit",
            "What is left of it (draft-ietf-httpapi-ratelimit-headers).",
            false,
            json!({"type": "string"}),
        ),
        (
            "Retry-After",
            "Seconds after which asking again makes sense.",
            false,
            seconds(),
        ),
        (
            "WWW-Authenticate",
            "How to log in.",
            true,
            json!({"type": "string", "const": "Bearer"}),
        ),
        (
            "Allow",
            "The methods that the path takes.",
            true,
            json!({"type": "string"}),
        ),
        (
            "Location",
            "Where what was made or submitted is found.",
            false,
            json!({"type": "string", "format": "uri-reference"}),
        ),
        (
            "Link",
            "The next page, `rel=\"next\"` (RFC 8288); not on the last one.",
            false,
            json!({"type": "string"}),
        ),
        (
            "X-First-Tenant-Position",
            "`tenant_position` of the first entry; left out if there is none.",
            false,
            json!({"type": "integer", "minimum": 1}),
        ),
        (
            "X-Last-Tenant-Position",
            "`tenant_position` of the last entry; left out if there is none.",
            false,
            json!({"type": "integer", "minimum": 1}),
        ),
        (
            "ETag",
            "The strong tag of the content.",
            false,
            json!({"type": "string", "pattern": "^\"[!#-~]+\"$"}),
        ),
        ("Age", "Seconds since Order Desk was asked.", true, seconds()),
        (
            "X-Cache",
            "Where the answer comes from: `stale` while Order Desk cannot be asked, `bypass` where nothing was to be kept.",
            true,
            json!({"type": "string", "enum": ["hit", "miss", "stale", "bypass"]}),
        ),
        (
            "Preference-Applied",
            "What of `Prefer` was honoured (RFC 7240).",
            false,
            json!({"type": "string"}),
        ),
        (
            "Idempotency-Replayed",
            "Whether the answer is that of an earlier request with this `Idempotency-Key`.",
            false,
            json!({"type": "string", "const": "true"}),
        ),
    ] {
        headers.insert(name.to_owned(), text(about, required, schema));
    }
    headers
}

/// Gives an answer the headers of every answer, and refers to what is known of the others.
pub(super) fn complete(status: StatusCode, traits: &Traits<'_>, response: &mut Value) {
    let known = components();
    let mut headers = Map::new();
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        let value = if known.contains_key(name) {
            refer(name)
        } else {
            value.clone()
        };
        headers.insert(name.clone(), value);
    }
    let mut names = vec!["X-Request-Id", "Strict-Transport-Security"];
    names.extend(ALWAYS.map(|(name, _)| name));
    if traits.secured {
        names.extend(["RateLimit-Policy", "RateLimit"]);
    }
    names.extend(match status {
        StatusCode::UNAUTHORIZED => &["WWW-Authenticate"][..],
        StatusCode::METHOD_NOT_ALLOWED => &["Allow"],
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT => {
            &["Retry-After"]
        }
        status if status.is_success() && traits.changes => &["Idempotency-Replayed"],
        _ => &[],
    });
    headers.extend(names.into_iter().map(|name| (name.to_owned(), refer(name))));
    response["headers"] = headers.into();
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
