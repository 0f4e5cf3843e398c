//! Finds the program that a command really runs, behind `sudo`, `env`, `timeout` and the like.

use super::{At, Command, Dialect, MAX_DEPTH, MAX_NESTING, Role, Script, Separator, Word, name, network, parse_as, parse_inside};
use crate::paths;

/// The program of a command after its wrappers, with its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program<'c> {
    /// The base name, without `.exe`.
    pub name: &'c str,
    /// The word as it was typed, path included.
    pub word: &'c Word,
    /// Everything after it.
    pub arguments: &'c [Word],
}

/// How a program is called that only runs another one.
#[derive(Clone, Copy)]
struct Wrapper {
    /// Short options that take the next word, and long ones.
    valued: &'static str,
    long_valued: &'static [&'static str],
    /// Words before the program that are no options: the time of `timeout`.
    operands: usize,
}

impl Wrapper {
    fn named(program: &str) -> Option<Self> {
        let options = |valued, long_valued| Self { valued, long_valued, operands: 0 };
        Some(match program {
            "timeout" | "gtimeout" => Self { operands: 1, ..options("ks", &["kill-after", "signal"]) },
            "sudo" => options("ughpCTURDrt", &["user", "group", "host", "prompt", "chdir", "role", "type"]),
            "doas" => options("uC", &[]),
            "env" => options("uCS", &["unset", "chdir"]),
            "time" => options("fo", &["format", "output"]),
            "nice" => options("n", &["adjustment"]),
            "ionice" => options("cnp", &["class", "classdata"]),
            "stdbuf" => options("ioe", &["input", "output", "error"]),
            "caffeinate" => options("tw", &[]),
            "exec" => options("a", &[]),
            "xargs" => options("InPLsdaE", &["max-args", "max-procs", "replace", "delimiter", "arg-file", "max-lines"]),
            "nohup" | "setsid" | "unbuffer" | "command" | "builtin" => options("", &[]),
            _ => return None,
        })
    }

    /// Whether the value of the option `text` is the next word.
    fn takes_value(&self, text: &str) -> bool {
        match text.strip_prefix("--") {
            Some(long) => self.long_valued.contains(&long),
            None => text.len() == 2 && text.starts_with('-') && self.valued.contains(&text[1..]),
        }
    }
}

impl Command {
    /// The program behind all wrappers; nothing where a command only assigns or redirects.
    pub fn program(&self) -> Option<Program<'_>> {
        effective(&self.words)
    }
}

impl<'c> Program<'c> {
    fn new(words: &'c [Word]) -> Option<Self> {
        let (word, arguments) = words.split_first()?;
        Some(Self { name: base_name(&word.text), word, arguments })
    }

    /// Whether an argument is one of `options`.
    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.arguments.iter().any(|word| options.contains(&word.text.as_str()))
    }

    /// Whether the flag `letter` stands alone or in a cluster of short options.
    pub(super) fn has_flag(&self, letter: char) -> bool {
        self.arguments.iter().any(|word| is_cluster_with(&word.text, letter))
    }

    /// The arguments that are no options. What follows a valued option counts too.
    pub(super) fn operands(&self) -> impl DoubleEndedIterator<Item = &'c Word> + Clone {
        self.arguments.iter().filter(|word| !word.text.starts_with('-') || word.text == "-")
    }
}

/// The program behind all wrappers of `words`.
pub(super) fn effective(words: &[Word]) -> Option<Program<'_>> {
    let mut program = Program::new(words)?;
    // A wrapper with nothing behind it is the program itself, as is `command -v`.
    while let Some(inner) = unwrapped(&program).and_then(Program::new) {
        program = inner;
    }
    Some(program)
}

/// The last part of a path, without `.exe`. What stands for all of it is no path.
pub(super) fn base_name(path: &str) -> &str {
    if stands_for_all(path) {
        return path;
    }
    let named = path.trim_end_matches(['/', '\\']);
    let name = if named.is_empty() { path } else { paths::base_name(named) };
    name.strip_suffix(".exe").unwrap_or(name)
}

/// `$(…)`, `` `…` `` or `${…}`, and nothing behind it.
pub(super) fn stands_for_all(word: &str) -> bool {
    let opens = [("$(", ')'), ("${", '}'), ("`", '`')];
    opens.iter().any(|(open, close)| word.len() > open.len() && word.starts_with(open) && word.ends_with(*close))
}

/// Whether `word` is a cluster of short options that holds `letter`.
pub(super) fn is_cluster_with(word: &str, letter: char) -> bool {
    word.strip_prefix('-').is_some_and(|cluster| cluster.contains(letter) && cluster.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The words that a wrapper runs.
fn unwrapped<'c>(program: &Program<'c>) -> Option<&'c [Word]> {
    let wrapper = Wrapper::named(program.name)?;
    let mut words = program.arguments;
    let mut operands = wrapper.operands;
    while let Some((word, rest)) = words.split_first() {
        let text = word.text.as_str();
        if program.name == "command" && matches!(text, "-v" | "-V") {
            return None;
        }
        words = match text {
            "--" => rest,
            _ if wrapper.takes_value(text) => rest.get(1..)?,
            _ if text.len() > 1 && text.starts_with('-') => rest,
            _ if is_assignment(text) && matches!(program.name, "env" | "sudo" | "doas") => rest,
            _ if operands > 0 => {
                operands -= 1;
                rest
            }
            _ => return Some(words),
        };
    }
    None
}

fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// The shells that take a script by `-c`.
pub(super) fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "fish")
}

