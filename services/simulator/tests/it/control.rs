//! The control API over HTTP, the log and the counters.

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{RequestKind, SimulatorConfig};

use crate::support::{Desk, STORE};

#[tokio::test]
async fn it_lists_its_calls_and_refuses_others() {
    let desk = Desk::start().await;
    let (status, help) = desk.control(Method::GET, "", &Value::Null).await;
    assert_eq!(status, 200);
    assert!(help["calls"].as_array().unwrap().len() > 20);
    assert_eq!(desk.control(Method::GET, "/nothing", &Value::Null).await.0, 404);
    let (status, error) = desk
        .control(Method::POST, "/faults", &json!({"fault": {"type": "magic"}}))
        .await;
    assert_eq!(status, 400);
    assert!(error["error"].as_str().unwrap().contains("magic"));
}

#[tokio::test]
async fn stores_and_orders_can_be_made_read_and_edited() {
    let desk = Desk::start().await;
    let store = json!({"id": "2", "api_key": "k2", "folders": [{"id": 70, "name": "In"}]});
    assert_eq!(desk.control(Method::POST, "/stores", &store).await.0, 200);
    let (_, made) = desk
        .control(Method::POST, "/stores/2/orders", &json!({"id": "7", "x": [1]}))
        .await;
    assert_eq!(made["id"], "7");
    let (_, order) = desk
        .control(Method::GET, "/stores/2/orders/7", &Value::Null)
        .await;
    assert_eq!((&order["folder_id"], &order["x"]), (&json!(70), &json!([1])));
    let edit = json!({"type": "merge", "patch": {"email": "e@example.com"}});
    let (_, edited) = desk.control(Method::POST, "/stores/2/orders/7/edit", &edit).await;
    assert_eq!(edited["order"]["email"], "e@example.com");
    assert_eq!(
        desk.control(Method::POST, "/stores/3/orders", &json!({})).await.0,
        404
    );
    assert_eq!(
        desk.control(Method::GET, "/stores/2/orders/8", &Value::Null)
            .await
            .0,
        404
    );
    let request = desk.client.get(format!("{}/orders/7", desk.simulator.base_url()));
    let request = request
        .header("ORDERDESK-STORE-ID", "2")
        .header("ORDERDESK-API-KEY", "k2");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn faults_quirks_poison_and_tokens_can_be_set() {
    let desk = Desk::start_with(SimulatorConfig::default()).await;
    let order = desk.order();
    let path = format!("/orders/{order}");
    let rule = json!({"match": {"kind": "put_order", "order": order}, "fault": {"type": "server_error", "status": 500}});
    desk.control(Method::POST, "/faults", &rule).await;
    assert_eq!(desk.put(&path, &json!({})).await.status, 500);
    assert_eq!(desk.put(&path, &json!({})).await.status, 200);
    desk.control(Method::PATCH, "/quirks", &json!({"empty_maps_as_lists": true}))
        .await;
    desk.control(
        Method::PATCH,
        "/quirks",
        &json!({"put_answer_without_order": true}),
    )
    .await;
    assert_eq!(desk.get(&path).await.body["order"]["checkout_data"], json!([]));
    assert_eq!(
        desk.control(Method::PATCH, "/quirks", &json!({"unheard": true}))
            .await
            .0,
        400
    );
    desk.control(Method::PUT, "/poison", &json!(["POISON"])).await;
    assert_eq!(desk.put(&path, &json!({"email": "POISON"})).await.status, 400);
    desk.control(
        Method::PUT,
        &format!("/stores/{STORE}/tokens"),
        &json!({"tokens": 0}),
    )
    .await;
    assert_eq!(desk.get(&path).await.status, 429);
    let schedule = json!({"when": "after_get", "edit": {"type": "note", "username": "u", "content": "c"}});
    let call = format!("/stores/{STORE}/orders/{order}/schedule");
    assert_eq!(desk.control(Method::POST, &call, &schedule).await.0, 200);
    assert_eq!(desk.simulator.scheduled_edits().len(), 1);
}

#[tokio::test]
async fn the_log_shows_each_request_and_counters_survive_its_clearing() {
    let desk = Desk::start().await;
    let order = desk.order();
    desk.get(&format!("/orders/{order}?x=1")).await;
    desk.put(&format!("/orders/{order}"), &json!({"email": "l@example.com"}))
        .await;
    desk.get("/orders/5").await;
    let (_, log) = desk
        .control(Method::GET, "/log?since=0&store=1001", &Value::Null)
        .await;
    let log = log["requests"].as_array().unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!(
        (&log[0]["kind"], &log[0]["query"]),
        (&json!("get_order"), &json!("x=1"))
    );
    assert_eq!(log[1]["body"]["email"], "l@example.com");
    assert_eq!(
        (&log[1]["applied"], &log[1]["status"]),
        (&json!(true), &json!(200))
    );
    assert_eq!(
        (&log[2]["applied"], &log[2]["status"]),
        (&json!(false), &json!(404))
    );
    assert_eq!(desk.control(Method::DELETE, "/log", &json!({})).await.0, 200);
    assert!(desk.simulator.request_log().is_empty());
    let (_, counters) = desk.control(Method::GET, "/counters", &Value::Null).await;
    assert_eq!(counters["total"]["requests"], 3);
    assert_eq!(counters["stores"][STORE]["put_order"]["applied"], 1);
    assert_eq!(desk.simulator.counters().kind(RequestKind::GetOrder).errors, 1);
}

#[tokio::test]
async fn a_full_log_drops_entries_and_counts_on() {
    let config = SimulatorConfig {
        log_capacity: 2,
        ..SimulatorConfig::default()
    };
    let desk = Desk::start_with(config).await;
    for _ in 0..5 {
        desk.get("/test").await;
    }
    assert_eq!(desk.simulator.request_log().len(), 2);
    assert_eq!(desk.simulator.counters().total().requests, 5);
}

#[tokio::test]
async fn a_reset_restores_the_start() {
    let desk = Desk::start().await;
    desk.order();
    desk.get("/test").await;
    desk.simulator.set_poison(vec!["x".into()]);
    assert_eq!(desk.control(Method::POST, "/reset", &json!({})).await.0, 200);
    assert!(desk.simulator.orders(STORE).unwrap().is_empty());
    assert!(desk.simulator.request_log().is_empty() && desk.simulator.poison().is_empty());
    assert_eq!(desk.simulator.counters().total().requests, 0);
    assert_eq!(desk.get("/test").await.status, 200);
}
