//! Removes the quotes of one shell word, and finds where nested text ends.
//!
//! Works on the bytes of the raw word. No recursion: openers wait on a stack of
//! their own, so nesting costs memory, never stack.

use super::Word;

/// Removes quotes. Expansions are kept as typed and make the word not literal.
pub(super) fn unquote(raw: &str) -> Word {
    if !raw.bytes().any(is_special) {
        return Word { text: raw.to_owned(), is_literal: true };
    }
    let mut unquoter = Unquoter { raw, at: 0, text: String::with_capacity(raw.len()), is_literal: true };
    while unquoter.at < raw.len() {
        unquoter.step();
    }
    Word { text: unquoter.text, is_literal: unquoter.is_literal }
}

/// The end of the quote, substitution or expansion that starts at `start`, or
/// `start + 1` where nothing starts. What is never closed ends with the text.
pub(super) fn nested_end(text: &[u8], start: usize) -> usize {
    let mut closers = Vec::new();
    let mut heredocs = Vec::new();
    let mut at = open(text, start, &mut closers);
    while let Some(&closer) = closers.last() {
        match text.get(at) {
            None => return text.len(),
            Some(&byte) if is_ordinary(byte) => at += 1,
            Some(b'\\') if closer != b'\'' => at += 2,
            Some(&byte) if byte == closer => {
                closers.pop();
                at += 1;
            }
            Some(b'\n') if closer == b')' && !heredocs.is_empty() => {
                at = skip_heredocs(text, at + 1, &mut heredocs);
            }
            Some(b'<') if closer == b')' && text[at..].starts_with(b"<<") => {
                at = heredoc_start(text, at, &mut heredocs);
            }
            Some(_) => at = open(text, at, &mut closers),
        }
    }
    at.min(text.len())
}

/// A heredoc whose body has not begun.
pub(super) struct Heredoc {
    pub(super) delimiter: String,
    pub(super) is_quoted: bool,
    pub(super) strips_tabs: bool,
}

/// Reads `<<WORD` at `at` (or passes `<<<`); gives the place after it.
pub(super) fn heredoc_start(text: &[u8], at: usize, heredocs: &mut Vec<Heredoc>) -> usize {
    if text[at..].starts_with(b"<<<") {
        return at + 3;
    }
    let strips_tabs = text.get(at + 2) == Some(&b'-');
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let start = at + 2 + usize::from(strips_tabs);
    let start = start + text[start..].iter().take_while(blank).count();
    let end = word_end(text, start);
    let raw = String::from_utf8_lossy(&text[start..end]);
    let is_quoted = raw.contains(['\'', '"', '\\']);
    if end > start {
        heredocs.push(Heredoc { delimiter: unquote(&raw).text, is_quoted, strips_tabs });
    }
    end
}

/// The end of the body that starts at `start`, and the place after its delimiter.
pub(super) fn heredoc_end(text: &[u8], start: usize, heredoc: &Heredoc) -> (usize, usize) {
    let mut at = start;
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
        let line = text[at..end].trim_ascii_end();
        let line = if heredoc.strips_tabs { line.trim_ascii_start() } else { line };
        if line == heredoc.delimiter.as_bytes() {
            return (at, end);
        }
        at = end + 1;
    }
    (text.len(), text.len())
}

/// The end of the word that starts at `start`.
pub(super) fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        match byte {
            _ if is_ordinary(byte) => at += 1,
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' => break,
            b'<' | b'>' if text.get(at + 1) != Some(&b'(') => break,
            b'\\' => at += 2,
            _ => at = nested_end(text, at),
        }
    }
    at.min(text.len())
}

/// Whether every quote and substitution of a raw word is closed.
pub(super) fn is_closed(raw: &str) -> bool {
    raw.bytes().all(|byte| !is_special(byte)) || word_end(format!("{raw} ").as_bytes(), 0) == raw.len()
}

/// Steps over one byte, and remembers the closer where it opens something.
fn open(text: &[u8], at: usize, closers: &mut Vec<u8>) -> usize {
    let inside = closers.last().copied();
    let next = text.get(at + 1);
    let (closer, length) = match text[at] {
        _ if inside == Some(b'\'') => return at + 1,
        b'`' => (b'`', 1),
        b'$' if next == Some(&b'(') => (b')', 2),
        b'$' if next == Some(&b'{') => (b'}', 2),
        b'"' => (b'"', 1),
        _ if inside == Some(b'"') => return at + 1,
        b'$' if next == Some(&b'\'') => return ansi_end(text, at + 2),
        b'\'' => (b'\'', 1),
        b'<' | b'>' if next == Some(&b'(') => (b')', 2),
        b'(' if inside == Some(b')') => (b')', 1),
        b'#' if inside == Some(b')') && starts_comment(text, at) => {
            return memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
        }
        _ => return at + 1,
    };
    closers.push(closer);
    at + length
}

/// Whether `#` at `at` starts a comment: only at the start of a word.
fn starts_comment(text: &[u8], at: usize) -> bool {
    at > 0 && matches!(text[at - 1], b' ' | b'\t' | b'\n' | b';')
}

/// The place after the `'` that closes a `$'…'` whose text starts at `start`.
fn ansi_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < text.len() && text[at] != b'\'' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}

fn skip_heredocs(text: &[u8], start: usize, heredocs: &mut Vec<Heredoc>) -> usize {
    heredocs.drain(..).fold(start, |at, heredoc| heredoc_end(text, at, &heredoc).1)
}

