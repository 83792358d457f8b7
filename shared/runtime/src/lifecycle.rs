//! Starting, draining and stopping a process in two stages.
//!
//! The first SIGTERM or SIGINT drains: readiness turns false, intake stops, work in hand ends. A second one, or
//! the end of the grace, aborts. A task that ends unasked takes the process down with a failing exit code.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The signals that ask a process to stop, heeded from their installation on.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Installs them. To be done before anything that takes time: the first process of a container is not even
    /// ended by a signal that it does not handle.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one that arrives; those of one kind that arrive together count as one.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Owns every long-lived task of a process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    drain: CancellationToken,
    abort: CancellationToken,
    tasks: TaskTracker,
    failed: Arc<AtomicBool>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// A lifecycle with no tasks yet.
    pub fn new() -> Self {
        Self {
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
            failed: Arc::new(AtomicBool::new(false)),
        }
    }

    /// Runs until the process is asked to drain.
    pub fn draining(&self) -> CancellationToken {
        self.drain.clone()
    }

    /// Runs until everything must end at once.
    pub fn aborting(&self) -> CancellationToken {
        self.abort.clone()
    }

    /// Whether the process is draining.
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Asks the process to drain.
    pub fn stop(&self) {
        self.drain.cancel();
    }

    /// Runs a task that lasts as long as the process. It must end by itself after [`Lifecycle::draining`]; it is
    /// dropped when the process aborts; if it ends before, the process drains and fails.
    pub fn spawn<F>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
    {
        let this = self.clone();
        self.tasks.spawn(async move {
            let inner = tokio::spawn(task);
            let stop = inner.abort_handle();
            let outcome = tokio::select! {
                outcome = inner => outcome,
                () = this.abort.cancelled() => {
                    stop.abort();
                    return;
                }
            };
            match outcome {
                Ok(Ok(())) if this.drain.is_cancelled() => return,
                Ok(Ok(())) => tracing::error!(task = name, "a task ended unasked"),
                Ok(Err(error)) => tracing::error!(task = name, error = %error, "a task failed"),
                Err(error) if error.is_cancelled() => return,
                Err(error) => tracing::error!(task = name, error = %error, "a task panicked"),
            }
            this.failed.store(true, Ordering::SeqCst);
            this.drain.cancel();
        });
    }

    /// Waits for a signal (or [`Lifecycle::stop`]), drains for at most `grace`, and says how it went.
    pub async fn run(&self, signals: Signals, grace: Duration) -> ExitCode {
        if self.heed(signals, grace).await {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    /// As [`Lifecycle::run`], with signals that count from now on; `true` if nothing failed.
    pub async fn wait(&self, grace: Duration) -> bool {
        match Signals::install() {
            Ok(signals) => self.heed(signals, grace).await,
            Err(error) => {
                tracing::error!(error = %error, "signals cannot be handled");
                false
            }
        }
    }

    async fn heed(&self, mut signals: Signals, grace: Duration) -> bool {
        tokio::select! {
            name = signals.next() => tracing::info!("{name}: draining"),
            () = self.drain.cancelled() => {}
        }
        self.drain.cancel();
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            name = signals.next() => tracing::warn!("second {name}: stopping at once"),
            () = tokio::time::sleep(grace) => tracing::warn!("grace is over: stopping at once"),
        }
        self.abort.cancel();
        self.tasks.wait().await;
        !self.failed.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_unasked_fails_the_process() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("short", async { Ok(()) });
        assert!(!lifecycle.wait(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_task_that_drains_when_asked_does_not() {
        let lifecycle = Lifecycle::new();
        let draining = lifecycle.draining();
        lifecycle.spawn("good", async move {
            draining.cancelled().await;
            Ok(())
        });
        lifecycle.stop();
        assert!(lifecycle.wait(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_signal_that_comes_before_the_waiting_counts() {
        let signals = Signals::install().unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGTERM).unwrap();
        let lifecycle = Lifecycle::new();
        let draining = lifecycle.draining();
        lifecycle.spawn("good", async move {
            draining.cancelled().await;
            Ok(())
        });
        let running = lifecycle.run(signals, Duration::from_secs(5));
        let code = tokio::time::timeout(Duration::from_secs(10), running).await;
        assert_eq!(code.unwrap(), ExitCode::SUCCESS);
    }

    #[tokio::test]
    async fn a_task_that_hangs_is_dropped_after_the_grace() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("hanging", std::future::pending());
        lifecycle.stop();
        assert!(lifecycle.wait(Duration::from_millis(10)).await);
    }
}
