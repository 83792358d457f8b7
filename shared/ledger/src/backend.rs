//! The port: what a database must do to be a ledger.

use std::time::Duration;

use async_trait::async_trait;
use domain::batch::OpenBatch;
use domain::image::OrderImage;
use domain::job::Job;
use domain::store::Store;
use domain::tenant::{Key, Tenant};
use domain::{DataKeyId, IncarnationId, JobId, OrderId, StoreId, TenantId, Timestamp, UpstreamStoreId};
use merkle::{Hash, NodeId};

use crate::append::{Append, Appended, Refusal};
use crate::audit::{AuditFilter, AuditPage, Place};
use crate::filter::{JobFilter, OrderEventFilter};
use crate::idempotency::IdempotencyRecord;
use crate::ownership::{Claimed, Membership};
use crate::recorded::Recorded;
use crate::seal::{LeafRun, SignedHead, TreeNode};
use crate::webhook::Webhooks;

/// Why a database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// It could not be reached, or went away meanwhile, or a time limit passed: try again later. A write may
    /// have been committed all the same.
    #[error("the ledger's database is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It answered with an error that nobody foresaw. A write was rolled back.
    #[error("the ledger's database failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It does the same already, for somebody else.
    #[error("the ledger's database is at it already")]
    Busy,
    /// A stored row cannot be read.
    #[error("row {key} of {table} cannot be read")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A data key as it is stored: wrapped by its tenant's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataKeyRow {
    /// Its id, which sealed bytes name.
    pub id: DataKeyId,
    /// Whose.
    pub tenant_id: TenantId,
    /// Of which store.
    pub store_id: Option<StoreId>,
    /// Whether it seals the store's credentials (and not a subject record).
    pub credentials: bool,
    /// The order whose personal data it seals, once known.
    pub order_id: Option<OrderId>,
    /// The wrapped key.
    pub wrapped: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which data keys an append destroys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestroyKeys {
    /// The one that seals a store's credentials.
    Credentials(StoreId),
    /// All of one order.
    Order(StoreId, OrderId),
    /// One key.
    One(DataKeyId),
}

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last event; 0 for an empty log.
    pub position: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// [`Backend::jobs_ahead`] counts no further.
pub const MOST_AHEAD: u64 = 1_000;

/// How many jobs of a store wait and run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// `queued` or `retrying`.
    pub queued: u64,
    /// `running`.
    pub running: u64,
    /// Due time of the job that waits longest.
    pub oldest_due_at: Option<Timestamp>,
}

/// What the succeeded jobs of a tenant took of Order Desk's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCounts {
    /// Requests to Order Desk.
    pub spent: u64,
    /// Requests that jobs which travelled together did not take: alone, each would have taken a read and a write.
    pub saved: u64,
}

impl TokenCounts {
    /// How finely the ledgers add up the shares of jobs that travelled together: in millionths of a request.
    pub const PARTS: u64 = 1_000_000;

    /// How many jobs' shares must be new before a sum is kept: fewer are added up as fast as it is written.
    pub const KEPT_FROM: u64 = 1_000;

    /// What so many parts are in whole requests, to the nearest.
    #[must_use]
    pub fn of_parts(spent: u64, saved: u64) -> Self {
        let whole = |parts: u64| (parts + Self::PARTS / 2) / Self::PARTS;
        Self {
            spent: whole(spent),
            saved: whole(saved),
        }
    }
}

/// What waits and runs in a partition, and who owns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionQueue {
    /// The partition.
    pub partition: u16,
    /// Its owner's incarnation, if it has one.
    pub owner: Option<IncarnationId>,
    /// Whether the owner's heartbeat is valid.
    pub live: bool,
    /// Rises at each take-over.
    pub epoch: u64,
    /// Jobs that are `queued` or `retrying`.
    pub queued: u64,
    /// Of those, the ones whose time has come.
    pub due: u64,
    /// Jobs that are `running`.
    pub running: u64,
    /// Due time of the due job that waits longest.
    pub oldest_due_at: Option<Timestamp>,
}

