//! What a request is: its kind, and patterns that faults and holds select by.

use serde::{Deserialize, Serialize};

/// The operation a request asks for, whatever the ids in its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// `GET /test`
    Test,
    /// `GET /store`
    GetStore,
    /// `GET /orders`
    GetOrders,
    /// `POST /orders`
    CreateOrder,
    /// `GET /orders/{id}`
    GetOrder,
    /// `PUT /orders/{id}`
    PutOrder,
    /// `DELETE /orders/{id}`
    DeleteOrder,
    /// `POST /orders/{id}/order-history`
    AddHistory,
    /// `GET /orders/{id}/order-items`
    GetItems,
    /// `POST /orders/{id}/order-items`
    AddItem,
    /// `GET /orders/{id}/order-items/{item}`
    GetItem,
    /// `PUT /orders/{id}/order-items/{item}`
    PutItem,
    /// `DELETE /orders/{id}/order-items/{item}`
    DeleteItem,
    /// `GET /orders/{id}/shipments`
    GetShipments,
    /// `POST /orders/{id}/shipments`
    AddShipment,
    /// `GET /orders/{id}/shipments/{shipment}`
    GetShipment,
    /// `PUT /orders/{id}/shipments/{shipment}`
    PutShipment,
    /// `DELETE /orders/{id}/shipments/{shipment}`
    DeleteShipment,
    /// `POST /batch-shipments`
    BatchShipments,
    /// `POST /move-orders`
    MoveOrders,
    /// `GET /inventory-items`
    GetInventory,
    /// `POST /inventory-items`
    CreateInventory,
    /// `GET /inventory-items/{id}`
    GetInventoryItem,
    /// `PUT /inventory-items/{id}`
    PutInventoryItem,
    /// `DELETE /inventory-items/{id}`
    DeleteInventoryItem,
    /// `PUT /batch-inventory-items`
    BatchInventory,
    /// A path or method that the API does not have.
    Unknown,
}

impl RequestKind {
    /// Whether a successful request of this kind changes something.
    pub fn is_write(self) -> bool {
        !matches!(
            self,
            Self::Test
                | Self::GetStore
                | Self::GetOrders
                | Self::GetOrder
                | Self::GetItems
                | Self::GetItem
                | Self::GetShipments
                | Self::GetShipment
                | Self::GetInventory
                | Self::GetInventoryItem
                | Self::Unknown
        )
    }
}

/// A set of kinds; written as `any`, `reads`, `writes` or the name of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KindPattern {
    /// Every request.
    #[default]
    Any,
    /// Requests that change nothing.
    Reads,
    /// Requests that change something.
    Writes,
    /// Requests of one kind.
    #[serde(untagged)]
    Kind(RequestKind),
}

/// Selects requests; every part that is given must agree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// The kinds of request.
    pub kind: KindPattern,
    /// The store id of the request's header.
    pub store: Option<String>,
    /// An order id, from the path or from the lists of `move-orders` and `batch-shipments`.
    pub order: Option<String>,
}

impl Matcher {
    /// Every request of every store.
    pub fn any() -> Self {
        Self::default()
    }

    /// Only requests that change something.
    pub fn writes() -> Self {
        Self {
            kind: KindPattern::Writes,
            ..Self::default()
        }
    }

    /// Narrows to one order.
    pub fn order(mut self, order: impl Into<String>) -> Self {
        self.order = Some(order.into());
        self
    }

    /// Narrows to one store.
    pub fn store(mut self, store: impl Into<String>) -> Self {
        self.store = Some(store.into());
        self
    }

    pub(crate) fn matches(&self, target: &Target) -> bool {
        let kind = match self.kind {
            KindPattern::Any => true,
            KindPattern::Reads => !target.kind.is_write(),
            KindPattern::Writes => target.kind.is_write(),
            KindPattern::Kind(kind) => kind == target.kind,
        };
        kind && self.store.as_ref().is_none_or(|store| *store == target.store)
            && self
                .order
                .as_ref()
                .is_none_or(|order| target.orders.contains(order))
    }
}

impl From<RequestKind> for Matcher {
    fn from(kind: RequestKind) -> Self {
        Self {
            kind: KindPattern::Kind(kind),
            ..Self::default()
        }
    }
}

/// What of a request a [`Matcher`] looks at.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub kind: RequestKind,
    pub store: String,
    pub orders: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_written_as_a_class_or_as_a_kind() {
        for (text, pattern) in [
            ("\"any\"", KindPattern::Any),
            ("\"writes\"", KindPattern::Writes),
            ("\"put_order\"", KindPattern::Kind(RequestKind::PutOrder)),
        ] {
            assert_eq!(serde_json::from_str::<KindPattern>(text).unwrap(), pattern);
            assert_eq!(serde_json::to_string(&pattern).unwrap(), text);
        }
        assert!(serde_json::from_str::<KindPattern>("\"put_orders\"").is_err());
    }

    #[test]
    fn all_given_parts_must_agree() {
        let target = Target {
            kind: RequestKind::PutOrder,
            store: "s".into(),
            orders: vec!["7".into()],
        };
        assert!(
            Matcher::from(RequestKind::PutOrder)
                .order("7")
                .store("s")
                .matches(&target)
        );
        assert!(!Matcher::from(RequestKind::PutOrder).order("8").matches(&target));
        assert!(!Matcher::from(RequestKind::GetOrder).order("7").matches(&target));
        assert!(!Matcher::writes().store("t").matches(&target));
    }
}
