//! Order items, shipments and inventory.

use serde_json::json;

use crate::support::{Desk, STORE};

#[tokio::test]
async fn items_can_be_listed_added_read_replaced_and_deleted() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}/order-items");
    assert_eq!(
        desk.get(&path).await.body["order_items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let added = desk
        .post(&path, &json!({"name": "Pen", "code": "PEN", "price": 3}))
        .await;
    assert_eq!(added.status, 201);
    assert_eq!(desk.stored(&order)["product_total"], 28);
    let one = format!("{path}/{}", added.body["order_item"]["id"].as_str().unwrap());
    assert_eq!(desk.get(&one).await.body["order_item"]["quantity"], 1);
    let replaced = desk
        .put(&one, &json!({"name": "Pencil", "price": "1", "quantity": 5}))
        .await;
    assert_eq!(
        replaced.body["order_item"]["code"], "",
        "what is left out becomes blank"
    );
    assert_eq!(desk.stored(&order)["product_total"], 30);
    assert_eq!(desk.delete(&one).await.status, 200);
    assert_eq!(desk.get(&one).await.status, 404);
    assert_eq!(desk.stored(&order)["quantity_total"], 6);
    assert_eq!(
        desk.post("/orders/5/order-items", &json!({"name": "x"}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn shipments_can_be_added_listed_read_replaced_and_deleted() {
    let desk = Desk::start().await;
    let order = desk.order();
    let path = format!("/orders/{order}/shipments");
    assert_eq!(
        desk.post(&path, &json!({"carrier_code": "UPS"})).await.status,
        400
    );
    let added = desk
        .post(
            &path,
            &json!({"tracking_number": "1Z", "carrier_code": "UPS", "cost": 4.5}),
        )
        .await;
    assert_eq!(added.status, 201);
    assert!(
        added.body.get("shipment").is_none(),
        "the answer carries a message only"
    );
    let list = desk.get(&path).await.body["shipments"].clone();
    assert_eq!(list[0]["cost"], "4.5");
    assert_eq!(list[0]["weight"], "0");
    assert_eq!(list[0]["order_id"], json!(order));
    assert!(list[0]["tracking_url"].as_str().unwrap().contains("1Z"));
    assert_eq!(desk.stored(&order)["order_shipments"], list);
    let one = format!("{path}/{}", list[0]["id"].as_str().unwrap());
    assert_eq!(
        desk.put(&one, &json!({"tracking_number": "n/a"})).await.status,
        200
    );
    let shipment = desk.get(&one).await.body["shipment"].clone();
    assert_eq!(
        (&shipment["cost"], &shipment["tracking_url"]),
        (&json!(""), &json!(""))
    );
    assert_eq!(desk.delete(&one).await.status, 200);
    assert_eq!(desk.delete(&one).await.status, 404);
}

#[tokio::test]
async fn a_batch_of_shipments_fails_in_parts() {
    let desk = Desk::start().await;
    let order = desk.order();
    let batch = json!([
        {"order_id": order, "tracking_number": "A"},
        {"order_id": "5", "tracking_number": "B"},
        {"order_id": order},
    ]);
    let reply = desk.post("/batch-shipments", &batch).await;
    assert_eq!(reply.status, 200);
    let states: Vec<_> = reply.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].clone())
        .collect();
    assert_eq!(states, ["success", "error", "error"]);
    assert_eq!(
        desk.stored(&order)["order_shipments"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        desk.post("/batch-shipments", &json!({"shipments": batch}))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn inventory_codes_are_unique_and_put_replaces() {
    let desk = Desk::start().await;
    let added = desk
        .post(
            "/inventory-items",
            &json!({"name": "Mug", "code": "MUG", "stock": 5, "price": "3"}),
        )
        .await;
    assert_eq!(added.status, 201);
    let id = added.body["inventory_item"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        desk.post("/inventory-items", &json!({"name": "Other", "code": "mug"}))
            .await
            .status,
        400
    );
    assert_eq!(
        desk.post("/inventory-items", &json!({"code": "X"})).await.status,
        400
    );
    let path = format!("/inventory-items/{id}");
    let replaced = desk
        .put(&path, &json!({"name": "Mug", "code": "MUG", "stock": 4}))
        .await;
    assert_eq!(replaced.body["inventory_item"]["stock"], 4);
    assert_eq!(
        replaced.body["inventory_item"]["price"], 0,
        "what is left out becomes blank"
    );
    let found = desk.get("/inventory-items?search=mu&limit=1").await.body;
    assert_eq!(
        (&found["total_records"], &found["inventory_items"][0]["id"]),
        (&json!(1), &json!(id))
    );
    assert_eq!(
        desk.get("/inventory-items?code=MU").await.body["total_records"],
        0
    );
    assert_eq!(desk.delete(&path).await.status, 200);
    assert_eq!(desk.get(&path).await.status, 404);
}

#[tokio::test]
async fn a_batch_of_inventory_fails_in_parts() {
    let desk = Desk::start().await;
    let id = desk
        .simulator
        .put_inventory_item(STORE, json!({"name": "Mug", "code": "MUG"}))
        .unwrap();
    let batch = json!([{"id": id, "name": "Mug", "code": "MUG", "stock": 9}, {"id": "5", "name": "x", "code": "y"}, {}]);
    let results = desk.put("/batch-inventory-items", &batch).await.body["results"].clone();
    assert_eq!(results[0]["status"], "success");
    assert_eq!(
        (&results[1]["status"], &results[2]["status"]),
        (&json!("error"), &json!("error"))
    );
    assert_eq!(desk.simulator.inventory(STORE).unwrap()[0]["stock"], 9);
}
