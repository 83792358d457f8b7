//! Cached answers in an SQLite file of one process; they may outlive it.
//!
//! **A row is valid by being there.** A raise deletes its area's rows; a fill looks at the area's generation and writes
//! while it holds the one connection, so it comes before the deletion or does not write. What cannot be deleted is
//! distrusted: nothing is answered until everything could be.
//!
//! **Over a restart** rows count only if nothing can have been raised without them: the file was closed in good order,
//! and its *witness*, the ledger's last position then, is still the last one. After a crash, after a loss of power,
//! after some time with another cache, everything is forgotten; what it held is at most an hour old anyway. So the file
//! need not be synchronised with the disk.
//!
//! The file is bounded in bytes, holds sealed bodies under names that say nothing, and may be deleted at any time while
//! nobody uses it. A second process is refused.

mod backend;
mod open;
mod room;
mod rows;

pub use backend::SqliteCache;
pub use open::{OpenError, SqliteOptions};
