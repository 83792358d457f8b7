//! Single flight: those who ask for the same thing at the same time share one fetch.
//!
//! A flight runs in a task of its own, so that it lands also when the one who began it goes away. Per key one may be
//! running and one waiting for it to end: whoever must not be shown what was fetched before he asked joins the one
//! that has not begun, so that a crowd of such askers makes two fetches and not a hundred.

use std::any::Any;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Timestamp;
use tokio::sync::watch;

use crate::{Area, Content, Generation};

/// What is shared: the entry, and the generations that it was asked under. Those who ask after a raise have another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    pub(crate) area: Area,
    pub(crate) query: Box<str>,
    /// As raised in this process.
    pub(crate) here: Generation,
    /// As the backend has it, if it could say.
    pub(crate) kept: Option<Generation>,
}

/// Which flights may be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Join {
    /// Any.
    Any,
    /// One that begins after the asking.
    NotBegun,
}

/// What a flight brings home.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    pub(crate) content: Content,
    pub(crate) fetched_at: Timestamp,
    /// Whether it was found kept after all.
    pub(crate) was_kept: bool,
}

type Outcome<E> = watch::Receiver<Option<Result<Landed, E>>>;

/// All flights of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flights(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    slots: HashMap<Route, Slot>,
    last: u64,
}

#[derive(Debug, Default)]
struct Slot {
    running: Option<Flight>,
    next: Option<Flight>,
}

#[derive(Clone, Debug)]
struct Flight {
    id: u64,
    /// An [`Outcome`] of some error type.
    outcome: Arc<dyn Any + Send + Sync>,
    /// Closes when the flight has ended.
    end: watch::Receiver<()>,
}

/// A way to what was asked for.
pub(crate) enum Boarded<E> {
    /// Somebody else's flight.
    Joined(Outcome<E>),
    /// A flight that the asker is to [fly](Seat::fly).
    Started(Seat<E>, Outcome<E>),
}

/// The place of a flight on the board; however it ends, the place becomes free.
pub(crate) struct Seat<E> {
    flights: Flights,
    route: Route,
    id: u64,
    after: Option<watch::Receiver<()>>,
    outcome: watch::Sender<Option<Result<Landed, E>>>,
    _end: watch::Sender<()>,
}

impl Flights {
    pub(crate) fn board<E: Clone + Send + Sync + 'static>(&self, route: &Route, join: Join) -> Boarded<E> {
        let mut board = self.lock();
        board.last += 1;
        let id = board.last;
        let slot = board.slots.entry(route.clone()).or_default();
        let joinable = match join {
            Join::Any => slot.running.as_ref().or(slot.next.as_ref()),
            Join::NotBegun => slot.next.as_ref(),
        };
        if let Some(flight) = joinable
            && let Some(outcome) = flight.outcome.downcast_ref::<Outcome<E>>()
        {
            return Boarded::Joined(outcome.clone());
        }
        let (sender, outcome) = watch::channel(None);
        let (end_sender, end) = watch::channel(());
        let flight = Flight {
            id,
            outcome: Arc::new(outcome.clone()),
            end,
        };
        let after = match (&slot.running, &slot.next) {
            (None, None) => {
                slot.running = Some(flight);
                None
            }
            (Some(running), None) if join == Join::NotBegun => {
                let after = running.end.clone();
                slot.next = Some(flight);
                Some(after)
            }
            // A flight with another type of error: this one goes alone.
            _ => None,
        };
        Boarded::Started(
            Seat {
                flights: self.clone(),
                route: route.clone(),
                id,
                after,
                outcome: sender,
                _end: end_sender,
            },
            outcome,
        )
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> Seat<E> {
    /// Waits for the flight before, if there is one, then flies.
    pub(crate) async fn fly(mut self, flight: impl Future<Output = Result<Landed, E>>) {
        if let Some(mut before) = self.after.take() {
            while before.changed().await.is_ok() {}
            self.take_off();
        }
        let outcome = flight.await;
        // Those who look at the board after the answer is there find what was kept.
        self.free();
        self.outcome.send_replace(Some(outcome));
    }

    fn take_off(&self) {
        let mut board = self.flights.lock();
        if let Some(slot) = board.slots.get_mut(&self.route)
            && slot.next.as_ref().is_some_and(|next| next.id == self.id)
        {
            slot.running = slot.next.take();
        }
    }

    fn free(&self) {
        let mut board = self.flights.lock();
        if let Entry::Occupied(mut slot) = board.slots.entry(self.route.clone()) {
            let Slot { running, next } = slot.get_mut();
            running.take_if(|flight| flight.id == self.id);
            next.take_if(|flight| flight.id == self.id);
            if running.is_none() && next.is_none() {
                slot.remove();
            }
        }
    }
}

impl<E> Drop for Seat<E> {
    fn drop(&mut self) {
        self.free();
    }
}

/// Waits for a flight to land; `None` if it never will.
pub(crate) async fn landed<E: Clone>(mut outcome: Outcome<E>) -> Option<Result<Landed, E>> {
    let landed = outcome.wait_for(Option::is_some).await.ok()?;
    landed.clone()
}
