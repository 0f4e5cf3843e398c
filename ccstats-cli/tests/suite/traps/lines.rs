//! Lines that are broken, odd or not understood.

use super::{figure, lines, names, output_by, output_tokens, summary, tokens};

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
    let original = super::trap("links/projects/-work-demo/00000000-0000-4000-8000-000000000001.jsonl");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::copy(original, &file).expect("the trap can be copied");
    std::fs::hard_link(&file, folder.join("two.jsonl")).expect("a hard link can be made");
    std::os::unix::fs::symlink(&file, folder.join("three.jsonl")).expect("a link can be made");
    let summary = crate::support::summary(root.path());
    assert_eq!(summary["accounting"]["transcripts"], 1);
    assert_eq!(output_tokens(&summary), 10);
}
