//! What became of a call, and whether a text was typed (docs/counting.md 4 and 5).

use super::json::Json;
use super::scan::{Answer, Call};

const DENIED: [&str; 8] = [
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "This command requires approval",
    "Claude requested permissions to",
    "Permission to use",
    "Tool permission request failed",
    "Permission for this",
    "This Bash command contains multiple operations. The following part",
];
const CANCELLED: [&str; 2] = ["Sibling tool call errored", "Cancelled: parallel tool call"];
const INTERRUPTED: [&str; 2] = ["[Request interrupted", "Interrupted by user"];
const BLOCKED: &str = " was blocked. For security, Claude Code may only ";
const NOT_TYPED: [&str; 9] = [
    "<command-",
    "<local-command",
    "<task-notification",
    "<bash-",
    "<teammate-message",
    "<system-reminder",
    "Caveat: The messages below",
    "[Request interrupted",
    "This session is being continued from a previous conversation",
];
const SOFT: [&str; 8] = ["grep", "egrep", "fgrep", "rg", "find", "diff", "test", "["];
const WRAPPERS: [&str; 5] = ["sudo", "env", "time", "nice", "nohup"];

fn starts_with_any(text: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| text.starts_with(start))
}

/// The text of a content, which is a string or a list of blocks.
pub(crate) fn body_text(content: &Json) -> String {
    let blocks = content.list().iter().filter_map(|block| block.at("text").str());
    content.str().map_or_else(|| blocks.collect(), str::to_owned)
}

/// Whether a `user` line without results was typed by a person.
pub(crate) fn is_prompt(entry: &Json, message: &Json) -> bool {
    let flags = ["isMeta", "isSidechain", "isCompactSummary", "isVisibleInTranscriptOnly"];
    let is_human = |value: Option<&Json>| value.is_none_or(|value| value.str() == Some("human"));
    let content = message.at("content");
    !flags.iter().any(|flag| entry.at(flag).is_true())
        && is_human(entry.at("origin").get("kind"))
        && is_human(entry.get("turnOrigin"))
        && (content.text().is_some() || !content.list().is_empty())
        && !starts_with_any(body_text(content).trim_start(), &NOT_TYPED)
}

/// What became of one call, in the words of the `tools` report.
pub(crate) fn outcome(call: &Call, result: Option<&Answer>) -> &'static str {
    let Some(result) = result else {
        return "no_result";
    };
    let body = result.body.trim_start();
    let plain = body.strip_prefix("<tool_use_error>").unwrap_or(body);
    let plain = plain.strip_prefix("Error: ").unwrap_or(plain);
    match result.denial.as_deref() {
        Some("interrupted") => "interrupted",
        Some("cancelled") => "cancelled",
        Some(_) => "denied",
        None if result.is_error && starts_with_any(plain, &CANCELLED) => "cancelled",
        None if result.is_error && is_denial(plain, &result.structured) => "denied",
        None if starts_with_any(plain, &INTERRUPTED) => "interrupted",
        None if !result.is_error => success(&result.structured),
        None => failure(call, body, plain),
    }
}

fn is_denial(plain: &str, structured: &Json) -> bool {
    starts_with_any(plain, &DENIED) || structured.str() == Some("User rejected tool use") || is_hook_denial(plain)
}

/// `PreToolUse:Bash hook error…`, `PreToolUse:Bash denied…`, `Hook PreToolUse:…`.
fn is_hook_denial(plain: &str) -> bool {
    let Some(rest) = plain.strip_prefix("PreToolUse:") else {
        return plain.starts_with("Hook PreToolUse:");
    };
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    end > 0 && starts_with_any(&rest[end..], &[" hook error", " denied"])
}

fn success(structured: &Json) -> &'static str {
    if structured.at("backgroundTaskId").text().is_some() {
        "background"
    } else if structured.at("returnCodeInterpretation").text().is_some() {
        "soft_nonzero"
    } else {
        "ok"
    }
}

