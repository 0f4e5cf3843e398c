//! `budget`: what is spent and left of the limits that were set.

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use ccstats_core::{Budget, BudgetQuery, Calendar, Limit, Needs, Period, ProjectPattern, Query, Shown, budget_table, budgets, money};
use chrono::{DateTime, Utc};

use crate::args::{BudgetArgs, Format, Options};
use crate::config::{self, Config};
use crate::format::number::dollars;
use crate::load::{self, Sources};
use crate::output::{self, CliError, UNUSABLE};
use crate::request::Request;
use crate::{amount, format, key};

/// More was spent than a limit.
const EXCEEDED: u8 = 4;

/// The share from which on to warn, where nobody said another.
const WARN_PERCENT: u8 = 80;

pub(crate) fn run(options: &Options, asked: &BudgetArgs) -> Result<ExitCode, CliError> {
    let config = Config::load(options.config.as_deref())?;
    let limits = limits(options, asked, &config)?;
    let warn_percent = asked.warn.unwrap_or(warn_percent(&config));
    let request = Request::new(options, &config);
    // Which project and session a limit is about, it says itself.
    let query = Query { projects: Vec::new(), sessions: Vec::new(), ..request.query.clone() };
    let against = BudgetQuery { query: &query, limits: &limits, session: None, now: request.now };
    // Who asks every few seconds need not hear each time what old lines lack.
    let needs = Needs { rows_only: !options.strict, ..against.needs()? };
    let mut sources = Sources::open(options);
    // The process ends before it would all be given back.
    let dataset = ManuallyDrop::new(sources.load(&request, &needs)?);
    let mut budgets = budgets(&dataset, &config.price_list(), &against)?;
    if options.hash {
        let key = key::load().map_err(CliError::Key)?;
        budgets = budgets.into_iter().map(|budget| budget.hashed(&key)).collect();
    }
    let text = text(&budgets, options.format(), warn_percent, &query.calendar, request.now);
    output::write(&text, options.output.as_deref(), options.color)?;
    let mut accounting = dataset.accounting().clone();
    load::collect_store_problems(&mut sources.store, &mut accounting);
    if !options.quiet {
        load::say_conclusion(&accounting, &sources.looked_in);
    }
    Ok(match (budgets.iter().any(Budget::is_exceeded), options.strict && !load::is_whole(&accounting)) {
        (true, _) => ExitCode::from(EXCEEDED),
        (_, true) => ExitCode::from(UNUSABLE),
        _ => ExitCode::SUCCESS,
    })
}

/// The share from which on to warn.
pub(crate) fn warn_percent(config: &Config) -> u8 {
    config.warn_percent.unwrap_or(WARN_PERCENT)
}

/// The limits of the command line, else those of the configuration.
fn limits(options: &Options, asked: &BudgetArgs, config: &Config) -> Result<Vec<Limit>, CliError> {
    if options.range().is_some() {
        return Err(CliError::Usage("a budget takes no range: `--daily`, `--weekly` and the other limits say their own".into()));
    }
    if !options.tool.is_empty() {
        return Err(CliError::Usage("a budget takes no `--tool`: calls have no price of their own".into()));
    }
    let session = match &asked.session[..] {
        [] => None,
        [most] => Some(amount::picodollars(most).map_err(|error| CliError::Usage(format!("`--session` is a limit here: {error}")))?),
        _ => return Err(CliError::Usage("`--session` is a limit here, and can be given only once".into())),
    };
    let given = [asked.daily, asked.weekly, asked.monthly, session, asked.block];
    let given = Period::ALL.into_iter().zip(given).filter_map(|(period, most)| Some((period, most?)));
    let projects = options.project.iter().map(|project| ProjectPattern::new(project)).collect::<Result<Vec<_>, _>>()?;
    let given: Vec<_> = given.map(|(period, most)| Limit { period, most, projects: projects.clone() }).collect();
    if !given.is_empty() {
        return Ok(given);
    }
    let is_named = |project: &ProjectPattern| options.project.iter().any(|named| named == project.text());
    let is_asked = |limit: &&Limit| options.project.is_empty() || limit.projects.iter().any(is_named);
    let configured: Vec<_> = config.limits.iter().filter(is_asked).cloned().collect();
    if configured.is_empty() { Err(CliError::Usage(no_limit(options))) } else { Ok(configured) }
}

