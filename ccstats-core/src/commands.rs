//! What the commands of calls do, told by their text or by what the store kept of it.

use crate::facts::Facts;
use crate::rows::{Command, StoredCommand};
use crate::shell::{self, FileRead, Finding};
use crate::symbols::Symbol;
use crate::writes::Writes;

impl Facts {
    /// The files that a command prints.
    pub(crate) fn files_read(&self, command: Command) -> Vec<FileRead> {
        let name = |symbol: Symbol| self.symbols.name(symbol).into_owned();
        match command {
            Command::Text(text) => shell::files_read(&self.symbols.name(text)),
            Command::Stored(StoredCommand { effects: Some(id), .. }) => {
                self.effects.reads(id).iter().map(|row| FileRead { path: name(row.path), lines: row.lines }).collect()
            }
            Command::Stored(_) => Vec::new(),
        }
    }

    /// The files that a text prints as a command, and what it may write: parsed once for both.
    pub(crate) fn reads_and_writes(&self, text: Symbol) -> (Vec<FileRead>, Writes<'static>) {
        let script = shell::parse(&self.symbols.name(text));
        (script.files_read(), Writes::of(&script.writes()))
    }

    /// What a command may write that a store kept.
    pub(crate) fn writes(&self, stored: StoredCommand) -> Writes<'_> {
        match stored.effects {
            Some(id) => self.effects.writes(id),
            None => Writes { is_whole_tree: true, ..Writes::default() },
        }
    }

    /// What the audit finds in a command.
    pub(crate) fn findings(&self, command: Command) -> Vec<Finding> {
        match command {
            Command::Text(text) => shell::parse(&self.symbols.name(text)).audit(),
            Command::Stored(StoredCommand { effects: Some(id), .. }) => self.effects.findings(id, &self.symbols),
            Command::Stored(_) => Vec::new(),
        }
    }
}
