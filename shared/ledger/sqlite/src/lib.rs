//! The ledger on SQLite: one file, one writer, for a gateway that runs as one process.
//!
//! Writes go one after another over one connection (`write`), reads over a few others that never wait for
//! it (WAL). `append` is the heart; `checks` tests what an append demands, `put` says how each thing
//! is stored, `rows` how it is read back. The schema is in `migrations/sqlite`.

mod append;
mod audit;
mod backend;
mod changes;
mod checks;
mod error;
mod jobs;
mod keys;
mod lock;
mod log;
mod open;
mod ownership;
mod put;
mod readers;
mod rebuild;
mod rows;
mod schema;
mod script;
mod scrub;
mod seal;
mod settings;
mod tenants;
mod tokens;
mod webhooks;
mod write;

pub use lock::{FolderLock, LockError, lock_folder};
pub use open::{OpenError, SqliteLedger, path_of_url};
pub use schema::SchemaError;
