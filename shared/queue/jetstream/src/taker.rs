//! Takes the hints of one partition. No task: it works while somebody awaits the next hint, and ends when dropped.

use std::error::Error;
use std::sync::Arc;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull;
use futures::{FutureExt, StreamExt, stream};
use queue::{Hint, Hints};

use crate::link::{ANSWER, WatchedLink};
use crate::store::Store;
use crate::task::Patience;

/// The hints of a partition, over all reconnections.
pub(crate) fn hints(link: Arc<WatchedLink>, store: Arc<Store>, partition: u16) -> Hints {
    let taker = Taker {
        link,
        store,
        partition,
        open: None,
        patience: Patience::default(),
    };
    stream::unfold(taker, async |mut taker| Some((taker.next().await, taker))).boxed()
}

struct Taker {
    link: Arc<WatchedLink>,
    store: Arc<Store>,
    partition: u16,
    open: Option<Open>,
    patience: Patience,
}

/// What delivers hints, and the connection it belongs to.
struct Open {
    messages: pull::Stream,
    connection: u64,
}

impl Taker {
    async fn next(&mut self) -> Hint {
        loop {
            let Some(open) = &mut self.open else {
                self.open().await;
                continue;
            };
            let message = tokio::select! {
                message = open.messages.next() => message,
                // A stream would find out by itself that the server has forgotten it, but late.
                () = self.link.replaced(open.connection) => {
                    self.open = None;
                    self.patience.restore();
                    continue;
                }
            };
            match message {
                Some(Ok(message)) => {
                    self.patience.restore();
                    if let Some(hint) = newest(message, &mut open.messages, self.partition).await {
                        return hint;
                    }
                }
                ended => {
                    let reason = ended.and_then(Result::err).map(|error| error.to_string());
                    tracing::debug!(partition = self.partition, reason, "asking for hints anew");
                    let connection = open.connection;
                    self.open = None;
                    self.link.pause(&mut self.patience, connection).await;
                }
            }
        }
    }

    async fn open(&mut self) {
        let connection = self.link.up().await;
        match self.store.open(connection, self.partition).await {
            Ok(messages) => self.open = Some(Open { messages, connection }),
            Err(error) => {
                tracing::debug!(
                    partition = self.partition,
                    error = &error as &dyn Error,
                    "hints have to be asked for again"
                );
                self.link.pause(&mut self.patience, connection).await;
            }
        }
    }
}

/// Acknowledges a message and all that are here already; the newest hint of them.
async fn newest(first: Message, messages: &mut pull::Stream, partition: u16) -> Option<Hint> {
    let mut newest = None;
    let mut message = Some(first);
    while let Some(taken) = message {
        // An acknowledgement that gets lost brings the hint once more, which is harmless.
        let _ = tokio::time::timeout(ANSWER, taken.ack()).await;
        let hint = serde_json::from_slice::<Hint>(&taken.payload).ok();
        newest = newest.max(
            hint.filter(|hint| hint.partition == partition)
                .map(|hint| hint.position),
        );
        message = messages.next().now_or_never().flatten().and_then(Result::ok);
    }
    newest.map(|position| Hint { partition, position })
}
