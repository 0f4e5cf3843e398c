//! What transcripts said, kept when they are gone.
//!
//! A store holds facts of every transcript that was seen: ids, counts, names,
//! paths and times, never text. With it a load reads only what changed since, and
//! counts what is not there any more. Its figures are those of a load without it,
//! as long as nothing is gone.
//!
//! Facts belong to the root that they came from; a load shows those of its roots.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

mod accounts;
mod agents;
mod answers;
mod block;
mod catalogue;
mod columns;
mod command;
mod cursor;
mod digest;
mod error;
mod family;
mod folder;
mod history;
mod import;
mod layout;
mod load;
mod new_blocks;
mod numbered;
mod plan;
mod prune;
mod publish;
mod reader;
mod row_columns;
mod state;
mod time_span;
mod verify;
mod writing;

use catalogue::{Catalogue, CatalogueError};
pub use error::StoreError;
pub use history::{HistoryError, Status};
pub use import::{Import, Imported};
pub(crate) use load::Loaded;
use load::{Request, Tried};
pub use prune::Forget;
use publish::Change;
use time_span::TimeSpan;
pub use verify::Verified;
use writing::Writing;

use crate::discover::Found;
use crate::error::{Problem, ProblemKind};
use crate::scan::{Progress, ScanOptions};
use crate::time::{BLOCK_MS, Instants};

/// What a load from the store must hold. Of the default that is all rows and no text: take
/// [`ReportName::needs`](crate::ReportName::needs) or
/// [`BudgetQuery::needs`](crate::BudgetQuery::needs), because what is made of a dataset
/// that holds less lacks rows and texts without a word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Commands, titles and lines of errors, of the transcripts that are there:
    /// these are then read as without a store.
    pub text: bool,
    /// Also read every transcript that may hold the title of a session.
    pub titles: bool,
    /// Leave what came from the store out of the accounting.
    pub rows_only: bool,
    /// Kinds of subagents as the store knows them; else as the files beside their transcripts
    /// tell, which takes a while where there are thousands. What is new is always looked up.
    pub known_agents: bool,
    /// The first instant that counts, in milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// The first instant that does not count any more.
    pub end_ms: Option<i64>,
    /// Also all that is needed to find where the five-hour blocks of that time start.
    pub five_hour_blocks: bool,
    /// Also all of the session with the latest message.
    pub latest_session: bool,
    /// Also all of this session.
    pub session: Option<String>,
}

impl Needs {
    /// Nothing but what changed since the last load: no time is so late that anything counts.
    pub(crate) fn only_changes() -> Needs {
        Needs { start_ms: Some(i64::MAX), ..Needs::default() }
    }

    /// Whether rows of these times may count.
    fn meets(&self, times: Option<TimeSpan>) -> bool {
        let asked = Instants { start_ms: self.start_ms, end_ms: self.end_ms };
        times.map_or(asked.is_open(), |times| asked.meets(times.first_ms, times.last_ms))
    }

    /// Whether a transcript is that of the session: Claude Code names it so.
    fn names(&self, transcript: &Path) -> bool {
        self.session.is_some() && transcript.file_stem().and_then(|stem| stem.to_str()) == self.session.as_deref()
    }

    /// The needs with an earlier start where they ask for more than rows of their time: for
    /// the latest of all transcripts, or for all that five-hour blocks may have started with,
    /// which is what comes before up to five quiet hours.
    fn reaching_back(&self, times: impl Iterator<Item = TimeSpan>) -> Needs {
        let Some(mut start) = self.start_ms.filter(|_| self.five_hour_blocks || self.latest_session) else { return self.clone() };
        let mut times: Vec<TimeSpan> = times.collect();
        times.sort_unstable_by_key(|span| std::cmp::Reverse(span.last_ms));
        if let Some(latest) = times.first().filter(|_| self.latest_session) {
            start = start.min(latest.last_ms);
        }
        if self.five_hour_blocks {
            for span in times {
                if span.last_ms > start.saturating_sub(BLOCK_MS) {
                    start = start.min(span.first_ms);
                }
            }
        }
        Needs { start_ms: Some(start), ..self.clone() }
    }
}

/// A store that is open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// None while it is written, and until it is [asked for](Store::catalogue) again where that failed.
    catalogue: Option<Catalogue>,
    /// What was wrong with the store, for the next load to report.
    problems: Vec<Problem>,
    /// Of what the last load found.
    writing: Option<Writing>,
    /// It has kept somebody waiting already, so at its end it may wait until the log is emptied.
    has_written: bool,
}

