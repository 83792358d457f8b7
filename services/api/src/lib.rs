//! The HTTP service: requests become commands and queries of `app`, and what comes of them becomes JSON.
//!
//! **What it is for.** [`router`] makes the routes over an [`ApiState`]; [`serve`] puts them on a listener until the
//! process drains. Every answer passes one outermost layer (`observe`), which adds the headers, the request id,
//! the metrics and the log line, and writes problem documents (`problem`).
//!
//! **What it is not for.** It decides nothing about stores and jobs and sends nothing to Order Desk.
//!
//! **How to add an endpoint.** A file in `routes` whose handler takes the `Caller` first (so that nothing of a
//! stranger's request is read), then what it needs of `extract`, and calls `app`; a line in `router`. A new refusal
//! is a line in `problem/code.rs`. How it is described: `openapi`.

mod answer;
mod cors;
mod export;
mod extract;
mod fingerprint;
mod guard;
pub mod metric;
mod observe;
pub mod openapi;
mod problem;
mod readiness;
mod replay;
mod router;
mod routes;
mod serve;
mod state;
mod stream;
mod table;
mod view;

pub use cors::Origins;
pub use guard::{GuardConfig, Guards};
pub use readiness::{AppReadiness, Check, CheckStatus, ORDER_DESK, Readiness};
pub use router::{paths, router, service_router};
pub use serve::{ServeConfig, serve};
pub use state::{ApiConfig, ApiState, BucketSize};
pub use view::notice as webhook_data;
