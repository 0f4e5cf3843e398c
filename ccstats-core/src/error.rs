//! What stops a call ([`Error`]) and what a call skips ([`Problem`]).

use std::fmt;
use std::io;
use std::path::PathBuf;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::prices::PriceOverride;
use crate::untrusted::Shown;

/// A call could not do its work.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A root that was named does not exist or is no folder.
    Root(PathBuf, io::Error),
    /// Words that name no range of time.
    Range(String),
    /// A range of time that ends before it starts.
    ReversedRange {
        /// As the user wrote it.
        name: String,
        /// The day on which it starts.
        first: NaiveDate,
        /// The day on which it ends.
        last: NaiveDate,
    },
    /// A filter that is no valid glob.
    Glob {
        /// As the user wrote it.
        pattern: String,
        /// What is wrong with it.
        why: String,
    },
    /// A column that the report does not have.
    Column {
        /// As the user wrote it.
        name: String,
        /// Those that the report has.
        known: Vec<String>,
    },
    /// polars could not compute the frames; what it says.
    Frames(String),
    /// A report that needs the feature `frames`, and the crate was built without.
    WithoutFrames {
        /// The name of the report.
        report: &'static str,
    },
    /// A price of one's own for this model with a rate that cannot be.
    Price(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Root(path, error) => {
                write!(f, "cannot read `{}`: {error}: expected a folder of transcripts or a config directory", Shown::path(path))
            }
            Error::Range(name) => write!(
                f,
                "`{}` is no time range: expected a word such as today, week, last-month or all, a span such as 12h or 7d, a date such as 2026-11-03, 2026-11, 2026-W46 or 2026, or two of them as A..B",
                Shown::new(name)
            ),
            Error::ReversedRange { name, first, last } => {
                write!(f, "`{}` is no time range: it starts on {first} and ends before that, on {last}: swap its ends", Shown::new(name))
            }
            Error::Glob { pattern, why } => write!(f, "`{}` is no valid glob: {why}", Shown::new(pattern)),
            Error::Column { name, known } => {
                write!(f, "no column `{}`: expected one of {}", Shown::new(name), known.join(", "))
            }
            Error::Frames(why) => write!(f, "cannot compute the frames: {why}"),
            Error::WithoutFrames { report } => write!(f, "`{report}` needs the feature `frames`: build ccstats-core with it"),
            Error::Price(model) => {
                let (least, most) = PriceOverride::RATES.into_inner();
                write!(f, "no valid price for `{}`: expected USD per million tokens, each from {least} to {most}", Shown::new(model))
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Root(_, error) => Some(error),
            _ => None,
        }
    }
}

/// Something was skipped or doubtful; all else was counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The file or folder.
    pub path: PathBuf,
    /// The line, from 1, where the problem has one.
    pub line: Option<u64>,
    /// What the system said, where it said something.
    pub detail: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`", self.kind.name(), Shown::path(&self.path))?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        self.detail.as_deref().map_or(Ok(()), |detail| write!(f, ": {}", Shown::new(detail)))
    }
}

/// The kinds of [`Problem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A line without any entry.
    MalformedLine,
    /// A count that is no whole number from 0 to 2^53 − 1; counted as 0.
    InvalidCount,
    /// A time that stands in no calendar; the entry has none.
    InvalidTime,
    /// A symbolic link below a root, not followed.
    Link,
    /// A transcript's name on something that is no regular file.
    NotAFile,
    /// A file or folder that could not be read.
    Unreadable,
    /// A transcript that was shorter when read than when found.
    Shrank,
    /// Something is wrong with the store of history.
    Store,
    /// What the store held of a transcript is damaged, and nothing can replace it.
    LostHistory,
    /// ccstats itself failed on a part of a transcript, which does not count: a fault to
    /// be reported to its authors.
    Panic,
}

impl ProblemKind {
    /// A short name, the same in every version.
    pub fn name(self) -> &'static str {
        match self {
            ProblemKind::MalformedLine => "malformed-line",
            ProblemKind::InvalidCount => "invalid-count",
            ProblemKind::InvalidTime => "invalid-time",
            ProblemKind::Link => "link-not-followed",
            ProblemKind::NotAFile => "not-a-file",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::Shrank => "shrank-while-read",
            ProblemKind::Store => "store",
            ProblemKind::LostHistory => "lost-history",
            ProblemKind::Panic => "panic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_tells_its_place_and_cannot_act_on_a_terminal() {
        let problem = |line, detail: Option<&str>| Problem {
            kind: ProblemKind::Unreadable,
            path: "a\u{1b}b.jsonl".into(),
            line,
            detail: detail.map(Into::into),
        };
        assert_eq!(problem(Some(3), None).to_string(), r"unreadable: `a\u{1b}b.jsonl`, line 3");
        assert_eq!(problem(None, Some("denied\n")).to_string(), r"unreadable: `a\u{1b}b.jsonl`: denied\n");
    }
}
