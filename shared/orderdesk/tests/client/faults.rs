//! Each fault, and what the client says about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use orderdesk::{CannotKnow, Client, Config, Doubt, Failure, Guard, NotSent};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::upstream::{self, Act, Upstream, answer, credentials, order, success};

const ERROR: &str = r#"{"status":"error","message":"no"}"#;

fn cannot_know(reason: CannotKnow) -> Failure {
    Failure::InDoubt(Doubt::CannotKnow(reason))
}

async fn put(client: &Client, guard: Guard<'_>) -> Result<(), Failure> {
    let answer = client.put_order(&credentials(), "4312", &order(), guard).await;
    answer.map(drop).map_err(|error| error.failure())
}

async fn get(client: &Client) -> Result<(), Failure> {
    client
        .get_order(&credentials(), "4312")
        .await
        .map(drop)
        .map_err(|error| error.failure())
}

/// What a PUT and a GET say when the server does the same to both; each must have been sent exactly once.
async fn both(act: impl Fn() -> Act + Send + Sync + 'static) -> Failure {
    both_with(act, |_| {}).await
}

async fn both_with(act: impl Fn() -> Act + Send + Sync + 'static, settle: impl Fn(&mut Config)) -> Failure {
    let server = Upstream::start(move |_| act()).await;
    let mut config = server.config();
    settle(&mut config);
    let client = Client::new(config).expect("a client");
    let written = put(&client, Guard::default()).await.expect_err("a fault");
    let read = get(&client).await.expect_err("a fault");
    assert_eq!(written, read);
    let methods: Vec<_> = server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["PUT", "GET"]);
    written
}

async fn both_unsent(config: Config) -> Failure {
    let client = Client::new(config).expect("a client");
    let written = put(&client, Guard::default()).await.expect_err("a fault");
    assert_eq!(written, get(&client).await.expect_err("a fault"));
    assert!(written.is_certainly_not_applied() && written.is_transient() && written.is_outage());
    written
}

#[tokio::test]
async fn a_refused_connection_is_certain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    assert_eq!(
        both_unsent(upstream::config(port)).await,
        Failure::NotSent(NotSent::Refused)
    );
}

#[tokio::test]
async fn an_unknown_host_is_certain() {
    let config = Config::new("http://orderdesk.invalid/api/v2".parse().unwrap());
    assert_eq!(both_unsent(config).await, Failure::NotSent(NotSent::Dns));
}

#[tokio::test]
async fn time_spent_in_a_tls_handshake_is_certain() {
    // Accepts, and then says nothing to the client's hello.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = Config::new(format!("https://127.0.0.1:{port}/api/v2").parse().unwrap());
    config.tls = Some(crate::tls::trusting_nobody());
    config.connect_timeout = Duration::from_millis(100);
    assert_eq!(
        both_unsent(config).await,
        Failure::NotSent(NotSent::ConnectTimeout)
    );
}

#[tokio::test]
async fn a_failed_tls_handshake_is_certain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 16]).await;
            let _ =
                tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut config = Config::new(format!("https://127.0.0.1:{port}/api/v2").parse().unwrap());
    config.tls = Some(crate::tls::trusting_nobody());
    assert_eq!(both_unsent(config).await, Failure::NotSent(NotSent::Tls));
}

#[tokio::test]
async fn complete_answers_are_judged_by_their_status() {
    let limited = Failure::RateLimited {
        retry_after: Duration::from_secs(7),
    };
    for (status, expected) in [
        (400, Failure::Refused { status: 400 }),
        (401, Failure::Unauthorized { status: 401 }),
        (403, Failure::Unauthorized { status: 403 }),
        (404, Failure::NotFound),
        (422, Failure::Refused { status: 422 }),
        (429, limited),
        (200, Failure::InDoubt(Doubt::CompleteAnswer { status: 200 })),
        (500, Failure::InDoubt(Doubt::CompleteAnswer { status: 500 })),
        (502, cannot_know(CannotKnow::Gateway { status: 502 })),
        (504, cannot_know(CannotKnow::Gateway { status: 504 })),
    ] {
        let failure = both(move || Act::Answer(answer(status, "X-Retry-After: 7\r\n", ERROR))).await;
        assert_eq!(failure, expected);
        assert!(failure.was_answered());
        assert_eq!(failure.is_certainly_not_applied(), (400..500).contains(&status));
    }
}

