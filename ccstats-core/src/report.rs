//! Named reports: plain tables with units, ready for any format.

mod answer;
mod behaviour;
mod blocks;
#[cfg(feature = "frames")]
mod grouped;
mod summary;

use chrono::NaiveDate;

pub use answer::{Answer, Question};

use crate::behaviour::secrets::Leaks;
use crate::behaviour::sessions;
use crate::behaviour::tools::CallsBy;
use crate::dataset::{Accounting, Dataset};
use crate::error::Error;
use crate::hashing::{HashKey, hash_problem, hash_table};
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::reread::ErrorLine;
#[cfg(feature = "store")]
use crate::store::Needs;
use crate::table::{Direction, Kind, Table};
use crate::tally::Tally;
use crate::time::Bounds;
#[cfg(feature = "store")]
use crate::time::{BLOCK_MS, Instants};

/// The reports that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ReportName {
    /// The whole range: totals, models, tools, projects, and signals.
    Summary,
    /// One row per civil day.
    Daily,
    /// One row per week.
    Weekly,
    /// One row per month.
    Monthly,
    /// One row per session.
    Sessions,
    /// One row per project.
    Projects,
    /// One row per model.
    Models,
    /// One row per tool.
    Tools,
    /// One row per kind of agent.
    Agents,
    /// Repeated reads: one row per session and file.
    Reads,
    /// Failing commands: one row per normalised command.
    Failures,
    /// One row per edited file.
    Hotspots,
    /// One row per event that may be risky.
    Audit,
    /// Signs of frustration in prompts: one row per day.
    Prompts,
    /// One row per session: compactions, cache rebuilds, largest context.
    Context,
    /// One row per five-hour window.
    Blocks,
}

impl ReportName {
    /// The word that names it on the command line and in its schema.
    pub fn name(self) -> &'static str {
        match self {
            ReportName::Summary => "summary",
            ReportName::Daily => "daily",
            ReportName::Weekly => "weekly",
            ReportName::Monthly => "monthly",
            ReportName::Sessions => "sessions",
            ReportName::Projects => "projects",
            ReportName::Models => "models",
            ReportName::Tools => "tools",
            ReportName::Agents => "agents",
            ReportName::Reads => "reads",
            ReportName::Failures => "failures",
            ReportName::Hotspots => "hotspots",
            ReportName::Audit => "audit",
            ReportName::Prompts => "prompts",
            ReportName::Context => "context",
            ReportName::Blocks => "blocks",
        }
    }

    /// The range that users mean when they name none.
    pub fn default_range(self) -> &'static str {
        match self {
            ReportName::Summary | ReportName::Blocks | ReportName::Audit => "today",
            ReportName::Daily | ReportName::Prompts => "month",
            ReportName::Weekly | ReportName::Monthly => "all",
            _ => "week",
        }
    }

    /// Whether its rows are in the order of time, the latest last.
    fn is_chronological(self) -> bool {
        matches!(self, ReportName::Daily | ReportName::Weekly | ReportName::Monthly | ReportName::Prompts | ReportName::Blocks)
    }
}

#[cfg(feature = "store")]
impl ReportName {
    /// What a load from a store must hold for the report to be that of a load of
    /// everything.
    pub fn needs(self, query: &Query) -> Needs {
        let Instants { start_ms, end_ms } = query.range.instants(&query.calendar);
        let is_blocks = self == ReportName::Blocks;
        Needs {
            text: matches!(self, ReportName::Sessions | ReportName::Failures | ReportName::Audit),
            titles: self == ReportName::Sessions,
            known_agents: !matches!(self, ReportName::Agents | ReportName::Audit | ReportName::Tools),
            five_hour_blocks: is_blocks,
            start_ms,
            // A block that starts in the range counts as a whole.
            end_ms: end_ms.map(|end| if is_blocks { end.saturating_add(BLOCK_MS) } else { end }),
            ..Needs::default()
        }
    }
}

