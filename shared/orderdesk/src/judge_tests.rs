//! Every status and envelope, and what it proves.

use bytes::Bytes;
use proptest::prelude::*;
use std::time::Duration;

use super::*;

const OK: &str = r#"{"status":"success","order":{"id":"1"},"execution_time":"0.1 seconds"}"#;
const ERROR: &str = r#"{"status":"error","message":"Order not valid"}"#;
const HTML: &str = "<html><body>502 Bad Gateway</body></html>";

fn reply(status: u16, body: impl Into<Bytes>) -> Reply {
    Reply {
        status,
        tokens_remaining: None,
        retry_after: Duration::from_secs(3),
        framed: true,
        body: Ok(body.into()),
    }
}

fn failure(status: u16, body: &'static str) -> Failure {
    judge(reply(status, body), Some("order"))
        .expect_err("not a success")
        .failure
}

fn cannot_know(reason: CannotKnow) -> Failure {
    Failure::InDoubt(Doubt::CannotKnow(reason))
}

#[test]
fn a_success_needs_a_2xx_and_the_envelope_of_the_application() {
    for status in [200, 201, 204] {
        assert!(judge(reply(status, OK), Some("order")).is_ok());
    }
    assert!(
        judge(reply(200, r#"{"order":{}}"#), Some("order")).is_ok(),
        "a payload speaks for itself"
    );
    for foreign in [
        HTML,
        "",
        "[]",
        "null",
        "{}",
        r#"{"status":"success","#,
        r#"{"status":"fail","order":{}}"#,
    ] {
        assert_eq!(
            failure(200, foreign),
            cannot_know(CannotKnow::Garbage),
            "{foreign}"
        );
    }
}

#[test]
fn a_200_with_status_error_is_a_complete_answer() {
    let bad = judge(reply(200, ERROR), Some("order")).expect_err("an error");
    assert_eq!(
        bad.failure,
        Failure::InDoubt(Doubt::CompleteAnswer { status: 200 })
    );
    assert_eq!(bad.message.as_deref(), Some("Order not valid"));
}

#[test]
fn a_complete_4xx_is_certain() {
    for body in [ERROR, HTML, ""] {
        assert_eq!(failure(400, body), Failure::Refused { status: 400 });
        assert_eq!(failure(405, body), Failure::Refused { status: 405 });
        assert_eq!(failure(422, body), Failure::Refused { status: 422 });
        assert_eq!(failure(401, body), Failure::Unauthorized { status: 401 });
        assert_eq!(failure(403, body), Failure::Unauthorized { status: 403 });
        assert_eq!(failure(404, body), Failure::NotFound);
    }
}

#[test]
fn a_4xx_that_is_not_complete_is_not() {
    let truncated = |status| Reply {
        body: Err(BodyFault::Truncated("cut".into())),
        ..reply(status, "")
    };
    let unframed = |status| Reply {
        framed: false,
        ..reply(status, r#"{"status":"err"#)
    };
    for status in [400, 401, 404] {
        for answer in [truncated(status), unframed(status)] {
            let bad = judge(answer, None).expect_err("an error");
            assert_eq!(bad.failure, cannot_know(CannotKnow::Truncated { status }));
        }
    }
    let closed = Reply {
        framed: false,
        ..reply(400, ERROR)
    };
    assert_eq!(
        judge(closed, None).expect_err("an error").failure,
        Failure::Refused { status: 400 }
    );
}

#[test]
fn a_429_is_certain_whatever_its_body() {
    let limited = Failure::RateLimited {
        retry_after: Duration::from_secs(3),
    };
    assert_eq!(failure(429, HTML), limited);
    let truncated = Reply {
        body: Err(BodyFault::TooLarge),
        ..reply(429, "")
    };
    assert_eq!(judge(truncated, None).expect_err("an error").failure, limited);
}

#[test]
fn a_5xx_is_judged_at_once_only_if_the_application_itself_ended_it() {
    for status in [500, 501, 503] {
        assert_eq!(
            failure(status, ERROR),
            Failure::InDoubt(Doubt::CompleteAnswer { status })
        );
        assert_eq!(failure(status, HTML), cannot_know(CannotKnow::Gateway { status }));
        assert_eq!(failure(status, OK), cannot_know(CannotKnow::Gateway { status }));
    }
    for status in [408, 502, 504, 522, 530] {
        assert_eq!(
            failure(status, ERROR),
            cannot_know(CannotKnow::Gateway { status })
        );
    }
    assert_eq!(
        failure(302, HTML),
        cannot_know(CannotKnow::Redirected { status: 302 })
    );
}

#[test]
fn a_message_is_one_line_and_errors_are_joined() {
    let message = |body: &'static str| judge(reply(400, body), None).expect_err("an error").message;
    assert_eq!(
        message(r#"{"status":"error","message":"a\nb\u0000 "}"#).as_deref(),
        Some("a b")
    );
    assert_eq!(
        message(r#"{"status":"error","errors":["x","y",1]}"#).as_deref(),
        Some("x; y")
    );
    assert_eq!(message(r#"{"status":"error","message":["x"]}"#), None);
    assert_eq!(trimmed(&"é".repeat(400)).chars().count(), 300);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_panics_and_no_failure_of_a_write_claims_too_much(
        status in 100_u16..600, framed: bool,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            r#"\{"status": ?("success"|"error"|1|null), ?"(message|errors|order)": ?("[a-z]*"|\[\]|\{\}|-1e400)\}"#
                .prop_map(String::into_bytes),
            Just("[".repeat(100_000).into_bytes()),
        ],
    ) {
        let answer = Reply { framed, ..reply(status, body) };
        if let Err(bad) = judge(answer, Some("order")) {
            prop_assert!(!bad.failure.is_certainly_not_applied() || (400..500).contains(&status));
        } else {
            prop_assert!((200..300).contains(&status));
        }
    }
}
