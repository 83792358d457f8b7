//! One Order Desk store: its bucket, its circuit, its lanes and the reads that wait for its tokens.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::store::Store;
use domain::{BatchId, StoreId, TenantId};
use orderdesk::bucket::Bucket;
use orderdesk::circuit::{Circuit, State};

use super::entry::{Entry, Place};
use super::gate::{Read, SHOW_WITHIN};
use super::lane::{Candidate, Lane};
use super::plan::{Action, Doubt, Finish, Plan};
use super::{Limits, Now};

/// How long a change lets reads go before it while it waits for tokens.
const YIELD: Duration = Duration::from_secs(2);
/// Reads that may wait at once.
const READ_QUEUE: usize = 1_000;

/// One upstream store.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) partition: u16,
    pub(super) bucket: Bucket,
    pub(super) circuit: Circuit,
    pub(super) running: usize,
    /// Something has changed since the last look.
    pub(super) dirty: bool,
    lanes: HashMap<String, Lane>,
    reads: VecDeque<Read>,
    /// When a tenant was last served, by turn.
    turns: HashMap<TenantId, u64>,
    /// Running cycles that wait for further tokens.
    urgent: u32,
    urgent_until: Duration,
    /// Since when a change has been waiting for tokens.
    starved_since: Option<Duration>,
    /// When to look again although nothing changes, on the boot clock.
    look_at: Duration,
}

