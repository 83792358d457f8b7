//! Which upstream stores are to be looked at, and when.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::time::Duration;

/// Keys of upstream stores: to be looked at now, at a time, or once there is room for a further cycle.
#[derive(Debug, Default)]
pub(super) struct Awake {
    now: BTreeSet<String>,
    crowded: BTreeSet<String>,
    alarms: BTreeSet<(Duration, String)>,
    alarm_of: HashMap<String, Duration>,
}

impl Awake {
    /// Look at it now: something has changed.
    pub(super) fn wake(&mut self, key: &str) {
        if !self.now.contains(key) {
            self.now.insert(key.to_owned());
        }
    }

    /// It was looked at: not again before `at`, unless something changes, or there is room if it `wants_room`.
    pub(super) fn sleep(&mut self, key: &str, at: Option<Duration>, wants_room: bool) {
        self.forget(key);
        if wants_room {
            self.crowded.insert(key.to_owned());
        }
        if let Some(at) = at {
            self.alarms.insert((at, key.to_owned()));
            self.alarm_of.insert(key.to_owned(), at);
        }
    }

    /// It is gone.
    pub(super) fn forget(&mut self, key: &str) {
        self.now.remove(key);
        self.crowded.remove(key);
        if let Some(at) = self.alarm_of.remove(key) {
            self.alarms.remove(&(at, key.to_owned()));
        }
    }

    /// Wakes those whose time has come.
    pub(super) fn ring(&mut self, now: Duration) {
        while self.alarms.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.alarms.pop_first() {
                self.alarm_of.remove(&key);
                self.now.insert(key);
            }
        }
    }

    /// The next one to look at, in turns: the first behind `last`.
    pub(super) fn next(&self, last: &str, room: bool) -> Option<String> {
        let behind = |set: &BTreeSet<String>| {
            set.range::<str, _>((Bound::Excluded(last), Bound::Unbounded))
                .next()
                .or_else(|| set.first())
                .cloned()
        };
        let crowded = if room { behind(&self.crowded) } else { None };
        match (behind(&self.now), crowded) {
            (Some(one), Some(other)) => Some(match ((one.as_str() > last), (other.as_str() > last)) {
                (true, false) => one,
                (false, true) => other,
                _ => one.min(other),
            }),
            (one, other) => one.or(other),
        }
    }

    /// How long nobody needs to be looked at; `None` if only news can change that.
    pub(super) fn quiet_for(&self, now: Duration) -> Option<Duration> {
        if !self.now.is_empty() {
            return Some(Duration::ZERO);
        }
        self.alarms.first().map(|(at, _)| at.saturating_sub(now))
    }
}
