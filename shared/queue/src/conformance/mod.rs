//! What every adapter must do, as tests.
//!
//! An adapter's test names a function that makes a queue nobody else uses, and gets one `#[tokio::test]` for
//! each claim:
//!
//! ```ignore
//! async fn fresh() -> impl queue::conformance::Fixture { … }
//! queue::conformance_tests!(fresh);
//! ```
//!
//! To add a claim, write a `pub async fn` that takes `&dyn Fixture` and name it in [`conformance_tests!`].

#![allow(missing_docs, reason = "the name of a test says what it claims")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

pub mod bus;
pub mod deadline;
pub mod grants;
pub mod hints;

use std::sync::Arc;

use async_trait::async_trait;

use crate::Queue;

/// One queue that nobody else uses; it goes away when this value is dropped.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// A handle to the queue as another process would have one, already live.
    async fn open(&self) -> Arc<dyn Queue>;
}

/// Makes a `#[tokio::test]` of every claim of the suite; takes the name of an `async fn() -> impl Fixture`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:ident) => {
        $crate::conformance_tests! { @each $fresh
            hints {
                a_hint_reaches_the_taker_of_its_partition
                a_hint_waits_for_its_taker
                many_hints_coalesce_to_the_newest
                a_repeated_hint_wakes_again
                hints_from_several_senders_reach_one_taker
                a_second_taker_breaks_nothing
                a_successor_gets_the_hints_after_a_hand_over
                hints_are_accepted_at_a_high_rate
            }
            bus {
                everybody_hears_an_announcement_the_sender_included
                every_subject_arrives_as_it_was_sent
                a_reader_that_lags_holds_up_nobody
                an_announcement_without_readers_is_sent
                a_live_queue_answers_a_ping
            }
            grants {
                the_owner_grants_and_gets_the_whole_request
                the_owner_may_refuse
                without_an_owner_the_answer_comes_at_once
                an_owner_that_is_too_slow_costs_no_more_than_the_patience
                a_slow_answer_does_not_hold_up_others
                owners_answer_for_their_own_partition
                an_owner_that_has_left_answers_no_more
                a_successor_answers_after_a_hand_over
                a_release_arrives
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
                        $crate::conformance::$group::$name(&fixture).await;
                    }
                )*
            }
        )*
    };
}
