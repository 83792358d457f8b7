//! Envelope, credentials, search, create, delete, history, move.

use reqwest::Method;
use serde_json::json;
use simulator::{SimulatorConfig, StoreConfig};

use crate::support::{Desk, STORE, new_order, read};

#[tokio::test]
async fn answers_carry_the_envelope_with_a_time_that_never_repeats() {
    let desk = Desk::start().await;
    let (first, second) = (desk.get("/test").await, desk.get("/test").await);
    assert_eq!(first.body["status"], "success");
    assert_eq!(first.body["message"], "Connection Successful");
    assert_eq!(first.body["current_date_time"].as_str().unwrap().len(), 19);
    assert!(
        first.body["execution_time"]
            .as_str()
            .unwrap()
            .ends_with("seconds")
    );
    assert_ne!(first.body["execution_time"], second.body["execution_time"]);
}

#[tokio::test]
async fn wrong_credentials_are_401_and_a_locked_store_403() {
    let desk = Desk::start().await;
    for (store, key) in [(STORE, "wrong"), ("9", SimulatorConfig::API_KEY), ("", "")] {
        let request = desk.client.get(format!("{}/test", desk.simulator.base_url()));
        let request = request
            .header("ORDERDESK-STORE-ID", store)
            .header("ORDERDESK-API-KEY", key);
        let reply = read(request.send().await.unwrap()).await;
        assert_eq!((reply.status, &reply.body["status"]), (401, &json!("error")));
    }
    let mut locked = StoreConfig::new(STORE, SimulatorConfig::API_KEY);
    locked.locked = true;
    desk.simulator.add_store(locked);
    assert_eq!(desk.get("/test").await.status, 403);
}

#[tokio::test]
async fn unknown_things_are_404_wrong_methods_405_and_bad_bodies_400() {
    let desk = Desk::start().await;
    let order = desk.order();
    assert_eq!(desk.get("/customers").await.status, 404);
    assert_eq!(desk.get("/orders/77").await.status, 404);
    assert_eq!(desk.put("/orders/77", &json!({})).await.status, 404);
    assert_eq!(desk.delete("/orders").await.status, 405);
    let request = desk
        .request(Method::PUT, &format!("/orders/{order}"))
        .body("{not json");
    let reply = read(request.send().await.unwrap()).await;
    assert_eq!(
        (reply.status, reply.body["status"].as_str()),
        (400, Some("error"))
    );
}

#[tokio::test]
async fn the_store_shows_its_folders_as_a_map() {
    let desk = Desk::start().await;
    let reply = desk.get("/store").await;
    let folders = json!({"1": "New", "2": "Prepared", "3": "Closed", "4": "Canceled"});
    assert_eq!(reply.body["store"]["folders"], folders);
}

#[tokio::test]
async fn create_fills_defaults_copies_the_address_and_computes_totals() {
    let desk = Desk::start().await;
    let reply = desk.post("/orders", &new_order()).await;
    assert_eq!(reply.status, 201, "{:?}", reply.body);
    let order = &reply.body["order"];
    assert_eq!(order["source_id"], order["id"]);
    assert_eq!(order["source_name"], "Order Desk");
    assert_eq!(order["payment_status"], "Captured");
    assert_eq!(order["folder_id"], 1);
    assert_eq!(order["shipping"]["last_name"], "Lovelace");
    assert_eq!(order["order_items"][0]["price"], "10");
    assert_eq!(order["order_items"][0]["category_code"], "DEFAULT");
    assert_eq!(order["product_total"], 20);
    assert_eq!(order["quantity_total"], 2);
    assert_eq!(order["weight_total"], 1);
    assert_eq!(order["order_total"], 26.5);
    assert_eq!(order["processor_balance"], 26.5);
    assert_eq!(desk.stored(order["id"].as_str().unwrap()), *order);
}

#[tokio::test]
async fn create_needs_an_item_and_a_name() {
    let desk = Desk::start().await;
    let mut without_items = new_order();
    without_items["order_items"] = json!([]);
    assert_eq!(desk.post("/orders", &without_items).await.status, 400);
    let nameless = json!({"order_items": new_order()["order_items"]});
    assert_eq!(desk.post("/orders", &nameless).await.status, 400);
    assert!(desk.simulator.orders(STORE).unwrap().is_empty());
}

#[tokio::test]
async fn a_duplicate_create_is_refused_and_names_the_existing_order() {
    let desk = Desk::start().await;
    let mut body = new_order();
    body["source_id"] = json!("A-1");
    let first = desk.post("/orders", &body).await;
    let id = first.body["order"]["id"].as_str().unwrap();
    let second = desk.post("/orders", &body).await;
    assert_eq!(second.status, 400);
    assert!(second.body["message"].as_str().unwrap().contains(id));
    body["source_name"] = json!("Shopify");
    assert_eq!(desk.post("/orders", &body).await.status, 201);
    assert_eq!(desk.post("/orders", &new_order()).await.status, 201);
    assert_eq!(desk.post("/orders", &new_order()).await.status, 201);
}

