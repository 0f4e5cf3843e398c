//! Reports with one row per day, session, project, model or kind of agent.
//!
//! One fact table holds a row for every message, call and prompt; polars groups
//! it by one key and sums. So all these reports have the same totals.

use std::ops::Range;

use chrono::{NaiveDate, TimeDelta};
use polars::prelude::*;

use crate::error::Error;
use crate::prices::{Cost, Prices};
use crate::query::Selection;
use crate::report::GroupBy;
use crate::report::summary::{DETAILS, SPENDING};
use crate::rows::{MessageRow, Origin};
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::time::month_start;
use crate::usage::Tokens;

/// What is counted beside spending.
const COUNTS: [(&str, Kind); 3] = [("sessions", Kind::Count), ("prompts", Kind::Count), ("calls", Kind::Count)];

/// Sums in the order of the columns behind the key.
const SUMS: [&str; 11] =
    ["prompts", "calls", "messages", "input", "output", "cache_write_5m", "cache_write_1h", "cache_read", "cost", "unpriced", "not_final"];

/// Those of [`SUMS`] that are tokens.
const TOKENS: Range<usize> = 3..8;

/// Columns whose values are counted, each once, and the names of that count and of the
/// count of nulls. (To filter a column by group would be plainer, and makes polars write
/// 8 MiB of zeroes: half of the time of a small report.)
const DISTINCT: [(&str, &str, &str); 2] = [("session", "sessions", "no_session"), ("agent", "agents", "no_agent")];

/// The rows of a report that groups by one key.
pub(super) fn rows(by: GroupBy, selection: &Selection, prices: &Prices) -> Result<Table, Error> {
    let grouping = Grouping { by, selection };
    let groups = grouping.fact_table(prices)?.group_by([col("key")]).agg(sums()).collect()?;
    let mut rows = grouping.read(&groups)?;
    if grouping.is_period() {
        rows.sort_by(|(_, a), (_, b)| period(a).cmp(&period(b)));
    } else {
        rows.sort_by(|(a, a_cells), (b, b_cells)| b.cmp(a).then_with(|| label(a_cells).cmp(&label(b_cells))));
    }
    let mut table = Table::new(&grouping.columns()).details(&DETAILS).details(&["first"]);
    table.rows = rows.into_iter().map(|(_, cells)| cells).collect();
    Ok(table)
}

/// How large a group is: what reports without a calendar are ordered by.
type Size = (u128, u128);

fn label(cells: &[Value]) -> Option<&str> {
    cells[0].as_text()
}

/// Days by their text; those without a time last.
fn period(cells: &[Value]) -> (bool, Option<&str>) {
    let label = label(cells);
    (label == Some("unknown"), label)
}

/// Sums as `Int128`: thousands of counts near 2^53 do not fit in 64 bits.
fn sums() -> Vec<Expr> {
    let mut sums: Vec<_> = SUMS.iter().map(|name| col(*name).cast(DataType::Int128).sum()).collect();
    for (column, count, nulls) in DISTINCT {
        sums.push(col(column).n_unique().cast(DataType::Int128).alias(count));
        sums.push(col(column).null_count().cast(DataType::Int128).alias(nulls));
    }
    sums.extend([col("time").min().alias("first"), col("time").max().alias("last")]);
    sums
}

/// One report's way to group.
struct Grouping<'g> {
    by: GroupBy,
    selection: &'g Selection<'g>,
}

