//! Makes homes of every shape of line at random, the same for the same seed.
//!
//! Built from the cases of `docs/format.md` 13: duplicates, copies of a resume,
//! sidechains, progress, results before their calls, ids of gateways, and
//! every text that decides about an outcome.

use chrono::DateTime;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{assistant_with, progress, prompt, tool_result, with, write_home};

/// The transcripts of a home; a first half sorts right before its second.
const FILES: [&str; 4] = [
    "projects/-w-alpha/s0.jsonl",
    "projects/-w-alpha/s0/subagents/agent-a1.jsonl",
    "projects/-w-beta/s1.jsonl",
    "projects/-w-beta/s2.jsonl.superseded-1",
];
const SESSIONS: [&str; 3] = ["s0", "s1", "5f0c3b1e-0000-4000-8000-000000000001"];
const FOLDERS: [&str; 4] = ["/w/alpha", "/w/beta", "c:\\work\\gamma", "/w/项目 \"x\""];
const MODELS: [&str; 12] = [
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5-20250929[1m]",
    "anthropic/claude-sonnet-4.5",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-haiku-4-5@20251001",
    "claude-opus-4-9",
    "claude-opus-4-6",
    "claude-opus-4-8",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-3-5-haiku-latest",
    "glm-4.7",
];
const TOOLS: [&str; 9] = ["Bash", "Bash", "Bash", "Read", "Edit", "Write", "MultiEdit", "NotebookEdit", "mcp__files__read"];
const COMMANDS: [&str; 20] = [
    "grep -r x .",
    "cat a | grep b",
    "grep a b && ls",
    "grep a b && ls || true",
    "ls; grep x",
    "grep x; ls",
    "FOO=1 timeout 5 rg x",
    "echo 'a && grep '",
    "/usr/bin/diff a b",
    "test -f x || true",
    "true || test -f x",
    "sudo env find / > /dev/null 2>&1",
    "echo \"unclosed && grep x",
    "grep x 2>&1 | head",
    "[ -f x ]",
    "cargo test",
    "a |& egrep b",
    "x &> out && fgrep \"a\\\"b\" y",
    "echo \\; && diff a b & ls",
    "",
];
const RESULTS: [&str; 28] = [
    "done",
    "",
    "Error",
    "Exit code 1",
    "  Exit code 1\n  ",
    "Error: Exit code 1",
    "Exit code 1\nboom",
    "Exit code 2",
    "Exit code 15",
    "Command timed out after 2m 0.0s",
    "<tool_use_error>File has not been read yet",
    "<tool_use_error>Error: Sibling tool call errored",
    "Cancelled: parallel tool call Bash(x) errored",
    "The user doesn't want to proceed with this tool use. The tool use was rejected",
    "Error: The user doesn't want to take this action right now. STOP",
    "This command requires approval",
    "Claude requested permissions to write, but you haven't granted it yet.",
    "Permission to use Bash has been auto-denied in dontAsk mode.",
    "Tool permission request failed: Error: Stream closed",
    "Permission for this tool is denied",
    "This Bash command contains multiple operations. The following part requires approval",
    "PreToolUse:Bash hook error: [x]: no",
    "PreToolUse:Bash  denied",
    "Hook PreToolUse:Bash denied this tool",
    "[Request interrupted by user for tool use]",
    "Interrupted by user",
    "cd in '/x' was blocked. For security, Claude Code may only change",
    "MCP error -32603: \u{2028}\\u0000 {\"usage\":{\"output_tokens\":9}}",
];
const PROMPTS: [&str; 13] = [
    "fix it",
    "go on",
    "why?\n<command-name>",
    "  \u{a0}<command-name>/x</command-name>",
    "<local-command-stdout>x",
    "<task-notification>",
    "<bash-input>ls</bash-input>",
    "<system-reminder>",
    "[Request interrupted by user]",
    "Caveat: The messages below were generated",
    "This session is being continued from a previous conversation that ran out",
    "<b>not a tag of Claude Code</b>",
    "",
];
/// Windows of prices begin and end here; a home starts an hour before one of them.
const STARTS: [i64; 5] = [1_735_686_000_000, 1_754_953_200_000, 1_773_442_800_000, 1_791_327_600_000, 1_762_000_000_000];

