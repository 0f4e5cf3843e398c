//! What transcripts say, owned: small rows of numbers and symbols.
//!
//! Borrowing ends here. Rows are folded by identity as they come (`dedup`), so
//! memory follows the number of messages and calls, not the size of files.
//! Every worker fills a [`Facts`] of its own; [`Facts::absorb`] joins them. No
//! rule depends on the order of rows: ties are broken by [`Order`] alone.

mod absorb;
pub(crate) mod problems;

use std::borrow::Cow;
use std::num::NonZeroU64;

use problems::Problems;
use rustc_hash::FxHashSet;
use xxhash_rust::xxh3::xxh3_64;

use crate::dedup::{self, Folded, Key, Spot};
use crate::effects::Effects;
use crate::entry::{Body, Content, ContentBlock, Entry, Input, Message, ReadFile, ResultFields, ToolResult, ToolUse, ToolUseResult, Usage};
use crate::error::ProblemKind;
use crate::json::Text;
use crate::lines::LineClasses;
use crate::outcome::{DeniedBy, ErrorText, Verdict};
use crate::prompt;
use crate::rows::{
    AgentRow, ApiErrorRow, CallRow, Cut, CutRow, FollowUpRow, LineRow, MentionRow, MessageRow, Order, Origin, Place, Pricing, PromptRow,
    ReadLines, ResultRow, TitleRank, TitleRow,
};
use crate::shell;
use crate::symbols::{Symbol, Symbols};
use crate::usage::Tokens;

/// All rows of some transcripts.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) symbols: Symbols,
    pub(crate) messages: Folded<MessageRow>,
    pub(crate) calls: Folded<CallRow>,
    pub(crate) results: Folded<ResultRow>,
    pub(crate) follow_ups: Folded<FollowUpRow>,
    pub(crate) prompts: Folded<PromptRow>,
    pub(crate) mentions: Folded<MentionRow>,
    pub(crate) cuts: Folded<CutRow>,
    /// Of commands from a store.
    pub(crate) effects: Effects,
    pub(crate) titles: Vec<TitleRow>,
    /// Pull requests by session.
    pub(crate) pull_requests: Vec<(Symbol, Symbol)>,
    /// Sessions that were branched off, and those they come from.
    pub(crate) forks: Vec<(Symbol, Symbol)>,
    /// Lines that have a `uuid`, with all their copies.
    pub(crate) uuids: Vec<LineRow>,
    /// Git worktrees that sessions went to, and the folders they came from.
    pub(crate) worktrees: Vec<(Symbol, Symbol)>,
    /// Messages that found no cache because the tools had changed, as the API says.
    pub(crate) tools_changed: Vec<Key>,
    pub(crate) api_errors: Folded<ApiErrorRow>,
    pub(crate) agents: Folded<AgentRow>,
    /// Entries by `type`, by the index of its symbol.
    pub(crate) kinds: Vec<u64>,
    pub(crate) account: LineClasses,
    pub(crate) problems: Problems,
    /// Whether the lines of results are counted, which is a second look at them.
    pub(crate) counts_result_lines: bool,
    recent: Recent,
}

/// The names that came last: most lines repeat some of them.
#[derive(Debug, Default)]
struct Recent {
    session: Repeated<1>,
    project: Repeated<1>,
    branch: Repeated<1>,
    agent: Repeated<1>,
    version: Repeated<1>,
    kind: Repeated<4>,
    model: Repeated<4>,
    tool: Repeated<8>,
}

/// A few texts as they stand in transcripts, with the symbols of what they name.
#[derive(Debug)]
struct Repeated<const N: usize> {
    names: [(Vec<u8>, Symbol); N],
    /// The one that makes room for the next.
    oldest: usize,
}

impl<const N: usize> Default for Repeated<N> {
    fn default() -> Self {
        Repeated { names: std::array::from_fn(|_| Default::default()), oldest: 0 }
    }
}

