//! The keys of transcripts that some rule reads, and the order they come in.
//!
//! Claude Code writes the keys of an object in the same order line after line, in all
//! transcripts of a version. So the key that came next the last time is compared with
//! the text first; only when it is another one is the name looked up.

/// Names the keys of all objects, and finds them by their text.
macro_rules! keys {
    ($($key:ident $text:literal)*) => {
        /// A key that some rule reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $($key,)*
            /// Any other one.
            Other,
        }

        impl Key {
            pub(crate) fn of(text: &[u8]) -> Key {
                match text {
                    $($text => Key::$key,)*
                    _ => Key::Other,
                }
            }
        }
    };
}

keys! {
    AgentId b"agentId"
    AgentName b"agentName"
    AgentType b"agentType"
    AiTitle b"aiTitle"
    BackgroundTaskId b"backgroundTaskId"
    Base64 b"base64"
    CacheCreation b"cache_creation"
    CacheCreationInputTokens b"cache_creation_input_tokens"
    CacheMissReason b"cache_miss_reason"
    CacheReadInputTokens b"cache_read_input_tokens"
    Cells b"cells"
    Command b"command"
    CompactMetadata b"compactMetadata"
    Content b"content"
    CustomTitle b"customTitle"
    Cwd b"cwd"
    Data b"data"
    Diagnostics b"diagnostics"
    DurationMs b"durationMs"
    DurationSeconds b"durationSeconds"
    Ephemeral1hInputTokens b"ephemeral_1h_input_tokens"
    Ephemeral5mInputTokens b"ephemeral_5m_input_tokens"
    File b"file"
    FilePath b"file_path"
    ForkedFrom b"forkedFrom"
    GitBranch b"gitBranch"
    Glob b"glob"
    Id b"id"
    InferenceGeo b"inference_geo"
    Input b"input"
    InputTokens b"input_tokens"
    IsApiErrorMessage b"isApiErrorMessage"
    IsAsync b"isAsync"
    IsCompactSummary b"isCompactSummary"
    IsError b"is_error"
    IsMeta b"isMeta"
    IsSidechain b"isSidechain"
    IsVisibleInTranscriptOnly b"isVisibleInTranscriptOnly"
    Iterations b"iterations"
    Kind b"kind"
    LeafUuid b"leafUuid"
    Limit b"limit"
    Lines b"lines"
    Message b"message"
    Model b"model"
    Name b"name"
    NewSource b"new_source"
    FileText b"file_text"
    NewString b"new_string"
    NotebookPath b"notebook_path"
    NumLines b"numLines"
    Offset b"offset"
    OldString b"old_string"
    Origin b"origin"
    OriginalCwd b"originalCwd"
    OutputTokens b"output_tokens"
    ParentUuid b"parentUuid"
    Path b"path"
    Pattern b"pattern"
    PersistedOutputPath b"persistedOutputPath"
    PrUrl b"prUrl"
    PreTokens b"preTokens"
    Query b"query"
    ReturnCodeInterpretation b"returnCodeInterpretation"
    ServerToolUse b"server_tool_use"
    SessionId b"sessionId"
    Skill b"skill"
    SourceToolUseId b"sourceToolUseID"
    Speed b"speed"
    StartLine b"startLine"
    StopReason b"stop_reason"
    StructuredPatch b"structuredPatch"
    SubagentType b"subagent_type"
    Subtype b"subtype"
    Summary b"summary"
    Text b"text"
    Timestamp b"timestamp"
    ToolDenialKind b"toolDenialKind"
    ToolUseId b"tool_use_id"
    ToolUseResult b"toolUseResult"
    TotalDurationMs b"totalDurationMs"
    TotalLines b"totalLines"
    Trigger b"trigger"
    TurnOrigin b"turnOrigin"
    Type b"type"
    Url b"url"
    Usage b"usage"
    Uuid b"uuid"
    Version b"version"
    WebSearchRequests b"web_search_requests"
    WorktreePath b"worktreePath"
    WorktreeSession b"worktreeSession"
}

