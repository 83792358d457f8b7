//! View rows: what an append writes beside its events, each a pure fold of the events of one stream.

use domain::BatchId;
use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::webhook::Endpoint;

/// A row of a view, written whole: inserted, or put in place of the one with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewRow {
    /// Table `tenants`.
    Tenant(Box<Tenant>),
    /// Table `tenant_keys`.
    Key(Box<Key>),
    /// Table `stores`. The adapter sets `last_position`.
    Store(Box<Store>),
    /// Table `jobs`. The adapter sets `last_position`, and `position` where it is 0.
    Job(Box<Job>),
    /// Table `open_batches`. The adapter sets `position`.
    OpenBatch(Box<OpenBatch>),
    /// The row of `open_batches` goes.
    ClosedBatch(BatchId),
    /// Table `order_images`, keyed by store and order. The adapter sets `position`.
    Image(Box<OrderImage>),
    /// The row of `order_images` goes: the order was deleted.
    NoImage(domain::StoreId, domain::OrderId),
    /// Table `webhook_endpoints`. The adapter sets `last_position`, and `position` where it is 0.
    Endpoint(Box<Endpoint>),
}

/// A view row and the event whose position it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The row.
    pub row: ViewRow,
    /// Index of the event in its append.
    pub event: usize,
}
