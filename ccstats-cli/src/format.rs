//! Formats render kinds of values; none of them knows a report.

mod csv;
pub(crate) mod json;
mod markdown;
pub(crate) mod number;
mod table;

use std::fmt;

use ccstats_core::{Accounting, Kind, Problem, ProblemKind, Report, Table, Untrusted, Value, counted};

use crate::args::Format;
use crate::format::number::{net, percent, whole};

/// What the reader looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Columns of text.
    pub(crate) width: usize,
    /// Whether long lists are cut.
    pub(crate) cut_lists: bool,
    /// Whether it shows more than ASCII.
    pub(crate) is_unicode: bool,
}

/// The text of a report.
pub(crate) fn render(report: &Report, format: Format, screen: &Screen) -> String {
    match format {
        Format::Table => table::render(report, screen),
        Format::Json => json::render(report),
        Format::Ndjson => json::render_rows(report),
        Format::Csv => csv::render(report),
        Format::Markdown => markdown::render(report),
    }
}

/// The text of a table that is no report, for programs: in JSON it stands under a
/// key, beside the schema and a flag.
pub(crate) fn render_table(schema: &str, flag: (&str, bool), (key, table): (&str, &Table), format: Format) -> String {
    match format {
        Format::Json => json::render_table(schema, flag, (key, table)),
        Format::Table | Format::Ndjson => json::lines(table),
        Format::Csv => csv::rows(table),
        Format::Markdown => markdown::rows(table, None).trim_start().into(),
    }
}

/// All problems of one kind.
pub(crate) struct ProblemGroup<'a> {
    pub(crate) kind: ProblemKind,
    pub(crate) count: u64,
    pub(crate) examples: &'a [Problem],
}

impl fmt::Display for ProblemGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.count, self.kind.name())
    }
}

/// Problems by kind, with the first few places of each.
pub(crate) fn problems<'a>(accounting: &'a Accounting) -> Vec<ProblemGroup<'a>> {
    const EXAMPLES: usize = 5;
    let groups = accounting.problems.chunk_by(|a, b| a.kind == b.kind);
    let more = |kind| accounting.more_problems.get(&kind).map_or(0, |more| *more);
    let group = |group: &'a [Problem]| {
        let kind = group[0].kind;
        ProblemGroup { kind, count: group.len() as u64 + more(kind), examples: &group[..group.len().min(EXAMPLES)] }
    };
    groups.map(group).collect()
}

/// How many lines gave only a part of what was in them, if any.
pub(crate) fn salvaged(accounting: &Accounting) -> Option<String> {
    let lines = accounting.lines.salvaged.lines;
    (lines > 0).then(|| format!("{} salvaged in part", counted(lines, "line")))
}

/// A value for people, with its texts made fit for a format; `None` where there is none.
fn readable(kind: Kind, value: &Value, text: impl Fn(&Untrusted) -> String) -> Option<String> {
    Some(match value {
        Value::None => return None,
        Value::Text(words) => text(words),
        Value::Number(number) => whole(kind, *number),
        Value::Net(number) => net(*number),
        Value::Share(share) => percent(*share),
        Value::Rate(rate) => format!("{rate:.1}"),
        Value::Flag(flag) => if *flag { "yes" } else { "no" }.into(),
        Value::List(texts) => texts.iter().map(text).collect::<Vec<_>>().join(", "),
    })
}

/// A column's name where names cannot nest.
fn flat(name: &str) -> String {
    name.replace('.', "_")
}
