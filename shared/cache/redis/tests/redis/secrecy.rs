//! What Redis gets to see.

use std::time::Duration;

use bytes::Bytes;
use cache::conformance::{Failure, Place, Source, area};
use cache::{Content, Policy, State};
use redis::AsyncCommands as _;
use testkit::Redis;

use crate::support::{connected, patient};

async fn connection(server: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).expect("an address");
    client
        .get_multiplexed_async_connection()
        .await
        .expect("a connection")
}

async fn everything(server: &Redis) -> Vec<(String, Vec<u8>)> {
    let mut connection = connection(server).await;
    let keys: Vec<String> = connection.keys("*").await.expect("keys");
    let mut all = Vec::new();
    for key in keys {
        let value = connection.get(&key).await.expect("a value");
        all.push((key, value));
    }
    all
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_kept_can_be_read_in_redis() {
    let redis = Redis::start_new().await;
    let place = Place::over(connected(&redis, patient()).await);
    let body = Bytes::from_static(b"{\"name\": \"Ada Lovelace\"}");
    place
        .cache
        .read(
            &area(),
            "email=ada@example.com",
            Policy::new(Duration::from_mins(1)),
            || async move {
                Ok::<_, Failure>(Content {
                    body,
                    etag: Some("\"the tag\"".to_owned()),
                })
            },
        )
        .await
        .unwrap();
    let all = everything(&redis).await;
    assert_eq!(all.len(), 3, "an epoch, an area and an entry");
    for (key, value) in all {
        for secret in ["ada", "example", "Lovelace", "the tag", "4312"] {
            assert!(!contains(key.as_bytes(), secret), "{key} names {secret}");
            assert!(!contains(&value, secret), "{key} shows {secret}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_put_in_another_ones_place_is_none() {
    let redis = Redis::start_new().await;
    let place = Place::over(connected(&redis, patient()).await);
    let source = Source::open();
    let policy = Policy::new(Duration::from_mins(1));
    for query in ["a", "b"] {
        place.read_as(&area(), query, policy, &source).await.unwrap();
        source.change();
    }
    let mut connection = connection(&redis).await;
    let entries: Vec<String> = connection.keys("*:entry:*").await.unwrap();
    let [one, other] = &entries[..] else {
        panic!("{entries:?}")
    };
    let value: Vec<u8> = connection.get(one).await.unwrap();
    connection.set::<_, _, ()>(other, value).await.unwrap();
    let mut states = Vec::new();
    for query in ["a", "b"] {
        let read = place.read_as(&area(), query, policy, &source).await.unwrap();
        states.push(read.state);
    }
    states.sort_by_key(|state| state.as_str());
    assert_eq!(states, [State::Hit, State::Miss]);
}
