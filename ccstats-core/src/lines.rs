//! Splits the bytes of a transcript into lines and reads their entries.
//!
//! Lines end at byte 0x0A only. A line is read where it stands; the newline is
//! found on the way, so no byte is looked at twice. What does not close is
//! looked over once more for the complete objects in it ([`salvage`]). Every
//! line and every byte is accounted for in one of five classes.
//!
//! A session that still runs may leave its last line unfinished: that is a
//! class of its own, not an error.

use std::borrow::Cow;
use std::fmt;
use std::ops::AddAssign;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::entry::Entry;
use crate::json::Cursor;
use crate::keys::Orders;
use crate::simd::Level;

/// Reads the entries of one transcript, in order.
///
/// # Examples
/// ```
/// let transcript = br#"{"type":"user","uuid":"u1"}
/// {"type":"assistant","message":{"usage":{"output_tokens":7}}}
/// not an entry
/// "#;
/// let mut output = 0;
/// let mut skipped = 0;
/// for line in ccstats_core::entries(transcript) {
///     match line {
///         Ok((_, entry)) => output += entry.message.and_then(|message| message.usage).map_or(0, |usage| usage.output),
///         Err(problem) => skipped += usize::from(problem.line == 3),
///     }
/// }
/// assert_eq!((output, skipped), (7, 1));
/// ```
pub fn entries(transcript: &[u8]) -> Entries<'_> {
    Entries::new(transcript, transcript.len(), Level::detect(), Orders::default())
}

/// Lines and bytes by what became of them. All five add up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineClasses {
    /// Objects with a string `type`.
    pub parsed: LinesAndBytes,
    /// Damaged lines that still held whole entries.
    pub salvaged: LinesAndBytes,
    /// Spaces, tabs and carriage returns only.
    pub blank: LinesAndBytes,
    /// Lines without any entry.
    pub malformed: LinesAndBytes,
    /// A last line without a newline that does not parse.
    pub unfinished: LinesAndBytes,
}

/// A number of lines, and of the bytes that they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesAndBytes {
    /// The lines.
    pub lines: u64,
    /// Their bytes, newlines included.
    pub bytes: u64,
}

impl LinesAndBytes {
    pub(crate) fn add_line(&mut self, bytes: usize) {
        self.lines += 1;
        self.bytes += bytes as u64;
    }
}

impl AddAssign for LinesAndBytes {
    fn add_assign(&mut self, other: LinesAndBytes) {
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

impl AddAssign for LineClasses {
    fn add_assign(&mut self, other: LineClasses) {
        self.parsed += other.parsed;
        self.salvaged += other.salvaged;
        self.blank += other.blank;
        self.malformed += other.malformed;
        self.unfinished += other.unfinished;
    }
}

impl LineClasses {
    /// All lines and bytes.
    pub fn total(&self) -> LinesAndBytes {
        let mut total = self.parsed;
        total += self.salvaged;
        total += self.blank;
        total += self.malformed;
        total += self.unfinished;
        total
    }
}

/// A line that is no entry, with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The number of the line, from 1.
    pub line: u32,
    /// The index of its first byte.
    pub offset: usize,
    /// Whether it is a last line that may still be written.
    pub is_unfinished: bool,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_unfinished { "is not finished" } else { "holds no entry" };
        write!(f, "line {}, from byte {}, {what}: expected a JSON object with a `type`", self.line, self.offset)
    }
}

impl std::error::Error for BadLine {}

/// The iterator behind [`entries`]: line numbers (from 1) and entries.
pub struct Entries<'t> {
    cursor: Cursor<'t>,
    /// Reads what is left of a damaged line. Most texts have none.
    salvager: Option<Cursor<'t>>,
    /// No line starts here or later.
    limit: usize,
    /// Where the line of the last entry starts, and where the next one does.
    start: usize,
    at: usize,
    line: u32,
    /// Where in the line it goes on, when the last entry was salvaged.
    salvage_at: Option<usize>,
    account: LineClasses,
}

