//! What each version of Claude Code writes: order of keys, side lines, models.
//!
//! A year of versions, each with the days on which it is used and its share of
//! the sessions. Versions with `progress` lines weigh more than their days, so
//! that these lines have the share of bytes that they have in real trees.

use super::random::Random;

/// The day after the newest line, in milliseconds since 1970: 2026-11-20.
pub(super) const LAST_DAY: u64 = 20_777 * DAY;
pub(super) const DAY: u64 = 86_400_000;

/// Lines between calls and their results.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Only snapshots and summaries.
    Few,
    /// `progress` lines.
    Progress,
    /// `attachment` lines.
    Attachments,
}

/// Which lines of a message carry its true output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    Never,
    Last,
    Always,
}

/// One version and its habits.
pub(super) struct Era {
    pub(super) version: &'static str,
    /// Days before the last one: first day and number of days.
    days: (u64, u64),
    pub(super) models: &'static [(&'static str, u64)],
    pub(super) side: Side,
    pub(super) output: Output,
    /// `sessionId` and its neighbours stand at the end of a line.
    pub(super) envelope_last: bool,
    /// Subagents have a folder of their own.
    pub(super) nested_agents: bool,
    /// The main thread writes cache entries that last an hour.
    pub(super) long_cache: bool,
}

const OLD: &[(&str, u64)] = &[("claude-opus-4-5-20251101", 6), ("claude-sonnet-4-5-20250929", 3), ("claude-haiku-4-5-20251001", 1)];
const MIDDLE: &[(&str, u64)] = &[("claude-opus-4-6", 5), ("claude-sonnet-4-6", 3), ("claude-opus-4-7", 2), ("glm-4.7", 1)];
const LATE: &[(&str, u64)] = &[("claude-opus-4-8", 5), ("claude-fable-5", 2), ("claude-sonnet-5", 3), ("claude-opus-5", 2)];
const NEWEST: &[(&str, u64)] = &[("claude-opus-5-5", 6), ("claude-sonnet-5-5", 4), ("claude-fable-5-1", 1), ("claude-haiku-5-5", 2)];

const ERAS: [(Era, u64); 11] = [
    (era("2.0.76", (365, 45), OLD, Side::Few, Output::Last), 10),
    (era("2.1.7", (320, 15), OLD, Side::Few, Output::Last), 10),
    (era("2.1.29", (305, 20), OLD, Side::Progress, Output::Never), 18),
    (era("2.1.41", (285, 30), MIDDLE, Side::Progress, Output::Never), 17),
    (era("2.1.81", (255, 20), MIDDLE, Side::Progress, Output::Last), 12),
    (era("2.1.101", (235, 35), MIDDLE, Side::Attachments, Output::Always), 8),
    (era("2.1.150", (200, 50), LATE, Side::Attachments, Output::Always), 7),
    (era("2.1.217", (150, 40), LATE, Side::Attachments, Output::Always), 6),
    (era("2.1.251", (110, 40), LATE, Side::Attachments, Output::Always), 5),
    (era("2.1.286", (70, 30), NEWEST, Side::Attachments, Output::Always), 4),
    (era("2.1.296", (40, 40), NEWEST, Side::Attachments, Output::Always), 6),
];

const fn era(version: &'static str, days: (u64, u64), models: &'static [(&'static str, u64)], side: Side, output: Output) -> Era {
    let age = days.0;
    Era { version, days, models, side, output, envelope_last: age <= 255, nested_agents: age <= 320, long_cache: age <= 305 }
}

impl Era {
    /// The version of a new session.
    pub(super) fn any(random: &mut Random) -> &'static Self {
        let weights: Vec<_> = ERAS.iter().map(|(era, weight)| (era, *weight)).collect();
        random.weighted(&weights)
    }

    /// A start in the days of this version, in milliseconds since 1970, early
    /// enough in its day that a session ends before midnight of the last day.
    pub(super) fn start(&self, random: &mut Random) -> u64 {
        let (first, days) = self.days;
        let day = LAST_DAY - first * DAY + random.below(days) * DAY;
        day + 6 * 3_600_000 + random.below(8 * 3_600_000)
    }
}
