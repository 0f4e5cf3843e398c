//! What a call may have changed.
//!
//! Asked of the calls between two reads of one file. Doubt counts as a change:
//! a read that may have been needed is not called a waste. A long session asks this of
//! thousands of files and thousands of calls, so what the calls may mean is looked up.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls;
use crate::dataset::Dataset;
use crate::outcome::Outcome;
use crate::paths::{canonical, folders_above};
use crate::rows::{CallRow, Command, Order};
use crate::shell::FileRead;
use crate::symbols::Symbol;
use crate::writes::{Names, Writes};

/// What a tool does to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It changes none.
    None,
    /// It gives one file.
    Read,
    /// It changes the file that it names.
    Edit,
    /// It runs a command.
    Shell,
    /// It starts an agent that may do anything.
    Agent,
    /// It may change a file that it names.
    Named,
    /// It changes files without a name that is known here.
    Anything,
}

impl Reach {
    pub(crate) fn of(tool: &[u8], has_command: bool) -> Reach {
        match tool {
            b"Read" => Reach::Read,
            b"Grep" | b"Glob" | b"LS" | b"NotebookRead" | b"WebFetch" | b"WebSearch" | b"ToolSearch" => Reach::None,
            b"Edit" | b"MultiEdit" | b"Write" | b"NotebookEdit" => Reach::Edit,
            b"Task" | b"Agent" | b"Workflow" => Reach::Agent,
            _ if has_command => Reach::Shell,
            // Stores of version 1 kept no effects: this one may have written whatever it liked.
            b"Bash" | b"PowerShell" | b"Monitor" => Reach::Anything,
            _ if edits_files(tool) => Reach::Anything,
            _ => Reach::Named,
        }
    }
}

/// Whether the name of a server's tool speaks of changing files: their inputs
/// have other names for paths, so which file is not known.
fn edits_files(tool: &[u8]) -> bool {
    const DOES: [&str; 11] = ["write", "edit", "replace", "create", "insert", "delete", "move", "rename", "update", "patch", "format"];
    const WHAT: [&str; 6] = ["file", "symbol", "line", "regex", "code", "text"];
    let Some(name) = tool.strip_prefix(b"mcp__") else { return false };
    let name = String::from_utf8_lossy(name).to_lowercase();
    DOES.iter().any(|word| name.contains(word)) && WHAT.iter().any(|word| name.contains(word))
}

/// What the commands of one session say.
pub(crate) struct SessionCommands<'d> {
    dataset: &'d Dataset,
    /// What those print and may write of which only the text is known.
    parsed: FxHashMap<Symbol, (Vec<FileRead>, Writes<'static>)>,
}

impl<'d> SessionCommands<'d> {
    /// Parses the texts of these commands, each once and on all threads: one session may hold
    /// most of them. Few are run in several sessions, so none is kept for the next one.
    pub(crate) fn new(dataset: &'d Dataset, commands: impl Iterator<Item = Command>) -> SessionCommands<'d> {
        let texts: FxHashSet<Symbol> = commands.filter_map(Command::text).collect();
        let texts: Vec<Symbol> = texts.into_iter().collect();
        let parsed = calls::in_parallel(&texts, |text| dataset.facts().reads_and_writes(*text));
        SessionCommands { dataset, parsed: texts.into_iter().zip(parsed).collect() }
    }

    /// The files that a command prints.
    pub(crate) fn files_read(&self, command: Command) -> Cow<'_, [FileRead]> {
        match command {
            Command::Text(text) => self.parsed.get(&text).map(|(reads, _)| &reads[..]).unwrap_or_default().into(),
            Command::Stored(_) => self.dataset.facts().files_read(command).into(),
        }
    }

    /// What a command may write. `None` where that is not known.
    fn writes(&self, command: Command) -> Option<Cow<'_, Writes<'_>>> {
        match command {
            Command::Text(text) => self.parsed.get(&text).map(|(_, writes)| Cow::Borrowed(writes)),
            Command::Stored(stored) => Some(Cow::Owned(self.dataset.facts().writes(stored))),
        }
    }
}

/// A file of which changes are looked for.
#[derive(Default)]
pub(crate) struct WatchedFile {
    /// Canonical.
    pub(crate) path: String,
    /// What commands can call it, by the folder they ran in.
    names: FxHashMap<Symbol, Names>,
}

impl WatchedFile {
    pub(crate) fn new(path: String) -> WatchedFile {
        WatchedFile { path, ..WatchedFile::default() }
    }
}

/// The last of some calls, and the last of those that go on in the background, by their numbers.
#[derive(Clone, Copy, Default)]
struct Last {
    any: Option<usize>,
    lasting: Option<usize>,
}

