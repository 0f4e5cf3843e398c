//! Which commands fail, how often, and what becomes of it.
//!
//! A failure is a command that ran and failed: nothing that was refused,
//! cancelled or only found nothing. Commands are told apart by the program that
//! failed (`Script::failing_key`), never by pieces of text. Apart stand the
//! results that nobody saw, because a pipe or `|| true` hid the status.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls::{self, Call, Tools};
use crate::behaviour::epochs::Thread;
use crate::dataset::Dataset;
use crate::dedup::Key;
use crate::outcome::Outcome;
use crate::query::Selection;
use crate::reread::ErrorLine;
use crate::rows::{CallRow, Command, StoredCommand};
use crate::shell::{self, Hidden, HiddenStatus};
use crate::symbols::{Symbol, Symbols};
use crate::table::{Kind, Table, Value};
use crate::time::Calendar;
use crate::untrusted::Shown;
use crate::wording::{counted, grouped};

/// Most commands that are spelled out behind one key, and the length of each.
const MOST_VARIANTS: usize = 10;
const LONGEST_VARIANT: usize = 200;

/// How many calls later a success still answers a failure.
const SOON: usize = 3;

/// Commands that failed, and results that nobody saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Failures {
    rows: Vec<Failing>,
    hidden: Vec<HiddenResults>,
}

/// What the failed calls of one key tell by themselves.
#[derive(Clone, Debug, Default, PartialEq)]
struct Failed {
    /// The key: program with subcommand or script; several in a chain.
    command: String,
    failures: u64,
    sessions: u64,
    days: u64,
    /// Of the last failure; versions before 2.0.60 write no code.
    last_exit_code: Option<u32>,
    last_error: Option<ErrorLine>,
}

/// One key with all its runs.
#[derive(Clone, Debug, Default, PartialEq)]
struct Failing {
    failed: Failed,
    /// Calls of the same key that ran to an end that is known.
    runs: u64,
    /// Failures that a success of the same key followed within three calls.
    followed_by_success: u64,
    /// Failures of a test that was edited for and passed later.
    red_green: u64,
    /// Failures of which it is not known which command of a chain they belong to.
    chain: u64,
    /// Failures whose command text was understood.
    parsed: u64,
    /// The commands as they were run, the most frequent first.
    variants: Vec<String>,
    examples: Vec<String>,
}

/// Results of one runner whose status was lost.
#[derive(Clone, Debug, Default, PartialEq)]
struct HiddenResults {
    command: String,
    results: u64,
    /// Lost by a pipe, by `|| true`, by `; echo`.
    pipe: u64,
    or: u64,
    sequence: u64,
    sessions: u64,
    days: u64,
    variants: Vec<String>,
    examples: Vec<String>,
}

/// The columns of [`Failed`].
const FAILED: [(&str, Kind); 6] = [
    ("command", Kind::Text),
    ("failures", Kind::Count),
    ("sessions", Kind::Count),
    ("days", Kind::Count),
    ("last_exit_code", Kind::Count),
    (LAST_ERROR, Kind::Text),
];

/// The column with the line of the last error.
pub(crate) const LAST_ERROR: &str = "last_error";

/// The commands of a query that failed, those with the most failures first.
pub(crate) fn failures(selection: &Selection) -> Failures {
    let dataset = selection.dataset();
    let tools = Tools::of(dataset);
    let runs = calls::sorted(selection.calls().filter(|(call, ending)| tools.is_bash(call) && is_run(ending.outcome)).collect());
    let failed = runs.iter().filter(|call| tools.has_failed(call));
    let threads = calls::threads(dataset.calls(), &failed.map(|(call, _)| Thread::of(&call.origin)).collect());
    let commands = Commands::read(dataset, tools, runs.iter().chain(threads.iter().flatten()));
    let view = View { dataset, calendar: selection.calendar(), commands: &commands };
    Failures { rows: view.failing(&runs, &Aftermath::of(&threads, &commands)), hidden: view.hidden(&runs) }
}

