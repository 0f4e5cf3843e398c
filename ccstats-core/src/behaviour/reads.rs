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

use crate::behaviour::changes::{Asked, Changes, Reach};
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
use crate::untrusted::Untrusted;

/// Why a file was read, as far as a transcript tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
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
    pub(crate) const ALL: [Class; 8] = [
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
    pub(crate) fn name(self) -> &'static str {
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
    pub(crate) session: String,
    /// The canonical path.
    pub(crate) file: String,
    /// Reads by [`Class::ALL`].
    pub(crate) classes: [u64; Class::ALL.len()],
    /// Those of `redundant_exact` where both texts are there and equal.
    pub(crate) verified: u64,
    /// All reads: the call of each, and how many files that call read.
    pub(crate) reads: Vec<Read>,
}

/// One read of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) class: Class,
    pub(crate) call: Key,
    pub(crate) place: Place,
    /// How many files the call read: they share its cost.
    pub(crate) sharers: u32,
}

impl FileReads {
    pub(crate) fn with(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }
}

/// The files that were read three times or more in one session, or once too
/// often. Reads outside the selection are not counted, but what they gave is known.
pub(crate) fn rows(dataset: &Dataset, epochs: &Epochs, selection: &Selection) -> Vec<FileReads> {
    const MANY: usize = 3;
    let is_listed = |row: &FileReads| row.reads.len() >= MANY || row.with(Class::RedundantExact) > 0;
    let (sessions, agents) = sessions(dataset, selection);
    let listed = |calls: Vec<u32>| {
        let events = events(dataset, selection, &calls);
        let changes = Changes::new(dataset, events.iter().filter_map(|event| event.call.known_command()));
        Session::new(dataset, epochs, &events, &agents).rows(&changes).into_iter().filter(is_listed)
    };
    let mut rows: Vec<FileReads> = sessions.into_par_iter().flat_map_iter(listed).collect();
    rows.sort_by(|a, b| {
        let rank = |row: &FileReads| (row.with(Class::RedundantExact), row.reads.len());
        rank(b).cmp(&rank(a)).then_with(|| (&a.session, &a.file).cmp(&(&b.session, &b.file)))
    });
    rows
}

