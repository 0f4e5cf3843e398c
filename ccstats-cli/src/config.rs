//! The configuration file: what users say once instead of on every command line.
//! `contrib/config.toml` holds all that it can say.
//!
//! A key or value that is not understood is an error: a misspelt price that is
//! silently the list price would be a wrong figure.

mod budget;
mod statusline;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ccstats_core::{Limit, Pattern, PriceOverride, Prices, Shown};
use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::template::Template;

/// What the file says; empty without one.
#[derive(Debug, Default)]
pub(crate) struct Config {
    pub(crate) zone: Option<Tz>,
    pub(crate) week_start: Option<Weekday>,
    /// Projects, and what to call them.
    pub(crate) aliases: Vec<(String, String)>,
    /// Groups of projects, in the order of the file.
    pub(crate) groups: Vec<(String, Vec<Pattern>)>,
    pub(crate) prices: Vec<PriceOverride>,
    /// Hosts that the audit takes for granted, with those below them.
    pub(crate) allowed_hosts: Vec<String>,
    /// Limits on what is spent.
    pub(crate) limits: Vec<Limit>,
    /// From which share of a limit on to warn.
    pub(crate) warn_percent: Option<u8>,
    /// What a hook does about an exceeded limit.
    pub(crate) when_exceeded: WhenExceeded,
    /// What the status line is made of.
    pub(crate) template: Option<Template>,
}

/// What a hook does about an exceeded limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum WhenExceeded {
    /// Tells the user.
    #[default]
    Warn,
    /// Takes no more prompts, and ends a running turn.
    Stop,
}

/// Why the configuration cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file that was named cannot be read.
    Read(PathBuf, io::Error),
    /// What is wrong in the file.
    Mistakes(PathBuf, Mistakes),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::Read(path, error) => write!(f, "cannot read the configuration `{}`: {error}", Shown::path(path)),
            ConfigError::Mistakes(path, mistakes) => {
                let lines: Vec<_> = mistakes.iter().map(|(line, what)| format!("`{}` line {line}: {what}", Shown::path(path))).collect();
                write!(f, "{}", lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Reads the file that an option or else the environment names, else the one in
    /// the platform's place, if it is there.
    pub(crate) fn load(option: Option<&Path>) -> Result<Config, ConfigError> {
        let named = named(option);
        let is_named = named.is_some();
        let Some(path) = named.or_else(usual_place) else { return Ok(Config::default()) };
        match read(&path) {
            Ok(bytes) => text(&bytes).and_then(parse).map_err(|mistakes| ConfigError::Mistakes(path, mistakes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_named => Ok(Config::default()),
            Err(error) => Err(ConfigError::Read(path, error)),
        }
    }

    /// List prices, with the user's own put over them.
    pub(crate) fn price_list(&self) -> Cow<'static, Prices> {
        if self.prices.is_empty() {
            return Cow::Borrowed(Prices::builtin());
        }
        Cow::Owned(Prices::builtin().with_overrides(&self.prices).expect("rates were checked as they were read"))
    }

    /// What a project is called instead; `None` leaves its name.
    pub(crate) fn alias(&self, project: &str) -> Option<&str> {
        self.aliases.iter().find(|(known, _)| known == project).map(|(_, name)| name.as_str())
    }

    /// The first group that a project is in.
    pub(crate) fn group(&self, project: &str) -> Option<&str> {
        let group = self.groups.iter().find(|(_, patterns)| patterns.iter().any(|pattern| pattern.fits(project)));
        group.map(|(name, _)| name.as_str())
    }
}

/// The file that is read, for messages about it.
pub(crate) fn shown_place(option: Option<&Path>) -> String {
    let place = named(option).or_else(usual_place);
    place.map_or("the configuration".into(), |path| format!("`{}`", Shown::path(&path)))
}

/// The file that an option or else the environment names.
fn named(option: Option<&Path>) -> Option<PathBuf> {
    let variable = || std::env::var_os("CCSTATS_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    option.map(Path::to_path_buf).or_else(variable)
}

/// `~/.config/ccstats/config.toml`, and what other platforms have for it.
fn usual_place() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "ccstats").map(|dirs| dirs.config_dir().join("config.toml"))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    /// Far more than anybody writes by hand.
    const LARGEST: u64 = 1 << 20;
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::other("more than 1 MB is no configuration"));
    }
    Ok(bytes)
}

