//! Complete subtrees, and which of them make up a range of leaves.

use std::ops::Range;

use crate::hash::Hash;

/// A complete subtree: the one over leaves `index << level .. (index + 1) << level`. Level 0 is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    /// The binary logarithm of its number of leaves.
    pub level: u8,
    /// Its place among those of its level, from 0.
    pub index: u64,
}

impl NodeId {
    /// The leaves under it.
    pub fn leaves(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }
}

/// The fewest complete subtrees that make up `range`, from left to right: each the largest that begins where the one
/// before it ended, is aligned to its own size and does not go beyond the end. At most 2 · log2 of the range's length.
pub fn cover(range: Range<u64>) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let room = (range.end - at).ilog2();
        let level = room.min(at.trailing_zeros());
        nodes.push(NodeId {
            level: level as u8,
            index: at >> level,
        });
        at += 1 << level;
    }
    nodes
}

/// MTH of RFC 9162 §2.1.1 over a range that begins where a subtree at least as large as the range does: the hashes of
/// its [`cover`], folded from the right. `None` if there are none.
pub fn root_of(cover: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    cover.rev().reduce(|right, left| Hash::node(&left, &right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cover_of_seven_leaves_is_a_four_a_two_and_a_one() {
        let ids = cover(0..7);
        let ids: Vec<_> = ids.iter().map(|id| (id.level, id.index)).collect();
        assert_eq!(ids, [(2, 0), (1, 2), (0, 6)]);
        assert!(cover(5..5).is_empty());
    }

    proptest! {
        #[test]
        fn a_cover_is_the_range_without_gap_or_overlap(start in 0_u64..1 << 40, length in 0_u64..1 << 20) {
            let range = start..start + length;
            let mut at = range.start;
            let nodes = cover(range.clone());
            for node in &nodes {
                prop_assert_eq!(node.leaves().start, at);
                at = node.leaves().end;
            }
            prop_assert_eq!(at, range.end);
            prop_assert!(nodes.len() <= 2 * 21);
        }
    }
}