/// The same from the failed calls alone: few commands to read, but no runs. The lines of
/// errors, one for each row, stand apart: not all of them may have to be read.
pub(crate) fn failing_commands(selection: &Selection) -> (Table, Vec<Option<ErrorLine>>) {
    let dataset = selection.dataset();
    let tools = Tools::of(dataset);
    let failed = calls::sorted(selection.calls().filter(|call| tools.has_failed(call)).collect());
    let commands = Commands::read(dataset, tools, &failed);
    let view = View { dataset, calendar: selection.calendar(), commands: &commands };
    let by_key = commands.by_key(&failed).into_iter();
    let mut rows: Vec<Failed> = by_key.map(|(key, calls)| view.failed(key, &calls)).collect();
    rows.sort_by(|a, b| a.rank().cmp(&b.rank()));
    let mut table = Table::new(&FAILED);
    table.extend(rows.iter().map(|failed| failed.cells(None).to_vec()));
    (table, rows.into_iter().map(|failed| failed.last_error).collect())
}

/// Whether a call counts in a rate of failures (`docs/counting.md` 4).
fn is_run(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Ok | Outcome::Failed | Outcome::ToolError | Outcome::SoftNonzero)
}

impl Failures {
    /// One row per command that failed.
    pub(crate) fn table(&self) -> Table {
        const AFTERMATH: [(&str, Kind); 6] = [
            ("followed_by_success", Kind::Count),
            ("red_green", Kind::Count),
            ("chain", Kind::Count),
            ("parsed", Kind::Count),
            ("variants", Kind::Text),
            ("examples", Kind::Text),
        ];
        let [command, failures, spread @ ..] = FAILED;
        let rate = [("runs", Kind::Count), ("failure_rate", Kind::Share)];
        let columns = [&[command, failures], &rate[..], &spread, &AFTERMATH].concat();
        let mut table = Table::new(&columns).details(&["followed_by_success", "chain", "parsed", "variants", "examples"]);
        table.extend(self.rows.iter().map(Failing::cells));
        table
    }

    /// One row per runner whose status was lost.
    pub(crate) fn hidden_table(&self) -> Table {
        const COLUMNS: [(&str, Kind); 9] = [
            ("command", Kind::Text),
            ("results", Kind::Count),
            ("pipe", Kind::Count),
            ("or", Kind::Count),
            ("sequence", Kind::Count),
            ("sessions", Kind::Count),
            ("days", Kind::Count),
            ("variants", Kind::Text),
            ("examples", Kind::Text),
        ];
        let mut table = Table::new(&COLUMNS).details(&["variants", "examples"]);
        table.extend(self.hidden.iter().map(HiddenResults::cells));
        table
    }

    /// What to do about it: the command that is worst to run, tests that led to a
    /// fix left out, and the results that nobody saw.
    pub(crate) fn advice(&self) -> Option<String> {
        let worst =
            self.rows.iter().filter(|row| row.unmended() >= FAILS_OFTEN).max_by_key(|row| (row.weight(), Reverse(&row.failed.command)));
        let worst = worst.map(|row| {
            let Failed { command, failures, sessions, .. } = &row.failed;
            format!(
                "`{}` failed {} of {} in {}: tell Claude in CLAUDE.md how to run it, or fix what it needs",
                Shown::new(command),
                grouped((*failures).into()),
                counted(row.runs, "time"),
                counted(*sessions, "session"),
            )
        });
        let lost: u64 = self.hidden.iter().map(|row| row.results).sum();
        let lost = (lost > 0).then(|| {
            format!("the exit code of {} tests, builds and lints was lost: use `set -o pipefail`, and no `|| true`", grouped(lost.into()))
        });
        let parts: Vec<String> = worst.into_iter().chain(lost).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// From how many failures on a command is worth a word.
const FAILS_OFTEN: u64 = 3;

impl Failed {
    /// The order of rows: the most failures, sessions and days first, then by name.
    fn rank(&self) -> impl Ord + use<'_> {
        (Reverse((self.failures, self.sessions, self.days)), &self.command)
    }

    fn cells(&self, last_error: Option<String>) -> [Value; FAILED.len()] {
        [
            Value::text(&self.command),
            self.failures.into(),
            self.sessions.into(),
            self.days.into(),
            self.last_exit_code.map_or(Value::None, |code| u64::from(code).into()),
            last_error.map_or(Value::None, Value::text),
        ]
    }
}

impl Failing {
    /// Failures that are no step of a test towards its fix.
    fn unmended(&self) -> u64 {
        self.failed.failures - self.red_green
    }

