//! What transcripts say, owned: small rows of numbers and symbols.
//!
//! Borrowing ends here. Rows are folded by identity as they come (`dedup`), so
//! memory follows the number of messages and calls, not the size of files.
//! Every worker fills a [`Facts`] of its own; [`Facts::absorb`] joins them. No
//! rule depends on the order of rows: ties are broken by [`Order`] alone.

use crate::dedup::{self, Folded, Key};
use crate::entry::{Block, Content, Entry, Message, ResultFields, ToolResult, ToolUse, ToolUseResult, Usage};
use crate::error::ProblemKind;
use crate::json::Text;
use crate::lines::Account;
use crate::outcome::Verdict;
use crate::prompt;
use crate::symbols::{Symbol, Symbols};
use crate::usage::Tokens;

/// Where an entry stands: the part of a transcript, and the line in it from 1.
/// Parts are numbered in the order of transcripts, so places compare as
/// (transcript, line) would.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) part: u32,
    pub(crate) line: u32,
}

/// Which of several copies is the original: the smallest time (none is last),
/// the main thread before a sidechain, an entry before a wrapped one, the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    /// `i64::MAX` without a usable time.
    stamp_ms: i64,
    pub(crate) is_sidechain: bool,
    is_wrapped: bool,
    pub(crate) place: Place,
}

impl Order {
    /// The time, if there is a usable one.
    pub(crate) fn stamp_ms(self) -> Option<i64> {
        (self.stamp_ms != i64::MAX).then_some(self.stamp_ms)
    }
}

/// Who and where: what a row takes from its original line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) order: Order,
    pub(crate) session: Symbol,
    pub(crate) project: Symbol,
    pub(crate) branch: Symbol,
    /// The id of the subagent; none in the main thread.
    pub(crate) agent: Symbol,
}

/// One response of the API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessageRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    /// The line that `tokens`, `model` and `pricing` come from.
    pub(crate) source: Order,
    pub(crate) model: Symbol,
    pub(crate) tokens: Tokens,
    pub(crate) has_split: bool,
    pub(crate) is_fast: bool,
    pub(crate) is_us: bool,
    pub(crate) is_final: bool,
}

/// One tool call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
    /// The response that made the call.
    pub(crate) message: Key,
    pub(crate) tool: Symbol,
    /// The file that the input names.
    pub(crate) file: Symbol,
    /// The command that the input gives.
    pub(crate) command: Symbol,
    pub(crate) subagent_type: Symbol,
}

/// The result of one tool call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResultRow {
    pub(crate) key: Key,
    pub(crate) order: Order,
    pub(crate) verdict: Verdict,
    pub(crate) lines_added: u64,
    pub(crate) lines_removed: u64,
    /// The lines of a file that Write made.
    pub(crate) lines_created: Option<u64>,
    /// The subagent that the result names, and its type.
    pub(crate) agent: Symbol,
    pub(crate) agent_type: Symbol,
}

/// A prompt, or a failed response: something that happened at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRow {
    pub(crate) key: Key,
    pub(crate) origin: Origin,
}

/// The first prompt of a subagent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentRow {
    pub(crate) key: Key,
    pub(crate) agent: Symbol,
    pub(crate) order: Order,
    pub(crate) is_warmup: bool,
}

/// All rows of some transcripts.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) symbols: Symbols,
    pub(crate) messages: Folded<MessageRow>,
    pub(crate) calls: Folded<CallRow>,
    pub(crate) results: Folded<ResultRow>,
    pub(crate) prompts: Folded<EventRow>,
    pub(crate) api_errors: Folded<EventRow>,
    pub(crate) agents: Folded<AgentRow>,
    /// Entries by `type`, by the index of its symbol.
    pub(crate) kinds: Vec<u64>,
    pub(crate) account: Account,
    pub(crate) problems: Vec<(ProblemKind, Place)>,
}

/// Names that a transcript gives to entries that have none of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fallback<'n> {
    /// The file's name.
    pub(crate) session: &'n [u8],
    /// The folder's name below `projects/`.
    pub(crate) project: &'n [u8],
}

/// An entry on its way into the rows.
struct Line<'e, 't> {
    entry: &'e Entry<'t>,
    fallback: Fallback<'e>,
    place: Place,
}

