//! One file per promise, against the real programs. The file name is the promise.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "all of this is test: what cannot go on ends its test"
)]

mod a_browser_makes_passkeys;
mod a_browser_reads_with_a_password;
mod a_form_is_answered_with_what_comes_next;
mod a_gate_admits_once;
mod a_killed_server_loses_no_answer;
mod a_password_only_reads;
mod a_policy_is_compared_before_it_rules;
mod an_agent_that_may_gets_a_passport;
mod at_the_portal;
mod audited;
mod bad_input_changes_no_case;
mod bad_signatures_change_no_case;
mod foreign_text_stays_text;
mod forms_say_what_is_signed;
mod hostile_policy;
mod keys_are_rotated;
mod kill_9_loses_nothing;
mod long_poll;
mod news_comes_to_open_pages;
mod no_release_changes_a_verdict;
mod offline_without_network;
mod one_sync_before_an_answer;
mod outcomes_close_cases_and_move_trust;
mod pages;
mod pages_are_for_everybody;
mod pages_offer_what_may_be_signed;
mod pages_say_what_became_of_it;
mod people_approve_exactly_what_they_saw;
mod people_rule_by_their_own_signatures;
mod same_request_same_answer;
mod sessions_end_and_strangers_see_nothing;
mod the_demo_runs;
mod the_first_day_is_ruled_by_the_pages;
mod the_ledger_is_there_to_be_taken;
mod the_portal_shows_what_the_log_says;
mod tidy;
mod two_cannot_both_win;
mod visibility;
mod who_asks_too_often_slows_nobody_else;