fn failure(call: &Call, body: &str, plain: &str) -> &'static str {
    let first_line = plain.split('\n').next().unwrap_or("");
    if call.tool != "Bash" || body.starts_with("<tool_use_error>") || first_line.contains(BLOCKED) {
        return "tool_error";
    }
    let is_silent = match exit_code(body) {
        Some((code, rest)) => code == "1" && rest.trim().is_empty(),
        None => matches!(body.trim(), "" | "Error"),
    };
    let command = call.input.at("command").str().unwrap_or("");
    if is_silent && may_say_nothing_found(command) { "soft_nonzero" } else { "failed" }
}

/// The digits of `Exit code 1`, and what follows them.
fn exit_code(body: &str) -> Option<(&str, &str)> {
    let rest = body.strip_prefix("Error: ").unwrap_or(body).strip_prefix("Exit code ")?;
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    (len > 0).then(|| rest.split_at(len))
}

/// Whether exit 1 of the command can be that of a program which found nothing.
fn may_say_nothing_found(command: &str) -> bool {
    let (mut ends, mut last) = (Vec::new(), "");
    for piece in pieces(command) {
        match piece {
            "&&" => ends.push(last),
            ";" | "\n" | "&" | "||" => ends.clear(),
            "|" | "|&" => {}
            program if !program.trim().is_empty() => last = program,
            _ => {}
        }
    }
    ends.push(last);
    ends.into_iter().any(is_soft)
}

/// Programs and separators of a command in turn.
fn pieces(command: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), command);
    while let Some(first) = rest.chars().next() {
        let program = program_len(rest);
        let len = if program > 0 { program } else { separator_len(rest) };
        if len > 0 {
            found.push(&rest[..len]);
        }
        // A quote that is never closed is neither, and is passed over.
        rest = &rest[if len > 0 { len } else { first.len_utf8() }..];
    }
    found
}

fn program_len(text: &str) -> usize {
    let mut len = 0;
    while let Some(more) = word_len(&text[len..]) {
        len += more;
    }
    len
}

/// Bytes of one quoted string, escape, redirection or plain character.
fn word_len(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '\'' => text[1..].find('\'').map(|end| end + 2),
        '"' => double_quoted_len(text),
        '\\' => text[1..].chars().next().map(|next| 1 + next.len_utf8()),
        _ if starts_with_any(text, &[">&", "&>"]) => Some(2),
        '|' | '&' | ';' | '\n' => None,
        _ => Some(first.len_utf8()),
    }
}

fn double_quoted_len(text: &str) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some(at + 1),
            '\\' => drop(chars.next()?),
            _ => {}
        }
    }
    None
}

fn separator_len(text: &str) -> usize {
    if starts_with_any(text, &["&&", "||", "|&"]) { 2 } else { usize::from(text.starts_with(['|', '&', ';', '\n'])) }
}

/// Whether a program, behind assignments and wrappers, is one whose exit 1 means "nothing".
fn is_soft(program: &str) -> bool {
    let words: Vec<_> = program.split_whitespace().collect();
    let mut words = words.as_slice();
    while let [word, rest @ ..] = words {
        let name = word.rsplit('/').next().unwrap_or(word);
        if SOFT.contains(&name) {
            return true;
        }
        words = match (*word, rest) {
            ("timeout", [_, rest @ ..]) => rest,
            _ if WRAPPERS.contains(word) || is_assignment(word) => rest,
            _ => return false,
        };
    }
    false
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name))
}

/// Lines added and removed by one successful edit.
pub(crate) fn lines_changed(call: &Call, result: &Answer) -> (i128, i128) {
    let structured = &result.structured;
    let hunks = structured.at("structuredPatch").list().iter();
    let lines: Vec<_> = hunks.flat_map(|hunk| hunk.at("lines").list()).filter_map(Json::str).collect();
    let starting = |sign| lines.iter().filter(|line| line.starts_with(sign)).count() as i128;
    let created = structured.at("content").str();
    match created.filter(|_| call.tool == "Write" && structured.at("type").str() == Some("create")) {
        Some(content) => (content.split_inclusive('\n').count() as i128, starting('-')),
        None => (starting('+'), starting('-')),
    }
}
