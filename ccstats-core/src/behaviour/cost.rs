//! What the results of tools cost.
//!
//! A result enters the prompt once and stays in it until the epoch ends. Its
//! place there is known: behind the prompt and the output of the response that
//! made the call. So the tokens of every response can be split exactly: those
//! of results that it took in, those of older results that it read again, and
//! the rest. What the API wrote to its cache again after it was lost is part of
//! the rest: it is the price of the pause, not of the result.
//!
//! How many tokens a result has is measured by the growth of the prompt, if one
//! result and nothing else was added; several results of one step share the
//! growth by their bytes. Where output counts are no more than lower bounds,
//! where a prompt was typed in between, and where the growth cannot be that of
//! the bytes, the session's own bytes per token give an estimate.

use std::ops::Range;

use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::behaviour::epochs::{Epochs, Thread};
use crate::dataset::{Dataset, Pricer};
use crate::dedup::Key;
use crate::prices::{Prices, Rates};
use crate::rows::{CallRow, MessageRow, Order, Origin, ResultRow};
use crate::symbols::Symbol;
use crate::usage::Tokens;

/// How a number of tokens is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Basis {
    /// The growth of the prompt.
    Measured,
    /// A share, by bytes, of the growth of the prompt.
    Split,
    /// By bytes alone.
    Estimated,
}

impl Basis {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Basis::Measured => "measured",
            Basis::Split => "split",
            Basis::Estimated => "estimated",
        }
    }
}

/// What one result, or several together, cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResultCost {
    pub(crate) tokens: u64,
    /// `None` where a response that it was part of has no price, and where it
    /// is not known of which responses it was part. Of several, the known ones.
    pub(crate) cost_picodollars: Option<u128>,
    /// Of several, the weakest.
    pub(crate) basis: Basis,
}

impl ResultCost {
    /// Of no result: what sums start from.
    pub(crate) const NONE: ResultCost = ResultCost { tokens: 0, cost_picodollars: None, basis: Basis::Measured };

    pub(crate) fn plus(self, other: ResultCost) -> ResultCost {
        ResultCost {
            tokens: self.tokens + other.tokens,
            cost_picodollars: known_sum(self.cost_picodollars, other.cost_picodollars),
            basis: self.basis.max(other.basis),
        }
    }

    /// The share of one of several that have it together.
    pub(crate) fn shared_by(self, sharers: u32) -> ResultCost {
        let sharers = sharers.max(1);
        let cost_picodollars = self.cost_picodollars.map(|cost| cost / u128::from(sharers));
        let basis = if sharers > 1 { self.basis.max(Basis::Split) } else { self.basis };
        ResultCost { tokens: self.tokens / u64::from(sharers), cost_picodollars, basis }
    }
}

/// The sum of what is known; `None` where nothing is.
fn known_sum(a: Option<u128>, b: Option<u128>) -> Option<u128> {
    if let (Some(a), Some(b)) = (a, b) { Some(a + b) } else { a.or(b) }
}

/// What every result cost.
#[derive(Debug, Default)]
pub(crate) struct ResultCosts {
    by_call: FxHashMap<Key, ResultCost>,
}

impl ResultCosts {
    pub(crate) fn new(dataset: &Dataset, epochs: &Epochs, prices: &Prices) -> ResultCosts {
        let conversations = Conversations::new(dataset, epochs);
        let ratios = Ratios::new(&conversations);
        let mut costs = ResultCosts { by_call: FxHashMap::with_capacity_and_hasher(conversations.results.len(), FxBuildHasher) };
        let mut pricer = Pricer::new(dataset, prices);
        for epoch in conversations.epochs() {
            let mut walk = Walk { conversations: &conversations, ratios: &ratios, costs: &mut costs, window: Window::default() };
            let mut before = None;
            for turn in epoch {
                walk.turn(before.replace(turn), turn, pricer.rates(turn.row));
            }
            // The next epoch starts with an empty prompt.
            walk.forget_behind(0);
        }
        costs.add_unseen(&conversations, &ratios);
        costs
    }

    /// What the result of a call cost; `None` for a call without a result.
    pub(crate) fn of(&self, call: Key) -> Option<ResultCost> {
        self.by_call.get(&call).copied()
    }

    /// Results that no response took in: the last of a session, of an epoch, or
    /// of agents that cannot be told apart.
    fn add_unseen(&mut self, conversations: &Conversations, ratios: &Ratios) {
        for answer in &conversations.results {
            let cost_picodollars = if answer.thread.is_crowd { None } else { Some(0) };
            let unseen = || ResultCost { tokens: ratios.estimate(answer), cost_picodollars, basis: Basis::Estimated };
            self.by_call.entry(answer.result.key).or_insert_with(unseen);
        }
    }
}

