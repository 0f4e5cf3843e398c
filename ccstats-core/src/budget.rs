//! Limits on what is spent: how much is left, and when it runs out.
//!
//! Days, weeks and months are civil ones, so a limit covers what `--range today`,
//! `this-week` and `this-month` report. A pace is what was spent so far, by the hour;
//! it is no forecast of how much anybody will work. Nothing here needs polars.

use chrono::{DateTime, Utc};

use crate::blocks::{block_windows, elapsed_ms};
use crate::dataset::{Dataset, Pricer};
use crate::error::Error;
use crate::hashing::{HashKey, hashed};
use crate::prices::Prices;
use crate::query::{Pattern, Query, Selection};
use crate::rows::MessageRow;
#[cfg(feature = "store")]
use crate::store::Needs;
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::tally::Spending;
#[cfg(feature = "store")]
use crate::time::BLOCK_MS;
use crate::time::{Calendar, HOUR_MS, Instants, Range};
use crate::untrusted::Untrusted;

/// What a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// The civil day.
    Daily,
    /// The week, from the calendar's first day of one.
    Weekly,
    /// The civil month.
    Monthly,
    /// One session.
    Session,
    /// The active five-hour block.
    Block,
}

impl Period {
    /// All of them, in the order of reports.
    pub const ALL: [Period; 5] = [Period::Daily, Period::Weekly, Period::Monthly, Period::Session, Period::Block];

    /// The word that names it.
    pub fn name(self) -> &'static str {
        match self {
            Period::Daily => "daily",
            Period::Weekly => "weekly",
            Period::Monthly => "monthly",
            Period::Session => "session",
            Period::Block => "block",
        }
    }
}

/// The most that may be spent.
#[derive(Clone, Debug)]
pub struct Limit {
    /// In which time.
    pub period: Period,
    /// In picodollars.
    pub most: u128,
    /// The projects that it is about; all of them if empty.
    pub projects: Vec<ProjectPattern>,
}

impl Limit {
    /// Whether it is about work in a folder. Without one, only a limit of all projects is.
    pub fn is_about(&self, folder: Option<&str>) -> bool {
        let fits = |project: &ProjectPattern| folder.is_some_and(|folder| project.pattern.fits(folder));
        self.projects.is_empty() || self.projects.iter().any(fits)
    }
}

/// Projects as filters take them, checked once: a limit whose pattern turned out to be
/// wrong only later would silently limit nothing.
#[derive(Clone, Debug)]
pub struct ProjectPattern {
    text: String,
    pattern: Pattern,
}

impl ProjectPattern {
    /// A part of the name of projects, or a glob over all of it.
    ///
    /// # Errors
    /// [`Error::Glob`] when it is no valid glob.
    pub fn new(text: &str) -> Result<ProjectPattern, Error> {
        Ok(ProjectPattern { text: text.into(), pattern: Pattern::new(text)? })
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn hashed(&self, key: &HashKey) -> ProjectPattern {
        ProjectPattern::new(&key.name(&self.text)).expect("hex digits are no glob")
    }
}

/// A limit, and what was spent of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Budget {
    /// The limit.
    pub limit: Limit,
    /// Where its period starts, in milliseconds since 1970; for a session its first
    /// message. `None` without a session or an active block.
    pub start_ms: Option<i64>,
    /// Where its period ends; a session has no end.
    pub end_ms: Option<i64>,
    /// The session, for a limit of one.
    pub session: Option<Untrusted>,
    /// What happened in the period.
    pub spending: Spending,
    /// Picodollars by the hour, since the period started.
    pub cost_per_hour: Option<u128>,
    /// When the limit is reached at this pace, if that is inside the period.
    pub runs_out_ms: Option<i64>,
}

impl Budget {
    /// Picodollars that were spent; `None` when no message has a price.
    pub fn spent(&self) -> Option<u128> {
        self.spending.total_cost()
    }

    /// Picodollars that may still be spent; 0 once the limit is exceeded.
    pub fn left(&self) -> Option<u128> {
        self.spent().map(|spent| self.limit.most.saturating_sub(spent))
    }

