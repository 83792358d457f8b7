//! What the server, the requests under way and the handles have in common.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{config::SimulatorConfig, reply::Reply, request::ApiRequest, world::World};

/// The state and the means to wait for it to change.
#[derive(Debug)]
pub(crate) struct Shared {
    pub config: SimulatorConfig,
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    started: Instant,
    /// Cancelled when everything must end.
    pub stop: CancellationToken,
    /// Every task of this simulator.
    pub tasks: TaskTracker,
    /// Whether connections are to be accepted.
    pub wanted_open: watch::Sender<bool>,
    /// Whether the listener is there.
    pub is_open: watch::Sender<bool>,
}

impl Shared {
    pub fn new(config: SimulatorConfig) -> Self {
        let started = Instant::now();
        Self {
            world: Mutex::new(World::new(&config, started)),
            config,
            changes: watch::Sender::new(0),
            started,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            wanted_open: watch::Sender::new(true),
            is_open: watch::Sender::new(true),
        }
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Reads or changes the state and wakes those who wait for a change.
    pub fn with<R>(&self, access: impl FnOnce(&mut World) -> R) -> R {
        let result = self.peek(access);
        self.changes.send_modify(|count| *count += 1);
        result
    }

    /// Reads the state without waking anybody.
    pub fn peek<R>(&self, access: impl FnOnce(&mut World) -> R) -> R {
        // A panic in a test's closure leaves the state as whole as it was.
        access(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn apply(&self, request: &ApiRequest, seq: u64) -> Reply {
        self.with(|world| world.apply(request, seq, self.now_ms(), Timestamp::now()))
    }

    /// Signals every later change of the state.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}
