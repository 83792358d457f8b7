//! What requests came and how they ended: a bounded log, and counters that lose nothing.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::RequestKind;

/// One request, from its arrival to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Counts from 1 in order of arrival.
    pub seq: u64,
    /// Milliseconds from the simulator's start to the request's arrival.
    pub at_ms: u64,
    /// Milliseconds from the simulator's start to the answer or the drop; `None` while it is under way.
    pub ended_ms: Option<u64>,
    /// Milliseconds from the simulator's start to the moment a write took effect.
    pub applied_ms: Option<u64>,
    /// The store id of the header, empty if there was none.
    pub store: String,
    /// The kind of request.
    pub kind: RequestKind,
    /// The HTTP method.
    pub method: String,
    /// The path below `/api/v2`.
    pub path: String,
    /// The query string, empty if there was none.
    pub query: String,
    /// The `User-Agent` header, empty if there was none.
    pub user_agent: String,
    /// The JSON body of a write; a card number is replaced by `***`.
    pub body: Option<Value>,
    /// The status of the answer; `None` if there was none (yet).
    pub status: Option<u16>,
    /// Whether the request changed anything, be it late or unanswered.
    pub applied: bool,
    /// The name of the fault it met.
    pub fault: Option<String>,
    /// Whole tokens left after it; `None` for a request without a known store.
    pub tokens_left: Option<u32>,
}

/// How many requests of one sort came and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Requests that arrived.
    pub requests: u64,
    /// Writes that took effect.
    pub applied: u64,
    /// Requests refused because the bucket was empty.
    pub throttled: u64,
    /// Requests that met a fault.
    pub faults: u64,
    /// Answers with a status of 400 or more, 429 included.
    pub errors: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.applied += other.applied;
        self.throttled += other.throttled;
        self.faults += other.faults;
        self.errors += other.errors;
    }
}

/// Counts per store and kind since the start or the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Store id, then kind.
    pub stores: BTreeMap<String, BTreeMap<RequestKind, Count>>,
}

impl Counters {
    /// The sum over everything.
    pub fn total(&self) -> Count {
        Self::sum(self.stores.values().flat_map(BTreeMap::values))
    }

    /// The sum over all kinds of one store.
    pub fn store(&self, store: &str) -> Count {
        Self::sum(self.stores.get(store).into_iter().flat_map(BTreeMap::values))
    }

    /// The sum over all stores of one kind.
    pub fn kind(&self, kind: RequestKind) -> Count {
        Self::sum(self.stores.values().filter_map(|kinds| kinds.get(&kind)))
    }

    fn sum<'a>(counts: impl Iterator<Item = &'a Count>) -> Count {
        let mut sum = Count::default();
        counts.for_each(|count| sum.add(*count));
        sum
    }

    pub(crate) fn at(&mut self, store: &str, kind: RequestKind) -> &mut Count {
        if !self.stores.contains_key(store) {
            self.stores.insert(store.to_owned(), BTreeMap::new());
        }
        self.stores
            .get_mut(store)
            .expect("inserted above")
            .entry(kind)
            .or_default()
    }
}

/// The latest requests, oldest first.
#[derive(Debug)]
pub(crate) struct RequestLog {
    entries: VecDeque<LogEntry>,
    capacity: usize,
    next: u64,
}

impl RequestLog {
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            capacity: capacity.max(1),
            next: 1,
        }
    }

    /// Adds an entry and numbers it.
    pub fn push(&mut self, mut entry: LogEntry) -> u64 {
        let seq = self.next;
        self.next += 1;
        entry.seq = seq;
        if self.entries.len() == self.capacity {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
        seq
    }

    /// The entry of that number, unless it has been pushed out.
    pub fn get_mut(&mut self, seq: u64) -> Option<&mut LogEntry> {
        let first = self.entries.front()?.seq;
        self.entries
            .get_mut(usize::try_from(seq.checked_sub(first)?).ok()?)
    }

    /// Entries after number `seq`.
    pub fn since(&self, seq: u64) -> Vec<LogEntry> {
        let start = self.entries.partition_point(|entry| entry.seq <= seq);
        self.entries.range(start..).cloned().collect()
    }

    /// Forgets the entries; numbers go on so that a late write cannot mark a newer request.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
pub(crate) fn entry() -> LogEntry {
    LogEntry {
        seq: 0,
        at_ms: 0,
        ended_ms: None,
        applied_ms: None,
        store: "s".into(),
        kind: RequestKind::GetOrder,
        method: "GET".into(),
        path: "/orders/1".into(),
        query: String::new(),
        user_agent: String::new(),
        body: None,
        status: None,
        applied: false,
        fault: None,
        tokens_left: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_forgets_the_oldest_and_finds_the_rest_by_number() {
        let mut log = RequestLog::new(3);
        for _ in 0..5 {
            log.push(entry());
        }
        let numbers: Vec<u64> = log.since(0).iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, [3, 4, 5]);
        assert_eq!(log.since(4).len(), 1);
        assert!(log.get_mut(2).is_none());
        assert_eq!(log.get_mut(4).unwrap().seq, 4);
        log.clear();
        assert!(log.get_mut(5).is_none());
        assert_eq!(log.push(entry()), 6);
        assert!(log.get_mut(5).is_none());
    }

    #[test]
    fn counters_sum_by_store_and_by_kind() {
        let mut counters = Counters::default();
        counters.at("a", RequestKind::GetOrder).requests += 2;
        counters.at("a", RequestKind::PutOrder).requests += 1;
        counters.at("b", RequestKind::PutOrder).requests += 4;
        assert_eq!(counters.total().requests, 7);
        assert_eq!(counters.store("a").requests, 3);
        assert_eq!(counters.kind(RequestKind::PutOrder).requests, 5);
    }
}
