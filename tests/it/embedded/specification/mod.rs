//! The product's specification, line by line: its calls copied verbatim, its variables, headers, log fields, times and
//! database queries, one test for each, named after it.

mod cache;
mod call;
mod database;
mod headers;
mod inventory;
mod logs;
mod orders;
mod stores;
mod variables;

use serde_json::{Value, json};
use simulator::{Folder, Simulator, StoreConfig};
use system_tests::{Answer, Client, Gateway};

use super::PATIENCE;

/// The store of the specification's examples.
const STORE: &str = "your-store-id";
const API_KEY: &str = "your-api-key";

/// A gateway, a tenant of it, and Order Desk with the store, the folders, an order and an inventory item that the
/// specification's examples speak of.
struct Shop {
    gateway: Gateway,
    client: Client,
    order: String,
    item: String,
}

impl Shop {
    /// One whose store is not registered yet.
    async fn unregistered() -> Self {
        Self::of(Gateway::start().await)
    }

    /// One with its store registered.
    async fn open() -> Self {
        let shop = Self::unregistered().await;
        shop.client.register_store(STORE, API_KEY).await;
        shop
    }

    fn of(gateway: Gateway) -> Self {
        let (order, item) = furnish(&gateway.desk);
        Self {
            client: gateway.client(),
            gateway,
            order,
            item,
        }
    }

    /// Makes a call of the specification, with real ids in place of its own.
    async fn call(&self, text: &str) -> Answer {
        let text = text
            .replace("{store_id}", STORE)
            .replace("{order_id}", &self.order)
            .replace("{item_id}", &self.item);
        call::make(&self.client, &text).await
    }

    /// Makes a call that changes something: it is accepted, and the job succeeds.
    async fn change(&self, text: &str) -> Value {
        let accepted = self.call(text).await.expect(202);
        let location = format!("/jobs/{}", accepted.id());
        assert_eq!(accepted.header("Location"), location);
        self.client.wait_succeeded(&accepted.id(), PATIENCE).await
    }

    /// The order as Order Desk has it.
    fn order_in_desk(&self) -> Value {
        self.gateway
            .desk
            .get_order(STORE, &self.order)
            .expect("the order exists")
    }

    /// The inventory item of that code as Order Desk has it.
    fn item_in_desk(&self, code: &str) -> Option<Value> {
        let items = self.gateway.desk.inventory(STORE).expect("the store exists");
        items.into_iter().find(|item| item["code"] == code)
    }
}

/// Puts what the examples speak of into Order Desk; the ids of the order and the item.
fn furnish(desk: &Simulator) -> (String, String) {
    let mut store = StoreConfig::new(STORE, API_KEY);
    for (id, name) in [(123, "Waiting"), (456, "Shipped")] {
        store.folders.push(Folder {
            id,
            name: name.to_owned(),
        });
    }
    desk.add_store(store);
    let order = desk.seed_orders(STORE, 1).expect("the store exists").remove(0);
    let item = json!({"name": "Blue widget", "code": "WIDGET", "price": 1, "stock": 1});
    let item = desk.put_inventory_item(STORE, item).expect("the store exists");
    (order, item)
}
