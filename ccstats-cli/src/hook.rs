//! `hook`: answers the hooks of Claude Code, and installs them.
//!
//! An answer warns of a budget or, where the configuration says so, stops. It never
//! approves anything, and whatever goes wrong or takes too long is silent success: a
//! statistic must not stand in anybody's way.

mod entries;
mod settings;

pub(crate) use entries::{has_statusline, installed};

use std::process::ExitCode;

use ccstats_core::{Budget, Shown, money};
use serde_json::{Map, Value, json};

use crate::args::{ColorWhen, HookArgs, HookCommand, Options, SettingsArgs};
use crate::config::{self, Config, WhenExceeded};
use crate::load::OpenStore;
use crate::output::CliError;
use crate::{budget, history, live, output};
use entries::Parts;
use settings::SettingsFile;

pub(crate) fn run(options: &Options, asked: &HookArgs) -> Result<ExitCode, CliError> {
    match &asked.command {
        None => respond(options),
        Some(HookCommand::Install { settings, statusline }) => install(options, settings, parts(*statusline))?,
        Some(HookCommand::Uninstall(settings)) => uninstall(options, settings)?,
        Some(HookCommand::Print { statusline }) => output::write(&snippet(parts(*statusline))?, options.output.as_deref(), options.color)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parts(with_statusline: bool) -> Parts {
    if with_statusline { Parts::HooksAndStatusline } else { Parts::Hooks }
}

fn install(options: &Options, asked: &SettingsArgs, parts: Parts) -> Result<(), CliError> {
    let file = SettingsFile::read(asked.settings.clone())?;
    let mut settings = file.settings.clone();
    entries::add(&mut settings, &entries::program()?, parts).map_err(|why| file.failure(&why))?;
    if asked.dry_run {
        return output::write(&file.text_with(&settings), None, ColorWhen::Never);
    }
    change(options, &file, &settings, "installed in")?;
    fill_store(options);
    Ok(())
}

fn uninstall(options: &Options, asked: &SettingsArgs) -> Result<(), CliError> {
    let file = SettingsFile::read(asked.settings.clone())?;
    let mut settings = file.settings.clone();
    let left = entries::remove(&mut settings);
    if !options.quiet {
        left.iter().for_each(|command| output::say("warning", &format!("left `{command}`: it calls more than ccstats, remove it by hand")));
    }
    if asked.dry_run {
        return output::write(&file.text_with(&settings), None, ColorWhen::Never);
    }
    change(options, &file, &settings, "uninstalled from")
}

/// Brings a file to other settings, unless it has them already, and says so.
fn change(options: &Options, file: &SettingsFile, settings: &Map<String, Value>, done: &str) -> Result<(), CliError> {
    let place = Shown::path(&file.path);
    let text = if *settings == file.settings {
        format!("nothing to change in `{place}`")
    } else {
        let backup = file.change(settings)?;
        let backup = backup.map_or(String::new(), |path| format!("; before it was as in `{}`", Shown::path(&path)));
        format!("{done} `{place}`{backup}")
    };
    if !options.quiet {
        output::say("note", &text);
    }
    Ok(())
}

/// What to add to the settings by hand.
fn snippet(parts: Parts) -> Result<String, CliError> {
    let mut settings = Map::new();
    entries::add(&mut settings, &entries::program()?, parts).map_err(CliError::Other)?;
    let text = serde_json::to_string_pretty(&settings).map_err(|error| CliError::Other(error.to_string()))?;
    Ok(text + "\n")
}

/// Reads all there is, for which an answer before the deadline leaves no time.
fn fill_store(options: &Options) {
    if let Err(why) = history::fill(options)
        && !options.quiet
    {
        output::say("warning", &format!("{why}: until `ccstats history sync` works, figures may be missing"));
    }
}

fn respond(options: &Options) {
    live::be_silent();
    let options = Options { quiet: true, ..options.clone() };
    let answers = live::before_deadline(move |answers| {
        if let Some((answer, _store)) = live::read_members(&ASKED).and_then(|event| answer(&event, &options)) {
            let _ = answers.send(answer);
        }
    });
    if let Some(answer) = answers.first() {
        let _ = output::write(&format!("{answer}\n"), None, ColorWhen::Never);
    }
}

/// What is asked of an event.
const ASKED: [&str; 3] = ["hook_event_name", "cwd", "session_id"];

/// What to say to an event, and the store as [`live::spent`] gives it; `None` says nothing.
fn answer(event: &Value, options: &Options) -> Option<(Value, OpenStore)> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let event_name = text("hook_event_name")?;
    let (_, event) = EVENTS.into_iter().find(|(name, _)| *name == event_name)?;
    let config = Config::load(options.config.as_deref()).ok()?;
    let limits = live::limits_in(text("cwd"), &config.limits);
    let stops = config.when_exceeded == WhenExceeded::Stop;
    if limits.is_empty() || (event == Event::Call && !stops) {
        return None;
    }
    let (budgets, store) = live::spent(&live::request(options, &config), &limits, text("session_id")).ok()?;
    let place = config::shown_place(options.config.as_deref());
    let reaction = reaction(event, &budgets, budget::warn_percent(&config), stops.then_some(place.as_str()))?;
    Some((reaction, store))
}

/// The events that have an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Start,
    Prompt,
    Call,
    Stop,
}

/// By the names of Claude Code. What is said at the end of a session nobody sees.
const EVENTS: [(&str, Event); 4] =
    [("SessionStart", Event::Start), ("UserPromptSubmit", Event::Prompt), ("PreToolUse", Event::Call), ("Stop", Event::Stop)];

/// `limits_in`: where the limits stand that stop, if they do.
fn reaction(event: Event, budgets: &[Budget], warn_percent: u8, limits_in: Option<&str>) -> Option<Value> {
    let exceeded: Vec<_> = budgets.iter().filter(|budget| budget.is_exceeded()).map(in_words).collect();
    if !exceeded.is_empty() {
        let text = format!("ccstats: budget exceeded: {}", exceeded.join("; "));
        let stopping = limits_in.map(|place| format!("{text}. To go on, raise the limit in {place}, or run `ccstats hook uninstall`"));
        return match (event, stopping) {
            (Event::Prompt, Some(reason)) => Some(json!({"decision": "block", "reason": reason})),
            (Event::Call, Some(reason)) => Some(json!({"continue": false, "stopReason": reason})),
            (Event::Call, None) => None,
            _ => Some(json!({"systemMessage": text})),
        };
    }
    let near: Vec<_> = budgets.iter().filter(|budget| budget.has_reached(warn_percent)).map(in_words).collect();
    let is_told = event != Event::Call && !near.is_empty();
    is_told.then(|| json!({"systemMessage": format!("ccstats: budget nearly spent: {}", near.join("; "))}))
}

fn in_words(budget: &Budget) -> String {
    format!("{} {} of {}", budget::name(&budget.limit), money(budget.spent().unwrap_or_default()), money(budget.limit.most))
}