/// One response in its thread.
#[derive(Clone, Copy)]
struct Turn<'d> {
    row: &'d MessageRow,
    thread: Thread,
    epoch: usize,
    /// Where its results start among all.
    results: usize,
}

/// A result, and the response that made the call.
struct Answer<'d> {
    /// The number of the turn; the number of turns where there is none.
    turn: usize,
    result: &'d ResultRow,
    /// With the text that Claude Code put behind the result.
    size_bytes: u64,
    thread: Thread,
}

/// All responses in order, and what came between them.
struct Conversations<'d> {
    turns: Vec<Turn<'d>>,
    /// By turn, in order.
    results: Vec<Answer<'d>>,
    prompts: FxHashMap<Thread, Vec<Order>>,
}

impl<'d> Conversations<'d> {
    fn new(dataset: &'d Dataset, epochs: &Epochs) -> Conversations<'d> {
        let mut turns = turns(dataset, epochs);
        let results = answers(dataset, &turns);
        let mut next = 0;
        for (number, turn) in turns.iter_mut().enumerate() {
            turn.results = next;
            next += results[next..].iter().take_while(|answer| answer.turn == number).count();
        }
        let mut prompts: FxHashMap<Thread, Vec<Order>> = FxHashMap::default();
        for prompt in dataset.prompts() {
            prompts.entry(Thread::of(&prompt.origin)).or_default().push(prompt.origin.order);
        }
        prompts.values_mut().for_each(|orders| orders.sort_unstable());
        Conversations { turns, results, prompts }
    }

    /// The responses of each epoch. Agents that cannot be told apart have none:
    /// their prompts do not grow out of each other.
    fn epochs(&self) -> impl Iterator<Item = &[Turn<'d>]> {
        let epochs = self.turns.chunk_by(|a, b| (a.thread, a.epoch) == (b.thread, b.epoch));
        epochs.filter(|epoch| !epoch[0].thread.is_crowd)
    }

    /// What was added between two responses.
    fn step(&self, before: &Turn<'d>, after: &Turn<'d>) -> Step<'_> {
        // The turn behind it starts where its own results end.
        let results = &self.results[before.results..after.results];
        let in_time = results.partition_point(|answer| answer.result.order < after.row.origin.order);
        let has_prompt = self.prompts.get(&before.thread).is_some_and(|orders| {
            let next = orders.partition_point(|order| *order <= before.row.origin.order);
            orders.get(next).is_some_and(|order| *order < after.row.origin.order)
        });
        Step { before: before.row, after: after.row, has_prompt, results: &results[..in_time] }
    }
}

/// The responses by thread, in order; it is not known yet where their results start.
fn turns<'d>(dataset: &'d Dataset, epochs: &Epochs) -> Vec<Turn<'d>> {
    let turn = |row: &'d MessageRow| {
        let thread = Thread::of(&row.origin);
        Turn { row, thread, epoch: epochs.number(thread, row.origin.order), results: 0 }
    };
    // Where a request failed, nothing is known of its context.
    let has_context = |row: &&MessageRow| !row.is_advisor && row.tokens.prompt() > 0;
    let mut turns: Vec<Turn> = dataset.messages().iter().filter(has_context).map(turn).collect();
    turns.sort_unstable_by_key(|turn| (turn.thread, turn.row.origin.order, turn.row.key));
    turns
}

/// The results by the response that made the call, in order.
fn answers<'d>(dataset: &'d Dataset, turns: &[Turn]) -> Vec<Answer<'d>> {
    let numbers: FxHashMap<Key, usize> = turns.iter().enumerate().map(|(number, turn)| (turn.row.key, number)).collect();
    let answer = |call: &'d CallRow| {
        let result = dataset.facts().results.get(call.key)?;
        let turn = numbers.get(&call.message).copied().or_else(|| last_before(turns, &call.origin)).unwrap_or(turns.len());
        let follow_up = dataset.facts().follow_ups.get(call.key).map_or(0, |row| row.size_bytes);
        let size_bytes = u64::from(result.size_bytes) + u64::from(follow_up);
        Some(Answer { turn, result, size_bytes, thread: Thread::of(&call.origin) })
    };
    let mut answers: Vec<_> = dataset.facts().calls.rows().iter().filter_map(answer).collect();
    answers.sort_unstable_by_key(|answer| (answer.turn, answer.result.order, answer.result.key));
    answers
}

/// The response before something in its thread. What a response without a known context called
/// enters the prompt behind that one.
fn last_before(turns: &[Turn], origin: &Origin) -> Option<usize> {
    let thread = Thread::of(origin);
    let behind = turns.partition_point(|turn| (turn.thread, turn.row.origin.order) < (thread, origin.order));
    behind.checked_sub(1).filter(|before| turns[*before].thread == thread)
}

