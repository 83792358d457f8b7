//! The port.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::{JobId, KeyId, OrderId, StoreId, TenantId};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::grant::{GrantAnswer, GrantHandler, GrantRequest};

/// "There is news for the owner of this partition up to this ledger position."
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hint {
    /// The partition.
    pub partition: u16,
    /// Ledger position of the news.
    pub position: u64,
}

/// What an announcement is about. Ids only: nothing personal, nothing secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Subject {
    /// A job changed its state.
    Job {
        /// The job.
        job_id: JobId,
        /// Its registration.
        store_id: StoreId,
        /// Its order or item.
        order_id: Option<OrderId>,
        /// Whether the job has ended.
        ended: bool,
    },
    /// A store changed: its settings, its pause or its deletion.
    Store {
        /// The registration.
        store_id: StoreId,
    },
    /// An order changed outside, or was read anew: drop what is cached of it.
    Order {
        /// The registration.
        store_id: StoreId,
        /// The order.
        order_id: OrderId,
    },
    /// Data keys were destroyed: forget what was opened with them, and what is cached of the order; without an order of
    /// all of the store's, without a store of all of the tenant's.
    Erased {
        /// The registration.
        store_id: Option<StoreId>,
        /// The order.
        order_id: Option<OrderId>,
    },
    /// A key was revoked: forget that it was ever proven.
    Key {
        /// The key.
        key_id: KeyId,
        /// Hex of its lookup hash.
        lookup: String,
    },
}

/// "Look again": told to every process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// Whose.
    pub tenant_id: TenantId,
    /// Ledger position of the news.
    pub position: u64,
    /// What it is about.
    #[serde(flatten)]
    pub subject: Subject,
}

/// The hints of one partition, for its owner. A hint is acknowledged when it is taken out of the stream: a job may
/// wait longer for tokens than any acknowledgement deadline. Ends when dropped. An adapter reconnects by itself.
pub type Hints = BoxStream<'static, Hint>;

/// Hints, bus and grants.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// Tells a partition's owner that there is news. Never waits long (at most a second); says whether it was sent.
    async fn hint(&self, hint: Hint) -> bool;
    /// The hints of a partition, for its owner alone. A second taker of one partition gets some or none of
    /// them; nothing breaks.
    async fn hints(&self, partition: u16) -> Hints;

    /// Tells every process. Never waits; says whether it was sent.
    async fn announce(&self, announcement: &Announcement) -> bool;
    /// Everything announced from now on, in every process, own announcements included. A slow reader loses some.
    async fn announcements(&self) -> BoxStream<'static, Announcement>;
    /// Whether announcements of others reach us at present.
    fn is_live(&self) -> bool;

    /// Asks the owner of a partition for a token, waiting at most `patience`; `None` if nobody answered.
    async fn request_grant(&self, request: &GrantRequest, patience: Duration) -> Option<GrantAnswer>;
    /// Tells the owner that a granted read has ended, so that a change need not wait for the grant to run out.
    async fn release_grant(&self, partition: u16, grant_id: uuid::Uuid);
    /// Answers the requests for a partition from now on, until the guard is dropped.
    async fn serve_grants(&self, partition: u16, handler: Arc<dyn GrantHandler>) -> Box<dyn Send + Sync>;

    /// A round trip to the broker, for readiness; `Ok` in process.
    async fn ping(&self) -> Result<(), String>;
}
