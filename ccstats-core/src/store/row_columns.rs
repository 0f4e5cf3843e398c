//! What the rows of a block are made of: one line for each column.
//!
//! A row says its columns once, for writing and for reading. To add one, add a
//! line behind all others of the row, and raise [`super::block::VERSION`]: in older
//! blocks it is 0. What is text of a person, a model or
//! a program has no column: commands, titles, and lines of errors.

use std::num::NonZeroU64;

use super::numbered::{Numbered, numbered};
use crate::dedup::Key;
use crate::effects::{EffectsId, EffectsRow, FindingRow, ReadRow};
use crate::outcome::{DeniedBy, EditError, Outcome, Verdict};
use crate::rows::{
    AgentRow, ApiErrorRow, CallRow, Cut, CutRow, FollowUpRow, LineRow, MentionRow, MessageRow, Order, Origin, Place, Pricing, PromptRow,
    ReadLines, ResultRow, StoredCommand, TitleRank, TitleRow,
};
use crate::shell::{Hidden, Lines, Rule, Severity};
use crate::symbols::Symbol;
use crate::usage::Tokens;

/// Takes the fields of a row in turn, or gives them.
pub(super) trait Columns {
    fn number(&mut self, number: &mut u64);
    fn symbol(&mut self, symbol: &mut Symbol);
    fn key(&mut self, key: &mut Key);
    /// The id of a session or a subagent: transcripts that share one are related.
    fn relative(&mut self, id: &mut Symbol);
    fn effects(&mut self, effects: &mut Option<EffectsId>);
    /// A time in milliseconds; `i64::MAX` for none.
    fn stamp(&mut self, stamp_ms: &mut i64);
    fn place(&mut self, place: &mut Place);

    fn flag(&mut self, flag: &mut bool) {
        let mut number = u64::from(*flag);
        self.number(&mut number);
        *flag = number != 0;
    }

    fn short(&mut self, short: &mut u32) {
        let mut number = u64::from(*short);
        self.number(&mut number);
        *short = number as u32;
    }

    /// One of a few values; a number that stands for none of them gives the default.
    fn choice(&mut self, choice: &mut (impl Numbered + Default)) {
        let mut number = choice.number();
        self.number(&mut number);
        *choice = Numbered::of_number(number).unwrap_or_default();
    }

    /// A number that need not be there.
    fn maybe(&mut self, value: &mut Option<u64>) {
        let mut number = value.map_or(0, |number| number.saturating_add(1));
        self.number(&mut number);
        *value = number.checked_sub(1);
    }

    fn maybe_short(&mut self, value: &mut Option<u32>) {
        let mut number = value.map(u64::from);
        self.maybe(&mut number);
        *value = number.map(|number| number as u32);
    }
}

/// A row of a block.
pub(super) trait StoredRow: Copy + Default {
    /// Passes each field through a column, always in the same order.
    fn pass(&mut self, columns: &mut impl Columns);
}

impl StoredRow for Order {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.stamp(&mut self.sort_ms);
        columns.flag(&mut self.is_sidechain);
        columns.flag(&mut self.is_wrapped);
        columns.place(&mut self.place);
    }
}

impl StoredRow for Origin {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        self.order.pass(columns);
        columns.relative(&mut self.session);
        columns.symbol(&mut self.project);
        columns.symbol(&mut self.branch);
        columns.relative(&mut self.agent);
        columns.symbol(&mut self.version);
    }
}

impl StoredRow for Tokens {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.number(&mut self.input);
        columns.number(&mut self.output);
        columns.number(&mut self.cache_write_5m);
        columns.number(&mut self.cache_write_1h);
        columns.number(&mut self.cache_read);
        columns.number(&mut self.web_searches);
    }
}

impl StoredRow for MessageRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
        self.source.pass(columns);
        columns.symbol(&mut self.model);
        self.tokens.pass(columns);
        columns.flag(&mut self.has_split);
        let (mut is_fast, mut is_us) = (self.pricing.is_fast(), self.pricing.is_us());
        columns.flag(&mut is_fast);
        columns.flag(&mut is_us);
        self.pricing = Pricing::new(is_fast, is_us);
        columns.flag(&mut self.is_final);
        columns.flag(&mut self.is_advisor);
    }
}

