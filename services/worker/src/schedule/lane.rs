//! A lane: jobs of one order (or item, or create), one after another.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::job::JobClass;
use domain::store::{PauseReason, Store};
use domain::{BatchId, JobId, StoreId, TenantId, Timestamp};
use uuid::Uuid;

use super::entry::{Entry, Place};
use super::plan::{Doubt, Finish, Plan, Work};

/// All stores by id.
pub(super) type Stores = HashMap<StoreId, Arc<Store>>;

/// Jobs from the head on whose priority counts for the lane: as many as can be in one batch, usually.
const LOOK_AHEAD: usize = 100;

/// Jobs that run in the order of their places.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) entries: BTreeMap<Place, Entry>,
    pub(super) busy: Option<Busy>,
    pub(super) doubt: Option<InDoubt>,
    pub(super) hold_until: Option<Timestamp>,
    /// Granted reads of this order that have not ended.
    pub(super) readers: HashSet<Uuid>,
    /// Where the index has it.
    pub(super) spot: Spot,
}

/// The cycle that a lane is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Busy {
    pub(super) cycle: u64,
    pub(super) store: StoreId,
}

/// A request of the lane whose outcome is unknown, and through which registration it went.
#[derive(Clone, Copy, Debug)]
pub(super) struct InDoubt {
    pub(super) tenant: TenantId,
    pub(super) store: StoreId,
    pub(super) doubt: Doubt,
}

/// When a lane goes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spot {
    /// Only news can make it go.
    #[default]
    Closed,
    /// Not before this time.
    Timed(Timestamp),
    /// A request could be judged since then.
    Judge(Timestamp),
    /// A batch of this tenant could begin; the earlier the urgency, the sooner.
    Ready {
        tenant: TenantId,
        urgency: Timestamp,
        place: Place,
    },
}

/// What a lane could start.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) lane: Arc<str>,
    pub(super) tenant: TenantId,
    pub(super) store: StoreId,
    pub(super) work: Work,
    pub(super) tokens: u32,
}

