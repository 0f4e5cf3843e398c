//! What the status line is made of: texts with names in braces.

/// What a template may name.
pub(crate) const NAMES: [&str; 8] = ["model", "session", "today", "block", "block_left", "budget", "context", "limits"];

/// The line where nobody wrote another.
const PARTS: [&str; 7] =
    ["{model}", "{session} session", "{today} today", "{block} block, {block_left} left", "{budget}", "context {context}", "{limits}"];

/// How the line is put together.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// Texts with names in braces; one that names something unknown is left out.
    pub(crate) parts: Vec<String>,
    pub(crate) separator: String,
}

impl Default for Template {
    fn default() -> Template {
        Template { parts: PARTS.map(String::from).to_vec(), separator: " · ".into() }
    }
}

/// A text with values for the names in braces; `None` when one of them has none.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, name)) = rest.split_once('{') {
        let (name, behind) = name.split_once('}')?;
        filled = filled + before + &value(name)?;
        rest = behind;
    }
    Some(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_what_it_wants() {
        let value = |name: &str| (name == "a").then(|| "1".to_string());
        assert_eq!(
            ["x {a}{a} y", "plain", "{b}", "{a} {b}", "{", "}", "{a"].map(|text| fill(text, value)),
            [Some("x 11 y".into()), Some("plain".into()), None, None, None, Some("}".into()), None]
        );
        assert!(PARTS.iter().all(|part| fill(part, |name| NAMES.contains(&name).then(String::new)).is_some()));
    }
}