impl StoredRow for CallRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
        columns.key(&mut self.message);
        columns.symbol(&mut self.tool);
        columns.symbol(&mut self.file);
        let mut stored = self.stored.unwrap_or_default();
        stored.pass(columns);
        columns.symbol(&mut self.target);
        columns.flag(&mut self.target_is_path);
        columns.symbol(&mut self.subagent_type);
        columns.maybe_short(&mut self.offset);
        columns.maybe_short(&mut self.limit);
        columns.number(&mut self.old_text);
        columns.number(&mut self.new_text);
        columns.effects(&mut stored.effects);
        columns.flag(&mut stored.is_after_cd);
        self.stored = Some(stored);
    }
}

/// Without its effects, which came later: they stand behind the call.
impl StoredRow for StoredCommand {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.flag(&mut self.is_soft);
        columns.symbol(&mut self.key);
        columns.flag(&mut self.is_chain);
        columns.flag(&mut self.is_parsed);
        columns.flag(&mut self.is_test);
        columns.symbol(&mut self.hidden_key);
        columns.choice(&mut self.hidden_by);
    }
}

impl StoredRow for ResultRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.order.pass(columns);
        columns.choice(&mut self.verdict);
        columns.choice(&mut self.denied_by);
        columns.number(&mut self.lines_added);
        columns.number(&mut self.lines_removed);
        columns.maybe_short(&mut self.lines_created);
        columns.short(&mut self.size_bytes);
        columns.maybe_short(&mut self.lines);
        columns.maybe_short(&mut self.duration_ms);
        columns.maybe_short(&mut self.exit_code);
        columns.choice(&mut self.edit_error);
        self.read.pass(columns);
        columns.relative(&mut self.agent);
        columns.symbol(&mut self.agent_type);
        columns.flag(&mut self.is_async);
        columns.flag(&mut self.is_cut);
        let mut error_byte = self.error_byte.map_or(0, NonZeroU64::get);
        columns.number(&mut error_byte);
        self.error_byte = NonZeroU64::new(error_byte);
        columns.flag(&mut self.read.is_output);
        columns.flag(&mut self.is_of_cd);
    }
}

impl StoredRow for FollowUpRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.order.pass(columns);
        columns.short(&mut self.size_bytes);
    }
}

impl StoredRow for ReadLines {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.short(&mut self.start);
        columns.short(&mut self.count);
        columns.short(&mut self.total);
        columns.number(&mut self.text);
        columns.flag(&mut self.is_stub);
    }
}

impl StoredRow for LineRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.number(&mut self.uuid);
        columns.symbol(&mut self.session);
        columns.flag(&mut self.is_main);
        columns.stamp(&mut self.stamp_ms);
    }
}

impl StoredRow for PromptRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
        columns.flag(&mut self.is_negative);
        columns.flag(&mut self.is_keep_going);
        columns.number(&mut self.parent);
    }
}

impl StoredRow for MentionRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
        columns.symbol(&mut self.path);
    }
}

impl StoredRow for CutRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
        columns.choice(&mut self.kind);
        columns.symbol(&mut self.trigger);
        columns.number(&mut self.tokens_before);
    }
}

impl StoredRow for ApiErrorRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        self.origin.pass(columns);
    }
}

impl StoredRow for AgentRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(&mut self.key);
        columns.relative(&mut self.agent);
        self.order.pass(columns);
        columns.flag(&mut self.is_warmup);
    }
}

/// Without the title, which is text.
impl StoredRow for TitleRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.choice(&mut self.rank);
        columns.relative(&mut self.session);
        columns.number(&mut self.leaf);
        columns.place(&mut self.place);
    }
}

impl StoredRow for EffectsRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.flag(&mut self.is_whole_tree);
        columns.short(&mut self.reads_end);
        columns.short(&mut self.marks_end);
        columns.short(&mut self.findings_end);
    }
}