impl Upstream {
    pub(super) fn new(partition: u16, limits: &Limits, idle_since: Option<Duration>, now: Now) -> Self {
        let idle = idle_since.map(|since| now.boot.saturating_sub(since));
        Self {
            partition,
            bucket: Bucket::after_takeover(limits.bucket_size, limits.refill_per_second, idle, now.boot),
            circuit: Circuit::new(),
            running: 0,
            dirty: true,
            lanes: HashMap::new(),
            reads: VecDeque::new(),
            turns: HashMap::new(),
            urgent: 0,
            urgent_until: Duration::ZERO,
            starved_since: None,
            look_at: Duration::ZERO,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lanes.values().flat_map(|lane| lane.entries.values())
    }

    pub(super) fn wants_a_look(&self, now: Now) -> bool {
        self.dirty || self.look_at <= now.boot
    }

    pub(super) fn sleep(&self, now: Now) -> Duration {
        if self.dirty { Duration::ZERO } else { self.look_at.saturating_sub(now.boot) }
    }

    pub(super) fn insert(&mut self, lane: &str, entry: Entry) {
        self.lanes.entry(lane.to_owned()).or_default().entries.insert(entry.place, entry);
        self.dirty = true;
    }

    pub(super) fn remove(&mut self, lane: &str, place: Place) -> Option<Entry> {
        let found = self.lanes.get_mut(lane)?;
        let entry = found.entries.remove(&place);
        if found.is_empty() {
            self.lanes.remove(lane);
        }
        self.dirty = true;
        entry
    }

    /// A job, and whether it is free: neither in a cycle nor in doubt.
    pub(super) fn look(&self, lane: &str, place: Place) -> Option<(&Entry, bool)> {
        let lane = self.lanes.get(lane)?;
        let entry = lane.entries.get(&place)?;
        Some((entry, !lane.busy && !entry.running))
    }

    pub(super) fn regroup(&mut self, lane: &str, place: Place, mark: u64) {
        if let Some(entry) = self.lanes.get_mut(lane).and_then(|lane| lane.entries.get_mut(&place)) {
            entry.group = Some(mark);
        }
    }

    /// Takes out a store's jobs that are not in a cycle.
    pub(super) fn take_waiting(&mut self, store: StoreId) -> Vec<(String, Entry)> {
        let mut taken = Vec::new();
        for (name, lane) in &mut self.lanes {
            if lane.busy || lane.doubt.is_some() {
                continue;
            }
            let places: Vec<Place> =
                lane.entries.iter().filter(|(_, e)| e.store == store && !e.running).map(|(p, _)| *p).collect();
            for place in places {
                taken.extend(lane.entries.remove(&place).map(|entry| (name.clone(), entry)));
            }
        }
        self.lanes.retain(|_, lane| !lane.is_empty());
        self.dirty = true;
        taken
    }

    pub(super) fn doubt(&mut self, lane: &str, tenant: TenantId, store: StoreId, doubt: Doubt) {
        let lane = self.lanes.entry(lane.to_owned()).or_default();
        if !lane.busy && !lane.closed.contains(&doubt.batch) {
            lane.doubt = Some((tenant, store, doubt));
            self.dirty = true;
        }
    }

    pub(super) fn is_closed_for(&self, lane: &str, batch: BatchId) -> bool {
        self.lanes.get(lane).is_some_and(|lane| {
            lane.busy || lane.doubt.as_ref().is_some_and(|(_, _, doubt)| doubt.batch == batch)
        })
    }

    /// Ends a cycle; says whether it was known.
    pub(super) fn end_cycle(&mut self, plan: &Plan, finish: &Finish) -> bool {
        self.dirty = true;
        let Some(lane) = self.lanes.get_mut(&plan.lane) else { return false };
        let known = std::mem::take(&mut lane.busy);
        if known {
            self.running = self.running.saturating_sub(1);
        }
        lane.hold_until = finish.hold_until;
        if let super::plan::Work::Judge(batch) = &plan.work
            && finish.doubt.is_none_or(|doubt| doubt.batch != *batch)
        {
            lane.closed.insert(*batch);
        }
        lane.doubt = finish.doubt.map(|doubt| (plan.tenant_id, plan.store_id, doubt));
        if lane.is_empty() {
            self.lanes.remove(&plan.lane);
        }
        known
    }

    pub(super) fn ask_read(&mut self, read: Read) {
        self.reads.push_back(read);
        self.dirty = true;
    }

    pub(super) fn end_read(&mut self, grant: uuid::Uuid) -> bool {
        let mut found = false;
        self.lanes.retain(|_, lane| {
            found |= lane.readers.remove(&grant).is_some();
            !lane.is_empty()
        });
        self.dirty |= found;
        found
    }

    pub(super) fn take_more(&mut self, tokens: u32, now: Now) -> Result<(), Duration> {
        self.dirty = true;
        if self.bucket.try_take(tokens, now.boot) {
            self.urgent = self.urgent.saturating_sub(1);
            return Ok(());
        }
        self.urgent = self.urgent.max(1);
        let wait = self.bucket.ready_in(tokens, now.boot).min(Duration::from_secs(5)).max(Duration::from_millis(1));
        // A cycle that gives up waiting must not close the store to everyone else.
        self.urgent_until = now.boot + wait * 2 + Duration::from_millis(50);
        Err(wait)
    }

    /// What to start, if anything.
    pub(super) fn next(
        &mut self,
        key: &str,
        limits: &Limits,
        stores: &HashMap<StoreId, Arc<Store>>,
        room: bool,
        turn: u64,
        now: Now,
    ) -> Option<Action> {
        self.expire_readers(now);
        if self.urgent_until <= now.boot {
            self.urgent = 0;
        }
        let mut look_at = now.boot + Duration::from_secs(5);
        if let Some(action) = self.next_read(key, stores, now, &mut look_at) {
            return Some(action);
        }
        if room && self.running < limits.cycles_per_upstream {
            if let Some(action) = self.next_cycle(key, limits, stores, turn, now, &mut look_at) {
                return Some(action);
            }
        } else if !room {
            // Room comes with the end of a cycle of another store, which does not make us dirty.
            look_at = look_at.min(now.boot + Duration::from_millis(20));
        }
        self.dirty = false;
        self.look_at = look_at.max(now.boot + Duration::from_millis(1));
        None
    }

    fn expire_readers(&mut self, now: Now) {
        self.lanes.retain(|_, lane| {
            lane.readers.retain(|_, until| *until > now.boot);
            !lane.is_empty()
        });
    }

    fn next_read(
        &mut self,
        key: &str,
        stores: &HashMap<StoreId, Arc<Store>>,
        now: Now,
        look_at: &mut Duration,
    ) -> Option<Action> {
        if let Some(index) = self.reads.iter().position(|read| read.patient_until <= now.boot)
            && let Some(read) = self.reads.remove(index)
        {
            return Some(Action::Refuse { grant: read.grant, retry_after_ms: self.retry_after(now) });
        }
        if self.reads.len() > READ_QUEUE
            && let Some(read) = self.reads.pop_back()
        {
            return Some(Action::Refuse { grant: read.grant, retry_after_ms: self.retry_after(now) });
        }
        for read in &self.reads {
            *look_at = (*look_at).min(read.patient_until);
        }
        if self.reads.is_empty() || self.urgent > 0 {
            return None;
        }
        if !self.circuit.may_start(now.boot) {
            // Down: a read of its own would only wait for the time-out.
            let read = self.reads.pop_front()?;
            return Some(Action::Refuse { grant: read.grant, retry_after_ms: 10_000 });
        }
        // A change that has let reads pass for long enough comes first.
        let reserved = match self.starved_since {
            Some(since) if now.boot.saturating_sub(since) >= YIELD => 3,
            _ => 0,
        };
        if self.bucket.available(now.boot) < 1 + reserved {
            *look_at = (*look_at).min(now.boot + self.bucket.ready_in(1 + reserved, now.boot));
            return None;
        }
        let mut order: Vec<usize> = (0..self.reads.len()).collect();
        order.sort_by_key(|index| (!self.reads[*index].interactive, *index));
        for index in order {
            let free = self.reads[index]
                .lane
                .as_ref()
                .and_then(|lane| self.lanes.get(lane))
                .is_none_or(|lane| !lane.is_wanted(stores, now.at));
            if !free || !self.bucket.try_take(1, now.boot) {
                continue;
            }
            let read = self.reads.remove(index)?;
            if let Some(lane) = &read.lane {
                let until = now.boot + SHOW_WITHIN;
                self.lanes.entry(lane.clone()).or_default().readers.insert(read.grant, until);
            }
            return Some(Action::Grant { grant: read.grant, upstream: key.to_owned() });
        }
        None
    }

    fn retry_after(&self, now: Now) -> u64 {
        let wait = self.bucket.ready_in(1, now.boot).max(Duration::from_millis(100)).min(Duration::from_secs(60));
        wait.as_millis() as u64
    }

    fn next_cycle(
        &mut self,
        key: &str,
        limits: &Limits,
        stores: &HashMap<StoreId, Arc<Store>>,
        turn: u64,
        now: Now,
        look_at: &mut Duration,
    ) -> Option<Action> {
        if self.urgent > 0 {
            *look_at = (*look_at).min(self.urgent_until);
            return None;
        }
        if let State::Open { next_probe } = self.circuit.state(now.boot) {
            *look_at = (*look_at).min(next_probe);
            return None;
        }
        let mut best: Option<(&String, Candidate, (i64, u64, Place))> = None;
        for (name, lane) in &self.lanes {
            let Some(ready_at) = lane.ready_at(stores) else { continue };
            if ready_at > now.at {
                *look_at = (*look_at).min(now.boot + ready_at.since(now.at));
                continue;
            }
            if let Some(until) = lane.readers.values().max() {
                *look_at = (*look_at).min(*until);
                continue;
            }
            let Some(candidate) = lane.candidate(stores, limits.batch_jobs, now.at) else { continue };
            let served = self.turns.get(&candidate.tenant).copied().unwrap_or(0);
            let key = (candidate.rank, served, candidate.place);
            if best.as_ref().is_none_or(|(_, _, other)| key < *other) {
                best = Some((name, candidate, key));
            }
        }
        let Some((name, candidate, _)) = best else {
            self.starved_since = None;
            return None;
        };
        let tokens = candidate.tokens.min(self.bucket.size());
        if !self.bucket.try_take(tokens, now.boot) {
            self.starved_since.get_or_insert(now.boot);
            *look_at = (*look_at).min(now.boot + self.bucket.ready_in(tokens, now.boot));
            return None;
        }
        if !self.circuit.start(now.boot) {
            self.bucket.refund(tokens, now.boot);
            return None;
        }
        self.starved_since = None;
        let name = name.clone();
        self.turns.insert(candidate.tenant, turn);
        if let Some(lane) = self.lanes.get_mut(&name) {
            lane.busy = true;
        }
        self.running += 1;
        Some(Action::Run(Plan {
            upstream: key.to_owned(),
            partition: self.partition,
            lane: name,
            tenant_id: candidate.tenant,
            store_id: candidate.store,
            work: candidate.work,
            tokens,
        }))
    }
}
