//! From options to a report: what the program does, step by step.

use std::hash::Hash;
use std::io;
use std::mem::ManuallyDrop;
use std::process::ExitCode;

use ccstats_core::{Dataset, Leaks, Needs, Query, Question, Range, Report, ReportName, ReportOptions, Shown};

use crate::args::{Args, Command, Format, Options};
use crate::config::Config;
use crate::format::{self, Screen};
use crate::load::{self, Sources};
use crate::output::{self, CliError, UNUSABLE};
use crate::request::Request;
use crate::{args, budget, doctor, environment, history, hook, key, statusline};

pub(crate) fn run(args: &Args) -> Result<ExitCode, CliError> {
    let command = args.command.as_ref().unwrap_or(&Command::Summary);
    let counts_calls = matches!(command, Command::Tools);
    let is_called_by_claude_code = matches!(command, Command::Statusline | Command::Hook(_));
    if args.options.calls_by().is_some() && !counts_calls && !is_called_by_claude_code {
        return Err(CliError::Usage("`--by` takes `cwd` and `repo` here: calls are counted by `ccstats tools`".into()));
    }
    match command {
        Command::Budget(asked) => budget::run(&args.options, asked),
        Command::Statusline => Ok(statusline::run(&args.options)),
        Command::Hook(asked) => hook::run(&args.options, asked),
        Command::History(asked) => history::run(&args.options, asked),
        Command::Doctor => doctor::run(&args.options),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut args::command(), "ccstats", &mut script);
            print(&args.options, &String::from_utf8_lossy(&script))
        }
        Command::Man => print(&args.options, &String::from_utf8_lossy(&manual().map_err(|error| CliError::Write("memory".into(), error))?)),
        command => report(&args.options, command.report().expect("a command without an arm of its own is a report")),
    }
}

/// The page of the program, then that of each command.
fn manual() -> io::Result<Vec<u8>> {
    let mut program = args::command();
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &clap::Command, pages: &mut Vec<u8>) -> io::Result<()> {
    clap_mangen::Man::new(command.clone().version(env!("CARGO_PKG_VERSION"))).render(pages)?;
    command.get_subcommands().filter(|command| command.get_name() != "help").try_for_each(|command| add_pages(command, pages))
}

fn print(options: &Options, text: &str) -> Result<ExitCode, CliError> {
    output::write(text, options.output.as_deref(), options.color)?;
    Ok(ExitCode::SUCCESS)
}

fn report(options: &Options, name: ReportName) -> Result<ExitCode, CliError> {
    let config = Config::load(options.config.as_deref())?;
    let mut request = Request::new(options, &config);
    request.query.range = range(&request, name)?;
    let mut sources = Sources::open(options);
    let (report, dataset) = make(name, &request, &mut sources)?;
    // The process ends before it would all be given back.
    let dataset = ManuallyDrop::new(dataset);
    let format = options.format();
    // A file is written all the same: what was in it is no longer so.
    let says_nothing = report.is_empty && format == Format::Table && options.output.is_none();
    if !says_nothing {
        let text = format::render(&report, format, &screen(options));
        output::write(&text, options.output.as_deref(), options.color)?;
    }
    if !options.quiet {
        if let Some(dataset) = dataset.as_ref().filter(|_| report.is_empty && !load::is_empty(&report.accounting)) {
            say_nothing_in_range(&request.query, dataset);
        }
        load::say_conclusion(&report.accounting, &sources.looked_in);
    }
    let is_unusable = options.strict && !load::is_whole(&report.accounting);
    Ok(if is_unusable { ExitCode::from(UNUSABLE) } else { ExitCode::SUCCESS })
}

/// What a report needs to know. Which repository a folder belongs to, any transcript
/// may tell.
fn needs(request: &Request, name: ReportName) -> Needs {
    let needs = name.needs(&request.query);
    if request.options.by_repository() { Needs { start_ms: None, end_ms: None, ..needs } } else { needs }
}

