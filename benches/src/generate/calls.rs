//! Tool calls and their results, in the shapes and proportions of real ones.
//!
//! The shares of tools follow 48,506 measured calls. Each result stands twice
//! on its line, as the model saw it and as `toolUseResult`; the second is what
//! makes transcripts large.

use std::io::Write as _;

use super::commands;
use super::measure::Part;
use super::session::{Session, Spawned, put};
use super::text;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Bash,
    Read,
    Edit,
    Grep,
    TodoWrite,
    Write,
    Mcp,
    TaskUpdate,
    Glob,
    Agent,
    WebFetch,
}

const TOOLS: [(Tool, u64); 11] = [
    (Tool::Bash, 17_829),
    (Tool::Read, 9714),
    (Tool::Edit, 7789),
    (Tool::Grep, 3252),
    (Tool::TodoWrite, 2412),
    (Tool::Write, 1894),
    (Tool::Mcp, 1020),
    (Tool::TaskUpdate, 1203),
    (Tool::Glob, 682),
    (Tool::Agent, 726),
    (Tool::WebFetch, 628),
];

/// What became of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Ok,
    Failed,
    Refused,
    Denied,
    Cancelled,
    Interrupted,
    NothingFound,
    Background,
    NoResult,
}

const OUTCOMES: [(Outcome, u64); 9] = [
    (Outcome::Ok, 925),
    (Outcome::Failed, 34),
    (Outcome::Refused, 14),
    (Outcome::Denied, 8),
    (Outcome::Cancelled, 2),
    (Outcome::Interrupted, 2),
    (Outcome::NothingFound, 6),
    (Outcome::Background, 5),
    (Outcome::NoResult, 4),
];

/// One tool call of a response.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) tool: Tool,
    outcome: Outcome,
    file: String,
}

impl Tool {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bash => "Bash",
            Self::Read => "Read",
            Self::Edit => "Edit",
            Self::Grep => "Grep",
            Self::TodoWrite => "TodoWrite",
            Self::Write => "Write",
            Self::Mcp => "mcp__docs__search",
            Self::TaskUpdate => "TaskUpdate",
            Self::Glob => "Glob",
            Self::Agent => "Agent",
            Self::WebFetch => "WebFetch",
        }
    }
}

impl Call {
    pub(super) fn any(session: &mut Session) -> Self {
        session.shared.generated.calls += 1;
        let random = &mut session.shared.random;
        let (tool, outcome) = (random.weighted(&TOOLS), random.weighted(&OUTCOMES));
        // The square makes the first files of a project the popular ones.
        let among = session.files.len() as u64;
        let file = random.below(among) * random.below(among) / among;
        let file = session.files[file as usize].clone();
        Self { id: text::base62(random), tool, outcome, file }
    }

    /// Writes the block `tool_use`.
    pub(super) fn block(&self, session: &mut Session) {
        let name = match self.tool {
            Tool::Agent if !session.identity.era.envelope_last => "Task",
            tool => tool.name(),
        };
        put!(session, "{{\"type\":\"tool_use\",\"id\":\"toolu_01{}\",\"name\":\"{name}\",\"input\":{{", self.id);
        self.input(session);
        put!(session, "}},\"caller\":{{\"type\":\"direct\"}}}}");
    }

