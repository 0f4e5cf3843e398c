//! Text that somebody else wrote, and the only way to show it.
//!
//! Names in transcripts and on disk may hold terminal escapes, bidirectional
//! controls or newlines. [`Untrusted`] has no `Display`: it reaches a terminal,
//! a table or an error only through [`Untrusted::shown`], which makes every
//! such character visible. A serialiser that escapes on its own may take
//! [`Untrusted::raw`].

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Text from a transcript or a file name.
///
/// ```compile_fail
/// let name = ccstats_core::Untrusted::new("x");
/// println!("{name}");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Untrusted(String);

impl Untrusted {
    /// Marks a text as untrusted.
    pub fn new(text: impl Into<String>) -> Untrusted {
        Untrusted(text.into())
    }

    /// The text itself. Never print it; see [`Untrusted::shown`].
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// The text with every dangerous character made visible.
    pub fn shown(&self) -> Shown<'_> {
        Shown::new(&self.0)
    }
}

/// A text whose control characters show as `\u{…}`.
#[derive(Clone, Debug)]
pub struct Shown<'a>(Cow<'a, str>);

impl<'a> Shown<'a> {
    /// Makes a text fit to be shown.
    pub fn new(text: &'a str) -> Shown<'a> {
        Shown::of(Cow::Borrowed(text))
    }

    /// Makes a path fit to be shown; bytes that are no UTF-8 show as U+FFFD.
    pub fn path(path: &'a Path) -> Shown<'a> {
        Shown::of(path.to_string_lossy())
    }

    fn of(text: Cow<'a, str>) -> Shown<'a> {
        if !text.chars().any(is_dangerous) {
            return Shown(text);
        }
        let mut shown = String::with_capacity(text.len() + 8);
        for character in text.chars() {
            match character {
                '\n' => shown.push_str("\\n"),
                '\r' => shown.push_str("\\r"),
                '\t' => shown.push_str("\\t"),
                other if is_dangerous(other) => shown.extend(other.escape_unicode()),
                other => shown.push(other),
            }
        }
        Shown(Cow::Owned(shown))
    }

    /// The text, safe to print.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a character can act on a terminal or reorder and hide text:
/// controls, bidirectional and zero-width characters, line separators,
/// interlinear annotation and tag characters.
pub fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_acts_on_a_terminal_becomes_visible() {
        let shown = |text| Untrusted::new(text).shown().to_string();
        assert_eq!(shown("plain/päth 漢字"), "plain/päth 漢字");
        assert_eq!(shown("a\u{1b}[31mb\u{7}\r\n"), "a\\u{1b}[31mb\\u{7}\\r\\n");
        assert_eq!(shown("\u{202e}\u{200b}\u{9b}"), "\\u{202e}\\u{200b}\\u{9b}");
        assert_eq!(Shown::path(Path::new("a/\u{1b}b")).as_str(), "a/\\u{1b}b");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_ever_shown(text in any::<String>()) {
            prop_assert!(!Untrusted::new(text).shown().as_str().chars().any(is_dangerous));
        }
    }
}
