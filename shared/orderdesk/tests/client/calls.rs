//! Each call: the request it makes and what it takes from the answer.

use orderdesk::{Answer, Document, Guard};
use serde_json::{Value, json};

use crate::upstream::{API_KEY, Seen, Upstream, answer, credentials, order};

async fn server(body: &Value) -> Upstream {
    Upstream::answering(answer(200, "X-Tokens-Remaining: 12\r\n", &body.to_string())).await
}

fn only(server: &Upstream) -> Seen {
    let [seen] = <[Seen; 1]>::try_from(server.seen()).expect("one request");
    seen
}

fn sent(server: &Upstream) -> (String, String, Value) {
    let seen = only(server);
    let body = if seen.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&seen.body).expect("JSON")
    };
    (seen.method, seen.target, body)
}

fn expect(method: &str, target: &str, body: Value) -> (String, String, Value) {
    (method.to_owned(), target.to_owned(), body)
}

fn map(value: Value) -> Document {
    let Value::Object(map) = value else {
        panic!("not an object")
    };
    map
}

#[tokio::test]
async fn every_request_carries_identity_type_and_a_distinctive_agent() {
    for write in [false, true] {
        let server = server(&json!({"status": "success", "order": {}})).await;
        if write {
            server
                .client()
                .put_order(&credentials(), "1", &order(), Guard::default())
                .await
                .unwrap();
        } else {
            server.client().get_order(&credentials(), "1").await.unwrap();
        }
        let head = only(&server).head;
        for line in [
            "orderdesk-store-id: 101",
            &format!("orderdesk-api-key: {}", API_KEY.to_ascii_lowercase()),
            "content-type: application/json",
            concat!("user-agent: orderdesk-gateway/", env!("CARGO_PKG_VERSION")),
            &format!("host: 127.0.0.1:{}", server.config().base_url.port().unwrap()),
        ] {
            assert!(head.lines().any(|found| found == line), "{line} is missing");
        }
    }
}

#[tokio::test]
async fn an_order_is_read_and_written_without_loss() {
    let document = json!({
        "id": "4312", "folder_id": 101, "product_total": 10, "tax_total": 0.1, "weight": "1.50", "order_metadata": [],
        "brand_new": {"deep": [null, true, {"z": 1, "a": 2}]}, "name": "Zo\u{eb} \u{1f680}", "big": 18_446_744_073_709_551_615_u64,
    });
    let server =
        server(&json!({"status": "success", "order": document, "execution_time": "0.01 seconds"})).await;
    let Answer {
        value,
        tokens_remaining,
        status,
    } = server.client().get_order(&credentials(), "4312").await.unwrap();
    assert_eq!((tokens_remaining, status), (Some(12), 200));
    assert_eq!(
        serde_json::to_string(&value).unwrap(),
        document.to_string(),
        "keys in their order, too"
    );
    server
        .client()
        .put_order(&credentials(), "4312", &value, Guard::default())
        .await
        .unwrap();
    let [get, put] = <[Seen; 2]>::try_from(server.seen()).unwrap();
    assert_eq!(
        (get.method.as_str(), get.target.as_str()),
        ("GET", "/api/v2/orders/4312")
    );
    assert_eq!(
        (put.method.as_str(), put.target.as_str()),
        ("PUT", "/api/v2/orders/4312")
    );
    assert_eq!(String::from_utf8(put.body).unwrap(), document.to_string());
}

#[tokio::test]
async fn escaped_answers_are_the_same_order() {
    let body = r#"{"status":"success","order":{"note":"a\/b Zo\u00eb \ud83d\ude80"}}"#;
    let server = Upstream::answering(answer(200, "", body)).await;
    let order = server
        .client()
        .get_order(&credentials(), "1")
        .await
        .unwrap()
        .value;
    assert_eq!(order["note"], "a/b Zoë 🚀");
}

#[tokio::test]
async fn a_put_may_be_answered_without_the_order() {
    for (body, expected) in [
        (json!({"status": "success", "message": "Updated"}), None),
        (json!({"status": "success", "order": []}), None),
        (
            json!({"status": "success", "order": {"id": "1"}}),
            Some(map(json!({"id": "1"}))),
        ),
    ] {
        let server = server(&body).await;
        let answer = server
            .client()
            .put_order(&credentials(), "1", &order(), Guard::default())
            .await
            .unwrap();
        assert_eq!(answer.value, expected);
    }
}

#[tokio::test]
async fn a_list_sends_its_filters_escaped_and_reads_figures_of_either_type() {
    let server = server(&json!({
        "status": "success", "orders": [{"id": "1"}, {"id": "2"}], "total_records": "812", "records_returned": 2, "offset": 0
    }))
    .await;
    let params = [
        ("email", "a+b@c.d"),
        ("modified_start_date", "2024-01-01 00:00:00"),
        ("limit", "500"),
    ];
    let page = server
        .client()
        .list_orders(&credentials(), &params)
        .await
        .unwrap()
        .value;
    assert_eq!(page.rows.len(), 2);
    assert_eq!((page.total_records, page.records_returned), (Some(812), Some(2)));
    assert_eq!((page.offset, page.limit), (Some(0), None));
    let target = "/api/v2/orders?email=a%2Bb%40c.d&modified_start_date=2024-01-01+00%3A00%3A00&limit=500";
    assert_eq!(sent(&server), expect("GET", target, Value::Null));
}

