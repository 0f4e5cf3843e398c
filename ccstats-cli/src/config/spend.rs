//! The parts of the configuration about budgets and the status line.

use std::ops::Range;

use ccstats_core::{Limit, Period, ProjectPattern, Shown};
use toml::de::DeTable;

use super::{Config, Reader, Value, WhenExceeded, decimal};
use crate::money;
use crate::template::{Name, Part, Template};

impl Reader<'_> {
    /// `[budget]`: limits, those of projects, and when to warn.
    pub(super) fn budget(&mut self, value: Option<&Value>, config: &mut Config) {
        let Some(table) = self.table(value) else { return };
        self.known(table, &[&Period::ALL.map(Period::word)[..], &["warn", "hook", "projects"]].concat());
        config.warn_percent =
            table.get("warn").and_then(|value| self.read(value, money::percent, "a share from 1% to 100%, such as \"80%\""));
        config.when_exceeded = table.get("hook").and_then(|value| self.when_exceeded(value)).unwrap_or_default();
        config.limits = self.limits(table, &[]);
        for (project, value) in self.table(table.get("projects")).into_iter().flatten() {
            let pattern = ProjectPattern::new(project.get_ref()).map_err(|error| self.mistake(project.span(), error.to_string())).ok();
            if let Some(table) = self.table(Some(value)) {
                self.known(table, &Period::ALL.map(Period::word));
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

    /// `[statusline]`: its parts, and what stands between them.
    pub(super) fn template(&mut self, value: Option<&Value>) -> Option<Template> {
        let table = self.table(value)?;
        self.known(table, &["parts", "separator"]);
        let mut template = Template::default();
        if let Some(parts) = table.get("parts") {
            template.parts = self.texts(parts).into_iter().filter_map(|(text, span)| self.part(&text, span)).collect();
        }
        if let Some(separator) = table.get("separator") {
            template.separator = self.text(separator)?;
        }
        Some(template)
    }

    fn part(&mut self, text: &str, span: Range<usize>) -> Option<Part> {
        let part = Part::parse(text);
        if part.is_none() {
            let names = Name::ALL.map(Name::word).join(", ");
            self.mistake(span, format!("expected names in braces, each one of {names}, found `{}`", Shown::new(text)));
        }
        part
    }

    fn limits(&mut self, table: &DeTable, projects: &[ProjectPattern]) -> Vec<Limit> {
        let limit = |period: Period| {
            let most = self.read(table.get(period.word())?, money::picodollars, "dollars, such as 5 or 2.50")?;
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
    use crate::config::parse;

    fn limits(text: &str) -> Vec<(Period, u128, Vec<String>)> {
        let limits = parse(text).expect("valid").limits.into_iter();
        let projects = |limit: &Limit| limit.projects.iter().map(|project| project.text().into()).collect();
        limits.map(|limit| (limit.period, limit.most / 10_000_000_000, projects(&limit))).collect()
    }

    fn mistakes(text: &str) -> Vec<String> {
        parse(text).expect_err("there is a mistake").into_iter().map(|(line, what)| format!("{line}: {what}")).collect()
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
    fn the_template_of_the_status_line_names_what_there_is() {
        let template = parse("[statusline]\nparts = [\"{today} now\", \"x\"]\nseparator = \"|\"").expect("valid").template.expect("one");
        let parts = ["{today} now", "x"].map(|text| Part::parse(text).expect("names that there are"));
        assert_eq!((&template.parts[..], template.separator.as_str()), (&parts[..], "|"));
        assert!(parse("").expect("valid").template.is_none());
        let wrong = mistakes("[statusline]\nparts = [\"{today}\",\n\"{tomorrow}\"]");
        assert!(
            wrong[0].starts_with("3: expected names in braces, each one of model, session, ") && wrong[0].ends_with("found `{tomorrow}`")
        );
        assert!(mistakes("[statusline]\nparts = [\"{today\"]")[0].starts_with("2: "));
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
        assert!(mistakes("[budget.projects.\"[\"]\ndaily = 1")[0].starts_with("1: no valid glob: `[`: "));
    }
}
