//! Tool calls and their outcomes.

use super::{figure, outcomes, summary};

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
