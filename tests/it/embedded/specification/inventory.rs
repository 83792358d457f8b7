//! "Inventory Management".

use serde_json::json;

use super::Shop;

#[tokio::test]
async fn list_inventory() {
    let shop = Shop::open().await;
    let list = shop
        .call("GET /stores/{store_id}/inventory?limit=50&search=widget")
        .await
        .expect(200)
        .body;
    assert_eq!((&list["limit"], &list["total_records"]), (&json!(50), &json!(1)));
    assert_eq!(list["inventory_items"][0]["code"], "WIDGET");
}

#[tokio::test]
async fn get_inventory_item() {
    let shop = Shop::open().await;
    let item = shop
        .call("GET /stores/{store_id}/inventory/{item_id}")
        .await
        .expect(200)
        .body;
    assert_eq!(
        (&item["id"], &item["code"]),
        (&json!(shop.item), &json!("WIDGET"))
    );
}

#[tokio::test]
async fn create_inventory_item() {
    let shop = Shop::open().await;
    let call = r#"
POST /stores/{store_id}/inventory
Content-Type: application/json

{
  "name": "New Product",
  "code": "PROD-003",
  "price": 39.99,
  "stock": 100
}
"#;
    shop.change(call).await;
    let item = shop.item_in_desk("PROD-003").expect("the item was created");
    assert_eq!((&item["price"], &item["stock"]), (&json!(39.99), &json!(100)));
}

#[tokio::test]
async fn update_inventory_item() {
    let shop = Shop::open().await;
    let call = r#"
PUT /stores/{store_id}/inventory/{item_id}
Content-Type: application/json

{
  "name": "Updated Product Name",
  "price": 44.99,
  "stock": 75
}
"#;
    shop.change(call).await;
    let item = shop.item_in_desk("WIDGET").expect("the code, not given, stays");
    assert_eq!(
        (&item["name"], &item["stock"]),
        (&json!("Updated Product Name"), &json!(75))
    );
}

#[tokio::test]
async fn delete_inventory_item() {
    let shop = Shop::open().await;
    shop.change("DELETE /stores/{store_id}/inventory/{item_id}").await;
    assert_eq!(shop.item_in_desk("WIDGET"), None);
}
