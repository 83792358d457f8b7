//! The pure core of the gateway: what a tenant, a store, a job and an order are, which events happen to
//! them, and how those events fold into the state that everything else reads.
//!
//! Nothing here performs I/O, reads a clock or draws a random number: times, ids and ciphertexts are
//! arguments. To add an event, add a variant to [`event::Event`], a fixture under `fixtures/events`, and
//! let the compiler lead you through the folds.

pub mod batch;
pub mod event;
pub mod id;
pub mod image;
pub mod job;
pub mod order;
pub mod partition;
pub mod sealed;
pub mod store;
pub mod tenant;
pub mod time;
pub mod webhook;

pub use id::{
    BatchId, DataKeyId, DeliveryId, EndpointId, ErasureId, IncarnationId, JobId, KeyId, OrderId, RequestId,
    SecretId, StoreId, TenantId, UpstreamStoreId,
};
pub use sealed::Sealed;
pub use time::Timestamp;
