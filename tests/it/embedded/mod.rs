//! One process on SQLite.

use crate::PATIENCE;

mod audit;
mod contract;
mod crash;
mod disconnect;
mod edits;
mod endings;
mod endpoints;
mod erasure;
mod faults;
mod graceful;
mod history;
mod incoming;
mod limits;
mod load;
mod logs;
mod metrics;
mod pacing;
mod quirks;
mod rebuild;
mod rotation;
mod schemathesis;
mod secrecy;
mod smoke;
mod specification;
mod startup;
mod tenants;
mod told;
mod traces;
mod webhooks;
