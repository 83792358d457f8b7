//! The verifiable log: what is hashed, how, and how to check it without trusting who keeps it.
//!
//! **What it is for.** Every event of the ledger is a leaf of one Merkle tree (RFC 6962 §2, RFC 9162 §2.1), the event
//! at position p being leaf p − 1. [`Leaf`] says which bytes are hashed, [`Frontier`] grows the tree, [`proof`] makes
//! and verifies inclusion and consistency proofs, [`Checkpoint`] and [`note`] sign the tree's head, [`export`] is the
//! form in which a tenant takes its events away and checks them at home. Everything here can be recomputed by a
//! third party from its documentation.
//!
//! **What it is not for.** It does no I/O and knows no database: who wants a proof asks [`proof::inclusion`] which
//! ranges of leaves it is made of, [`cover`] which stored nodes make up a range, fetches those and folds them with
//! [`root_of`].
//!
//! **How to change it.** What was signed stays signed: a new encoding of leaves gets a new prefix beside the old one,
//! a new form of exports a new `format`.

mod checkpoint;
mod cover;
pub mod export;
mod frontier;
mod hash;
mod leaf;
pub mod note;
pub mod proof;
#[cfg(test)]
mod reference;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use cover::{NodeId, cover, root_of};
pub use frontier::{Frontier, Misplaced};
pub use hash::{Hash, HashError};
pub use leaf::{Digest, Leaf};
pub use note::{NoteError, PublicKey, Signer};