impl Facts {
    /// Takes in one entry.
    pub(crate) fn push(&mut self, entry: &Entry, fallback: Fallback, place: Place) {
        self.count_kind(entry.kind);
        let line = Line { entry, fallback, place };
        match entry.kind.raw() {
            b"assistant" => self.assistant(&line, entry.message.as_ref(), entry.timestamp_ms, entry.uuid, false),
            b"user" => self.user(&line),
            b"progress" => self.progress(&line),
            _ => {}
        }
    }

    fn count_kind(&mut self, kind: Text) {
        let index = self.symbol(kind).index();
        if index >= self.kinds.len() {
            self.kinds.resize(index + 1, 0);
        }
        self.kinds[index] += 1;
    }

    fn progress(&mut self, line: &Line) {
        let Some(inner) = line.entry.agent_progress.as_deref() else { return };
        let stamp_ms = line.entry.wrapped_timestamp_ms(inner);
        let uuid = if inner.uuid.is_empty() { line.entry.uuid } else { inner.uuid };
        if inner.kind.is(b"assistant") {
            self.assistant(line, inner.message.as_ref(), stamp_ms, uuid, true);
        } else if inner.kind.is(b"user")
            && let Some(message) = &inner.message
        {
            let origin = self.origin(line, stamp_ms, false);
            if !self.results(message, inner, origin) {
                self.agent_prompt(&message.content, origin);
            }
        }
    }

    fn assistant(&mut self, line: &Line, message: Option<&Message>, stamp_ms: Option<i64>, uuid: Text, is_wrapped: bool) {
        let Some(message) = message else { return };
        let origin = self.origin(line, stamp_ms, is_wrapped);
        if line.entry.invalid_timestamp {
            self.problems.push((ProblemKind::InvalidTime, line.place));
        }
        if message.model.is(b"<synthetic>") {
            if line.entry.is_api_error_message {
                self.api_errors.fold(EventRow { key: dedup::line_key(uuid, line.place), origin });
            }
            return;
        }
        let session = self.symbols.bytes(origin.session);
        let key = dedup::message_key(message.id, session, uuid, line.place);
        if let Some(usage) = &message.usage {
            self.response(key, origin, message.model, usage, message.is_final);
            for advisor in &usage.advisors {
                self.response(dedup::nth_key(key, b"advisor", advisor.index), origin, advisor.model, &advisor.usage, message.is_final);
            }
        }
        if let Content::Blocks(blocks) = &message.content {
            for (index, block) in blocks.iter().enumerate() {
                if let Block::ToolUse(call) = block {
                    self.call(key, index, origin, call);
                }
            }
        }
    }

    fn response(&mut self, key: Key, origin: Origin, model: Text, usage: &Usage, is_final: bool) {
        for _ in 0..usage.invalid_counts {
            self.problems.push((ProblemKind::InvalidCount, origin.order.place));
        }
        let row = MessageRow {
            key,
            origin,
            source: origin.order,
            model: self.name_or_unknown(model),
            tokens: Tokens::of(usage),
            has_split: usage.cache_write_split.is_some(),
            is_fast: usage.speed.is(b"fast"),
            is_us: usage.inference_geo.is(b"us"),
            is_final,
        };
        self.messages.fold(row);
    }

    fn call(&mut self, message: Key, index: usize, origin: Origin, call: &ToolUse) {
        let session = self.symbols.bytes(origin.session);
        let row = CallRow {
            key: dedup::call_key(call.id, session).unwrap_or_else(|| dedup::nth_key(message, b"call", index)),
            origin,
            message,
            tool: self.name_or_unknown(call.name),
            file: self.symbol(call.input.file),
            command: self.symbol(call.input.command),
            subagent_type: self.symbol(call.input.subagent_type),
        };
        self.calls.fold(row);
    }

    fn user(&mut self, line: &Line) {
        let entry = line.entry;
        let Some(message) = &entry.message else { return };
        let origin = self.origin(line, entry.timestamp_ms, false);
        if self.results(message, entry, origin) {
            return;
        }
        self.agent_prompt(&message.content, origin);
        if prompt::is_typed(entry, &message.content) {
            self.prompts.fold(EventRow { key: dedup::line_key(entry.uuid, line.place), origin });
        }
    }

    /// Takes in the tool results of a message; whether there are any.
    fn results(&mut self, message: &Message, entry: &Entry, origin: Origin) -> bool {
        let Content::Blocks(blocks) = &message.content else { return false };
        let mut any = false;
        for block in blocks {
            if let Block::ToolResult(result) = block {
                any = true;
                self.result(result, entry, origin);
            }
        }
        any
    }

