//! Instants of transcripts, civil days, and the ranges that reports cover.
//!
//! Instants are milliseconds since 1970 (UTC). Days, weeks and months are
//! civil dates of a time zone that the caller names; *now* is an argument.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, SecondsFormat, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use crate::error::Error;

/// Milliseconds in an hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// How long a five-hour block lasts, in milliseconds.
pub const BLOCK_MS: i64 = 5 * HOUR_MS;

/// Milliseconds since 1970 of an RFC 3339 time; `None` for what is written
/// otherwise or stands in no calendar (second 60, year 10000).
pub(crate) fn parse_instant(text: &[u8]) -> Option<i64> {
    let (clock, rest) = text.split_first_chunk::<19>()?;
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| clock[*at] != *byte) {
        return None;
    }
    let number = |from: usize, to: usize| digits(&clock[from..to]);
    let year = number(0, 4).filter(|year| *year > 0)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    let (millis, zone) = fraction(rest)?;
    let utc = time.and_utc().timestamp_millis() + i64::from(millis) - offset_ms(zone)?;
    (EARLIEST_MS..=LATEST_MS).contains(&utc).then_some(utc)
}

/// 0001-01-01 and the last millisecond of 9999: the years that RFC 3339 can write.
const EARLIEST_MS: i64 = -62_135_596_800_000;
const LATEST_MS: i64 = 253_402_300_799_999;

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0_u32, |number, byte| Some(number * 10 + (*byte as char).to_digit(10)?))
}

/// The milliseconds of an optional fraction, and what follows it.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(rest) = text.strip_prefix(b".") else { return Some((0, text)) };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, zone) = rest.split_at(length);
    let kept = digits(&fraction[..length.min(3)])?;
    (length > 0).then(|| (kept * [100, 10, 1][length.min(3) - 1], zone))
}

fn offset_ms(zone: &[u8]) -> Option<i64> {
    let sign = match zone {
        b"Z" => return Some(0),
        [b'+', ..] => 1,
        [b'-', ..] => -1,
        _ => return None,
    };
    let [h1, h2, b':', m1, m2] = &zone[1..] else { return None };
    let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
    (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 60 + minutes) * 60_000)
}

/// The civil UTC day of an instant.
pub(crate) fn epoch_day(instant_ms: i64) -> NaiveDate {
    DateTime::from_timestamp_millis(instant_ms).unwrap_or_default().date_naive()
}

/// The time zone that days belong to, and the first day of a week.
#[derive(Clone, Copy, Debug, Hash)]
pub struct Calendar {
    /// The time zone of civil days.
    pub zone: Tz,
    /// The first day of a week.
    pub week_start: Weekday,
}

impl Default for Calendar {
    /// UTC, with weeks from Monday.
    fn default() -> Self {
        Calendar { zone: Tz::UTC, week_start: Weekday::Mon }
    }
}

impl Calendar {
    /// The civil day of an instant.
    pub fn day(&self, instant_ms: i64) -> NaiveDate {
        self.local(instant_ms).date_naive()
    }

    /// An instant in the zone; one that stands in no year of four digits is the nearest that does.
    fn local(&self, instant_ms: i64) -> DateTime<Tz> {
        let utc = DateTime::from_timestamp_millis(instant_ms.clamp(EARLIEST_MS, LATEST_MS)).unwrap_or_default();
        utc.with_timezone(&self.zone)
    }

    /// The first instant of a civil day. Where midnight does not exist it is
    /// the end of the gap; where it stands twice, the first.
    pub fn start_ms(&self, day: NaiveDate) -> i64 {
        let mut local = day.and_hms_opt(0, 0, 0).unwrap_or_default();
        // No gap is longer than a day (Apia skipped one); a quarter of an hour
        // is the finest step that zones took since transcripts exist.
        for _ in 0..=96 {
            if let Some(start) = self.zone.from_local_datetime(&local).earliest() {
                return start.timestamp_millis();
            }
            local += TimeDelta::minutes(15);
        }
        local.and_utc().timestamp_millis()
    }

