//! What lies between the entries of an export.

use merkle::{Hash, NodeId, cover};

use super::nodes::{complete, missing};
use super::store::LOWEST_STORED;
use crate::backend::{Backend, BackendError};

/// Leaves read ahead while the gaps are small.
const WINDOW: u64 = 4_096;
const BLOCK: u64 = 1 << LOWEST_STORED;

/// Reads hashes in ascending order, in constant memory: many small gaps cost one read for thousands of leaves, a large
/// one costs its two ends and the stored subtrees between.
#[derive(Debug, Default)]
pub struct Gaps {
    start: u64,
    leaves: Vec<Hash>,
}

impl Gaps {
    /// Nothing read yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The hash that was sealed for `position`.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails, or lacks what was sealed.
    pub async fn leaf(&mut self, backend: &dyn Backend, position: u64) -> Result<Hash, BackendError> {
        let id = NodeId {
            level: 0,
            index: position.saturating_sub(1),
        };
        self.low(backend, id, WINDOW).await
    }

    /// The hashes of the [`cover`] of the leaves `from..until`.
    ///
    /// # Errors
    /// [`BackendError`] if the database fails, or lacks what was sealed.
    pub async fn between(
        &mut self,
        backend: &dyn Backend,
        from: u64,
        until: u64,
    ) -> Result<Vec<Hash>, BackendError> {
        let ids = cover(from..until);
        let high: Vec<NodeId> = ids
            .iter()
            .copied()
            .filter(|id| id.level >= LOWEST_STORED)
            .collect();
        let stored = if high.is_empty() {
            Vec::new()
        } else {
            backend.tree_nodes(&high).await?
        };
        let ahead = if until - from > WINDOW { BLOCK } else { WINDOW };
        let mut hashes = Vec::with_capacity(ids.len());
        for id in ids {
            let hash = if id.level >= LOWEST_STORED {
                let node = stored.iter().find(|node| node.id == id);
                node.map(|node| node.hash).ok_or_else(|| missing(id))?
            } else {
                self.low(backend, id, ahead).await?
            };
            hashes.push(hash);
        }
        Ok(hashes)
    }

    async fn low(&mut self, backend: &dyn Backend, id: NodeId, ahead: u64) -> Result<Hash, BackendError> {
        let range = id.leaves();
        if range.start < self.start || range.end > self.start + self.leaves.len() as u64 {
            self.start = range.start / BLOCK * BLOCK;
            self.leaves = backend.leaf_hashes(self.start, ahead as u32).await?;
        }
        let within = (range.start - self.start) as usize..(range.end - self.start) as usize;
        let leaves = self.leaves.get(within).ok_or_else(|| missing(id))?;
        Ok(complete(leaves))
    }
}
