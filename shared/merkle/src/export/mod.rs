//! What a tenant takes away: its events, with what it takes to check them without asking anybody.
//!
//! An export is NDJSON. Its first line is a [`Header`], then come [`Entry`] lines in the order of their positions, with
//! [`Mark`] lines between them now and then, and at last one [`End`]. [`Verifier`] reads it line by line in constant
//! memory.
//!
//! **How it proves.** The root of a Merkle tree can be computed from left to right in constant memory
//! ([`crate::Frontier`]). For the tenant's own events the export has what the leaf is made of. What lies between two of
//! them belongs to others, and stands with the hashes of the fewest complete subtrees that make it up
//! ([`crate::cover`]), which say nothing of what is in them: the member `gap` of the line that follows. Which subtrees
//! these are follows from the positions. So each export, from whichever position it begins, computes the root of the
//! whole tree, and that must be the one of the signed checkpoint in its header. `tenant_position` is part of
//! every leaf: that it rises by one from entry to entry proves that none was left out between.
//!
//! **How it names what is wrong.** Each entry states its leaf's hash as the log had it when it was sealed, so an event
//! that was altered in the database is named at once. A [`Mark`] is an earlier checkpoint: a file that was altered
//! together with its hashes is caught there, at the latest at the end.

mod line;
mod verify;

pub use line::{Content, End, Entry, Header, Line, Mark, Record, Withheld};
pub use verify::{BadLine, Fault, Summary, Verifier};

/// What the header of an export says it is.
pub const FORMAT: &str = "orderdesk-gateway-audit/1";
