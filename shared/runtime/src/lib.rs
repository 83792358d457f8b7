//! What every process of the gateway has: configuration, telemetry, a lifecycle, a clock and crash points.
//!
//! Knows nothing of orders, ledgers or HTTP routes.

pub mod clock;
pub mod config;
pub mod crash;
pub mod lifecycle;
pub mod telemetry;

pub use clock::{Clock, ManualClock, SystemClock};
pub use config::Config;
pub use lifecycle::{Lifecycle, Signals};
