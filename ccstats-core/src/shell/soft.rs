//! Whether exit 1 of a command only says "nothing found" (`docs/counting.md` section 4).
//!
//! The rule is defined by two regular expressions of the reference program, on
//! the text, not on parsed shell: outcomes were counted with it. This file
//! gives the same answer for every text, by hand and in linear time; it must
//! not be made cleverer. One difference is known: letters of a variable name
//! that are combining marks, which no shell accepts.

/// Programs whose exit 1 means that nothing was found or that things differ.
const SOFT: &[&str] = &["grep", "egrep", "fgrep", "rg", "find", "diff", "test", "["];

/// Whether a program whose exit can be the command's (the last one, or one
/// before `&&`) says "nothing found" by exit 1.
pub fn has_soft_exit(command: &str) -> bool {
    let mut before_and = Vec::new();
    let mut last = "";
    for piece in Pieces::new(command) {
        match piece {
            Piece::Program(program) if program.chars().all(is_space) => {}
            Piece::Program(program) => last = program,
            Piece::And => before_and.push(last),
            Piece::Pipe => {}
            Piece::End => before_and.clear(),
        }
    }
    is_soft(last) || before_and.into_iter().any(is_soft)
}

enum Piece<'t> {
    Program(&'t str),
    And,
    Pipe,
    /// `;`, a line end, `&` or `||`.
    End,
}

/// Programs and separators, as the first expression finds them.
struct Pieces<'t> {
    text: &'t str,
    at: usize,
    /// Once a double quote was not closed. For each byte: where one closes if its text goes
    /// on here.
    closes: Option<Vec<usize>>,
}

impl<'t> Pieces<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, closes: None }
    }

    /// The end of the piece of a program that starts at `at`, if one does.
    fn unit_end(&mut self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let next = bytes.get(at + 1);
        match bytes.get(at)? {
            b'\'' => memchr::memchr(b'\'', &bytes[at + 1..]).map(|length| at + length + 2),
            b'"' => self.closing_quote(at + 1).map(|close| close + 1),
            b'\\' => self.text.get(at + 1..)?.chars().next().map(|escaped| at + 1 + escaped.len_utf8()),
            b'>' if next == Some(&b'&') => Some(at + 2),
            b'&' if next == Some(&b'>') => Some(at + 2),
            b'|' | b'&' | b';' | b'\n' => None,
            _ => Some(at + 1),
        }
    }

    /// Where a double quote closes whose text goes on at `at`.
    fn closing_quote(&mut self, at: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        if self.closes.is_none() {
            let mut from = at;
            while let Some(length) = bytes.get(from..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
                from += length;
                if bytes[from] == b'"' {
                    return Some(from);
                }
                from += 2;
            }
        }
        // To look to the end for each quote of many would take too long.
        let closes = self.closes.get_or_insert_with(|| closing_quotes(bytes));
        closes.get(at).copied().filter(|close| *close < bytes.len())
    }

    fn separator(&self) -> Option<(Piece<'t>, usize)> {
        let bytes = &self.text.as_bytes()[self.at..];
        match bytes {
            [b'&', b'&', ..] => Some((Piece::And, 2)),
            [b'|', b'|', ..] => Some((Piece::End, 2)),
            [b'|', b'&', ..] => Some((Piece::Pipe, 2)),
            [b'|', ..] => Some((Piece::Pipe, 1)),
            [b'&' | b';' | b'\n', ..] => Some((Piece::End, 1)),
            _ => None,
        }
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        while self.at < self.text.len() {
            let start = self.at;
            loop {
                let rest = &self.text.as_bytes()[self.at..];
                self.at += rest.iter().position(is_special).unwrap_or(rest.len());
                let Some(end) = self.unit_end(self.at) else { break };
                self.at = end;
            }
            if self.at > start {
                return self.text.get(start..self.at).map(Piece::Program);
            }
            if let Some((piece, length)) = self.separator() {
                self.at += length;
                return Some(piece);
            }
            // A quote that is never closed, or a backslash at the end.
            self.at += 1;
        }
        None
    }
}

/// Whether a byte may be more than one of a word.
fn is_special(byte: &u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'\\' | b'>' | b'|' | b'&' | b';' | b'\n')
}

