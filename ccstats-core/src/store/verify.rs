//! Reads everything again, to find what no load looks at.

use std::collections::HashSet;

use super::Needs;
use super::block::{self, Take};
use super::catalogue::{Catalogue, Failure, StoredBlock};
use super::load::{Layout, State};
use super::plan::{How, Roots, plan};
use super::publish::{self, Change};
use crate::discover::Found;
use crate::facts::Facts;
use crate::scan::{Options, Progress};

/// What a check of the store found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
pub(super) fn blocks(catalogue: &mut Catalogue) -> Result<Verified, Failure> {
    let snapshot = catalogue.snapshot()?;
    let mut verified = Verified::default();
    for root in snapshot.roots()? {
        let Some((_, known)) = snapshot.transcripts(&root)? else { continue };
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
    let take = Take { part: 0, first_line: 0 };
    stored.is_sealed && block::read(&stored.bytes, take, &mut Facts::default()).is_ok()
}

/// Reads the transcripts of the roots that look the same. Gives the number of those that
/// say something else, and what is to be published: those, and the ones with damaged blocks.
pub(super) fn transcripts(
    catalogue: &mut Catalogue,
    found: &Found,
    options: &Options,
    progress: &Progress,
) -> Result<(u64, Change), Failure> {
    let snapshot = catalogue.snapshot()?;
    let state = State::read(&snapshot, options)?;
    let roots = Roots { by_id: &state.root_by_id, tops: &state.tops };
    let all: HashSet<i64> = state.known.iter().map(|known| known.id).collect();
    let steps = plan(&found.transcripts, &state.known, &roots, &all);
    let mut layout = Layout::new(steps, &state.known, &Needs::default());
    let (_, mut blocks) = layout.scan_new(options, progress);
    // What any load would find is left to the next one.
    blocks.retain(|step, _| layout.steps[*step].how == How::Again);
    let unchanged = layout.compare(&snapshot, &state.known, &blocks)?;
    blocks.retain(|step, _| !unchanged.contains(step));
    let changed = blocks.keys().filter(|step| layout.steps[**step].how == How::Changed).count() as u64;
    let mut families = layout.families(&snapshot, &state, &blocks)?;
    Ok((changed, publish::change(snapshot.generation, &state, &layout, blocks, &mut families, found, options)))
}