/// The objects whose keys come in an order of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    Entry,
    Progress,
    Wrapped,
    Message,
    Usage,
    Step,
    CacheCreation,
    Block,
    Input,
    Result,
    File,
    Hunk,
    /// Any that is not worth remembering.
    Small,
}

impl Object {
    pub(crate) const COUNT: usize = Object::Small as usize + 1;
}

/// The order of each kind of object.
pub(crate) type Orders = [Order; Object::COUNT];

/// Which key of one kind of object came behind which.
#[derive(Debug)]
pub(crate) struct Order {
    /// The first one stands for the start of the object.
    links: Vec<Link>,
    /// The place of the key that was read last.
    last: usize,
}

/// A key, and what came behind it the last time.
#[derive(Debug)]
struct Link {
    key: Key,
    /// The key as it stands: its quotes and the colon too.
    text: Box<[u8]>,
    /// The first 16 bytes, and which bits of them count.
    head: u128,
    mask: u128,
    /// The places of the keys that came behind it last.
    next: [usize; 4],
}

impl Link {
    fn new(key: Key, text: &[u8]) -> Link {
        let mut head = [0; 16];
        let length = text.len().min(16);
        head[..length].copy_from_slice(&text[..length]);
        let mask = if length == 16 { u128::MAX } else { (1 << (8 * length)) - 1 };
        Link { key, text: text.into(), head: u128::from_le_bytes(head), mask, next: [0; 4] }
    }

    /// Whether the text goes on with this key.
    #[inline(always)]
    fn starts(&self, rest: &[u8]) -> bool {
        let Some(head) = rest.first_chunk() else { return false };
        (u128::from_le_bytes(*head) ^ self.head) & self.mask == 0
            && !self.text.is_empty()
            && (self.text.len() <= 16 || rest.starts_with(&self.text))
    }
}

impl Default for Order {
    fn default() -> Self {
        Order { links: vec![Link::new(Key::Other, b"")], last: 0 }
    }
}

impl Order {
    /// An object starts.
    #[inline(always)]
    pub(crate) fn start(&mut self) {
        self.last = 0;
    }

    /// One of the keys that are expected next, with the length of its text, if it is here.
    #[inline(always)]
    pub(crate) fn expect(&mut self, rest: &[u8]) -> Option<(Key, usize)> {
        for place in self.links[self.last].next {
            let link = &self.links[place];
            if link.starts(rest) {
                self.last = place;
                return Some((link.key, link.text.len()));
            }
        }
        None
    }

    /// Remembers a key that was not expected. `text` is the key as it stands, from its
    /// first quote to the colon.
    pub(crate) fn learn(&mut self, text: &[u8], key: Key) {
        /// More keys than objects have, unless tools bring many of their own, or somebody
        /// wants to fill the memory: then all is learned again.
        const MOST: usize = 64;
        /// No key that a rule reads is so long; those of a transcript's own may be of any length.
        const LONGEST: usize = 64;
        if text.len() > LONGEST {
            return self.start();
        }
        let known = self.links.iter().position(|link| *link.text == *text);
        let place = known.unwrap_or(self.links.len());
        if place == MOST {
            *self = Order::default();
            return;
        }
        if known.is_none() {
            self.links.push(Link::new(key, text));
        }
        let next = &mut self.links[self.last].next;
        next.rotate_right(1);
        next[0] = place;
        self.last = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_remembered_than_keys_take() {
        let mut order = Order::default();
        for number in 0..1000 {
            let key = format!("\"key{number}\":");
            order.learn(key.as_bytes(), Key::Other);
            let long = format!("\"{}{number}\":", "x".repeat(1 << 16));
            order.learn(long.as_bytes(), Key::Other);
        }
        assert!(order.links.len() <= 64 && order.links.iter().all(|link| link.text.len() <= 64));
    }
}
