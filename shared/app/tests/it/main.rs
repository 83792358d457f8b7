//! Commands and queries over a real SQLite ledger, the local queue and the simulator.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod audit;
mod auth;
mod cached;
mod dry_run;
mod jobs;
mod place;
mod reads;
mod retry;
mod sealed_cache;
mod secrecy;
mod shared_cache;
mod stores;
mod submit;
mod upkeep;
