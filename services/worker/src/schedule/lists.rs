//! Lists of orders beside changes of orders.
//!
//! A list shows every order of its store, so no change of any order may be between its fetch and its write's end while
//! one is read, and no change may begin before a list under way has ended. Changes may run together, and so may lists;
//! the two take turns, so that neither side starves under constant load of the other: changes have the store for
//! [`TURN`] when a list wants it, then no further ones begin, and when those that run have ended, all lists go that
//! wait. Whatever comes while a change waits for them goes with the next turn.

use std::collections::HashSet;
use std::time::Duration;

use uuid::Uuid;

/// How long further changes may begin while a list waits.
const TURN: Duration = Duration::from_millis(500);
/// How long after a list has asked the store is kept clear for it: who is refused asks again soon.
const LINGER: Duration = Duration::from_millis(500);

/// Whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Lists that were granted and have not ended.
    under_way: HashSet<Uuid>,
    /// Cycles that change orders.
    changes: HashSet<u64>,
    /// A change waits for lists to end.
    is_change_waiting: bool,
    /// When a list last asked and had to wait.
    asked_at: Option<Duration>,
    /// When the changes' turn began.
    turn_began: Duration,
}

impl Lists {
    /// Whether a lane changes orders that lists show.
    pub(super) fn concern(lane: &str) -> bool {
        lane.starts_with("order:")
    }

    /// A list has to wait, for changes and not for tokens.
    pub(super) fn asked(&mut self, now: Duration) {
        self.asked_at = Some(now);
    }

    /// Whether a list may be granted.
    pub(super) fn may_be_read(&self) -> bool {
        self.changes.is_empty() && !self.is_change_waiting
    }

    pub(super) fn granted(&mut self, grant: Uuid) {
        self.under_way.insert(grant);
        self.asked_at = None;
    }

    /// A read has ended, a list or not.
    pub(super) fn ended(&mut self, grant: Uuid) {
        self.under_way.remove(&grant);
    }

    /// Whether a change of an order may begin; if not, until when at most for the sake of lists that have not begun.
    pub(super) fn may_be_changed(&mut self, now: Duration) -> Result<(), Option<Duration>> {
        if !self.under_way.is_empty() {
            self.is_change_waiting = true;
            return Err(None);
        }
        if self.is_change_waiting {
            return Ok(());
        }
        match self.asked_at {
            Some(at) if now < at + LINGER && now >= self.turn_began + TURN => Err(Some(at + LINGER)),
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn change_began(&mut self, cycle: u64, now: Duration) {
        if self.is_change_waiting || self.changes.is_empty() {
            self.turn_began = now;
        }
        self.is_change_waiting = false;
        self.changes.insert(cycle);
    }

    /// A cycle has ended, a change of an order or not.
    pub(super) fn change_ended(&mut self, cycle: u64) {
        self.changes.remove(&cycle);
    }

    /// No change waits, or not for lists alone.
    pub(super) fn no_change_waits(&mut self) {
        self.is_change_waiting = false;
    }
}
