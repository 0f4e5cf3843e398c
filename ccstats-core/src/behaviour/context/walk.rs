//! Walks through the responses of each thread, and finds what made their contexts grow and what
//! was sent again.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Cause, Jump, Reason, Rebuild, SessionContext};
use crate::behaviour::epochs::{Thread, rewinds};
use crate::dataset::{Dataset, Pricer};
use crate::dedup::Key;
use crate::outcome::Outcome;
use crate::prices::Prices;
use crate::query::Selection;
use crate::rows::{Cut, CutRow, MessageRow, Order, Origin};
use crate::symbols::{Symbol, Symbols};
use crate::time::HOUR_MS;
use crate::usage::Tokens;

/// The contexts of all sessions of which the query selects a message or a compaction.
pub(super) fn sessions(selection: &Selection, prices: &Prices) -> impl Iterator<Item = SessionContext> {
    let mut walk = Walk::new(selection, prices);
    let mut steps = steps(selection.dataset());
    steps.sort_unstable_by_key(|step| (step.thread, step.order));
    for thread in steps.chunk_by(|a, b| a.thread == b.thread) {
        walk.thread(thread);
    }
    walk.sessions.into_values()
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

impl<'d> Between<'d> {
    fn add(&mut self, step: &Step<'d>, symbols: &Symbols) {
        match step.what {
            What::Result { tool, size_bytes } => {
                // Results of one line have no order among them: the name decides.
                let size = |(size_bytes, tool): (u32, Symbol)| (size_bytes, Reverse(symbols.bytes(tool)));
                let result = (size_bytes, tool);
                if self.largest_result.is_none_or(|largest| size(result) > size(largest)) {
                    self.largest_result = Some(result);
                }
            }
            What::Prompt => self.has_prompt = true,
            What::Compaction(row) if row.kind == Cut::Compaction => self.boundaries.push(row),
            What::Compaction(row) => self.summaries.push(row),
            What::Response(_) | What::Rewind { .. } => {}
        }
        self.last_ms = step.order.stamp_ms().or(self.last_ms);
    }

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
    selection: &'d Selection<'d>,
    pricer: Pricer<'d>,
    tools_changed: FxHashSet<Key>,
    sessions: FxHashMap<Symbol, SessionContext>,
}

impl<'d> Walk<'d> {
    fn new(selection: &'d Selection<'d>, prices: &'d Prices) -> Walk<'d> {
        let dataset = selection.dataset();
        let tools_changed = dataset.facts().tools_changed.iter().copied().collect();
        Walk { dataset, selection, pricer: Pricer::new(dataset, prices), tools_changed, sessions: FxHashMap::default() }
    }

    fn thread(&mut self, steps: &[Step<'d>]) {
        let mut responses: Vec<Before> = Vec::new();
        let mut between = Between::default();
        for step in steps {
            match step.what {
                // The request failed: nothing is known of its context.
                What::Response(row) if row.tokens.prompt() == 0 => self.response(None, &between, row),
                What::Response(row) => {
                    let between = std::mem::take(&mut between);
                    self.compactions(&between);
                    if between.has_compaction() {
                        responses.clear();
                    }
                    let before = responses.last().copied();
                    self.response(before, &between, row);
                    responses.push(after(before, &between, row));
                }
                // What was taken back is no longer the past of what follows.
                What::Rewind { back_to_ms } => {
                    while responses.last().is_some_and(|last| last.row.origin.order.stamp_ms() > Some(back_to_ms)) {
                        responses.pop();
                    }
                    between.add(step, self.dataset.symbols());
                }
                What::Result { .. } | What::Prompt | What::Compaction(_) => between.add(step, self.dataset.symbols()),
            }
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
            if !self.selection.keeps_modelless(&row.origin) {
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
            if self.selection.keeps_modelless(&row.origin) {
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
        let rates = self.pricer.rates(row)?;
        let cost = |tokens: &Tokens| rates.cost(tokens).total();
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
    const FIVE_MINUTES_MS: i64 = 5 * 60_000;
    let life_ms = match (row.tokens.cache_write_5m, row.tokens.cache_write_1h) {
        (0, 0) => before.map_or(FIVE_MINUTES_MS, |before| before.life_ms),
        (0, _) => HOUR_MS,
        _ => FIVE_MINUTES_MS,
    };
    Before { row, sent_ms: sent_ms(between, row), life_ms }
}
