//! The hash of any complete subtree, stored or not.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use merkle::{Frontier, Hash, NodeId, cover, root_of};

use super::store::LOWEST_STORED;
use crate::backend::{Backend, BackendError};

/// Hashes by subtree.
pub(super) type Hashes = HashMap<NodeId, Hash>;

/// A hash that is not stored though it was sealed.
pub(super) fn missing(id: NodeId) -> BackendError {
    BackendError::Corrupt {
        table: if id.level < LOWEST_STORED {
            "seal_leaves"
        } else {
            "seal_nodes"
        },
        key: format!("level {}, index {}", id.level, id.index),
        source: "it was sealed and is missing".into(),
    }
}

/// The hashes of these subtrees, all of which must be sealed.
pub(super) async fn hashes_of(backend: &dyn Backend, ids: &[NodeId]) -> Result<Hashes, BackendError> {
    let (high, low): (Vec<NodeId>, Vec<NodeId>) =
        ids.iter().copied().partition(|id| id.level >= LOWEST_STORED);
    let mut hashes = Hashes::new();
    if !high.is_empty() {
        let stored = backend.tree_nodes(&high).await?;
        hashes.extend(stored.into_iter().map(|node| (node.id, node.hash)));
    }
    // Those in one block of leaves are computed from one read.
    let blocks: BTreeSet<u64> = low.iter().map(|id| id.leaves().start >> LOWEST_STORED).collect();
    for block in blocks {
        let start = block << LOWEST_STORED;
        let leaves = backend.leaf_hashes(start, 1 << LOWEST_STORED).await?;
        for id in low
            .iter()
            .filter(|id| id.leaves().start >> LOWEST_STORED == block)
        {
            let Range { start: from, end } = id.leaves();
            let under = leaves.get((from - start) as usize..(end - start) as usize);
            hashes.insert(*id, complete(under.ok_or_else(|| missing(*id))?));
        }
    }
    match ids.iter().find(|id| !hashes.contains_key(id)) {
        Some(id) => Err(missing(*id)),
        None => Ok(hashes),
    }
}

/// The root over leaves whose number is a power of two.
pub(super) fn complete(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    for leaf in leaves {
        tree.push(*leaf, |_, _| {});
    }
    tree.root()
}

/// The roots of ranges of leaves, each of which begins where a subtree as large as it does.
pub(super) async fn roots_of(
    backend: &dyn Backend,
    ranges: Vec<Range<u64>>,
) -> Result<Vec<Hash>, BackendError> {
    let covers: Vec<Vec<NodeId>> = ranges.into_iter().map(cover).collect();
    let hashes = hashes_of(backend, &covers.concat()).await?;
    let root = |ids: &Vec<NodeId>| root_of(ids.iter().filter_map(|id| hashes.get(id)).copied());
    Ok(covers
        .iter()
        .map(|ids| root(ids).unwrap_or_else(Hash::empty))
        .collect())
}

/// The tree of `size` leaves.
pub(super) async fn tree_of(backend: &dyn Backend, size: u64) -> Result<Frontier, BackendError> {
    let ids = Frontier::ids(size);
    let hashes = hashes_of(backend, &ids).await?;
    let nodes = ids.iter().filter_map(|id| hashes.get(id)).copied().collect();
    Frontier::from_nodes(size, nodes).map_err(|error| BackendError::Failed(error.into()))
}
