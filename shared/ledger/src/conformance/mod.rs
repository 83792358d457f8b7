//! What every adapter must do, as tests.
//!
//! An adapter's test names a function that makes a fresh, migrated database, and gets one `#[tokio::test]`
//! for each claim:
//!
//! ```ignore
//! async fn fresh() -> impl ledger::conformance::Fixture { … }
//! ledger::conformance_tests!(fresh);
//! ```
//!
//! To add a claim, write a `pub async fn` that takes `&dyn Fixture` and name it in [`conformance_tests!`].

#![allow(missing_docs, reason = "the name of a test says what it claims")]
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "these are tests")]

pub mod appends;
pub mod audit;
pub mod sample;

use std::sync::Arc;

use async_trait::async_trait;

use crate::Backend;

/// One fresh database, migrated; it goes away when this value is dropped.
#[async_trait]
pub trait Fixture: Send + Sync + 'static {
    /// A new handle with connections of its own, as another process would have one.
    async fn open(&self) -> Arc<dyn Backend>;

    /// Runs one statement past the adapter, over a connection of its own, as somebody with a database shell
    /// would; the text of the database's error if it is refused. Tables have the names that are used in
    /// the documentation of [`crate::view::ViewRow`]; the log is `events`.
    async fn raw(&self, sql: &str) -> Result<(), String>;
}

/// Makes a `#[tokio::test]` of every claim of the suite; takes the name of an `async fn() -> impl Fixture`.
#[macro_export]
macro_rules! conformance_tests {
    ($fresh:ident) => {
        $crate::conformance_tests! { @each $fresh
            appends {
                an_empty_ledger_has_its_head_at_zero
                an_append_lands_with_all_its_parts
                positions_and_tenant_numbers_have_no_gaps
                a_stream_at_another_version_refuses_the_append
                two_events_of_one_stream_follow_each_other_in_one_append
                any_version_numbers_on
                an_append_that_fails_leaves_its_batch_mates_alone
                a_batch_mate_sees_what_the_one_before_it_wrote
                recorded_at_never_runs_backwards
                events_can_only_be_inserted
                an_append_without_events_stands_at_the_head
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
