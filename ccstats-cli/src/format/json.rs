//! JSON: one object for a report, or one per row.

use std::iter;
use std::path::Path;

use ccstats_core::{Accounting, Column, Kind, Problem, Report, Table, Value, is_dangerous};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::format::number::dollars;
use crate::format::problems;

/// A JSON value whose whole numbers may exceed 64 bits: sums of counts can.
enum Json<'a> {
    Null,
    Flag(bool),
    Text(&'a str),
    Path(&'a Path),
    Whole(u128),
    Net(i64),
    Float(f64),
    List(Vec<Json<'a>>),
    Object(Vec<(&'a str, Json<'a>)>),
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Flag(flag) => serializer.serialize_bool(*flag),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Path(path) => serializer.serialize_str(&path.to_string_lossy()),
            Json::Whole(number) => serializer.serialize_u128(*number),
            Json::Net(number) => serializer.serialize_i64(*number),
            Json::Float(number) => serializer.serialize_f64(*number),
            Json::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Json::Object(members) => {
                let mut object = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(key, value)| object.serialize_entry(key, value))?;
                object.end()
            }
        }
    }
}

/// The whole report as one object.
pub(super) fn render(report: &Report) -> String {
    let schema = format!("ccstats.{}/1", report.name.name());
    let range = &report.range;
    let mut members = vec![
        ("schema", Json::Text(&schema)),
        (
            "range",
            Json::Object(vec![
                ("name", Json::Text(&range.name)),
                ("start", optional(range.start.as_deref())),
                ("end", optional(range.end.as_deref())),
                ("time_zone", Json::Text(&range.time_zone)),
            ]),
        ),
    ];
    let totals = (report.totals.key, rows(&report.totals.table).pop().unwrap_or(Json::Null));
    let mut sections = report.sections.iter().map(|section| (section.key, Json::List(rows(&section.table))));
    // A list comes before its totals, several tables behind them.
    if report.rows().is_some() {
        members.extend(sections.next());
    }
    members.push(totals);
    members.extend(sections);
    if let Some(advice) = &report.advice {
        members.push(("advice", Json::Text(advice)));
    }
    members.push(("accounting", accounting(&report.accounting)));
    pretty(&Json::Object(members))
}

/// Why it can be written.
const VALID: &str = "keys are texts, and a `String` takes all of it";

fn pretty(json: &Json) -> String {
    harmless(&serde_json::to_string_pretty(json).expect(VALID)) + "\n"
}

/// One object: the schema, a flag, and the rows under a key.
pub(super) fn render_table(schema: &str, (name, flag): (&str, bool), (key, table): (&str, &Table)) -> String {
    pretty(&Json::Object(vec![("schema", Json::Text(schema)), (name, Json::Flag(flag)), (key, Json::List(rows(table)))]))
}

/// One object per row.
pub(super) fn lines(table: &Table) -> String {
    rows(table).iter().map(line).collect()
}

fn line(json: &Json) -> String {
    harmless(&serde_json::to_string(json).expect(VALID)) + "\n"
}

/// One object per row. Those of a list are all of one kind, as who reads them expects; where
/// there are several tables instead, each row says the name of its own.
pub(super) fn render_rows(report: &Report) -> String {
    if let Some(table) = report.rows() {
        return lines(table);
    }
    let sections = report.sections.iter().map(|section| (section.key, &section.table));
    let tables = iter::once((report.totals.key, &report.totals.table)).chain(sections);
    let named = |key, table: &Table, row| {
        let section = ("section", Json::Text(key));
        line(&Json::Object([section].into_iter().chain(members(&table.columns, row)).collect()))
    };
    tables.flat_map(|(key, table)| table.rows.iter().map(move |row| named(key, table, row))).collect()
}

fn optional(text: Option<&str>) -> Json<'_> {
    text.map_or(Json::Null, Json::Text)
}

fn rows(table: &Table) -> Vec<Json<'_>> {
    table.rows.iter().map(|row| Json::Object(members(&table.columns, row))).collect()
}

/// One row; a dot in a column's name nests it.
fn members<'a>(columns: &[Column], row: &'a [Value]) -> Vec<(&'a str, Json<'a>)> {
    let mut members: Vec<(&'a str, Json<'a>)> = Vec::new();
    for (column, value) in columns.iter().zip(row) {
        let value = json(column.kind, value);
        match column.name.split_once('.') {
            None => members.push((column.name, value)),
            Some((outer, inner)) => match members.last_mut() {
                Some((name, Json::Object(nested))) if *name == outer => nested.push((inner, value)),
                _ => members.push((outer, Json::Object(vec![(inner, value)]))),
            },
        }
    }
    members
}

fn json(kind: Kind, value: &Value) -> Json<'_> {
    match value {
        Value::None => Json::Null,
        Value::Text(text) => Json::Text(text.raw()),
        Value::Number(number) if kind == Kind::Money => Json::Float(dollars(*number)),
        Value::Number(number) => Json::Whole(*number),
        Value::Net(number) => Json::Net(*number),
        Value::Share(number) | Value::Rate(number) => Json::Float(*number),
        Value::Flag(flag) => Json::Flag(*flag),
        Value::List(texts) => Json::List(texts.iter().map(|text| Json::Text(text.raw())).collect()),
    }
}

fn accounting(accounting: &Accounting) -> Json<'_> {
    let whole = |number: u64| Json::Whole(number.into());
    let lines = &accounting.lines;
    let kinds = accounting.kinds.iter().map(|(kind, count)| (kind.as_str(), whole(*count)));
    let groups = problems(accounting).into_iter().map(|group| {
        let examples = group.examples.iter().map(example).collect();
        Json::Object(vec![("kind", Json::Text(group.kind.name())), ("count", whole(group.count)), ("examples", Json::List(examples))])
    });
    Json::Object(vec![
        ("transcripts", whole(accounting.transcripts)),
        ("gone", whole(accounting.gone)),
        ("bytes", whole(accounting.bytes())),
        ("lines", whole(lines.total().lines)),
        ("parsed", whole(lines.parsed.lines)),
        ("salvaged", whole(lines.salvaged.lines)),
        ("blank", whole(lines.blank.lines)),
        ("malformed", whole(lines.malformed.lines)),
        ("unfinished", whole(lines.unfinished.lines)),
        ("entries", Json::Object(kinds.collect())),
        ("problems", Json::List(groups.collect())),
    ])
}

fn example(problem: &Problem) -> Json<'_> {
    let line = problem.line.map_or(Json::Null, |line| Json::Whole(line.into()));
    Json::Object(vec![("path", Json::Path(&problem.path)), ("line", line), ("detail", optional(problem.detail.as_deref()))])
}

/// Escapes what could act on a terminal. Such characters stand only inside of
/// strings: between them there are spaces and newlines.
pub(crate) fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // Most lines are plain, which is quickly seen of all their bytes at once.
        if line.bytes().fold(true, |plain, byte| plain & (byte < 0x7f)) {
            safe.push_str(line);
        } else {
            line.chars().for_each(|character| push_harmless(character, &mut safe));
        }
    }
    safe
}

fn push_harmless(character: char, safe: &mut String) {
    if character != '\n' && is_dangerous(character) {
        for unit in character.encode_utf16(&mut [0; 2]) {
            safe.push_str(&format!("\\u{unit:04x}"));
        }
    } else {
        safe.push(character);
    }
}
