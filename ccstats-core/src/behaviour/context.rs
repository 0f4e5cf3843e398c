//! How contexts grew, were cut, and were paid for again (`behaviour.md`, "Context").
//!
//! All of it is measured: the context of a response is its input, cache writes and
//! cache reads. The main thread and each subagent are threads of their own.
//! Sidechains of old versions have no id, so several of them look like one
//! thread: their sizes count, but nothing is told from one response to the next.
//!
//! Rebuilt tokens are counted to the last one. A rebuild as an event is one that
//! Claude Code's own status line would call a miss: at least 2,000 tokens and more
//! than 5 % again (`integration.md` 3).

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::epochs::{Thread, rewinds};
use crate::dataset::Dataset;
use crate::dedup::Key;
use crate::error::Error;
use crate::outcome::Outcome;
use crate::prices::{PICODOLLARS, Price, Prices};
use crate::query::{Query, Selection};
use crate::rows::{Cut, CutRow, MessageRow, Order, Origin};
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::untrusted::Untrusted;
use crate::usage::Tokens;

/// The contexts of one session.
#[derive(Clone, Debug)]
pub(crate) struct SessionContext {
    pub(crate) session: Symbol,
    pub(crate) project: Symbol,
    /// Compactions that say what started them, and those that do not.
    pub(crate) auto: u64,
    pub(crate) manual: u64,
    pub(crate) untold: u64,
    /// The largest context that was compacted, as Claude Code wrote it down.
    pub(crate) tokens_before: Option<u64>,
    pub(crate) largest_context: u64,
    pub(crate) largest_jump: Option<Jump>,
    pub(crate) rebuilt_tokens: u64,
    /// The rebuilds that are large enough to be events, the largest first.
    pub(crate) rebuilds: Vec<Rebuild>,
    /// Picodollars that rebuilt tokens cost beyond reading them.
    extra_cost: u128,
    /// Whether a response with rebuilt tokens has a price.
    is_priced: bool,
    first: Order,
}

/// The growth of a context from one response to the next, less what the model
/// itself wrote: what came in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jump {
    pub(crate) tokens: u64,
    pub(crate) cause: Cause,
    order: Order,
}

/// What made a context grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Results came in; the largest is that of this tool.
    Tool(Symbol),
    Prompt,
    /// Something that Claude Code put in: a command, a notice, an attachment.
    Other,
}

/// Tokens that stood in the cache and had to be sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rebuild {
    pub(crate) tokens: u64,
    pub(crate) reason: Reason,
    order: Order,
}

/// Why a cache was rebuilt, as far as transcripts tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
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

    pub(crate) fn compactions(&self) -> u64 {
        self.auto + self.manual + self.untold
    }

    /// What rebuilt tokens cost beyond reading them, in picodollars; `None` when
    /// there are some and none has a price.
    pub(crate) fn extra_cost(&self) -> Option<u128> {
        (self.is_priced || self.rebuilt_tokens == 0).then_some(self.extra_cost)
    }

    pub(crate) fn rebuilds_with(&self, reason: Reason) -> u64 {
        self.rebuilds.iter().filter(|rebuild| rebuild.reason == reason).count() as u64
    }
}

/// Sessions with a message or a compaction that the query selects; those that
/// paid most for rebuilds first.
pub(crate) fn rows(dataset: &Dataset, query: &Query, prices: &Prices) -> Result<Vec<SessionContext>, Error> {
    let mut walk = Walk::new(dataset, Selection::new(dataset, query)?, prices);
    let mut steps = steps(dataset);
    steps.sort_unstable_by_key(|step| (step.thread, step.order));
    for thread in steps.chunk_by(|a, b| a.thread == b.thread) {
        walk.thread(thread);
    }
    let mut rows: Vec<_> = walk.sessions.into_values().collect();
    for row in &mut rows {
        row.rebuilds.sort_by_key(|rebuild| (Reverse(rebuild.tokens), rebuild.order));
    }
    let name = |row: &SessionContext| dataset.symbols().bytes(row.session);
    rows.sort_by(|a, b| {
        let size = |row: &SessionContext| (row.extra_cost, row.rebuilt_tokens, row.largest_context);
        size(b).cmp(&size(a)).then_with(|| name(a).cmp(name(b)))
    });
    Ok(rows)
}

