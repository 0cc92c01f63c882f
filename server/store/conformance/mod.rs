//! The conformance suite for every store: one function per rule, run over every backend.
//!
//! A backend in another crate enables the feature `conformance` and adds one line to a test file:
//!
//! ```ignore
//! runyard_store::conformance_suite!(postgres: open().await);
//! ```
//!
//! The expression returns a value that lives as long as the test (a folder, or `()`), and a new, empty store. The tests
//! run on tokio, which the backend needs as a dev-dependency, with `macros`.
//!
//! | file | what |
//! |------|------|
//! | `fixture.rs` | builders of appends for tests |
//! | `commits.rs`, `reads.rs`, `labels.rs`, `claims.rs`, `approvals.rs`, `api_keys.rs`, `objects.rs`, `sealed.rs`, `turns.rs`, `values.rs`, `retention.rs` | the rules |
//! | `model.rs` | random interleavings, to which every backend gives the answers that [`Memory`](crate::memory::Memory) gives |

#![expect(clippy::unwrap_used, reason = "a rule fails where a store does not answer")]
#![expect(missing_docs, reason = "the name of a rule says what must hold")]

pub mod api_keys;
pub mod approvals;
pub mod claims;
pub mod commits;
pub mod fixture;
pub mod labels;
pub mod model;
pub mod objects;
pub mod reads;
pub mod retention;
pub mod sealed;
pub mod turns;
pub mod values;

/// Tests of every rule over a backend, in a module with this name. `$open` returns a value that lives as long as the
/// test, and an empty store.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:ident: $open:expr) => {
        mod $backend {
            #[test]
            fn answers_are_those_of_the_memory_store() {
                $crate::conformance::model::compare(|| $open);
            }

            #[test]
            fn objects_are_those_of_the_memory_store() {
                $crate::conformance::objects::compare(|| $open);
            }

            $crate::conformance_suite!(@rules $open,
                commits::an_append_gets_the_next_positions,
                commits::a_wrong_version_conflicts_and_writes_nothing,
                commits::each_entry_succeeds_or_fails_alone,
                commits::an_entry_sees_those_before_it,
                commits::a_name_is_unique_in_its_tenant,
                commits::a_key_is_used_once,
                commits::the_first_broken_rule_is_reported,
                commits::an_append_that_breaks_its_own_rules_is_refused,
                commits::what_never_changes_in_a_row_is_kept,
                commits::no_entries_no_answers,
                commits::one_of_many_wins_each_version,
                commits::many_runs_all_land,
                reads::a_log_is_read_in_pages,
                reads::tenants_do_not_see_each_other,
                reads::a_row_is_what_was_written,
                reads::a_node_run_names_its_run,
                reads::each_filter_filters,
                reads::pages_are_stable_while_runs_arrive,
                reads::runs_of_one_millisecond_are_paged_by_id,
                labels::runs_are_found_by_their_labels,
                labels::labels_and_the_other_filters_work_together,
                labels::labels_are_of_one_tenant_and_come_with_the_start,
                labels::pages_are_numbered,
                reads::counts_follow_every_change,
                reads::counts_stay_right_over_many_changes,
                claims::the_oldest_due_is_claimed_first,
                claims::a_limit_limits,
                claims::nothing_is_claimed_before_it_is_due,
                claims::two_claimers_never_hold_the_same,
                claims::an_expired_lease_is_claimed_again_under_a_higher_epoch,
                claims::an_old_epoch_is_fenced,
                claims::an_expired_lease_without_a_new_claim_may_settle,
                claims::what_was_never_claimed_cannot_settle,
                claims::a_settled_effect_is_gone,
                claims::several_are_settled_together_or_none,
                claims::settling_may_change_nothing_else,
                claims::a_renewed_lease_lasts_longer,
                claims::an_old_epoch_is_not_renewed,
                claims::a_dropped_effect_is_never_claimed,
                claims::a_dropped_effect_cannot_settle,
                claims::one_run_cannot_touch_anothers_effects,
                claims::dropping_another_tenants_effect_does_not_free_its_id,
                claims::an_effect_comes_back_as_it_was_asked,
                claims::next_due_names_the_next_time_to_look,
                claims::timers_are_claimed_apart,
                claims::a_refused_entry_keeps_its_effects,
                approvals::an_approval_is_what_was_written,
                approvals::only_title_and_status_change,
                approvals::each_filter_of_approvals_filters,
                approvals::pages_are_stable_while_others_are_asked_for,
                approvals::approvals_of_other_tenants_are_not_seen,
                approvals::what_is_refused_is_not_asked,
                api_keys::a_key_is_what_was_kept,
                api_keys::a_key_id_is_taken_once_over_all_tenants,
                api_keys::keys_are_listed_by_tenant_and_time,
                api_keys::a_key_is_revoked_once_and_stays_visible,
                sealed::what_is_sealed_is_there_while_its_run_lives,
                sealed::only_a_new_run_seals_and_each_name_once,
                values::a_large_value_is_found_by_the_runs_that_name_it,
                values::a_refused_append_leaves_no_value,
                values::a_large_value_goes_with_the_last_run_that_names_it,
                turns::a_turn_is_taken_once,
                turns::turns_are_listed_from_the_last,
                objects::an_object_is_what_was_put,
                objects::an_object_is_written_at_the_version_seen,
                objects::a_name_is_unique_in_its_kind,
                objects::objects_change_together_or_not_at_all,
                objects::objects_are_listed_newest_first,
                retention::a_removed_run_is_found_in_no_way,
                retention::what_has_not_ended_or_moved_on_stays,
                retention::runs_that_are_still_needed_stay,
                retention::the_oldest_come_first,
            );
        }
    };
    (@rules $open:expr, $($module:ident::$rule:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $rule() {
                let (_kept, store) = $open;
                $crate::conformance::$module::$rule(&store).await;
            }
        )*
    };
}
