//! The verifiable log: the tree over the events, beside them and never part of them.
//!
//! What is stored, all of it insert-only: the hash of every leaf, in runs as they were sealed ([`LeafRun`]); the hashes
//! of complete subtrees from [`LOWEST_STORED`] upwards, so that no proof reads more than two blocks of leaves; and
//! signed heads. Leaves and nodes follow from the events alone: whoever seals the same events writes the same rows.
//!
//! - [`Identity`] names the log and derives its key;
//! - [`Grower`] reads the feed and seals what is new;
//! - [`proof`] makes proofs from what is stored, [`Exporter`] the lines of an export that proves itself;
//! - [`verify()`] computes everything anew and says where it differs.

mod export;
mod gaps;
mod grow;
mod identity;
mod nodes;
pub mod proof;
mod store;
mod verify;

pub use export::Exporter;
pub use gaps::Gaps;
pub use grow::{GrowError, Grower};
pub use identity::Identity;
pub use store::{LOWEST_STORED, LeafRun, MOST_LEAVES, SignedHead, TreeNode, joined};
pub use verify::{Bad, Report, VerifyError, Wrong, verify};
