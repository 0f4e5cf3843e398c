//! Finds the shell commands that do nothing but print one file.

use super::folder::{self, Folder};
use super::program::Program;
use super::{Command, Direction, Role, Script, Separator, Word, parse};

/// One file that a command printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRead {
    /// The path as typed, behind the folder that `cd` went to.
    pub path: String,
    /// The lines that were printed.
    pub lines: Lines,
}

/// Lines of a file, counted from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Lines {
    /// The whole file.
    #[default]
    All,
    /// `count` lines from `start` on, as far as the file has them.
    Some {
        /// The first line.
        start: u64,
        /// How many; nothing for "to the end".
        count: Option<u64>,
    },
    /// A part that only the length of the file tells, as with `tail`.
    Unknown,
}

/// The files that a command prints. A text that cannot print one is not parsed.
pub(crate) fn files_read(command: &str) -> Vec<FileRead> {
    if may_print(command) { files_read_by(&parse(command)) } else { Vec::new() }
}

/// See [`Script::files_read`].
pub(super) fn files_read_by(script: &Script) -> Vec<FileRead> {
    let placed: Vec<(&Command, Folder)> = folder::with_folders(script).collect();
    let mut reads = Vec::new();
    for (index, (command, folder)) in placed.iter().enumerate() {
        let starts = command.joined != Separator::Pipe && matches!(command.role, Role::Plain | Role::Inner);
        let pipeline = placed[index + 1..].iter().map(|(command, _)| *command);
        let rest = pipeline.take_while(|command| command.joined == Separator::Pipe);
        if starts
            && let Some(read) = printed(command, folder).and_then(|read| narrowed(read, rest))
            && is_certain(&script.commands, index)
        {
            reads.push(read);
        }
    }
    reads
}

/// What the success of a script says of one of its commands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chance {
    /// Nothing.
    Open,
    /// It has run, if what stands beside it has not failed unseen.
    Linked,
    /// It has run.
    Sure,
}

/// Whether the success of a script, and the errors that it shows, prove that a
/// reader among its commands has printed the file.
fn is_certain(commands: &[Command], index: usize) -> bool {
    let reader = &commands[index];
    let rest = commands[index + 1..].iter().take_while(|command| command.joined == Separator::Pipe).count();
    let is_silent = reader.redirections.iter().any(|redirection| redirection.direction.writes() && redirection.descriptor == Some(2));
    match (chance_before(commands, index), chance_after(commands, index, rest)) {
        _ if reader.is_background => false,
        (Chance::Open, _) | (_, Chance::Open) => false,
        (_, Chance::Sure) => true,
        // Of `cat a; ls` the first may fail, but hardly ever does, and then its error is shown.
        (before, Chance::Linked) => before == Chance::Sure && !is_silent,
    }
}

/// Whether a command is run, by what stands before it.
fn chance_before(commands: &[Command], index: usize) -> Chance {
    let mut chance = Chance::Sure;
    // The innermost group that a command has in common with the reader, and the list in it.
    let (mut group, mut list) = (commands[index].level, commands[index].level);
    for (at, command) in commands[..=index].iter().enumerate().rev() {
        let is_branch = command.joined == Separator::Else && command.level <= group;
        if is_branch || command.role == Role::Condition && command.depth <= group {
            return Chance::Open;
        }
        group = group.min(command.level);
        if command.level > list {
            continue;
        }
        list = command.level;
        match command.joined {
            Separator::Or => return Chance::Open,
            Separator::And if !commands[..at].last().is_some_and(only_shows) => chance = Chance::Linked,
            Separator::Sequence | Separator::Background if list == 0 => break,
            Separator::Sequence | Separator::Background => list -= 1,
            _ => {}
        }
    }
    chance
}

