//! What every process of the gateway has: configuration, telemetry, a lifecycle, a clock and crash points.
//!
//! Knows nothing of orders, ledgers or HTTP routes.

pub mod clock;
pub mod config;
pub mod crash;
mod files;
pub mod lifecycle;
pub mod telemetry;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use files::raise_file_limit;
pub use lifecycle::{Lifecycle, Signals};
