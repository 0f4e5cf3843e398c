//! Sums without polars: for the summary, hooks and status lines.
//!
//! A [`Tally`] can be summed with another of the same query. Its totals are
//! those of every other report.

use std::ops::AddAssign;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dataset::{Dataset, Ending};
use crate::error::Error;
use crate::outcome::Outcome;
use crate::prices::{Cost, Prices};
use crate::query::{Query, Selection};
use crate::rows::{CallRow, MessageRow};
use crate::symbols::Symbol;

/// What some messages add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub struct ProjectTally {
    /// Its messages.
    pub spending: Spending,
    /// Its tool calls.
    pub calls: u64,
}

impl Tally {
    /// Whether the query selects nothing at all.
    pub fn is_empty(&self) -> bool {
        self.spending.messages == 0 && self.calls == 0 && self.prompts == 0 && self.api_errors == 0
    }
}

/// The totals of a range, with models, tools, projects and files apart.
///
/// # Examples
/// ```
/// use std::time::SystemTime;
/// use ccstats_core::{Dataset, Options, Prices, Progress, Query, Tally};
///
/// let options = Options::new(vec!["../testdata/home".into()], SystemTime::now());
/// let dataset = Dataset::load(&options, &Progress::default())?;
/// let tally = Tally::of(&dataset, &Query::all(), Prices::list())?;
/// assert!(tally.spending.messages > 0);
/// # Ok::<(), ccstats_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// All messages.
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
}

impl Tally {
    /// Sums what a query selects.
    ///
    /// # Errors
    /// [`Error::Glob`] when a filter is no valid glob.
    pub fn of(dataset: &Dataset, query: &Query, prices: &Prices) -> Result<Tally, Error> {
        let selection = Selection::new(dataset, query)?;
        let mut sums = Sums::default();
        for (row, cost) in dataset.messages().iter().zip(dataset.costs(prices)) {
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
        if selection.calls_only() {
            sums.sessions = selection.calls().map(|(row, _)| row.origin.session).collect();
        }
        Ok(sums.named(dataset))
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
        let mut tally = self.tally;
        tally.sessions = self.sessions.len() as u64;
        tally.projects_with_messages = self.projects.values().filter(|project| project.spending.messages > 0).count() as u64;
        let cost = |spending: &Spending| (spending.total_cost(), spending.tokens());
        tally.models = ranked(dataset, self.models, cost);
        tally.tools = ranked(dataset, self.tools, Calls::count);
        tally.projects = ranked(dataset, self.projects, |project| (cost(&project.spending), project.calls));
        tally.files = ranked(dataset, self.files, |count| *count);
        tally
    }
}

/// Names instead of symbols, the largest first, then by name.
pub(crate) fn ranked<T, K: Ord>(dataset: &Dataset, sums: FxHashMap<Symbol, T>, size: impl Fn(&T) -> K) -> Vec<(String, T)> {
    let mut rows: Vec<_> = sums.into_iter().map(|(name, sum)| (dataset.symbols().name(name).into_owned(), sum)).collect();
    rows.sort_by(|(name, sum), (other_name, other)| size(other).cmp(&size(sum)).then_with(|| name.cmp(other_name)));
    rows
}
