//! Reports about behaviour as sections, totals and advice.

use crate::behaviour::cost::ResultCosts;
use crate::behaviour::{audit, context, failures, hotspots, prompts, reads};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::report::{Listing, ReportName, Section};
use crate::table::{Column, Kind, Table, Value};

/// The most rows of a signal in the summary.
const SIGNAL_ROWS: usize = 3;

/// What a report about behaviour gives.
pub(super) struct Findings {
    pub(super) sections: Vec<Section>,
    pub(super) totals: Table,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

/// A report about behaviour; `None` for all others.
pub(super) fn findings(
    name: ReportName,
    dataset: &Dataset,
    query: &Query,
    prices: &Prices,
    listing: &Listing,
) -> Result<Option<Findings>, Error> {
    let found = |table: Table, totals: Table, advice| Findings { sections: vec![Section { key: "rows", table }], totals, advice };
    Ok(Some(match name {
        ReportName::Reads => {
            let rows = reads::rows(dataset, &Selection::new(dataset, query)?);
            let costs = ResultCosts::new(dataset, prices);
            let table = reads::table(dataset, &rows, Some(&costs));
            found(table, reads::totals(&rows, Some(&costs)), reads::advice(&rows))
        }
        ReportName::Failures => {
            let failures = failures::failures(dataset, query)?;
            let table = failures.table();
            let totals = sums(&table, &["sessions", "days", "last_exit_code"]);
            let mut findings = found(table, totals, failures.advice());
            findings.sections.push(Section { key: "hidden", table: failures.hidden_table() });
            findings
        }
        ReportName::Hotspots => {
            let rows = hotspots::hotspots(dataset, query)?;
            let table = hotspots::table(&rows);
            let totals = sums(&table, &["sessions", "days"]);
            found(table, totals, hotspots::advice(&rows))
        }
        ReportName::Audit => {
            let leaks = listing.leaks.as_ref().map_or(&[][..], |leaks| &leaks.leaks);
            let events = audit::events(dataset, query, &listing.allowed_hosts, leaks)?;
            let mut totals = Table::new(&[("events", Kind::Count)]);
            totals.rows.push(vec![Value::from(events.len() as u64)]);
            found(audit::table(dataset, &events, &query.calendar), totals, audit::advice(&events))
        }
        ReportName::Prompts => {
            let rows = prompts::rows(dataset, query)?;
            found(prompts::table(&rows), prompts::totals(&rows), prompts::advice(&rows))
        }
        ReportName::Context => {
            let rows = context::rows(dataset, query, prices)?;
            found(context::table(dataset, &rows), context::totals(&rows), context::advice(&rows))
        }
        _ => return Ok(None),
    }))
}

/// Adds to the rows of tools what their results cost.
pub(super) fn add_result_costs(table: &mut Table, dataset: &Dataset, query: &Query, prices: &Prices) -> Result<(), Error> {
    let costs = ResultCosts::new(dataset, prices);
    let selection = Selection::new(dataset, query)?;
    let by_tool = costs.by(selection.calls().map(|(call, _)| (dataset.symbols().name(call.tool), call.key)));
    let columns = [("result_tokens", Kind::Tokens), ("result_cost", Kind::Money), ("result_basis", Kind::Text)];
    table.columns.extend(columns.map(|(name, kind)| Column { name, kind, is_detail: name == "result_basis" }));
    for row in &mut table.rows {
        let tool = match &row[0] {
            Value::Text(tool) => tool.raw(),
            _ => "",
        };
        let cost = by_tool.get(tool);
        row.push(cost.map_or(Value::None, |cost| cost.tokens.into()));
        row.push(cost.and_then(|cost| cost.cost_picodollars).into());
        row.push(cost.map_or(Value::None, |cost| Value::text(cost.basis.name())));
    }
    Ok(())
}

/// The three signals of the summary: the first rows of each.
pub(super) fn signals(dataset: &Dataset, query: &Query) -> Result<Vec<Section>, Error> {
    let selection = Selection::new(dataset, query)?;
    let repeated_reads = || reads::table(dataset, &reads::rows(dataset, &selection), None);
    let failing_commands = || failures::failing_commands(dataset, query);
    let hotspots = || hotspots::hotspots(dataset, query).map(|rows| hotspots::table(&rows));
    let (repeated_reads, (failing_commands, hotspots)) = rayon::join(repeated_reads, || rayon::join(failing_commands, hotspots));
    let top = |key, mut table: Table| {
        table.rows.truncate(SIGNAL_ROWS);
        Section { key, table }
    };
    Ok(vec![top("repeated_reads", repeated_reads), top("failing_commands", failing_commands?), top("hotspots", hotspots?)])
}

/// One row that adds up the counts of a table, but for those that overlap.
fn sums(table: &Table, overlapping: &[&str]) -> Table {
    let adds_up = |column: &Column| matches!(column.kind, Kind::Count | Kind::Tokens | Kind::Money) && !overlapping.contains(&column.name);
    let mut totals = Table::default();
    let mut row = Vec::new();
    for (index, column) in table.columns.iter().enumerate().filter(|(_, column)| adds_up(column)) {
        let numbers = table.rows.iter().map(|cells| match cells[index] {
            Value::Number(number) => number,
            _ => 0,
        });
        row.push(Value::Number(numbers.sum()));
        totals.columns.push(*column);
    }
    totals.rows.push(row);
    totals
}
