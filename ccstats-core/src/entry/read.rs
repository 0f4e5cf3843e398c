//! How entries are read: each key at its true place, in any order.

use smallvec::SmallVec;

use super::*;
use crate::json::{Count, Cursor, Parsed, count};
use crate::keys::{Key, Object};
use crate::simd::Level;
use crate::time::parse_instant;

impl<'t> Entry<'t> {
    /// Reads one object in place: an entry is large, and moving it costs as much
    /// as reading a short line. `false` when it has no string `type`.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'t>) -> Parsed<bool> {
        *self = Entry::default();
        if cursor.enter_object(Object::Entry)? {
            self.read_members(cursor)?;
        }
        Ok(self.has_type)
    }

    fn read_members(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        let mut subagent = Text::default();
        while let Some(key) = cursor.key(Object::Entry)? {
            match key {
                Key::Type => {
                    let kind = cursor.optional_text()?;
                    self.has_type = kind.is_some();
                    self.kind = canonical(kind.unwrap_or_default());
                }
                Key::Message => Message::read(&mut self.message, cursor)?,
                Key::ToolUseResult => self.tool_use_result = ToolUseResult::read(cursor)?,
                Key::Data => subagent = self.read_progress(cursor)?,
                Key::Uuid => self.uuid = cursor.text()?,
                Key::Timestamp => self.read_timestamp(cursor)?,
                Key::SessionId => self.session_id = cursor.text()?,
                Key::AgentId => self.agent_id = cursor.text()?,
                Key::Cwd => self.cwd = cursor.text()?,
                Key::GitBranch => self.git_branch = cursor.text()?,
                Key::Version => self.version = cursor.text()?,
                Key::IsSidechain => self.is_sidechain = cursor.is_true()?,
                Key::ParentUuid => self.parent_uuid = cursor.text()?,
                Key::Subtype => self.subtype = cursor.text()?,
                Key::CompactMetadata => self.compaction = Compaction::read(cursor)?,
                Key::CustomTitle | Key::AgentName | Key::AiTitle | Key::Summary => self.title = cursor.text()?,
                Key::LeafUuid => self.leaf_uuid = cursor.text()?,
                Key::PrUrl => self.pr_url = cursor.text()?,
                Key::ForkedFrom => self.forked_from = member_of(Key::SessionId, cursor, Cursor::text)?,
                Key::SourceToolUseId => self.source_tool_use_id = cursor.text()?,
                Key::WorktreeSession => self.worktree = Worktree::read(cursor)?,
                Key::IsMeta => self.is_meta = cursor.is_true()?,
                Key::IsCompactSummary => self.is_compact_summary = cursor.is_true()?,
                Key::IsVisibleInTranscriptOnly => self.is_visible_in_transcript_only = cursor.is_true()?,
                Key::IsApiErrorMessage => self.is_api_error_message = cursor.is_true()?,
                Key::ToolDenialKind => self.tool_denial_kind = cursor.text()?,
                Key::TurnOrigin => self.has_other_turn_origin = !cursor.text()?.is(b"human"),
                Key::Origin => self.has_other_origin = !is_human(cursor)?,
                _ => cursor.skip()?,
            }
        }
        if !subagent.is_empty() {
            self.agent_id = subagent;
        }
        Ok(())
    }

    fn read_timestamp(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        let text = cursor.text()?;
        self.has_timestamp = true;
        // No time has a backslash, so one that is written with escapes is none as it stands.
        self.timestamp_ms = parse_instant(text.raw()).or_else(|| parse_instant(&text.decode()));
        self.has_invalid_timestamp = self.timestamp_ms.is_none() && !text.is_empty();
        Ok(())
    }

    /// `data` of a `progress` entry: the entry of a subagent that it wraps. Gives the id of that agent.
    fn read_progress(&mut self, cursor: &mut Cursor<'t>) -> Parsed<Text<'t>> {
        self.agent_progress = None;
        let (mut is_agent_progress, mut agent_id) = (false, Text::default());
        if !cursor.enter_object(Object::Progress)? {
            return Ok(agent_id);
        }
        while let Some(key) = cursor.key(Object::Progress)? {
            match key {
                Key::Type => is_agent_progress = cursor.text()?.is(b"agent_progress"),
                Key::AgentId => agent_id = cursor.text()?,
                Key::Message => self.agent_progress = Entry::wrapped(cursor)?,
                _ => cursor.skip()?,
            }
        }
        if !is_agent_progress {
            self.agent_progress = None;
        }
        Ok(agent_id)
    }

    /// The entry that another one wraps, when it is an object.
    fn wrapped(cursor: &mut Cursor<'t>) -> Parsed<Option<Box<Entry<'t>>>> {
        if !cursor.enter_object(Object::Wrapped)? {
            return Ok(None);
        }
        let mut inner = Box::<Entry>::default();
        inner.read_wrapped(cursor)?;
        Ok(Some(inner))
    }

    /// The few keys of a wrapped entry that count: all else comes from outside.
    fn read_wrapped(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        while let Some(key) = cursor.key(Object::Wrapped)? {
            match key {
                Key::Type => self.kind = cursor.text()?,
                Key::Message => Message::read(&mut self.message, cursor)?,
                Key::ToolUseResult => self.tool_use_result = ToolUseResult::read(cursor)?,
                Key::Uuid => {
                    self.uuid = cursor.text()?;
                    self.has_uuid = true;
                }
                Key::Timestamp => self.read_timestamp(cursor)?,
                Key::ToolDenialKind => self.tool_denial_kind = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// The `uuid` of a wrapped entry: its own where it has one, be it `null`.
    pub(crate) fn wrapped_uuid(&self, inner: &Entry<'t>) -> Text<'t> {
        if inner.has_uuid { inner.uuid } else { self.uuid }
    }

    /// The time of a wrapped entry: its own where it has one.
    pub(crate) fn wrapped_timestamp_ms(&self, inner: &Entry) -> Option<i64> {
        if inner.has_timestamp { inner.timestamp_ms } else { self.timestamp_ms }
    }

    /// Whether the time that counts, that of a wrapped entry if it has one, is no time.
    pub(crate) fn has_invalid_time(&self) -> bool {
        let inner = self.agent_progress.as_deref().filter(|inner| inner.has_timestamp);
        inner.unwrap_or(self).has_invalid_timestamp
    }
}

impl<'t> Compaction<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Compaction<'t>> {
        let mut compaction = Compaction::default();
        if cursor.enter_object(Object::Small)? {
            while let Some(key) = cursor.key(Object::Small)? {
                match key {
                    Key::Trigger => compaction.trigger = cursor.text()?,
                    Key::PreTokens => compaction.tokens_before = number(cursor)?.unwrap_or(0),
                    _ => cursor.skip()?,
                }
            }
        }
        Ok(compaction)
    }
}

impl<'t> Worktree<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Option<Box<Worktree<'t>>>> {
        if !cursor.enter_object(Object::Small)? {
            return Ok(None);
        }
        let mut worktree = Worktree::default();
        while let Some(key) = cursor.key(Object::Small)? {
            match key {
                Key::WorktreePath => worktree.path = cursor.text()?,
                Key::OriginalCwd => worktree.original = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        Ok(Some(Box::new(worktree)))
    }
}

/// A whole number that is no count of tokens; models and tools also write others.
fn number(cursor: &mut Cursor) -> Parsed<Option<u64>> {
    let value = cursor.value()?;
    let digits = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    Ok(match count(digits) {
        Count::Valid(number) if digits != b"null" => Some(number),
        _ => None,
    })
}

/// A kind that rules look for, without the escapes it may be written with.
fn canonical(kind: Text) -> Text {
    let known: [&[u8]; 3] = [b"assistant", b"user", b"progress"];
    let decoded = kind.raw().contains(&b'\\').then(|| known.iter().find(|known| kind.is(known))).flatten();
    decoded.map_or(kind, |known| Text(known))
}

/// One member of an object; empty where there is no such object or member.
fn member_of<'t, T: Default>(name: Key, cursor: &mut Cursor<'t>, read: impl Fn(&mut Cursor<'t>) -> Parsed<T>) -> Parsed<T> {
    let mut found = T::default();
    if cursor.enter_object(Object::Small)? {
        while let Some(key) = cursor.key(Object::Small)? {
            if key == name {
                found = read(cursor)?;
            } else {
                cursor.skip()?;
            }
        }
    }
    Ok(found)
}

/// `origin`: an object whose `kind`, where it stands, says `human`.
fn is_human(cursor: &mut Cursor) -> Parsed<bool> {
    let mut human = true;
    if cursor.enter_object(Object::Small)? {
        while let Some(key) = cursor.key(Object::Small)? {
            match key {
                Key::Kind => human = cursor.text()?.is(b"human"),
                _ => cursor.skip()?,
            }
        }
    }
    Ok(human)
}

impl<'t> Message<'t> {
    fn read(slot: &mut Option<Message<'t>>, cursor: &mut Cursor<'t>) -> Parsed<()> {
        *slot = None;
        if !cursor.enter_object(Object::Message)? {
            return Ok(());
        }
        let message = slot.insert(Message::default());
        while let Some(key) = cursor.key(Object::Message)? {
            match key {
                Key::Id => message.id = cursor.text()?,
                Key::Model => message.model = cursor.text()?,
                Key::StopReason => message.is_final = !cursor.text()?.is_empty(),
                Key::Usage => message.usage = Usage::read(cursor)?,
                Key::Content => message.content = Content::read(cursor)?,
                Key::Diagnostics => {
                    message.cache_miss = member_of(Key::CacheMissReason, cursor, |reason| member_of(Key::Type, reason, Cursor::text))?
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }
}

impl<'t> Usage<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Option<Usage<'t>>> {
        if !cursor.enter_object(Object::Usage)? {
            return Ok(None);
        }
        let mut response = Step::default();
        response.read_members(cursor, Object::Usage)?;
        Ok(Some(response.usage))
    }

    fn read_split(&mut self, cursor: &mut Cursor, faults: &mut Faults) -> Parsed<()> {
        self.cache_write_split = None;
        faults.forget(Key::Ephemeral5mInputTokens);
        faults.forget(Key::Ephemeral1hInputTokens);
        if !cursor.enter_object(Object::CacheCreation)? {
            return Ok(());
        }
        let (mut five_minutes, mut one_hour) = (0, 0);
        while let Some(key) = cursor.key(Object::CacheCreation)? {
            match key {
                Key::Ephemeral5mInputTokens => five_minutes = faults.read_count(key, cursor)?,
                Key::Ephemeral1hInputTokens => one_hour = faults.read_count(key, cursor)?,
                _ => cursor.skip()?,
            }
        }
        self.cache_write_split = Some((five_minutes, one_hour));
        Ok(())
    }

    fn read_server_tools(&mut self, cursor: &mut Cursor, faults: &mut Faults) -> Parsed<()> {
        self.web_searches = 0;
        faults.forget(Key::WebSearchRequests);
        if !cursor.enter_object(Object::Small)? {
            return Ok(());
        }
        while let Some(key) = cursor.key(Object::Small)? {
            match key {
                Key::WebSearchRequests => self.web_searches = faults.read_count(key, cursor)?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }
}

/// The keys of a usage whose counts are none. Of a key that stands twice only the last value counts.
#[derive(Default)]
struct Faults(Vec<Key>);

impl Faults {
    fn forget(&mut self, key: Key) {
        self.0.retain(|fault| *fault != key);
    }

    fn read_count(&mut self, key: Key, cursor: &mut Cursor) -> Parsed<u64> {
        self.forget(key);
        Ok(match cursor.count()? {
            Count::Valid(number) => number,
            Count::Invalid => {
                self.0.push(key);
                0
            }
        })
    }
}

/// A whole response, or a step of its `iterations`, which also says what it is.
#[derive(Default)]
struct Step<'t> {
    kind: Text<'t>,
    model: Text<'t>,
    usage: Usage<'t>,
}

impl<'t> Step<'t> {
    fn read_members(&mut self, cursor: &mut Cursor<'t>, object: Object) -> Parsed<()> {
        let (usage, mut faults) = (&mut self.usage, Faults::default());
        while let Some(key) = cursor.key(object)? {
            match key {
                Key::InputTokens => usage.input = faults.read_count(key, cursor)?,
                Key::OutputTokens => usage.output = faults.read_count(key, cursor)?,
                Key::CacheCreationInputTokens => usage.cache_write = faults.read_count(key, cursor)?,
                Key::CacheReadInputTokens => usage.cache_read = faults.read_count(key, cursor)?,
                Key::CacheCreation => usage.read_split(cursor, &mut faults)?,
                Key::ServerToolUse => usage.read_server_tools(cursor, &mut faults)?,
                Key::Speed => usage.speed = cursor.text()?,
                Key::InferenceGeo => usage.inference_geo = cursor.text()?,
                Key::Iterations if object == Object::Usage => usage.advisors = read_advisors(cursor)?,
                Key::Type if object == Object::Step => self.kind = cursor.text()?,
                Key::Model if object == Object::Step => self.model = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        usage.invalid_counts = faults.0.len() as u32;
        Ok(())
    }
}

fn read_advisors<'t>(cursor: &mut Cursor<'t>) -> Parsed<Vec<Advisor<'t>>> {
    let mut advisors = Vec::new();
    if !cursor.enter_array()? {
        return Ok(advisors);
    }
    let mut index = 0;
    while cursor.element()? {
        let mut step = Step::default();
        if cursor.enter_object(Object::Step)? {
            step.read_members(cursor, Object::Step)?;
        }
        if step.kind.is(b"advisor_message") {
            advisors.push(Advisor { index, model: step.model, usage: step.usage });
        }
        index += 1;
    }
    Ok(advisors)
}

impl<'t> Content<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Content<'t>> {
        if cursor.peek() == b'"' {
            return Ok(Content::Text(cursor.text()?));
        }
        if !cursor.enter_array()? {
            return Ok(Content::None);
        }
        let mut blocks = SmallVec::new();
        while cursor.element()? {
            blocks.push(ContentBlock::read(cursor)?);
        }
        Ok(Content::Blocks(blocks))
    }

    /// The length of all texts as written: escapes count as they stand.
    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Content::None => 0,
            Content::Text(text) => text.raw().len() as u64,
            Content::Blocks(blocks) => {
                let texts = blocks.iter().map(|block| if let ContentBlock::Text(text) = block { text.raw().len() } else { 0 });
                texts.sum::<usize>() as u64
            }
        }
    }
}

impl<'t> ContentBlock<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<ContentBlock<'t>> {
        if !cursor.enter_object(Object::Block)? {
            return Ok(ContentBlock::Other);
        }
        let mut kind = Text::default();
        let mut text = Text::default();
        let mut call = ToolUse::default();
        let mut result = ToolResult::default();
        while let Some(key) = cursor.key(Object::Block)? {
            match key {
                Key::Type => kind = cursor.text()?,
                Key::Text => text = cursor.text()?,
                Key::Id => call.id = cursor.text()?,
                Key::Name => call.name = cursor.text()?,
                Key::Input => call.input = Input::read(cursor)?,
                Key::ToolUseId => result.tool_use_id = cursor.text()?,
                Key::IsError => result.is_error = cursor.is_true()?,
                Key::Content => result.body = Body::read(cursor)?,
                _ => cursor.skip()?,
            }
        }
        Ok(match &*kind.decode() {
            b"tool_use" => ContentBlock::ToolUse(call),
            b"tool_result" => ContentBlock::ToolResult(result),
            // The API calls this kind `text`; a text in any other block is read alike.
            _ if !text.is_empty() => ContentBlock::Text(text),
            _ => ContentBlock::Other,
        })
    }
}

impl<'t> Input<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Input<'t>> {
        let mut input = Input::default();
        let mut notebook = Text::default();
        if !cursor.enter_object(Object::Input)? {
            return Ok(input);
        }
        while let Some(key) = cursor.key(Object::Input)? {
            match key {
                Key::FilePath => input.file = cursor.text()?,
                Key::NotebookPath => notebook = cursor.text()?,
                Key::Command => input.command = cursor.text()?,
                Key::Path => input.other.path = cursor.text()?,
                Key::Url => input.other.url = cursor.text()?,
                Key::Pattern => input.other.pattern = cursor.text()?,
                Key::Glob => input.other.glob = cursor.text()?,
                Key::Query => input.other.query = cursor.text()?,
                Key::Skill => input.other.skill = cursor.text()?,
                Key::SubagentType => input.subagent_type = cursor.text()?,
                Key::Offset => input.offset = number(cursor)?,
                Key::Limit => input.limit = number(cursor)?,
                Key::OldString => input.old_text = cursor.text()?,
                Key::NewString | Key::Content | Key::FileText | Key::NewSource => input.new_text = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        if input.file.is_empty() {
            input.file = notebook;
        }
        Ok(input)
    }
}

impl<'t> Body<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Body<'t>> {
        Ok(match cursor.peek() {
            b'"' => Body::Text(cursor.text()?),
            b'[' => Body::Blocks(cursor.value()?),
            _ => {
                cursor.skip()?;
                Body::None
            }
        })
    }

    /// The bytes of the text: of a list, the texts of its blocks in a row.
    pub fn decode(self) -> Vec<u8> {
        match self {
            Body::None => Vec::new(),
            Body::Text(text) => text.decode().into_owned(),
            Body::Blocks(list) => block_texts(list).unwrap_or_default(),
        }
    }

    /// The start of the text; see [`Text::head`].
    pub(crate) fn head(self) -> Vec<u8> {
        match self {
            Body::Text(text) => text.head().into_owned(),
            _ => self.decode(),
        }
    }

    /// The text as written; of a list its JSON.
    pub(crate) fn raw(self) -> Text<'t> {
        match self {
            Body::None => Text::default(),
            Body::Text(text) => text,
            Body::Blocks(list) => Text(list),
        }
    }

    /// The length of the text as written: escapes count as they stand.
    pub fn len(self) -> usize {
        self.raw().raw().len()
    }

    /// Whether nothing stands there.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The first byte of the text as written, white space left out: enough to
    /// see that most results need no second look.
    pub(crate) fn first_byte(self) -> Option<u8> {
        let text = match self {
            Body::None => return None,
            Body::Text(text) => text.raw(),
            Body::Blocks(_) => return Some(b'\\'),
        };
        text.iter().copied().find(|byte| !byte.is_ascii_whitespace())
    }
}

fn block_texts(list: &[u8]) -> Parsed<Vec<u8>> {
    let mut cursor = Cursor::new(list, 0, Level::detect());
    let mut texts = Vec::new();
    if !cursor.enter_array()? {
        return Ok(texts);
    }
    while cursor.element()? {
        if !cursor.enter_object(Object::Block)? {
            continue;
        }
        let mut text = Text::default();
        while let Some(key) = cursor.key(Object::Block)? {
            match key {
                Key::Text => text = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        texts.extend_from_slice(&text.decode());
    }
    Ok(texts)
}

impl<'t> ToolUseResult<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<ToolUseResult<'t>> {
        if cursor.peek() == b'"' {
            return Ok(ToolUseResult::Text(cursor.text()?));
        }
        if !cursor.enter_object(Object::Result)? {
            return Ok(ToolUseResult::None);
        }
        let mut fields = ResultFields::default();
        while let Some(key) = cursor.key(Object::Result)? {
            match key {
                Key::Type => fields.kind = cursor.text()?,
                Key::Content => fields.content = cursor.optional_text()?,
                Key::StructuredPatch => (fields.lines_added, fields.lines_removed) = read_patch(cursor)?,
                Key::BackgroundTaskId => fields.background_task_id = cursor.text()?,
                Key::ReturnCodeInterpretation => fields.return_code_interpretation = cursor.text()?,
                Key::AgentId => fields.agent_id = cursor.text()?,
                Key::AgentType => fields.agent_type = cursor.text()?,
                Key::File => fields.file = ReadFile::read(cursor)?,
                Key::DurationMs | Key::TotalDurationMs => fields.duration_ms = number(cursor)?,
                Key::DurationSeconds => fields.duration_ms = milliseconds(cursor.value()?),
                Key::IsAsync => fields.is_async = cursor.is_true()?,
                Key::PersistedOutputPath => fields.is_cut = !cursor.text()?.is_empty(),
                _ => cursor.skip()?,
            }
        }
        Ok(ToolUseResult::Fields(fields))
    }
}

/// Seconds with a fraction, as one tool writes them.
fn milliseconds(seconds: &[u8]) -> Option<u64> {
    let seconds: f64 = std::str::from_utf8(seconds).ok()?.parse().ok()?;
    (seconds >= 0.0).then_some((seconds * 1000.0) as u64)
}

impl<'t> ReadFile<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<ReadFile<'t>> {
        let mut file = ReadFile::default();
        if cursor.enter_object(Object::File)? {
            while let Some(key) = cursor.key(Object::File)? {
                match key {
                    Key::StartLine => file.start_line = number(cursor)?.unwrap_or(0),
                    Key::NumLines => file.lines = number(cursor)?.unwrap_or(0),
                    Key::TotalLines => file.total_lines = number(cursor)?.unwrap_or(0),
                    Key::Content | Key::Base64 => file.content = cursor.text()?,
                    Key::Cells => file.content = Text(cursor.value()?),
                    _ => cursor.skip()?,
                }
            }
        }
        Ok(file)
    }
}

/// Counts the `+` and `-` lines of all hunks of a patch.
fn read_patch(cursor: &mut Cursor) -> Parsed<(u64, u64)> {
    let (mut added, mut removed) = (0, 0);
    if !cursor.enter_array()? {
        return Ok((added, removed));
    }
    while cursor.element()? {
        if !cursor.enter_object(Object::Hunk)? {
            continue;
        }
        let mut hunk = (0, 0);
        while let Some(key) = cursor.key(Object::Hunk)? {
            match key {
                Key::Lines => hunk = read_patch_lines(cursor)?,
                _ => cursor.skip()?,
            }
        }
        added += hunk.0;
        removed += hunk.1;
    }
    Ok((added, removed))
}

fn read_patch_lines(cursor: &mut Cursor) -> Parsed<(u64, u64)> {
    let (mut added, mut removed) = (0, 0);
    if !cursor.enter_array()? {
        return Ok((added, removed));
    }
    while cursor.element()? {
        let line = cursor.text()?;
        let first = match line.raw().first() {
            Some(b'\\') => line.decode().first().copied(),
            first => first.copied(),
        };
        added += u64::from(first == Some(b'+'));
        removed += u64::from(first == Some(b'-'));
    }
    Ok((added, removed))
}

#[cfg(test)]
mod tests {
    use crate::lines::entries;

    #[test]
    fn the_agent_of_a_progress_entry_is_that_of_its_data_in_any_order() {
        let (outer, data) = (r#""agentId":"outer""#, r#""data":{"agentId":"inner","type":"agent_progress"}"#);
        for members in [format!("{outer},{data}"), format!("{data},{outer}")] {
            let line = format!(r#"{{"type":"progress",{members}}}"#);
            let (_, entry) = entries(line.as_bytes()).next().expect("a line").expect("an entry");
            assert_eq!(entry.agent_id.raw(), b"inner", "{line}");
        }
    }

    #[test]
    fn of_wrapped_entries_the_last_counts_and_what_is_no_object_is_none() {
        let entry = r#""message":{"type":"assistant","uuid":"a"}"#;
        for other in ["null", "true", "5", r#""x""#, "[]", "[{}]"] {
            for (members, expected) in [(format!(r#"{entry},"message":{other}"#), false), (format!(r#""message":{other},{entry}"#), true)] {
                let line = format!(r#"{{"type":"progress","data":{{"type":"agent_progress",{members}}}}}"#);
                let (_, outer) = entries(line.as_bytes()).next().expect("a line").expect("an entry");
                assert_eq!(outer.agent_progress.is_some(), expected, "{line}");
            }
        }
    }

    #[test]
    fn a_wrapped_entry_has_a_uuid_of_its_own_even_if_it_is_none() {
        for (own, expected) in [("", "outer"), (r#""uuid":"inner","#, "inner"), (r#""uuid":null,"#, ""), (r#""uuid":5,"#, "")] {
            let line =
                format!(r#"{{"type":"progress","uuid":"outer","data":{{"type":"agent_progress","message":{{{own}"type":"user"}}}}}}"#);
            let (_, outer) = entries(line.as_bytes()).next().expect("a line").expect("an entry");
            let inner = outer.agent_progress.as_deref().expect("wrapped");
            assert_eq!(outer.wrapped_uuid(inner).to_str(), expected, "{line}");
        }
    }

    #[test]
    fn of_a_count_that_stands_twice_the_last_is_told() {
        let table = [
            (r#""input_tokens":-1,"input_tokens":5"#, 5, 0),
            (r#""input_tokens":5,"input_tokens":-1"#, 0, 1),
            (r#""input_tokens":-1,"input_tokens":-2,"output_tokens":-1"#, 0, 2),
            (r#""cache_creation":{"ephemeral_5m_input_tokens":-1},"cache_creation":{"ephemeral_1h_input_tokens":5}"#, 0, 0),
            (r#""cache_creation":{"ephemeral_5m_input_tokens":-1},"cache_creation":null"#, 0, 0),
            (r#""server_tool_use":{"web_search_requests":-1},"server_tool_use":{}"#, 0, 0),
        ];
        for (counts, input, invalid) in table {
            let line = format!(r#"{{"type":"assistant","message":{{"usage":{{{counts}}}}}}}"#);
            let (_, entry) = entries(line.as_bytes()).next().expect("a line").expect("an entry");
            let usage = entry.message.expect("a message").usage.expect("a usage");
            assert_eq!((usage.input, usage.invalid_counts), (input, invalid), "{line}");
        }
    }
}
