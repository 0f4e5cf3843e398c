//! The command line. Names here are fixed; scripts rely on them.

mod usage;

use std::ffi::OsStr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use ccstats_core::{CallsBy, Direction, ReportName};
use chrono::{DateTime, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::amount;

pub(crate) use usage::{command, parse};

/// What Claude Code cost and did, from the transcripts on this machine.
///
/// Nothing leaves the machine. Without a report: summary.
#[derive(Debug, Parser)]
#[command(name = "ccstats", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, also when there is nothing to report; 1 could not; 2 wrong usage; \
    3 with --strict, input was partly unusable; 4 a budget is exceeded.")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// The reports, and what else there is.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Totals, models, tools and projects of the whole range [default range: today]
    Summary,
    /// One row per civil day [default range: month]
    Daily,
    /// One row per week [default range: all]
    Weekly,
    /// One row per month [default range: all]
    Monthly,
    /// One row per session [default range: week]
    Sessions,
    /// One row per project [default range: week]
    Projects,
    /// One row per model [default range: week]
    Models,
    /// One row per tool, by outcome [default range: week]
    Tools,
    /// One row per kind of subagent; `main` is one [default range: week]
    Agents,
    /// Files read again and again, one row per session and file [default range: week]
    Reads,
    /// Commands that fail [default range: week]
    Failures,
    /// Files edited again and again [default range: week]
    Hotspots,
    /// What may be risky: secrets, destruction, network, writes outside the project [default range: today]
    Audit,
    /// Signs of frustration in prompts, one row per day [default range: month]
    Prompts,
    /// Compactions, cache rebuilds and largest contexts, one row per session [default range: week]
    Context,
    /// Five-hour windows, with pace and projection of the active one [default range: today]
    Blocks,
    /// What is spent and left of a budget, and when it runs out
    Budget(BudgetArgs),
    /// Print the status line of Claude Code, which calls this with JSON on stdin
    Statusline,
    /// Answer a hook of Claude Code, which calls this with JSON on stdin
    Hook(HookArgs),
    /// What is kept of transcripts, also of deleted ones
    #[command(subcommand)]
    History(HistoryCommand),
    /// Look at what ccstats reads and keeps, and say what to mend
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// The shell to complete in
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

impl Command {
    /// The report that a command asks for.
    pub(crate) fn report(&self) -> Option<ReportName> {
        Some(match self {
            Command::Summary => ReportName::Summary,
            Command::Daily => ReportName::Daily,
            Command::Weekly => ReportName::Weekly,
            Command::Monthly => ReportName::Monthly,
            Command::Sessions => ReportName::Sessions,
            Command::Projects => ReportName::Projects,
            Command::Models => ReportName::Models,
            Command::Tools => ReportName::Tools,
            Command::Agents => ReportName::Agents,
            Command::Reads => ReportName::Reads,
            Command::Failures => ReportName::Failures,
            Command::Hotspots => ReportName::Hotspots,
            Command::Audit => ReportName::Audit,
            Command::Prompts => ReportName::Prompts,
            Command::Context => ReportName::Context,
            Command::Blocks => ReportName::Blocks,
            Command::Budget(_)
            | Command::Statusline
            | Command::Hook(_)
            | Command::History(_)
            | Command::Doctor
            | Command::Completions { .. }
            | Command::Man => return None,
        })
    }
}

/// What can be done with the store.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum HistoryCommand {
    /// Say what is kept, and what is not in it yet
    Status,
    /// Read what is new
    Sync,
    /// Forget deleted transcripts that ended before a day; a backup is kept
    Prune(PruneArgs),
    /// Write a copy of the store to a file
    Export {
        /// A file that is not there yet
        file: PathBuf,
    },
    /// Import an exported store; with `--root DIR`, as history of that folder
    Import {
        /// The exported store
        file: PathBuf,
        /// Only what it holds of this folder of transcripts [default: all]
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
    /// Read all of the store and of the transcripts, and say what is wrong
    Verify,
}

/// What to forget.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("forgotten").required(true).args(["before", "damaged"]))]
pub(crate) struct PruneArgs {
    /// The first day that stays
    #[arg(long, value_name = "D", value_parser = day)]
    pub(crate) before: Option<NaiveDate>,
    /// Forget damaged blocks instead, whose transcripts are deleted
    #[arg(long)]
    pub(crate) damaged: bool,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The limits of a budget, in dollars.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without a limit, those of the configuration. Exit code 4: a limit is exceeded.")]
pub(crate) struct BudgetArgs {
    /// For the civil day
    #[arg(long, value_name = "USD", help_heading = "Limits", value_parser = amount::picodollars)]
    pub(crate) daily: Option<u128>,
    /// For the week
    #[arg(long, value_name = "USD", help_heading = "Limits", value_parser = amount::picodollars)]
    pub(crate) weekly: Option<u128>,
    /// For the civil month
    #[arg(long, value_name = "USD", help_heading = "Limits", value_parser = amount::picodollars)]
    pub(crate) monthly: Option<u128>,
    /// For the session with the latest message
    // In the place of the filter of this name, so of its type.
    #[arg(long, value_name = "USD", help_heading = "Limits")]
    pub(crate) session: Vec<String>,
    /// For the active five-hour block
    #[arg(long, value_name = "USD", help_heading = "Limits", value_parser = amount::picodollars)]
    pub(crate) block: Option<u128>,
    /// From how much of a limit on to warn [default: 80%]
    #[arg(long, value_name = "SHARE", help_heading = "Limits", value_parser = amount::percent)]
    pub(crate) warn: Option<u8>,
}

/// Without a command: answers an event.
#[derive(Debug, clap::Args)]
#[command(after_help = "The answer warns of a budget, or stops Claude Code when one is exceeded and the configuration says so.")]
pub(crate) struct HookArgs {
    #[command(subcommand)]
    pub(crate) command: Option<HookCommand>,
}

/// What to do about the settings of Claude Code.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// Add the hooks to settings.json, with a backup, and read the transcripts that are there
    Install {
        #[command(flatten)]
        settings: SettingsArgs,
        /// Install the status line too
        #[arg(long)]
        statusline: bool,
    },
    /// Take the hooks and the status line out of settings.json, with a backup
    Uninstall(SettingsArgs),
    /// Print the hooks, to be added by hand
    Print {
        /// Print the status line too
        #[arg(long)]
        statusline: bool,
    },
}

/// Which settings to change, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct SettingsArgs {
    /// The settings to change [default: settings.json in CLAUDE_CONFIG_DIR, else in ~/.claude]
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Print the changed settings and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options that every report takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Span of time: today yesterday week month this-week last-week this-month last-month all,
    /// 12h, 7d, 2026-11-03, 2026-11, 2026-W46, 2026, or A..B
    #[arg(long, global = true, value_name = "R", help_heading = "Range", conflicts_with_all = ["date", "since", "until"])]
    pub(crate) range: Option<String>,
    /// One day
    #[arg(long, global = true, value_name = "D", help_heading = "Range", conflicts_with_all = ["since", "until"])]
    pub(crate) date: Option<String>,
    /// From this day on
    #[arg(long, global = true, value_name = "D", help_heading = "Range")]
    pub(crate) since: Option<String>,
    /// Up to this day, included
    #[arg(long, global = true, value_name = "D", help_heading = "Range")]
    pub(crate) until: Option<String>,
    /// Time zone of civil days, such as Europe/Vienna [default: the system's]
    #[arg(long, global = true, value_name = "ZONE", help_heading = "Range", value_parser = zone)]
    pub(crate) tz: Option<Tz>,
    /// First day of a week [default: monday]
    #[arg(long, global = true, value_name = "DAY", help_heading = "Range", value_parser = weekday)]
    pub(crate) week_start: Option<Weekday>,

    /// Only projects whose path has this part, or fits this glob (repeatable)
    #[arg(long, global = true, value_name = "P", help_heading = "Filters")]
    pub(crate) project: Vec<String>,
    /// Only these sessions (repeatable)
    #[arg(long, global = true, value_name = "S", help_heading = "Filters")]
    pub(crate) session: Vec<String>,
    /// Only these models (repeatable)
    #[arg(long, global = true, value_name = "M", help_heading = "Filters")]
    pub(crate) model: Vec<String>,
    /// Only calls of these tools; tokens and cost are then unknown (repeatable)
    #[arg(long, global = true, value_name = "T", help_heading = "Filters")]
    pub(crate) tool: Vec<String>,
    /// Only these git branches (repeatable)
    #[arg(long, global = true, value_name = "B", help_heading = "Filters")]
    pub(crate) branch: Vec<String>,
    /// Main threads only
    #[arg(long, global = true, help_heading = "Filters")]
    pub(crate) no_subagents: bool,

    /// What a project is: a folder, or all worktrees and subfolders of a repository; of `tools`, what
    /// calls are counted by (repeatable)
    #[arg(long, global = true, value_enum, value_name = "WHAT", help_heading = "Filters")]
    pub(crate) by: Vec<By>,

    /// How to print [default: by the ending of --output, else table]
    #[arg(long, global = true, value_enum, value_name = "F", help_heading = "Output")]
    pub(crate) format: Option<Format>,
    /// The same as --format json
    #[arg(long, global = true, help_heading = "Output", conflicts_with = "format")]
    pub(crate) json: bool,
    /// Write to a file instead of stdout
    #[arg(long, short, global = true, value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,
    /// Keep the first N rows of each table; in the order of time, the latest
    #[arg(long, global = true, value_name = "N", help_heading = "Output")]
    pub(crate) top: Option<usize>,
    /// Sort by a column of the JSON, such as cost, tokens.output or day:desc
    #[arg(long, global = true, value_name = "COLUMN", help_heading = "Output", value_parser = sort)]
    pub(crate) sort: Option<(String, Option<Direction>)>,
    /// When to use colour
    #[arg(long, global = true, value_enum, value_name = "WHEN", help_heading = "Output", default_value_t = ColorWhen::Auto)]
    pub(crate) color: ColorWhen,
    /// Replace names by keyed hashes and leave free text out
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) hash: bool,
    /// Let `audit` look for secrets in all text of the transcripts
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) secrets: bool,
    /// No progress and no warnings
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,

    /// A config directory, or any folder of transcripts (repeatable) [default: CLAUDE_CONFIG_DIR,
    /// else ~/.claude and ~/.config/claude]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Reading")]
    pub(crate) root: Vec<PathBuf>,
    /// The configuration file [default: CCSTATS_CONFIG, else config.toml in the platform's place]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Reading")]
    pub(crate) config: Option<PathBuf>,
    /// Number of threads, up to 512 [default: all processors]
    #[arg(long, global = true, value_name = "N", help_heading = "Reading", value_parser = threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// Read transcripts instead of mapping them into memory
    #[arg(long, global = true, help_heading = "Reading")]
    pub(crate) no_mmap: bool,
    /// The folder of the store, which holds facts of transcripts that were read [default: CCSTATS_DATA_DIR,
    /// else the platform's place]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Reading", conflicts_with = "no_store")]
    pub(crate) store: Option<PathBuf>,
    /// Neither read nor write the store: deleted transcripts do not count
    #[arg(long, global = true, help_heading = "Reading")]
    pub(crate) no_store: bool,
    /// Exit with 3 when input was partly unusable
    #[arg(long, global = true, help_heading = "Reading")]
    pub(crate) strict: bool,
    /// Take this instant as now, such as 2026-11-20T10:00:00Z
    #[arg(long, global = true, value_name = "INSTANT", help_heading = "Reading", value_parser = instant)]
    pub(crate) now: Option<DateTime<Utc>>,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For the eye
    Table,
    /// One object
    Json,
    /// One object per row
    Ndjson,
    /// Comma-separated values
    Csv,
    /// Tables for a document
    Markdown,
}

