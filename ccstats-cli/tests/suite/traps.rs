//! One test per trap: a tiny tree under `testdata/traps/` that makes a careless
//! reader miscount, and the figure that is right.
//!
//! The name of a test is the claim; its transcript lies in the folder that the
//! test names. Expected values were computed by the reference implementation,
//! except where the counting rules go beyond it: it reads JSON strictly, the
//! program only what it needs.
//!
//! Knows the program by its command line and its JSON alone.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

// Helpers: the program, and its figures as short texts.

const TRAPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/traps");

/// The report over everything below `root`, run as a user without any home.
fn report(name: &str, root: &Path) -> Value {
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_ccstats"))
        .args([name, "--root"])
        .arg(root)
        .args(["--range", "all", "--json", "--no-store", "--tz", "UTC"])
        .env("HOME", home.path())
        .env("CLAUDE_CONFIG_DIR", home.path())
        .env("CCSTATS_DATA_DIR", home.path())
        .output()
        .expect("the program can be started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", root.display());
    serde_json::from_slice(&output.stdout).expect("the program prints JSON")
}

fn trap(slug: &str) -> PathBuf {
    Path::new(TRAPS).join(slug)
}

fn summary(slug: &str) -> Value {
    report("summary", &trap(slug))
}

/// One figure of the block `summary`.
fn figure(summary: &Value, name: &str) -> u64 {
    summary["summary"][name].as_u64().expect("a whole number")
}

/// The fields of an object that are numbers other than zero: `input 5, output 9`.
fn nonzero(object: &Value, names: &[&str]) -> String {
    let count = |name: &&str| object[*name].as_u64().expect("a whole number");
    let named = names.iter().filter(|name| count(name) > 0);
    named.map(|name| format!("{name} {}", count(name))).collect::<Vec<_>>().join(", ")
}

fn tokens(summary: &Value) -> String {
    let kinds = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"];
    nonzero(&summary["summary"]["tokens"], &kinds)
}

fn output_tokens(summary: &Value) -> u64 {
    summary["summary"]["tokens"]["output"].as_u64().expect("a whole number")
}

/// What became of the calls of one tool: `ok 1, failed 2`.
fn outcomes(summary: &Value, tool: &str) -> String {
    let tools = summary["tools"].as_array().expect("a list of tools");
    let row = tools.iter().find(|row| row["tool"] == tool).expect("a row of the tool");
    let kinds = ["ok", "failed", "tool_error", "denied", "cancelled", "interrupted", "background", "soft_nonzero", "no_result"];
    nonzero(row, &kinds)
}

/// What became of the lines: `parsed 2, malformed 1`.
fn lines(summary: &Value) -> String {
    let kinds = ["parsed", "salvaged", "blank", "malformed", "unfinished"];
    nonzero(&summary["accounting"], &kinds)
}

/// US dollars to the millionth, so that no test depends on how a float prints.
fn usd(cost: &Value) -> String {
    cost.as_f64().map_or("none".to_owned(), |cost| format!("{cost:.6}"))
}

fn cost(summary: &Value) -> String {
    usd(&summary["summary"]["estimated_cost"]["total"])
}

