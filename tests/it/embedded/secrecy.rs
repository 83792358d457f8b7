//! Keys and personal data are nowhere in plain: not in the files, the logs, the metrics or the problems.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Fault, Matcher, RequestKind, StoreConfig};
use system_tests::{Client, Forbidden, Gateway, desk, random_hex};

use super::PATIENCE;

const API_KEY: &str = "api-key-0f3a9c5e71d24b68";
const STREET: &str = "4711 Quokka Boulevard";
const EMAIL: &str = "ludmilla.quince@example.org";
const NOTE: &str = "Her birthday is on Sunday";
const CODE: &str = "SECRET-PRODUCT-CODE";
const NAME: &str = "Wolkenstein";

#[tokio::test]
async fn nothing_secret_or_personal_is_left_in_plain_anywhere() {
    let mut gateway = Gateway::builder()
        .env("LOG_LEVEL", "trace")
        .desk(|desk| desk.stores.push(StoreConfig::new("vault", API_KEY)))
        .start()
        .await;
    let client = gateway.client();
    let mut order = simulator::sample_order(1);
    order["email"] = json!(EMAIL);
    order["shipping"]["address1"] = json!(STREET);
    order["shipping"]["last_name"] = json!(NAME);
    let order = gateway.desk.put_order("vault", order).unwrap();
    let mut seen = String::new();
    let mut keep = |body: &Value| writeln!(seen, "{body}").unwrap();

    // Everything that can go right.
    client.register_store("vault", API_KEY).await;
    let orders = "/stores/vault/orders";
    let address = json!({"address1": STREET, "last_name": NAME, "city": "Newtown"});
    let commands = [
        (
            Method::POST,
            format!("{orders}/{order}/add-note"),
            json!({"note": NOTE}),
        ),
        (
            Method::POST,
            format!("{orders}/{order}/add-items"),
            json!({"items": [{"name": "Gift", "code": CODE, "price": 1, "quantity": 1}]}),
        ),
        (
            Method::POST,
            format!("{orders}/{order}/update-address"),
            json!({"address_type": "customer", "address": address}),
        ),
        (
            Method::POST,
            format!("{orders}/{order}:mutate"),
            json!({"operations": [{"op": "test", "path": "/email", "value": EMAIL}, {"op": "replace", "path": "/email", "value": EMAIL}]}),
        ),
        (
            Method::POST,
            orders.to_owned(),
            json!({"email": EMAIL, "shipping": {"first_name": "Ludmilla", "last_name": NAME, "address1": STREET}, "items": [{"name": "Gift", "code": CODE, "price": 1, "quantity": 1}]}),
        ),
        (
            Method::PUT,
            format!("{orders}/{order}"),
            json!({"email": EMAIL, "customer": {"last_name": NAME, "address1": STREET}}),
        ),
        (
            Method::POST,
            format!("{orders}/{order}/move-folder"),
            json!({"folder_id": 2}),
        ),
        (
            Method::POST,
            "/stores/vault/inventory".to_owned(),
            json!({"name": "Gift", "code": CODE, "price": 1, "stock": 2}),
        ),
    ];
    for (n, (method, path, body)) in commands.into_iter().enumerate() {
        let key = format!("{EMAIL}-{n}-{}", random_hex(4));
        let request = client
            .request(method, &path)
            .header("Idempotency-Key", key)
            .json(&body);
        let job = client.send(request).await.unwrap().expect(202).id();
        client.wait_succeeded(&job, PATIENCE).await;
    }
    client.get(&format!("{orders}/{order}")).await.expect(200);
    client
        .post(
            &format!("{orders}/{order}/add-note?dry_run=true"),
            &json!({"note": NOTE}),
        )
        .await
        .expect(200);

    // Everything that can go wrong, and what is said about it.
    for fault in [
        Fault::Reject {
            status: 400,
            message: format!("{EMAIL} at {STREET} is refused"),
        },
        Fault::StatusError {
            message: format!("{NOTE} for {EMAIL}"),
            applied: false,
        },
        Fault::Html {
            status: 502,
            applied: false,
        },
        Fault::Garbage { applied: true },
        Fault::ResetAfter,
    ] {
        gateway
            .desk
            .fail_next(Matcher::from(RequestKind::PutOrder), fault);
        let job = client
            .submit(&format!("{orders}/{order}/add-note"), &json!({"note": NOTE}))
            .await;
        let mut job = client.wait_ended(&job, PATIENCE).await;
        // The tenant's own answer may repeat what Order Desk said to its tenant; nobody else's may.
        job["error"]["upstream_message"] = Value::Null;
        keep(&job["error"]);
    }
    gateway
        .desk
        .add_store(StoreConfig::new("vault", "rotated-in-order-desk"));
    let job = client
        .submit(&format!("{orders}/{order}/add-note"), &json!({"note": NOTE}))
        .await;
    let paused = async || client.get("/stores/vault").await.body["paused_reason"] == "credentials_rejected";
    testkit::eventually("the registration is paused", PATIENCE, paused).await;
    keep(&client.get(&format!("{orders}/{order}")).await.body);
    gateway.desk.add_store(StoreConfig::new("vault", API_KEY));
    client
        .patch("/stores/vault", &json!({"api_key": API_KEY}))
        .await
        .expect(200);
    client.wait_succeeded(&job, PATIENCE).await;
    let wrong = Client::with_key(gateway.url(), "");
    for (path, body) in [
        (
            format!("{orders}/{order}/add-note"),
            json!({"note": 1, NOTE: EMAIL}),
        ),
        (
            format!("{orders}/{order}/update-address"),
            json!({"address_type": STREET, "address": {}}),
        ),
        (
            format!("{orders}/{order}:mutate"),
            json!({"operations": [{"op": "replace", "path": "/id", "value": EMAIL}]}),
        ),
        (
            "/stores".to_owned(),
            json!({"store_id": "vault", "api_key": API_KEY}),
        ),
        (
            "/stores".to_owned(),
            json!({"store_id": "vault", "api_key": [API_KEY]}),
        ),
    ] {
        let answer = client.post(&path, &body).await;
        assert!(answer.status >= 400, "{path} {}", answer.body);
        keep(&answer.body["detail"]);
        keep(&wrong.post(&path, &body).await.body);
    }
    let token = client.get(&format!("/stores?token={}", client.key())).await;
    keep(&token.body);
    let metrics = client
        .get("/metrics")
        .await
        .expect(200)
        .body
        .as_str()
        .unwrap_or_default()
        .to_owned();
    gateway.restart().await;
    let kms_key = gateway.kms_key().to_owned();

    let secrets = Forbidden::new()
        .text("the API key", API_KEY)
        .text("the master key", client.key())
        .text("the KMS key", &kms_key)
        .text("the e-mail address", EMAIL)
        .text("the street", STREET)
        .text("the name", NAME)
        .text("the note", NOTE)
        .text("the product code", CODE);
    secrets.absent_in("the metrics", metrics.as_bytes());
    secrets.absent_in("the logs", gateway.logs().join("\n").as_bytes());
    // While it runs, so that the write-ahead log is there; and after its end.
    assert!(
        secrets.absent_below(gateway.data()) > 10_000,
        "the ledger was looked at"
    );
    assert_eq!(gateway.terminate(PATIENCE).await, Some(0));
    assert!(
        secrets.absent_below(gateway.data()) > 10_000,
        "the ledger was looked at"
    );
    let personal = Forbidden::new()
        .text("the API key", API_KEY)
        .text("the master key", client.key())
        .text("the e-mail address", EMAIL)
        .text("the street", STREET)
        .text("the name", NAME);
    personal.absent_in("the problems", seen.as_bytes());
}

#[tokio::test]
async fn the_scan_would_find_what_order_desk_was_sent() {
    // The same texts, where they belong: a scan that could not find them would prove nothing.
    let gateway = Gateway::start().await;
    let client = gateway.client_with_store().await;
    let order = desk::orders(&gateway.desk, 1).remove(0);
    let job = client.submit_note(desk::STORE, &order, NOTE).await;
    client.wait_succeeded(&job, PATIENCE).await;
    let sent = gateway
        .desk
        .request_log()
        .iter()
        .filter_map(|entry| entry.body.clone())
        .any(|body| body.to_string().contains(NOTE));
    assert!(sent);
}
