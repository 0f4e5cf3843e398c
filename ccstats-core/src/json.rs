//! A cursor over the JSON text of one line, and the text it borrows.
//!
//! It looks at few bytes: keys and the values that a rule reads. Everything
//! else is skipped, not checked; a broken value costs its line nothing as long
//! as its strings and brackets close (`docs/counting.md` 2). Depth is counted, never
//! recursed. A raw newline ends whatever is open.
//!
//! NUL bytes between tokens count as white space: a crash leaves runs of them.

use std::borrow::Cow;

use crate::keys::{Key, Object, Orders};
use crate::lexer::Lexer;
use crate::simd::{FIND_IN_DAMAGED, Level};

/// A string or a bracket of the line does not close, or it is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

pub(crate) type Parsed<T> = Result<T, Broken>;

/// A string of a transcript: the bytes between its quotes, as written.
///
/// Empty also when the key is absent or not a string: no rule tells these
/// apart. Two equal texts are equal strings; the reverse needs [`Text::decode`].
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Text<'t>(pub(crate) &'t [u8]);

impl<'t> Text<'t> {
    /// The bytes as they stand in the transcript, escapes and all.
    pub fn raw(self) -> &'t [u8] {
        self.0
    }

    /// Whether nothing stands there.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The bytes that the string means. Borrowed unless it holds escapes.
    #[inline]
    pub fn decode(self) -> Cow<'t, [u8]> {
        match first_backslash(self.0) {
            None => Cow::Borrowed(self.0),
            Some(first) => Cow::Owned(unescape(self.0, first)),
        }
    }

    /// The decoded start, enough to see what wrote it. White space before it may
    /// be long, so what starts with that is given whole.
    pub(crate) fn head(self) -> Cow<'t, [u8]> {
        const LONGEST: usize = 512;
        match self.0.first() {
            Some(b'!'..=b'[' | b']'..=b'~') => Text(&self.0[..self.0.len().min(LONGEST)]).decode(),
            _ => self.decode(),
        }
    }

    /// Whether the string is `word`.
    pub fn is(self, word: &[u8]) -> bool {
        self.0 == word || self.0.len() > word.len() && *self.decode() == *word
    }

    /// The string, with U+FFFD for what is not Unicode.
    pub fn to_str(self) -> Cow<'t, str> {
        match self.decode() {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }
}

impl std::fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_str().fmt(f)
    }
}

/// Most strings are names: a search that is made for long ones costs more than to
/// look at their few bytes.
#[inline]
fn first_backslash(text: &[u8]) -> Option<usize> {
    const SHORT: usize = 64;
    if text.len() <= SHORT && text.iter().fold(true, |none, byte| none & (*byte != b'\\')) {
        return None;
    }
    memchr::memchr(b'\\', text)
}

/// Replaces the escapes of a JSON string, from the first backslash on. Unknown
/// escapes stand for their character; lone surrogates become U+FFFD.
fn unescape(raw: &[u8], first: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let (plain, mut rest) = raw.split_at(first);
    out.extend_from_slice(plain);
    while let [b'\\', kind, tail @ ..] = rest {
        rest = tail;
        match kind {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unescape_unicode(rest, &mut out),
            other => out.push(*other),
        }
        let (plain, escaped) = rest.split_at(memchr::memchr(b'\\', rest).unwrap_or(rest.len()));
        out.extend_from_slice(plain);
        rest = escaped;
    }
    out
}

/// Decodes what follows `\u`: four hex digits, or a pair of surrogates.
fn unescape_unicode<'r>(rest: &'r [u8], out: &mut Vec<u8>) -> &'r [u8] {
    let Some((high, mut rest)) = hex4(rest) else {
        out.extend_from_slice("\u{FFFD}".as_bytes());
        return rest;
    };
    let mut code = u32::from(high);
    if (0xD800..0xDC00).contains(&high)
        && let Some(tail) = rest.strip_prefix(b"\\u")
        && let Some((low @ 0xDC00..0xE000, tail)) = hex4(tail)
    {
        code = 0x10000 + ((code - 0xD800) << 10) + (u32::from(low) - 0xDC00);
        rest = tail;
    }
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn hex4(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = bytes.split_first_chunk::<4>()?;
    let digit = |value: u16, byte: &u8| Some(value << 4 | (*byte as char).to_digit(16)? as u16);
    Some((digits.iter().try_fold(0, digit)?, rest))
}

/// A number where a rule expects a whole count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// Absent, `null`, or a whole number `0 ..= 2^53 - 1` in any JSON spelling.
    Valid(u64),
    /// Anything else; counts as 0 and is reported.
    Invalid,
}

/// The first number that is too large to be a count: from here on JSON
/// readers disagree about whole numbers.
pub(crate) const COUNT_LIMIT: u64 = 1 << 53;

