//! Failed commands of real transcripts: none may be a refusal, a cancellation or
//! a search that found nothing.
//!
//! `CCSTATS_CORPUS` names a folder of homes. What a text is was written down here
//! once more from the shapes of transcripts, apart from the rules of the program.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::report;

/// How texts begin that say that a command never ran, or not to its end.
const NOT_RUN: [&str; 15] = [
    "The user doesn't want to proceed",
    "The user doesn't want to take this action",
    "User rejected tool use",
    "This command requires approval",
    "Claude requested permissions to",
    "Permission to use",
    "Permission for this action was denied",
    "Tool permission request failed",
    "Hook PreToolUse",
    "PreToolUse:",
    "Sibling tool call errored",
    "Cancelled: parallel tool call",
    "[Request interrupted by user",
    "Streaming fallback",
    "InputValidationError",
];

/// Programs whose exit code 1 says that nothing was found, or that things differ.
const SEARCHES: [&str; 8] = ["grep", "egrep", "fgrep", "rg", "find", "diff", "test", "["];

/// The commands and the results of one home.
#[derive(Default)]
struct Home {
    /// By the id of the call.
    commands: HashMap<String, String>,
    /// The earliest result of each call.
    results: HashMap<String, Value>,
    /// The ids of the calls on each line of a transcript.
    places: HashMap<(String, usize), Vec<String>>,
}

impl Home {
    fn read(root: &Path) -> Home {
        let mut home = Home::default();
        let projects = root.join("projects");
        for path in transcripts(&projects) {
            let name = path.strip_prefix(&projects).unwrap().to_str().unwrap().to_owned();
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for (at, line) in text.split('\n').enumerate() {
                for value in serde_json::Deserializer::from_str(line).into_iter::<Value>().map_while(Result::ok) {
                    home.add(&name, at + 1, &value);
                    // Lines of subagents stand in `progress` lines.
                    home.add(&name, at + 1, &value["data"]["message"]);
                }
            }
        }
        home
    }

    fn add(&mut self, transcript: &str, line: usize, entry: &Value) {
        for block in entry["message"]["content"].as_array().into_iter().flatten() {
            let id = |key: &str| block[key].as_str().unwrap_or_default().to_owned();
            if block["type"] == "tool_use" && block["name"] == "Bash" {
                self.places.entry((transcript.to_owned(), line)).or_default().push(id("id"));
                self.commands.insert(id("id"), block["input"]["command"].as_str().unwrap_or_default().to_owned());
            } else if block["type"] == "tool_result" {
                let known = self.results.entry(id("tool_use_id")).or_insert_with(|| entry.clone());
                if entry["timestamp"].as_str() < known["timestamp"].as_str() {
                    *known = entry.clone();
                }
            }
        }
    }

    /// Why a call is no failed command; nothing where it is one.
    fn excuse(&self, id: &str) -> Option<String> {
        match self.results.get(id) {
            Some(result) => excuse(result, &self.commands[id]),
            None => Some("no result".into()),
        }
    }
}

/// Transcripts below a folder, at any depth.
fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { transcripts(&path) } else { vec![path] };
    entries.flat_map(below).filter(|path| path.to_string_lossy().contains(".jsonl")).collect()
}

/// The result of a call, and its text.
fn result_block(entry: &Value) -> (&Value, String) {
    let blocks = entry["message"]["content"].as_array().into_iter().flatten();
    let block = blocks.into_iter().find(|block| block["type"] == "tool_result").unwrap_or(&Value::Null);
    let text = match &block["content"] {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        content => content.as_str().unwrap_or_default().to_owned(),
    };
    (block, text)
}

fn excuse(entry: &Value, command: &str) -> Option<String> {
    let (block, text) = result_block(entry);
    let (whole, structured) = (text.trim(), &entry["toolUseResult"]);
    let plain = whole.trim_start_matches("<tool_use_error>").trim_start_matches("Error: ");
    let spoken = [plain, structured.as_str().unwrap_or_default().trim_start_matches("Error: ")];
    if block["is_error"] != true {
        Some("no error".into())
    } else if let Some(start) = NOT_RUN.iter().find(|start| spoken.iter().any(|text| text.starts_with(**start))) {
        Some(format!("not run: {start}"))
    } else if entry["toolDenialKind"].is_string() {
        Some(format!("denied: {}", entry["toolDenialKind"]))
    } else if structured["returnCodeInterpretation"].is_string() {
        Some(format!("explained: {}", structured["returnCodeInterpretation"]))
    } else if whole.starts_with("<tool_use_error>") || plain.contains(" was blocked. For security, ") {
        Some("refused by the tool".into())
    } else {
        let says_nothing = matches!(whole, "" | "Error" | "Exit code 1");
        (says_nothing && is_search(command)).then(|| "nothing found".into())
    }
}

/// Whether a program that can have ended the last statement of a command searches;
/// only where its text is so plain that no quote can hide where the program starts.
fn is_search(command: &str) -> bool {
    let statement = command.trim().rsplit([';', '\n']).next().unwrap_or_default();
    statement.split("&&").any(|pipeline| {
        let last = pipeline.rsplit(['|', '&']).next().unwrap_or_default();
        let is_plain = ['"', '\''].iter().all(|quote| last.matches(*quote).count().is_multiple_of(2));
        is_plain && last.split_whitespace().next().is_some_and(|program| SEARCHES.contains(&program))
    })
}

/// The number of failed commands of a home, and the places that are their evidence.
fn failures(root: &Path) -> (usize, Vec<String>) {
    let report = report("failures", root, &["--json", "--range", "all"]).json();
    let rows = report["rows"].as_array().expect("a report has rows");
    let places = rows.iter().flat_map(|row| row["examples"].as_array().expect("a list"));
    let count = report["totals"]["failures"].as_u64().expect("a count");
    (usize::try_from(count).unwrap(), places.map(|place| place.as_str().expect("a place").to_owned()).collect())
}

/// Evidence names a few of many failures; the equal number speaks for the others.
#[test]
fn no_failed_command_of_the_corpus_is_a_refusal_a_cancellation_or_a_search_in_vain() {
    let Some(corpus) = std::env::var_os("CCSTATS_CORPUS") else {
        eprintln!("skipped: CCSTATS_CORPUS is not set");
        return;
    };
    let (mut looked_at, mut named) = (0, 0);
    for root in std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.join("projects").is_dir()) {
        let home = Home::read(&root);
        let (count, evidence) = failures(&root);
        for place in &evidence {
            let (rest, line) = place.rsplit_once(':').unwrap();
            let (_, transcript) = rest.split_once(':').unwrap();
            let calls = home.places.get(&(transcript.to_owned(), line.parse().unwrap())).unwrap_or_else(|| panic!("no command at {place}"));
            // One of the calls on the line is the evidence.
            let excuses: Vec<_> = calls.iter().filter_map(|id| home.excuse(id)).collect();
            assert!(excuses.len() < calls.len(), "{}: {place}: {excuses:?}", root.display());
        }
        let failed = home.commands.keys().filter(|id| home.excuse(id).is_none()).count();
        assert_eq!(count, failed, "{}", root.display());
        looked_at += failed;
        named += evidence.len();
    }
    eprintln!("looked at {looked_at} failed commands, {named} of them named as evidence");
    assert!(looked_at > 0, "the corpus has failed commands");
}
