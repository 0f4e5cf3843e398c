//! Exact, fast statistics over Claude Code transcripts.

mod dataset;
mod dedup;
mod discover;
mod entry;
mod error;
mod facts;
mod json;
mod lines;
mod outcome;
mod prices;
mod prompt;
mod query;
mod scan;
#[cfg(feature = "frames")]
mod frames;
#[cfg(feature = "frames")]
mod report;
mod table;
mod tally;
mod shell;
mod simd;
mod source;
mod symbols;
mod time;
mod untrusted;
mod usage;

pub use dataset::*;
pub use discover::*;
pub use entry::*;
pub use error::*;
pub use json::Text;
pub use lines::*;
pub use outcome::Outcome;
pub use prices::*;
pub use query::Query;
pub use scan::{Options, Progress};
pub use simd::Level;
pub use time::{Bounds, Calendar, Range};
pub use untrusted::*;
pub use usage::Tokens;
#[cfg(feature = "frames")]
pub use frames::Frames;
#[cfg(feature = "frames")]
pub use polars;
#[cfg(feature = "frames")]
pub use report::{Listing, RangeLabel, Report, ReportName, Section, Totals};
pub use table::{Column, Direction, Kind, Table, Value};
pub use tally::*;
