//! Who runs which partition, by the ledger's clock.

use domain::{IncarnationId, Timestamp};

/// The owner of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionOwner {
    /// The partition.
    pub partition: u16,
    /// Its owner's incarnation, if it was ever owned and not given back.
    pub owner: Option<IncarnationId>,
    /// Rises at each take-over.
    pub epoch: u64,
    /// Whether the owner's heartbeat is still valid.
    pub live: bool,
}

/// Who is there and who owns what, at one moment of the ledger's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Incarnations with a valid heartbeat that are not stopping, in ascending order.
    pub live: Vec<IncarnationId>,
    /// Every partition, in ascending order.
    pub partitions: Vec<PartitionOwner>,
    /// The ledger's clock.
    pub now: Timestamp,
}

/// A partition that was taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The partition.
    pub partition: u16,
    /// The new epoch.
    pub epoch: u64,
    /// Since when nobody can have been sending for it: the end of the former owner's lease or the time at
    /// which it gave the partition back; `None` if it was never owned.
    pub idle_since: Option<Timestamp>,
}
