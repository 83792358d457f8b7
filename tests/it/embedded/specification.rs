//! The specification's own examples, body by body.

use reqwest::Method;
use serde_json::json;
use system_tests::{Gateway, desk};

use super::PATIENCE;

#[tokio::test]
async fn the_specifications_own_bodies_work_as_shown() {
    let gateway = Gateway::start().await;
    let client = gateway.client();
    let raw = async |method: Method, path: &str, body: &'static str| {
        let request = client
            .request(method, path)
            .header("Content-Type", "application/json")
            .body(body);
        client.send(request).await.unwrap()
    };
    let folders = |desk: &mut simulator::StoreConfig| {
        desk.folders.push(simulator::Folder {
            id: 456,
            name: "Shipped".to_owned(),
        });
    };
    let mut store = simulator::StoreConfig::new("your-store-id", "your-api-key");
    folders(&mut store);
    gateway.desk.add_store(store);
    let order = gateway.desk.seed_orders("your-store-id", 1).unwrap().remove(0);
    let item = json!({"name": "Old", "code": "OLD", "price": 1, "stock": 1});
    let item = gateway.desk.put_inventory_item("your-store-id", item).unwrap();

    let body = r#"{ "store_id": "your-store-id", "api_key": "your-api-key", "label": "My Store" }"#;
    let store = raw(Method::POST, "/stores", body).await.expect(201).body;
    assert_eq!(
        (&store["store_id"], &store["label"]),
        (&json!("your-store-id"), &json!("My Store"))
    );
    assert_eq!(
        client.get("/stores").await.expect(200).body["data"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );

    let orders = "/stores/your-store-id/orders";
    let commands = [
        (
            Method::POST,
            orders.to_owned(),
            r#"{
            "email": "customer@example.com",
            "shipping": { "first_name": "John", "last_name": "Doe", "address1": "123 Main St", "city": "Anytown",
                          "state": "CA", "postal_code": "12345", "country": "US" },
            "items": [ { "name": "Product Name", "code": "PROD-001", "price": 29.99, "quantity": 1 } ]
        }"#,
        ),
        (
            Method::POST,
            format!("{orders}/{order}:mutate"),
            r#"{
            "operations": [
                { "op": "replace", "path": "folder_id", "value": 456 },
                { "op": "add", "path": "notes", "value": [{"note": "Updated by API", "type": "system"}] }
            ]
        }"#,
        ),
        (
            Method::POST,
            format!("{orders}/{order}/move-folder"),
            r#"{ "folder_id": 456 }"#,
        ),
        (
            Method::POST,
            format!("{orders}/{order}/add-items"),
            r#"{
            "items": [ { "name": "Additional Product", "code": "PROD-002", "price": 19.99, "quantity": 2 } ]
        }"#,
        ),
        (
            Method::POST,
            format!("{orders}/{order}/update-address"),
            r#"{
            "address_type": "shipping",
            "address": { "first_name": "Jane", "last_name": "Smith", "address1": "456 Oak Ave", "city": "Newtown",
                         "state": "NY", "postal_code": "67890", "country": "US" }
        }"#,
        ),
        (
            Method::POST,
            format!("{orders}/{order}/add-note"),
            r#"{
            "note": "Customer requested expedited shipping", "note_type": "customer_service"
        }"#,
        ),
        (
            Method::POST,
            "/stores/your-store-id/inventory".to_owned(),
            r#"{
            "name": "New Product", "code": "PROD-003", "price": 39.99, "stock": 100
        }"#,
        ),
        (
            Method::PUT,
            format!("/stores/your-store-id/inventory/{item}"),
            r#"{
            "name": "Updated Product Name", "price": 44.99, "stock": 75
        }"#,
        ),
    ];
    let mut jobs = Vec::new();
    for (method, path, body) in commands {
        let answer = raw(method, &path, body).await.expect(202);
        assert_eq!(answer.header("Location"), format!("/jobs/{}", answer.id()));
        jobs.push(client.wait_succeeded(&answer.id(), PATIENCE).await);
    }
    let created = jobs[0]["result"]["order_id"].as_str().unwrap().to_owned();
    let created = client.get(&format!("{orders}/{created}")).await.expect(200).body;
    assert_eq!(created["email"], "customer@example.com");
    assert_eq!(created["order_items"][0]["code"], "PROD-001");
    let now = client.get(&format!("{orders}/{order}")).await.expect(200);
    assert!(now.header("ETag").starts_with('"'), "{:?}", now.headers);
    assert_eq!(now.body["folder_id"].to_string().trim_matches('"'), "456");
    assert_eq!(now.body["shipping"]["city"], "Newtown");
    let notes = desk::notes_of(&gateway.desk, "your-store-id", &order);
    assert_eq!(
        notes,
        [
            "Handle with care",
            "Updated by API",
            "Customer requested expedited shipping"
        ]
    );
    assert_eq!(now.body["order_notes"][2]["username"], "customer_service");
    assert_eq!(
        desk::items_of(&gateway.desk, "your-store-id", &order),
        ["MUG-BLUE", "STICKER", "PROD-002"]
    );
    let stock = gateway.desk.inventory("your-store-id").unwrap();
    assert!(stock.iter().any(|item| item["code"] == "PROD-003"));
    assert!(
        stock
            .iter()
            .any(|item| item["name"] == "Updated Product Name" && item["code"] == "OLD")
    );

    // The complete order, as it was read, with one change.
    let mut complete = now.body.clone();
    complete["customer_id"] = json!("C-1");
    let job = client
        .put(&format!("{orders}/{order}"), &complete)
        .await
        .expect(202)
        .id();
    client.wait_succeeded(&job, PATIENCE).await;
    assert_eq!(
        gateway.desk.get_order("your-store-id", &order).unwrap()["customer_id"],
        "C-1"
    );

    let job = client
        .delete(&format!("/stores/your-store-id/inventory/{item}"))
        .await
        .expect(202)
        .id();
    client.wait_succeeded(&job, PATIENCE).await;
    client.delete("/stores/your-store-id").await.expect(204);
    assert_eq!(client.get("/stores").await.expect(200).body["data"], json!([]));
}
