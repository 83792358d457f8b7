//! The lanes of one upstream store, indexed by when they go next.
//!
//! A look must stay cheap with ten thousands of lanes: only lanes that something has happened to are looked at anew,
//! and the next one to go is at the front of an ordered set.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{StoreId, TenantId, Timestamp};

use super::entry::{Entry, Place};
use super::lane::{Candidate, Lane, Spot, Stores};

/// Tenants whose turns are remembered before those that no longer matter are dropped.
const TURNS: usize = 64;

/// Lanes by name.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_name: HashMap<Arc<str>, Lane>,
    /// Lanes that something has happened to.
    stale: HashSet<Arc<str>>,
    timed: BTreeSet<(Timestamp, Arc<str>)>,
    judgements: BTreeSet<(Timestamp, Arc<str>)>,
    ready: BTreeMap<TenantId, BTreeSet<(Timestamp, Place, Arc<str>)>>,
    /// When a tenant was last served, by turn.
    turns: HashMap<TenantId, u64>,
}

impl Lanes {
    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Lane> {
        self.by_name.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Lane> {
        self.by_name.values()
    }

    /// A lane that is about to change; `None` if there is none.
    pub(super) fn change(&mut self, name: &str) -> Option<&mut Lane> {
        let name = Arc::clone(self.by_name.get_key_value(name)?.0);
        let lane = self.by_name.get_mut(&name);
        self.stale.insert(name);
        lane
    }

    /// A lane that is about to change, made if there is none.
    pub(super) fn make(&mut self, name: &str) -> &mut Lane {
        let name = match self.by_name.get_key_value(name) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(name),
        };
        self.stale.insert(Arc::clone(&name));
        self.by_name.entry(name).or_default()
    }

    /// A store was paused, resumed or deleted: any lane may have become possible or impossible.
    pub(super) fn change_all(&mut self) {
        self.stale.extend(self.by_name.keys().cloned());
    }

    /// Takes out a store's jobs that are neither in a cycle nor behind a doubt.
    pub(super) fn take_waiting(&mut self, store: StoreId) -> Vec<(Arc<str>, Entry)> {
        let mut taken = Vec::new();
        for (name, lane) in self.by_name.iter_mut().filter(|(_, lane)| !lane.is_closed()) {
            let places: Vec<Place> = lane
                .entries
                .iter()
                .filter(|(_, e)| e.store == store && e.batch.is_none())
                .map(|(p, _)| *p)
                .collect();
            if !places.is_empty() {
                self.stale.insert(Arc::clone(name));
            }
            for place in places {
                taken.extend(lane.entries.remove(&place).map(|entry| (Arc::clone(name), entry)));
            }
        }
        taken
    }

    /// Whether a store has anything here.
    pub(super) fn holds(&self, store: StoreId) -> bool {
        self.by_name
            .values()
            .any(|lane| lane.is_closed_by(store) || lane.entries.values().any(|entry| entry.store == store))
    }

    /// Brings the index up to date.
    pub(super) fn refresh(&mut self, stores: &Stores, settle: Duration, now: Timestamp) {
        while let Some((at, name)) = self.timed.first() {
            if *at > now {
                break;
            }
            let name = Arc::clone(name);
            self.timed.pop_first();
            if let Some(lane) = self.by_name.get_mut(&name) {
                lane.spot = Spot::Closed;
            }
            self.stale.insert(name);
        }
        for name in std::mem::take(&mut self.stale) {
            let Some(lane) = self.by_name.get_mut(&name) else {
                continue;
            };
            lane.find_lost_request(settle, now);
            let (old, new) = (lane.spot, lane.spot(stores, now));
            lane.spot = new;
            if lane.is_empty() {
                self.by_name.remove(&name);
            }
            if old != new {
                self.take_from(old, &name);
                self.put_to(new, &name);
            }
        }
    }

    fn take_from(&mut self, spot: Spot, name: &Arc<str>) {
        match spot {
            Spot::Closed => {}
            Spot::Timed(at) => drop(self.timed.remove(&(at, Arc::clone(name)))),
            Spot::Judge(at) => drop(self.judgements.remove(&(at, Arc::clone(name)))),
            Spot::Ready {
                tenant,
                urgency,
                place,
            } => {
                if let Some(lanes) = self.ready.get_mut(&tenant) {
                    lanes.remove(&(urgency, place, Arc::clone(name)));
                    if lanes.is_empty() {
                        self.ready.remove(&tenant);
                    }
                }
            }
        }
    }

    fn put_to(&mut self, spot: Spot, name: &Arc<str>) {
        match spot {
            Spot::Closed => {}
            Spot::Timed(at) => drop(self.timed.insert((at, Arc::clone(name)))),
            Spot::Judge(at) => drop(self.judgements.insert((at, Arc::clone(name)))),
            Spot::Ready {
                tenant,
                urgency,
                place,
            } => {
                self.ready
                    .entry(tenant)
                    .or_default()
                    .insert((urgency, place, Arc::clone(name)));
            }
        }
    }

    /// When the next lane becomes possible by itself.
    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.timed.first().map(|(at, _)| *at)
    }

    /// What goes next: a judgement, else the most urgent lane of the tenant that has waited longest for its turn.
    pub(super) fn best(&self, stores: &Stores, limit: usize, now: Timestamp) -> Option<Candidate> {
        let name = if let Some((_, name)) = self.judgements.first() {
            name
        } else {
            let served = |tenant| self.turns.get(tenant).copied().unwrap_or(0);
            let first = |lanes: &BTreeSet<(Timestamp, Place, Arc<str>)>| {
                lanes.first().map(|(urgency, place, _)| (*urgency, *place))
            };
            let (_, lanes) = self
                .ready
                .iter()
                .min_by_key(|(tenant, lanes)| (served(*tenant), first(lanes)))?;
            &lanes.first()?.2
        };
        self.by_name.get(name)?.candidate(name, stores, limit, now)
    }

    /// A tenant had its turn.
    pub(super) fn served(&mut self, tenant: TenantId, turn: u64) {
        self.turns.insert(tenant, turn);
        if self.turns.len() > TURNS {
            // Whoever was served before everybody who waits now goes first anyhow.
            let waiting = self
                .ready
                .keys()
                .map(|tenant| self.turns.get(tenant).copied().unwrap_or(0))
                .min();
            let oldest = waiting.unwrap_or(turn);
            self.turns.retain(|_, served| *served >= oldest);
        }
        if self.turns.len() > 16 * TURNS {
            self.turns.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn turns(&self) -> usize {
        self.turns.len()
    }
}
