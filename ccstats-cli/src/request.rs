//! What one run asks of the transcripts.

use ccstats_core::{Calendar, Query, Range};
use chrono::{DateTime, Utc, Weekday};

use crate::args::Options;
use crate::config::Config;
use crate::{environment, output};

/// What was asked for on the command line, in the configuration, and when.
pub(crate) struct Request<'r> {
    pub(crate) options: &'r Options,
    pub(crate) config: &'r Config,
    /// The filters and the calendar; over all time, until a command says its range.
    pub(crate) query: Query,
    pub(crate) now: DateTime<Utc>,
}

impl Request<'_> {
    pub(crate) fn new<'r>(options: &'r Options, config: &'r Config) -> Request<'r> {
        let query = Query {
            range: Range::all(),
            calendar: calendar(options, config),
            projects: options.project.clone(),
            sessions: options.session.clone(),
            models: options.model.clone(),
            tools: options.tool.clone(),
            branches: options.branch.clone(),
            without_subagents: options.no_subagents,
        };
        Request { options, config, query, now: options.now.unwrap_or_else(Utc::now) }
    }
}

/// The time zone that days belong to, and the first day of a week.
pub(crate) fn calendar(options: &Options, config: &Config) -> Calendar {
    let zone = options.tz.or(config.zone).unwrap_or_else(|| {
        let (zone, warning) = environment::system_zone();
        if let Some(warning) = warning.filter(|_| !options.quiet) {
            output::say("warning", &warning);
        }
        zone
    });
    Calendar { zone, week_start: options.week_start.or(config.week_start).unwrap_or(Weekday::Mon) }
}
