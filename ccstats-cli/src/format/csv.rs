//! CSV: the rows of a report, or its totals where it has several tables.

use std::iter;

use ccstats_core::{Kind, Report, Table, Untrusted, Value};

use crate::format::flat;
use crate::format::number::dollars;

pub(super) fn render(report: &Report) -> String {
    rows(report.rows().unwrap_or(&report.totals.table))
}

pub(super) fn rows(table: &Table) -> String {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let names = table.columns.iter().map(|column| flat(column.name)).collect();
    for record in iter::once(names).chain(table.rows.iter().map(|row| cells(table, row))) {
        writer.write_record(record).expect("all rows are as long as their names, and memory takes all of them");
    }
    let bytes = writer.into_inner().expect("memory takes all that is left");
    String::from_utf8(bytes).expect("cells are texts")
}

fn cells(table: &Table, row: &[Value]) -> Vec<String> {
    table.columns.iter().zip(row).map(|(column, value)| cell(column.kind, value)).collect()
}

fn cell(kind: Kind, value: &Value) -> String {
    match value {
        Value::None => String::new(),
        Value::Text(text) => inert(text),
        Value::Number(number) if kind == Kind::Money => dollars(*number).to_string(),
        Value::Number(number) => number.to_string(),
        Value::Net(number) => number.to_string(),
        Value::Share(number) | Value::Rate(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::List(texts) => texts.iter().map(inert).collect::<Vec<_>>().join("; "),
    }
}

/// A text that no spreadsheet takes for a formula (OWASP ASVS 1.2.10).
fn inert(text: &Untrusted) -> String {
    let shown = text.shown();
    let is_formula = shown.as_str().trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if is_formula { format!("'{shown}") } else { shown.to_string() }
}
