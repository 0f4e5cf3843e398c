//! Reads JSON without hurry.
//!
//! serde_json would do but for three things: it refuses lone surrogates and
//! numbers beyond `f64`, and it may round a long number by one. Here a number
//! stays text, a lone surrogate becomes U+FFFD, and the last of equal keys wins.

use std::collections::HashMap;

/// Deeper values count as broken; the program under test may know better.
const MAX_DEPTH: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it was spelled.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(HashMap<String, Json>),
}

impl Json {
    /// The value of a key; `None` when there is no such key or this is no object.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(values) => values.get(key),
            _ => None,
        }
    }

    /// The value of a key, `null` when absent.
    pub(crate) fn at(&self, key: &str) -> &Json {
        self.get(key).unwrap_or(&Json::Null)
    }

    pub(crate) fn str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text that is not empty.
    pub(crate) fn text(&self) -> Option<&str> {
        self.str().filter(|text| !text.is_empty())
    }

    /// The values of a list; none when this is no list.
    pub(crate) fn list(&self) -> &[Json] {
        match self {
            Json::List(values) => values,
            _ => &[],
        }
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    pub(crate) fn is_true(&self) -> bool {
        *self == Json::Bool(true)
    }

    /// A whole number of 0 … 2^53−1 in any spelling; 0 for everything else.
    pub(crate) fn count(&self) -> u64 {
        let Json::Number(text) = self else { return 0 };
        let whole = text.parse().ok();
        let spelled = text.parse().ok().filter(|value: &f64| *value >= 0.0 && value.fract() == 0.0);
        whole.or(spelled.map(|value| value as u64)).filter(|value| *value < 1 << 53).unwrap_or(0)
    }
}

/// The value of a whole text, or `None` when it is not JSON.
pub(crate) fn parse(text: &str) -> Option<Json> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(value)
}

/// The value at the start of a text, and where it ends.
pub(crate) fn parse_first(text: &str) -> Option<(Json, usize)> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    Some((value, reader.at))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn eat(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        match self.peek() {
            _ if depth > MAX_DEPTH => None,
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Json::Text),
            b't' => self.eat("true").map(|()| Json::Bool(true)),
            b'f' => self.eat("false").map(|()| Json::Bool(false)),
            b'n' => self.eat("null").map(|()| Json::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut values = HashMap::new();
        self.members("{", "}", |reader| {
            let key = reader.string()?;
            reader.skip_space();
            reader.eat(":")?;
            reader.skip_space();
            values.insert(key, reader.value(depth + 1)?);
            Some(())
        })?;
        Some(Json::Object(values))
    }

    fn array(&mut self, depth: usize) -> Option<Json> {
        let mut values = Vec::new();
        self.members("[", "]", |reader| {
            values.push(reader.value(depth + 1)?);
            Some(())
        })?;
        Some(Json::List(values))
    }

    /// What stands between two brackets, separated by commas.
    fn members(&mut self, open: &str, close: &str, mut member: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(open)?;
        self.skip_space();
        if self.eat(close).is_some() {
            return Some(());
        }
        loop {
            member(self)?;
            self.skip_space();
            if self.eat(close).is_some() {
                return Some(());
            }
            self.eat(",")?;
            self.skip_space();
        }
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        let _ = self.eat("-");
        self.eat("0").or_else(|| self.digits())?;
        if self.eat(".").is_some() {
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            let _ = self.eat("-").or_else(|| self.eat("+"));
            self.digits()?;
        }
        Some(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn string(&mut self) -> Option<String> {
        self.eat("\"")?;
        let mut units = Vec::new();
        loop {
            let next = self.text[self.at..].chars().next()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(String::from_utf16_lossy(&units)),
                '\\' => units.push(self.escape()?),
                '\0'..' ' => return None,
                _ => units.extend_from_slice(next.encode_utf16(&mut [0; 2])),
            }
        }
    }

    /// One UTF-16 unit after a backslash.
    fn escape(&mut self) -> Option<u16> {
        let letter = self.peek();
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => u16::from(letter),
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
                u16::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        })
    }
}