/// One thing that happened in a thread.
#[derive(Clone, Copy)]
struct Step<'d> {
    thread: Thread,
    order: Order,
    what: What<'d>,
}

#[derive(Clone, Copy)]
enum What<'d> {
    Response(&'d MessageRow),
    Result {
        tool: Symbol,
        size_bytes: u32,
    },
    Prompt,
    /// A prompt that hangs on an older line.
    Rewind {
        back_to_ms: i64,
    },
    Compaction(&'d CutRow),
}

/// All that the contexts of all threads are made of, in no order.
fn steps(dataset: &Dataset) -> Vec<Step<'_>> {
    let facts = dataset.facts();
    let step = |origin: &Origin, what| Step { thread: Thread::of(origin), order: origin.order, what };
    let mut steps = Vec::with_capacity(dataset.messages().len() + facts.results.rows().len() + dataset.prompts().len());
    // An advisor has a context of its own, which nobody wrote down as a thread.
    let responses = dataset.messages().iter().filter(|row| !row.is_advisor);
    steps.extend(responses.map(|row| step(&row.origin, What::Response(row))));
    for (call, ending) in dataset.calls() {
        // What did not run brings nothing but a sentence about that.
        let has_run = !matches!(ending.outcome, Outcome::NoResult | Outcome::Denied | Outcome::Cancelled | Outcome::Interrupted);
        if let Some(result) = has_run.then(|| facts.results.get(call.key)).flatten() {
            let what = What::Result { tool: call.tool, size_bytes: result.size_bytes };
            steps.push(Step { thread: Thread::of(&call.origin), order: result.order, what });
        }
    }
    steps.extend(dataset.prompts().iter().map(|row| step(&row.origin, What::Prompt)));
    steps.extend(rewinds(dataset).map(|(row, back_to_ms)| step(&row.origin, What::Rewind { back_to_ms })));
    let compactions = facts.cuts.rows().iter().filter(|row| matches!(row.kind, Cut::Compaction | Cut::CompactSummary));
    steps.extend(compactions.map(|row| step(&row.origin, What::Compaction(row))));
    steps
}

/// What came in since the last response of a thread.
#[derive(Default)]
struct Between<'d> {
    largest_result: Option<(u32, Symbol)>,
    has_prompt: bool,
    /// When the last of it came: then the next request was sent.
    last_ms: Option<i64>,
    boundaries: Vec<&'d CutRow>,
    summaries: Vec<&'d CutRow>,
}

impl Between<'_> {
    fn cause(&self) -> Cause {
        match self.largest_result {
            Some((_, tool)) => Cause::Tool(tool),
            None if self.has_prompt => Cause::Prompt,
            None => Cause::Other,
        }
    }

    fn has_compaction(&self) -> bool {
        !self.boundaries.is_empty() || !self.summaries.is_empty()
    }
}

/// A response, and what the next one needs to know of it.
#[derive(Clone, Copy)]
struct Before<'d> {
    row: &'d MessageRow,
    sent_ms: Option<i64>,
    life_ms: i64,
}

/// Goes through all threads and keeps what the query selects.
struct Walk<'d> {
    dataset: &'d Dataset,
    selection: Selection<'d>,
    prices: &'d Prices,
    known_prices: FxHashMap<Symbol, Option<&'d Price>>,
    tools_changed: FxHashSet<Key>,
    sessions: FxHashMap<Symbol, SessionContext>,
}

