//! What is kept, and how it is asked for.

use std::time::Duration;

use bytes::Bytes;

/// A finished answer; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The JSON as it goes to the client.
    pub body: Bytes,
    /// Its entity tag, if it has one.
    pub etag: Option<String>,
}

/// How long an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How long after its fetch began it is shown without asking again; zero: never.
    pub ttl: Duration,
    /// How much longer it may stand in when a fetch fails.
    pub stale_for: Duration,
    /// Whether what is kept may be shown at all.
    pub mode: Mode,
}

impl Policy {
    /// Shown for `ttl`, and for five times that beyond it if nothing else can be had.
    pub fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            stale_for: ttl * 5,
            mode: Mode::Normal,
        }
    }

    /// How long an entry is of any use.
    pub fn keep(&self) -> Duration {
        self.ttl.saturating_add(self.stale_for)
    }
}

/// Whether what is kept may be shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It may.
    #[default]
    Normal,
    /// The caller insists on a fetch that begins after it asked; its answer is kept for others.
    Bypass,
}

/// Where an answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Kept, and fresh.
    Hit,
    /// Fetched.
    Miss,
    /// Kept, no longer fresh, and nothing else could be had.
    Stale,
    /// Fetched, since the caller insisted.
    Bypass,
}

impl State {
    /// As metrics and the header `X-Cache` have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Stale => "stale",
            Self::Bypass => "bypass",
        }
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The answer itself.
    pub content: Content,
    /// Where it came from.
    pub state: State,
    /// Time since its fetch *began*; whatever changed longer ago is in it. Zero for the one whose fetch it was.
    pub age: Duration,
}

/// An error of a fetch that says whether a stale entry may stand in.
pub trait MayBeStale {
    /// Whether what could not be fetched may be answered with what was there before.
    fn may_be_stale(&self) -> bool;
}
