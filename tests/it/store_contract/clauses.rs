//! The clauses of the contract, by chapter: each becomes a test for each engine.

/// Makes a test of every clause, for one engine. A clause that is missing here is unused, which is an error.
macro_rules! contract {
    ($engine:ident, $open:path) => {
        mod $engine {
            use super::*;
            contract! { clauses $open:
                append {
                    an_event_is_new_once_and_a_repeat_ever_after
                    a_repeat_with_another_body_is_counted_apart
                    a_repeat_from_another_source_with_another_body_is_no_conflict
                    a_conflict_noted_by_the_map_in_front_is_counted_on_the_first
                    a_repeat_adds_no_deliveries_and_leaves_the_first_as_it_was
                    an_event_reads_back_as_it_was_given_with_what_it_owes
                    an_event_that_owes_nothing_is_kept_too
                    any_bytes_survive_as_a_body
                    any_text_and_any_number_survive
                    one_call_may_bring_new_events_and_repeats
                    a_store_contains_what_it_was_given_and_nothing_else
                    a_hundred_concurrent_appends_of_one_id_make_exactly_one_new
                    a_hundred_concurrent_appends_of_different_ids_are_all_kept
                }
                cursor {
                    a_cursor_nobody_moved_has_no_value
                    events_and_the_cursor_are_kept_together
                    without_events_the_cursor_moves_alone
                    the_last_value_of_a_cursor_stands
                    events_without_a_cursor_leave_it_where_it_is
                    two_cursors_do_not_disturb_each_other
                    an_oversized_cursor_is_refused_with_the_events_it_came_with
                    an_append_that_is_dropped_half_way_moves_events_and_cursor_or_neither
                }
                claim {
                    the_oldest_due_leaves_first_and_no_more_than_the_limit
                    a_claim_hands_out_the_whole_event_and_what_is_owed
                    a_target_is_handed_only_its_own_deliveries
                    nothing_leaves_before_it_is_due
                    a_claimed_delivery_is_hidden_while_its_lease_lasts
                    a_lapsed_lease_is_due_again_as_the_next_attempt
                    concurrent_claims_never_hand_out_a_delivery_twice
                }
                settle {
                    what_was_delivered_is_never_claimed_again
                    what_was_given_up_is_never_claimed_again_and_keeps_its_reason
                    a_retry_waits_for_its_time_and_keeps_its_reason
                    the_last_reason_for_failing_is_kept_after_success
                    an_older_attempt_is_fenced_and_changes_and_raises_nothing
                    an_attempt_is_settled_once
                    that_an_attempt_may_have_arrived_is_remembered_whatever_comes_after
                    a_delivery_nobody_claimed_cannot_be_settled
                    a_late_settlement_counts_while_nobody_else_has_claimed
                    of_many_concurrent_settlements_of_one_attempt_one_counts
                    what_a_settlement_raises_is_kept_with_it_and_owed
                    what_was_raised_before_is_counted_as_a_repeat
                }
                due {
                    nothing_pending_is_due_never
                    what_is_due_next_is_the_earliest_of_what_is_pending
                    what_is_leased_is_due_when_the_lease_ends
                    a_pause_holds_back_everything_for_its_target_and_for_no_other
                    nothing_is_due_before_a_pause_ends
                    a_shorter_pause_does_not_cut_a_longer_one_short
                }
                group {
                    a_group_waits_for_others_and_leaves_as_one
                    groups_and_targets_do_not_wait_for_each_other
                    the_next_batch_of_a_group_leaves_when_the_interval_is_over
                    what_had_no_room_leaves_as_soon_as_the_full_batch_is_through
                    nothing_of_a_group_overtakes_what_is_on_its_way
                    a_batch_that_is_tried_again_takes_newcomers_along_but_not_before_its_time
                    a_batch_whose_holder_is_gone_leaves_again_as_one
                    of_many_whose_holders_are_gone_those_without_room_wait_for_the_others
                    of_many_the_most_severe_stands_for_all_and_twenty_are_shown
                    where_the_route_groups_no_more_each_leaves_alone_when_it_is_due
                }
                storm {
                    below_its_limit_a_route_is_not_swept
                    a_storm_is_swept_into_one_message_each_interval
                    what_is_spared_leaves_alone_and_at_once
                    what_is_spared_does_not_wait_for_the_group_of_its_incident
                    when_the_bucket_is_empty_the_storm_is_over
                    what_came_in_a_storm_leaves_as_one_when_it_is_over
                    another_storm_is_another_story
                    the_storm_of_one_route_sweeps_up_nothing_of_another
                    every_target_of_a_route_in_a_storm_gets_its_own_message
                    a_storm_never_mixes_incidents_where_the_target_keeps_them_itself
                    a_storm_sweeps_incidents_together_where_they_are_only_told
                    the_message_of_a_storm_counts_on_from_all_that_arrived
                    what_may_have_arrived_in_a_storm_is_not_counted_twice
                    what_is_worse_than_all_that_a_storm_told_is_a_new_message
                    another_storm_is_another_message
                    a_storm_and_an_incident_know_nothing_of_each_others_message
                    what_was_told_of_a_storm_without_a_name_or_before_it_could_be_changed_stays
                }
                incident {
                    what_belongs_to_one_incident_leaves_in_order
                    a_dead_letter_holds_up_nothing_of_its_incident
                    an_end_cancels_what_has_not_left_and_is_then_told_to_nobody
                    an_end_of_what_was_told_is_told_and_knows_what_it_ends
                    an_end_without_a_beginning_owes_nothing
                    an_end_waits_for_what_is_on_its_way_and_goes_by_how_that_ends
                    what_opens_it_again_waits_for_the_end_and_is_a_new_incident
                    what_opened_it_again_and_is_over_before_the_first_end_left_is_told_to_nobody
                    an_incident_ends_by_itself_when_nothing_more_is_heard_of_it
                    an_end_that_comes_by_itself_is_owed_since_then
                    a_time_out_does_not_cancel_what_has_not_left
                    an_end_that_came_makes_the_time_out_unneeded
                    more_incidents_than_one_claim_ends_are_all_ended_by_the_next_ones
                    what_the_target_gave_for_the_first_message_is_handed_back_with_the_later_ones
                    an_end_that_waited_for_its_beginning_has_its_receipt
                    what_was_silenced_at_its_beginning_has_no_end
                    whoever_judges_knows_what_ends_something_that_was_told
                    what_a_holder_that_is_gone_may_have_told_has_an_end
                    two_ends_of_what_a_holder_that_is_gone_may_have_told_are_one
                    a_group_that_holds_a_beginning_and_an_end_loses_neither
                    what_is_over_ends_nothing_that_happened_later
                    what_an_end_cancels_is_said_by_the_write_that_keeps_it
                    the_end_of_what_was_cut_short_in_a_storm_is_not_silent
                }
                fallback {
                    a_dead_letter_goes_to_the_fallback_target_once
                    what_a_target_that_is_shut_for_too_long_owes_goes_to_the_fallback_target_too
                    a_target_that_opens_again_in_time_bothers_nobody_else
                    hundreds_fall_back_each_once
                    the_end_of_an_incident_goes_where_its_beginning_went
                    both_are_told_the_end_of_what_both_were_told
                    what_is_over_when_it_is_given_up_is_no_news_to_anybody_else
                    an_end_that_is_given_up_is_told_to_nobody_who_heard_of_no_beginning
                    what_falls_back_waits_for_what_is_on_its_way_of_its_incident
                    an_incident_that_fell_back_times_out_where_it_was_told
                    what_is_heard_of_an_incident_here_lets_it_go_on_where_it_was_told_instead
                    what_is_silent_does_not_fall_back
                    a_dead_letter_that_is_silent_by_now_goes_to_nobody_else
                    two_targets_with_one_fallback_tell_it_once
                    who_is_told_by_a_route_anyway_is_not_told_instead
                    who_is_told_nothing_by_a_route_is_told_instead
                    what_stood_in_for_two_and_is_silent_is_told_for_the_other
                }
                standing {
                    messages_leave_no_faster_than_the_rate_and_in_bursts_after_a_rest
                    one_batch_counts_once_against_the_rate_however_many_are_in_it
                    fresh_news_leave_first_but_for_the_share_of_the_old
                    what_waited_for_more_than_a_minute_is_old
                    no_more_old_ones_are_handed_out_than_asked_for
                    a_refusal_closes_the_target_which_is_probed_with_a_real_one
                    five_failures_in_a_row_close_the_target_and_nobody_is_told_if_the_first_probe_succeeds
                    a_target_that_goes_on_failing_is_reported_once
                    a_closed_target_is_not_tried_twice_with_one_message_while_others_wait
                    what_a_change_gives_rise_to_is_kept_with_it
                    one_target_that_is_closed_closes_no_other
                }
                ruling {
                    who_is_silenced_ends_so_and_leaves_no_trace_of_failure
                    who_comes_too_late_is_a_dead_letter_that_says_what_stood_in_its_way
                    whoever_judges_knows_of_an_attempt_that_nobody_knows_the_end_of
                    whoever_may_not_leave_is_left_out_of_the_batch_it_would_have_left_in
                    a_claim_that_ends_very_many_says_that_there_is_more
                }
                ledger {
                    an_event_that_nothing_happened_to_has_an_empty_ledger
                    an_attempt_is_written_down_with_what_was_answered
                    a_fenced_settlement_writes_nothing_down
                    an_attempt_that_was_cut_short_is_written_down_once_when_it_is_taken_up_again
                    each_of_many_that_left_together_knows_the_message_it_was_part_of
                    an_end_without_delivery_is_written_down_with_its_reason
                    what_falls_back_says_to_whom_and_by_which_delivery
                    the_end_of_an_incident_is_written_down_where_it_began
                    what_an_end_cancels_says_what_ended_it
                    repeats_are_written_down_up_to_a_limit_and_counted_beyond
                    of_very_many_entries_the_first_half_and_the_last_are_kept
                    an_event_knows_the_routing_table_it_came_under
                }
                again {
                    a_dead_letter_is_owed_again_as_if_it_came_now
                    what_is_no_dead_letter_is_not_owed_again
                    a_dead_letter_of_another_target_stays_one
                    a_dead_beginning_that_is_owed_again_has_its_end
                    a_replay_owes_again_and_says_how_far_it_has_come
                    a_replay_leaves_with_nothing_but_itself_and_after_the_news
                    with_new_keys_a_replay_is_another_message_and_belongs_to_no_incident
                    a_replay_that_is_stopped_goes_no_further_and_the_first_end_stands
                    a_replay_ends_an_incident_only_where_it_is_open
                    a_replay_of_what_is_over_leaves_the_incident_that_is_open_alone
                    a_dead_end_is_not_owed_again_where_another_incident_is_open_by_now
                    a_dead_beginning_is_not_owed_again_while_its_end_is_on_its_way
                    what_nobody_heard_began_ends_by_itself_when_it_is_owed_again
                    a_dead_beginning_whose_end_came_is_not_owed_again
                    a_beginning_that_dies_after_its_end_came_is_not_owed_again
                    an_end_that_happened_before_a_dead_beginning_does_not_hide_it
                    a_dead_beginning_of_which_nothing_would_tell_the_end_is_not_owed_again
                    what_is_told_again_falls_back_again_and_once
                }
                query {
                    everything_is_listed_the_newest_or_the_oldest_first
                    a_type_is_found_by_its_name_or_its_beginning
                    an_event_is_found_by_cluster_severity_and_source
                    words_are_found_whole_in_any_order_and_any_case
                    events_are_found_by_their_ids_in_the_order_of_their_arrival
                    a_time_has_a_beginning_and_an_end
                    deliveries_are_listed_by_whom_they_are_owed_to_and_how_they_stand
                    whatever_is_asked_for_every_part_together_is_what_the_model_says
                }
                silence {
                    a_silence_reads_back_as_it_was_given_under_an_id_of_its_own
                    a_silence_that_is_over_is_not_among_the_current_ones
                    of_many_silences_the_newest_are_listed_in_their_order
                    a_silence_that_is_ended_is_over_then_and_says_by_whom
                    the_first_end_of_a_silence_stands
                    a_silence_nobody_kept_cannot_be_ended
                    pruning_forgets_silences_that_were_over_before_and_never_gives_their_ids_again
                    pruning_forgets_no_more_silences_than_its_limit
                }
                act {
                    a_silence_is_an_act_and_so_is_its_first_end
                    acts_are_listed_newest_first_and_before_a_number
                    pruning_forgets_acts_from_before_and_never_gives_their_numbers_again
                    an_order_that_changes_nothing_is_no_act
                    what_an_operator_has_kept_is_an_act_if_it_is_new
                    nothing_leaves_for_a_paused_target_until_it_is_resumed
                    a_pause_with_an_end_ends_by_itself
                    a_pause_alone_lets_nothing_fall_back_and_hides_no_closing
                    what_was_claimed_before_a_pause_is_settled_and_what_must_be_tried_again_waits
                    a_test_counts_against_the_rate_and_may_take_one_turn_in_advance
                }
                upkeep {
                    the_backlog_counts_what_is_pending_and_dead_and_knows_the_oldest
                    a_target_that_waits_for_nothing_is_not_in_the_backlog
                    pruning_forgets_only_what_is_older
                    pruning_never_forgets_what_is_still_owed
                    pruning_forgets_no_more_than_its_limit
                    a_pruned_event_is_new_again_with_ids_never_used_before
                    a_probe_succeeds_and_changes_nothing
                    what_nobody_knows_is_answered_and_does_no_harm
                    an_append_that_is_dropped_half_way_is_done_or_not_done
                    a_settlement_that_is_dropped_half_way_is_done_or_not_done
                    a_claim_that_is_dropped_half_way_loses_nothing
                }
            }
        }
    };
    (clauses $open:path: $($chapter:ident { $($clause:ident)* })*) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let harness = $open();
                $chapter::$clause(harness.store.clone()).await;
            }
        )*)*
    };
}