/// Lines, from 1, and what is wrong there.
type Mistakes = Vec<(usize, String)>;

fn text(bytes: &[u8]) -> Result<&str, Mistakes> {
    std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        vec![(line_at(bytes, start), format!("expected UTF-8, found the byte 0x{:02x}", bytes[start]))]
    })
}

fn line_at(bytes: &[u8], position: usize) -> usize {
    1 + bytes.iter().take(position).filter(|byte| **byte == b'\n').count()
}

/// All mistakes by line, so that they can be mended at once.
fn parse(text: &str) -> Result<Config, Mistakes> {
    let mut reader = Reader { text, mistakes: Vec::new() };
    let config = match DeTable::parse(text) {
        Ok(table) => reader.config(table.get_ref()),
        Err(error) => {
            reader.mistake(error.span().unwrap_or(0..0), error.message().into());
            Config::default()
        }
    };
    reader.mistakes.sort();
    if reader.mistakes.is_empty() { Ok(config) } else { Err(reader.mistakes) }
}

type Value<'t> = Spanned<DeValue<'t>>;

/// Takes values out of the file and notes what it cannot take.
struct Reader<'t> {
    text: &'t str,
    mistakes: Mistakes,
}

impl Reader<'_> {
    fn mistake(&mut self, span: Range<usize>, what: String) {
        self.mistakes.push((line_at(self.text.as_bytes(), span.start), what));
    }

    fn config(&mut self, table: &DeTable) -> Config {
        let mut config = Config::default();
        self.known(table, &["zone", "week_start", "projects", "prices", "budget", "statusline", "audit"]);
        config.zone = table.get("zone").and_then(|value| self.parsed(value, "a zone of the tz database, such as UTC or Europe/Vienna"));
        config.week_start = table.get("week_start").and_then(|value| self.parsed(value, "a day of the week, such as monday or sun"));
        if let Some(projects) = self.table(table.get("projects")) {
            self.known(projects, &["aliases", "groups"]);
            config.aliases = self.aliases(projects.get("aliases"));
            config.groups = self.groups(projects.get("groups"));
        }
        for (model, value) in self.table(table.get("prices")).into_iter().flatten() {
            config.prices.extend(self.prices(model.get_ref(), value));
        }
        self.budget(table.get("budget"), &mut config);
        config.template = self.template(table.get("statusline"));
        if let Some(audit) = self.table(table.get("audit")) {
            self.known(audit, &["allowed_hosts"]);
            let hosts = audit.get("allowed_hosts").map(|hosts| self.texts(hosts)).unwrap_or_default();
            config.allowed_hosts = hosts.into_iter().map(|(host, _)| host.to_lowercase()).collect();
        }
        config
    }

    /// Notes every key that nobody reads, with the nearest that somebody does.
    fn known(&mut self, table: &DeTable, known: &[&str]) {
        for key in table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let expected = match nearest(key.get_ref(), known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            self.mistake(key.span(), format!("unknown key `{}`: {expected}", Shown::new(key.get_ref())));
        }
    }

    fn expected(&mut self, value: &Value, what: &str) {
        let source = self.text.get(value.span()).unwrap_or_default().lines().next().unwrap_or_default();
        let found = format!("expected {what}, found `{}`", Shown::new(source));
        self.mistake(value.span(), found);
    }

    fn table<'v, 't>(&mut self, value: Option<&'v Value<'t>>) -> Option<&'v DeTable<'t>> {
        let value = value?;
        if !value.get_ref().is_table() {
            self.expected(value, "a table");
        }
        value.get_ref().as_table()
    }

    fn text(&mut self, value: &Value) -> Option<String> {
        let text = value.get_ref().as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.expected(value, "a text in quotes");
        }
        text.map(String::from)
    }

    fn texts(&mut self, value: &Value) -> Vec<(String, Range<usize>)> {
        let Some(items) = value.get_ref().as_array() else {
            self.expected(value, "a list of texts, such as [\"a\", \"b\"]");
            return Vec::new();
        };
        items.iter().filter_map(|item| Some((self.text(item)?, item.span()))).collect()
    }

    fn parsed<T: std::str::FromStr>(&mut self, value: &Value, what: &str) -> Option<T> {
        let parsed = value.get_ref().as_str().and_then(|text| text.parse().ok());
        if parsed.is_none() {
            self.expected(value, what);
        }
        parsed
    }

    fn aliases(&mut self, value: Option<&Value>) -> Vec<(String, String)> {
        let table = self.table(value).into_iter().flatten();
        table.filter_map(|(project, name)| Some((project.get_ref().to_string(), self.text(name)?))).collect()
    }

    fn groups(&mut self, value: Option<&Value>) -> Vec<(String, Vec<Pattern>)> {
        let mut groups: Vec<_> = self.table(value).into_iter().flatten().collect();
        groups.sort_by_key(|(name, _)| name.span().start);
        groups.into_iter().map(|(name, patterns)| (name.get_ref().to_string(), self.patterns(patterns))).collect()
    }

    fn patterns(&mut self, value: &Value) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for (text, span) in self.texts(value) {
            match Pattern::new(&text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => self.mistake(span, error.to_string()),
            }
        }
        patterns
    }

    /// One table, or a list of them with days of their own.
    fn prices(&mut self, model: &str, value: &Value) -> Vec<PriceOverride> {
        match value.get_ref() {
            DeValue::Array(tables) => tables.iter().filter_map(|table| self.price(model, table)).collect(),
            _ => self.price(model, value).into_iter().collect(),
        }
    }

    fn price(&mut self, model: &str, value: &Value) -> Option<PriceOverride> {
        const RATES: [&str; 5] = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"];
        let table = self.table(Some(value))?;
        self.known(table, &[&["from", "to"], &RATES[..]].concat());
        let rates = RATES.map(|name| self.rate(name, table.get(name), value.span()));
        let [from, to] = ["from", "to"].map(|name| table.get(name).and_then(|day| self.day(day)));
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            self.mistake(value.span(), format!("the price ends on {to}, before it starts on {from}"));
        }
        let [input, output, cache_write_5m, cache_write_1h, cache_read] = rates;
        Some(PriceOverride {
            model: model.into(),
            from,
            to,
            input: input?,
            output: output?,
            cache_write_5m: cache_write_5m?,
            cache_write_1h: cache_write_1h?,
            cache_read: cache_read?,
        })
    }

    fn rate(&mut self, name: &str, value: Option<&Value>, place: Range<usize>) -> Option<f64> {
        let Some(value) = value else {
            self.mistake(place, format!("`{name}` is missing: a price needs all five rates, in USD per million tokens"));
            return None;
        };
        let number = decimal(value).and_then(|number| number.parse().ok());
        let rate = number.filter(|rate| PriceOverride::RATES.contains(rate));
        if rate.is_none() {
            self.expected(value, "USD per million tokens, from 0 to 1000000");
        }
        rate
    }

    /// `2026-01-01`, with or without quotes.
    fn day(&mut self, value: &Value) -> Option<NaiveDate> {
        let day = match value.get_ref() {
            DeValue::Datetime(date) => date.to_string().parse().ok(),
            other => other.as_str().and_then(|text| text.parse().ok()),
        };
        if day.is_none() {
            self.expected(value, "a day, such as 2026-01-01");
        }
        day
    }
}

