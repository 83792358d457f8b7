//! The JSON forms of what `app` answers with.

mod audit;
mod change;
mod job;
mod notice;
mod proof;
mod store;
mod tenant;
mod webhook;

pub(crate) use audit::audit_entry;
pub(crate) use change::order_change;
pub(crate) use job::{job, path as job_path};
pub use notice::notice;
pub(crate) use proof::{consistency, inclusion, log_key};
pub(crate) use store::{address, store, store_with_status};
pub(crate) use tenant::{erasure, key, tenant, tenant_row};
pub(crate) use webhook::{delivery, endpoint};
