//! Files that were read again: which of the reads were needed, and which not.
//!
//! Every read falls in one [`Class`], by what its own agent had before it in the
//! same epoch. Whether a file changed in between is never known for sure: calls
//! that may have changed it count ([`changes`](super::changes)), and where both
//! results have a text, the texts decide.
//!
//! Subagents without an id (versions before 2.1) cannot be told apart: what one
//! of them read is never taken for read by another.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls;
use crate::behaviour::changes::{Asked, Doubts, Reach, SessionCommands};
use crate::behaviour::cost::{ResultCost, ResultCosts};
use crate::behaviour::epochs::{Epochs, Thread};
use crate::behaviour::files::FileNames;
use crate::dataset::Dataset;
use crate::dedup::Key;
use crate::outcome::{EditError, Outcome};
use crate::query::Selection;
use crate::rows::{CallRow, Order, Place, ResultRow};
use crate::shell::Lines;
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::wording::counted;

/// Why a file was read, as far as a transcript tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Nothing of the file was read before in the session.
    First,
    /// Lines that were not yet read.
    NewRange,
    /// The same lines again, and nothing between that could have changed them.
    RedundantExact,
    /// Lines inside those that were read; more may have been meant by it.
    RedundantCovered,
    /// The file may have changed since.
    AfterEdit,
    /// Read before by this agent, but not in this epoch.
    AfterCompaction,
    /// Read before, but only by other agents.
    OtherAgent,
    /// Claude Code answered that the file had not changed, and sent nothing.
    Stub,
}

impl Class {
    /// Every class, in the order of columns.
    const ALL: [Class; 8] = [
        Class::First,
        Class::NewRange,
        Class::RedundantExact,
        Class::RedundantCovered,
        Class::AfterEdit,
        Class::AfterCompaction,
        Class::OtherAgent,
        Class::Stub,
    ];

    /// Its name in reports.
    fn name(self) -> &'static str {
        match self {
            Class::First => "first",
            Class::NewRange => "new_range",
            Class::RedundantExact => "redundant_exact",
            Class::RedundantCovered => "redundant_covered",
            Class::AfterEdit => "after_edit",
            Class::AfterCompaction => "after_compaction",
            Class::OtherAgent => "other_agent",
            Class::Stub => "stub",
        }
    }
}

/// The reads of one file in one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileReads {
    session: String,
    /// The canonical path.
    file: String,
    /// Reads by [`Class::ALL`].
    classes: [u64; Class::ALL.len()],
    /// Those of `redundant_exact` where both texts are there and equal.
    verified: u64,
    /// All reads: the call of each, and how many files that call read.
    reads: Vec<Read>,
}

/// One read of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    class: Class,
    call: Key,
    place: Place,
    /// How many files the call read: they share its cost.
    sharers: u32,
}

impl FileReads {
    fn with(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }
}

/// The files that were read three times or more in one session, or once too
/// often. Reads outside the selection are not counted, but what they gave is known.
pub(crate) fn rows(selection: &Selection, epochs: &Epochs) -> Vec<FileReads> {
    const MANY: usize = 3;
    let is_listed = |row: &FileReads| row.reads.len() >= MANY || row.with(Class::RedundantExact) > 0;
    let dataset = selection.dataset();
    let (sessions, agents) = sessions(selection);
    let listed = |numbers: Vec<u32>| {
        let calls = file_calls(selection, &numbers);
        let commands = SessionCommands::new(dataset, calls.iter().filter_map(|call| call.row.known_command()));
        Session::new(dataset, epochs, &calls, &agents, &commands).rows().into_iter().filter(is_listed)
    };
    let mut rows: Vec<FileReads> = sessions.into_par_iter().flat_map_iter(listed).collect();
    rows.sort_by(|a, b| {
        let rank = |row: &FileReads| (row.with(Class::RedundantExact), row.reads.len());
        rank(b).cmp(&rank(a)).then_with(|| (&a.session, &a.file).cmp(&(&b.session, &b.file)))
    });
    rows
}

