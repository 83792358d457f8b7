//! Reading through the cache, and forgetting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use domain::Timestamp;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

use crate::flight::{Boarded, Flights, Join, Landed, Route, Seat, landed};
use crate::{
    Area, Backend, Cached, Entry, Found, Generation, Generations, Key, MayBeStale, MemoryBackend, Mode,
    Policy, State, Unavailable,
};

/// Tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An entry that seems to come from further in the future than this was made by another clock, and counts as none.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);

/// A cache; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    backend: Arc<dyn Backend>,
    now: Now,
    /// Raises of this process, which hold whether or not the backend could be told.
    raised: Generations,
    flights: Flights,
}

impl Cache {
    /// A cache whose entries `backend` keeps.
    pub fn new(backend: Arc<dyn Backend>, now: Now) -> Self {
        Self(Arc::new(Inner {
            backend,
            now,
            raised: Generations::new(),
            flights: Flights::default(),
        }))
    }

    /// A cache of this process alone, as large as memory backends are by default.
    pub fn in_memory(now: Now) -> Self {
        Self::new(Arc::new(MemoryBackend::default()), now)
    }

    /// The entry `query` of `area`, kept or fetched.
    ///
    /// `query` is canonical: it distinguishes the entries of an area and nothing else. Concurrent misses make one
    /// fetch, which goes on when its asker goes away; its error is told to those who wait and is not kept. A fetch
    /// that began before a raise of the area is not kept, and nobody who asks after the raise is shown it.
    ///
    /// # Errors
    /// What `fetch` said, unless it [may be](MayBeStale) answered with an entry that is no longer fresh.
    pub async fn read<E, F, Fut>(
        &self,
        area: &Area,
        query: &str,
        policy: Policy,
        fetch: F,
    ) -> Result<Cached, E>
    where
        E: MayBeStale + Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::Content, E>> + Send + 'static,
    {
        let answer = self.answer(&Key { area, query }, policy, fetch).await;
        let state = answer.as_ref().map_or("error", |cached| cached.state.as_str());
        metrics::counter!("cache_requests_total", "topic" => area.topic.name(), "state" => state)
            .increment(1);
        answer
    }

