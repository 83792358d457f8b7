//! Typed client of the Order Desk API v2, with the two pure models that pace it: token bucket and circuit.
//!
//! **What it is for.** One [`Client`] per process talks to one base URL for any number of stores. Reads share a pool
//! of keep-alive connections; every write has a connection of its own, because only then it is certain whether a byte
//! of it was written. A call that fails says which of the two it was: see [`Failure`]. Orders are raw JSON maps, so
//! that a field unknown to us survives being read and written back.
//!
//! **What it is not for.** It never repeats a call, paces one or judges a doubt: [`Bucket`] and [`Circuit`] are state
//! machines with the clock as argument, and whoever owns a store asks them first. It does not interpret an order.
//!
//! **How to add a call.** A method beside its kin (`order`, `inventory`, `store`) that names its operation, path and
//! payload key and goes through `Client::read` or `Client::write`; classification, limits and secrecy come with these.

pub mod bucket;
pub mod circuit;
mod client;
mod config;
mod credentials;
mod error;
mod header;
mod inventory;
mod judge;
pub mod metric;
mod order;
mod page;
mod reply;
mod span;
mod store;
mod tls;
mod wire;
mod write;

pub use bucket::{Bucket, Ticket};
pub use circuit::Circuit;
pub use client::{Answer, Client};
pub use config::{BuildError, Config};
pub use credentials::Credentials;
pub use error::{CallError, CannotKnow, Doubt, Failure, NotSent, UpstreamMessage};
pub use page::Page;
pub use store::{Connection, Folder, StoreInfo};
pub use write::Guard;

/// A JSON object as Order Desk sent it, keys in their order: an order or an inventory item.
pub type Document = serde_json::Map<String, serde_json::Value>;
