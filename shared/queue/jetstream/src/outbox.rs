//! The hints that are to be published: the highest position of each partition, however many were given.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use queue::Hint;
use tokio::sync::{Notify, watch};

/// Between those who hint, at any rate, and the one publisher. Bounded by the number of partitions.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: Mutex<BTreeMap<u16, u64>>,
    news: Notify,
    failing: AtomicBool,
    closed: watch::Sender<bool>,
}

impl Outbox {
    pub(crate) fn put(&self, hint: Hint) {
        merge(&mut self.lock(), hint);
        self.news.notify_one();
    }

    /// Takes out what is waiting.
    pub(crate) fn take(&self) -> Vec<Hint> {
        let waiting = std::mem::take(&mut *self.lock());
        waiting
            .into_iter()
            .map(|(partition, position)| Hint { partition, position })
            .collect()
    }

    /// Puts back what could not be published; newer hints stay.
    pub(crate) fn put_back(&self, hints: Vec<Hint>) {
        let mut waiting = self.lock();
        for hint in hints {
            merge(&mut waiting, hint);
        }
    }

    /// Waits until something was put in since the last time.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Says whether the publisher gets rid of what is in here.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Nothing more will be put in.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) async fn closed(&self) {
        let mut closed = self.closed.subscribe();
        closed
            .wait_for(|closed| *closed)
            .await
            .expect("the sender lives in self");
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn merge(waiting: &mut BTreeMap<u16, u64>, hint: Hint) {
    let position = waiting.entry(hint.partition).or_default();
    *position = hint.position.max(*position);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_does_not_hide_newer_hints() {
        let outbox = Outbox::default();
        let hint = |partition, position| Hint { partition, position };
        outbox.put(hint(1, 5));
        outbox.put(hint(2, 6));
        let taken = outbox.take();
        assert_eq!(taken, [hint(1, 5), hint(2, 6)]);
        outbox.put(hint(1, 9));
        outbox.put_back(taken);
        assert_eq!(outbox.take(), [hint(1, 9), hint(2, 6)]);
        assert!(outbox.take().is_empty());
    }
}