/// Reads one value after another from the lines of a transcript.
///
/// The next token is always the first one that is not before `at`: whoever moves
/// over a token passes it.
pub(crate) struct Cursor<'t> {
    bytes: &'t [u8],
    at: usize,
    tokens: Lexer<'t>,
    orders: Orders,
}

impl<'t> Cursor<'t> {
    /// A cursor at an index that is outside of strings.
    pub(crate) fn new(bytes: &'t [u8], at: usize, level: Level) -> Cursor<'t> {
        Cursor::with_orders(Orders::default(), bytes, at, level)
    }

    /// The same, where the order of keys is known from other text.
    pub(crate) fn with_orders(orders: Orders, bytes: &'t [u8], at: usize, level: Level) -> Cursor<'t> {
        Cursor { bytes, at, tokens: Lexer::new(bytes, at, level.find()), orders }
    }

    /// The same in a line that is damaged, where NUL bytes count for nothing.
    pub(crate) fn in_damaged(bytes: &'t [u8], at: usize) -> Cursor<'t> {
        Cursor { bytes, at, tokens: Lexer::new(bytes, at, FIND_IN_DAMAGED), orders: Orders::default() }
    }

    /// What was learned about the order of keys.
    pub(crate) fn into_orders(self) -> Orders {
        self.orders
    }

    /// The bytes that are read.
    pub(crate) fn bytes(&self) -> &'t [u8] {
        self.bytes
    }

    /// The index of the next unread byte.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads other bytes, from an index on that is outside of strings. A new cursor takes longer
    /// to make than a short line to read.
    pub(crate) fn restart(&mut self, bytes: &'t [u8], at: usize) {
        (self.bytes, self.at) = (bytes, at);
        self.tokens.restart(bytes, at);
    }

    /// Goes on at an index that is outside of strings.
    #[inline]
    pub(crate) fn go_to(&mut self, at: usize) {
        self.at = at;
        self.tokens.pass_before(at);
    }

    /// The next byte after white space; newline at the end of the input.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> u8 {
        match self.bytes.get(self.at) {
            Some(byte) if *byte > b' ' => *byte,
            _ => self.peek_over_space(),
        }
    }

    #[cold]
    #[inline(never)]
    fn peek_over_space(&mut self) -> u8 {
        let space = self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0));
        self.at += space.count();
        self.bytes.get(self.at).copied().unwrap_or(b'\n')
    }

    /// Enters an object. `false`, and the value skipped, when it is none.
    #[inline(always)]
    pub(crate) fn enter_object(&mut self, object: Object) -> Parsed<bool> {
        self.orders[object as usize].start();
        self.enter(b'{')
    }

    /// Enters an array. `false`, and the value skipped, when it is none.
    #[inline(always)]
    pub(crate) fn enter_array(&mut self) -> Parsed<bool> {
        self.enter(b'[')
    }

    #[inline(always)]
    fn enter(&mut self, opener: u8) -> Parsed<bool> {
        if self.peek() == opener {
            self.pass_token();
            return Ok(true);
        }
        self.skip()?;
        Ok(false)
    }

    /// Moves behind the token here.
    #[inline(always)]
    fn pass_token(&mut self) {
        self.tokens.pass();
        self.at += 1;
    }

    /// The next key of the object that was entered; `None` behind its end.
    /// The caller reads or skips the value before it asks again.
    #[inline(always)]
    pub(crate) fn key(&mut self, object: Object) -> Parsed<Option<Key>> {
        match self.bytes.get(self.at) {
            Some(b',') => self.at += 1,
            Some(b'}') => {
                self.pass_token();
                return Ok(None);
            }
            _ => {}
        }
        match self.orders[object as usize].expect(&self.bytes[self.at..]) {
            Some((key, length)) => {
                self.tokens.pass_pair();
                self.at += length;
                Ok(Some(key))
            }
            None => self.unexpected_key(object),
        }
    }

    /// A key that did not come here the last time, or with white space, junk or
    /// escapes.
    #[inline(never)]
    fn unexpected_key(&mut self, object: Object) -> Parsed<Option<Key>> {
        loop {
            match self.peek() {
                b'"' => {
                    let start = self.at;
                    let text = self.string()?;
                    if self.peek() == b':' {
                        self.at += 1;
                        let name = text.decode();
                        let key = Key::of(&name);
                        if name.len() + 3 == self.at - start {
                            self.orders[object as usize].learn(&self.bytes[start..self.at], key);
                        }
                        return Ok(Some(key));
                    }
                    self.skip_rest()?;
                }
                b'}' => {
                    self.pass_token();
                    return Ok(None);
                }
                b',' => self.at += 1,
                b']' => return Err(Broken),
                _ => self.skip_rest()?,
            }
        }
    }

    /// Whether another element follows in the array that was entered. The
    /// caller reads or skips it before it asks again.
    #[inline(always)]
    pub(crate) fn element(&mut self) -> Parsed<bool> {
        loop {
            match self.peek() {
                b',' => self.at += 1,
                b']' => {
                    self.pass_token();
                    return Ok(false);
                }
                b'\n' | b'}' => return Err(Broken),
                _ => return Ok(true),
            }
        }
    }

    /// A string value; empty, and the value skipped, when it is none.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Parsed<Text<'t>> {
        Ok(self.optional_text()?.unwrap_or_default())
    }

    /// A string value; `None`, and the value skipped, when it is none.
    #[inline(always)]
    pub(crate) fn optional_text(&mut self) -> Parsed<Option<Text<'t>>> {
        if self.peek() != b'"' {
            self.skip()?;
            return Ok(None);
        }
        let text = self.string()?;
        self.end_value()?;
        Ok(Some(text))
    }

    /// The string that starts here.
    #[inline(always)]
    fn string(&mut self) -> Parsed<Text<'t>> {
        let start = self.at + 1;
        let end = self.tokens.pass_pair();
        match self.bytes.get(start..=end) {
            Some([text @ .., b'"']) => {
                self.at = end + 1;
                Ok(Text(text))
            }
            _ => Err(Broken),
        }
    }

    /// Whether the value is literally `true`.
    #[inline(always)]
    pub(crate) fn is_true(&mut self) -> Parsed<bool> {
        self.peek();
        for (word, is_true) in [(&b"false"[..], false), (b"true", true)] {
            let rest = &self.bytes[self.at..];
            if rest.starts_with(word) && matches!(rest.get(word.len()), Some(b',' | b'}')) {
                self.at += word.len();
                return Ok(is_true);
            }
        }
        Ok(self.value()? == b"true")
    }

    /// The raw text of any value, without white space around it.
    #[inline]
    pub(crate) fn value(&mut self) -> Parsed<&'t [u8]> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(self.bytes[start..self.at].trim_ascii_end())
    }

    /// A count; see [`Count`].
    #[inline]
    pub(crate) fn count(&mut self) -> Parsed<Count> {
        self.peek();
        // Fifteen digits are below 2^53; almost every count has fewer.
        let rest = &self.bytes[self.at..];
        let mut number = 0;
        for (length, byte) in rest.iter().take(16).enumerate() {
            match byte {
                b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
                b',' | b'}' if length > 0 => {
                    self.at += length;
                    return Ok(Count::Valid(number));
                }
                _ => break,
            }
        }
        Ok(count(self.value()?))
    }

    /// Skips a value of any kind and any depth.
    #[inline]
    pub(crate) fn skip(&mut self) -> Parsed<()> {
        match self.peek() {
            b'"' | b'{' | b'[' => {
                self.skip_alone()?;
                self.end_value()
            }
            _ => self.skip_rest(),
        }
    }

    /// Skips a string or container that no comma or closer need follow.
    #[inline]
    pub(crate) fn skip_alone(&mut self) -> Parsed<()> {
        if self.peek() == b'"' { self.string().map(|_| ()) } else { self.container() }
    }

    /// Skips the container that starts here: to where as many closed as opened.
    /// `[` and `{` count as one kind. Between tokens that open or close, quotes come
    /// in pairs.
    fn container(&mut self) -> Parsed<()> {
        let mut depth = 0_usize;
        loop {
            let token = self.tokens.peek();
            match self.bytes.get(token) {
                Some(b'"') => {}
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']') if depth > 1 => depth -= 1,
                Some(b'}' | b']') => {
                    self.tokens.pass();
                    self.at = token + 1;
                    return Ok(());
                }
                _ => return Err(Broken),
            }
            self.tokens.pass();
        }
    }

    /// A value ends at a comma or a closer; what stands before it is not read.
    #[inline(always)]
    fn end_value(&mut self) -> Parsed<()> {
        match self.bytes.get(self.at) {
            Some(b',' | b'}' | b']') => Ok(()),
            _ => self.skip_rest(),
        }
    }

    /// Skips to the next comma or closer of this level, over whole strings and
    /// containers: the text of a scalar, or junk.
    fn skip_rest(&mut self) -> Parsed<()> {
        loop {
            match self.bytes.get(self.at) {
                Some(b',' | b'}' | b']') => return Ok(()),
                None | Some(b'\n') => return Err(Broken),
                Some(b'"' | b'{' | b'[') => self.skip_alone()?,
                // Outside of strings there are no escapes. In a torn line such a
                // quote still belongs to a string that began before the tear.
                Some(b'\\') if matches!(self.bytes.get(self.at + 1), Some(b'"' | b'\\')) => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
    }
}

/// Reads a count from the raw text of a value.
pub(crate) fn count(value: &[u8]) -> Count {
    match std::str::from_utf8(value) {
        Ok("null") => Count::Valid(0),
        Ok(text) if is_number(text) => match text.parse::<u64>() {
            Ok(number) if number < COUNT_LIMIT => Count::Valid(number),
            Ok(_) => Count::Invalid,
            Err(_) => text.parse().map_or(Count::Invalid, count_of_float),
        },
        _ => Count::Invalid,
    }
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

fn count_of_float(number: f64) -> Count {
    if number >= 0.0 && number < COUNT_LIMIT as f64 && number.fract() == 0.0 { Count::Valid(number as u64) } else { Count::Invalid }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> Cursor<'_> {
        Cursor::new(text.as_bytes(), 0, Level::detect())
    }

    /// The keys of the next object and the raw text of their values.
    fn members(cursor: &mut Cursor) -> Parsed<Vec<(Key, String)>> {
        let mut members = Vec::new();
        assert!(cursor.enter_object(Object::Small)?);
        while let Some(key) = cursor.key(Object::Small)? {
            members.push((key, String::from_utf8_lossy(cursor.value()?).into_owned()));
        }
        Ok(members)
    }

    fn keys(text: &str) -> Parsed<Vec<Key>> {
        Ok(members(&mut cursor(text))?.into_iter().map(|(key, _)| key).collect())
    }

    #[test]
    fn keys_come_in_any_spelling() {
        let text = "{ \"id\" : 1 ,\t\"\\u0075rl\":[{}] , \"path\":\"}\", \"other\":null }";
        assert_eq!(keys(text), Ok(vec![Key::Id, Key::Url, Key::Path, Key::Other]));
    }

    #[test]
    fn keys_come_in_any_order_whatever_came_before() {
        let objects = [
            r#"{"id":1,"url":2,"path":3}"#,
            r#"{"id":1,"path":3}"#,
            r#"{"id":1,"url":2,"path":3}"#,
            r#"{"url":2,"id":1, "path":3,"cache_creation_input_tokens":4}"#,
            r#"{"url":2,"id":1,"path" :3,"cache_creation_input_tokenz":4}"#,
            "{\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\"id\":1}",
            "{}",
        ];
        // More than are remembered.
        let many: Vec<String> = (0..100).map(|number| format!("\"key{number}\":{number}")).collect();
        let many = format!(r#"{{{},"id":1}}"#, many.join(","));
        let objects = [&objects[..], &[many.as_str()], &objects[..], &[many.as_str()]].concat();
        let text = objects.concat();
        let mut one_cursor = cursor(&text);
        for object in objects {
            assert_eq!(members(&mut one_cursor), members(&mut cursor(object)), "{object}");
        }
    }

    #[test]
    fn junk_between_values_costs_nothing_as_long_as_brackets_close() {
        let text = r#"{"id":nope,foo,"b" 3,"url":,"path":"x"y,"name":1}"#;
        assert_eq!(keys(text), Ok(vec![Key::Id, Key::Url, Key::Path, Key::Name]));
    }

    #[test]
    fn what_does_not_close_is_broken() {
        for text in [r#"{"a":1"#, r#"{"a":"x}"#, "{\"a\":\n1}", r#"{"a":1]"#, r#"{"a"#, "{"] {
            assert_eq!(keys(text), Err(Broken), "{text}");
        }
    }

    #[test]
    fn counts_take_every_spelling_of_a_whole_number() {
        let valid = [("0", 0), ("12", 12), ("1.0", 1), ("1e3", 1000), ("-0", 0), ("null", 0), ("9007199254740991", COUNT_LIMIT - 1)];
        for (text, number) in valid {
            assert_eq!(count(text.as_bytes()), Count::Valid(number), "{text}");
        }
        for text in ["-1", "1.5", "9007199254740992", "1e400", "true", "\"5\"", "NaN", "inf", "[]", "", "18446744073709551616"] {
            assert_eq!(count(text.as_bytes()), Count::Invalid, "{text}");
        }
    }

    #[test]
    fn escapes_decode_as_json_says() {
        let decoded = |raw: &'static str| Text(raw.as_bytes()).to_str();
        assert_eq!(decoded(r#"a\"b\\c\/\n\t\u00e9"#), "a\"b\\c/\n\té");
        assert_eq!(decoded(r"\ud83d\ude00"), "😀");
        assert_eq!(decoded(r"\ud83dx\ude00"), "\u{FFFD}x\u{FFFD}");
        assert_eq!(decoded(r"\uzz"), "\u{FFFD}zz");
    }
}
