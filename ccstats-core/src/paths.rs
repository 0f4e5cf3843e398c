//! One name for each file, however a call spells its path.
//!
//! Only text is looked at: transcripts come from other machines, so links are
//! not followed, and names differ where their letters do.

use std::borrow::Cow;

/// The path without `.`, `..` and doubled separators, told from `folder` where
/// it is not absolute. Windows paths have backslashes and a capital drive.
pub(crate) fn canonical<'p>(folder: &str, path: &'p str) -> Cow<'p, str> {
    if is_plain(path) {
        return Cow::Borrowed(path);
    }
    let absolute = if is_absolute(path) { path.to_owned() } else { format!("{folder}/{path}") };
    if let Some(drive) = drive(&absolute, folder) {
        return format!("{drive}:{}", resolved(&absolute[2..], '\\')).into();
    }
    if absolute.starts_with(r"\\") {
        return format!(r"\{}", resolved(&absolute, '\\')).into();
    }
    match absolute.strip_prefix('~') {
        Some(rest) => format!("~{}", resolved(rest, '/')).into(),
        None if absolute.starts_with('/') => resolved(&absolute, '/').into(),
        // The folder is a name, not a path: it stays in front.
        None => resolved(&absolute, '/').trim_start_matches('/').to_owned().into(),
    }
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    let separator = path.bytes().rposition(|byte| matches!(byte, b'/' | b'\\'));
    separator.map_or(path, |separator| &path[separator + 1..])
}

/// Whether `folder` is above `path`; both canonical.
pub(crate) fn is_above(folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches(['/', '\\']);
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with(['/', '\\']))
}

/// All folders above a canonical path, the lowest first.
pub(crate) fn folders_above(path: &str) -> impl Iterator<Item = &str> {
    path.rmatch_indices(['/', '\\']).map(|(at, _)| &path[..at]).filter(|folder| is_above(folder, path))
}

/// The way of a relative path from the folder it is told from: steps up, and from there
/// down. `None` for an absolute one.
pub(crate) fn way(folder: &str, path: &str) -> Option<(usize, String)> {
    if is_absolute(path) {
        return None;
    }
    let (mut ups, mut down) = (0, Vec::new());
    for part in parts(path, is_windows(folder)) {
        if part != ".." {
            down.push(part);
        } else if down.pop().is_none() {
            ups += 1;
        }
    }
    Some((ups, down.join("/")))
}

/// Every way from a folder to those above a file, a canonical path: steps up, and from
/// there down.
pub(crate) fn ways_above(folder: &str, file: &str, mut each: impl FnMut(usize, &str)) {
    let folder = canonical(folder, ".");
    let is_windows = is_windows(&folder);
    let steps = parts(&folder, is_windows).count();
    let down: Vec<&str> = parts(file, is_windows).collect();
    let shared = parts(&folder, is_windows).zip(&down).take_while(|(a, b)| a == *b).count();
    let mut way = String::with_capacity(file.len());
    for start in 0..=shared {
        way.clear();
        for part in &down[start..] {
            each(steps - start, &way);
            way.push_str(if way.is_empty() { "" } else { "/" });
            way.push_str(part);
        }
    }
}

/// Whether a path is another one when it is told from a folder on Windows.
pub(crate) fn differs_on_windows(path: &str) -> bool {
    path.contains('\\') || msys_drive(path).is_some()
}

fn is_windows(folder: &str) -> bool {
    letter_drive(folder).is_some() || folder.starts_with(r"\\")
}

fn parts(path: &str, is_windows: bool) -> impl Iterator<Item = &str> {
    path.split(move |letter| letter == '/' || is_windows && letter == '\\').filter(|part| !matches!(*part, "" | "."))
}

/// Whether an absolute path is canonical as it stands; most are.
fn is_plain(path: &str) -> bool {
    path.starts_with('/') && !path.ends_with('/') && !path.contains("/.") && !path.contains("//") && msys_drive(path).is_none()
}

fn is_absolute(path: &str) -> bool {
    path.starts_with(['/', '\\', '~']) || letter_drive(path).is_some()
}

/// The drive of a path: `C:\x`, or `/c/x` as a shell on Windows writes it.
fn drive(path: &str, folder: &str) -> Option<char> {
    let drive = letter_drive(path).or_else(|| msys_drive(path).filter(|_| letter_drive(folder).is_some()))?;
    Some(drive.to_ascii_uppercase())
}

fn letter_drive(path: &str) -> Option<char> {
    match path.as_bytes() {
        [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic() => Some(char::from(*letter)),
        _ => None,
    }
}

fn msys_drive(path: &str) -> Option<char> {
    match path.as_bytes() {
        [b'/', letter, b'/', ..] if letter.is_ascii_alphabetic() => Some(char::from(*letter)),
        _ => None,
    }
}

/// The parts of a path behind their separators; `..` above the root is the root.
fn resolved(path: &str, separator: char) -> String {
    let is_windows = separator == '\\';
    let mut resolved = String::with_capacity(path.len() + 1);
    for part in parts(path, is_windows) {
        if part == ".." {
            resolved.truncate(resolved.rfind(separator).unwrap_or_default());
        } else {
            resolved.push(separator);
            resolved.push_str(part);
        }
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_path_gives_one_name() {
        let table = [
            ("/w", "/w/a.rs", "/w/a.rs"),
            ("/w", "a.rs", "/w/a.rs"),
            ("/w", "./x/../a.rs", "/w/a.rs"),
            ("/w/x", "../a.rs", "/w/a.rs"),
            ("/w", "/w//x/./../a.rs", "/w/a.rs"),
            ("/w", "../../../a.rs", "/a.rs"),
            ("/w", "/w/.env", "/w/.env"),
            ("/w", "~/x/../a.rs", "~/a.rs"),
            ("/w", "/c/a.rs", "/c/a.rs"),
            ("C:\\w", "c:/w/a.rs", "C:\\w\\a.rs"),
            ("C:\\w", "x\\..\\a.rs", "C:\\w\\a.rs"),
            ("C:\\w", "x/a.rs", "C:\\w\\x\\a.rs"),
            ("C:\\w", "/c/w/a.rs", "C:\\w\\a.rs"),
            ("C:\\w", "\\\\host\\share\\.\\a.rs", "\\\\host\\share\\a.rs"),
            ("-work-demo", "./a.rs", "-work-demo/a.rs"),
            ("-work-demo", "..", ""),
            ("/w", "a\\ b.rs", "/w/a\\ b.rs"),
        ];
        for (folder, path, expected) in table {
            assert_eq!(canonical(folder, path), expected, "{path} in {folder}");
        }
    }

    #[test]
    fn a_folder_is_above_what_lies_in_it_and_not_above_its_namesakes() {
        assert!(is_above("/w", "/w/a.rs") && is_above("/w/", "/w/x/a.rs") && is_above("C:\\w", "C:\\w\\a.rs"));
        assert!(!is_above("/w", "/work/a.rs") && !is_above("/w/a.rs", "/w/a.rs"));
    }
}
