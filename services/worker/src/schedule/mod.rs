//! The schedule: which lane of which store goes next, as a pure state machine with the clock as argument.
//!
//! A job waits here as a next eligible time, never as a blocked task. One schedule serves all partitions that a
//! worker owns; it is the one spender of their stores' tokens, for changes and for reads.
//!
//! - `entry` is a job as the schedule sees it, `lane` keeps jobs of one order in order,
//! - `upstream` is one Order Desk store with its bucket and circuit, `plan` is what is started,
//! - `lanes` and `awake` know what goes next without looking at everything,
//! - `gate` keeps a read and a change of one order apart, `lists` lists of orders and changes of any,
//! - `census` counts it all, for the metrics,
//! - `news` takes in jobs and stores, `tokens` gives out tokens, `deadline` and `ended` are about ends.

mod awake;
mod census;
mod deadline;
mod ended;
mod entry;
mod gate;
mod lane;
mod lanes;
mod lists;
mod news;
mod plan;
#[cfg(test)]
mod tests;
mod tokens;
mod upstream;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::store::Store;
use domain::{JobId, StoreId, Timestamp};
use uuid::Uuid;

pub use census::Census;
pub use gate::{Read, ReadOutcome, Shows};
pub(crate) use gate::{SHOW_WITHIN, VALID};
pub use plan::{Action, Doubt, Finish, Plan, Work};

use awake::Awake;
use deadline::Deadlines;
use ended::Ended;
use lane::Stores;
use news::{Leftovers, Standing};
use upstream::{Look, Upstream, View};

/// A moment on both clocks: the calendar for due times, the boot clock for buckets and leases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Calendar time.
    pub at: Timestamp,
    /// Time since boot.
    pub boot: Duration,
}

/// How much happens at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Tokens of a full bucket.
    pub bucket_size: u32,
    /// Tokens per second.
    pub refill_per_second: f64,
    /// Cycles at once per upstream store.
    pub cycles_per_upstream: usize,
    /// Cycles at once in all.
    pub cycles: usize,
    /// Jobs per batch.
    pub batch_jobs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bucket_size: 20,
            refill_per_second: 3.0,
            cycles_per_upstream: 8,
            cycles: 256,
            batch_jobs: 100,
        }
    }
}

/// A partition that we own.
#[derive(Clone, Copy, Debug)]
struct Partition {
    /// Since when nobody can have spent its stores' tokens, on the boot clock; `None` if nobody ever has.
    idle_since: Option<Duration>,
    /// Everything open is known: before, a job could overtake one that is not loaded yet, or a request in doubt.
    loaded: bool,
    /// Nothing more is started for it.
    draining: bool,
}

/// The schedule of one worker.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    /// How long a request that nobody remembers may still be on its way.
    settle: Duration,
    partitions: HashMap<u16, Partition>,
    stores: Stores,
    /// How many stores are registered with each upstream key.
    registrations: HashMap<String, usize>,
    upstreams: HashMap<String, Upstream>,
    awake: Awake,
    jobs: HashMap<JobId, Standing>,
    ended: Ended,
    leftovers: Leftovers,
    deadlines: Deadlines,
    /// Running cycles and their partitions, those of partitions that were lost meanwhile included.
    cycles: HashMap<u64, u16>,
    /// Granted reads and their upstream stores.
    grants: HashMap<Uuid, String>,
    /// Numbers looks, cycles and groups.
    turn: u64,
    /// The upstream store that was served last.
    last: String,
}

impl Schedule {
    /// An empty schedule. A request that nobody remembers sending is judged after `settle`.
    pub fn new(limits: Limits, settle: Duration) -> Self {
        Self {
            limits,
            settle,
            partitions: HashMap::new(),
            stores: Stores::new(),
            registrations: HashMap::new(),
            upstreams: HashMap::new(),
            awake: Awake::default(),
            jobs: HashMap::new(),
            ended: Ended::default(),
            leftovers: Leftovers::default(),
            deadlines: Deadlines::default(),
            cycles: HashMap::new(),
            grants: HashMap::new(),
            turn: 0,
            last: String::new(),
        }
    }

