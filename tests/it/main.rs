//! The whole system, as processes.

mod cluster;
mod embedded;
mod live;
mod operations;