impl Format {
    /// The format of files whose name has an ending.
    fn of_files(ending: &OsStr) -> Option<Format> {
        Some(match ending.to_ascii_lowercase().to_str()? {
            "json" => Format::Json,
            "ndjson" | "jsonl" => Format::Ndjson,
            "csv" => Format::Csv,
            "md" | "markdown" => Format::Markdown,
            _ => return None,
        })
    }
}

/// What a project is, and what `tools` counts calls by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Projects: the working folder of each line
    Cwd,
    /// Projects: the git repository
    Repo,
    /// `tools`: the tool
    Tool,
    /// `tools`: the tool, those of one MCP server as one
    Server,
    /// `tools`: the command, as `failures` names it
    Command,
    /// `tools`: the file
    File,
    /// `tools`: the skill
    Skill,
    /// `tools`: the kind of subagent
    Agent,
}

impl By {
    /// What `tools` counts by, if it is that.
    fn calls(self) -> Option<CallsBy> {
        Some(match self {
            By::Cwd | By::Repo => return None,
            By::Tool => CallsBy::Tool,
            By::Server => CallsBy::Server,
            By::Command => CallsBy::Command,
            By::File => CallsBy::File,
            By::Skill => CallsBy::Skill,
            By::Agent => CallsBy::Agent,
        })
    }
}

