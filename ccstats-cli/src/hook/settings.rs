//! Adds hooks and status line to Claude Code's `settings.json`, and takes them out.
//!
//! The file belongs to somebody else, who may write it at any time, and a file that
//! does not parse is skipped as a whole. So only our entries change; what is no valid
//! object is refused; the old text is kept beside; the new one is written beside, and
//! takes the place of the old only if that is still the one that was read.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ccstats_core::Shown;
use serde_json::{Map, Value, json};

use crate::args::{ColorWhen, SettingsArgs};
use crate::hook::EVENTS;
use crate::hook::json::with_member;
use crate::output::{self, Failure};
use crate::{key, place};

/// The commands that Claude Code calls.
const HOOK: &str = "hook";
const STATUSLINE: &str = "statusline";

/// What to add to the settings by hand.
pub(super) fn snippet(with_statusline: bool) -> Result<String, Failure> {
    let mut settings = Map::new();
    add(&mut settings, &program()?, with_statusline).map_err(Failure::Cannot)?;
    let text = serde_json::to_string_pretty(&settings).map_err(|error| Failure::Cannot(error.to_string()))?;
    Ok(text + "\n")
}

pub(super) fn install(asked: &SettingsArgs, with_statusline: bool, quiet: bool) -> Result<(), Failure> {
    let file = File::read(asked)?;
    let program = program()?;
    let mut settings = file.settings.clone();
    add(&mut settings, &program, with_statusline).map_err(|why| file.failure(&why))?;
    file.change(&settings, asked, quiet, "installed in")
}

fn add(settings: &mut Map<String, Value>, program: &str, with_statusline: bool) -> Result<(), String> {
    add_hooks(settings, program)?;
    if with_statusline { add_statusline(settings, program) } else { Ok(()) }
}

pub(super) fn uninstall(asked: &SettingsArgs, quiet: bool) -> Result<(), Failure> {
    let file = File::read(asked)?;
    let mut settings = file.settings.clone();
    remove_hooks(&mut settings);
    if has_statusline(&settings) {
        settings.shift_remove("statusLine");
    }
    file.change(&settings, asked, quiet, "uninstalled from")
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
fn program() -> Result<String, Failure> {
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

/// Settings as they were read.
struct File {
    /// Where they are, behind all links.
    path: PathBuf,
    /// `None` where there are none.
    text: Option<String>,
    settings: Map<String, Value>,
}

impl File {
    fn read(asked: &SettingsArgs) -> Result<File, Failure> {
        let named = asked.settings.clone().or_else(place::settings_file);
        let named = named.ok_or_else(|| Failure::Cannot("no home folder: name the settings with `--settings FILE`".into()))?;
        // To replace a link would cut it from the file that somebody keeps elsewhere.
        let path = fs::canonicalize(&named).unwrap_or(named);
        let mut file = File { path, text: None, settings: Map::new() };
        match fs::read_to_string(&file.path) {
            Ok(text) => {
                let settings = serde_json::from_str(&text).map_err(|error| file.failure(&format!("{error}: mend it first")))?;
                let Value::Object(settings) = settings else { return Err(file.failure("expected a JSON object")) };
                file.settings = settings;
                file.text = Some(text);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !file.path.is_symlink() => {}
            Err(error) => return Err(file.failure(&error.to_string())),
        }
        Ok(file)
    }

    fn failure(&self, why: &str) -> Failure {
        Failure::Cannot(format!("cannot change `{}`: {why}", Shown::path(&self.path)))
    }

    /// Brings the file to the new settings, unless it is there already.
    fn change(&self, settings: &Map<String, Value>, asked: &SettingsArgs, quiet: bool, done: &str) -> Result<(), Failure> {
        let text = self.text_of(settings);
        if asked.dry_run {
            return output::write(&text, None, ColorWhen::Never);
        }
        let say = |text: String| {
            if !quiet {
                output::say("note", &text)
            }
        };
        if *settings == self.settings {
            say(format!("nothing to change in `{}`", Shown::path(&self.path)));
            return Ok(());
        }
        let backup = self.back_up().map_err(|error| self.failure(&format!("no backup: {error}")))?;
        self.replace(&text).map_err(|error| self.failure(&error.to_string()))?;
        let backup = backup.map_or(String::new(), |path| format!("; before it was as in `{}`", Shown::path(&path)));
        say(format!("{done} `{}`{backup}", Shown::path(&self.path)));
        Ok(())
    }

    fn text_of(&self, settings: &Map<String, Value>) -> String {
        let text = self.text.clone().unwrap_or_else(|| "{}\n".into());
        let changed = ["hooks", "statusLine"].into_iter().filter(|name| settings.get(*name) != self.settings.get(*name));
        changed.fold(text, |text, name| with_member(&text, name, settings.get(name)))
    }

    /// Keeps the old text beside the file, and every other one that is kept there.
    fn back_up(&self) -> io::Result<Option<PathBuf>> {
        let Some(text) = &self.text else { return Ok(None) };
        let holds_another = |path: &Path| match fs::read(path) {
            Ok(kept) => kept != text.as_bytes(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let (mut path, mut number) = (self.beside("ccstats-backup"), 1);
        while holds_another(&path) {
            number += 1;
            path = self.beside(&format!("ccstats-backup-{number}"));
        }
        let mut file = key::private_file().create(true).truncate(true).open(&path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        Ok(Some(path))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.beside("ccstats-new");
        let _ = fs::remove_file(&new);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = key::private_file().create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        if let Ok(metadata) = fs::metadata(&self.path) {
            file.set_permissions(metadata.permissions())?;
        }
        file.sync_all()?;
        if fs::read(&self.path).ok().as_deref() != self.text.as_deref().map(str::as_bytes) {
            fs::remove_file(&new)?;
            return Err(io::Error::other("somebody else changed it just now: try again"));
        }
        fs::rename(&new, &self.path)?;
        // So that the new name outlasts a loss of power; not every system can.
        let _ = self.path.parent().and_then(|folder| fs::File::open(folder).ok()).map(|folder| folder.sync_all());
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{suffix}"));
        self.path.with_file_name(name)
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