/// Whether the status of a command is that of the script, by what follows its pipeline of `rest` more.
fn chance_after(commands: &[Command], index: usize, rest: usize) -> Chance {
    let mut chance = Chance::Sure;
    let mut group = commands[index].depth;
    for command in &commands[index + 1 + rest..] {
        if command.level > group {
            continue;
        }
        group = command.level;
        match command.joined {
            // Another branch; `a || b`; a group whose output goes into a program.
            Separator::Else => return Chance::Open,
            Separator::Or if chance == Chance::Sure => return Chance::Open,
            Separator::Pipe if command.level < commands[index].depth => return Chance::Open,
            Separator::Sequence | Separator::Background if group == 0 => return Chance::Linked,
            Separator::Sequence | Separator::Background => chance = Chance::Linked,
            _ => {}
        }
    }
    chance
}

/// Whether a command only prints or changes the folder: before a reader it does not fail.
fn only_shows(command: &Command) -> bool {
    match command.program() {
        None => true,
        Some(program) if program.name == "sed" => sed(&program).is_some(),
        Some(program) => matches!(
            program.name,
            "cat"
                | "nl"
                | "less"
                | "more"
                | "bat"
                | "batcat"
                | "head"
                | "tail"
                | "echo"
                | "printf"
                | "cd"
                | "pushd"
                | "popd"
                | "true"
                | ":"
        ),
    }
}

/// Whether one of the programs that print files may stand where a command
/// starts. Most commands need no parser to see that they are no read.
fn may_print(command: &str) -> bool {
    let is_break = |letter: char| letter.is_whitespace() || ";&|()`/'\"\\.".contains(letter);
    let mut at = 0;
    command.split_inclusive(is_break).any(|word| {
        let before = command[..at].trim_end();
        at += word.len();
        let is_printer =
            matches!(word.trim_end_matches(is_break), "cat" | "nl" | "less" | "more" | "bat" | "batcat" | "head" | "tail" | "sed");
        // Behind a pipe it prints what the command before it gave, and behind `||` it need not run.
        is_printer && !before.ends_with('|')
    })
}

/// What one command prints, if it prints one file.
fn printed(command: &Command, folder: &Folder) -> Option<FileRead> {
    let program = command.program()?;
    let (operands, lines) = match program.name {
        "cat" | "nl" | "less" | "more" => (plain_operands(&program, &[]), Lines::All),
        "bat" | "batcat" => bat(&program),
        "head" => head(&program),
        "tail" => tail(&program),
        "sed" => sed(&program)?,
        _ => return None,
    };
    let path = one_path(command, &operands)?;
    Some(FileRead { path: folder.join(path)?, lines })
}

/// The only file of a command whose output is not redirected.
fn one_path<'c>(command: &'c Command, operands: &[&'c Word]) -> Option<&'c str> {
    if is_redirected(command) {
        return None;
    }
    let mut inputs = command.redirections.iter().filter(|redirection| !redirection.direction.writes());
    let word = match (operands, inputs.next()) {
        ([word], None) => *word,
        ([], Some(input)) if input.direction == Direction::Read => &input.target,
        _ => return None,
    };
    (word.is_known() && word.text != "-" && !word.text.is_empty()).then_some(word.text.as_str())
}

/// Whether what a command prints goes into a file.
fn is_redirected(command: &Command) -> bool {
    command.redirections.iter().any(|redirection| redirection.direction.writes() && redirection.descriptor.unwrap_or(1) == 1)
}

/// Operands, where every option is a flag or one of `valued` with its value.
pub(super) fn plain_operands<'c>(program: &Program<'c>, valued: &[&str]) -> Vec<&'c Word> {
    let mut operands = Vec::new();
    let mut words = program.arguments.iter();
    while let Some(word) = words.next() {
        if valued.contains(&word.text.as_str()) {
            words.next();
        } else if !word.text.starts_with('-') || word.text == "-" {
            operands.push(word);
        }
    }
    operands
}

/// The value of `-n 5`, `-n5`, `--lines=5`, or `-5`.
fn count_option<'c>(program: &Program<'c>, letter: &str, long: &str) -> Option<&'c str> {
    let mut words = program.arguments.iter().map(|word| word.text.as_str());
    while let Some(text) = words.next() {
        let Some(option) = text.strip_prefix('-') else { continue };
        if option == letter || option == &long[1..] {
            return words.next();
        }
        if let Some(value) = option.strip_prefix(letter).or_else(|| option.strip_prefix(&long[1..])?.strip_prefix('=')) {
            return Some(value);
        }
        if !option.is_empty() && option.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(option);
        }
    }
    None
}

