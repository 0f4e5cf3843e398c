//! Reports about behaviour as sections, totals and advice.

use rustc_hash::FxHashMap;

use crate::behaviour::cost::ResultCosts;
use crate::behaviour::epochs::Epochs;
use crate::behaviour::tools::CallsBy;
use crate::behaviour::{audit, context, failures, hotspots, prompts, reads, tools};
use crate::dataset::Dataset;
use crate::error::Error;
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::report::{Contents, Listing, ReportName, Section, Totals};
use crate::table::{Column, Kind, Table, Value};

/// A report about behaviour; `None` for all others.
pub(super) fn findings(
    name: ReportName,
    dataset: &Dataset,
    query: &Query,
    prices: &Prices,
    listing: &Listing,
) -> Result<Option<Contents>, Error> {
    let found = |table: Table, totals: Table, advice| {
        let totals = Totals { key: "totals", table: totals };
        Contents { sections: vec![Section { key: "rows", table }], totals, notes: Vec::new(), advice }
    };
    Ok(Some(match name {
        ReportName::Tools => {
            let costs = ResultCosts::new(dataset, &Epochs::new(dataset), prices);
            let uses = tools::uses(dataset, &Selection::new(dataset, query)?, &costs, listing.calls_by);
            found(tools::table(listing.calls_by, &uses), tools::totals(&uses), None)
        }
        ReportName::Reads => {
            let epochs = Epochs::new(dataset);
            let rows = reads::rows(dataset, &epochs, &Selection::new(dataset, query)?);
            let costs = ResultCosts::new(dataset, &epochs, prices);
            let table = reads::table(dataset, &rows, &costs);
            found(table, reads::totals(&rows, &costs), reads::advice(&rows))
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
            let rows = hotspots::hotspots(dataset, query, true)?;
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

/// Adds to the rows of agents what their answers cost those who started them.
pub(super) fn add_answer_costs(table: &mut Table, dataset: &Dataset, selection: &Selection, prices: &Prices) {
    let costs = ResultCosts::new(dataset, &Epochs::new(dataset), prices);
    let by_kind: FxHashMap<_, _> = tools::uses(dataset, selection, &costs, CallsBy::Agent).into_iter().collect();
    let columns = [("result_tokens", Kind::Tokens), ("result_cost", Kind::Money)];
    table.columns.extend(columns.map(|(name, kind)| Column { name, kind, is_detail: true }));
    for row in &mut table.rows {
        let cost = row[0].as_text().and_then(|kind| by_kind.get(kind)).map(|uses| uses.cost);
        row.push(cost.map_or(Value::None, |cost| cost.tokens.into()));
        row.push(cost.and_then(|cost| cost.cost_picodollars).into());
    }
}

/// The three signals of the summary: all rows, without the lines behind them.
pub(super) fn signals(dataset: &Dataset, query: &Query) -> Result<Vec<Section>, Error> {
    let selection = Selection::new(dataset, query)?;
    let repeated_reads = || reads::brief_table(&reads::rows(dataset, &Epochs::new(dataset), &selection));
    let failing_commands = || failures::failing_commands(dataset, query);
    let hotspots = || hotspots::hotspots(dataset, query, false).map(|rows| hotspots::brief_table(&rows));
    let (repeated_reads, (failing_commands, hotspots)) = rayon::join(repeated_reads, || rayon::join(failing_commands, hotspots));
    let sections = [("repeated_reads", repeated_reads), ("failing_commands", failing_commands?), ("hotspots", hotspots?)];
    Ok(sections.map(|(key, table)| Section { key, table }).into())
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
