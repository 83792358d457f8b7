//! The worker in a runtime of its own, so that a test can end it as a crash would.

use std::sync::Arc;
use std::time::Duration;

use ::worker::{Parts, Worker};
use app::Seals;
use ledger::{AppenderConfig, Ledger};
use runtime::{Lifecycle, SystemClock};
use tokio::runtime::Runtime;

use super::World;

/// A running worker.
pub struct Running {
    runtime: Option<Runtime>,
    lifecycle: Lifecycle,
    worker: Worker,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    /// Starts a new incarnation, with connections of its own to the ledger.
    pub async fn start_worker(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let lifecycle = Lifecycle::new();
        let database = self.database.clone();
        let (queue, keyring, config) = (
            Arc::clone(&self.queue),
            Arc::clone(&self.keyring),
            self.config.clone(),
        );
        let client = self.app.upstream().config().clone();
        let cache = self.app.cache().clone();
        let started = lifecycle.clone();
        let worker = runtime
            .spawn(async move {
                let ledger = Ledger::start(database.open().await, AppenderConfig::default());
                let clock = Arc::new(SystemClock);
                let seals = Seals::new(ledger.clone(), Arc::clone(&keyring), clock.clone());
                let client = orderdesk::Client::new(client).expect("a client");
                let worker = Worker::new(Parts {
                    ledger,
                    queue,
                    clock,
                    keyring,
                    seals,
                    client,
                    cache,
                    config,
                });
                worker.run(&started);
                worker
            })
            .await
            .expect("the worker starts");
        self.worker = Some(Running {
            runtime: Some(runtime),
            lifecycle,
            worker,
        });
    }

    /// How many jobs the worker knows of.
    pub fn known_jobs(&self) -> usize {
        self.worker.as_ref().expect("a worker").worker.status().jobs
    }

    /// How many partitions the worker owns.
    pub fn partitions(&self) -> usize {
        self.worker.as_ref().expect("a worker").worker.status().partitions
    }

    /// How many cycles run.
    pub fn cycles(&self) -> usize {
        self.worker.as_ref().expect("a worker").worker.status().cycles
    }

    /// Ends the worker wherever it is: every task is dropped at its next await, nothing is handed over.
    pub async fn kill_worker(&mut self) {
        let mut running = self.worker.take().expect("a worker");
        let runtime = running.runtime.take().expect("a runtime");
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .expect("the runtime ends");
    }

    /// Asks the worker to hand over and end, and waits until it has.
    pub async fn drain_worker(&mut self) {
        let mut running = self.worker.take().expect("a worker");
        let runtime = running.runtime.take().expect("a runtime");
        running.lifecycle.stop();
        let lifecycle = running.lifecycle.clone();
        let ended = runtime.spawn(async move { lifecycle.wait(Duration::from_secs(20)).await });
        assert!(ended.await.expect("joined"), "the worker ended in order");
        runtime.shutdown_background();
    }
}