/// One report over one query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Which report.
    pub name: ReportName,
    /// The range that it covers.
    pub range: RangeLabel,
    /// Totals of the whole range: one row.
    pub totals: Totals,
    /// The tables, in order.
    pub sections: Vec<Section>,
    /// What was read, and what was skipped and why.
    pub accounting: Accounting,
    /// Whether the query selects nothing at all.
    pub is_empty: bool,
    /// What a reader must know about the figures; fit to be shown.
    pub notes: Vec<String>,
    /// What to do about the rows; fit to be shown.
    pub advice: Option<String>,
}

/// The range of a report, in words and days.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RangeLabel {
    /// As the user wrote it.
    pub name: String,
    /// The first day or instant; `None` is open.
    pub start: Option<String>,
    /// The last day, or the instant before which it ends; `None` is open.
    pub end: Option<String>,
    /// The zone of its days.
    pub time_zone: String,
}

/// The totals of a report, and the key they go by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Totals {
    /// `summary` or `totals`.
    pub key: &'static str,
    /// One row.
    pub table: Table,
}

/// One table of a report.
#[derive(Clone, Debug)]
pub struct Section {
    /// The key that it goes by: `rows`, or a word of the summary.
    pub key: &'static str,
    /// Its rows.
    pub table: Table,
    /// Whether its rows are in the order of the time that each begins with, the latest last.
    pub is_chronological: bool,
}

impl Section {
    /// A table in an order of its own.
    pub fn new(key: &'static str, table: Table) -> Section {
        Section { key, table, is_chronological: false }
    }
}

/// What a report is told beside the query. It ignores what it has no use for.
#[derive(Clone, Debug, Default)]
pub struct ReportOptions {
    /// The column to sort by; each report has an order of its own.
    pub sort: Option<(String, Option<Direction>)>,
    /// The number of rows to keep in each table: the first, or without `sort` the latest of
    /// those in the order of time.
    pub top: Option<usize>,
    /// What `tools` counts calls by.
    pub calls_by: CallsBy,
    /// Hosts that the audit takes for granted: `a.b` itself, `*.a.b` what is below it.
    pub allowed_hosts: Vec<String>,
    /// Secrets in transcripts, for the audit; see [`Leaks::of`].
    pub leaks: Option<Leaks>,
    /// Now, in milliseconds since 1970: the block that holds it is active. With `None` no block
    /// is, and pace and projection are not known.
    pub now_ms: Option<i64>,
}

impl Report {
    /// Makes a report over what a query selects.
    ///
    /// # Errors
    /// [`Error::Glob`] for a filter that is no glob, [`Error::Column`] when no
    /// table of the report has the column to sort by, [`Error::WithoutFrames`] when it needs the
    /// feature `frames` and the crate was built without.
    pub fn new(name: ReportName, dataset: &Dataset, query: &Query, prices: &Prices, options: &ReportOptions) -> Result<Report, Error> {
        let question = Question { name, query, prices, options };
        question.report(question.answer(dataset)?)
    }

    /// The table of a report that is one list; `None` for the summary.
    pub fn rows(&self) -> Option<&Table> {
        self.sections.first().filter(|section| section.key == "rows").map(|section| &section.table)
    }

    /// The report with names replaced by keyed hashes and free text left out.
    pub fn hashed(mut self, key: &HashKey) -> Report {
        hash_table(&mut self.totals.table, key);
        self.sections.iter_mut().for_each(|section| hash_table(&mut section.table, key));
        self.accounting.problems.iter_mut().for_each(|problem| hash_problem(problem, key));
        self.advice = None;
        self
    }
}

/// What is in a report.
#[derive(Clone, Debug)]
struct Contents {
    sections: Vec<Section>,
    totals: Totals,
    notes: Vec<String>,
    advice: Option<String>,
    /// The last errors of the failing commands in a summary, by their rows.
    last_errors: Vec<Option<ErrorLine>>,
}

