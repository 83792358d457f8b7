//! What processes tell each other: hints that there is work, announcements that something ended, and
//! grants of Order Desk tokens.
//!
//! None of it is the truth. A lost hint costs a sweep's latency, a lost announcement a poll's, a lost grant a
//! stale read. So sending never fails: it says whether it could, and the caller goes on.
//!
//! Two adapters: [`local`] within one process and `queue-jetstream` between processes; one suite, the

pub mod grant;
pub mod local;
mod port;

pub use grant::{Grant, GrantAnswer, GrantHandler, GrantRequest, ReadScope};
pub use port::{Announcement, Hint, Hints, Queue, Subject};