    fn result(&mut self, result: &ToolResult, entry: &Entry, origin: Origin) {
        let session = self.symbols.bytes(origin.session);
        let Some(key) = dedup::call_key(result.tool_use_id, session) else { return };
        let fields = match &entry.tool_use_result {
            ToolUseResult::Fields(fields) => *fields,
            _ => ResultFields::default(),
        };
        let row = ResultRow {
            key,
            order: origin.order,
            verdict: Verdict::of(result, &entry.tool_use_result, entry.tool_denial_kind),
            lines_added: fields.lines_added,
            lines_removed: fields.lines_removed,
            lines_created: fields.content.filter(|_| fields.kind.is(b"create")).map(count_lines),
            agent: self.symbol(fields.agent_id),
            agent_type: self.symbol(fields.agent_type),
        };
        self.results.fold(row);
    }

    fn agent_prompt(&mut self, content: &Content, origin: Origin) {
        if !origin.agent.is_none() {
            let is_warmup = prompt::text(content).trim_ascii() == b"Warmup";
            let key = dedup::agent_key(self.symbols.bytes(origin.agent));
            self.agents.fold(AgentRow { key, agent: origin.agent, order: origin.order, is_warmup });
        }
    }

    fn origin(&mut self, line: &Line, stamp_ms: Option<i64>, is_wrapped: bool) -> Origin {
        let entry = line.entry;
        let stamp_ms = stamp_ms.unwrap_or(i64::MAX);
        let order = Order { stamp_ms, is_sidechain: entry.is_sidechain, is_wrapped, place: line.place };
        let session = if entry.session_id.is_empty() { self.symbols.intern(line.fallback.session) } else { self.symbol(entry.session_id) };
        let project = if entry.cwd.is_empty() { self.symbols.intern(line.fallback.project) } else { self.project(entry.cwd) };
        let branch = self.symbol(entry.git_branch);
        let agent = self.symbol(entry.agent_id);
        Origin { order, session, project, branch, agent }
    }

    /// The folder as the line has it; a Windows drive letter in upper case.
    fn project(&mut self, cwd: Text) -> Symbol {
        match &*cwd.decode() {
            [drive @ b'a'..=b'z', b':', rest @ ..] => {
                let upper = [&[drive.to_ascii_uppercase(), b':'], rest].concat();
                self.symbols.intern(&upper)
            }
            path => self.symbols.intern(path),
        }
    }

    fn symbol(&mut self, text: Text) -> Symbol {
        self.symbols.intern(&text.decode())
    }

    fn name_or_unknown(&mut self, name: Text) -> Symbol {
        if name.is_empty() { self.symbols.intern(b"unknown") } else { self.symbol(name) }
    }

    /// Takes in all rows of another worker.
    pub(crate) fn absorb(&mut self, other: Facts) {
        let new = self.symbols.absorb(&other.symbols);
        let renamed = |symbol: Symbol| new[symbol.index()];
        let moved = |origin: Origin| Origin {
            session: renamed(origin.session),
            project: renamed(origin.project),
            branch: renamed(origin.branch),
            agent: renamed(origin.agent),
            ..origin
        };
        self.messages.absorb(other.messages, |row| MessageRow { origin: moved(row.origin), model: renamed(row.model), ..row });
        self.calls.absorb(other.calls, |row| CallRow {
            origin: moved(row.origin),
            tool: renamed(row.tool),
            file: renamed(row.file),
            command: renamed(row.command),
            subagent_type: renamed(row.subagent_type),
            ..row
        });
        self.results.absorb(other.results, |row| ResultRow { agent: renamed(row.agent), agent_type: renamed(row.agent_type), ..row });
        self.prompts.absorb(other.prompts, |row| EventRow { origin: moved(row.origin), ..row });
        self.api_errors.absorb(other.api_errors, |row| EventRow { origin: moved(row.origin), ..row });
        self.agents.absorb(other.agents, |row| AgentRow { agent: renamed(row.agent), ..row });
        self.kinds.resize(self.symbols.len(), 0);
        for (kind, count) in other.kinds.iter().enumerate() {
            self.kinds[new[kind].index()] += count;
        }
        self.account += other.account;
        self.problems.extend(other.problems);
    }
}

/// The lines of a file with this text; a last one need not end in a newline.
fn count_lines(text: Text) -> u64 {
    let text = text.decode();
    let ends = memchr::memchr_iter(b'\n', &text).count() as u64;
    ends + u64::from(text.last().is_some_and(|last| *last != b'\n'))
}