impl<const N: usize> Repeated<N> {
    /// The symbol of a name, as it was the last time, else as `find` gives it.
    #[inline]
    fn symbol(&mut self, name: Text, find: impl FnOnce(Text) -> Symbol) -> Symbol {
        if name.is_empty() {
            return Symbol::NONE;
        }
        match self.names.iter().find(|(known, _)| known == name.raw()) {
            Some((_, symbol)) => *symbol,
            None => self.remember(name, find(name)),
        }
    }

    /// The symbol of a name that must not be empty.
    fn or_unknown(&mut self, name: Text, symbols: &mut Symbols) -> Symbol {
        match name.is_empty() {
            true => symbols.intern(b"unknown"),
            false => self.symbol(name, |name| symbols.intern(&name.decode())),
        }
    }

    fn remember(&mut self, name: Text, symbol: Symbol) -> Symbol {
        let (known, its_symbol) = &mut self.names[self.oldest];
        known.clear();
        known.extend_from_slice(name.raw());
        *its_symbol = symbol;
        self.oldest = (self.oldest + 1) % N;
        symbol
    }
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
pub(crate) struct Line<'e, 't> {
    pub(crate) entry: &'e Entry<'t>,
    pub(crate) fallback: Fallback<'e>,
    pub(crate) place: Place,
    pub(crate) spot: Spot<'e>,
}

impl Facts {
    /// Takes in one entry.
    pub(crate) fn push(&mut self, line: &Line) {
        let entry = line.entry;
        self.count_kind(entry.kind);
        if entry.has_invalid_time() {
            self.problems.push(ProblemKind::InvalidTime, line.place);
        }
        match entry.kind.raw() {
            b"assistant" => self.assistant(line),
            b"user" => self.user(line),
            b"progress" => self.progress(line),
            b"system" => self.system(line),
            b"custom-title" => self.title(line, TitleRank::Custom),
            b"agent-name" => self.title(line, TitleRank::Agent),
            b"ai-title" => self.title(line, TitleRank::Ai),
            b"summary" => self.title(line, TitleRank::Summary),
            b"pr-link" => self.pull_request(line),
            b"attachment" => self.anchor(line),
            b"worktree-state" => self.worktree(line),
            _ => {}
        }
    }

    fn count_kind(&mut self, kind: Text) {
        let Facts { symbols, recent, .. } = self;
        let kind = recent.kind.symbol(kind, |kind| symbols.intern(&kind.decode()));
        self.add_to_kind(kind, 1);
    }

    fn add_to_kind(&mut self, kind: Symbol, count: u64) {
        let index = kind.index();
        if index >= self.kinds.len() {
            self.kinds.resize(index + 1, 0);
        }
        self.kinds[index] += count;
    }

    /// Counts entries that were read before.
    #[cfg(feature = "store")]
    pub(crate) fn add_kind(&mut self, kind: &[u8], count: u64) {
        let kind = self.symbols.intern(kind);
        self.add_to_kind(kind, count);
    }

    /// A line that wraps one of a subagent.
    fn progress(&mut self, line: &Line) {
        self.anchor(line);
        let Some(inner) = line.entry.agent_progress.as_deref() else { return };
        let Some(message) = &inner.message else { return };
        let stamp_ms = line.entry.wrapped_timestamp_ms(inner);
        if inner.kind.is(b"assistant") {
            let mut origin = self.origin(line, stamp_ms);
            origin.order.is_wrapped = true;
            self.message(line, message, line.entry.wrapped_uuid(inner), origin);
        } else if inner.kind.is(b"user") {
            let origin = self.origin(line, stamp_ms);
            if !self.take_results(message, inner, line, origin) {
                self.agent_prompt(&message.content, origin);
            }
        }
    }

    fn assistant(&mut self, line: &Line) {
        let Some(message) = &line.entry.message else { return };
        let origin = self.origin(line, line.entry.timestamp_ms);
        self.message(line, message, line.entry.uuid, origin);
    }

