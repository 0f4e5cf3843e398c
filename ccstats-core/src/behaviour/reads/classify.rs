//! Walks through the calls of a session and puts each read in its class.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Class, FileReads, Read};
use crate::behaviour::changes::{Doubts, Reach, SessionCommands, WatchedFile};
use crate::behaviour::epochs::{Epochs, Thread};
use crate::behaviour::files::FileNames;
use crate::dataset::Dataset;
use crate::facts::LONGEST_OUTPUT_BYTES;
use crate::outcome::{EditError, Outcome};
use crate::query::Selection;
use crate::rows::{CallRow, Order, ResultRow};
use crate::shell::Lines;
use crate::symbols::Symbol;

/// A call that read or may have changed a file, at the time of its result.
pub(super) struct FileCall<'d> {
    at: Order,
    pub(super) row: &'d CallRow,
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
pub(super) fn sessions(selection: &Selection) -> (Vec<Vec<u32>>, FxHashSet<Symbol>) {
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
pub(super) fn file_calls<'d>(selection: &Selection<'d>, numbers: &[u32]) -> Vec<FileCall<'d>> {
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
struct EarlierRead {
    at: Order,
    thread: Thread,
    epoch: usize,
    /// `None` where it is not known.
    span: Option<Span>,
    text: Option<ReadText>,
}

/// What a read gave, by a hash. Only texts of one source can be compared.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ReadText {
    hash: u64,
    source: TextSource,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TextSource {
    /// The file, as the result of a Read tells it.
    File,
    /// The result of a Read, lines numbered.
    Result,
    /// The output of a command.
    Output,
}

impl ReadText {
    fn of(call: &FileCall, sharers: u32) -> Option<ReadText> {
        let lines = call.result.map(|result| result.read).filter(|lines| lines.text != 0)?;
        let source = match call.reach {
            _ if !lines.is_output => TextSource::File,
            Reach::Read => TextSource::Result,
            // Of several files it is not known whose text differs.
            _ if sharers > 1 => return None,
            _ => TextSource::Output,
        };
        Some(ReadText { hash: lines.text, source })
    }

    /// Whether two texts are equal, where that can be told.
    fn is_same(a: Option<ReadText>, b: Option<ReadText>) -> Option<bool> {
        let (a, b) = a.zip(b)?;
        (a.source == b.source).then_some(a.hash == b.hash)
    }
}

/// What a session knows of a file.
#[derive(Default)]
struct File {
    watched: WatchedFile,
    past: Vec<EarlierRead>,
    /// Doubts with smaller numbers are older than the first read of the file.
    first_doubt: usize,
    /// When an edit or another text told that it had changed.
    changed: Option<Order>,
    row: FileReads,
}

/// A walk through the calls of one session.
pub(super) struct Session<'s, 'd> {
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
    pub(super) fn new(
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

    /// The reads of each file.
    pub(super) fn rows(mut self) -> Vec<FileReads> {
        for call in self.calls {
            match call.reach {
                Reach::None | Reach::Agent => {}
                Reach::Named | Reach::Anything => self.doubt(call),
                Reach::Edit => self.edit(call),
                Reach::Read if call.outcome == Outcome::Ok => {
                    if let Some(file) = self.named_file(call.row) {
                        let span = tool_span(call, &self.files[file].watched.path);
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
                        let file = self.make_known(number);
                        self.read(call, file, shell_span(call, read.lines), reads.len() as u32);
                    }
                }
            }
        }
        let name = self.calls.first().map(|call| self.dataset.symbols().name(call.row.origin.session)).unwrap_or_default();
        let read = self.files.into_iter().filter(|file| !file.row.reads.is_empty() && !file.watched.path.is_empty());
        read.map(|file| FileReads { session: name.clone().into_owned(), file: file.watched.path, ..file.row }).collect()
    }

    /// What is known of the file that the input of a call names.
    fn named_file(&mut self, call: &CallRow) -> Option<usize> {
        let number = self.names.named(call)?;
        Some(self.make_known(number))
    }

    /// Makes a file known by the number of its name.
    fn make_known(&mut self, number: usize) -> usize {
        while self.files.len() <= number {
            let path = self.names.path(self.files.len()).to_owned();
            self.files.push(File { watched: WatchedFile::new(path), ..File::default() });
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
        let is_stub = call.result.is_some_and(|result| result.read.is_stub);
        let thread = Thread::of(&call.row.origin);
        let epoch = self.epochs.number(thread, call.row.origin.order);
        let read = EarlierRead { at: call.at, thread, epoch, span, text: ReadText::of(call, sharers) };
        let classifier = Classifier { doubts: &self.doubts, runs: &self.runs, read: &read };
        let (class, is_verified) = if is_stub { (Class::Stub, false) } else { classifier.class(file) };
        if class == Class::First {
            // The number of this command's own doubt, which counts: it may write after it has read.
            // For a Read, which has none, that of the doubt before: it is older, and changes nothing.
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

/// Puts one read in its class.
struct Classifier<'q, 'd> {
    /// Up to the read; a command that reads may also write.
    doubts: &'q Doubts<'q, 'd>,
    runs: &'q Runs,
    read: &'q EarlierRead,
}

impl Classifier<'_, '_> {
    /// The class, and whether equal texts prove it.
    fn class(&self, file: &mut File) -> (Class, bool) {
        let read = self.read;
        let own = |past: &&EarlierRead| past.thread == read.thread && !read.thread.is_crowd;
        let here = |past: &&EarlierRead| own(past) && past.epoch == read.epoch;
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
        let fresh = |past: &&EarlierRead| here(past) && stale.is_none_or(|stale| past.at > stale);
        if !covers(file.past.iter().filter(fresh), span) {
            return (Class::AfterEdit, false);
        }
        let same = || file.past.iter().filter(fresh).filter(|past| past.span == Some(span));
        if same().next().is_none() {
            return (Class::RedundantCovered, false);
        }
        match same().rev().find_map(|past| ReadText::is_same(past.text, read.text)) {
            Some(false) => {
                // Somebody else changed it: what was read before is old. A command may also have
                // printed something else, such as the time.
                if !read.text.is_some_and(|text| text.source == TextSource::Output) {
                    file.changed = file.past.iter().map(|past| past.at).max();
                }
                (Class::AfterEdit, false)
            }
            is_same => (Class::RedundantExact, is_same.is_some()),
        }
    }

    /// When the file last may have changed, by a call or by a run of a subagent.
    fn last_change(&self, file: &mut File) -> Option<Order> {
        let now = self.read.at;
        let (doubted, is_unsettled) = self.doubts.last_change(&mut file.watched, file.first_doubt);
        if is_unsettled {
            return Some(now);
        }
        file.changed.max(doubted).max(self.runs.last_end(self.read.thread, now))
    }
}

/// Whether some reads together hold all lines of a span.
fn covers<'p>(past: impl DoubleEndedIterator<Item = &'p EarlierRead> + Clone, span: Span) -> bool {
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
    call.result.filter(|result| !result.is_cut && (result.size_bytes as usize) < LONGEST_OUTPUT_BYTES)?;
    match lines {
        Lines::All => Some((1, TO_THE_END)),
        Lines::Unknown => None,
        Lines::Some { start, count } => {
            let line = |number: u64| u32::try_from(number).unwrap_or(TO_THE_END);
            Some((line(start), count.map_or(TO_THE_END, |count| line(start.saturating_add(count)))))
        }
    }
}
