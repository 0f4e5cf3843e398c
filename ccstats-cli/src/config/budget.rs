//! The part of the configuration about budgets.

use ccstats_core::{Limit, Period, ProjectPattern};
use toml::de::DeTable;

use super::{Config, Reader, Value, WhenExceeded, decimal};
use crate::amount;

impl Reader<'_> {
    /// `[budget]`: limits, those of projects, and when to warn.
    pub(super) fn budget(&mut self, value: Option<&Value>, config: &mut Config) {
        let Some(table) = self.table(value) else { return };
        self.known(table, &[&Period::ALL.map(Period::name)[..], &["warn", "hook", "projects"]].concat());
        config.warn_percent =
            table.get("warn").and_then(|value| self.read(value, amount::percent, "a share from 1% to 100%, such as \"80%\""));
        config.when_exceeded = table.get("hook").and_then(|value| self.when_exceeded(value)).unwrap_or_default();
        config.limits = self.limits(table, &[]);
        for (project, value) in self.table(table.get("projects")).into_iter().flatten() {
            let pattern = ProjectPattern::new(project.get_ref()).map_err(|error| self.mistake(project.span(), error.to_string())).ok();
            if let Some(table) = self.table(Some(value)) {
                self.known(table, &Period::ALL.map(Period::name));
                config.limits.extend(self.limits(table, pattern.as_slice()));
            }
        }
    }

    fn when_exceeded(&mut self, value: &Value) -> Option<WhenExceeded> {
        let found = match value.get_ref().as_str() {
            Some("warn") => Some(WhenExceeded::Warn),
            Some("stop") => Some(WhenExceeded::Stop),
            _ => None,
        };
        if found.is_none() {
            self.expected(value, "\"warn\" or \"stop\"");
        }
        found
    }

    fn limits(&mut self, table: &DeTable, projects: &[ProjectPattern]) -> Vec<Limit> {
        let limit = |period: Period| {
            let most = self.read(table.get(period.name())?, amount::picodollars, "dollars, such as 5 or 2.50")?;
            Some(Limit { period, most, projects: projects.to_vec() })
        };
        Period::ALL.into_iter().filter_map(limit).collect()
    }

    /// A number, or a text that holds one.
    fn read<T>(&mut self, value: &Value, read: impl Fn(&str) -> Result<T, String>, what: &str) -> Option<T> {
        let text = decimal(value).or_else(|| value.get_ref().as_str());
        let found = text.and_then(|text| read(text).ok());
        if found.is_none() {
            self.expected(value, what);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{mistakes, parse};

    fn limits(text: &str) -> Vec<(Period, u128, Vec<String>)> {
        let limits = parse(text).expect("valid").limits.into_iter();
        let projects = |limit: &Limit| limit.projects.iter().map(|project| project.text().into()).collect();
        limits.map(|limit| (limit.period, limit.most / 10_000_000_000, projects(&limit))).collect()
    }

    #[test]
    fn limits_are_exact_dollars() {
        let text = "[budget]\ndaily = 10\nmonthly = 99.95\nblock = \"$2.50\"\nwarn = \"75%\"\n[budget.projects.shop]\nweekly = 1";
        let shop = vec!["shop".to_string()];
        let wanted =
            [(Period::Daily, 1000, vec![]), (Period::Monthly, 9995, vec![]), (Period::Block, 250, vec![]), (Period::Weekly, 100, shop)];
        assert_eq!(limits(text), wanted);
        assert_eq!(parse(text).expect("valid").warn_percent, Some(75));
        assert_eq!(limits("[budget]"), []);
    }

    #[test]
    fn a_hook_warns_or_stops() {
        let hook = |text| parse(text).expect("valid").when_exceeded;
        assert_eq!([hook(""), hook("[budget]\nhook = \"warn\"")], [WhenExceeded::Warn; 2]);
        assert_eq!(hook("[budget]\nhook = \"stop\""), WhenExceeded::Stop);
        assert_eq!(mistakes("[budget]\nhook = \"kill\""), ["2: expected \"warn\" or \"stop\", found `\"kill\"`"]);
    }

    #[test]
    fn a_limit_that_is_none_is_refused() {
        for wrong in ["-1", "nan", "inf", "1e3", "\"ten\"", "true", "0x10", "[]"] {
            let expected = format!("2: expected dollars, such as 5 or 2.50, found `{wrong}`");
            assert_eq!(mistakes(&format!("[budget]\ndaily = {wrong}")), [expected]);
        }
        assert_eq!(mistakes("[budget]\nwarn = 0.8"), ["2: expected a share from 1% to 100%, such as \"80%\", found `0.8`"]);
        assert_eq!(mistakes("[budget]\ndayly = 1"), ["2: unknown key `dayly`: did you mean `daily`?"]);
        assert_eq!(mistakes("[budget.projects]\nshop = 1"), ["2: expected a table, found `1`"]);
        assert!(mistakes("[budget.projects.\"[\"]\ndaily = 1")[0].starts_with("1: `[` is no valid glob: "));
    }
}
