//! A lane: jobs of one order (or item, or create), one after another.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::job::JobClass;
use domain::store::{PauseReason, Store};
use domain::{StoreId, TenantId, Timestamp};
use uuid::Uuid;

use super::entry::{Entry, Place};
use super::plan::{Doubt, Work};

/// Jobs that run in the order of their places.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) entries: BTreeMap<Place, Entry>,
    pub(super) busy: bool,
    pub(super) doubt: Option<(TenantId, StoreId, Doubt)>,
    pub(super) hold_until: Option<Timestamp>,
    /// Granted reads of this order that have not ended, with the time until which they may be shown.
    pub(super) readers: HashMap<Uuid, Duration>,
    /// Batches that were judged to be closed: late news about them changes nothing.
    pub(super) closed: HashSet<domain::BatchId>,
}

/// What a lane could start.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) rank: i64,
    pub(super) tenant: TenantId,
    pub(super) store: StoreId,
    pub(super) place: Place,
    pub(super) work: Work,
    pub(super) tokens: u32,
}

/// Tokens to have in hand before a request is judged.
const JUDGE_TOKENS: u32 = 1;

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.busy && self.doubt.is_none() && self.readers.is_empty()
    }

    /// Whether a change wants this lane now, or has it: then new reads wait.
    pub(super) fn is_wanted(&self, stores: &HashMap<StoreId, Arc<Store>>, now: Timestamp) -> bool {
        self.busy || self.ready_at(stores).is_some_and(|at| at <= now)
    }

    /// When something of this lane becomes possible; `None` if only news can make it so.
    pub(super) fn ready_at(&self, stores: &HashMap<StoreId, Arc<Store>>) -> Option<Timestamp> {
        if self.busy {
            return None;
        }
        let at = match &self.doubt {
            Some((_, store, doubt)) => may_judge(stores.get(store)?).then_some(doubt.not_before)?,
            None => {
                let head = self.head(stores)?;
                if head.running {
                    return None;
                }
                head.eligible_at
            }
        };
        Some(self.hold_until.map_or(at, |hold| hold.max(at)))
    }

    /// What the lane would start at `now`, apart from tokens and readers.
    pub(super) fn candidate(
        &self,
        stores: &HashMap<StoreId, Arc<Store>>,
        limit: usize,
        now: Timestamp,
    ) -> Option<Candidate> {
        if self.ready_at(stores)? > now {
            return None;
        }
        if let Some((tenant, store, doubt)) = &self.doubt {
            return Some(Candidate {
                rank: i64::MIN,
                tenant: *tenant,
                store: *store,
                place: (doubt.not_before, 0),
                work: Work::Judge(doubt.batch),
                tokens: JUDGE_TOKENS,
            });
        }
        let head = self.head(stores)?;
        let batch = self.batch(head, stores, limit, now);
        Some(Candidate {
            rank: batch.iter().map(|entry| entry.rank(now)).min().unwrap_or(0),
            tenant: head.tenant,
            store: head.store,
            place: head.place,
            tokens: batch.iter().map(|entry| entry.tokens).max().unwrap_or(1),
            work: Work::Change(batch.iter().map(|entry| entry.job).collect()),
        })
    }

    /// All due jobs from the head on that may share a request with it.
    fn batch<'a>(
        &'a self,
        head: &'a Entry,
        stores: &HashMap<StoreId, Arc<Store>>,
        limit: usize,
        now: Timestamp,
    ) -> Vec<&'a Entry> {
        let mut batch: Vec<&Entry> = Vec::new();
        for entry in self.entries.range(head.place..).map(|(_, entry)| entry) {
            if !is_running(stores, entry.store) {
                continue;
            }
            let joins = entry.store == head.store
                && entry.group == head.group
                && !entry.running
                && entry.eligible_at <= now
                && batch.len() < limit;
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

    /// The first job whose store runs: a paused registration does not hold up another tenant's.
    fn head(&self, stores: &HashMap<StoreId, Arc<Store>>) -> Option<&Entry> {
        self.entries.values().find(|entry| is_running(stores, entry.store))
    }
}

fn is_running(stores: &HashMap<StoreId, Arc<Store>>, id: StoreId) -> bool {
    stores.get(&id).is_some_and(|store| store.is_running())
}

/// A request may be judged while its credentials work, even if the store is paused by its owner or being deleted.
fn may_judge(store: &Store) -> bool {
    store.paused != Some(PauseReason::CredentialsRejected) || store.deleted_at.is_some()
}