    fn input(&self, session: &mut Session) {
        let file = &self.file;
        match self.tool {
            Tool::Bash => {
                let command = commands::any(&mut session.shared.random, session.text);
                put!(session, "\"command\":\"{command}\",\"description\":\"Look at the state of things\"");
            }
            Tool::Read => put!(session, "\"file_path\":\"{file}\",\"offset\":1,\"limit\":200"),
            Tool::Edit => {
                put!(session, "\"replace_all\":false,\"file_path\":\"{file}\",");
                self.texts(session, &["old_string", "new_string"], 460.0);
            }
            Tool::Write => {
                put!(session, "\"file_path\":\"{file}\",");
                self.texts(session, &["content"], 4300.0);
            }
            Tool::TodoWrite => todos(session, "todos"),
            Tool::Agent => {
                put!(session, "\"description\":\"Look around\",\"subagent_type\":\"Explore\",");
                self.texts(session, &["prompt"], 800.0);
            }
            Tool::WebFetch => put!(session, "\"url\":\"https://example.org/guide\",\"prompt\":\"Find the prices\""),
            Tool::TaskUpdate => put!(session, "\"taskId\":\"3\",\"status\":\"completed\""),
            Tool::Grep => put!(session, "\"pattern\":\"fn \\\\w+\\\\(\",\"path\":\"{file}\",\"output_mode\":\"content\",\"-n\":true"),
            Tool::Glob | Tool::Mcp => put!(session, "\"pattern\":\"**/*.rs\""),
        }
    }

    /// Writes `"key":"text"` pairs, with a comma between.
    fn texts(&self, session: &mut Session, keys: &[&str], median: f64) {
        for (at, key) in keys.iter().enumerate() {
            let size = session.size(median, 1.0);
            put!(session, "{}\"{key}\":\"", if at == 0 { "" } else { "," });
            let text = session.text.code(&mut session.shared.random, size);
            session.out.extend_from_slice(text);
            put!(session, "\"");
        }
    }

    /// Writes the user line with the result, unless there is none.
    pub(super) fn result(&self, session: &mut Session) {
        let is_bash = self.tool == Tool::Bash;
        match self.outcome {
            Outcome::NoResult => {}
            Outcome::Failed if is_bash => self.failed(session),
            Outcome::Refused => self.error(session, "<tool_use_error>File has not been read yet. Read it first before writing to it.</tool_use_error>", b""),
            Outcome::Denied => self.error(session, "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the new_string was NOT written to the file).", b""),
            Outcome::Cancelled => self.error(session, "<tool_use_error>Sibling tool call errored</tool_use_error>", b""),
            Outcome::Interrupted => self.error(session, "[Request interrupted by user for tool use]", b""),
            _ => self.answered(session),
        }
    }

    fn failed(&self, session: &mut Session) {
        let size = session.size(700.0, 1.3);
        let text = session.text.code(&mut session.shared.random, size);
        let code = session.shared.random.pick(&[1, 1, 1, 2, 101, 127, 128]);
        self.error(session, &format!("Exit code {code}\\n"), text);
    }

    fn error(&self, session: &mut Session, message: &str, text: &[u8]) {
        session.open_user();
        let start = session.out.len();
        put!(session, "[{{\"type\":\"tool_result\",\"content\":\"{message}");
        session.out.extend_from_slice(text);
        put!(session, "\",\"is_error\":true,\"tool_use_id\":\"toolu_01{}\"}}]", self.id);
        session.shared.generated.add_part(Part::ToolResult, session.out.len() - start - 2);
        self.structured(session, |session| {
            put!(session, "\"Error: {message}");
            session.out.extend_from_slice(text);
            put!(session, "\"");
        });
    }

    fn answered(&self, session: &mut Session) {
        if session.shared.random.happens(8) && matches!(self.tool, Tool::Read | Tool::Mcp | Tool::Bash) {
            return self.picture(session);
        }
        let size = match self.tool {
            Tool::Bash => session.size(290.0, 1.8),
            Tool::Read => session.size(1600.0, 1.45),
            Tool::Edit => session.size(600.0, 0.6),
            Tool::Grep | Tool::Mcp | Tool::WebFetch => session.size(900.0, 1.2),
            Tool::Agent => session.size(2500.0, 0.8),
            _ => 100,
        };
        let random = &mut session.shared.random;
        let (text, seen) = match self.tool {
            Tool::Read | Tool::Edit => (session.text.code(random, size), session.text.numbered(random, size * 6 / 5)),
            _ => {
                let text = session.text.code(random, size);
                (text, text)
            }
        };
        self.shown(session, seen);
        self.structured(session, |session| self.shape(session, text));
    }