fn contents(name: ReportName, selection: &Selection, prices: &Prices, options: &ReportOptions) -> Result<Contents, Error> {
    let grouped = |by| summed(selection, prices, || grouped::rows(by, selection, prices));
    Ok(match name {
        ReportName::Summary => summary(selection, prices),
        ReportName::Daily => grouped(GroupBy::Day)?,
        ReportName::Weekly => grouped(GroupBy::Week)?,
        ReportName::Monthly => grouped(GroupBy::Month)?,
        ReportName::Sessions => summed(selection, prices, || sessions_table(selection, prices))?,
        ReportName::Projects => grouped(GroupBy::Project)?,
        ReportName::Models => grouped(GroupBy::Model)?,
        ReportName::Tools => behaviour::tools(selection, prices, options.calls_by),
        ReportName::Agents => summed(selection, prices, || agents_table(selection, prices))?,
        ReportName::Reads => behaviour::reads(selection, prices),
        ReportName::Failures => behaviour::failures(selection),
        ReportName::Hotspots => behaviour::hotspots(selection),
        ReportName::Audit => behaviour::audit(selection, options),
        ReportName::Prompts => behaviour::prompts(selection),
        ReportName::Context => behaviour::context(selection, prices),
        ReportName::Blocks => summed(selection, prices, || Ok(blocks::table(selection, prices, options.now_ms)))?,
    })
}

fn summary(selection: &Selection, prices: &Prices) -> Contents {
    let (tally, signals) = rayon::join(|| Tally::of_selection(selection, prices), || behaviour::signals(selection));
    let totals = Totals { key: "summary", table: summary::totals(&tally, selection) };
    let sections = [summary::sections(&tally, selection), signals.sections].concat();
    let notes = notes(&tally, selection, prices);
    Contents { sections, totals, notes, advice: None, last_errors: signals.last_errors }
}

/// A list of sums, with those of the whole range above it.
fn summed(selection: &Selection, prices: &Prices, table: impl FnOnce() -> Result<Table, Error> + Send) -> Result<Contents, Error> {
    let (tally, table) = rayon::join(|| Tally::of_selection(selection, prices), table);
    let totals = Totals { key: "totals", table: summary::list_totals(&tally, selection) };
    let sections = vec![Section::new("rows", table?)];
    let notes = notes(&tally, selection, prices);
    Ok(Contents { sections, totals, notes, advice: None, last_errors: Vec::new() })
}

/// Of calls alone no cost is told.
fn notes(tally: &Tally, selection: &Selection, prices: &Prices) -> Vec<String> {
    if selection.keeps_calls_only() { Vec::new() } else { summary::notes(tally, prices) }
}

fn sessions_table(selection: &Selection, prices: &Prices) -> Result<Table, Error> {
    let mut table = grouped::rows(GroupBy::Session, selection, prices)?.details(&["calls", "tokens.output"]);
    sessions::extend(&mut table, selection);
    Ok(table)
}

fn agents_table(selection: &Selection, prices: &Prices) -> Result<Table, Error> {
    let mut table = grouped::rows(GroupBy::Agent, selection, prices)?.details(&["sessions", "prompts", "tokens.output"]);
    behaviour::add_answer_costs(&mut table, selection, prices);
    Ok(table)
}

/// What the rows of a report are sums over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum GroupBy {
    Day,
    Week,
    Month,
    Session,
    Project,
    Model,
    /// The kind of agent.
    Agent,
}

/// Without polars there is nothing to group with.
#[cfg(not(feature = "frames"))]
mod grouped {
    use super::*;

