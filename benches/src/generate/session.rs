//! Writes the lines of one transcript: prompts, responses, side lines.
//!
//! A response is one line per block, all with the same id and usage, as Claude
//! Code writes it. What tools are asked and answer is in `calls`.
//!
//! Grows until it is told to stop, and hands its bytes on whenever a turn ends.

use std::io::Write as _;

use super::calls::{Call, Tool};
use super::era::{Era, Output, Side};
use super::measure::{Generated, Part};
use super::random::Random;
use super::text::{self, Text};

/// Appends formatted text to a line.
macro_rules! put {
    ($session:expr, $($text:tt)*) => {
        write!($session.out, $($text)*).expect("writing to memory cannot fail")
    };
}
pub(super) use put;

/// What all sessions share.
pub(super) struct Shared {
    pub(super) random: Random,
    pub(super) generated: Generated,
}

/// Whose transcript is written.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) session: String,
    pub(super) era: &'static Era,
    pub(super) cwd: String,
    pub(super) start: u64,
    /// The id of the subagent, for its own transcript.
    pub(super) agent: Option<String>,
}

/// A subagent that a session started.
pub(super) struct Spawned {
    pub(super) agent: String,
    pub(super) start: u64,
}

/// A transcript that is being written.
pub(super) struct Session<'g> {
    pub(super) shared: &'g mut Shared,
    pub(super) text: &'g Text,
    pub(super) identity: Identity,
    pub(super) out: Vec<u8>,
    pub(super) spawned: Vec<Spawned>,
    /// Files of the project; few, so that some are read and edited often.
    pub(super) files: Vec<String>,
    pub(super) now: u64,
    pub(super) parent: Option<String>,
    /// Where the piece at hand is to end.
    end: usize,
    line_start: usize,
    envelope: String,
    model: &'static str,
    context: u64,
}

/// The parts of a response that all its lines repeat.
struct Response {
    id: String,
    request: String,
    usage: String,
    placeholder: String,
}

impl<'g> Session<'g> {
    pub(super) fn new(shared: &'g mut Shared, text: &'g Text, identity: Identity) -> Self {
        let random = &mut shared.random;
        let model = random.weighted(identity.era.models);
        let envelope = envelope(&identity, random);
        let Identity { cwd, start, .. } = &identity;
        let files = (0..12 + random.below(30)).map(|file| format!("{cwd}/src/module_{file}.rs")).collect();
        let (now, context) = (*start, 12_000 + random.below(12_000));
        let (out, spawned) = (Vec::with_capacity(1 << 20), Vec::new());
        Self { shared, text, identity, out, spawned, files, now, parent: None, end: 0, line_start: 0, envelope, model, context }
    }

    /// A prompt and everything up to the end of the answer, or up to `end`
    /// bytes of the piece at hand.
    pub(super) fn turn(&mut self, end: usize) {
        self.end = end;
        self.side_lines();
        self.prompt();
        for _ in 0..1 + self.shared.random.below(19) {
            self.response();
            if self.out.len() >= end {
                return;
            }
        }
        if self.shared.random.happens(450) && self.identity.agent.is_none() {
            self.turn_end();
        }
    }

    /// A size for a text, no larger than what is left of the piece at hand:
    /// one long result would spoil a tree of small transcripts.
    pub(super) fn size(&mut self, median: f64, spread: f64) -> usize {
        let room = self.end.saturating_sub(self.out.len()).max(300);
        self.shared.random.size(median, spread).min(room)
    }

    /// Starts a line of the conversation, up to where its own keys follow.
    pub(super) fn open(&mut self) {
        self.line_start = self.out.len();
        self.now += 200 + self.shared.random.below(9000);
        match &self.parent {
            Some(parent) => put!(self, "{{\"parentUuid\":\"{parent}\""),
            None => put!(self, "{{\"parentUuid\":null"),
        }
        put!(self, ",\"isSidechain\":{}", self.identity.agent.is_some());
        if !self.identity.era.envelope_last {
            put!(self, ",{}", self.envelope);
        }
        if let Some(agent) = &self.identity.agent {
            put!(self, ",\"agentId\":\"{agent}\"");
        }
    }