const NAMES: [(&str, Kind); 2] = [("session", Kind::Phrase), ("file", Kind::Text)];

/// What `redundant_exact` reads cost.
const COSTS: [(&str, Kind); 3] = [("redundant_tokens", Kind::Tokens), ("redundant_cost", Kind::Money), ("redundant_basis", Kind::Text)];

fn counts() -> Vec<(&'static str, Kind)> {
    let classes = Class::ALL.map(|class| (class.name(), Kind::Count));
    [&[("reads", Kind::Count)], &classes[..], &[("verified", Kind::Count)]].concat()
}

const DETAILS: [&str; 11] = [
    "first",
    "new_range",
    "redundant_covered",
    "after_edit",
    "after_compaction",
    "other_agent",
    "stub",
    "verified",
    "redundant_tokens",
    "redundant_basis",
    "examples",
];

/// The report.
pub(crate) fn table(dataset: &Dataset, rows: &[FileReads], costs: &ResultCosts) -> Table {
    let mut table = Table::new(&[&NAMES, &counts()[..], &COSTS, &[("examples", Kind::Text)]].concat()).details(&DETAILS);
    for row in rows {
        let one = std::slice::from_ref(row);
        table.rows.push([name_cells(row), count_cells(one), cost_cells(one, costs).into(), vec![examples(dataset, row)]].concat());
    }
    table
}

/// The rows as the summary has them: what takes long to work out is left out.
pub(crate) fn brief_table(rows: &[FileReads]) -> Table {
    let mut table = Table::new(&[&NAMES, &counts()[..]].concat()).details(&DETAILS);
    table.rows.extend(rows.iter().map(|row| [name_cells(row), count_cells(std::slice::from_ref(row))].concat()));
    table
}

/// One row: the sums of all rows.
pub(crate) fn totals(rows: &[FileReads], costs: &ResultCosts) -> Table {
    let mut table = Table::new(&[&[("files", Kind::Count)], &counts()[..], &COSTS].concat()).details(&DETAILS);
    table.rows.push([vec![Value::from(rows.len() as u64)], count_cells(rows), cost_cells(rows, costs).into()].concat());
    table
}

/// The cells under [`NAMES`].
fn name_cells(row: &FileReads) -> Vec<Value> {
    vec![Value::text(&row.session), Value::text(&row.file)]
}

/// The cells under [`counts`].
fn count_cells(rows: &[FileReads]) -> Vec<Value> {
    let mut cells = vec![Value::from(rows.iter().map(|row| row.reads.len() as u64).sum::<u64>())];
    cells.extend(Class::ALL.map(|class| Value::from(rows.iter().map(|row| row.with(class)).sum::<u64>())));
    cells.push(rows.iter().map(|row| row.verified).sum::<u64>().into());
    cells
}

/// The cells under [`COSTS`].
fn cost_cells(rows: &[FileReads], costs: &ResultCosts) -> [Value; COSTS.len()] {
    if rows.iter().all(|row| row.with(Class::RedundantExact) == 0) {
        return [0_u64.into(), 0_u64.into(), Value::None];
    }
    let cost = redundant_cost(rows, costs);
    [cost.tokens.into(), cost.cost_picodollars.into(), Value::text(cost.basis.name())]
}

/// What the reads cost that were not needed; commands that read several files
/// share their cost among them.
fn redundant_cost(rows: &[FileReads], costs: &ResultCosts) -> ResultCost {
    let reads = rows.iter().flat_map(|row| &row.reads).filter(|read| read.class == Class::RedundantExact);
    let cost = |read: &Read| costs.of(read.call).map(|cost| cost.shared_by(read.sharers));
    reads.filter_map(cost).fold(ResultCost::NONE, ResultCost::plus)
}

