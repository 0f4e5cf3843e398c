//! Threads of a conversation, and the epochs that cut them.
//!
//! A thread is one agent in one session. What it once saw it still sees, until
//! a compaction, `/clear` or a rewind: there a new epoch starts. Behind a rewind
//! some of the old lines are still seen, but which is not worth the trouble: a
//! line that is believed to be gone is never called a waste.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dataset::Dataset;
use crate::rows::{Cut, LineRow, Order, Origin, PromptRow};
use crate::symbols::Symbol;

/// One agent's side of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Thread {
    pub(crate) session: Symbol,
    /// None is the main thread, or the crowd.
    pub(crate) agent: Symbol,
    /// Old versions wrote subagents without an id: who is who is not known.
    pub(crate) is_crowd: bool,
}

impl Thread {
    pub(crate) fn of(origin: &Origin) -> Thread {
        Thread { session: origin.session, agent: origin.agent, is_crowd: origin.agent.is_none() && origin.order.is_sidechain }
    }
}

/// Where the threads of a dataset are cut.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    cuts: FxHashMap<Thread, Vec<Order>>,
}

impl Epochs {
    pub(crate) fn new(dataset: &Dataset) -> Epochs {
        let mut epochs = Epochs::default();
        for cut in dataset.facts().cuts.rows().iter().filter(|cut| cut.kind != Cut::Interruption) {
            epochs.cut(&cut.origin);
        }
        rewinds(dataset).for_each(|(prompt, _)| epochs.cut(&prompt.origin));
        epochs.cuts.values_mut().for_each(|cuts| cuts.sort_unstable());
        epochs
    }

    fn cut(&mut self, origin: &Origin) {
        self.cuts.entry(Thread::of(origin)).or_default().push(origin.order);
    }

    /// The number of the epoch that something stands in, from 0. Numbers rise
    /// with time; not every one holds something.
    pub(crate) fn number(&self, thread: Thread, at: Order) -> usize {
        self.cuts.get(&thread).map_or(0, |cuts| cuts.partition_point(|cut| *cut < at))
    }
}

/// Typed prompts whose parent is older than the last line of their thread, with
/// the time of that parent.
pub(crate) fn rewinds(dataset: &Dataset) -> impl Iterator<Item = (&PromptRow, i64)> {
    let (prompts, lines) = (dataset.prompts(), &dataset.facts().uuids);
    let asked: FxHashSet<u64> = prompts.iter().map(|prompt| prompt.parent).collect();
    let mut parents: FxHashMap<(Symbol, u64), i64> = FxHashMap::default();
    for line in lines.iter().filter(|line| asked.contains(&line.uuid)) {
        let stamp = parents.entry((line.session, line.uuid)).or_insert(line.stamp_ms);
        *stamp = line.stamp_ms.min(*stamp);
    }
    let last_lines = last_lines(prompts, lines);
    prompts.iter().filter_map(move |prompt| {
        let parent = *parents.get(&(prompt.origin.session, prompt.parent))?;
        let last = *last_lines.get(&(prompt.origin.session, prompt.origin.order.stamp_ms()?))?;
        (last > parent).then_some((prompt, parent))
    })
}

