//! Reads of others, which spend tokens of the same bucket and must not show what a change is about to undo.
//!
//! A change reads an order and writes it back whole. Had a read by somebody else shown a foreign edit in between, that
//! edit would be undone although it was seen. So per order a granted read and a change exclude each other: a change
//! waits until the reads granted before have ended (or may no longer be shown), and while one waits or runs, new
//! reads of that order wait. A list shows every order: see [`super::lists`].

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use orderdesk::bucket::Ticket;
use uuid::Uuid;

/// How long a granted read may take to begin.
pub(crate) const VALID: Duration = Duration::from_secs(2);
/// How long what it has read may be shown.
pub(crate) const SHOW_WITHIN: Duration = Duration::from_secs(5);

/// What a read shows of what commands change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The order of this lane.
    Order(String),
    /// A list of orders: any of them.
    Orders,
    /// Nothing of that kind.
    Other,
}

/// A read that asks for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its grant.
    pub grant: Uuid,
    /// What it shows.
    pub shows: Shows,
    /// Whether a person waits.
    pub interactive: bool,
    /// Until when it waits, on the boot clock.
    pub patient_until: Duration,
}

/// How a read's request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Go ahead.
    Granted,
    /// Not now; ask again after so many milliseconds.
    Refused(u64),
}

/// Reads that may wait at once.
const QUEUE: usize = 1_000;

/// The reads of one upstream store: those that wait, and those under way.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) waiting: VecDeque<Read>,
    granted: HashMap<Uuid, Granted>,
    expiry: BTreeSet<(Duration, Uuid)>,
}

/// A read that was granted. Its token counts as outstanding until it ends: nobody tells when its request arrives.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) shows: Shows,
    pub(super) ticket: Ticket,
    until: Duration,
}

impl Reads {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.granted.is_empty()
    }

    /// Whether some were granted and have not ended.
    pub(super) fn are_under_way(&self) -> bool {
        !self.granted.is_empty()
    }

    /// Takes out one that cannot be served: its patience is over, or too many wait.
    pub(super) fn take_hopeless(&mut self, now: Duration) -> Option<Read> {
        if let Some(index) = self.waiting.iter().position(|read| read.patient_until <= now) {
            return self.waiting.remove(index);
        }
        if self.waiting.len() > QUEUE {
            self.waiting.pop_back()
        } else {
            None
        }
    }

    /// When the next one runs out of patience or of time.
    pub(super) fn next_at(&self) -> Option<Duration> {
        let patience = self.waiting.iter().map(|read| read.patient_until).min();
        let expiry = self.expiry.first().map(|(at, _)| *at);
        patience.into_iter().chain(expiry).min()
    }

    /// Whether lists of orders wait.
    pub(super) fn want_lists(&self) -> bool {
        self.waiting.iter().any(|read| read.shows == Shows::Orders)
    }

    /// Positions of those that wait, in the order in which they are served.
    pub(super) fn by_rank(&self) -> impl Iterator<Item = (usize, &Read)> {
        let some = |interactive| {
            self.waiting
                .iter()
                .enumerate()
                .filter(move |(_, read)| read.interactive == interactive)
        };
        some(true).chain(some(false))
    }

    pub(super) fn grant(&mut self, read: &Read, ticket: Ticket, now: Duration) {
        let until = now + SHOW_WITHIN;
        self.expiry.insert((until, read.grant));
        self.granted.insert(
            read.grant,
            Granted {
                shows: read.shows.clone(),
                ticket,
                until,
            },
        );
    }

    pub(super) fn end(&mut self, grant: Uuid) -> Option<Granted> {
        let granted = self.granted.remove(&grant)?;
        self.expiry.remove(&(granted.until, grant));
        Some(granted)
    }

    /// One whose time is over, still to be ended.
    pub(super) fn expired(&self, now: Duration) -> Option<Uuid> {
        self.expiry
            .first()
            .filter(|(until, _)| *until <= now)
            .map(|(_, grant)| *grant)
    }
}
