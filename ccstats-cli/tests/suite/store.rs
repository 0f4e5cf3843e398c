//! The store, through the program: what is gone stays, whatever happens to files,
//! processes and disks, and nothing is kept that is text.

mod answers;
mod commands;
#[cfg(unix)]
mod crowd;
#[cfg(unix)]
mod disks;
mod history;
#[cfg(unix)]
mod kills;
#[cfg(unix)]
mod privacy;
mod same;

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, assistant, finish, lines, output, program, prompt, tool_result, tool_use, with};

/// Reports that count everything, each in its own way.
const REPORTS: [&[&str]; 5] = [
    &["daily", "--range", "all"],
    &["summary", "--range", "all"],
    &["tools", "--range", "all"],
    &["sessions", "--range", "all"],
    &["budget", "--daily", "1000", "--weekly", "1000", "--monthly", "1000"],
];

/// A home, the data folder of its user, and beside them all that was ever written to
/// the home: what the store should know.
struct Place(TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        for home in [place.home(), place.ever()] {
            fs::create_dir_all(home.join("projects/-work-demo")).unwrap();
        }
        place
    }

    /// Transcripts `s0`, `s1`, … of some turns each.
    fn with_sessions(count: usize, turns: usize) -> Place {
        let place = Place::new();
        for session in 0..count {
            place.append(&format!("s{session}"), &turns_of(session, 0..turns));
        }
        place
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn ever(&self) -> PathBuf {
        self.0.path().join("ever")
    }

    /// Not there before the first run.
    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn transcript(&self, name: &str) -> PathBuf {
        self.home().join(format!("projects/-work-demo/{name}.jsonl"))
    }

    fn append(&self, name: &str, bytes: &[u8]) {
        append(&self.transcript(name), bytes);
        append(&self.ever().join("projects/-work-demo/all.jsonl"), bytes);
    }

    /// The program over the home, as its user.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = program(&self.home());
        command.env("CCSTATS_DATA_DIR", self.data()).args(words).args(["--tz", "UTC", "--now", "2026-11-20T12:00:00Z"]);
        command
    }

    fn run(&self, words: &[&str]) -> Run {
        finish(&mut self.command(words))
    }

    /// What all reports say of the home and its history.
    fn figures(&self) -> Vec<Value> {
        self.figures_with(&[])
    }

    fn figures_with(&self, options: &[&str]) -> Vec<Value> {
        REPORTS.iter().map(|report| figures(&self.run(&[*report, &["--json"], options].concat()))).collect()
    }

    /// What they say of all that was ever written, read without a store.
    fn figures_ever(&self) -> Vec<Value> {
        self.figures_with(&["--no-store", "--root", self.ever().to_str().unwrap()])
    }

    fn daily(&self) -> Value {
        figures(&self.run(&["daily", "--range", "all", "--json"]))
    }

    fn daily_ever(&self) -> Value {
        figures(&self.run(&["daily", "--range", "all", "--json", "--no-store", "--root", self.ever().to_str().unwrap()]))
    }

    /// Takes in all that is there; it must work.
    fn sync(&self) -> Run {
        let run = self.run(&["history", "sync"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        run
    }

    fn delete_transcripts(&self) {
        fs::remove_dir_all(self.home().join("projects/-work-demo")).unwrap();
        fs::create_dir(self.home().join("projects/-work-demo")).unwrap();
    }

    /// The blocks of a store that is sound.
    fn sound_blocks(&self) -> u64 {
        let run = self.run(&["history", "verify", "--json"]);
        let found = run.json();
        assert_eq!((run.stderr.as_str(), &found["unreadable"]), ("", &json!(0)), "{found}");
        found["sound"].as_u64().unwrap()
    }

    /// The names in the data folder.
    fn kept(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The figures of a report that has nothing to warn of.
fn figures(run: &Run) -> Value {
    assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
    figures_in(run)
}

/// The figures of a report: no titles, and not how many bytes were read.
fn figures_in(run: &Run) -> Value {
    let report = run.json();
    let mut figures: Value = ["rows", "totals", "summary", "limits"].iter().map(|key| (key.to_string(), report[key].clone())).collect();
    let rows = figures["rows"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut);
    rows.for_each(|row| drop(row.remove("title")));
    figures
}

fn append(path: &Path, bytes: &[u8]) {
    File::options().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Turns of a session: a prompt, a failed command, its result and a response, each with
/// ids of its own.
fn turns_of(session: usize, turns: impl IntoIterator<Item = usize>) -> Vec<u8> {
    turns.into_iter().flat_map(|turn| turn_of(session, turn)).collect()
}

fn turn_of(session: usize, turn: usize) -> Vec<u8> {
    let (id, call) = (format!("{session}-{turn}"), format!("toolu_{session}-{turn}"));
    let at = |line: Value, second: usize| {
        let time = format!("2026-11-{:02}T{:02}:00:{second:02}.000Z", session % 18 + 1, turn % 24);
        with(line, &json!({"sessionId": format!("s{session}"), "timestamp": time}))
    };
    lines(&[
        at(prompt(&format!("p{id}"), "go on"), 0),
        at(tool_use(&call, "Bash", &json!({"command": "cargo test --locked"})), 1),
        at(tool_result(&call, "Exit code 101\nerror", true), 2),
        at(assistant(&format!("msg_{id}"), &output(100 + turn as u64)), 3),
    ])
}

/// A number from the environment: for runs that take longer than a test should.
fn number_of(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}