/// The time of the last line of the main thread before each prompt, by the session and the
/// time of the prompt: lines of the same time may be part of it.
fn last_lines(prompts: &[PromptRow], lines: &[LineRow]) -> FxHashMap<(Symbol, i64), i64> {
    let mut ends: Vec<(Symbol, i64)> =
        prompts.iter().filter_map(|prompt| Some((prompt.origin.session, prompt.origin.order.stamp_ms()?))).collect();
    ends.sort_unstable();
    ends.dedup();
    // The last line between each prompt and the one before it: far fewer than lines.
    let mut last: Vec<Option<i64>> = vec![None; ends.len()];
    let mut at = 0;
    for line in lines.iter().filter(|line| line.is_main) {
        let now = (line.session, line.stamp_ms);
        // Most lines follow the one before them.
        let is_here = ends.get(at).is_some_and(|end| now < *end) && at.checked_sub(1).is_none_or(|before| ends[before] <= now);
        if !is_here {
            at = ends.partition_point(|end| *end <= now);
        }
        if ends.get(at).is_some_and(|end| end.0 == line.session) {
            last[at] = last[at].max(Some(line.stamp_ms));
        }
    }
    for at in 1..ends.len() {
        if ends[at - 1].0 == ends[at].0 {
            last[at] = last[at].max(last[at - 1]);
        }
    }
    ends.into_iter().zip(last).filter_map(|(end, last)| Some((end, last?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dataset;

    fn line(kind: &str, uuid: &str, parent: &str, second: u32, rest: &str) -> String {
        format!(
            r#"{{"type":"{kind}","uuid":"{uuid}","parentUuid":"{parent}","sessionId":"s","timestamp":"2026-11-03T10:00:{second:02}Z"{rest}}}"#
        )
    }

    fn prompt(uuid: &str, parent: &str, second: u32) -> String {
        line("user", uuid, parent, second, r#","message":{"content":"do it"}"#)
    }

    fn answer(uuid: &str, parent: &str, second: u32) -> String {
        line("assistant", uuid, parent, second, r#","message":{"model":"m","content":[]}"#)
    }

    /// The epochs of the prompts in the order of time.
    fn numbers(lines: &[String]) -> Vec<usize> {
        let dataset = dataset(&[("p/s.jsonl", lines)]);
        let epochs = Epochs::new(&dataset);
        let mut prompts: Vec<_> = dataset.prompts().to_vec();
        prompts.sort_by_key(|prompt| prompt.origin.order);
        // The prompt that rewinds is the first line of its epoch.
        prompts.iter().map(|prompt| epochs.number(Thread::of(&prompt.origin), prompt.origin.order)).collect()
    }

    #[test]
    fn a_prompt_that_hangs_on_an_older_line_is_a_rewind() {
        let lines =
            [prompt("a", "", 1), answer("b", "a", 2), answer("c", "b", 3), prompt("d", "b", 4), answer("e", "d", 5), prompt("f", "e", 6)];
        assert_eq!(numbers(&lines), [0, 0, 1]);
    }

    #[test]
    fn a_prompt_on_the_last_line_without_a_parent_or_with_a_lost_one_is_none() {
        let lines =
            [prompt("a", "", 1), answer("b", "a", 2), prompt("c", "b", 3), prompt("d", "", 4), prompt("e", "lost", 5), prompt("f", "e", 6)];
        assert_eq!(numbers(&lines), [0; 5]);
    }

    #[test]
    fn lines_of_subagents_and_attachments_are_not_the_last_of_the_thread() {
        let agent = line("assistant", "x", "a", 3, r#","isSidechain":true,"agentId":"g","message":{"model":"m","content":[]}"#);
        let lines =
            [prompt("a", "", 1), answer("b", "a", 2), agent, line("attachment", "y", "b", 4, ""), prompt("c", "b", 5), prompt("d", "c", 6)];
        assert_eq!(numbers(&lines), [0; 3]);
    }

    #[test]
    fn a_notice_that_is_stamped_after_what_hangs_on_it_is_not_the_last_of_the_thread() {
        let message = r#","message":{"content":"Caveat: the messages below were made by local commands"}"#;
        for notice in [line("user", "n", "b", 4, &format!(r#","isMeta":true{message}"#)), line("system", "n", "b", 4, "")] {
            let command = line("user", "c", "n", 3, r#","message":{"content":"<command-name>/mcp</command-name>"}"#);
            let lines = [prompt("a", "", 1), answer("b", "a", 2), notice, command, prompt("d", "c", 5)];
            assert_eq!(numbers(&lines), [0, 0]);
        }
    }

    #[test]
    fn compactions_and_clear_cut_their_own_thread() {
        let cuts = [
            line("system", "b", "", 2, r#","subtype":"compact_boundary""#),
            line(
                "user",
                "b",
                "",
                2,
                r#","message":{"content":"This session is being continued from a previous conversation that ran out"}"#,
            ),
            line("user", "b", "", 2, r#","message":{"content":"<command-name>/clear</command-name>"}"#),
        ];
        for cut in cuts {
            assert_eq!(numbers(&[prompt("a", "", 1), cut, prompt("c", "b", 3)]), [0, 1]);
        }
        let elsewhere = line("system", "b", "", 2, r#","isSidechain":true,"agentId":"g","subtype":"compact_boundary""#);
        assert_eq!(numbers(&[prompt("a", "", 1), elsewhere, prompt("c", "a", 3)]), [0, 0]);
    }
}
