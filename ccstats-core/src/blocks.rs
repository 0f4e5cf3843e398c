//! Five-hour windows of use: what each held, and where the active one leads.
//!
//! A block lasts five hours from the full UTC hour of its first message; the first
//! message after its end starts the next. So where one starts depends on all that
//! came before: windows are made of every message that was read, and a filter
//! changes what counts in them, never where they lie.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dataset::Dataset;
use crate::error::Error;
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::rows::Origin;
use crate::symbols::Symbol;
use crate::tally::{Spending, ranked};
use crate::time::{BLOCK_MS, Bounds, HOUR_MS, Range};

/// The five hours of a block, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockWindow {
    /// The full UTC hour of its first message.
    pub start_ms: i64,
    /// When its first message was.
    pub first_ms: i64,
    /// When its last message was.
    pub last_ms: i64,
}

impl BlockWindow {
    /// Where it ends; what is said then is part of the next.
    pub fn end_ms(&self) -> i64 {
        self.start_ms + BLOCK_MS
    }

    /// Whether an instant lies in it: *now* in the active one.
    pub fn holds(&self, instant_ms: i64) -> bool {
        (self.start_ms..self.end_ms()).contains(&instant_ms)
    }
}

/// What happened in one window.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BlockTally {
    /// When; `None` for what has no usable time.
    pub window: Option<BlockWindow>,
    /// Its messages.
    pub spending: Spending,
    /// Its tool calls.
    pub calls: u64,
    /// Sessions with a message in it.
    pub sessions: u64,
    /// By the name of the model, the most expensive first.
    pub models: Vec<(String, Spending)>,
}

/// Where an active block leads, if it goes on as it did so far. Money is in
/// picodollars; `None` where no message has a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// What an hour costs.
    pub cost_per_hour: Option<u128>,
    /// Tokens of all kinds in an hour.
    pub tokens_per_hour: u128,
    /// What the whole block will cost.
    pub projected_cost: Option<u128>,
    /// Tokens of all kinds in the whole block.
    pub projected_tokens: u128,
}

impl BlockTally {
    /// The pace since the first message, when the block is active at an instant.
    pub fn pace(&self, now_ms: i64) -> Option<Pace> {
        let window = self.window.filter(|window| window.holds(now_ms))?;
        let elapsed = elapsed_ms(window.first_ms, now_ms);
        let left = u128::from(window.end_ms().abs_diff(now_ms));
        let per_hour = |sum: u128| sum * u128::from(HOUR_MS.unsigned_abs()) / elapsed;
        let projected = |sum: u128| sum + sum * left / elapsed;
        let (cost, tokens) = (self.spending.total_cost(), self.spending.tokens());
        Some(Pace {
            cost_per_hour: cost.map(per_hour),
            tokens_per_hour: per_hour(tokens),
            projected_cost: cost.map(projected),
            projected_tokens: projected(tokens),
        })
    }
}

/// The windows of all messages, in their order.
pub fn block_windows(dataset: &Dataset) -> Vec<BlockWindow> {
    let mut stamps: Vec<i64> = dataset.messages().iter().filter_map(|row| row.origin.order.stamp_ms()).collect();
    stamps.sort_unstable();
    let mut windows: Vec<BlockWindow> = Vec::new();
    for stamp in stamps {
        match windows.last_mut() {
            Some(window) if stamp < window.end_ms() => window.last_ms = stamp,
            _ => windows.push(BlockWindow { start_ms: stamp - stamp.rem_euclid(HOUR_MS), first_ms: stamp, last_ms: stamp }),
        }
    }
    windows
}

/// The blocks of which the query selects something, and the one that is active now. They are
/// whole: what they hold before and behind the range counts too.
///
/// # Errors
/// [`Error::Glob`] when a filter is no valid glob.
pub fn blocks(dataset: &Dataset, query: &Query, prices: &Prices, now_ms: Option<i64>) -> Result<Vec<BlockTally>, Error> {
    Ok(blocks_of(&Selection::new(dataset, &over_whole_blocks(dataset, query, now_ms))?, prices))
}

