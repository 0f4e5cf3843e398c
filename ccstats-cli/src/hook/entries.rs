//! Our entries in the settings of Claude Code: which they are, and what they call.
//!
//! All other entries stay as they are. One of ours that calls the program where it no
//! longer is calls the new place; options that somebody added to it stay.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ccstats_core::Shown;
use serde_json::{Map, Value, json};

use crate::hook::EVENTS;
use crate::output::Failure;

/// The commands that Claude Code calls.
const HOOK: &str = "hook";
const STATUSLINE: &str = "statusline";

/// What is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    Hooks,
    HooksAndStatusline,
}

/// Adds our entries, or lets those that are there call the program.
pub(super) fn add(settings: &mut Map<String, Value>, program: &str, parts: Parts) -> Result<(), String> {
    add_hooks(settings, program)?;
    match parts {
        Parts::Hooks => Ok(()),
        Parts::HooksAndStatusline => add_statusline(settings, program),
    }
}

/// Takes all our entries out.
pub(super) fn remove(settings: &mut Map<String, Value>) {
    remove_hooks(settings);
    if has_statusline(settings) {
        settings.shift_remove("statusLine");
    }
}

/// The programs that our hooks and our status line call, each once.
pub(crate) fn installed(settings: &Map<String, Value>) -> Vec<String> {
    let groups = settings.get("hooks").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let handlers = groups.filter_map(Value::as_array).flatten().filter_map(|group| group.get("hooks")?.as_array()).flatten();
    let hooks = handlers.filter(|hook| is_ours(hook, HOOK));
    let statusline = settings.get("statusLine").filter(|statusline| is_ours(statusline, STATUSLINE));
    let mut programs: Vec<String> = hooks.chain(statusline).filter_map(|entry| Some(Call::of(entry)?.program)).collect();
    programs.sort();
    programs.dedup();
    programs
}

/// Whether the status line is ours.
pub(crate) fn has_statusline(settings: &Map<String, Value>) -> bool {
    settings.get("statusLine").is_some_and(|statusline| is_ours(statusline, STATUSLINE))
}

fn add_hooks(settings: &mut Map<String, Value>, program: &str) -> Result<(), String> {
    let handler = json!({"type": "command", "command": program, "args": [HOOK], "timeout": 5});
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks.as_object_mut().ok_or_else(|| String::from("`hooks`: expected an object"))?;
    for (event, _) in EVENTS {
        let groups = hooks.entry(event).or_insert_with(|| json!([]));
        let groups = groups.as_array_mut().ok_or_else(|| format!("`hooks.{event}`: expected a list"))?;
        let ours = groups.iter_mut().filter_map(|group| group.get_mut("hooks")?.as_array_mut()).flatten().find(|hook| is_ours(hook, HOOK));
        match ours {
            Some(hook) => move_to(hook, program),
            None => groups.push(json!({"hooks": [handler]})),
        }
    }
    Ok(())
}

/// Takes our hooks out, and what holds nothing any more because of that.
fn remove_hooks(settings: &mut Map<String, Value>) {
    let Some(hooks) = settings.get_mut("hooks").and_then(Value::as_object_mut) else { return };
    let before = hooks.len();
    hooks.retain(|_, groups| {
        !groups.as_array_mut().is_some_and(|groups| {
            drains(groups, |group| {
                group.get_mut("hooks").and_then(Value::as_array_mut).is_some_and(|handlers| drains(handlers, |hook| is_ours(hook, HOOK)))
            })
        })
    });
    if hooks.is_empty() && before > 0 {
        settings.shift_remove("hooks");
    }
}

/// Removes what fits, and tells whether that left nothing.
fn drains(list: &mut Vec<Value>, mut fits: impl FnMut(&mut Value) -> bool) -> bool {
    let before = list.len();
    list.retain_mut(|value| !fits(value));
    list.is_empty() && before > 0
}

/// What a hook or a status line calls: a program with arguments, or a line for a shell.
struct Call<'s> {
    program: String,
    /// The command of the program.
    word: &'s str,
    /// In a line for a shell what stands behind the word.
    rest: Option<&'s str>,
}

impl Call<'_> {
    fn of(entry: &Value) -> Option<Call<'_>> {
        let command = entry.get("command")?.as_str()?;
        if let Some(args) = entry.get("args").and_then(Value::as_array) {
            return Some(Call { program: command.into(), word: args.first()?.as_str()?, rest: None });
        }
        let (program, rest) = first_word(command);
        let rest = rest.trim_start();
        let ends_word = |c: char| c.is_whitespace() || ";|&<>".contains(c);
        let (word, rest) = rest.split_at(rest.find(ends_word).unwrap_or(rest.len()));
        Some(Call { program, word, rest: Some(rest) })
    }
}

