//! Exact, fast statistics over Claude Code transcripts.
//!
//! Claude Code writes every session to a transcript, a file with one JSON
//! object per line. This crate reads such files and counts each response, tool
//! call and prompt once, however often it was written. It never prints, exits,
//! or asks for the time, the zone or the environment: those are arguments.
//!
//! There are three layers. Each can be used without the ones above it.
//!
//! # 1. Entries: what one transcript says, line by line
//!
//! [`entries`] takes bytes and gives typed [`Entry`]s that borrow from them, or
//! a [`BadLine`] with its place. Nothing is counted or left out yet: a response
//! that stands on three lines comes three times.
//!
//! ```
//! use ccstats_core::{Content, ContentBlock, entries};
//!
//! let transcript = std::fs::read("../testdata/home/projects/-home-ada-notes/f1b58cb1-c172-462d-b0b2-81f57c1f38b0.jsonl")?;
//! let (mut files, mut bad_lines) = (Vec::new(), 0);
//! for line in entries(&transcript) {
//!     let Ok((_, entry)) = line else {
//!         bad_lines += 1;
//!         continue;
//!     };
//!     let Some(Content::Blocks(blocks)) = entry.message.map(|message| message.content) else { continue };
//!     for block in blocks {
//!         if let ContentBlock::ToolUse(call) = block
//!             && call.name.is(b"Read")
//!         {
//!             files.push(call.input.file.to_str().into_owned());
//!         }
//!     }
//! }
//! assert_eq!(files, ["/home/ada/notes/reading.md", "/home/ada/notes/diary.md"]);
//! assert_eq!(bad_lines, 0);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # 2. Tally: totals, without polars
//!
//! [`Dataset::load`] reads all transcripts below some roots on all processors
//! and folds the copies of each thing into one. A [`Query`] selects from it,
//! and [`Tally::of`] sums. All of this is there with `default-features = false`,
//! which compiles neither polars nor what polars needs.
//!
//! ```
//! use std::time::SystemTime;
//! use ccstats_core::{Dataset, Outcome, PICODOLLARS, Prices, Progress, Query, ScanOptions, Tally};
//!
//! let options = ScanOptions::new(vec!["../testdata/home".into()], SystemTime::now());
//! let dataset = Dataset::load(&options, &Progress::default())?;
//! let query = Query { projects: vec!["seed-shop".into()], ..Query::all() };
//! let tally = Tally::of(&dataset, &query, Prices::builtin())?;
//!
//! let (tool, calls) = &tally.tools[0];
//! assert_eq!((tool.as_str(), calls.with(Outcome::Failed)), ("Bash", 5));
//! // Money is whole picodollars, so sums are exact; `None` when nothing has a price.
//! let cost = tally.spending.total_cost().expect("all models of the sample have a price");
//! assert_eq!(cost / PICODOLLARS, 1);
//! # Ok::<(), ccstats_core::Error>(())
//! ```
//!
//! # 3. Reports and frames: tables with units, and polars
//!
//! A [`Report`] is a named list of plain [`Table`]s whose columns know what they
//! hold, with totals, and with what a reader must know about them. Reports about
//! behaviour, such as [`ReportName::Failures`], and the summary need no polars;
//! those that group by day, session, project, model or agent need the feature
//! `frames`, which is on by default. With it, `Frames` are the rows behind the
//! reports as polars `LazyFrame`s, for questions that no report answers;
//! `ccstats_core::polars` is the polars that they belong to.
//!
#![cfg_attr(feature = "frames", doc = "```")]
#![cfg_attr(not(feature = "frames"), doc = "```ignore")]
//! use std::time::SystemTime;
//! use ccstats_core::polars::prelude::*;
//! use ccstats_core::{Dataset, Frames, Prices, Progress, Query, Report, ReportName, ReportOptions, ScanOptions};
//!
//! let options = ScanOptions::new(vec!["../testdata/home".into()], SystemTime::now());
//! let dataset = Dataset::load(&options, &Progress::default())?;
//! let (query, prices) = (Query::all(), Prices::builtin());
//!
//! let report = Report::new(ReportName::Daily, &dataset, &query, prices, &ReportOptions::default())?;
//! assert_eq!(report.rows().map(|days| days.rows.len()), Some(8));
//!
//! let frames = Frames::of(&dataset, &query, prices)?;
//! let reads = frames.tool_calls.filter(col("tool").eq(lit("Read"))).group_by([col("file")]).agg([len()]);
//! assert!(reads.collect()?.height() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `store`, a `Store` keeps the facts of transcripts, but none of
//! their text: `Dataset::load_with_store` reads only what changed since the last time,
//! and counts what was deleted. What a report needs of it, [`ReportName`] knows. New facts
//! are written in the background; `Store::wait` returns when that has finished, with the
//! problem if it failed. A [`Question`] whose [`Answer`] the store kept needs no load at all
//! while nothing changed: `Question::recall`.
//!
#![cfg_attr(feature = "store", doc = "```")]
#![cfg_attr(not(feature = "store"), doc = "```ignore")]
//! use std::time::SystemTime;
//! use ccstats_core::{Dataset, Prices, Progress, Query, Report, ReportName, ReportOptions, ScanOptions, Store};
//!
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//! let options = ScanOptions::new(vec!["../testdata/home".into()], SystemTime::now());
//! let mut store = Store::open(folder)?;
//! let (name, query) = (ReportName::Hotspots, Query::all());
//!
//! let dataset = Dataset::load_with_store(&options, &mut store, &Progress::default(), &name.needs(&query))?;
//! let report = Report::new(name, &dataset, &query, Prices::builtin(), &ReportOptions::default())?;
//! assert!(report.rows().is_some_and(|files| !files.rows.is_empty()));
//! assert_eq!(store.wait(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`shell`] stands apart: it understands the commands that Claude Code's Bash
//! tool ran, and needs nothing of the rest.
//!
//! # What can go wrong
//!
//! An [`Error`] means that a call could not do its work: a root is missing, a
//! filter is no glob. A [`Problem`] means that something was skipped or is
//! doubtful and all else was counted; [`Accounting`] holds all of them, and
//! every line and byte of the transcripts by what became of it.
//!
//! Text from transcripts is not to be trusted: it may hold terminal escapes.
//! Tables hold it as [`Untrusted`], which prints only through
//! [`Untrusted::shown`]. Names in a [`Tally`] and in `Frames` are plain
//! strings; show them through [`Shown`].

