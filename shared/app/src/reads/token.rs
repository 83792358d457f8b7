//! One call to Order Desk: never without a token of the store, which its partition's owner grants.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::store::{PauseReason, Store};
use moka::future::Cache;
use orderdesk::circuit::State;
use orderdesk::{Answer, CallError, CannotKnow, Circuit, Client, Credentials, Doubt, Failure};
use queue::{Grant, GrantAnswer, GrantRequest, Queue, ReadScope};
use tokio::time::Instant;
use uuid::Uuid;

use super::ReadError;
use crate::stores::Tokens;
use crate::{App, SealError};

/// How long the owner may take to answer at first; a slow one is asked again with more, up to [`MOST_PATIENCE`].
const PATIENCE: Duration = Duration::from_millis(250);
const MOST_PATIENCE: Duration = Duration::from_secs(1);
/// An owner that has been silent for so long counts as gone. One that is only slow goes on spending, and a read without
/// its consent would be one too many.
const SILENCE: Duration = Duration::from_secs(2);
/// A refusal for longer than this is passed on instead of waited for.
const WORTH_WAITING: Duration = Duration::from_secs(1);
/// Without an owner: one read in this time per process and upstream store.
const TRICKLE: Duration = Duration::from_secs(2);

/// Whose token a read needs.
pub(crate) struct Target {
    pub partition: u16,
    pub upstream_key: String,
}

impl From<&Store> for Target {
    fn from(store: &Store) -> Self {
        Self {
            partition: store.partition,
            upstream_key: store.upstream_key.clone(),
        }
    }
}

/// What a process remembers of the upstream stores that it reads from.
pub(crate) struct Pace {
    trickle: Cache<String, ()>,
    tokens: Cache<String, Tokens>,
    circuits: moka::sync::Cache<String, Line>,
}

/// Whether an upstream store answers this process's reads. Where nobody does, further ones would only make their askers
/// wait, a stale answer at hand or not.
#[derive(Clone, Default)]
struct Line {
    circuit: Arc<Mutex<Circuit>>,
    /// Whether the store's owner said last that nobody answers: then this process calls nobody and would not find out.
    told: Arc<AtomicBool>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what the owner says of it.
    fn hear(&self, outage: bool) {
        self.told.store(outage, Ordering::Relaxed);
    }

    fn answers(&self) -> bool {
        !self.told.load(Ordering::Relaxed) && self.lock().open_since().is_none()
    }

    /// Refuses while nobody answers and no probe is due.
    fn check(&self, now: Duration) -> Result<(), ReadError> {
        match self.lock().state(now) {
            State::Closed | State::ProbeDue => Ok(()),
            State::Open { next_probe } => Err(ReadError::later(next_probe.saturating_sub(now))),
        }
    }

    /// Takes the probe, if one is due.
    fn start(&self, now: Duration) -> Result<(), ReadError> {
        let started = self.lock().start(now);
        if started { Ok(()) } else { self.check(now) }
    }

    /// Takes note of how a call ended.
    fn ended(&self, failure: Option<Failure>, now: Duration) {
        let is_answer = failure.is_none_or(Failure::was_answered);
        if is_answer {
            self.lock().answered();
            self.hear(false);
        } else if failure.is_some_and(Failure::is_outage) {
            self.lock().outage(now);
        }
    }
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self {
            trickle: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(TRICKLE)
                .build(),
            tokens: Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_mins(1))
                .build(),
            circuits: moka::sync::Cache::builder()
                .max_capacity(10_000)
                .time_to_idle(Duration::from_mins(10))
                .build(),
        }
    }

    /// Whether all upstream stores that this process has read from of late answer.
    pub(crate) fn all_answer(&self) -> bool {
        self.circuits.iter().all(|(_, line)| line.answers())
    }

    pub(crate) async fn tokens(&self, upstream_key: &str) -> Option<Tokens> {
        self.tokens.get(upstream_key).await
    }

    fn line(&self, upstream_key: &str) -> Line {
        self.circuits.entry_by_ref(upstream_key).or_default().into_value()
    }

    /// Whether a read without a grant is due; if so, it is taken.
    async fn trickles(&self, upstream_key: &str) -> bool {
        self.trickle
            .entry_by_ref(upstream_key)
            .or_insert(())
            .await
            .is_fresh()
    }

    async fn saw(&self, upstream_key: &str, available: Option<u32>, observed_at: Timestamp) {
        if let Some(available) = available {
            self.tokens
                .insert(
                    upstream_key.to_owned(),
                    Tokens {
                        available,
                        observed_at,
                    },
                )
                .await;
        }
    }
}

/// A grant that is given back when dropped, wherever its read got to.
struct Held {
    queue: Arc<dyn Queue>,
    partition: u16,
    id: Uuid,
    /// By the clock that runs during suspend.
    show_until: Duration,
    /// The same moment for timers.
    deadline: Instant,
}

impl Drop for Held {
    fn drop(&mut self) {
        let (queue, partition, id) = (Arc::clone(&self.queue), self.partition, self.id);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { queue.release_grant(partition, id).await });
        }
    }
}

