//! What became of a tool call.
//!
//! Versions of Claude Code tell it in different ways: a field, a phrase at the
//! start of the result, or the exit code in its first line (`docs/format.md` 10.4).
//! [`Verdict`] is what the result alone tells; [`Verdict::outcome`] adds the
//! call. The rules are those of `docs/counting.md` 4, in its order.

use std::borrow::Cow;

use anstream::adapter::strip_str;

use crate::entry::{ToolResult, ToolUseResult};
use crate::json::Text;

/// What became of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It worked.
    Ok,
    /// A command that ran and failed.
    Failed,
    /// A tool that refused its input or reported an error.
    ToolError,
    /// The user, a rule or a hook did not let it run.
    Denied,
    /// A call beside it failed first; it never ran.
    Cancelled,
    /// The user stopped it.
    Interrupted,
    /// It goes on in the background; its end is not known.
    Background,
    /// An exit code that means "nothing found", not failure.
    SoftNonzero,
    /// No result in any transcript.
    NoResult,
}

impl Outcome {
    /// Whether the call did nothing: it was not let run, or called off before it could.
    pub(crate) fn never_ran(self) -> bool {
        matches!(self, Outcome::Denied | Outcome::Cancelled)
    }

    /// Every outcome, in the order of reports.
    pub const ALL: [Outcome; 9] = [
        Outcome::Ok,
        Outcome::Failed,
        Outcome::ToolError,
        Outcome::Denied,
        Outcome::Cancelled,
        Outcome::Interrupted,
        Outcome::Background,
        Outcome::SoftNonzero,
        Outcome::NoResult,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Failed => "failed",
            Outcome::ToolError => "tool_error",
            Outcome::Denied => "denied",
            Outcome::Cancelled => "cancelled",
            Outcome::Interrupted => "interrupted",
            Outcome::Background => "background",
            Outcome::SoftNonzero => "soft_nonzero",
            Outcome::NoResult => "no_result",
        }
    }
}

/// Who did not let a call run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeniedBy {
    /// The person at the terminal.
    User,
    /// A permission that is missing or refused.
    Rule,
    /// A hook.
    Hook,
    /// The classifier of the automatic mode.
    Classifier,
}

impl DeniedBy {
    /// Everyone, in the order of reports.
    pub const ALL: [DeniedBy; 4] = [DeniedBy::User, DeniedBy::Rule, DeniedBy::Hook, DeniedBy::Classifier];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            DeniedBy::User => "user",
            DeniedBy::Rule => "rule",
            DeniedBy::Hook => "hook",
            DeniedBy::Classifier => "classifier",
        }
    }

    /// Who refused, for a result whose verdict is `denied`.
    pub(crate) fn of(result: &ToolResult, structured: &ToolUseResult, denial: Text) -> DeniedBy {
        match &*denial.decode() {
            b"user-rejected" => DeniedBy::User,
            b"" => denied_by(plain(&result.body.decode()), structured).unwrap_or(DeniedBy::Rule),
            kind if kind.starts_with(b"automode") => DeniedBy::Classifier,
            _ => DeniedBy::Rule,
        }
    }
}

/// What the result of a call tells without the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Whatever the call was.
    Known(Outcome),
    /// An error after the tool ran. `silent`: exit code 1, or an old version
    /// without codes, and nothing else to say.
    Error { silent: bool },
}

impl Default for Verdict {
    fn default() -> Verdict {
        Verdict::Known(Outcome::Ok)
    }
}

impl Verdict {
    /// Reads the result of a call.
    pub(crate) fn of(result: &ToolResult, structured: &ToolUseResult, denial: Text) -> Verdict {
        Verdict::Known(match &*denial.decode() {
            b"" => return Verdict::without_denial(result, structured),
            b"interrupted" => Outcome::Interrupted,
            b"cancelled" => Outcome::Cancelled,
            _ => Outcome::Denied,
        })
    }

    /// Whether the call was not let run.
    pub(crate) fn is_denied(self) -> bool {
        self == Verdict::Known(Outcome::Denied)
    }

