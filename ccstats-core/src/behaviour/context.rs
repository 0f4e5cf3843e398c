//! How contexts grew, were cut, and were paid for again (`docs/behaviour.md`, "Context").
//!
//! All of it is measured: the context of a response is its input, cache writes and
//! cache reads. The main thread and each subagent are threads of their own.
//! Sidechains of old versions have no id, so several of them look like one
//! thread: their sizes count, but nothing is told from one response to the next.
//!
//! Rebuilt tokens are counted to the last one. A rebuild as an event is one that
//! Claude Code's own status line would call a miss: at least 2,000 tokens and more
//! than 5 % again (`docs/behaviour.md`, "Context").

mod walk;

use std::cmp::Reverse;

use crate::behaviour::calls;
use crate::dataset::Dataset;
use crate::prices::Prices;
use crate::query::Selection;
use crate::rows::{Order, Origin};
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::wording::{counted, money};

/// The contexts of one session.
#[derive(Clone, Debug)]
pub(crate) struct SessionContext {
    session: Symbol,
    project: Symbol,
    /// Compactions that say what started them, and those that do not.
    auto: u64,
    manual: u64,
    untold: u64,
    /// The largest context that was compacted, as Claude Code wrote it down.
    tokens_before: Option<u64>,
    largest_context: u64,
    largest_jump: Option<Jump>,
    rebuilt_tokens: u64,
    /// The rebuilds that are large enough to be events, the largest first.
    rebuilds: Vec<Rebuild>,
    /// Picodollars that rebuilt tokens cost beyond reading them.
    extra_cost: u128,
    /// Whether a response with rebuilt tokens has a price.
    is_priced: bool,
    first: Order,
}

/// The growth of a context from one response to the next, less what the model
/// itself wrote: what came in between.
#[derive(Clone, Copy, Debug)]
struct Jump {
    tokens: u64,
    cause: Cause,
    order: Order,
}

/// What made a context grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Results came in; the largest is that of this tool.
    Tool(Symbol),
    Prompt,
    /// Something that Claude Code put in: a command, a notice, an attachment.
    Other,
}

/// Tokens that stood in the cache and had to be sent again.
#[derive(Clone, Copy, Debug)]
struct Rebuild {
    tokens: u64,
    reason: Reason,
    order: Order,
}

/// Why a cache was rebuilt, as far as transcripts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The API said that the tools had changed.
    ToolsChanged,
    /// Each model has a cache of its own.
    OtherModel,
    /// The pause since the request before was longer than the cache's life.
    Pause,
    Unknown,
}

impl SessionContext {
    fn new(origin: &Origin) -> SessionContext {
        SessionContext {
            session: origin.session,
            project: origin.project,
            auto: 0,
            manual: 0,
            untold: 0,
            tokens_before: None,
            largest_context: 0,
            largest_jump: None,
            rebuilt_tokens: 0,
            rebuilds: Vec::new(),
            extra_cost: 0,
            is_priced: false,
            first: origin.order,
        }
    }

    fn compactions(&self) -> u64 {
        self.auto + self.manual + self.untold
    }

    /// What rebuilt tokens cost beyond reading them, in picodollars; `None` when
    /// there are some and none has a price.
    fn extra_cost(&self) -> Option<u128> {
        (self.is_priced || self.rebuilt_tokens == 0).then_some(self.extra_cost)
    }

    fn rebuilds_with(&self, reason: Reason) -> u64 {
        self.rebuilds.iter().filter(|rebuild| rebuild.reason == reason).count() as u64
    }
}

/// Sessions with a message or a compaction that the query selects; those that
/// paid most for rebuilds first.
pub(crate) fn rows(selection: &Selection, prices: &Prices) -> Vec<SessionContext> {
    let dataset = selection.dataset();
    let mut rows: Vec<_> = walk::sessions(selection, prices).collect();
    for row in &mut rows {
        row.rebuilds.sort_by_key(|rebuild| (Reverse(rebuild.tokens), rebuild.order));
    }
    let name = |row: &SessionContext| dataset.symbols().bytes(row.session);
    rows.sort_by(|a, b| {
        let size = |row: &SessionContext| (row.extra_cost, row.rebuilt_tokens, row.largest_context);
        size(b).cmp(&size(a)).then_with(|| name(a).cmp(name(b)))
    });
    rows
}

/// The columns that have sums, with their kinds.
const COUNTS: [(&str, Kind); 12] = [
    ("compactions", Kind::Count),
    ("auto", Kind::Count),
    ("manual", Kind::Count),
    ("tokens_before", Kind::Tokens),
    ("largest_context", Kind::Tokens),
    ("cache_rebuilds", Kind::Count),
    ("rebuilt_tokens", Kind::Tokens),
    ("rebuild_reasons.pause", Kind::Count),
    ("rebuild_reasons.other_model", Kind::Count),
    ("rebuild_reasons.tools_changed", Kind::Count),
    ("rebuild_reasons.unknown", Kind::Count),
    ("extra_cost", Kind::Money),
];