#[tokio::test]
async fn search_answers_pages_with_their_measures() {
    let desk = Desk::start().await;
    desk.simulator.seed_orders(STORE, 60).unwrap();
    let all = desk.get("/orders").await.body;
    assert_eq!(
        (&all["total_records"], &all["records_returned"]),
        (&json!(60), &json!(50))
    );
    assert_eq!((&all["offset"], &all["limit"]), (&json!(0), &json!(50)));
    let rest = desk
        .get("/orders?limit=900&offset=55&order_by=id&order=asc")
        .await
        .body;
    assert_eq!(
        (&rest["records_returned"], &rest["limit"]),
        (&json!(5), &json!(500))
    );
    let one = desk
        .get("/orders?email=BUYER7%40example.com&customer_last_name=sample7&folder_id=1,2")
        .await
        .body;
    assert_eq!(one["orders"].as_array().unwrap().len(), 1);
    assert_eq!(one["orders"][0]["order_items"].as_array().unwrap().len(), 2);
    assert_eq!(
        desk.get("/orders?email=buyer7%40example.com&source_id=S-8")
            .await
            .body["total_records"],
        0
    );
    assert_eq!(desk.get("/orders?search_start_date=soon").await.status, 400);
}

#[tokio::test]
async fn search_ends_at_the_second_given() {
    let desk = Desk::start().await;
    let times = [
        "2026-02-01 00:00:00",
        "2026-02-02 12:00:00",
        "2026-02-03 00:00:00",
    ];
    for (n, time) in times.iter().enumerate() {
        desk.simulator
            .put_order(STORE, json!({"id": n + 1, "date_updated": time}))
            .unwrap();
    }
    let path = "/orders?modified_start_date=2026-02-02%2012:00:00&modified_end_date=2026-02-03T00:00:00Z&order_by=date_modified&order=asc";
    let reply = desk.get(path).await.body;
    let ids: Vec<_> = reply["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| order["id"].clone())
        .collect();
    assert_eq!(ids, [json!("2"), json!("3")]);
}

#[tokio::test]
async fn delete_removes_the_order() {
    let desk = Desk::start().await;
    let order = desk.order();
    let reply = desk.delete(&format!("/orders/{order}")).await;
    assert_eq!(
        (reply.status, reply.body["message"].as_str()),
        (200, Some("Order Deleted"))
    );
    assert_eq!(desk.get(&format!("/orders/{order}")).await.status, 404);
    assert_eq!(desk.delete(&format!("/orders/{order}")).await.status, 404);
}

#[tokio::test]
async fn history_is_appended_leaves_the_date_and_has_limits() {
    let desk = Desk::start().await;
    let order = desk
        .simulator
        .put_order(STORE, json!({"date_updated": "2026-01-01 00:00:00"}))
        .unwrap();
    let path = format!("/orders/{order}/order-history");
    let reply = desk.post(&path, &json!({"note": "called the customer"})).await;
    assert_eq!(reply.status, 201);
    assert_eq!(desk.simulator.history(STORE, &order)[0]["source_name"], "API");
    assert_eq!(desk.stored(&order)["date_updated"], "2026-01-01 00:00:00");
    assert_eq!(
        desk.post(&path, &json!({"note": "x".repeat(1_801)})).await.status,
        400
    );
    assert_eq!(desk.post(&path, &json!({})).await.status, 400);
    for _ in 1..250 {
        assert_eq!(desk.post(&path, &json!({"note": "again"})).await.status, 201);
    }
    assert_eq!(
        desk.post(&path, &json!({"note": "one too many"})).await.status,
        400
    );
}

#[tokio::test]
async fn move_orders_takes_ids_and_a_folder_by_number_or_name() {
    let desk = Desk::start().await;
    let ids = desk.simulator.seed_orders(STORE, 3).unwrap();
    let body = json!({"order_id_list": [ids[0], ids[1]], "destination_folder_id": 3});
    assert_eq!(desk.post("/move-orders", &body).await.status, 200);
    assert_eq!(desk.stored(&ids[0])["folder_id"], 3);
    assert_eq!(desk.stored(&ids[1])["folder_id"], 3);
    assert_eq!(desk.stored(&ids[2])["folder_id"], 1);
    assert_eq!(desk.simulator.history(STORE, &ids[0]).len(), 1);
    let by_name = json!({"order_id_list": [ids[2]], "destination_folder_name": "Prepared"});
    assert_eq!(desk.post("/move-orders", &by_name).await.status, 200);
    assert_eq!(desk.stored(&ids[2])["folder_id"], 2);
    let nowhere = json!({"order_id_list": [ids[2]], "destination_folder_id": 99});
    assert_eq!(desk.post("/move-orders", &nowhere).await.status, 400);
    let nobody = json!({"order_id_list": ["1"], "destination_folder_id": 1});
    assert_eq!(desk.post("/move-orders", &nobody).await.status, 404);
    assert_eq!(
        desk.post("/move-orders", &json!({"order_ids": [ids[2]], "folder_id": 1}))
            .await
            .status,
        400
    );
}