    fn without_denial(result: &ToolResult, structured: &ToolUseResult) -> Verdict {
        if result.is_error {
            return error_verdict(result, structured);
        }
        if may_start_odd(result) && starts_with_any(plain(&result.body.head()), INTERRUPTED) {
            return Verdict::Known(Outcome::Interrupted);
        }
        Verdict::Known(match structured {
            ToolUseResult::Fields(fields) if !fields.background_task_id.is_empty() => Outcome::Background,
            ToolUseResult::Fields(fields) if !fields.return_code_interpretation.is_empty() => Outcome::SoftNonzero,
            _ => Outcome::Ok,
        })
    }

    /// The outcome, now that the tool is known. `is_soft` tells whether exit code 1 of its
    /// command means "nothing found"; it is asked only where that matters.
    pub(crate) fn outcome(self, tool: &[u8], is_soft: impl FnOnce() -> bool) -> Outcome {
        match self {
            Verdict::Known(outcome) => outcome,
            Verdict::Error { .. } if tool != b"Bash" => Outcome::ToolError,
            Verdict::Error { silent } if silent && is_soft() => Outcome::SoftNonzero,
            Verdict::Error { .. } => Outcome::Failed,
        }
    }
}

const TAG: &[u8] = b"<tool_use_error>";

const CANCELLED: &[&[u8]] = &[b"Sibling tool call errored", b"Cancelled: parallel tool call"];

const INTERRUPTED: &[&[u8]] = &[b"[Request interrupted", b"Interrupted by user"];

const DENIED: &[(&[u8], DeniedBy)] = &[
    (b"The user doesn't want to proceed with this tool use", DeniedBy::User),
    (b"The user doesn't want to take this action", DeniedBy::User),
    (b"This command requires approval", DeniedBy::Rule),
    (b"Claude requested permissions to", DeniedBy::Rule),
    (b"Permission to use", DeniedBy::Rule),
    (b"Tool permission request failed", DeniedBy::Rule),
    (b"Permission for this", DeniedBy::Rule),
    (b"This Bash command contains multiple operations. The following part", DeniedBy::Rule),
];

/// Whether a result without an error could still start like an interruption:
/// with one of its letters, behind a tag, or behind escaped white space.
fn may_start_odd(result: &ToolResult) -> bool {
    matches!(result.body.first_byte(), Some(b'[' | b'I' | b'<' | b'E' | b'\\' | 0x80..))
}

fn error_verdict(result: &ToolResult, structured: &ToolUseResult) -> Verdict {
    let text = result.body.decode();
    let body = trim_start(&text);
    let plain = plain(&text);
    Verdict::Known(if starts_with_any(plain, CANCELLED) {
        Outcome::Cancelled
    } else if denied_by(plain, structured).is_some() {
        Outcome::Denied
    } else if starts_with_any(plain, INTERRUPTED) {
        Outcome::Interrupted
    } else if body.starts_with(TAG) || is_blocked(plain) {
        Outcome::ToolError
    } else {
        return Verdict::Error { silent: is_silent(body) };
    })
}

fn denied_by(plain: &[u8], structured: &ToolUseResult) -> Option<DeniedBy> {
    if let Some((_, by)) = DENIED.iter().find(|(phrase, _)| plain.starts_with(phrase)) {
        Some(*by)
    } else if matches!(structured, ToolUseResult::Text(text) if text.is(b"User rejected tool use")) {
        Some(DeniedBy::User)
    } else {
        is_hook_denial(plain).then_some(DeniedBy::Hook)
    }
}

/// The text without the tag and the word that versions put before it.
fn plain(text: &[u8]) -> &[u8] {
    let body = trim_start(text);
    let body = body.strip_prefix(TAG).unwrap_or(body);
    body.strip_prefix(b"Error: ").unwrap_or(body)
}

/// `PreToolUse:Bash hook error`, `Hook PreToolUse:Bash denied this tool`, …
fn is_hook_denial(plain: &[u8]) -> bool {
    if plain.starts_with(b"Hook PreToolUse:") {
        return true;
    }
    let Some(rest) = plain.strip_prefix(b"PreToolUse:") else { return false };
    let name = rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    name > 0 && starts_with_any(&rest[name..], &[b" hook error", b" denied"])
}

/// Later versions tag this as a tool error; before, only its words tell.
fn is_blocked(plain: &[u8]) -> bool {
    let line = plain.split(|byte| *byte == b'\n').next().unwrap_or_default();
    memchr::memmem::find(line, b" was blocked. For security, Claude Code may only ").is_some()
}