/// How many of [`COUNTS`] stand before the largest jump.
const BEFORE_JUMP: usize = 5;

/// The columns that only a wide screen has room for.
const DETAILS: [&str; 10] = [
    "project",
    "auto",
    "manual",
    "tokens_before",
    "rebuild_reasons.pause",
    "rebuild_reasons.other_model",
    "rebuild_reasons.tools_changed",
    "rebuild_reasons.unknown",
    "rebuilt_tokens",
    "examples",
];

/// The report: a row per session.
pub(crate) fn table(dataset: &Dataset, rows: &[SessionContext]) -> Table {
    let names = [("session", Kind::Phrase), ("project", Kind::Text)];
    let jump = [("largest_jump", Kind::Tokens), ("jump_cause", Kind::Text)];
    let (sizes, rebuilds) = COUNTS.split_at(BEFORE_JUMP);
    let columns = [&names[..], sizes, &jump, rebuilds, &[("examples", Kind::Text)]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    table.extend(rows.iter().map(|row| cells(dataset, row)));
    table
}

fn cells(dataset: &Dataset, row: &SessionContext) -> Vec<Value> {
    let name = |symbol| Value::text(dataset.symbols().name(symbol));
    let cause = row.largest_jump.map_or(Value::None, |jump| match jump.cause {
        Cause::Tool(tool) => name(tool),
        Cause::Prompt => Value::text("prompt"),
        Cause::Other => Value::text("other"),
    });
    let jump = row.largest_jump.map(|jump| jump.tokens.into());
    let mut counts = counts(row);
    let rebuilds = counts.split_off(BEFORE_JUMP);
    [
        vec![name(row.session), name(dataset.project(row.project))],
        counts,
        vec![Value::from(jump), cause],
        rebuilds,
        vec![examples(dataset, row)],
    ]
    .concat()
}

/// The cells under [`COUNTS`].
fn counts(row: &SessionContext) -> Vec<Value> {
    let reasons = [Reason::Pause, Reason::OtherModel, Reason::ToolsChanged, Reason::Unknown];
    let mut cells = vec![
        row.compactions().into(),
        row.auto.into(),
        row.manual.into(),
        row.tokens_before.map(u128::from).into(),
        row.largest_context.into(),
        (row.rebuilds.len() as u64).into(),
        row.rebuilt_tokens.into(),
    ];
    cells.extend(reasons.map(|reason| Value::from(row.rebuilds_with(reason))));
    cells.push(row.extra_cost().into());
    cells
}

/// Where the largest jump and the largest rebuilds stand.
fn examples(dataset: &Dataset, row: &SessionContext) -> Value {
    const MOST: usize = 5;
    let orders = row.largest_jump.iter().map(|jump| jump.order).chain(row.rebuilds.iter().map(|rebuild| rebuild.order));
    let session = dataset.symbols().name(row.session);
    let mut examples: Vec<String> = Vec::new();
    for order in orders {
        let example = calls::evidence(dataset, &session, order.place);
        if !examples.contains(&example) {
            examples.push(example);
        }
    }
    examples.truncate(MOST);
    calls::list(&examples)
}

/// One row under the columns that have sums; of sizes the largest.
pub(crate) fn totals(rows: &[SessionContext]) -> Table {
    let columns = [&[("sessions", Kind::Count)], &COUNTS[..]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    let mut all = vec![Value::from(rows.len() as u64)];
    for (index, (name, _)) in COUNTS.iter().enumerate() {
        let numbers = rows.iter().filter_map(|row| match counts(row)[index] {
            Value::Number(number) => Some(number),
            _ => None,
        });
        let is_size = matches!(*name, "tokens_before" | "largest_context");
        all.push(if is_size { numbers.max() } else { numbers.reduce(|sum, number| sum + number).or(rows.is_empty().then_some(0)) }.into());
    }
    table.push(all);
    table
}

/// What to do about it.
pub(crate) fn advice(rows: &[SessionContext]) -> Option<String> {
    let with = |reason| rows.iter().map(|row| row.rebuilds_with(reason)).sum::<u64>();
    let rebuilds: u64 = rows.iter().map(|row| row.rebuilds.len() as u64).sum();
    let extra_cost = money(rows.iter().map(|row| row.extra_cost).sum());
    let known = [Reason::Pause, Reason::OtherModel, Reason::ToolsChanged].map(|reason| (with(reason), reason));
    let (most, reason) = known.into_iter().rev().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0)?;
    let what = match reason {
        Reason::OtherModel => "after a change of the model: choose it before the first prompt",
        Reason::ToolsChanged => "after a change of the tools: connect MCP servers before the first prompt",
        _ => "after a pause longer than its life: before a break, finish with `/compact`, and start other work with `/clear`",
    };
    let (rebuilds, most) = (counted(rebuilds, "time"), counted(most, "time"));
    Some(format!("the cache was rebuilt {rebuilds} for about {extra_cost}, {most} {what}"))
}

#[cfg(test)]
mod tests;
