//! What a block adds to the accounting.
//!
//! It stands beside the blocks, small: a load for a short span leaves most of them
//! unread, and accounts for every line all the same.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::columns::{Bytes, Damaged, write_number};
use super::numbered::{Numbered, numbered};
use crate::error::ProblemKind;
use crate::facts::Facts;
use crate::lines::{LineClasses, LinesAndBytes};
use crate::rows::TitleRank;

/// The accounting of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest {
    pub(super) account: LineClasses,
    pub(super) hole_bytes: u64,
    /// When its last message or prompt was, in milliseconds since 1970.
    pub(super) last_activity_ms: Option<i64>,
    /// It says what another line is called, which may stand in another transcript.
    pub(super) names_lines: bool,
    /// Entries by their `type`.
    pub(super) kinds: BTreeMap<Vec<u8>, u64>,
    /// What was skipped or doubtful, by line from 1.
    pub(super) problems: Vec<(ProblemKind, u64)>,
    /// How many more of each kind there were.
    pub(super) more_problems: BTreeMap<ProblemKind, u64>,
}

impl Digest {
    pub(super) fn of(facts: &Facts, hole_bytes: u64) -> Digest {
        let messages = facts.messages.rows().iter().map(|row| row.origin.order);
        let activity = messages.chain(facts.prompts.rows().iter().map(|row| row.origin.order));
        let kinds = facts.symbols.iter().zip(&facts.kinds).filter(|(_, count)| **count > 0);
        Digest {
            account: facts.account,
            hole_bytes,
            last_activity_ms: activity.filter_map(|order| order.stamp_ms()).max(),
            names_lines: facts.titles.iter().any(|row| row.rank == TitleRank::Summary),
            kinds: kinds.map(|(kind, count)| (facts.symbols.bytes(kind).to_vec(), *count)).collect(),
            problems: facts.problems.places.iter().map(|(kind, place)| (*kind, u64::from(place.line))).collect(),
            more_problems: facts.problems.more.clone(),
        }
    }

    /// Whether there is more than an unfinished line.
    pub(super) fn has_entries(&self) -> bool {
        self.account.parsed.lines + self.account.salvaged.lines > 0
    }

    /// Adds the digest of another block, whose first line has this many before it.
    pub(super) fn absorb(&mut self, other: Digest, lines_before: u64) {
        self.account += other.account;
        self.hole_bytes += other.hole_bytes;
        self.last_activity_ms = self.last_activity_ms.max(other.last_activity_ms);
        self.names_lines |= other.names_lines;
        other.kinds.into_iter().for_each(|(kind, count)| *self.kinds.entry(kind).or_default() += count);
        self.problems.extend(other.problems.into_iter().map(|(kind, line)| (kind, line + lines_before)));
        other.more_problems.into_iter().for_each(|(kind, count)| *self.more_problems.entry(kind).or_default() += count);
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for LinesAndBytes { lines, bytes } in shares(&self.account) {
            write_number(lines, &mut body);
            write_number(bytes, &mut body);
        }
        write_number(self.hole_bytes, &mut body);
        write_number(self.last_activity_ms.map_or(0, |at_ms| (at_ms as u64).wrapping_add(1)), &mut body);
        write_number(self.names_lines.into(), &mut body);
        write_number(self.kinds.len() as u64, &mut body);
        for (kind, count) in &self.kinds {
            write_number(kind.len() as u64, &mut body);
            body.extend_from_slice(kind);
            write_number(*count, &mut body);
        }
        write_number(self.problems.len() as u64, &mut body);
        for (kind, line) in &self.problems {
            write_number(kind.number(), &mut body);
            write_number(*line, &mut body);
        }
        for (kind, count) in &self.more_problems {
            write_number(kind.number(), &mut body);
            write_number(*count, &mut body);
        }
        [&xxh3_64(&body).to_le_bytes()[..], &body].concat()
    }