/// The first word of a line for a shell without its quotes, and what stands behind it. A
/// backslash is part of a path, unless it stands before what would end the word.
fn first_word(line: &str) -> (String, &str) {
    let (line, mut word, mut quote) = (line.trim_start(), String::new(), None);
    for (at, letter) in line.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"' | ' ') if word.ends_with('\\') => {
                word.pop();
                word.push(letter);
            }
            (None, '\'' | '"') => quote = Some(letter),
            (None, _) if letter.is_whitespace() => return (word, &line[at..]),
            _ => word.push(letter),
        }
    }
    (word, "")
}

fn is_ours(entry: &Value, word: &str) -> bool {
    Call::of(entry).is_some_and(|call| call.word == word && is_our_program(&call.program))
}

/// Lets an entry of ours call the program where it is now; its options stay.
fn move_to(entry: &mut Value, program: &str) {
    let Some(call) = Call::of(entry) else { return };
    let command = match call.rest {
        Some(rest) => format!("{} {}{rest}", quoted(program), call.word),
        None => program.into(),
    };
    entry["command"] = json!(command);
}

/// By the usual name, by the one that this program has now, or by a link to it.
fn is_our_program(program: &str) -> bool {
    let this = env::current_exe().and_then(fs::canonicalize).ok();
    let is_named_as_this = this.as_deref().and_then(Path::to_str).is_some_and(|this| name(this) == name(program));
    name(program) == "ccstats" || is_named_as_this || this.is_some() && fs::canonicalize(program).ok() == this
}

/// The name of a program, on whatever system its path is one.
fn name(program: &str) -> &str {
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    name.strip_suffix(".exe").unwrap_or(name)
}

fn add_statusline(settings: &mut Map<String, Value>, program: &str) -> Result<(), String> {
    match settings.get_mut("statusLine") {
        Some(ours) if is_ours(ours, STATUSLINE) => move_to(ours, program),
        Some(other) => {
            let other = other.get("command").unwrap_or(other).to_string();
            return Err(format!("there is another status line, {}: remove it first", Shown::new(&other)));
        }
        None => {
            let command = format!("{} {STATUSLINE}", quoted(program));
            settings.insert("statusLine".into(), json!({"type": "command", "command": command}));
        }
    }
    Ok(())
}

/// A status line runs in a shell, on Windows too, where that is Git Bash.
fn quoted(program: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:+".contains(c);
    if program.chars().all(is_plain) { program.into() } else { format!("'{}'", program.replace('\'', r"'\''")) }
}

/// How the shell of Claude Code finds this program: by name if the search path has it.
pub(super) fn program() -> Result<String, Failure> {
    let program = env::current_exe().map_err(|error| Failure::Cannot(format!("cannot find this program: {error}")))?;
    let is_this = |folder: PathBuf| folder.join(program.file_name().unwrap_or_default()).canonicalize().ok() == program.canonicalize().ok();
    if program.file_stem().is_some_and(|name| name == "ccstats")
        && env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(is_this))
    {
        return Ok("ccstats".into());
    }
    match program.to_str() {
        Some(path) => Ok(path.replace('\\', "/")),
        None => Err(Failure::Cannot(format!("cannot name `{}` in JSON: its path is no Unicode", Shown::path(&program)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_what_a_shell_would_run() {
        for (line, program) in [
            ("ccstats hook", "ccstats"),
            ("  '/it'\\''s here/ccstats' hook", "/it's here/ccstats"),
            (r#""/my path/ccstats" hook"#, "/my path/ccstats"),
            (r#""$HOME"/bin/ccstats hook"#, "$HOME/bin/ccstats"),
            (r"/my\ path/ccstats hook", "/my path/ccstats"),
            (r"C:\bin\ccstats.exe hook", r"C:\bin\ccstats.exe"),
        ] {
            assert_eq!(first_word(line), (program.into(), " hook"), "{line}");
            assert_eq!(first_word(&format!("{} hook", quoted(program))).0, program);
        }
        assert_eq!(first_word("'open hook"), ("open hook".into(), ""));
    }

    #[test]
    fn options_and_pipes_of_an_entry_stay_when_its_program_moves() {
        for (command, moved) in [
            ("/old/ccstats statusline --tz UTC", "'/my new/ccstats' statusline --tz UTC"),
            ("'/old/ccstats'  statusline|cat", "'/my new/ccstats' statusline|cat"),
        ] {
            let mut entry = json!({"command": command});
            assert!(is_ours(&entry, STATUSLINE) && !is_ours(&entry, HOOK));
            move_to(&mut entry, "/my new/ccstats");
            assert_eq!(entry, json!({"command": moved}));
        }
        for other in ["ccstats", "ccstats statuslines", "ccstats-of-others statusline", "mine.sh ccstats statusline"] {
            assert!(!is_ours(&json!({"command": other}), STATUSLINE), "{other}");
        }
    }
}