/// A number as it was written, with the base of ten.
fn decimal<'v>(value: &'v Value) -> Option<&'v str> {
    match value.get_ref() {
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str()),
        DeValue::Float(number) => Some(number.as_str()),
        _ => None,
    }
}

/// The known key that a mistyped one was most likely meant to be.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    const LIKE: f64 = 0.6;
    let key = key.to_lowercase().replace('-', "_");
    let rated = known.iter().map(|known| (strsim::normalized_damerau_levenshtein(&key, known), *known));
    rated.filter(|(like, _)| *like >= LIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// The mistakes in a text that has some, each behind its line.
#[cfg(test)]
fn mistakes(text: &str) -> Vec<String> {
    let mistakes = parse(text).expect_err("there is a mistake");
    mistakes.into_iter().map(|(line, what)| format!("{line}: {what}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATES: &str = "input = 4\noutput = 20.0\ncache_write_5m = 5.0\ncache_write_1h = 8.0\ncache_read = 0.4\n";

    #[test]
    fn an_empty_file_says_nothing() {
        let config = parse("").expect("valid");
        assert!(config.zone.is_none() && config.prices.is_empty() && config.aliases.is_empty());
        assert_eq!((config.alias("/p"), config.group("/p")), (None, None));
    }

    #[test]
    fn the_example_says_all_that_can_be_said() {
        let config = parse(include_str!("../../contrib/config.toml")).expect("valid");
        assert!(config.zone.is_some() && config.week_start.is_some() && config.template.is_some());
        assert!(config.alias("/home/me/old-place").is_some() && config.group("/home/me/shop").is_some());
        assert!(config.prices[0].from.is_some() && config.prices[0].to.is_some());
        assert!(config.warn_percent.is_some() && config.when_exceeded == WhenExceeded::Stop);
        assert_eq!((config.limits.len(), config.allowed_hosts.len()), (ccstats_core::Period::ALL.len() + 1, 2));
    }

    #[test]
    fn everything_that_can_be_said() {
        let text = r#"
            zone = "Europe/Vienna"
            week_start = "sun"
            [projects.aliases]
            "/old" = "/new"
            'C:\old' = 'C:\new'
            [projects.groups]
            work = ["/work/*", "shop"]
            all = ["*"]
            [audit]
            allowed_hosts = ["GitHub.com", "*.example.org"]
        "#;
        let config = parse(text).expect("valid");
        assert_eq!((config.zone, config.week_start), (Some(Tz::Europe__Vienna), Some(Weekday::Sun)));
        assert_eq!((config.alias("/old"), config.alias(r"C:\old"), config.alias("/ol")), (Some("/new"), Some(r"C:\new"), None));
        // `all` would come first by its name, but the file has it last.
        assert_eq!(["/work/a", "/x/Shop/y", "/z"].map(|project| config.group(project)), [Some("work"), Some("work"), Some("all")]);
        assert_eq!(config.allowed_hosts, ["github.com", "*.example.org"]);
    }

    #[test]
    fn a_price_may_hold_on_some_days() {
        let config = parse(&format!("[prices.glm]\n{RATES}")).expect("valid");
        assert_eq!((config.prices[0].model.as_str(), config.prices[0].input, config.prices[0].cache_read), ("glm", 4.0, 0.4));
        assert_eq!((config.prices[0].from, config.prices[0].to), (None, None));
        let two = format!("[[prices.\"a-4.5\"]]\nto = 2026-01-31\n{RATES}[[prices.\"a-4.5\"]]\nfrom = \"2026-02-01\"\n{RATES}");
        let days: Vec<_> = parse(&two).expect("valid").prices.into_iter().map(|price| (price.from, price.to)).collect();
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day);
        assert_eq!(days, [(None, day(1, 31)), (day(2, 1), None)]);
    }

    #[test]
    fn unknown_keys_name_the_line_and_the_nearest_key() {
        assert_eq!(mistakes("\nzoen = \"UTC\""), ["2: unknown key `zoen`: did you mean `zone`?"]);
        assert_eq!(mistakes("Week-Start = \"sun\""), ["1: unknown key `Week-Start`: did you mean `week_start`?"]);
        assert_eq!(
            mistakes("colour = 1"),
            ["1: unknown key `colour`: expected one of zone, week_start, projects, prices, budget, statusline, audit"]
        );
        assert_eq!(mistakes("[projects]\nalias = {}"), ["2: unknown key `alias`: did you mean `aliases`?"]);
        assert_eq!(mistakes("[audit]\nallow_hosts = []"), ["2: unknown key `allow_hosts`: did you mean `allowed_hosts`?"]);
        assert_eq!(mistakes(&format!("[prices.x]\n{RATES}cache_reads = 1")), ["7: unknown key `cache_reads`: did you mean `cache_read`?"]);
    }

    #[test]
    fn values_say_what_was_expected_and_found() {
        assert_eq!(mistakes("zone = \"Wien\""), ["1: expected a zone of the tz database, such as UTC or Europe/Vienna, found `\"Wien\"`"]);
        assert_eq!(mistakes("week_start = 1"), ["1: expected a day of the week, such as monday or sun, found `1`"]);
        assert_eq!(mistakes("projects = []"), ["1: expected a table, found `[]`"]);
        assert_eq!(mistakes("[projects.aliases]\na = \"\""), ["2: expected a text in quotes, found `\"\"`"]);
        assert_eq!(mistakes("[projects.groups]\na = \"x\""), ["2: expected a list of texts, such as [\"a\", \"b\"], found `\"x\"`"]);
        assert!(mistakes("[projects.groups]\na = [\n\"x\",\n\"[\"]")[0].starts_with("4: `[` is no valid glob: "));
        assert_eq!(mistakes("[audit]\nallowed_hosts = [1]"), ["2: expected a text in quotes, found `1`"]);
    }

    #[test]
    fn a_price_that_is_none_is_refused() {
        for wrong in ["-0.1", "nan", "inf", "1000000.5", "1e300", "\"4\"", "true", "0x10"] {
            let text = format!("[prices.x]\n{RATES}").replace("input = 4", &format!("input = {wrong}"));
            let expected = format!("2: expected USD per million tokens, from 0 to 1000000, found `{wrong}`");
            assert_eq!(mistakes(&text), [expected]);
        }
        for right in ["0", "1_000_000", "1e6", "0.000001"] {
            parse(&format!("[prices.x]\n{RATES}").replace("input = 4", &format!("input = {right}"))).expect(right);
        }
        let missing = format!("[prices.x]\n{RATES}").replace("input = 4", "");
        assert_eq!(mistakes(&missing), ["1: `input` is missing: a price needs all five rates, in USD per million tokens"]);
        assert_eq!(mistakes(&format!("[prices.x]\nfrom = 12:00:00\n{RATES}")), ["2: expected a day, such as 2026-01-01, found `12:00:00`"]);
        assert!(mistakes(&format!("[prices.x]\nfrom = 2026-01-02\nto = 2026-01-01\n{RATES}"))[0].contains("before it starts"));
    }

    #[test]
    fn all_mistakes_are_told_in_the_order_of_lines() {
        let lines: Vec<_> =
            mistakes("[zzz]\n[projects]\ngroup = 1\nalias = 2").into_iter().map(|mistake| mistake[..2].to_string()).collect();
        assert_eq!(lines, ["1:", "3:", "4:"]);
    }

    #[test]
    fn what_is_no_toml_names_the_line() {
        assert!(mistakes("zone = \"UTC\"\nweek_start =\n")[0].starts_with("2: "), "{:?}", mistakes("zone = \"UTC\"\nweek_start =\n"));
    }

    #[test]
    fn a_named_file_must_be_there() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("config.toml");
        let error = Config::load(Some(&path)).expect_err("it is not there");
        assert!(error.to_string().starts_with("cannot read the configuration `"), "{error}");
        std::fs::write(&path, "zoen = 1").expect("a file");
        let error = Config::load(Some(&path)).expect_err("it has a mistake");
        assert!(error.to_string().ends_with("config.toml` line 1: unknown key `zoen`: did you mean `zone`?"), "{error}");
    }
}
