//! What every backend must do, as tests of a [`Cache`](crate::Cache) that keeps its entries there.
//!
//! A backend's test names a function that makes one nobody else uses, and gets one `#[tokio::test]` for each claim:
//!
//! ```ignore
//! async fn fresh() -> impl cache::conformance::Fixture { … }
//! cache::conformance_tests!(fresh);
//! ```
//!
//! To add a claim, write a `pub async fn` that takes `&dyn Fixture` and name it in [`conformance_tests!`].

#![allow(missing_docs, reason = "the name of a test says what it claims")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

pub mod flights;
pub mod keeping;
mod place;
pub mod raises;
mod sealing;
pub mod standing_in;

use std::sync::Arc;

use async_trait::async_trait;

use crate::Backend;

pub use place::{Failure, Place, Source, area};
pub use sealing::Turning;

/// A place for entries that nobody else uses; it goes away when this value is dropped.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// The backend as another process would have it; the same one again if it is not shared.
    async fn open(&self) -> Arc<dyn Backend>;
}

/// Ends a test that hangs: those that wait for leave would do so for ever.
pub async fn within_its_time(test: impl Future<Output = ()>) {
    tokio::time::timeout(std::time::Duration::from_mins(2), test)
        .await
        .expect("the test ends");
}

/// Makes a `#[tokio::test]` of every claim of the suite; takes the name of an `async fn() -> impl Fixture`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:ident) => {
        $crate::conformance_tests! { @each $fresh
            keeping {
                what_was_fetched_is_answered_until_its_time_is_over
                entries_are_kept_apart
                an_answer_comes_back_whole
                a_time_of_zero_keeps_nothing
                the_age_counts_from_the_beginning_of_the_fetch
                an_entry_of_a_clock_that_is_ahead_is_none
                an_older_answer_does_not_replace_a_newer_one
                a_usable_backend_answers_a_ping
            }
            standing_in {
                an_old_answer_stands_in_while_nothing_else_can_be_had
                an_answer_that_is_too_old_does_not_stand_in
                an_error_that_is_an_answer_is_shown
                nothing_stands_in_after_a_raise
                nothing_stands_in_for_a_caller_who_insists
            }
            flights {
                a_hundred_concurrent_misses_make_one_fetch
                a_fetch_goes_on_when_its_asker_goes_away
                an_error_is_shared_and_not_kept
                those_who_ask_after_a_raise_get_a_fetch_of_their_own
                callers_who_insist_share_a_fetch_that_begins_after_they_asked
                a_fetch_that_panics_takes_nobody_along
            }
            raises {
                a_raise_forgets_its_areas_and_no_other
                a_raise_of_another_process_is_seen_at_once
                a_fetch_from_before_a_raise_is_not_kept
                a_fill_from_before_a_raise_is_never_found
                a_raised_area_is_kept_again
                no_read_that_begins_after_a_raise_shows_what_was_before
            }
        }
    };
    (@each $fresh:ident $($group:ident { $($name:ident)* })*) => {
        $(
            mod $group {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $name() {
                        let fixture = super::$fresh().await;
                        $crate::conformance::within_its_time($crate::conformance::$group::$name(&fixture)).await;
                    }
                )*
            }
        )*
    };
}