/// When output has colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Options {
    /// The format, whichever way it was asked for.
    pub(crate) fn format(&self) -> Format {
        let of_file = || self.output.as_ref()?.extension().and_then(Format::of_files);
        let asked = if self.json { Some(Format::Json) } else { self.format };
        asked.or_else(of_file).unwrap_or(Format::Table)
    }

    /// Whether a project is a repository; of several words the last counts.
    pub(crate) fn by_repository(&self) -> bool {
        self.by.iter().rfind(|by| by.calls().is_none()) == Some(&By::Repo)
    }

    /// What `tools` counts calls by, if that was said.
    pub(crate) fn calls_by(&self) -> Option<CallsBy> {
        self.by.iter().rev().find_map(|by| by.calls())
    }

    /// The range in one word, if any was given.
    pub(crate) fn range(&self) -> Option<String> {
        match (&self.range, &self.date, &self.since, &self.until) {
            (Some(range), ..) => Some(range.clone()),
            (_, Some(date), ..) => Some(date.clone()),
            (_, _, None, None) => None,
            (_, _, since, until) => Some(format!("{}..{}", since.as_deref().unwrap_or_default(), until.as_deref().unwrap_or_default())),
        }
    }
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "expected a zone of the tz database, such as UTC or Europe/Vienna".into())
}

