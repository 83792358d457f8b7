//! Several processes write while another reads: what it has seen is complete and final.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Fixture, audit, sample};
use crate::{Backend, Expected, Recorded, Stream};

const DEADLINE: Duration = Duration::from_mins(1);
const WRITERS: usize = 4;
const ROUNDS: i64 = 25;

/// Appends batches of several, some of which fight over one stream and some of which must fail.
async fn write(backend: Arc<dyn Backend>, place: sample::Place, seed: i64) -> usize {
    let contested = Stream::Order(place.store.id, "1".parse().unwrap());
    let mut landed = 0;
    for round in 0..ROUNDS {
        let version = backend.stream_after(&contested, 0, 10_000).await.unwrap().len() as u64;
        // Clocks of several machines: none agrees with another.
        let now = sample::at(round * 7 + seed * 1_000);
        let mut batch = vec![sample::submit(&place.store, Some("1"), now).0];
        let mut fought = sample::append(now);
        sample::add_image(&mut fought, &place.store, "1", "digest");
        fought.events[0].expected = Expected::Version(version);
        batch.push(fought);
        let (mut poison, _) = sample::submit(&place.store, Some("2"), now);
        poison.events.extend(batch[0].events.clone());
        batch.push(poison);
        batch.push(sample::submit(&place.store, None, now).0);
        let results = backend.append_batch(&batch).await.unwrap();
        assert!(results[0].is_ok() && results[3].is_ok());
        assert!(results[2].is_err());
        landed += results.iter().filter(|result| result.is_ok()).count();
    }
    landed
}

async fn read(backend: Arc<dyn Backend>, writing: Arc<AtomicUsize>) -> Vec<Recorded> {
    let started = Instant::now();
    let mut seen: Vec<Recorded> = Vec::new();
    loop {
        let done = writing.load(Ordering::SeqCst) == 0;
        let head = backend.head().await.unwrap().position;
        let page = backend.events_after(seen.len() as u64, 7).await.unwrap();
        for row in &page {
            assert_eq!(
                row.position,
                seen.len() as u64 + 1,
                "a reader that polls never skips"
            );
            seen.push(row.clone());
        }
        assert!(
            page.len() == 7 || seen.len() as u64 >= head,
            "the head is never ahead of what can be read"
        );
        if done && page.is_empty() {
            return seen;
        }
        assert!(started.elapsed() < DEADLINE, "never done");
        tokio::task::yield_now().await;
    }
}

pub async fn a_polling_reader_never_skips_what_interleaved_writers_append(fixture: &dyn Fixture) {
    let backend = fixture.open().await;
    let places = [sample::place(&*backend).await, sample::place(&*backend).await];
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let mut readers = Vec::new();
    for _ in 0..2 {
        readers.push(tokio::spawn(read(fixture.open().await, Arc::clone(&writing))));
    }
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let handle = fixture.open().await;
        let (place, writing) = (places[n % 2].clone(), Arc::clone(&writing));
        writers.push(tokio::spawn(async move {
            let landed = write(handle, place, n as i64).await;
            writing.fetch_sub(1, Ordering::SeqCst);
            landed
        }));
    }
    let mut landed = 6;
    for writer in writers {
        landed += writer.await.unwrap();
    }
    let log = audit::log(&*backend).await;
    assert_eq!(log.len(), landed);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), log, "what was seen is final");
    }
    audit::whole(&*backend).await;
}