/// Where the option stands behind which a program is handed a script: `-c`, also in clusters
/// such as `-lc`, or `/c` of the Windows command interpreter, which bash on Windows needs as `//c`.
fn script_option(program: &Program) -> Option<usize> {
    let is_option: fn(&str) -> bool = match program.name {
        "su" => |text| text == "--command" || is_cluster_with(text, 'c'),
        "cmd" => |text| matches!(text.to_ascii_lowercase().as_str(), "/c" | "//c" | "/k" | "//k"),
        "powershell" | "pwsh" => |text| matches!(text.to_ascii_lowercase().as_str(), "-c" | "-command"),
        name if is_shell(name) => |text| is_cluster_with(text, 'c'),
        _ => return None,
    };
    program.arguments.iter().position(|word| is_option(&word.text))
}

/// The options that a program is started with, up to the one before its script; none without one.
pub(super) fn script_options<'c>(program: &Program<'c>) -> &'c [Word] {
    script_option(program).map_or(&[], |option| &program.arguments[..=option])
}

/// What a program is handed to run, parsed as text that stands `nesting` commands deep.
fn handed_script(program: &Program, nesting: u16) -> Option<Script> {
    let words = &program.arguments[script_option(program)? + 1..];
    Some(match program.name {
        // These take all the words that follow.
        "cmd" => parse_as(Dialect::Cmd, &joined(words), nesting),
        "powershell" | "pwsh" => parse_as(Dialect::PowerShell, &joined(words), nesting),
        _ => parse_inside(&words.first()?.text, nesting),
    })
}

/// What `bash -c '…'` runs; nothing for other commands, and below [`MAX_NESTING`].
pub(super) fn shell_commands(command: &Command, nesting: u16) -> Option<Script> {
    handed_script(&command.program().filter(|_| nesting < MAX_NESTING)?, nesting + 1)
}

/// Adds the commands that programs are handed as text or words, each after its program.
pub(super) fn with_inner(commands: Vec<Command>, nesting: u16) -> Vec<Command> {
    if nesting >= MAX_NESTING || !commands.iter().any(runs_others) {
        return commands;
    }
    let mut all = Vec::with_capacity(commands.len() + 1);
    for command in commands {
        let inner = inner(&command, nesting);
        all.push(command);
        all.extend(inner);
    }
    all
}

fn runs_others(command: &Command) -> bool {
    command.program().is_some_and(|program| {
        matches!(program.name, "eval" | "find" | "ssh") || enters_container(program.name) || script_option(&program).is_some()
    })
}

fn enters_container(program: &str) -> bool {
    matches!(program, "docker" | "podman" | "docker-compose" | "kubectl")
}

fn inner(command: &Command, nesting: u16) -> Vec<Command> {
    let Some(program) = command.program() else { return Vec::new() };
    let at = At { joined: Separator::Start, level: command.depth, depth: (command.depth + 1).min(MAX_DEPTH), role: Role::Inner };
    let elsewhere = At { role: Role::Remote, ..at };
    match program.name {
        "find" => with_inner(find_actions(program.arguments, at), nesting + 1),
        "eval" => placed(parse_inside(&joined(program.arguments), nesting + 1), at),
        "ssh" => network::after_host(program.arguments)
            .map_or_else(Vec::new, |words| placed(parse_inside(&joined(words), nesting + 1), elsewhere)),
        name if enters_container(name) => in_container(&program).map_or_else(Vec::new, |words| contained(words, elsewhere, nesting)),
        _ => handed_script(&program, nesting + 1).map_or_else(Vec::new, |script| placed(script, at)),
    }
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// The words that `docker exec`, `docker compose exec` or `kubectl exec` runs in a container.
fn in_container<'c>(program: &Program<'c>) -> Option<&'c [Word]> {
    const VALUED: &[&str] =
        &["-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--index", "-n", "--namespace", "-c", "--container"];
    let (mut first, mut rest) = name::split_subcommand(program.name, program.arguments)?;
    if first.text == "compose" {
        (first, rest) = name::split_subcommand("docker-compose", rest)?;
    }
    let (_container, words) = name::after_options(rest, VALUED).split_first().filter(|_| first.text == "exec")?;
    // Those of kubectl may stand behind the name of the pod.
    Some(name::after_options(words, VALUED)).filter(|words| !words.is_empty())
}

/// The command of `words`, with what it runs in turn, all at the place of `at`.
fn contained(words: &[Word], at: At, nesting: u16) -> Vec<Command> {
    let mut commands = with_inner(vec![Command { words: words.to_vec(), ..Command::at(at) }], nesting + 1);
    commands.iter_mut().for_each(|command| command.role = at.role);
    commands
}

/// The commands of `script`, all marked as inner ones.
fn placed(script: Script, at: At) -> Vec<Command> {
    let mut commands = script.commands;
    for (index, command) in commands.iter_mut().enumerate() {
        // The script is a group: what joins all but its first command stands inside.
        let level = if index == 0 { at.level } else { at.depth };
        command.role = at.role;
        command.level = command.level.saturating_add(level);
        command.depth = command.depth.saturating_add(at.depth);
    }
    commands
}

/// The programs behind `-exec`, `-execdir`, `-ok` of `find`.
fn find_actions(arguments: &[Word], at: At) -> Vec<Command> {
    let is_action = |word: &Word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir");
    let mut commands = Vec::new();
    let mut rest = arguments;
    while let Some(start) = rest.iter().position(is_action) {
        rest = &rest[start + 1..];
        let end = rest.iter().position(|word| matches!(word.text.as_str(), ";" | "+")).unwrap_or(rest.len());
        commands.push(Command { words: rest[..end].to_vec(), ..Command::at(at) });
        rest = &rest[end..];
    }
    commands
}
