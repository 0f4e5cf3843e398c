//! Sums without polars: for the summary, hooks and status lines.
//!
//! A [`Tally`] can be summed with another of the same query over other transcripts. Its
//! totals are those of every other report.

use std::collections::BTreeSet;
use std::ops::AddAssign;

use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::xxh3_64;

use crate::dataset::{Dataset, Ending};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::prices::{Cost, Prices};
use crate::query::{Query, Selection};
use crate::rows::{CallRow, MessageRow};
use crate::symbols::Symbol;

/// What some messages add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// Messages: responses of the API, each once.
    pub messages: u64,
    /// Prompt tokens outside the cache.
    pub input: u128,
    /// Tokens the models wrote.
    pub output: u128,
    /// Cache writes for five minutes.
    pub cache_write_5m: u128,
    /// Cache writes for one hour.
    pub cache_write_1h: u128,
    /// Cache reads.
    pub cache_read: u128,
    /// What the messages with a price cost.
    pub cost: Cost,
    /// Messages whose model has no known price.
    pub unpriced_messages: u64,
    /// Messages whose output is only a lower bound.
    pub not_final_messages: u64,
}

impl Spending {
    /// Tokens of all kinds.
    pub fn tokens(&self) -> u128 {
        self.input + self.output + self.cache_write_5m + self.cache_write_1h + self.cache_read
    }

    /// Picodollars; `None` when there are messages and none has a price.
    pub fn total_cost(&self) -> Option<u128> {
        (self.messages == 0 || self.messages > self.unpriced_messages).then(|| self.cost.total())
    }

    pub(crate) fn add(&mut self, row: &MessageRow, cost: Option<Cost>) {
        let tokens = &row.tokens;
        self.messages += 1;
        self.input += u128::from(tokens.input);
        self.output += u128::from(tokens.output);
        self.cache_write_5m += u128::from(tokens.cache_write_5m);
        self.cache_write_1h += u128::from(tokens.cache_write_1h);
        self.cache_read += u128::from(tokens.cache_read);
        self.cost += cost.unwrap_or_default();
        self.unpriced_messages += u64::from(cost.is_none());
        self.not_final_messages += u64::from(!row.is_final);
    }
}

impl AddAssign for Spending {
    fn add_assign(&mut self, other: Spending) {
        self.messages += other.messages;
        self.input += other.input;
        self.output += other.output;
        self.cache_write_5m += other.cache_write_5m;
        self.cache_write_1h += other.cache_write_1h;
        self.cache_read += other.cache_read;
        self.cost += other.cost;
        self.unpriced_messages += other.unpriced_messages;
        self.not_final_messages += other.not_final_messages;
    }
}

/// The calls of one tool by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls([u64; Outcome::ALL.len()]);

impl Calls {
    /// All calls.
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The calls with one outcome.
    pub fn with(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    /// Failures among the calls that ran to an end that is known; `None` without any.
    pub fn failure_rate(&self) -> Option<f64> {
        use Outcome::{Background, Cancelled, Denied, Interrupted, NoResult};
        let apart: u64 = [Denied, Cancelled, Interrupted, Background, NoResult].map(|outcome| self.with(outcome)).iter().sum();
        let ran = self.count() - apart;
        (ran > 0).then(|| self.with(Outcome::Failed) as f64 / ran as f64)
    }

    /// No call.
    pub(crate) const NONE: Calls = Calls([0; Outcome::ALL.len()]);

    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.0[outcome as usize] += 1;
    }
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Calls) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

/// A project in a [`Tally`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectTally {
    /// Its messages.
    pub spending: Spending,
    /// Its tool calls.
    pub calls: u64,
}

impl AddAssign for ProjectTally {
    fn add_assign(&mut self, other: ProjectTally) {
        self.spending += other.spending;
        self.calls += other.calls;
    }
}