    /// Writes id and time of a line of the conversation.
    pub(super) fn stamp(&mut self) {
        let uuid = text::uuid(&mut self.shared.random);
        put!(self, ",\"uuid\":\"{uuid}\",\"timestamp\":\"{}\"", text::timestamp(self.now));
        self.parent = Some(uuid);
    }

    /// Ends a line of the conversation.
    pub(super) fn close(&mut self, kind: Part) {
        if self.identity.era.envelope_last {
            put!(self, ",{}", self.envelope);
        }
        self.end_line(kind);
    }

    fn end_line(&mut self, kind: Part) {
        self.out.extend_from_slice(b"}\n");
        self.shared.generated.add_line(kind, self.out.len() - self.line_start);
    }

    fn prompt(&mut self) {
        let size = self.size(120.0, 1.2);
        let text = self.text.code(&mut self.shared.random, size);
        self.open_user();
        put!(self, "\"");
        self.out.extend_from_slice(text);
        put!(self, "\"}}");
        self.stamp();
        if self.identity.era.version == "2.1.296" {
            put!(self, ",\"permissionMode\":\"acceptEdits\",\"origin\":{{\"kind\":\"human\"}},\"promptSource\":\"typed\"");
        }
        self.close(Part::User);
        self.other_user_line();
    }

