//! Sealing what the feed brings.

use domain::Timestamp;
use merkle::{Checkpoint, CheckpointError, Frontier, Signer};

use super::identity::Identity;
use super::nodes::tree_of;
use super::store::{LOWEST_STORED, LeafRun, MOST_LEAVES, SignedHead, TreeNode};
use crate::backend::{Backend, BackendError};

/// Why the tree cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// Somebody else has sealed meanwhile, or the feed does not go on where the tree ends: load anew.
    #[error("the tree does not end at {size} any more")]
    Moved {
        /// Where it was thought to end.
        size: u64,
    },
    /// What is stored is not what was signed. Nothing more is to be signed on top of it.
    #[error("what is stored of the log does not agree with its signed head of size {size}")]
    Inconsistent {
        /// The head's size.
        size: u64,
    },
    /// The head could not be signed.
    #[error("a head could not be signed")]
    Sign(#[from] CheckpointError),
    /// See there.
    #[error(transparent)]
    Backend(#[from] BackendError),
}

/// The tree's right edge, in memory.
#[derive(Clone, Debug)]
pub struct Grower {
    tree: Frontier,
    signed: Option<u64>,
}

impl Grower {
    /// Loads the tree as it was sealed last and compares it with its last signed head.
    ///
    /// # Errors
    /// [`GrowError::Inconsistent`] if it is not the one that was signed: the database was altered.
    pub async fn load(backend: &dyn Backend, identity: Identity, seed: &[u8; 32]) -> Result<Self, GrowError> {
        let head = backend.latest_signed_head().await?;
        let tree = tree_of(backend, backend.sealed_size().await?).await?;
        let Some(head) = head else {
            return Ok(Self { tree, signed: None });
        };
        let key = identity.public_key(head.generation, seed);
        let checkpoint = Checkpoint::open(&head.note, &key).ok();
        let fits = checkpoint.is_some_and(|signed| signed.size == head.size && signed.root == head.root);
        if !fits || head.size > tree.size() || head.generation > identity.generation() {
            return Err(GrowError::Inconsistent { size: head.size });
        }
        let root = if head.size == tree.size() {
            tree.root()
        } else {
            tree_of(backend, head.size).await?.root()
        };
        if root != head.root {
            return Err(GrowError::Inconsistent { size: head.size });
        }
        // A new generation signs again what the old one has signed.
        let signed = (head.generation == identity.generation()).then_some(head.size);
        Ok(Self { tree, signed })
    }

    /// How many events are sealed.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Whether the tree is another than the one that was signed last.
    pub fn is_unsigned(&self) -> bool {
        self.signed != Some(self.tree.size())
    }

    /// Seals the next events, at most [`MOST_LEAVES`]; says how many there were.
    ///
    /// # Errors
    /// [`GrowError`]; load anew then, since it is unknown what was stored.
    pub async fn advance(&mut self, backend: &dyn Backend) -> Result<usize, GrowError> {
        let size = self.tree.size();
        let events = backend.events_after(size, MOST_LEAVES as u32).await?;
        if events.is_empty() {
            return Ok(0);
        }
        let mut tree = self.tree.clone();
        let mut hashes = Vec::with_capacity(events.len());
        let mut nodes = Vec::new();
        for event in &events {
            if event.position != tree.size() + 1 {
                return Err(GrowError::Moved { size });
            }
            let leaf = event.leaf_hash();
            hashes.push(leaf);
            tree.push(leaf, |id, hash| {
                if id.level >= LOWEST_STORED {
                    nodes.push(TreeNode { id, hash });
                }
            });
        }
        let run = LeafRun {
            first: size + 1,
            hashes,
        };
        if !backend.append_leaves(&run, &nodes).await? {
            return Err(GrowError::Moved { size });
        }
        self.tree = tree;
        Ok(events.len())
    }

    /// Signs the tree as it is and stores the head. Two that sign the same tree write the same row.
    ///
    /// # Errors
    /// [`GrowError`]; load anew then.
    pub async fn sign(
        &mut self,
        backend: &dyn Backend,
        signer: &Signer,
        generation: u32,
        now: Timestamp,
    ) -> Result<(), GrowError> {
        let checkpoint = Checkpoint {
            origin: signer.name().to_owned(),
            size: self.tree.size(),
            root: self.tree.root(),
        };
        let head = SignedHead {
            size: checkpoint.size,
            generation,
            root: checkpoint.root,
            note: checkpoint.sign(signer)?,
            signed_at: now,
        };
        backend.put_signed_head(&head).await?;
        self.signed = Some(checkpoint.size);
        Ok(())
    }
}
