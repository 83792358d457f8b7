//! Nothing that the client prints holds the key, the order, the search or what Order Desk said about them.

use std::error::Error;
use std::fmt::Write;

use orderdesk::{BuildError, CallError, Client, Config, Credentials, Guard};
use secrecy::SecretString;

use crate::upstream::{API_KEY, Act, Upstream, answer, credentials, order};

const PERSONAL: &str = "jane@example.com";

/// All that could end up in a log.
fn printed(error: &CallError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        write!(text, " {inner} {inner:?}").expect("a text");
        cause = inner.source();
    }
    text
}

fn assert_discreet(error: &CallError) {
    let text = printed(error);
    for secret in [API_KEY, PERSONAL, "jane%40example.com"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(text.contains(error.operation()));
}

#[tokio::test]
async fn errors_of_every_kind_are_discreet() {
    let echo = format!(r#"{{"status":"error","message":"{PERSONAL} used {API_KEY}"}}"#);
    let acts: [fn(&str) -> Act; 8] = [
        |echo| Act::Answer(answer(400, "", echo)),
        |echo| Act::Answer(answer(200, "", echo)),
        |echo| Act::Answer(answer(500, "", echo)),
        |echo| Act::Last(echo.as_bytes().to_vec()),
        |echo| Act::Last(format!("HTTP/1.1 200 {echo}\r\ncontent-length: 9\r\n\r\n").into_bytes()),
        |echo| {
            Act::Last(
                format!("HTTP/1.1 302 X\r\nlocation: /?{echo}\r\ncontent-length: 0\r\n\r\n").into_bytes(),
            )
        },
        |_| Act::Close,
        |_| Act::Reset,
    ];
    for act in acts {
        let echo = echo.clone();
        let server = Upstream::start(move |_| act(&echo)).await;
        let client = server.client();
        let written = client
            .put_order(&credentials(), "1", &order(), Guard::default())
            .await;
        assert_discreet(&written.expect_err("a fault"));
        let listed = client.list_orders(&credentials(), &[("email", PERSONAL)]).await;
        assert_discreet(&listed.expect_err("a fault"));
    }
    let nobody = Client::new(crate::upstream::config(1)).expect("a client");
    assert_discreet(
        &nobody
            .list_orders(&credentials(), &[("email", PERSONAL)])
            .await
            .expect_err("refused"),
    );
}

#[tokio::test]
async fn what_order_desk_said_is_kept_apart_without_the_key_and_short() {
    let body = format!(
        r#"{{"status":"error","message":"{PERSONAL} {API_KEY} {}"}}"#,
        "x".repeat(999)
    );
    let server = Upstream::answering(answer(422, "X-Tokens-Remaining: 3\r\n", &body)).await;
    let error = server
        .client()
        .get_order(&credentials(), "1")
        .await
        .expect_err("refused");
    let message = error.upstream_message().expect("a message").reveal();
    assert!(message.starts_with("jane@example.com *** xxx"));
    assert_eq!(message.chars().count(), 300);
    assert_eq!(error.tokens_remaining(), Some(3));
}

#[tokio::test]
async fn a_key_that_cannot_be_a_header_is_neither_sent_nor_shown() {
    let server = Upstream::answering(answer(200, "", "{}")).await;
    for key in ["", "line\nbreak-7Q", "nul\0-7Q"] {
        let bad = Credentials::new("101", SecretString::from(key));
        let error = server.client().test(&bad).await.expect_err("impossible");
        assert!(!printed(&error).contains("7Q"));
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn credentials_and_client_print_no_secret() {
    assert_eq!(format!("{:?}", credentials()), "Credentials(***)");
    let client = Client::new(crate::upstream::config(1)).expect("a client");
    assert!(!format!("{client:?}").contains(API_KEY));
}

#[test]
fn a_base_url_that_cannot_be_one_is_refused_without_being_shown() {
    for url in [
        "ftp://h/x",
        "http://user:hunter2@h/",
        "http://h/?q=hunter2",
        "http://h/#x",
        "data:hunter2",
    ] {
        let error = Client::new(Config::new(url.parse().expect("a URL"))).expect_err("refused");
        assert!(matches!(error, BuildError::BaseUrl { .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
