//! A teller in a runtime of its own, so that a test can end it as a crash would.

use std::sync::Arc;
use std::time::Duration;

use ::worker::webhooks::{Teller, TellerParts};
use ledger::{AppenderConfig, Ledger};
use runtime::Lifecycle;
use tokio::runtime::Runtime;
use webhook::{RetrySchedule, Sender, SenderConfig};

use super::town::{Town, app};

/// A running teller, in a runtime of its own, so that it can be killed.
pub struct Running {
    runtime: Option<Runtime>,
    lifecycle: Lifecycle,
}

impl Town {
    /// Starts a teller with connections of its own to the ledger.
    pub async fn teller(&self) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let lifecycle = Lifecycle::new();
        let started = lifecycle.clone();
        let database = self.database.clone();
        let (queue, clock, keyring) = (
            Arc::clone(&self.queue),
            Arc::clone(&self.clock),
            Arc::clone(&self.keyring),
        );
        let (config, waits) = (self.config.clone(), self.waits.clone());
        let mut sending = SenderConfig::new(vec!["127.0.0.0/8".parse().expect("a net")]);
        sending.timeout = self.timeout;
        runtime
            .spawn(async move {
                let ledger = Ledger::start(database.open().await, AppenderConfig::default());
                let app = app(&ledger, &queue, &clock, &keyring);
                let teller = Teller::new(TellerParts {
                    ledger,
                    queue,
                    clock,
                    app,
                    render: api::webhook_data,
                    sender: Sender::new(sending).expect("a sender"),
                    schedule: RetrySchedule::new(waits),
                    config,
                });
                teller.run(&started);
            })
            .await
            .expect("started");
        Running {
            runtime: Some(runtime),
            lifecycle,
        }
    }
}

impl Running {
    /// Ends the teller wherever it is: nothing is handed over.
    pub async fn kill(mut self) {
        let runtime = self.runtime.take().expect("a runtime");
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(10)))
            .await
            .expect("the runtime ends");
    }

    /// Asks it to give back what it holds and end, and waits until it has.
    pub async fn stop(mut self) {
        let runtime = self.runtime.take().expect("a runtime");
        let lifecycle = self.lifecycle.clone();
        lifecycle.stop();
        let ended = runtime.spawn(async move { lifecycle.wait(Duration::from_secs(20)).await });
        assert!(ended.await.expect("joined"), "the teller ended in order");
        runtime.shutdown_background();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
