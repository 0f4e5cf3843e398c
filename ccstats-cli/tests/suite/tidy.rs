//! The layout of the sources: what stands where, and who may use whom.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::workspace;

/// All files below a folder whose names end so.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![workspace(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == ending) {
                files.push(path);
            }
        }
    }
    files
}

/// All Rust files below a folder but tests, with their text up to the tests.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let top = workspace(folder);
    let is_test = |path: &PathBuf| path.strip_prefix(&top).unwrap().iter().any(|part| part == "tests" || part == "tests.rs");
    let code = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned())
    };
    files(folder, "rs").into_iter().filter(|path| !is_test(path)).map(code).collect()
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

#[test]
fn polars_is_named_where_frames_are_made() {
    assert_eq!(who_says("polars::"), ["frames.rs", "grouped.rs"]);
    assert!(sources("ccstats-cli/src").iter().all(|(_, text)| !says(text, "polars::")));
}

/// Whether a source names a module of its crate.
fn uses(text: &str, module: &str) -> bool {
    let path = format!("crate::{module}");
    let is_longer = |rest: &str| rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split(&path).skip(1)).any(|rest| !is_longer(rest))
}

/// The modules of the core as ARCHITECTURE.md ranks them: each uses those before it. Those
/// in parentheses use each other, and share a rank.
fn ranks() -> Vec<Vec<String>> {
    let text = fs::read_to_string(workspace("ARCHITECTURE.md")).unwrap();
    let (_, list) = text.split_once("## Who may use whom").unwrap();
    let list = list.split("```").nth(1).unwrap().strip_prefix("text").unwrap();
    let (mut ranks, mut is_shared) = (Vec::<Vec<String>>::new(), false);
    for word in list.split_whitespace() {
        let module = word.trim_matches(['(', ')']).to_owned();
        match ranks.last_mut() {
            Some(rank) if is_shared => rank.push(module),
            _ => ranks.push(vec![module]),
        }
        is_shared = (is_shared || word.starts_with('(')) && !word.ends_with(')');
    }
    ranks
}

#[test]
fn every_module_of_the_core_has_a_rank() {
    let entries = fs::read_dir(workspace("ccstats-core/src")).unwrap().map(|entry| entry.unwrap().path());
    let modules: BTreeSet<_> = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let ranked: Vec<_> = ranks().into_iter().flatten().collect();
    let unranked = ["lib", "testing"].map(String::from);
    assert_eq!(ranked.iter().cloned().chain(unranked).collect::<BTreeSet<_>>(), modules);
    assert_eq!(ranked.len() + 2, modules.len(), "each stands there once");
}

#[test]
fn a_module_uses_lower_ones_only() {
    let core = workspace("ccstats-core/src");
    let (sources, ranks) = (sources("ccstats-core/src"), ranks());
    for (rank, module) in ranks.iter().enumerate().flat_map(|(rank, modules)| modules.iter().map(move |module| (rank, module))) {
        let is_part = |path: &Path| path.starts_with(core.join(module)) || path == core.join(format!("{module}.rs"));
        for (path, text) in sources.iter().filter(|(path, _)| is_part(path)) {
            let higher = ranks[rank + 1..].iter().flatten().find(|higher| uses(text, higher));
            assert_eq!(higher, None, "{} uses it", path.display());
        }
    }
}

#[test]
fn every_source_of_the_program_is_in_the_map() {
    let map = fs::read_to_string(workspace("ARCHITECTURE.md")).unwrap();
    let top = workspace("ccstats-cli/src");
    for (path, _) in sources("ccstats-cli/src") {
        let place = path.strip_prefix(&top).unwrap().to_str().unwrap().replace('\\', "/");
        assert!(map.contains(&format!("`{place}`")), "{place} is not in ARCHITECTURE.md");
    }
}

/// Names of documents in the prose of a text: in documents outside of examples, in sources
/// in comments.
fn documents_named_in<'t>(path: &Path, text: &'t str) -> Vec<&'t str> {
    let is_document = path.extension().is_some_and(|extension| extension == "md");
    let mut is_example = false;
    let prose = text.lines().filter(|line| {
        is_example ^= line.trim_start_matches(['/', '!', ' ']).starts_with("```");
        !is_example && (is_document || line.trim_start().starts_with("//"))
    });
    let is_part = |letter: char| letter.is_alphanumeric() || "./_-".contains(letter);
    let words = prose.flat_map(move |line| line.split(move |letter| !is_part(letter)));
    words.map(|word| word.trim_end_matches('.')).filter(|word| word.ends_with(".md")).collect()
}

#[test]
fn documents_that_are_named_exist() {
    let mut files: Vec<_> = ["ccstats-core", "ccstats-cli", "benches"].into_iter().flat_map(|folder| files(folder, "rs")).collect();
    files.extend(["docs", "contrib"].into_iter().flat_map(|folder| self::files(folder, "md")));
    files.extend(["README", "LIMITS", "CHANGELOG", "ARCHITECTURE", "CONTRIBUTING"].map(|name| workspace(&format!("{name}.md"))));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for named in documents_named_in(&path, &text) {
            let places = [workspace(named), path.parent().unwrap().join(named)];
            assert!(places.iter().any(|place| place.is_file()), "{} names {named}", path.display());
        }
    }
}

#[test]
fn no_source_is_too_long_to_read_at_once() {
    for (path, text) in sources("ccstats-core/src").into_iter().chain(sources("ccstats-cli/src")) {
        assert!(text.lines().count() <= 700, "{}: {} lines", path.display(), text.lines().count());
    }
}
