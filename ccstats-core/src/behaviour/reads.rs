//! Files that were read again: which of the reads were needed, and which not.
//!
//! Every read falls in one [`Class`], by what its own agent had before it in the
//! same epoch. Whether a file changed in between is never known for sure: calls
//! that may have changed it count ([`changes`](super::changes)), and where both
//! results have a text, the texts decide.
//!
//! Subagents without an id (versions before 2.1) cannot be told apart: what one
//! of them read is never taken for read by another.

mod classify;

use rayon::prelude::*;

use self::classify::{Session, file_calls, sessions};
use crate::behaviour::calls;
use crate::behaviour::changes::SessionCommands;
use crate::behaviour::cost::{ResultCost, ResultCosts};
use crate::behaviour::epochs::Epochs;
use crate::dataset::Dataset;
use crate::dedup::Key;
use crate::query::Selection;
use crate::rows::Place;
use crate::table::{Kind, Table, Value};
use crate::wording::counted;

/// Why a file was read, as far as a transcript tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Nothing of the file was read before in the session.
    First,
    /// Lines that were not yet read.
    NewRange,
    /// The same lines again, and nothing between that could have changed them.
    RedundantExact,
    /// Lines inside those that were read; more may have been meant by it.
    RedundantCovered,
    /// The file may have changed since.
    AfterEdit,
    /// Read before by this agent, but not in this epoch.
    AfterCompaction,
    /// Read before, but only by other agents.
    OtherAgent,
    /// Claude Code answered that the file had not changed, and sent nothing.
    Stub,
}

impl Class {
    /// Every class, in the order of columns.
    const ALL: [Class; 8] = [
        Class::First,
        Class::NewRange,
        Class::RedundantExact,
        Class::RedundantCovered,
        Class::AfterEdit,
        Class::AfterCompaction,
        Class::OtherAgent,
        Class::Stub,
    ];

    /// Its name in reports.
    fn name(self) -> &'static str {
        match self {
            Class::First => "first",
            Class::NewRange => "new_range",
            Class::RedundantExact => "redundant_exact",
            Class::RedundantCovered => "redundant_covered",
            Class::AfterEdit => "after_edit",
            Class::AfterCompaction => "after_compaction",
            Class::OtherAgent => "other_agent",
            Class::Stub => "stub",
        }
    }
}

/// The reads of one file in one session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileReads {
    session: String,
    /// The canonical path.
    file: String,
    /// Reads by [`Class::ALL`].
    classes: [u64; Class::ALL.len()],
    /// Those of `redundant_exact` where both texts are there and equal.
    verified: u64,
    /// All reads, in order.
    reads: Vec<Read>,
}

/// One read of a row: its class, its call, and where that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Read {
    class: Class,
    call: Key,
    place: Place,
    /// How many files the call read: they share its cost.
    sharers: u32,
}

impl FileReads {
    fn with(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }
}

/// The files that were read three times or more in one session, or once too
/// often. Reads outside the selection are not counted, but what they gave is known.
pub(crate) fn rows(selection: &Selection, epochs: &Epochs) -> Vec<FileReads> {
    const MANY: usize = 3;
    let is_listed = |row: &FileReads| row.reads.len() >= MANY || row.with(Class::RedundantExact) > 0;
    let dataset = selection.dataset();
    let (sessions, agents) = sessions(selection);
    let listed = |numbers: Vec<u32>| {
        let calls = file_calls(selection, &numbers);
        let commands = SessionCommands::new(dataset, calls.iter().filter_map(|call| call.row.known_command()));
        Session::new(dataset, epochs, &calls, &agents, &commands).rows().into_iter().filter(is_listed)
    };
    let mut rows: Vec<FileReads> = sessions.into_par_iter().flat_map_iter(listed).collect();
    rows.sort_by(|a, b| {
        let rank = |row: &FileReads| (row.with(Class::RedundantExact), row.reads.len());
        rank(b).cmp(&rank(a)).then_with(|| (&a.session, &a.file).cmp(&(&b.session, &b.file)))
    });
    rows
}

const NAMES: [(&str, Kind); 2] = [("session", Kind::Phrase), ("file", Kind::Text)];

/// What `redundant_exact` reads cost.
const COSTS: [(&str, Kind); 3] = [("redundant_tokens", Kind::Tokens), ("redundant_cost", Kind::Money), ("redundant_basis", Kind::Text)];

fn counts() -> Vec<(&'static str, Kind)> {
    let classes = Class::ALL.map(|class| (class.name(), Kind::Count));
    [&[("reads", Kind::Count)], &classes[..], &[("verified", Kind::Count)]].concat()
}

