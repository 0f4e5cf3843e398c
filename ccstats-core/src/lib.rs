//! Exact, fast statistics over Claude Code transcripts.

mod behaviour;
mod dataset;
mod dedup;
mod discover;
mod entry;
mod error;
mod facts;
#[cfg(feature = "frames")]
mod frames;
mod hashing;
mod json;
mod lines;
mod outcome;
mod prices;
mod prompt;
mod query;
mod report;
mod rows;
mod scan;
pub mod shell;
mod simd;
mod source;
mod symbols;
mod table;
mod tally;
mod time;
mod untrusted;
mod usage;

#[cfg(test)]
mod testing;

pub use behaviour::secrets::Leaks;
pub use dataset::*;
pub use discover::*;
pub use entry::*;
pub use error::*;
#[cfg(feature = "frames")]
pub use frames::Frames;
pub use hashing::{HashKey, hash_problem, hash_table};
pub use json::Text;
pub use lines::*;
pub use outcome::{EditError, Outcome};
#[cfg(feature = "frames")]
pub use polars;
pub use prices::*;
pub use query::{Pattern, Query};
pub use report::{Listing, RangeLabel, Report, ReportName, Section, Totals};
pub use scan::{Options, Progress};
pub use simd::Level;
pub use table::{Column, Direction, Kind, Table, Value};
pub use tally::*;
pub use time::{Bounds, Calendar, Range};
pub use untrusted::*;
pub use usage::Tokens;
