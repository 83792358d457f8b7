//! Group commit: one task takes what has arrived while the previous batch was on its way.
//!
//! No timer: a fixed linger was slower in every case that was measured. An append that fails its guards fails
//! alone; an error that nobody foresaw replays the batch one append at a time, so that one poisonous append
//! cannot take its batch mates down.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::append::{Append, Appended, Refusal};
use crate::backend::{Backend, BackendError};
use crate::metric;

/// How much the appender takes at once.
#[derive(Clone, Copy, Debug)]
pub struct AppenderConfig {
    /// Appends per transaction, at most.
    pub max_appends: usize,
    /// Events per transaction, at most; a single larger append still goes, alone.
    pub max_events: usize,
    /// Appends that may wait; more wait in their callers.
    pub queue: usize,
}

impl Default for AppenderConfig {
    fn default() -> Self {
        Self {
            max_appends: 256,
            max_events: 2_000,
            queue: 4_096,
        }
    }
}

/// Why nothing can be said to be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// A guard does not hold; nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database went away; it is unknown whether anything was written.
    #[error("the ledger is unavailable")]
    Unavailable(#[source] Arc<BackendError>),
    /// The database failed on this append; nothing was written.
    #[error("the ledger failed")]
    Failed(#[source] Arc<BackendError>),
    /// The process is stopping; nothing was written.
    #[error("the ledger is closed")]
    Closed,
}

type After = Box<dyn FnOnce(&Appended) + Send>;
type Answer = Result<Appended, AppendError>;

struct Waiting {
    append: Append,
    after: Option<After>,
    answer: oneshot::Sender<Answer>,
}

enum Message {
    Append(Box<Waiting>),
    Close(oneshot::Sender<()>),
}

/// The way to the appender's task.
#[derive(Clone)]
pub struct Appender {
    sender: mpsc::Sender<Message>,
}

impl Appender {
    /// Starts the task.
    pub fn start(backend: Arc<dyn Backend>, config: AppenderConfig) -> Self {
        let (sender, receiver) = mpsc::channel(config.queue.max(1));
        tokio::spawn(run(backend, config, receiver));
        Self { sender }
    }

    /// Hands in an append and waits for its commit.
    pub async fn append(&self, append: Append, after: Option<After>) -> Answer {
        let events = append.events.len();
        let (answer, result) = oneshot::channel();
        let waiting = Box::new(Waiting {
            append,
            after,
            answer,
        });
        if self.sender.send(Message::Append(waiting)).await.is_err() {
            return Err(AppendError::Closed);
        }
        // The target of spans that are traced; elsewhere it costs a look at a flag.
        let span = tracing::info_span!(target: "trace", "db.events.append", otel.kind = "client", events);
        result.instrument(span).await.unwrap_or(Err(AppendError::Closed))
    }

    /// Waits for what was handed in, then stops the task.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.sender.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

async fn run(backend: Arc<dyn Backend>, config: AppenderConfig, mut receiver: mpsc::Receiver<Message>) {
    let mut held: Option<Box<Waiting>> = None;
    loop {
        let first = match held.take() {
            Some(waiting) => waiting,
            None => match receiver.recv().await {
                None => return,
                Some(Message::Append(waiting)) => waiting,
                Some(Message::Close(done)) => {
                    receiver.close();
                    let _ = done.send(());
                    return;
                }
            },
        };
        let mut events = first.append.events.len();
        let mut batch = vec![*first];
        let mut closing = None;
        while batch.len() < config.max_appends {
            match receiver.try_recv() {
                Ok(Message::Append(waiting)) => {
                    events += waiting.append.events.len();
                    if events > config.max_events {
                        held = Some(waiting);
                        break;
                    }
                    batch.push(*waiting);
                }
                Ok(Message::Close(done)) => {
                    closing = Some(done);
                    break;
                }
                Err(_) => break,
            }
        }
        commit(&*backend, batch).await;
        if let Some(done) = closing {
            receiver.close();
            if let Some(waiting) = held.take() {
                commit(&*backend, vec![*waiting]).await;
            }
            let _ = done.send(());
            return;
        }
    }
}

async fn commit(backend: &dyn Backend, batch: Vec<Waiting>) {
    let started = Instant::now();
    let mut appends = Vec::with_capacity(batch.len());
    let mut callers = Vec::with_capacity(batch.len());
    for waiting in batch {
        appends.push(waiting.append);
        callers.push((waiting.after, waiting.answer));
    }
    match backend.append_batch(&appends).await {
        Ok(results) => {
            for ((after, answer), result) in callers.into_iter().zip(results) {
                tell(after, answer, result.map_err(AppendError::Refused));
            }
        }
        Err(BackendError::Unavailable(source)) => {
            let error = Arc::new(BackendError::Unavailable(source));
            tracing::warn!(error = %chain(&*error), "ledger unavailable, {} appends failed", callers.len());
            for (after, answer) in callers {
                tell(after, answer, Err(AppendError::Unavailable(Arc::clone(&error))));
            }
        }
        Err(error) => {
            tracing::error!(error = %chain(&error), "ledger batch of {} failed, replaying one by one", callers.len());
            for (append, (after, answer)) in appends.iter().zip(callers) {
                tell(after, answer, alone(backend, append).await);
            }
        }
    }
    metric::committed(appends.len(), started.elapsed());
}

async fn alone(backend: &dyn Backend, append: &Append) -> Answer {
    match backend.append_batch(std::slice::from_ref(append)).await {
        Ok(mut results) => match results.pop() {
            Some(result) => result.map_err(AppendError::Refused),
            None => Err(AppendError::Closed),
        },
        Err(error @ BackendError::Unavailable(_)) => Err(AppendError::Unavailable(Arc::new(error))),
        Err(error) => {
            tracing::error!(error = %chain(&error), "an append failed");
            Err(AppendError::Failed(Arc::new(error)))
        }
    }
}

fn tell(after: Option<After>, answer: oneshot::Sender<Answer>, result: Answer) {
    metric::ended(&result);
    if let (Ok(appended), Some(after)) = (&result, after) {
        after(appended);
    }
    // The caller may have gone away; what is committed stays committed.
    let _ = answer.send(result);
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
