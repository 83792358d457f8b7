//! What all tasks of a worker share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use app::Seals;
use domain::store::Store;
use domain::{IncarnationId, TenantId, Timestamp};
use ledger::{Append, AppendError, Appended, Guard, Ledger, Meta};
use queue::{Announcement, Queue, Subject};
use runtime::Clock;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;
use vault::Keyring;

use crate::lease::Lease;
use crate::schedule::{Now, ReadOutcome, Schedule};
use crate::{Parts, WorkerConfig};

/// How a worker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Partitions it owns.
    pub partitions: usize,
    /// Jobs it knows.
    pub jobs: usize,
    /// Cycles under way.
    pub cycles: usize,
    /// What is left of its lease.
    pub lease_left: Duration,
    /// Order Desk stores that count as down and are only probed.
    pub outages: usize,
}

/// Shared by the tasks of one incarnation.
pub(crate) struct Context {
    pub(crate) ledger: Ledger,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) seals: Seals,
    pub(crate) client: orderdesk::Client,
    pub(crate) cache: cache::Cache,
    pub(crate) config: WorkerConfig,
    pub(crate) lease: Lease,
    /// The engine looks again.
    pub(crate) wake: Notify,
    /// The feed looks again.
    pub(crate) news: Notify,
    /// Orders for which nothing begins.
    pub(crate) erasing: crate::erasure::Erasing,
    schedule: Mutex<Schedule>,
    /// From where the feed must read again, because a partition was loaded since.
    rewind: Mutex<Option<u64>>,
    /// Readers who wait for an answer.
    pub(crate) readers: Mutex<HashMap<Uuid, oneshot::Sender<ReadOutcome>>>,
    /// Folder names of stores, for an hour.
    pub(crate) folders: crate::upstream::Folders,
}

impl Context {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            ledger,
            queue,
            clock,
            keyring,
            seals,
            client,
            cache,
            config,
        } = parts;
        let incarnation = IncarnationId(clock.uuid());
        Self {
            ledger,
            queue,
            keyring,
            seals,
            client,
            cache,
            lease: Lease::new(incarnation),
            wake: Notify::new(),
            news: Notify::new(),
            erasing: crate::erasure::Erasing::default(),
            schedule: Mutex::new(Schedule::new(config.limits, config.settle())),
            rewind: Mutex::new(None),
            readers: Mutex::new(HashMap::new()),
            folders: crate::upstream::Folders::default(),
            clock,
            config,
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            at: Timestamp::from_millis(self.clock.unix_ms()),
            boot: self.clock.boot(),
        }
    }

    /// Runs `f` on the schedule and lets the engine look again.
    pub(crate) fn schedule<T>(&self, f: impl FnOnce(&mut Schedule, Now) -> T) -> T {
        let result = f(&mut self.lock(), self.now());
        self.wake.notify_one();
        result
    }

    /// Runs `f` on the schedule without waking anybody.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&mut Schedule, Now) -> T) -> T {
        f(&mut self.lock(), self.now())
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Lets the feed read again everything after `position`, if it is beyond it.
    pub(crate) fn read_again_after(&self, position: u64) {
        let mut rewind = self
            .rewind
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        *rewind = Some(rewind.map_or(position, |other| other.min(position)));
        drop(rewind);
        self.news.notify_one();
    }

    /// From where the feed must read again, once.
    pub(crate) fn take_rewind(&self) -> Option<u64> {
        self.rewind
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
    }

    /// An append of the worker itself, guarded by the ownership of `partition`; `None` if it is not ours.
    pub(crate) fn append_for(&self, partition: u16) -> Option<Append> {
        let guard: Guard = self.lease.guard(partition)?;
        let meta = Meta {
            actor: Some("worker".to_owned()),
            ..Meta::default()
        };
        Some(Append::new(self.now().at, meta).guard(guard))
    }

    /// Appends. Once committed, lets the cache forget `areas` and announces `subjects` to every process.
    pub(crate) async fn append(
        &self,
        append: Append,
        tenant_id: TenantId,
        subjects: Vec<Subject>,
        areas: Vec<cache::Area>,
    ) -> Result<Appended, AppendError> {
        let (queue, cache) = (Arc::clone(&self.queue), self.cache.clone());
        self.ledger
            .append_then(append, move |appended| {
                let position = appended.last;
                if subjects.is_empty() && areas.is_empty() {
                    return;
                }
                tokio::spawn(async move {
                    if !areas.is_empty() {
                        cache.raise(&areas).await;
                    }
                    for subject in subjects {
                        queue
                            .announce(&Announcement {
                                tenant_id,
                                position,
                                subject,
                            })
                            .await;
                    }
                });
            })
            .await
    }

    /// The store as last told, or as the ledger has it.
    pub(crate) async fn store(&self, id: domain::StoreId) -> Option<Arc<Store>> {
        if let Some(store) = self.look(|schedule, _| schedule.store(id)) {
            return Some(store);
        }
        self.ledger.store(id).await.ok().flatten().map(Arc::new)
    }

    pub(crate) fn status(&self) -> Status {
        let ((jobs, cycles), outages) = self.look(|schedule, _| (schedule.sizes(), schedule.outages()));
        Status {
            partitions: self.lease.owned().len(),
            jobs,
            cycles,
            lease_left: self.lease.left(self.clock.boot()),
            outages,
        }
    }
}