    /// How bad a command is to run: many failures that are many of its runs.
    /// `ls` fails often because it runs often; that is nothing to act on.
    fn weight(&self) -> u128 {
        let failures = u128::from(self.unmended());
        failures * failures * 1000 / u128::from(self.runs.max(1))
    }

    fn cells(&self) -> Vec<Value> {
        let last_error = self.failed.last_error.as_ref().and_then(ErrorLine::read);
        let [command, failures, spread @ ..] = self.failed.cells(last_error);
        let rate = self.failed.failures as f64 / self.runs as f64;
        let mut cells = vec![command, failures, self.runs.into(), Value::Share(rate)];
        cells.extend(spread);
        cells.extend([self.followed_by_success, self.red_green, self.chain, self.parsed].map(Value::from));
        cells.extend([calls::list(&self.variants), calls::list(&self.examples)]);
        cells
    }
}

impl HiddenResults {
    fn cells(&self) -> Vec<Value> {
        let mut cells = vec![Value::text(&self.command)];
        cells.extend([self.results, self.pipe, self.or, self.sequence, self.sessions, self.days].map(Value::from));
        cells.extend([calls::list(&self.variants), calls::list(&self.examples)]);
        cells
    }
}

/// What a command text says.
struct Reading {
    key: String,
    is_chain: bool,
    is_after_cd: bool,
    is_parsed: bool,
    is_test: bool,
    hidden: Option<HiddenStatus>,
}

impl Reading {
    fn of(text: &str) -> Reading {
        let script = shell::parse(text);
        let found = script.failing_key();
        let key = if found.key.is_empty() { "unknown".into() } else { found.key };
        let (is_test, hidden) = (script.runs_tests(), script.hidden_status());
        Reading { key, is_chain: found.is_chain, is_after_cd: found.is_after_cd, is_parsed: script.is_parsed, is_test, hidden }
    }

    /// The same, as the store kept it.
    fn stored(stored: &StoredCommand, symbols: &Symbols) -> Reading {
        let name = |symbol: Symbol| symbols.name(symbol).into_owned();
        Reading {
            key: if stored.key.is_none() { "unknown".into() } else { name(stored.key) },
            is_chain: stored.is_chain,
            is_after_cd: stored.is_after_cd,
            is_parsed: stored.is_parsed,
            is_test: stored.is_test,
            hidden: stored.hidden_by.map(|by| HiddenStatus { key: name(stored.hidden_key), by }),
        }
    }
}

/// The command of a call; without one it is an empty text.
fn command(call: &CallRow) -> Command {
    call.known_command().unwrap_or(Command::Text(Symbol::NONE))
}

/// The key of a `cd` that failed, so that nothing behind it ran.
const CD: &str = "cd";

/// Commands, each read once.
struct Commands<'d> {
    dataset: &'d Dataset,
    tools: Tools,
    readings: FxHashMap<Command, Reading>,
}

