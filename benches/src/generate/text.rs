//! The text inside transcripts: source code, pictures, signatures, ids.
//!
//! All text is made once and then copied in slices, already escaped as the
//! inside of a JSON string. Generating it anew for every line would make the
//! generator slower than the program that it measures.

use super::random::Random;

/// Larger than the largest single text, so that one slice always suffices.
const POOL_BYTES: usize = 4 << 20;

pub(super) const WORDS: [&str; 24] = [
    "parser", "value", "index", "buffer", "token", "result", "config", "session", "path", "line", "count", "total", "range", "price",
    "model", "reader", "cursor", "offset", "table", "column", "filter", "source", "report", "header",
];

/// Pools of text to cut slices from.
pub(super) struct Text {
    code: Lines,
    numbered: Lines,
    base64: Vec<u8>,
}

/// A pool and the places where its lines start.
struct Lines {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Text {
    pub(super) fn new(random: &mut Random) -> Self {
        let (mut code, mut numbered) = (Lines::new(), Lines::new());
        while code.bytes.len() < POOL_BYTES {
            let line = code_line(random);
            let number = code.starts.len() % 900 + 1;
            code.push(&line);
            numbered.push(&format!("{number:6}\\t{line}"));
        }
        Self { code, numbered, base64: base64(random) }
    }

    /// About `size` bytes of source code, in whole lines, at least one.
    pub(super) fn code(&self, random: &mut Random, size: usize) -> &[u8] {
        self.code.slice(random, size)
    }

    /// The same with a number before each line, as the tool Read shows it.
    pub(super) fn numbered(&self, random: &mut Random, size: usize) -> &[u8] {
        self.numbered.slice(random, size)
    }

    /// One line of code without its end.
    pub(super) fn line(&self, random: &mut Random) -> &[u8] {
        let line = self.code.slice(random, 0);
        &line[..line.len() - 2]
    }

    /// Exactly `size` bytes of base64, or the whole pool if that is less.
    pub(super) fn base64(&self, random: &mut Random, size: usize) -> &[u8] {
        let size = size.min(self.base64.len() - 1);
        let start = random.below((self.base64.len() - size) as u64) as usize;
        &self.base64[start..start + size]
    }
}

impl Lines {
    fn new() -> Self {
        Self { bytes: Vec::with_capacity(POOL_BYTES + 256), starts: vec![0] }
    }

    fn push(&mut self, line: &str) {
        self.bytes.extend_from_slice(line.as_bytes());
        self.starts.push(self.bytes.len());
    }

    fn slice(&self, random: &mut Random, size: usize) -> &[u8] {
        let latest = self.bytes.len().saturating_sub(size + 256);
        let last_first = self.starts.partition_point(|&start| start < latest).max(1);
        let first = random.below(last_first as u64) as usize;
        let start = self.starts[first];
        let end = self.starts.partition_point(|&at| at <= start + size).max(first + 2) - 1;
        &self.bytes[start..self.starts[end]]
    }
}

/// A line of code with as many quotes and backslashes as code has.
fn code_line(random: &mut Random) -> String {
    let (a, b, c) = (random.pick(&WORDS), random.pick(&WORDS), random.pick(&WORDS));
    let indent = "    ".repeat(random.below(4) as usize);
    match random.below(8) {
        0 => "\\n".to_owned(),
        1 => format!("{indent}}}\\n"),
        2 => format!("{indent}let {a} = {b}.get(\\\"{c}\\\")?;\\n"),
        3 => format!("{indent}println!(\\\"{a}: {{}}\\\\n\\\", {b}.{c}());\\n"),
        4 => format!("{indent}// The {a} of a {b} is checked before its {c} is read.\\n"),
        5 => format!("{indent}if {a}.len() > {b}.{c} && !{b}.is_empty() {{\\n"),
        6 => format!("\\tassert_eq!({a}({b}), Some(\\\"{c}\\\"), \\\"{a} of {b}\\\");\\n"),
        _ => format!("{indent}pub fn {a}_{b}(&self, {c}: usize) -> Option<usize> {{\\n"),
    }
}

fn base64(random: &mut Random) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..POOL_BYTES / 4).map(|_| DIGITS[random.below(64) as usize]).collect()
}

/// A version 4 UUID.
pub(super) fn uuid(random: &mut Random) -> String {
    let (a, b) = (random.next(), random.next());
    let variant = 0x8000 | (b >> 48 & 0x3fff);
    let (time, middle, version) = (a >> 32, a >> 16 & 0xffff, a & 0xfff);
    format!("{time:08x}-{middle:04x}-4{version:03x}-{variant:04x}-{:012x}", b & 0xffff_ffff_ffff)
}

/// The 22 letters and digits that follow `msg_01`, `toolu_01` and `req_01`.
pub(super) fn base62(random: &mut Random) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..22).map(|_| char::from(DIGITS[random.below(62) as usize])).collect()
}

/// A time as transcripts write it: UTC with milliseconds.
pub(super) fn timestamp(millis: u64) -> String {
    let (year, month, day) = civil(millis / 86_400_000);
    let (seconds, milli) = (millis / 1000 % 86_400, millis % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a day since 1970, by the method of Howard Hinnant.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}
