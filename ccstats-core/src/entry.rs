//! Typed, borrowed entries: what one line of a transcript says.
//!
//! One flat [`Entry`] takes the keys that some rule reads, at their true
//! places only: a `usage` inside a tool result is never usage. Keys come in
//! any order, and of duplicate keys the last one wins. Which fields mean
//! something depends on [`Entry::kind`]; see `docs/format.md` for the shapes.

mod read;

use smallvec::SmallVec;

use crate::json::Text;

/// One entry, borrowed from its transcript.
///
/// A key that is absent, `null` or of another type leaves its field empty.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Entry<'t> {
    /// `type`: `assistant`, `user`, `progress`, … New versions add words.
    pub kind: Text<'t>,
    /// `uuid` of this line. A resumed copy may carry another one.
    pub uuid: Text<'t>,
    /// `parentUuid`: the line before this one in its conversation.
    pub parent_uuid: Text<'t>,
    /// `sessionId`. One file may hold several.
    pub session_id: Text<'t>,
    /// `agentId` (in `progress` entries `data.agentId`): the subagent.
    pub agent_id: Text<'t>,
    /// `cwd`: the project.
    pub cwd: Text<'t>,
    /// `gitBranch`.
    pub git_branch: Text<'t>,
    /// `version` of Claude Code.
    pub version: Text<'t>,
    /// `timestamp`, in milliseconds since 1970 (UTC).
    pub timestamp_ms: Option<i64>,
    /// A `timestamp` stands there, but no calendar holds it.
    pub has_invalid_timestamp: bool,
    /// `isSidechain`.
    pub is_sidechain: bool,
    /// `isMeta`: text that Claude Code put in.
    pub is_meta: bool,
    /// `isCompactSummary`.
    pub is_compact_summary: bool,
    /// `isVisibleInTranscriptOnly`.
    pub is_visible_in_transcript_only: bool,
    /// `isApiErrorMessage`.
    pub is_api_error_message: bool,
    /// `origin.kind`, where it stands, is not `human`.
    pub has_other_origin: bool,
    /// `turnOrigin`, where it stands, is not `human`.
    pub has_other_turn_origin: bool,
    /// `toolDenialKind`.
    pub tool_denial_kind: Text<'t>,
    /// `subtype` of a `system` entry.
    pub subtype: Text<'t>,
    /// `compactMetadata` of a `compact_boundary`.
    pub compaction: Compaction<'t>,
    /// `customTitle`, `agentName`, `aiTitle` or `summary`: what the session is called.
    pub title: Text<'t>,
    /// `leafUuid`: the line that a `summary` is about.
    pub leaf_uuid: Text<'t>,
    /// `prUrl` of a `pr-link`.
    pub pr_url: Text<'t>,
    /// `forkedFrom.sessionId`: the session that this one was branched off.
    pub forked_from: Text<'t>,
    /// `sourceToolUseID`: the call that brought this text, such as the body of a skill.
    pub source_tool_use_id: Text<'t>,
    /// `worktreeSession` of a `worktree-state`.
    pub worktree: Option<Box<Worktree<'t>>>,
    /// `message`, when it is an object.
    pub message: Option<Message<'t>>,
    /// `toolUseResult`: the structured form of a tool's result.
    pub tool_use_result: ToolUseResult<'t>,
    /// The entry inside a `progress` entry of type `agent_progress`.
    pub agent_progress: Option<Box<Entry<'t>>>,
    has_type: bool,
    has_timestamp: bool,
    /// Told of wrapped entries only.
    has_uuid: bool,
}

/// `compactMetadata`: how a conversation was cut short.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Compaction<'t> {
    /// `trigger`: `auto` or `manual`.
    pub trigger: Text<'t>,
    /// `preTokens`: the context before.
    pub tokens_before: u64,
}

/// `worktreeSession`: the session went to work in a git worktree.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Worktree<'t> {
    /// `worktreePath`: the folder of the worktree.
    pub path: Text<'t>,
    /// `originalCwd`: where the session was before.
    pub original: Text<'t>,
}

/// `message` of an entry: what went to or came from the API.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Message<'t> {
    /// `id`, shared by all lines of one response.
    pub id: Text<'t>,
    /// `model`; `<synthetic>` marks text that no model wrote.
    pub model: Text<'t>,
    /// Whether `stop_reason` says why the response ended.
    pub is_final: bool,
    /// `usage`, when it is an object.
    pub usage: Option<Usage<'t>>,
    /// `diagnostics.cache_miss_reason.type`: why the cache did not help.
    pub cache_miss: Text<'t>,
    /// `content`.
    pub content: Content<'t>,
}

/// `usage`: tokens of one response, as this line has them.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Usage<'t> {
    /// `input_tokens`: prompt tokens outside the cache.
    pub input: u64,
    /// `output_tokens`.
    pub output: u64,
    /// `cache_creation_input_tokens`.
    pub cache_write: u64,
    /// `cache_creation.ephemeral_5m_input_tokens` and `…_1h_…`, when the split is there.
    pub cache_write_split: Option<(u64, u64)>,
    /// `cache_read_input_tokens`.
    pub cache_read: u64,
    /// `server_tool_use.web_search_requests`.
    pub web_searches: u64,
    /// `speed`: `standard` or `fast`.
    pub speed: Text<'t>,
    /// `inference_geo`: `us` costs more.
    pub inference_geo: Text<'t>,
    /// `iterations[]` of type `advisor_message`: billed under their own model.
    pub advisors: Vec<Advisor<'t>>,
    /// How many of the counts are not whole numbers from 0 to 2^53 − 1.
    pub invalid_counts: u32,
}

