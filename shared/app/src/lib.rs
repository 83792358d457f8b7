//! Commands and queries of the gateway, free of HTTP.
//!
//! **What it is for.** Whoever speaks to users (REST today) authenticates a key with [`App::authenticate`], makes a
//! [`Caller`] of it and calls the methods of [`App`]; each decides purely, appends once and answers with domain
//! types. The worker shares [`seals`] and [`payload`] with it. Tenants are kept apart here: every method sees only
//! what belongs to its caller.
//!
//! **What it is not for.** It knows no status codes, headers or routes, limits no rates and sends no change to Order
//! Desk: it accepts a change, and the worker makes it.
//!
//! **How to add a command.** A kind in `domain::order`, and it can be submitted. Any other changing call: a method that
//! decides, appends with `App::commit` (which tells the others after the commit, whether the caller is still there or
//! not) and takes an optional [`Once`] for its idempotency key.

mod admin;
mod after;
mod audit;
mod auth;
mod bus;
mod denied;
mod dry_run;
mod erasure;
mod follow;
mod history;
mod idempotency;
mod incoming;
mod jobs;
mod log;
pub mod metric;
mod notice;
pub mod payload;
mod reads;
mod restored;
mod retry;
pub mod seals;
mod settle;
mod stores;
mod submit;
mod tenants;
mod upkeep;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use ipnet::IpNet;
use ledger::Ledger;
use queue::Queue;
use runtime::Clock;
use secrecy::SecretString;
use url::Url;
use vault::{ArgonPool, Authenticator, AuthenticatorConfig, Keyring};

pub use admin::{PROJECTIONS, RebuildError};
pub use audit::{AuditEntry, AuditPage, AuditQuery, Export, ExportQuery, Subject};
pub use auth::{AuthError, Authenticated, Caller, TenantRef};
pub use denied::Denied;
pub use dry_run::{DryRun, DryRunError};
pub use erasure::{EraseError, Erasure};
pub use follow::{Follow, Following, JobNews};
pub use history::{Changed, OrderAtError, OrderChange, OrderHistory, Revert, RevertError};
pub use idempotency::{Earlier, IdempotencyKey, Once, Outcome, StoredAnswer};
pub use incoming::{IncomingError, PostedOrder};
pub use jobs::{CancelError, JobPage, JobQuery, JobView, QueuePlace};
pub use log::{Consistency, Inclusion, LogKey, ProofError};
pub use notice::{ForeignEdit, Notice, OrderNotice};
pub use reads::{CacheState, CustomerSearch, Listing, Parameter, ReadError, ReadOptions, Reading, Search};
pub use restored::{Restored, RestoredError, restored};
pub use retry::{Assume, Many, RetryError};
pub use seals::{Purpose, SealError, Sealer, Seals};
pub use stores::{
    ChangeStoreError, FindStoreError, PatchStore, RegisterError, RegisterStore, StoreStatus, Tokens,
};
pub use submit::{ItemError, MAX_BATCH, Submission, SubmitError, Submitted};
pub use tenants::{
    AddKeyError, Admin, DeleteTenantError, MadeKey, MadeTenant, NewKey, RevokeKeyError, TenantPage,
};
pub use webhooks::{
    AttemptView, CallbackBody, DeliveryError, DeliveryPage, DeliveryQuery, DeliveryView, EndpointBody,
    EndpointError, EndpointPage, EndpointView, MOST_ENDPOINTS, MadeSecret, NewEndpoint, PatchEndpoint,
    ReplayRange, Replayed, SigningSecret, StoreNames,
};

/// What can be set about commands and queries.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Whether an unknown key of sufficient length becomes a tenant at its first write.
    pub auto_provision: bool,
    /// Attempts that a job has.
    pub max_attempts: u32,
    /// How long after its submission or `run_at` a job ends unfinished.
    pub job_deadline: Duration,
    /// How long an idempotency key is remembered.
    pub idempotency_ttl: Duration,
    /// How many partitions the ledger was started with.
    pub partitions: u16,
    /// Where Order Desk is.
    pub base_url: Url,
    /// Whether a created order is marked in `source_id` rather than in its metadata.
    pub create_marker_source_id: bool,
    /// How long a read waits for a token of its store.
    pub read_timeout: Duration,
    /// How long what was read is shown without asking again.
    pub ttl: Ttl,
    /// Private ranges that webhooks may reach.
    pub webhook_allow_nets: Vec<IpNet>,
    /// What relays sign their calls about orders with; none, and none are taken.
    pub webhook_secret: Option<SecretString>,
    /// Whether no other process changes what this one's cache keeps. Else, and unless the cache is shared, every hit is
    /// compared with the ledger.
    pub alone: bool,
    /// Whether it is recorded who was shown an order or a list of them.
    pub audit_reads: bool,
}