/// What to do about the rows.
pub(crate) fn advice(rows: &[FileReads]) -> Option<String> {
    let unneeded: Vec<u64> = rows.iter().map(|row| row.with(Class::RedundantExact)).filter(|times| *times > 0).collect();
    let (files, times) = (unneeded.len() as u64, unneeded.iter().sum());
    if files == 0 {
        return None;
    }
    let were = if files == 1 { "was" } else { "were" };
    let (files, times) = (counted(files, "file"), counted(times, "time"));
    Some(format!(
        "{files} {were} read again unchanged {times}: what it is asked for often belongs into CLAUDE.md, or into one read of the whole file"
    ))
}

/// Where the reads stand that were not needed, else all of them.
fn examples(dataset: &Dataset, row: &FileReads) -> Value {
    const MOST: usize = 10;
    let of = |class| row.reads.iter().filter(move |read| read.class == class);
    let mut reads: Vec<&Read> = of(Class::RedundantExact).chain(of(Class::RedundantCovered)).collect();
    if reads.is_empty() {
        reads = row.reads.iter().collect();
    }
    let examples: Vec<String> = reads.iter().take(MOST).map(|read| calls::evidence(dataset, &row.session, read.place)).collect();
    calls::list(&examples)
}

/// A call that read or may have changed a file, at the time of its result.
struct FileCall<'d> {
    at: Order,
    row: &'d CallRow,
    result: Option<&'d ResultRow>,
    outcome: Outcome,
    reach: Reach,
    is_selected: bool,
}

/// What the tools of calls do to files, each looked up once.
struct Reaches<'d> {
    dataset: &'d Dataset,
    known: FxHashMap<(Symbol, bool), Reach>,
}

impl Reaches<'_> {
    fn of(&mut self, call: &CallRow) -> Reach {
        let has_command = call.known_command().is_some_and(|command| command.has_effects());
        let name = || self.dataset.symbols().bytes(call.tool);
        *self.known.entry((call.tool, has_command)).or_insert_with(|| Reach::of(name(), has_command))
    }
}

/// The calls that read or may have changed a file, by their numbers, of every session that
/// a selected read stands in; and all agents that called a tool.
fn sessions(selection: &Selection) -> (Vec<Vec<u32>>, FxHashSet<Symbol>) {
    let dataset = selection.dataset();
    let mut reaches = Reaches { dataset, known: FxHashMap::default() };
    let mut sessions: FxHashMap<Symbol, (bool, Vec<u32>)> = FxHashMap::default();
    let mut agents = FxHashSet::default();
    for (number, (call, _)) in dataset.calls().enumerate() {
        agents.insert(call.origin.agent);
        let reach = reaches.of(call);
        if reach != Reach::None {
            let (is_asked, calls) = sessions.entry(call.origin.session).or_default();
            *is_asked = *is_asked || is_selected(call, reach, selection);
            calls.push(number as u32);
        }
    }
    (sessions.into_values().filter(|(is_asked, _)| *is_asked).map(|(_, calls)| calls).collect(), agents)
}

fn is_selected(call: &CallRow, reach: Reach, selection: &Selection) -> bool {
    matches!(reach, Reach::Read | Reach::Shell) && selection.keeps_call(call)
}

/// The calls of one session that read or may have changed a file, in order.
fn file_calls<'d>(selection: &Selection<'d>, numbers: &[u32]) -> Vec<FileCall<'d>> {
    let dataset = selection.dataset();
    let mut reaches = Reaches { dataset, known: FxHashMap::default() };
    let file_call = |number: &u32| {
        let (row, ending) = dataset.call_at(*number as usize);
        let result = dataset.facts().results.get(row.key);
        let at = result.map_or(row.origin.order, |result| result.order);
        let reach = reaches.of(row);
        FileCall { at, row, result, outcome: ending.outcome, reach, is_selected: is_selected(row, reach, selection) }
    };
    let mut calls: Vec<FileCall> = numbers.iter().map(file_call).collect();
    calls.sort_unstable_by_key(|call| (call.at, call.row.key));
    calls
}