    /// # Errors
    /// When the bytes are not what was written.
    pub(super) fn read(bytes: &[u8]) -> Result<Digest, Damaged> {
        let mut rest = Bytes(bytes);
        if u64::from_le_bytes(rest.array()?) != xxh3_64(rest.0) {
            return Err(Damaged);
        }
        let most = rest.0.len();
        let mut share = || Ok(LinesAndBytes { lines: rest.number()?, bytes: rest.number()? });
        let account = LineClasses { parsed: share()?, salvaged: share()?, blank: share()?, malformed: share()?, unfinished: share()? };
        let mut digest = Digest { account, hole_bytes: rest.number()?, ..Digest::default() };
        digest.last_activity_ms = rest.number()?.checked_sub(1).map(|at_ms| at_ms as i64);
        digest.names_lines = rest.number()? != 0;
        for _ in 0..rest.count(most)? {
            let length = rest.count(most)?;
            digest.kinds.insert(rest.take(length)?.to_vec(), rest.number()?);
        }
        for _ in 0..rest.count(most)? {
            let kind = Numbered::of_number(rest.number()?).ok_or(Damaged)?;
            digest.problems.push((kind, rest.number()?));
        }
        // Earlier versions kept all, and end here.
        while !rest.0.is_empty() {
            let kind = Numbered::of_number(rest.number()?).ok_or(Damaged)?;
            digest.more_problems.insert(kind, rest.number()?);
        }
        Ok(digest)
    }
}

/// The accounting of a transcript as it is there: of its whole lines, and of its last
/// line, which has no newline yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) whole: Digest,
    pub(super) last: Digest,
}

impl Digests {
    /// `None` when the bytes are not what was written.
    pub(super) fn read(whole: &[u8], last: &[u8]) -> Option<Digests> {
        Some(Digests { whole: Digest::read(whole).ok()?, last: Digest::read(last).ok()? })
    }
}

fn shares(account: &LineClasses) -> [LinesAndBytes; 5] {
    [account.parsed, account.salvaged, account.blank, account.malformed, account.unfinished]
}

// Only the first three are problems of lines, and written.
numbered! { ProblemKind:
    0 = (ProblemKind::MalformedLine),
    1 = (ProblemKind::InvalidCount),
    2 = (ProblemKind::InvalidTime),
    3 = (ProblemKind::Link),
    4 = (ProblemKind::NotAFile),
    5 = (ProblemKind::Unreadable),
    6 = (ProblemKind::Shrank),
    7 = (ProblemKind::Store),
    8 = (ProblemKind::Panic),
    9 = (ProblemKind::LostHistory),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dataset;

    fn digest() -> Digest {
        let lines = [
            r#"{"type":"user","uuid":"c","sessionId":"s","timestamp":"2026-11-20T10:00:02Z","message":{"content":"go"}}"#.into(),
            r#"{"type":"summary","leafUuid":"c","summary":"what was done"}"#.into(),
            "no entry".into(),
        ];
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        Digest {
            problems: vec![(ProblemKind::MalformedLine, 3)],
            more_problems: BTreeMap::from([(ProblemKind::InvalidTime, 300)]),
            ..Digest::of(&dataset.into_facts(), 5)
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let digest = digest();
        assert_eq!((digest.account.total().lines, digest.last_activity_ms, digest.names_lines), (3, Some(1_795_168_802_000), true));
        assert_eq!(digest.kinds.len(), 2);
        assert_eq!(Digest::read(&digest.write()), Ok(digest));
        assert_eq!(Digest::read(&Digest::default().write()), Ok(Digest::default()));
    }

    #[test]
    fn every_flipped_bit_and_every_lost_end_is_noticed() {
        let bytes = digest().write();
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Digest::read(&bytes), Err(Damaged), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Digest::read(&bytes[..length]), Err(Damaged), "length {length}");
        }
    }

    #[test]
    fn lines_of_later_blocks_are_counted_from_the_start_of_the_transcript() {
        let mut sum = digest();
        sum.absorb(digest(), 3);
        assert_eq!((sum.account.total().lines, sum.hole_bytes), (6, 10));
        assert_eq!(sum.problems.iter().map(|(_, line)| *line).collect::<Vec<_>>(), [3, 6]);
        assert_eq!(sum.kinds.values().sum::<u64>(), 4);
    }
}