type Result<T> = std::result::Result<T, BackendError>;

/// A database that keeps the log and its views.
///
/// **Appending.** `append_batch` locks the head, then tests each append's guards in fresh statements,
/// numbers the survivors only, writes their events, view rows, keys and idempotency records, and moves the
/// head, in one transaction. A reader that sees position p sees everything up to p, for ever.
/// `recorded_at = max(now, head's)`. Events are insert-only, by trigger.
///
/// **Times.** Ownership uses the database's own clock; everything else the times given.
#[async_trait]
pub trait Backend: Webhooks {
    /// Writes the appends of `batch`, each all or nothing, in one transaction. The outer error concerns all of
    /// them; an inner one only its own append.
    async fn append_batch(&self, batch: &[Append]) -> Result<Vec<std::result::Result<Appended, Refusal>>>;

    /// Where the log ends.
    async fn head(&self) -> Result<Head>;
    /// Events with positions above `after`, ascending.
    async fn events_after(&self, after: u64, limit: u32) -> Result<Vec<Recorded>>;
    /// One stream's events with versions above `after`, ascending.
    async fn stream_after(&self, stream: &crate::Stream, after: u64, limit: u32) -> Result<Vec<Recorded>>;
    /// One tenant's events of jobs with positions above `after`, ascending; of one job if it is given. Without what
    /// is sealed beside submissions: who follows jobs shows what becomes of them, not what they are to do.
    async fn job_events_after(
        &self,
        tenant: TenantId,
        job: Option<JobId>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>>;
    /// What was made and seen of one order, newest first. Jobs and requests of an inventory item with the same id are
    /// among it.
    async fn order_events(&self, filter: &OrderEventFilter) -> Result<Vec<Recorded>>;

    /// A page of what a tenant's audit shows. It may hold fewer events than asked for although there are more: with
    /// several conditions no more than [`MOST_SCANNED`](crate::audit::MOST_SCANNED) entries are looked at.
    async fn audit_page(&self, filter: &AuditFilter) -> Result<AuditPage>;
    /// How many of a tenant's events stand before a place: below the position, or recorded before the time.
    async fn tenant_events_before(&self, tenant: TenantId, place: Place) -> Result<u64>;
    /// One tenant's events with numbers above `after`, ascending: at most `limit`, and if it is more than one, of at
    /// most `bytes` of data and ciphertext together.
    async fn tenant_events_after(
        &self,
        tenant: TenantId,
        after: u64,
        limit: u32,
        bytes: u64,
    ) -> Result<Vec<Recorded>>;

    /// Erasures that were asked for or done, of all tenants, with positions above `after`, ascending.
    async fn erasure_events_after(&self, after: u64, limit: u32) -> Result<Vec<Recorded>>;
    /// One tenant's events of a store beside which something is sealed, with the tenant's numbers above `after`,
    /// ascending.
    async fn sealed_events_of_store(
        &self,
        tenant: TenantId,
        store: StoreId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Recorded>>;

    /// A tenant, tombstones included.
    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>>;
    /// A page of all tenants, tombstones included, newest id first; only ids below `before`.
    async fn tenants_page(&self, before: Option<TenantId>, limit: u32) -> Result<Vec<Tenant>>;
    /// Up to `limit` tenants whose erasure was asked for and is not done.
    async fn tenants_to_erase(&self, limit: u32) -> Result<Vec<Tenant>>;
    /// A key by hex lookup hash, tombstones included.
    async fn key_by_lookup(&self, lookup: &str) -> Result<Option<Key>>;
    /// A tenant's keys, oldest first.
    async fn keys_of(&self, tenant: TenantId) -> Result<Vec<Key>>;

    /// A store, deleted ones included.
    async fn store(&self, id: StoreId) -> Result<Option<Store>>;
    /// A tenant's registration of an Order Desk store, unless it is being deleted.
    async fn store_by_upstream(&self, tenant: TenantId, store: &UpstreamStoreId) -> Result<Option<Store>>;
    /// Registrations of an Order Desk store, of all tenants, that are not being deleted, oldest first.
    async fn registrations(&self, store: &UpstreamStoreId, limit: u32) -> Result<Vec<Store>>;
    /// A tenant's stores that are not being deleted, oldest first.
    async fn stores_of(&self, tenant: TenantId) -> Result<Vec<Store>>;
    /// Up to `limit` of a tenant's stores whose credentials are not destroyed yet, those being deleted included.
    async fn stores_with_credentials(&self, tenant: TenantId, limit: u32) -> Result<Vec<Store>>;
    /// Stores of these partitions whose last position is above `after`, ascending by it, deleted ones included.
    async fn stores_changed(&self, partitions: &[u16], after: u64, limit: u32) -> Result<Vec<Store>>;

    /// A job.
    async fn job(&self, id: JobId) -> Result<Option<Job>>;
    /// The jobs among `ids` that exist, in no order.
    async fn jobs(&self, ids: &[JobId]) -> Result<Vec<Job>>;
    /// A page of one tenant's jobs; without `body`, as lists show what became of a job, not what it was to do.
    async fn jobs_page(&self, filter: &JobFilter) -> Result<Vec<Job>>;
    /// Jobs of these partitions whose last position is above `after`, ascending by it, ended ones included;
    /// without `body` and `outcome`.
    async fn jobs_changed(&self, partitions: &[u16], after: u64, limit: u32) -> Result<Vec<Job>>;
    /// Jobs of a partition that have not ended, with positions above `after`, ascending; without `body` and
    /// `outcome`.
    async fn open_jobs(&self, partition: u16, after: u64, limit: u32) -> Result<Vec<Job>>;
    /// Jobs of a store that have not ended, ascending by position; without `body` and `outcome`.
    async fn open_jobs_of_store(&self, store: StoreId, limit: u32) -> Result<Vec<Job>>;
    /// Jobs of an order that have not ended, ascending by position; without `body` and `outcome`.
    async fn open_jobs_of_order(&self, store: StoreId, order: &OrderId, limit: u32) -> Result<Vec<Job>>;
    /// How many jobs of a store wait and run.
    async fn queue_counts(&self, store: StoreId) -> Result<QueueCounts>;
    /// How many jobs of one store stand before this place in this lane, at most [`MOST_AHEAD`]: every submission asks,
    /// and a long lane would make each of them slower than the one before.
    async fn jobs_ahead(&self, job: &Job) -> Result<u64>;
    /// Position of the last event that ended a job of this order or item, or showed or made another content of the
    /// order; 0 if there is none. Without an order: that ended a job of any order or item of the store. Whoever sees that
    /// a job has ended sees its position here.
    async fn last_change(&self, store: StoreId, order: Option<&OrderId>) -> Result<u64>;
    /// What waits and runs in every partition, and who owns it, in ascending order; `now` says what is due.
    async fn partition_queues(&self, now: Timestamp) -> Result<Vec<PartitionQueue>>;
    /// How many jobs of all stores of a tenant wait and run.
    async fn tenant_queue_counts(&self, tenant: TenantId) -> Result<QueueCounts>;
    /// What the succeeded jobs of a tenant took, from its first event on. What is long past is added up once and kept.
    async fn tenant_tokens(&self, tenant: TenantId) -> Result<TokenCounts>;

    /// Requests of a partition whose outcome is not recorded.
    async fn open_batches(&self, partition: u16) -> Result<Vec<OpenBatch>>;
    /// One such request.
    async fn open_batch(&self, id: domain::BatchId) -> Result<Option<OpenBatch>>;
    /// The last image of an order.
    async fn order_image(&self, store: StoreId, order: &OrderId) -> Result<Option<OrderImage>>;

    /// A data key.
    async fn data_key(&self, id: DataKeyId) -> Result<Option<DataKeyRow>>;
    /// The data keys among `ids` that exist, in no order.
    async fn data_keys(&self, ids: &[DataKeyId]) -> Result<Vec<DataKeyRow>>;
    /// The oldest data key of an order's subject records.
    async fn data_key_of_order(&self, store: StoreId, order: &OrderId) -> Result<Option<DataKeyRow>>;
    /// Up to `limit` of a tenant's data keys, in no order.
    async fn data_keys_of_tenant(&self, tenant: TenantId, limit: u32) -> Result<Vec<DataKeyId>>;
    /// An idempotency record that is alive at `now`.
    async fn idempotency(
        &self,
        tenant: TenantId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>>;
    /// Removes up to `limit` idempotency records that are dead at `now`; says how many.
    async fn purge_idempotency(&self, now: Timestamp, limit: u32) -> Result<u64>;

    /// A setting of this ledger, e.g. `partitions`.
    async fn setting(&self, name: &str) -> Result<Option<Vec<u8>>>;
    /// Sets `name` if it is not set; returns what it is set to then.
    async fn init_setting(&self, name: &str, value: &[u8]) -> Result<Vec<u8>>;
    /// Replaces the value of `name` if it still is `from`; says whether it was.
    async fn swap_setting(&self, name: &str, from: &[u8], to: &[u8]) -> Result<bool>;

    /// Makes sure that partitions `0..count` exist.
    async fn init_partitions(&self, count: u16) -> Result<()>;
    /// Renews (or makes) an incarnation's heartbeat for `ttl` from now and tells who owns what. A `draining`
    /// incarnation keeps what it owns but counts no longer as live.
    async fn heartbeat(
        &self,
        incarnation: IncarnationId,
        ttl: Duration,
        draining: bool,
    ) -> Result<Membership>;
    /// Takes those of `partitions` that nobody owns or whose owner's heartbeat has run out, under the head lock, so
    /// that no append of a former owner can follow. `force` takes those of other owners too: only for who
    /// has proven them dead. Needs a valid heartbeat of `incarnation`; else takes nothing.
    async fn claim(
        &self,
        incarnation: IncarnationId,
        partitions: &[u16],
        force: bool,
    ) -> Result<Vec<Claimed>>;
    /// Gives partitions back, if they are still owned by `incarnation`, under the head lock.
    async fn release(&self, incarnation: IncarnationId, partitions: &[u16]) -> Result<()>;
    /// Ends an incarnation: gives back all its partitions and removes its heartbeat.
    async fn goodbye(&self, incarnation: IncarnationId) -> Result<()>;

    /// How many events are sealed: the last position of the last run.
    async fn sealed_size(&self) -> Result<u64>;
    /// Seals a run of leaves, with the subtrees that they complete, all or nothing. False, and nothing is written, if
    /// the run does not begin where the last one ended. Insert-only, by trigger, as signed heads are.
    async fn append_leaves(&self, run: &LeafRun, nodes: &[TreeNode]) -> Result<bool>;
    /// The hashes sealed for the positions after `after`, ascending, at most `limit`; fewer where the seal ends.
    async fn leaf_hashes(&self, after: u64, limit: u32) -> Result<Vec<Hash>>;
    /// Those of these subtrees that are stored, in no order.
    async fn tree_nodes(&self, ids: &[NodeId]) -> Result<Vec<TreeNode>>;
    /// Stores a head, unless there is one of this size and generation.
    async fn put_signed_head(&self, head: &SignedHead) -> Result<()>;
    /// The head of the largest size, of the latest generation among those.
    async fn latest_signed_head(&self) -> Result<Option<SignedHead>>;
    /// Heads of at least `size` leaves, ascending by size and generation.
    async fn signed_heads_from(&self, size: u64, limit: u32) -> Result<Vec<SignedHead>>;

    /// Throws all views away and writes them anew from the log: beside the live ones, then, with the head
    /// locked for the last catch-up, in their place. Returns how many events were folded; [`BackendError::Busy`] if
    /// another rebuild is under way.
    async fn rebuild(&self) -> Result<u64>;
    /// Sees to it that of rows deleted before nothing is left in files of the database's that nobody reads any more;
    /// false if others are in the way: try again. What backups hold is theirs to let go.
    async fn scrub(&self) -> Result<bool>;
    /// A cheap statement, to see whether the database answers.
    async fn ping(&self) -> Result<()>;
}
