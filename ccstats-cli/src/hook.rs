//! `hook`: answers the hooks of Claude Code, and installs them.
//!
//! An answer warns of a budget or, where the configuration says so, stops. It never
//! approves anything, and whatever goes wrong or takes too long is silent success: a
//! statistic must not stand in anybody's way.

mod json;
mod settings;

pub(crate) use settings::{has_statusline, installed};

use std::process::ExitCode;

use ccstats_core::{Budget, Store};
use serde_json::{Value, json};

use crate::args::{ColorWhen, HookArgs, HookCommand, Options};
use crate::config::{self, Config, WhenExceeded};
use crate::format::number::money;
use crate::output::Failure;
use crate::{budget, history, live, output};

pub(crate) fn run(options: &Options, asked: &HookArgs) -> Result<ExitCode, Failure> {
    match &asked.command {
        None => respond(options),
        Some(HookCommand::Install { settings: asked, statusline }) => {
            settings::install(asked, *statusline, options.quiet)?;
            if !asked.dry_run {
                fill_store(options);
            }
        }
        Some(HookCommand::Uninstall(asked)) => settings::uninstall(asked, options.quiet)?,
        Some(HookCommand::Print { statusline }) => {
            output::write(&settings::snippet(*statusline)?, options.output.as_deref(), options.color)?
        }
    }
    Ok(ExitCode::SUCCESS)
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
        if let Some((answer, _store)) = live::read_value().and_then(|event| answer(&event, &options)) {
            let _ = answers.send(answer);
        }
    });
    if let Some(answer) = answers.first() {
        let _ = output::write(&format!("{answer}\n"), None, ColorWhen::Never);
    }
}

/// What to say to an event, and the store as [`live::spent`] gives it; `None` says nothing.
fn answer(event: &Value, options: &Options) -> Option<(Value, Option<Store>)> {
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
