//! Messages: one response, several lines, several files.

use super::{cost, figure, names, output_by, output_tokens, summary, tokens};

#[test]
fn lines_of_one_response_count_once() {
    let summary = summary("summing-lines");
    assert_eq!(figure(&summary, "messages"), 1);
    assert_eq!(tokens(&summary), "input 5, output 300, cache_write_1h 1000, cache_read 20000");
    assert_eq!(cost(&summary), "0.018020");
}

#[test]
fn largest_line_of_an_id_counts_not_the_first() {
    let summary = summary("first-line-of-an-id");
    assert_eq!(output_tokens(&summary), 500);
    assert_eq!(figure(&summary, "not_final_messages"), 0);
}

#[test]
fn placeholder_output_is_marked_as_not_final() {
    let summary = summary("placeholder-output");
    assert_eq!(output_tokens(&summary), 81);
    assert_eq!(figure(&summary, "not_final_messages"), 1);
}

#[test]
fn copy_that_lost_its_request_id_is_no_new_message() {
    let summary = summary("request-id-in-the-key");
    assert_eq!(figure(&summary, "messages"), 1);
    assert_eq!(output_tokens(&summary), 120);
}

#[test]
fn copy_with_another_uuid_is_no_new_message() {
    assert_eq!(figure(&summary("uuid-as-the-key"), "messages"), 1);
}

#[test]
fn copies_in_other_files_and_sessions_count_once() {
    let slug = "dedup-inside-a-file";
    assert_eq!(tokens(&summary(slug)), "input 15, output 167");
    let sessions = "00000000-0000-4000-8000-000000000001 160, 00000000-0000-4000-8000-000000000002 7";
    assert_eq!(output_by("sessions", "session", slug), sessions);
}

#[test]
fn lines_of_an_id_need_not_be_adjacent() {
    let summary = summary("interleaved-ids");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(output_tokens(&summary), 110);
}

#[test]
fn copied_message_belongs_to_its_first_day() {
    assert_eq!(output_by("daily", "day", "copied-time"), "2026-11-18 120, 2026-11-20 30");
}

#[test]
fn larger_copy_gives_the_usage_and_the_older_one_the_day() {
    assert_eq!(output_by("daily", "day", "larger-copy"), "2026-11-18 90");
    assert_eq!(figure(&summary("larger-copy"), "not_final_messages"), 0);
}

#[test]
fn copy_with_a_split_of_cache_writes_is_preferred() {
    let tokens = tokens(&summary("copy-without-a-split"));
    assert_eq!(tokens, "input 5, output 10, cache_write_1h 1000");
}

#[test]
fn fork_that_keeps_uuid_and_id_counts_once() {
    let summary = summary("forked-session");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(figure(&summary, "prompts"), 1);
    assert_eq!(figure(&summary, "sessions"), 2);
}

#[test]
fn transcript_that_moved_to_another_folder_counts_once() {
    let summary = summary("moved-transcript");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(figure(&summary, "total_operations"), 1);
    assert_eq!(figure(&summary, "prompts"), 1);
    let projects = ["/work/demo", "/work/demo/.claude/worktrees/fix"];
    assert_eq!(names(&summary["projects"], "project"), projects);
}

#[test]
fn set_aside_files_are_read_and_backups_are_not() {
    let summary = summary("set-aside-files");
    assert_eq!(summary["accounting"]["transcripts"], 3);
    assert_eq!(output_tokens(&summary), 70);
    assert_eq!(figure(&summary, "sessions"), 1);
}

#[test]
fn gateway_ids_are_unique_only_within_a_session() {
    let summary = summary("gateway-ids");
    assert_eq!(figure(&summary, "messages"), 3);
    assert_eq!(tokens(&summary), "input 15, output 120");
}

#[test]
fn messages_without_an_id_are_told_apart_by_uuid_or_line() {
    let summary = summary("messages-without-id");
    assert_eq!(figure(&summary, "messages"), 4);
    assert_eq!(output_tokens(&summary), 150);
}

#[test]
fn order_of_lines_is_not_the_order_of_time() {
    assert_eq!(output_by("daily", "day", "out-of-order"), "2026-11-19 30, 2026-11-20 40");
}

#[test]
fn message_without_usage_is_none_but_its_calls_count() {
    let summary = summary("missing-usage");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(tokens(&summary), "output 9");
    assert_eq!(figure(&summary, "total_operations"), 1);
}

#[test]
fn null_in_usage_is_zero_and_no_problem() {
    let summary = summary("null-usage-parts");
    assert_eq!(tokens(&summary), "input 5, output 10, cache_write_5m 100");
    assert_eq!(cost(&summary), "0.000720");
}

#[test]
fn synthetic_lines_are_api_errors_or_nothing() {
    let summary = summary("synthetic-model");
    assert_eq!(figure(&summary, "messages"), 1);
    assert_eq!(figure(&summary, "api_errors"), 1);
    assert_eq!(names(&summary["models"], "model"), ["claude-opus-5-5"]);
}

#[test]
fn retries_are_no_api_errors() {
    assert_eq!(figure(&summary("retries-as-errors"), "api_errors"), 0);
}

#[test]
fn refusal_and_its_fallback_are_two_messages() {
    let summary = summary("refusal-fallback");
    assert_eq!(names(&summary["models"], "model"), ["claude-fable-5-1", "claude-opus-5-5"]);
    assert_eq!(cost(&summary), "0.000970");
}

#[test]
fn content_may_be_a_string_or_null() {
    let summary = summary("string-assistant-content");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(output_tokens(&summary), 150);
}

#[test]
fn thinking_tokens_are_part_of_the_output() {
    assert_eq!(tokens(&summary("thinking-tokens")), "input 5, output 100");
}

#[test]
fn usage_is_read_from_its_place_only() {
    let summary = summary("textual-search-for-usage");
    assert_eq!(figure(&summary, "messages"), 1);
    assert_eq!(tokens(&summary), "input 5, output 100");
}

#[test]
fn cost_state_is_never_added() {
    let summary = summary("cost-state");
    assert_eq!(tokens(&summary), "output 2000");
    assert_eq!(cost(&summary), "0.040000");
}
