//! A look that is overtaken: what it did not find has been filled before its asker gets to fetch.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use cache::conformance::{Place, Source};
use cache::{Area, Backend, Entry, Found, Generation, Key, MemoryBackend, State, Unavailable, Usage};
use tokio::sync::Semaphore;

/// Memory whose second look takes until it is let go.
struct Slow {
    memory: MemoryBackend,
    looks: AtomicU32,
    leave: Semaphore,
}

#[async_trait]
impl Backend for Slow {
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable> {
        let found = self.memory.look(key).await;
        if self.looks.fetch_add(1, Ordering::SeqCst) == 1 {
            self.leave.acquire().await.unwrap().forget();
        }
        found
    }

    async fn fill(
        &self,
        key: &Key<'_>,
        of: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable> {
        self.memory.fill(key, of, entry, keep).await
    }

    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable> {
        self.memory.raise(areas).await
    }

    async fn ping(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn usage(&self) -> Option<Usage> {
        None
    }
}

#[tokio::test]
async fn what_was_filled_since_the_look_is_not_fetched_again() {
    let slow = Arc::new(Slow {
        memory: MemoryBackend::default(),
        looks: AtomicU32::new(0),
        leave: Semaphore::new(0),
    });
    let place = Place::over(Arc::clone(&slow) as Arc<dyn Backend>);
    let source = Source::open();
    // In one thread the first has looked and begun a flight when the second looks, and finds nothing either.
    let first = async {
        let read = place.read(&source).await;
        slow.leave.add_permits(1);
        read
    };
    let both = async { tokio::join!(first, place.read(&source)) };
    let (first, second) = tokio::time::timeout(Duration::from_mins(1), both).await.unwrap();
    assert_eq!(first.unwrap().state, State::Miss);
    assert_eq!(second.unwrap().state, State::Hit);
    assert_eq!(source.begun(), 1);
}
