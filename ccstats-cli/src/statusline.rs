//! `statusline`: one line for the foot of Claude Code.
//!
//! Claude Code blanks the row when nothing is printed, when a program fails, or when it
//! is late. So there is always a line, and always success: what the transcripts say if
//! they can be read in time, else what they said last, beside what stdin tells.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ccstats_core::{Budget, Calendar, Limit, Period, Shown, money};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::{ColorWhen, Options};
use crate::budget::share;
use crate::config::Config;
use crate::load::OpenStore;
use crate::output::{self, CliError};
use crate::request::Request;
use crate::template::{Name, Template};
use crate::{environment, live, private};

pub(crate) fn run(options: &Options) -> ExitCode {
    live::be_silent();
    let now = options.now.unwrap_or_else(Utc::now);
    let options = Options { quiet: true, now: Some(now), ..options.clone() };
    let mut row = Row::default();
    let steps = live::before_deadline(move |steps| {
        let send = |step| drop(steps.send(step));
        work(&options, send).unwrap_or_else(|trouble| send(Step::Trouble(trouble)));
    });
    for step in steps {
        match step {
            Step::Template(template) => row.template = template,
            Step::Trouble(trouble) => row.trouble = trouble.to_string().lines().next().map(String::from),
            Step::Input(input) => row.input = input,
            Step::Figures(figures) => row.figures = figures,
        }
    }
    let _ = output::write(&(row.line(now) + "\n"), None, ColorWhen::Never);
    ExitCode::SUCCESS
}

/// Says what is wrong, where the user sees it.
pub(crate) fn complain(trouble: &str) -> ExitCode {
    let _ = output::write(&format!("{}\n", complaint(trouble)), None, ColorWhen::Never);
    ExitCode::SUCCESS
}

fn complaint(trouble: &str) -> String {
    format!("ccstats: {}", Shown::new(trouble))
}

/// What becomes known, one after the other.
enum Step {
    Template(Template),
    /// A mistake in the configuration or in the options.
    Trouble(CliError),
    Input(Input),
    Figures(Figures),
}

fn work(options: &Options, send: impl Fn(Step)) -> Result<(), CliError> {
    let config = Config::load(options.config.as_deref())?;
    send(Step::Template(config.template.clone().unwrap_or_default()));
    let request = live::request(options, &config);
    let folder = (!options.no_store).then(environment::data_folder).flatten();
    // What others put there would be shown as figures of this user.
    let kept = folder.filter(|folder| private::is_own_folder(folder)).map(|folder| folder.join("statusline.json"));
    let last = kept.as_ref().and_then(|kept| Figures::last(kept, &request.query.calendar, request.now));
    send(Step::Figures(last.clone().unwrap_or_default()));
    let input = live::read_members(&Input::MEMBERS).map(|value| Input::new(&value)).unwrap_or_default();
    send(Step::Input(input.clone()));
    let (figures, _store) = figures(&request, &input)?;
    if let Some(kept) = kept.filter(|_| last.as_ref() != Some(&figures)) {
        // Without it the next late line knows less; no reason to fail.
        let _ = figures.keep(kept);
    }
    send(Step::Figures(figures));
    Ok(())
}

/// What stdin tells. Any part of it may be missing.
#[derive(Clone, Debug, Default)]
struct Input {
    session: Option<String>,
    folder: Option<String>,
    model: Option<String>,
    /// What the session cost by Claude Code's own estimate.
    cost: Option<String>,
    context: Option<String>,
    limits: Option<String>,
}

impl Input {
    /// The members of the JSON on stdin that hold it.
    const MEMBERS: [&str; 7] = ["session_id", "cwd", "workspace", "model", "cost", "context_window", "rate_limits"];

    fn new(value: &Value) -> Input {
        let text = |pointer| value.pointer(pointer)?.as_str().filter(|text| !text.is_empty()).map(String::from);
        let percent = |pointer: &str| Some(format!("{:.0}%", value.pointer(pointer)?.as_f64()?));
        let limit = |(name, key): (&str, &str)| Some(format!("{name} {}", percent(&format!("/rate_limits/{key}/used_percentage"))?));
        let limits: Vec<_> = [("5h", "five_hour"), ("7d", "seven_day"), ("spend", "spend_limit")].into_iter().filter_map(limit).collect();
        Input {
            session: text("/session_id"),
            folder: text("/workspace/current_dir").or_else(|| text("/cwd")),
            model: text("/model/display_name").or_else(|| text("/model/id")),
            cost: value.pointer("/cost/total_cost_usd").and_then(Value::as_f64).map(|cost| format!("${cost:.2}")),
            context: percent("/context_window/used_percentage"),
            limits: (!limits.is_empty()).then(|| limits.join(", ")),
        }
    }
}

