//! A cache with a clock that a test moves, and an Order Desk that it can hold up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::{OrderId, StoreId, TenantId, Timestamp};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{Area, Backend, Cache, Cached, Content, MayBeStale, Mode, Policy, State, Topic};

/// How long entries count in the suite.
const TTL: Duration = Duration::from_secs(15);

/// One order of one store.
pub fn area() -> Area {
    Area::new(
        TenantId(Uuid::from_u128(1)),
        StoreId(Uuid::from_u128(2)),
        Topic::Order("4312".parse::<OrderId>().unwrap()),
    )
}

/// A cache under test.
pub struct Place {
    pub cache: Cache,
    pub backend: Arc<dyn Backend>,
    clock: Arc<AtomicI64>,
}

impl Place {
    /// A cache over `backend`, at the time that it really is: some backends have clocks of their own.
    pub fn over(backend: Arc<dyn Backend>) -> Self {
        let begun = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let clock = Arc::new(AtomicI64::new(begun.unwrap().as_millis() as i64));
        let now = Arc::clone(&clock);
        let cache = Cache::new(
            Arc::clone(&backend),
            Arc::new(move || Timestamp::from_millis(now.load(Ordering::SeqCst))),
        );
        Self {
            cache,
            backend,
            clock,
        }
    }

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.load(Ordering::SeqCst))
    }

    pub fn advance(&self, by: Duration) {
        self.clock.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }

    /// Sets the clock back.
    pub fn rewind(&self, by: Duration) {
        self.clock.fetch_sub(by.as_millis() as i64, Ordering::SeqCst);
    }

    pub async fn read(&self, source: &Source) -> Result<Cached, Failure> {
        self.read_as(&area(), "", Policy::new(TTL), source).await
    }

    pub async fn insist(&self, source: &Source) -> Result<Cached, Failure> {
        let policy = Policy {
            mode: Mode::Bypass,
            ..Policy::new(TTL)
        };
        self.read_as(&area(), "", policy, source).await
    }

    pub async fn read_as(
        &self,
        area: &Area,
        query: &str,
        policy: Policy,
        source: &Source,
    ) -> Result<Cached, Failure> {
        let source = source.clone();
        self.cache
            .read(area, query, policy, move || async move { source.fetch().await })
            .await
    }

    pub async fn raise(&self) {
        self.cache.raise(&[area()]).await;
    }

    /// Reads, and says what is shown and where it came from.
    pub async fn shows(&self, source: &Source) -> (u64, State) {
        let cached = self.read(source).await.unwrap();
        (version(&cached), cached.state)
    }
}

/// The version that an answer shows.
pub fn version(cached: &Cached) -> u64 {
    std::str::from_utf8(&cached.content.body)
        .unwrap()
        .parse()
        .unwrap()
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Order Desk could not be asked.
    Away,
    /// It answered that there is no such thing.
    NotFound,
}

impl MayBeStale for Failure {
    fn may_be_stale(&self) -> bool {
        *self == Self::Away
    }
}

/// What is fetched: a version that a test changes. Every fetch reads the version when it begins and then waits for
/// leave, if it was told to.
#[derive(Clone)]
pub struct Source(Arc<Inside>);

struct Inside {
    version: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
    failure: std::sync::Mutex<Option<Failure>>,
    leave: Semaphore,
}

const FREE: usize = 1 << 20;

impl Source {
    /// Version 1, answered at once.
    pub fn open() -> Self {
        Self::with(FREE)
    }

    /// Version 1; each fetch waits for [`Source::let_go`].
    pub fn held() -> Self {
        Self::with(0)
    }

    fn with(permits: usize) -> Self {
        Self(Arc::new(Inside {
            version: AtomicU64::new(1),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            failure: std::sync::Mutex::new(None),
            leave: Semaphore::new(permits),
        }))
    }

    pub async fn fetch(&self) -> Result<Content, Failure> {
        let version = self.0.version.load(Ordering::SeqCst);
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        self.0.leave.acquire().await.unwrap().forget();
        self.0.ended.fetch_add(1, Ordering::SeqCst);
        let failure = *self.0.failure.lock().unwrap();
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Content {
                body: Bytes::from(version.to_string()),
                etag: None,
            }),
        }
    }

    /// Lets so many fetches end.
    pub fn let_go(&self, fetches: usize) {
        self.0.leave.add_permits(fetches);
    }

    pub fn change(&self) -> u64 {
        self.0.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub fn fail(&self, failure: impl Into<Option<Failure>>) {
        *self.0.failure.lock().unwrap() = failure.into();
    }

    /// Fetches that have begun.
    pub fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Waits until so many fetches have begun.
    pub async fn has_begun(&self, fetches: u64) {
        until(|| self.begun() >= fetches).await;
    }
}

/// Waits for a condition, a minute at most.
pub async fn until(mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "it never happened");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
