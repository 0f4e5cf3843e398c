//! Which files are transcripts, and what stands on their lines.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::json::{self, Json};

/// How many files, bytes and lines there were, by what became of them.
pub(crate) type Account = BTreeMap<&'static str, i128>;

/// The transcripts below a root in the order of reading, each with its path below `projects/`.
pub(crate) fn transcripts(root: &Path) -> Vec<(PathBuf, String)> {
    let projects = root.join("projects");
    let top = if projects.is_dir() { projects } else { root.to_owned() };
    let mut found = Vec::new();
    walk(&top, &mut found);
    let name = |path: &PathBuf| path.strip_prefix(&top).unwrap().to_string_lossy().replace('\\', "/");
    let mut found: Vec<_> = found.into_iter().map(|path| (name(&path), path)).collect();
    found.sort();
    let mut seen = HashSet::new();
    found.retain(|(_, path)| seen.insert(identity(path)));
    found.into_iter().map(|(name, path)| (path, name)).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(&entry.path(), found);
        } else if kind.is_file() && is_transcript(&entry.file_name().to_string_lossy()) {
            found.push(entry.path());
        }
    }
}

fn is_transcript(name: &str) -> bool {
    (name.ends_with(".jsonl") || name.contains(".jsonl.superseded-")) && name != "journal.jsonl"
}

#[cfg(unix)]
fn identity(path: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    let metadata = path.metadata().unwrap();
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(path: &Path) -> PathBuf {
    path.to_owned()
}

/// What one line turned out to be.
enum Line {
    Blank,
    Parsed(Json),
    Salvaged(Vec<Json>),
    Malformed,
    Unfinished,
}

/// The entries of one transcript with the numbers of their lines.
pub(crate) fn entries(data: &[u8], account: &mut Account) -> Vec<(usize, Json)> {
    *account.entry("bytes").or_default() += data.len() as i128;
    let mut found = Vec::new();
    let pieces: Vec<_> = data.split_inclusive(|byte| *byte == b'\n').collect();
    for (number, piece) in pieces.into_iter().enumerate() {
        let line = read_line(piece);
        *account.entry("lines").or_default() += 1;
        *account.entry(word(&line)).or_default() += 1;
        match line {
            Line::Parsed(value) => found.push((number + 1, value)),
            Line::Salvaged(values) => found.extend(values.into_iter().map(|value| (number + 1, value))),
            Line::Blank | Line::Malformed | Line::Unfinished => {}
        }
    }
    found
}

fn word(line: &Line) -> &'static str {
    match line {
        Line::Blank => "blank",
        Line::Parsed(_) => "parsed",
        Line::Salvaged(_) => "salvaged",
        Line::Malformed => "malformed",
        Line::Unfinished => "unfinished",
    }
}

fn read_line(piece: &[u8]) -> Line {
    let (line, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |line| (line, true));
    if line.iter().all(|byte| b" \t\r".contains(byte)) {
        return Line::Blank;
    }
    match parse_whole(line) {
        Some(value) if is_entry(&value) => Line::Parsed(value),
        Some(_) => Line::Malformed,
        None if !ended => Line::Unfinished,
        None => match salvage(line) {
            values if values.is_empty() => Line::Malformed,
            values => Line::Salvaged(values),
        },
    }
}

fn parse_whole(line: &[u8]) -> Option<Json> {
    json::parse(String::from_utf8_lossy(line).trim_start_matches('\u{feff}'))
}

fn is_entry(value: &Json) -> bool {
    value.at("type").str().is_some()
}

/// Whether each line is JSON, so that a reader which skips and one which checks must agree.
pub(crate) fn is_clean(data: &[u8]) -> bool {
    data.split(|byte| *byte == b'\n').all(|line| line.iter().all(|byte| b" \t\r".contains(byte)) || parse_whole(line).is_some())
}

/// The lines of a transcript without those that are not JSON.
pub(crate) fn without_broken_lines(data: &[u8]) -> Vec<u8> {
    let whole = |line: &&[u8]| parse_whole(line).is_some();
    data.split(|byte| *byte == b'\n').filter(whole).flat_map(|line| [line, b"\n"].concat()).collect()
}

/// The entries that stand whole in a line which is not one JSON value.
fn salvage(line: &[u8]) -> Vec<Json> {
    let bytes: Vec<u8> = line.iter().copied().filter(|byte| *byte != 0).collect();
    let text = String::from_utf8_lossy(&bytes);
    let (mut rest, mut found) = (text.trim(), Vec::new());
    while let Some((value, end)) = json::parse_first(rest) {
        found.push(value);
        rest = rest[end..].trim_start_matches([' ', '\t', '\r']);
    }
    let starts = rest.match_indices("{\"").map(|(at, _)| at).filter(|at| *at > 0);
    found.extend(starts.filter_map(|at| json::parse(&rest[at..])).next());
    found.retain(is_entry);
    found
}