    /// What a line, or one that it wraps, holds of a response: usage and calls.
    fn message(&mut self, line: &Line, message: &Message, uuid: Text, origin: Origin) {
        self.conversation_line(uuid, origin);
        if message.model.is(b"<synthetic>") {
            if line.entry.is_api_error_message {
                self.api_errors.fold(ApiErrorRow { key: dedup::line_key(uuid, line.spot), origin });
            }
            return;
        }
        let session = self.symbols.bytes(origin.session);
        let key = dedup::message_key(message.id, session, uuid, line.spot);
        if let Some(usage) = &message.usage {
            let row = self.message_row(key, origin, message.model, usage, message.is_final);
            self.messages.fold(row);
            for advisor in &usage.advisors {
                let key = dedup::nth_key(key, b"advisor", advisor.index);
                let row = self.message_row(key, origin, advisor.model, &advisor.usage, message.is_final);
                self.messages.fold(MessageRow { is_advisor: true, ..row });
            }
            if message.cache_miss.is(b"tools_changed") {
                self.tools_changed.push(key);
            }
        }
        if let Content::Blocks(blocks) = &message.content {
            for (index, block) in blocks.iter().enumerate() {
                if let ContentBlock::ToolUse(call) = block {
                    self.call(key, index, origin, call);
                }
            }
        }
    }

    fn message_row(&mut self, key: Key, origin: Origin, model: Text, usage: &Usage, is_final: bool) -> MessageRow {
        for _ in 0..usage.invalid_counts {
            self.problems.push(ProblemKind::InvalidCount, origin.order.place);
        }
        MessageRow {
            key,
            origin,
            source: origin.order,
            model: self.recent.model.or_unknown(model, &mut self.symbols),
            tokens: Tokens::of(usage),
            has_split: usage.cache_write_split.is_some(),
            pricing: Pricing::new(usage.speed.is(b"fast"), usage.inference_geo.is(b"us")),
            is_final,
            is_advisor: false,
        }
    }

    fn call(&mut self, message: Key, index: usize, origin: Origin, call: &ToolUse) {
        let session = self.symbols.bytes(origin.session);
        let key = dedup::call_key(call.id, session).unwrap_or_else(|| dedup::nth_key(message, b"call", index));
        let input = &call.input;
        let secrets = secret_glob(input);
        let row = CallRow {
            key,
            origin,
            message,
            tool: self.recent.tool.or_unknown(call.name, &mut self.symbols),
            file: self.symbol(input.file),
            command: self.symbol(input.command),
            stored: None,
            target: self.symbol(secrets.unwrap_or_else(|| other_target(input))),
            target_is_path: secrets.is_some() || !input.other.path.is_empty(),
            subagent_type: self.symbol(input.subagent_type),
            offset: input.offset.map(saturated),
            limit: input.limit.map(saturated),
            old_text: text_hash(input.old_text),
            new_text: text_hash(input.new_text),
        };
        self.calls.fold(row);
    }

    fn user(&mut self, line: &Line) {
        let entry = line.entry;
        let Some(message) = &entry.message else { return };
        let origin = self.origin(line, entry.timestamp_ms);
        if entry.is_meta {
            self.anchor(line);
        } else {
            self.conversation_line(entry.uuid, origin);
        }
        self.fork(entry, origin);
        if self.take_results(message, entry, line, origin) {
            return;
        }
        self.agent_prompt(&message.content, origin);
        let head = prompt::head(&message.content);
        if prompt::is_typed(entry, &message.content, &head) {
            self.prompt(line, origin, &prompt::text(&message.content));
        } else if let Some(kind) = prompt::cut(entry, &head) {
            self.cut(line, origin, kind);
        }
        self.follow_up(entry, &message.content, origin);
    }

    fn follow_up(&mut self, entry: &Entry, content: &Content, origin: Origin) {
        let session = self.symbols.bytes(origin.session);
        if let Some(key) = dedup::call_key(entry.source_tool_use_id, session) {
            self.follow_ups.fold(FollowUpRow { key, order: origin.order, size_bytes: saturated(content.text_bytes()) });
        }
    }

    /// Every line of a branch names where it comes from.
    fn fork(&mut self, entry: &Entry, origin: Origin) {
        if !entry.forked_from.is_empty() {
            let fork = (origin.session, self.symbol(entry.forked_from));
            if self.forks.last() != Some(&fork) {
                self.forks.push(fork);
            }
        }
    }

