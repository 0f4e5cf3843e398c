//! Prompts, sessions, projects.

use super::{figure, lines, names, output_by, summary, tokens};

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
