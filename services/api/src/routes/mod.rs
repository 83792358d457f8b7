//! The endpoints, one per file.

mod command;
mod health;
pub(crate) mod inventory;
pub(crate) mod jobs;
mod metrics;
pub(crate) mod orders;
mod problems;
mod reading;
mod ready;
pub(crate) mod stores;
mod tenant;
mod unmatched;

pub(crate) use health::health;
pub(crate) use metrics::metrics;
pub(crate) use problems::problem;
pub(crate) use ready::ready;
pub(crate) use tenant::tenant;
pub(crate) use unmatched::{method_not_allowed, not_found};