impl<'d> Commands<'d> {
    // Reading only texts that hold the words of a key that failed was tried: it
    // spares one text in seven, and loses those whose words are quoted oddly.
    fn read<'c>(dataset: &'d Dataset, tools: Tools, calls: impl IntoIterator<Item = &'c Call<'c>>) -> Commands<'d> {
        let calls = calls.into_iter().filter(|(call, _)| tools.is_bash(call));
        let mut commands: Vec<Command> = calls.map(|(call, _)| command(call)).collect();
        commands.sort_unstable();
        commands.dedup();
        let symbols = dataset.symbols();
        let readings = calls::in_parallel(&commands, |command| match command {
            Command::Stored(stored) => Reading::stored(stored, symbols),
            Command::Text(text) => Reading::of(&symbols.name(*text)),
        });
        Commands { dataset, tools, readings: commands.into_iter().zip(readings).collect() }
    }

    /// What the command of a call says; nothing for calls of other tools.
    fn of(&self, (call, _): &Call) -> Option<&Reading> {
        self.readings.get(&command(call)).filter(|_| self.tools.is_bash(call))
    }

    /// The key of what a call ran to its end, or failed at.
    fn key(&self, call: &Call) -> Option<&str> {
        let reading = self.of(call)?;
        Some(if self.stopped_at_cd(reading, call) { CD } else { &reading.key })
    }

    fn stopped_at_cd(&self, reading: &Reading, call: &Call) -> bool {
        let is_of_cd = || self.dataset.facts().results.get(call.0.key).is_some_and(|result| result.is_of_cd);
        reading.is_after_cd && self.tools.has_failed(call) && is_of_cd()
    }

    /// Whether it is not known which part of a chain failed.
    fn is_of_chain(&self, call: &Call) -> bool {
        self.of(call).is_some_and(|reading| reading.is_chain && !self.stopped_at_cd(reading, call))
    }

    /// Calls by the key of their command.
    fn by_key<'c>(&self, calls: &[Call<'c>]) -> BTreeMap<&str, Vec<Call<'c>>> {
        let mut groups: BTreeMap<&str, Vec<Call>> = BTreeMap::new();
        for call in calls {
            if let Some(key) = self.key(call) {
                groups.entry(key).or_default().push(*call);
            }
        }
        groups
    }

    /// The key of a command that is known to have worked. Where the status was
    /// lost, `ok` proves nothing.
    fn success(&self, call: &Call) -> Option<&str> {
        let reading = self.of(call).filter(|reading| reading.hidden.is_none())?;
        (call.1.outcome == Outcome::Ok).then_some(&reading.key)
    }
}

/// What came after failures, by the identity of the call.
#[derive(Default)]
struct Aftermath {
    followed_by_success: FxHashSet<Key>,
    red_green: FxHashSet<Key>,
}

impl Aftermath {
    fn of(threads: &[Vec<Call>], commands: &Commands) -> Aftermath {
        let mut aftermath = Aftermath::default();
        for thread in threads {
            aftermath.successes(thread, commands);
            aftermath.tests(thread, commands);
        }
        aftermath
    }

    fn successes(&mut self, thread: &[Call], commands: &Commands) {
        for (index, call) in thread.iter().enumerate().filter(|(_, call)| commands.tools.has_failed(call)) {
            let Some(key) = commands.key(call) else { continue };
            let mut next = thread[index + 1..].iter().take(SOON);
            if next.any(|call| commands.success(call) == Some(key)) {
                self.followed_by_success.insert(call.0.key);
            }
        }
    }

    /// From the end: a test that failed is red-green when its next run comes
    /// after an edit, and a later one passes.
    fn tests(&mut self, thread: &[Call], commands: &Commands) {
        let mut edits = 0;
        let mut next_runs: FxHashMap<&str, NextRun> = FxHashMap::default();
        for call in thread.iter().rev() {
            edits += usize::from(commands.tools.has_edited(call));
            let is_test = |reading: &&Reading| reading.is_test && !commands.stopped_at_cd(reading, call);
            let Some(reading) = commands.of(call).filter(is_test) else { continue };
            if commands.success(call).is_some() {
                next_runs.insert(&reading.key, NextRun { passes: true, edits_after: edits });
            } else if commands.tools.has_failed(call) {
                let next = next_runs.entry(&reading.key).or_default();
                if next.passes && edits > next.edits_after {
                    self.red_green.insert(call.0.key);
                }
                next.edits_after = edits;
            }
        }
    }
}

/// The next run of a test, seen from the end of a thread.
#[derive(Default)]
struct NextRun {
    /// Whether it or a later one passes.
    passes: bool,
    edits_after: usize,
}

/// What rows are made from.
struct View<'v> {
    dataset: &'v Dataset,
    calendar: &'v Calendar,
    commands: &'v Commands<'v>,
}

