//! Five-hour windows as a table.

use crate::blocks::{BlockTally, blocks_of};
use crate::prices::Prices;
use crate::query::{Query, Selection};
use crate::report::summary::{DETAILS, SPENDING, spending_cells};
use crate::table::{Kind, Table, Value};
use crate::untrusted::Untrusted;

const WHEN: [(&str, Kind); 3] = [("start", Kind::Instant), ("end", Kind::Instant), ("is_active", Kind::Flag)];
const PACE: [(&str, Kind); 4] = [
    ("cost_per_hour", Kind::Money),
    ("projected_cost", Kind::Money),
    ("tokens_per_hour", Kind::Tokens),
    ("projected_tokens", Kind::Tokens),
];
const REST: [(&str, Kind); 7] = [
    ("first", Kind::Instant),
    ("last", Kind::Instant),
    ("sessions", Kind::Count),
    ("calls", Kind::Count),
    ("models", Kind::Text),
    ("unpriced_messages", Kind::Count),
    ("not_final_messages", Kind::Count),
];

/// One row per block, in their order.
pub(super) fn table(selection: &Selection, prices: &Prices, now_ms: Option<i64>) -> Table {
    let mut table = Table::new(&[&WHEN[..], &SPENDING, &PACE, &REST].concat()).details(&DETAILS).details(&["end", "tokens.output"]);
    table = table.details(&["cost_per_hour", "tokens_per_hour", "projected_tokens"]).details(&REST.map(|(name, _)| name));
    for block in blocks_of(selection, prices) {
        table.push(row(&block, selection, now_ms));
    }
    table
}

fn row(block: &BlockTally, selection: &Selection, now_ms: Option<i64>) -> Vec<Value> {
    let text = |instant_ms| Value::instant(instant_ms, selection.calendar());
    let window = block.window;
    let start = window.map_or(Value::text("unknown"), |window| text(Some(window.start_ms)));
    let is_active = window.zip(now_ms).is_some_and(|(window, now)| window.holds(now));
    let mut cells = vec![start, text(window.map(|window| window.end_ms())), Value::Flag(is_active)];
    cells.extend(spending_cells(selection.of_messages(&block.spending)));
    cells.extend(pace(block, selection.of_messages(now_ms).flatten()));
    cells.extend([text(window.map(|window| window.first_ms)), text(window.map(|window| window.last_ms))]);
    cells.extend([block.sessions.into(), block.calls.into()]);
    cells.push(Value::List(block.models.iter().map(|(model, _)| Untrusted::new(model)).collect()));
    cells.extend([block.spending.unpriced_messages.into(), block.spending.not_final_messages.into()]);
    cells
}

/// The cells under [`PACE`].
fn pace(block: &BlockTally, now_ms: Option<i64>) -> [Value; 4] {
    let pace = now_ms.and_then(|now| block.pace(now));
    [
        pace.and_then(|pace| pace.cost_per_hour).into(),
        pace.and_then(|pace| pace.projected_cost).into(),
        pace.map(|pace| pace.tokens_per_hour).into(),
        pace.map(|pace| pace.projected_tokens).into(),
    ]
}

/// What a reader must know when a block reaches over an end of the range.
pub(super) fn note(asked: &Query, whole: &Query) -> Option<String> {
    let (asked, shown) = (asked.range.instants(&asked.calendar), whole.range.instants(&whole.calendar));
    let starts_earlier = asked.start_ms.is_some_and(|start| shown.start_ms < Some(start));
    let ends_later = asked.end_ms.is_some_and(|end| shown.end_ms > Some(end));
    (starts_earlier || ends_later).then(|| "blocks are whole: what they hold before and behind the range counts too".into())
}