impl<'t> Entries<'t> {
    /// The lines of `bytes` that start before `limit`; the last one may end behind it.
    /// `orders` are those of the keys in lines that were read before.
    pub(crate) fn new(bytes: &'t [u8], limit: usize, level: Level, orders: Orders) -> Entries<'t> {
        let cursor = Cursor::with_orders(orders, bytes, 0, level);
        Entries { cursor, salvager: None, limit, start: 0, at: 0, line: 0, salvage_at: None, account: LineClasses::default() }
    }

    /// The lines read so far, by class.
    pub fn account(&self) -> LineClasses {
        self.account
    }

    /// What was learned about the order of keys.
    pub(crate) fn into_orders(self) -> Orders {
        self.cursor.into_orders()
    }

    /// The line of the last entry, without its newline, and where it starts.
    pub(crate) fn line(&self) -> (usize, &'t [u8]) {
        let line = &self.cursor.bytes()[self.start..self.at];
        (self.start, line.strip_suffix(b"\n").unwrap_or(line))
    }

    /// The next line that is no blank: its number, with its entry in `entry`, or
    /// why there is none. A damaged line may give several entries in turn.
    pub(crate) fn read_next(&mut self, entry: &mut Entry<'t>) -> Option<Result<u32, BadLine>> {
        loop {
            if let Some((salvager, at)) = self.salvager.as_mut().zip(self.salvage_at) {
                self.salvage_at = salvage(salvager, at, entry);
                if self.salvage_at.is_some() {
                    return Some(Ok(self.line));
                }
            }
            if self.at >= self.limit {
                return None;
            }
            self.line += 1;
            let start = self.at;
            self.start = start;
            let bad = BadLine { line: self.line, offset: start, is_unfinished: false };
            let Some((is_entry, end)) = self.whole_line(entry) else {
                match self.odd_line(entry) {
                    Some(read) => return Some(read),
                    None => continue,
                }
            };
            self.at = end;
            let class = if is_entry { &mut self.account.parsed } else { &mut self.account.malformed };
            class.add_line(end - start);
            return Some(if is_entry { Ok(self.line) } else { Err(bad) });
        }
    }

    /// The fast path: a whole object, and nothing behind it on its line. Gives
    /// whether it is an entry, and the start of the next line.
    #[inline]
    fn whole_line(&mut self, entry: &mut Entry<'t>) -> Option<(bool, usize)> {
        let bytes = self.cursor.bytes();
        let mut start = self.at;
        if bytes[start] != b'{' {
            start += if bytes[start..].starts_with(BOM) { BOM.len() } else { 0 };
            start = skip_space(bytes, start);
            if bytes.get(start) != Some(&b'{') {
                return None;
            }
        }
        self.cursor.go_to(start);
        let is_entry = entry.read(&mut self.cursor).ok()?;
        let end = skip_space(bytes, self.cursor.position());
        match bytes.get(end) {
            Some(b'\n') => Some((is_entry, end + 1)),
            Some(_) => None,
            None => Some((is_entry, end)),
        }
    }

    /// The slow path: a line that is damaged or no object. Gives nothing for a blank one.
    fn odd_line(&mut self, entry: &mut Entry<'t>) -> Option<Result<u32, BadLine>> {
        let start = self.at;
        let bytes = self.cursor.bytes();
        let newline = memchr::memchr(b'\n', &bytes[start..]);
        let end = newline.map_or(bytes.len(), |length| start + length);
        self.at = newline.map_or(end, |_| end + 1);
        let length = self.at - start;
        let line = &bytes[start..end];
        if skip_space(line, 0) == line.len() {
            self.account.blank.add_line(length);
            return None;
        }
        let is_unfinished = newline.is_none() && serde_json::from_slice::<IgnoredAny>(line).is_err();
        if !is_unfinished {
            let first = skip_white(line, 0);
            let salvager = self.salvager.get_or_insert_with(|| Cursor::in_damaged(line, first));
            salvager.restart(line, first);
            self.salvage_at = salvage(salvager, first, entry);
        }
        if self.salvage_at.is_some() {
            self.account.salvaged.add_line(length);
            return Some(Ok(self.line));
        }
        let class = if is_unfinished { &mut self.account.unfinished } else { &mut self.account.malformed };
        class.add_line(length);
        Some(Err(BadLine { line: self.line, offset: start, is_unfinished }))
    }
}

impl<'t> Iterator for Entries<'t> {
    type Item = Result<(u32, Entry<'t>), BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut entry = Entry::default();
        let line = self.read_next(&mut entry)?;
        Some(line.map(|number| (number, entry)))
    }
}

/// The byte order mark of UTF-8; before a line it is nothing.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Reads the next whole entry of a damaged line (`docs/counting.md` 2), and gives where the rest
/// of the line starts: complete values that stand one after another; then, if a rest remains,
/// the suffix that is a complete object. Linear in the line.
fn salvage<'t>(cursor: &mut Cursor<'t>, mut at: usize, entry: &mut Entry<'t>) -> Option<usize> {
    let line = cursor.bytes();
    while at < line.len() {
        cursor.go_to(at);
        let Some((is_entry, end)) = glued_value(cursor, entry) else { return salvage_last(cursor, at + 1, entry) };
        at = skip_white(line, end);
        if is_entry {
            return Some(at);
        }
    }
    None
}

