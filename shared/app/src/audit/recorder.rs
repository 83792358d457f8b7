//! Records what was noted: every few seconds, when there is much of it, and at the end of the process.
//!
//! **One entry for each key, order and minute**, however many processes and restarts: the entry's stream is named after
//! them, and must be new. Lists are recorded for each key and list of a minute, with the orders that no list had named
//! to the key before in that minute; two processes may each name the same order once.
//!
//! **What can be lost.** Notes are taken in memory, since a read must not wait for a commit. A process that is killed
//! loses those of its last [`EVERY`]. While the ledger takes nothing they wait, bounded; `audit_notes_lost_total`
//! counts those that found no room.

use std::collections::HashSet;
use std::time::Duration;

use domain::event::{Event, ListView, LoginRefused, OrderRead, OrderView, OrdersListed};
use domain::store::Store;
use domain::{OrderId, RequestId, StoreId};
use futures::StreamExt as _;
use futures::stream;
use ledger::{Append, AppendError, Expected, Guard, Meta, NewEvent, Refusal, Stream};
use metrics::counter;
use tokio_util::sync::CancellationToken;

use super::listed;
use super::notes::{List, Note, Refused, What};
use crate::seals::hashed_row;
use crate::{App, Caller};

/// How often notes are recorded.
const EVERY: Duration = Duration::from_secs(5);
/// Orders that one entry of a list names, at most.
const MOST_LISTED: usize = 500;
/// Appends that are under way at once; the appender commits them together.
const AT_ONCE: usize = 64;

impl App {
    /// Notes that an order is shown to the caller. Costs no more than a look into memory.
    pub(crate) fn note_order(&self, caller: &Caller, store: &Store, order: &OrderId, view: OrderView) {
        self.note(caller, || What::Order(store.id, order.clone(), view));
    }

    /// Notes that a list is shown to the caller.
    pub(crate) fn note_list(
        &self,
        caller: &Caller,
        store: &Store,
        view: ListView,
        list: impl FnOnce() -> List,
    ) {
        self.note(caller, || What::List(store.id, view, list()));
    }

    fn note(&self, caller: &Caller, what: impl FnOnce() -> What) {
        let (true, Some(tenant), Some(key)) = (self.0.config.audit_reads, caller.tenant_id(), caller.key_id)
        else {
            return;
        };
        self.0.notes.take(Note {
            at: self.now(),
            tenant,
            key,
            client_ip: caller.client_ip.clone(),
            request_id: caller.request_id.clone(),
            what: what(),
        });
    }

    /// Notes that a withdrawn key was tried.
    pub(crate) fn note_refused(&self, refused: Refused, client_ip: String, request_id: RequestId) {
        self.0.notes.take(Note {
            at: self.now(),
            tenant: refused.tenant,
            key: refused.key,
            client_ip,
            request_id,
            what: What::Login(refused.reason),
        });
    }

    /// Records what is noted, every few seconds until `draining` is cancelled: to be spawned once per process that
    /// takes requests. What is noted after that is recorded by [`App::record_notes`].
    pub fn start_recorder(&self, draining: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let app = self.clone();
        async move {
            loop {
                tokio::select! {
                    () = draining.cancelled() => return,
                    () = app.0.notes.full.notified() => {}
                    () = tokio::time::sleep(EVERY) => {}
                }
                app.record_notes().await;
            }
        }
    }

    /// Records what was noted so far. What the ledger does not take is kept for the next time.
    pub async fn record_notes(&self) {
        let _alone = self.0.notes.recording.lock().await;
        let notes = self.0.notes.drain();
        let recorded = stream::iter(notes).map(|note| async move {
            // Read once: what is given back has been named.
            let note = self.named(note);
            let left = self.append_note(&note).await;
            left.then_some(note)
        });
        let left: Vec<Option<Note>> = recorded.buffered(AT_ONCE).collect().await;
        let left: Vec<Note> = left.into_iter().flatten().collect();
        if !left.is_empty() {
            tracing::warn!(notes = left.len(), "what was shown is yet to be recorded");
            self.0.notes.give_back(left);
        }
    }

