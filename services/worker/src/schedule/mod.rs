//! The schedule: which lane of which store goes next, as a pure state machine with the clock as argument.
//!
//! A job waits here as a next eligible time, never as a blocked task. One schedule serves all partitions that a
//! worker owns; it is the one spender of their stores' tokens, for changes and for reads.
//!
//! - [`entry`] is a job as the schedule sees it, [`lane`] keeps jobs of one order in order,
//! - [`upstream`] is one Order Desk store with its bucket and circuit, [`plan`] is what is started,
//! - [`gate`] keeps a read and a change of one order apart.

mod deadline;
mod entry;
mod gate;
mod lane;
mod plan;
#[cfg(test)]
mod tests;
mod upstream;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::batch::OpenBatch;
use domain::job::Job;
use domain::store::Store;
use domain::{BatchId, JobId, StoreId, Timestamp};
use orderdesk::bucket::Ticket;

pub use gate::{Read, ReadOutcome};
pub(crate) use gate::{SHOW_WITHIN, VALID};
pub use plan::{Action, Doubt, Finish, Plan, Work};

use deadline::Deadlines;
use entry::{Entry, Place};
use upstream::Upstream;

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

/// Where a job stands in the schedule.
#[derive(Clone, Debug)]
struct Standing {
    upstream: String,
    lane: String,
    place: Place,
    last_position: u64,
}

/// The schedule of one worker.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    upstreams: BTreeMap<String, Upstream>,
    jobs: HashMap<JobId, Standing>,
    stores: HashMap<StoreId, Arc<Store>>,
    deadlines: Deadlines,
    draining: HashSet<u16>,
    idle_since: HashMap<u16, Option<Duration>>,
    running: usize,
    turn: u64,
    last_upstream: Option<String>,
}