    /// Starts a user line, up to where its content follows.
    pub(super) fn open_user(&mut self) {
        self.open();
        if self.identity.era.envelope_last {
            let prompt = text::uuid(&mut self.shared.random);
            put!(self, ",\"promptId\":\"{prompt}\"");
        }
        put!(self, ",\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":");
    }

    /// Now and then, one of the user lines that nobody typed.
    fn other_user_line(&mut self) {
        if !self.shared.random.happens(350) {
            return;
        }
        let text = self.shared.random.pick(&[
            "<command-name>/compact</command-name>\\n<command-message>compact</command-message>",
            "<local-command-stdout>Compacted</local-command-stdout>",
            "[Request interrupted by user]",
            "<task-notification>\\n<task-id>b1</task-id>\\n<status>completed</status>",
        ]);
        self.open_user();
        put!(self, "\"{text}\"}}");
        self.stamp();
        self.close(Part::User);
    }

    /// One answer of the model: its blocks, then the results of its calls.
    fn response(&mut self) {
        self.shared.generated.messages += 1;
        let response = self.new_response();
        let random = &mut self.shared.random;
        let (thinks, speaks) = (random.happens(415), random.happens(500));
        let count = random.weighted(&[(0, 15), (1, 72), (2, 8), (3, 5)]);
        let calls: Vec<_> = (0..count).map(|_| Call::any(self)).collect();
        let mut left = usize::from(thinks) + usize::from(speaks || calls.is_empty()) + calls.len();
        if thinks {
            self.block(&response, &mut left, Self::thinking);
        }
        if speaks || calls.is_empty() {
            self.block(&response, &mut left, Self::spoken);
        }
        for call in &calls {
            self.block(&response, &mut left, |session| call.block(session));
            self.progress(call);
        }
        for call in &calls {
            call.result(self);
            self.attachment(call);
        }
    }

    fn new_response(&mut self) -> Response {
        let random = &mut self.shared.random;
        let (input, written) = (1 + random.below(9), 200 + random.size(900.0, 1.3) as u64);
        let output = 20 + random.size(250.0, 1.2) as u64;
        let read = self.context;
        self.context += written + output;
        if self.context > 170_000 {
            self.context = 20_000;
        }
        let long = self.identity.era.long_cache && self.identity.agent.is_none();
        let (five_minutes, hour) = if long { (0, written) } else { (written, 0) };
        let usage = |output| {
            format!(
                "{{\"input_tokens\":{input},\"cache_creation_input_tokens\":{written},\"cache_read_input_tokens\":{read},\"cache_creation\":{{\"ephemeral_5m_input_tokens\":{five_minutes},\"ephemeral_1h_input_tokens\":{hour}}},\"output_tokens\":{output},\"service_tier\":\"standard\",\"inference_geo\":\"not_available\"}}"
            )
        };
        Response { id: text::base62(random), request: text::base62(random), usage: usage(output), placeholder: usage(1 + output % 8) }
    }

    /// A line with one block of a response; `left` counts the blocks to come.
    fn block(&mut self, response: &Response, left: &mut usize, content: impl FnOnce(&mut Self)) {
        *left -= 1;
        let is_final = match self.identity.era.output {
            Output::Never => false,
            Output::Last => *left == 0,
            Output::Always => true,
        };
        self.open();
        let model = self.model;
        put!(
            self,
            ",\"message\":{{\"model\":\"{model}\",\"id\":\"msg_01{}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[",
            response.id
        );
        content(self);
        let (reason, usage) = if is_final { ("\"tool_use\"", &response.usage) } else { ("null", &response.placeholder) };
        put!(
            self,
            "],\"stop_reason\":{reason},\"stop_sequence\":null,\"usage\":{usage}}},\"requestId\":\"req_01{}\",\"type\":\"assistant\"",
            response.request
        );
        self.stamp();
        self.close(Part::Assistant);
    }

    fn thinking(&mut self) {
        let start = self.out.len();
        // Newer versions keep the signature and drop the text.
        let size = if self.identity.era.side == Side::Attachments { 0 } else { self.size(420.0, 0.7) };
        let signature_size = self.size(1050.0, 0.75);
        put!(self, "{{\"type\":\"thinking\",\"thinking\":\"");
        if size > 0 {
            self.out.extend_from_slice(self.text.code(&mut self.shared.random, size));
        }
        put!(self, "\",\"signature\":\"");
        self.out.extend_from_slice(self.text.base64(&mut self.shared.random, signature_size));
        put!(self, "\"}}");
        self.shared.generated.add_part(Part::Thinking, self.out.len() - start);
    }

    fn spoken(&mut self) {
        let start = self.out.len();
        let size = self.size(180.0, 1.2);
        put!(self, "{{\"type\":\"text\",\"text\":\"");
        self.out.extend_from_slice(self.text.code(&mut self.shared.random, size));
        put!(self, "\"}}");
        self.shared.generated.add_part(Part::Text, self.out.len() - start);
    }

    /// The `progress` lines of a running call, in versions that have them.
    fn progress(&mut self, call: &Call) {
        if self.identity.era.side != Side::Progress {
            return;
        }
        for _ in 0..self.shared.random.weighted(&[(0, 3), (1, 5), (3, 4), (6, 1)]) {
            self.open();
            let text = self.text.code(&mut self.shared.random, 0);
            put!(self, ",\"type\":\"progress\",\"data\":{{");
            match (call.tool, self.shared.random.below(100)) {
                (Tool::Bash, 0..60) => self.bash_progress(),
                (_, 0..70) => put!(
                    self,
                    "\"type\":\"hook_progress\",\"hookEvent\":\"PostToolUse\",\"hookName\":\"PostToolUse:{}\",\"command\":\"check.sh\"",
                    call.tool.name()
                ),
                _ => self.agent_progress(text),
            }
            put!(self, "}},\"toolUseID\":\"progress-1\",\"parentToolUseID\":\"toolu_01{}\"", call.id);
            self.stamp();
            self.close(Part::Progress);
        }
    }

    fn bash_progress(&mut self) {
        let size = self.size(500.0, 1.2);
        let text = self.text.code(&mut self.shared.random, size);
        for key in ["output", "fullOutput"] {
            put!(self, "\"{key}\":\"");
            self.out.extend_from_slice(text);
            put!(self, "\",");
        }
        put!(self, "\"type\":\"bash_progress\",\"elapsedTimeSeconds\":3,\"totalLines\":12,\"timeoutMs\":120000");
    }

    /// A response of a subagent whose own transcript is lost.
    fn agent_progress(&mut self, prompt: &[u8]) {
        self.shared.generated.messages += 1;
        let response = self.new_response();
        let size = self.size(2600.0, 0.8);
        let text = self.text.code(&mut self.shared.random, size);
        put!(
            self,
            "\"message\":{{\"type\":\"assistant\",\"timestamp\":\"{}\",\"message\":{{\"model\":\"{}\",\"id\":\"msg_01{}\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{{\"type\":\"text\",\"text\":\"",
            text::timestamp(self.now),
            self.model,
            response.id
        );
        self.out.extend_from_slice(text);
        let uuid = text::uuid(&mut self.shared.random);
        put!(
            self,
            "\"}}],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{}}},\"requestId\":\"req_01{}\",\"uuid\":\"{uuid}\"}},\"type\":\"agent_progress\",\"prompt\":\"",
            response.placeholder,
            response.request
        );
        self.out.extend_from_slice(prompt);
        put!(self, "\",\"agentId\":\"a{}\"", &uuid[..6]);
    }

    /// The `attachment` line of a hook, in versions that have it.
    fn attachment(&mut self, call: &Call) {
        if self.identity.era.side != Side::Attachments || !self.shared.random.happens(430) {
            return;
        }
        let size = self.size(800.0, 1.1);
        self.open();
        put!(
            self,
            ",\"attachment\":{{\"type\":\"hook_success\",\"hookName\":\"PostToolUse:{}\",\"toolUseID\":\"toolu_01{}\",\"hookEvent\":\"PostToolUse\",\"content\":\"\",\"stdout\":\"",
            call.tool.name(),
            call.id
        );
        self.out.extend_from_slice(self.text.code(&mut self.shared.random, size));
        put!(self, "\",\"stderr\":\"\",\"exitCode\":0}},\"type\":\"attachment\"");
        self.stamp();
        self.close(Part::Rest);
    }

    /// Lines outside the conversation that precede a prompt.
    fn side_lines(&mut self) {
        if self.identity.agent.is_some() {
            return;
        }
        if self.shared.random.happens(900) {
            self.snapshot();
        }
        if self.shared.random.happens(450) {
            self.title();
        }
    }

    fn snapshot(&mut self) {
        let (uuid, time) = (text::uuid(&mut self.shared.random), text::timestamp(self.now));
        self.line_start = self.out.len();
        put!(self, "{{\"type\":\"file-history-snapshot\",\"messageId\":\"{uuid}\",");
        put!(self, "\"snapshot\":{{\"messageId\":\"{uuid}\",\"trackedFileBackups\":{{");
        for file in 0..self.shared.random.below(8) {
            let (comma, name) = (if file == 0 { "" } else { "," }, &uuid[..16]);
            put!(self, "{comma}\"src/module_{file}.rs\":{{\"backupFileName\":\"{name}@v2\",");
            put!(self, "\"version\":2,\"backupTime\":\"{time}\"}}");
        }
        put!(self, "}},\"timestamp\":\"{time}\"}},\"isSnapshotUpdate\":false");
        self.end_line(Part::Rest);
    }

    fn title(&mut self) {
        let leaf = text::uuid(&mut self.shared.random);
        self.line_start = self.out.len();
        if self.identity.era.side == Side::Few {
            put!(self, "{{\"type\":\"summary\",\"summary\":\"Report of prices\"");
            put!(self, ",\"leafUuid\":\"{leaf}\"");
        } else {
            put!(self, "{{\"type\":\"last-prompt\",\"lastPrompt\":\"and the tests\"");
            put!(self, ",\"leafUuid\":\"{leaf}\",\"sessionId\":\"{}\"", self.identity.session);
        }
        self.end_line(Part::Rest);
    }

    /// The `system` line that ends a turn.
    fn turn_end(&mut self) {
        let millis = 1000 + self.shared.random.below(600_000);
        self.open();
        put!(self, ",\"type\":\"system\",\"subtype\":\"turn_duration\",\"durationMs\":{millis}");
        self.stamp();
        put!(self, ",\"isMeta\":false");
        self.close(Part::Rest);
    }
}

/// The keys that every line of a session repeats.
fn envelope(identity: &Identity, random: &mut Random) -> String {
    let Identity { session, era, cwd, .. } = identity;
    let branch = random.pick(&["main", "main", "fix-parser", "feature/report"]);
    let entry = if era.envelope_last { "\"entrypoint\":\"cli\"," } else { "" };
    let version = era.version;
    let place = format!("\"userType\":\"external\",{entry}\"cwd\":\"{cwd}\"");
    format!("{place},\"sessionId\":\"{session}\",\"version\":\"{version}\",\"gitBranch\":\"{branch}\"")
}
