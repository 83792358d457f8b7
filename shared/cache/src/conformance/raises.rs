//! Forgetting.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::place::version;
use super::{Fixture, Place, Source, area};
use crate::{Area, Content, Entry, Key, Policy, State, Topic};

pub async fn a_raise_forgets_its_areas_and_no_other(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    let policy = Policy::new(Duration::from_mins(1));
    let area = |topic| Area { topic, ..area() };
    let forgotten = [area(Topic::Orders), area(Topic::Order("1".parse().unwrap()))];
    let kept = [area(Topic::Items), area(Topic::Order("2".parse().unwrap()))];
    for area in forgotten.iter().chain(&kept) {
        for query in ["a", "b"] {
            place.read_as(area, query, policy, &source).await.unwrap();
        }
    }
    place.cache.raise(&forgotten).await;
    for (areas, state) in [(&forgotten, State::Miss), (&kept, State::Hit)] {
        for area in areas {
            for query in ["a", "b"] {
                let read = place.read_as(area, query, policy, &source).await.unwrap();
                assert_eq!(read.state, state, "{area:?}");
            }
        }
    }
}

pub async fn a_raise_of_another_process_is_seen_at_once(fixture: &dyn Fixture) {
    let (place, other) = (
        Place::over(fixture.open().await),
        Place::over(fixture.open().await),
    );
    let source = Source::open();
    place.shows(&source).await;
    assert_eq!(other.shows(&source).await, (1, State::Hit));
    source.change();
    other.raise().await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

pub async fn a_fetch_from_before_a_raise_is_not_kept(fixture: &dyn Fixture) {
    let (place, other) = (
        Place::over(fixture.open().await),
        Place::over(fixture.open().await),
    );
    for raiser in [&place, &other] {
        let source = Source::held();
        let read = place.read(&source);
        let change = async {
            source.has_begun(1).await;
            source.change();
            raiser.raise().await;
            source.let_go(1);
        };
        let (read, ()) = tokio::join!(read, change);
        assert_eq!(version(&read.unwrap()), 1);
        source.let_go(1);
        assert_eq!(place.shows(&source).await, (2, State::Miss));
        place.raise().await;
    }
}

pub async fn a_fill_from_before_a_raise_is_never_found(fixture: &dyn Fixture) {
    let place = Place::over(fixture.open().await);
    let area = area();
    let key = Key {
        area: &area,
        query: "",
    };
    let mut generations = Vec::new();
    for _ in 0..5 {
        generations.push(place.backend.look(&key).await.unwrap().generation);
        place.backend.raise(std::slice::from_ref(&area)).await.unwrap();
    }
    for generation in generations {
        let content = Content {
            body: Bytes::from_static(b"1"),
            etag: None,
        };
        let fetched_at = place.now();
        let entry = Entry { content, fetched_at };
        place
            .backend
            .fill(&key, generation, entry, Duration::from_mins(1))
            .await
            .unwrap();
        assert_eq!(place.backend.look(&key).await.unwrap().entry, None);
    }
}

pub async fn a_raised_area_is_kept_again(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    for round in 1..=3 {
        assert_eq!(place.shows(&source).await, (round, State::Miss));
        assert_eq!(place.shows(&source).await, (round, State::Hit));
        source.change();
        place.raise().await;
    }
}

pub async fn no_read_that_begins_after_a_raise_shows_what_was_before(fixture: &dyn Fixture) {
    const CHANGES: u64 = 300;
    let source = Source::open();
    // What every read from now on must show at least: changed, then raised.
    let raised = Arc::new(AtomicU64::new(1));
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = Vec::new();
    for _ in 0..4 {
        let place = Place::over(fixture.open().await);
        let (source, raised, over) = (source.clone(), Arc::clone(&raised), Arc::clone(&over));
        readers.push(tokio::spawn(async move {
            let mut hits = 0;
            while !over.load(Ordering::SeqCst) {
                let least = raised.load(Ordering::SeqCst);
                let (shown, state) = place.shows(&source).await;
                assert!(shown >= least, "{state:?} shows {shown} after {least} was raised");
                hits += u32::from(state == State::Hit);
                tokio::task::yield_now().await;
            }
            hits
        }));
    }
    let writer = Place::over(fixture.open().await);
    for _ in 0..CHANGES {
        let version = source.change();
        writer.raise().await;
        raised.store(version, Ordering::SeqCst);
        writer.shows(&source).await;
        tokio::task::yield_now().await;
    }
    // Some must have been answered from what was kept, or nothing was shown by all this.
    for _ in 0..3 {
        writer.shows(&source).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    over.store(true, Ordering::SeqCst);
    let mut hits = 0;
    for reader in readers {
        hits += reader.await.unwrap();
    }
    assert!(hits > 0);
}
