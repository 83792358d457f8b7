//! What processes tell each other: hints that there is work, announcements that something ended, and
//! grants of Order Desk tokens.
//!
//! None of it is the truth. A lost hint costs a sweep's latency, a lost announcement a poll's, a lost grant a
//! stale read. So sending never fails: it says whether it could, and the caller goes on.
//!
//! Two adapters: [`local`] within one process and `queue-jetstream` between processes; one suite, the feature
//! `conformance`, says what both must do. To add a message, give it a variant in [`Subject`] if everybody is
//! to hear it; a new kind of sending is a method of [`Queue`], in both adapters and in the suite.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod grant;
pub mod local;
mod port;

pub use grant::{Grant, GrantAnswer, GrantHandler, GrantRequest, ReadScope};
pub use port::{Announcement, Hint, Hints, Queue, Subject};
