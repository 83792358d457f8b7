//! Which orders a list names that was sent to a user: of orders (`/orders/*/id`) or of customers (`/*/order_ids`).

use domain::OrderId;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// An id, which Order Desk writes as text or as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u64),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Row {
    id: Id,
}

#[derive(Deserialize)]
struct Orders {
    orders: Vec<Row>,
}

#[derive(Deserialize)]
struct Customer {
    order_ids: Vec<Id>,
}

impl Id {
    fn parse(self) -> Option<OrderId> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Number(number) => number.to_string().parse().ok(),
            Self::Other(_) => None,
        }
    }
}

/// The orders that a list of orders names.
pub(super) fn orders(body: &[u8]) -> Vec<OrderId> {
    let orders: Option<Orders> = serde_json::from_slice(body).ok();
    let rows = orders.map(|orders| orders.orders).unwrap_or_default();
    rows.into_iter().filter_map(|row| row.id.parse()).collect()
}

/// The orders that a list of customers names.
pub(super) fn customers(body: &[u8]) -> Vec<OrderId> {
    let customers: Vec<Customer> = serde_json::from_slice(body).unwrap_or_default();
    let ids = customers.into_iter().flat_map(|customer| customer.order_ids);
    ids.filter_map(Id::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(ids: &[OrderId]) -> Vec<&str> {
        ids.iter().map(OrderId::as_str).collect()
    }

    #[test]
    fn the_orders_of_a_list_are_read_whatever_else_is_in_it() {
        let body = br#"{"orders": [{"id": "7", "email": "a@b"}, {"x": {}, "id": 8}], "total_records": 2}"#;
        assert_eq!(named(&orders(body)), ["7", "8"]);
        let body = br#"[{"email": "a@b", "order_ids": ["7", "9"]}, {"order_ids": []}]"#;
        assert_eq!(named(&customers(body)), ["7", "9"]);
        assert!(orders(b"[]").is_empty() && customers(b"{").is_empty());
    }
}
