//! One fetch for many.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::place::{until, version};
use super::{Failure, Fixture, Place, Source, area};
use crate::{Cached, Policy, State};

type Reading = tokio::task::JoinHandle<Result<Cached, Failure>>;

fn reading(place: &Arc<Place>, source: &Source) -> Reading {
    let (place, source) = (Arc::clone(place), source.clone());
    tokio::spawn(async move { place.read(&source).await })
}

fn insisting(place: &Arc<Place>, source: &Source) -> Reading {
    let (place, source) = (Arc::clone(place), source.clone());
    tokio::spawn(async move { place.insist(&source).await })
}

async fn held(fixture: &dyn Fixture) -> (Arc<Place>, Source) {
    (Arc::new(Place::over(fixture.open().await)), Source::held())
}

pub async fn a_hundred_concurrent_misses_make_one_fetch(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    let reads: Vec<Reading> = (0..100).map(|_| reading(&place, &source)).collect();
    source.has_begun(1).await;
    // Whoever comes while it is under way joins it, and whoever comes later finds what it brought.
    source.let_go(1);
    for read in reads {
        assert_eq!(version(&read.await.unwrap().unwrap()), 1);
    }
    assert_eq!(source.begun(), 1);
}

pub async fn a_fetch_goes_on_when_its_asker_goes_away(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    let first = reading(&place, &source);
    source.has_begun(1).await;
    let second = reading(&place, &source);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    source.let_go(1);
    assert_eq!(version(&second.await.unwrap().unwrap()), 1);
    assert_eq!(place.shows(&source).await, (1, State::Hit));
    assert_eq!(source.begun(), 1);
}

pub async fn an_error_is_shared_and_not_kept(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    source.fail(Failure::NotFound);
    let first = reading(&place, &source);
    source.has_begun(1).await;
    let others: Vec<Reading> = (0..10).map(|_| reading(&place, &source)).collect();
    source.let_go(1);
    assert_eq!(first.await.unwrap(), Err(Failure::NotFound));
    // Those who came too late for it ask again.
    source.let_go(10);
    for read in others {
        assert_eq!(read.await.unwrap(), Err(Failure::NotFound));
    }
    source.fail(None);
    source.let_go(1);
    assert_eq!(place.shows(&source).await, (1, State::Miss));
}

pub async fn those_who_ask_after_a_raise_get_a_fetch_of_their_own(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    let before = reading(&place, &source);
    source.has_begun(1).await;
    source.change();
    place.raise().await;
    let after = reading(&place, &source);
    source.has_begun(2).await;
    source.let_go(2);
    assert_eq!(version(&before.await.unwrap().unwrap()), 1);
    assert_eq!(version(&after.await.unwrap().unwrap()), 2);
    assert_eq!(place.shows(&source).await, (2, State::Hit));
}

pub async fn callers_who_insist_share_a_fetch_that_begins_after_they_asked(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    let before = reading(&place, &source);
    source.has_begun(1).await;
    source.change();
    let insisting: Vec<Reading> = (0..50).map(|_| insisting(&place, &source)).collect();
    source.let_go(1);
    assert_eq!(version(&before.await.unwrap().unwrap()), 1);
    source.let_go(50);
    for read in insisting {
        let read = read.await.unwrap().unwrap();
        assert_eq!((version(&read), read.state), (2, State::Bypass));
    }
    assert_eq!(place.shows(&source).await, (2, State::Hit));
}

pub async fn a_fetch_that_panics_takes_nobody_along(fixture: &dyn Fixture) {
    let (place, source) = held(fixture).await;
    let (begun, go) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let panicking = {
        let (place, begun, go) = (Arc::clone(&place), Arc::clone(&begun), Arc::clone(&go));
        tokio::spawn(async move {
            let fetch = move || async move {
                begun.store(true, Ordering::SeqCst);
                until(|| go.load(Ordering::SeqCst)).await;
                panic!("on purpose");
            };
            let policy = Policy::new(Duration::from_secs(15));
            place
                .cache
                .read::<Failure, _, _>(&area(), "", policy, fetch)
                .await
        })
    };
    until(|| begun.load(Ordering::SeqCst)).await;
    let other = reading(&place, &source);
    source.let_go(1);
    go.store(true, Ordering::SeqCst);
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(version(&other.await.unwrap().unwrap()), 1);
}
