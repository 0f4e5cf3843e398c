//! Messages, tool calls, prompts and sessions as polars frames.
//!
//! For questions that no report answers. Times are naive UTC in milliseconds;
//! `day` is the civil day in the zone of the query. Counts of one message fit
//! in 64 bits, their sums may not: cast to `Int128` before summing.

use polars::prelude::*;

use crate::dataset::{Dataset, Ending};
use crate::error::Error;
use crate::outcome::{DeniedBy, EditError};
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::rows::{CallRow, Origin, ResultRow};
use crate::symbols::Symbol;

/// The frames of one query.
///
/// # Examples
/// ```
/// use std::time::SystemTime;
/// use ccstats_core::polars::prelude::*;
/// use ccstats_core::{Dataset, Frames, Prices, Progress, Query, ScanOptions};
///
/// let options = ScanOptions::new(vec!["../testdata/home".into()], SystemTime::now());
/// let dataset = Dataset::load(&options, &Progress::default())?;
/// let frames = Frames::of(&dataset, &Query::all(), Prices::builtin())?;
/// let by_model = frames.messages.group_by([col("model")]).agg([col("output").cast(DataType::Int128).sum()]);
/// assert!(by_model.collect()?.height() > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Frames {
    /// One row per response: `time`, `day`, `session`, `project`, `branch`,
    /// `agent` (its kind), `agent_id`, `model`, `input`, `output`,
    /// `cache_write_5m`, `cache_write_1h`, `cache_read`, `web_searches`,
    /// `cost` (picodollars, `Int128`, null without a price), `is_final`.
    pub messages: LazyFrame,
    /// One row per tool call: `time`, `day`, `session`, `project`, `branch`,
    /// `agent`, `agent_id`, `tool`; `file`, `command`, `target` (a path, address,
    /// pattern, query or skill) and `subagent_type` (empty where the input names
    /// none); `outcome`, `denied_by`, `edit_error`, `exit_code`, `duration_ms`,
    /// `result_bytes`, `result_lines` (see [`ScanOptions::result_lines`](crate::ScanOptions)),
    /// `read_start` and `read_lines` (null where unknown);
    /// `lines_added`, `lines_removed`.
    pub tool_calls: LazyFrame,
    /// One row per typed prompt: `time`, `day`, `session`, `project`, `branch`,
    /// `agent`, `agent_id`.
    pub prompts: LazyFrame,
    /// One row per session with a message or a prompt: `session`, `first`,
    /// `last`, `messages`, `prompts`.
    pub sessions: LazyFrame,
}

impl Frames {
    /// Builds the frames of what a query selects, in the order of time.
    ///
    /// # Errors
    /// [`Error::Glob`] for a filter that is no valid glob, [`Error::Frames`]
    /// when polars refuses.
    pub fn of(dataset: &Dataset, query: &Query, prices: &Prices) -> Result<Frames, Error> {
        let selection = Selection::new(dataset, query)?;
        let messages = messages(&selection, prices)?;
        let tool_calls = tool_calls(&selection)?;
        let mut origins: Vec<_> = selection.prompts().map(|row| row.origin).collect();
        origins.sort_by_key(|origin| (origin.order, origin.session));
        let prompts = DataFrame::new_infer_height(origin_columns(&selection, &origins)?)?.lazy();
        Ok(Frames { sessions: sessions(&messages, &prompts)?, messages, tool_calls, prompts })
    }
}

fn messages(selection: &Selection, prices: &Prices) -> Result<LazyFrame, Error> {
    let dataset = selection.dataset();
    let mut rows: Vec<_> = dataset.priced_messages(prices).filter(|(row, _)| selection.keeps_message(row)).collect();
    rows.sort_by_key(|(row, _)| (row.origin.order, row.key));
    let origins: Vec<_> = rows.iter().map(|(row, _)| row.origin).collect();
    let mut columns = origin_columns(selection, &origins)?;
    let models: Vec<_> = rows.iter().map(|(row, _)| row.model).collect();
    columns.push(names(dataset, "model", &models));
    let mut count = |name: &str, of: fn(&crate::usage::Tokens) -> u64| {
        let values: Vec<u64> = rows.iter().map(|(row, _)| of(&row.tokens)).collect();
        columns.push(Column::new(name.into(), values));
    };
    count("input", |tokens| tokens.input);
    count("output", |tokens| tokens.output);
    count("cache_write_5m", |tokens| tokens.cache_write_5m);
    count("cache_write_1h", |tokens| tokens.cache_write_1h);
    count("cache_read", |tokens| tokens.cache_read);
    count("web_searches", |tokens| tokens.web_searches);
    let costs: Vec<_> = rows.iter().map(|(_, cost)| cost.map(|cost| cost.total() as i128)).collect();
    columns.push(Column::new("cost".into(), costs));
    let is_final: Vec<_> = rows.iter().map(|(row, _)| row.is_final).collect();
    columns.push(Column::new("is_final".into(), is_final));
    Ok(DataFrame::new_infer_height(columns)?.lazy())
}

