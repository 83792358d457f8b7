//! What is to be recorded for the audit alone: who was shown an order or a list of them, and which withdrawn keys were
//! tried. Noted here while a request is answered, in memory that is bounded; recorded by [`super::recorder`].

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::event::{ListView, LoginRefusal, OrderView};
use domain::{KeyId, OrderId, RequestId, StoreId, TenantId, Timestamp};
use metrics::counter;
use tokio::sync::Notify;

/// So many notes are recorded before their time.
const FULL: usize = 500;
/// So many bytes of lists are recorded before their time.
const FULL_BYTES: usize = 8 << 20;
/// More notes than these are not kept: the ledger takes none at present.
const MOST: usize = 20_000;
/// Lists of more bytes than these are not kept.
const MOST_BYTES: usize = 64 << 20;
/// Of what was noted in this minute, so much is remembered; beyond it the ledger recognises repeats.
const MOST_SEEN: usize = 200_000;
/// Refusals of one key in one minute, from different addresses: a botnet must not fill the log.
const MOST_ADDRESSES: usize = 50;

const MINUTE_MS: i64 = 60_000;

/// Something to be recorded.
#[derive(Clone)]
pub(crate) struct Note {
    pub(super) at: Timestamp,
    pub(super) tenant: TenantId,
    pub(super) key: KeyId,
    pub(super) client_ip: String,
    pub(super) request_id: RequestId,
    pub(super) what: What,
}

/// What was shown or refused.
#[derive(Clone)]
pub(super) enum What {
    /// One order.
    Order(StoreId, OrderId, OrderView),
    /// A list, as it was sent: which orders it names is read when it is recorded.
    List(StoreId, ListView, List),
    /// The orders that a list named.
    Named(StoreId, ListView, Vec<OrderId>),
    /// A log-in.
    Login(LoginRefusal),
}

/// A list as it was sent.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) body: Bytes,
    /// Tells it from other lists.
    pub(crate) etag: String,
}

/// A key that opens nothing any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) tenant: TenantId,
    pub(crate) key: KeyId,
    pub(crate) reason: LoginRefusal,
}

impl Note {
    /// The beginning of its minute.
    pub(super) fn minute(&self) -> Timestamp {
        Timestamp::from_millis(self.at.as_millis().div_euclid(MINUTE_MS) * MINUTE_MS)
    }
}

/// The notes of this process.
#[derive(Default)]
pub(crate) struct Notes {
    state: Mutex<State>,
    /// Keyed, so that nobody can choose what is taken for a repeat.
    hasher: RandomState,
    /// There are enough of them.
    pub(super) full: Notify,
    /// One records at a time, so that repeats are recognised.
    pub(super) recording: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    minute: Option<Timestamp>,
    seen: HashSet<u64>,
    /// Addresses from which withdrawn keys were tried in this minute.
    logins: HashMap<KeyId, usize>,
    waiting: Vec<Note>,
    bytes: usize,
}

impl State {
    /// Whether this is its first time in the minute.
    fn is_first(&mut self, minute: Timestamp, hash: u64) -> bool {
        if self.minute != Some(minute) || self.seen.len() >= MOST_SEEN {
            self.minute = Some(minute);
            self.seen.clear();
            self.logins.clear();
        }
        self.seen.insert(hash)
    }
}

impl Notes {
    /// Takes a note, unless the same was noted in this minute or there is no room.
    pub(super) fn take(&self, note: Note) {
        let minute = note.minute();
        let hash = match &note.what {
            What::Order(store, order, _) => self.hasher.hash_one((note.key, store, order)),
            // The same bytes name the same orders.
            What::List(store, view, list) => self.hasher.hash_one((note.key, store, view, &list.etag)),
            What::Named(..) => return,
            What::Login(_) => self.hasher.hash_one((note.key, &note.client_ip)),
        };
        let mut state = self.lock();
        if !state.is_first(minute, hash) {
            return;
        }
        let bytes = note.bytes();
        let crowded = matches!(note.what, What::Login(_)) && {
            let addresses = state.logins.entry(note.key).or_default();
            *addresses += 1;
            *addresses > MOST_ADDRESSES
        };
        if crowded || state.waiting.len() >= MOST || state.bytes + bytes > MOST_BYTES {
            counter!("audit_notes_lost_total").increment(1);
            return;
        }
        state.bytes += bytes;
        state.waiting.push(note);
        if state.waiting.len() >= FULL || state.bytes >= FULL_BYTES {
            self.full.notify_one();
        }
    }

