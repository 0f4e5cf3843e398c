//! Reports about behaviour as sections, totals and advice.

use rustc_hash::FxHashMap;

use crate::behaviour::cost::ResultCosts;
use crate::behaviour::epochs::Epochs;
use crate::behaviour::tools::CallsBy;
use crate::behaviour::{audit, context, failures, hotspots, prompts, reads, tools};
use crate::prices::Prices;
use crate::query::Selection;
use crate::report::{Contents, ReportOptions, Section, Totals};
use crate::reread::ErrorLine;
use crate::table::{Column, Kind, Table, Value};

fn list(table: Table, totals: Table, advice: Option<String>) -> Contents {
    let totals = Totals { key: "totals", table: totals };
    Contents { sections: vec![Section::new("rows", table)], totals, notes: Vec::new(), advice, last_errors: Vec::new() }
}

pub(super) fn tools(selection: &Selection, prices: &Prices, calls_by: CallsBy) -> Contents {
    let dataset = selection.dataset();
    let costs = ResultCosts::new(dataset, &Epochs::new(dataset), prices);
    let uses = tools::uses(selection, &costs, calls_by);
    list(tools::table(calls_by, &uses), tools::totals(&uses), None)
}

pub(super) fn reads(selection: &Selection, prices: &Prices) -> Contents {
    let dataset = selection.dataset();
    let epochs = Epochs::new(dataset);
    let rows = reads::rows(selection, &epochs);
    let costs = ResultCosts::new(dataset, &epochs, prices);
    list(reads::table(dataset, &rows, &costs), reads::totals(&rows, &costs), reads::advice(&rows))
}

pub(super) fn failures(selection: &Selection) -> Contents {
    let failures = failures::failures(selection);
    let table = failures.table();
    let totals = sums(&table, &["sessions", "days", "last_exit_code"]);
    let mut contents = list(table, totals, failures.advice());
    contents.sections.push(Section::new("hidden", failures.hidden_table()));
    contents
}

pub(super) fn hotspots(selection: &Selection) -> Contents {
    let rows = hotspots::hotspots(selection);
    let table = hotspots::table(selection.dataset(), &rows);
    let totals = sums(&table, &["sessions", "days"]);
    list(table, totals, hotspots::advice(&rows))
}

pub(super) fn audit(selection: &Selection, options: &ReportOptions) -> Contents {
    let leaks = options.leaks.as_ref().map_or(&[][..], |leaks| &leaks.leaks);
    let events = audit::events(selection, &options.allowed_hosts, leaks);
    let mut totals = Table::new(&[("events", Kind::Count)]);
    totals.push(vec![Value::from(events.len() as u64)]);
    list(audit::table(selection.dataset(), &events, selection.calendar()), totals, audit::advice(&events))
}

pub(super) fn prompts(selection: &Selection) -> Contents {
    let rows = prompts::rows(selection);
    list(prompts::table(&rows), prompts::totals(&rows), prompts::advice(&rows))
}

pub(super) fn context(selection: &Selection, prices: &Prices) -> Contents {
    let rows = context::rows(selection, prices);
    list(context::table(selection.dataset(), &rows), context::totals(&rows), context::advice(&rows))
}

/// Adds to the rows of agents what their answers cost those who started them.
pub(super) fn add_answer_costs(table: &mut Table, selection: &Selection, prices: &Prices) {
    let dataset = selection.dataset();
    let costs = ResultCosts::new(dataset, &Epochs::new(dataset), prices);
    let by_kind: FxHashMap<_, _> = tools::uses(selection, &costs, CallsBy::Agent).into_iter().collect();
    let columns = [("result_tokens", Kind::Tokens), ("result_cost", Kind::Money)];
    let columns = columns.map(|(name, kind)| Column { name, kind, is_detail: true });
    table.insert_columns(table.columns.len(), columns, |row| {
        let cost = row[0].as_text().and_then(|kind| by_kind.get(kind)).map(|uses| uses.cost);
        [cost.map_or(Value::None, |cost| cost.tokens.into()), cost.and_then(|cost| cost.cost_picodollars).into()]
    });
}

/// The section of a summary about commands that failed.
pub(super) const FAILING_COMMANDS: &str = "failing_commands";

/// The three signals of the summary: all rows, without the lines behind them.
pub(super) struct Signals {
    pub(super) sections: Vec<Section>,
    /// To be filled in to the rows of [`FAILING_COMMANDS`].
    pub(super) last_errors: Vec<Option<ErrorLine>>,
}

pub(super) fn signals(selection: &Selection) -> Signals {
    let repeated_reads = || reads::brief_table(&reads::rows(selection, &Epochs::new(selection.dataset())));
    let failing_commands = || failures::failing_commands(selection);
    let hotspots = || hotspots::brief_table(&hotspots::hotspots(selection));
    let (repeated_reads, (failing_commands, hotspots)) = rayon::join(repeated_reads, || rayon::join(failing_commands, hotspots));
    let (failing_commands, last_errors) = failing_commands;
    let sections = [("repeated_reads", repeated_reads), (FAILING_COMMANDS, failing_commands), ("hotspots", hotspots)];
    Signals { sections: sections.map(|(key, table)| Section::new(key, table)).into(), last_errors }
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
    totals.push(row);
    totals
}