    /// Writes the result as the model sees it.
    fn shown(&self, session: &mut Session, text: &[u8]) {
        session.open_user();
        let start = session.out.len();
        put!(session, "[{{\"tool_use_id\":\"toolu_01{}\",\"type\":\"tool_result\",\"content\":\"", self.id);
        session.out.extend_from_slice(text);
        let error = if self.tool == Tool::Bash { ",\"is_error\":false" } else { "" };
        put!(session, "\"{error}}}]");
        session.shared.generated.add_part(Part::ToolResult, session.out.len() - start - 2);
    }

    /// Ends the message, writes `toolUseResult`, ends the line.
    fn structured(&self, session: &mut Session, shape: impl FnOnce(&mut Session)) {
        put!(session, "}}");
        let source = session.parent.clone();
        session.stamp();
        put!(session, ",\"toolUseResult\":");
        let start = session.out.len();
        shape(session);
        session.shared.generated.add_part(Part::ToolUseResult, session.out.len() - start);
        if let Some(source) = source {
            put!(session, ",\"sourceToolAssistantUUID\":\"{source}\"");
        }
        session.close(Part::User);
    }

    fn shape(&self, session: &mut Session, text: &[u8]) {
        let file = &self.file;
        match self.tool {
            Tool::Bash => self.bash(session, text),
            Tool::Read => {
                let lines = text.len() / 40 + 1;
                put!(session, "{{\"type\":\"text\",\"file\":{{\"filePath\":\"{file}\",\"content\":\"");
                session.out.extend_from_slice(text);
                put!(session, "\",\"numLines\":{lines},\"startLine\":1,\"totalLines\":{lines}}}}}");
            }
            Tool::Edit => self.edit(session),
            Tool::Write => {
                put!(session, "{{\"type\":\"create\",\"filePath\":\"{file}\",");
                self.texts(session, &["content"], 4300.0);
                put!(session, ",\"structuredPatch\":[],\"originalFile\":null}}");
            }
            Tool::Grep => {
                put!(session, "{{\"mode\":\"content\",\"numFiles\":0,\"filenames\":[],\"content\":\"");
                session.out.extend_from_slice(text);
                put!(session, "\",\"numLines\":20}}");
            }
            Tool::TodoWrite => {
                put!(session, "{{");
                todos(session, "oldTodos");
                put!(session, ",");
                todos(session, "newTodos");
                put!(session, "}}");
            }
            Tool::Agent => self.agent(session, text),
            Tool::WebFetch => {
                put!(session, "{{\"bytes\":48210,\"code\":200,\"codeText\":\"OK\",\"result\":\"");
                session.out.extend_from_slice(text);
                put!(session, "\",\"durationMs\":2310,\"url\":\"https://example.org/guide\"}}");
            }
            Tool::TaskUpdate => put!(
                session,
                "{{\"success\":true,\"taskId\":\"3\",\"updatedFields\":[\"status\"],\"statusChange\":{{\"from\":\"in_progress\",\"to\":\"completed\"}}}}"
            ),
            Tool::Glob => put!(session, "{{\"filenames\":[\"{file}\"],\"durationMs\":31,\"numFiles\":1,\"truncated\":false}}"),
            Tool::Mcp => {
                put!(session, "[{{\"type\":\"text\",\"text\":\"");
                session.out.extend_from_slice(text);
                put!(session, "\"}}]");
            }
        }
    }

    fn bash(&self, session: &mut Session, text: &[u8]) {
        put!(session, "{{\"stdout\":\"");
        session.out.extend_from_slice(text);
        put!(session, "\",\"stderr\":\"\",\"interrupted\":false,\"isImage\":false,\"noOutputExpected\":false");
        match self.outcome {
            Outcome::NothingFound => put!(session, ",\"returnCodeInterpretation\":\"No matches found\""),
            Outcome::Background => put!(session, ",\"backgroundTaskId\":\"b{}\"", &self.id[..6]),
            _ => {}
        }
        put!(session, "}}");
    }

