//! The totals of every report, and the tables of the summary.

use crate::outcome::Outcome;
use crate::prices::Prices;
use crate::query::Selection;
use crate::report::Section;
use crate::table::{Kind, Table, Value};
use crate::tally::{Spending, Tally};
use crate::untrusted::{Shown, Untrusted};
use crate::wording::counted;

/// The columns of spending, under the name of what is spent.
pub(super) const SPENDING: [(&str, Kind); 8] = [
    ("messages", Kind::Count),
    ("tokens.input", Kind::Tokens),
    ("tokens.output", Kind::Tokens),
    ("tokens.cache_write_5m", Kind::Tokens),
    ("tokens.cache_write_1h", Kind::Tokens),
    ("tokens.cache_read", Kind::Tokens),
    ("tokens.total", Kind::Tokens),
    ("cost", Kind::Money),
];

/// The columns of [`SPENDING`] that only a wide screen has room for.
pub(super) const DETAILS: [&str; 6] =
    ["tokens.input", "tokens.cache_write_5m", "tokens.cache_write_1h", "tokens.cache_read", "unpriced_messages", "not_final_messages"];

/// One row: everything that the range adds up to. Of calls alone, spending is
/// not known.
pub(super) fn totals(tally: &Tally, selection: &Selection) -> Table {
    let spending = &tally.spending;
    let cost = selection.of_messages(spending.total_cost()).flatten();
    let known = |number: u128| Value::from(selection.of_messages(number));
    let part = |number: u128| Value::from(cost.map(|_| number));
    let unpriced = tally.models.iter().filter(|(_, spending)| spending.unpriced_messages > 0);
    let projects = projects_with_something(tally, selection);
    let cells = [
        ("total_operations", Kind::Count, tally.calls.into()),
        ("messages", Kind::Count, known(spending.messages.into())),
        ("sessions", Kind::Count, tally.sessions.into()),
        ("projects", Kind::Count, projects.into()),
        ("prompts", Kind::Count, tally.prompts.into()),
        ("tokens.input", Kind::Tokens, known(spending.input)),
        ("tokens.output", Kind::Tokens, known(spending.output)),
        ("tokens.cache_write_5m", Kind::Tokens, known(spending.cache_write_5m)),
        ("tokens.cache_write_1h", Kind::Tokens, known(spending.cache_write_1h)),
        ("tokens.cache_read", Kind::Tokens, known(spending.cache_read)),
        ("tokens.total", Kind::Tokens, known(spending.tokens())),
        ("estimated_cost.input", Kind::Money, part(spending.cost.input)),
        ("estimated_cost.output", Kind::Money, part(spending.cost.output)),
        ("estimated_cost.cache_write", Kind::Money, part(spending.cost.cache_write)),
        ("estimated_cost.cache_read", Kind::Money, part(spending.cost.cache_read)),
        ("estimated_cost.web_search", Kind::Money, part(spending.cost.web_search)),
        ("estimated_cost.total", Kind::Money, cost.into()),
        ("estimated_cost.currency", Kind::Text, Value::text("USD")),
        ("unpriced_messages", Kind::Count, spending.unpriced_messages.into()),
        ("unpriced_models", Kind::Text, Value::List(unpriced.map(|(model, _)| Untrusted::new(model)).collect())),
        ("not_final_messages", Kind::Count, spending.not_final_messages.into()),
        ("api_errors", Kind::Count, tally.api_errors.into()),
        ("lines_added", Kind::Count, tally.lines_added.into()),
        ("lines_removed", Kind::Count, tally.lines_removed.into()),
    ];
    let mut table = Table::new(&cells.each_ref().map(|(name, kind, _)| (*name, *kind)));
    table.push(cells.into_iter().map(|(_, _, value)| value).collect());
    table
}

/// A call alone makes no project; where only calls are asked for it does.
fn projects_with_something(tally: &Tally, selection: &Selection) -> u64 {
    if selection.keeps_calls_only() { tally.projects.len() as u64 } else { tally.projects_with_messages }
}

/// The tables of the summary.
pub(super) fn sections(tally: &Tally, selection: &Selection) -> Vec<Section> {
    vec![
        Section::new("models", models(tally)),
        Section::new("tools", tools(tally)),
        Section::new("projects", projects(tally, selection)),
        Section::new("top_files", files(tally)),
    ]
}

fn models(tally: &Tally) -> Table {
    let mut table = Table::new(&[&[("model", Kind::Text)], &SPENDING[..]].concat()).details(&DETAILS);
    for (model, spending) in &tally.models {
        table.push([vec![Value::text(model)], spending_cells(Some(spending))].concat());
    }
    table
}

