//! Named reports: plain tables with units, ready for any format.

mod grouped;
mod summary;

use chrono::NaiveDate;

use crate::dataset::{Accounting, Dataset};
use crate::error::Error;
use crate::prices::Prices;
use crate::query::Query;
use crate::table::{Direction, Table};
use crate::tally::Tally;
use crate::time::Bounds;

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
}

impl ReportName {
    /// The word that names it on the command line and in its schema.
    pub fn word(self) -> &'static str {
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
        }
    }

    /// The range that users mean when they name none.
    pub fn default_range(self) -> &'static str {
        match self {
            ReportName::Summary => "today",
            ReportName::Daily => "month",
            ReportName::Weekly | ReportName::Monthly => "all",
            ReportName::Sessions | ReportName::Projects | ReportName::Models | ReportName::Tools | ReportName::Agents => "week",
        }
    }
}

/// One report over one query.
#[derive(Clone, Debug)]
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
}

/// The range of a report, in words and days.
#[derive(Clone, Debug)]
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
}

/// How rows are ordered and how many are kept.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The column to sort by; each report has an order of its own.
    pub sort: Option<(String, Option<Direction>)>,
    /// The number of rows to keep in each table.
    pub top: Option<usize>,
}

impl Report {
    /// Makes a report over what a query selects.
    ///
    /// # Errors
    /// [`Error::Glob`] for a filter that is no glob, [`Error::Column`] when no
    /// table of the report has the column to sort by.
    pub fn new(name: ReportName, dataset: &Dataset, query: &Query, prices: &Prices, listing: &Listing) -> Result<Report, Error> {
        let tally = Tally::of(dataset, query, prices)?;
        let calls_only = query.keeps_calls_only();
        let rows = |table| vec![Section { key: "rows", table }];
        let (key, totals, mut sections) = match name {
            ReportName::Summary => ("summary", summary::totals(&tally, calls_only), summary::sections(&tally, calls_only)),
            ReportName::Tools => ("totals", summary::tool_totals(&tally), rows(summary::tools(&tally, true))),
            _ => ("totals", summary::list_totals(&tally, calls_only), rows(grouped::rows(name, dataset, query, prices)?)),
        };
        arrange(&mut sections, listing)?;
        Ok(Report {
            name,
            range: label(query),
            totals: Totals { key, table: totals },
            is_empty: tally.is_empty(),
            sections,
            accounting: dataset.accounting().clone(),
            notes: summary::notes(&tally, prices),
        })
    }
}

/// Sorts the tables that have the column, and cuts them.
fn arrange(sections: &mut [Section], listing: &Listing) -> Result<(), Error> {
    if let Some((column, direction)) = &listing.sort {
        let mut sorted = false;
        for section in sections.iter_mut().filter(|section| section.table.column(column).is_some()) {
            section.table.sort(column, *direction)?;
            sorted = true;
        }
        if !sorted && let Some(first) = sections.first_mut() {
            first.table.sort(column, *direction)?;
        }
    }
    if let Some(top) = listing.top {
        sections.iter_mut().for_each(|section| section.table.rows.truncate(top));
    }
    Ok(())
}

fn label(query: &Query) -> RangeLabel {
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    let (start, end) = match query.range.bounds {
        Bounds::Days(first, last) => (day(first), day(last)),
        Bounds::Instants(start, end) => (Some(query.calendar.instant(start)), Some(query.calendar.instant(end))),
    };
    RangeLabel { name: query.range.name.clone(), start, end, time_zone: query.calendar.zone.name().into() }
}