/// The runs of the subagents of each thread, by their starts.
#[derive(Default)]
struct Runs(FxHashMap<Thread, Vec<Run>>);

/// A run of a subagent.
struct Run {
    start: Order,
    /// When it and all runs before it have ended. `None` is never: nothing tells when.
    end: Option<Order>,
}

impl Runs {
    /// `agents`: those whose calls are in the transcripts, so that it is known what they did.
    fn new(calls: &[FileCall], agents: &FxHashSet<Symbol>) -> Runs {
        let mut last: FxHashMap<Symbol, Order> = FxHashMap::default();
        for call in calls {
            let end = last.entry(call.row.origin.agent).or_insert(call.at);
            *end = call.at.max(*end);
        }
        let mut runs = Runs::default();
        for call in calls.iter().filter(|call| call.reach == Reach::Agent && !call.outcome.never_ran()) {
            let agent = call.result.map(|result| result.agent).filter(|agent| !agent.is_none());
            let seen = agent.and_then(|agent| last.get(&agent).copied());
            // Of an agent in the background the result is that it was started.
            let is_over = call.result.is_some_and(|result| !result.is_async) || agent.is_some_and(|agent| agents.contains(&agent));
            let end = if is_over { Some(call.at.max(seen.unwrap_or(call.at))) } else { None };
            let parent = Thread::of(&call.row.origin);
            runs.0.entry(parent).or_default().push(Run { start: call.row.origin.order, end });
        }
        for runs in runs.0.values_mut() {
            runs.sort_by_key(|run| run.start);
            let mut latest = runs.first().and_then(|run| run.end);
            for run in runs {
                latest = latest.zip(run.end).map(|(latest, end)| latest.max(end));
                run.end = latest;
            }
        }
        runs
    }

    /// When the last of the runs that a thread had started by now has ended, or now.
    fn last_end(&self, parent: Thread, now: Order) -> Option<Order> {
        let runs = self.0.get(&parent)?;
        let started = runs.partition_point(|run| run.start < now);
        let last = runs.get(started.checked_sub(1)?)?;
        Some(last.end.map_or(now, |end| end.min(now)))
    }
}

/// Lines from the first to before the second; `u32::MAX` is the end of the file.
type Span = (u32, u32);

const TO_THE_END: u32 = u32::MAX;

/// A read that is known of a file.
struct Past {
    at: Order,
    thread: Thread,
    epoch: usize,
    /// `None` where it is not known.
    span: Option<Span>,
    text: u64,
}

/// What a session knows of a file.
#[derive(Default)]
struct File {
    asked: Asked,
    past: Vec<Past>,
    /// Doubts before this one were before all that is known of the file.
    first_doubt: usize,
    /// When an edit or another text told that it had changed.
    changed: Option<Order>,
    row: FileReads,
}

/// A walk through the calls of one session.
struct Session<'s, 'd> {
    dataset: &'d Dataset,
    epochs: &'s Epochs,
    calls: &'s [FileCall<'d>],
    runs: Runs,
    commands: &'s SessionCommands<'d>,
    doubts: Doubts<'s, 'd>,
    names: FileNames<'d>,
    /// By the numbers of their names.
    files: Vec<File>,
}

