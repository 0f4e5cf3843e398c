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
use std::sync::atomic::Ordering;

mod block;
mod catalogue;
mod columns;
mod command;
mod cursor;
mod error;
mod family;
mod folder;
mod history;
mod load;
mod plan;
mod publish;
mod records;

use catalogue::{Catalogue, Failure};
pub use error::StoreError;
pub use history::{HistoryError, Status, Verified};
use load::{Loaded, Tried};

use crate::dataset::Dataset;
use crate::discover::{Found, agent_type, find};
use crate::error::{Error, Problem, ProblemKind};
use crate::scan::{Options, Progress};

/// What a load from the store must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Commands, titles and lines of errors, of the transcripts that are there:
    /// these are then read as without a store.
    pub text: bool,
    /// The first instant that counts, in milliseconds since 1970.
    pub start_ms: Option<i64>,
    /// The first instant that does not count any more.
    pub end_ms: Option<i64>,
}

impl Needs {
    /// Whether rows from the first to the last of two times may count.
    fn meets(&self, span_ms: Option<(i64, i64)>) -> bool {
        if self.start_ms.is_none() && self.end_ms.is_none() {
            return true;
        }
        let Some((first, last)) = span_ms else { return false };
        self.start_ms.is_none_or(|start| last >= start) && self.end_ms.is_none_or(|end| first < end)
    }
}

/// A store that is open.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// None when a damaged store could not be replaced.
    catalogue: Option<Catalogue>,
    /// What was wrong with the store, for the next load to tell.
    problems: Vec<Problem>,
}

impl Store {
    /// Opens the store in a folder, or makes one. A damaged store is set aside
    /// beside a new one; the next load tells so.
    ///
    /// # Errors
    /// When the folder cannot be used, is open to others, or holds no store of
    /// this version or an earlier one.
    pub fn open(folder: &Path) -> Result<Store, StoreError> {
        let path = folder::open(folder)?;
        let mut store = Store { path, catalogue: None, problems: Vec::new() };
        match Catalogue::open(&store.path) {
            Ok(catalogue) => store.catalogue = Some(catalogue),
            Err(Failure::Damaged) => store.replace()?,
            Err(failure) => return Err(failure.at(&store.path)),
        }
        Ok(store)
    }

    /// Sets the damaged store aside and makes a new one.
    fn replace(&mut self) -> Result<(), StoreError> {
        self.catalogue = None;
        let new = folder::set_aside(&self.path).map_err(|error| StoreError::Io(self.path.clone(), error))?;
        let folder = self.path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let detail = format!("it was damaged, and is kept as {}", new.file_name().unwrap_or_default().to_string_lossy());
        self.problem(detail);
        let path = folder::open(&folder)?;
        self.catalogue = Some(Catalogue::open(&path).map_err(|failure| failure.at(&path))?);
        Ok(())
    }

    fn problem(&mut self, detail: String) {
        self.problems.push(Problem { kind: ProblemKind::Store, path: self.path.clone(), line: None, detail: Some(detail) });
    }

    /// All that was asked for, from the store and from what changed since, which
    /// is published when nobody else is writing.
    fn load(&mut self, found: &Found, options: &Options, progress: &Progress, needs: &Needs) -> Option<Loaded> {
        let mut broken = HashSet::new();
        // Each round finds more blocks that cannot be read, or ends.
        loop {
            let catalogue = self.catalogue.as_mut()?;
            match load::load(catalogue, found, options, progress, needs, &broken) {
                Ok(Tried::Loaded(loaded)) => return Some(*loaded),
                Ok(Tried::Broken(ids)) if ids.is_subset(&broken) => return None,
                Ok(Tried::Broken(ids)) => broken.extend(ids),
                Err(Failure::Damaged) => {
                    if let Err(error) = self.replace() {
                        self.problem(error.to_string());
                    }
                }
                Err(failure) => {
                    self.problem(failure.at(&self.path).to_string());
                    return None;
                }
            }
        }
    }

    fn publish(&mut self, change: publish::Change) -> Result<(), StoreError> {
        let Some(catalogue) = self.catalogue.as_mut().filter(|_| !change.is_empty()) else { return Ok(()) };
        let published = change.publish(catalogue).and_then(|()| catalogue.tidy(folder::sizes(&self.path).1));
        published.map_err(|failure| failure.at(&self.path))
    }
}

impl Dataset {
    /// Loads what [`Dataset::load`] would, and what the store knows of transcripts
    /// that are gone. Reads only what changed since the last time, and tells the
    /// store of it. Where the store cannot be used, all is read from the
    /// transcripts, and a problem in [`Dataset::accounting`] says why.
    ///
    /// # Errors
    /// [`Error::Root`] when a root is missing.
    pub fn load_with(options: &Options, store: &mut Store, progress: &Progress, needs: &Needs) -> Result<Dataset, Error> {
        let mut found = find(&options.roots)?;
        let loaded = store.load(&found, options, progress, needs);
        let mut dataset = match loaded {
            Some(Loaded { found, scanned, parts, change }) => {
                match store.publish(change) {
                    // What is not in the store yet is found again by the next load.
                    Ok(()) | Err(StoreError::Busy(_)) => {}
                    Err(error) => store.problem(error.to_string()),
                }
                Dataset::new(found, scanned, parts)
            }
            None => {
                found.agent_types = found.agent_files.iter().filter_map(|(_, id, path)| Some((id.clone(), agent_type(path)?))).collect();
                Dataset::scanned(found, options, progress)
            }
        };
        progress.done_bytes.store(progress.total_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        dataset.add_problems(std::mem::take(&mut store.problems));
        Ok(dataset)
    }
}

#[cfg(test)]
mod tests;