/// How long what was read is shown without asking again; zero: never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ttl {
    /// Orders and lists of orders.
    pub orders: Duration,
    /// Inventory items and lists of them.
    pub products: Duration,
    /// Customers.
    pub customers: Duration,
    /// A store's settings and folders.
    pub store: Duration,
}

impl Default for Ttl {
    /// The documented ones.
    fn default() -> Self {
        Self {
            orders: Duration::from_secs(15),
            products: Duration::from_mins(1),
            customers: Duration::from_mins(5),
            store: Duration::from_hours(1),
        }
    }
}

impl AppConfig {
    /// The documented defaults for `base_url`.
    pub fn new(base_url: Url) -> Self {
        Self {
            auto_provision: true,
            max_attempts: 8,
            job_deadline: Duration::from_hours(24),
            idempotency_ttl: Duration::from_hours(24),
            partitions: 64,
            base_url,
            create_marker_source_id: false,
            webhook_secret: None,
            read_timeout: Duration::from_secs(5),
            ttl: Ttl::default(),
            webhook_allow_nets: Vec::new(),
            alone: false,
            audit_reads: true,
        }
    }
}

/// What the commands and queries work with.
pub struct Parts {
    /// The truth.
    pub ledger: Ledger,
    /// The way to the other processes.
    pub queue: Arc<dyn Queue>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
    /// The derived keys.
    pub keyring: Arc<Keyring>,
    /// Where master keys are hashed and proven.
    pub pool: ArgonPool,
    /// The way to Order Desk, for reads.
    pub upstream: orderdesk::Client,
    /// What reads are kept in; where there is a worker in the process, the same as its.
    pub cache: cache::Cache,
    /// What can be set.
    pub config: AppConfig,
}

/// The time of `clock`, as a cache asks for it.
pub fn cache_time(clock: Arc<dyn Clock>) -> cache::Now {
    Arc::new(move || Timestamp::from_millis(clock.unix_ms()))
}

/// The gateway's commands and queries. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    ledger: Ledger,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    keyring: Arc<Keyring>,
    pool: ArgonPool,
    upstream: orderdesk::Client,
    cache: cache::Cache,
    config: AppConfig,
    seals: Seals,
    authenticator: Authenticator<auth::Proven>,
    waiters: bus::Waiters,
    verifying: idempotency::InProgress,
    pace: reads::Pace,
    stores: stores::Remembered,
    ends: reads::Ends,
    erasures: tokio::sync::Notify,
    rebuilding: tokio::sync::Mutex<()>,
    notes: audit::Notes,
}

impl App {
    /// Puts the parts together. Needs a Tokio runtime.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            ledger,
            queue,
            clock,
            keyring,
            pool,
            upstream,
            cache,
            config,
        } = parts;
        let seals = Seals::new(ledger.clone(), Arc::clone(&keyring), Arc::clone(&clock));
        let authenticator =
            Authenticator::new(Arc::clone(&keyring), pool.clone(), AuthenticatorConfig::default());
        Self(Arc::new(Inner {
            ledger,
            queue,
            clock,
            keyring,
            pool,
            upstream,
            cache,
            config,
            seals,
            authenticator,
            waiters: bus::Waiters::default(),
            verifying: idempotency::InProgress::default(),
            pace: reads::Pace::new(),
            stores: stores::Remembered::new(),
            ends: reads::Ends::new(),
            erasures: tokio::sync::Notify::new(),
            rebuilding: tokio::sync::Mutex::new(()),
            notes: audit::Notes::default(),
        }))
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }

    /// The way to the other processes.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        &self.0.queue
    }

    /// Time and ids.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// The derived keys.
    pub fn keyring(&self) -> &Arc<Keyring> {
        &self.0.keyring
    }

    /// Sealing and opening.
    pub fn seals(&self) -> &Seals {
        &self.0.seals
    }

    /// The way to Order Desk.
    pub fn upstream(&self) -> &orderdesk::Client {
        &self.0.upstream
    }

    /// Whether Order Desk answers the reads of this process: false once it has failed to, several times in a row, until
    /// it does again.
    pub fn upstream_answers(&self) -> bool {
        self.0.pace.all_answer()
    }

    /// What reads are kept in.
    pub fn cache(&self) -> &cache::Cache {
        &self.0.cache
    }

    /// What was set.
    pub fn config(&self) -> &AppConfig {
        &self.0.config
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.clock.unix_ms())
    }

    pub(crate) fn id<T: From<uuid::Uuid>>(&self) -> T {
        T::from(self.0.clock.uuid())
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
