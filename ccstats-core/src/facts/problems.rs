//! What was skipped or doubtful: the first places of each kind, and how many more there were.
//!
//! A file of short broken lines has more of them than anyone will look at, and the place of
//! each would take more memory than its line.

use std::collections::BTreeMap;

use crate::error::{Problem, ProblemKind};
use crate::rows::Place;

/// So many places of a kind are kept of each part of a transcript, and then of all of it.
const MOST: usize = 100;

/// What was skipped or doubtful in some parts.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) places: Vec<(ProblemKind, Place)>,
    /// How many more there were of each kind.
    pub(crate) more: BTreeMap<ProblemKind, u64>,
    /// The part of the last one, and how many of each kind that part had.
    part: u32,
    of_part: BTreeMap<ProblemKind, usize>,
}

impl Problems {
    /// Counts a problem. Those of one part come one after another, in the order of lines.
    pub(crate) fn push(&mut self, kind: ProblemKind, place: Place) {
        if place.part != self.part {
            self.part = place.part;
            self.of_part.clear();
        }
        let count = self.of_part.entry(kind).or_default();
        *count += 1;
        if *count <= MOST {
            self.places.push((kind, place));
        } else {
            *self.more.entry(kind).or_default() += 1;
        }
    }

    /// Takes in the problems of other parts.
    pub(crate) fn absorb(&mut self, other: Problems) {
        self.places.extend(other.places);
        self.add_more(other.more);
    }

    pub(crate) fn add_more(&mut self, more: BTreeMap<ProblemKind, u64>) {
        more.into_iter().for_each(|(kind, count)| *self.more.entry(kind).or_default() += count);
    }
}

/// The first of each kind in each file, of problems in their order. Whatever parts a
/// transcript was read in, these are the same. The others are added to `more`.
pub(crate) fn first_of_each(problems: &[Problem], more: &mut BTreeMap<ProblemKind, u64>) -> Vec<Problem> {
    let mut first = Vec::new();
    for group in problems.chunk_by(|a, b| (a.kind, &a.path) == (b.kind, &b.path)) {
        let (kept, others) = group.split_at(group.len().min(MOST));
        first.extend_from_slice(kept);
        if !others.is_empty() {
            *more.entry(group[0].kind).or_default() += others.len() as u64;
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Accounting;
    use crate::testing::dataset;

    fn broken(count: usize) -> Vec<String> {
        vec!["x".into(); count]
    }

    fn listed(accounting: &Accounting) -> Vec<(ProblemKind, Option<u64>)> {
        accounting.problems.iter().map(|problem| (problem.kind, problem.line)).collect()
    }

    #[test]
    fn the_first_of_each_kind_are_listed_and_all_are_counted() {
        let mut lines = broken(250);
        lines[40] = r#"{"type":"user","timestamp":"yesterday"}"#.into();
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        let first = (1..=101).filter(|line| *line != 41).map(|line| (ProblemKind::MalformedLine, Some(line)));
        assert_eq!(listed(dataset.accounting()), first.chain([(ProblemKind::InvalidTime, Some(41))]).collect::<Vec<_>>());
        assert_eq!(dataset.accounting().more_problems, BTreeMap::from([(ProblemKind::MalformedLine, 149)]));
    }

    #[test]
    fn the_same_are_listed_in_whatever_parts_a_transcript_is_read() {
        const LINES: usize = 1_500_000;
        let dataset = dataset(&[("p/s.jsonl", &broken(LINES))]);
        assert_eq!(listed(dataset.accounting()), (1..=100).map(|line| (ProblemKind::MalformedLine, Some(line))).collect::<Vec<_>>());
        assert_eq!(dataset.accounting().more_problems, BTreeMap::from([(ProblemKind::MalformedLine, LINES as u64 - 100)]));
    }

    #[test]
    fn each_transcript_lists_its_own() {
        let dataset = dataset(&[("p/a.jsonl", &broken(150)), ("p/b.jsonl", &broken(150))]);
        let accounting = dataset.accounting();
        assert_eq!((accounting.problems.len(), accounting.more_problems[&ProblemKind::MalformedLine]), (200, 100));
    }
}
