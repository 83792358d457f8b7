//! Inclusion and consistency proofs: of which ranges of leaves they are made, and how they are verified.
//!
//! Each element of a proof is the root (MTH) of a range of leaves; see [`crate::cover`] and [`crate::root_of`] for how
//! to compute it from stored nodes.

use std::ops::Range;

use crate::hash::Hash;

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof does not hold")]
pub struct NotProven;

/// The largest power of two smaller than `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The ranges whose roots prove that leaf `index` is in the tree of `size` leaves (PATH, RFC 9162 §2.1.3.1), in order;
/// `None` if it is not in it.
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut within = 0..size;
    while within.end - within.start > 1 {
        let middle = within.start + split(within.end - within.start);
        if index < middle {
            path.push(middle..within.end);
            within.end = middle;
        } else {
            path.push(within.start..middle);
            within.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The ranges whose roots prove that the tree of `from` leaves is the beginning of that of `to` leaves (PROOF,
/// RFC 9162 §2.1.4.1), in order; none of them if there is nothing to prove. `None` if `from` is the larger.
pub fn consistency(from: u64, to: u64) -> Option<Vec<Range<u64>>> {
    if from > to {
        return None;
    }
    if from == 0 {
        return Some(Vec::new());
    }
    let mut proof = Vec::new();
    let (mut within, mut whole) = (0..to, true);
    while within.end != from {
        let middle = within.start + split(within.end - within.start);
        if from <= middle {
            proof.push(middle..within.end);
            within.end = middle;
        } else {
            proof.push(within.start..middle);
            within.start = middle;
            whole = false;
        }
    }
    if !whole {
        proof.push(within);
    }
    proof.reverse();
    Some(proof)
}

/// Verifies that the leaf with hash `leaf` is number `index` of the tree of `size` leaves with `root`
/// (RFC 9162 §2.1.3.2).
///
/// # Errors
/// [`NotProven`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    path: &[Hash],
    root: &Hash,
) -> Result<(), NotProven> {
    if index >= size {
        return Err(NotProven);
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for other in path {
        if last == 0 {
            return Err(NotProven);
        }
        if at & 1 == 1 || at == last {
            hash = Hash::node(other, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = Hash::node(&hash, other);
        }
        at >>= 1;
        last >>= 1;
    }
    holds(last == 0 && hash == *root)
}

/// Verifies that the tree of `from` leaves with `from_root` is the beginning of that of `to` leaves with `to_root`
/// (RFC 9162 §2.1.4.2). The tree without leaves is the beginning of every other.
///
/// # Errors
/// [`NotProven`].
pub fn verify_consistency(
    from: u64,
    to: u64,
    proof: &[Hash],
    from_root: &Hash,
    to_root: &Hash,
) -> Result<(), NotProven> {
    if from > to {
        return Err(NotProven);
    }
    if from == 0 {
        return holds(proof.is_empty() && *from_root == Hash::empty());
    }
    if from == to {
        return holds(proof.is_empty() && from_root == to_root);
    }
    // A complete tree is its own first element.
    let (first, rest) = if from.is_power_of_two() {
        (*from_root, proof)
    } else {
        let (first, rest) = proof.split_first().ok_or(NotProven)?;
        (*first, rest)
    };
    let (mut at, mut last) = (from - 1, to - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (first, first);
    for other in rest {
        if last == 0 {
            return Err(NotProven);
        }
        if at & 1 == 1 || at == last {
            old = Hash::node(other, &old);
            new = Hash::node(other, &new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new = Hash::node(&new, other);
        }
        at >>= 1;
        last >>= 1;
    }
    holds(last == 0 && old == *from_root && new == *to_root)
}

fn holds(whether: bool) -> Result<(), NotProven> {
    if whether { Ok(()) } else { Err(NotProven) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cover::{cover, root_of};
    use crate::reference::{self, leaves, mth};

    fn hashes(ranges: Vec<Range<u64>>, leaves: &[Hash]) -> Vec<Hash> {
        let root = |range: Range<u64>| {
            let nodes: Vec<Hash> = cover(range)
                .into_iter()
                .map(|id| mth(&leaves[id.leaves().start as usize..id.leaves().end as usize]))
                .collect();
            root_of(nodes.into_iter()).unwrap()
        };
        ranges.into_iter().map(root).collect()
    }

    #[test]
    fn every_small_proof_is_that_of_the_definition_and_verifies() {
        let all = leaves(40);
        for size in 1..=all.len() {
            let (tree, root) = (&all[..size], mth(&all[..size]));
            for (index, leaf) in tree.iter().enumerate() {
                let path = hashes(inclusion(index as u64, size as u64).unwrap(), tree);
                assert_eq!(path, reference::path(index, tree));
                assert_eq!(
                    verify_inclusion(leaf, index as u64, size as u64, &path, &root),
                    Ok(())
                );
            }
            for from in 1..=size {
                let proof = hashes(consistency(from as u64, size as u64).unwrap(), tree);
                assert_eq!(proof, reference::proof(from, tree));
                let old = mth(&all[..from]);
                assert_eq!(
                    verify_consistency(from as u64, size as u64, &proof, &old, &root),
                    Ok(())
                );
            }
        }
        assert_eq!(inclusion(5, 5), None);
        assert_eq!(consistency(6, 5), None);
        assert_eq!(consistency(0, 5), Some(Vec::new()));
        assert_eq!(
            verify_consistency(0, 5, &[], &Hash::empty(), &mth(&all[..5])),
            Ok(())
        );
    }

    proptest! {
        #[test]
        fn a_proof_of_something_else_does_not_verify(
            size in 2_u64..300, index in 0_u64..300, from in 1_u64..300, what in 0_usize..6, place in 0_usize..12,
        ) {
            let (index, from) = (index % size, 1 + from % (size - 1));
            let all = leaves(size as usize);
            let root = mth(&all);
            let mut path = hashes(inclusion(index, size).unwrap(), &all);
            let mut proof = hashes(consistency(from, size).unwrap(), &all);
            let (mut leaf, mut at, mut of, mut top) = (all[index as usize], index, size, root);
            let (mut old, mut first) = (mth(&all[..from as usize]), from);
            let wrong = Hash::leaf(b"wrong");
            let (path_place, proof_place) = (place % path.len(), place % proof.len().max(1));
            match what {
                0 => { leaf = wrong; old = wrong; }
                1 => { at ^= 1; first = if from == 1 { 2.min(size - 1) } else { from - 1 }; }
                2 => { of += size; }
                3 => { top = wrong; }
                4 => {
                    path[path_place] = wrong;
                    if let Some(element) = proof.get_mut(proof_place) { *element = wrong; }
                }
                _ => { path.push(wrong); proof.push(wrong); }
            }
            prop_assert_eq!(verify_inclusion(&leaf, at, of, &path, &top), Err(NotProven));
            if (first, of, old, top) != (from, size, mth(&all[..from as usize]), root) || what >= 4 {
                prop_assert_eq!(verify_consistency(first, of, &proof, &old, &top), Err(NotProven));
            }
        }

        #[test]
        fn large_trees_have_short_proofs(size in 1_u64..1 << 62, index: u64, from: u64) {
            prop_assert!(inclusion(index % size, size).unwrap().len() <= 62);
            prop_assert!(consistency(from % size, size).unwrap().len() <= 63);
        }
    }
}
