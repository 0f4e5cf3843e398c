//! Our entries in the settings of Claude Code: which they are, and what they call.
//!
//! All other entries stay as they are. One of ours that calls the program where it no
//! longer is calls the new place; options that somebody added to it stay. So does an entry
//! that calls something else too: it is ours to move, but not to remove.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ccstats_core::Shown;
use serde_json::{Map, Value, json};

use crate::hook::EVENTS;
use crate::output::CliError;

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

/// Takes our entries out. Gives the commands of those that stay, since they call more.
pub(super) fn remove(settings: &mut Map<String, Value>) -> Vec<String> {
    remove_hooks(settings);
    if settings.get("statusLine").is_some_and(|statusline| is_ours_alone(statusline, STATUSLINE)) {
        settings.shift_remove("statusLine");
    }
    let commands = ours(settings).filter_map(|entry| entry.get("command")?.as_str());
    commands.map(String::from).collect()
}

/// The programs that our hooks and our status line call, each once.
pub(crate) fn installed(settings: &Map<String, Value>) -> Vec<String> {
    let mut programs: Vec<String> = ours(settings).filter_map(|entry| Some(Call::of(entry)?.program)).collect();
    programs.sort();
    programs.dedup();
    programs
}

/// Our hooks, and our status line.
fn ours(settings: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let groups = settings.get("hooks").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let handlers = groups.filter_map(Value::as_array).flatten().filter_map(|group| group.get("hooks")?.as_array()).flatten();
    let statusline = settings.get("statusLine").filter(|statusline| is_ours(statusline, STATUSLINE));
    handlers.filter(|hook| is_ours(hook, HOOK)).chain(statusline)
}

/// Whether the status line is ours.
pub(crate) fn has_statusline(settings: &Map<String, Value>) -> bool {
    settings.get("statusLine").is_some_and(|statusline| is_ours(statusline, STATUSLINE))
}

fn add_hooks(settings: &mut Map<String, Value>, program: &str) -> Result<(), String> {
    let handler = json!({"type": "command", "command": program, "args": [HOOK], "timeout": 5});
    let hooks = settings.entry("hooks").or_insert(Value::Null);
    if hooks.is_null() {
        *hooks = json!({});
    }
    let hooks = hooks.as_object_mut().ok_or_else(|| String::from("`hooks`: expected an object"))?;
    for groups in hooks.values_mut().filter_map(Value::as_array_mut) {
        drop_repeated(groups);
        handlers_of(groups).filter(|hook| is_ours(hook, HOOK)).for_each(|hook| move_to(hook, program));
    }
    for (event, _) in EVENTS {
        let groups = hooks.entry(event).or_insert_with(|| json!([]));
        let groups = groups.as_array_mut().ok_or_else(|| format!("`hooks.{event}`: expected a list"))?;
        if !handlers_of(groups).any(|hook| is_ours(hook, HOOK)) {
            groups.push(json!({"hooks": [handler]}));
        }
    }
    Ok(())
}

fn handlers_of(groups: &mut [Value]) -> impl Iterator<Item = &mut Value> {
    groups.iter_mut().filter_map(|group| group.get_mut("hooks")?.as_array_mut()).flatten()
}

/// Takes out those of our hooks that are called wherever another one is: every answer would
/// be given twice. What calls something else too stays.
fn drop_repeated(groups: &mut Vec<Value>) {
    let ours: Vec<OurHook> = groups.iter().flat_map(OurHook::of_group).collect();
    // A hook goes where a better one covers it; of two that are as good, the earlier is better.
    let preference = |at: usize| (ours[at].preference(), Reverse(at));
    let is_covered = |at: usize| (0..ours.len()).any(|other| preference(other) > preference(at) && ours[other].covers(&ours[at]));
    let repeated: Vec<bool> = (0..ours.len()).map(|at| !ours[at].calls_more && is_covered(at)).collect();
    let mut repeated = repeated.into_iter();
    take_out(groups, |hook| is_ours(hook, HOOK) && repeated.next().is_some_and(|is_repeated| is_repeated));
}

/// One of our hooks among those of one event.
struct OurHook<'s> {
    /// The tools that it is called for; `None` for every tool.
    matcher: Option<&'s str>,
    /// Whether it calls something else too: then it is not ours to remove.
    calls_more: bool,
}

impl OurHook<'_> {
    fn of_group(group: &Value) -> impl Iterator<Item = OurHook<'_>> {
        let matcher = group.get("matcher").and_then(Value::as_str).filter(|matcher| !["", "*"].contains(matcher));
        let handlers = group.get("hooks").and_then(Value::as_array).into_iter().flatten().filter(|hook| is_ours(hook, HOOK));
        handlers.map(move |hook| OurHook { matcher, calls_more: !is_ours_alone(hook, HOOK) })
    }

    /// Whether it is called wherever the other one is.
    fn covers(&self, other: &OurHook) -> bool {
        self.matcher.is_none() || self.matcher == other.matcher
    }

    /// The greater, the better: what calls something else too, since it stays in any case, and
    /// then what is called for every tool.
    fn preference(&self) -> (bool, bool) {
        (self.calls_more, self.matcher.is_none())
    }
}