/// Tokens to have in hand before a request is judged.
const JUDGE_TOKENS: u32 = 1;

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.is_closed() && self.readers.is_empty()
    }

    /// Whether a cycle or a doubt keeps every job of it from moving.
    pub(super) fn is_closed(&self) -> bool {
        self.busy.is_some() || self.doubt.is_some()
    }

    /// Whether it is closed on behalf of a store.
    pub(super) fn is_closed_by(&self, store: StoreId) -> bool {
        self.busy.is_some_and(|busy| busy.store == store)
            || self.doubt.is_some_and(|doubt| doubt.store == store)
    }

    /// Whether a change wants this lane now, or has it: then new reads wait.
    pub(super) fn is_wanted(&self, stores: &Stores, now: Timestamp) -> bool {
        self.busy.is_some() || self.ready_at(stores).is_some_and(|at| at <= now)
    }

    /// Where it belongs in the index.
    pub(super) fn spot(&self, stores: &Stores, now: Timestamp) -> Spot {
        let Some(at) = self.ready_at(stores) else {
            return Spot::Closed;
        };
        if at > now {
            return Spot::Timed(at);
        }
        if !self.readers.is_empty() {
            return Spot::Closed;
        }
        if let Some(in_doubt) = &self.doubt {
            return Spot::Judge(in_doubt.doubt.not_before);
        }
        let Some(head) = self.head(stores) else {
            return Spot::Closed;
        };
        let urgency = self
            .entries
            .range(head.place..)
            .take(LOOK_AHEAD)
            .filter(|(_, entry)| is_running(stores, entry.store))
            .map(|(_, entry)| entry.urgency())
            .min();
        Spot::Ready {
            tenant: head.tenant,
            urgency: urgency.unwrap_or(head.place.0),
            place: head.place,
        }
    }

    /// A job of a request that nobody remembers sending, because its cycle broke off: it is in doubt.
    pub(super) fn find_lost_request(&mut self, settle: Duration, now: Timestamp) {
        if self.is_closed() {
            return;
        }
        let lost = self
            .entries
            .values()
            .take(LOOK_AHEAD)
            .find_map(|entry| entry.batch.map(|batch| (batch, entry)));
        if let Some((batch, entry)) = lost {
            let doubt = Doubt {
                batch,
                not_before: now.plus(settle),
            };
            self.doubt = Some(InDoubt {
                tenant: entry.tenant,
                store: entry.store,
                doubt,
            });
        }
    }

    /// When something of this lane becomes possible; `None` if only news can make it so.
    fn ready_at(&self, stores: &Stores) -> Option<Timestamp> {
        if self.busy.is_some() {
            return None;
        }
        let at = if let Some(in_doubt) = &self.doubt {
            may_judge(stores.get(&in_doubt.store)?).then_some(in_doubt.doubt.not_before)?
        } else {
            let head = self.head(stores)?;
            head.is_free().then_some(head.eligible_at)?
        };
        Some(self.hold_until.map_or(at, |hold| hold.max(at)))
    }

    /// What the lane would start at `now`, apart from tokens and readers.
    pub(super) fn candidate(
        &self,
        name: &Arc<str>,
        stores: &Stores,
        limit: usize,
        now: Timestamp,
    ) -> Option<Candidate> {
        // Once possible it stays so, even if the calendar is set back.
        let now = now.max(self.ready_at(stores)?);
        let lane = Arc::clone(name);
        if let Some(InDoubt { tenant, store, doubt }) = self.doubt {
            return Some(Candidate {
                lane,
                tenant,
                store,
                work: Work::Judge(doubt.batch),
                tokens: JUDGE_TOKENS,
            });
        }
        let head = self.head(stores)?;
        let batch = self.batch(head, stores, limit, now);
        Some(Candidate {
            lane,
            tenant: head.tenant,
            store: head.store,
            tokens: batch.iter().map(|entry| entry.tokens).max().unwrap_or(1),
            work: Work::Change(batch.iter().map(|entry| entry.job).collect()),
        })
    }

    /// All due jobs from the head on that may share a request with it.
    fn batch<'a>(&'a self, head: &'a Entry, stores: &Stores, limit: usize, now: Timestamp) -> Vec<&'a Entry> {
        let mut batch: Vec<&Entry> = Vec::new();
        for entry in self.entries.range(head.place..).map(|(_, entry)| entry) {
            if !is_running(stores, entry.store) {
                continue;
            }
            let joins = entry.store == head.store
                && entry.group == head.group
                && entry.is_free()
                && entry.eligible_at <= now
                && batch.len() < limit.max(1);
            if !joins || (entry.class == JobClass::Alone && !batch.is_empty()) {
                break;
            }
            batch.push(entry);
            if entry.class != JobClass::Shared {
                break;
            }
        }
        batch
    }

    /// Ends the cycle of `plan`; says whether the lane was in it.
    pub(super) fn end_cycle(&mut self, plan: &Plan, finish: &Finish) -> bool {
        if self.busy.is_none_or(|busy| busy.cycle != plan.cycle) {
            return false;
        }
        self.busy = None;
        self.hold_until = finish.hold_until;
        if let Work::Judge(batch) = plan.work
            && finish.doubt.is_none_or(|doubt| doubt.batch != batch)
        {
            // What its jobs are now is in the rows that come with the end, or is brought by the feed.
            self.mark(None, |entry| entry.batch == Some(batch));
        }
        self.doubt = finish.doubt.map(|doubt| InDoubt {
            tenant: plan.tenant_id,
            store: plan.store_id,
            doubt,
        });
        if let (Some(doubt), Work::Change(jobs)) = (finish.doubt, &plan.work) {
            let jobs: HashSet<JobId> = jobs.iter().copied().collect();
            self.mark(Some(doubt.batch), |entry| jobs.contains(&entry.job));
        }
        true
    }

    fn mark(&mut self, batch: Option<BatchId>, which: impl Fn(&Entry) -> bool) {
        for entry in self.entries.values_mut().filter(|entry| which(entry)) {
            entry.batch = batch;
        }
    }

    /// The first job whose store runs: a paused registration does not hold up another tenant's.
    fn head(&self, stores: &Stores) -> Option<&Entry> {
        self.entries
            .values()
            .find(|entry| is_running(stores, entry.store))
    }
}

fn is_running(stores: &Stores, id: StoreId) -> bool {
    stores.get(&id).is_some_and(|store| store.is_running())
}

/// A request may be judged while its credentials work, even if the store is paused by its owner or being deleted.
fn may_judge(store: &Store) -> bool {
    store.paused != Some(PauseReason::CredentialsRejected) || store.deleted_at.is_some()
}
