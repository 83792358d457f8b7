//! What is kept, and for how long.

use std::time::Duration;

use bytes::Bytes;
use domain::{StoreId, TenantId};
use uuid::Uuid;

use super::place::version;
use super::{Fixture, Place, Source, area};
use crate::{Area, Content, Entry, Key, Policy, State, Topic};

const HOUR: Duration = Duration::from_hours(1);

pub async fn what_was_fetched_is_answered_until_its_time_is_over(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    assert_eq!(place.shows(&source).await, (1, State::Miss));
    source.change();
    place.advance(Duration::from_millis(14_999));
    assert_eq!(place.shows(&source).await, (1, State::Hit));
    place.advance(Duration::from_millis(1));
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    assert_eq!(source.begun(), 2);
}

pub async fn entries_are_kept_apart(fixture: &dyn Fixture) {
    let place = Place::over(fixture.open().await);
    let (a, b) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let areas = [
        Area::new(TenantId(a), StoreId(a), Topic::Order("1".parse().unwrap())),
        Area::new(TenantId(b), StoreId(a), Topic::Order("1".parse().unwrap())),
        Area::new(TenantId(a), StoreId(b), Topic::Order("1".parse().unwrap())),
        Area::new(TenantId(a), StoreId(a), Topic::Order("11".parse().unwrap())),
        Area::new(TenantId(a), StoreId(a), Topic::Item("1".to_owned())),
        Area::new(TenantId(a), StoreId(a), Topic::Orders),
        Area::new(TenantId(a), StoreId(a), Topic::Items),
        Area::new(TenantId(a), StoreId(a), Topic::Store),
    ];
    let source = Source::open();
    let mut shown = Vec::new();
    for _ in 0..2 {
        for area in &areas {
            for query in ["", "1", "limit=1"] {
                source.change();
                let read = place.read_as(area, query, Policy::new(HOUR), &source).await;
                shown.push(version(&read.unwrap()));
            }
        }
    }
    let each = (2..2 + areas.len() as u64 * 3).collect::<Vec<_>>();
    assert_eq!(shown, [each.clone(), each].concat());
}

pub async fn an_answer_comes_back_whole(fixture: &dyn Fixture) {
    let place = Place::over(fixture.open().await);
    let long: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let contents = [
        (Bytes::from_static(b"{}"), None),
        (Bytes::new(), Some(String::new())),
        (Bytes::from(long), Some("\"a tag\"".to_owned())),
    ];
    for (index, (body, etag)) in contents.into_iter().enumerate() {
        let content = Content { body, etag };
        let query = format!("q={index} ä");
        for state in [State::Miss, State::Hit] {
            let fetched = content.clone();
            let read = place
                .cache
                .read(&area(), &query, Policy::new(HOUR), || async move {
                    Ok::<_, super::Failure>(fetched)
                })
                .await
                .unwrap();
            assert_eq!((read.state, &read.content), (state, &content));
        }
    }
}

pub async fn a_time_of_zero_keeps_nothing(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    for _ in 0..2 {
        let read = place
            .read_as(&area(), "", Policy::new(Duration::ZERO), &source)
            .await;
        assert_eq!(read.unwrap().state, State::Miss);
    }
    assert_eq!(place.shows(&source).await, (1, State::Miss));
}

pub async fn the_age_counts_from_the_beginning_of_the_fetch(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::held());
    let read = async {
        let cached = place.read(&source).await.unwrap();
        assert_eq!((cached.state, cached.age), (State::Miss, Duration::ZERO));
    };
    let slow = async {
        source.has_begun(1).await;
        place.advance(Duration::from_secs(4));
        source.let_go(1);
    };
    tokio::join!(read, slow);
    place.advance(Duration::from_secs(1));
    let cached = place.read(&source).await.unwrap();
    assert_eq!((cached.state, cached.age), (State::Hit, Duration::from_secs(5)));
}

pub async fn an_entry_of_a_clock_that_is_ahead_is_none(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    place.shows(&source).await;
    place.rewind(Duration::from_mins(1));
    assert_eq!(place.shows(&source).await, (1, State::Miss));
}

pub async fn an_older_answer_does_not_replace_a_newer_one(fixture: &dyn Fixture) {
    let (place, source) = (Place::over(fixture.open().await), Source::open());
    let (area, older) = (area(), place.now());
    let key = Key {
        area: &area,
        query: "",
    };
    let generation = place.backend.look(&key).await.unwrap().generation;
    place.advance(Duration::from_millis(1));
    for (fetched_at, body) in [(place.now(), "7"), (older, "6")] {
        let content = Content {
            body: Bytes::from_static(body.as_bytes()),
            etag: None,
        };
        let entry = Entry { content, fetched_at };
        place.backend.fill(&key, generation, entry, HOUR).await.unwrap();
    }
    assert_eq!(place.shows(&source).await, (7, State::Hit));
}

pub async fn a_usable_backend_answers_a_ping(fixture: &dyn Fixture) {
    let place = Place::over(fixture.open().await);
    assert_eq!(place.cache.ping().await, Ok(()));
}
