//! Keeping a connection: one task looks for the next one as soon as one is lost.

use std::sync::Arc;
use std::time::Duration;

use cache::{Envelope, Unavailable};
use redis::Client;
use tokio::sync::{Notify, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connect::connect;
use crate::link::Shared;
use crate::options::RedisOptions;

/// The connection, or why there is none.
pub(crate) type State = Result<Shared, String>;

/// Where the connection is found.
#[derive(Debug)]
pub(crate) struct Keeper {
    state: Arc<watch::Sender<State>>,
    /// Somebody needs a connection now.
    wanted: Arc<Notify>,
    _stop: DropGuard,
}

impl Keeper {
    /// Starts looking for a connection; ends when dropped.
    pub(crate) fn start(client: Client, options: RedisOptions, envelope: Envelope) -> Self {
        let state = Arc::new(watch::Sender::new(Err("not connected yet".to_owned())));
        let wanted = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        let task = Task {
            client,
            options,
            envelope,
            state: Arc::clone(&state),
            wanted: Arc::clone(&wanted),
        };
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped.run_until_cancelled(task.run()).await;
        });
        Self {
            state,
            wanted,
            _stop: stop.drop_guard(),
        }
    }

    /// The connection, at once or not at all.
    pub(crate) fn link(&self) -> Result<Shared, Unavailable> {
        self.state.borrow().clone().map_err(Unavailable)
    }

    /// The connection, or what comes of an attempt to have one, which is begun at once and ends within `patience`.
    pub(crate) async fn link_within(&self, patience: Duration) -> Result<Shared, Unavailable> {
        let mut state = self.state.subscribe();
        self.wanted.notify_one();
        if state.borrow().is_err() {
            let _ = tokio::time::timeout(patience, state.changed()).await;
        }
        self.link()
    }

    /// Gives a connection up, if it is still the one in use.
    pub(crate) fn lose(&self, link: &Shared, reason: &str) {
        self.state.send_if_modified(|state| {
            let in_use = state.as_ref().is_ok_and(|used| Arc::ptr_eq(used, link));
            if in_use {
                *state = Err(reason.to_owned());
            }
            in_use
        });
    }
}

struct Task {
    client: Client,
    options: RedisOptions,
    envelope: Envelope,
    state: Arc<watch::Sender<State>>,
    wanted: Arc<Notify>,
}

impl Task {
    async fn run(self) {
        let mut state = self.state.subscribe();
        let mut was_told = false;
        loop {
            match connect(&self.client, &self.options, &self.envelope).await {
                Ok(link) => {
                    drop(self.state.send_replace(Ok(Arc::new(link))));
                    metrics::gauge!("cache_backend_up").set(1.0);
                    tracing::info!("redis is there, reads are cached from now on");
                    was_told = false;
                    // The sender is held by this task, so that this ends with a loss only.
                    let lost = state.wait_for(Result::is_err).await;
                    let reason = lost.ok().and_then(|state| state.as_ref().err().cloned());
                    metrics::gauge!("cache_backend_up").set(0.0);
                    tracing::warn!(reason, "redis is away, reads go on without a cache");
                }
                Err(reason) => {
                    metrics::gauge!("cache_backend_up").set(0.0);
                    if !std::mem::replace(&mut was_told, true) {
                        tracing::warn!(reason, "redis cannot be reached, reads go on without a cache");
                    }
                    drop(self.state.send_replace(Err(reason)));
                    tokio::select! {
                        () = tokio::time::sleep(self.options.retry_every) => {}
                        () = self.wanted.notified() => {}
                    }
                }
            }
        }
    }
}
