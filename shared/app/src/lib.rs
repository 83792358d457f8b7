//! Commands and queries of the gateway, free of HTTP.

pub mod payload;
pub mod seals;

pub use seals::{Purpose, SealError, Sealer, Seals};
