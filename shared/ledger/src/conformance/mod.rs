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
pub mod auditing;
pub mod erasures;
pub mod group_commit;
pub mod guards;
pub mod history;
pub mod keys;
pub mod ownership;
pub mod readers;
pub mod rebuilding;
pub mod sample;
pub mod seals;
pub mod tampering;
pub mod tenants;
pub mod uniqueness;
pub mod views;
pub mod walk;
pub mod webhooks;

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

    /// Takes the triggers away that keep the log and what is sealed of it insert-only, as somebody with rights on the
    /// database could.
    async fn disarm(&self);
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
            erasures {
                erasures_are_read_from_any_position_on
                the_sealed_events_of_a_store_are_its_own
                an_erased_order_has_neither_key_nor_image_however_often_views_are_rebuilt
            }
            guards {
                a_partition_guard_holds_for_its_owner_in_its_epoch
                a_store_that_is_being_deleted_takes_nothing
                an_erased_tenant_takes_nothing
                a_destroyed_data_key_seals_nothing_more
                every_guard_of_an_append_counts
            }
            uniqueness {
                a_store_is_registered_once_while_it_lives
                one_of_two_racing_registrations_wins
                a_key_lookup_is_taken_for_ever
                an_idempotency_key_is_taken_until_it_expires
                one_of_many_racing_repeats_wins
            }
            keys {
                data_keys_are_kept_and_found_by_their_order
                a_data_key_may_be_bound_in_the_append_that_makes_it
                destroying_an_orders_keys_spares_all_others
                new_credentials_outlive_the_destruction_of_the_old_ones
                idempotency_records_come_back_as_they_were
                dead_idempotency_records_are_purged_in_bites
                the_first_value_of_a_setting_wins
                a_setting_is_swapped_only_from_what_it_was
            }
            ownership {
                partitions_that_nobody_owns_are_taken_once
                racing_claims_take_each_partition_once
                a_claim_needs_a_valid_heartbeat
                a_deposed_owner_cannot_append
                no_append_follows_the_claim_that_deposes_its_owner
                only_a_forced_claim_takes_from_the_living
                a_released_partition_is_idle_since_its_release
                who_says_goodbye_leaves_nothing_behind
                who_is_draining_keeps_its_partitions_and_counts_no_more
            }
            readers {
                a_polling_reader_never_skips_what_interleaved_writers_append
            }
            auditing {
                every_filter_shows_what_the_log_says_newest_first
                a_page_with_several_conditions_looks_at_no_more_than_its_share
                pages_stay_as_they_are_while_others_append
                places_in_a_tenants_events_are_found
                a_tenants_events_are_read_on_from_any_number
            }
            views {
                every_query_shows_what_the_log_says
                what_does_not_exist_is_not_found
                a_long_lane_is_counted_up_to_a_limit
            }
            tenants {
                tenants_come_in_pages_newest_first
                a_tenant_is_to_be_erased_from_its_deletion_to_its_erasure
                what_is_left_of_a_tenant_is_its_own
                every_partition_shows_what_waits_in_it
                a_tenants_tokens_are_the_shares_of_its_succeeded_jobs
            }
            history {
                what_is_known_of_an_order_is_found_newest_first
            }
            walk {
                views_equal_the_fold_after_random_histories
            }
            group_commit {
                hundreds_of_appends_at_once_all_land
                an_append_that_is_refused_fails_alone
                an_append_that_breaks_the_database_fails_alone
                a_caller_that_goes_away_changes_nothing
                closing_waits_for_what_was_handed_in
            }
            seals {
                a_run_lands_once_and_only_where_the_last_one_ended
                hashes_and_subtrees_come_back_as_they_were_sealed
                heads_come_back_in_the_order_of_their_sizes
                what_was_sealed_can_only_be_inserted
                several_sealers_at_once_seal_the_same_tree
                every_proof_from_the_database_verifies
                nothing_is_signed_on_top_of_what_was_altered
                another_generation_signs_the_same_tree_under_another_name
                an_export_proves_itself_from_wherever_it_begins
            }
            tampering {
                a_log_that_nobody_touched_is_verified_while_it_grows
                an_event_that_was_altered_is_named
                an_event_that_was_removed_or_moved_is_named
                an_event_altered_with_all_that_was_sealed_of_it_is_bracketed_by_signed_heads
                what_was_sealed_cannot_be_changed_unnoticed
                an_end_that_was_cut_off_is_noticed_by_who_kept_a_checkpoint
                an_altered_event_shows_in_its_tenants_export
            }
            webhooks {
                an_endpoint_is_listed_until_it_is_removed
                the_fan_out_is_one_workers_at_a_time
                what_is_fanned_out_twice_is_there_once
                a_claim_takes_what_is_due_and_no_more_than_its_share
                a_lane_with_a_long_backlog_delays_no_other
                racing_claims_take_each_delivery_once
                what_a_dead_worker_has_claimed_comes_to_another
                what_a_worker_gives_back_is_due_at_once
                an_outcome_moves_its_delivery_on
                an_endpoint_fails_since_its_first_failure_after_a_success
                a_delivery_is_made_again_when_somebody_asks
                a_range_is_made_again_in_bites
                what_is_skipped_is_not_tried_and_can_be_made_again
                what_is_erased_leaves_nothing
            }
            rebuilding {
                rebuilt_views_are_the_same
                damaged_views_are_mended
                a_log_of_several_pages_is_rebuilt_whole
                rebuilding_spares_what_is_no_view
                rebuilding_while_others_append_loses_nothing
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
