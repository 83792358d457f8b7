//! A registered store.

use serde_json::{Value, json};

use super::{Call, Client};

/// A registered store and its orders.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    /// Order Desk's id of it.
    pub(crate) id: String,
    pub(crate) orders: Vec<String>,
}

impl Shop {
    pub(crate) async fn register(client: &Client, id: &str, api_key: &str, orders: Vec<String>) -> Self {
        let body = json!({"store_id": id, "api_key": api_key, "label": format!("shop {id}")});
        client.post("/stores", body).expect(201).await;
        Self {
            id: id.to_owned(),
            orders,
        }
    }

    /// The path of an order.
    pub(crate) fn order(&self, index: usize) -> String {
        format!(
            "/stores/{}/orders/{}",
            self.id,
            self.orders[index % self.orders.len()]
        )
    }

    /// The command that adds a note to an order.
    pub(crate) fn note(&self, client: &Client, index: usize, text: &str) -> Call {
        client.post(format!("{}/add-note", self.order(index)), json!({"note": text}))
    }
}

/// How many notes of an order have this text.
pub(crate) fn notes(order: &Value, text: &str) -> usize {
    let notes = order["order_notes"].as_array().expect("an order has notes");
    notes.iter().filter(|note| note["content"] == text).count()
}