    /// An instant as text, in the zone, to the second.
    pub fn instant(&self, instant_ms: i64) -> String {
        self.local(instant_ms).to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// The first day of the week that holds `day`.
    pub fn week(&self, day: NaiveDate) -> NaiveDate {
        day.week(self.week_start).checked_first_day().unwrap_or(day)
    }
}

/// A span of time that a report covers, by a name users can type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// As the user wrote it: `week`, `2026-11`, `12h` …
    pub name: String,
    /// The bounds.
    pub bounds: Bounds,
}

/// Where a [`Range`] starts and ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bounds {
    /// Civil days, both included; `None` is open. Open at both ends takes
    /// also what has no usable time.
    Days(Option<NaiveDate>, Option<NaiveDate>),
    /// Instants in milliseconds since 1970, the last one excluded.
    Instants(i64, i64),
}

impl Range {
    /// All there is, with or without a usable time.
    pub fn all() -> Range {
        Range { name: "all".into(), bounds: Bounds::Days(None, None) }
    }

    /// Reads a range as users write it: `today`, `yesterday`, `week` and `month` (the last 7 and
    /// 30 days), `this-week`, `last-week`, `this-month`, `last-month`, `all`; a span back from
    /// now such as `12h` or `7d`; a day, month, week or year such as `2026-11-03`, `2026-11`,
    /// `2026-W46` or `2026`; or two of these days, months and names as `A..B`, either of which
    /// may be left out.
    ///
    /// # Errors
    /// [`Error::Range`] when the words name no range, [`Error::ReversedRange`] when it would
    /// end before it starts.
    pub fn parse(name: &str, now: DateTime<Utc>, calendar: &Calendar) -> Result<Range, Error> {
        let today = calendar.day(now.timestamp_millis());
        let bounds = named(name, today, calendar)
            .or_else(|| back_from_now(name, now, today))
            .or_else(|| between(name, |end| span(end, now, calendar)))
            .ok_or_else(|| Error::Range(name.into()))?;
        if let Bounds::Days(Some(first), Some(last)) = bounds
            && first > last
        {
            return Err(Error::ReversedRange { name: name.into(), first, last });
        }
        Ok(Range { name: name.into(), bounds })
    }

    /// The instants of the range.
    pub fn instants(&self, calendar: &Calendar) -> Instants {
        match self.bounds {
            Bounds::Instants(start, end) => Instants { start_ms: Some(start), end_ms: Some(end) },
            Bounds::Days(first, last) => {
                let after_last = last.and_then(|day| day.succ_opt());
                let start_of = |day| calendar.start_ms(day);
                Instants { start_ms: first.map(start_of), end_ms: after_last.map(start_of) }
            }
        }
    }
}

/// The instants from one to before another, in milliseconds since 1970. The default is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instants {
    /// The first instant; `None` is open.
    pub start_ms: Option<i64>,
    /// The first instant that does not belong any more; `None` is open.
    pub end_ms: Option<i64>,
}

impl Instants {
    /// Whether what happened at an instant belongs. What has no usable time belongs only
    /// where both ends are open.
    pub fn holds(self, instant_ms: Option<i64>) -> bool {
        instant_ms.map_or(self.is_open(), |instant| self.meets(instant, instant))
    }

    /// Whether both ends are open.
    pub fn is_open(self) -> bool {
        self.start_ms.is_none() && self.end_ms.is_none()
    }

    /// Whether there are some from a first to a last instant.
    pub fn meets(self, first_ms: i64, last_ms: i64) -> bool {
        self.start_ms.is_none_or(|start| last_ms >= start) && self.end_ms.is_none_or(|end| first_ms < end)
    }
}

/// The ranges that have a name of their own.
fn named(name: &str, today: NaiveDate, calendar: &Calendar) -> Option<Bounds> {
    let back = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(NaiveDate::MIN);
    let week = calendar.week(today);
    let week_before = week.checked_sub_days(Days::new(7))?;
    let month = month_start(today);
    let (first, last) = match name {
        "all" => return Some(Bounds::Days(None, None)),
        "today" => (today, today),
        "yesterday" => (back(1), back(1)),
        "week" => (back(6), today),
        "month" => (back(29), today),
        "this-week" => (week, week.checked_add_days(Days::new(6))?),
        "last-week" => (week_before, week.pred_opt()?),
        "this-month" => (month, month_end(month)?),
        "last-month" => (month.checked_sub_months(Months::new(1))?, month.pred_opt()?),
        _ => return None,
    };
    Some(Bounds::Days(Some(first), Some(last)))
}

