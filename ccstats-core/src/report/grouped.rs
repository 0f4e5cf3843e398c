//! Reports with one row per day, session, project, model or kind of agent.
//!
//! One fact table holds a row for every message, call and prompt; polars groups
//! it by one key and sums. So all these reports have the same totals.

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

/// Columns of the report that are sums over columns of the same names in the fact table.
const SUMS: [&str; 11] = [
    "prompts",
    "calls",
    "messages",
    "tokens.input",
    "tokens.output",
    "tokens.cache_write_5m",
    "tokens.cache_write_1h",
    "tokens.cache_read",
    "cost",
    "unpriced_messages",
    "not_final_messages",
];

/// Columns whose values are counted, each once.
const DISTINCT: [Distinct; 2] = [
    Distinct { column: "session", count: "sessions", nulls: "no_session" },
    Distinct { column: "agent", count: "agents", nulls: "no_agent" },
];

/// A column of the fact table, and what the count of its values and that of its nulls are called.
/// (To filter a column by group would be plainer, and makes polars write 8 MiB of zeroes: half
/// of the time of a small report.)
struct Distinct {
    column: &'static str,
    count: &'static str,
    nulls: &'static str,
}

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
    table.extend(rows.into_iter().map(|(_, cells)| cells));
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
    for Distinct { column, count, nulls } in DISTINCT {
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
        let columns = self.columns();
        let mut rows = Vec::with_capacity(groups.height());
        for index in 0..groups.height() {
            let group = Group { groups, index };
            let mut cells = vec![Value::text(self.text(keys.get(index)))];
            for (name, _) in &columns[1..] {
                cells.push(self.cell(&group, name)?);
            }
            rows.push(((group.sum("cost")?, group.tokens()?), cells));
        }
        Ok(rows)
    }

    /// The cell of a group in a column behind the key.
    fn cell(&self, group: &Group, column: &str) -> Result<Value, Error> {
        let of_messages = |sum: u128| Value::from(self.selection.of_messages(sum));
        Ok(match column {
            "first" | "last" => Value::instant(group.stamp_ms(column)?, self.selection.calendar()),
            "sessions" | "agents" => group.distinct(column)?.into(),
            "prompts" | "calls" | "unpriced_messages" | "not_final_messages" => group.sum(column)?.into(),
            "tokens.total" => of_messages(group.tokens()?),
            "cost" if group.has_no_price()? => Value::None,
            _ => of_messages(group.sum(column)?),
        })
    }
}

/// What polars made of the rows with one key.
struct Group<'g> {
    groups: &'g DataFrame,
    index: usize,
}

impl Group<'_> {
    fn sum(&self, name: &str) -> Result<u128, Error> {
        Ok(self.groups.column(name)?.i128()?.get(self.index).unwrap_or(0) as u128)
    }

    /// The sum over all kinds of tokens.
    fn tokens(&self) -> Result<u128, Error> {
        SUMS.iter().filter(|name| name.starts_with("tokens.")).map(|name| self.sum(name)).sum()
    }

    /// One of the counts in [`DISTINCT`].
    fn distinct(&self, count: &str) -> Result<u128, Error> {
        let Distinct { nulls, .. } = DISTINCT.iter().find(|distinct| distinct.count == count).expect("it is one of them");
        // polars takes null for one more value.
        Ok(self.sum(count)? - u128::from(self.sum(nulls)? > 0))
    }

    fn stamp_ms(&self, name: &str) -> Result<Option<i64>, Error> {
        Ok(self.groups.column(name)?.i64()?.get(self.index))
    }

    /// Whether it has messages, and no price is known of any.
    fn has_no_price(&self) -> Result<bool, Error> {
        let messages = self.sum("messages")?;
        Ok(messages > 0 && messages == self.sum("unpriced_messages")?)
    }
}

/// What one row of the fact table adds to the sums.
#[derive(Default)]
struct Measures {
    prompts: u64,
    calls: u64,
    messages: u64,
    tokens: Tokens,
    cost: u128,
    unpriced_messages: u64,
    not_final_messages: u64,
    /// It belongs to a session, and has a time: a call alone does where only calls are asked for.
    is_activity: bool,
}

impl Measures {
    fn message(row: &MessageRow, cost: Option<Cost>) -> Measures {
        Measures {
            messages: 1,
            is_activity: true,
            tokens: row.tokens,
            cost: cost.map_or(0, |cost| cost.total()),
            unpriced_messages: u64::from(cost.is_none()),
            not_final_messages: u64::from(!row.is_final),
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
    prompts: Vec<u64>,
    calls: Vec<u64>,
    messages: Vec<u64>,
    input: Vec<u64>,
    output: Vec<u64>,
    cache_write_5m: Vec<u64>,
    cache_write_1h: Vec<u64>,
    cache_read: Vec<u64>,
    cost: Vec<i128>,
    unpriced_messages: Vec<u64>,
    not_final_messages: Vec<u64>,
}

impl FactColumns {
    fn push(&mut self, key: Option<i64>, origin: &Origin, measures: Measures) {
        self.key.push(key);
        self.time.push(origin.order.stamp_ms().filter(|_| measures.is_activity));
        self.session.push(measures.is_activity.then_some(origin.session.index() as u32));
        self.agent.push((!origin.agent.is_none()).then_some(origin.agent.index() as u32));
        self.prompts.push(measures.prompts);
        self.calls.push(measures.calls);
        self.messages.push(measures.messages);
        self.input.push(measures.tokens.input);
        self.output.push(measures.tokens.output);
        self.cache_write_5m.push(measures.tokens.cache_write_5m);
        self.cache_write_1h.push(measures.tokens.cache_write_1h);
        self.cache_read.push(measures.tokens.cache_read);
        self.cost.push(measures.cost as i128);
        self.unpriced_messages.push(measures.unpriced_messages);
        self.not_final_messages.push(measures.not_final_messages);
    }

    fn frame(self) -> Result<LazyFrame, Error> {
        let columns = vec![
            Column::new("key".into(), self.key),
            Column::new("time".into(), self.time),
            Column::new("session".into(), self.session),
            Column::new("agent".into(), self.agent),
            Column::new("prompts".into(), self.prompts),
            Column::new("calls".into(), self.calls),
            Column::new("messages".into(), self.messages),
            Column::new("tokens.input".into(), self.input),
            Column::new("tokens.output".into(), self.output),
            Column::new("tokens.cache_write_5m".into(), self.cache_write_5m),
            Column::new("tokens.cache_write_1h".into(), self.cache_write_1h),
            Column::new("tokens.cache_read".into(), self.cache_read),
            Column::new("cost".into(), self.cost),
            Column::new("unpriced_messages".into(), self.unpriced_messages),
            Column::new("not_final_messages".into(), self.not_final_messages),
        ];
        Ok(DataFrame::new_infer_height(columns)?.lazy())
    }
}
