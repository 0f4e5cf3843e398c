//! Follows `cd` through a script, so that paths can be told from its start.

use super::program::Program;
use super::{Command, Script, Word};

/// Where a command runs, told from where the script started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folder {
    /// Where the script started.
    Start,
    /// In this folder: absolute, or relative to the start.
    In(String),
    /// After `cd "$X"`.
    Unknown,
}

/// Longest folder that is followed, in bytes.
const MAX_FOLDER: usize = 4096;

/// Most folders that are kept for `popd`; of more, only the later ones.
const MAX_PUSHED: usize = 16;

impl Folder {
    /// `path` as seen from the start of the script; nothing where that is not known.
    pub(super) fn join(&self, path: &str) -> Option<String> {
        match self {
            _ if is_absolute(path) => Some(path.to_owned()),
            Self::Start => Some(path.to_owned()),
            Self::In(folder) => Some(format!("{}/{path}", folder.trim_end_matches('/'))),
            Self::Unknown => None,
        }
    }

    fn enter(&self, target: Option<&Word>) -> Self {
        match target {
            None => Self::In("~".to_owned()),
            Some(word) if !word.is_literal => Self::Unknown,
            Some(word) => match self.join(&word.text) {
                Some(folder) if folder.len() <= MAX_FOLDER => Self::In(folder),
                _ => Self::Unknown,
            },
        }
    }
}

/// Absolute on any system, or below the home folder.
fn is_absolute(path: &str) -> bool {
    let bytes = path.as_bytes();
    path.starts_with(['/', '\\', '~']) || (bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':')
}

/// Where the commands of a group are.
#[derive(Clone)]
struct Way {
    /// How many groups surround the commands.
    depth: u16,
    folder: Folder,
    /// Where `cd -` goes back to.
    before: Folder,
    /// Where `popd` goes back to, the latest last.
    pushed: Vec<Folder>,
}

impl Way {
    const START: Self = Self { depth: 0, folder: Folder::Start, before: Folder::Unknown, pushed: Vec::new() };

    /// Follows `cd`, `pushd` or `popd`.
    fn follow(&mut self, program: &Program) {
        let target = program.operands().next();
        let to = match (program.name, target) {
            ("cd", Some(word)) if word.text == "-" => self.before.clone(),
            ("cd", _) => self.folder.enter(target),
            // Without a folder, or with `+1`, these only turn the stack.
            ("popd", None) => self.pushed.pop().unwrap_or(Folder::Unknown),
            ("pushd", Some(word)) if !word.text.starts_with('+') => self.folder.enter(target),
            _ => Folder::Unknown,
        };
        self.before = std::mem::replace(&mut self.folder, to);
        if program.name == "pushd" {
            if self.pushed.len() == MAX_PUSHED {
                self.pushed.clear();
            }
            self.pushed.push(self.before.clone());
        }
    }
}

/// All commands with the folder that each runs in. What a group changes ends with the group.
pub(super) fn with_folders(script: &Script) -> impl Iterator<Item = (&Command, Folder)> {
    let mut entered = vec![Way::START];
    script.commands.iter().map(move |command| {
        // The first command of a group stands deeper than its separator: what
        // lies deeper than that separator belongs to a group that has ended.
        while entered.len() > 1 && entered.last().is_some_and(|way| way.depth > command.level) {
            entered.pop();
        }
        let folder = entered.last().map_or(Folder::Start, |way| way.folder.clone());
        if let Some(program) = command.program().filter(|program| matches!(program.name, "cd" | "pushd" | "popd")) {
            if let Some(way) = entered.last().filter(|way| way.depth != command.depth).cloned() {
                entered.push(Way { depth: command.depth, ..way });
            }
            entered.last_mut().expect("the first way is never left").follow(&program);
        }
        (command, folder)
    })
}
