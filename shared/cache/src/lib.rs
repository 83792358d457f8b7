//! Finished answers of Order Desk, kept for a while.
//!
//! [`Cache::read`] answers from what is kept or fetches anew, with one fetch for all who ask at the same time.
//! [`Cache::raise`] forgets [areas](Area): an order, the lists of a store, and so on. Each area has a *generation*; an
//! entry counts only under the generation that its fetch began with, so that a read which began before a change and
//! ends after it never brings the old content back, and those who ask after a change do not wait for a fetch from
//! before it.
//!
//! Nothing here is the truth: without its backend a cache fetches every time, and says so in [`Cache::ping`] and the
//! metric `cache_errors_total`. What may be read at all, tokens and authorisation are its callers' business.
//!
//! Three backends: [`MemoryBackend`] in the process, `cache-sqlite` in a file and `cache-redis` between processes; the
//! feature `conformance` says what all must do. To add something to keep, add a [`Topic`] if it changes by itself, and
//! have the worker raise it; else make it a query of an existing one.

mod area;
mod backend;
mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
mod content;
mod flight;
mod generations;
mod memory;
pub mod metric;
mod seal;

pub use area::{Area, Key, Topic};
pub use backend::{Backend, Entry, Found, Generation, Unavailable, Usage};
pub use cache::{Cache, Now};
pub use content::{Cached, Content, MayBeStale, Mode, Policy, State};
pub use generations::Generations;
pub use memory::MemoryBackend;
pub use seal::{Envelope, Sealing};
