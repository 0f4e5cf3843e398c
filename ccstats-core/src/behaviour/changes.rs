//! What a call may have changed.
//!
//! Asked of the calls between two reads of one file. Doubt counts as a change:
//! a read that may have been needed is not called a waste.

use rustc_hash::FxHashMap;

use crate::behaviour::paths::{base_name, canonical, is_above};
use crate::dataset::Dataset;
use crate::outcome::Outcome;
use crate::rows::CallRow;
use crate::shell;
use crate::symbols::Symbol;

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
            // A store keeps no commands: this one may have written whatever it liked.
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

/// Answers for one dataset; every command is parsed once at most.
pub(crate) struct Changes<'d> {
    dataset: &'d Dataset,
    /// By command and the folder that it ran in.
    writes: FxHashMap<(Symbol, Symbol), Writes>,
}

impl<'d> Changes<'d> {
    pub(crate) fn new(dataset: &'d Dataset) -> Changes<'d> {
        Changes { dataset, writes: FxHashMap::default() }
    }

    /// Whether a call may have changed `file`, a canonical path. Edits and agents
    /// are not asked here: an edit names its file, and a run lasts.
    pub(crate) fn may_change(&mut self, call: &CallRow, reach: Reach, outcome: Outcome, file: &str) -> bool {
        match reach {
            _ if matches!(outcome, Outcome::Denied | Outcome::Cancelled) => false,
            Reach::None | Reach::Read | Reach::Edit | Reach::Agent => false,
            Reach::Anything => true,
            Reach::Shell => self.writes(call).may_change(file),
            Reach::Named => self.named(call).any(|path| path == file || is_above(&path, file)),
        }
    }

    /// The paths that the input of a call gives.
    fn named(&self, call: &CallRow) -> impl Iterator<Item = String> + use<'d> {
        let symbols = self.dataset.symbols();
        let folder = symbols.name(call.origin.project);
        let named = [call.file, call.target].into_iter().filter(|name| !name.is_none());
        named.map(move |name| canonical(&folder, &symbols.name(name)).into_owned())
    }

    fn writes(&mut self, call: &CallRow) -> &Writes {
        let symbols = self.dataset.symbols();
        let folder = call.origin.project;
        self.writes.entry((call.command, folder)).or_insert_with(|| Writes::of(&symbols.name(call.command), &symbols.name(folder)))
    }
}

/// What a command may write, seen from the folder it ran in.
struct Writes {
    whole_tree: bool,
    /// Canonical paths of files and folders.
    paths: Vec<String>,
    /// Texts that may hold the name of a file.
    texts: Vec<String>,
}

impl Writes {
    fn of(command: &str, folder: &str) -> Writes {
        let shell::Effect { paths, whole_tree, named } = shell::writes(command);
        let words = named.iter().filter(|text| !text.contains(char::is_whitespace));
        let paths = paths.iter().chain(words).map(|path| canonical(folder, path).into_owned()).collect();
        Writes { whole_tree, paths, texts: named }
    }

    /// Whether a file, its base name or a folder above it is among the paths,
    /// or its base name in a text.
    fn may_change(&self, file: &str) -> bool {
        let base = base_name(file);
        self.whole_tree
            || self.paths.iter().any(|path| base_name(path) == base || is_above(path, file))
            || self.texts.iter().any(|text| mentions(text, base))
    }
}

/// Whether a name stands in a text as a whole word: `a.rs` not in `data.rs`.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    text.len() >= name.len()
        && text.match_indices(name).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + name.len()..]);
            !before.ends_with(|letter| is_part(letter) || letter == '.') && !after.starts_with(is_part)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_it(command: &str, file: &str) -> bool {
        Writes::of(command, "/w").may_change(file)
    }

    #[test]
    fn a_command_changes_the_file_it_names_its_base_name_or_a_folder_above_it() {
        let file = "/w/src/a.rs";
        for command in [
            "echo x > src/a.rs",
            "cd src && echo x >> a.rs",
            "rm -r src",
            "cp -r /x ./src/",
            "python gen.py src/a.rs",
            "cd $X && touch a.rs",
            "python - <<'E'\nopen('a.rs', 'w')\nE",
            "git checkout .",
            "cargo fmt",
        ] {
            assert!(names_it(command, file), "{command}");
        }
    }

    #[test]
    fn a_command_that_only_reads_or_writes_elsewhere_changes_nothing() {
        let file = "/w/src/a.rs";
        for command in [
            "cat src/a.rs",
            "grep x src/a.rs",
            "git diff src/a.rs",
            "echo x > src/data.rs",
            "rm -r srcs",
            "python gen.py data.rs",
            "cargo build",
        ] {
            assert!(!names_it(command, file), "{command}");
        }
    }

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