    /// Whether no list of its minute has named the order to the key before.
    pub(super) fn is_new(&self, note: &Note, store: StoreId, order: &OrderId) -> bool {
        let hash = self.hasher.hash_one((note.key, store, order, "listed"));
        let mut state = self.lock();
        // A list of the minute before, recorded in this one: nothing is known of that minute any more.
        state.minute != Some(note.minute()) || state.is_first(note.minute(), hash)
    }

    /// All notes, to be recorded.
    pub(super) fn drain(&self) -> Vec<Note> {
        let mut state = self.lock();
        state.bytes = 0;
        std::mem::take(&mut state.waiting)
    }

    /// Gives back what could not be recorded, as far as there is room.
    pub(super) fn give_back(&self, notes: Vec<Note>) {
        let mut state = self.lock();
        for note in notes {
            let bytes = note.bytes();
            if state.waiting.len() >= MOST || state.bytes + bytes > MOST_BYTES {
                counter!("audit_notes_lost_total").increment(1);
                continue;
            }
            state.bytes += bytes;
            state.waiting.push(note);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Note {
    /// What it keeps alive beside itself.
    fn bytes(&self) -> usize {
        match &self.what {
            What::List(_, _, list) => list.body.len(),
            What::Named(_, _, orders) => orders.len() * size_of::<OrderId>(),
            What::Order(..) | What::Login(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn note(at: i64, what: What) -> Note {
        Note {
            at: Timestamp::from_millis(at),
            tenant: TenantId(Uuid::from_u128(1)),
            key: KeyId(Uuid::from_u128(2)),
            client_ip: "192.0.2.1".to_owned(),
            request_id: "r-1".parse().unwrap(),
            what,
        }
    }

    fn order(id: usize) -> What {
        What::Order(
            StoreId(Uuid::from_u128(3)),
            id.to_string().parse().unwrap(),
            OrderView::Order,
        )
    }

    #[test]
    fn an_order_is_noted_once_a_minute() {
        let notes = Notes::default();
        for at in [0, 1, 59_999, 60_000, 60_001] {
            notes.take(note(at, order(1)));
            notes.take(note(at, order(2)));
        }
        let minutes: Vec<_> = notes
            .drain()
            .iter()
            .map(|note| note.minute().as_millis())
            .collect();
        assert_eq!(minutes, [0, 0, 60_000, 60_000]);
        assert!(notes.drain().is_empty());
    }

    #[test]
    fn a_ledger_that_takes_nothing_does_not_fill_the_memory() {
        let notes = Notes::default();
        for id in 0..MOST + 10 {
            notes.take(note(0, order(id)));
        }
        let waiting = notes.drain();
        assert_eq!(waiting.len(), MOST);
        notes.take(note(0, order(MOST + 11)));
        notes.give_back(waiting);
        assert_eq!(notes.drain().len(), MOST);
        for n in 0..9 {
            let list = List {
                body: vec![0; MOST_BYTES / 4].into(),
                etag: n.to_string(),
            };
            notes.take(note(
                0,
                What::List(StoreId(Uuid::from_u128(3)), ListView::Orders, list),
            ));
        }
        assert_eq!(notes.drain().len(), 4);
    }

    #[test]
    fn a_withdrawn_key_that_many_try_is_noted_a_bounded_number_of_times() {
        let notes = Notes::default();
        for n in 0..MOST_ADDRESSES + 10 {
            let login = note(0, What::Login(LoginRefusal::Revoked));
            let client_ip = format!("192.0.2.{n}");
            notes.take(Note {
                client_ip,
                ..login.clone()
            });
            notes.take(login);
            notes.give_back(notes.drain());
        }
        assert_eq!(notes.drain().len(), MOST_ADDRESSES);
    }
}
