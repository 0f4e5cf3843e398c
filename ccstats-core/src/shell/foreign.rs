//! Recognises PowerShell and the Windows command interpreter, and splits them coarsely.
//!
//! The Bash tool on Windows runs bash all the same, so only what bash can
//! hardly mean is taken for another language. Their commands are split at
//! separators outside quotes; nothing is nested and nothing expanded.

use super::word::{heredoc_end, heredoc_start};
use super::{At, Command, Dialect, Separator, Word};

/// The verbs that PowerShell approves of and that transcripts show.
const VERBS: &[&str] = &[
    "Add",
    "Clear",
    "Compare",
    "Compress",
    "Convert",
    "ConvertFrom",
    "ConvertTo",
    "Copy",
    "Enter",
    "Expand",
    "Export",
    "ForEach",
    "Format",
    "Get",
    "Group",
    "Import",
    "Install",
    "Invoke",
    "Join",
    "Measure",
    "Move",
    "New",
    "Out",
    "Push",
    "Read",
    "Register",
    "Remove",
    "Rename",
    "Resolve",
    "Restart",
    "Select",
    "Set",
    "Sort",
    "Split",
    "Start",
    "Stop",
    "Tee",
    "Test",
    "Uninstall",
    "Update",
    "Wait",
    "Where",
    "Write",
];

/// Programs that only the Windows command interpreter has.
const BUILTINS: &[&str] =
    &["dir", "copy", "xcopy", "robocopy", "move", "del", "erase", "rd", "ren", "findstr", "where", "tasklist", "taskkill", "attrib"];

/// Variables that Windows sets.
const VARIABLES: &[&str] = &[
    "ALLUSERSPROFILE",
    "APPDATA",
    "CD",
    "COMPUTERNAME",
    "COMSPEC",
    "ERRORLEVEL",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATH",
    "PATHEXT",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
];

/// The language of a command text.
pub(super) fn dialect(text: &str) -> Dialect {
    let start = text.trim_start();
    if has_heredoc(start) {
        // Only bash has these, and what they hold is data, in whatever language.
        Dialect::Posix
    } else if is_powershell(start) {
        Dialect::PowerShell
    } else if is_cmd(start) {
        Dialect::Cmd
    } else {
        Dialect::Posix
    }
}

/// Splits a text of `dialect` at its separators.
pub(super) fn split(text: &str, dialect: Dialect) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut at = At::START;
    let mut rest = text;
    while !rest.is_empty() {
        let end = separator_start(rest, dialect);
        let words = words(&rest[..end]);
        if !words.is_empty() {
            commands.push(Command { words, ..Command::at(at) });
        }
        let (joined, length) = separator(&rest[end..]);
        if !commands.is_empty() {
            at = at.after(joined);
        }
        rest = &rest[end + length..];
    }
    commands
}

/// Whether a line behind `<<WORD` is that word.
fn has_heredoc(text: &str) -> bool {
    /// The first ones tell.
    const MOST_TRIED: usize = 8;
    let bytes = text.as_bytes();
    let is_closed = |at: usize| {
        let mut heredocs = Vec::new();
        let end = heredoc_start(bytes, at, &mut heredocs);
        let body = memchr::memchr(b'\n', &bytes[end..]).map(|newline| end + newline + 1);
        heredocs.first().zip(body).is_some_and(|(heredoc, body)| heredoc_end(bytes, body, heredoc).0 < bytes.len())
    };
    memchr::memmem::find_iter(bytes, b"<<").take(MOST_TRIED).any(is_closed)
}

fn is_powershell(start: &str) -> bool {
    if let Some(rest) = start.strip_prefix('$') {
        let name = rest.trim_start_matches(|character: char| character.is_ascii_alphanumeric() || character == '_' || character == ':');
        return rest.starts_with("env:") || (name.len() < rest.len() && name.starts_with(" ="));
    }
    if start.starts_with('[') && start.contains("]::") {
        return !start.starts_with("[ ");
    }
    let bytes = start.as_bytes();
    let joins = |at: usize| at > 0 && bytes[at - 1].is_ascii_lowercase() && bytes.get(at + 1).is_some_and(u8::is_ascii_uppercase);
    let has_verb = memchr::memchr_iter(b'-', bytes).any(joins);
    has_verb && split(start, Dialect::PowerShell).iter().any(|command| command.words.first().is_some_and(|word| is_cmdlet(&word.text)))
}

