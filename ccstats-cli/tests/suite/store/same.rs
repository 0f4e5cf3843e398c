//! As long as nothing is gone, a store changes no byte of any report: neither a new one
//! nor one that is filled, whatever part of the time is asked for.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::json;

use crate::invariants::{cases, home};
use crate::support::{REPORTS, assistant, ccstats_of, json_of, lines, output, prompt, tool_result, tool_use, with, workspace, write_home};

/// Options that change what a report is about, and what it must know for it.
const VARIANTS: [&[&str]; 5] = [&[], &["--no-subagents"], &["--model", "opus"], &["--project", "a"], &["--by", "repo"]];

/// All of the time, its last day, and the first half of its days.
fn ranges(root: &Path) -> Vec<String> {
    let days = json_of("daily", root);
    let days: Vec<_> =
        days["rows"].as_array().unwrap().iter().filter_map(|row| row["day"].as_str()).filter(|day| *day != "unknown").collect();
    let parts = days.first().map(|first| [days[days.len() - 1].to_owned(), format!("{first}..{}", days[days.len() / 2])]);
    ["all".to_owned()].into_iter().chain(parts.into_iter().flatten()).collect()
}

/// Every report with each variant, and the calls by their commands.
fn questions(variants: &[&[&'static str]]) -> Vec<Vec<&'static str>> {
    let reports = REPORTS.iter().flat_map(|report| variants.iter().map(|variant| [&[*report], *variant].concat()));
    reports.chain([vec!["tools", "--by", "command"]]).collect()
}

fn assert_same(root: &Path, variants: &[&[&'static str]]) {
    let home = tempfile::tempdir().unwrap();
    for range in ranges(root) {
        questions(variants).iter().for_each(|question| assert_same_answer(home.path(), root, question, &range));
    }
}

/// What is kept of one home changes nothing of an answer about a root.
fn assert_same_answer(home: &Path, root: &Path, question: &[&str], range: &str) {
    let common = ["--json", "--tz", "UTC", "--now", "2026-11-20T12:00:00Z", "--range", range, "--root"];
    let words = [question, &common].concat();
    let answer = |option: Option<&str>| {
        let run = ccstats_of(home, words.iter().map(OsStr::new).chain([root.as_os_str()]).chain(option.map(OsStr::new)));
        (run.code, run.stderr, run.stdout)
    };
    let alone = answer(Some("--no-store"));
    assert_eq!(alone.0, 0, "{question:?}: {}", alone.1);
    // A load, and what was kept of it.
    for _ in 0..2 {
        assert!(alone == answer(None), "{} {question:?} {range}", root.display());
    }
}

#[test]
fn a_store_changes_no_report_on_test_data() {
    assert_same(&workspace("testdata/home"), &VARIANTS);
    assert_same(&workspace("testdata/traps"), &VARIANTS);
    assert_same(&workspace("testdata/behaviour"), &VARIANTS);
}

#[test]
fn a_store_changes_no_report_on_real_transcripts() {
    let Some(folder) = std::env::var_os("CCSTATS_CORPUS").map(PathBuf::from) else {
        eprintln!("skipped: CCSTATS_CORPUS is not set");
        return;
    };
    for home in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.join("projects").is_dir()) {
        assert_same(&home, &VARIANTS[..1]);
    }
}

#[test]
fn a_kind_of_agent_that_changes_is_told_by_every_report_about_kinds() {
    let line = with(assistant("msg_1", &output(1)), &json!({"isSidechain": true, "agentId": "a1"}));
    let call = with(tool_use("toolu_1", "Bash", &json!({"command": "rm -rf build"})), &json!({"isSidechain": true, "agentId": "a1"}));
    let subagents = "projects/-work-demo/s1/subagents";
    let (home, root) = (tempfile::tempdir().unwrap(), write_home([(format!("{subagents}/agent-a1.jsonl"), lines(&[line, call]))]));
    let transcript = File::options().write(true).open(root.path().join(subagents).join("agent-a1.jsonl")).unwrap();
    transcript.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    for kind in ["old", "new"] {
        std::fs::write(root.path().join(subagents).join("agent-a1.meta.json"), format!(r#"{{"agentType":"{kind}"}}"#)).unwrap();
        for report in [&["agents"][..], &["audit"], &["tools", "--by", "agent"]] {
            assert_same_answer(home.path(), root.path(), report, "all");
        }
    }
}

#[test]
fn places_of_many_problems_are_the_same() {
    let broken = |count: usize| [b"broken\n".repeat(count), lines(&[prompt("p1", "go")])].concat();
    assert_same_answers(&[("projects/p/a.jsonl", broken(250)), ("projects/p/b.jsonl", broken(99))]);
}

/// The same when nothing is known yet, when all is, and for what needs text: of transcripts
/// that were written just now, of which a later load reads the last line again, and of old ones.
fn assert_same_answers(files: &[(&str, Vec<u8>)]) {
    let root = write_home(files.iter().map(|(path, bytes)| (path, bytes)));
    for age in [Duration::ZERO, Duration::from_secs(3600)] {
        for (path, _) in files {
            let file = File::options().write(true).open(root.path().join(path)).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        let home = tempfile::tempdir().unwrap();
        for question in ["summary", "summary", "failures", "sessions", "reads"] {
            assert_same_answer(home.path(), root.path(), &[question], "all");
        }
    }
}

#[test]
fn a_problem_in_a_last_line_without_a_newline_keeps_its_place() {
    let entries = lines(&[prompt("a", "go"), prompt("b", "on")]);
    assert_same_answers(&[("projects/p/s1.jsonl", [&entries[..], br#"{"type":null}"#].concat())]);
}

#[test]
fn a_later_copy_of_a_call_changes_no_command() {
    let call = |time: &str, command: &str| with(tool_use("toolu_1", "Bash", &json!({"command": command})), &json!({"timestamp": time}));
    let first = lines(&[call("2026-11-03T10:00:00.000Z", "ls; grep x"), tool_result("toolu_1", "Command timed out", true)]);
    let mut later = lines(&[call("2026-11-03T11:00:00.000Z", "test -f x")]);
    later.pop();
    assert_same_answers(&[("projects/p/s1.jsonl", first), ("projects/p/s2.jsonl", later)]);
}

proptest! {
    #![proptest_config(cases())]

    /// Also where lines are damaged, and the last one has no newline.
    #[test]
    fn a_store_changes_no_report_on_random_homes(home in home()) {
        let mut files = home.files();
        for (_, bytes) in &mut files {
            let _ = bytes.pop_if(|byte| *byte == b'\n');
        }
        let files: Vec<_> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
        assert_same_answers(&files);
    }
}
