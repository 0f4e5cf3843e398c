//! The layout of the sources: what stands where, and what may use what.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace;

/// All Rust files below a folder, with their text up to the tests.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![workspace(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
            if is_test {
                continue;
            } else if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned()));
            }
        }
    }
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Whether a source says a word outside of comments.
fn says(text: &str, word: &str) -> bool {
    text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(word))
}

/// The sources of the core that say a word.
fn who_says(word: &str) -> Vec<String> {
    let mut names: Vec<_> =
        sources("ccstats-core/src").iter().filter(|(_, text)| says(text, word)).map(|(path, _)| name(path).to_owned()).collect();
    names.sort();
    names
}

#[test]
fn unsafe_stands_where_maps_and_vectors_are() {
    assert_eq!(who_says("unsafe {"), ["pages.rs", "simd.rs", "source.rs"]);
    assert!(sources("ccstats-cli/src").iter().all(|(_, text)| !text.contains("unsafe {")));
}

#[test]
fn every_unsafe_block_says_why_it_holds() {
    for (path, text) in sources("ccstats-core/src") {
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("unsafe {")) {
            let before = &lines[at.saturating_sub(8)..at];
            assert!(before.iter().any(|line| line.contains("// SAFETY:")), "{}:{}: {line}", path.display(), at + 1);
        }
    }
}

#[test]
fn core_neither_prints_nor_asks_the_world() {
    for word in ["println!", "process::exit", "std::env", "SystemTime::now", "Utc::now", "Local::now", "Instant::now"] {
        assert_eq!(who_says(word), [""; 0], "{word}");
    }
}

#[test]
fn parsers_do_no_input() {
    let files = who_says("std::fs");
    let allowed = ["cursor.rs", "discover.rs", "folder.rs", "source.rs", "testing.rs"];
    assert_eq!(files, allowed);
}

/// The stages in the order of the data: each uses itself and lower ones.
const STAGES: [&str; 19] = [
    "simd",
    "lexer",
    "keys",
    "json",
    "entry",
    "lines",
    "discover",
    "source",
    "facts",
    "scan",
    "store",
    "dataset",
    "query",
    "tally",
    "frames",
    "blocks",
    "budget",
    "behaviour",
    "report",
];

#[test]
fn a_stage_uses_lower_stages_only() {
    let core = workspace("ccstats-core/src");
    for (rank, stage) in STAGES.iter().enumerate() {
        let is_part = |path: &Path| path.starts_with(core.join(stage)) || path == core.join(format!("{stage}.rs"));
        let parts: Vec<_> = sources("ccstats-core/src").into_iter().filter(|(path, _)| is_part(path)).collect();
        assert!(!parts.is_empty(), "no stage {stage}");
        for (path, text) in parts {
            let higher = STAGES[rank + 1..].iter().find(|higher| says(&text, &format!("crate::{higher}")));
            assert_eq!(higher, None, "{} uses it", path.display());
        }
    }
}

#[test]
fn no_source_is_too_long_to_read_at_once() {
    for (path, text) in sources("ccstats-core/src").into_iter().chain(sources("ccstats-cli/src")) {
        assert!(text.lines().count() <= 700, "{}: {} lines", path.display(), text.lines().count());
    }
}
