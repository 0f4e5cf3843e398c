//! As long as nothing is gone, a store changes no byte of any report: neither a new one
//! nor one that is filled, whatever part of the time is asked for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::invariants::{cases, home};
use crate::support::{REPORTS, ccstats_of, json_of, workspace, write_home};

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
    assert!(alone == answer(None), "{} {question:?} {range}", root.display());
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

proptest! {
    #![proptest_config(cases())]

    /// Also where lines are damaged, and the last one has no newline.
    #[test]
    fn a_store_changes_no_report_on_random_homes(home in home()) {
        let mut files = home.files();
        for (_, bytes) in &mut files {
            let _ = bytes.pop_if(|byte| *byte == b'\n');
        }
        let (root, home) = (write_home(files), tempfile::tempdir().unwrap());
        for question in ["summary", "summary", "failures", "sessions", "reads"] {
            assert_same_answer(home.path(), root.path(), &[question], "all");
        }
    }
}