impl View<'_> {
    fn failing(&self, runs: &[Call], aftermath: &Aftermath) -> Vec<Failing> {
        let by_key = self.commands.by_key(runs).into_iter();
        let mut rows: Vec<Failing> = by_key.filter_map(|(key, runs)| self.row(key, &runs, aftermath)).collect();
        rows.sort_by(|a, b| a.failed.rank().cmp(&b.failed.rank()));
        rows
    }

    /// The row of a key; nothing for a key that never failed.
    fn row(&self, key: &str, runs: &[Call], aftermath: &Aftermath) -> Option<Failing> {
        let failed: Vec<Call> = runs.iter().filter(|(_, ending)| ending.outcome == Outcome::Failed).copied().collect();
        let count = |is_so: &dyn Fn(&Call) -> bool| failed.iter().filter(|call| is_so(call)).count() as u64;
        (!failed.is_empty()).then(|| Failing {
            failed: self.failed(key, &failed),
            runs: runs.len() as u64,
            followed_by_success: count(&|(call, _)| aftermath.followed_by_success.contains(&call.key)),
            red_green: count(&|(call, _)| aftermath.red_green.contains(&call.key)),
            chain: count(&|call| self.commands.is_of_chain(call)),
            parsed: count(&|call| self.commands.of(call).is_some_and(|reading| reading.is_parsed)),
            variants: self.variants(&failed),
            examples: calls::examples(self.dataset, &failed),
        })
    }

    /// What the failed calls of a key tell, in their order.
    fn failed(&self, key: &str, calls: &[Call]) -> Failed {
        let last = calls.last().and_then(|(call, _)| Some((call, self.dataset.facts().results.get(call.key)?)));
        Failed {
            command: key.into(),
            failures: calls.len() as u64,
            sessions: calls::sessions(calls),
            days: calls::days(calls, self.calendar),
            last_exit_code: last.and_then(|(_, result)| result.exit_code),
            last_error: last.and_then(|(call, result)| self.dataset.error_line(call, result)),
        }
    }

    /// Runners whose status was lost, those with the most results first.
    fn hidden(&self, runs: &[Call]) -> Vec<HiddenResults> {
        let mut groups: BTreeMap<&str, Vec<(Call, Hidden)>> = BTreeMap::new();
        for call in runs.iter().filter(|(_, ending)| matches!(ending.outcome, Outcome::Ok | Outcome::SoftNonzero)) {
            if let Some(hidden) = self.commands.of(call).and_then(|reading| reading.hidden.as_ref()) {
                groups.entry(&hidden.key).or_default().push((*call, hidden.by));
            }
        }
        let mut rows: Vec<_> = groups.into_iter().map(|(key, results)| self.hidden_results(key, &results)).collect();
        rows.sort_by(|a, b| b.results.cmp(&a.results).then_with(|| a.command.cmp(&b.command)));
        rows
    }

    fn hidden_results(&self, key: &str, results: &[(Call, Hidden)]) -> HiddenResults {
        let calls: Vec<Call> = results.iter().map(|(call, _)| *call).collect();
        let by = |what| results.iter().filter(|(_, by)| *by == what).count() as u64;
        HiddenResults {
            command: key.into(),
            results: results.len() as u64,
            pipe: by(Hidden::Pipe),
            or: by(Hidden::Or),
            sequence: by(Hidden::Sequence),
            sessions: calls::sessions(&calls),
            days: calls::days(&calls, self.calendar),
            variants: self.variants(&calls),
            examples: calls::examples(self.dataset, &calls),
        }
    }

    /// Different commands as they were run, the most frequent first.
    fn variants(&self, calls: &[Call]) -> Vec<String> {
        let mut counts: FxHashMap<Symbol, usize> = FxHashMap::default();
        let known = calls.iter().filter(|(call, _)| call.stored.is_none() || !call.command.is_none());
        known.for_each(|(call, _)| *counts.entry(call.command).or_default() += 1);
        let mut texts: Vec<_> = counts.into_iter().map(|(text, count)| (Reverse(count), self.dataset.symbols().name(text))).collect();
        texts.sort();
        let cut = |text: &str| match text.char_indices().nth(LONGEST_VARIANT) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.into(),
        };
        texts.iter().take(MOST_VARIANTS).map(|(_, text)| cut(text)).collect()
    }
}

#[cfg(test)]
mod tests;