impl App {
    /// Makes one call for `store`, with its credentials and a token.
    pub(crate) async fn read_store<T, F, Fut>(
        &self,
        store: &Store,
        scope: ReadScope,
        call: F,
    ) -> Result<T, ReadError>
    where
        F: FnOnce(Client, Credentials) -> Fut + Send,
        Fut: Future<Output = Result<Answer<T>, CallError>> + Send,
    {
        if store.deleted_at.is_some() {
            return Err(ReadError::StoreGone);
        }
        // Each further call with a refused key would cost a token of a store that may belong to somebody else.
        if store.paused == Some(PauseReason::CredentialsRejected) {
            return Err(ReadError::CredentialsRejected);
        }
        let credentials = match self.0.seals.credentials(store).await {
            Err(SealError::KeyGone) => return Err(ReadError::StoreGone),
            credentials => credentials?,
        };
        self.read_upstream(&store.into(), scope, move |client| call(client, credentials))
            .await
    }

    /// Makes one call with a token of `target`.
    pub(crate) async fn read_upstream<T, F, Fut>(
        &self,
        target: &Target,
        scope: ReadScope,
        call: F,
    ) -> Result<T, ReadError>
    where
        F: FnOnce(Client) -> Fut + Send,
        Fut: Future<Output = Result<Answer<T>, CallError>> + Send,
    {
        let line = self.0.pace.line(&target.upstream_key);
        line.check(self.0.clock.boot())?;
        let held = self.leave(target, scope, &line).await?;
        line.start(self.0.clock.boot())?;
        let call = call(self.0.upstream.clone());
        let answer = match &held {
            None => call.await,
            // What comes later must not be shown: the owner may have begun a change meanwhile.
            Some(held) => match tokio::time::timeout_at(held.deadline, call).await {
                Ok(answer) if self.0.clock.boot() < held.show_until => answer,
                Ok(_) => return Err(ReadError::later(Duration::ZERO)),
                Err(_) => {
                    let too_late = Failure::InDoubt(Doubt::CannotKnow(CannotKnow::TimedOut));
                    line.ended(Some(too_late), self.0.clock.boot());
                    return Err(ReadError::later(Duration::ZERO));
                }
            },
        };
        line.ended(answer.as_ref().err().map(CallError::failure), self.0.clock.boot());
        let key = &target.upstream_key;
        match answer {
            Ok(answer) => {
                self.0.pace.saw(key, answer.tokens_remaining, self.now()).await;
                Ok(answer.value)
            }
            Err(error) => {
                self.0.pace.saw(key, error.tokens_remaining(), self.now()).await;
                Err(failed(&error))
            }
        }
    }

    /// Waits for a grant; none if nobody grants any and a read is due all the same.
    async fn leave(&self, target: &Target, scope: ReadScope, line: &Line) -> Result<Option<Held>, ReadError> {
        let mut request = GrantRequest {
            partition: target.partition,
            upstream_key: target.upstream_key.clone(),
            read: scope,
            interactive: true,
            patience_ms: 0,
        };
        let mut patience = PATIENCE;
        let give_up = Instant::now() + self.0.config.read_timeout;
        let mut silent_until = Instant::now() + SILENCE;
        loop {
            // Counted from before the question, so that on no account it is later than the owner counts.
            let (asked, asked_at) = (self.0.clock.boot(), Instant::now());
            request.patience_ms = patience.as_millis() as u64;
            match self.0.queue.request_grant(&request, patience).await {
                Some(GrantAnswer::Granted {
                    grant:
                        Grant {
                            id,
                            valid_ms,
                            show_within_ms,
                        },
                }) => {
                    let show_within = Duration::from_millis(show_within_ms);
                    let held = Held {
                        queue: Arc::clone(&self.0.queue),
                        partition: target.partition,
                        id,
                        show_until: asked + show_within,
                        deadline: asked_at + show_within,
                    };
                    if self.0.clock.boot().saturating_sub(asked) < Duration::from_millis(valid_ms) {
                        return Ok(Some(held));
                    }
                    if Instant::now() >= give_up {
                        return Err(ReadError::later(Duration::ZERO));
                    }
                }
                Some(GrantAnswer::Refused {
                    retry_after_ms,
                    outage,
                }) => {
                    line.hear(outage);
                    let wait = Duration::from_millis(retry_after_ms);
                    if wait > WORTH_WAITING || Instant::now() + wait >= give_up {
                        return Err(ReadError::later(wait));
                    }
                    tokio::time::sleep(wait.max(Duration::from_millis(10))).await;
                    silent_until = Instant::now() + SILENCE;
                }
                // Nobody there is told at once; this one took all the time it was given.
                None if asked_at.elapsed() >= patience && Instant::now() < silent_until.min(give_up) => {
                    patience = (patience * 2).min(MOST_PATIENCE);
                }
                None if self.0.pace.trickles(&target.upstream_key).await => return Ok(None),
                None => return Err(ReadError::later(TRICKLE)),
            }
        }
    }
}

fn failed(error: &CallError) -> ReadError {
    match error.failure() {
        Failure::NotFound => ReadError::NotFound,
        Failure::Unauthorized { .. } => ReadError::CredentialsRejected,
        Failure::Refused { status } => ReadError::Rejected {
            status,
            message: error.upstream_message().cloned(),
        },
        Failure::RateLimited { retry_after } => ReadError::later(retry_after),
        Failure::NotSent(_) | Failure::InDoubt(_) => ReadError::later(TRICKLE),
    }
}