impl<'s, 'd> Session<'s, 'd> {
    fn new(
        dataset: &'d Dataset,
        epochs: &'s Epochs,
        calls: &'s [FileCall<'d>],
        agents: &FxHashSet<Symbol>,
        commands: &'s SessionCommands<'d>,
    ) -> Session<'s, 'd> {
        Session {
            dataset,
            epochs,
            calls,
            runs: Runs::new(calls, agents),
            commands,
            doubts: Doubts::new(commands),
            names: FileNames::new(dataset),
            files: Vec::new(),
        }
    }

    fn rows(mut self) -> Vec<FileReads> {
        for call in self.calls {
            match call.reach {
                Reach::None | Reach::Agent => {}
                Reach::Named | Reach::Anything => self.doubt(call),
                Reach::Edit => self.edit(call),
                Reach::Read if call.outcome == Outcome::Ok => {
                    if let Some(file) = self.named_file(call.row) {
                        let span = tool_span(call, &self.files[file].asked.path);
                        self.read(call, file, span, 1);
                    }
                }
                Reach::Read => {}
                Reach::Shell => {
                    self.doubt(call);
                    let command = call.row.known_command().filter(|_| call.outcome == Outcome::Ok);
                    let reads = command.map(|command| self.commands.files_read(command)).unwrap_or_default();
                    for read in reads.iter() {
                        let number = self.names.number(&read.path, &call.row.origin);
                        let file = self.known(number);
                        self.read(call, file, shell_span(call, read.lines), reads.len() as u32);
                    }
                }
            }
        }
        let name = self.calls.first().map(|call| self.dataset.symbols().name(call.row.origin.session)).unwrap_or_default();
        let read = self.files.into_iter().filter(|file| !file.row.reads.is_empty() && !file.asked.path.is_empty());
        read.map(|file| FileReads { session: name.clone().into_owned(), file: file.asked.path, ..file.row }).collect()
    }

    /// What is known of the file that the input of a call names.
    fn named_file(&mut self, call: &CallRow) -> Option<usize> {
        let number = self.names.named(call)?;
        Some(self.known(number))
    }

    /// Makes a file known by the number of its name.
    fn known(&mut self, number: usize) -> usize {
        while self.files.len() <= number {
            let path = self.names.path(self.files.len()).to_owned();
            self.files.push(File { asked: Asked::new(path), ..File::default() });
        }
        number
    }

    fn doubt(&mut self, call: &FileCall) {
        self.doubts.push(call.at, call.row, call.reach, call.outcome);
    }

    /// An edit changes its file; one that is refused until the file is read
    /// again tells that somebody else may have.
    fn edit(&mut self, call: &FileCall) {
        let is_refused = call.outcome == Outcome::ToolError || call.outcome.never_ran();
        let asks_to_read = call.result.is_some_and(|result| matches!(result.edit_error, Some(EditError::NotRead | EditError::Changed)));
        if (!is_refused || asks_to_read)
            && let Some(file) = self.named_file(call.row)
        {
            self.files[file].changed = self.files[file].changed.max(Some(call.at));
        }
    }

    fn read(&mut self, call: &FileCall, file: usize, span: Option<Span>, sharers: u32) {
        let file = &mut self.files[file];
        let lines = call.result.map(|result| result.read).unwrap_or_default();
        let thread = Thread::of(&call.row.origin);
        let epoch = self.epochs.number(thread, call.row.origin.order);
        let read = Past { at: call.at, thread, epoch, span, text: lines.text };
        let question = Question { doubts: &self.doubts, runs: &self.runs, read: &read };
        let (class, is_verified) = if lines.is_stub { (Class::Stub, false) } else { question.class(file) };
        if class == Class::First {
            // The read itself is asked later: what it writes may come after it.
            file.first_doubt = self.doubts.len().saturating_sub(1);
        }
        if class != Class::Stub {
            file.past.push(read);
        }
        if call.is_selected {
            file.row.classes[class as usize] += 1;
            file.row.verified += u64::from(is_verified);
            file.row.reads.push(Read { class, call: call.row.key, place: call.row.origin.order.place, sharers });
        }
    }
}

/// One read that is to be classed.
struct Question<'q, 'd> {
    /// Up to the read; a command that reads may also write.
    doubts: &'q Doubts<'q, 'd>,
    runs: &'q Runs,
    read: &'q Past,
}

