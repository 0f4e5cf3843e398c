//! Markdown: a table per section, with the totals first.

use ccstats_core::{Column, Kind, Report, Table, Untrusted, Value};

use crate::format::flat;
use crate::format::number::{grouped, money, percent};

pub(super) fn render(report: &Report) -> String {
    let mut text = format!("# ccstats {}: {}\n", report.name.word(), escaped(&Untrusted::new(&report.range.name)));
    for section in report.sections.iter().filter(|section| !section.table.rows.is_empty()) {
        if report.sections.len() > 1 {
            text.push_str(&format!("\n## {}\n", section.key.replace('_', " ")));
        }
        text.push_str(&rows(&section.table));
    }
    text.push_str(&format!("\n## {}\n", report.totals.key));
    text.push_str(&figures(&report.totals.table));
    for note in &report.notes {
        text.push_str(&format!("\n- {}", escaped(&Untrusted::new(note))));
    }
    text + "\n"
}

fn rows(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = String::from("\n");
    text += &row(table.columns.iter().map(|column| flat(column.name).replace('_', " ")).collect());
    text += &row(table.columns.iter().map(|column| if is_text(column) { "---".into() } else { "---:".into() }).collect());
    for cells in &table.rows {
        text += &row(table.columns.iter().zip(cells).map(|(column, value)| cell(column.kind, value)).collect());
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

fn is_text(column: &Column) -> bool {
    matches!(column.kind, Kind::Text | Kind::Day)
}

fn cell(kind: Kind, value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Text(text) => escaped(text),
        Value::Number(number) if kind == Kind::Money => money(*number),
        Value::Number(number) => grouped(*number),
        Value::Share(share) => percent(*share),
        Value::Rate(rate) => format!("{rate:.1}"),
        Value::List(texts) => texts.iter().map(escaped).collect::<Vec<_>>().join(", "),
    }
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