fn tool_calls(selection: &Selection) -> Result<LazyFrame, Error> {
    let dataset = selection.dataset();
    let mut rows: Vec<_> = selection.calls().collect();
    rows.sort_by_key(|(row, _)| (row.origin.order, row.key));
    let origins: Vec<_> = rows.iter().map(|(row, _)| row.origin).collect();
    let mut columns = origin_columns(selection, &origins)?;
    let mut name = |column: &str, of: fn(&CallRow) -> Symbol| {
        columns.push(names(dataset, column, &rows.iter().map(|(row, _)| of(row)).collect::<Vec<_>>()));
    };
    name("tool", |row| row.tool);
    name("file", |row| row.file);
    name("command", |row| row.command);
    name("target", |row| row.target);
    name("subagent_type", |row| row.subagent_type);
    let mut word = |column: &str, of: fn(&Ending) -> Option<&'static str>| {
        columns.push(Column::new(column.into(), rows.iter().map(|(_, ending)| of(ending)).collect::<Vec<_>>()));
    };
    word("outcome", |ending| Some(ending.outcome.name()));
    word("denied_by", |ending| ending.denied_by.map(DeniedBy::name));
    let mut count = |column: &str, of: fn(&Ending) -> Option<u64>| {
        columns.push(Column::new(column.into(), rows.iter().map(|(_, ending)| of(ending)).collect::<Vec<_>>()));
    };
    count("duration_ms", |ending| ending.duration_ms);
    count("lines_added", |ending| Some(ending.lines_added.into()));
    count("lines_removed", |ending| Some(ending.lines_removed.into()));
    columns.extend(result_columns(dataset, &rows));
    Ok(DataFrame::new_infer_height(columns)?.lazy())
}

/// What only the result of a call tells; null without one.
fn result_columns(dataset: &Dataset, rows: &[(&CallRow, Ending)]) -> Vec<Column> {
    let results: Vec<_> = rows.iter().map(|(row, _)| dataset.facts().results.get(row.key)).collect();
    let count = |column: &str, of: fn(&ResultRow) -> Option<u32>| {
        Column::new(column.into(), results.iter().map(|result| result.and_then(of)).collect::<Vec<_>>())
    };
    let edit_errors: Vec<_> = results.iter().map(|result| result.and_then(|result| result.edit_error).map(EditError::name)).collect();
    vec![
        Column::new("edit_error".into(), edit_errors),
        count("exit_code", |result| result.exit_code),
        count("result_bytes", |result| Some(result.size_bytes)),
        count("result_lines", |result| result.lines),
        count("read_start", |result| Some(result.read.start).filter(|start| *start > 0)),
        count("read_lines", |result| Some(result.read.count).filter(|_| result.read.start > 0)),
    ]
}

/// The columns that messages, calls and prompts share.
fn origin_columns(selection: &Selection, origins: &[Origin]) -> Result<Vec<Column>, Error> {
    let (dataset, calendar) = (selection.dataset(), selection.calendar());
    let stamps: Vec<_> = origins.iter().map(|origin| origin.order.stamp_ms()).collect();
    let time = Column::new("time".into(), &stamps).cast(&DataType::Datetime(TimeUnit::Milliseconds, None))?;
    let epoch = chrono::NaiveDate::default();
    let days: Vec<_> = stamps.iter().map(|stamp| stamp.map(|stamp| (calendar.day(stamp) - epoch).num_days() as i32)).collect();
    let day = Column::new("day".into(), days).cast(&DataType::Date)?;
    let symbols = |of: fn(&Origin) -> Symbol| origins.iter().map(of).collect::<Vec<_>>();
    let projects: Vec<_> = origins.iter().map(|origin| dataset.project(origin.project)).collect();
    let kinds: Vec<_> = origins.iter().map(|origin| dataset.agent_kind(origin)).collect();
    Ok(vec![
        time,
        day,
        names(dataset, "session", &symbols(|origin| origin.session)),
        names(dataset, "project", &projects),
        names(dataset, "branch", &symbols(|origin| origin.branch)),
        names(dataset, "agent", &kinds),
        names(dataset, "agent_id", &symbols(|origin| origin.agent)),
    ])
}

fn names(dataset: &Dataset, name: &str, symbols: &[Symbol]) -> Column {
    let names = symbols.iter().map(|symbol| dataset.symbols().name(*symbol));
    StringChunked::from_iter_values(name.into(), names).into_column()
}

fn sessions(messages: &LazyFrame, prompts: &LazyFrame) -> Result<LazyFrame, Error> {
    let activity = |frame: &LazyFrame, messages: u64, prompts: u64| {
        frame.clone().select([col("session"), col("time"), lit(messages).alias("messages"), lit(prompts).alias("prompts")])
    };
    let all = concat([activity(messages, 1, 0), activity(prompts, 0, 1)], UnionArgs::default())?;
    let sums = [col("time").min().alias("first"), col("time").max().alias("last"), col("messages").sum(), col("prompts").sum()];
    Ok(all.group_by([col("session")]).agg(sums).sort(["session"], SortMultipleOptions::default()))
}

impl From<PolarsError> for Error {
    fn from(error: PolarsError) -> Error {
        Error::Frames(error.to_string())
    }
}