impl Store {
    /// Opens the store in a folder, or makes one. A damaged store is set aside
    /// beside a new one; the next load reports so. The folder should hold nothing else: where
    /// others could read it, it is closed to them.
    ///
    /// # Errors
    /// When others can write to the folder, it cannot be used, or holds no store of
    /// this version or an earlier one.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let path = folder::path(folder);
        let mut store = Store { path, catalogue: None, problems: Vec::new(), writing: None, has_written: false };
        match open(folder) {
            Ok(catalogue) => store.catalogue = Some(catalogue),
            Err(StoreError::Damaged(_)) => store.replace()?,
            Err(error) => return Err(error),
        }
        Ok(store)
    }

    /// Sets the damaged store aside and makes a new one.
    fn replace(&mut self) -> Result<(), StoreError> {
        self.catalogue = None;
        let new = folder::set_aside(&self.path).map_err(|error| StoreError::Io(self.path.clone(), error))?;
        let detail = format!("it was damaged, and is kept as {}", new.file_name().unwrap_or_default().to_string_lossy());
        self.problems.push(self.problem(detail));
        self.catalogue = Some(open(folder_of(&self.path))?);
        Ok(())
    }

    fn problem(&self, detail: String) -> Problem {
        Problem { kind: ProblemKind::Store, path: self.path.clone(), line: None, detail: Some(detail) }
    }

    /// All that was asked for, from the store and from what changed since, which is then
    /// published by a thread of its own. `None` when the store is of no use.
    pub(crate) fn take_in(&mut self, found: &Found, options: &ScanOptions, progress: &Progress, needs: &Needs) -> Option<Loaded> {
        let problem = self.wait();
        self.problems.extend(problem);
        self.end_writing();
        let (loaded, change) = match self.load(&Request { found, options, progress, needs }) {
            Ok(loaded) => loaded,
            Err(error) => {
                self.problems.push(self.problem(error.to_string()));
                return None;
            }
        };
        if !change.is_empty() || is_untidy(&self.path) {
            self.start_writing(change);
        }
        Some(loaded)
    }

    /// Whether what the last load found, or another process left, is still being written.
    pub fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// Waits until what the last load found is written, and gives what was wrong. The next
    /// load and the end of the store wait too. When another process is writing nothing is
    /// written: what is new is then found again by the next load.
    pub fn wait(&mut self) -> Option<Problem> {
        match self.writing.as_mut()?.wait().map_err(|failure| failure.at(&self.path)) {
            Ok(()) | Err(StoreError::Busy(_)) => None,
            Err(error) => Some(self.problem(error.to_string())),
        }
    }

    fn start_writing(&mut self, change: Change) {
        let Some(catalogue) = self.catalogue.take() else { return };
        let (path, waits) = (self.path.clone(), !change.is_empty());
        match Writing::start(catalogue, change, move |catalogue| tidy(catalogue, &path, waits)) {
            Ok(writing) => self.writing = Some(writing),
            Err(error) => {
                let problem = self.problem(format!("nothing new was stored: {error}"));
                self.problems.push(problem);
            }
        }
    }

    /// Waits until nothing is written any more.
    fn end_writing(&mut self) {
        if let Some(writing) = self.writing.take() {
            self.catalogue = writing.end();
        }
    }

    /// What was wrong with the store since the last time: a damaged one, for example, is set
    /// aside for a new one. [`Dataset::load_with_store`](crate::Dataset::load_with_store) takes them into
    /// its accounting.
    pub fn take_problems(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.problems)
    }

    /// The catalogue when nothing is written any more.
    fn catalogue(&mut self) -> Result<&mut Catalogue, StoreError> {
        self.end_writing();
        match &mut self.catalogue {
            Some(catalogue) => Ok(catalogue),
            lost => Ok(lost.insert(open(folder_of(&self.path))?)),
        }
    }

    fn load(&mut self, request: &Request) -> Result<(Loaded, Change), StoreError> {
        let mut broken = HashSet::new();
        let mut is_new = false;
        // Each round finds more blocks that cannot be read, or ends.
        loop {
            match load::load(self.catalogue()?, request, &broken) {
                Ok(Tried::Loaded(loaded)) => return Ok(*loaded),
                Ok(Tried::Broken(ids)) if ids.is_subset(&broken) => return Err(StoreError::Damaged(self.path.clone())),
                Ok(Tried::Broken(ids)) => broken.extend(ids),
                Err(CatalogueError::Damaged) if !is_new => {
                    self.replace()?;
                    is_new = true;
                }
                Err(failure) => return Err(failure.at(&self.path)),
            }
        }
    }

    fn write(&mut self, change: Change) -> Result<(), StoreError> {
        if change.is_empty() {
            return Ok(());
        }
        self.has_written = true;
        change.publish(self.catalogue()?).map_err(|failure| failure.at(&self.path))
    }
}

fn folder_of(store: &Path) -> &Path {
    store.parent().unwrap_or(Path::new("."))
}

fn open(folder: &Path) -> Result<Catalogue, StoreError> {
    let path = folder::open(folder)?;
    Catalogue::open(&path).map_err(|failure| failure.at(&path))
}

/// Tidies up, when nobody waits for an answer any more: whoever wrote, and whoever came
/// after one that could not.
impl Drop for Store {
    fn drop(&mut self) {
        self.end_writing();
        if let Some(catalogue) = &self.catalogue {
            tidy(catalogue, &self.path, self.has_written);
        }
    }
}

fn tidy(catalogue: &Catalogue, path: &Path, waits: bool) {
    if is_untidy(path) {
        // What is left in the log is as good there, only slower to open.
        let _ = catalogue.tidy(waits);
    }
}

/// Whether there is so much in the log of a store that to drop it takes a while.
fn is_untidy(path: &Path) -> bool {
    const MUCH: u64 = 1 << 20;
    folder::log_bytes(path) > MUCH
}

#[cfg(test)]
mod tests;