/// The totals of a range, with models, tools, projects and files apart.
///
/// # Examples
/// ```
/// use std::time::SystemTime;
/// use ccstats_core::{Dataset, Prices, Progress, Query, ScanOptions, Tally};
///
/// let options = ScanOptions::new(vec!["../testdata/home".into()], SystemTime::now());
/// let dataset = Dataset::load(&options, &Progress::default())?;
/// let tally = Tally::of(&dataset, &Query::all(), Prices::builtin())?;
/// assert!(tally.spending.messages > 0);
/// # Ok::<(), ccstats_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// All messages. None are selected by a query for the calls of some tools: what these
    /// cost is no part of any message.
    pub spending: Spending,
    /// All tool calls.
    pub calls: u64,
    /// Sessions with a message or a prompt.
    pub sessions: u64,
    /// Prompts that a person typed.
    pub prompts: u64,
    /// Responses that failed for good.
    pub api_errors: u64,
    /// Lines that edits added.
    pub lines_added: u64,
    /// Lines that edits removed.
    pub lines_removed: u64,
    /// By the name of the model, the most expensive first.
    pub models: Vec<(String, Spending)>,
    /// By the name of the tool, the most used first.
    pub tools: Vec<(String, Calls)>,
    /// By the name of the project, the most expensive first.
    pub projects: Vec<(String, ProjectTally)>,
    /// Projects with a message.
    pub projects_with_messages: u64,
    /// Calls by the file that they name, the most named first.
    pub files: Vec<(String, u64)>,
    /// Hashes of the names of the sessions: in a sum each counts once.
    session_names: BTreeSet<u64>,
}

/// Sums tallies of other transcripts, such as those of another machine. Sessions, models,
/// tools, projects and files of one name are one; a response that both have counts twice.
impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.spending += other.spending;
        self.calls += other.calls;
        self.prompts += other.prompts;
        self.api_errors += other.api_errors;
        self.lines_added += other.lines_added;
        self.lines_removed += other.lines_removed;
        self.session_names.extend(other.session_names);
        add_by_name(&mut self.models, other.models);
        add_by_name(&mut self.tools, other.tools);
        add_by_name(&mut self.projects, other.projects);
        add_by_name(&mut self.files, other.files);
        self.settle();
    }
}

fn add_by_name<T: AddAssign>(sums: &mut Vec<(String, T)>, others: Vec<(String, T)>) {
    let places: FxHashMap<String, usize> = sums.iter().enumerate().map(|(place, (name, _))| (name.clone(), place)).collect();
    for (name, other) in others {
        match places.get(&name) {
            Some(place) => sums[*place].1 += other,
            None => sums.push((name, other)),
        }
    }
}

impl Tally {
    /// Whether the query selects nothing at all.
    pub fn is_empty(&self) -> bool {
        self.spending.messages == 0 && self.calls == 0 && self.prompts == 0 && self.api_errors == 0
    }

    /// Counts what has a name, and puts the largest first.
    fn settle(&mut self) {
        let cost = |spending: &Spending| (spending.total_cost(), spending.tokens());
        self.sessions = self.session_names.len() as u64;
        self.projects_with_messages = self.projects.iter().filter(|(_, project)| project.spending.messages > 0).count() as u64;
        rank(&mut self.models, cost);
        rank(&mut self.tools, Calls::count);
        rank(&mut self.projects, |project| (cost(&project.spending), project.calls));
        rank(&mut self.files, |count| *count);
    }

    /// Sums what a query selects.
    ///
    /// # Errors
    /// [`Error::Glob`] when a filter is no valid glob.
    pub fn of(dataset: &Dataset, query: &Query, prices: &Prices) -> Result<Tally, Error> {
        Ok(Tally::of_selection(&Selection::new(dataset, query)?, prices))
    }

    pub(crate) fn of_selection(selection: &Selection, prices: &Prices) -> Tally {
        let dataset = selection.dataset();
        let mut sums = Sums::default();
        for (row, cost) in dataset.priced_messages(prices) {
            if selection.keeps_message(row) {
                sums.message(row, dataset.project(row.origin.project), cost);
            }
        }
        selection.calls().for_each(|(row, ending)| sums.call(row, dataset.project(row.origin.project), ending));
        for row in selection.prompts() {
            sums.tally.prompts += 1;
            sums.sessions.insert(row.origin.session);
        }
        sums.tally.api_errors = selection.api_errors().count() as u64;
        if selection.keeps_calls_only() {
            sums.sessions = selection.calls().map(|(row, _)| row.origin.session).collect();
        }
        sums.named(dataset)
    }
}

