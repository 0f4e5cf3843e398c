//! What a load reads of each transcript, and which part gets which number.
//!
//! Where several rows are copies of one thing, the place of each decides: the number of its
//! part, then its line. So the parts of a load are numbered in the order in which a scan of
//! everything would number them: transcript by transcript, in the order of transcripts. Of
//! each, the stored blocks of what is there come first, then what is read now, then stored
//! blocks of what stood there once. Numbers without a part do no harm.

use std::ops::Range;

use rayon::prelude::*;

use super::Needs;
use super::block::Take;
use super::catalogue::{BlockKind, Known, StoredBlock};
use super::cursor::Cursor;
use super::plan::{How, Step, new_cursor};
use super::publish::spot;
use crate::discover::Transcript;
use crate::scan::{Job, PartStart};
use crate::source::{Part, parts, parts_of};

/// All transcripts of a load, there or gone, in their order.
pub(super) struct Layout {
    pub(super) transcripts: Vec<Transcript>,
    /// By transcript.
    pub(super) readings: Vec<Reading>,
    /// By transcript, in the order of lines.
    pub(super) jobs: Vec<PlannedJob>,
    known_count: usize,
    next_number: u32,
}

/// How a transcript is read.
pub(super) struct Reading {
    pub(super) how: How,
    /// The index of what is known of it.
    pub(super) known_at: Option<usize>,
    /// Where reading goes on the next time; `None` when it cannot be read.
    pub(super) cursor: Option<Cursor>,
    /// The numbers of its parts.
    numbers: Range<u32>,
}

impl Reading {
    /// The index of what is known of a transcript of which something is.
    pub(super) fn expect_known_at(&self) -> usize {
        self.known_at.expect("what is the same, grown or read again is known")
    }
}

/// A part that may be read, and what for.
pub(super) struct PlannedJob {
    pub(super) job: Job,
    pub(super) purpose: Purpose,
}

/// What a part of a transcript is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Its text; all else of it is stored.
    Text,
    /// To store it as a block of this kind.
    Store(BlockKind),
}

/// Where a stored block stands in a load.
pub(super) struct Placed {
    pub(super) take: Take,
    /// It stands for what is there now.
    pub(super) is_present: bool,
}

impl Layout {
    pub(super) fn new(steps: Vec<Step>, known: &[Known], needs: &Needs) -> Layout {
        let cursors: Vec<Option<Cursor>> = steps
            .par_iter()
            .map(|step| match (step.how, step.known_at) {
                (How::Gone, _) => None,
                (How::Same, Some(at)) => Some(known[at].cursor),
                _ => new_cursor(&step.transcript),
            })
            .collect();
        let mut layout =
            Layout { transcripts: Vec::new(), readings: Vec::new(), jobs: Vec::new(), known_count: known.len(), next_number: 0 };
        for (step, cursor) in steps.into_iter().zip(cursors) {
            layout.add(step, cursor, known, needs);
        }
        layout
    }

    /// Adds a transcript behind the others, and gives numbers to its parts.
    fn add(&mut self, step: Step, cursor: Option<Cursor>, known: &[Known], needs: &Needs) {
        let known = step.known_at.map(|at| &known[at]);
        let blocks = known.map_or(0, |known| known.blocks);
        let spot = known.map_or_else(|| spot(&step.transcript), |known| known.spot);
        let start = self.next_number;
        self.next_number += blocks;
        let index = self.transcripts.len();
        for (part, purpose) in to_read(index, &step, known, cursor, needs.text) {
            self.jobs.push(PlannedJob { job: Job { part, number: self.next_number, transcript_id: spot }, purpose });
            self.next_number += 1;
        }
        self.next_number += blocks;
        self.readings.push(Reading { how: step.how, known_at: step.known_at, cursor, numbers: start..self.next_number });
        let is_stored = !matches!(step.how, How::Again | How::Changed);
        self.transcripts.push(Transcript { is_stored, ..step.transcript });
    }