const DETAILS: [&str; 11] = [
    "first",
    "new_range",
    "redundant_covered",
    "after_edit",
    "after_compaction",
    "other_agent",
    "stub",
    "verified",
    "redundant_tokens",
    "redundant_basis",
    "examples",
];

/// The report.
pub(crate) fn table(dataset: &Dataset, rows: &[FileReads], costs: &ResultCosts) -> Table {
    let mut table = Table::new(&[&NAMES, &counts()[..], &COSTS, &[("examples", Kind::Text)]].concat()).details(&DETAILS);
    for row in rows {
        let one = std::slice::from_ref(row);
        table.push([name_cells(row), count_cells(one), cost_cells(one, costs).into(), vec![examples(dataset, row)]].concat());
    }
    table
}

/// The rows as the summary has them: what takes long to work out is left out.
pub(crate) fn brief_table(rows: &[FileReads]) -> Table {
    let mut table = Table::new(&[&NAMES, &counts()[..]].concat()).details(&DETAILS);
    table.extend(rows.iter().map(|row| [name_cells(row), count_cells(std::slice::from_ref(row))].concat()));
    table
}

/// One row: the sums of all rows.
pub(crate) fn totals(rows: &[FileReads], costs: &ResultCosts) -> Table {
    let mut table = Table::new(&[&[("files", Kind::Count)], &counts()[..], &COSTS].concat()).details(&DETAILS);
    table.push([vec![Value::from(rows.len() as u64)], count_cells(rows), cost_cells(rows, costs).into()].concat());
    table
}

/// The cells under [`NAMES`].
fn name_cells(row: &FileReads) -> Vec<Value> {
    vec![Value::text(&row.session), Value::text(&row.file)]
}

/// The cells under [`counts`].
fn count_cells(rows: &[FileReads]) -> Vec<Value> {
    let mut cells = vec![Value::from(rows.iter().map(|row| row.reads.len() as u64).sum::<u64>())];
    cells.extend(Class::ALL.map(|class| Value::from(rows.iter().map(|row| row.with(class)).sum::<u64>())));
    cells.push(rows.iter().map(|row| row.verified).sum::<u64>().into());
    cells
}

/// The cells under [`COSTS`].
fn cost_cells(rows: &[FileReads], costs: &ResultCosts) -> [Value; COSTS.len()] {
    if rows.iter().all(|row| row.with(Class::RedundantExact) == 0) {
        return [0_u64.into(), 0_u64.into(), Value::None];
    }
    let cost = redundant_cost(rows, costs);
    [cost.tokens.into(), cost.cost_picodollars.into(), Value::text(cost.basis.name())]
}

/// What the reads cost that were not needed; commands that read several files
/// share their cost among them.
fn redundant_cost(rows: &[FileReads], costs: &ResultCosts) -> ResultCost {
    let reads = rows.iter().flat_map(|row| &row.reads).filter(|read| read.class == Class::RedundantExact);
    let cost = |read: &Read| costs.of(read.call).map(|cost| cost.shared_by(read.sharers));
    reads.filter_map(cost).fold(ResultCost::NONE, ResultCost::plus)
}

/// What to do about the rows.
pub(crate) fn advice(rows: &[FileReads]) -> Option<String> {
    let unneeded: Vec<u64> = rows.iter().map(|row| row.with(Class::RedundantExact)).filter(|times| *times > 0).collect();
    let (files, times) = (unneeded.len() as u64, unneeded.iter().sum());
    if files == 0 {
        return None;
    }
    let were = if files == 1 { "was" } else { "were" };
    let (files, times) = (counted(files, "file"), counted(times, "time"));
    Some(format!(
        "{files} {were} read again unchanged {times}: what it is asked for often belongs into CLAUDE.md, or into one read of the whole file"
    ))
}

/// Where the reads stand that were not needed, else all of them.
fn examples(dataset: &Dataset, row: &FileReads) -> Value {
    const MOST: usize = 10;
    let of = |class| row.reads.iter().filter(move |read| read.class == class);
    let mut reads: Vec<&Read> = of(Class::RedundantExact).chain(of(Class::RedundantCovered)).collect();
    if reads.is_empty() {
        reads = row.reads.iter().collect();
    }
    let examples: Vec<String> = reads.iter().take(MOST).map(|read| calls::evidence(dataset, &row.session, read.place)).collect();
    calls::list(&examples)
}

#[cfg(test)]
mod tests;
