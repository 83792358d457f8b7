//! Whatever bytes come as an answer: an error, in bounded time, no panic.

use orderdesk::Guard;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::upstream::{Act, Upstream, answer, credentials, order};

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

/// JSON of any shape under the keys that answers have.
fn shapes() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        proptest::sample::select(vec!["", "success", "error", "12", "-1", "é"])
            .prop_map(serde_json::Value::from),
    ];
    let key = proptest::sample::select(vec![
        "status",
        "message",
        "errors",
        "order",
        "orders",
        "inventory_item",
        "inventory_items",
        "store",
        "folders",
        "id",
        "name",
        "total_records",
        "limit",
    ]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let members = proptest::collection::btree_map(key.clone(), inner.clone(), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(serde_json::Value::from),
            members.prop_map(|members| {
                let members = members.into_iter().map(|(key, value)| (key.to_owned(), value));
                serde_json::Value::Object(members.collect())
            }),
        ]
    })
}

#[test]
fn no_shape_of_an_answer_panics_and_no_read_is_more_than_what_came() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    };
    let cases = (
        shapes(),
        proptest::sample::select(vec![200_u16, 201, 400, 404, 500]),
    );
    let outcome = TestRunner::new(config).run(&cases, |(mut body, status)| {
        if let Some(members) = body.as_object_mut() {
            members.insert("status".to_owned(), "success".into());
        }
        let text = body.to_string();
        runtime.block_on(async {
            let server = Upstream::start(move |_| Act::Answer(answer(status, "", &text))).await;
            let (client, credentials) = (server.client(), credentials());
            if let Ok(page) = client.list_orders(&credentials, &[]).await {
                let rows = body["orders"].as_array().map(Vec::len);
                let rows = rows.or_else(|| body["orders"].as_object().map(serde_json::Map::len));
                prop_assert_eq!(Some(page.value.rows.len()), rows);
            }
            if let Ok(order) = client.get_order(&credentials, "1").await {
                prop_assert_eq!(serde_json::Value::Object(order.value), body["order"].clone());
            }
            let _ = client.list_inventory(&credentials, &[]).await;
            let _ = client.get_inventory_item(&credentials, "1").await;
            if let Ok(store) = client.store(&credentials).await {
                prop_assert!(store.value.settings.values().all(|value| !value.is_object()));
            }
            let _ = client.test(&credentials).await;
            prop_assert_eq!(server.seen().len(), 6, "each was sent once");
            Ok(())
        })
    });
    outcome.unwrap();
}