/// The names in one column of a list, sorted.
fn names(rows: &Value, column: &str) -> Vec<String> {
    let rows = rows.as_array().expect("a list of rows").iter();
    let mut names: Vec<_> = rows.filter_map(|row| row[column].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

/// A column and the output tokens beside it: `2026-11-18 120, 2026-11-20 30`.
fn output_by(name: &str, column: &str, slug: &str) -> String {
    let report = report(name, &trap(slug));
    let rows = report["rows"].as_array().expect("a list of rows");
    let pair = |row: &Value| {
        let output = row["tokens"]["output"].as_u64().expect("a whole number");
        format!("{} {output}", row[column].as_str().expect("a name"))
    };
    let mut pairs: Vec<_> = rows.iter().map(pair).collect();
    pairs.sort();
    pairs.join(", ")
}

// Messages: one response, several lines, several files.

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

// Subagents.

#[test]
fn subagents_of_every_layout_count() {
    let slug = "subagents-left-out";
    let summary = summary(slug);
    assert_eq!(output_tokens(&summary), 250);
    assert_eq!(figure(&summary, "sessions"), 1);
    assert_eq!(summary["accounting"]["transcripts"], 4);
    let agents = "Explore 40, main 100, sidechain 10, unknown 100";
    assert_eq!(output_by("agents", "agent", slug), agents);
}

#[test]
fn copies_in_compaction_agents_belong_to_the_main_thread() {
    let slug = "compaction-agent-copies";
    assert_eq!(output_by("agents", "agent", slug), "acompact 7, main 150");
    assert_eq!(figure(&summary(slug), "prompts"), 1);
}

#[test]
fn warmup_agents_are_a_kind_of_their_own() {
    let agents = "main 100, unknown 30, warmup 20";
    assert_eq!(output_by("agents", "agent", "warmup-agents"), agents);
}

#[test]
fn totals_of_a_task_result_are_not_usage() {
    let slug = "total-tokens-of-a-task";
    assert_eq!(tokens(&summary(slug)), "input 15, output 150");
    assert_eq!(output_by("agents", "agent", slug), "Explore 50, main 100");
}

#[test]
fn agent_progress_counts_only_what_no_agent_file_has() {
    let summary = summary("agent-progress");
    assert_eq!(tokens(&summary), "input 15, output 150, cache_write_5m 20");
    assert_eq!(figure(&summary, "total_operations"), 3);
    assert_eq!(outcomes(&summary, "Grep"), "ok 1");
}

#[test]
fn launch_of_a_background_agent_is_one_call() {
    let summary = summary("launched-agents");
    assert_eq!(outcomes(&summary, "Agent"), "ok 1");
    assert_eq!(figure(&summary, "prompts"), 0);
}

#[test]
fn sidechain_output_may_be_unfinished_in_any_version() {
    let summary = summary("sidechain-output-not-final");
    assert_eq!(output_tokens(&summary), 802);
    assert_eq!(figure(&summary, "not_final_messages"), 1);
}

// Money.

#[test]
fn cache_writes_are_priced_by_their_life() {
    let summary = summary("one-price-for-cache-writes");
    assert_eq!(tokens(&summary), "cache_write_5m 2000700, cache_write_1h 1000300");
    assert_eq!(cost(&summary), "22.507375");
}

#[test]
fn fast_mode_multiplies_the_price_by_model() {
    assert_eq!(cost(&summary("fast-mode")), "210.000000");
}

#[test]
fn inference_in_the_us_costs_a_tenth_more() {
    assert_eq!(cost(&summary("inference-geography")), "86.000000");
}

#[test]
fn web_searches_cost_a_flat_fee_once_per_message() {
    assert_eq!(cost(&summary("web-searches")), "0.040000");
}

#[test]
fn advisor_iterations_are_messages_of_their_model() {
    let summary = summary("advisor-iterations");
    assert_eq!(figure(&summary, "messages"), 2);
    assert_eq!(tokens(&summary), "input 1010, output 300");
    assert_eq!(cost(&summary), "0.009020");
}

#[test]
fn cost_usd_of_old_lines_is_not_believed() {
    assert_eq!(cost(&summary("cost-usd")), "15.000000");
}

#[test]
fn prompt_size_tier_prices_the_whole_request_and_only_that() {
    assert_eq!(cost(&summary("prompt-size-tier")), "3.035951");
}

#[test]
fn price_is_that_of_the_day_of_the_message() {
    assert_eq!(cost(&summary("dated-price-window")), "0.300000");
}

#[test]
fn model_names_are_matched_as_whole_words_and_versions() {
    let summary = summary("model-names");
    assert_eq!(cost(&summary), "80.000000");
    let mut unpriced: Vec<_> = summary["summary"]["unpriced_models"].as_array().expect("a list").clone();
    unpriced.sort_by_key(Value::to_string);
    assert_eq!(unpriced, ["claude-opus-4-9", "claude-opus-45", "gpt-5-mini", "myclaude-opus-4-8"]);
}

#[test]
fn unknown_model_has_no_cost_rather_than_none_to_pay() {
    let summary = summary("gateway-ids");
    let models = summary["models"].as_array().expect("a list of models");
    let row = models.iter().find(|row| row["model"] == "glm-4.7").expect("a row of the model");
    assert!(row["cost"].is_null());
    assert_eq!(figure(&summary, "unpriced_messages"), 2);
    assert_eq!(cost(&summary), "0.000765");
}

// Prompts, sessions, projects.

#[test]
fn few_user_lines_are_prompts() {
    assert_eq!(figure(&summary("user-lines-as-prompts"), "prompts"), 3);
}

#[test]
fn origin_of_a_turn_must_be_human_where_it_stands() {
    assert_eq!(figure(&summary("turn-origin"), "prompts"), 3);
}

#[test]
fn queued_prompt_counts_once() {
    assert_eq!(figure(&summary("queued-prompts"), "prompts"), 2);
}

#[test]
fn copied_prompt_counts_once() {
    assert_eq!(figure(&summary("copied-prompts"), "prompts"), 1);
}

#[test]
fn session_may_hold_a_prompt_alone() {
    let summary = summary("prompts-before-any-answer");
    assert_eq!(figure(&summary, "sessions"), 2);
    assert_eq!(figure(&summary, "projects"), 1);
}

#[test]
fn compaction_cuts_nothing_and_types_nothing() {
    let summary = summary("compaction-keeps-old-lines");
    assert_eq!(figure(&summary, "prompts"), 1);
    assert_eq!(tokens(&summary), "input 10, output 30, cache_write_1h 4000, cache_read 150000");
}

#[test]
fn sessions_are_told_by_their_id_not_by_the_file() {
    let slug = "session-is-a-file";
    let summary = summary(slug);
    assert_eq!(figure(&summary, "sessions"), 2);
    assert_eq!(figure(&summary, "prompts"), 2);
    let sessions = "00000000-0000-4000-8000-000000000001 10, 00000000-0000-4000-8000-000000000002 50";
    assert_eq!(output_by("sessions", "session", slug), sessions);
}

#[test]
fn project_is_the_folder_of_the_line_not_of_the_file() {
    let summary = summary("project-from-the-folder-name");
    let projects = ["/w/a-b", "/w/a/b", "/w/a_b", "/w/設計図面", "C:\\w\\demo"];
    assert_eq!(names(&summary["projects"], "project"), projects);
}

#[test]
fn project_branch_and_model_belong_to_the_line() {
    let summary = summary("one-value-per-session");
    assert_eq!(figure(&summary, "sessions"), 1);
    let projects = ["/work/demo", "/work/demo/sub", "/work/other"];
    assert_eq!(names(&summary["projects"], "project"), projects);
    assert_eq!(names(&summary["models"], "model"), ["claude-opus-5-5", "claude-sonnet-5-5"]);
}

#[test]
fn absent_names_have_stand_ins() {
    let slug = "absent-names";
    let summary = summary(slug);
    assert_eq!(names(&summary["models"], "model"), ["unknown"]);
    assert_eq!(names(&summary["tools"], "tool"), ["unknown"]);
    assert_eq!(names(&summary["projects"], "project"), ["-w-x"]);
    assert_eq!(output_by("sessions", "session", slug), "notes 100");
}

#[test]
fn rewritten_side_lines_add_nothing() {
    let summary = summary("rewritten-side-lines");
    assert_eq!(lines(&summary), "parsed 20");
    assert_eq!(figure(&summary, "prompts"), 1);
    assert_eq!(figure(&summary, "messages"), 1);
}

#[test]
fn circle_of_parents_ends() {
    assert_eq!(figure(&summary("parent-cycle"), "messages"), 1);
}

// Tool calls and their outcomes.

#[test]
fn tool_calls_are_told_by_their_id_not_by_the_line() {
    let summary = summary("tool-calls-by-line");
    assert_eq!(figure(&summary, "total_operations"), 3);
    assert_eq!(outcomes(&summary, "Read"), "ok 3");
}

#[test]
fn result_may_stand_before_its_call_or_never_come() {
    let outcomes = outcomes(&summary("result-before-its-call"), "Bash");
    assert_eq!(outcomes, "failed 1, no_result 1");
}

#[test]
fn earliest_result_of_a_call_counts() {
    assert_eq!(outcomes(&summary("two-results-of-a-call"), "Bash"), "ok 1");
}

#[test]
fn old_failures_have_no_exit_code() {
    let outcomes = outcomes(&summary("exit-code-before-2-0-60"), "Bash");
    assert_eq!(outcomes, "ok 1, failed 2, soft_nonzero 1");
}

#[test]
fn failed_commands_are_told_by_is_error() {
    assert_eq!(outcomes(&summary("exit-code"), "Bash"), "ok 1, failed 4");
}

#[test]
fn search_that_finds_nothing_is_no_failure() {
    let outcomes = outcomes(&summary("nothing-found-is-no-failure"), "Bash");
    assert_eq!(outcomes, "failed 5, soft_nonzero 5");
}

#[test]
fn interruption_is_told_by_its_text_not_by_the_flag() {
    assert_eq!(outcomes(&summary("interrupted-flag"), "Bash"), "ok 1, interrupted 2");
}

#[test]
fn refusals_and_cancelled_siblings_are_no_failures() {
    let outcomes = outcomes(&summary("refusals-as-failures"), "Bash");
    assert_eq!(outcomes, "ok 1, failed 1, denied 7, cancelled 2, no_result 1");
}

#[test]
fn denial_kind_decides_before_any_text() {
    let outcomes = outcomes(&summary("denial-kinds"), "Bash");
    assert_eq!(outcomes, "denied 5, cancelled 1, interrupted 1");
}

#[test]
fn background_commands_are_a_class_of_their_own() {
    assert_eq!(outcomes(&summary("background-commands"), "Bash"), "ok 1, background 1");
}

#[test]
fn refused_input_is_an_error_of_the_tool() {
    let summary = summary("refused-input-is-no-failure");
    assert_eq!(outcomes(&summary, "Edit"), "tool_error 2");
    assert_eq!(outcomes(&summary, "Bash"), "tool_error 2");
    assert_eq!(outcomes(&summary, "mcp__db__query"), "tool_error 1");
    assert_eq!(outcomes(&summary, "Grep"), "ok 1");
}

#[test]
fn changed_lines_come_from_the_patch() {
    let summary = summary("lines-from-strings");
    assert_eq!(figure(&summary, "lines_added"), 8);
    assert_eq!(figure(&summary, "lines_removed"), 4);
}

#[test]
fn diff_of_a_command_changes_no_lines() {
    assert_eq!(figure(&summary("git-diff-of-a-command"), "lines_added"), 0);
}

#[test]
fn calls_without_an_id_are_told_by_message_and_block() {
    let summary = summary("tool-use-without-id");
    assert_eq!(outcomes(&summary, "Bash"), "no_result 1");
    assert_eq!(outcomes(&summary, "Read"), "no_result 2");
}

#[test]
fn call_ids_of_gateways_are_unique_only_within_a_session() {
    assert_eq!(outcomes(&summary("gateway-tool-ids"), "Bash"), "ok 1, failed 1");
}

#[test]
fn inputs_of_the_wrong_type_are_calls_all_the_same() {
    let summary = summary("wrong-tool-inputs");
    assert_eq!(figure(&summary, "total_operations"), 6);
    assert_eq!(outcomes(&summary, "unknown"), "no_result 2");
}

#[test]
fn batch_is_one_call() {
    assert_eq!(figure(&summary("batch-invocations"), "total_operations"), 1);
}

// Lines that are broken, odd or not understood.

#[test]
fn glued_objects_are_all_taken() {
    let summary = summary("glued-lines");
    assert_eq!(lines(&summary), "salvaged 3");
    assert_eq!(output_tokens(&summary), 310);
}

#[test]
fn object_behind_a_torn_one_is_taken() {
    let summary = summary("torn-prefix");
    assert_eq!(lines(&summary), "salvaged 3");
    assert_eq!(output_tokens(&summary), 270);
}

#[test]
fn objects_behind_many_torn_ones_are_taken() {
    let summary = summary("many-torn-prefixes");
    assert_eq!(lines(&summary), "salvaged 2");
    assert_eq!(output_tokens(&summary), 30);
}

#[test]
fn nul_bytes_are_dropped() {
    let summary = summary("nul-runs");
    assert_eq!(lines(&summary), "parsed 1, salvaged 2, malformed 1");
    assert_eq!(output_tokens(&summary), 70);
}

#[test]
fn torn_tail_is_unfinished() {
    let summary = summary("torn-tail");
    assert_eq!(lines(&summary), "parsed 2, unfinished 1");
    assert_eq!(output_tokens(&summary), 30);
}

#[test]
fn tail_is_not_salvaged_while_it_may_grow() {
    let summary = summary("glued-tail");
    assert_eq!(lines(&summary), "parsed 1, unfinished 1");
    assert_eq!(output_tokens(&summary), 10);
}

#[test]
fn last_line_may_lack_its_newline() {
    let summary = summary("last-line-without-a-newline");
    assert_eq!(lines(&summary), "parsed 2");
    assert_eq!(output_tokens(&summary), 30);
}

#[test]
fn reading_goes_on_after_a_bad_line() {
    let summary = summary("bad-line-in-the-middle");
    assert_eq!(lines(&summary), "parsed 2, malformed 3");
    assert_eq!(output_tokens(&summary), 50);
}

#[test]
fn byte_order_mark_is_nothing() {
    assert_eq!(lines(&summary("byte-order-mark")), "parsed 3");
}

#[test]
fn carriage_return_is_blank() {
    assert_eq!(lines(&summary("carriage-returns")), "parsed 3, blank 1");
}

#[test]
fn blank_lines_are_counted_apart() {
    assert_eq!(lines(&summary("blank-lines")), "parsed 2, blank 5");
}

#[test]
fn line_is_an_object_with_a_type_or_malformed() {
    assert_eq!(lines(&summary("non-object-lines")), "parsed 2, malformed 7");
}

#[test]
fn string_spread_into_a_message_is_no_message() {
    let summary = summary("spread-string-message");
    assert_eq!(lines(&summary), "parsed 3");
    assert_eq!(figure(&summary, "messages"), 1);
}

#[test]
fn last_of_equal_keys_wins() {
    let summary = summary("duplicate-keys");
    assert_eq!(tokens(&summary), "output 70");
    assert_eq!(names(&summary["projects"], "project"), ["/work/demo"]);
}

#[test]
fn escapes_in_keys_and_names_are_read() {
    let summary = summary("escaped-keys");
    assert_eq!(figure(&summary, "messages"), 1);
    assert_eq!(tokens(&summary), "input 5, output 70");
    assert_eq!(names(&summary["projects"], "project"), ["/work/demo"]);
    assert_eq!(figure(&summary, "prompts"), 0);
}

#[test]
fn white_space_in_json_is_nothing() {
    let summary = summary("spaces-in-json");
    assert_eq!(lines(&summary), "parsed 2");
    assert_eq!(output_tokens(&summary), 100);
}

#[test]
fn whole_numbers_count_in_any_spelling() {
    let summary = summary("counter-spellings");
    assert_eq!(output_tokens(&summary), 9_007_199_254_742_008);
    assert_eq!(figure(&summary, "messages"), 8);
}

#[test]
fn unusable_counters_are_zero_and_reported() {
    let summary = summary("unusable-counters");
    assert_eq!(tokens(&summary), "input 9");
    let problems = summary["accounting"]["problems"].as_array().expect("a list of problems");
    assert!(!problems.is_empty());
}

#[test]
fn sums_do_not_wrap() {
    let summary = summary("sums-beyond-53-bits");
    assert_eq!(output_tokens(&summary), 36_028_797_018_963_964);
}

#[test]
fn deep_values_that_no_rule_reads_are_skipped() {
    assert_eq!(lines(&summary("deep-nesting")), "parsed 1");
}

/// Beyond the reference, whose parser gives up here.
#[test]
fn nesting_has_no_limit() {
    let summary = summary("nesting-without-end");
    assert_eq!(lines(&summary), "parsed 2");
    assert_eq!(output_tokens(&summary), 60);
}

/// Beyond the reference, which reads JSON strictly.
#[test]
fn broken_value_elsewhere_costs_no_usage() {
    let summary = summary("broken-value-elsewhere");
    assert_eq!(lines(&summary), "parsed 4");
    assert_eq!(output_tokens(&summary), 40);
}

#[test]
fn lone_surrogates_cost_no_line() {
    let summary = summary("lone-surrogates");
    assert_eq!(output_tokens(&summary), 70);
    assert_eq!(figure(&summary, "prompts"), 1);
}

#[test]
fn bad_utf_8_costs_no_line() {
    let summary = summary("invalid-utf-8");
    assert_eq!(lines(&summary), "parsed 3");
    assert_eq!(output_tokens(&summary), 90);
    assert_eq!(names(&summary["projects"], "project"), ["/work/caf\u{fffd}", "/work/demo"]);
}

#[test]
fn unknown_types_are_parsed_and_add_nothing() {
    let summary = summary("unknown-types");
    assert_eq!(lines(&summary), "parsed 5");
    assert_eq!(tokens(&summary), "input 10, output 30");
}

#[test]
fn attachments_and_snapshots_carry_no_usage() {
    let summary = summary("attachments-and-snapshots");
    assert_eq!(lines(&summary), "parsed 6");
    assert_eq!(output_tokens(&summary), 100);
}

#[test]
fn time_that_no_calendar_holds_is_as_good_as_none() {
    let days = "2026-11-19 2, 2026-11-20 5, unknown 28664";
    assert_eq!(output_by("daily", "day", "impossible-timestamps"), days);
}

#[test]
fn only_transcripts_are_read() {
    let summary = summary("empty-and-foreign-files");
    assert_eq!(summary["accounting"]["transcripts"], 2);
    assert_eq!(output_tokens(&summary), 100);
}

/// Made here, as neither kind of link survives a checkout everywhere.
#[cfg(unix)]
#[test]
fn file_under_two_names_is_read_once() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let folder = root.path().join("projects/-work-demo");
    let file = folder.join("one.jsonl");
    let original = trap("links/projects/-work-demo/00000000-0000-4000-8000-000000000001.jsonl");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::copy(original, &file).expect("the trap can be copied");
    std::fs::hard_link(&file, folder.join("two.jsonl")).expect("a hard link can be made");
    std::os::unix::fs::symlink(&file, folder.join("three.jsonl")).expect("a link can be made");
    let summary = report("summary", root.path());
    assert_eq!(summary["accounting"]["transcripts"], 1);
    assert_eq!(output_tokens(&summary), 10);
}