impl Question<'_, '_> {
    /// The class, and whether equal texts prove it.
    fn class(&self, file: &mut File) -> (Class, bool) {
        let read = self.read;
        let own = |past: &&Past| past.thread == read.thread && !read.thread.is_crowd;
        let here = |past: &&Past| own(past) && past.epoch == read.epoch;
        if file.past.is_empty() {
            return (Class::First, false);
        }
        if !file.past.iter().any(|past| own(&past)) {
            return (Class::OtherAgent, false);
        }
        if !file.past.iter().any(|past| here(&past)) {
            return (Class::AfterCompaction, false);
        }
        let Some(span) = read.span.filter(|span| covers(file.past.iter().filter(here), *span)) else {
            return (Class::NewRange, false);
        };
        let stale = self.last_change(file);
        let fresh = |past: &&Past| here(past) && stale.is_none_or(|stale| past.at > stale);
        if !covers(file.past.iter().filter(fresh), span) {
            return (Class::AfterEdit, false);
        }
        let same = || file.past.iter().filter(fresh).filter(|past| past.span == Some(span));
        let Some(twin) = same().rfind(|past| past.text != 0).or(same().next_back()) else {
            return (Class::RedundantCovered, false);
        };
        let are_known = twin.text != 0 && read.text != 0;
        if are_known && twin.text != read.text {
            // Somebody else changed it: what was read before is old.
            file.changed = file.past.iter().map(|past| past.at).max();
            return (Class::AfterEdit, false);
        }
        (Class::RedundantExact, are_known)
    }

    /// When the file last may have changed, by a call or by a run of a subagent.
    fn last_change(&self, file: &mut File) -> Option<Order> {
        let now = self.read.at;
        let (doubted, is_unsettled) = self.doubts.last_change(&mut file.asked, file.first_doubt);
        if is_unsettled {
            return Some(now);
        }
        file.changed.max(doubted).max(self.runs.last_end(self.read.thread, now))
    }
}

/// Whether some reads together hold all lines of a span.
fn covers<'p>(past: impl DoubleEndedIterator<Item = &'p Past> + Clone, span: Span) -> bool {
    let spans = past.filter_map(|past| past.span);
    // Most often one of the last has them all.
    if spans.clone().rev().any(|known| known.0 <= span.0 && span.1 <= known.1) {
        return true;
    }
    let mut known: Vec<Span> = spans.collect();
    known.sort_unstable();
    let (mut line, end) = span;
    for (from, to) in known {
        if from > line {
            break;
        }
        line = line.max(to);
    }
    line >= end
}

/// The lines that a Read gave: those that its result tells, else those asked for.
fn tool_span(call: &FileCall, path: &str) -> Option<Span> {
    let lines = call.result?.read;
    if lines.start > 0 {
        let after = lines.start.saturating_add(lines.count);
        // To the end of the file is one span, however long the file is by then.
        let is_rest = lines.count == 0 || lines.total > 0 && after > lines.total;
        return Some((lines.start, if is_rest { TO_THE_END } else { after }));
    }
    // Pages were asked for, which the facts do not tell.
    if path.to_lowercase().ends_with(".pdf") {
        return None;
    }
    let start = call.row.offset.unwrap_or(1).max(1);
    Some((start, call.row.limit.map_or(TO_THE_END, |limit| start.saturating_add(limit))))
}

/// The lines that a command printed, if the model saw all of them.
fn shell_span(call: &FileCall, lines: Lines) -> Option<Span> {
    /// Claude Code cuts output of commands at 30,000 characters.
    const LONGEST_BYTES: u32 = 29_000;
    call.result.filter(|result| !result.is_cut && result.size_bytes < LONGEST_BYTES)?;
    match lines {
        Lines::All => Some((1, TO_THE_END)),
        Lines::Unknown => None,
        Lines::Some { start, count } => {
            let line = |number: u64| u32::try_from(number).unwrap_or(TO_THE_END);
            Some((line(start), count.map_or(TO_THE_END, |count| line(start.saturating_add(count)))))
        }
    }
}

#[cfg(test)]
mod tests;
