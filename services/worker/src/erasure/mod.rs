//! Erasing personal data, at the owner of the store: who else sends could not say that nothing is in flight.
//!
//! What is pending is read from the log, so whoever takes a partition over goes on with it. An order's data go in
//! [`order`]; a customer's orders are found in [`customer`] and erased one by one. What has gone: the data keys, and with
//! them all that was sealed under them, in events, views and copies of both. What remains says nothing of a person.

mod customer;
mod mention;
mod order;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use domain::ErasureId;
use domain::event::{ErasureRequested, Event};
use domain::{OrderId, Sealed, StoreId};
use ledger::{BackendError, NewEvent};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::cycle::Writing;

/// Events read at a time.
const PAGE: u32 = 500;
/// Erasures that are taken a step further in one round; the others have their turn in the next.
const AT_ONCE: usize = 100;
const ROUND: Duration = Duration::from_millis(250);

/// An erasure that was asked for.
struct Pending {
    request: ErasureRequested,
    /// The customer's address.
    sealed: Option<Sealed>,
    /// Cycles that ran when it began: what they read and wrote before they knew is awaited.
    cycles: Option<HashSet<u64>>,
    scan: customer::Scan,
}

#[derive(Default)]
struct Known {
    after: u64,
    pending: VecDeque<Pending>,
}

/// Erases what is asked for in our partitions until `stopped`.
pub(crate) async fn run(context: Arc<Context>, stopped: CancellationToken) {
    let mut known = Known::default();
    let mut traces = false;
    loop {
        if let Err(error) = known.read(&context).await {
            tracing::warn!(error = %error, "erasures could not be read");
        }
        traces |= known.advance(&context).await;
        if traces {
            traces = !scrubbed(&context).await;
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = stopped.cancelled() => return,
        }
    }
}

impl Known {
    /// Reads what was asked for and done since the last look.
    async fn read(&mut self, context: &Context) -> Result<(), BackendError> {
        loop {
            let page = context.ledger.erasure_events_after(self.after, PAGE).await?;
            for row in &page {
                self.after = row.position;
                match row.event() {
                    Ok(Event::ErasureRequested(request)) => self.pending.push_back(Pending {
                        request,
                        sealed: row.sealed.clone(),
                        cycles: None,
                        scan: customer::Scan::default(),
                    }),
                    Ok(Event::ErasureDone(done)) => self.end(context, done.erasure_id),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(error = %error, position = row.position, "an event cannot be read");
                    }
                }
            }
            if (page.len() as u32) < PAGE {
                return Ok(());
            }
        }
    }

    fn end(&mut self, context: &Context, id: ErasureId) {
        self.pending.retain(|one| {
            let ended = one.request.erasure_id == id;
            if ended && let Some(order) = &one.request.order_id {
                context.erasing.end(id, one.request.store_id, order);
            }
            !ended
        });
    }

    /// Takes each erasure of our partitions a step further; one that fails delays no other. Whether any was done.
    async fn advance(&mut self, context: &Context) -> bool {
        let mut done = Vec::new();
        let mut taken = 0;
        for _ in 0..self.pending.len() {
            let Some(mut one) = self.pending.pop_front() else {
                break;
            };
            let ours = context.look(|schedule, _| schedule.is_open(one.request.partition));
            if !ours {
                // Should it come back, what ran meanwhile ran elsewhere.
                one.cycles = None;
                one.scan = customer::Scan::default();
                if let Some(order) = &one.request.order_id {
                    context
                        .erasing
                        .end(one.request.erasure_id, one.request.store_id, order);
                }
            } else if taken < AT_ONCE {
                taken += 1;
                match step(context, &mut one).await {
                    Ok(true) => done.push(one.request.erasure_id),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(
                        error = &*error as &(dyn std::error::Error + 'static),
                        erasure_id = %one.request.erasure_id,
                        "an erasure did not get on"
                    ),
                }
            }
            self.pending.push_back(one);
        }
        for id in &done {
            self.end(context, *id);
        }
        !done.is_empty()
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Takes the next step; whether it was the last.
async fn step(context: &Context, one: &mut Pending) -> Result<bool, Failure> {
    match one.request.order_id.clone() {
        Some(order) => order::step(context, one, &order).await,
        None => customer::step(context, one).await,
    }
}

/// An append for `request`'s partition, if that is ours.
fn begin(context: &Context, request: &ErasureRequested) -> Option<Writing> {
    let mut writing = Writing::begin(context, request.partition, request.tenant_id)?;
    writing.append.meta.actor = Some("erasure".to_owned());
    Some(writing)
}

/// An event of an erasure.
fn event(
    of: &ErasureRequested,
    id: ErasureId,
    version: u64,
    order: Option<OrderId>,
    event: Event,
) -> NewEvent {
    NewEvent {
        stream: ledger::Stream::Erasure(id),
        expected: ledger::Expected::Version(version),
        tenant_id: of.tenant_id,
        store_id: Some(of.store_id),
        order_id: order,
        job_id: None,
        event,
        sealed: None,
    }
}

/// Lets the database drop what it still keeps of deleted rows.
async fn scrubbed(context: &Context) -> bool {
    match context.ledger.scrub().await {
        Ok(done) => done,
        Err(error) => {
            tracing::warn!(error = %error, "the database keeps traces of destroyed keys for now");
            false
        }
    }
}

/// Orders whose data are being erased here: no cycle begins for them.
#[derive(Debug, Default)]
pub(crate) struct Erasing(std::sync::Mutex<HashSet<(ErasureId, StoreId, OrderId)>>);

impl Erasing {
    fn begin(&self, id: ErasureId, store: StoreId, order: &OrderId) {
        self.lock().insert((id, store, order.clone()));
    }

    fn end(&self, id: ErasureId, store: StoreId, order: &OrderId) {
        self.lock().remove(&(id, store, order.clone()));
    }

    /// Whether an order's data are being erased.
    pub(crate) fn has(&self, store: StoreId, order: &OrderId) -> bool {
        self.lock()
            .iter()
            .any(|(_, of, one)| *of == store && one == order)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(ErasureId, StoreId, OrderId)>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
