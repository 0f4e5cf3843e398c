//! Stories for tests: what one agent did, told as any version of Claude Code would.

use serde_json::{Value, json};

use crate::dataset::Dataset;
use crate::testing;

/// How versions write results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// 1.0: an error is plain text, without code or tag.
    Plain,
    /// 2.0.60: `Exit code N`, refused input in a tag.
    Code,
    /// 2.1.50: the same with more fields.
    Fields,
    /// 2.1.220: `toolDenialKind`.
    Denial,
}

impl Era {
    pub(super) const ALL: [Era; 4] = [Era::Plain, Era::Code, Era::Fields, Era::Denial];

    fn version(self) -> &'static str {
        match self {
            Era::Plain => "1.0.50",
            Era::Code => "2.0.60",
            Era::Fields => "2.1.50",
            Era::Denial => "2.1.220",
        }
    }
}

/// The lines of one thread, a minute apart.
pub(super) struct Story {
    era: Era,
    session: &'static str,
    agent: Option<&'static str>,
    cwd: &'static str,
    day: u32,
    minute: u32,
    pub(super) lines: Vec<String>,
}

impl Story {
    pub(super) fn new(era: Era, session: &'static str) -> Story {
        Story { era, session, agent: None, cwd: "/work/app", day: 1, minute: 0, lines: Vec::new() }
    }

    pub(super) fn agent(self, agent: &'static str) -> Story {
        Story { agent: Some(agent), ..self }
    }

    pub(super) fn cwd(self, cwd: &'static str) -> Story {
        Story { cwd, ..self }
    }

    pub(super) fn on_day(mut self, day: u32) -> Story {
        (self.day, self.minute) = (day, 0);
        self
    }

    pub(super) fn ok(self, command: &str) -> Story {
        self.call("Bash", json!({"command": command}), "done", Some(json!({"stdout": "done", "stderr": "", "interrupted": false})))
    }

    pub(super) fn fails(self, command: &str, code: u32, says: &str) -> Story {
        let text = match self.era {
            Era::Plain if says.is_empty() => "Error".into(),
            Era::Plain => says.into(),
            _ => format!("Exit code {code}\n{says}"),
        };
        self.call("Bash", json!({"command": command}), &text, None)
    }

    pub(super) fn denied(mut self, command: &str) -> Story {
        let text = "The user doesn't want to proceed with this tool use. The tool use was rejected";
        let kind = (self.era == Era::Denial).then(|| "user-rejected".to_string());
        self = self.call("Bash", json!({"command": command}), text, None);
        self.mark("toolDenialKind", kind)
    }

    pub(super) fn cancelled(mut self, command: &str) -> Story {
        let tagged = "<tool_use_error>Sibling tool call errored</tool_use_error>";
        let text = if self.era == Era::Plain { "Sibling tool call errored" } else { tagged };
        let kind = (self.era == Era::Denial).then(|| "cancelled".to_string());
        self = self.call("Bash", json!({"command": command}), text, None);
        self.mark("toolDenialKind", kind)
    }

    pub(super) fn in_background(self, command: &str) -> Story {
        let result = json!({"stdout": "", "stderr": "", "backgroundTaskId": "b1"});
        self.call("Bash", json!({"command": command}), "Command running in background", Some(result))
    }

    pub(super) fn edit(self, file: &str, old: &str, new: &str) -> Story {
        let input = json!({"file_path": file, "old_string": old, "new_string": new});
        let patch = json!([{"oldStart": 1, "lines": [format!("-{old}"), format!("+{new}")]}]);
        self.call("Edit", input, "The file has been updated.", Some(json!({"filePath": file, "structuredPatch": patch})))
    }

    pub(super) fn write(self, file: &str, content: &str) -> Story {
        let result = json!({"type": "create", "filePath": file, "content": content, "structuredPatch": []});
        self.call("Write", json!({"file_path": file, "content": content}), "File created.", Some(result))
    }

    pub(super) fn refused_edit(self, file: &str, why: &str) -> Story {
        let text = if self.era == Era::Plain { why.into() } else { format!("<tool_use_error>{why}</tool_use_error>") };
        self.call("Edit", json!({"file_path": file, "old_string": "a", "new_string": "b"}), &text, None)
    }

    pub(super) fn read(self, file: &str) -> Story {
        let result = json!({"type": "text", "file": {"filePath": file, "content": "a", "numLines": 1, "startLine": 1, "totalLines": 1}});
        self.call("Read", json!({"file_path": file}), "1\ta", Some(result))
    }

    /// A call and its result; an error where nothing structured is given.
    fn call(mut self, tool: &str, input: Value, text: &str, result: Option<Value>) -> Story {
        let id = format!("toolu_{}_{}_{}_{}", self.session, self.agent.unwrap_or("main"), self.day, self.minute);
        let block = json!({"type": "tool_use", "id": id, "name": tool, "input": input});
        let message = json!({"role": "assistant", "model": "claude-opus-4-8", "id": format!("msg_{id}"), "content": [block]});
        self.line("assistant", "message", message, None);
        let is_error = result.is_none();
        let block = json!({"type": "tool_result", "tool_use_id": id, "is_error": is_error, "content": text});
        let structured = result.unwrap_or_else(|| json!(format!("Error: {text}")));
        self.line("user", "message", json!({"role": "user", "content": [block]}), Some(structured));
        self.minute += 1;
        self
    }

    fn line(&mut self, kind: &str, key: &str, value: Value, result: Option<Value>) {
        let mut line = json!({
            "type": kind, "sessionId": self.session, "version": self.era.version(), "cwd": self.cwd, "isSidechain": self.agent.is_some(),
            "uuid": format!("{}-{}-{}", self.session, self.agent.unwrap_or("main"), self.lines.len()),
            "timestamp": format!("2026-11-{:02}T{:02}:{:02}:00Z", self.day, 10 + self.minute / 60, self.minute % 60),
        });
        line[key] = value;
        if let Some(agent) = self.agent {
            line["agentId"] = json!(agent);
        }
        if let Some(result) = result {
            line["toolUseResult"] = result;
        }
        self.lines.push(line.to_string());
    }

    /// Adds a field to the last line.
    fn mark(mut self, key: &str, value: Option<String>) -> Story {
        if let (Some(value), Some(last)) = (value, self.lines.last_mut()) {
            let mut line: Value = serde_json::from_str(last).expect("made above");
            line[key] = json!(value);
            *last = line.to_string();
        }
        self
    }
}

/// The dataset of some stories, each in a transcript of its own.
pub(super) fn dataset(stories: &[Story]) -> Dataset {
    let names: Vec<String> = stories.iter().map(|story| format!("p/{}-{}.jsonl", story.session, story.agent.unwrap_or("main"))).collect();
    let transcripts: Vec<_> = names.iter().zip(stories).map(|(name, story)| (name.as_str(), story.lines.as_slice())).collect();
    testing::dataset(&transcripts)
}