/// For each place: where the `"` stands that closes a text going on there, or
/// past the end. Built from the right, so that many open quotes stay linear.
fn closing_quotes(bytes: &[u8]) -> Vec<usize> {
    let none = bytes.len();
    let mut closes = vec![none; none + 2];
    for at in (0..none).rev() {
        closes[at] = match bytes[at] {
            b'"' => at,
            b'\\' => closes[at + 2],
            _ => closes[at + 1],
        };
    }
    closes
}

/// The second expression: a soft program behind assignments and wrappers.
fn is_soft(program: &str) -> bool {
    let mut words = program.split(is_space).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let name = word.rsplit('/').next().unwrap_or(word);
        if SOFT.contains(&name) {
            return true;
        }
        match word {
            "timeout" => _ = words.next(),
            "sudo" | "env" | "time" | "nice" | "nohup" => {}
            _ if is_assignment(word) => {}
            _ => return false,
        }
    }
    false
}

fn is_assignment(word: &str) -> bool {
    let name = word.trim_start_matches(|character: char| character.is_alphanumeric() || character == '_');
    name.len() < word.len() && name.starts_with('=')
}

/// White space as Python sees it: Unicode's and the four separators of ASCII.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are those of the reference program.
    #[test]
    fn every_answer_is_that_of_the_reference() {
        let table: &[(&str, bool)] = &[
            ("", false),
            ("grep x", true),
            ("ls", false),
            ("ls | grep x", true),
            ("grep x | head", false),
            ("grep x && ls", true),
            ("ls && grep x", true),
            ("grep x ; ls", false),
            ("ls; grep x", true),
            ("grep x || ls", false),
            ("grep x & ls", false),
            ("grep x |& wc", false),
            ("cat 'a && b' | rg x", true),
            ("echo 'grep'", false),
            ("echo \"a | grep b", true),
            ("grep 'it", false),
            ("sudo grep x", true),
            ("A=1 B='c d' grep x", false),
            ("A=1 env grep x", true),
            ("timeout 5 grep x", true),
            ("timeout grep x", false),
            ("timeout 5 timeout 6 grep x", true),
            ("/usr/bin/grep x", true),
            ("x=/usr/bin/grep", true),
            ("./test", true),
            ("test", true),
            ("test -f x", true),
            ("[ -f x ]", true),
            ("[[ -f x ]]", false),
            ("[-f x]", false),
            ("grepx", false),
            ("egrep", true),
            ("fgrep a", true),
            ("find . -name x", true),
            ("diff a b", true),
            ("git diff", false),
            ("grep\\\n x", false),
            ("grep;", true),
            ("grep &&", true),
            ("&& grep", true),
            ("grep x &> f", true),
            ("grep x >& f; ls", false),
            ("grep x 2>&1 | ls", false),
            ("\\grep x", false),
            ("\"grep\" x", false),
            ("  grep x", true),
            ("nice -n 5 grep x", false),
            ("nohup grep", true),
            ("time -p grep x", false),
            ("=1 grep", false),
            ("é=1 grep x", true),
            ("grep a\nls", false),
            ("ls\ngrep a", true),
            ("ls && grep x | head", false),
            ("grep x && ls | wc && cat", true),
            ("grep x && ls; wc", false),
            ("\x1cgrep x", true),
            ("grep\u{a0}x", true),
            ("a && b || grep c", true),
            ("'", false),
            ("\"", false),
            ("\\", false),
            ("grep \\", true),
            ("a\\;grep x", false),
            ("a\\\\;grep x", true),
            ("\"a\\\";grep\" b", false),
            ("\"a\\\\\";grep b", true),
        ];
        for (command, expected) in table {
            assert_eq!(has_soft_exit(command), *expected, "{command:?}");
        }
    }

    #[test]
    fn many_open_quotes_stay_linear() {
        for unit in ["\"", "'", "\\\"", "'\"", "\"\\", "a=b ", "grep && "] {
            let start = std::time::Instant::now();
            has_soft_exit(&unit.repeat(200_000));
            assert!(start.elapsed().as_secs() < 2, "{unit:?}");
        }
    }
}