#[derive(Default)]
struct Sums {
    tally: Tally,
    /// Messages one after another of one model, project and session: most have many.
    run: Option<((Symbol, Symbol, Symbol), Spending)>,
    sessions: FxHashSet<Symbol>,
    models: FxHashMap<Symbol, Spending>,
    tools: FxHashMap<Symbol, Calls>,
    projects: FxHashMap<Symbol, ProjectTally>,
    files: FxHashMap<Symbol, u64>,
}

impl Sums {
    fn message(&mut self, row: &MessageRow, project: Symbol, cost: Option<Cost>) {
        let of = (row.model, project, row.origin.session);
        if self.run.as_ref().is_none_or(|(run, _)| *run != of) {
            self.end_run();
        }
        self.run.get_or_insert((of, Spending::default())).1.add(row, cost);
    }

    fn end_run(&mut self) {
        let Some(((model, project, session), spending)) = self.run.take() else { return };
        self.tally.spending += spending;
        self.sessions.insert(session);
        *self.models.entry(model).or_default() += spending;
        self.projects.entry(project).or_default().spending += spending;
    }

    fn call(&mut self, row: &CallRow, project: Symbol, ending: Ending) {
        self.tally.calls += 1;
        self.tally.lines_added += u64::from(ending.lines_added);
        self.tally.lines_removed += u64::from(ending.lines_removed);
        self.tools.entry(row.tool).or_default().add(ending.outcome);
        self.projects.entry(project).or_default().calls += 1;
        if !row.file.is_none() {
            *self.files.entry(row.file).or_default() += 1;
        }
    }

    fn named(mut self, dataset: &Dataset) -> Tally {
        self.end_run();
        let mut tally = Tally {
            models: named(dataset, self.models),
            tools: named(dataset, self.tools),
            projects: named(dataset, self.projects),
            files: named(dataset, self.files),
            session_names: self.sessions.iter().map(|session| xxh3_64(dataset.symbols().bytes(*session))).collect(),
            ..self.tally
        };
        tally.settle();
        tally
    }
}

/// Names instead of symbols, the largest first, then by name.
pub(crate) fn ranked<T, K: Ord>(dataset: &Dataset, sums: FxHashMap<Symbol, T>, size: impl Fn(&T) -> K) -> Vec<(String, T)> {
    let mut rows = named(dataset, sums);
    rank(&mut rows, size);
    rows
}

fn named<T>(dataset: &Dataset, sums: FxHashMap<Symbol, T>) -> Vec<(String, T)> {
    sums.into_iter().map(|(name, sum)| (dataset.symbols().name(name).into_owned(), sum)).collect()
}

fn rank<T, K: Ord>(rows: &mut [(String, T)], size: impl Fn(&T) -> K) {
    rows.sort_by(|(name, sum), (other_name, other)| size(other).cmp(&size(sum)).then_with(|| name.cmp(other_name)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dataset;

    #[test]
    fn a_sum_of_tallies_is_the_tally_of_all_transcripts() {
        let line = |uuid: &str, session: &str, model: &str| {
            format!(
                r#"{{"type":"assistant","uuid":"{uuid}","sessionId":"{session}","cwd":"/w/{session}","timestamp":"2026-11-03T10:00:00Z","message":{{"id":"msg_{uuid}","model":"{model}","content":[{{"type":"tool_use","id":"toolu_{uuid}","name":"Read","input":{{"file_path":"/a"}}}}],"usage":{{"input_tokens":7}}}}}}"#
            )
        };
        let [one, two] = [
            [line("u1", "s", "claude-opus-4-5"), line("u2", "s", "claude-haiku-4-5")],
            [line("u3", "s", "claude-haiku-4-5"), line("u4", "t", "claude-haiku-4-5")],
        ];
        let tally =
            |transcripts: &[(&str, &[String])]| Tally::of(&dataset(transcripts), &Query::all(), Prices::builtin()).expect("no filter");
        let mut sum = tally(&[("p/a.jsonl", &one)]);
        sum += tally(&[("p/b.jsonl", &two)]);
        assert_eq!(sum.sessions, 2);
        assert_eq!(sum, tally(&[("p/a.jsonl", &one), ("p/b.jsonl", &two)]));
    }
}
