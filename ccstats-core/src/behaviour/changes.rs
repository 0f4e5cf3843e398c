//! What a call may have changed.
//!
//! Asked of the calls between two reads of one file. Doubt counts as a change:
//! a read that may have been needed is not called a waste.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls;
use crate::dataset::Dataset;
use crate::outcome::Outcome;
use crate::paths::{canonical, is_above};
use crate::rows::{CallRow, Command};
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

/// Answers about the commands of one session.
pub(crate) struct Changes<'d> {
    dataset: &'d Dataset,
    /// What those print and may write of which only the text is known.
    parsed: FxHashMap<Symbol, (Vec<FileRead>, Writes<'static>)>,
}

/// A file that is asked for.
#[derive(Default)]
pub(crate) struct Asked {
    /// Canonical.
    pub(crate) path: String,
    /// What commands can call it, by the folder they ran in.
    names: FxHashMap<Symbol, Names>,
}

impl Asked {
    pub(crate) fn new(path: String) -> Asked {
        Asked { path, ..Asked::default() }
    }
}

impl<'d> Changes<'d> {
    /// Parses the texts of these commands, each once and on all threads: one session may hold
    /// most of them. Few are run in several sessions, so none is kept for the next one.
    pub(crate) fn new(dataset: &'d Dataset, commands: impl Iterator<Item = Command>) -> Changes<'d> {
        let texts: FxHashSet<Symbol> = commands.filter_map(Command::text).collect();
        let texts: Vec<Symbol> = texts.into_iter().collect();
        let parsed = calls::in_parallel(&texts, |text| dataset.facts().reads_and_writes(*text));
        Changes { dataset, parsed: texts.into_iter().zip(parsed).collect() }
    }

    /// The files that a command prints.
    pub(crate) fn files_read(&self, command: Command) -> Cow<'_, [FileRead]> {
        match command {
            Command::Text(text) => self.parsed.get(&text).map(|(reads, _)| &reads[..]).unwrap_or_default().into(),
            Command::Stored(_) => self.dataset.facts().files_read(command).into(),
        }
    }

    /// Whether a call may have changed a file. Edits and agents are not asked here: an
    /// edit names its file, and a run lasts.
    pub(crate) fn may_change(&self, call: &CallRow, reach: Reach, outcome: Outcome, file: &mut Asked) -> bool {
        match reach {
            _ if matches!(outcome, Outcome::Denied | Outcome::Cancelled) => false,
            Reach::None | Reach::Read | Reach::Edit | Reach::Agent => false,
            Reach::Anything => true,
            Reach::Shell => call.known_command().is_none_or(|command| self.may_write(command, call.origin.project, file)),
            Reach::Named => self.named(call).any(|path| path == file.path || is_above(&path, &file.path)),
        }
    }

    fn may_write(&self, command: Command, folder: Symbol, file: &mut Asked) -> bool {
        let Asked { path, names } = file;
        let names = names.entry(folder).or_insert_with(|| Names::new(path, &self.dataset.symbols().name(folder)));
        match command {
            Command::Text(text) => self.parsed.get(&text).is_none_or(|(_, writes)| names.are_in(writes)),
            Command::Stored(stored) => names.are_in(&self.dataset.facts().writes(stored)),
        }
    }

    /// The paths that the input of a call gives.
    fn named(&self, call: &CallRow) -> impl Iterator<Item = String> + use<'d> {
        let symbols = self.dataset.symbols();
        let folder = symbols.name(call.origin.project);
        let named = [call.file, call.target].into_iter().filter(|name| !name.is_none());
        named.map(move |name| canonical(&folder, &symbols.name(name)).into_owned())
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