    /// Whether more was spent than the limit.
    pub fn is_exceeded(&self) -> bool {
        self.spent().is_some_and(|spent| spent > self.limit.most)
    }

    /// Whether so many percent of the limit are spent.
    pub fn has_reached(&self, percent: u8) -> bool {
        self.spent().is_some_and(|spent| spent > 0 && spent.saturating_mul(100) >= self.limit.most.saturating_mul(percent.into()))
    }

    /// The budget with names replaced by keyed hashes.
    pub fn hashed(mut self, key: &HashKey) -> Budget {
        self.limit.projects.iter_mut().for_each(|project| *project = project.hashed(key));
        self.session = self.session.map(|session| hashed(&session, key));
        self
    }
}

/// Limits, and what they are held against.
#[derive(Clone, Copy, Debug)]
pub struct BudgetQuery<'q> {
    /// What counts, and the calendar. Its range is not looked at.
    pub query: &'q Query,
    /// The limits.
    pub limits: &'q [Limit],
    /// The session that a limit of one is about; `None` for that with the latest message.
    pub session: Option<&'q str>,
    /// Inside which day, week, month and block.
    pub now: DateTime<Utc>,
}

#[cfg(feature = "store")]
impl BudgetQuery<'_> {
    /// What a load from a store must hold for [`budgets`] to be right.
    ///
    /// # Errors
    /// [`Error::Range`] when *now* is outside of the calendar.
    pub fn needs(&self) -> Result<Needs, Error> {
        let BudgetQuery { query, limits, session, now } = *self;
        let mut needs = Needs { rows_only: true, known_agents: true, ..Needs::only_changes() };
        for limit in limits {
            let start = match limit.period {
                Period::Session if session.is_some() => {
                    needs.session = session.map(String::from);
                    continue;
                }
                // Which one is the latest then, only a look at all of them tells.
                Period::Session if query.has_filters() || !limit.projects.is_empty() => {
                    return Ok(Needs { rows_only: true, known_agents: true, ..Needs::default() });
                }
                Period::Session => {
                    needs.latest_session = true;
                    continue;
                }
                Period::Block => {
                    needs.five_hour_blocks = true;
                    Some(now.timestamp_millis() - BLOCK_MS)
                }
                civil => civil_range(civil, now, &query.calendar)?.start_ms,
            };
            needs.start_ms = needs.start_ms.zip(start).map(|(earliest, start)| earliest.min(start));
        }
        Ok(needs)
    }
}

/// The instants of a civil period.
fn civil_range(period: Period, now: DateTime<Utc>, calendar: &Calendar) -> Result<Instants, Error> {
    let range = match period {
        Period::Weekly => "this-week",
        Period::Monthly => "this-month",
        _ => "today",
    };
    Ok(Range::parse(range, now, calendar)?.instants(calendar))
}

/// What was spent of each limit, in their order.
///
/// # Errors
/// [`Error::Glob`] when a filter is no valid glob, [`Error::Range`] when *now* is outside of
/// the calendar.
pub fn budgets(dataset: &Dataset, prices: &Prices, asked: &BudgetQuery) -> Result<Vec<Budget>, Error> {
    let books = Books { dataset, prices, asked };
    asked.limits.iter().map(|limit| books.budget(limit)).collect()
}

/// What all limits are held against.
struct Books<'b> {
    dataset: &'b Dataset,
    prices: &'b Prices,
    asked: &'b BudgetQuery<'b>,
}

/// What a limit is about.
#[derive(Default)]
struct Stretch {
    instants: Instants,
    /// Since when a pace is measured, in milliseconds since 1970.
    since_ms: Option<i64>,
    session: Option<Symbol>,
}

