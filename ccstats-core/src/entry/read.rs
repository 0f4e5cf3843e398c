//! How entries are read: each key at its true place, in any order.

use smallvec::SmallVec;

use super::*;
use crate::json::{Count, Cursor, Parsed, count};
use crate::simd::{Level, Skips};
use crate::time::instant;

impl<'t> Entry<'t> {
    /// Reads one object in place: an entry is large, and moving it costs as much
    /// as reading a short line. `false` when it has no string `type`.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'t>) -> Parsed<bool> {
        *self = Entry::default();
        if cursor.enter_object()? {
            self.read_members(cursor)?;
        }
        Ok(self.has_type)
    }

    fn read_members(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        while let Some(key) = cursor.key()? {
            match &*key {
                b"type" => {
                    let kind = cursor.optional_text()?;
                    self.has_type = kind.is_some();
                    self.kind = canonical(kind.unwrap_or_default());
                }
                b"message" => Message::read(&mut self.message, cursor)?,
                b"toolUseResult" => self.tool_use_result = ToolUseResult::read(cursor)?,
                b"data" => self.read_progress(cursor)?,
                b"uuid" => self.uuid = cursor.text()?,
                b"timestamp" => self.read_timestamp(cursor)?,
                b"sessionId" => self.session_id = cursor.text()?,
                b"agentId" => self.agent_id = cursor.text()?,
                b"cwd" => self.cwd = cursor.text()?,
                b"gitBranch" => self.git_branch = cursor.text()?,
                b"version" => self.version = cursor.text()?,
                b"isSidechain" => self.is_sidechain = cursor.is_true()?,
                b"parentUuid" => self.parent_uuid = cursor.text()?,
                b"subtype" => self.subtype = cursor.text()?,
                b"compactMetadata" => self.compaction = Compaction::read(cursor)?,
                b"customTitle" | b"agentName" | b"aiTitle" | b"summary" => self.title = cursor.text()?,
                b"leafUuid" => self.leaf_uuid = cursor.text()?,
                b"prUrl" => self.pr_url = cursor.text()?,
                b"forkedFrom" => self.forked_from = member_of(b"sessionId", cursor, Cursor::text)?,
                b"sourceToolUseID" => self.source_tool_use_id = cursor.text()?,
                b"worktreeSession" => self.worktree = Worktree::read(cursor)?,
                b"isMeta" => self.is_meta = cursor.is_true()?,
                b"isCompactSummary" => self.is_compact_summary = cursor.is_true()?,
                b"isVisibleInTranscriptOnly" => self.is_visible_in_transcript_only = cursor.is_true()?,
                b"isApiErrorMessage" => self.is_api_error_message = cursor.is_true()?,
                b"toolDenialKind" => self.tool_denial_kind = cursor.text()?,
                b"turnOrigin" => self.has_other_turn_origin = !cursor.text()?.is(b"human"),
                b"origin" => self.has_other_origin = !is_human(cursor)?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    fn read_timestamp(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        let text = cursor.text()?;
        self.has_timestamp = true;
        self.timestamp_ms = instant(&text.decode());
        self.invalid_timestamp = self.timestamp_ms.is_none() && !text.is_empty();
        Ok(())
    }

    /// `data` of a `progress` entry: the entry of a subagent that it wraps.
    fn read_progress(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        self.agent_progress = None;
        let mut is_agent_progress = false;
        if !cursor.enter_object()? {
            return Ok(());
        }
        while let Some(key) = cursor.key()? {
            match &*key {
                b"type" => is_agent_progress = cursor.text()?.is(b"agent_progress"),
                b"agentId" => self.agent_id = cursor.text()?,
                b"message" => {
                    let mut inner = Entry::default();
                    if cursor.enter_object()? {
                        inner.read_wrapped(cursor)?;
                        self.agent_progress = Some(Box::new(inner));
                    }
                }
                _ => cursor.skip()?,
            }
        }
        if !is_agent_progress {
            self.agent_progress = None;
        }
        Ok(())
    }

    /// The few keys of a wrapped entry that count: all else comes from outside.
    fn read_wrapped(&mut self, cursor: &mut Cursor<'t>) -> Parsed<()> {
        while let Some(key) = cursor.key()? {
            match &*key {
                b"type" => self.kind = cursor.text()?,
                b"message" => Message::read(&mut self.message, cursor)?,
                b"toolUseResult" => self.tool_use_result = ToolUseResult::read(cursor)?,
                b"uuid" => self.uuid = cursor.text()?,
                b"timestamp" => self.read_timestamp(cursor)?,
                b"toolDenialKind" => self.tool_denial_kind = cursor.text()?,
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }

    /// The time of a wrapped entry: its own where it has one.
    pub(crate) fn wrapped_timestamp_ms(&self, inner: &Entry) -> Option<i64> {
        if inner.has_timestamp { inner.timestamp_ms } else { self.timestamp_ms }
    }
}

impl<'t> Compaction<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Compaction<'t>> {
        let mut compaction = Compaction::default();
        if cursor.enter_object()? {
            while let Some(key) = cursor.key()? {
                match &*key {
                    b"trigger" => compaction.trigger = cursor.text()?,
                    b"preTokens" => compaction.tokens_before = number(cursor)?.unwrap_or(0),
                    _ => cursor.skip()?,
                }
            }
        }
        Ok(compaction)
    }
}

impl<'t> Worktree<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Option<Box<Worktree<'t>>>> {
        if !cursor.enter_object()? {
            return Ok(None);
        }
        let mut worktree = Worktree::default();
        while let Some(key) = cursor.key()? {
            match &*key {
                b"worktreePath" => worktree.path = cursor.text()?,
                b"originalCwd" => worktree.original = cursor.text()?,
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
fn member_of<'t, T: Default>(name: &[u8], cursor: &mut Cursor<'t>, read: impl Fn(&mut Cursor<'t>) -> Parsed<T>) -> Parsed<T> {
    let mut found = T::default();
    if cursor.enter_object()? {
        while let Some(key) = cursor.key()? {
            if &*key == name {
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
    if cursor.enter_object()? {
        while let Some(key) = cursor.key()? {
            match &*key {
                b"kind" => human = cursor.text()?.is(b"human"),
                _ => cursor.skip()?,
            }
        }
    }
    Ok(human)
}

impl<'t> Message<'t> {
    fn read(slot: &mut Option<Message<'t>>, cursor: &mut Cursor<'t>) -> Parsed<()> {
        *slot = None;
        if !cursor.enter_object()? {
            return Ok(());
        }
        let message = slot.insert(Message::default());
        while let Some(key) = cursor.key()? {
            match &*key {
                b"id" => message.id = cursor.text()?,
                b"model" => message.model = cursor.text()?,
                b"stop_reason" => message.is_final = !cursor.text()?.is_empty(),
                b"usage" => message.usage = Usage::read(cursor)?,
                b"content" => message.content = Content::read(cursor)?,
                b"diagnostics" => {
                    message.cache_miss = member_of(b"cache_miss_reason", cursor, |reason| member_of(b"type", reason, Cursor::text))?
                }
                _ => cursor.skip()?,
            }
        }
        Ok(())
    }
}

impl<'t> Usage<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Option<Usage<'t>>> {
        if !cursor.enter_object()? {
            return Ok(None);
        }
        let mut usage = Usage::default();
        while let Some(key) = cursor.key()? {
            if !usage.read_member(&key, cursor)? {
                match &*key {
                    b"iterations" => usage.advisors = read_advisors(cursor)?,
                    _ => cursor.skip()?,
                }
            }
        }
        Ok(Some(usage))
    }

    /// The keys that a response and an advisor's step share.
    fn read_member(&mut self, key: &[u8], cursor: &mut Cursor<'t>) -> Parsed<bool> {
        match key {
            b"input_tokens" => self.input = self.read_count(cursor)?,
            b"output_tokens" => self.output = self.read_count(cursor)?,
            b"cache_creation_input_tokens" => self.cache_write = self.read_count(cursor)?,
            b"cache_read_input_tokens" => self.cache_read = self.read_count(cursor)?,
            b"cache_creation" => self.read_split(cursor)?,
            b"server_tool_use" => self.read_server_tools(cursor)?,
            b"speed" => self.speed = cursor.text()?,
            b"inference_geo" => self.inference_geo = cursor.text()?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_count(&mut self, cursor: &mut Cursor) -> Parsed<u64> {
        Ok(match cursor.count()? {
            Count::Valid(number) => number,
            Count::Invalid => {
                self.invalid_counts += 1;
                0
            }
        })
    }

    fn read_split(&mut self, cursor: &mut Cursor) -> Parsed<()> {
        self.cache_write_split = None;
        if !cursor.enter_object()? {
            return Ok(());
        }
        let (mut five_minutes, mut one_hour) = (0, 0);
        while let Some(key) = cursor.key()? {
            match &*key {
                b"ephemeral_5m_input_tokens" => five_minutes = self.read_count(cursor)?,
                b"ephemeral_1h_input_tokens" => one_hour = self.read_count(cursor)?,
                _ => cursor.skip()?,
            }
        }
        self.cache_write_split = Some((five_minutes, one_hour));
        Ok(())
    }

    fn read_server_tools(&mut self, cursor: &mut Cursor) -> Parsed<()> {
        self.web_searches = 0;
        if !cursor.enter_object()? {
            return Ok(());
        }
        while let Some(key) = cursor.key()? {
            match &*key {
                b"web_search_requests" => self.web_searches = self.read_count(cursor)?,
                _ => cursor.skip()?,
            }
        }
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
        let mut advisor = Advisor { index, model: Text::default(), usage: Usage::default() };
        let mut is_advisor = false;
        if cursor.enter_object()? {
            while let Some(key) = cursor.key()? {
                if !advisor.usage.read_member(&key, cursor)? {
                    match &*key {
                        b"type" => is_advisor = cursor.text()?.is(b"advisor_message"),
                        b"model" => advisor.model = cursor.text()?,
                        _ => cursor.skip()?,
                    }
                }
            }
        }
        if is_advisor {
            advisors.push(advisor);
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
            blocks.push(Block::read(cursor)?);
        }
        Ok(Content::Blocks(blocks))
    }

    /// The length of all texts as written: escapes count as they stand.
    pub(crate) fn text_bytes(&self) -> u64 {
        match self {
            Content::None => 0,
            Content::Text(text) => text.raw().len() as u64,
            Content::Blocks(blocks) => {
                let texts = blocks.iter().map(|block| if let Block::Text(text) = block { text.raw().len() } else { 0 });
                texts.sum::<usize>() as u64
            }
        }
    }
}

impl<'t> Block<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Block<'t>> {
        if !cursor.enter_object()? {
            return Ok(Block::Other);
        }
        let mut kind = Text::default();
        let mut text = Text::default();
        let mut call = ToolUse::default();
        let mut result = ToolResult::default();
        while let Some(key) = cursor.key()? {
            match &*key {
                b"type" => kind = cursor.text()?,
                b"text" => text = cursor.text()?,
                b"id" => call.id = cursor.text()?,
                b"name" => call.name = cursor.text()?,
                b"input" => call.input = Input::read(cursor)?,
                b"tool_use_id" => result.tool_use_id = cursor.text()?,
                b"is_error" => result.is_error = cursor.is_true()?,
                b"content" => result.body = Body::read(cursor)?,
                _ => cursor.skip()?,
            }
        }
        Ok(match &*kind.decode() {
            b"tool_use" => Block::ToolUse(call),
            b"tool_result" => Block::ToolResult(result),
            // The API calls this kind `text`; a text in any other block is read alike.
            _ if !text.is_empty() => Block::Text(text),
            _ => Block::Other,
        })
    }
}

impl<'t> Input<'t> {
    fn read(cursor: &mut Cursor<'t>) -> Parsed<Input<'t>> {
        let mut input = Input::default();
        let mut notebook = Text::default();
        if !cursor.enter_object()? {
            return Ok(input);
        }
        while let Some(key) = cursor.key()? {
            match &*key {
                b"file_path" => input.file = cursor.text()?,
                b"notebook_path" => notebook = cursor.text()?,
                b"command" => input.command = cursor.text()?,
                b"path" => input.other.path = cursor.text()?,
                b"url" => input.other.url = cursor.text()?,
                b"pattern" => input.other.pattern = cursor.text()?,
                b"query" => input.other.query = cursor.text()?,
                b"skill" => input.other.skill = cursor.text()?,
                b"subagent_type" => input.subagent_type = cursor.text()?,
                b"offset" => input.offset = number(cursor)?,
                b"limit" => input.limit = number(cursor)?,
                b"old_string" => input.old_text = cursor.text()?,
                b"new_string" | b"content" | b"new_source" => input.new_text = cursor.text()?,
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
    let mut cursor = Cursor::new(list, 0, Skips::new(Level::Scalar));
    let mut texts = Vec::new();
    if !cursor.enter_array()? {
        return Ok(texts);
    }
    while cursor.element()? {
        if !cursor.enter_object()? {
            continue;
        }
        let mut text = Text::default();
        while let Some(key) = cursor.key()? {
            match &*key {
                b"text" => text = cursor.text()?,
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
        if !cursor.enter_object()? {
            return Ok(ToolUseResult::None);
        }
        let mut fields = ResultFields::default();
        while let Some(key) = cursor.key()? {
            match &*key {
                b"type" => fields.kind = cursor.text()?,
                b"content" => fields.content = cursor.optional_text()?,
                b"structuredPatch" => (fields.lines_added, fields.lines_removed) = read_patch(cursor)?,
                b"backgroundTaskId" => fields.background_task_id = cursor.text()?,
                b"returnCodeInterpretation" => fields.return_code_interpretation = cursor.text()?,
                b"agentId" => fields.agent_id = cursor.text()?,
                b"agentType" => fields.agent_type = cursor.text()?,
                b"file" => fields.file = ReadFile::read(cursor)?,
                b"durationMs" | b"totalDurationMs" => fields.duration_ms = number(cursor)?,
                b"durationSeconds" => fields.duration_ms = milliseconds(cursor.value()?),
                b"isAsync" => fields.is_async = cursor.is_true()?,
                b"persistedOutputPath" => fields.is_cut = !cursor.text()?.is_empty(),
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
        if cursor.enter_object()? {
            while let Some(key) = cursor.key()? {
                match &*key {
                    b"startLine" => file.start_line = number(cursor)?.unwrap_or(0),
                    b"numLines" => file.lines = number(cursor)?.unwrap_or(0),
                    b"totalLines" => file.total_lines = number(cursor)?.unwrap_or(0),
                    b"content" => file.content = cursor.text()?,
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
        if !cursor.enter_object()? {
            continue;
        }
        let mut hunk = (0, 0);
        while let Some(key) = cursor.key()? {
            match &*key {
                b"lines" => hunk = read_patch_lines(cursor)?,
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
