//! Reads what the store does not know, and makes blocks of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use super::block::{self, Block};
use super::catalogue::{BlockKind, CatalogueError, Known, Snapshot, StoredBlock};
use super::layout::{Layout, PlannedJob, Purpose};
use super::load::Request;
use super::plan::How;
use crate::scan::{self, EachPart, Job, Scanned};

/// The new blocks of each transcript that changed, by its index, in the order of its lines.
pub(super) type NewBlocks = BTreeMap<usize, Vec<NewBlock>>;

/// A block that is not stored yet.
#[derive(Debug)]
pub(super) struct NewBlock {
    pub(super) kind: BlockKind,
    pub(super) block: Block,
}

impl Layout {
    /// Reads what the store does not know. Gives the facts, and the blocks to store.
    pub(super) fn scan_new(&self, request: &Request) -> (Scanned, NewBlocks) {
        let new = self.jobs_where(|planned| planned.purpose != Purpose::Text);
        let written = Mutex::new(BTreeMap::new());
        let each_part: EachPart = &|at, facts, hole_bytes| {
            let block = block::write(facts, hole_bytes);
            if let Ok(mut written) = written.lock() {
                written.insert(new[at], block);
            }
        };
        let scanned = self.scan(&new, request, Some(each_part));
        (scanned, self.complete(written.into_inner().unwrap_or_default()))
    }

    /// Reads what the store knows of some transcripts, in ascending order, since it has no
    /// text. Adds it to `scanned`.
    pub(super) fn scan_text(&mut self, transcripts: &[usize], request: &Request, scanned: &mut Scanned) {
        let is_asked = |job: &Job| transcripts.binary_search(&job.part.transcript).is_ok();
        let known = self.jobs_where(|planned| planned.purpose == Purpose::Text && is_asked(&planned.job));
        let text = self.scan(&known, request, None);
        scanned.facts.absorb(text.facts);
        scanned.hole_bytes += text.hole_bytes;
        scanned.problems.extend(text.problems);
        scanned.lines.iter_mut().zip(text.lines).for_each(|(lines, more)| *lines += more);
        transcripts.iter().for_each(|index| self.transcripts[*index].is_stored = false);
    }

    fn jobs_where(&self, is_wanted: impl Fn(&PlannedJob) -> bool) -> Vec<usize> {
        (0..self.jobs.len()).filter(|at| is_wanted(&self.jobs[*at])).collect()
    }

    /// Does some of the jobs. Gives the lines of all of them, none for the others.
    fn scan(&self, some: &[usize], request: &Request, each_part: Option<EachPart>) -> Scanned {
        let jobs: Vec<Job> = some.iter().map(|at| self.jobs[*at].job.clone()).collect();
        let mut scanned = scan::scan(&self.transcripts, &jobs, request.options, request.progress, each_part);
        let mut lines = vec![0; self.jobs.len()];
        some.iter().zip(&scanned.lines).for_each(|(at, count)| lines[*at] = *count);
        scanned.lines = lines;
        scanned
    }

    /// The blocks of transcripts of which all that is new was read. Takes those that were
    /// written, by their jobs.
    fn complete(&self, mut written: BTreeMap<usize, Block>) -> NewBlocks {
        let is_changed = |index: &usize| !matches!(self.readings[*index].how, How::Same | How::Gone);
        let mut blocks: NewBlocks = (0..self.readings.len()).filter(is_changed).map(|index| (index, Vec::new())).collect();
        let mut incomplete: HashSet<usize> = HashSet::new();
        for (at, PlannedJob { job, purpose }) in self.jobs.iter().enumerate() {
            let Purpose::Store(kind) = *purpose else { continue };
            match written.remove(&at) {
                Some(block) => blocks.entry(job.part.transcript).or_default().push(NewBlock { kind, block }),
                None => _ = incomplete.insert(job.part.transcript),
            }
        }
        blocks.retain(|index, _| !incomplete.contains(index) && self.readings[*index].cursor.is_some());
        blocks
    }

    /// Looks whether what was read again is what was read before: between the places that a
    /// cursor looks at something may have changed, and what stood there is past then. Gives
    /// the transcripts that are as they were.
    pub(super) fn compare(&mut self, snapshot: &Snapshot, known: &[Known], blocks: &NewBlocks) -> Result<HashSet<usize>, CatalogueError> {
        let mut unchanged = HashSet::new();
        for (index, new) in blocks {
            let reading = &mut self.readings[*index];
            if reading.how != How::Again {
                continue;
            }
            let known = &known[reading.expect_known_at()];
            let stored = snapshot.blocks(std::iter::once(known))?.next().transpose()?.unwrap_or_default();
            match is_same(known, &stored, new) {
                Some(true) => _ = unchanged.insert(*index),
                Some(false) => reading.how = How::Changed,
                None => {}
            }
        }
        Ok(unchanged)
    }
}

/// Whether the lines that were read before are now what they were then. `None` when
/// that is not known.
fn is_same(known: &Known, stored: &[StoredBlock], new: &[NewBlock]) -> Option<bool> {
    if known.format != block::VERSION {
        return None;
    }
    let before = stored.iter().filter(|stored| stored.kind == BlockKind::Whole);
    let before: Vec<(&[u8], u64)> = before.map(|stored| Some((stored.sealed_bytes()?, stored.first_line))).collect::<Option<_>>()?;
    let mut lines = 0;
    let mut now = Vec::new();
    for NewBlock { block, .. } in new.iter().filter(|new| new.kind == BlockKind::Whole) {
        if lines < known.lines {
            now.push((&*block.bytes, lines));
        }
        lines += block.lines;
    }
    // The same lines make the same block, in whatever parts they were read.
    let before = block::join(before.into_iter())?;
    Some(block::join(now.into_iter())?.bytes == before.bytes)
}