#[tokio::test]
async fn html_garbage_and_empty_answers_leave_doubt() {
    let html = "<html>maintenance</html>";
    for body in [html, "", "{\"status\":\"succ"] {
        let bytes = answer(200, "", body);
        assert_eq!(
            both(move || Act::Answer(bytes.clone())).await,
            cannot_know(CannotKnow::Garbage)
        );
    }
    let gateway = both(move || Act::Answer(answer(503, "", html))).await;
    assert_eq!(gateway, cannot_know(CannotKnow::Gateway { status: 503 }));
    let noise = both(|| Act::Last(b"\x16\x03\x01 this is not HTTP \r\n\r\n".to_vec())).await;
    assert_eq!(noise, cannot_know(CannotKnow::Garbage));
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_leaves_doubt() {
    assert_eq!(both(|| Act::Close).await, cannot_know(CannotKnow::Broken));
    assert_eq!(both(|| Act::Reset).await, cannot_know(CannotKnow::Broken));
    assert_eq!(
        both(|| Act::Last(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())).await,
        cannot_know(CannotKnow::Broken)
    );
    assert!(cannot_know(CannotKnow::Broken).is_outage());
}

#[tokio::test]
async fn an_answer_that_ends_early_leaves_doubt_whatever_its_status() {
    for status in [200, 400, 500] {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 999\r\n\r\n{ERROR}").into_bytes();
        assert_eq!(
            both(move || Act::Last(head.clone())).await,
            cannot_know(CannotKnow::Truncated { status })
        );
        let chunk = format!("HTTP/1.1 {status} X\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{{\"sta\r\n");
        let chunk = chunk.into_bytes();
        assert_eq!(
            both(move || Act::Last(chunk.clone())).await,
            cannot_know(CannotKnow::Truncated { status })
        );
    }
    let unframed = b"HTTP/1.1 400 X\r\n\r\n{\"status\":\"error\",\"mess".to_vec();
    let failure = both(move || Act::Last(unframed.clone())).await;
    assert_eq!(failure, cannot_know(CannotKnow::Truncated { status: 400 }));
}

#[tokio::test]
async fn no_answer_in_time_leaves_doubt() {
    let short = |config: &mut Config| config.timeout = Duration::from_millis(80);
    assert_eq!(
        both_with(|| Act::Hang, short).await,
        cannot_know(CannotKnow::TimedOut)
    );
    let slow = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec();
    assert_eq!(
        both_with(move || Act::Answer(slow.clone()), short).await,
        cannot_know(CannotKnow::TimedOut)
    );
}

#[tokio::test]
async fn an_oversize_answer_is_given_up_at_the_limit() {
    let small = |config: &mut Config| config.max_document_bytes = 1_000;
    let announced = answer(200, "", &"x".repeat(1_001));
    let failure = both_with(move || Act::Answer(announced.clone()), small).await;
    assert_eq!(failure, cannot_know(CannotKnow::TooLarge { status: 200 }));
    let endless = b"HTTP/1.1 200 OK\r\n\r\n                                ".to_vec();
    let failure = both_with(move || Act::Flood(endless.clone()), small).await;
    assert_eq!(failure, cannot_know(CannotKnow::TooLarge { status: 200 }));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let bytes = answer(status, "location: /api/v2/orders/9\r\n", "");
        assert_eq!(
            both(move || Act::Answer(bytes.clone())).await,
            cannot_know(CannotKnow::Redirected { status })
        );
    }
}

#[tokio::test]
async fn the_guard_is_asked_when_the_connection_stands_and_nothing_is_written_if_it_says_no() {
    let server = Upstream::answering(success()).await;
    let asked = AtomicUsize::new(0);
    let no = || {
        asked.fetch_add(1, Ordering::SeqCst);
        false
    };
    let failure = put(&server.client(), Guard::default().asking(&no))
        .await
        .expect_err("held back");
    assert_eq!(failure, Failure::NotSent(NotSent::HeldBack));
    assert!(!failure.is_outage() && !failure.was_answered());
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert!(
        put(&server.client(), Guard::default().asking(&|| true))
            .await
            .is_ok()
    );
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.connections(), 2, "the first had connected before it asked");

    let refused = Client::new(upstream::config(1)).expect("a client");
    assert!(put(&refused, Guard::default().asking(&no)).await.is_err());
    assert_eq!(
        asked.load(Ordering::SeqCst),
        1,
        "without a connection there is nothing to ask"
    );
}

#[tokio::test]
async fn a_deadline_of_the_caller_ends_a_write_before_its_time_out() {
    let server = Upstream::start(|_| Act::Hang).await;
    let start = Instant::now();
    let soon = Guard::default().until(start + Duration::from_millis(60));
    assert_eq!(
        put(&server.client(), soon).await,
        Err(cannot_know(CannotKnow::TimedOut))
    );
    assert!(start.elapsed() < Duration::from_secs(4));
    let past = Guard::default().until(start);
    assert_eq!(
        put(&server.client(), past).await,
        Err(Failure::NotSent(NotSent::HeldBack))
    );
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_write_given_up_leaves_nothing_to_arrive_later_and_an_answered_one_ends_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Config {
        timeout: Duration::from_millis(300),
        ..upstream::config(port)
    };
    let client = Arc::new(Client::new(config).unwrap());
    for answered in [false, true] {
        let writer = Arc::clone(&client);
        let call = tokio::spawn(async move { put(&writer, Guard::default()).await });
        let (mut stream, _) = listener.accept().await.unwrap();
        upstream::read(&mut stream, 0).await.expect("a request");
        if answered {
            tokio::io::AsyncWriteExt::write_all(&mut stream, &success())
                .await
                .unwrap();
        }
        assert_eq!(call.await.unwrap().is_ok(), answered);
        let end = stream.read(&mut [0; 16]).await;
        if answered {
            assert_eq!(end.unwrap(), 0);
        } else {
            // A reset: the kernel has thrown away what it had not sent.
            assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

#[tokio::test]
async fn an_id_that_would_address_a_collection_is_never_sent() {
    let server = Upstream::answering(success()).await;
    let client = server.client();
    let long = "9".repeat(129);
    for id in [
        "",
        ".",
        "..",
        "a/b",
        "a?b",
        "a#b",
        "a%2fb",
        "ä",
        " 1",
        long.as_str(),
    ] {
        let deleted = client.delete_order(&credentials(), id, Guard::default()).await;
        assert_eq!(
            deleted.expect_err("impossible").failure(),
            Failure::NotSent(NotSent::Invalid)
        );
        let read = client
            .get_order(&credentials(), id)
            .await
            .expect_err("impossible");
        assert!(!read.failure().is_transient());
    }
    assert_eq!(server.connections(), 0);
}