impl<'d> Walk<'d> {
    fn new(dataset: &'d Dataset, selection: Selection<'d>, prices: &'d Prices) -> Walk<'d> {
        let tools_changed = dataset.facts().tools_changed.iter().copied().collect();
        Walk { dataset, selection, prices, known_prices: FxHashMap::default(), tools_changed, sessions: FxHashMap::default() }
    }

    fn thread(&mut self, steps: &[Step<'d>]) {
        let mut responses: Vec<Before> = Vec::new();
        let mut between = Between::default();
        for step in steps {
            match step.what {
                What::Response(row) => {
                    let gone = std::mem::take(&mut between);
                    self.compactions(&gone);
                    if gone.has_compaction() {
                        responses.clear();
                    }
                    let before = responses.last().copied();
                    self.response(before, &gone, row);
                    responses.push(after(before, &gone, row));
                    continue;
                }
                // What was taken back is no longer the past of what follows.
                What::Rewind { back_to_ms } => {
                    while responses.last().is_some_and(|last| last.row.origin.order.stamp_ms() > Some(back_to_ms)) {
                        responses.pop();
                    }
                }
                What::Result { tool, size_bytes } => {
                    // Results of one line have no order among them: the name decides.
                    let size = |(size_bytes, tool): (u32, Symbol)| (size_bytes, Reverse(self.dataset.symbols().bytes(tool)));
                    let result = (size_bytes, tool);
                    if between.largest_result.is_none_or(|largest| size(result) > size(largest)) {
                        between.largest_result = Some(result);
                    }
                }
                What::Prompt => between.has_prompt = true,
                What::Compaction(row) if row.kind == Cut::Compaction => between.boundaries.push(row),
                What::Compaction(row) => between.summaries.push(row),
            }
            between.last_ms = step.order.stamp_ms().or(between.last_ms);
        }
        self.compactions(&between);
    }

    fn session(&mut self, origin: &Origin) -> &mut SessionContext {
        let session = self.sessions.entry(origin.session).or_insert_with(|| SessionContext::new(origin));
        if origin.order < session.first {
            (session.first, session.project) = (origin.order, origin.project);
        }
        session
    }

    /// A boundary and its summary are one compaction. Old versions wrote the
    /// summary alone.
    fn compactions(&mut self, between: &Between) {
        for row in &between.boundaries {
            if !self.selection.keeps_event(&row.origin) {
                continue;
            }
            let is = |word: &[u8]| self.dataset.symbols().bytes(row.trigger) == word;
            let (is_auto, is_manual) = (is(b"auto"), is(b"manual"));
            let session = self.session(&row.origin);
            session.auto += u64::from(is_auto);
            session.manual += u64::from(is_manual);
            session.untold += u64::from(!is_auto && !is_manual);
            session.tokens_before = session.tokens_before.max(Some(row.tokens_before).filter(|tokens| *tokens > 0));
        }
        for row in between.summaries.iter().skip(between.boundaries.len()) {
            if self.selection.keeps_event(&row.origin) {
                self.session(&row.origin).untold += 1;
            }
        }
    }

    fn response(&mut self, before: Option<Before>, between: &Between, row: &MessageRow) {
        if !self.selection.keeps_message(row) {
            return;
        }
        let context = row.tokens.prompt();
        let session = self.session(&row.origin);
        session.largest_context = session.largest_context.max(context);
        let Some(before) = before.filter(|_| !Thread::of(&row.origin).is_crowd) else { return };
        self.rebuild(before, between, row);
        // Each model counts tokens in its own way. And what is read from a cache
        // that the response before does not know came in some other way.
        let known = before.row.tokens.prompt();
        if row.model != before.row.model || row.tokens.cache_read > known {
            return;
        }
        let session = self.session(&row.origin);
        let tokens = context.saturating_sub(known + before.row.tokens.output);
        let jump = Jump { tokens, cause: between.cause(), order: row.origin.order };
        let size = |jump: &Jump| (jump.tokens, Reverse(jump.order));
        if tokens > 0 && session.largest_jump.is_none_or(|largest| size(&jump) > size(&largest)) {
            session.largest_jump = Some(jump);
        }
    }

    fn rebuild(&mut self, before: Before, between: &Between, row: &MessageRow) {
        let tokens = rebuilt(&before.row.tokens, &row.tokens);
        if tokens == 0 {
            return;
        }
        let extra = self.extra_cost(row, tokens);
        let reason = self.reason(before, between, row);
        let order = row.origin.order;
        let session = self.session(&row.origin);
        session.rebuilt_tokens += tokens;
        session.extra_cost += extra.unwrap_or(0);
        session.is_priced |= extra.is_some();
        if is_event(tokens, &before.row.tokens, &row.tokens) {
            session.rebuilds.push(Rebuild { tokens, reason, order });
        }
    }

    fn reason(&self, before: Before, between: &Between, row: &MessageRow) -> Reason {
        let pause = sent_ms(between, row).zip(before.sent_ms).map(|(sent, before)| sent - before);
        if self.tools_changed.contains(&row.key) {
            Reason::ToolsChanged
        } else if row.model != before.row.model {
            Reason::OtherModel
        } else if pause.is_some_and(|pause| pause > before.life_ms) {
            Reason::Pause
        } else {
            Reason::Unknown
        }
    }

    /// What a response cost beyond what it would have, had it found the tokens
    /// in the cache. The prompt keeps its size, so both have the same tier.
    fn extra_cost(&mut self, row: &MessageRow, rebuilt: u64) -> Option<u128> {
        let (price, terms) = self.dataset.price(row, self.prices, &mut self.known_prices)?;
        let cost = |tokens: &Tokens| price.cost(tokens, terms).total();
        Some(cost(&row.tokens).saturating_sub(cost(&read_instead(&row.tokens, rebuilt))))
    }
}

/// Tokens that stood in the cache after one response and that the next had to
/// send again.
fn rebuilt(before: &Tokens, now: &Tokens) -> u64 {
    in_cache(before, now).saturating_sub(now.cache_read)
}

/// What the next response could have read from the cache.
fn in_cache(before: &Tokens, now: &Tokens) -> u64 {
    (before.cache_read + before.cache_write()).min(now.prompt())
}

fn is_event(tokens: u64, before: &Tokens, now: &Tokens) -> bool {
    const LEAST: u64 = 2_000;
    const SHARE: u64 = 20;
    tokens >= LEAST && tokens * SHARE > in_cache(before, now)
}

/// The same prompt with some tokens read instead of sent. What lives longest
/// stands first in a prompt, and what was there before stands before what is new.
fn read_instead(tokens: &Tokens, rebuilt: u64) -> Tokens {
    let one_hour = rebuilt.min(tokens.cache_write_1h);
    let five_minutes = (rebuilt - one_hour).min(tokens.cache_write_5m);
    let input = (rebuilt - one_hour - five_minutes).min(tokens.input);
    Tokens {
        cache_write_1h: tokens.cache_write_1h - one_hour,
        cache_write_5m: tokens.cache_write_5m - five_minutes,
        input: tokens.input - input,
        cache_read: tokens.cache_read + one_hour + five_minutes + input,
        ..*tokens
    }
}

/// When the request of a response was sent: when the last thing came that it
/// answers. The response itself may have taken minutes.
fn sent_ms(between: &Between, row: &MessageRow) -> Option<i64> {
    between.last_ms.or(row.origin.order.stamp_ms())
}

/// The life of the cache that a response leaves behind. A cache read keeps it
/// alive; it lives as long as the shortest of what was last written.
fn after<'d>(before: Option<Before<'d>>, between: &Between, row: &'d MessageRow) -> Before<'d> {
    const FIVE_MINUTES_MS: i64 = 300_000;
    const ONE_HOUR_MS: i64 = 3_600_000;
    let life_ms = match (row.tokens.cache_write_5m, row.tokens.cache_write_1h) {
        (0, 0) => before.map_or(FIVE_MINUTES_MS, |before| before.life_ms),
        (0, _) => ONE_HOUR_MS,
        _ => FIVE_MINUTES_MS,
    };
    Before { row, sent_ms: sent_ms(between, row), life_ms }
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
    let names = [("session", Kind::Text), ("project", Kind::Text)];
    let jump = [("largest_jump", Kind::Tokens), ("jump_cause", Kind::Text)];
    let (sizes, rebuilds) = COUNTS.split_at(5);
    let columns = [&names[..], sizes, &jump, rebuilds, &[("examples", Kind::Text)]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    table.rows = rows.iter().map(|row| cells(dataset, row)).collect();
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
    let rebuilds = counts.split_off(5);
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
    let mut places: Vec<String> = Vec::new();
    for order in orders {
        let (transcript, line) = dataset.locate(order.place);
        let place = format!("{}:{}:{line}", dataset.symbols().name(row.session), transcript.name.display());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    Value::List(places.into_iter().take(MOST).map(Untrusted::new).collect())
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
    table.rows.push(all);
    table
}

/// What to do about it.
pub(crate) fn advice(rows: &[SessionContext]) -> Option<String> {
    const CENT: u128 = PICODOLLARS / 100;
    let with = |reason| rows.iter().map(|row| row.rebuilds_with(reason)).sum::<u64>();
    let rebuilds: u64 = rows.iter().map(|row| row.rebuilds.len() as u64).sum();
    let cents = (rows.iter().map(|row| row.extra_cost).sum::<u128>() + CENT / 2) / CENT;
    let known = [Reason::Pause, Reason::OtherModel, Reason::ToolsChanged].map(|reason| (with(reason), reason));
    let (most, reason) = known.into_iter().rev().max_by_key(|(count, _)| *count).filter(|(count, _)| *count > 0)?;
    let what = match reason {
        Reason::OtherModel => "after a change of the model: choose it before the first prompt",
        Reason::ToolsChanged => "after a change of the tools: connect MCP servers before the first prompt",
        _ => "after a pause longer than its life: before a break, finish with `/compact`, and start other work with `/clear`",
    };
    Some(format!("the cache was rebuilt {rebuilds} times for about ${}.{:02}, {most} times {what}", cents / 100, cents % 100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::dataset;

    const OPUS: &str = "claude-opus-4-5";

    /// A line of the session `s`, at a time of one day.
    fn line(kind: &str, time: &str, members: &str) -> String {
        format!(r#"{{"type":"{kind}","sessionId":"s","cwd":"/p","timestamp":"2026-11-20T{time}Z",{members}}}"#)
    }

    /// A response with its input, cache writes for five minutes and an hour, cache read, output.
    struct Response<'r> {
        id: &'r str,
        time: &'r str,
        tokens: [u64; 5],
        model: &'r str,
        /// Members of the line, and of the message.
        members: &'r str,
        inner: &'r str,
    }

    fn response(id: &str, time: &str, tokens: [u64; 5]) -> String {
        written(Response { id, time, tokens, model: OPUS, members: "", inner: "" })
    }

    fn written(response: Response) -> String {
        let Response { id, time, tokens: [input, five, hour, read, output], model, members, inner } = response;
        let write = five + hour;
        line(
            "assistant",
            time,
            &format!(
                r#""uuid":"u{id}",{members}"message":{{"id":"msg_{id}","model":"{model}",{inner}"usage":{{"input_tokens":{input},"output_tokens":{output},"cache_creation_input_tokens":{write},"cache_read_input_tokens":{read},"cache_creation":{{"ephemeral_5m_input_tokens":{five},"ephemeral_1h_input_tokens":{hour}}}}}}}"#
            ),
        )
    }

    fn call(id: &str, time: &str, tool: &str) -> String {
        line(
            "assistant",
            time,
            &format!(
                r#""message":{{"id":"msg_of_{id}","content":[{{"type":"tool_use","id":"toolu_{id}","name":"{tool}","input":{{}}}}]}}"#
            ),
        )
    }

    fn result(id: &str, time: &str, text: &str) -> String {
        line("user", time, &format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{id}","content":"{text}"}}]}}"#))
    }

    fn prompt(time: &str) -> String {
        line("user", time, r#""message":{"content":"go"}"#)
    }

    fn boundary(uuid: &str, time: &str, metadata: &str) -> String {
        line("system", time, &format!(r#""uuid":"{uuid}","subtype":"compact_boundary","compactMetadata":{{{metadata}}}"#))
    }

    fn summary(uuid: &str, time: &str) -> String {
        line("user", time, &format!(r#""uuid":"{uuid}","isCompactSummary":true,"message":{{"content":"This session is …"}}"#))
    }

    fn contexts(lines: &[String]) -> Vec<SessionContext> {
        rows(&dataset(&[("p/s.jsonl", lines)]), &Query::all(), Prices::list()).expect("no globs")
    }

    fn context(lines: &[String]) -> SessionContext {
        contexts(lines).pop().expect("one session")
    }

    fn reasons(lines: &[String]) -> Vec<(u64, Reason)> {
        context(lines).rebuilds.iter().map(|rebuild| (rebuild.tokens, rebuild.reason)).collect()
    }

    #[test]
    fn a_boundary_and_its_summary_are_one_compaction() {
        let lines = [
            response("1", "10:00:00", [0, 100, 0, 0, 1]),
            boundary("b1", "10:01:00", r#""trigger":"auto","preTokens":160000"#),
            summary("s1", "10:01:01"),
            response("2", "10:02:00", [0, 50, 0, 0, 1]),
            // A clock that went back puts the summary first.
            summary("s2", "10:03:00"),
            boundary("b2", "10:03:01", r#""trigger":"manual","preTokens":90000"#),
            response("3", "10:04:00", [0, 50, 0, 0, 1]),
            summary("s3", "10:05:00"),
        ];
        let context = context(&lines);
        assert_eq!((context.auto, context.manual, context.untold), (1, 1, 1));
        assert_eq!((context.compactions(), context.tokens_before), (3, Some(160_000)));
    }

    #[test]
    fn the_largest_context_is_that_of_one_response() {
        let lines = [response("1", "10:00:00", [1, 2, 4, 8, 16]), response("2", "10:01:00", [1, 1, 1, 1, 99])];
        assert_eq!(context(&lines).largest_context, 15);
    }

    #[test]
    fn the_largest_jump_names_the_tool_of_the_largest_result() {
        let lines = [
            response("1", "10:00:00", [0, 1_000, 0, 0, 100]),
            call("a", "10:00:01", "Read"),
            call("b", "10:00:01", "Grep"),
            result("a", "10:00:02", "a long result"),
            result("b", "10:00:03", "short"),
            response("2", "10:00:04", [0, 5_000, 0, 1_000, 100]),
            prompt("10:01:00"),
            response("3", "10:01:04", [0, 200, 0, 6_000, 100]),
        ];
        let (jump, tools) = (context(&lines).largest_jump.expect("it grew"), dataset(&[("p/s.jsonl", &lines)]));
        assert_eq!(jump.tokens, 4_900);
        let row = cells(&tools, &rows(&tools, &Query::all(), Prices::list()).expect("no globs")[0]);
        assert!(row.contains(&Value::text("Read")), "{row:?}");
    }

    #[test]
    fn what_the_model_wrote_itself_is_no_jump() {
        let lines =
            [response("1", "10:00:00", [0, 1_000, 0, 0, 500]), prompt("10:00:30"), response("2", "10:01:00", [0, 600, 0, 1_000, 1])];
        let jump = context(&lines).largest_jump.expect("it grew");
        assert_eq!((jump.tokens, jump.cause), (100, Cause::Prompt));
        let lines = [response("1", "10:00:00", [0, 1_000, 0, 0, 500]), response("2", "10:01:00", [0, 500, 0, 1_000, 1])];
        assert!(context(&lines).largest_jump.is_none());
    }

    #[test]
    fn a_result_of_a_call_that_did_not_run_is_no_cause() {
        let lines = [
            response("1", "10:00:00", [0, 1_000, 0, 0, 1]),
            call("a", "10:00:01", "Bash"),
            result("a", "10:00:02", "[Request interrupted by user for tool use]"),
            prompt("10:00:30"),
            response("2", "10:01:00", [0, 600, 0, 1_000, 1]),
        ];
        assert_eq!(context(&lines).largest_jump.expect("it grew").cause, Cause::Prompt);
    }

    #[test]
    fn a_cache_that_is_read_whole_is_no_rebuild() {
        let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "10:01:00", [5, 500, 0, 10_000, 1])];
        let context = context(&lines);
        assert_eq!((context.rebuilt_tokens, context.rebuilds.len(), context.extra_cost()), (0, 0, Some(0)));
    }

    #[test]
    fn small_rebuilds_count_as_tokens_and_not_as_events() {
        let with = |first: u64, read| {
            let again = first - read;
            let context = context(&[response("1", "10:00:00", [0, first, 0, 0, 1]), response("2", "10:01:00", [0, again, 0, read, 1])]);
            (context.rebuilt_tokens, context.rebuilds.len())
        };
        assert_eq!(with(10_000, 8_000), (2_000, 1));
        assert_eq!(with(10_000, 8_001), (1_999, 0));
        assert_eq!(with(100_000, 95_000), (5_000, 0));
        assert_eq!(with(100_000, 94_999), (5_001, 1));
    }

    #[test]
    fn a_rebuild_is_never_larger_than_the_prompt() {
        let lines = [response("1", "10:00:00", [0, 90_000, 0, 0, 1]), response("2", "10:01:00", [0, 5_000, 0, 2_000, 1])];
        assert_eq!(reasons(&lines), [(5_000, Reason::Unknown)]);
    }

    #[test]
    fn a_pause_is_measured_from_request_to_request_by_the_cache_that_was_written() {
        let five_minutes = |asked: &str, answered: &str| {
            let first = [prompt("10:00:00"), response("1", "10:00:10", [0, 10_000, 0, 0, 1])];
            reasons(&[&first[..], &[prompt(asked), response("2", answered, [0, 10_000, 0, 0, 1])]].concat())
        };
        assert_eq!(five_minutes("10:05:01", "10:05:05"), [(10_000, Reason::Pause)]);
        assert_eq!(five_minutes("10:04:59", "10:09:00"), [(10_000, Reason::Unknown)]);
        let one_hour = |asked: &str| {
            let first = [prompt("10:00:00"), response("1", "10:00:10", [0, 0, 10_000, 0, 1])];
            // A response that only reads keeps the cache alive, and its life as it was.
            let read = [prompt("10:30:00"), response("2", "10:30:01", [9, 0, 0, 10_000, 1])];
            reasons(&[&first[..], &read, &[prompt(asked), response("3", asked, [0, 0, 10_000, 0, 1])]].concat())
        };
        assert_eq!(one_hour("11:29:59"), [(10_000, Reason::Unknown)]);
        assert_eq!(one_hour("11:30:01"), [(10_000, Reason::Pause)]);
    }

    #[test]
    fn another_model_and_changed_tools_are_reasons_before_a_pause() {
        let second = |model: &str, inner: &str| {
            let tokens = [0, 10_000, 0, 0, 1];
            let second = written(Response { id: "2", time: "12:00:00", tokens, model, members: "", inner });
            reasons(&[response("1", "10:00:00", tokens), second])
        };
        assert_eq!(second("claude-sonnet-4-5", ""), [(10_000, Reason::OtherModel)]);
        let why = |reason: &str| format!(r#""diagnostics":{{"cache_miss_reason":{{"type":"{reason}","cache_missed_input_tokens":9}}}},"#);
        assert_eq!(second(OPUS, &why("tools_changed")), [(10_000, Reason::ToolsChanged)]);
        assert_eq!(second(OPUS, &why("unavailable")), [(10_000, Reason::Pause)]);
        assert_eq!(second(OPUS, r#""diagnostics":null,"#), [(10_000, Reason::Pause)]);
    }

    #[test]
    fn nothing_is_rebuilt_across_a_compaction() {
        let (first, second) = (response("1", "10:00:00", [0, 90_000, 0, 0, 1]), response("2", "10:02:00", [0, 90_000, 0, 0, 1]));
        for cut in [boundary("b", "10:01:00", ""), summary("s", "10:01:00")] {
            let context = context(&[first.clone(), cut, second.clone()]);
            assert_eq!((context.rebuilt_tokens, context.compactions()), (0, 1));
            assert!(context.largest_jump.is_none());
        }
    }

    #[test]
    fn a_rewind_goes_back_to_the_response_that_it_hangs_on() {
        let hung = |uuid: &str, parent: &str, time: &str| {
            line("user", time, &format!(r#""uuid":"{uuid}","parentUuid":"{parent}","message":{{"content":"go"}}"#))
        };
        let lines = |parent: &str| {
            [
                hung("p1", "", "10:00:00"),
                response("1", "10:00:10", [0, 50_000, 0, 0, 1]),
                hung("p2", "u1", "10:01:00"),
                response("2", "10:01:10", [0, 40_000, 0, 50_000, 1]),
                hung("p3", parent, "10:02:00"),
                response("3", "10:02:10", [0, 9_000, 0, 50_000, 1]),
            ]
        };
        assert_eq!(reasons(&lines("u1")), []);
        assert_eq!(reasons(&lines("u2")), [(9_000, Reason::Unknown)]);
        // Back to the summary is not back behind the compaction.
        let compacted = [
            response("1", "10:00:10", [0, 50_000, 0, 0, 1]),
            boundary("b", "10:00:20", ""),
            response("2", "10:01:10", [0, 5_000, 0, 0, 1]),
            hung("p3", "b", "10:02:00"),
            response("3", "10:02:10", [0, 9_000, 0, 0, 1]),
        ];
        assert_eq!(reasons(&compacted), []);
    }

    #[test]
    fn a_jump_is_told_only_where_the_response_before_is_the_past() {
        let first = response("1", "10:00:00", [0, 1_000, 0, 0, 1]);
        let other = Response { id: "2", time: "10:01:00", tokens: [0, 5_000, 0, 0, 1], model: "claude-sonnet-4-5", members: "", inner: "" };
        assert!(context(&[first.clone(), written(other)]).largest_jump.is_none());
        // Two programs that write one session: the cache is the other's.
        assert!(context(&[first, response("2", "10:01:00", [0, 100, 0, 5_000, 1])]).largest_jump.is_none());
    }

    #[test]
    fn subagents_are_threads_of_their_own() {
        let agent = |id, time, tokens, members| written(Response { id, time, tokens, model: OPUS, members, inner: "" });
        let with = |members| {
            reasons(&[
                response("1", "10:00:00", [0, 90_000, 0, 0, 1]),
                agent("2", "10:00:10", [0, 8_000, 0, 0, 1], members),
                response("3", "10:00:20", [0, 0, 0, 90_000, 1]),
                agent("4", "10:00:30", [0, 8_000, 0, 0, 1], members),
            ])
        };
        assert_eq!(with(r#""agentId":"a","isSidechain":true,"#), [(8_000, Reason::Unknown)]);
        // Without an id these may be two agents.
        assert_eq!(with(r#""isSidechain":true,"#), []);
    }

    #[test]
    fn an_advisor_is_no_response_of_the_thread() {
        let advisor =
            r#""iterations":[{"type":"advisor_message","model":"claude-opus-4-8","input_tokens":5,"cache_creation_input_tokens":70000}],"#;
        let first = response("1", "10:00:00", [0, 10_000, 0, 0, 1]).replace(r#""usage":{"#, &format!(r#""usage":{{{advisor}"#));
        let context = context(&[first, response("2", "10:01:00", [0, 10, 0, 10_000, 1])]);
        assert_eq!((context.rebuilt_tokens, context.largest_context), (0, 10_010));
    }

    #[test]
    fn the_extra_cost_is_that_of_writing_less_that_of_reading() {
        let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "10:01:00", [10, 3_000, 6_990, 0, 1])];
        // Opus 4.5: $10 for an hour, $6.25 for five minutes, $5 for input, $0.50 read.
        let million = 1_000_000;
        let expected = (6_990 * 950 + 3_000 * 575 + 10 * 450) * million / 100;
        assert_eq!(context(&lines).extra_cost(), Some(expected));
        let unknown = |line: &String| line.replace(OPUS, "nobody-knows");
        assert_eq!(context(&lines.each_ref().map(unknown)).extra_cost(), None);
    }

    #[test]
    fn a_range_keeps_what_happened_in_it_and_looks_back_for_what_stood_in_the_cache() {
        let lines = [
            response("1", "10:00:00", [0, 50_000, 0, 0, 1]),
            response("2", "11:00:00", [0, 20_000, 0, 0, 1]),
            response("3", "12:00:00", [0, 60_000, 0, 0, 1]),
        ];
        let start = chrono::DateTime::parse_from_rfc3339("2026-11-20T10:30:00Z").expect("valid").timestamp_millis();
        let bounds = crate::time::Bounds::Instants(start, start + 3_600_000);
        let query = Query { range: crate::time::Range { name: "x".into(), bounds }, ..Query::all() };
        let rows = rows(&dataset(&[("p/s.jsonl", &lines)]), &query, Prices::list()).expect("no globs");
        assert_eq!((rows[0].largest_context, rows[0].rebuilt_tokens), (20_000, 20_000));
    }

    #[test]
    fn the_table_and_its_totals_have_a_cell_for_every_column() {
        let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "11:00:00", [0, 10_000, 0, 0, 1])];
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        let rows = rows(&dataset, &Query::all(), Prices::list()).expect("no globs");
        let (table, totals) = (table(&dataset, &rows), totals(&rows));
        assert_eq!((table.columns.len(), totals.columns.len()), (table.rows[0].len(), totals.rows[0].len()));
        assert_eq!(table.rows[0].last(), Some(&Value::List(vec![Untrusted::new("s:p/s.jsonl:2")])));
        let advice = advice(&rows).expect("there is a pause");
        assert!(advice.starts_with("the cache was rebuilt 1 times for about $0.06, 1 times after a pause"), "{advice}");
    }
}
