//! The connection: whether it is there, whether it works, and which one it is.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Statistics};
use futures::StreamExt;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::task::{Patience, Task};

/// How long an answer of the broker may take.
pub(crate) const ANSWER: Duration = Duration::from_secs(1);
/// Between round trips while all is well.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// Between looks while it is not.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the last look at the connection showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Connections made so far: the number of the present one.
    connection: u64,
    /// Whether a round trip over it has come back.
    live: bool,
}

/// A link and the task that looks after it, which ends with the last that uses the link.
pub(crate) struct WatchedLink {
    link: Arc<Link>,
    _watch: Task,
}

impl WatchedLink {
    /// Begins to look after the connection; `changed` makes it look at once.
    pub(crate) fn new(client: Client, echo: String, changed: Arc<Notify>) -> Self {
        let link = Arc::new(Link::new(client, echo));
        Self {
            _watch: Task::spawn(Arc::clone(&link).watch(changed)),
            link,
        }
    }
}

impl Deref for WatchedLink {
    type Target = Link;

    fn deref(&self) -> &Link {
        &self.link
    }
}

/// One process's connection to the broker.
pub(crate) struct Link {
    pub(crate) client: Client,
    statistics: Arc<Statistics>,
    echo: String,
    seen: watch::Sender<Seen>,
}

impl Link {
    fn new(client: Client, echo: String) -> Self {
        Self {
            statistics: client.statistics(),
            client,
            echo,
            seen: watch::Sender::default(),
        }
    }

    /// Whether there is a connection; it may be dead without knowing it.
    pub(crate) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Whether what is subscribed arrives. The server handles what comes over one connection in its order, so a round
    /// trip proves the subscriptions before it.
    pub(crate) fn is_live(&self) -> bool {
        let seen = *self.seen.borrow();
        seen.live && self.is_connected() && seen.connection == self.connection()
    }

    /// Waits until the connection works; its number.
    pub(crate) async fn up(&self) -> u64 {
        let mut seen = self.seen.subscribe();
        let live = seen.wait_for(|seen| seen.live).await;
        live.expect("the sender lives in self").connection
    }

    /// Waits until there is another connection than that one: the server may have started anew, and empty.
    pub(crate) async fn replaced(&self, connection: u64) {
        let mut seen = self.seen.subscribe();
        let other = seen
            .wait_for(|seen| seen.live && seen.connection != connection)
            .await;
        other.expect("the sender lives in self");
    }

    /// Waits for the next attempt at what failed on a connection; a new connection is tried at once.
    pub(crate) async fn pause(&self, patience: &mut Patience, connection: u64) {
        tokio::select! {
            () = patience.pause() => return,
            () = self.replaced(connection) => {}
        }
        patience.restore();
    }

    /// Sends something to itself and waits until it comes back.
    ///
    /// Not a question that nobody answers: whoever listens to everything would keep the server from saying so.
    pub(crate) async fn round_trip(&self) -> bool {
        if !self.is_connected() {
            return false;
        }
        let there_and_back = async {
            let subject = format!("{}.{}", self.echo, Uuid::new_v4().simple());
            let mut heard = self.client.subscribe(subject.clone()).await.ok()?;
            self.client.publish(subject, "".into()).await.ok()?;
            heard.next().await
        };
        matches!(tokio::time::timeout(ANSWER, there_and_back).await, Ok(Some(_)))
    }

    async fn watch(self: Arc<Self>, changed: Arc<Notify>) {
        loop {
            let connection = self.connection();
            let live = self.round_trip().await && connection == self.connection();
            self.note(Seen { connection, live });
            let next = Instant::now() + if live { PROBE_EVERY } else { LOOK_EVERY };
            tokio::select! {
                () = changed.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    fn note(&self, now: Seen) {
        let before = self.seen.send_replace(now);
        match (before.live, now.live) {
            (false, true) => tracing::info!(nats.connection = now.connection, "NATS is there"),
            (true, false) => tracing::warn!(nats.connection = now.connection, "NATS does not answer"),
            (true, true) if before.connection != now.connection => {
                tracing::info!(nats.connection = now.connection, "NATS is there again");
            }
            _ => {}
        }
    }

    fn connection(&self) -> u64 {
        self.statistics.connects.load(Ordering::Relaxed)
    }
}