/// What the transcripts say, as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Figures {
    /// The civil day that they are about.
    day: String,
    today: Option<String>,
    /// The session, and what it cost.
    session: Option<(String, String)>,
    block: Option<String>,
    block_end_ms: Option<i64>,
    budget: Option<Tightest>,
}

/// What is said of the limit of which the largest share is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tightest {
    text: String,
    /// For whom it was looked up: elsewhere other limits hold.
    session: Option<String>,
    folder: Option<String>,
    end_ms: Option<i64>,
}

impl Tightest {
    fn of(budgets: &[Budget], input: &Input) -> Option<Tightest> {
        let share_of = |budget: &Budget| budget.spent().map(|spent| spent as f64 / budget.limit.most.max(1) as f64);
        let known = budgets.iter().filter_map(|budget| Some((share_of(budget)?, budget)));
        let (_, budget) = known.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        let name = budget.limit.period.name();
        let share = share(budget.spent()?, budget.limit.most);
        let text = if budget.is_exceeded() { format!("{name} budget exceeded: {share}") } else { format!("{name} budget {share}") };
        Some(Tightest { text, session: input.session.clone(), folder: input.folder.clone(), end_ms: budget.end_ms })
    }

    fn is_for(&self, input: &Input) -> bool {
        self.session == input.session && self.folder == input.folder
    }
}

impl Figures {
    /// The figures of an earlier run, as far as they still hold.
    fn last(place: &Path, calendar: &Calendar, now: DateTime<Utc>) -> Option<Figures> {
        let mut figures: Figures = serde_json::from_slice(&fs::read(place).ok()?).ok()?;
        if figures.day != day(calendar, now) {
            (figures.today, figures.budget) = (None, None);
        }
        if figures.block_end_ms.is_none_or(|end| end <= now.timestamp_millis()) {
            (figures.block, figures.block_end_ms) = (None, None);
        }
        let has_ended = |budget: &Tightest| budget.end_ms.is_some_and(|end| end <= now.timestamp_millis());
        figures.budget = figures.budget.filter(|budget| !has_ended(budget));
        Some(figures)
    }

    /// One name for what is not yet whole: two at once can spoil it for a moment, and
    /// what does not parse counts as nothing. No link that stands there is followed.
    fn keep(&self, place: PathBuf) -> std::io::Result<()> {
        let unfinished = place.with_extension("new");
        private::make_folder(place.parent().unwrap_or(&place))?;
        let _ = fs::remove_file(&unfinished);
        let mut file = private::file().create_new(true).open(&unfinished)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(unfinished, place)
    }
}

/// What the transcripts say now, and the store as [`live::spent`] gives it.
fn figures(request: &Request, input: &Input) -> Result<(Figures, OpenStore), CliError> {
    let of = |period| Limit { period, most: 0, projects: Vec::new() };
    let mut limits = vec![of(Period::Daily), of(Period::Block), of(Period::Session)];
    limits.extend(live::limits_in(input.folder.as_deref(), &request.config.limits));
    let (found, store) = live::spent(request, &limits, input.session.as_deref())?;
    let [today, block, session, limits @ ..] = &found[..] else { unreachable!("each limit has its budget") };
    let is_named = |session: &&Budget| input.session.is_some() && session.session.is_some();
    let figures = Figures {
        day: day(&request.query.calendar, request.now),
        today: cost(today),
        session: Some(session).filter(is_named).and_then(|session| Some((input.session.clone()?, cost(session)?))),
        block: block.end_ms.and_then(|_| cost(block)),
        block_end_ms: block.end_ms,
        budget: Tightest::of(limits, input),
    };
    Ok((figures, store))
}

fn day(calendar: &Calendar, now: DateTime<Utc>) -> String {
    calendar.day(now.timestamp_millis()).to_string()
}

/// What was spent; with a plus where some of it has no known price.
fn cost(budget: &Budget) -> Option<String> {
    let more = if budget.spending.unpriced_messages > 0 { "+" } else { "" };
    budget.spent().map(|spent| money(spent) + more)
}

/// All that is known of the line.
#[derive(Default)]
struct Row {
    template: Template,
    trouble: Option<String>,
    input: Input,
    figures: Figures,
}