mod behaviour;
mod blocks;
mod budget;
mod commands;
mod dataset;
mod dedup;
mod discover;
mod effects;
mod entry;
mod error;
mod facts;
#[cfg(feature = "frames")]
mod frames;
mod hashing;
mod json;
mod keys;
mod lexer;
mod lines;
mod outcome;
mod pages;
mod paths;
mod prices;
mod prompt;
mod query;
mod report;
mod reread;
mod rows;
mod scan;
pub mod shell;
mod simd;
mod source;
#[cfg(feature = "store")]
mod store;
mod symbols;
mod table;
mod tally;
mod time;

mod untrusted;
mod usage;
mod wording;
mod writes;

#[cfg(test)]
mod testing;

/// The examples of the README, so that they compile.
#[cfg(all(doctest, feature = "frames"))]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use behaviour::secrets::Leaks;
pub use behaviour::tools::CallsBy;
pub use blocks::{BlockTally, BlockWindow, Pace, block_windows, blocks};
pub use budget::{Budget, BudgetQuery, Limit, Period, ProjectPattern, budget_table, budgets};
/// Days, weeks and instants stand in signatures here.
pub use chrono;
/// So do time zones.
pub use chrono_tz;
pub use dataset::{Accounting, Dataset};
pub use discover::{Found, Transcript, discover};
pub use entry::{
    Advisor, Body, Compaction, Content, ContentBlock, Entry, Input, Message, OtherInput, ReadFile, ResultFields, ToolResult, ToolUse,
    ToolUseResult, Usage, Worktree,
};
pub use error::{Error, Problem, ProblemKind};
#[cfg(feature = "frames")]
pub use frames::Frames;
pub use hashing::{HashKey, hash_problem, hash_table};
pub use json::Text;
pub use lines::{BadLine, Entries, LineClasses, LinesAndBytes, entries};
pub use outcome::{DeniedBy, EditError, Outcome};
#[cfg(feature = "frames")]
pub use polars;
pub use prices::{Cost, PICODOLLARS, Price, PriceOverride, Prices, Terms};
pub use query::{Pattern, Query};
pub use report::{Answer, Question, RangeLabel, Report, ReportName, ReportOptions, Section, Totals};
pub use scan::{Progress, ScanOptions};
pub use simd::Level;
#[cfg(feature = "store")]
pub use store::{Forget, HistoryError, Import, Imported, Needs, Status, Store, StoreError, Verified};
pub use table::{Column, Direction, Kind, Table, Value};
pub use tally::{Calls, ProjectTally, Spending, Tally};
pub use time::{BLOCK_MS, Bounds, Calendar, Instants, Range};
pub use untrusted::{Shown, Untrusted, is_dangerous};
pub use usage::Tokens;
pub use wording::{counted, grouped, money};
