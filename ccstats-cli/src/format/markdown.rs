//! Markdown: a table per section, with the totals first.

use ccstats_core::{Column, Kind, Report, Table, Untrusted, Value};

use crate::format::{flat, readable};

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("# ccstats {}: {}\n", report.name.name(), escaped(&Untrusted::new(&report.range.name)));
    let is_list = report.rows().is_some();
    if !is_list {
        text += &figures(&report.totals.table);
    }
    for (index, section) in report.sections.iter().enumerate().filter(|(_, section)| !section.table.rows.is_empty()) {
        let is_first = is_list && index == 0;
        if !is_first {
            text += &format!("\n## {}\n", section.key.replace('_', " "));
        }
        text += &rows(&section.table, is_first.then_some(&report.totals.table));
    }
    for note in report.notes.iter().chain(&report.advice) {
        text.push_str(&format!("\n- {}", escaped(&Untrusted::new(note))));
    }
    text + "\n"
}

/// The rows of a list, with its totals under the columns of the same names.
pub(super) fn rows(table: &Table, totals: Option<&Table>) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = String::from("\n");
    text += &row(table.columns.iter().map(|column| flat(column.name).replace('_', " ")).collect());
    text += &row(table.columns.iter().map(|column| if column.kind.is_text() { "---".into() } else { "---:".into() }).collect());
    for cells in &table.rows {
        text += &row(table.columns.iter().zip(cells).map(|(column, value)| cell(column.kind, value)).collect());
    }
    if let Some(totals) = totals {
        let total = |column: &Column| totals.column(column.name).map_or(String::new(), |index| cell(column.kind, &totals.rows[0][index]));
        let cells = table.columns.iter().enumerate();
        text += &row(cells.map(|(index, column)| if index == 0 { "**total**".into() } else { total(column) }).collect());
    }
    text
}

/// A single row, turned on its side.
fn figures(table: &Table) -> String {
    let mut text = String::from("\n| figure | value |\n| --- | ---: |\n");
    for (column, value) in table.columns.iter().zip(table.rows.first().into_iter().flatten()) {
        text += &format!("| {} | {} |\n", flat(column.name).replace('_', " "), cell(column.kind, value));
    }
    text
}

fn cell(kind: Kind, value: &Value) -> String {
    readable(kind, value, escaped).unwrap_or_default()
}

/// A text without live markup.
fn escaped(text: &Untrusted) -> String {
    let mut escaped = String::new();
    for character in text.shown().as_str().chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '>' | '#' | '!' | '~' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}
