//! The whole system, as processes.

mod audited;
mod cluster;
mod embedded;
mod live;
mod operations;

/// What anything may take on a machine busy with other tests.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);
