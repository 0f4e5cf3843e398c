//! Forgets what somebody asks to forget.

use std::collections::{HashMap, HashSet};

use super::catalogue::{BlockKind, CatalogueError, Known, Snapshot, Writer};
use super::history::HistoryError;
use super::plan::How;
use super::state::State;
use super::{Store, folder, verify};
use crate::discover::{Found, find};
use crate::scan::ScanOptions;

/// What a store forgets of the roots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forget {
    /// Transcripts that are gone and end before this time, in milliseconds since 1970.
    Before(i64),
    /// Damaged blocks that no transcript can replace: what they held is lost.
    Damaged,
}

/// What is forgotten of a transcript.
enum Part {
    All,
    /// The ids of blocks.
    Blocks(Vec<i64>),
}

impl Part {
    fn count(&self) -> u64 {
        match self {
            Part::All => 1,
            Part::Blocks(ids) => ids.len() as u64,
        }
    }
}

impl Store {
    /// How many transcripts or blocks [`Store::prune`] would forget.
    ///
    /// # Errors
    /// When a root is missing, or the store cannot be read.
    pub fn prunable(&mut self, options: &ScanOptions, forget: Forget) -> Result<u64, HistoryError> {
        let found = find(&options.roots)?;
        Ok(self.read(|catalogue| {
            let snapshot = catalogue.snapshot()?;
            let state = State::read(&snapshot, options)?;
            Ok(parts(&snapshot, &state, &found, forget)?.values().map(Part::count).sum())
        })?)
    }

    /// Forgets transcripts of the roots that are gone, or what is damaged of their history.
    /// Gives the number. What is there stays: it would be read again.
    ///
    /// # Errors
    /// When a root is missing, the store cannot be used, or another process is writing.
    pub fn prune(&mut self, options: &ScanOptions, forget: Forget) -> Result<u64, HistoryError> {
        let found = find(&options.roots)?;
        let count = self.read(|catalogue| {
            let snapshot = catalogue.snapshot()?;
            let (generation, state) = (snapshot.generation, State::read(&snapshot, options)?);
            let parts = parts(&snapshot, &state, &found, forget)?;
            drop(snapshot);
            catalogue.publish(generation, |writer| {
                let mut left = Vec::with_capacity(state.known.len());
                for (at, known) in state.known.iter().enumerate() {
                    left.extend(without(writer, known, parts.get(&at))?);
                }
                let of_root = |root: i64| left.iter().filter(move |known| known.root == root);
                state.root_by_id.keys().try_for_each(|root| writer.seal_root(*root, of_root(*root)))
            })?;
            Ok(parts.values().map(Part::count).sum())
        })?;
        folder::discard_answers(&self.path);
        Ok(count)
    }
}

/// What is to be forgotten, by the index of what is known.
fn parts(snapshot: &Snapshot, state: &State, found: &Found, forget: Forget) -> Result<HashMap<usize, Part>, CatalogueError> {
    let steps = state.plan(&found.transcripts, &HashSet::new());
    let known: Vec<(usize, bool)> = steps.iter().filter_map(|step| Some((step.known_at?, step.how == How::Gone))).collect();
    let before_ms = match forget {
        Forget::Before(before_ms) => before_ms,
        Forget::Damaged => return lost(snapshot, state, &known),
    };
    let is_old = |at: usize| state.known[at].times.is_none_or(|times| times.last_ms < before_ms);
    Ok(known.into_iter().filter(|(at, is_gone)| *is_gone && is_old(*at)).map(|(at, _)| (at, Part::All)).collect())
}

/// The damaged blocks of transcripts that are gone, and those of what others held once.
fn lost(snapshot: &Snapshot, state: &State, known: &[(usize, bool)]) -> Result<HashMap<usize, Part>, CatalogueError> {
    let mut parts = HashMap::new();
    for ((at, is_gone), stored) in known.iter().zip(snapshot.blocks(known.iter().map(|(at, _)| &state.known[*at]))?) {
        let stored = stored?;
        let lost = stored.iter().filter(|stored| (*is_gone || stored.kind == BlockKind::Past) && verify::is_damaged(stored));
        let ids: Vec<i64> = lost.map(|stored| stored.id).collect();
        if !ids.is_empty() {
            parts.insert(*at, Part::Blocks(ids));
        }
    }
    Ok(parts)
}

/// Forgets a part of a transcript. Gives what is known of it then.
fn without(writer: &mut Writer, known: &Known, part: Option<&Part>) -> Result<Option<Known>, CatalogueError> {
    let Some(part) = part else { return Ok(Some(known.clone())) };
    let mut left = known.clone();
    if let Part::Blocks(ids) = part {
        ids.iter().try_for_each(|id| writer.delete_block(*id))?;
        left.blocks = writer.count_blocks(known)?;
        // Should the transcript come back, all of it is read.
        left.format = 0;
        if left.blocks > 0 {
            writer.put(&left)?;
            return Ok(Some(left));
        }
    }
    writer.delete(known)?;
    Ok(None)
}
