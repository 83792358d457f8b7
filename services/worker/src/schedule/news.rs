//! News: jobs and stores that are new or have changed, requests in doubt, deadlines that have come.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::batch::OpenBatch;
use domain::job::Job;
use domain::store::Store;
use domain::{JobId, StoreId, Timestamp};

use super::entry::{Entry, Place};
use super::{Action, Doubt, Now, Schedule, Upstream};

/// How soon ending a job whose time is over is tried again, should nothing be heard of it.
const END_AGAIN: Duration = Duration::from_secs(5);
/// How soon a job whose time is over is looked at again while it is in a cycle.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Where a job stands in the schedule.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) upstream: String,
    lane: Arc<str>,
    place: Place,
    store: StoreId,
    last_position: u64,
}

/// Upstream stores at which stores that moved on still have closed lanes.
pub(super) type Leftovers = HashMap<StoreId, BTreeSet<String>>;

impl Schedule {
    /// A store is new or has changed. Its waiting jobs follow it to another upstream store.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "whoever tells of a store is done with it"
    )]
    pub fn set_store(&mut self, store: Arc<Store>, now: Now) {
        if !self.owns(store.partition) {
            return;
        }
        let known = self.stores.get(&store.id).cloned();
        if known
            .as_ref()
            .is_some_and(|known| known.last_position > store.last_position || known.version > store.version)
        {
            return;
        }
        if store.credentials_destroyed_at.is_some() {
            return self.forget_store(&store);
        }
        let moved = known
            .as_ref()
            .filter(|known| known.upstream_key != store.upstream_key);
        if let Some(former) = moved
            && !self.upstreams.contains_key(&store.upstream_key)
        {
            // The same Order Desk store: its tokens may just have been spent under the former key.
            let fresh = Upstream::new(store.partition, &self.limits, Some(now.boot), now);
            self.upstreams.insert(store.upstream_key.clone(), fresh);
            tracing::debug!(store_id = %former.store_id, "a store has another key");
        }
        self.put_store(&store);
        let upstream = self.upstream(&store, now);
        if known.as_ref().is_none_or(|known| runs(known) != runs(&store)) {
            upstream.lanes.change_all();
        }
        self.awake.wake(&store.upstream_key);
        if let Some(former) = moved {
            self.leftovers
                .entry(store.id)
                .or_default()
                .insert(former.upstream_key.clone());
            self.bring_leftovers(&former.upstream_key, now);
        }
        if known.is_some_and(|known| known.paused.is_some() && store.paused.is_none()) {
            self.renew_deadlines(&store, now);
        }
    }

    fn forget_store(&mut self, store: &Store) {
        let Some(known) = self.stores.get(&store.id).cloned() else {
            return;
        };
        let keys = self.leftovers.remove(&store.id).unwrap_or_default();
        for key in keys.into_iter().chain([known.upstream_key.clone()]) {
            if let Some(upstream) = self.upstreams.get_mut(&key) {
                for (_, entry) in upstream.lanes.take_waiting(store.id) {
                    self.jobs.remove(&entry.job);
                    self.deadlines.remove(entry.job);
                }
            }
            self.awake.wake(&key);
        }
        self.take_store(store.id);
    }

    fn put_store(&mut self, store: &Arc<Store>) {
        self.take_store(store.id);
        *self.registrations.entry(store.upstream_key.clone()).or_default() += 1;
        self.stores.insert(store.id, Arc::clone(store));
    }

    pub(super) fn take_store(&mut self, id: StoreId) {
        let Some(store) = self.stores.remove(&id) else {
            return;
        };
        if let Some(count) = self.registrations.get_mut(&store.upstream_key) {
            *count -= 1;
            if *count == 0 {
                self.registrations.remove(&store.upstream_key);
            }
        }
    }

    /// Jobs of stores that have moved on go after them, once their lanes are not closed any more.
    pub(super) fn bring_leftovers(&mut self, from: &str, now: Now) {
        let moved: Vec<StoreId> = self
            .leftovers
            .iter()
            .filter(|(_, keys)| keys.contains(from))
            .map(|(store, _)| *store)
            .collect();
        for id in moved {
            let Some(store) = self.stores.get(&id).cloned() else {
                continue;
            };
            let Some(upstream) = self.upstreams.get_mut(from) else {
                continue;
            };
            let entries = if store.upstream_key == from {
                Vec::new()
            } else {
                upstream.lanes.take_waiting(id)
            };
            let is_over = store.upstream_key == from || !upstream.lanes.holds(id);
            self.awake.wake(from);
            for (lane, entry) in entries {
                self.place(&store, &lane, entry, now);
            }
            if is_over && let Some(keys) = self.leftovers.get_mut(&id) {
                keys.remove(from);
                if keys.is_empty() {
                    self.leftovers.remove(&id);
                }
            }
        }
    }

    /// Whether an open job was never told of, nor known to have ended.
    pub fn is_news(&self, job: &Job) -> bool {
        !job.status.is_final() && !self.jobs.contains_key(&job.id) && !self.ended.contains(job.id)
    }

    /// A job is new or has changed; its store is known. News older than what is known changes nothing.
    pub fn upsert(&mut self, job: &Job, now: Now) {
        let Some(store) = self.stores.get(&job.store_id).cloned() else {
            return;
        };
        if self.ended.contains(job.id) {
            return;
        }
        let mut former = None;
        if let Some(standing) = self.jobs.get(&job.id) {
            if standing.last_position > job.last_position {
                return;
            }
            former = self.remove(job.id);
        }
        if job.status.is_final() {
            self.ended.add(job.id);
            return;
        }
        let mut entry = Entry::of(job);
        entry.group = former.as_ref().and_then(|former| former.group);
        entry.expiring = former
            .and_then(|former| former.expiring)
            .filter(|_| entry.batch.is_none());
        self.place(&store, &job.lane, entry, now);
    }

    /// A request whose outcome is unknown: its lane stays closed until the batch is judged.
    pub fn set_doubt(&mut self, batch: &OpenBatch, not_before: Timestamp, now: Now) {
        let Some(store) = self.stores.get(&batch.store_id).cloned() else {
            return;
        };
        let doubt = Doubt {
            batch: batch.id,
            not_before,
        };
        let key = self.home(&store, &batch.lane);
        self.upstream_of(&key, &store, now)
            .doubt(&batch.lane, batch.tenant_id, batch.store_id, doubt);
        self.awake.wake(&key);
    }

    fn upstream(&mut self, store: &Store, now: Now) -> &mut Upstream {
        self.upstream_of(&store.upstream_key, store, now)
    }

    fn upstream_of(&mut self, key: &str, store: &Store, now: Now) -> &mut Upstream {
        let limits = self.limits;
        let idle_since = self
            .partitions
            .get(&store.partition)
            .and_then(|known| known.idle_since);
        self.upstreams
            .entry(key.to_owned())
            .or_insert_with(|| Upstream::new(store.partition, &limits, idle_since, now))
    }

    /// The upstream store at which a lane of a store is: the present one, unless the lane is closed at a former one.
    /// Two lanes of one order would change it at the same time.
    fn home(&self, store: &Store, lane: &str) -> String {
        let closed = |key: &&String| {
            self.upstreams
                .get(*key)
                .and_then(|upstream| upstream.lanes.get(lane))
                .is_some_and(|lane| lane.is_closed_by(store.id))
        };
        let former = self
            .leftovers
            .get(&store.id)
            .and_then(|keys| keys.iter().find(closed));
        former.unwrap_or(&store.upstream_key).clone()
    }

    fn place(&mut self, store: &Store, lane: &str, entry: Entry, now: Now) {
        let key = self.home(store, lane);
        let lane: Arc<str> = Arc::from(lane);
        self.jobs.insert(
            entry.job,
            Standing {
                upstream: key.clone(),
                lane: Arc::clone(&lane),
                place: entry.place,
                store: store.id,
                last_position: entry.last_position,
            },
        );
        let deadline = entry.deadline(store, now.at);
        self.deadlines.set(
            entry.job,
            entry.expiring.map_or(deadline, |again| again.max(deadline)),
        );
        self.upstream_of(&key, store, now).insert(&lane, entry);
        self.awake.wake(&key);
    }

    fn remove(&mut self, job: JobId) -> Option<Entry> {
        let standing = self.jobs.remove(&job)?;
        self.deadlines.remove(job);
        self.awake.wake(&standing.upstream);
        self.upstreams
            .get_mut(&standing.upstream)?
            .remove(&standing.lane, standing.place)
    }

    fn change(&mut self, job: JobId) -> Option<&mut Entry> {
        let standing = self.jobs.get(&job)?;
        self.awake.wake(&standing.upstream);
        self.upstreams
            .get_mut(&standing.upstream)?
            .change(&standing.lane, standing.place)
    }

    pub(super) fn regroup(&mut self, job: JobId, mark: u64) {
        if let Some(entry) = self.change(job) {
            entry.group = Some(mark);
        }
    }

    /// A store goes on after a pause: the pause does not count.
    fn renew_deadlines(&mut self, store: &Store, now: Now) {
        for (job, standing) in self
            .jobs
            .iter()
            .filter(|(_, standing)| standing.store == store.id)
        {
            let upstream = self.upstreams.get_mut(&standing.upstream);
            if let Some(entry) = upstream.and_then(|upstream| upstream.change(&standing.lane, standing.place))
            {
                entry.expiring = None;
                self.deadlines.set(*job, entry.deadline(store, now.at));
            }
        }
    }

    /// Jobs whose time is over and that neither run nor are in doubt.
    pub(super) fn next_expired(&mut self, now: Now) -> Option<Action> {
        while let Some(job) = self.deadlines.pop_until(now.at) {
            let Some(standing) = self.jobs.get(&job) else {
                continue;
            };
            let Some(upstream) = self.upstreams.get(&standing.upstream) else {
                continue;
            };
            let Some((entry, free)) = upstream.look(&standing.lane, standing.place) else {
                continue;
            };
            let Some(store) = self.stores.get(&entry.store).cloned() else {
                continue;
            };
            if store.paused.is_some() || store.deleted_at.is_some() {
                // Its clock stands still until the store goes on; or the deletion ends it.
                continue;
            }
            let deadline = entry.deadline(&store, now.at);
            if deadline > now.at {
                self.deadlines.set(job, deadline);
                if let Some(entry) = self.change(job) {
                    entry.expiring = None;
                }
            } else if !free
                || !self
                    .partitions
                    .get(&store.partition)
                    .is_some_and(super::Partition::starts)
            {
                // Its cycle or its judgement comes first; then it is looked at again.
                self.deadlines.set(job, now.at.plus(LOOK_AGAIN));
            } else {
                let again = now.at.plus(END_AGAIN);
                if let Some(entry) = self.change(job) {
                    entry.expiring = Some(again);
                }
                self.deadlines.set(job, again);
                return Some(Action::Expire {
                    job,
                    store_id: store.id,
                });
            }
        }
        None
    }
}

fn runs(store: &Store) -> (bool, bool) {
    (
        store.is_running(),
        store.paused == Some(domain::store::PauseReason::CredentialsRejected),
    )
}
