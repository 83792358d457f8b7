//! What keeps the entries.

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;

use crate::{Area, Content, Key};

/// Names the time between two raises of an area; never the same again after a raise, whatever was evicted, restarted
/// or wiped in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(pub u128);

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The answer.
    pub content: Content,
    /// When its fetch began.
    pub fetched_at: Timestamp,
}

/// The answer to a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The area's present generation.
    pub generation: Generation,
    /// What was kept under it, however old.
    pub entry: Option<Entry>,
}

/// The backend cannot be used at present; reads go on without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cache's backend cannot be used: {0}")]
pub struct Unavailable(pub String);

/// How much is kept, as far as the backend knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Entries.
    pub entries: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Keeps entries. Every method ends soon, with or without success: nobody waits long for a cache.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The present generation of the key's area, and the entry kept under that generation.
    ///
    /// # Errors
    /// [`Unavailable`]: nothing is known.
    async fn look(&self, key: &Key<'_>) -> Result<Found, Unavailable>;

    /// Keeps an entry for `keep`, unless the area's generation is another by now or what is kept was fetched later.
    ///
    /// # Errors
    /// [`Unavailable`]: perhaps it was not kept.
    async fn fill(
        &self,
        key: &Key<'_>,
        generation: Generation,
        entry: Entry,
        keep: Duration,
    ) -> Result<(), Unavailable>;

    /// Gives the areas new generations. Once it returns, no look anywhere finds an entry from before.
    ///
    /// # Errors
    /// [`Unavailable`]: that could not be done everywhere. This process at least never again finds an entry from
    /// before, also not when the backend is back.
    async fn raise(&self, areas: &[Area]) -> Result<(), Unavailable>;

    /// Whether it can be used.
    ///
    /// # Errors
    /// [`Unavailable`], for the operator.
    async fn ping(&self) -> Result<(), Unavailable>;

    /// Whether other processes see what this one keeps and raises.
    fn is_shared(&self) -> bool;

    /// How much is kept; `None` if it is not this process's to say.
    fn usage(&self) -> Option<Usage>;
}