    /// Whether a note is to be tried again.
    async fn append_note(&self, note: &Note) -> bool {
        for event in events_of(note) {
            let mut append = Append::new(self.now(), meta(note)).guard(Guard::TenantOpen(note.tenant));
            append.event(event);
            match self.0.ledger.append(append).await {
                // Recorded before, or of nobody any more.
                Ok(_) | Err(AppendError::Refused(Refusal::Conflict { .. } | Refusal::TenantGone)) => {}
                Err(AppendError::Unavailable(_)) => return true,
                Err(error @ (AppendError::Refused(_) | AppendError::Failed(_) | AppendError::Closed)) => {
                    counter!("audit_notes_lost_total").increment(1);
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what was shown cannot be recorded"
                    );
                }
            }
        }
        false
    }

    /// A list as the orders that it names and no list of the minute has named to the key before.
    fn named(&self, note: Note) -> Note {
        let What::List(store, view, list) = &note.what else {
            return note;
        };
        let (store, view): (StoreId, ListView) = (*store, *view);
        let mut orders = match view {
            ListView::Orders => listed::orders(&list.body),
            ListView::Customers => listed::customers(&list.body),
        };
        let mut named = HashSet::new();
        orders.retain(|id| named.insert(id.clone()) && self.0.notes.is_new(&note, store, id));
        Note {
            what: What::Named(store, view, orders),
            ..note
        }
    }
}

/// What is recorded of a note.
fn events_of(note: &Note) -> Vec<NewEvent> {
    let (at, minute, tenant_id, key_id) = (note.at, note.minute(), note.tenant, note.key);
    let minutes = minute.as_millis().to_be_bytes();
    let key = key_id.0.as_bytes();
    let event = |stream, expected, event: Event| NewEvent {
        stream,
        expected,
        event,
        sealed: None,
        tenant_id,
        store_id: None,
        order_id: None,
        job_id: None,
    };
    match &note.what {
        What::Order(store, order, view) => {
            let id = hashed_row(&[
                b"order read",
                key,
                store.0.as_bytes(),
                order.as_str().as_bytes(),
                &minutes,
            ]);
            let read = OrderRead {
                at,
                tenant_id,
                store_id: *store,
                order_id: order.clone(),
                key_id,
                minute,
                view: *view,
            };
            vec![NewEvent {
                store_id: Some(*store),
                order_id: Some(order.clone()),
                ..event(Stream::Read(id), Expected::Version(0), read.into())
            }]
        }
        What::Named(store, view, orders) => {
            let id = hashed_row(&[b"orders listed", key, store.0.as_bytes(), &minutes]);
            let entry = |order_ids: &[OrderId]| {
                let listed = OrdersListed {
                    at,
                    tenant_id,
                    store_id: *store,
                    key_id,
                    minute,
                    view: *view,
                    order_ids: order_ids.to_vec(),
                };
                NewEvent {
                    store_id: Some(*store),
                    ..event(Stream::Read(id), Expected::Any, listed.into())
                }
            };
            orders.chunks(MOST_LISTED).map(entry).collect()
        }
        What::List(..) => Vec::new(),
        What::Login(reason) => {
            let id = hashed_row(&[b"login refused", key, note.client_ip.as_bytes(), &minutes]);
            let refused = LoginRefused {
                at,
                tenant_id,
                key_id,
                minute,
                reason: *reason,
            };
            vec![event(Stream::Login(id), Expected::Version(0), refused.into())]
        }
    }
}

fn meta(note: &Note) -> Meta {
    Meta {
        key_id: Some(note.key),
        client_ip: Some(note.client_ip.clone()),
        request_id: Some(note.request_id.clone()),
        ..Meta::default()
    }
}
