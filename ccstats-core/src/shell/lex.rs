//! Splits a text into commands by quotes and separators alone, in linear time.
//!
//! For chains, pipelines and heredocs, 19 of 20 commands, this is exact and ten
//! times as fast as the grammar. Groups and loops are known just well enough to
//! find the commands between them; a text with any of these is said to be
//! inexact, so that the grammar is asked. Where that fails too (an unfinished
//! quote, zsh, too much nesting) the inexact split has to do.

use super::word::{self, Heredoc};
use super::{Assignment, At, Command, Direction, Redirection, Role, Separator, Word, tree};

/// Substitutions inside substitutions that are still split.
const MAX_SUBSTITUTIONS: u16 = 6;

/// How well a text was understood.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quality {
    /// The commands are exactly those that a shell sees.
    Exact,
    /// There is more in it than a lexer can tell.
    Coarse,
    /// A quote, group or heredoc is never closed: no grammar will do better.
    Broken,
}

/// All commands of `text`, and how sure they are.
pub(super) fn commands(text: &str) -> (Vec<Command>, Quality) {
    let mut lexer = Lexer::new(text, At::START, 0);
    lexer.run();
    (lexer.commands, lexer.quality)
}

/// The words of `text`, separators included where they stand alone.
pub(super) fn words(text: &str) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let end = match word::word_end(bytes, at) {
            end if end > at => end,
            _ => at + bytes[at..].iter().take_while(|byte| b";&|()<>".contains(byte)).count().max(1),
        };
        words.push(word::unquote(text.get(at..end).unwrap_or_default()));
        at = end;
    }
    words
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    commands: Vec<Command>,
    /// The command that is being read; pushed when its separator comes.
    command: Command,
    next: At,
    /// Heredocs whose bodies start at the next line, for the commands with these indices.
    heredocs: Vec<(usize, Heredoc)>,
    substitutions: Vec<&'t str>,
    /// What the next word is, when it is no word of a command.
    skip: Skip,
    nesting: u16,
    quality: Quality,
    /// Groups that are open.
    open: u32,
    /// Where the commands begin that an `&` would send to the background.
    list_start: usize,
}