impl Schedule {
    /// An empty schedule.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            upstreams: BTreeMap::new(),
            jobs: HashMap::new(),
            stores: HashMap::new(),
            deadlines: Deadlines::default(),
            draining: HashSet::new(),
            idle_since: HashMap::new(),
            running: 0,
            turn: 0,
            last_upstream: None,
        }
    }

    /// A partition was taken over. Nobody can have spent its stores' tokens for `idle`; `None` if nobody ever has.
    pub fn add_partition(&mut self, partition: u16, idle: Option<Duration>, now: Now) {
        self.draining.remove(&partition);
        self.idle_since.insert(partition, idle.map(|idle| now.boot.saturating_sub(idle)));
    }

    /// Starts nothing more for a partition; what runs ends.
    pub fn drain_partition(&mut self, partition: u16) {
        self.draining.insert(partition);
    }

    /// Whether nothing runs for a partition.
    pub fn is_idle(&self, partition: u16) -> bool {
        self.upstreams.values().filter(|u| u.partition == partition).all(|u| u.running == 0)
    }

    /// Whether a partition was drained and nothing runs for it.
    pub fn may_hand_over(&self, partition: u16) -> bool {
        self.draining.contains(&partition) && self.is_idle(partition)
    }

    /// Forgets a partition and all its jobs and stores.
    pub fn drop_partition(&mut self, partition: u16) {
        self.draining.remove(&partition);
        self.idle_since.remove(&partition);
        let gone: Vec<String> = self
            .upstreams
            .iter()
            .filter(|(_, upstream)| upstream.partition == partition)
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            if let Some(upstream) = self.upstreams.remove(&key) {
                self.running = self.running.saturating_sub(upstream.running);
                for entry in upstream.entries() {
                    self.jobs.remove(&entry.job);
                    self.deadlines.remove(entry.job);
                }
            }
        }
        self.stores.retain(|_, store| store.partition != partition);
    }

    /// Whether the schedule serves this partition.
    pub fn owns(&self, partition: u16) -> bool {
        self.idle_since.contains_key(&partition)
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
        (self.jobs.len(), self.running)
    }

    /// When the job that has waited longest became eligible.
    pub fn oldest_eligible(&self, now: Now) -> Option<Timestamp> {
        self.upstreams
            .values()
            .flat_map(Upstream::entries)
            .filter(|entry| !entry.running)
            .map(|entry| entry.eligible_at)
            .filter(|at| *at <= now.at)
            .min()
    }

    /// A store is new or has changed. Its waiting jobs follow it to another upstream store.
    pub fn set_store(&mut self, store: Arc<Store>, now: Now) {
        if !self.owns(store.partition) {
            return;
        }
        let known = self.stores.get(&store.id);
        if known.is_some_and(|known| known.last_position > store.last_position) {
            return;
        }
        let moved = known.filter(|known| known.upstream_key != store.upstream_key).cloned();
        self.stores.insert(store.id, Arc::clone(&store));
        self.upstream(&store, now).dirty = true;
        if let Some(former) = moved {
            let entries = match self.upstreams.get_mut(&former.upstream_key) {
                Some(upstream) => upstream.take_waiting(store.id),
                None => Vec::new(),
            };
            for (lane, entry) in entries {
                self.place(&store, &lane, entry, now);
            }
        }
    }

    /// A job is new or has changed; its store is known. News older than what is known changes nothing.
    pub fn upsert(&mut self, job: &Job, now: Now) {
        let Some(store) = self.stores.get(&job.store_id).cloned() else { return };
        let mut group = None;
        if let Some(standing) = self.jobs.get(&job.id) {
            if standing.last_position > job.last_position {
                return;
            }
            group = self.remove(job.id).and_then(|entry| entry.group);
        }
        if job.status.is_final() {
            self.touch(&store.upstream_key);
            return;
        }
        let mut entry = Entry::of(job);
        entry.group = group;
        self.place(&store, &job.lane, entry, now);
    }

    /// A request whose outcome is unknown: its lane stays closed until the batch is judged.
    pub fn set_doubt(&mut self, batch: &OpenBatch, not_before: Timestamp, now: Now) {
        let Some(store) = self.stores.get(&batch.store_id).cloned() else { return };
        let doubt = Doubt { batch: batch.id, not_before };
        self.upstream(&store, now).doubt(&batch.lane, batch.tenant_id, batch.store_id, doubt);
    }

    /// Whether a batch is known to be in doubt or in hand.
    pub fn knows_batch(&self, lane: &str, store: StoreId, batch: BatchId) -> bool {
        self.stores
            .get(&store)
            .and_then(|store| self.upstreams.get(&store.upstream_key))
            .is_some_and(|upstream| upstream.is_closed_for(lane, batch))
    }

    /// A cycle has ended.
    pub fn finish(&mut self, plan: &Plan, finish: &Finish, now: Now) {
        if let Some(upstream) = self.upstreams.get_mut(&plan.upstream) {
            if upstream.end_cycle(plan, finish) {
                self.running = self.running.saturating_sub(1);
            }
        } else {
            return;
        }
        for job in &finish.jobs {
            self.upsert(job, now);
        }
        for (number, group) in finish.groups.iter().enumerate() {
            self.turn += 1;
            let mark = self.turn * 2 + number as u64;
            for job in group {
                self.regroup(*job, mark);
            }
        }
        self.touch(&plan.upstream);
    }

    /// What to start now, if anything; call until it says nothing.
    pub fn next(&mut self, now: Now) -> Option<Action> {
        if let Some(expired) = self.next_expired(now) {
            return Some(expired);
        }
        // Stores take turns: begin behind the one that was served last.
        let from = self.last_upstream.clone().unwrap_or_default();
        let keys: Vec<String> = self
            .upstreams
            .range::<String, _>((std::ops::Bound::Excluded(&from), std::ops::Bound::Unbounded))
            .chain(self.upstreams.range::<String, _>(..=&from))
            .filter(|(_, upstream)| upstream.wants_a_look(now))
            .map(|(key, _)| key.clone())
            .collect();
        let room = self.running < self.limits.cycles;
        for key in keys {
            let Some(upstream) = self.upstreams.get_mut(&key) else { continue };
            if self.draining.contains(&upstream.partition) {
                upstream.dirty = false;
                continue;
            }
            self.turn += 1;
            if let Some(action) = upstream.next(&key, &self.limits, &self.stores, room, self.turn, now) {
                if matches!(action, Action::Run(_)) {
                    self.running += 1;
                    self.last_upstream = Some(key);
                }
                return Some(action);
            }
        }
        None
    }

    /// How long nothing will happen by itself, at most.
    pub fn sleep(&self, now: Now) -> Duration {
        let mut until = Duration::from_secs(5);
        for upstream in self.upstreams.values() {
            if self.draining.contains(&upstream.partition) {
                continue;
            }
            until = until.min(upstream.sleep(now));
        }
        until.min(self.deadlines.next().map_or(until, |at| at.since(now.at))).max(Duration::from_millis(1))
    }

    /// A read asks for a token.
    pub fn ask_read(&mut self, upstream: &str, partition: u16, read: Read, now: Now) -> bool {
        if !self.owns(partition) || self.draining.contains(&partition) {
            return false;
        }
        let limits = self.limits;
        let idle = self.idle_since.get(&partition).copied().flatten();
        self.upstreams
            .entry(upstream.to_owned())
            .or_insert_with(|| Upstream::new(partition, &limits, idle, now))
            .ask_read(read);
        true
    }

    /// A granted read has ended.
    pub fn end_read(&mut self, grant: uuid::Uuid) {
        for upstream in self.upstreams.values_mut() {
            if upstream.end_read(grant) {
                return;
            }
        }
    }

    /// Takes further tokens for a running cycle; says how long to wait if they are not there. A waiting cycle goes
    /// before everything that is not yet started.
    pub fn take_more(&mut self, upstream: &str, tokens: u32, now: Now) -> Result<(), Duration> {
        match self.upstreams.get_mut(upstream) {
            Some(upstream) => upstream.take_more(tokens, now),
            None => Ok(()),
        }
    }

    /// Gives back tokens that a cycle did not need.
    pub fn refund(&mut self, upstream: &str, tokens: u32, now: Now) {
        if let Some(upstream) = self.upstreams.get_mut(upstream) {
            upstream.bucket.refund(tokens, now.boot);
            upstream.dirty = true;
        }
    }

    /// A request goes out on a token taken before.
    pub fn sent(&mut self, upstream: &str, now: Now) -> Option<Ticket> {
        self.upstreams.get_mut(upstream).map(|upstream| upstream.bucket.sent(now.boot))
    }

    /// Runs `report` on the upstream store's bucket and circuit: what became of a request.
    pub fn report(
        &mut self,
        upstream: &str,
        report: impl FnOnce(&mut orderdesk::bucket::Bucket, &mut orderdesk::circuit::Circuit),
    ) {
        if let Some(upstream) = self.upstreams.get_mut(upstream) {
            report(&mut upstream.bucket, &mut upstream.circuit);
            upstream.dirty = true;
        }
    }

    /// Whether an upstream store's circuit is open: time that does not count against a job.
    pub fn circuit_is_open(&self, upstream: &str) -> bool {
        self.upstreams.get(upstream).is_some_and(|upstream| upstream.circuit.open_since().is_some())
    }

    /// How long a 429 of an upstream store still forbids sending.
    pub fn blocked_for(&self, upstream: &str, now: Now) -> Duration {
        self.upstreams.get(upstream).map_or(Duration::ZERO, |upstream| upstream.bucket.blocked_for(now.boot))
    }

    /// Tokens that can be taken from an upstream store's bucket now.
    pub fn tokens(&self, upstream: &str, now: Now) -> Option<u32> {
        self.upstreams.get(upstream).map(|upstream| upstream.bucket.available(now.boot))
    }

    fn upstream(&mut self, store: &Store, now: Now) -> &mut Upstream {
        let limits = self.limits;
        let idle = self.idle_since.get(&store.partition).copied().flatten();
        self.upstreams
            .entry(store.upstream_key.clone())
            .or_insert_with(|| Upstream::new(store.partition, &limits, idle, now))
    }

    fn place(&mut self, store: &Store, lane: &str, entry: Entry, now: Now) {
        self.jobs.insert(
            entry.job,
            Standing {
                upstream: store.upstream_key.clone(),
                lane: lane.to_owned(),
                place: entry.place,
                last_position: entry.last_position,
            },
        );
        self.deadlines.set(entry.job, entry.deadline(store, now.at));
        self.upstream(store, now).insert(lane, entry);
    }

    fn remove(&mut self, job: JobId) -> Option<Entry> {
        let standing = self.jobs.remove(&job)?;
        self.deadlines.remove(job);
        self.upstreams.get_mut(&standing.upstream)?.remove(&standing.lane, standing.place)
    }

    fn regroup(&mut self, job: JobId, mark: u64) {
        let Some(standing) = self.jobs.get(&job) else { return };
        if let Some(upstream) = self.upstreams.get_mut(&standing.upstream) {
            upstream.regroup(&standing.lane, standing.place, mark);
        }
    }

    fn touch(&mut self, upstream: &str) {
        if let Some(upstream) = self.upstreams.get_mut(upstream) {
            upstream.dirty = true;
        }
    }

    /// Jobs whose time is over and that neither run nor are in doubt.
    fn next_expired(&mut self, now: Now) -> Option<Action> {
        while let Some(job) = self.deadlines.pop_until(now.at) {
            let Some(standing) = self.jobs.get(&job) else { continue };
            let Some(upstream) = self.upstreams.get(&standing.upstream) else { continue };
            if self.draining.contains(&upstream.partition) {
                continue;
            }
            let Some((entry, free)) = upstream.look(&standing.lane, standing.place) else { continue };
            let Some(store) = self.stores.get(&entry.store) else { continue };
            let deadline = entry.deadline(store, now.at);
            if deadline > now.at {
                self.deadlines.set(job, deadline);
            } else if free {
                return Some(Action::Expire { job, store_id: entry.store });
            } else {
                // Its cycle or its judgement comes first; then it is looked at again.
                self.deadlines.set(job, now.at.plus(Duration::from_secs(1)));
            }
        }
        None
    }
}
