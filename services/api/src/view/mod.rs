//! The JSON forms of what `app` answers with.

mod job;
mod store;
mod tenant;

pub(crate) use job::{job, path as job_path};
pub(crate) use store::{address, store, store_with_status};
pub(crate) use tenant::tenant;
