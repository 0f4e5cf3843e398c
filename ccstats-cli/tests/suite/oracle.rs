//! The program against `oracle.py` on real transcripts.
//!
//! They are nobody's to publish, so the corpus lies outside the project:
//! `CCSTATS_CORPUS` names a folder of homes and `CCSTATS_ORACLE` the script,
//! with `prices.json` beside it. Copies are made in temporary folders only.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::reference::figures::{self, Figures};
use crate::reference::files;
use crate::support::{json_of, summary};

/// Lists of the oracle, the report of the same rows, and the key of a row.
const LISTS: [(&str, &str, &str); 4] =
    [("days", "daily", "day"), ("sessions", "sessions", "session"), ("projects", "projects", "project"), ("models", "models", "model")];

struct Corpus {
    homes: Vec<PathBuf>,
    oracle: PathBuf,
}

impl Corpus {
    /// The corpus of the environment; says so and gives none where a part of it is missing.
    fn find() -> Option<Corpus> {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let (Some(folder), Some(oracle)) = (variable("CCSTATS_CORPUS"), variable("CCSTATS_ORACLE")) else {
            eprintln!("skipped: CCSTATS_CORPUS and CCSTATS_ORACLE are not set");
            return None;
        };
        if Command::new("python3").arg("--version").output().is_err() {
            eprintln!("skipped: CCSTATS_CORPUS is set, but there is no python3");
            return None;
        }
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut homes: Vec<_> = entries.filter(|path| path.join("projects").is_dir()).collect();
        homes.sort();
        assert!(!homes.is_empty(), "{} holds no home", folder.display());
        Some(Corpus { homes, oracle })
    }

    /// What the oracle prints about one root.
    fn ask(&self, root: &Path) -> Value {
        let mut python = Command::new("python3");
        python.arg(&self.oracle).arg(root).arg("--prices").arg(self.oracle.with_file_name("prices.json"));
        let output = python.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Summary and lists of the program are those of the oracle.
    fn assert_agrees(&self, root: &Path, whose: &str) {
        let wanted = self.ask(root);
        assert_same(&wanted, figures::of_summary(&summary(root)), whose);
        for (list, report, key) in LISTS {
            let found = json_of(report, root);
            let rows = found["rows"].as_array().expect("a report has rows");
            let wanted = figures::of_oracle_rows(&wanted, list, key);
            figures::assert_same(&wanted, &figures::of_rows(rows, key), &format!("{report} of {whose}"));
        }
    }
}

/// The oracle has no calls by project; all else is equal.
fn assert_same(oracle: &Value, mut found: Figures, whose: &str) {
    found.retain(|name, _| !name.ends_with("].calls"));
    figures::assert_same(&figures::of_oracle(oracle), &found, whose);
}

/// Copies a tree; transcripts go through `change`.
fn copy_tree(from: &Path, to: &Path, change: fn(&[u8]) -> Vec<u8>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &target, change);
        } else if entry.file_name().to_string_lossy().contains(".jsonl") {
            std::fs::write(target, change(&std::fs::read(source).unwrap())).unwrap();
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

/// The projects of some homes in one, the name of the home before that of each folder.
fn together(homes: &[PathBuf], change: fn(&[u8]) -> Vec<u8>) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for home in homes {
        let prefix = home.file_name().unwrap().to_string_lossy();
        for entry in std::fs::read_dir(home.join("projects")).unwrap().map(Result::unwrap) {
            let name = format!("{prefix}-{}", entry.file_name().to_string_lossy());
            copy_tree(&entry.path(), &root.path().join("projects").join(name), change);
        }
    }
    root
}

#[test]
fn every_home_of_the_corpus_is_counted_as_by_the_oracle() {
    let Some(corpus) = Corpus::find() else { return };
    for home in &corpus.homes {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(home, copy.path(), files::without_broken_lines);
        corpus.assert_agrees(copy.path(), &home.display().to_string());
    }
}

#[test]
fn all_homes_of_the_corpus_together_are_counted_as_by_the_oracle() {
    let Some(corpus) = Corpus::find() else { return };
    let root = together(&corpus.homes, files::without_broken_lines);
    corpus.assert_agrees(root.path(), "all homes together");
}

#[test]
fn broken_lines_of_the_corpus_cost_nothing_that_the_oracle_finds() {
    let Some(corpus) = Corpus::find() else { return };
    let everything = together(&corpus.homes, <[u8]>::to_vec);
    for root in corpus.homes.iter().map(PathBuf::as_path).chain([everything.path()]) {
        let (wanted, found) = (figures::of_oracle(&corpus.ask(root)), figures::of_summary(&summary(root)));
        figures::assert_not_less(&wanted, &found, &root.display().to_string());
    }
}

/// The reference of this suite stands in for the oracle where there is no corpus.
#[test]
fn reference_counts_the_corpus_as_the_oracle_does() {
    let Some(corpus) = Corpus::find() else { return };
    for home in &corpus.homes {
        assert_same(&corpus.ask(home), crate::reference::wanted(home), &home.display().to_string());
    }
}
