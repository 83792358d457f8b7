//! The right to act for a partition, as far as this process can know by itself.
//!
//! The ledger's guards are what keeps a deposed owner from writing. The lease keeps it from starting requests to Order
//! Desk, which no guard can see: it ends by our own clock before anybody else may take over.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::IncarnationId;
use ledger::Guard;

/// Lease left at least when the first byte of a write goes out.
pub(crate) const WRITE_NEEDS: Duration = Duration::from_secs(2);

/// The epochs of the partitions we own, and until when they are ours without a further heartbeat.
#[derive(Debug)]
pub(crate) struct Lease {
    incarnation: IncarnationId,
    epochs: Mutex<HashMap<u16, u64>>,
    /// Boot clock, nanoseconds.
    valid_until: AtomicU64,
}

impl Lease {
    pub(crate) fn new(incarnation: IncarnationId) -> Self {
        Self {
            incarnation,
            epochs: Mutex::new(HashMap::new()),
            valid_until: AtomicU64::new(0),
        }
    }

    pub(crate) fn incarnation(&self) -> IncarnationId {
        self.incarnation
    }

    /// A heartbeat that was sent at `sent` on the boot clock has arrived.
    pub(crate) fn renewed(&self, sent: Duration, ttl: Duration) {
        self.valid_until
            .fetch_max((sent + ttl).as_nanos() as u64, Ordering::SeqCst);
    }

    /// How much of the lease is left at `now` on the boot clock.
    pub(crate) fn left(&self, now: Duration) -> Duration {
        Duration::from_nanos(self.valid_until.load(Ordering::SeqCst)).saturating_sub(now)
    }

    pub(crate) fn gained(&self, partition: u16, epoch: u64) {
        self.epochs().insert(partition, epoch);
    }

    pub(crate) fn lost(&self, partition: u16) {
        self.epochs().remove(&partition);
    }

    pub(crate) fn owned(&self) -> Vec<(u16, u64)> {
        self.epochs()
            .iter()
            .map(|(partition, epoch)| (*partition, *epoch))
            .collect()
    }

    pub(crate) fn owns(&self, partition: u16) -> bool {
        self.epochs().contains_key(&partition)
    }

    /// The guard of every append for `partition`; `None` if it is not ours.
    pub(crate) fn guard(&self, partition: u16) -> Option<Guard> {
        let epoch = *self.epochs().get(&partition)?;
        Some(Guard::Owner {
            partition,
            incarnation: self.incarnation,
            epoch,
        })
    }

    fn epochs(&self) -> std::sync::MutexGuard<'_, HashMap<u16, u64>> {
        self.epochs
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_from_before_the_renewal_was_sent() {
        let lease = Lease::new(IncarnationId(uuid::Uuid::nil()));
        assert_eq!(lease.left(Duration::from_secs(5)), Duration::ZERO);
        lease.renewed(Duration::from_secs(5), Duration::from_secs(10));
        assert_eq!(lease.left(Duration::from_secs(12)), Duration::from_secs(3));
        assert_eq!(lease.left(Duration::from_secs(16)), Duration::ZERO);
        // An older answer that arrives late does not shorten it.
        lease.renewed(Duration::from_secs(1), Duration::from_secs(10));
        assert_eq!(lease.left(Duration::from_secs(12)), Duration::from_secs(3));
    }
}