/// A source of numbers that is the same everywhere (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    /// True once in `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn of<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())].clone()
    }
}

/// What home to make.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home {
    pub(crate) seed: u64,
    pub(crate) n_lines: usize,
    /// Lines are glued, torn, filled with NUL, and the last one may be unfinished.
    pub(crate) is_damaged: bool,
    /// Every line has a `uuid`, a `sessionId` and a `cwd`.
    pub(crate) is_complete: bool,
}

impl Home {
    /// Paths below the config directory and bytes of its transcripts.
    pub(crate) fn files(self) -> Vec<(String, Vec<u8>)> {
        let mut writer = Writer::new(self);
        let mut files = FILES.map(|path| (path.to_owned(), Vec::new()));
        for _ in 0..self.n_lines {
            let file = writer.dice.below(FILES.len());
            writer.write_line(&mut files[file].1);
        }
        let decoy = ("projects/-w-alpha/journal.jsonl".to_owned(), b"not a transcript\n".to_vec());
        files.into_iter().chain([decoy]).collect()
    }

    pub(crate) fn write(self) -> TempDir {
        write_home(self.files())
    }

    /// As many lines in a single transcript.
    pub(crate) fn lines(self) -> Vec<u8> {
        let (mut writer, mut file) = (Writer::new(self), Vec::new());
        (0..self.n_lines).for_each(|_| writer.write_line(&mut file));
        file
    }
}

struct Writer {
    home: Home,
    dice: Dice,
    clock: i64,
    n_ids: usize,
    /// Lines of responses and results, to be written again.
    past: Vec<Value>,
}

impl Writer {
    fn new(home: Home) -> Writer {
        let mut dice = Dice(home.seed);
        let clock = dice.of(&STARTS);
        Writer { home, dice, clock, n_ids: 0, past: Vec::new() }
    }

    fn write_line(&mut self, file: &mut Vec<u8>) {
        let line = self.line();
        let text = line.to_string();
        let is_at_start = file.last().is_none_or(|byte| *byte == b'\n');
        let damage = if self.home.is_damaged { self.dice.below(14) } else { 14 };
        match damage {
            0 => return file.extend(text.bytes()),
            8 => return file.extend(text.bytes().chain([0; 3])),
            1 => return file.extend(text.bytes().take(self.dice.below(text.len()))),
            2 => file.extend(vec![0; self.dice.below(300)]),
            3 if is_at_start => file.extend("\u{feff}".bytes()),
            4 => file.extend(b" \t\r\n"),
            5 => file.extend(b"// a comment\n"),
            6 => file.extend(b"null\n"),
            _ => {}
        }
        file.extend(text.bytes());
        file.extend(if damage == 7 { "\r\n" } else { "\n" }.bytes());
    }

    fn line(&mut self) -> Value {
        let line = match self.dice.below(21) {
            0..6 => self.response(),
            6..9 => self.copy(),
            9..14 => self.result(),
            14..17 => self.typed(),
            17 => self.of_subagent(),
            18 => self.api_error(),
            19 => json!({"type": "brand-new", "usage": {"output_tokens": 7}}),
            _ => self.response(),
        };
        if matches!(line["type"].as_str(), Some("assistant" | "user")) {
            self.past.push(line.clone());
        }
        line
    }

    /// Time and place of a line; now and then something is missing or odd.
    fn place(&mut self) -> Value {
        self.clock += self.dice.of(&[0, 0, 1, 1_500, 60_000, 2_700_000]);
        self.n_ids += 1;
        let (session, folder) = (self.dice.of(&SESSIONS), self.dice.of(&FOLDERS));
        let uuid = format!("u{}", self.n_ids);
        let mut place = json!({"uuid": uuid, "sessionId": session, "cwd": folder});
        for key in ["uuid", "sessionId", "cwd"] {
            if !self.home.is_complete && self.dice.one_in(25) {
                place[key] = self.dice.of(&[json!(null), json!(""), json!(7)]);
            }
        }
        place["timestamp"] = self.time();
        place["isSidechain"] = json!(self.dice.one_in(6));
        place
    }

