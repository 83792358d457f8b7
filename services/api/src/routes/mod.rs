//! The endpoints, one per file.

pub(crate) mod admin;
pub(crate) mod audit;
mod command;
pub(crate) mod docs;
pub(crate) mod health;
pub(crate) mod incoming;
pub(crate) mod inventory;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod orders;
pub(crate) mod personal_data;
pub(crate) mod problems;
mod reading;
pub(crate) mod ready;
pub(crate) mod stores;
pub(crate) mod tenant;
mod unmatched;
pub(crate) mod webhooks;

pub(crate) use docs::docs;
pub(crate) use health::{health, live};
pub(crate) use metrics::metrics;
pub(crate) use openapi::openapi;
pub(crate) use problems::problem;
pub(crate) use ready::{health_ready, ready};
pub(crate) use unmatched::{method_not_allowed, not_found};