fn weekday(text: &str) -> Result<Weekday, String> {
    text.parse().map_err(|_| "expected a day of the week, such as monday or sun".into())
}

fn day(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "expected a day, such as 2026-11-03".into())
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let instant = DateTime::parse_from_rfc3339(text);
    instant.map(|instant| instant.to_utc()).map_err(|_| "expected an RFC 3339 time, such as 2026-11-20T10:00:00Z".into())
}

/// More threads than processors only wait; so many that they get in each other's way are a
/// slip of the hand.
fn threads(text: &str) -> Result<NonZeroUsize, String> {
    const MOST: usize = 512;
    let threads = text.parse().ok().filter(|threads: &NonZeroUsize| threads.get() <= MOST);
    threads.ok_or_else(|| format!("expected a number from 1 to {MOST}"))
}

fn sort(text: &str) -> Result<(String, Option<Direction>), String> {
    let (column, direction) = match text.split_once(':') {
        None => (text, None),
        Some((column, "asc")) => (column, Some(Direction::Ascending)),
        Some((column, "desc")) => (column, Some(Direction::Descending)),
        Some((_, other)) => return Err(format!("expected `asc` or `desc` behind the colon, found `{other}`")),
    };
    Ok((column.into(), direction))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn help_tells_the_default_range_of_each_report() {
        let mut n_reports = 0;
        for subcommand in Args::command().get_subcommands() {
            let args = Args::try_parse_from(["ccstats", subcommand.get_name()]);
            let report = args.ok().and_then(|args| args.command?.report());
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let told = about.split_once(" [default range: ").map(|(_, range)| range.trim_end_matches(']'));
            assert_eq!(told, report.map(ReportName::default_range), "{about}");
            n_reports += usize::from(report.is_some());
        }
        assert_eq!(n_reports, 16);
    }
}
