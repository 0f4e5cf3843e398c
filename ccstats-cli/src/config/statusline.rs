//! The part of the configuration about the status line.

use std::ops::Range;

use ccstats_core::Shown;

use super::{Reader, Value};
use crate::template::{Name, Part, Template};

impl Reader<'_> {
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
            let names = Name::ALL.map(Name::name).join(", ");
            self.mistake(span, format!("expected names in braces, each one of {names}, found `{}`", Shown::new(text)));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{mistakes, parse};

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
}