/// Reads the entry that a damaged line ends with, if it starts there or later.
fn salvage_last<'t>(cursor: &mut Cursor<'t>, from: usize, entry: &mut Entry<'t>) -> Option<usize> {
    let line = cursor.bytes();
    cursor.restart(line, last_object(line, from)?);
    whole_object(cursor, entry)?.then_some(line.len())
}

/// Reads the next of several values without anything between them: whether it is an entry, and
/// its end.
fn glued_value<'t>(cursor: &mut Cursor<'t>, entry: &mut Entry<'t>) -> Option<(bool, usize)> {
    let (line, start) = (cursor.bytes(), cursor.position());
    match line[start] {
        b'{' => {
            let is_entry = whole_object(cursor, entry)?;
            Some((is_entry, cursor.position()))
        }
        b'[' | b'"' => {
            cursor.skip_alone().ok()?;
            Some((false, cursor.position()))
        }
        _ => scalar_end(line, start).map(|end| (false, end)),
    }
}

/// Reads the object at the cursor. Gives whether it is an entry; nothing where it is no valid
/// JSON. A reader of whole lines may pass over what stands between values, but here a torn
/// string may end in the next line's text.
fn whole_object<'t>(cursor: &mut Cursor<'t>, entry: &mut Entry<'t>) -> Option<bool> {
    let start = cursor.position();
    let is_entry = entry.read(cursor).ok()?;
    let object = &cursor.bytes()[start..cursor.position()];
    // NUL bytes are what a crash leaves: they count for nothing.
    let text = if object.contains(&0) { object.iter().copied().filter(|byte| *byte != 0).collect() } else { Cow::Borrowed(object) };
    serde_json::from_slice::<IgnoredAny>(&text).ok().map(|_| is_entry)
}

/// The end of a number or literal that stands alone.
fn scalar_end(line: &[u8], start: usize) -> Option<usize> {
    let rest = &line[start..];
    let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')).count();
    serde_json::from_slice::<IgnoredAny>(&rest[..word]).ok().map(|_| start + word)
}

#[inline]
fn skip_space(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count()
}

/// Skips white space, NUL bytes and byte order marks in a damaged line.
fn skip_white(line: &[u8], mut at: usize) -> usize {
    loop {
        at += line[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0)).count();
        if !line[at..].starts_with(BOM) {
            return at;
        }
        at += BOM.len();
    }
}

