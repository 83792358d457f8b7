//! What adapters keep of the tree.

use domain::Timestamp;
use merkle::{Hash, NodeId};

use crate::backend::BackendError;

/// Subtrees below this level are computed from their leaves: at most 256 of them.
pub const LOWEST_STORED: u8 = 8;

/// Leaves of one run at most.
pub const MOST_LEAVES: usize = 1_024;

/// Hashes of leaves that were sealed together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRun {
    /// Position of the first, one after the last that was sealed before.
    pub first: u64,
    /// One for each position from there; at least one, at most [`MOST_LEAVES`].
    pub hashes: Vec<Hash>,
}

impl LeafRun {
    /// Position of the last leaf.
    pub fn last(&self) -> u64 {
        (self.first + self.hashes.len() as u64).saturating_sub(1)
    }

    /// The hashes one after another, as stored.
    pub fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }
}

/// A complete subtree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeNode {
    /// Which.
    pub id: NodeId,
    /// Its hash.
    pub hash: Hash,
}

/// A signed head of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// How many leaves.
    pub size: u64,
    /// Under which generation of the ledger it was signed.
    pub generation: u32,
    /// The root.
    pub root: Hash,
    /// The signed note.
    pub note: String,
    /// When.
    pub signed_at: Timestamp,
}

/// The hashes of at most `limit` leaves after position `after`, from runs (`first`, bytes) in ascending order that
/// hold them; for adapters.
///
/// # Errors
/// [`BackendError::Corrupt`] if one of those in between is missing.
pub fn joined(runs: &[(u64, Vec<u8>)], after: u64, limit: u32) -> Result<Vec<Hash>, BackendError> {
    let mut hashes = Vec::new();
    let corrupt = |first: u64, source: &str| BackendError::Corrupt {
        table: "seal_leaves",
        key: first.to_string(),
        source: source.into(),
    };
    for (first, bytes) in runs {
        let next = after + 1 + hashes.len() as u64;
        let (chunks, rest) = bytes.as_chunks::<32>();
        if *first > next {
            return Err(corrupt(*first, "the run before it is missing"));
        }
        if !rest.is_empty() {
            return Err(corrupt(*first, "not as many bytes as hashes have"));
        }
        let skip = (next - first) as usize;
        hashes.extend(chunks.iter().skip(skip).copied().map(Hash::new));
    }
    hashes.truncate(limit as usize);
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, count: u8) -> (u64, Vec<u8>) {
        let hashes = (0..count).map(|n| Hash::leaf(&(first + u64::from(n)).to_be_bytes()));
        let run = LeafRun {
            first,
            hashes: hashes.collect(),
        };
        assert_eq!(run.last(), first + u64::from(count) - 1);
        (first, run.bytes())
    }

    #[test]
    fn runs_are_joined_and_trimmed_and_gaps_are_noticed() {
        let hash = |position: u64| Hash::leaf(&position.to_be_bytes());
        let runs = [run(3, 2), run(5, 4)];
        assert_eq!(
            joined(&runs, 2, 10).unwrap(),
            (3..=8).map(hash).collect::<Vec<_>>()
        );
        assert_eq!(joined(&runs, 3, 3).unwrap(), [4, 5, 6].map(hash));
        assert!(joined(&runs, 8, 3).unwrap().is_empty());
        assert!(joined(&runs, 1, 3).is_err());
        assert!(joined(&[run(3, 2), run(6, 1)], 2, 9).is_err());
        assert!(joined(&[(1, vec![0; 33])], 0, 9).is_err());
        assert!(joined(&[], 0, 9).unwrap().is_empty());
    }
}
