//! Follows `cd` through a script, so that paths can be told from its start.

use super::{Command, Script, Word};

/// Where a command runs, told from where the script started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Folder {
    /// Where the script started.
    Start,
    /// In this folder: absolute, or relative to the start.
    In(String),
    /// After `cd "$X"` or `cd -`.
    Unknown,
}

/// Longest folder that is followed, in bytes.
const MAX_FOLDER: usize = 4096;

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
            Some(word) if !word.literal || word.text == "-" => Self::Unknown,
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

/// All commands with the folder that each runs in. What a group changes ends with the group.
pub(super) fn with_folders(script: &Script) -> impl Iterator<Item = (&Command, Folder)> {
    let mut entered = vec![(0, Folder::Start)];
    script.commands.iter().map(move |command| {
        // The first command of a group stands deeper than its separator: what
        // lies deeper than that separator belongs to a group that has ended.
        while entered.len() > 1 && entered.last().is_some_and(|(depth, _)| *depth > command.level) {
            entered.pop();
        }
        let folder = entered.last().map_or(Folder::Start, |(_, folder)| folder.clone());
        if let Some(program) = command.program().filter(|program| matches!(program.name, "cd" | "pushd")) {
            let inside = folder.enter(program.operands().next());
            match entered.last_mut() {
                Some((depth, place)) if *depth == command.depth => *place = inside,
                _ => entered.push((command.depth, inside)),
            }
        }
        (command, folder)
    })
}