/// The columns of counts and of what `redundant_exact` reads cost.
fn figures() -> Vec<(&'static str, Kind)> {
    let mut columns = vec![("reads", Kind::Count)];
    columns.extend(Class::ALL.map(|class| (class.name(), Kind::Count)));
    columns.extend([("verified", Kind::Count), ("redundant_tokens", Kind::Tokens), ("redundant_cost", Kind::Money)]);
    columns.push(("redundant_basis", Kind::Text));
    columns
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

/// The report. `None` for costs leaves theirs out, which saves working them out.
pub(crate) fn table(dataset: &Dataset, rows: &[FileReads], costs: Option<&ResultCosts>) -> Table {
    let columns = [vec![("session", Kind::Text), ("file", Kind::Text)], figures(), vec![("examples", Kind::Text)]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    for row in rows {
        let mut cells = vec![Value::text(&row.session), Value::text(&row.file)];
        cells.extend(figure_cells(std::slice::from_ref(row), costs));
        cells.push(Value::List(examples(dataset, row)));
        table.rows.push(cells);
    }
    table
}

/// One row: the sums of all rows.
pub(crate) fn totals(rows: &[FileReads], costs: Option<&ResultCosts>) -> Table {
    let mut table = Table::new(&[vec![("files", Kind::Count)], figures()].concat()).details(&DETAILS);
    table.rows.push([vec![Value::from(rows.len() as u64)], figure_cells(rows, costs)].concat());
    table
}

/// The cells under [`figures`].
fn figure_cells(rows: &[FileReads], costs: Option<&ResultCosts>) -> Vec<Value> {
    let mut cells = vec![Value::from(rows.iter().map(|row| row.reads.len() as u64).sum::<u64>())];
    cells.extend(Class::ALL.map(|class| Value::from(rows.iter().map(|row| row.with(class)).sum::<u64>())));
    cells.push(rows.iter().map(|row| row.verified).sum::<u64>().into());
    cells.extend(match costs.map(|costs| redundant_cost(rows, costs)) {
        Some(_) if rows.iter().all(|row| row.with(Class::RedundantExact) == 0) => [0_u64.into(), 0_u64.into(), Value::None],
        Some(cost) => [cost.tokens.into(), cost.cost_picodollars.into(), Value::text(cost.basis.name())],
        None => [Value::None, Value::None, Value::None],
    });
    cells
}

/// What the reads cost that were not needed; commands that read several files
/// share their cost among them.
pub(crate) fn redundant_cost(rows: &[FileReads], costs: &ResultCosts) -> ResultCost {
    let reads = rows.iter().flat_map(|row| &row.reads).filter(|read| read.class == Class::RedundantExact);
    let cost = |read: &Read| costs.of(read.call).map(|cost| cost.shared_by(read.sharers));
    reads.filter_map(cost).fold(ResultCost::NONE, ResultCost::plus)
}

/// What to do about the rows.
pub(crate) fn advice(rows: &[FileReads]) -> Option<String> {
    let (files, times) = rows
        .iter()
        .map(|row| row.with(Class::RedundantExact))
        .filter(|times| *times > 0)
        .fold((0, 0), |(files, sum), times| (files + 1, sum + times));
    let (files_word, times_word) = (plural(files, "file was", "files were"), plural(times, "time", "times"));
    (files > 0).then(|| format!("{files} {files_word} read again unchanged {times} {times_word}: what it is asked for often belongs into CLAUDE.md, or into one read of the whole file"))
}

fn plural(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// The reads that were not needed, else all of them, as `session:transcript:line`.
fn examples(dataset: &Dataset, row: &FileReads) -> Vec<Untrusted> {
    const MOST: usize = 10;
    let of = |class| row.reads.iter().filter(move |read| read.class == class);
    let mut reads: Vec<&Read> = of(Class::RedundantExact).chain(of(Class::RedundantCovered)).collect();
    if reads.is_empty() {
        reads = row.reads.iter().collect();
    }
    let place = |read: &&Read| {
        let (transcript, line) = dataset.locate(read.place);
        Untrusted::new(format!("{}:{}:{line}", row.session, transcript.name.display()))
    };
    reads.iter().take(MOST).map(place).collect()
}

/// A call that read or may have changed a file, at the time of its result.
struct Event<'d> {
    at: Order,
    call: &'d CallRow,
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
fn sessions(dataset: &Dataset, selection: &Selection) -> (Vec<Vec<u32>>, FxHashSet<Symbol>) {
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

/// The events of one session, in order.
fn events<'d>(dataset: &'d Dataset, selection: &Selection, calls: &[u32]) -> Vec<Event<'d>> {
    let mut reaches = Reaches { dataset, known: FxHashMap::default() };
    let event = |number: &u32| {
        let (call, ending) = dataset.call_at(*number as usize);
        let result = dataset.facts().results.get(call.key);
        let at = result.map_or(call.origin.order, |result| result.order);
        let reach = reaches.of(call);
        Event { at, call, result, outcome: ending.outcome, reach, is_selected: is_selected(call, reach, selection) }
    };
    let mut events: Vec<Event> = calls.iter().map(event).collect();
    events.sort_unstable_by_key(|event| (event.at, event.call.key));
    events
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
    fn new(events: &[Event], agents: &FxHashSet<Symbol>) -> Runs {
        let mut last: FxHashMap<Symbol, Order> = FxHashMap::default();
        for event in events {
            let end = last.entry(event.call.origin.agent).or_insert(event.at);
            *end = event.at.max(*end);
        }
        let mut runs = Runs::default();
        for event in events.iter().filter(|event| event.reach == Reach::Agent && event.outcome != Outcome::Denied) {
            let agent = event.result.map(|result| result.agent).filter(|agent| !agent.is_none());
            let seen = agent.and_then(|agent| last.get(&agent).copied());
            // Of an agent in the background the result is that it was started.
            let is_over = event.result.is_some_and(|result| !result.is_async) || agent.is_some_and(|agent| agents.contains(&agent));
            let end = if is_over { Some(event.at.max(seen.unwrap_or(event.at))) } else { None };
            let parent = Thread::of(&event.call.origin);
            runs.0.entry(parent).or_default().push(Run { start: event.call.origin.order, end });
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
    /// Doubts before this one need not be asked any more whether they changed the file.
    open_doubts: usize,
    /// When it last may have changed.
    changed: Option<Order>,
    /// A command in the background may change it at any time.
    is_unsettled: bool,
    row: FileReads,
}

/// A walk through the events of one session.
struct Session<'s, 'd> {
    dataset: &'d Dataset,
    epochs: &'s Epochs,
    events: &'s [Event<'d>],
    runs: Runs,
    /// Events so far that may have changed files which they do not plainly name.
    doubts: Vec<&'s Event<'d>>,
    names: FileNames<'d>,
    /// By the numbers of their names.
    files: Vec<File>,
}

impl<'s, 'd> Session<'s, 'd> {
    fn new(dataset: &'d Dataset, epochs: &'s Epochs, events: &'s [Event<'d>], agents: &FxHashSet<Symbol>) -> Session<'s, 'd> {
        Session {
            dataset,
            epochs,
            events,
            runs: Runs::new(events, agents),
            doubts: Vec::new(),
            names: FileNames::new(dataset),
            files: Vec::new(),
        }
    }

    fn rows(mut self, changes: &Changes) -> Vec<FileReads> {
        for event in self.events {
            match event.reach {
                Reach::None | Reach::Agent => {}
                Reach::Named | Reach::Anything => self.doubts.push(event),
                Reach::Edit => self.edit(event),
                Reach::Read if event.outcome == Outcome::Ok => {
                    if let Some(file) = self.named_file(event.call) {
                        let span = tool_span(event, &self.files[file].asked.path);
                        self.read(event, file, span, 1, changes);
                    }
                }
                Reach::Read => {}
                Reach::Shell => {
                    self.doubts.push(event);
                    let command = event.call.known_command().filter(|_| event.outcome == Outcome::Ok);
                    let reads = command.map(|command| changes.files_read(command)).unwrap_or_default();
                    for read in reads.iter() {
                        let number = self.names.number(&read.path, &event.call.origin);
                        let file = self.known(number);
                        self.read(event, file, shell_span(event, read.lines), reads.len() as u32, changes);
                    }
                }
            }
        }
        let name = self.events.first().map(|event| self.dataset.symbols().name(event.call.origin.session)).unwrap_or_default();
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

    /// An edit changes its file; one that is refused until the file is read
    /// again tells that somebody else may have.
    fn edit(&mut self, event: &Event) {
        let is_refused = matches!(event.outcome, Outcome::ToolError | Outcome::Denied | Outcome::Cancelled);
        let asks_to_read = event.result.is_some_and(|result| matches!(result.edit_error, Some(EditError::NotRead | EditError::Changed)));
        if (!is_refused || asks_to_read)
            && let Some(file) = self.named_file(event.call)
        {
            self.files[file].changed = self.files[file].changed.max(Some(event.at));
        }
    }

    fn read(&mut self, event: &Event, file: usize, span: Option<Span>, sharers: u32, changes: &Changes) {
        let file = &mut self.files[file];
        let lines = event.result.map(|result| result.read).unwrap_or_default();
        let thread = Thread::of(&event.call.origin);
        let epoch = self.epochs.number(thread, event.call.origin.order);
        let read = Past { at: event.at, thread, epoch, span, text: lines.text };
        let question = Question { doubts: &self.doubts, runs: &self.runs, read: &read };
        let (class, is_verified) = if lines.is_stub { (Class::Stub, false) } else { question.class(file, changes) };
        if class == Class::First {
            // The read itself is asked later: what it writes may come after it.
            file.open_doubts = self.doubts.len().saturating_sub(1);
        }
        if class != Class::Stub {
            file.past.push(read);
        }
        if event.is_selected {
            file.row.classes[class as usize] += 1;
            file.row.verified += u64::from(is_verified);
            file.row.reads.push(Read { class, call: event.call.key, place: event.call.origin.order.place, sharers });
        }
    }
}

/// One read that is to be classed.
struct Question<'q, 'd> {
    /// Up to the read; a command that reads may also write.
    doubts: &'q [&'q Event<'d>],
    runs: &'q Runs,
    read: &'q Past,
}

impl Question<'_, '_> {
    /// The class, and whether equal texts prove it.
    fn class(&self, file: &mut File, changes: &Changes) -> (Class, bool) {
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
        let stale = self.last_change(file, changes);
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
    fn last_change(&self, file: &mut File, changes: &Changes) -> Option<Order> {
        let now = self.read.at;
        // The last change counts, so the latest doubts are asked first.
        for doubt in self.doubts[file.open_doubts..].iter().rev() {
            let is_lasting = doubt.outcome == Outcome::Background;
            let matters = is_lasting || file.changed < Some(doubt.at);
            if matters && changes.may_change(doubt.call, doubt.reach, doubt.outcome, &mut file.asked) {
                file.changed = file.changed.max(Some(doubt.at));
                file.is_unsettled |= is_lasting;
            }
        }
        file.open_doubts = self.doubts.len();
        if file.is_unsettled {
            return Some(now);
        }
        file.changed.max(self.runs.last_end(self.read.thread, now))
    }
}

/// Whether some reads together hold all lines of a span.
fn covers<'p>(past: impl Iterator<Item = &'p Past>, span: Span) -> bool {
    let mut known: Vec<Span> = past.filter_map(|past| past.span).collect();
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
fn tool_span(event: &Event, path: &str) -> Option<Span> {
    let lines = event.result?.read;
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
    let start = event.call.offset.unwrap_or(1).max(1);
    Some((start, event.call.limit.map_or(TO_THE_END, |limit| start.saturating_add(limit))))
}

/// The lines that a command printed, if the model saw all of them.
fn shell_span(event: &Event, lines: Lines) -> Option<Span> {
    /// Claude Code cuts output of commands at 30,000 characters.
    const LONGEST_BYTES: u32 = 29_000;
    event.result.filter(|result| !result.is_cut && result.size_bytes < LONGEST_BYTES)?;
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
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::testing::dataset;

    /// A transcript in the making: every line one second after the one before.
    #[derive(Default)]
    struct Lines {
        lines: Vec<String>,
        agent: Option<&'static str>,
        parent: Option<usize>,
    }

    impl Lines {
        fn line(mut self, kind: &str, rest: &str) -> Lines {
            let second = self.lines.len();
            let agent = self.agent.map_or(String::new(), |agent| format!(r#","isSidechain":true,"agentId":"{agent}""#));
            let parent = self.parent.take().or(second.checked_sub(1)).map_or(String::new(), |line| format!(r#","parentUuid":"u{line}""#));
            let time = format!("2026-11-03T10:{:02}:{:02}Z", second / 60, second % 60);
            self.lines.push(format!(
                r#"{{"type":"{kind}","uuid":"u{second}"{parent},"sessionId":"s","cwd":"/w","timestamp":"{time}"{agent},{rest}}}"#
            ));
            self
        }

        /// The next lines are those of another agent.
        fn agent(self, agent: Option<&'static str>) -> Lines {
            Lines { agent, ..self }
        }

        fn call(self, tool: &str, input: &str, result: &str) -> Lines {
            let id = self.lines.len();
            let calls =
                format!(r#""message":{{"model":"m","content":[{{"type":"tool_use","id":"toolu_{id}","name":"{tool}","input":{input}}}]}}"#);
            let results = format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{id}","content":"done"}}]}}"#);
            self.line("assistant", &calls).line("user", &format!("{results},{result}"))
        }

        fn read(self, file: &str, start: u32, count: u32, text: &str) -> Lines {
            let result = format!(
                r#""toolUseResult":{{"type":"text","file":{{"content":"{text}","startLine":{start},"numLines":{count},"totalLines":100}}}}"#
            );
            self.call("Read", &format!(r#"{{"file_path":"{file}"}}"#), &result)
        }

        /// All of `/w/a`.
        fn whole(self) -> Lines {
            self.read("/w/a", 1, 100, "text")
        }

        fn stub(self) -> Lines {
            self.call("Read", r#"{"file_path":"/w/a"}"#, r#""toolUseResult":{"type":"file_unchanged","file":{"filePath":"/w/a"}}"#)
        }

        fn edit(self, file: &str) -> Lines {
            self.call("Edit", &format!(r#"{{"file_path":"{file}"}}"#), r#""toolUseResult":{"structuredPatch":[]}"#)
        }

        fn shell(self, command: &str) -> Lines {
            self.call("Bash", &format!(r#"{{"command":"{command}"}}"#), r#""toolUseResult":{"stdout":"done"}"#)
        }

        fn compaction(self) -> Lines {
            self.line("system", r#""subtype":"compact_boundary""#)
        }

        fn rows(self) -> Vec<FileReads> {
            self.rows_of(&Query::all())
        }

        fn rows_of(self, query: &Query) -> Vec<FileReads> {
            let dataset = dataset(&[("p/s.jsonl", &self.lines)]);
            rows(&dataset, &Epochs::new(&dataset), &Selection::new(&dataset, query).expect("a valid query"))
        }

        /// The classes of the only row, those that have reads; `+` marks verified ones.
        fn dump(self) -> String {
            let [row] = &self.rows()[..] else { return "no row".into() };
            let mut classes: Vec<_> = row.reads.iter().map(|read| read.class.name()).collect();
            if row.verified > 0 {
                classes.push("+");
            }
            classes.join(" ")
        }
    }

    fn lines() -> Lines {
        Lines::default()
    }

    #[test]
    fn each_kind_of_read_is_told() {
        let whole = |lines: Lines| lines.read("/w/a", 1, 100, "");
        let lines = whole(whole(lines())).read("/w/a", 10, 5, "").edit("/w/a");
        let lines = whole(whole(lines).compaction()).stub();
        let [row] = &lines.rows()[..] else { panic!("one row") };
        assert_eq!((row.session.as_str(), row.file.as_str(), row.reads.len()), ("s", "/w/a", 6));
        let expected = [
            (Class::First, 1),
            (Class::NewRange, 0),
            (Class::RedundantExact, 1),
            (Class::RedundantCovered, 1),
            (Class::AfterEdit, 1),
            (Class::AfterCompaction, 1),
            (Class::OtherAgent, 0),
            (Class::Stub, 1),
        ];
        assert_eq!(expected.map(|(class, _)| row.with(class)), expected.map(|(_, count)| count));
    }

    #[test]
    fn two_reads_are_listed_only_when_the_second_was_too_much() {
        assert_eq!(lines().whole().whole().dump(), "first redundant_exact +");
        assert_eq!(lines().whole().edit("/w/a").whole().dump(), "no row");
        assert_eq!(lines().read("/w/a", 1, 10, "x").read("/w/a", 11, 10, "y").dump(), "no row");
    }

    #[test]
    fn lines_that_several_reads_gave_together_are_covered() {
        let parts = || lines().read("/w/a", 1, 10, "x").read("/w/a", 11, 10, "y");
        assert_eq!(parts().read("/w/a", 5, 10, "z").dump(), "first new_range redundant_covered");
        assert_eq!(parts().read("/w/a", 5, 20, "z").dump(), "first new_range new_range");
    }

    #[test]
    fn equal_texts_prove_a_row_and_different_texts_an_edit_by_somebody_else() {
        assert_eq!(lines().whole().whole().dump(), "first redundant_exact +");
        let changed = lines().whole().read("/w/a", 1, 100, "new").read("/w/a", 1, 100, "new");
        assert_eq!(changed.dump(), "first after_edit redundant_exact +");
    }

    #[test]
    fn a_longer_file_is_the_same_whole_after_an_edit() {
        let longer = r#""toolUseResult":{"type":"text","file":{"content":"longer","startLine":1,"numLines":120,"totalLines":120}}"#;
        let lines = lines().whole().edit("/w/a").call("Read", r#"{"file_path":"/w/a"}"#, longer).whole();
        assert_eq!(lines.dump(), "first after_edit after_edit");
    }

    #[test]
    fn commands_that_may_change_the_file_lie_between_and_others_do_not() {
        let table = [
            ("echo x > a", "after_edit after_edit"),
            ("python gen.py a", "after_edit after_edit"),
            ("git checkout .", "after_edit after_edit"),
            ("cargo fmt", "after_edit after_edit"),
            ("cargo build", "redundant_exact redundant_exact +"),
            ("grep x a", "redundant_exact redundant_exact +"),
            ("echo x > b", "redundant_exact redundant_exact +"),
            ("git commit -m 'git checkout a'", "redundant_exact redundant_exact +"),
        ];
        for (command, expected) in table {
            let lines = lines().whole().shell(command).whole().shell(command).whole();
            assert_eq!(lines.dump(), format!("first {expected}"), "{command}");
        }
    }

    #[test]
    fn what_did_not_run_changed_nothing() {
        let refused = |tool: &str, input: &str| {
            let id = format!("toolu_{tool}");
            let call =
                format!(r#""message":{{"model":"m","content":[{{"type":"tool_use","id":"{id}","name":"{tool}","input":{input}}}]}}"#);
            let denied = format!(
                r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"{id}","is_error":true,"content":"The user doesn't want to proceed with this tool use. STOP"}}]}}"#
            );
            lines().whole().line("assistant", &call).line("user", &denied).whole().dump()
        };
        assert_eq!(refused("Edit", r#"{"file_path":"/w/a"}"#), "first redundant_exact +");
        assert_eq!(refused("Bash", r#"{"command":"rm a"}"#), "first redundant_exact +");
        assert_eq!(refused("Task", "{}"), "first redundant_exact +");
    }

    #[test]
    fn commands_that_print_one_file_are_reads_of_it() {
        let lines = lines().shell("cat a").shell("cat ./x/../a").shell("cd /w && sed -n '1,5p' a").whole();
        assert_eq!(lines.dump(), "first redundant_exact redundant_covered redundant_exact");
        assert_eq!(super::tests::lines().shell("cat a").shell("cat a | wc -l").shell("grep x a").dump(), "no row");
    }

    #[test]
    fn the_tail_of_a_file_may_be_new_unless_all_of_it_was_read() {
        assert_eq!(lines().shell("tail a").shell("tail a").shell("tail a").dump(), "first new_range new_range");
    }

    #[test]
    fn another_tool_that_names_the_file_lies_between() {
        let tool = |name: &str, input: &str| lines().whole().call(name, input, r#""toolUseResult":{}"#).whole().whole().dump();
        assert_eq!(tool("mcp__fs__touch", r#"{"path":"/w/a"}"#), "first after_edit redundant_exact +");
        assert_eq!(tool("mcp__fs__touch", r#"{"path":"/w/b"}"#), "first redundant_exact redundant_exact +");
        assert_eq!(tool("mcp__fs__write_file", r#"{"filename":"a"}"#), "first after_edit redundant_exact +");
        assert_eq!(tool("Grep", r#"{"path":"/w/a","pattern":"x"}"#), "first redundant_exact redundant_exact +");
    }

    #[test]
    fn a_run_of_a_subagent_lies_between_until_it_ends() {
        let run = |result: &str| lines().whole().call("Task", "{}", result).whole().whole().dump();
        assert_eq!(run(r#""toolUseResult":{"agentId":"g"}"#), "first after_edit redundant_exact +");
        assert_eq!(run(r#""toolUseResult":{"agentId":"g","isAsync":true}"#), "first after_edit after_edit");
    }

    #[test]
    fn an_agent_in_the_background_has_done_what_its_transcript_tells() {
        let launch = r#""toolUseResult":{"agentId":"g","isAsync":true}"#;
        let launched = || lines().whole().call("Agent", "{}", launch).agent(Some("g"));
        assert_eq!(launched().shell("ls").agent(None).whole().whole().dump(), "first after_edit redundant_exact +");
        let wrote = launched().shell("ls").agent(None).whole().agent(Some("g")).shell("make").agent(None).whole().whole();
        assert_eq!(wrote.dump(), "first after_edit after_edit redundant_exact +");
    }

    #[test]
    fn another_picture_or_other_cells_are_a_change() {
        let read =
            |lines: Lines, file: &str| lines.call("Read", r#"{"file_path":"/w/a"}"#, &format!(r#""toolUseResult":{{"file":{{{file}}}}}"#));
        for kind in [r#""base64":"#, r#""filePath":"/w/a","cells":"#] {
            let [old, new] = [r#""a""#, r#""b""#].map(|content| format!("{kind}{content}"));
            let lines = read(read(read(lines(), &old), &new), &new);
            assert_eq!(lines.dump(), "first after_edit redundant_exact +", "{kind}");
        }
    }

    #[test]
    fn agents_do_not_know_what_others_read() {
        let lines = || lines().whole().agent(Some("g")).whole().whole().agent(None);
        assert_eq!(lines().whole().dump(), "first other_agent redundant_exact redundant_exact +");
    }

    #[test]
    fn agents_without_an_id_are_never_taken_for_one() {
        let crowd = |lines: Lines| {
            let mut lines = lines.whole();
            for line in lines.lines.iter_mut() {
                *line = line.replacen(r#""sessionId""#, r#""isSidechain":true,"sessionId""#, 1);
            }
            lines
        };
        assert_eq!(crowd(crowd(crowd(lines()))).dump(), "first other_agent other_agent");
    }

    #[test]
    fn after_a_rewind_the_reads_before_it_may_be_gone() {
        let prompt = |lines: Lines| lines.line("user", r#""message":{"content":"do it"}"#);
        let lines = prompt(lines()).whole();
        let again = Lines { parent: Some(0), ..lines };
        assert_eq!(prompt(again).whole().whole().dump(), "first after_compaction redundant_exact +");
    }

    #[test]
    fn a_range_counts_its_own_reads_and_knows_those_before() {
        let mut query = Query::all();
        query.range = crate::time::Range { bounds: crate::time::Bounds::Instants(instant("10:00:04"), instant("11:00:00")), ..query.range };
        let rows = lines().whole().edit("/w/b").whole().rows_of(&query);
        assert_eq!(rows.iter().map(|row| (row.reads.len(), row.with(Class::RedundantExact))).collect::<Vec<_>>(), [(1, 1)]);
    }

    fn instant(time: &str) -> i64 {
        crate::time::instant(format!("2026-11-03T{time}Z").as_bytes()).expect("a time")
    }

    #[test]
    fn failed_reads_are_none() {
        let failed = r#""toolUseResult":"Error: File does not exist.""#;
        let error = |lines: Lines| {
            let mut lines = lines.call("Read", r#"{"file_path":"/w/a"}"#, failed);
            let last = lines.lines.last_mut().expect("a line");
            *last = last.replace(r#""content":"done""#, r#""is_error":true,"content":"File does not exist.""#);
            lines
        };
        assert_eq!(error(error(error(lines()))).dump(), "no row");
    }

    #[test]
    fn the_reads_that_were_not_needed_cost_what_their_results_do() {
        let mut lines = lines().whole().whole().lines;
        for (number, line) in lines.iter_mut().step_by(2).enumerate() {
            let usage = format!(
                r#""id":"msg_{number}","stop_reason":"end","usage":{{"input_tokens":{}}},"model":"claude-sonnet-4-5""#,
                1000 + 300 * number
            );
            *line = line.replace(r#""model":"m""#, &usage);
        }
        let last = r#"{"type":"assistant","sessionId":"s","timestamp":"2026-11-03T10:00:04Z","message":{"id":"msg_2","model":"claude-sonnet-4-5","usage":{"input_tokens":1500},"content":[]}}"#;
        lines.push(last.into());
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        let rows = rows(&dataset, &Epochs::new(&dataset), &Selection::new(&dataset, &Query::all()).expect("a valid query"));
        let costs = ResultCosts::new(&dataset, &Epochs::new(&dataset), crate::prices::Prices::list());
        let totals = totals(&rows, Some(&costs));
        let cell = |name| totals.rows[0][totals.column(name).expect("a column")].clone();
        let expected = [Value::Number(200), Value::Number(200 * 3_000_000), Value::text("measured")];
        assert_eq!(["redundant_tokens", "redundant_cost", "redundant_basis"].map(cell), expected);
    }

    #[test]
    fn the_largest_waste_comes_first_and_names_its_lines() {
        let lines = lines().whole().whole().read("/w/b", 1, 100, "b").read("/w/b", 1, 100, "b").read("/w/b", 1, 100, "b");
        let dataset = dataset(&[("p/s.jsonl", &lines.lines)]);
        let rows = rows(&dataset, &Epochs::new(&dataset), &Selection::new(&dataset, &Query::all()).expect("a valid query"));
        let costs = ResultCosts::new(&dataset, &Epochs::new(&dataset), crate::prices::Prices::list());
        let table = table(&dataset, &rows, Some(&costs));
        let files = table.column("file").expect("a column");
        assert_eq!(table.rows.iter().map(|row| row[files].clone()).collect::<Vec<_>>(), [Value::text("/w/b"), Value::text("/w/a")]);
        let examples = table.column("examples").expect("a column");
        assert_eq!(table.rows[1][examples], Value::List(vec![Untrusted::new("s:p/s.jsonl:3")]));
        assert_eq!(
            advice(&rows).as_deref(),
            Some(
                "2 files were read again unchanged 3 times: what it is asked for often belongs into CLAUDE.md, or into one read of the whole file"
            )
        );
    }
}
