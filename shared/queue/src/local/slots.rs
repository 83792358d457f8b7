//! The hints that wait for their taker: one slot for each partition, since only the newest position matters.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;

use crate::port::{Hint, Hints};

/// A slot holds the highest position that nobody has taken.
type Slot = watch::Sender<Option<u64>>;

/// A slot for each partition that was ever hinted at or served.
#[derive(Default)]
pub(super) struct Slots {
    by_partition: Mutex<HashMap<u16, Slot>>,
}

impl Slots {
    pub(super) fn put(&self, hint: Hint) {
        self.slot(hint.partition)
            .send_modify(|waiting| *waiting = (*waiting).max(Some(hint.position)));
    }

    pub(super) fn take(&self, partition: u16) -> Hints {
        let slot = self.slot(partition);
        let news = slot.subscribe();
        stream::unfold((slot, news), move |(slot, mut news)| async move {
            loop {
                let mut taken = None;
                // Whoever takes tells nobody: an empty slot is no news.
                slot.send_if_modified(|waiting| {
                    taken = waiting.take();
                    false
                });
                if let Some(position) = taken {
                    return Some((Hint { partition, position }, (slot, news)));
                }
                // Another taker may be faster; then there is nothing, and we wait again.
                news.wait_for(Option::is_some).await.ok()?;
            }
        })
        .boxed()
    }

    fn slot(&self, partition: u16) -> Slot {
        let mut slots = self.by_partition.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(partition).or_default().clone()
    }
}
