//! What becomes of a raise that the file does not take.

use cache::State;
use cache::conformance::{Place, Source, Turning};

use super::*;

async fn pragma(cache: &SqliteCache, pragma: &'static str) {
    let mut connection = cache.connection.lock().await;
    sqlx::query(pragma)
        .execute(connection.as_mut().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn what_could_not_be_deleted_is_not_believed_before_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cache.db");
    let options = SqliteOptions::default();
    let cache = SqliteCache::open(&path, options, Arc::new(Turning), "7").await;
    let cache = Arc::new(cache.unwrap());
    let place = Place::over(Arc::clone(&cache) as Arc<dyn Backend>);
    let source = Source::open();
    assert_eq!(place.shows(&source).await, (1, State::Miss));
    source.change();
    pragma(&cache, "PRAGMA query_only = ON").await;
    place.raise().await;
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    assert!(place.cache.ping().await.is_err());
    cache.close(Some("7")).await;
    // The next process does not find it either.
    let cache = SqliteCache::open(&path, options, Arc::new(Turning), "7").await;
    let cache = Arc::new(cache.unwrap());
    let place = Place::over(Arc::clone(&cache) as Arc<dyn Backend>);
    assert_eq!(place.shows(&source).await, (2, State::Miss));
    source.change();
    pragma(&cache, "PRAGMA query_only = ON").await;
    place.raise().await;
    pragma(&cache, "PRAGMA query_only = OFF").await;
    assert_eq!(place.shows(&source).await, (3, State::Miss));
    assert_eq!(place.shows(&source).await, (3, State::Hit));
}