impl Row {
    fn line(&self, now: DateTime<Utc>) -> String {
        if let Some(trouble) = &self.trouble {
            return complaint(trouble);
        }
        let parts = self.template.parts.iter().filter_map(|part| part.fill(|name| self.value(name, now)));
        let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
        let line = parts.join(&self.template.separator);
        if line.is_empty() { "ccstats".into() } else { Shown::new(&line).to_string() }
    }

    fn value(&self, name: Name, now: DateTime<Utc>) -> Option<String> {
        let (input, figures) = (&self.input, &self.figures);
        match name {
            Name::Model => input.model.as_deref().map(brief),
            Name::Session => {
                let known = figures.session.as_ref().filter(|(session, _)| Some(session) == input.session.as_ref());
                known.map(|(_, cost)| cost.clone()).or_else(|| input.cost.clone())
            }
            Name::Today => figures.today.clone(),
            Name::Block => figures.block.clone(),
            Name::BlockLeft => figures.block_end_ms.map(|end| span(end - now.timestamp_millis())),
            Name::Budget => figures.budget.as_ref().filter(|budget| budget.is_for(input)).map(|budget| budget.text.clone()),
            Name::Context => input.context.clone(),
            Name::Limits => input.limits.clone(),
        }
    }
}

/// A name of a sane length.
fn brief(name: &str) -> String {
    const LONGEST: usize = 40;
    name.chars().take(LONGEST).collect()
}

/// Hours and minutes.
fn span(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    format!("{}h {:02}m", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(input: &Value, figures: Figures) -> String {
        let row = Row { input: Input::new(input), figures, ..Row::default() };
        row.line(DateTime::from_timestamp_millis(0).expect("a time"))
    }

    #[test]
    fn a_part_without_a_value_is_left_out() {
        assert_eq!(line(&json!({}), Figures::default()), "ccstats");
        assert_eq!(line(&json!({"model": {"display_name": "Opus"}}), Figures::default()), "Opus");
        let figures =
            Figures { today: Some("$1.20".into()), block: Some("$1.00".into()), block_end_ms: Some(7_500_000), ..Figures::default() };
        assert_eq!(line(&json!({"cost": {"total_cost_usd": 0.5}}), figures), "$0.50 session · $1.20 today · $1.00 block, 2h 05m left");
    }

    #[test]
    fn a_budget_is_that_of_the_session_and_the_folder_on_stdin() {
        let input = json!({"session_id": "s1", "cwd": "/shop"});
        let Input { session, folder, .. } = Input::new(&input);
        let figures =
            Figures { budget: Some(Tightest { text: "daily budget 80%".into(), session, folder, end_ms: None }), ..Figures::default() };
        assert_eq!(line(&input, figures.clone()), "daily budget 80%");
        for other in [json!({"session_id": "s2", "cwd": "/shop"}), json!({"session_id": "s1", "cwd": "/else"}), json!({})] {
            assert_eq!(line(&other, figures.clone()), "ccstats", "{other}");
        }
    }

    #[test]
    fn limits_of_the_plan_are_shown_as_they_were_given() {
        let limits = json!({"rate_limits": {"five_hour": {"used_percentage": 12.4, "resets_at": 1}, "seven_day": null}});
        assert_eq!(line(&limits, Figures::default()), "5h 12%");
        let limits = json!({"rate_limits": {"seven_day": {"used_percentage": 40}, "spend_limit": {"used_percentage": 104}}});
        assert_eq!(line(&limits, Figures::default()), "7d 40%, spend 104%");
    }

    #[test]
    fn values_of_a_wrong_type_count_as_missing() {
        let odd =
            json!({"model": 7, "cost": {"total_cost_usd": "1"}, "rate_limits": [], "context_window": {"used_percentage": null}, "cwd": {}});
        assert_eq!(line(&odd, Figures::default()), "ccstats");
        assert_eq!(line(&json!(["model"]), Figures::default()), "ccstats");
    }

    #[test]
    fn nothing_from_stdin_acts() {
        let name = "a\u{1b}]0;t\u{7}\n\u{202e}{today}".to_string() + &"x".repeat(1000);
        let line = line(&json!({"model": {"display_name": name}}), Figures::default());
        assert!(line.starts_with("a\\u{1b}]0;t\\u{7}\\n\\u{202e}{today}xx") && line.len() < 100, "{line}");
    }
}