fn counts_bytes(program: &Program) -> bool {
    program.arguments.iter().any(|word| word.text.starts_with("-c") || word.text.starts_with("--bytes"))
}

fn head<'c>(program: &Program<'c>) -> (Vec<&'c Word>, Lines) {
    let operands = plain_operands(program, &["-n", "-c", "--lines", "--bytes"]);
    let lines = match count_option(program, "n", "--lines") {
        _ if counts_bytes(program) => Lines::Unknown,
        None => Lines::Some { start: 1, count: Some(10) },
        Some(count) => count.parse().map_or(Lines::Unknown, |count| Lines::Some { start: 1, count: Some(count) }),
    };
    (operands, lines)
}

fn tail<'c>(program: &Program<'c>) -> (Vec<&'c Word>, Lines) {
    let mut operands = plain_operands(program, &["-n", "-c", "--lines", "--bytes"]);
    let mut from = count_option(program, "n", "--lines");
    // The old spelling: `tail +5 file`.
    if operands.first().is_some_and(|word| word.text.starts_with('+')) {
        from = Some(&operands.remove(0).text);
    }
    let start = from.and_then(|from| from.strip_prefix('+')?.parse().ok()).filter(|_| !counts_bytes(program));
    (operands, start.map_or(Lines::Unknown, |start: u64| Lines::Some { start: start.max(1), count: None }))
}

fn bat<'c>(program: &Program<'c>) -> (Vec<&'c Word>, Lines) {
    let operands = plain_operands(program, &["-r", "--line-range", "-l", "--language", "--style", "--color", "--theme", "-H"]);
    let Some(range) = count_option(program, "r", "--line-range") else { return (operands, Lines::All) };
    let lines = range.split_once(':').and_then(|(start, end)| {
        let start = if start.is_empty() { 1 } else { start.parse().ok()? };
        let end = if end.is_empty() { None } else { Some(end.parse().ok()?) };
        between(start, end)
    });
    (operands, lines.unwrap_or(Lines::Unknown))
}

/// `sed -n 'A,Bp' file`; nothing for scripts that do more than print.
fn sed<'c>(program: &Program<'c>) -> Option<(Vec<&'c Word>, Lines)> {
    let quiet = program.has_flag('n') || program.has(&["--quiet", "--silent"]);
    if !quiet || program.has_flag('i') || program.has(&["--in-place"]) {
        return None;
    }
    let mut operands = plain_operands(program, &[]);
    let script = (!operands.is_empty()).then(|| operands.remove(0))?;
    let addresses = script.text.trim().trim_end_matches(';').strip_suffix('p').filter(|_| script.is_literal)?;
    let is_plain = |byte: u8| byte.is_ascii_digit() || matches!(byte, b',' | b'+' | b'$' | b' ');
    let lines = if addresses.bytes().all(is_plain) { sed_lines(addresses) } else { None };
    Some((operands, lines.unwrap_or(Lines::Unknown)))
}

fn sed_lines(addresses: &str) -> Option<Lines> {
    let (start, end) = addresses.split_once(',').unwrap_or((addresses, "+0"));
    let start: u64 = start.trim().parse().ok()?;
    match end.trim() {
        "$" => between(start, None),
        end => match end.strip_prefix('+') {
            Some(more) => between(start, Some(start.checked_add(more.parse().ok()?)?)),
            // An end before the start prints the start alone.
            None => between(start, Some(end.parse::<u64>().ok()?.max(start))),
        },
    }
}

/// The lines from `start` to `end`, both included.
fn between(start: u64, end: Option<u64>) -> Option<Lines> {
    let start = start.max(1);
    let count = match end {
        None => None,
        Some(end) => Some(end.checked_sub(start)?.checked_add(1)?),
    };
    Some(Lines::Some { start, count })
}

