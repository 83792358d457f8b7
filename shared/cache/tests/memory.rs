//! The memory backend: what every backend must do, and its bounds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache::conformance::{Fixture, Place, area};
use cache::{Area, Backend, Content, Entry, Key, MemoryBackend, Topic};

struct Memory(Arc<MemoryBackend>);

#[async_trait]
impl Fixture for Memory {
    async fn open(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.0) as Arc<dyn Backend>
    }
}

async fn fresh() -> impl Fixture {
    Memory(Arc::new(MemoryBackend::default()))
}

cache::conformance_tests!(fresh);

const MIB: usize = 1 << 20;

/// Keeps an answer of so many bytes for an area.
async fn fill(backend: &MemoryBackend, area: &Area, bytes: usize, at: &Place) {
    let key = Key { area, query: "" };
    let generation = backend.look(&key).await.expect("a generation").generation;
    let content = Content {
        body: Bytes::from(vec![b'x'; bytes]),
        etag: None,
    };
    let fetched_at = at.now();
    let entry = Entry { content, fetched_at };
    let minute = Duration::from_mins(1);
    backend
        .fill(&key, generation, entry, minute)
        .await
        .expect("memory is there");
}

#[tokio::test]
async fn no_more_is_kept_than_was_said() {
    let backend = Arc::new(MemoryBackend::new(8 * MIB as u64));
    let place = Place::over(Arc::clone(&backend) as Arc<dyn Backend>);
    let mut most = 0;
    for number in 0..400_u32 {
        let topic = Topic::Order(number.to_string().parse().unwrap());
        fill(&backend, &Area { topic, ..area() }, MIB / 4, &place).await;
        most = most.max(backend.settled().bytes);
    }
    assert!(most <= 8 * MIB as u64, "{most}");
    assert!(backend.settled().entries >= 16);
}

#[tokio::test]
async fn an_answer_that_would_drive_out_the_others_is_not_kept() {
    let backend = Arc::new(MemoryBackend::new(8 * MIB as u64));
    let place = Place::over(Arc::clone(&backend) as Arc<dyn Backend>);
    for (bytes, entries) in [(MIB + 1, 0), (MIB - 1_000, 1)] {
        fill(&backend, &area(), bytes, &place).await;
        assert_eq!(backend.settled().entries, entries);
    }
}

#[tokio::test]
async fn small_entries_count_with_their_keys() {
    let backend = Arc::new(MemoryBackend::new(MIB as u64));
    let place = Place::over(Arc::clone(&backend) as Arc<dyn Backend>);
    for number in 0..20_000_u32 {
        let topic = Topic::Item(number.to_string());
        fill(&backend, &Area { topic, ..area() }, 2, &place).await;
    }
    assert!(backend.settled().entries <= MIB as u64 / 300);
}