impl Grouping<'_> {
    fn is_period(&self) -> bool {
        matches!(self.by, GroupBy::Day | GroupBy::Week | GroupBy::Month)
    }

    fn columns(&self) -> Vec<(&'static str, Kind)> {
        let key = match self.by {
            GroupBy::Day => ("day", Kind::Day),
            GroupBy::Week => ("week", Kind::Day),
            GroupBy::Month => ("month", Kind::Day),
            GroupBy::Session => ("session", Kind::Phrase),
            GroupBy::Project => ("project", Kind::Text),
            GroupBy::Model => ("model", Kind::Text),
            GroupBy::Agent => ("agent", Kind::Text),
        };
        let mut columns = vec![key];
        match self.by {
            GroupBy::Session => columns.extend([("first", Kind::Instant), ("last", Kind::Instant)]),
            GroupBy::Agent => columns.push(("agents", Kind::Count)),
            _ => {}
        }
        columns.extend(COUNTS.iter().filter(|(name, _)| self.has(name)));
        columns.extend(SPENDING);
        columns.extend([("unpriced_messages", Kind::Count), ("not_final_messages", Kind::Count)]);
        columns
    }

    /// A prompt has no model, and a session is one session.
    fn has(&self, count: &str) -> bool {
        match self.by {
            GroupBy::Session => count != "sessions",
            GroupBy::Model => count != "prompts",
            _ => true,
        }
    }

    /// The number that a row is grouped by; `None` where it has none.
    fn key(&self, origin: &Origin, model: Symbol) -> Option<i64> {
        let (dataset, calendar) = (self.selection.dataset(), self.selection.calendar());
        // Of a period the first day, counted from 1970.
        let since_1970 = |day: NaiveDate| (day - NaiveDate::default()).num_days();
        let day = || Some(calendar.day(origin.order.stamp_ms()?));
        let symbol = match self.by {
            GroupBy::Day => return day().map(since_1970),
            GroupBy::Week => return day().map(|day| since_1970(calendar.week(day))),
            GroupBy::Month => return day().map(|day| since_1970(month_start(day))),
            GroupBy::Session => origin.session,
            GroupBy::Project => dataset.project(origin.project),
            GroupBy::Model => model,
            GroupBy::Agent => dataset.agent_kind(origin),
        };
        Some(symbol.index() as i64)
    }

    /// The text of a key.
    fn text(&self, key: Option<i64>) -> String {
        let Some(key) = key else { return "unknown".into() };
        let day = || NaiveDate::default() + TimeDelta::days(key);
        match self.by {
            GroupBy::Month => day().format("%Y-%m").to_string(),
            GroupBy::Day | GroupBy::Week => day().to_string(),
            GroupBy::Session | GroupBy::Project | GroupBy::Model | GroupBy::Agent => {
                self.selection.dataset().symbols().name(Symbol::at(key as usize)).into_owned()
            }
        }
    }

    /// The fact table: a row per message, call and prompt that the query selects.
    fn fact_table(&self, prices: &Prices) -> Result<LazyFrame, Error> {
        let selection = self.selection;
        let mut facts = FactColumns::default();
        for (row, cost) in selection.dataset().priced_messages(prices) {
            if selection.keeps_message(row) {
                facts.push(self.key(&row.origin, row.model), &row.origin, Measures::message(row, cost));
            }
        }
        for (row, _) in selection.calls() {
            let key = self.key(&row.origin, selection.dataset().model_of(row));
            facts.push(key, &row.origin, Measures { calls: 1, is_activity: selection.keeps_calls_only(), ..Measures::default() });
        }
        if self.by != GroupBy::Model {
            for row in selection.prompts() {
                facts.push(
                    self.key(&row.origin, Symbol::NONE),
                    &row.origin,
                    Measures { prompts: 1, is_activity: true, ..Measures::default() },
                );
            }
        }
        facts.frame()
    }

    /// The groups as cells, each with its size.
    fn read(&self, groups: &DataFrame) -> Result<Vec<(Size, Vec<Value>)>, Error> {
        let keys = groups.column("key")?.i64()?;
        let (first, last) = (groups.column("first")?.i64()?, groups.column("last")?.i64()?);
        let mut rows = Vec::with_capacity(groups.height());
        for index in 0..groups.height() {
            let number = |name: &str| -> Result<u128, Error> { Ok(groups.column(name)?.i128()?.get(index).unwrap_or(0) as u128) };
            let sum = |name: &str| match DISTINCT.iter().find(|(_, count, _)| *count == name) {
                // polars takes null for one more value.
                Some((_, count, nulls)) => Ok::<_, Error>(number(count)? - u128::from(number(nulls)? > 0)),
                None => number(name),
            };
            let mut cells = vec![Value::text(self.text(keys.get(index)))];
            match self.by {
                GroupBy::Session => cells.extend([first, last].map(|stamps| Value::instant(stamps.get(index), self.selection.calendar()))),
                GroupBy::Agent => cells.push(sum("agents")?.into()),
                _ => {}
            }
            for (name, _) in COUNTS.iter().filter(|(name, _)| self.has(name)) {
                cells.push(sum(name)?.into());
            }
            let (messages, unpriced, cost) = (sum("messages")?, sum("unpriced")?, sum("cost")?);
            let mut tokens = Vec::new();
            for name in &SUMS[TOKENS] {
                tokens.push(sum(name)?);
            }
            let total: u128 = tokens.iter().sum();
            let known = |number: u128| Value::from(self.selection.of_messages(number));
            cells.push(known(messages));
            cells.extend(tokens.into_iter().chain([total]).map(known));
            cells.push(if messages > 0 && messages == unpriced { Value::None } else { known(cost) });
            cells.extend([Value::Number(unpriced), sum("not_final")?.into()]);
            rows.push(((cost, total), cells));
        }
        Ok(rows)
    }
}