/// Two responses in a row, and the results between them.
struct Step<'s> {
    before: &'s MessageRow,
    after: &'s MessageRow,
    has_prompt: bool,
    results: &'s [Answer<'s>],
}

impl Step<'_> {
    /// Where results start in the prompt: behind all that was there before.
    fn start(&self) -> u64 {
        self.before.tokens.prompt() + self.before.tokens.output
    }

    /// The tokens that the results added, where that can be measured.
    fn growth(&self) -> Option<u64> {
        // Reminders and what frames a result; beyond it something else was added.
        const FRAME_TOKENS: u64 = 300;
        let growth = self.after.tokens.prompt().checked_sub(self.start())?;
        // A token is hardly ever less than a byte.
        let most = self.results.iter().map(|answer| answer.size_bytes + FRAME_TOKENS).sum();
        let is_sure = self.before.is_final && self.before.model == self.after.model && !self.has_prompt;
        (is_sure && growth > 0 && growth <= most).then_some(growth)
    }
}

/// Bytes that count for tokens: what is longer is an image, or was cut.
fn text_bytes(answer: &Answer) -> u64 {
    const MOST: u64 = 100_000;
    answer.size_bytes.clamp(1, MOST)
}

/// How many bytes and tokens results have.
#[derive(Clone, Copy, Default)]
struct Ratio {
    bytes: u64,
    tokens: u64,
}

/// The results of each session that were measured.
struct Ratios(FxHashMap<Symbol, Ratio>);

impl Ratios {
    fn new(conversations: &Conversations) -> Ratios {
        let mut ratios = Ratios(FxHashMap::default());
        for epoch in conversations.epochs() {
            for pair in epoch.windows(2) {
                let step = conversations.step(&pair[0], &pair[1]);
                if let Some(tokens) = step.growth().filter(|_| !step.results.is_empty()) {
                    let bytes: u64 = step.results.iter().map(text_bytes).sum();
                    ratios.add(pair[0].thread.session, bytes, tokens);
                }
            }
        }
        ratios
    }

    fn add(&mut self, session: Symbol, bytes: u64, tokens: u64) {
        // More bytes for a token than any text has: an image.
        const MOST_BYTES: u64 = 20;
        if bytes / tokens < MOST_BYTES {
            let sum = self.0.entry(session).or_default();
            sum.bytes += bytes;
            sum.tokens += tokens;
        }
    }

    fn estimate(&self, answer: &Answer) -> u64 {
        /// Claude Code lets no tool give more.
        const MOST_TOKENS: u64 = 25_000;
        /// 2.6 bytes per token on the real transcripts that this was made with. To take what
        /// other sessions tell would let each of them change the figures of this one.
        const USUAL: Ratio = Ratio { bytes: 26, tokens: 10 };
        let Ratio { bytes, tokens } = self.0.get(&answer.thread.session).copied().unwrap_or(USUAL);
        let estimate = u128::from(text_bytes(answer)) * u128::from(tokens) / u128::from(bytes.max(1));
        u64::try_from(estimate).unwrap_or(MOST_TOKENS).min(MOST_TOKENS)
    }
}

/// A result in the prompt.
struct Held {
    call: Key,
    /// Its tokens, by their places in the prompt.
    span: Range<u64>,
    basis: Basis,
    /// Without `whole_reads` since then; `None` where no price is known of the response that
    /// took it in.
    cost_picodollars: Option<u128>,
    /// What stood in the window when it came.
    since: WholeReads,
}

/// The results that the prompt holds: in its order, none empty, and no two overlap.
#[derive(Default)]
struct Window {
    held: Vec<Held>,
    /// So a long session is not walked through for every response.
    whole_reads: WholeReads,
}

/// The responses that read every held result from the cache, or have no price.
#[derive(Clone, Copy, Default)]
struct WholeReads {
    /// The sum of their prices.
    picodollars_per_token: u128,
    /// How many have none.
    n_unpriced: u64,
}

/// A walk through the responses of one epoch.
struct Walk<'w, 'd> {
    conversations: &'w Conversations<'d>,
    ratios: &'w Ratios,
    costs: &'w mut ResultCosts,
    window: Window,
}