    pub(super) fn rows(by: GroupBy, _: &Selection, _: &Prices) -> Result<Table, Error> {
        let report = match by {
            GroupBy::Day => ReportName::Daily,
            GroupBy::Week => ReportName::Weekly,
            GroupBy::Month => ReportName::Monthly,
            GroupBy::Session => ReportName::Sessions,
            GroupBy::Project => ReportName::Projects,
            GroupBy::Model => ReportName::Models,
            GroupBy::Agent => ReportName::Agents,
        };
        Err(Error::WithoutFrames { report: report.name() })
    }
}

/// Sorts the tables that have the column, says which are in the order of time, and cuts them.
fn arrange(sections: &mut [Section], name: ReportName, options: &ReportOptions) -> Result<(), Error> {
    for section in sections.iter_mut() {
        section.is_chronological = is_chronological(&section.table, name, options);
    }
    if let Some((column, direction)) = &options.sort {
        let mut sorted = false;
        for section in sections.iter_mut().filter(|section| section.table.column(column).is_some()) {
            section.table.sort(column, *direction)?;
            sorted = true;
        }
        if !sorted && let Some(first) = sections.first_mut() {
            first.table.sort(column, *direction)?;
        }
    }
    if let Some(top) = options.top {
        for section in sections {
            let rows = &mut section.table.rows;
            // Who sorts gets the first rows, whatever the order is.
            let keeps_latest = section.is_chronological && options.sort.is_none();
            let n_earlier = if keeps_latest { rows.len().saturating_sub(top) } else { 0 };
            rows.drain(..n_earlier);
            rows.truncate(top);
        }
    }
    Ok(())
}

/// Whether the rows of a table are in the order of the time that each begins with: by themselves,
/// or sorted so.
fn is_chronological(table: &Table, name: ReportName, options: &ReportOptions) -> bool {
    let Some((column, direction)) = &options.sort else { return name.is_chronological() };
    let begins_with_time =
        table.columns.first().is_some_and(|first| first.name == column && matches!(first.kind, Kind::Day | Kind::Instant));
    begins_with_time && *direction != Some(Direction::Descending)
}

fn label(query: &Query) -> RangeLabel {
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    let (start, end) = match query.range.bounds {
        Bounds::Days(first, last) => (day(first), day(last)),
        Bounds::Instants(start, end) => (Some(query.calendar.instant(start)), Some(query.calendar.instant(end))),
    };
    RangeLabel { name: query.range.name.clone(), start, end, time_zone: query.calendar.zone.name().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Value;

    #[test]
    fn what_is_sorted_by_its_time_is_in_the_order_of_time() {
        let is_chronological = |name, sort: Option<(&str, Direction)>| {
            let mut table = Table::new(&[("day", Kind::Day), ("edits", Kind::Count)]);
            table.push(vec![Value::text("2026-11-03"), Value::Number(1)]);
            let sort = sort.map(|(column, direction)| (column.to_string(), Some(direction)));
            let mut sections = [Section::new("rows", table)];
            arrange(&mut sections, name, &ReportOptions { sort, ..ReportOptions::default() }).expect("known");
            sections[0].is_chronological
        };
        assert!(is_chronological(ReportName::Prompts, None));
        assert!(!is_chronological(ReportName::Audit, None));
        assert!(is_chronological(ReportName::Audit, Some(("day", Direction::Ascending))));
        assert!(!is_chronological(ReportName::Prompts, Some(("day", Direction::Descending))));
        assert!(!is_chronological(ReportName::Prompts, Some(("edits", Direction::Ascending))));
    }

    #[cfg(not(feature = "frames"))]
    #[test]
    fn a_report_that_groups_says_which_feature_it_needs() {
        for name in [ReportName::Daily, ReportName::Sessions, ReportName::Agents] {
            let report = Report::new(name, &crate::testing::dataset(&[]), &Query::all(), Prices::builtin(), &ReportOptions::default());
            let needs = format!("`{}` needs the feature `frames`: build ccstats-core with it", name.name());
            assert_eq!(report.expect_err("there is none").to_string(), needs);
        }
    }
}
