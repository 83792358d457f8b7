//! The live check: asks a real Order Desk whether it behaves as the gateway assumes.
//!
//! Order Desk documents little of what a PUT of an order does, so the gateway rests on assumptions. [`check`] creates one
//! order, tries each of the [`ASSUMPTIONS`] on it, and deletes it whatever happened; it writes to nothing else. Its calls
//! are paced so that other users of the store's rate limit are not starved.
//!
//! **To add an assumption**: a line in [`ASSUMPTIONS`], a row in `ops/live-check.md`, and a `judge` of its code in the step
//! that its name begins with.

mod assumption;
mod cleanup;
mod desk;
mod pace;
mod report;
mod settings;
mod steps;
mod trial;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt as _;

pub use assumption::{ASSUMPTIONS, Assumption};
pub use pace::Pace;
pub use report::{Report, Verdict};
pub use settings::{Settings, Skipped};

use desk::Desk;
use trial::Trial;

/// No run takes longer; what is left by then counts as not tried, and the order is deleted.
const LONGEST: Duration = Duration::from_mins(10);

/// Tries everything, and deletes what it created: after a failure, a panic, or the end of `stop`, too.
pub async fn check(settings: &Settings, stop: impl Future<Output = ()>) -> Report {
    let desk = match Desk::new(settings) {
        Ok(desk) => desk,
        Err(reason) => return Report::of_nothing(&reason),
    };
    let mut trial = Trial::new(&desk, settings.settle);
    let steps = AssertUnwindSafe(steps::all(&mut trial)).catch_unwind();
    let broken_off = tokio::select! {
        ended = tokio::time::timeout(LONGEST, steps) => match ended {
            Ok(Ok(())) => None,
            Ok(Err(_)) => Some("the check itself failed"),
            Err(_) => Some("it took too long"),
        },
        () = stop => Some("it was interrupted"),
    };
    let left_behind = cleanup::delete_all(&desk, &trial).await;
    trial.conclude(broken_off, left_behind)
}