/// A step of another model inside a response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Advisor<'t> {
    /// Its place in `iterations`.
    pub index: usize,
    /// The model that is billed.
    pub model: Text<'t>,
    /// Its own tokens.
    pub usage: Usage<'t>,
}

/// `content` of a message.
#[derive(Clone, Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "the large variant is the common one, and an allocation per line costs more")]
#[non_exhaustive]
pub enum Content<'t> {
    /// Absent, or neither text nor a list.
    #[default]
    None,
    /// Plain text.
    Text(Text<'t>),
    /// A list of blocks; almost always one.
    Blocks(SmallVec<[ContentBlock<'t>; 1]>),
}

/// One block of a message's content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ContentBlock<'t> {
    /// `text`.
    Text(Text<'t>),
    /// `tool_use`: a call.
    ToolUse(ToolUse<'t>),
    /// `tool_result`: what a call answered.
    ToolResult(ToolResult<'t>),
    /// Thinking, images, and kinds that no rule reads.
    Other,
}

/// A tool call.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ToolUse<'t> {
    /// `id`, repeated on copies of the line.
    pub id: Text<'t>,
    /// `name`: what the model wrote.
    pub name: Text<'t>,
    /// The parts of `input` that say what the call was about.
    pub input: Input<'t>,
}

/// What a tool call names. Models write inputs: any field may be absent.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Input<'t> {
    /// `file_path`, else `notebook_path`.
    pub file: Text<'t>,
    /// `command`.
    pub command: Text<'t>,
    /// `path`, `url`, `pattern`, `query` or `skill`: what else names a target.
    pub other: OtherInput<'t>,
    /// `subagent_type`.
    pub subagent_type: Text<'t>,
    /// `offset`: the first line to read.
    pub offset: Option<u64>,
    /// `limit`: how many lines to read.
    pub limit: Option<u64>,
    /// `old_string`: the text to replace.
    pub old_text: Text<'t>,
    /// `new_string`, or the `content` or `file_text` to write.
    pub new_text: Text<'t>,
}

/// Targets of tools other than files and commands.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct OtherInput<'t> {
    /// `path`: a file or folder.
    pub path: Text<'t>,
    /// `url`.
    pub url: Text<'t>,
    /// `pattern` of a search.
    pub pattern: Text<'t>,
    /// `glob` of a search: the names of the files that it looks into.
    pub glob: Text<'t>,
    /// `query` of a search.
    pub query: Text<'t>,
    /// `skill`.
    pub skill: Text<'t>,
}

/// The result of a tool call, as the model saw it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ToolResult<'t> {
    /// `tool_use_id`.
    pub tool_use_id: Text<'t>,
    /// `is_error`.
    pub is_error: bool,
    /// `content`.
    pub body: Body<'t>,
}

/// `content` of a tool result, decoded only when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum Body<'t> {
    /// Absent, or neither text nor a list.
    #[default]
    None,
    /// Plain text.
    Text(Text<'t>),
    /// The raw JSON of a list of blocks.
    Blocks(&'t [u8]),
}

/// `toolUseResult`: what the tool itself reported.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum ToolUseResult<'t> {
    /// Absent, or a list.
    #[default]
    None,
    /// Errors and a few tools give plain text.
    Text(Text<'t>),
    /// All others an object.
    Fields(ResultFields<'t>),
}

/// The fields of a structured tool result that some rule reads.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ResultFields<'t> {
    /// `type`: `create` or `update` for Write.
    pub kind: Text<'t>,
    /// `content`, when it is a string: the file that Write made.
    pub content: Option<Text<'t>>,
    /// `+` lines of `structuredPatch`.
    pub lines_added: u64,
    /// `-` lines of `structuredPatch`.
    pub lines_removed: u64,
    /// `backgroundTaskId`: the command goes on.
    pub background_task_id: Text<'t>,
    /// `returnCodeInterpretation`: a non-zero exit that is no failure.
    pub return_code_interpretation: Text<'t>,
    /// `agentId` of a finished or launched subagent.
    pub agent_id: Text<'t>,
    /// `agentType` of that subagent.
    pub agent_type: Text<'t>,
    /// `file` of a Read.
    pub file: ReadFile<'t>,
    /// `isAsync`: a subagent that was launched and goes on.
    pub is_async: bool,
    /// `durationMs`, `totalDurationMs` or `durationSeconds`: how long the tool ran, in milliseconds.
    pub duration_ms: Option<u64>,
    /// `persistedOutputPath`: the output went to a file, and the model saw its start.
    pub is_cut: bool,
}

/// `file` of a Read result: what was read of it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadFile<'t> {
    /// `startLine`, from 1.
    pub start_line: u64,
    /// `numLines`: how many lines came.
    pub lines: u64,
    /// `totalLines` of the file.
    pub total_lines: u64,
    /// `content`; of an image its `base64`, of a notebook the JSON of its `cells`.
    pub content: Text<'t>,
}
