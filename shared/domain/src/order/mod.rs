//! The order document: what Order Desk keeps, and what our commands make of it.
//!
//! - [`document`] holds an order as it came, [`fields`] knows what its members are;
//! - [`mutation`] is a parsed command, [`fold`] applies one to an order, [`batch`] applies many in turn;
//! - [`canonical`] is the form in which two orders compare, [`digest`] its keyed digest and entity tag;
//! - [`diff`] and [`patch`] make and apply RFC 6902 patches, [`mod@inverse`] takes one back;
//! - [`mod@judge`] says after an unanswered request whether it arrived, [`mod@check`] what became of an answered one.
//!
//! Everything is pure and bounded ([`limit`]): no input panics, recurses without end or grows without end.

pub mod batch;
pub mod canonical;
pub mod check;
pub mod create;
mod decimal;
pub mod diff;
pub mod digest;
pub mod document;
mod facet;
pub mod fields;
pub mod fold;
mod heal;
pub mod inventory;
pub mod inverse;
pub mod judge;
pub mod kind;
pub mod limit;
pub mod mutation;
pub mod operation;
mod parse;
pub mod patch;
pub mod path;
pub mod refusal;

#[cfg(test)]
mod properties;

pub use batch::{BatchJob, Folded, Outcome, Share};
pub use canonical::Canonical;
pub use check::{Check, Difference, Presence};
pub use digest::{Digest, ETag, IfMatch};
pub use document::{DocError, FolderId, Object, OrderDoc};
pub use fold::{FoldError, folder_change};
pub use inverse::{Irreversible, inverse};
pub use judge::{Verdict, judge};
pub use kind::CommandKind;
pub use mutation::{AddressType, FolderTarget, Mutation, ParseContext};
pub use operation::{Operation, OperationKind};
pub use patch::Patch;
pub use path::Path;
pub use refusal::{FieldCode, FieldError};
