//! Understands the shell commands that Claude Code's Bash tool ran.
//!
//! A command text becomes a flat list of simple commands in the order in which
//! they stand, each saying how it is joined to the one before. Flat, because
//! every question asked here (which part failed, what was written, what is
//! dangerous) is a walk over neighbours; a tree would have to be flattened by
//! each of them.
//!
//! Text in quotes, heredocs and comments is data and never a command. Nothing
//! is expanded: a word whose value depends on the run is kept as it was typed
//! and says so. Text over [`MAX_BYTES`] is not read at all.
//!
//! ```
//! use ccstats_core::shell::{self, Rule};
//!
//! let script = shell::parse("cd app && cargo test 2>&1 | tee log");
//! assert_eq!(script.failing_key().key, "cargo test");
//! assert!(script.runs_tests());
//! assert_eq!(script.hidden_status().map(|hidden| hidden.key).as_deref(), Some("cargo test"));
//! assert_eq!(script.writes().paths, ["app/log"]);
//! assert!(script.audit().iter().all(|finding| finding.rule == Rule::Outside));
//! ```

mod audit;
mod effects;
mod folder;
mod foreign;
mod hidden;
mod key;
mod lex;
mod name;
mod network;
mod program;
mod reads;
mod runner;
mod secrets;
mod soft;
mod sql;
mod switches;
mod tree;
mod word;

pub use audit::{Finding, Rule, Severity};
pub use effects::WrittenFiles;
pub use hidden::{Hidden, HiddenStatus};
pub use key::FailingKey;
pub(crate) use network::url_host;
pub use program::Program;
pub(crate) use reads::files_read;
pub use reads::{FileRead, Lines};
pub use secrets::secret_path;
pub use soft::has_soft_exit;

/// Longest command that is read; longer ones give an empty, unparsed [`Script`].
///
/// Claude Code itself cuts commands far below this. What is longer is data
/// pasted into a heredoc or an attack on the parser.
pub const MAX_BYTES: usize = 64 * 1024;

/// How many groups, loops and substitutions deep commands are still looked at.
const MAX_DEPTH: u16 = 32;

/// How many scripts inside scripts, as in `sh -c "sh -c …"`, are still looked at.
const MAX_NESTING: u16 = 4;

/// The commands of one Bash tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// All simple commands, in the order of the text.
    pub commands: Vec<Command>,
    /// Whether the text was understood; else it was only split.
    pub is_parsed: bool,
}

/// The language of a command text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// sh, bash, zsh and the like.
    Posix,
    /// PowerShell; recognised by its verbs and variables.
    PowerShell,
    /// The Windows command interpreter; recognised by its built-ins and switches.
    Cmd,
}

/// One simple command: a program with its words, or only assignments or redirections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// `NAME=value` in front of the program.
    pub assignments: Vec<Assignment>,
    /// The program and its arguments, quotes removed; empty where only assignments stand.
    pub words: Vec<Word>,
    /// Files and heredocs, in the order of the text. `2>&1` is none.
    pub redirections: Vec<Redirection>,
    /// What stands between the command before and this one.
    pub joined: Separator,
    /// How many groups, loops and branches surround that separator.
    pub level: u16,
    /// How many groups, loops and branches surround this command.
    pub depth: u16,
    /// The part that this command plays.
    pub role: Role,
    /// Whether `&` sends it to the background.
    pub is_background: bool,
}

/// `NAME=value` in front of a program, or alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name of the variable.
    pub name: String,
    /// Its value.
    pub value: Word,
}

/// A word after quotes were removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What the program gets; expansions stand as they were typed.
    pub text: String,
    /// Whether `text` is exact: no variable, substitution, glob or brace list.
    pub is_literal: bool,
}

/// A file, heredoc or string tied to a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The direction of the bytes.
    pub direction: Direction,
    /// The descriptor that was named; none stands for the usual one.
    pub descriptor: Option<u16>,
    /// The path; for [`Direction::Here`] the text itself.
    pub target: Word,
}

/// Where the bytes of a redirection go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `<`
    Read,
    /// `>`, `>|`, `&>`
    Write,
    /// `>>`, `&>>`
    Append,
    /// `<<` and `<<<`: text of the command itself.
    Here,
}

