//! What happens to a write when a connection that was kept alive is dropped: by the library alone, and by ours.

use std::sync::Mutex;

use orderdesk::{CannotKnow, Doubt, Failure, Guard};

use crate::upstream::{Act, Seen, Upstream, credentials, order, success};

/// Answers the first request of the test and keeps the connection, reads the second and drops it.
fn drops_the_second() -> impl Fn(&Seen) -> Act + Send + Sync + 'static {
    let count = Mutex::new(0);
    move |_| {
        let mut count = count.lock().expect("no panic inside");
        *count += 1;
        if *count == 2 {
            Act::Close
        } else {
            Act::Answer(success())
        }
    }
}

#[tokio::test]
async fn reqwest_reuses_a_connection_and_cannot_tell_whether_a_dropped_put_was_written() {
    let server = Upstream::start(drops_the_second()).await;
    let client = server.client();
    let url = format!("{}/orders/1", client.config().base_url);
    install_provider();
    let library = reqwest::Client::builder().no_proxy().build().expect("a client");
    assert!(
        library
            .put(&url)
            .body("{}")
            .send()
            .await
            .expect("an answer")
            .bytes()
            .await
            .is_ok()
    );
    let error = library.put(&url).body("{}").send().await.expect_err("dropped");
    // It did not repeat what it had begun to write, and says nothing that would tell this from a stale connection.
    assert!(error.is_request() && !error.is_connect() && !error.is_timeout());
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0], "both went over the same connection");
}

#[tokio::test]
async fn reqwest_hides_that_a_connection_was_stale() {
    // Closed by the server while idle: the library notices or not, in time or not, and takes another by itself.
    let server = Upstream::start(|_| Act::Last(success())).await;
    let url = format!("{}/orders/1", server.client().config().base_url);
    install_provider();
    let library = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut doubts = 0;
    for _ in 0..50 {
        match library.put(&url).body("{}").send().await {
            Ok(answer) => drop(answer.bytes().await),
            Err(error) => {
                assert!(!error.is_connect(), "nothing that proves that it was not written");
                doubts += 1;
            }
        }
    }
    // How many of these end in doubt is a race, which is why our writes do not take part in it.
    assert_eq!(server.seen().len() + doubts, 50);
}

#[tokio::test]
async fn our_put_is_sent_once_when_it_is_dropped_and_has_a_connection_of_its_own() {
    let server = Upstream::start(drops_the_second()).await;
    let client = server.client();
    let (credentials, order) = (credentials(), order());
    let put = || client.put_order(&credentials, "1", &order, Guard::default());
    assert!(put().await.is_ok());
    let error = put().await.expect_err("dropped");
    assert_eq!(
        error.failure(),
        Failure::InDoubt(Doubt::CannotKnow(CannotKnow::Broken))
    );
    assert!(put().await.is_ok());
    let connections: Vec<_> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(
        connections,
        [0, 1, 2],
        "three writes, three arrivals, three connections"
    );
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.head.contains("connection: close"))
    );
}

#[tokio::test]
async fn our_puts_never_meet_a_stale_connection() {
    let server = Upstream::start(|_| Act::Last(success())).await;
    let client = server.client();
    for _ in 0..50 {
        client
            .put_order(&credentials(), "1", &order(), Guard::default())
            .await
            .expect("no doubt at all");
    }
    assert_eq!(server.seen().len(), 50);
}

#[tokio::test]
async fn reads_share_a_connection_with_reads_but_never_with_writes() {
    let server = Upstream::answering(success()).await;
    let client = server.client();
    for _ in 0..3 {
        client.get_order(&credentials(), "1").await.expect("an order");
        client
            .put_order(&credentials(), "1", &order(), Guard::default())
            .await
            .expect("written");
    }
    let of = |method: &str| {
        let seen = server.seen();
        seen.into_iter()
            .filter(|seen| seen.method == method)
            .map(|seen| seen.connection)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("GET"), [0, 0, 0]);
    assert_eq!(of("PUT"), [1, 2, 3]);
}

/// The plain library wants a process-wide provider of cryptography even for `http`.
fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
