//! The rows that facts are made of: numbers and symbols, nothing borrowed.

use std::num::NonZeroU64;

use crate::dedup::Key;
use crate::effects::EffectsId;
use crate::outcome::{DeniedBy, EditError, Verdict};
use crate::prices::Terms;
use crate::shell::Hidden;
use crate::symbols::Symbol;
use crate::time::epoch_day;
use crate::usage::Tokens;

/// Where an entry stands: the part of a transcript, and the line in it from 1.
/// Parts are numbered in the order of transcripts, so places compare as
/// (transcript, line) would.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) part: u32,
    pub(crate) line: u32,
}

/// Which of several copies is the original: the smallest time (none is last),
/// the main thread before a sidechain, an entry before a wrapped one, the place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    /// The time; `i64::MAX` without a usable one, so that it sorts last.
    pub(crate) sort_ms: i64,
    pub(crate) is_sidechain: bool,
    pub(crate) is_wrapped: bool,
    pub(crate) place: Place,
}

impl Order {
    /// That of an entry that is not wrapped.
    pub(crate) fn new(stamp_ms: Option<i64>, is_sidechain: bool, place: Place) -> Order {
        Order { sort_ms: stamp_ms.unwrap_or(i64::MAX), is_sidechain, is_wrapped: false, place }
    }

    /// The time, if there is a usable one.
    pub(crate) fn stamp_ms(self) -> Option<i64> {
        (self.sort_ms != i64::MAX).then_some(self.sort_ms)
    }
}

/// Who and where: what a row takes from its original line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    pub(crate) order: Order,
    pub(crate) session: Symbol,
    /// The folder; what it is called is `Dataset::project`.
    pub(crate) project: Symbol,
    pub(crate) branch: Symbol,
    /// The id of the subagent; none in the main thread.
    pub(crate) agent: Symbol,
    pub(crate) version: Symbol,
}

impl Origin {
    /// Whether it is the main thread, not a subagent.
    pub(crate) fn is_main(&self) -> bool {
        self.agent.is_none() && !self.order.is_sidechain
    }
}

/// One response of the API.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MessageRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    /// The line that `tokens`, `model` and `pricing` come from.
    pub(crate) source: Order,
    pub(crate) model: Symbol,
    pub(crate) tokens: Tokens,
    pub(crate) has_split: bool,
    pub(crate) pricing: Pricing,
    pub(crate) is_final: bool,
    /// A step of another model inside a response, no response of its own.
    pub(crate) is_advisor: bool,
}

impl MessageRow {
    /// What its price depends on beside the model.
    pub(crate) fn terms(&self) -> Terms {
        let day = self.origin.order.stamp_ms().map(epoch_day);
        Terms { day, is_fast: self.pricing.is_fast(), is_us: self.pricing.is_us() }
    }
}

/// What the price of a response depends on beside model and day. Two bits of one byte: a
/// [`MessageRow`] is full, and one byte more would make it 16 bytes longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pricing(u8);

impl Pricing {
    pub(crate) fn new(is_fast: bool, is_us: bool) -> Pricing {
        Pricing(u8::from(is_fast) | u8::from(is_us) << 1)
    }

    pub(crate) fn is_fast(self) -> bool {
        self.0 & 1 != 0
    }

    pub(crate) fn is_us(self) -> bool {
        self.0 & 2 != 0
    }
}

// These rows are most of what is in memory. A `Key` aligns them, so sizes are multiples of 16.
const _: () = assert!(size_of::<MessageRow>() == 144 && size_of::<CallRow>() == 160 && size_of::<ResultRow>() == 144);

/// One tool call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CallRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    /// The response that made the call.
    pub(crate) message: Key,
    pub(crate) tool: Symbol,
    /// The file that the input names.
    pub(crate) file: Symbol,
    /// The command that the input gives; none in a call from the store.
    pub(crate) command: Symbol,
    /// What stands for the command in a store: of a call from there, or on its way there.
    pub(crate) stored: Option<StoredCommand>,
    /// What else the input names: a path, address, pattern, query or skill.
    pub(crate) target: Symbol,
    /// Whether `target` is a path, not a pattern that looks like one.
    pub(crate) target_is_path: bool,
    pub(crate) subagent_type: Symbol,
    /// The first line to read and their number, where the input says so.
    pub(crate) offset: Option<u32>,
    pub(crate) limit: Option<u32>,
    /// Hashes of the text that an edit replaces, and of the new one; 0 without.
    pub(crate) old_text: u64,
    pub(crate) new_text: u64,
}

/// What the store keeps of a command instead of its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StoredCommand {
    /// Exit code 1 means "nothing found".
    pub(crate) is_soft: bool,
    /// The key of what fails with it; none where no command was found.
    pub(crate) key: Symbol,
    pub(crate) is_chain: bool,
    /// A `cd` that the key leaves out can have failed as well.
    pub(crate) is_after_cd: bool,
    pub(crate) is_parsed: bool,
    pub(crate) is_test: bool,
    /// The runner whose status is lost, and by what.
    pub(crate) hidden_key: Symbol,
    pub(crate) hidden_by: Option<Hidden>,
    /// What it reads and writes; version 1 did not keep it.
    pub(crate) effects: Option<EffectsId>,
}

impl StoredCommand {
    /// Whether the call has no command: a store has a place for one beside every call.
    pub(crate) fn is_none(self) -> bool {
        self == StoredCommand::default()
    }
}

/// A command that was run: its text, or what a store kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Command {
    Text(Symbol),
    Stored(StoredCommand),
}

impl Command {
    /// Whether there is none.
    pub(crate) fn is_none(self) -> bool {
        match self {
            Command::Text(text) => text.is_none(),
            Command::Stored(stored) => stored.is_none(),
        }
    }

