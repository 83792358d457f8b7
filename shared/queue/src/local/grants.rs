//! Who answers for which partition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::grant::GrantHandler;

/// The handlers at work. During a hand-over a partition may have two: the newer one is asked.
#[derive(Default)]
pub(super) struct Handlers {
    registered: Mutex<Registered>,
}

#[derive(Default)]
struct Registered {
    last_number: u64,
    by_partition: HashMap<u16, Vec<Numbered>>,
}

type Numbered = (u64, Arc<dyn GrantHandler>);

/// Takes its handler out when dropped.
pub(super) struct Serving {
    handlers: Arc<Handlers>,
    partition: u16,
    number: u64,
}

impl Handlers {
    pub(super) fn add(self: &Arc<Self>, partition: u16, handler: Arc<dyn GrantHandler>) -> Serving {
        let mut registered = self.lock();
        registered.last_number += 1;
        let number = registered.last_number;
        registered
            .by_partition
            .entry(partition)
            .or_default()
            .push((number, handler));
        Serving {
            handlers: Arc::clone(self),
            partition,
            number,
        }
    }

    pub(super) fn newest(&self, partition: u16) -> Option<Arc<dyn GrantHandler>> {
        let registered = self.lock();
        registered
            .by_partition
            .get(&partition)?
            .last()
            .map(|(_, handler)| Arc::clone(handler))
    }

    pub(super) fn all(&self, partition: u16) -> Vec<Arc<dyn GrantHandler>> {
        let registered = self.lock();
        registered
            .by_partition
            .get(&partition)
            .map(|handlers| handlers.iter().map(|(_, handler)| Arc::clone(handler)).collect())
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut registered = self.handlers.lock();
        if let Some(handlers) = registered.by_partition.get_mut(&self.partition) {
            handlers.retain(|(number, _)| *number != self.number);
            if handlers.is_empty() {
                registered.by_partition.remove(&self.partition);
            }
        }
    }
}
