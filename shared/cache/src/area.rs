//! What entries belong to.

use domain::{OrderId, StoreId, TenantId};

/// What an entry belongs to, and what is forgotten together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Area {
    /// Whose it is.
    pub tenant: TenantId,
    /// The registered store.
    pub store: StoreId,
    /// What of the store.
    pub topic: Topic,
}

/// A part of a store that changes by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// One order.
    Order(OrderId),
    /// Every list of orders, and what is derived from lists, such as customers.
    Orders,
    /// One inventory item.
    Item(String),
    /// Every list of inventory items.
    Items,
    /// Settings and folders.
    Store,
}

impl Area {
    /// An area of a store.
    pub fn new(tenant: TenantId, store: StoreId, topic: Topic) -> Self {
        Self { tenant, store, topic }
    }
}

impl Topic {
    /// The topic in metrics; without ids.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Order(_) => "order",
            Self::Orders => "orders",
            Self::Item(_) => "item",
            Self::Items => "items",
            Self::Store => "store",
        }
    }

    /// What distinguishes two areas of one topic.
    pub fn id(&self) -> &str {
        match self {
            Self::Order(id) => id.as_str(),
            Self::Item(id) => id,
            Self::Orders | Self::Items | Self::Store => "",
        }
    }
}

/// Names one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    /// What it belongs to.
    pub area: &'a Area,
    /// Which entry of the area: the query in a canonical form. May hold personal data.
    pub query: &'a str,
}
