//! Which worker is responsible for a store.

use sha2::{Digest, Sha256};

use crate::id::UpstreamStoreId;

/// The partition of an Order Desk store, in `0..partitions`.
///
/// The Order Desk store id decides alone, so that two tenants who registered one store meet at one owner and
/// share its token bucket. The hash is stable for ever: `partitions` is fixed when a ledger is first started.
pub fn of(store: &UpstreamStoreId, partitions: u16) -> u16 {
    let hash = Sha256::digest(store.as_str().as_bytes());
    let head = u64::from_be_bytes([
        hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7],
    ]);
    (head % u64::from(partitions.max(1))) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        let store: UpstreamStoreId = "101".parse().unwrap();
        assert_eq!(of(&store, 64), 50);
        assert_eq!(of(&store, 1), 0);
    }

    #[test]
    fn stores_spread_over_partitions() {
        let used: std::collections::HashSet<u16> = (0..1000)
            .map(|n| of(&n.to_string().parse().unwrap(), 64))
            .collect();
        assert_eq!(used.len(), 64);
    }
}