    fn time(&mut self) -> Value {
        let text = DateTime::from_timestamp_millis(self.clock).unwrap().format("%Y-%m-%dT%H:%M:%S%.3f").to_string();
        match self.dice.below(30) {
            0 => Value::Null,
            1 => json!("2026-06-30T23:59:60Z"),
            2 => json!("9999-12-31T23:59:59-01:00"),
            3 => json!(format!("{text}+05:45")),
            4 => json!(format!("{text}000-12:00")),
            5 => json!("yesterday"),
            6 => json!(format!("{}Z", &text[..19])),
            _ => json!(format!("{text}Z")),
        }
    }

    fn id(&mut self) -> Value {
        self.n_ids += 1;
        match self.dice.below(12) {
            0 => Value::Null,
            1 | 2 => json!(format!("resp-{}", self.dice.below(6))),
            _ => json!(format!("msg_{}", self.n_ids)),
        }
    }

    /// Ids from a small stock, so that calls and results find each other in any order.
    fn call_id(&mut self) -> Value {
        match self.dice.below(20) {
            0 => json!(""),
            1..4 => json!(format!("call_{}", self.dice.below(4))),
            _ => json!(format!("toolu_{}", self.dice.below(14))),
        }
    }

    fn counter(&mut self) -> Value {
        match self.dice.below(40) {
            0 => Value::Null,
            1 => self.dice.of(&[json!(-1), json!(1.5), json!("7"), json!(1u64 << 53), json!(u64::MAX), json!([])]),
            2 => json!(1e3),
            3..6 => json!(0),
            6 | 7 => json!(self.dice.below(300_000)),
            _ => json!(self.dice.below(2_000)),
        }
    }