#[tokio::test]
async fn a_list_with_gaps_is_a_map_and_a_list_of_anything_else_is_garbage() {
    let gaps = server(&json!({"status": "success", "orders": {"0": {"id": "1"}, "2": {"id": "3"}}})).await;
    assert_eq!(
        gaps.client()
            .list_orders(&credentials(), &[])
            .await
            .unwrap()
            .value
            .rows
            .len(),
        2
    );
    for orders in [json!([1]), json!("none"), Value::Null] {
        let server = server(&json!({"status": "success", "orders": orders})).await;
        assert!(
            server
                .client()
                .list_orders(&credentials(), &[])
                .await
                .unwrap_err()
                .failure()
                .is_transient()
        );
    }
}

#[tokio::test]
async fn create_delete_and_move_make_the_requests_of_the_clients_that_work() {
    let ok = json!({"status": "success", "message": "done", "order": {"id": "77"}});
    let guard = Guard::default();

    let created = server(&ok).await;
    let answer = created
        .client()
        .create_order(&credentials(), &order(), guard)
        .await
        .unwrap();
    assert_eq!(answer.value.unwrap()["id"], "77");
    assert_eq!(
        sent(&created),
        expect("POST", "/api/v2/orders", Value::Object(order()))
    );

    let deleted = server(&ok).await;
    deleted
        .client()
        .delete_order(&credentials(), "77", guard)
        .await
        .unwrap();
    assert_eq!(sent(&deleted), expect("DELETE", "/api/v2/orders/77", Value::Null));

    for (destination, expected) in [
        ("1205", json!(1205)),
        ("007", json!("007")),
        ("new", json!("new")),
    ] {
        let moved = server(&ok).await;
        let ids = ["1".to_owned(), "2".to_owned()];
        moved
            .client()
            .move_orders(&credentials(), &ids, destination, guard)
            .await
            .unwrap();
        let body = json!({"order_id_list": ["1", "2"], "destination_folder_id": expected});
        assert_eq!(sent(&moved), expect("POST", "/api/v2/move-orders", body));
    }
}

#[tokio::test]
async fn the_inventory_calls_use_its_own_paths_and_keys() {
    let guard = Guard::default();
    let item = map(json!({"name": "Mug", "code": "M-1", "stock": 4}));
    let reply = json!({"status": "success", "inventory_item": {"id": "5"}, "inventory_items": [{"id": "5"}]});
    let whole = || Value::Object(item.clone());

    let listed = server(&reply).await;
    let page = listed
        .client()
        .list_inventory(&credentials(), &[("code", "M-1")])
        .await
        .unwrap()
        .value;
    assert_eq!(page.rows[0]["id"], "5");
    assert_eq!(
        sent(&listed),
        expect("GET", "/api/v2/inventory-items?code=M-1", Value::Null)
    );

    let read = server(&reply).await;
    assert_eq!(
        read.client()
            .get_inventory_item(&credentials(), "5")
            .await
            .unwrap()
            .value["id"],
        "5"
    );
    assert_eq!(
        sent(&read),
        expect("GET", "/api/v2/inventory-items/5", Value::Null)
    );

    let created = server(&reply).await;
    assert!(
        created
            .client()
            .create_inventory_item(&credentials(), &item, guard)
            .await
            .unwrap()
            .value
            .is_some()
    );
    assert_eq!(sent(&created), expect("POST", "/api/v2/inventory-items", whole()));

    let updated = server(&reply).await;
    updated
        .client()
        .update_inventory_item(&credentials(), "5", &item, guard)
        .await
        .unwrap();
    assert_eq!(
        sent(&updated),
        expect("PUT", "/api/v2/inventory-items/5", whole())
    );

    let deleted = server(&reply).await;
    deleted
        .client()
        .delete_inventory_item(&credentials(), "5", guard)
        .await
        .unwrap();
    assert_eq!(
        sent(&deleted),
        expect("DELETE", "/api/v2/inventory-items/5", Value::Null)
    );
}

#[tokio::test]
async fn test_and_store_are_read_and_the_store_comes_without_credentials() {
    let tested =
        server(&json!({"status": "success", "message": "Connection Successful", "current_date_time": "2024-01-02 03:04:05"}))
            .await;
    let connection = tested.client().test(&credentials()).await.unwrap().value;
    assert_eq!(
        connection.current_date_time.as_deref(),
        Some("2024-01-02 03:04:05")
    );
    assert_eq!(sent(&tested), expect("GET", "/api/v2/test", Value::Null));

    let store = json!({"name": "Shop", "smtp_pass": "hunter2", "folders": {"101": "New"}});
    let described = server(&json!({"status": "success", "store": store})).await;
    let info = described.client().store(&credentials()).await.unwrap().value;
    assert_eq!(info.folders[0].name, "New");
    assert!(!format!("{info:?}").contains("hunter2"));
    assert_eq!(sent(&described), expect("GET", "/api/v2/store", Value::Null));
}

#[tokio::test]
async fn a_trailing_slash_of_the_base_url_makes_no_difference() {
    let server = server(&json!({"status": "success"})).await;
    let mut config = server.config();
    config.base_url.set_path("/api/v2/");
    orderdesk::Client::new(config)
        .unwrap()
        .test(&credentials())
        .await
        .unwrap();
    assert_eq!(only(&server).target, "/api/v2/test");
}