    async fn answer<E, F, Fut>(&self, key: &Key<'_>, policy: Policy, fetch: F) -> Result<Cached, E>
    where
        E: MayBeStale + Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::Content, E>> + Send + 'static,
    {
        // The order matters: whatever is raised after this line keeps the fetch out of the cache.
        let here = self.0.raised.of(key.area);
        let found = self.0.look(key).await;
        let normal = policy.mode == Mode::Normal;
        if normal
            && let Some(entry) = found.as_ref().and_then(|found| found.entry.as_ref())
            && let Some(hit) = self.0.hit(entry, policy)
        {
            return Ok(hit);
        }
        let route = Route {
            area: key.area.clone(),
            query: key.query.into(),
            here,
            kept: found.map(|found| found.generation),
        };
        // Another process may have raised the area, and only the backend could have told.
        let is_told = route.kept.is_some() || !self.0.backend.is_shared();
        let join = if normal && is_told {
            Join::Any
        } else {
            Join::NotBegun
        };
        match self.fly(route, join, policy, fetch).await {
            (Ok(landed), is_own) => Ok(self.0.shown(landed, policy, is_own)),
            (Err(error), _) if normal && error.may_be_stale() => {
                self.0.stand_in(key, policy).await.ok_or(error)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The outcome of a flight, and whether it was the asker's own.
    async fn fly<E, F, Fut>(
        &self,
        route: Route,
        join: Join,
        policy: Policy,
        fetch: F,
    ) -> (Result<Landed, E>, bool)
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::Content, E>> + Send + 'static,
    {
        loop {
            match self.0.flights.board(&route, join) {
                Boarded::Joined(outcome) => {
                    if let Some(outcome) = landed(outcome).await {
                        return (outcome, false);
                    }
                    // It never landed, since its fetch panicked: this asker still has a fetch of its own.
                }
                Boarded::Started(seat, outcome) => {
                    let task = self.start(seat, route, policy, fetch);
                    return match landed(outcome).await {
                        Some(outcome) => (outcome, true),
                        None => crashed(task).await,
                    };
                }
            }
        }
    }

    fn start<E, F, Fut>(&self, seat: Seat<E>, route: Route, policy: Policy, fetch: F) -> JoinHandle<()>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<crate::Content, E>> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        // In a trace the call belongs to who asked first.
        let flight = async move { inner.fetch(&route, policy, fetch).await }.in_current_span();
        tokio::spawn(seat.fly(flight))
    }

    /// Forgets everything of these areas, for every process that shares the backend. Returns when that holds, or when
    /// the backend cannot be told, which is counted; then it holds at least for this process.
    pub async fn raise(&self, areas: &[Area]) {
        for area in areas {
            self.0.raised.raise(area);
        }
        if let Err(error) = self.0.backend.raise(areas).await {
            Inner::failed("raise", &error);
        }
    }

    /// Whether the backend can be used.
    ///
    /// # Errors
    /// Why not, for the operator.
    pub async fn ping(&self) -> Result<(), String> {
        self.0.backend.ping().await.map_err(|error| error.to_string())
    }

    /// Whether raises of other processes are seen here. If not, and others change what is kept here, hits must be
    /// compared with the ledger.
    pub fn is_shared(&self) -> bool {
        self.0.backend.is_shared()
    }
}

impl Inner {
    async fn look(&self, key: &Key<'_>) -> Option<Found> {
        self.backend
            .look(key)
            .await
            .inspect_err(|error| Self::failed("look", error))
            .ok()
    }

    async fn fetch<E, F, Fut>(&self, route: &Route, policy: Policy, fetch: F) -> Result<Landed, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<crate::Content, E>>,
    {
        let key = Key {
            area: &route.area,
            query: &route.query,
        };
        if policy.mode == Mode::Normal
            && let Some(kept) = self.landed_meanwhile(&key, route, policy).await
        {
            return Ok(kept);
        }
        let fetched_at = (self.now)();
        let content = fetch().await?;
        let raised = self.raised.of(&route.area) != route.here;
        if let (Some(generation), false) = (route.kept, raised || policy.ttl.is_zero()) {
            let entry = Entry {
                content: content.clone(),
                fetched_at,
            };
            self.fill(&key, generation, entry, policy.keep()).await;
        }
        Ok(Landed {
            content,
            fetched_at,
            was_kept: false,
        })
    }

    /// What another flight has filled between this one's look and its place on the board.
    async fn landed_meanwhile(&self, key: &Key<'_>, route: &Route, policy: Policy) -> Option<Landed> {
        route.kept?;
        let entry = self.look(key).await?.entry?;
        self.hit(&entry, policy)?;
        Some(Landed {
            content: entry.content,
            fetched_at: entry.fetched_at,
            was_kept: true,
        })
    }

    async fn fill(&self, key: &Key<'_>, generation: Generation, entry: Entry, keep: Duration) {
        if let Err(error) = self.backend.fill(key, generation, entry, keep).await {
            Self::failed("fill", &error);
        }
        if let Some(usage) = self.backend.usage() {
            metrics::gauge!("cache_entries").set(usage.entries as f64);
            metrics::gauge!("cache_bytes").set(usage.bytes as f64);
        }
    }

    fn hit(&self, entry: &Entry, policy: Policy) -> Option<Cached> {
        let age = self.age(entry.fetched_at)?;
        (age < policy.ttl).then(|| Cached {
            content: entry.content.clone(),
            state: State::Hit,
            age,
        })
    }

    /// What may be shown instead of an answer that could not be had; looked up anew, since it may have been raised
    /// while the fetch was trying.
    async fn stand_in(&self, key: &Key<'_>, policy: Policy) -> Option<Cached> {
        let entry = self.look(key).await?.entry?;
        let age = self.age(entry.fetched_at)?;
        let state = match age {
            age if age < policy.ttl => State::Hit,
            age if age < policy.keep() => State::Stale,
            _ => return None,
        };
        Some(Cached {
            content: entry.content,
            state,
            age,
        })
    }

    fn shown(&self, landed: Landed, policy: Policy, is_own: bool) -> Cached {
        let age = self.age(landed.fetched_at).unwrap_or_default();
        let state = match policy.mode {
            Mode::Bypass => State::Bypass,
            Mode::Normal if landed.was_kept => State::Hit,
            Mode::Normal => State::Miss,
        };
        Cached {
            content: landed.content,
            state,
            age: if is_own && !landed.was_kept {
                Duration::ZERO
            } else {
                age
            },
        }
    }

    fn age(&self, fetched_at: Timestamp) -> Option<Duration> {
        let now = (self.now)();
        (fetched_at <= now.plus(CLOCKS_DIFFER)).then(|| now.since(fetched_at))
    }

    fn failed(operation: &'static str, error: &Unavailable) {
        metrics::counter!("cache_errors_total", "operation" => operation).increment(1);
        tracing::debug!(error = %error, operation, "the cache was done without");
    }
}

/// A flight of the asker's own that never landed: its panic goes on where the asker is.
async fn crashed<T>(task: JoinHandle<()>) -> T {
    match task.await {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // Ended by the end of the runtime, which ends the asker too.
        Ok(()) | Err(_) => std::future::pending().await,
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("shared", &self.is_shared())
            .finish_non_exhaustive()
    }
}