    fn prompt(&mut self, line: &Line, origin: Origin, text: &[u8]) {
        let entry = line.entry;
        let text = prompt::own_words(text);
        let row = PromptRow {
            key: dedup::line_key(entry.uuid, line.spot),
            origin,
            is_negative: prompt::is_negative(text),
            is_keep_going: prompt::is_keep_going(text),
            parent: text_hash(entry.parent_uuid),
            title: self.symbols.intern(prompt::title(text)),
        };
        self.prompts.fold(row);
        for (index, path) in prompt::mentioned_secrets(text).into_iter().enumerate() {
            let path = self.symbols.intern(path.as_bytes());
            self.mentions.fold(MentionRow { key: dedup::nth_key(row.key, b"mention", index), origin, path });
        }
    }

    fn system(&mut self, line: &Line) {
        let origin = self.origin(line, line.entry.timestamp_ms);
        self.anchor(line);
        if line.entry.subtype.is(b"compact_boundary") {
            self.cut(line, origin, Cut::Compaction);
        }
    }

    fn cut(&mut self, line: &Line, origin: Origin, kind: Cut) {
        let entry = line.entry;
        let row = CutRow {
            key: dedup::line_key(entry.uuid, line.spot),
            origin,
            kind,
            trigger: self.symbol(entry.compaction.trigger),
            tokens_before: entry.compaction.tokens_before,
        };
        self.cuts.fold(row);
    }

    /// A title is that of its session, or of the line that it is about; the last one counts.
    fn title(&mut self, line: &Line, rank: TitleRank) {
        let entry = line.entry;
        let session = self.session(line);
        let title = self.symbol(entry.title);
        self.titles.push(TitleRow { rank, session, leaf: text_hash(entry.leaf_uuid), title, place: line.place });
    }

    /// The same pull request is linked again and again.
    fn pull_request(&mut self, line: &Line) {
        let link = (self.symbol(line.entry.session_id), self.symbol(line.entry.pr_url));
        if self.pull_requests.last() != Some(&link) {
            self.pull_requests.push(link);
        }
    }

    fn worktree(&mut self, line: &Line) {
        if let Some(worktree) = line.entry.worktree.as_deref().filter(|worktree| !worktree.path.is_empty()) {
            let moved = (self.symbols.intern(&project_name(worktree.path)), self.symbols.intern(&project_name(worktree.original)));
            self.worktrees.push(moved);
        }
    }

    /// A line that is no conversation, but may be the parent of a prompt.
    fn anchor(&mut self, line: &Line) {
        let entry = line.entry;
        if let Some(stamp_ms) = entry.timestamp_ms.filter(|_| !entry.uuid.is_empty()) {
            let session = self.session(line);
            self.uuids.push(LineRow { uuid: text_hash(entry.uuid), session, is_main: false, stamp_ms });
        }
    }

    /// A line of a conversation. A wrapped one may lack a `uuid`, and has that of the line around it.
    fn conversation_line(&mut self, uuid: Text, origin: Origin) {
        if let Some(stamp_ms) = origin.order.stamp_ms().filter(|_| !uuid.is_empty()) {
            self.uuids.push(LineRow { uuid: text_hash(uuid), session: origin.session, is_main: origin.is_main(), stamp_ms });
        }
    }

    /// Takes in the tool results of a message. Gives whether there are any: such a message is
    /// no prompt.
    fn take_results(&mut self, message: &Message, entry: &Entry, line: &Line, origin: Origin) -> bool {
        let Content::Blocks(blocks) = &message.content else { return false };
        let mut any = false;
        for block in blocks {
            if let ContentBlock::ToolResult(result) = block {
                any = true;
                self.result(result, entry, line, origin);
            }
        }
        any
    }

