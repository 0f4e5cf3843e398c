//! The time that some rows cover.

/// From the first to the last of some times, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeSpan {
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
}

impl TimeSpan {
    /// The span of a single time.
    pub(super) fn at(ms: i64) -> TimeSpan {
        TimeSpan { first_ms: ms, last_ms: ms }
    }

    /// The shortest span that covers both.
    pub(super) fn union(self, other: TimeSpan) -> TimeSpan {
        TimeSpan { first_ms: self.first_ms.min(other.first_ms), last_ms: self.last_ms.max(other.last_ms) }
    }
}
