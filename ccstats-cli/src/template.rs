//! What the status line is made of: texts with names of values in braces.

/// How the line is put together.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
    /// What stands between parts.
    pub(crate) separator: String,
}

impl Default for Template {
    fn default() -> Template {
        let part = |text| Part::parse(text).expect("a test reads all of them");
        Template { parts: PARTS.map(part).into(), separator: " · ".into() }
    }
}

/// The line where nobody wrote another.
const PARTS: [&str; 7] =
    ["{model}", "{session} session", "{today} today", "{block} block, {block_left} left", "{budget}", "context {context}", "{limits}"];

/// A value that a template may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    Model,
    Session,
    Today,
    Block,
    BlockLeft,
    Budget,
    Context,
    Limits,
}

impl Name {
    pub(crate) const ALL: [Name; 8] =
        [Name::Model, Name::Session, Name::Today, Name::Block, Name::BlockLeft, Name::Budget, Name::Context, Name::Limits];

    /// What stands for it between the braces.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Name::Model => "model",
            Name::Session => "session",
            Name::Today => "today",
            Name::Block => "block",
            Name::BlockLeft => "block_left",
            Name::Budget => "budget",
            Name::Context => "context",
            Name::Limits => "limits",
        }
    }
}

/// One part of the line, left out when a value that it names is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Name),
}

impl Part {
    /// `None` when a name in braces is not one of [`Name`].
    pub(crate) fn parse(text: &str) -> Option<Part> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (word, behind) = behind.split_once('}')?;
            let name = Name::ALL.into_iter().find(|name| name.name() == word)?;
            pieces.extend([Piece::Text(before.into()), Piece::Value(name)]);
            rest = behind;
        }
        pieces.push(Piece::Text(rest.into()));
        Some(Part(pieces))
    }

    /// The text with values for the names; `None` when one of them has none.
    pub(crate) fn fill(&self, value: impl Fn(Name) -> Option<String>) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            Piece::Value(name) => value(*name),
        };
        self.0.iter().map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_filled_when_all_its_values_are_known() {
        let value = |name| (name == Name::Model).then(|| "1".to_string());
        let fill = |text| Part::parse(text).expect("names that there are").fill(value);
        assert_eq!(
            ["x {model}{model} y", "plain", "{today}", "{model} {today}", "}", ""].map(fill),
            [Some("x 11 y".into()), Some("plain".into()), None, None, Some("}".into()), Some(String::new())]
        );
    }

    #[test]
    fn braces_hold_a_known_name() {
        assert_eq!(["{tomorrow}", "{}", "{", "{model", "{ model }"].map(Part::parse), [const { None }; 5]);
    }

    #[test]
    fn the_usual_line_can_be_read() {
        assert_eq!(Template::default().parts.len(), PARTS.len());
    }
}