/// The first day of the month that holds `day`.
pub(crate) fn month_start(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

fn month_end(first: NaiveDate) -> Option<NaiveDate> {
    first.checked_add_months(Months::new(1))?.pred_opt()
}

/// `12h` back from now, `7d` as whole civil days.
fn back_from_now(name: &str, now: DateTime<Utc>, today: NaiveDate) -> Option<Bounds> {
    let (number, unit) = name.split_at_checked(name.len().checked_sub(1)?)?;
    let count = number.parse::<u32>().ok().filter(|count| *count > 0 && !number.starts_with('+'))?;
    let end = now.timestamp_millis();
    match unit {
        "h" => Some(Bounds::Instants(end - i64::from(count) * HOUR_MS, end)),
        "d" => {
            let first = today.checked_sub_days(Days::new(u64::from(count) - 1))?;
            Some(Bounds::Days(Some(first), Some(today)))
        }
        _ => None,
    }
}

/// A span with both ends, or two of them as `A..B`.
fn between(name: &str, span: impl Fn(&str) -> Option<(NaiveDate, NaiveDate)>) -> Option<Bounds> {
    let (from, to) = name.split_once("..").unwrap_or((name, name));
    if from.is_empty() && to.is_empty() {
        return None;
    }
    let first = if from.is_empty() { None } else { Some(span(from)?.0) };
    let last = if to.is_empty() { None } else { Some(span(to)?.1) };
    Some(Bounds::Days(first, last))
}

/// The first and last day of `2026-11-03`, `2026-11`, `2026-W46`, `2026`, `7d`, or a name such as `yesterday`.
fn span(text: &str, now: DateTime<Utc>, calendar: &Calendar) -> Option<(NaiveDate, NaiveDate)> {
    let today = calendar.day(now.timestamp_millis());
    let named = || named(text, today, calendar).or_else(|| back_from_now(text, now, today));
    civil_span(text).or_else(|| match named()? {
        Bounds::Days(first, last) => first.zip(last),
        Bounds::Instants(..) => None,
    })
}

/// The first and last day of one date, month, ISO week or year.
fn civil_span(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    if !text.is_ascii() || text.contains('+') {
        return None;
    }
    let (year, rest) = text.split_at_checked(4)?;
    let year: i32 = year.parse().ok().filter(|year| *year > 0)?;
    let month = |text: &str| NaiveDate::from_ymd_opt(year, text.parse().ok()?, 1);
    match rest.len() {
        0 => Some((NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?)),
        3 => {
            let first = month(rest.strip_prefix('-')?)?;
            Some((first, month_end(first)?))
        }
        4 => {
            let week = rest.strip_prefix("-W")?.parse().ok()?;
            let monday = NaiveDate::from_isoywd_opt(year, week, Weekday::Mon)?;
            Some((monday, monday.checked_add_days(Days::new(6))?))
        }
        6 => {
            let day = month(rest.get(1..3)?)?.with_day(rest.get(4..6)?.parse().ok()?)?;
            (rest.as_bytes()[0] == b'-' && rest.as_bytes()[3] == b'-').then_some((day, day))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(name: &str) -> String {
        let now = DateTime::parse_from_rfc3339("2026-11-20T10:00:00Z").expect("valid").to_utc();
        match Range::parse(name, now, &Calendar::default()) {
            Ok(Range { bounds: Bounds::Days(first, last), .. }) => {
                let show = |day: Option<NaiveDate>| day.map_or("open".into(), |day| day.to_string());
                format!("{} {}", show(first), show(last))
            }
            Ok(Range { bounds: Bounds::Instants(start, end), .. }) => format!("{}h", (end - start) / 3_600_000),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn instants_outside_of_the_calendar_are_the_nearest_in_it() {
        for zone in [Tz::UTC, Tz::Asia__Tokyo, Tz::America__New_York] {
            let calendar = Calendar { zone, ..Calendar::default() };
            for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                assert!(Range::parse("all", now, &calendar).is_ok());
            }
        }
        assert_eq!(Calendar::default().instant(i64::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn ranges_read_as_users_write_them() {
        let table = [
            ("today", "2026-11-20 2026-11-20"),
            ("yesterday", "2026-11-19 2026-11-19"),
            ("week", "2026-11-14 2026-11-20"),
            ("month", "2026-10-22 2026-11-20"),
            ("this-week", "2026-11-16 2026-11-22"),
            ("last-week", "2026-11-09 2026-11-15"),
            ("this-month", "2026-11-01 2026-11-30"),
            ("last-month", "2026-10-01 2026-10-31"),
            ("7d", "2026-11-14 2026-11-20"),
            ("12h", "12h"),
            ("all", "open open"),
            ("2026-11-03", "2026-11-03 2026-11-03"),
            ("2026-11", "2026-11-01 2026-11-30"),
            ("2026-W46", "2026-11-09 2026-11-15"),
            ("2026", "2026-01-01 2026-12-31"),
            ("2026-11-03..2026-11-05", "2026-11-03 2026-11-05"),
            ("2026-10..", "2026-10-01 open"),
            ("..2026-10", "open 2026-10-31"),
            ("yesterday..", "2026-11-19 open"),
            ("7d..yesterday", "2026-11-14 2026-11-19"),
            ("last-month..yesterday", "2026-10-01 2026-11-19"),
        ];
        for (name, bounds) in table {
            assert_eq!(range(name), bounds, "{name}");
        }
    }

    #[test]
    fn what_names_no_range_is_refused() {
        for name in
            ["", "..", "0d", "+7d", "-7d", "7x", "2026-13", "2026-W54", "2026-11-31", "2026/11/03", "2026-11..2026-10", "tomorrow", "é026"]
        {
            assert!(range(name).starts_with(&format!("`{name}` is no time range: ")), "{name}: {}", range(name));
        }
    }

    #[test]
    fn a_reversed_range_is_refused_with_both_its_ends() {
        let wanted = "`2026-11..2026-10-07` is no time range: it starts on 2026-11-01 and ends before that, on 2026-10-07: swap its ends";
        assert_eq!(range("2026-11..2026-10-07"), wanted);
    }

    #[test]
    fn instants_are_rfc_3339_and_in_the_calendar() {
        let at = |text: &str| parse_instant(text.as_bytes());
        assert_eq!(at("1970-01-01T00:00:00.001Z"), Some(1));
        assert_eq!(at("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(at("1969-12-31T23:59:59.9999Z"), Some(-1));
        assert_eq!(at("2026-11-20T10:00:00.5Z"), Some(1_795_168_800_500));
        for text in [
            "2026-11-20",
            "2026-11-20T10:00:60Z",
            "0000-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-20T10:00:00",
            "2026-11-20t10:00:00z",
            "2026-11-20T10:00:00.Z",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_instant_of_a_range_belongs_to_it_and_the_end_does_not() {
        let asked = Instants { start_ms: Some(1), end_ms: Some(3) };
        assert_eq!([0, 1, 2, 3].map(|instant| asked.holds(Some(instant))), [false, true, true, false]);
        let open = Instants { end_ms: None, ..asked };
        assert!(open.holds(Some(i64::MAX)) && !open.holds(None));
        assert!(Instants::default().holds(None));
    }

    #[test]
    fn a_day_starts_after_the_gap_where_midnight_does_not_exist() {
        let santiago = Calendar { zone: Tz::America__Santiago, ..Calendar::default() };
        let day = NaiveDate::from_ymd_opt(2026, 9, 6).expect("valid");
        let start = santiago.start_ms(day);
        assert_eq!(santiago.day(start), day);
        assert_ne!(santiago.day(start - 1), day);
    }
}