impl Last {
    fn max(self, other: Last) -> Last {
        Last { any: self.any.max(other.any), lasting: self.lasting.max(other.lasting) }
    }
}

/// The calls of one session so far that may have changed files which they do not plainly
/// name, by what they could mean. Edits and agents are not among them: an edit names its
/// file, and a run lasts.
pub(crate) struct Doubts<'c, 'd> {
    commands: &'c SessionCommands<'d>,
    /// The time of each.
    times: Vec<Order>,
    anything: Last,
    /// By canonical path, without a separator at its end: a file, or a folder above it.
    paths: FxHashMap<String, Last>,
    /// By the folder that a command ran in and its [marks](Writes::marks).
    marks: FxHashMap<Symbol, FxHashMap<u32, Last>>,
}

impl<'c, 'd> Doubts<'c, 'd> {
    pub(crate) fn new(commands: &'c SessionCommands<'d>) -> Doubts<'c, 'd> {
        Doubts { commands, times: Vec::new(), anything: Last::default(), paths: FxHashMap::default(), marks: FxHashMap::default() }
    }

    /// How many there are so far.
    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    /// Adds a call that ended at a time, not before those so far.
    pub(crate) fn push(&mut self, at: Order, call: &CallRow, reach: Reach, outcome: Outcome) {
        let number = self.times.len();
        self.times.push(at);
        let goes_on = outcome == Outcome::Background;
        let last = Last { any: Some(number), lasting: goes_on.then_some(number) };
        match reach {
            _ if outcome.never_ran() => {}
            Reach::None | Reach::Read | Reach::Edit | Reach::Agent => {}
            Reach::Anything => self.anything = self.anything.max(last),
            Reach::Named => self.add_paths(call, last),
            Reach::Shell => match call.known_command().and_then(|command| self.commands.writes(command)) {
                Some(writes) => {
                    let lasting = (goes_on || writes.is_lasting()).then_some(number);
                    self.add_writes(call.origin.project, &writes, Last { lasting, ..last });
                }
                None => self.anything = self.anything.max(last),
            },
        }
    }

    /// Adds what a command that ran in a folder may write.
    fn add_writes(&mut self, folder: Symbol, writes: &Writes, last: Last) {
        if writes.is_whole_tree {
            self.anything = self.anything.max(last);
            return;
        }
        let marks = self.marks.entry(folder).or_default();
        for mark in writes.marks.iter() {
            let known = marks.entry(*mark).or_default();
            *known = known.max(last);
        }
    }

    /// Adds the paths that the input of a call gives.
    fn add_paths(&mut self, call: &CallRow, last: Last) {
        let symbols = self.commands.dataset.symbols();
        let folder = symbols.name(call.origin.project);
        for name in [call.file, call.target].into_iter().filter(|name| !name.is_none()) {
            let path = canonical(&folder, &symbols.name(name)).trim_end_matches(['/', '\\']).to_owned();
            let known = self.paths.entry(path).or_default();
            *known = known.max(last);
        }
    }

    /// When the last of the calls may have changed a file; those with numbers below `first` are
    /// left out. And whether any call, whatever its number, goes on and may still change it.
    pub(crate) fn last_change(&self, file: &mut WatchedFile, first: usize) -> (Option<Order>, bool) {
        let WatchedFile { path, names } = file;
        let symbols = self.commands.dataset.symbols();
        let places = [&path[..]].into_iter().chain(folders_above(path));
        let mut last = places.filter_map(|place| self.paths.get(place)).fold(self.anything, |last, other| last.max(*other));
        for (folder, marks) in &self.marks {
            let names = names.entry(*folder).or_insert_with(|| Names::new(path, &symbols.name(*folder)));
            last = names.marks().iter().filter_map(|mark| marks.get(mark)).fold(last, |last, other| last.max(*other));
        }
        let changed = last.any.filter(|number| *number >= first);
        // What goes on writes later too, however long before it began.
        (changed.map(|number| self.times[number]), last.lasting.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_not_known_may_change_anything() {
        assert_eq!(Reach::of(b"Bash", false), Reach::Anything);
        assert_eq!(Reach::of(b"Bash", true), Reach::Shell);
    }

    #[test]
    fn tools_of_servers_that_change_files_may_change_any() {
        assert_eq!(Reach::of(b"mcp__fs__write_file", false), Reach::Anything);
        assert_eq!(Reach::of(b"mcp__code__replace_symbol_body", false), Reach::Anything);
        assert_eq!(Reach::of(b"mcp__memory__create_entities", false), Reach::Named);
        assert_eq!(Reach::of(b"mcp__fs__read_file", false), Reach::Named);
    }
}