fn no_limit(options: &Options) -> String {
    let place = config::shown_place(options.config.as_deref());
    let (whose, table) = match options.project.first() {
        Some(project) => (format!(" for `{project}`"), format!("[budget.projects.{project:?}]")),
        None => (String::new(), "[budget]".into()),
    };
    format!("no limit{whose}: give one, such as `--daily 10`, or write `{table}` and below it `daily = 10` into {place}")
}

fn text(budgets: &[Budget], format: Format, warn_percent: u8, calendar: &Calendar, now: DateTime<Utc>) -> String {
    if format == Format::Table {
        return budgets.iter().map(|budget| line(budget, warn_percent, calendar, now)).collect();
    }
    let is_exceeded = budgets.iter().any(Budget::is_exceeded);
    let table = budget_table(budgets, warn_percent, calendar);
    format::render_table("ccstats.budget/1", ("exceeded", is_exceeded), ("limits", &table), format)
}

/// One limit on one line.
fn line(budget: &Budget, warn_percent: u8, calendar: &Calendar, now: DateTime<Utc>) -> String {
    let limit = &budget.limit;
    let session = budget.session.as_ref().map_or(String::new(), |session| format!(" {}", session.shown()));
    let most = money(limit.most);
    let mut parts = match (budget.spent(), budget.left()) {
        (Some(spent), Some(left)) => {
            let style = style(budget, warn_percent);
            let is_near = !budget.is_exceeded() && budget.has_reached(warn_percent);
            let near = if is_near { format!(", warns from {warn_percent}% on") } else { String::new() };
            let share = format!("{style}{}{near}{style:#}", share(spent, limit.most));
            let rest = if budget.is_exceeded() {
                format!("{style}exceeded by {}{style:#}", money(spent - limit.most))
            } else {
                format!("{} left", money(left))
            };
            vec![format!("{} of {most} ({share})", money(spent)), rest]
        }
        _ => vec![format!("unknown of {most}")],
    };
    parts.extend(budget.cost_per_hour.map(|cost| format!("{}/h", money(cost))));
    parts.extend(budget.runs_out_ms.map(|instant| format!("runs out {}", clock(instant, calendar, now))));
    parts.extend(unpriced(budget));
    format!("{}{session}: {}\n", name(limit), parts.join(", "))
}

/// The period of a limit, and its projects.
pub(crate) fn name(limit: &Limit) -> String {
    let projects: String = limit.projects.iter().map(|project| format!(" {}", Shown::new(project.text()))).collect();
    limit.period.name().to_string() + &projects
}

fn style(budget: &Budget, warn_percent: u8) -> Style {
    match (budget.is_exceeded(), budget.has_reached(warn_percent)) {
        (true, _) => AnsiColor::Red.on_default().bold(),
        (_, true) => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    }
}

/// How much of a limit is spent, in percent.
pub(crate) fn share(spent: u128, most: u128) -> String {
    match most {
        0 => "–".into(),
        _ => format!("{:.0}%", dollars(spent) / dollars(most) * 100.0),
    }
}

/// The time of day; with the day where it is not today.
fn clock(instant_ms: i64, calendar: &Calendar, now: DateTime<Utc>) -> String {
    let is_today = calendar.day(instant_ms) == calendar.day(now.timestamp_millis());
    let instant = DateTime::from_timestamp_millis(instant_ms).unwrap_or(now).with_timezone(&calendar.zone);
    instant.format(if is_today { "%H:%M" } else { "%Y-%m-%d %H:%M" }).to_string()
}

fn unpriced(budget: &Budget) -> Option<String> {
    let count = budget.spending.unpriced_messages;
    let messages = if count == 1 { "message has" } else { "messages have" };
    (count > 0).then(|| format!("{count} {messages} no known price"))
}
