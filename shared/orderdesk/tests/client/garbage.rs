//! Whatever bytes come as an answer: an error, in bounded time, no panic.

use orderdesk::Guard;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::upstream::{Act, Upstream, credentials, order};

/// Bytes from nearly right to noise.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let noise = proptest::collection::vec(any::<u8>(), 0..300);
    let shaped = (
        proptest::sample::select(vec!["HTTP/1.1 ", "HTTP/1.0 ", "http/9 ", ""]),
        any::<u16>(),
        proptest::collection::vec(
            proptest::sample::select(vec![
                "content-length: 5",
                "content-length: -1",
                "content-length: 99999999999999999999",
                "content-length: 0",
                "transfer-encoding: chunked",
                "content-encoding: gzip",
                "connection: upgrade",
                "upgrade: x",
                "x-tokens-remaining: \u{e9}",
                "x-tokens-remaining: 1e999",
                "x-retry-after: -inf",
                "retry-after: NaN",
                "content-type: text/html; charset=utf-16",
                "no colon",
                ": empty",
                "location: http://[::1",
            ]),
            0..6,
        ),
        proptest::collection::vec(any::<u8>(), 0..60),
    )
        .prop_map(|(version, status, headers, body)| {
            let mut bytes = format!(
                "{version}{} X\r\n{}\r\n\r\n",
                status % 1_000,
                headers.join("\r\n")
            )
            .into_bytes();
            bytes.extend(body);
            bytes
        });
    prop_oneof![noise, shaped]
}

#[test]
fn no_answer_panics_or_hangs() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    };
    let outcome = TestRunner::new(config).run(&answers(), |bytes| {
        runtime.block_on(async {
            let server = Upstream::start(move |_| Act::Last(bytes.clone())).await;
            let client = server.client();
            let _ = client
                .put_order(&credentials(), "1", &order(), Guard::default())
                .await;
            let _ = client.get_order(&credentials(), "1").await;
            prop_assert_eq!(server.seen().len(), 2, "each was sent once");
            Ok(())
        })
    });
    outcome.unwrap();
}