    fn edit(&self, session: &mut Session) {
        put!(session, "{{\"filePath\":\"{}\",", self.file);
        self.texts(session, &["oldString", "newString"], 460.0);
        put!(session, ",\"originalFile\":");
        let start = session.out.len();
        if session.shared.random.happens(140) {
            put!(session, "null");
        } else {
            let size = session.size(10_800.0, 1.15);
            put!(session, "\"");
            session.out.extend_from_slice(session.text.code(&mut session.shared.random, size));
            put!(session, "\"");
        }
        session.shared.generated.add_part(Part::OriginalFile, session.out.len() - start);
        patch(session);
        put!(session, ",\"userModified\":false,\"replaceAll\":false}}");
    }

    /// Writes the end of a subagent and remembers it for its own transcript.
    fn agent(&self, session: &mut Session, text: &[u8]) {
        let agent = format!("a{:016x}", session.shared.random.next());
        let agent = if session.identity.era.nested_agents { agent } else { agent[..7].to_owned() };
        put!(
            session,
            "{{\"status\":\"completed\",\"prompt\":\"Look around\",\"agentId\":\"{agent}\",\"content\":[{{\"type\":\"text\",\"text\":\""
        );
        session.out.extend_from_slice(text);
        put!(
            session,
            "\"}}],\"totalDurationMs\":41200,\"totalTokens\":31234,\"totalToolUseCount\":9,\"usage\":{{\"input_tokens\":4,\"cache_creation_input_tokens\":230,\"cache_read_input_tokens\":30700,\"output_tokens\":300}}}}"
        );
        if session.identity.agent.is_none() && session.shared.random.happens(400) {
            session.spawned.push(Spawned { agent, start: session.now });
        }
    }

    /// A picture, which stands twice on its line.
    fn picture(&self, session: &mut Session) {
        let size = session.size(52_000.0, 0.7);
        let picture = session.text.base64(&mut session.shared.random, size);
        session.open_user();
        let start = session.out.len();
        put!(
            session,
            "[{{\"tool_use_id\":\"toolu_01{}\",\"type\":\"tool_result\",\"content\":[{{\"type\":\"image\",\"source\":{{\"type\":\"base64\",\"data\":\"",
            self.id
        );
        session.out.extend_from_slice(picture);
        put!(session, "\",\"media_type\":\"image/png\"}}}}]}}]");
        session.shared.generated.add_part(Part::ToolResult, session.out.len() - start - 2);
        session.shared.generated.add_part(Part::Image, 2 * picture.len());
        self.structured(session, |session| {
            put!(session, "{{\"type\":\"image\",\"file\":{{\"base64\":\"");
            session.out.extend_from_slice(picture);
            put!(session, "\",\"type\":\"image/png\",\"originalSize\":{}}}}}", picture.len() * 3 / 4);
        });
    }
}

fn todos(session: &mut Session, key: &str) {
    put!(session, "\"{key}\":[");
    for item in 0..3 {
        let (comma, status) = if item == 0 { ("", "completed") } else { (",", "pending") };
        put!(
            session,
            "{comma}{{\"content\":\"Read the prices of part {item}\",\"status\":\"{status}\",\"activeForm\":\"Reading the prices of part {item}\"}}"
        );
    }
    put!(session, "]");
}

/// Writes a patch of one hunk.
fn patch(session: &mut Session) {
    let (removed, added) = (session.shared.random.below(9), 1 + session.shared.random.below(14));
    put!(
        session,
        ",\"structuredPatch\":[{{\"oldStart\":10,\"oldLines\":{},\"newStart\":10,\"newLines\":{},\"lines\":[\" {{\"",
        removed + 1,
        added + 1
    );
    let signs = (0..removed).map(|_| '-').chain((0..added).map(|_| '+'));
    for sign in signs {
        put!(session, ",\"{sign}");
        session.out.extend_from_slice(session.text.line(&mut session.shared.random));
        put!(session, "\"");
    }
    put!(session, "]}}]");
}