/// Where the object starts that ends with the line, not before `from`.
///
/// Read backwards from the end, outside of strings, so only one opener can
/// match the last closer. In a valid suffix an escaped quote stands only
/// inside a string; a quote is escaped by an odd run of backslashes before it.
fn last_object(line: &[u8], from: usize) -> Option<usize> {
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | 0))?;
    if line[end] != b'}' {
        return None;
    }
    let (mut depth, mut in_string, mut at) = (0_usize, false, end + 1);
    while at > from {
        at -= 1;
        match line[at] {
            b'"' if !is_escaped(line, &mut at, from) => in_string = !in_string,
            b'}' | b']' if !in_string => depth += 1,
            b'{' | b'[' if !in_string => {
                depth -= 1;
                if depth == 0 {
                    return line[at..].starts_with(b"{\"").then_some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Whether backslashes escape the quote at `at`, perhaps with NUL bytes between; steps over them
/// if there are any.
fn is_escaped(line: &[u8], at: &mut usize, from: usize) -> bool {
    let run = line[from..*at].iter().rev().take_while(|byte| matches!(byte, b'\\' | 0));
    *at -= run.clone().count();
    run.filter(|byte| **byte != 0).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text: the number and `uuid` of each entry, or why there is none.
    fn dump(text: &[u8]) -> Vec<String> {
        let show = |line: Result<(u32, Entry), BadLine>| match line {
            Ok((number, entry)) => format!("{number} {}", entry.uuid.to_str()),
            Err(bad) => format!("{} {}", bad.line, if bad.is_unfinished { "unfinished" } else { "malformed" }),
        };
        entries(text).map(show).collect()
    }

    fn account(text: &[u8]) -> LineClasses {
        let mut lines = entries(text);
        while lines.next().is_some() {}
        lines.account()
    }

    const A: &str = r#"{"type":"x","uuid":"a"}"#;
    const B: &str = r#"{"uuid":"b","s":"\"{\\","type":"x"}"#;

    #[test]
    fn each_line_is_one_entry() {
        assert_eq!(dump(format!("{A}\n{B}\n").as_bytes()), ["1 a", "2 b"]);
        assert_eq!(dump(format!("{A}\n{B}").as_bytes()), ["1 a", "2 b"]);
    }

    #[test]
    fn blank_lines_bom_and_carriage_returns_are_nothing() {
        let text = format!("\u{feff}{A}\r\n \t\r\n\n  {B} \n");
        assert_eq!(dump(text.as_bytes()), ["1 a", "4 b"]);
        assert_eq!(account(text.as_bytes()).blank.lines, 2);
    }

    #[test]
    fn glued_objects_are_all_found() {
        assert_eq!(dump(format!("{A}{B}\n{A} {B}{A}\n").as_bytes()), ["1 a", "1 b", "2 a", "2 b", "2 a"]);
    }

    #[test]
    fn a_torn_prefix_costs_only_itself() {
        for cut in 1..B.len() {
            assert_eq!(dump(format!("{}{A}\n{B}\n", &B[..cut]).as_bytes()), ["1 a", "2 b"], "cut at {cut}");
            assert_eq!(dump(format!("{}{B}\n{A}\n", &A[..cut.min(A.len() - 1)]).as_bytes()), ["1 b", "2 a"], "cut at {cut}");
        }
    }

    #[test]
    fn nul_bytes_before_an_entry_are_dropped() {
        let text = [vec![0; 300], A.as_bytes().to_vec(), b"\n".to_vec()].concat();
        assert_eq!(dump(&text), ["1 a"]);
        assert_eq!(account(&text).salvaged.lines, 1);
    }

    #[test]
    fn a_nul_byte_behind_a_backslash_costs_no_line() {
        for text in [r#"a\0"b\\"#, r#"c\00""#] {
            // One quote too many without the rule: the string of `s` would end too early.
            let holed = format!(r#"{{"type":"x","s":"{text}","uuid":"b"}}"#).replace('0', "\0");
            for line in [holed.clone(), format!("{A}{holed}"), format!("{{\"ty\":{holed}"), format!("{holed}{A}")] {
                assert!(dump(format!("{line}\n").as_bytes()).contains(&"1 b".to_owned()), "{line:?}");
            }
        }
    }

    #[test]
    fn a_torn_text_that_ends_in_the_next_record_is_no_entry() {
        let whole = r#"{"type":"user","uuid":"b","text":"a } b"}"#;
        for torn in [r#"{"type":"user","uuid":"a"#, r#"{"type":"user","uuid":"a","x":{"y":1},"z":""#, r#"{"ty"#] {
            assert_eq!(dump(format!("{torn}{whole}\n").as_bytes()), ["1 b"], "{torn}");
        }
    }

    #[test]
    fn a_bad_line_tells_its_place_and_what_was_expected() {
        let bad = entries(b"\nx\n").find_map(Result::err).expect("a bad line");
        assert_eq!(bad.to_string(), "line 2, from byte 1, holds no entry: expected a JSON object with a `type`");
    }

    #[test]
    fn a_last_line_without_newline_is_unfinished_not_salvaged() {
        assert_eq!(dump(format!("{A}\n{}", &B[..10]).as_bytes()), ["1 a", "2 unfinished"]);
        assert_eq!(dump(format!("{A}{B}").as_bytes()), ["1 unfinished"]);
    }

    #[test]
    fn what_is_no_object_with_a_type_is_malformed() {
        let text = "[1]\n{}\n{\"type\":5}\n// x\nnull\n";
        assert_eq!(account(text.as_bytes()).malformed.lines, 5);
    }

    #[test]
    fn the_classes_add_up_to_all_lines_and_bytes() {
        let text = format!("{A}\n\n{A}{B}\nnope\n{A}\n{{");
        let total = account(text.as_bytes()).total();
        assert_eq!((total.lines, total.bytes), (6, text.len() as u64));
    }
}
