//! "Order Operations" and "Order Mutations".

use serde_json::json;
use system_tests::desk;

use super::{STORE, Shop};

#[tokio::test]
async fn list_orders() {
    let shop = Shop::open().await;
    let mut waiting = simulator::sample_order(7);
    waiting["folder_id"] = json!(123);
    let waiting = shop
        .gateway
        .desk
        .put_order(STORE, waiting)
        .expect("the store exists");
    let list = shop
        .call("GET /stores/{store_id}/orders?limit=50&folder_id=123")
        .await
        .expect(200)
        .body;
    assert_eq!((&list["limit"], &list["total_records"]), (&json!(50), &json!(1)));
    assert_eq!(list["orders"][0]["id"], *waiting);
}

#[tokio::test]
async fn get_order() {
    let shop = Shop::open().await;
    let read = shop
        .call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(200);
    assert_eq!(read.body["id"], *shop.order);
    assert_eq!(read.body["order_items"][0]["code"], "MUG-BLUE");
    assert!(read.header("ETag").starts_with('"'), "{:?}", read.headers);
}

#[tokio::test]
async fn create_order() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders
Content-Type: application/json

{
  "email": "customer@example.com",
  "shipping": {
    "first_name": "John",
    "last_name": "Doe",
    "address1": "123 Main St",
    "city": "Anytown",
    "state": "CA",
    "postal_code": "12345",
    "country": "US"
  },
  "items": [
    {
      "name": "Product Name",
      "code": "PROD-001",
      "price": 29.99,
      "quantity": 1
    }
  ]
}
"#;
    let job = shop.change(call).await;
    let id = job["result"]["order_id"].as_str().expect("the new order's id");
    let order = shop
        .gateway
        .desk
        .get_order(STORE, id)
        .expect("the order was created");
    assert_eq!(order["email"], "customer@example.com");
    assert_eq!(order["shipping"]["city"], "Anytown");
    assert_eq!(desk::items_of(&shop.gateway.desk, STORE, id), ["PROD-001"]);
    assert_eq!(order["order_total"], json!(29.99));
}

#[tokio::test]
async fn update_order_full_object() {
    let shop = Shop::open().await;
    let read = shop
        .call("GET /stores/{store_id}/orders/{order_id}")
        .await
        .expect(200);
    let mut complete = read.body;
    complete["customer_id"] = json!("C-1");
    let call = r"
PUT /stores/{store_id}/orders/{order_id}
Content-Type: application/json

{
  # Complete order object
}
";
    let members = complete.to_string();
    let members = members.trim_start_matches('{').trim_end_matches('}');
    shop.change(&call.replace("# Complete order object", members))
        .await;
    assert_eq!(shop.order_in_desk()["customer_id"], "C-1");
    assert_eq!(shop.order_in_desk()["order_items"], complete["order_items"]);
}

#[tokio::test]
async fn generic_mutation() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders/{order_id}:mutate
Content-Type: application/json

{
  "operations": [
    {
      "op": "replace",
      "path": "folder_id",
      "value": 456
    },
    {
      "op": "add",
      "path": "notes",
      "value": [{"note": "Updated by API", "type": "system"}]
    }
  ]
}
"#;
    shop.change(call).await;
    let order = shop.order_in_desk();
    assert_eq!(order["folder_id"], 456);
    let note = &order["order_notes"][1];
    assert_eq!(
        (&note["content"], &note["username"]),
        (&json!("Updated by API"), &json!("system"))
    );
}

#[tokio::test]
async fn move_to_folder() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders/{order_id}/move-folder
Content-Type: application/json

{
  "folder_id": 456
}
"#;
    shop.change(call).await;
    assert_eq!(shop.order_in_desk()["folder_id"], 456);
}

#[tokio::test]
async fn add_items() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders/{order_id}/add-items
Content-Type: application/json

{
  "items": [
    {
      "name": "Additional Product",
      "code": "PROD-002",
      "price": 19.99,
      "quantity": 2
    }
  ]
}
"#;
    shop.change(call).await;
    let codes = desk::items_of(&shop.gateway.desk, STORE, &shop.order);
    assert_eq!(codes, ["MUG-BLUE", "STICKER", "PROD-002"]);
}

#[tokio::test]
async fn update_address() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders/{order_id}/update-address
Content-Type: application/json

{
  "address_type": "shipping",
  "address": {
    "first_name": "Jane",
    "last_name": "Smith",
    "address1": "456 Oak Ave",
    "city": "Newtown",
    "state": "NY",
    "postal_code": "67890",
    "country": "US"
  }
}
"#;
    let customer = shop.order_in_desk()["customer"].clone();
    shop.change(call).await;
    let order = shop.order_in_desk();
    assert_eq!(
        (&order["shipping"]["city"], &order["shipping"]["last_name"]),
        (&json!("Newtown"), &json!("Smith"))
    );
    assert_eq!(order["customer"], customer, "the other address stays");
}

#[tokio::test]
async fn add_note() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/orders/{order_id}/add-note
Content-Type: application/json

{
  "note": "Customer requested expedited shipping",
  "note_type": "customer_service"
}
"#;
    shop.change(call).await;
    let note = shop.order_in_desk()["order_notes"][1].clone();
    assert_eq!(note["content"], "Customer requested expedited shipping");
    assert_eq!(note["username"], "customer_service");
}