/// Whether an error says nothing but exit code 1; before 2.0.60 nothing at all,
/// or the bare word `Error`.
fn is_silent(body: &[u8]) -> bool {
    match exit_code(body) {
        Some((code, rest)) => code == b"1" && trim_start(rest).is_empty(),
        None => matches!(String::from_utf8_lossy(body).trim(), "" | "Error"),
    }
}

/// The code in a first line such as `Exit code 1`, and what follows it.
pub(crate) fn exit_code(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = body.strip_prefix(b"Error: ").unwrap_or(body).strip_prefix(b"Exit code ")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (digits > 0).then(|| rest.split_at(digits))
}

/// What the text of an error says beyond its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ErrorText {
    pub(crate) exit_code: Option<u32>,
    /// The line that says what went wrong, see [`telling_line`]; cut short.
    pub(crate) error_line: String,
    pub(crate) edit_error: Option<EditError>,
    /// The shell says that it could not go to a folder: what follows `cd … &&` did not run.
    pub(crate) is_of_cd: bool,
}

/// Why an edit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditError {
    /// The file had not been read.
    NotRead,
    /// The file had changed since it was read.
    Changed,
    /// The text to replace is not in the file.
    NotFound,
    /// The text to replace stands there several times.
    NotUnique,
}

impl EditError {
    /// Its name in frames.
    #[cfg(feature = "frames")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            EditError::NotRead => "not_read",
            EditError::Changed => "changed",
            EditError::NotFound => "not_found",
            EditError::NotUnique => "not_unique",
        }
    }
}

impl ErrorText {
    pub(crate) fn of(text: &[u8]) -> ErrorText {
        const LONGEST_LINE: usize = 200;
        let text = trim_start(text);
        let (code, said) = exit_code(text).unwrap_or((b"", text));
        let said = String::from_utf8_lossy(said);
        let shown = without_styles(said.split("<system-reminder>").next().unwrap_or_default());
        // Before 2.0.60 a command that fails and says nothing leaves the bare word.
        let line = telling_line(&shown).filter(|_| shown.trim() != "Error").unwrap_or_default();
        ErrorText {
            exit_code: std::str::from_utf8(code).ok().and_then(|code| code.parse().ok()),
            error_line: line.chars().take(LONGEST_LINE).collect(),
            edit_error: edit_error(&said),
            is_of_cd: is_of_cd(line),
        }
    }
}

/// `bash: cd: x: No such file or directory`, `(eval):cd:1: no such file or directory: x`
fn is_of_cd(line: &str) -> bool {
    line.split(':').any(|part| part.trim() == "cd")
}

/// The last line that is not blank. Compilers end with a drawing of the place, or with a hint:
/// of these the last line that names an error.
fn telling_line(text: &str) -> Option<&str> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let last = lines.next_back()?;
    let is_drawing = last.starts_with('|') || last.bytes().all(|byte| b"^~ ".contains(&byte));
    if !is_drawing && !last.starts_with("For more information about this error") {
        return Some(last);
    }
    let names_error = |line: &&str| (line.contains("error:") || line.contains("error[")) && !line.starts_with("error: aborting");
    lines.rfind(names_error).or(Some(last))
}

fn without_styles(text: &str) -> Cow<'_, str> {
    if text.contains('\u{1b}') { strip_str(text).to_string().into() } else { text.into() }
}

fn edit_error(text: &str) -> Option<EditError> {
    const PHRASES: [(&str, EditError); 5] = [
        ("File has not been read yet", EditError::NotRead),
        ("File has been modified since read", EditError::Changed),
        ("File has been unexpectedly modified", EditError::Changed),
        ("String to replace not found", EditError::NotFound),
        ("matches of the string to replace", EditError::NotUnique),
    ];
    let head = text.lines().next().unwrap_or_default();
    PHRASES.iter().find(|(phrase, _)| head.contains(phrase)).map(|(_, error)| *error)
}

fn starts_with_any(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| text.starts_with(word))
}

/// The text without white space before it, as Unicode knows white space.
pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    const LONGEST_CHAR: usize = 4;
    // Char by char: to check all of a long text as UTF-8 would cost more than to read its line.
    loop {
        let head = &text[..text.len().min(LONGEST_CHAR)];
        let first = head.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        match first.filter(|first| first.is_whitespace()) {
            Some(blank) => text = &text[blank.len_utf8()..],
            None => return text,
        }
    }
}