/// What is left of a read behind a pipe into viewers; nothing behind other programs.
fn narrowed<'c>(mut read: FileRead, stages: impl Iterator<Item = &'c Command>) -> Option<FileRead> {
    for stage in stages {
        let program = stage.program()?;
        if is_redirected(stage) {
            return None;
        }
        let (operands, part) = match program.name {
            "cat" | "less" | "more" | "nl" => (plain_operands(&program, &[]), Lines::All),
            "head" => head(&program),
            "tail" => tail(&program),
            "sed" => sed(&program)?,
            _ => return None,
        };
        if !operands.is_empty() {
            return None;
        }
        read.lines = part_of(read.lines, part);
    }
    Some(read)
}

/// The lines `part` of a text that itself is `whole` of a file.
fn part_of(whole: Lines, part: Lines) -> Lines {
    match (whole, part) {
        (whole, Lines::All) => whole,
        (Lines::All, part) => part,
        (Lines::Some { start, count }, Lines::Some { start: skipped, count: kept }) => {
            let skipped = skipped - 1;
            let left = count.map(|count| count.saturating_sub(skipped));
            let count = match (left, kept) {
                (Some(left), Some(kept)) => Some(left.min(kept)),
                (left, kept) => left.or(kept),
            };
            Lines::Some { start: start.saturating_add(skipped), count }
        }
        _ => Lines::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_read_is_missed_for_want_of_a_parser() {
        let commands = [
            "cat a",
            "x;cat a",
            "(cat a)",
            "x&&cat a",
            "x ; head a",
            "/bin/cat a",
            "sh -c 'cat a'",
            "sudo nl a",
            "x\ntail +5 a",
            "'cat' a",
        ];
        for command in commands {
            assert!(!files_read_by(&parse(command)).is_empty() && may_print(command), "{command}");
        }
        assert!(!may_print("ls | head") && !may_print("cargo test 2>&1 |tail -5") && !may_print("git log"));
    }

    /// `path:start+count`, `path:start+`, `path`, `path:?`.
    fn dump(command: &str) -> String {
        let spell = |read: FileRead| match read.lines {
            Lines::All => read.path,
            Lines::Unknown => format!("{}:?", read.path),
            Lines::Some { start, count } => {
                format!("{}:{start}+{}", read.path, count.map_or(String::new(), |count| count.to_string()))
            }
        };
        files_read(command).into_iter().map(spell).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn printing_one_file_is_a_read() {
        let table = [
            ("cat a", "a"),
            ("cat -n 'a b' 2>/dev/null", "a b"),
            ("cat < a", "a"),
            ("cd /x && cat a", "/x/a"),
            ("cd x; (cd y && cat a); cat b", "x/y/a x/b"),
            ("cat /a; cat /b", "/a /b"),
            ("pushd sub && cat a && popd && cat b", "sub/a b"),
            ("pushd /x; pushd y; cat a; popd; cat b; popd; cat c", "/x/y/a /x/b c"),
            ("pushd x; (pushd y; cat a; popd; cat b); cat c; popd; cat d", "x/y/a x/b x/c d"),
            ("cd x; cd /y; cat a; cd -; cat b; cd -; cat c", "/y/a x/b /y/c"),
            ("popd; cat a", ""),
            ("pushd x; pushd +1; cat a; pushd /y; cat b", "/y/b"),
            ("head a", "a:1+10"),
            ("head -n 5 a", "a:1+5"),
            ("head -5 a", "a:1+5"),
            ("head -n5 a", "a:1+5"),
            ("head --lines=5 a", "a:1+5"),
            ("head -c 5 a", "a:?"),
            ("tail a", "a:?"),
            ("tail -n 3 a", "a:?"),
            ("tail -n +7 a", "a:7+"),
            ("tail +7 a", "a:7+"),
            ("sed -n '3,7p' a", "a:3+5"),
            ("sed -n 3p a", "a:3+1"),
            ("sed -n '3,$p' a", "a:3+"),
            ("sed -n '3,+2p' a", "a:3+3"),
            ("sed -n '7,3p' a", "a:7+1"),
            ("sed -n '/x/p' a", "a:?"),
            ("nl a", "a"),
            ("nl -ba a | sed -n '2,4p'", "a:2+3"),
            ("bat -r 2:4 a", "a:2+3"),
            ("bat --line-range=5: a", "a:5+"),
            ("cat a | head -20", "a:1+20"),
            ("sed -n '10,50p' a | head -5", "a:10+5"),
            ("tail -n +10 a | head -5", "a:10+5"),
            ("cat a | tail -3", "a:?"),
            ("cat a; cat b", "a b"),
            ("cat a; echo ---; cat b | head -5", "a b:1+5"),
            ("cat a && ls", "a"),
            ("ls && cat a", "a"),
            ("cat a 2>/dev/null", "a"),
            ("cat a 2>/dev/null | head -5", "a:1+5"),
            ("[ -f a ] && cat a", "a"),
            ("if [ -f x ]; then ls; else rm y; fi; cat a", "a"),
            ("if [ -f x ]; then ls; fi; (cat a)", "a"),
            ("ls; cat a", "a"),
            ("cat a; ls", "a"),
            ("cat a\nsed -i s/x/y/ c", "a"),
            ("(cat a); echo x | cat", "a"),
            ("ls || true; cat a", "a"),
            ("cd x || exit 1; cat a", "x/a"),
            ("echo x && cat a; echo y", "a"),
            ("bash -c 'cat a'", "a"),
            ("bash -c 'cd x && cat a'; cat b", "x/a b"),
            ("cd y; sh -c 'ls; cd x; (cd z; cat a); bash -c \"cat b\"'; cat c", "y/x/z/a y/x/b y/c"),
        ];
        for (command, expected) in table {
            assert_eq!(dump(command), expected, "{command}");
        }
    }

    #[test]
    fn what_prints_no_known_file_alone_is_no_read() {
        for command in [
            "",
            "cat a b",
            "cat a > b",
            "cat a | grep x",
            "cat $F",
            "cat *.rs",
            "cat {a,b}",
            "cat <<E\nx\nE",
            "cat -",
            "cat",
            "echo 'cat a'",
            "sed -i -n 3p a",
            "sed 's/a/b/' a",
            "ls | cat",
            "head",
            "cat a | head > b",
            "cd $X && cat a",
            "x=$(cat a)",
            "tee a",
            "cat a | wc -l",
            "cat a | head b",
            "ssh h cat a",
            "ssh h 'cat a'",
            "docker exec c cat a",
            "docker compose exec c sh -c 'cat a'",
            "ssh h 'cd x && bash -c \"cat a\"'",
            "find src -name a.py -exec cat {} \\;",
            "ls | xargs -I{} sh -c 'cat {}'",
            "xargs -I {} head src/{}/a < list",
        ] {
            assert_eq!(dump(command), "", "{command}");
        }
    }

    #[test]
    fn what_need_not_have_been_printed_is_no_read() {
        for command in [
            "grep -q x b || cat a.md",
            "cat m.json 2>/dev/null || echo none",
            "echo x && cat a || echo y",
            "cat a && ls || echo y",
            "(echo x; cat a) || echo y",
            "sh -c 'cat a' || echo y",
            "ls x || sh -c 'cat a'",
            "ls x || sh -c 'ls; cat a'",
            "if [ -f a ]; then cat a; else cat b; fi",
            "if [ -f a ]; then ls; (echo x; cat a); fi",
            "if ls; then ls; elif ls x; then cat a; fi; ls",
            "while read l; do cat a; done < list",
            "case x in a) cat a; cat b;; b) cat a; cat b;; esac",
            "[ -f a ] && cat a; ls",
            "[ -f a ] && cat a; cat b | wc -l",
            "[ -f a ] && (echo x; cat a); echo y",
            "ls x && sh -c 'cat a'; echo y",
            "cat a 2>/dev/null; echo x",
            "cat a 2>/dev/null | head -5; echo x",
            "cat a & ls",
            "{ echo x; cat a; } | wc -l",
            "{ cat a; echo x; } | wc -l",
        ] {
            assert_eq!(dump(command), "", "{command}");
        }
    }
}
