//! Which transcripts belong together: families.
//!
//! A resumed session starts with copies of older lines, and only the oldest copy of a message
//! says when it was; subagents write files of their own. So the rows of one transcript can be
//! right only beside those of all that share something with it, directly or through others.
//! These are its family, and a load reads whole families, and no other transcripts.
//!
//! What can be shared is the identity of a row, or the id of a session or a subagent. Of each
//! a transcript has a *mark*, a hash of 32 bits: two that have a mark in common are of one
//! family. Where two hashes are equal by chance, a family is larger than it must be.

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::catalogue::{CatalogueError, Snapshot};
use super::layout::Layout;
use super::new_blocks::NewBlocks;
use super::state::State;
use crate::dedup::{self, Key};

/// The families of all transcripts of a load, by their [members](Layout::member).
pub(super) fn of_load(snapshot: &Snapshot, state: &State, layout: &Layout, blocks: &NewBlocks) -> Result<Families, CatalogueError> {
    let mut families = Families::new(state.known.len() + layout.readings.len());
    let mut first: HashMap<u64, usize> = HashMap::new();
    for (at, known) in state.known.iter().enumerate() {
        families.join(*first.entry(known.family).or_insert(at), at);
    }
    families.reserve(blocks.values().flatten().map(|new| new.block.marks.len()).sum());
    for (index, blocks) in blocks {
        blocks.iter().for_each(|new| families.add(layout.member(*index), &new.block.marks));
    }
    // Without new blocks nobody can be related to anybody else than before.
    if families.has_marks() {
        let by_id: HashMap<i64, usize> = state.known.iter().enumerate().map(|(at, known)| (known.id, at)).collect();
        for root in state.root_by_id.keys() {
            snapshot.marks(*root, |id, bytes| {
                let Some(at) = by_id.get(&id) else { return };
                marks_of_bytes(bytes).for_each(|mark| families.meet(*at, mark));
            })?;
        }
    }
    Ok(families)
}

/// The mark of the id of a session or a subagent.
pub(super) fn mark_of_id(id: &[u8]) -> u32 {
    mark(dedup::agent_key(id))
}

/// The mark of an identity.
pub(super) fn mark(key: Key) -> u32 {
    (key >> 64) as u32
}

/// The marks that a catalogue keeps: four bytes each.
pub(super) fn marks_of_bytes(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes.as_chunks::<4>().0.iter().map(|mark| u32::from_le_bytes(*mark))
}

/// Marks as a catalogue keeps them, each once, in ascending order.
pub(super) fn bytes_of_marks(mut marks: Vec<u32>) -> Vec<u8> {
    marks.sort_unstable();
    marks.dedup();
    marks.into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Sets of transcripts, which are joined when something is found that they share.
#[derive(Debug, Default)]
pub(super) struct Families {
    /// By transcript: one of its family that comes before it, or itself if it is the first.
    parents: Vec<usize>,
    /// By mark: a transcript that has it.
    by_mark: FxHashMap<u32, usize>,
}

impl Families {
    pub(super) fn new(transcripts: usize) -> Families {
        Families { parents: (0..transcripts).collect(), by_mark: FxHashMap::default() }
    }

    /// Makes room for so many marks.
    pub(super) fn reserve(&mut self, marks: usize) {
        self.by_mark.reserve(marks);
    }

    /// A transcript has these marks.
    pub(super) fn add(&mut self, transcript: usize, marks: &[u32]) {
        for mark in marks {
            let other = *self.by_mark.entry(*mark).or_insert(transcript);
            self.join(other, transcript);
        }
    }

    /// A transcript has a mark, which counts only if another one was [added](Families::add) with
    /// it before.
    pub(super) fn meet(&mut self, transcript: usize, mark: u32) {
        if let Some(other) = self.by_mark.get(&mark).copied() {
            self.join(other, transcript);
        }
    }

    /// Two transcripts are of one family.
    pub(super) fn join(&mut self, a: usize, b: usize) {
        if a == b {
            return;
        }
        let (a, b) = (self.head(a), self.head(b));
        self.parents[a.max(b)] = a.min(b);
    }

    /// The first transcript of the family.
    pub(super) fn head(&mut self, transcript: usize) -> usize {
        let mut at = transcript;
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    pub(super) fn has_marks(&self) -> bool {
        !self.by_mark.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_a_mark_with_a_relative_is_a_relative() {
        let mut families = Families::new(6);
        families.add(3, &[1, 2]);
        families.add(1, &[2, 5]);
        families.add(2, &[7]);
        families.meet(4, 5);
        families.meet(5, 9);
        let heads: Vec<_> = (0..6).map(|transcript| families.head(transcript)).collect();
        assert_eq!(heads, [0, 1, 2, 1, 1, 5]);
    }
}
