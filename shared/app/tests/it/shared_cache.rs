//! A cache that several processes share, and a worker that could not tell it.

use std::sync::Arc;
use std::time::Duration;

use app::{CacheState, ReadOptions};
use async_trait::async_trait;
use cache::{Area, Backend, Cache, Entry, Found, Generation, Key, MemoryBackend, Unavailable, Usage};
use domain::job::ErrorCode;
use queue::Queue as _;
use serde_json::json;

use crate::place::{KEY, Owner, Place, note};

/// What one process keeps in memory, as if all saw it.
struct Common(MemoryBackend);

#[async_trait]
impl Backend for Common {
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable> {
        self.0.look(key).await
    }

    async fn fill(
        &self,
        key: &Key<'_>,
        generation: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable> {
        self.0.fill(key, generation, entry, keep).await
    }

    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable> {
        self.0.raise(areas).await
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        self.0.ping().await
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}

#[tokio::test]
async fn whoever_shows_an_end_has_everybody_forget_what_was_before_it() {
    let place = Place::new().await;
    let (caller, store) = place.store(KEY).await;
    let order = place.desk.put_order("101", json!({})).unwrap();
    let id = order.parse().unwrap();
    let _serving = place
        .queue
        .serve_grants(store.partition, Owner::generous(60_000))
        .await;
    let common: Arc<dyn Backend> = Arc::new(Common(MemoryBackend::default()));
    let process = || {
        let now = app::cache_time(Arc::clone(place.app.clock()));
        place.process_with(Cache::new(Arc::clone(&common), now))
    };
    let (shows, reads) = (process(), process());
    let read = async || {
        let read = reads
            .read_order(&caller, &store, &id, ReadOptions::default())
            .await;
        read.unwrap().cache
    };
    assert_eq!(read().await, CacheState::Miss);
    let job = place.submit(&caller, &store, note(&order, "n")).await;
    let running = place.begin(&job).await;
    shows.job(&caller, job.id).await.unwrap();
    assert_eq!(read().await, CacheState::Hit, "nothing has ended");
    place.fail(&running, ErrorCode::UpstreamRejected).await;
    assert_eq!(read().await, CacheState::Hit, "nobody has seen the end");
    shows.job(&caller, job.id).await.unwrap();
    assert_eq!(read().await, CacheState::Miss);
    shows.job(&caller, job.id).await.unwrap();
    assert_eq!(read().await, CacheState::Hit, "once is enough");
}