    fn result(&mut self, result: &ToolResult, entry: &Entry, line: &Line, origin: Origin) {
        let session = self.symbols.bytes(origin.session);
        let Some(key) = dedup::call_key(result.tool_use_id, session) else { return };
        let fields = match &entry.tool_use_result {
            ToolUseResult::Fields(fields) => *fields,
            _ => ResultFields::default(),
        };
        let verdict = Verdict::of(result, &entry.tool_use_result, entry.tool_denial_kind);
        let error = result.is_error.then(|| ErrorText::of(&result.body.decode()));
        let row = ResultRow {
            key,
            order: origin.order,
            verdict,
            denied_by: verdict.is_denied().then(|| DeniedBy::of(result, &entry.tool_use_result, entry.tool_denial_kind)),
            size_bytes: saturated(result.body.len() as u64),
            lines: self.counts_result_lines.then(|| saturated(count_lines(result.body.raw()))),
            duration_ms: fields.duration_ms.map(saturated),
            exit_code: error.as_ref().and_then(|error| error.exit_code),
            error_line: error.as_ref().map_or(Symbol::NONE, |error| self.symbols.intern(error.error_line.as_bytes())),
            error_byte: NonZeroU64::new(line.spot.offset + 1).filter(|_| result.is_error),
            edit_error: error.as_ref().and_then(|error| error.edit_error),
            is_of_cd: error.is_some_and(|error| error.is_of_cd),
            read: read_lines(&fields, result),
            lines_added: fields.lines_added,
            lines_removed: fields.lines_removed,
            lines_created: fields.content.filter(|_| fields.kind.is(b"create")).map(|text| saturated(count_lines(text))),
            agent: self.symbol(fields.agent_id),
            agent_type: self.symbol(fields.agent_type),
            is_async: fields.is_async,
            is_cut: fields.is_cut,
        };
        self.results.fold(row);
    }

    fn agent_prompt(&mut self, content: &Content, origin: Origin) {
        if !origin.agent.is_none() {
            let is_warmup = prompt::head(content).trim_ascii() == b"Warmup";
            let key = dedup::agent_key(self.symbols.bytes(origin.agent));
            self.agents.fold(AgentRow { key, agent: origin.agent, order: origin.order, is_warmup });
        }
    }

    fn origin(&mut self, line: &Line, stamp_ms: Option<i64>) -> Origin {
        let entry = line.entry;
        let order = Order::new(stamp_ms, entry.is_sidechain, line.place);
        let session = self.session(line);
        let Facts { symbols, recent, .. } = self;
        let name = |symbols: &mut Symbols, text: Text| symbols.intern(&text.decode());
        let project = match entry.cwd.is_empty() {
            true => symbols.intern(line.fallback.project),
            false => recent.project.symbol(entry.cwd, |cwd| symbols.intern(&project_name(cwd))),
        };
        let branch = recent.branch.symbol(entry.git_branch, |text| name(symbols, text));
        let agent = recent.agent.symbol(entry.agent_id, |text| name(symbols, text));
        let version = recent.version.symbol(entry.version, |text| name(symbols, text));
        Origin { order, session, project, branch, agent, version }
    }

    fn session(&mut self, line: &Line) -> Symbol {
        let Facts { symbols, recent, .. } = self;
        match line.entry.session_id.is_empty() {
            true => symbols.intern(line.fallback.session),
            false => recent.session.symbol(line.entry.session_id, |text| symbols.intern(&text.decode())),
        }
    }

    /// The projects of all rows, each once, in no order.
    pub(crate) fn projects(&self) -> FxHashSet<Symbol> {
        let messages = self.messages.rows().iter().map(|row| row.origin.project);
        let calls = self.calls.rows().iter().map(|row| row.origin.project);
        let prompts = self.prompts.rows().iter().map(|row| row.origin.project);
        let cuts = self.cuts.rows().iter().map(|row| row.origin.project);
        messages.chain(calls).chain(prompts).chain(cuts).chain(self.api_errors.rows().iter().map(|row| row.origin.project)).collect()
    }