impl Books<'_> {
    fn budget(&self, limit: &Limit) -> Result<Budget, Error> {
        let mut query = Query { range: Range::all(), ..self.asked.query.clone() };
        if !limit.projects.is_empty() {
            query.projects = limit.projects.iter().map(|project| project.text.clone()).collect();
        }
        let selection = Selection::new(self.dataset, &query)?;
        let stretch = match limit.period {
            Period::Block => self.active_block(),
            Period::Session => self.session(&selection),
            civil => self.civil(civil)?,
        };
        let spending = stretch.as_ref().map(|stretch| self.sum(&selection, stretch)).unwrap_or_default();
        let stretch = stretch.unwrap_or_default();
        let mut budget = Budget {
            limit: limit.clone(),
            start_ms: stretch.instants.start_ms,
            end_ms: stretch.instants.end_ms,
            session: stretch.session.map(|session| Untrusted::new(self.dataset.symbols().name(session))),
            spending,
            cost_per_hour: None,
            runs_out_ms: None,
        };
        if let Some(since) = stretch.since_ms {
            budget.set_pace(since, self.asked.now.timestamp_millis());
        }
        Ok(budget)
    }

    fn civil(&self, period: Period) -> Result<Option<Stretch>, Error> {
        let instants = civil_range(period, self.asked.now, &self.asked.query.calendar)?;
        Ok(Some(Stretch { instants, since_ms: instants.start_ms, session: None }))
    }

    /// The block that holds *now*; filters do not move it.
    fn active_block(&self) -> Option<Stretch> {
        let now_ms = self.asked.now.timestamp_millis();
        let window = block_windows(self.dataset).into_iter().rev().find(|window| window.holds(now_ms))?;
        let instants = Instants { start_ms: Some(window.start_ms), end_ms: Some(window.end_ms()) };
        Some(Stretch { instants, since_ms: Some(window.first_ms), session: None })
    }

    /// The session that is named, else that of the latest message.
    fn session(&self, selection: &Selection) -> Option<Stretch> {
        let symbols = self.dataset.symbols();
        let kept = || self.dataset.messages().iter().filter(|row| selection.keeps_message(row));
        // Of two at one instant the same one whatever the order of rows.
        let latest = || kept().max_by_key(|row| (row.origin.order.stamp_ms(), symbols.bytes(row.origin.session)));
        let session = match self.asked.session {
            Some(name) => symbols.find(name.as_bytes())?,
            None => latest()?.origin.session,
        };
        let stamps = kept().filter(|row| row.origin.session == session).filter_map(|row| row.origin.order.stamp_ms());
        let start_ms = stamps.min();
        Some(Stretch { instants: Instants { start_ms, end_ms: None }, since_ms: start_ms, session: Some(session) })
    }

    fn sum(&self, selection: &Selection, stretch: &Stretch) -> Spending {
        let is_inside = |row: &MessageRow| match stretch.session {
            Some(session) => row.origin.session == session,
            None => stretch.instants.holds(row.origin.order.stamp_ms()),
        };
        let mut spending = Spending::default();
        let mut pricer = Pricer::new(self.dataset, self.prices);
        for row in self.dataset.messages().iter().filter(|row| is_inside(row) && selection.keeps_message(row)) {
            spending.add(row, pricer.cost(row));
        }
        spending
    }
}

impl Budget {
    fn set_pace(&mut self, since_ms: i64, now_ms: i64) {
        let (Some(spent), Some(left)) = (self.spent(), self.left()) else { return };
        let elapsed = elapsed_ms(since_ms, now_ms);
        self.cost_per_hour = Some(spent * u128::from(HOUR_MS.unsigned_abs()) / elapsed);
        if !self.is_exceeded() {
            let wait = left.checked_mul(elapsed).and_then(|product| product.checked_div(spent));
            let runs_out = wait.and_then(|wait| now_ms.checked_add(i64::try_from(wait).ok()?));
            // A session has no end; what its pace says about later days is no news.
            let end = self.end_ms.unwrap_or(now_ms.saturating_add(24 * HOUR_MS));
            self.runs_out_ms = runs_out.filter(|instant| *instant < end);
        }
    }
}

/// The table of some budgets; from so many percent on, one warns.
pub fn budget_table(budgets: &[Budget], warn_percent: u8, calendar: &Calendar) -> Table {
    let mut table = Table::new(&[
        ("name", Kind::Text),
        ("project", Kind::Text),
        ("limit", Kind::Money),
        ("spent", Kind::Money),
        ("left", Kind::Money),
        ("exceeded", Kind::Flag),
        ("warn", Kind::Flag),
        ("runs_out", Kind::Instant),
        ("cost_per_hour", Kind::Money),
        ("start", Kind::Instant),
        ("end", Kind::Instant),
        ("session", Kind::Phrase),
        ("messages", Kind::Count),
        ("unpriced_messages", Kind::Count),
        ("not_final_messages", Kind::Count),
    ]);
    table.extend(budgets.iter().map(|budget| row(budget, warn_percent, calendar)));
    table
}

