//! The SQLite backend: what every backend must do, and what outlives a process.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache::conformance::{Failure, Fixture, Place, Source, Turning, area};
use cache::{Area, Backend, Content, Policy, State, Topic};
use cache_sqlite::{OpenError, SqliteCache, SqliteOptions};

struct File {
    cache: Arc<SqliteCache>,
    _folder: tempfile::TempDir,
}

#[async_trait]
impl Fixture for File {
    async fn open(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.cache) as Arc<dyn Backend>
    }
}

async fn fresh() -> impl Fixture {
    let folder = tempfile::tempdir().unwrap();
    let cache = Arc::new(open(&folder.path().join("cache.db"), "1").await.unwrap());
    File {
        cache,
        _folder: folder,
    }
}

cache::conformance_tests!(fresh);

async fn open(path: &Path, witness: &str) -> Result<SqliteCache, OpenError> {
    SqliteCache::open(path, SqliteOptions::default(), Arc::new(Turning), witness).await
}

/// A file with one order in it, and a place over it.
async fn filled(witness: &str) -> (tempfile::TempDir, PathBuf, Arc<SqliteCache>, Place, Source) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deeper/cache.db");
    let cache = Arc::new(open(&path, witness).await.unwrap());
    let place = Place::over(Arc::clone(&cache) as Arc<dyn Backend>);
    let source = Source::open();
    assert_eq!(place.shows(&source).await, (1, State::Miss));
    source.change();
    (folder, path, cache, place, source)
}

async fn reopened(path: &Path, witness: &str) -> Place {
    Place::over(Arc::new(open(path, witness).await.unwrap()))
}

#[tokio::test]
async fn what_is_kept_outlives_a_process_that_ends_well() {
    let (_folder, path, cache, _, source) = filled("7").await;
    cache.close(Some("8")).await;
    let place = reopened(&path, "8").await;
    assert_eq!(place.shows(&source).await, (1, State::Hit));
}

#[tokio::test]
async fn nothing_outlives_a_process_that_ends_otherwise() {
    let (_folder, path, cache, place, source) = filled("7").await;
    drop((cache, place));
    let place = eventually_reopened(&path, "7").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test]
async fn a_good_end_counts_once() {
    let (_folder, path, cache, _, source) = filled("7").await;
    cache.close(Some("7")).await;
    drop(open(&path, "7").await.unwrap());
    let place = eventually_reopened(&path, "7").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test]
async fn nothing_counts_when_the_ledger_has_gone_on_without_it() {
    let (_folder, path, cache, _, source) = filled("7").await;
    cache.close(Some("8")).await;
    let place = reopened(&path, "9").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test]
async fn what_was_raised_stays_forgotten() {
    let (_folder, path, cache, place, source) = filled("7").await;
    place.raise().await;
    cache.close(Some("8")).await;
    let place = reopened(&path, "8").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test]
async fn a_fetch_that_ends_after_a_raise_leaves_nothing_in_the_file() {
    let (_folder, path, cache, place, _) = filled("7").await;
    place.raise().await;
    let source = Source::held();
    let read = place.read(&source);
    let change = async {
        source.has_begun(1).await;
        place.raise().await;
        source.let_go(1);
    };
    assert!(tokio::join!(read, change).0.is_ok());
    assert_eq!(cache.usage().unwrap().entries, 0);
    cache.close(Some("8")).await;
    source.change();
    source.let_go(1);
    let place = reopened(&path, "8").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
}

#[tokio::test]
async fn a_closed_file_costs_the_cache_and_nothing_else() {
    let (_folder, _, cache, place, source) = filled("7").await;
    cache.close(None).await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    assert!(place.cache.ping().await.is_err());
}

#[tokio::test]
async fn a_second_process_is_refused() {
    let (_folder, path, _cache, _, _) = filled("7").await;
    assert!(matches!(open(&path, "7").await, Err(OpenError::Sqlite { .. })));
}

#[tokio::test]
async fn a_damaged_file_is_made_anew() {
    let (_folder, path, cache, _, source) = filled("7").await;
    cache.close(Some("7")).await;
    std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
    let place = reopened(&path, "7").await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    assert_eq!(place.shows(&source).await, (2, State::Hit));
}

#[tokio::test]
async fn the_file_does_not_outgrow_its_bounds() {
    const MIB: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let options = SqliteOptions { bytes: 4 * MIB };
    let cache = SqliteCache::open(&path, options, Arc::new(Turning), "7")
        .await
        .unwrap();
    let cache = Arc::new(cache);
    let place = Place::over(Arc::clone(&cache) as Arc<dyn Backend>);
    let read = async |number: u64, bytes: u64| {
        let topic = Topic::Item(number.to_string());
        let policy = Policy::new(Duration::from_hours(1));
        let body = Bytes::from(vec![b'x'; bytes as usize]);
        let fetch = move || async move { Ok::<_, Failure>(Content { body, etag: None }) };
        place.advance(Duration::from_millis(1));
        let read = place
            .cache
            .read(&Area { topic, ..area() }, "", policy, fetch)
            .await;
        read.unwrap().state
    };
    for number in 0..300 {
        read(number, MIB / 16).await;
        assert!(cache.usage().unwrap().bytes <= 4 * MIB);
    }
    assert!(cache.usage().unwrap().entries >= 40);
    assert_eq!(read(299, 1).await, State::Hit, "the last ones are kept");
    assert_eq!(read(0, 1).await, State::Miss, "the first ones are not");
    read(1_000, MIB).await;
    assert_eq!(read(1_000, MIB).await, State::Miss, "it is too large");
    cache.close(None).await;
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size <= 6 * MIB, "{size}");
}

#[tokio::test]
async fn nothing_that_is_kept_can_be_read_in_the_file() {
    let (folder, path, cache, place, _) = filled("7").await;
    let body = Bytes::from_static(b"{\"name\": \"Ada Lovelace\"}");
    let fetch = move || async move {
        Ok::<_, Failure>(Content {
            body,
            etag: Some("\"the tag\"".to_owned()),
        })
    };
    let policy = Policy::new(Duration::from_hours(1));
    let query = "email=ada@example.com";
    place.cache.read(&area(), query, policy, fetch).await.unwrap();
    cache.close(Some("7")).await;
    let mut files = 0;
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        files += 1;
        for secret in ["ada@", "example", "Lovelace", "the tag", "4312"] {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found, "{secret}");
        }
    }
    assert!(files > 0);
    drop(folder);
}

/// A dropped connection ends in a thread of its own.
async fn eventually_reopened(path: &Path, witness: &str) -> Place {
    for _ in 0..6_000 {
        match open(path, witness).await {
            Ok(cache) => return Place::over(Arc::new(cache)),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("the file stays in use");
}