/// What one row of the fact table adds to the sums.
#[derive(Default)]
struct Measures {
    prompts: u64,
    calls: u64,
    messages: u64,
    /// In the order of [`TOKENS`].
    tokens: [u64; TOKENS.end - TOKENS.start],
    cost: u128,
    unpriced: u64,
    not_final: u64,
    /// It belongs to a session, and has a time: a call alone does where only calls are asked for.
    is_activity: bool,
}

impl Measures {
    fn message(row: &MessageRow, cost: Option<Cost>) -> Measures {
        let Tokens { input, output, cache_write_5m, cache_write_1h, cache_read, .. } = row.tokens;
        Measures {
            messages: 1,
            is_activity: true,
            tokens: [input, output, cache_write_5m, cache_write_1h, cache_read],
            cost: cost.map_or(0, |cost| cost.total()),
            unpriced: u64::from(cost.is_none()),
            not_final: u64::from(!row.is_final),
            ..Measures::default()
        }
    }
}

/// The columns of the fact table.
#[derive(Default)]
struct FactColumns {
    key: Vec<Option<i64>>,
    /// Of activity.
    time: Vec<Option<i64>>,
    /// Of activity too.
    session: Vec<Option<u32>>,
    /// None in the main thread.
    agent: Vec<Option<u32>>,
    /// Under the names of [`SUMS`], without the cost.
    sums: [Vec<u64>; 10],
    cost: Vec<i128>,
}

impl FactColumns {
    fn push(&mut self, key: Option<i64>, origin: &Origin, measures: Measures) {
        self.key.push(key);
        self.time.push(origin.order.stamp_ms().filter(|_| measures.is_activity));
        self.session.push(measures.is_activity.then_some(origin.session.index() as u32));
        self.agent.push((!origin.agent.is_none()).then_some(origin.agent.index() as u32));
        let counts = [measures.prompts, measures.calls, measures.messages].into_iter();
        let sums = counts.chain(measures.tokens).chain([measures.unpriced, measures.not_final]);
        self.sums.iter_mut().zip(sums).for_each(|(column, value)| column.push(value));
        self.cost.push(measures.cost as i128);
    }

    fn frame(self) -> Result<LazyFrame, Error> {
        let names = SUMS.iter().filter(|name| **name != "cost");
        let mut columns: Vec<_> = names.zip(self.sums).map(|(name, values)| Column::new((*name).into(), values)).collect();
        columns.push(Column::new("cost".into(), self.cost));
        columns.push(Column::new("key".into(), self.key));
        columns.push(Column::new("time".into(), self.time));
        columns.push(Column::new("session".into(), self.session));
        columns.push(Column::new("agent".into(), self.agent));
        Ok(DataFrame::new_infer_height(columns)?.lazy())
    }
}