/// The cells under [`SPENDING`]; of calls alone it is not known.
pub(super) fn spending_cells(spending: Option<&Spending>) -> Vec<Value> {
    let Some(spending) = spending else { return vec![Value::None; SPENDING.len()] };
    let tokens =
        [spending.input, spending.output, spending.cache_write_5m, spending.cache_write_1h, spending.cache_read, spending.tokens()];
    let mut cells = vec![Value::from(spending.messages)];
    cells.extend(tokens.map(Value::from));
    cells.push(spending.total_cost().into());
    cells
}

fn tools(tally: &Tally) -> Table {
    let outcomes = Outcome::ALL.map(|outcome| (outcome.name(), Kind::Count));
    let columns = [&[("tool", Kind::Text), ("count", Kind::Count)], &outcomes[..]].concat();
    let mut table = Table::new(&columns).details(&outcomes.map(|(name, _)| name));
    for (tool, calls) in &tally.tools {
        let mut cells = vec![Value::text(tool), calls.count().into()];
        cells.extend(Outcome::ALL.map(|outcome| Value::from(calls.with(outcome))));
        table.push(cells);
    }
    table
}

fn projects(tally: &Tally, selection: &Selection) -> Table {
    let columns = [&[("project", Kind::Text), ("count", Kind::Count)], &SPENDING[..]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    for (project, sums) in &tally.projects {
        let mut cells = vec![Value::text(project), sums.calls.into()];
        cells.extend(spending_cells(selection.of_messages(&sums.spending)));
        table.push(cells);
    }
    table
}

fn files(tally: &Tally) -> Table {
    let mut table = Table::new(&[("file", Kind::Text), ("count", Kind::Count)]);
    table.extend(tally.files.iter().map(|(file, count)| vec![Value::text(file), Value::from(*count)]));
    table
}

/// One row for reports other than the summary: the words of their rows.
pub(super) fn list_totals(tally: &Tally, selection: &Selection) -> Table {
    let counts = [
        ("sessions", tally.sessions),
        ("projects", projects_with_something(tally, selection)),
        ("prompts", tally.prompts),
        ("calls", tally.calls),
    ];
    let flags = [("unpriced_messages", tally.spending.unpriced_messages), ("not_final_messages", tally.spending.not_final_messages)];
    let columns = counts.map(|(name, _)| (name, Kind::Count));
    let flag_columns = flags.map(|(name, _)| (name, Kind::Count));
    let mut table = Table::new(&[&columns[..], &SPENDING, &flag_columns].concat()).details(&DETAILS);
    let spending = spending_cells(selection.of_messages(&tally.spending));
    let cells = counts.map(|(_, count)| Value::from(count)).into_iter().chain(spending);
    table.push(cells.chain(flags.map(|(_, count)| Value::from(count))).collect());
    table
}

/// A name as part of a sentence.
fn brief(name: &str) -> String {
    const LONGEST: usize = 48;
    let kept: String = name.chars().take(LONGEST).collect();
    let dots = if kept.len() < name.len() { "…" } else { "" };
    format!("{}{dots}", Shown::new(&kept))
}

/// What a reader must know about the figures.
pub(super) fn notes(tally: &Tally, prices: &Prices) -> Vec<String> {
    const MOST_NAMES: usize = 5;
    let mut notes = Vec::new();
    let spending = &tally.spending;
    if spending.unpriced_messages > 0 {
        let unpriced = tally.models.iter().filter(|(_, spending)| spending.unpriced_messages > 0);
        let mut names: Vec<_> = unpriced.map(|(model, _)| brief(model)).take(MOST_NAMES + 1).collect();
        if names.len() > MOST_NAMES {
            names[MOST_NAMES] = "…".into();
        }
        let count = counted(spending.unpriced_messages, "message");
        notes.push(format!("no price is known for {count} ({}); the cost is without them", names.join(", ")));
    }
    if spending.not_final_messages > 0 {
        let count = counted(spending.not_final_messages, "message");
        notes.push(format!("the output of {count} is a lower bound: Claude Code did not write the final count"));
    }
    let own = if prices.has_overrides() { " and your own" } else { "" };
    notes.push(format!(
        "cost is an estimate at list prices of {}{own}; requests that leave no lines (web search, titles, classifiers) and transcripts that were deleted before they were read are not in it",
        prices.as_of()
    ));
    notes
}