impl<'d> Walk<'_, 'd> {
    fn turn(&mut self, before: Option<&Turn<'d>>, turn: &Turn<'d>, rates: Option<Rates>) {
        let usage = &turn.row.tokens;
        self.forget_behind(usage.prompt());
        self.read_again(usage, rates);
        if let Some(before) = before {
            let step = self.conversations.step(before, turn);
            for held in self.taken_in(&step, rates) {
                // What takes no room is read by no later response.
                if held.span.is_empty() { self.finish(held) } else { self.window.held.push(held) }
            }
        }
    }

    /// A prompt that got shorter lost something: its end is no longer known.
    fn forget_behind(&mut self, prompt: u64) {
        while let Some(held) = self.window.held.pop_if(|held| held.span.end > prompt) {
            self.finish(held);
        }
    }

    fn finish(&mut self, held: Held) {
        let (now, since) = (self.window.whole_reads, held.since);
        let tokens = held.span.end - held.span.start;
        let whole_reads = (now.picodollars_per_token - since.picodollars_per_token) * u128::from(tokens);
        let is_priced = now.n_unpriced == since.n_unpriced;
        let cost_picodollars = held.cost_picodollars.filter(|_| is_priced).map(|cost| cost + whole_reads);
        self.costs.by_call.insert(held.call, ResultCost { tokens, cost_picodollars, basis: held.basis });
    }

    /// Counts what a response read of the results that are held.
    fn read_again(&mut self, usage: &Tokens, rates: Option<Rates>) {
        let Window { held, whole_reads } = &mut self.window;
        let Some(rates) = rates else {
            whole_reads.n_unpriced += 1;
            return;
        };
        if held.last().is_none_or(|last| last.span.end <= usage.cache_read) {
            whole_reads.picodollars_per_token += rates.cache_read;
            return;
        }
        for held in held {
            let price = rates.cost(&part_of(usage, &held.span, false)).total();
            held.cost_picodollars = held.cost_picodollars.map(|cost| cost + price);
        }
    }

    /// The results of a step at their places in the prompt.
    fn taken_in(&self, step: &Step, rates: Option<Rates>) -> Vec<Held> {
        let growth = step.growth();
        let basis = match growth {
            Some(_) if step.results.len() == 1 => Basis::Measured,
            Some(_) => Basis::Split,
            None => Basis::Estimated,
        };
        let (mut at, tokens) = match growth {
            Some(growth) => (step.start(), shares(step.results, growth)),
            None => self.estimated(step),
        };
        let held = |(answer, tokens): (&Answer, u64)| {
            let span = at..at + tokens;
            at = span.end;
            let cost_picodollars = rates.map(|rates| rates.cost(&part_of(&step.after.tokens, &span, true)).total());
            Held { call: answer.result.key, span, basis, cost_picodollars, since: self.window.whole_reads }
        };
        step.results.iter().zip(tokens).map(held).collect()
    }

    /// Where results of unknown size stand in the prompt, and their tokens: no more than
    /// there is room for behind what was there before, and at its end where the output
    /// was not sent back in full.
    fn estimated(&self, step: &Step) -> (u64, Vec<u64>) {
        let end = step.after.tokens.prompt();
        let known = self.window.held.last().map_or(0, |last| last.span.end);
        // A prompt that got shorter lost something, but not what is held.
        let before = Some(step.before.tokens.prompt()).filter(|before| *before < end).unwrap_or(known).max(known);
        let room = end.saturating_sub(before);
        let estimates: Vec<u64> = step.results.iter().map(|answer| self.ratios.estimate(answer)).collect();
        let all: u64 = estimates.iter().sum();
        if all <= room { (step.start().clamp(before, end - all), estimates) } else { (before, shares(step.results, room)) }
    }
}

/// Tokens by the bytes of the results, cut where the sums end, so that they add up.
fn shares(results: &[Answer], tokens: u64) -> Vec<u64> {
    let bytes: u128 = results.iter().map(|answer| u128::from(text_bytes(answer))).sum();
    let (mut so_far, mut given) = (0, 0);
    let share = |answer: &Answer| {
        so_far += u128::from(text_bytes(answer));
        let share = (u128::from(tokens) * so_far / bytes) as u64 - given;
        given += share;
        share
    };
    results.iter().map(share).collect()
}

/// What a response paid for the tokens of a span of its prompt. A prompt is, in
/// this order, read from the cache, written to it (what lives longer first),
/// and neither. What was written again is left out unless it is new.
fn part_of(usage: &Tokens, span: &Range<u64>, is_new: bool) -> Tokens {
    let mut from = 0;
    let mut overlap = |length: u64| {
        let to = from + length;
        let common = span.end.min(to).saturating_sub(span.start.max(from));
        from = to;
        common
    };
    let (cache_read, one_hour, five_minutes) = (overlap(usage.cache_read), overlap(usage.cache_write_1h), overlap(usage.cache_write_5m));
    let input = overlap(usage.input);
    let (cache_write_1h, cache_write_5m) = if is_new { (one_hour, five_minutes) } else { (0, 0) };
    Tokens { input, cache_read, cache_write_1h, cache_write_5m, ..Tokens::default() }
}

#[cfg(test)]
mod tests;
