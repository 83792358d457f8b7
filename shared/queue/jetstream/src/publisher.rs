//! Publishes what is in the outbox.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use queue::Hint;

use crate::link::{ANSWER, Link, WatchedLink};
use crate::outbox::Outbox;
use crate::store::Store;
use crate::task::Patience;

/// Receipts awaited at a time.
const IN_FLIGHT: usize = 32;
/// Between two rounds: with thousands of commits a second, a round then carries the hints of several.
const ROUND_PAUSE: Duration = Duration::from_millis(2);

/// Publishes for ever; once the outbox is closed, what is left in a second, and no more.
pub(crate) async fn run(outbox: Arc<Outbox>, link: Arc<WatchedLink>, store: Arc<Store>) {
    let work = async {
        loop {
            empty(&outbox, &link, &store).await;
            outbox.news().await;
        }
    };
    tokio::select! {
        () = work => {}
        () = outbox.closed() => {}
    }
    let _ = tokio::time::timeout(ANSWER, empty(&outbox, &link, &store)).await;
}

/// Publishes until nothing is left, and does not give up.
async fn empty(outbox: &Outbox, link: &Link, store: &Store) {
    let mut patience = Patience::default();
    loop {
        let connection = link.up().await;
        let mut round = Round {
            outbox,
            hints: outbox.take(),
        };
        if round.hints.is_empty() {
            return;
        }
        let failed = publish(store, connection, &round.hints).await;
        round.hints = failed;
        outbox.set_failing(!round.hints.is_empty());
        if round.hints.is_empty() {
            patience.restore();
            tokio::time::sleep(ROUND_PAUSE).await;
        } else {
            drop(round);
            link.pause(&mut patience, connection).await;
        }
    }
}

/// Hints that are out of the outbox and not yet published; they go back if the round is broken off.
struct Round<'a> {
    outbox: &'a Outbox,
    hints: Vec<Hint>,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.outbox.put_back(std::mem::take(&mut self.hints));
    }
}

/// Publishes some hints, and returns those that failed.
async fn publish(store: &Store, connection: u64, hints: &[Hint]) -> Vec<Hint> {
    let Ok(times) = store.ensure(connection).await else {
        return hints.to_vec();
    };
    let mut failed = Vec::new();
    let mut gone = false;
    let mut results = stream::iter(hints.iter().copied())
        .map(async |hint| (hint, store.publish(hint).await))
        .buffer_unordered(IN_FLIGHT);
    while let Some((hint, result)) = results.next().await {
        if let Err(error) = result {
            gone |= error.is_gone();
            tracing::debug!(
                partition = hint.partition,
                error = &error as &dyn Error,
                "a hint has to be published again"
            );
            failed.push(hint);
        }
    }
    if gone {
        store.forget(times).await;
    }
    failed
}
