//! What can be done with the store as a whole.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::catalogue::{Catalogue, CatalogueError};
use super::folder::root_names;
use super::import::{self, Count, Import, Imported, ImportedRoot};
use super::load::Request;
use super::plan::{How, Step};
use super::state::State;
use super::time_span::TimeSpan;
use super::verify::{self, Verified};
use super::{Needs, Store, StoreError, folder};
use crate::discover::{find, open};
use crate::error::Error;
use crate::scan::{Progress, ScanOptions};

/// What a store holds of some roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Transcripts that the store knows.
    pub transcripts: u64,
    /// Those of them that are not there any more.
    pub gone: u64,
    /// Transcripts that are there with something that the store does not have.
    pub unseen: Vec<PathBuf>,
    /// Transcripts that are there and cannot be read.
    pub unreadable: Vec<PathBuf>,
    /// The first and the last time of what is known, in milliseconds since 1970.
    pub span_ms: Option<(i64, i64)>,
    /// The bytes of the store on disk, of all roots.
    pub size_bytes: u64,
}

impl Store {
    /// What the store holds of the roots, and what it lacks.
    ///
    /// # Errors
    /// When a root is missing, or the store cannot be read.
    pub fn status(&mut self, options: &ScanOptions) -> Result<Status, HistoryError> {
        let found = find(&options.roots)?;
        let size_bytes = folder::size_bytes(&self.path);
        let state = self.read(|catalogue| State::read(&catalogue.snapshot()?, options))?;
        let steps = state.plan(&found.transcripts, &HashSet::new());
        let is_unseen = |step: &Step| match step.how {
            How::Same | How::Gone => false,
            // Its time may still be too young to be trusted.
            How::Grown => step.known_at.is_none_or(|at| state.known[at].size_bytes != step.transcript.size_bytes),
            How::Again | How::Changed => true,
        };
        let new = steps.iter().filter(|step| is_unseen(step)).map(|step| step.transcript.path.clone());
        let (unseen, unreadable) = new.partition(|path| open(path).is_ok());
        let times = state.known.iter().filter_map(|known| known.times).reduce(TimeSpan::union);
        Ok(Status {
            transcripts: state.known.len() as u64,
            gone: steps.iter().filter(|step| step.how == How::Gone).count() as u64,
            unseen,
            unreadable,
            span_ms: times.map(|times| (times.first_ms, times.last_ms)),
            size_bytes,
        })
    }

    /// Takes in what is new below the roots. A damaged store is set aside for a new one, as
    /// [`Store::take_problems`] reports.
    ///
    /// # Errors
    /// When a root is missing, the store cannot be used, or another process is writing.
    pub fn sync(&mut self, options: &ScanOptions, progress: &Progress) -> Result<(), HistoryError> {
        let found = find(&options.roots)?;
        let (_, change) = self.load(&Request { found: &found, options, progress, needs: &Needs::only_changes() })?;
        Ok(self.write(change)?)
    }

    /// Writes a copy of the whole store to a file, which must not be there. The
    /// file is for this user only. [`Store::check`] counts what of it cannot be read.
    ///
    /// # Errors
    /// When the file cannot be made, or the store cannot be read.
    pub fn export(&mut self, file: &Path) -> Result<(), StoreError> {
        folder::create(file).map_err(|error| StoreError::Io(file.to_path_buf(), error))?;
        let copied = self.read(|catalogue| catalogue.copy_to(file));
        if copied.is_err() {
            folder::discard(file);
        }
        copied
    }

    /// Takes in an exported store, or a part of it; what is there already is not taken twice.
    /// Gives the roots that its transcripts belong to, and whether loads with these options
    /// show them.
    ///
    /// # Errors
    /// When a root is missing, the file is no store, is damaged or does not hold what is asked
    /// for, or the store cannot be written.
    pub fn import(&mut self, file: &Path, import: &Import, options: &ScanOptions) -> Result<Vec<Imported>, HistoryError> {
        find(import.onto.as_slice())?;
        let mut other = Catalogue::open_to_read(file)?;
        // All of it is looked at before anything is taken in, so that what fails is reported of this file.
        verify::blocks(&mut other).map_err(|failure| failure.at(file))?;
        let roots = other.snapshot().and_then(|snapshot| snapshot.roots()).map_err(|failure| failure.at(file))?;
        let roots = import.roots(&roots).map_err(|roots| StoreError::Roots(file.to_path_buf(), roots))?;
        let counts = self.read(|catalogue| import::import(catalogue, &mut other, &roots))?;
        let is_shown = |root: &Path| options.roots.iter().any(|read| root_names(read).1.iter().any(|name| name == root));
        let imported = |(ImportedRoot { path, .. }, Count { transcripts, unreadable })| Imported {
            is_shown: is_shown(&path),
            root: path,
            transcripts,
            unreadable,
        };
        Ok(roots.into_iter().zip(counts).filter(|(_, count)| count.transcripts > 0).map(imported).collect())
    }

    /// Reads every block, and no transcript.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn check(&mut self) -> Result<Verified, StoreError> {
        self.read(verify::blocks)
    }

    /// Reads every block and every known transcript of the roots, and takes those in again
    /// that are not as the store has them.
    ///
    /// # Errors
    /// When a root is missing, the store cannot be used, or another process is writing.
    pub fn verify(&mut self, options: &ScanOptions, progress: &Progress) -> Result<Verified, HistoryError> {
        let found = find(&options.roots)?;
        let verified = self.check()?;
        let request = Request { found: &found, options, progress, needs: &Needs::default() };
        let (changed, change) = self.read(|catalogue| verify::transcripts(catalogue, &request))?;
        self.write(change)?;
        Ok(Verified { changed, ..verified })
    }

    pub(super) fn read<T>(&mut self, read: impl FnOnce(&mut Catalogue) -> Result<T, CatalogueError>) -> Result<T, StoreError> {
        read(self.catalogue()?).map_err(|failure| failure.at(&self.path))
    }
}

/// A request about history could not be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum HistoryError {
    /// The roots cannot be read.
    Roots(Error),
    /// The store cannot be used.
    Store(StoreError),
}

impl std::fmt::Display for HistoryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HistoryError::Roots(error) => error.fmt(f),
            HistoryError::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HistoryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            HistoryError::Roots(error) => error.source(),
            HistoryError::Store(error) => error.source(),
        }
    }
}

impl From<Error> for HistoryError {
    fn from(error: Error) -> HistoryError {
        HistoryError::Roots(error)
    }
}

impl From<StoreError> for HistoryError {
    fn from(error: StoreError) -> HistoryError {
        HistoryError::Store(error)
    }
}