    /// Where a block of a transcript stands, the `order`th of all that the store has of it;
    /// `None` when what it holds is read anew.
    pub(super) fn place(&self, index: usize, order: usize, known: &Known, stored: &StoredBlock, needs: &Needs) -> Option<Placed> {
        let Reading { how, numbers, .. } = &self.readings[index];
        let is_present = match (how, stored.kind) {
            (How::Again, BlockKind::Whole) => return None,
            (How::Same | How::Grown, BlockKind::Whole) | (How::Same, BlockKind::Last) if needs.text => return None,
            (How::Same | How::Grown, BlockKind::Whole) | (How::Same, BlockKind::Last) => true,
            _ => false,
        };
        let first = if is_present { numbers.start } else { numbers.end - known.blocks };
        Some(Placed { take: Take { part: first + order as u32, first_line: stored.first_line }, is_present })
    }

    /// The index of a transcript in families: those that are new come behind all known ones.
    pub(super) fn member(&self, index: usize) -> usize {
        self.readings[index].known_at.unwrap_or(self.known_count + index)
    }

    /// Where the parts start, by their numbers. Of each job `lines` says how many it has.
    pub(super) fn part_starts(&self, known: &[Known], lines: &[u64]) -> Vec<PartStart> {
        let mut starts = Vec::with_capacity(self.next_number as usize);
        for (index, reading) in self.readings.iter().enumerate() {
            // Rows of blocks have their lines from the start of the transcript already.
            starts.extend(reading.numbers.clone().map(|_| PartStart { transcript: index, lines_before: 0 }));
        }
        let (mut last_index, mut lines_before) = (usize::MAX, 0);
        for (PlannedJob { job, .. }, lines) in self.jobs.iter().zip(lines) {
            let index = job.part.transcript;
            if index != last_index {
                let continued = self.readings[index].known_at.filter(|_| job.part.span.start > 0);
                (last_index, lines_before) = (index, continued.map_or(0, |at| known[at].lines));
            }
            starts[job.number as usize] = PartStart { transcript: index, lines_before };
            lines_before += lines;
        }
        starts
    }
}

/// The parts of a transcript that may have to be read, and what for.
fn to_read(index: usize, step: &Step, known: Option<&Known>, cursor: Option<Cursor>, needs_text: bool) -> Vec<(Part, Purpose)> {
    let Step { transcript, how, .. } = step;
    let size = transcript.size_bytes;
    let start = match (how, known) {
        (How::Gone, _) => return Vec::new(),
        (How::Same, _) => size,
        (How::Grown, Some(known)) => known.cursor.offset,
        _ => 0,
    };
    if transcript.is_sparse {
        let purpose = if *how == How::Same { Purpose::Text } else { Purpose::Store(BlockKind::Last) };
        let is_read = *how != How::Same || needs_text;
        return parts(index, transcript).filter(|_| is_read).map(|part| (part, purpose)).collect();
    }
    // What cannot be read now is tried all the same: the scan says why.
    let cursor = cursor.map_or(size, |cursor| cursor.offset);
    // What was read before is read apart, to be compared.
    let middle = known.filter(|_| *how == How::Again).map_or(start, |known| known.cursor.offset.min(cursor));
    let spans = [
        (0..start, needs_text.then_some(Purpose::Text)),
        (start..middle, Some(Purpose::Store(BlockKind::Whole))),
        (middle..cursor, Some(Purpose::Store(BlockKind::Whole))),
        (middle.max(cursor)..size, Some(Purpose::Store(BlockKind::Last))),
    ];
    let wanted = spans.into_iter().filter(|(span, _)| !span.is_empty()).filter_map(|(span, purpose)| Some((span, purpose?)));
    wanted.flat_map(|(span, purpose)| parts_of(index, span).map(move |part| (part, purpose))).collect()
}
