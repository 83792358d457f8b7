//! Reads of others, which spend tokens of the same bucket and must not show what a change is about to undo.
//!
//! A change reads an order and writes it back whole. Had a read by somebody else shown a foreign edit in between, that
//! edit would be undone although it was seen. So per order a granted read and a change exclude each other: a change
//! waits until the reads granted before have ended (or may no longer be shown), and while one waits or runs, new
//! reads of that order wait.

use std::time::Duration;

use uuid::Uuid;

/// How long a granted read may take to begin.
pub(crate) const VALID: Duration = Duration::from_secs(2);
/// How long what it has read may be shown.
pub(crate) const SHOW_WITHIN: Duration = Duration::from_secs(5);

/// A read that asks for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Its grant.
    pub grant: Uuid,
    /// The lane of the order it shows, if it shows one.
    pub lane: Option<String>,
    /// Whether a person waits.
    pub interactive: bool,
    /// Until when it waits, on the boot clock.
    pub patient_until: Duration,
}

/// How a read's request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Go ahead.
    Granted,
    /// Not now; ask again after so many milliseconds.
    Refused(u64),
}