    /// A partition was taken over; nothing starts before it is loaded. Nobody can have spent its stores' tokens for
    /// `idle`; `None` if nobody ever has.
    pub fn add_partition(&mut self, partition: u16, idle: Option<Duration>, now: Now) {
        let idle_since = idle.map(|idle| now.boot.saturating_sub(idle));
        self.partitions.insert(
            partition,
            Partition {
                idle_since,
                loaded: false,
                draining: false,
            },
        );
    }

    /// Everything open of a partition is known: its jobs may start.
    pub fn open_partition(&mut self, partition: u16) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.loaded = true;
        }
        self.wake_partition(partition);
    }

    /// Whether everything open of a partition is known.
    pub fn is_open(&self, partition: u16) -> bool {
        self.partitions.get(&partition).is_some_and(|known| known.loaded)
    }

    /// Starts nothing more for a partition; what runs ends.
    pub fn drain_partition(&mut self, partition: u16) {
        if let Some(known) = self.partitions.get_mut(&partition) {
            known.draining = true;
        }
    }

    /// Goes on with a partition that was to be handed over.
    pub fn resume_partition(&mut self, partition: u16) {
        if let Some(known) = self.partitions.get_mut(&partition)
            && std::mem::take(&mut known.draining)
        {
            self.wake_partition(partition);
        }
    }

    /// The cycles that run for a partition.
    pub fn cycles_of(&self, partition: u16) -> std::collections::HashSet<u64> {
        let cycles = self.cycles.iter();
        cycles
            .filter(|(_, of)| **of == partition)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Whether a cycle has not ended.
    pub fn runs(&self, cycle: u64) -> bool {
        self.cycles.contains_key(&cycle)
    }

    /// Whether nothing runs for a partition. One that was lost while cycles ran must not be taken again before they
    /// have ended: they would act as if it had never been somebody else's.
    pub fn is_idle(&self, partition: u16) -> bool {
        !self.cycles.values().any(|of| *of == partition)
    }

    /// Whether a partition was drained, nothing runs for it, and no read is under way that its next owner would not
    /// know of.
    pub fn may_hand_over(&self, partition: u16) -> bool {
        self.partitions
            .get(&partition)
            .is_some_and(|known| known.draining)
            && self.is_idle(partition)
            && !self
                .upstreams
                .values()
                .any(|u| u.partition == partition && u.is_being_read())
    }

    /// Forgets a partition and all its jobs and stores. Its running cycles still count until they end.
    pub fn drop_partition(&mut self, partition: u16) {
        self.partitions.remove(&partition);
        let Self {
            upstreams,
            jobs,
            deadlines,
            grants,
            awake,
            ..
        } = self;
        upstreams.retain(|key, upstream| {
            let kept = upstream.partition != partition;
            if !kept {
                for entry in upstream.entries() {
                    jobs.remove(&entry.job);
                    deadlines.remove(entry.job);
                }
                grants.retain(|_, of| of != key);
                awake.forget(key);
            }
            kept
        });
        let gone: Vec<StoreId> = self
            .stores
            .values()
            .filter(|store| store.partition == partition)
            .map(|store| store.id)
            .collect();
        for id in gone {
            self.leftovers.remove(&id);
            self.take_store(id);
        }
    }

    /// Whether the schedule serves this partition.
    pub fn owns(&self, partition: u16) -> bool {
        self.partitions.contains_key(&partition)
    }

    /// A store, as last told.
    pub fn store(&self, id: StoreId) -> Option<Arc<Store>> {
        self.stores.get(&id).cloned()
    }

    /// All stores.
    pub fn stores(&self) -> impl Iterator<Item = &Arc<Store>> {
        self.stores.values()
    }

    /// How many jobs are known, and how many cycles run.
    pub fn sizes(&self) -> (usize, usize) {
        (self.jobs.len(), self.cycles.len())
    }

    /// What to start now, if anything; call until it says nothing.
    pub fn next(&mut self, now: Now) -> Option<Action> {
        if let Some(expired) = self.next_expired(now) {
            return Some(expired);
        }
        self.awake.ring(now.boot);
        let room = self.cycles.len() < self.limits.cycles;
        let mut ended = Vec::new();
        let mut found = None;
        // Stores take turns: begin behind the one that was served last. Each look starts something or ends in sleep.
        while let Some(key) = self.awake.next(&self.last, room) {
            let Some(upstream) = self.upstreams.get_mut(&key) else {
                self.awake.forget(&key);
                continue;
            };
            if !self
                .partitions
                .get(&upstream.partition)
                .is_some_and(Partition::starts)
            {
                // Looked at once the partition is loaded or goes on.
                self.awake.forget(&key);
                continue;
            }
            self.turn += 1;
            let (limits, stores, settle, turn) = (&self.limits, &self.stores, self.settle, self.turn);
            match upstream.next(
                &key,
                &View {
                    limits,
                    stores,
                    settle,
                    room,
                    turn,
                    now,
                },
                &mut ended,
            ) {
                Look::Start(action) => {
                    match &action {
                        Action::Run(plan) => {
                            self.cycles.insert(plan.cycle, plan.partition);
                            self.last = key;
                        }
                        Action::Grant { grant } => drop(self.grants.insert(*grant, key)),
                        Action::Expire { .. } | Action::Refuse { .. } => {}
                    }
                    found = Some(action);
                    break;
                }
                Look::Sleep { until, wants_room } => self.put_to_sleep(&key, until, wants_room, now),
            }
        }
        for grant in ended {
            self.grants.remove(&grant);
        }
        found
    }

    /// An upstream store that nobody is registered with any more goes away once its bucket says nothing either.
    fn put_to_sleep(&mut self, key: &str, until: Option<Duration>, wants_room: bool, now: Now) {
        let Some(upstream) = self.upstreams.get(key) else {
            return;
        };
        if !upstream.is_at_rest() || self.registrations.contains_key(key) {
            return self.awake.sleep(key, until, wants_room);
        }
        let full_in = upstream.bucket.ready_in(upstream.bucket.size(), now.boot);
        if full_in.is_zero() {
            self.awake.forget(key);
            self.upstreams.remove(key);
        } else {
            self.awake
                .sleep(key, Some(now.boot.saturating_add(full_in)), false);
        }
    }

    /// A cycle has ended.
    pub fn finish(&mut self, plan: &Plan, finish: &Finish, now: Now) {
        self.cycles.remove(&plan.cycle);
        let known = self
            .upstreams
            .get_mut(&plan.upstream)
            .is_some_and(|upstream| upstream.end_cycle(plan, finish));
        for job in &finish.jobs {
            self.upsert(job, now);
        }
        if known {
            for group in &finish.groups {
                self.turn += 1;
                for job in group {
                    self.regroup(*job, self.turn);
                }
            }
            self.bring_leftovers(&plan.upstream, now);
        }
        self.awake.wake(&plan.upstream);
    }

    /// How long nothing will happen by itself, at most.
    pub fn sleep(&self, now: Now) -> Duration {
        let quiet = self.awake.quiet_for(now.boot).unwrap_or(Duration::MAX);
        let deadline = self.deadlines.next().map_or(Duration::MAX, |at| at.since(now.at));
        quiet
            .min(deadline)
            .clamp(Duration::from_millis(1), Duration::from_secs(5))
    }

    fn wake_partition(&mut self, partition: u16) {
        for (key, _) in self
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.partition == partition)
        {
            self.awake.wake(key);
        }
    }
}

impl Partition {
    fn starts(&self) -> bool {
        self.loaded && !self.draining
    }
}