    fn symbol(&mut self, text: Text) -> Symbol {
        self.symbols.intern(&text.decode())
    }
}

/// The folder as the line has it; a Windows drive letter in upper case.
pub(crate) fn project_name(cwd: Text<'_>) -> Cow<'_, [u8]> {
    with_upper_drive(cwd.decode())
}

/// A path whose Windows drive letter is in upper case: both name one folder.
pub(crate) fn with_upper_drive(mut path: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if let [b'a'..=b'z', b':', ..] = &*path {
        path.to_mut()[0].make_ascii_uppercase();
    }
    path
}

/// What a call names beside files and commands.
fn other_target<'t>(input: &Input<'t>) -> Text<'t> {
    let other = &input.other;
    let targets = [other.path, other.url, other.pattern, other.query, other.skill];
    targets.into_iter().find(|target| !target.is_empty()).unwrap_or_default()
}

/// The names of files with secrets that a search looks into; they say more than the folder
/// around them.
fn secret_glob<'t>(input: &Input<'t>) -> Option<Text<'t>> {
    Some(input.other.glob).filter(|glob| !glob.is_empty() && shell::secret_path(&glob.to_str()).is_some())
}

fn read_lines(fields: &ResultFields, result: &ToolResult) -> ReadLines {
    let ReadFile { start_line, lines, total_lines, content } = fields.file;
    let is_output = content.is_empty() && !result.is_error;
    ReadLines {
        start: saturated(start_line),
        count: saturated(lines),
        total: saturated(total_lines),
        text: if is_output { output_hash(&result.body) } else { text_hash(content) },
        is_output,
        is_stub: fields.kind.is(b"file_unchanged"),
    }
}

/// A hash of a result as written, without what Claude Code put behind it; 0 for one that is
/// too long to be a file that was read.
fn output_hash(body: &Body) -> u64 {
    let output = body.raw().raw();
    if output.len() >= LONGEST_OUTPUT_BYTES {
        return 0;
    }
    let output = trim_end(output);
    let is_reminded = matches!(body, Body::Blocks(_)) || output.ends_with(b"</system-reminder>");
    let reminder = is_reminded.then(|| memchr::memmem::find(output, b"<system-reminder>")).flatten();
    let output = reminder.map_or(output, |reminder| trim_end(&output[..reminder]));
    if output.is_empty() { 0 } else { xxh3_64(output) }
}

/// A text as written, without blanks and escaped newlines at its end.
fn trim_end(text: &[u8]) -> &[u8] {
    let mut text = text.trim_ascii_end();
    while let Some(before) = text.strip_suffix(br"\n") {
        text = before.trim_ascii_end();
    }
    text
}

/// Output of commands that is longer may have been cut: Claude Code does so at 30,000 characters.
pub(crate) const LONGEST_OUTPUT_BYTES: usize = 29_000;

/// A hash of a text as written; 0 for none.
fn text_hash(text: Text) -> u64 {
    if text.is_empty() { 0 } else { xxh3_64(text.raw()) }
}

/// A number in 32 bits, else the largest: no file has more lines, and no result more bytes.
pub(crate) fn saturated(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The lines of a file with this text; a last one need not end in a newline.
/// Only escapes can be newlines, so the text is not decoded.
fn count_lines(text: Text) -> u64 {
    let raw = text.raw();
    let (mut lines, mut at, mut after_last) = (0, 0, 0);
    while let Some(escape) = memchr::memchr(b'\\', &raw[at..]) {
        let kind = &raw[at + escape + 1..];
        let length = if kind.starts_with(b"n") {
            1
        } else if kind.starts_with(b"u000a") || kind.starts_with(b"u000A") {
            5
        } else {
            0
        };
        // Whatever is escaped is no backslash of its own.
        at += escape + 1 + length.max(usize::from(!kind.is_empty()));
        if length > 0 {
            lines += 1;
            after_last = at;
        }
    }
    lines + u64::from(after_last < raw.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_without_decoding() {
        let count = |raw: &'static str| count_lines(Text(raw.as_bytes()));
        let texts = [r"", r"a", r"a\\n", r"a\n", r"a\nb", r"\n\n", r"\u000ab", r"\\\n"];
        assert_eq!(texts.map(count), [0, 1, 1, 1, 2, 2, 2, 1]);
    }
}