fn row(budget: &Budget, warn_percent: u8, calendar: &Calendar) -> Vec<Value> {
    let text = |instant_ms| Value::instant(instant_ms, calendar);
    let projects: Vec<_> = budget.limit.projects.iter().map(ProjectPattern::text).collect();
    vec![
        Value::text(budget.limit.period.name()),
        if projects.is_empty() { Value::None } else { Value::text(projects.join(", ")) },
        budget.limit.most.into(),
        budget.spent().into(),
        budget.left().into(),
        Value::Flag(budget.is_exceeded()),
        Value::Flag(budget.has_reached(warn_percent)),
        text(budget.runs_out_ms),
        budget.cost_per_hour.into(),
        text(budget.start_ms),
        text(budget.end_ms),
        budget.session.clone().map_or(Value::None, Value::Text),
        budget.spending.messages.into(),
        budget.spending.unpriced_messages.into(),
        budget.spending.not_final_messages.into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::PICODOLLARS;
    use crate::testing::dataset;

    const NOW: &str = "2026-11-20T12:00:00Z"; // a Friday

    /// Responses of so many cents at times of a session in a project.
    fn of(responses: &[(&str, &str, &str, u64)]) -> Dataset {
        let line = |(id, (time, session, project, cents)): (usize, &(&str, &str, &str, u64))| {
            // $25 per million tokens of output: 400 tokens are a cent.
            let message = format!(r#"{{"id":"msg_{id}","model":"claude-opus-4-5","usage":{{"output_tokens":{}}}}}"#, cents * 400);
            format!(
                r#"{{"type":"assistant","uuid":"u{id}","sessionId":"{session}","cwd":"{project}","timestamp":"2026-11-{time}Z","message":{message}}}"#
            )
        };
        dataset(&[("p/s.jsonl", &responses.iter().enumerate().map(line).collect::<Vec<_>>())])
    }

    fn cents(most: u64) -> u128 {
        u128::from(most) * PICODOLLARS / 100
    }

    fn budget(dataset: &Dataset, period: Period, most: u64, session: Option<&str>) -> Budget {
        let limit = Limit { period, most: cents(most), projects: Vec::new() };
        let now = NOW.parse().expect("a time");
        let asked = BudgetQuery { query: &Query::all(), limits: &[limit], session, now };
        budgets(dataset, Prices::builtin(), &asked).expect("no glob").remove(0)
    }

    fn spent(dataset: &Dataset, period: Period) -> Option<u128> {
        budget(dataset, period, 100, None).spent().map(|spent| spent * 100 / PICODOLLARS)
    }

    #[test]
    fn each_period_has_its_own_bounds() {
        let dataset = of(&[
            ("01T00:00:00", "a", "/p", 1),
            ("15T23:59:59", "a", "/p", 2), // the last second of the week before
            ("16T00:00:00", "a", "/p", 4),
            ("19T23:59:59", "a", "/p", 8),
            ("20T00:00:00", "b", "/p", 16),
            ("20T11:30:00", "c", "/p", 32),
            ("20T10:00:00", "c", "/p", 64),
            ("21T00:00:00", "b", "/p", 128), // after now: still of this week and month
        ]);
        let sums = [Period::Daily, Period::Weekly, Period::Monthly, Period::Block].map(|period| spent(&dataset, period));
        assert_eq!(sums, [Some(112), Some(252), Some(255), Some(96)]);
        // The latest message is the one of tomorrow.
        assert_eq!(budget(&dataset, Period::Session, 1, None).session, Some(Untrusted::new("b")));
        let named = budget(&dataset, Period::Session, 1, Some("c"));
        assert_eq!((named.spent(), named.end_ms), (Some(cents(96)), None));
    }

    #[test]
    fn nothing_spent_is_zero_and_nothing_known_is_not() {
        assert_eq!(Period::ALL.map(|period| spent(&of(&[]), period)), [Some(0); 5]);
        let unpriced =
            r#"{"type":"assistant","uuid":"u","timestamp":"2026-11-20T10:00:00Z","message":{"id":"msg_1","model":"x","usage":{}}}"#;
        let budget = budget(&dataset(&[("p/s.jsonl", &[unpriced.into()])]), Period::Daily, 1, None);
        assert_eq!((budget.spent(), budget.left(), budget.spending.unpriced_messages), (None, None, 1));
        assert!(!budget.is_exceeded() && !budget.has_reached(1));
        let boundless = Budget { limit: Limit { most: u128::MAX, ..budget.limit.clone() }, ..budget };
        assert!(!boundless.has_reached(100));
    }

    #[test]
    fn a_limit_is_exceeded_by_more_than_it_and_reached_by_a_share() {
        let dataset = of(&[("20T06:00:00", "a", "/p", 80)]);
        let of_limit = |most| budget(&dataset, Period::Daily, most, None);
        let told = |budget: Budget| (budget.is_exceeded(), budget.has_reached(80), budget.left().map(|left| left * 100 / PICODOLLARS));
        assert_eq!(told(of_limit(101)), (false, false, Some(21)));
        assert_eq!(told(of_limit(100)), (false, true, Some(20)));
        assert_eq!(told(of_limit(80)), (false, true, Some(0)));
        assert_eq!(told(of_limit(79)), (true, true, Some(0)));
    }

    #[test]
    fn a_limit_runs_out_at_the_present_pace_or_not_in_its_period() {
        let dataset = of(&[("20T06:00:00", "a", "/p", 60)]);
        // 60 cents in twelve hours are 5 an hour: 20 more take four hours.
        let soon = budget(&dataset, Period::Daily, 80, None);
        assert_eq!(soon.cost_per_hour, Some(cents(5)));
        assert_eq!(Calendar::default().instant(soon.runs_out_ms.expect("today")), "2026-11-20T16:00:00Z");
        assert_eq!(budget(&dataset, Period::Daily, 120, None).runs_out_ms, None, "midnight comes first");
        assert_eq!(budget(&dataset, Period::Daily, 59, None).runs_out_ms, None, "it has run out");
        assert_eq!(budget(&dataset, Period::Daily, u64::MAX, None).runs_out_ms, None);
    }

    #[test]
    fn a_limit_of_a_project_is_about_it_alone() {
        let dataset = of(&[("20T06:00:00", "a", "/work/shop", 5), ("20T07:00:00", "b", "/work/other", 7)]);
        let limit = Limit { period: Period::Daily, most: 0, projects: vec![ProjectPattern::new("SHOP").expect("no glob")] };
        let query = Query { projects: vec!["other".into()], ..Query::all() };
        let asked = BudgetQuery { query: &query, limits: &[limit], session: None, now: NOW.parse().expect("a time") };
        let budgets = budgets(&dataset, Prices::builtin(), &asked).expect("no glob");
        assert_eq!(budgets[0].spent(), Some(cents(5)));
    }

    #[test]
    fn a_limit_of_a_project_holds_in_its_folder_alone() {
        let holds_in = |folder, project: &str| {
            let projects = vec![ProjectPattern::new(project).expect("a glob")];
            Limit { period: Period::Daily, most: 1, projects }.is_about(folder)
        };
        assert!(holds_in(Some("/work/Shop/src"), "shop") && holds_in(Some("/work/other"), "*/other"));
        assert!(!holds_in(Some("/work/else"), "shop") && !holds_in(None, "shop"));
        assert!(Limit { period: Period::Daily, most: 1, projects: Vec::new() }.is_about(None));
    }

    #[test]
    fn a_session_that_is_not_there_has_spent_nothing() {
        let budget = budget(&of(&[("20T06:00:00", "a", "/p", 5)]), Period::Session, 1, Some("new"));
        assert_eq!((budget.spent(), budget.session, budget.runs_out_ms), (Some(0), None, None));
    }
}
