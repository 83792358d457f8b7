//! The ledger on PostgreSQL.
//!
//! [`PostgresLedger`] implements [`ledger::Backend`]. What must be one step in the database is a function of the
//! database (`migrations/postgres`): `append_batch`, `heartbeat`, `claim_partitions`. Each of them is one statement
//! in one transaction of its own, so that no lock is ever held over a round trip.
//!
//! - `options`, `connect`, `pool`, `session`: how the database is reached, what a failure means, what is retried.
//! - `groups`, `append`, `rows`: an append's way to `append_batch`.
//! - `log`, `accounts`, `jobs`, `effects`, `operational`, `ownership`: the other parts of the port.
//! - `seal`: the tree over the events.
//! - `webhooks`: endpoints, and deliveries to them.
//! - `rebuild`, `schema`: views anew, migrations.
//!
//! **Behind a pooler.** A transaction pooler must keep track of prepared statements (PgBouncer 1.21 or newer,
//! `max_prepared_statements` above 0), and it refuses the session settings that a direct connection starts with:
//! set [`PostgresOptions::pooler`] and give the role the limits instead, e.g. `alter role … set lock_timeout = '5s'`.
//! The server must be the primary.
//!
//! To add a view: a table in a new migration, its rows in `rows` and a new version of `append_batch`, its shadow in
//! `rebuild`.

mod accounts;
mod append;
mod audit;
mod backend;
mod changes;
mod connect;
mod effects;
mod error;
mod groups;
mod jobs;
mod log;
mod operational;
mod options;
mod ownership;
mod pool;
mod rebuild;
mod rows;
mod schema;
mod scrub;
mod seal;
mod session;
mod time;
mod tokens;
mod webhooks;

pub use connect::{OpenError, PostgresLedger};
pub use options::PostgresOptions;
pub use schema::{MigrateError, SchemaError};