/// Takes our hooks out, and what holds nothing any more because of that.
fn remove_hooks(settings: &mut Map<String, Value>) {
    let Some(hooks) = settings.get_mut("hooks").and_then(Value::as_object_mut) else { return };
    let before = hooks.len();
    hooks.retain(|_, groups| !groups.as_array_mut().is_some_and(|groups| take_out(groups, |hook| is_ours_alone(hook, HOOK))));
    if hooks.is_empty() && before > 0 {
        settings.shift_remove("hooks");
    }
}

/// Removes the handlers that fit, and groups that hold nothing any more because of that.
/// Tells whether that left nothing.
fn take_out(groups: &mut Vec<Value>, mut fits: impl FnMut(&Value) -> bool) -> bool {
    drains(groups, |group| {
        let handlers = group.get_mut("hooks").and_then(Value::as_array_mut);
        handlers.is_some_and(|handlers| drains(handlers, |hook| fits(hook)))
    })
}

/// Removes what fits, and tells whether that left nothing.
fn drains(list: &mut Vec<Value>, mut fits: impl FnMut(&mut Value) -> bool) -> bool {
    let before = list.len();
    list.retain_mut(|value| !fits(value));
    list.is_empty() && before > 0
}

/// What a hook or a status line calls: a program with arguments, or a line for a shell.
struct Call<'s> {
    /// In a line for a shell the variables that are set for the program.
    variables: &'s str,
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
            return Some(Call { variables: "", program: command.into(), word: args.first()?.as_str()?, rest: None });
        }
        let mut line = command.trim_start();
        let (program, rest) = loop {
            let (word, rest) = first_word(line);
            if !sets_variable(&word) {
                break (word, rest.trim_start());
            }
            line = rest.trim_start();
        };
        let variables = &command[..command.len() - line.len()];
        let ends_word = |c: char| c.is_whitespace() || ";|&<>".contains(c);
        let (word, rest) = rest.split_at(rest.find(ends_word).unwrap_or(rest.len()));
        Some(Call { variables, program, word, rest: Some(rest) })
    }

    /// Whether the shell runs something else too. A redirection, such as `2>&1`, runs nothing.
    fn calls_more(&self) -> bool {
        const REDIRECTIONS: [&str; 4] = [">&", "<&", "&>", ">|"];
        let rest = self.rest.map(|rest| REDIRECTIONS.iter().fold(rest.to_owned(), |rest, operator| rest.replace(operator, " ")));
        rest.is_some_and(|rest| rest.contains([';', '&', '|', '\n']))
    }
}

/// Whether a word of a shell is `NAME=value`.
fn sets_variable(word: &str) -> bool {
    let is_name =
        |name: &str| !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && is_name(name))
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

/// Whether an entry is ours, and calls nothing else.
fn is_ours_alone(entry: &Value, word: &str) -> bool {
    is_ours(entry, word) && Call::of(entry).is_some_and(|call| !call.calls_more())
}

/// Lets an entry of ours call the program where it is now; its options stay.
fn move_to(entry: &mut Value, program: &str) {
    let Some(call) = Call::of(entry) else { return };
    let command = match call.rest {
        Some(rest) => format!("{}{} {}{rest}", call.variables, quoted(program), call.word),
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
    match settings.get_mut("statusLine").filter(|statusline| !statusline.is_null()) {
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
pub(super) fn program() -> Result<String, CliError> {
    let program = env::current_exe().map_err(|error| CliError::Other(format!("cannot find this program: {error}")))?;
    let is_this = |folder: PathBuf| folder.join(program.file_name().unwrap_or_default()).canonicalize().ok() == program.canonicalize().ok();
    if program.file_stem().is_some_and(|name| name == "ccstats")
        && env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(is_this))
    {
        return Ok("ccstats".into());
    }
    match program.to_str() {
        Some(path) => Ok(path.replace('\\', "/")),
        None => Err(CliError::Other(format!("cannot name `{}` in JSON: its path is no Unicode", Shown::path(&program)))),
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
            ("TZ='Asia/Tokyo' A_1= /old/ccstats statusline", "TZ='Asia/Tokyo' A_1= '/my new/ccstats' statusline"),
        ] {
            let mut entry = json!({"command": command});
            assert!(is_ours(&entry, STATUSLINE) && !is_ours(&entry, HOOK));
            move_to(&mut entry, "/my new/ccstats");
            assert_eq!(entry, json!({"command": moved}));
        }
        for other in [
            "ccstats",
            "ccstats statuslines",
            "ccstats-of-others statusline",
            "mine.sh ccstats statusline",
            "TZ=UTC mine.sh statusline",
            "1=2 ccstats statusline",
        ] {
            assert!(!is_ours(&json!({"command": other}), STATUSLINE), "{other}");
        }
    }

    #[test]
    fn a_redirection_runs_nothing_else() {
        let is_alone = |command: &str| is_ours_alone(&json!({"command": command}), HOOK);
        for command in ["ccstats hook 2>&1", "ccstats hook>&2", "ccstats hook &> /tmp/l", "ccstats hook --tz UTC >| l 2>/dev/null"] {
            assert!(is_alone(command), "{command}");
        }
        for command in ["ccstats hook 2>&1 | cat", "ccstats hook 2>&1 & ls", "ccstats hook >l; ls", "ccstats hook && ls"] {
            assert!(!is_alone(command), "{command}");
        }
    }
}