/// Words between reserved words that belong to no command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    /// After `for`, up to the separator.
    Names,
    /// After `case`, up to `in`.
    Subject,
    /// A pattern of `case`, up to `)`.
    Pattern,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str, next: At, nesting: u16) -> Self {
        let command = Command::at(next);
        let (commands, heredocs, substitutions) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            text,
            at: 0,
            commands,
            command,
            next,
            heredocs,
            substitutions,
            skip: Skip::Nothing,
            nesting,
            quality: Quality::Exact,
            open: 0,
            list_start: 0,
        }
    }

    fn run(&mut self) {
        while self.at < self.text.len() {
            self.step();
        }
        self.finish(Separator::Sequence);
        self.broken_unless(self.heredocs.is_empty() && self.open == 0);
    }

    fn coarse_unless(&mut self, exact: bool) {
        if !exact {
            self.quality = self.quality.max(Quality::Coarse);
        }
    }

    fn broken_unless(&mut self, whole: bool) {
        if !whole {
            self.quality = Quality::Broken;
        }
    }

    fn step(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        match rest[0] {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\\' if rest.get(1) == Some(&b'\n') => self.at += 2,
            b'\n' => self.line_end(),
            b'#' => self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            b'&' if rest.starts_with(b"&>>") => self.redirect("&>>", None),
            b'&' if rest.starts_with(b"&>") => self.redirect("&>", None),
            b';' if rest.starts_with(b";;") => self.next_case(),
            b'&' if rest.starts_with(b"&&") => self.separate(Separator::And, 2),
            b'|' if rest.starts_with(b"||") => self.separate(Separator::Or, 2),
            b'|' if self.skip != Skip::Pattern => self.separate(Separator::Pipe, 1 + usize::from(rest.starts_with(b"|&"))),
            b';' => self.separate(Separator::Sequence, 1),
            b'&' => self.background(),
            b'(' => self.open_group(),
            b')' => self.close_group(),
            b'<' | b'>' if rest.get(1) != Some(&b'(') => self.redirection(None),
            b'|' => self.at += 1,
            _ => self.word(),
        }
    }

    /// Ends the command before a separator.
    fn finish(&mut self, joined: Separator) {
        let empty = self.command.words.is_empty() && self.command.assignments.is_empty() && self.command.redirections.is_empty();
        let inside = At { joined: Separator::Start, role: Role::Substitution, ..self.next.inside() };
        if !empty {
            self.next = self.next.after(joined);
            self.commands.push(std::mem::replace(&mut self.command, Command::at(self.next)));
        } else if joined != Separator::Sequence && !self.commands.is_empty() {
            // `( … ) || b`: the group has ended its last command already.
            self.command.joined = joined;
            self.command.level = self.next.depth;
        }
        for inner in std::mem::take(&mut self.substitutions) {
            self.substitution(inner, inside);
        }
    }

    fn substitution(&mut self, text: &'t str, at: At) {
        if self.nesting >= MAX_SUBSTITUTIONS {
            self.coarse_unless(false);
            return;
        }
        let mut lexer = Lexer::new(text, at, self.nesting + 1);
        lexer.run();
        self.quality = self.quality.max(lexer.quality);
        self.commands.append(&mut lexer.commands);
    }

    fn separate(&mut self, joined: Separator, length: usize) {
        self.finish(joined);
        self.at += length;
        if matches!(joined, Separator::Sequence | Separator::Background) {
            self.list_start = self.commands.len();
        }
        if self.skip == Skip::Names {
            self.skip = Skip::Nothing;
        }
    }

    fn background(&mut self) {
        let start = self.list_start.min(self.commands.len());
        self.separate(Separator::Background, 1);
        self.commands[start..].iter_mut().for_each(|command| command.is_background = true);
    }

    fn next_case(&mut self) {
        self.separate(Separator::Else, 2);
        self.skip = Skip::Pattern;
    }

    fn line_end(&mut self) {
        self.separate(Separator::Sequence, 1);
        for (index, heredoc) in std::mem::take(&mut self.heredocs) {
            let (end, after) = word::heredoc_end(self.text.as_bytes(), self.at, &heredoc);
            let text = self.text.get(self.at..end).unwrap_or_default().to_owned();
            let substitutes = !heredoc.is_quoted && (text.contains("$(") || text.contains('`'));
            self.coarse_unless(!substitutes);
            self.broken_unless(end < self.text.len());
            let target = Word { text, is_literal: heredoc.is_quoted };
            if let Some(command) = self.commands.get_mut(index) {
                command.redirections.push(Redirection { direction: Direction::Here, descriptor: None, target });
            }
            self.at = (after + 1).min(self.text.len());
        }
    }

    fn open_group(&mut self) {
        self.coarse_unless(false);
        self.at += 1;
        if self.skip == Skip::Pattern {
            return;
        }
        self.open += 1;
        if self.command.words.is_empty() {
            self.deepen(1);
        } else {
            // `name()`: a function; its body follows as a group.
            self.command.words.clear();
        }
    }

    fn close_group(&mut self) {
        self.coarse_unless(false);
        self.at += 1;
        if self.skip == Skip::Pattern {
            self.skip = Skip::Nothing;
        } else {
            self.broken_unless(self.open > 0);
            self.open = self.open.saturating_sub(1);
            self.finish(Separator::Sequence);
            self.deepen(-1);
        }
    }

    /// Enters or leaves a group. The first command in a group stays joined like the group.
    fn deepen(&mut self, by: i16) {
        self.next.depth = self.next.depth.saturating_add_signed(by);
        self.command.depth = self.next.depth;
    }

    /// `<`, `>`, `<<`, …, with the descriptor that stood before.
    fn redirection(&mut self, descriptor: Option<u16>) {
        let rest = &self.text[self.at..];
        if rest.starts_with("<<") && !rest.starts_with("<<<") {
            let mut found = Vec::new();
            self.at = word::heredoc_start(self.text.as_bytes(), self.at, &mut found);
            self.coarse_unless(!found.is_empty() && descriptor.is_none());
            self.heredocs.extend(found.into_iter().map(|heredoc| (self.commands.len(), heredoc)));
            return;
        }
        let operators = ["<<<", ">>", ">&", "<&", ">|", "<>", ">", "<"];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator));
        self.redirect(operator.unwrap_or(">"), descriptor);
    }

    fn redirect(&mut self, operator: &str, descriptor: Option<u16>) {
        self.at += operator.len();
        let bytes = self.text.as_bytes();
        self.at += bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let end = word::word_end(bytes, self.at);
        let raw = self.text.get(self.at..end).unwrap_or_default();
        let target = word::unquote(raw);
        self.find_substitutions(raw);
        self.coarse_unless(!raw.is_empty());
        self.broken_unless(end < self.text.len() || word::is_closed(raw));
        self.at = end;
        let direction = match operator {
            "<<<" => Some(Direction::Here),
            _ => tree::direction(operator, &target.text),
        };
        if let Some(direction) = direction {
            self.command.redirections.push(Redirection { direction, descriptor, target });
        }
    }

    fn word(&mut self) {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let end = word::word_end(bytes, start).max(start + 1);
        let raw = self.text.get(start..end).unwrap_or_default();
        self.at = end;
        self.broken_unless(end < self.text.len() || word::is_closed(raw));
        let starts_redirection = matches!(bytes.get(end), Some(b'<' | b'>'));
        match raw.parse() {
            Ok(descriptor) if starts_redirection => return self.redirection(Some(descriptor)),
            _ => {}
        }
        self.find_substitutions(raw);
        if self.skip != Skip::Nothing {
            return self.skipped(raw);
        }
        if self.command.words.is_empty() {
            if self.take_reserved(raw) {
                self.coarse_unless(raw == "!");
                return;
            }
            self.coarse_unless(!matches!(raw, "[[" | "function" | "coproc"));
            if let Some(assignment) = assignment(raw) {
                self.command.assignments.push(assignment);
                return;
            }
        }
        self.command.words.push(word::unquote(raw));
    }

    fn skipped(&mut self, raw: &str) {
        match (self.skip, raw) {
            (Skip::Subject, "in") => self.skip = Skip::Pattern,
            (Skip::Pattern, "esac") => self.skip = Skip::Nothing,
            _ => {}
        }
    }

    /// Takes `raw` with what follows from it, if it is a reserved word here. Gives whether it is.
    fn take_reserved(&mut self, raw: &str) -> bool {
        match raw {
            "if" | "while" | "until" => self.command.role = self.next.playing(Role::Condition).role,
            "elif" => {
                self.command.role = self.next.playing(Role::Condition).role;
                self.command.joined = Separator::Else;
            }
            "then" | "do" => self.command.role = self.next.role,
            "{" => self.deepen(1),
            "}" => self.deepen(-1),
            "for" | "select" => self.skip = Skip::Names,
            "case" => self.skip = Skip::Subject,
            "else" => self.command.joined = Separator::Else,
            "fi" | "done" | "esac" | "!" => {}
            _ => return false,
        }
        true
    }

    /// Remembers the texts of the substitutions in a raw word.
    fn find_substitutions(&mut self, raw: &'t str) {
        let bytes = raw.as_bytes();
        if !bytes.iter().any(|byte| matches!(byte, b'$' | b'`' | b'<' | b'>')) {
            return;
        }
        let mut at = 0;
        let mut in_double = false;
        while at < bytes.len() {
            let opens = bytes[at] == b'`' || (b"$<>".contains(&bytes[at]) && bytes.get(at + 1) == Some(&b'('));
            let end = match bytes[at] {
                b'"' => {
                    in_double = !in_double;
                    at + 1
                }
                b'\\' => at + 2,
                b'\'' if in_double => at + 1,
                _ => word::nested_end(bytes, at),
            };
            if opens {
                let start = at + if bytes[at] == b'`' { 1 } else { 2 };
                self.substitutions.extend(raw.get(start..end.saturating_sub(1).max(start)));
            }
            at = end;
        }
    }
}

/// `NAME=value` or `NAME+=value`.
fn assignment(raw: &str) -> Option<Assignment> {
    let (name, value) = raw.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let first = name.bytes().next()?;
    let is_name = !first.is_ascii_digit() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| Assignment { name: name.to_owned(), value: word::unquote(value) })
}
