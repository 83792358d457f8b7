//! Calls from pages in a browser.

use api::Origins;

use crate::place::{Place, Reply};

const PAGE: &str = "https://app.example.com";

async fn place(origins: &[&str]) -> Place {
    Place::with(|config| config.allowed_origins = Origins::new(origins.iter().copied())).await
}

fn allowed(reply: &Reply) -> Option<&str> {
    reply.header("access-control-allow-origin")
}

async fn preflight(place: &Place, uri: &str, origin: &str, method: &str) -> Reply {
    let call = place.call("OPTIONS", uri).anonymous().header("origin", origin);
    call.header("access-control-request-method", method).send().await
}

#[tokio::test]
async fn a_preflight_is_answered_on_every_path_and_method_without_a_key() {
    let place = place(&[PAGE, "http://localhost:3000"]).await;
    for uri in [
        "/stores",
        "/jobs/1",
        "/stores/1/jobs:batch",
        "/jobs:retry",
        "/health",
        "/nowhere",
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            for origin in [PAGE, "http://localhost:3000"] {
                let reply = preflight(&place, uri, origin, method).await;
                assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""));
                assert_eq!(allowed(&reply), Some(origin), "{method} {uri}");
                assert_eq!(reply.header("vary"), Some("Origin"));
                assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
                let methods = reply.header("access-control-allow-methods").unwrap();
                assert!(methods.split(", ").any(|allowed| allowed == method), "{methods}");
                let headers = reply.header("access-control-allow-headers").unwrap();
                for name in [
                    "Authorization",
                    "Content-Type",
                    "Idempotency-Key",
                    "If-Match",
                    "Prefer",
                ] {
                    assert!(headers.split(", ").any(|allowed| allowed == name), "{headers}");
                }
            }
        }
    }
}

#[tokio::test]
async fn only_exactly_those_origins_are_let_in() {
    let place = place(&[PAGE]).await;
    for origin in [
        "https://app.example.com.evil.com",
        "https://evil.com",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://APP.example.com",
        "null",
        "*",
    ] {
        let reply = preflight(&place, "/stores", origin, "POST").await;
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (204, None), "{origin}");
        assert_eq!(reply.header("access-control-allow-methods"), None);
        let reply = place.get("/tenant").header("origin", origin).send().await;
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (200, None), "{origin}");
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
}

#[tokio::test]
async fn answers_and_refusals_may_be_read_with_their_headers() {
    let place = place(&[PAGE]).await;
    for (uri, key, status) in [
        ("/tenant", "a-master-key-that-is-long-enough-to-provision", 200),
        ("/tenant", "wrong", 401),
        ("/nowhere", "wrong", 404),
        (
            "/tenant?x=1",
            "a-master-key-that-is-long-enough-to-provision",
            422,
        ),
    ] {
        let reply = place.get(uri).key(key).header("origin", PAGE).send().await;
        assert_eq!((reply.status.as_u16(), allowed(&reply)), (status, Some(PAGE)));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in [
            "ETag",
            "RateLimit",
            "Retry-After",
            "X-Request-Id",
            "Idempotency-Replayed",
        ] {
            assert!(exposed.split(", ").any(|given| given == name), "{exposed}");
        }
        assert_eq!(reply.header("vary"), Some("Origin"));
    }
    let plain = place.get("/tenant").send().await;
    assert_eq!((allowed(&plain), plain.header("vary")), (None, Some("Origin")));
}

#[tokio::test]
async fn without_origins_nothing_is_said_and_options_is_no_method() {
    let place = Place::new().await;
    let reply = preflight(&place, "/stores", PAGE, "POST")
        .await
        .refused(405, "method_not_allowed");
    assert_eq!((allowed(&reply), reply.header("vary")), (None, None));
    let reply = place.get("/tenant").header("origin", PAGE).send().await;
    assert_eq!((allowed(&reply), reply.header("vary")), (None, None));
}

#[tokio::test]
async fn an_options_that_is_no_preflight_is_no_method() {
    let place = place(&[PAGE]).await;
    let reply = place
        .call("OPTIONS", "/stores")
        .header("origin", PAGE)
        .send()
        .await;
    let reply = reply.refused(405, "method_not_allowed");
    assert!(reply.header("allow").is_some() && allowed(&reply) == Some(PAGE));
}

#[tokio::test]
async fn a_star_lets_every_page_in() {
    let place = place(&["*"]).await;
    let reply = preflight(&place, "/stores", "https://anything.example", "POST").await;
    assert_eq!((allowed(&reply), reply.header("vary")), (Some("*"), None));
}