/// Whether a byte means nothing but itself, wherever it stands: most bytes of most commands.
fn is_ordinary(byte: u8) -> bool {
    const ORDINARY: [bool; 256] = {
        let mut ordinary = [true; 256];
        let meaningful = b" \t\r\n;&|()<>\\'\"$`{}#";
        let mut at = 0;
        while at < meaningful.len() {
            ordinary[meaningful[at] as usize] = false;
            at += 1;
        }
        ordinary
    };
    ORDINARY[usize::from(byte)]
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`' | b'*' | b'?' | b'[' | b'{' | b'<' | b'>')
}

struct Unquoter<'w> {
    raw: &'w str,
    at: usize,
    text: String,
    is_literal: bool,
}

impl Unquoter<'_> {
    /// Handles what stands at `at` outside quotes.
    fn step(&mut self) {
        let bytes = self.raw.as_bytes();
        match bytes[self.at] {
            b'\'' => self.single(),
            b'"' => self.double(),
            b'\\' => self.escape(),
            b'$' if bytes.get(self.at + 1) == Some(&b'\'') => self.ansi(),
            b'$' if bytes.get(self.at + 1) == Some(&b'"') => self.at += 1,
            b'$' => self.expansion(),
            b'`' => self.keep(nested_end(bytes, self.at)),
            b'<' | b'>' => self.keep(nested_end(bytes, self.at)),
            b'*' | b'?' => self.keep(self.at + 1),
            // `[` alone is the program `test`; `{}` is the placeholder of find and xargs.
            b'[' if self.raw.len() > 1 => self.keep(self.at + 1),
            b'{' if self.is_brace_list() => self.keep(self.at + 1),
            _ => self.plain(),
        }
    }

    /// Copies up to the next special byte.
    fn plain(&mut self) {
        let bytes = self.raw.as_bytes();
        let length = bytes[self.at + 1..].iter().take_while(|byte| !is_special(**byte)).count();
        self.push_to(self.at + 1 + length);
    }

    fn push_to(&mut self, end: usize) {
        // The ends are at ASCII bytes or the end of the text, except after an
        // escape at the very end; `get` then gives nothing.
        self.text.push_str(self.raw.get(self.at..end).unwrap_or_default());
        self.at = end;
    }

    /// Copies text whose value is not known.
    fn keep(&mut self, end: usize) {
        self.is_literal = false;
        self.push_to(end);
    }

    fn single(&mut self) {
        let rest = &self.raw[self.at + 1..];
        let length = rest.find('\'').unwrap_or(rest.len());
        self.text.push_str(&rest[..length]);
        self.at = (self.at + length + 2).min(self.raw.len());
    }

    fn escape(&mut self) {
        let next = self.raw[self.at + 1..].chars().next();
        match next {
            Some('\n') | None => {}
            Some(character) => self.text.push(character),
        }
        self.at += 1 + next.map_or(0, char::len_utf8);
    }

    fn double(&mut self) {
        self.at += 1;
        while let Some(&byte) = self.raw.as_bytes().get(self.at) {
            match byte {
                b'"' => break,
                b'\\' => self.escape_in_double(),
                b'$' => self.expansion(),
                b'`' => self.keep(nested_end(self.raw.as_bytes(), self.at)),
                _ => {
                    let rest = &self.raw[self.at..];
                    let length = rest.find(['"', '\\', '$', '`']).unwrap_or(rest.len());
                    self.push_to(self.at + length);
                }
            }
        }
        self.at = (self.at + 1).min(self.raw.len());
    }

    /// In double quotes a backslash stays before all but these.
    fn escape_in_double(&mut self) {
        match self.raw.as_bytes().get(self.at + 1) {
            Some(b'"' | b'\\' | b'$' | b'`' | b'\n') => self.escape(),
            _ => self.push_to(self.at + 1),
        }
    }

    /// `$'…'`: the common escapes; rare ones stay as typed.
    fn ansi(&mut self) {
        let end = ansi_end(self.raw.as_bytes(), self.at + 2);
        let inner = self.raw.get(self.at + 2..end).unwrap_or_default();
        let mut characters = inner.strip_suffix('\'').unwrap_or(inner).chars();
        while let Some(character) = characters.next() {
            match (character, character == '\\') {
                (_, false) => self.text.push(character),
                _ => match characters.next() {
                    Some('n') => self.text.push('\n'),
                    Some('t') => self.text.push('\t'),
                    Some(other @ ('\\' | '\'' | '"')) => self.text.push(other),
                    Some(other) => self.text.extend(['\\', other]),
                    None => {}
                },
            }
        }
        self.at = end;
    }

    /// `$name`, `${…}`, `$(…)`, `$1`; a lone `$` is itself.
    fn expansion(&mut self) {
        let bytes = self.raw.as_bytes();
        let name = bytes[self.at + 1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        match bytes.get(self.at + 1) {
            Some(b'(' | b'{') => self.keep(nested_end(bytes, self.at)),
            _ if name > 0 => self.keep(self.at + 1 + name),
            Some(b'?' | b'!' | b'#' | b'@' | b'*' | b'$' | b'-') => self.keep(self.at + 2),
            _ => self.push_to(self.at + 1),
        }
    }

    /// Whether `{` here opens `{a,b}` or `{1..9}`. Looks only a little ahead:
    /// many open braces would otherwise cost the square of their number.
    fn is_brace_list(&self) -> bool {
        let rest = &self.raw.as_bytes()[self.at..];
        let list = rest.iter().take(256).position(|byte| *byte == b'}').map(|end| &rest[..end]);
        list.is_some_and(|list| list.contains(&b',') || list.windows(2).any(|pair| pair == b".."))
    }
}
