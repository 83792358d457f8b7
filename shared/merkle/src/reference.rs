//! The definitions of RFC 9162 §2.1 to the letter, slow, for the tests to compare with.

use crate::hash::Hash;

/// So many leaves, all different.
pub(crate) fn leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|n| Hash::leaf(&n.to_be_bytes())).collect()
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// MTH, over leaf hashes.
pub(crate) fn mth(d: &[Hash]) -> Hash {
    match d {
        [] => Hash::empty(),
        [one] => *one,
        _ => {
            let (left, right) = d.split_at(split(d.len()));
            Hash::node(&mth(left), &mth(right))
        }
    }
}

/// PATH.
pub(crate) fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    if d.len() == 1 {
        return Vec::new();
    }
    let k = split(d.len());
    let (mut path, other) = if m < k {
        (path(m, &d[..k]), mth(&d[k..]))
    } else {
        (path(m - k, &d[k..]), mth(&d[..k]))
    };
    path.push(other);
    path
}

/// PROOF.
pub(crate) fn proof(m: usize, d: &[Hash]) -> Vec<Hash> {
    subproof(m, d, true)
}

fn subproof(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
    if m == d.len() {
        return if whole { Vec::new() } else { vec![mth(d)] };
    }
    let k = split(d.len());
    let (mut proof, other) = if m <= k {
        (subproof(m, &d[..k], whole), mth(&d[k..]))
    } else {
        (subproof(m - k, &d[k..], false), mth(&d[..k]))
    };
    proof.push(other);
    proof
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree that the reference implementation of Certificate Transparency is tested with.
    #[test]
    fn the_known_tree_of_eight_leaves_has_the_known_roots() {
        let inputs = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves = inputs.map(|hex| Hash::leaf(&hex::decode(hex).unwrap()));
        let mut frontier = crate::Frontier::new();
        for (size, root) in roots.into_iter().enumerate() {
            assert_eq!(hex::encode(mth(&leaves[..size]).as_bytes()), root, "{size}");
            assert_eq!(hex::encode(frontier.root().as_bytes()), root, "{size}");
            if let Some(leaf) = leaves.get(size) {
                frontier.push(*leaf, |_, _| {});
            }
        }
    }
}