/// The report itself, with hashes for names where they are asked for; and what it was made of,
/// unless the store knew the answer.
fn make(name: ReportName, request: &Request, sources: &mut Sources) -> Result<(Report, Option<Dataset>), CliError> {
    let Request { options, config, query, now } = request;
    let looks_for_secrets = options.secrets && name == ReportName::Audit;
    let key = (looks_for_secrets || options.hash).then(key::load).transpose().map_err(CliError::Key)?;
    let hashed = |report: Report| if options.hash { key.iter().fold(report, Report::hashed) } else { report };
    let told = ReportOptions {
        sort: options.sort.clone(),
        top: options.top,
        calls_by: options.calls_by().unwrap_or_default(),
        allowed_hosts: config.allowed_hosts.clone(),
        leaks: None,
        now_ms: Some(now.timestamp_millis()),
    };
    let (prices, beside) = (config.price_list(), beside(request));
    let question = Question { name, query, prices: &prices, options: &told };
    if let Some((store, beside)) = sources.store.0.as_mut().zip(beside.as_ref())
        && let Some(answer) = question.recall(store, &sources.scan, beside)
    {
        return Ok((hashed(question.report(answer)?), None));
    }
    let dataset = sources.load(request, &needs(request, name))?;
    let leaks = key.as_ref().filter(|_| looks_for_secrets).map(|key| Leaks::of(&dataset, &sources.scan, key));
    let told = ReportOptions { leaks, ..told.clone() };
    let question = Question { options: &told, ..question };
    let answer = output::ending_on_panic(|| question.answer(&dataset))?;
    if let Some((store, beside)) = sources.store.0.as_ref().zip(beside) {
        question.keep(&answer, &dataset, store, beside);
    }
    let mut report = question.report(answer)?;
    load::collect_store_problems(&mut sources.store, &mut report.accounting);
    Ok((hashed(report), Some(dataset)))
}

/// What figures depend on beside transcripts and the question: names of projects, and what
/// this program makes of it all. `None` where they depend on more: on repositories on disk.
fn beside(request: &Request) -> Option<impl Hash + use<>> {
    let Config { aliases, groups, .. } = request.config;
    let build = environment::build()?;
    (!request.options.by_repository()).then(|| (format!("{aliases:?} {groups:?}"), build))
}

fn range(request: &Request, name: ReportName) -> Result<Range, CliError> {
    let range = request.options.range().unwrap_or_else(|| name.default_range().into());
    Ok(Range::parse(&range, request.now, &request.query.calendar)?)
}

/// What the reader looks at. Lists are cut only for a person at a terminal.
fn screen(options: &Options) -> Screen {
    const WIDTH: usize = 80;
    /// Less holds no table.
    const NARROWEST: usize = 40;
    let is_terminal = output::is_terminal() && options.output.is_none();
    let width = if is_terminal { terminal_size::terminal_size().map(|(width, _)| width.0.into()) } else { environment::columns() };
    Screen {
        width: width.unwrap_or(WIDTH).max(NARROWEST),
        cut_lists: is_terminal && options.top.is_none(),
        is_unicode: !is_terminal || environment::has_unicode(),
    }
}

fn say_nothing_in_range(query: &Query, dataset: &Dataset) {
    let fits = if query.has_filters() { " fits the filters" } else { "" };
    output::say("note", &format!("nothing in the range `{}`{fits}", Shown::new(&query.range.name)));
    let calendar = &query.calendar;
    let asked = query.range.instants(calendar);
    if let Some(last) = dataset.last_activity_ms().filter(|last| !asked.holds(Some(*last))) {
        let (instant, day) = (calendar.instant(last), calendar.day(last));
        output::say("hint", &format!("the last activity was at {instant}; try `--range {day}` or `--range all`"));
    } else if query.has_filters() {
        output::say(
            "hint",
            "a filter is a part of a name, or a glob over all of it; `ccstats projects`, `sessions` and `models` list names",
        );
    }
}