    fn usage(&mut self) -> Value {
        let mut usage = json!({"input_tokens": self.counter(), "output_tokens": self.counter()});
        for key in ["cache_creation_input_tokens", "cache_read_input_tokens"] {
            if !self.dice.one_in(3) {
                usage[key] = self.counter();
            }
        }
        if self.dice.one_in(2) {
            let (short, long) = (self.counter(), self.counter());
            let split = json!({"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long});
            usage["cache_creation"] = split;
        }
        if self.dice.one_in(8) {
            usage["server_tool_use"] = json!({"web_search_requests": self.dice.below(4)});
        }
        if self.dice.one_in(6) {
            usage["speed"] = json!("fast");
            usage["inference_geo"] = json!("us");
        }
        usage
    }

    fn blocks(&mut self) -> Value {
        let text = "{\"type\":\"tool_use\",\"id\":\"toolu_1\"} \\ \u{1f600}";
        let mut blocks = vec![json!({"type": "text", "text": text})];
        for _ in 0..self.dice.below(3) {
            let (id, tool) = (self.call_id(), self.dice.of(&TOOLS));
            let input = match tool {
                "Bash" => json!({"command": self.dice.of(&COMMANDS)}),
                "NotebookEdit" => json!({"notebook_path": "/w/a.ipynb"}),
                _ => json!({"file_path": self.dice.of(&["/w/a.rs", "/w/b.rs"])}),
            };
            blocks.push(json!({"type": "tool_use", "id": id, "name": tool, "input": input}));
        }
        json!(blocks)
    }

    fn response(&mut self) -> Value {
        let (blocks, mut usage) = (self.blocks(), self.usage());
        if self.dice.one_in(15) {
            let step = with(self.usage(), &json!({"type": "advisor_message", "model": self.dice.of(&MODELS)}));
            usage["iterations"] = json!([{"type": "message", "output_tokens": 5}, step]);
        }
        let mut line = with(assistant_with("", &blocks, &usage), &self.place());
        line["message"]["id"] = self.id();
        line["message"]["model"] = json!(self.dice.of(&MODELS));
        match self.dice.below(12) {
            0..4 => line["message"]["stop_reason"] = Value::Null,
            4 => line["message"]["model"] = Value::Null,
            5 => line["message"]["usage"] = Value::Null,
            _ => {}
        }
        line
    }

    /// A line seen before: as it was, changed in one thing, or as a resume writes it.
    fn copy(&mut self) -> Value {
        if self.past.is_empty() {
            return self.response();
        }
        let mut line = self.dice.of(&self.past.clone());
        let output = line["message"]["usage"]["output_tokens"].clone();
        match self.dice.below(6) {
            _ if line["type"] != "assistant" || output.is_null() => {}
            0 | 1 => line["message"]["usage"]["output_tokens"] = self.counter(),
            2 => line["message"]["usage"] = with(self.usage(), &json!({"output_tokens": output})),
            3 => line["message"]["model"] = json!(self.dice.of(&MODELS)),
            4 => line["message"]["content"] = self.blocks(),
            _ => {}
        }
        if self.dice.one_in(3) { with(line, &self.place()) } else { line }
    }

    fn result(&mut self) -> Value {
        let (is_error, is_silent) = (self.dice.one_in(2), self.dice.one_in(4));
        let text = if is_silent { "Exit code 1" } else { self.dice.of(&RESULTS) };
        let mut line = with(tool_result("", text, is_error), &self.place());
        let block = &mut line["message"]["content"][0];
        block["tool_use_id"] = self.call_id();
        if self.dice.one_in(4) {
            block["content"] = json!([{"type": "image"}, {"type": "text", "text": block["content"]}]);
        }
        let hunks = json!([{"lines": ["+a", "-b", " c", "+", 7]}, {"lines": ["+++", "--x"]}, null]);
        line["toolUseResult"] = self.dice.of(&[
            Value::Null,
            Value::Null,
            json!("User rejected tool use"),
            json!({"backgroundTaskId": "b1"}),
            json!({"returnCodeInterpretation": "No matches found"}),
            json!({"structuredPatch": hunks}),
            json!({"structuredPatch": hunks}),
            json!({"structuredPatch": hunks, "type": "create", "content": "one\ntwo"}),
            json!({"structuredPatch": [], "type": "create", "content": "one\n\ntwo\n"}),
        ]);
        if self.dice.one_in(20) {
            line["toolDenialKind"] = json!(self.dice.of(&["user-rejected", "interrupted", "cancelled"]));
        }
        line
    }

    fn typed(&mut self) -> Value {
        let mut line = with(prompt("", self.dice.of(&PROMPTS)), &self.place());
        match self.dice.below(16) {
            0 => line["isMeta"] = json!(true),
            1 => line["isCompactSummary"] = json!(true),
            2 => line["isVisibleInTranscriptOnly"] = json!(true),
            3 => line["origin"] = json!({"kind": self.dice.of(&["human", "task-notification"])}),
            4 => line["turnOrigin"] = self.dice.of(&[json!("human"), json!("agent"), json!(null)]),
            5 => line["message"]["content"] = json!([{"type": "image"}]),
            6 => line["message"]["content"] = json!([{"type": "text", "text": "look"}, {"type": "image"}]),
            7 => line["message"]["content"] = json!([]),
            _ => {}
        }
        line
    }

    /// A line of a subagent inside a progress line.
    fn of_subagent(&mut self) -> Value {
        let inner = if self.dice.one_in(3) { self.result() } else { self.copy() };
        with(progress(&inner), &self.place())
    }

    fn api_error(&mut self) -> Value {
        let mut line = with(assistant_with("x", &json!([]), &self.usage()), &self.place());
        line["message"]["model"] = json!("<synthetic>");
        line["isApiErrorMessage"] = json!(self.dice.one_in(2));
        line
    }
}