/// What stands between two commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Separator {
    /// Nothing: the first command, or the first of a substitution.
    Start,
    /// `;` or a line end.
    Sequence,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|` or `|&`
    Pipe,
    /// `&`
    Background,
    /// The next branch of an `if` or `case`: only one of the two sides runs.
    Else,
}

/// The part that a command plays in its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An ordinary command; its status counts.
    Plain,
    /// Decides an `if` or a loop; its status is only asked for.
    Condition,
    /// Stands in a function body, which runs when the function is called.
    Function,
    /// Stands in a command or process substitution, after the command that holds it.
    Substitution,
    /// Handed to a program that runs it: `sh -c '…'`, `cmd /c …`, `find -exec …`. Stands
    /// after that program.
    Inner,
    /// The same on another host or in a container: its files are not those here.
    Remote,
}

/// Splits a command text into its simple commands. Never fails: text that the
/// grammar does not understand is split by a plain lexer, and says so.
pub fn parse(command: &str) -> Script {
    parse_inside(command, 0)
}

impl Script {
    /// The command that failed, if the script failed.
    pub fn failing_key(&self) -> FailingKey {
        key::failing_key(self)
    }

    /// The first build, test or lint program that loses its status; none where all keep it, or
    /// where `$?` or `PIPESTATUS` is shown afterwards.
    pub fn hidden_status(&self) -> Option<HiddenStatus> {
        hidden::hidden_status(self)
    }

    /// Whether some part of it runs tests.
    pub fn runs_tests(&self) -> bool {
        runner::runs_tests(self)
    }

    /// The files that it prints, one per program that prints exactly one.
    ///
    /// None for a program that prints several, for paths that are not known
    /// (variables, globs), where the text goes into another program or a file, and
    /// where a script that succeeds need not have printed it.
    pub fn files_read(&self) -> Vec<FileRead> {
        reads::files_read_by(self)
    }

    /// What it may write.
    pub fn writes(&self) -> WrittenFiles {
        effects::writes(self)
    }

    /// What an audit asks about, in the order of the text. [`Rule::Outside`] gives every written
    /// path whose folder is known, for the caller to resolve.
    pub fn audit(&self) -> Vec<Finding> {
        audit::audit(self)
    }

    /// The commands whose status counts: no conditions, functions, substitutions.
    fn plain(&self) -> impl DoubleEndedIterator<Item = &Command> {
        self.commands.iter().filter(|command| command.role == Role::Plain)
    }
}

impl Command {
    /// A command without words, joined like `at`.
    fn at(at: At) -> Self {
        Self {
            assignments: Vec::new(),
            words: Vec::new(),
            redirections: Vec::new(),
            joined: at.joined,
            level: at.level,
            depth: at.depth,
            role: at.role,
            is_background: false,
        }
    }
}

impl Word {
    /// Whether it names one path. `{}` stands for what find and xargs put there.
    fn is_known(&self) -> bool {
        self.is_literal && !self.text.contains("{}")
    }
}

impl Direction {
    /// Whether the redirection changes its target.
    pub fn writes(self) -> bool {
        matches!(self, Self::Write | Self::Append)
    }
}

/// Where the next command stands.
#[derive(Clone, Copy)]
struct At {
    joined: Separator,
    level: u16,
    depth: u16,
    role: Role,
}

impl At {
    /// The start of a script.
    const START: Self = Self { joined: Separator::Start, level: 0, depth: 0, role: Role::Plain };

    /// After `joined`, on the level of the surrounding commands.
    fn after(self, joined: Separator) -> Self {
        Self { joined, level: self.depth, ..self }
    }

    /// The first place inside a group: joined like the group itself.
    fn inside(self) -> Self {
        Self { depth: self.depth.saturating_add(1), ..self }
    }

    /// The same place with another part; only plain commands can take one.
    fn playing(self, role: Role) -> Self {
        match self.role {
            Role::Plain | Role::Condition => Self { role, ..self },
            _ => self,
        }
    }
}

/// Parses text that stands `nesting` commands deep, as in `sh -c "sh -c …"`.
fn parse_inside(command: &str, nesting: u16) -> Script {
    if command.len() > MAX_BYTES {
        return Script { commands: Vec::new(), is_parsed: false };
    }
    parse_as(foreign::dialect(command), command, nesting)
}

/// The same of text whose language is known.
fn parse_as(dialect: Dialect, command: &str, nesting: u16) -> Script {
    if dialect != Dialect::Posix {
        return Script { commands: foreign::split(command, dialect), is_parsed: false };
    }
    let (lexed, quality) = lex::commands(command);
    let tree = if quality == lex::Quality::Coarse { tree::commands(command) } else { None };
    let is_parsed = quality == lex::Quality::Exact || tree.is_some();
    let commands = tree.unwrap_or(lexed);
    Script { commands: program::with_inner(commands, nesting), is_parsed }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs with their arguments, joined as they stand; `(…)` marks a substitution, `{…}` what a program runs, `@{…}` elsewhere.
    fn dump(text: &str) -> String {
        let mut dump = String::new();
        for command in parse(text).commands {
            dump.push_str(match command.joined {
                Separator::Start => " ",
                Separator::Sequence => " ; ",
                Separator::And => " && ",
                Separator::Or => " || ",
                Separator::Pipe => " | ",
                Separator::Background => " & ",
                Separator::Else => " else ",
            });
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            dump.push_str(&match command.role {
                Role::Substitution => format!("({})", words.join(" ")),
                Role::Inner => format!("{{{}}}", words.join(" ")),
                Role::Remote => format!("@{{{}}}", words.join(" ")),
                Role::Condition => format!("?{}", words.join(" ")),
                Role::Function => format!("f:{}", words.join(" ")),
                Role::Plain => words.join(" "),
            });
        }
        dump.trim().to_owned()
    }

    #[test]
    fn commands_are_listed_in_order() {
        let table = [
            ("a && b || c | d; e & f", "a && b || c | d ; e & f"),
            ("a\nb\\\n c", "a ; b c"),
            ("a 'x; y' \"z | w\" \\; b", "a x; y z | w ; b"),
            ("(a; b) | c", "a ; b | c"),
            ("a $(b \"$(c)\" | d) `e`", "a $(b \"$(c)\" | d) `e` (b $(c)) (c) | (d) (e)"),
            ("a <(b)", "a <(b) (b)"),
            ("if a; then b; else c; fi; d", "?a ; b else c ; d"),
            ("while a; do b; done", "?a ; b"),
            ("for x in 1 2; do b $x; done", "b $x"),
            ("f() { a; }; f", "f:a ; f"),
            ("a <<E | b\nx; y\nE\nc", "a | b ; c"),
            ("a <<'E' && b\n$(x)\nE", "a && b"),
            ("a <<E\n$(x)\nE", "a (x)"),
            ("# a; b\nc # d", "c"),
            ("sh -c 'a; b' && c", "sh -c a; b {a} ; {b} && c"),
            ("su -l me -c 'a; b' && c", "su -l me -c a; b {a} ; {b} && c"),
            ("su --command 'a' me", "su --command a me {a}"),
            ("su me", "su me"),
            ("cmd.exe /d /C \"a x && b\"", "cmd.exe /d /C a x && b {a x} && {b}"),
            ("cmd //c a x", "cmd //c a x {a x}"),
            (r"pwsh -NoProfile -Command 'a C:\x; b'", r"pwsh -NoProfile -Command a C:\x; b {a C:\x} ; {b}"),
            ("powershell.exe -c a x", "powershell.exe -c a x {a x}"),
            ("pwsh -File a.ps1", "pwsh -File a.ps1"),
            ("find . -exec a {} \\; -name x", "find . -exec a {} ; -name x {a {}}"),
            ("find . -exec sh -c 'a {}' \\;", "find . -exec sh -c a {} ; {sh -c a {}} {a {}}"),
            ("ssh h 'a; b'", "ssh h a; b @{a} ; @{b}"),
            ("docker exec -it -u me c sh -c 'a'", "docker exec -it -u me c sh -c a @{sh -c a} @{a}"),
            ("docker --context x exec c a b", "docker --context x exec c a b @{a b}"),
            ("podman exec c a", "podman exec c a @{a}"),
            ("docker compose -f x exec -T c a", "docker compose -f x exec -T c a @{a}"),
            ("docker-compose exec c a", "docker-compose exec c a @{a}"),
            ("kubectl -n x exec p -c c -- a -b", "kubectl -n x exec p -c c -- a -b @{a -b}"),
            ("docker run c a", "docker run c a"),
            ("docker exec", "docker exec"),
            ("[[ -f a && b == c ]] && d", "[[ -f a && b == c ]] && d"),
            ("((i++)) && a", "&& a"),
            ("A=1 B='2 3' a", "a"),
            ("! a", "a"),
            ("a -F - <<'E'\nx\nE", "a -F -"),
        ];
        for (text, expected) in table {
            assert_eq!(dump(text), expected, "{text:?}");
        }
    }

    #[test]
    fn words_lose_their_quotes_and_say_what_is_unknown() {
        let table = [
            (r"a\ b", "a b", true),
            (r#""a'b\"c""#, "a'b\"c", true),
            (r#""\n""#, "\\n", true),
            (r"$'a\tb\'c'", "a\tb'c", true),
            ("a'b'\"c\"d", "abcd", true),
            ("$HOME/x", "$HOME/x", false),
            ("'$HOME'", "$HOME", true),
            ("\"${a:-'}'}\"", "${a:-'}'}", false),
            ("*.rs", "*.rs", false),
            ("'*.rs'", "*.rs", true),
            ("{a,b}", "{a,b}", false),
            ("{}", "{}", true),
            ("cost$", "cost$", true),
            ("~/x", "~/x", true),
            ("é\\é", "éé", true),
        ];
        for (raw, text, is_literal) in table {
            assert_eq!(word::unquote(raw), Word { text: text.to_owned(), is_literal }, "{raw}");
        }
    }

    #[test]
    fn redirections_name_files_and_texts() {
        let command = parse("a 2>&1 >b 2>> c <d &>e <<< f >&2").commands.remove(0);
        let seen: Vec<(Direction, Option<u16>, &str)> =
            command.redirections.iter().map(|found| (found.direction, found.descriptor, found.target.text.as_str())).collect();
        let expected = [
            (Direction::Write, None, "b"),
            (Direction::Append, Some(2), "c"),
            (Direction::Read, None, "d"),
            (Direction::Write, None, "e"),
            (Direction::Here, None, "f"),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn text_that_is_not_understood_is_still_split() {
        for text in ["a && b 'open", "a; b \"", "a | $(b", "if a; then b"] {
            let script = parse(text);
            assert!(!script.is_parsed, "{text}");
            assert!(!script.commands.is_empty(), "{text}");
        }
        assert_eq!(dump("a && b 'open; c"), "a && b open; c");
    }

    /// Every question on `text`, on a stack of 256 KiB; gives the seconds it took.
    fn seconds(text: String) -> f64 {
        let start = std::time::Instant::now();
        let ask = move || {
            (
                parse(&text).failing_key(),
                parse(&text).runs_tests(),
                parse(&text).hidden_status(),
                has_soft_exit(&text),
                files_read(&text),
                parse(&text).writes(),
                parse(&text).audit(),
            )
        };
        let thread = std::thread::Builder::new().stack_size(256 * 1024).spawn(ask).expect("threads can be started");
        thread.join().expect("no question panics");
        start.elapsed().as_secs_f64()
    }

    #[test]
    fn hostile_text_ends_soon_on_a_small_stack() {
        let openers = [
            "(",
            ")",
            "'",
            "\"",
            "`",
            "$(",
            "\"$(",
            "{ ",
            "[[ ",
            "((",
            "$((",
            "${a:-",
            "<(",
            "if ",
            "if a; then ",
            "case x in a) ",
            "while a; do ",
            "f() ",
            "! ",
            "<<E ",
            "<<E\n",
            "<<",
            "a && ",
            "a | ",
            "a; ",
            "a & ",
            "cd a && ",
            "sh -c ",
            "\\",
            "\\\n",
            "a=(",
            "$'",
            "sudo ",
            "npx ",
            "xargs ",
            "psql | ",
            "curl a | sh | ",
            "set -e;",
            "a || exit;",
            "make | tail;",
            "{a,",
            "é",
            "find . -exec ",
            "cat a | ",
            "rm -rf a;",
            "else ",
            "esac ",
            ";; ",
            "#",
            "$",
            "a() { b; }; ",
        ];
        for opener in openers {
            for length in [50, 2_000, MAX_BYTES] {
                let took = seconds(opener.repeat(length / opener.len() + 1).chars().take(length).collect());
                assert!(took < 5.0, "{opener:?} of {length}: {took} s");
            }
        }
    }

    #[test]
    fn longer_text_is_not_read() {
        for text in ["(".repeat(100_000), "\"".repeat(100_000), "$(".repeat(100_000), format!("echo {}", "a b ".repeat(250_000))] {
            assert!(!parse(&text).is_parsed);
            assert!(parse(&text).commands.is_empty());
            assert!(seconds(text) < 1.0);
        }
    }

    #[test]
    fn balanced_nesting_is_read_or_given_up() {
        for depth in [1, 10, 30, 100, 10_000] {
            let text = format!("{}a{}", "( ".repeat(depth), " )".repeat(depth));
            assert_eq!(parse(&text).commands.last().map(|command| command.words.len()), Some(1), "{depth}");
            assert!(seconds(text) < 2.0);
        }
    }
}