/// The blocks of a selection.
pub(crate) fn blocks_of(selection: &Selection, prices: &Prices) -> Vec<BlockTally> {
    let dataset = selection.dataset();
    let windows = block_windows(dataset);
    let mut sums: FxHashMap<Option<usize>, Sums> = FxHashMap::default();
    for (row, cost) in dataset.priced_messages(prices).filter(|(row, _)| selection.keeps_message(row)) {
        let sums = sums.entry(index(&windows, &row.origin)).or_default();
        sums.spending.add(row, cost);
        sums.sessions.insert(row.origin.session);
        sums.models.entry(row.model).or_default().add(row, cost);
    }
    for (row, _) in selection.calls() {
        let sums = sums.entry(index_of_call(&windows, &row.origin)).or_default();
        sums.calls += 1;
        if selection.keeps_calls_only() {
            sums.sessions.insert(row.origin.session);
        }
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    // Without a time comes last, as in other reports.
    sums.sort_by_key(|(index, _)| index.unwrap_or(usize::MAX));
    sums.into_iter().map(|(index, sums)| sums.block(index.map(|index| windows[index]), dataset)).collect()
}

/// The query over whole blocks: its range takes in all of every block that has a
/// message in it, and of the block that is active at an instant.
pub(crate) fn over_whole_blocks(dataset: &Dataset, query: &Query, now_ms: Option<i64>) -> Query {
    let asked = query.range.instants(&query.calendar);
    let is_active = |window: &BlockWindow| now_ms.is_some_and(|now| window.holds(now));
    let last_of = |window: &BlockWindow| if is_active(window) { window.end_ms() - 1 } else { window.last_ms };
    let windows = block_windows(dataset);
    let mut shown = windows.iter().enumerate().filter(|(_, window)| asked.meets(window.first_ms, last_of(window)));
    let Some((index, first)) = shown.next() else { return query.clone() };
    let (index, last) = shown.next_back().unwrap_or((index, first));
    // Calls are written behind their messages.
    let of_last = |origin: &Origin| index_of_call(&windows, origin) == Some(index);
    let last_call = dataset.calls().filter(|(row, _)| of_last(&row.origin)).filter_map(|(row, _)| row.origin.order.stamp_ms()).max();
    let last_ms = last_call.map_or(last.last_ms, |last_call| last_call.max(last.last_ms));
    let bounds = if asked.is_open() {
        query.range.bounds
    } else {
        let start = asked.start_ms.map_or(i64::MIN, |start| start.min(first.first_ms));
        Bounds::Instants(start, asked.end_ms.map_or(i64::MAX, |end| end.max(last_ms + 1)))
    };
    Query { range: Range { name: query.range.name.clone(), bounds }, ..query.clone() }
}

/// The time that a pace is measured over: ten minutes at least, because the first
/// request alone says little about an hour.
pub(crate) fn elapsed_ms(since_ms: i64, now_ms: i64) -> u128 {
    const SHORTEST_MS: i64 = 10 * 60_000;
    u128::from(now_ms.saturating_sub(since_ms).max(SHORTEST_MS).unsigned_abs())
}

/// The window of a call: its line may be written when the window of its message is over.
fn index_of_call(windows: &[BlockWindow], origin: &Origin) -> Option<usize> {
    let stamp = origin.order.stamp_ms()?;
    windows.partition_point(|window| window.start_ms <= stamp).checked_sub(1)
}

/// The window that a row lies in.
fn index(windows: &[BlockWindow], origin: &Origin) -> Option<usize> {
    let stamp = origin.order.stamp_ms()?;
    let index = windows.partition_point(|window| window.start_ms <= stamp).checked_sub(1)?;
    windows[index].holds(stamp).then_some(index)
}

#[derive(Default)]
struct Sums {
    spending: Spending,
    calls: u64,
    sessions: FxHashSet<Symbol>,
    models: FxHashMap<Symbol, Spending>,
}

impl Sums {
    fn block(self, window: Option<BlockWindow>, dataset: &Dataset) -> BlockTally {
        let Sums { spending, calls, sessions, models } = self;
        let models = ranked(dataset, models, |spending| (spending.total_cost(), spending.tokens()));
        BlockTally { window, spending, calls, sessions: sessions.len() as u64, models }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dataset;
    use crate::time::parse_instant;

    fn at(clock: &str) -> i64 {
        parse_instant(format!("2026-11-{clock}Z").as_bytes()).expect("a time")
    }

    /// Responses at these times, each of the model and the output that is given.
    fn of(responses: &[(&str, &str, u32)]) -> Dataset {
        let line = |(id, (clock, model, output)): (usize, &(&str, &str, u32))| {
            let usage = format!(r#"{{"output_tokens":{output}}}"#);
            format!(
                r#"{{"type":"assistant","uuid":"u{id}","sessionId":"s","cwd":"/{model}","timestamp":"2026-11-{clock}Z","message":{{"id":"msg_{id}","model":"{model}","usage":{usage}}}}}"#
            )
        };
        dataset(&[("p/s.jsonl", &responses.iter().enumerate().map(line).collect::<Vec<_>>())])
    }

    const OPUS: &str = "claude-opus-4-5";

    fn starts(dataset: &Dataset) -> Vec<i64> {
        block_windows(dataset).iter().map(|window| window.start_ms).collect()
    }

    #[test]
    fn a_block_lasts_five_hours_from_the_full_hour() {
        let dataset = of(&[
            ("03T10:59:59.999", OPUS, 1),
            ("03T14:59:59.999", OPUS, 1), // the last instant of the first
            ("03T15:00:00.000", OPUS, 1), // its end starts the next
            ("03T19:59:59.000", OPUS, 1),
            ("04T09:30:00.000", OPUS, 1), // after a gap
        ]);
        assert_eq!(starts(&dataset), [at("03T10:00:00"), at("03T15:00:00"), at("04T09:00:00")]);
        let first = block_windows(&dataset)[0];
        assert_eq!((first.first_ms, first.last_ms, first.end_ms()), (at("03T10:59:59.999"), at("03T14:59:59.999"), at("03T15:00:00")));
    }

    #[test]
    fn blocks_before_1970_start_at_full_hours_too() {
        assert_eq!(starts(&of(&[("03T10:20:00", OPUS, 1)])), [at("03T10:00:00")]);
        let early =
            r#"{"type":"assistant","uuid":"u","sessionId":"s","timestamp":"1969-12-31T22:20:00Z","message":{"id":"msg_1","usage":{}}}"#;
        assert_eq!(starts(&dataset(&[("p/s.jsonl", &[early.into()])])), [-2 * HOUR_MS]);
    }

    #[test]
    fn a_filter_changes_what_counts_in_a_block_and_not_where_it_lies() {
        let dataset = of(&[("03T10:00:00", "a", 1), ("03T14:00:00", "b", 2), ("03T16:00:00", "b", 4)]);
        let query = Query { projects: vec!["/b".into()], ..Query::all() };
        let blocks = blocks(&dataset, &query, Prices::builtin(), None).expect("no glob");
        let found: Vec<_> = blocks.iter().map(|block| (block.window.map(|window| window.start_ms), block.spending.output)).collect();
        assert_eq!(found, [(Some(at("03T10:00:00")), 2), (Some(at("03T16:00:00")), 4)]);
    }

    /// The output that a range of days shows, with the block active that holds *now*.
    fn shown(dataset: &Dataset, day: &str, now: &str) -> u128 {
        let day = format!("2026-11-{day}").parse().ok();
        let range = Range { name: "day".into(), bounds: Bounds::Days(day, day) };
        let query = Query { range, ..Query::all() };
        blocks(dataset, &query, Prices::builtin(), Some(at(now))).expect("no glob").iter().map(|block| block.spending.output).sum()
    }

    #[test]
    fn a_range_shows_whole_blocks_that_have_a_message_in_it() {
        let dataset = of(&[("03T12:00:00", OPUS, 1), ("03T23:00:00", OPUS, 2), ("04T03:00:00", OPUS, 4), ("04T08:00:00", OPUS, 8)]);
        assert_eq!([shown(&dataset, "03", "20T00:00:00"), shown(&dataset, "04", "20T00:00:00")], [7, 14]);
    }

    #[test]
    fn a_call_belongs_to_the_block_of_its_message_though_it_is_written_behind_it() {
        let line = |id: u32, clock: &str, rest: &str| {
            format!(
                r#"{{"type":"assistant","uuid":"u{id}","sessionId":"s","timestamp":"2026-11-{clock}Z","message":{{"id":"msg_{id}",{rest}}}}}"#
            )
        };
        let usage = r#""usage":{"output_tokens":1}"#;
        let call = |id: u32| format!(r#""content":[{{"type":"tool_use","id":"toolu_{id}","name":"Bash","input":{{}}}}]"#);
        let lines = [
            line(1, "03T21:10:00", usage),
            line(2, "04T00:10:00", usage),
            line(2, "04T00:10:02", &call(1)),
            line(3, "05T14:59:59", usage),
            line(3, "05T15:00:02", &call(2)),
        ];
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        let calls = |query: &Query| {
            let blocks = blocks(&dataset, query, Prices::builtin(), None).expect("no glob");
            blocks.iter().map(|block| (block.window.is_some(), block.calls)).collect::<Vec<_>>()
        };
        assert_eq!(calls(&Query::all()), [(true, 1), (true, 1)]);
        let day = "2026-11-03".parse().ok();
        let range = Range { name: "day".into(), bounds: Bounds::Days(day, day) };
        assert_eq!(calls(&Query { range, ..Query::all() }), [(true, 1)]);
    }

    #[test]
    fn a_block_that_began_yesterday_and_is_active_is_part_of_today() {
        let dataset = of(&[("03T12:00:00", OPUS, 1), ("03T23:00:00", OPUS, 2)]);
        assert_eq!(shown(&dataset, "04", "04T03:59:59"), 2);
        assert_eq!(shown(&dataset, "04", "04T04:00:00"), 0, "it is over");
    }

    #[test]
    fn a_pace_goes_by_the_time_since_the_first_message() {
        // $25 per million tokens of output: 40,000 are $1.
        let dataset = of(&[("03T10:30:00", OPUS, 30_000), ("03T11:00:00", OPUS, 10_000)]);
        let block = blocks(&dataset, &Query::all(), Prices::builtin(), None).expect("no glob").remove(0);
        let pace = block.pace(at("03T11:30:00")).expect("it is active");
        let dollar = crate::prices::PICODOLLARS;
        assert_eq!((pace.cost_per_hour, pace.tokens_per_hour), (Some(dollar), 40_000));
        // Three and a half hours are left.
        assert_eq!((pace.projected_cost, pace.projected_tokens), (Some(dollar * 9 / 2), 180_000));
        // One request is no pace: ten minutes at least.
        assert_eq!(block.pace(at("03T10:31:00")).and_then(|pace| pace.cost_per_hour), Some(dollar * 6));
        assert_eq!([block.pace(at("03T09:59:59")), block.pace(at("03T15:00:00"))], [None, None]);
    }

    #[test]
    fn without_a_price_a_pace_has_no_money() {
        let block = blocks(&of(&[("03T10:00:00", "mystery", 60)]), &Query::all(), Prices::builtin(), None).expect("no glob").remove(0);
        let pace = block.pace(at("03T11:00:00")).expect("it is active");
        assert_eq!((pace.cost_per_hour, pace.projected_cost, pace.tokens_per_hour), (None, None, 60));
        assert_eq!(block.spending.unpriced_messages, 1);
    }
}