/// `Get-ChildItem` and the like.
fn is_cmdlet(name: &str) -> bool {
    name.split_once('-').is_some_and(|(verb, noun)| {
        VERBS.contains(&verb)
            && noun.starts_with(|first: char| first.is_ascii_uppercase())
            && noun.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

fn is_cmd(start: &str) -> bool {
    // The command interpreter takes letters of either case.
    let behind = |prefix: &str| start.split_at_checked(prefix.len()).filter(|(head, _)| head.eq_ignore_ascii_case(prefix));
    let drive = behind("cd /d ").is_some_and(|(_, path)| path.trim_start_matches('"').get(1..2) == Some(":"));
    if drive || ["if exist ", "if not exist ", "@echo off"].into_iter().any(|prefix| behind(prefix).is_some()) {
        return true;
    }
    let mut words = start.lines().next().unwrap_or_default().split_ascii_whitespace();
    let first = words.next().unwrap_or_default();
    let is_switch = |word: &str| {
        let bytes = word.as_bytes();
        bytes.len() >= 2 && bytes[0] == b'/' && bytes[1].is_ascii_alphabetic() && (bytes.len() == 2 || bytes[2] == b':')
    };
    BUILTINS.iter().any(|builtin| builtin.eq_ignore_ascii_case(first)) && words.next().is_some_and(is_switch) || has_percent_variable(start)
}

/// `%PATH%`, not in single quotes. Other names are as often those of a template, or of a pattern.
fn has_percent_variable(text: &str) -> bool {
    let outside = || text.split('\'').step_by(2);
    text.contains('%')
        && outside().any(|part| part.split('%').skip(1).any(|name| VARIABLES.contains(&name)) && part.matches('%').count() > 1)
}

/// Where the next separator outside quotes starts, or the end.
fn separator_start(text: &str, dialect: Dialect) -> usize {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"') => quote = Some(byte),
            (None, b'\'') if dialect == Dialect::PowerShell => quote = Some(byte),
            (None, b'|' | b'\n') => return at,
            (None, b';') if dialect == Dialect::PowerShell => return at,
            // Alone it calls a program in PowerShell; doubled it chains.
            (None, b'&') if dialect == Dialect::Cmd || text[at..].starts_with("&&") => return at,
            _ => {}
        }
    }
    text.len()
}

fn separator(text: &str) -> (Separator, usize) {
    match text.as_bytes() {
        [] => (Separator::Sequence, 0),
        [b'&', b'&', ..] => (Separator::And, 2),
        [b'|', b'|', ..] => (Separator::Or, 2),
        [b'|', ..] => (Separator::Pipe, 1),
        _ => (Separator::Sequence, 1),
    }
}

/// Words between blanks, without their quotes; neither language escapes with a backslash.
fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    let is_literal = |text: &String| !text.contains(['$', '%', '*']);
    words.into_iter().filter(|text| text != "&").map(|text| Word { is_literal: is_literal(&text), text }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_recognised() {
        for text in [
            "Get-ChildItem -Path .",
            "$x = 1; Write-Host $x",
            "$env:PATH",
            "ls | Select-Object Name",
            "[Console]::Out",
            "Remove-Item -Recurse x",
        ] {
            assert_eq!(dialect(text), Dialect::PowerShell, "{text}");
        }
        for text in
            ["dir /b C:\\", "if exist a (echo b)", "del /q x", "echo %PATH%", "cd /d C:\\x", "cd /d \"C:\\abcÜ\\\" & x", "@echo off"]
        {
            assert_eq!(dialect(text), Dialect::Cmd, "{text}");
        }
        for text in [
            "",
            "ls",
            "$HOME/bin/x",
            "powershell -Command \"Get-Content x\"",
            "cd /c",
            "cd /d && ls",
            "git log --format=%H%an",
            "date '+%Y-%m-%d %H:%M:%S'",
            "printf '%s%s' a b",
            "X-Y",
            "git commit -m 'Add Get-Foo'",
            "ssh-keygen -t Ed",
            "[ -f x ]",
            "mkdir /a",
            "find . -name Get-Foo",
            "cat > x.ps1 <<'PS'\nInstall-Module Foo\nPS",
            "psql db <<'SQL'\nSELECT 1 FROM t WHERE a LIKE '%PATH%';\nSQL",
            "psql -c \"SELECT 1 FROM t WHERE a LIKE '%ADMIN%'\" > x",
            "sed -i 's|%PATH%|1.0|g' Dockerfile",
            "echo 50% ; PATH=x ls",
        ] {
            assert_eq!(dialect(text), Dialect::Posix, "{text}");
        }
    }

    #[test]
    fn foreign_text_is_split_outside_quotes() {
        let first = |text, dialect| -> Vec<String> { split(text, dialect).iter().map(|command| command.words[0].text.clone()).collect() };
        assert_eq!(first("Get-X 'a;b' | Out-Y; & z", Dialect::PowerShell), ["Get-X", "Out-Y", "z"]);
        assert_eq!(first("dir /b \"a & b\" & del x && y", Dialect::Cmd), ["dir", "del", "y"]);
    }
}