impl StoredRow for ReadRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.symbol(&mut self.path);
        // 0 is all of the file, 1 some lines that are not known.
        let mut first = match self.lines {
            Lines::All => 0,
            Lines::Unknown => 1,
            Lines::Some { start, .. } => start.saturating_add(2),
        };
        let mut count = if let Lines::Some { count, .. } = self.lines { count } else { None };
        columns.number(&mut first);
        columns.maybe(&mut count);
        self.lines = match first {
            0 => Lines::All,
            1 => Lines::Unknown,
            _ => Lines::Some { start: first - 2, count },
        };
    }
}

impl StoredRow for FindingRow {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.choice(&mut self.rule);
        columns.choice(&mut self.severity);
        columns.symbol(&mut self.target);
    }
}

/// A hash of something that a command may write.
impl StoredRow for u32 {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.short(self);
    }
}

/// Two names that belong together.
impl StoredRow for (Symbol, Symbol) {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.symbol(&mut self.0);
        columns.symbol(&mut self.1);
    }
}

impl StoredRow for Key {
    #[inline]
    fn pass(&mut self, columns: &mut impl Columns) {
        columns.key(self);
    }
}

numbered! { Verdict:
    0 = (Verdict::Known(Outcome::Ok)),
    1 = (Verdict::Known(Outcome::Failed)),
    2 = (Verdict::Known(Outcome::ToolError)),
    3 = (Verdict::Known(Outcome::Denied)),
    4 = (Verdict::Known(Outcome::Cancelled)),
    5 = (Verdict::Known(Outcome::Interrupted)),
    6 = (Verdict::Known(Outcome::Background)),
    7 = (Verdict::Known(Outcome::SoftNonzero)),
    8 = (Verdict::Known(Outcome::NoResult)),
    9 = (Verdict::Error { silent: false }),
    10 = (Verdict::Error { silent: true }),
}

numbered! { Option<DeniedBy>:
    0 = (None),
    1 = (Some(DeniedBy::User)),
    2 = (Some(DeniedBy::Rule)),
    3 = (Some(DeniedBy::Hook)),
    4 = (Some(DeniedBy::Classifier)),
}

numbered! { Option<EditError>:
    0 = (None),
    1 = (Some(EditError::NotRead)),
    2 = (Some(EditError::Changed)),
    3 = (Some(EditError::NotFound)),
    4 = (Some(EditError::NotUnique)),
}

numbered! { Option<Hidden>:
    0 = (None),
    1 = (Some(Hidden::Pipe)),
    2 = (Some(Hidden::Or)),
    3 = (Some(Hidden::Sequence)),
}

numbered! { Rule:
    0 = (Rule::SecretsRead),
    1 = (Rule::Destructive),
    2 = (Rule::Outside),
    3 = (Rule::Network),
}

numbered! { Severity:
    0 = (Severity::Low),
    1 = (Severity::Medium),
    2 = (Severity::High),
}

numbered! { TitleRank:
    0 = (TitleRank::Summary),
    1 = (TitleRank::Ai),
    2 = (TitleRank::Agent),
    3 = (TitleRank::Custom),
}

numbered! { Cut:
    0 = (Cut::Compaction),
    1 = (Cut::CompactSummary),
    2 = (Cut::Clear),
    3 = (Cut::Interruption),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many values of a type have a number.
    fn values<T: Numbered + Default>() -> usize {
        // What an older block does not have is 0.
        assert_eq!(T::default().number(), 0);
        (0..).map_while(T::of_number).map(T::number).zip(0_u64..).filter(|(number, index)| number == index).count()
    }

    #[test]
    fn each_number_gives_a_value_that_has_this_number() {
        assert_eq!((values::<Verdict>(), values::<Option<DeniedBy>>(), values::<Option<EditError>>()), (11, 5, 5));
        assert_eq!((values::<Option<Hidden>>(), values::<Rule>(), values::<Severity>()), (4, 4, 3));
        assert_eq!((values::<TitleRank>(), values::<Cut>()), (4, 4));
    }
}
