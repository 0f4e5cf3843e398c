//! Reads everything again, to find what no load looks at.

use std::collections::HashSet;

use super::agents;
use super::block::{self, Take, Unreadable};
use super::catalogue::{Catalogue, CatalogueError, KnownRoot, StoredBlock};
use super::family;
use super::layout::Layout;
use super::load::Request;
use super::plan::How;
use super::publish::{self, Change};
use super::state::State;
use crate::facts::Facts;

/// What a check of the store found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// Blocks that hold what was written.
    pub sound: u64,
    /// Blocks that do not, or that are of a later version.
    pub unreadable: u64,
    /// Transcripts that say something else than the store, though they had looked the
    /// same. What they say now was taken in; what they said is kept as history.
    pub changed: u64,
}

/// Reads all blocks.
pub(super) fn blocks(catalogue: &mut Catalogue) -> Result<Verified, CatalogueError> {
    let snapshot = catalogue.snapshot()?;
    let mut verified = Verified::default();
    for root in snapshot.roots()? {
        let Some(KnownRoot { transcripts: known, .. }) = snapshot.root(&root)? else { continue };
        for stored in snapshot.blocks(known.iter())? {
            for stored in stored? {
                *(if is_sound(&stored) { &mut verified.sound } else { &mut verified.unreadable }) += 1;
            }
        }
    }
    Ok(verified)
}

/// Whether a block holds what was written.
pub(super) fn is_sound(stored: &StoredBlock) -> bool {
    read(stored).is_ok()
}

/// Whether it does not, and is of no later version that could read it.
pub(super) fn is_damaged(stored: &StoredBlock) -> bool {
    read(stored) == Err(Unreadable::Damaged)
}

fn read(stored: &StoredBlock) -> Result<(), Unreadable> {
    let take = Take { part: 0, first_line: 0 };
    block::read(stored.sealed_bytes().ok_or(Unreadable::Damaged)?, take, &mut Facts::default())
}

/// Reads the transcripts of the roots that look the same. Gives the number of those that
/// say something else, and what is to be published: those, and the ones with damaged blocks.
pub(super) fn transcripts(catalogue: &mut Catalogue, request: &Request) -> Result<(u64, Change), CatalogueError> {
    let snapshot = catalogue.snapshot()?;
    let state = State::read(&snapshot, request.options)?;
    let all: HashSet<i64> = state.known.iter().map(|known| known.id).collect();
    let mut layout = Layout::new(state.plan(&request.found.transcripts, &all), &state.known, request.needs);
    let (_, mut blocks) = layout.scan_new(request);
    // What any load would find is left to the next one.
    blocks.retain(|index, _| layout.readings[*index].how == How::Again);
    let unchanged = layout.compare(&snapshot, &state.known, &blocks)?;
    blocks.retain(|index, _| !unchanged.contains(index));
    let changed = blocks.keys().filter(|index| layout.readings[**index].how == How::Changed).count() as u64;
    let mut families = family::of_load(&snapshot, &state, &layout, &blocks)?;
    let agents = agents::changed(request.found, &state, |_| true);
    Ok((changed, publish::change(&state, &layout, blocks, &mut families, agents, request)))
}