    /// Its text, where no store told what is asked of it.
    pub(crate) fn text(self) -> Option<Symbol> {
        match self {
            Command::Text(text) => Some(text),
            Command::Stored(_) => None,
        }
    }

    /// Whether it is known what the command reads and writes.
    pub(crate) fn has_effects(self) -> bool {
        match self {
            Command::Text(_) => true,
            Command::Stored(stored) => stored.effects.is_some(),
        }
    }
}

impl CallRow {
    /// The file or folder that the input names; since 2.1.280 a file may be a `path`.
    pub(crate) fn named_path(&self) -> Symbol {
        if self.target_is_path { self.file.or(self.target) } else { self.file }
    }

    /// The command that the input gives: what was told of it for the store where that is
    /// known, so that no text is parsed twice, else its text.
    pub(crate) fn known_command(&self) -> Option<Command> {
        let told = self.stored.filter(|stored| stored.effects.is_some());
        told.map(Command::Stored).or_else(|| self.quotable_command())
    }

    /// The command that the input gives, as its text where there is one.
    pub(crate) fn quotable_command(&self) -> Option<Command> {
        match self.stored {
            _ if !self.command.is_none() => Some(Command::Text(self.command)),
            stored => stored.map(Command::Stored),
        }
    }
}

/// The result of one tool call.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ResultRow {
    pub(crate) key: Key,
    pub(crate) order: Order,
    pub(crate) verdict: Verdict,
    pub(crate) denied_by: Option<DeniedBy>,
    pub(crate) lines_added: u64,
    pub(crate) lines_removed: u64,
    /// The lines of a file that Write made.
    pub(crate) lines_created: Option<u32>,
    /// The length of the result as the model saw it, escapes as they stand.
    pub(crate) size_bytes: u32,
    /// The lines of the result, where they were asked for.
    pub(crate) lines: Option<u32>,
    /// How long the tool ran, where it says so, in milliseconds.
    pub(crate) duration_ms: Option<u32>,
    /// The code in `Exit code N`.
    pub(crate) exit_code: Option<u32>,
    /// The line of an error that says what went wrong.
    pub(crate) error_line: Symbol,
    /// Where the line of an error starts in its transcript: the number of its first byte,
    /// from 1.
    pub(crate) error_byte: Option<NonZeroU64>,
    pub(crate) edit_error: Option<EditError>,
    /// The error is one of `cd`: the folder is not there.
    pub(crate) is_of_cd: bool,
    /// What a Read gave.
    pub(crate) read: ReadLines,
    /// The subagent that the result names, and its type.
    pub(crate) agent: Symbol,
    pub(crate) agent_type: Symbol,
    /// That subagent was launched and goes on.
    pub(crate) is_async: bool,
    /// The model saw only the start of the output.
    pub(crate) is_cut: bool,
}

/// Text that Claude Code put behind a result, such as the body of a skill.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct FollowUpRow {
    /// The call.
    pub(crate) key: Key,
    pub(crate) order: Order,
    /// Escapes as they stand.
    pub(crate) size_bytes: u32,
}

/// The lines that a Read gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ReadLines {
    /// The first line, from 1; 0 when the result does not say.
    pub(crate) start: u32,
    pub(crate) count: u32,
    pub(crate) total: u32,
    /// A hash of the text of the file, or of what the model saw; 0 without one.
    pub(crate) text: u64,
    /// The text is what the model saw: the result does not tell that of the file.
    pub(crate) is_output: bool,
    /// Nothing was sent: the file had not changed.
    pub(crate) is_stub: bool,
}

/// Where a line stands in time, by a hash of its `uuid`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LineRow {
    pub(crate) uuid: u64,
    pub(crate) session: Symbol,
    /// The line is part of the main thread's conversation: a message, a result or a
    /// prompt. Prompts may also hang on others, whose times are less in order: what Claude
    /// Code says of a local command may be stamped after the lines that hang on it.
    pub(crate) is_main: bool,
    pub(crate) stamp_ms: i64,
}

/// Whether a prompt shows frustration, and where it hangs in the conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct PromptRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    pub(crate) is_negative: bool,
    pub(crate) is_keep_going: bool,
    /// A hash of the `uuid` of the line before; 0 for none.
    pub(crate) parent: u64,
    /// The first line of the text, cut short.
    pub(crate) title: Symbol,
}

/// A file with secrets that a prompt mentions with `@`, which hands it over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MentionRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    pub(crate) path: Symbol,
}

/// A line that cuts a conversation: a compaction, `/clear`, or an interruption.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct CutRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    pub(crate) kind: Cut,
    /// `auto` or `manual`, for a compaction that says so.
    pub(crate) trigger: Symbol,
    pub(crate) tokens_before: u64,
}

/// The kinds of [`CutRow`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cut {
    /// A `compact_boundary`.
    #[default]
    Compaction,
    /// The summary after a compaction; before 2.0.60 the only trace of one.
    CompactSummary,
    /// `/clear`.
    Clear,
    /// `[Request interrupted by user]`.
    Interruption,
}

/// A name that a session was given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct TitleRow {
    pub(crate) rank: TitleRank,
    pub(crate) session: Symbol,
    /// For a summary the hash of the line that it is about.
    pub(crate) leaf: u64,
    pub(crate) title: Symbol,
    pub(crate) place: Place,
}

/// Kinds of titles, the best first (`docs/format.md` 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TitleRank {
    Custom,
    Agent,
    Ai,
    #[default]
    Summary,
}

/// A failed response.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ApiErrorRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
}

/// The first prompt of a subagent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct AgentRow {
    pub(crate) key: Key,
    pub(crate) agent: Symbol,
    pub(crate) order: Order,
    pub(crate) is_warmup: bool,
}
