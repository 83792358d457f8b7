//! A tree that grows at its right edge, in constant memory.

use crate::cover::{NodeId, cover, root_of};
use crate::hash::Hash;

/// The complete subtrees that make up a tree of some size, largest first: all that is needed to append and to know
/// the root. At most 64 hashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    nodes: Vec<Hash>,
}

/// A subtree that cannot stand where the tree ends, or hashes that are not as many as a tree of the size has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subtree does not fit a tree of {size} leaves")]
pub struct Misplaced {
    /// The tree's size.
    pub size: u64,
}

impl Default for Frontier {
    fn default() -> Self {
        Self::new()
    }
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self {
            size: 0,
            nodes: Vec::new(),
        }
    }

    /// The tree of `size` leaves whose subtrees, those of [`Frontier::ids`], have these hashes.
    ///
    /// # Errors
    /// [`Misplaced`] if there are more or fewer of them.
    pub fn from_nodes(size: u64, nodes: Vec<Hash>) -> Result<Self, Misplaced> {
        if nodes.len() == size.count_ones() as usize {
            Ok(Self { size, nodes })
        } else {
            Err(Misplaced { size })
        }
    }

    /// The subtrees that make up a tree of `size` leaves.
    pub fn ids(size: u64) -> Vec<NodeId> {
        cover(0..size)
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root (RFC 9162 §2.1.1).
    pub fn root(&self) -> Hash {
        root_of(self.nodes.iter().copied()).unwrap_or_else(Hash::empty)
    }

    /// Appends a leaf's hash; `done` gets each subtree above it that is complete now, from below.
    pub fn push(&mut self, leaf: Hash, done: impl FnMut(NodeId, Hash)) {
        self.merge(0, leaf, done);
    }

    /// Appends a complete subtree as a whole.
    ///
    /// # Errors
    /// [`Misplaced`] if the tree does not end where such a subtree may begin.
    pub fn push_subtree(&mut self, level: u8, hash: Hash) -> Result<(), Misplaced> {
        if level >= 63 || !self.size.is_multiple_of(1 << level) {
            return Err(Misplaced { size: self.size });
        }
        self.merge(level, hash, |_, _| {});
        Ok(())
    }

    fn merge(&mut self, level: u8, mut hash: Hash, mut done: impl FnMut(NodeId, Hash)) {
        let end = self.size + (1 << level);
        let mut at = level;
        while self.size >> at & 1 == 1
            && let Some(left) = self.nodes.pop()
        {
            hash = Hash::node(&left, &hash);
            at += 1;
            let id = NodeId {
                level: at,
                index: (end >> at) - 1,
            };
            done(id, hash);
        }
        self.nodes.push(hash);
        self.size = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reference::{leaves, mth};

    #[test]
    fn each_node_is_told_once_when_it_is_complete() {
        let mut frontier = Frontier::new();
        let mut told = Vec::new();
        for leaf in leaves(8) {
            frontier.push(leaf, |id, _| told.push((id.level, id.index)));
        }
        assert_eq!(told, [(1, 0), (1, 1), (2, 0), (1, 2), (1, 3), (2, 1), (3, 0)]);
    }

    #[test]
    fn a_subtree_stands_only_where_it_is_aligned() {
        let mut frontier = Frontier::new();
        frontier.push(leaves(1)[0], |_, _| {});
        assert_eq!(
            frontier.push_subtree(1, Hash::empty()),
            Err(Misplaced { size: 1 })
        );
        assert_eq!(
            frontier.push_subtree(64, Hash::empty()),
            Err(Misplaced { size: 1 })
        );
        assert!(Frontier::from_nodes(3, leaves(1)).is_err());
    }

    proptest! {
        #[test]
        fn roots_and_nodes_equal_the_recursive_definition(size in 0_usize..600) {
            let leaves = leaves(size);
            let mut frontier = Frontier::new();
            for (at, leaf) in leaves.iter().enumerate() {
                frontier.push(*leaf, |id, hash| {
                    let range = id.leaves();
                    assert_eq!(range.end, at as u64 + 1);
                    assert_eq!(hash, mth(&leaves[range.start as usize..range.end as usize]));
                });
            }
            prop_assert_eq!(frontier.root(), mth(&leaves));
            let stored = Frontier::ids(size as u64).into_iter().map(|id| {
                let range = id.leaves();
                mth(&leaves[range.start as usize..range.end as usize])
            });
            prop_assert_eq!(Frontier::from_nodes(size as u64, stored.collect()), Ok(frontier));
        }

        #[test]
        fn gaps_filled_with_subtrees_give_the_same_root(size in 1_usize..400, own in proptest::collection::vec(any::<bool>(), 400)) {
            let leaves = leaves(size);
            let mut frontier = Frontier::new();
            for at in (0..size).filter(|at| own[*at]).chain([size]) {
                for id in cover(frontier.size()..at as u64) {
                    let range = id.leaves();
                    let hash = mth(&leaves[range.start as usize..range.end as usize]);
                    frontier.push_subtree(id.level, hash).unwrap();
                }
                if at < size {
                    frontier.push(leaves[at], |_, _| {});
                }
            }
            prop_assert_eq!(frontier.root(), mth(&leaves));
        }
    }
}
