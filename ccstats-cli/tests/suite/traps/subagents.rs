//! Subagents, in every layout that there was.

use super::{figure, outcomes, output_by, output_tokens, summary, tokens};

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
