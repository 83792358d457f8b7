//! Streams: the units of consistency.

use std::fmt;

use domain::{BatchId, DeliveryId, EndpointId, ErasureId, JobId, OrderId, StoreId, TenantId};
use uuid::Uuid;

/// Whose events are numbered together, from version 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A tenant and its keys.
    Tenant(TenantId),
    /// A store.
    Store(StoreId),
    /// A job.
    Job(JobId),
    /// One upstream request.
    Batch(BatchId),
    /// One erasure.
    Erasure(ErasureId),
    /// What is known of one order.
    Order(StoreId, OrderId),
    /// A webhook endpoint.
    Endpoint(EndpointId),
    /// What was asked about one delivery.
    Delivery(DeliveryId),
    /// What somebody was shown in one minute; the id is made from who, what and when.
    Read(Uuid),
    /// The refusals of one key in one minute, by address; the id is made of them.
    Login(Uuid),
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant(id) => write!(f, "tenant-{id}"),
            Self::Store(id) => write!(f, "store-{id}"),
            Self::Job(id) => write!(f, "job-{id}"),
            Self::Batch(id) => write!(f, "batch-{id}"),
            Self::Erasure(id) => write!(f, "erasure-{id}"),
            Self::Order(store, order) => write!(f, "order-{store}-{order}"),
            Self::Endpoint(id) => write!(f, "endpoint-{id}"),
            Self::Delivery(id) => write!(f, "delivery-{id}"),
            Self::Read(id) => write!(f, "read-{id}"),
            Self::Login(id) => write!(f, "login-{id}"),
        }
    }
}
