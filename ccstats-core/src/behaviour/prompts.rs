//! Signs of frustration in prompts, by civil day (`docs/behaviour.md`, "Prompt signals").
//!
//! Measured, all of it: words that a person typed, and interruptions. Which words
//! count is decided in `prompt`; nothing is guessed from the rest.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::query::Selection;
use crate::rows::{Cut, Origin};
use crate::table::{Kind, Table, Value};
use crate::wording::grouped;

/// The prompts of some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Signals {
    prompts: u64,
    negative: u64,
    keep_going: u64,
    interrupted: u64,
}

/// Signals by day, in order; those without a usable time come last, under no day.
pub(crate) fn rows(selection: &Selection) -> Vec<(Option<NaiveDate>, Signals)> {
    let mut days: BTreeMap<(bool, Option<NaiveDate>), Signals> = BTreeMap::new();
    let day = |origin: &Origin| origin.order.stamp_ms().map(|stamp| selection.calendar().day(stamp));
    let key = |day: Option<NaiveDate>| (day.is_none(), day);
    for row in selection.prompts() {
        let signals = days.entry(key(day(&row.origin))).or_default();
        signals.prompts += 1;
        signals.negative += u64::from(row.is_negative);
        signals.keep_going += u64::from(row.is_keep_going);
    }
    for row in selection.cuts().filter(|row| row.kind == Cut::Interruption) {
        days.entry(key(day(&row.origin))).or_default().interrupted += 1;
    }
    days.into_iter().map(|((_, day), signals)| (day, signals)).collect()
}

/// The report: a row per day.
pub(crate) fn table(rows: &[(Option<NaiveDate>, Signals)]) -> Table {
    let columns = [
        ("day", Kind::Day),
        ("prompts", Kind::Count),
        ("negative", Kind::Count),
        ("keep_going", Kind::Count),
        ("interrupted", Kind::Count),
        ("negative_per_100", Kind::Rate),
        ("keep_going_per_100", Kind::Rate),
        ("interrupted_per_100", Kind::Rate),
    ];
    let mut table = Table::new(&columns);
    table.extend(rows.iter().map(|(day, signals)| cells(day.map_or("unknown".into(), |day| day.to_string()), signals)));
    table
}

/// One row under the columns of [`table`], without the day.
pub(crate) fn totals(rows: &[(Option<NaiveDate>, Signals)]) -> Table {
    let mut all = Signals::default();
    for (_, signals) in rows {
        all.prompts += signals.prompts;
        all.negative += signals.negative;
        all.keep_going += signals.keep_going;
        all.interrupted += signals.interrupted;
    }
    let mut totals = table(&[]);
    totals.columns.remove(0);
    totals.push(cells(String::new(), &all).split_off(1));
    totals
}

fn cells(day: String, signals: &Signals) -> Vec<Value> {
    let counts = [signals.negative, signals.keep_going, signals.interrupted];
    // Days with interruptions alone have no rate.
    let rate = |count| if signals.prompts == 0 { Value::None } else { Value::Rate(100.0 * count as f64 / signals.prompts as f64) };
    let mut cells = vec![Value::text(day), signals.prompts.into()];
    cells.extend(counts.map(Value::from));
    cells.extend(counts.map(rate));
    cells
}

/// What to do about it.
pub(crate) fn advice(rows: &[(Option<NaiveDate>, Signals)]) -> Option<String> {
    let sum = |count: fn(&Signals) -> u64| rows.iter().map(|(_, signals)| count(signals)).sum::<u64>();
    let worst = rows.iter().filter(|(day, signals)| day.is_some() && signals.negative > 0);
    let worst = worst.max_by_key(|(day, signals)| (signals.negative, std::cmp::Reverse(*day)))?.0?;
    Some(format!(
        "{} of {} prompts show frustration, most of them on {worst}: see what went wrong with `ccstats failures --date {worst}`",
        grouped(sum(|signals| signals.negative).into()),
        grouped(sum(|signals| signals.prompts).into())
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::testing::dataset;
    use crate::time::Calendar;

    fn user(uuid: &str, time: &str, text: &str) -> String {
        let content = serde_json::to_string(text).expect("text");
        format!(r#"{{"type":"user","uuid":"{uuid}","sessionId":"s","timestamp":"{time}","message":{{"role":"user","content":{content}}}}}"#)
    }

    fn days(lines: &[String], zone: chrono_tz::Tz) -> Vec<String> {
        let query = Query { calendar: Calendar { zone, ..Calendar::default() }, ..Query::all() };
        let rows = rows(&Selection::new(&dataset(&[("p/s.jsonl", lines)]), &query).expect("no globs"));
        let day = |day: &Option<NaiveDate>| day.map_or("unknown".into(), |day| day.to_string());
        let shown = rows.iter().map(|(date, signals)| {
            let Signals { prompts, negative, keep_going, interrupted } = signals;
            format!("{} {prompts} {negative} {keep_going} {interrupted}", day(date))
        });
        shown.collect()
    }

    #[test]
    fn signals_are_counted_by_civil_day_and_once_for_each_copy() {
        let lines = [
            user("a", "2026-11-19T23:30:00Z", "wtf"),
            user("b", "2026-11-20T10:00:00Z", "continue"),
            user("b", "2026-11-20T11:00:00Z", "continue"),
            user("c", "2026-11-20T10:01:00Z", "[Request interrupted by user]"),
            user("d", "2026-11-20T10:02:00Z", "[Request interrupted by user for tool use]"),
            user("e", "", "hello"),
        ];
        assert_eq!(days(&lines, chrono_tz::Tz::UTC), ["2026-11-19 1 1 0 0", "2026-11-20 1 0 1 2", "unknown 1 0 0 0"]);
        assert_eq!(days(&lines, chrono_tz::Tz::Europe__Vienna), ["2026-11-20 2 1 1 2", "unknown 1 0 0 0"]);
    }

    #[test]
    fn a_day_of_interruptions_alone_has_no_rate() {
        let signals = Signals { interrupted: 1, ..Signals::default() };
        assert_eq!(cells(String::new(), &signals)[5..], [Value::None, Value::None, Value::None]);
        let signals = Signals { prompts: 8, negative: 1, ..Signals::default() };
        assert_eq!(cells(String::new(), &signals)[5..7], [Value::Rate(12.5), Value::Rate(0.0)]);
    }

    #[test]
    fn totals_are_the_sums_of_all_days() {
        let signals = Signals { prompts: 2, negative: 1, keep_going: 1, interrupted: 3 };
        let totals = totals(&[(None, signals), (None, signals)]);
        assert_eq!(totals.rows[0][..4], [4, 2, 2, 6].map(|count: u64| Value::from(count)));
    }
}
