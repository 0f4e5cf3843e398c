//! Names the command that failed (`docs/behaviour.md`, "Failing commands").
//!
//! The status of a script is that of the last pipeline that ran. Going back
//! from the end: the last command can always have failed; so can the one before
//! an `&&`, for nothing ran after it; not the one before `||` or `;`, for
//! something did. Of the branches of an `if` each can have been the one. What
//! leads to `exit`, as in `a || exit 1`, can have ended the script; under
//! `set -e` every command can. If more than one remains the failure belongs to
//! the chain of them.
//!
//! Commands that only prepare (`cd`, `export`, `source`, `mkdir`) or only talk
//! (`echo`) take the blame when nothing else can.

use super::switches::Switches;
use super::{Assignment, Command, Role, Script, Separator, name, program};

/// What a failure is counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingKey {
    /// Program with subcommand or script, such as `cargo test`. Empty where no
    /// command was found: an empty text, or one over [`super::MAX_BYTES`].
    pub key: String,
    /// Whether several commands can have failed; `key` then joins their keys.
    pub is_chain: bool,
    /// Whether a `cd` that `key` leaves out leads to it by `&&`: it can have failed as well.
    pub is_after_cd: bool,
}

/// Most keys that a chain spells out; of longer ones the last is shown after `…`.
const MAX_LINKS: usize = 4;

/// See [`Script::failing_key`].
pub(super) fn failing_key(script: &Script) -> FailingKey {
    let (key, is_chain) = script_key(script, Switches::default(), 0);
    FailingKey { key, is_chain, is_after_cd: is_after_cd(script) }
}

fn is_after_cd(script: &Script) -> bool {
    let enters = |command: &Command| matches!(program_name(command), "cd" | "pushd");
    let commands: Vec<&Command> = script.plain().collect();
    commands.windows(2).any(|pair| enters(pair[0]) && pair[1].joined == Separator::And)
}

fn script_key(script: &Script, started: Switches, nesting: u16) -> (String, bool) {
    let commands = blamable(script);
    let switches = commands.iter().fold(started, |switches, link| switches.after(link.command));
    let every_stage = switches.pipefail;
    // A chain shows what joins its pipelines, and under `pipefail` its stages.
    let first_of = |index| if every_stage { index } else { pipeline_start(&commands, index) };
    let mut has_chain = false;
    let mut links: Vec<(Separator, String)> = Vec::new();
    for index in blamed(&commands, switches) {
        let (key, is_chain) = key_inside(script, commands[index].command, nesting);
        has_chain |= is_chain;
        if !key.is_empty() {
            links.push((commands[first_of(index)].joined, key));
        }
    }
    let (key, is_chain) = joined(links);
    (key, is_chain || has_chain)
}

/// The key of one command; of `bash -c` and bare substitutions that of what they run. And whether
/// it is that of a chain.
fn key_inside(script: &Script, command: &Command, nesting: u16) -> (String, bool) {
    match program::shell_commands(command, nesting) {
        Some(inner) => script_key(&inner, Switches::of_shell(command), nesting + 1),
        None => (own_key(script, command), false),
    }
}

fn own_key(script: &Script, command: &Command) -> String {
    // The text of `$(curl x)` names no program.
    let is_substitution = program_name(command).contains(['(', '`']);
    if !command.words.is_empty() && !is_substitution {
        return name::command_key(&command.words);
    }
    let position = script.commands.iter().position(|other| std::ptr::eq(other, command));
    let held = position.and_then(|position| script.commands.get(position + 1));
    match held {
        Some(held) if held.role == Role::Substitution => name::command_key(&held.words),
        _ => command.assignments.first().map_or_else(String::new, |assignment| format!("{}=", assignment.name)),
    }
}

/// A command whose status counts, and how it is joined to the one before that does.
#[derive(Clone, Copy)]
struct Link<'s> {
    command: &'s Command,
    joined: Separator,
    level: u16,
}

impl<'s> Link<'s> {
    fn new(command: &'s Command) -> Self {
        Self { command, joined: command.joined, level: command.level }
    }
}

/// The plain commands; where all of these only talk, the conditions too. Behind a condition a command
/// is joined like the condition: `a && if b; then c; fi` blames `a` or `c`.
fn blamable(script: &Script) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut condition: Option<Link> = None;
    for command in &script.commands {
        match command.role {
            Role::Condition => condition = condition.or(Some(Link::new(command))),
            Role::Plain => links.push(Link { command, ..condition.take().unwrap_or(Link::new(command)) }),
            _ => {}
        }
    }
    // `if ! make; then exit 1; fi`: what failed is what was asked for.
    if links.iter().all(|link| is_talk(link.command)) {
        let own = script.commands.iter().filter(|command| matches!(command.role, Role::Plain | Role::Condition));
        return own.map(Link::new).collect();
    }
    links
}

/// Indices of the commands that can have failed, in order.
fn blamed(commands: &[Link], switches: Switches) -> Vec<usize> {
    let mut blamed = Vec::new();
    let (mut end, mut is_last_list) = (commands.len(), true);
    while end > 0 {
        let start = pipeline_start(commands, end - 1);
        // `set -e` does not stop at what stands before `&&` or `||`.
        let is_asked = commands.get(end).is_some_and(|next| matches!(next.joined, Separator::And | Separator::Or));
        let goes_on = end < commands.len() && commands[end - 1].command.is_background;
        if !goes_on && (is_last_list || !is_asked) {
            add_pipeline(commands, start, end, switches.pipefail, &mut blamed);
        }
        end = match commands[start].joined {
            Separator::And | Separator::Else => start,
            _ if switches.errexit => {
                is_last_list = false;
                start
            }
            _ => before_group(commands, start),
        };
    }
    for end in (0..commands.len()).filter_map(|index| exit_branch(commands, index)) {
        add_list(commands, end, switches.pipefail, &mut blamed);
    }
    blamed.sort_unstable();
    blamed.dedup();
    without_helpers(commands, blamed)
}

/// Where the branch starts that the `exit` at `index` ends: in `a || { echo no; exit 1; }` at `echo`.
fn exit_branch(commands: &[Link], index: usize) -> Option<usize> {
    let exit = commands[index];
    let program = exit.command.program().filter(|program| matches!(program.name, "exit" | "return"))?;
    if program.operands().next().is_some_and(|status| status.text == "0") {
        return None;
    }
    let is_branch = |at: &usize| matches!(commands[*at].joined, Separator::And | Separator::Or);
    let group = (0..index).rev().find(|before| commands[*before].level < exit.command.depth);
    Some(index).filter(is_branch).or(group.filter(is_branch))
}

/// Adds the pipelines before `end` that `&&` joins.
fn add_list(commands: &[Link], mut end: usize, every_stage: bool, blamed: &mut Vec<usize>) {
    while end > 0 {
        let start = pipeline_start(commands, end - 1);
        add_pipeline(commands, start, end, every_stage, blamed);
        end = if commands[start].joined == Separator::And { start } else { 0 };
    }
}

/// The end of what can still have failed before the list that `start` stands
/// in: commands that lead into its group by `&&`, or an earlier branch.
fn before_group(commands: &[Link], start: usize) -> usize {
    let level = commands[start].level;
    if level == 0 {
        return 0;
    }
    for index in (0..start).rev() {
        let command = commands[index];
        if command.level == level && command.joined == Separator::Else {
            return index;
        }
        if command.level < level {
            let leads_in = command.joined == Separator::And;
            return if leads_in { index } else { before_group(commands, index) };
        }
    }
    0
}

fn pipeline_start(commands: &[Link], last: usize) -> usize {
    (0..=last).rev().find(|index| commands[*index].joined != Separator::Pipe).unwrap_or(0)
}

/// Adds the stage whose status counts, from the end: behind it only viewers.
fn add_pipeline(commands: &[Link], start: usize, end: usize, every_stage: bool, blamed: &mut Vec<usize>) {
    let mut stages = (start..end).rev().skip_while(|index| is_viewer(commands[*index].command)).peekable();
    if stages.peek().is_none() {
        blamed.push(start);
    } else if every_stage {
        blamed.extend(stages);
    } else {
        blamed.extend(stages.next());
    }
}

/// Leaves out commands that only talk, then those that only prepare, while others remain.
fn without_helpers(commands: &[Link], blamed: Vec<usize>) -> Vec<usize> {
    let strong = |index: &usize| !is_talk(commands[*index].command) && !prepares(commands[*index].command);
    let doers: Vec<usize> = blamed.iter().copied().filter(strong).collect();
    if !doers.is_empty() {
        return doers;
    }
    let preparing: Vec<usize> = blamed.iter().copied().filter(|index| !is_talk(commands[*index].command)).collect();
    if !preparing.is_empty() {
        return preparing;
    }
    // `make; echo done` cannot fail by itself; it was stopped from outside.
    let any: Vec<usize> = (0..commands.len()).filter(|index| strong(index) && !is_viewer(commands[*index].command)).collect();
    if any.is_empty() { blamed.into_iter().next_back().into_iter().collect() } else { any }
}

fn program_name(command: &Command) -> &str {
    command.program().map_or("", |program| program.name)
}

/// Only shows what it is given.
fn is_viewer(command: &Command) -> bool {
    matches!(program_name(command), "head" | "tail" | "cat" | "less" | "more" | "tee")
}

/// Never fails by itself.
pub(super) fn is_talk(command: &Command) -> bool {
    matches!(
        program_name(command),
        "echo" | "printf" | "true" | ":" | "sleep" | "date" | "exit" | "return" | "break" | "continue" | "pwd" | "set"
    )
}

/// Only prepares what follows.
fn prepares(command: &Command) -> bool {
    let runs = |assignment: &Assignment| !assignment.value.is_literal && assignment.value.text.contains(['(', '`']);
    let assigns = command.words.is_empty() && !command.assignments.iter().any(runs);
    let program = program_name(command);
    assigns
        || matches!(
            program,
            "cd" | "pushd"
                | "popd"
                | "export"
                | "unset"
                | "source"
                | "."
                | "mkdir"
                | "local"
                | "declare"
                | "alias"
                | "ulimit"
                | "shopt"
                | "trap"
                | "wait"
        )
}

/// One key, or a chain of different ones; and whether it is a chain.
fn joined(mut links: Vec<(Separator, String)>) -> (String, bool) {
    links.dedup_by(|later, earlier| later.1 == earlier.1);
    if links.len() > MAX_LINKS {
        let last = links.pop();
        links.truncate(MAX_LINKS - 1);
        links.push((Separator::And, "…".to_owned()));
        links.extend(last);
    }
    let is_chain = links.len() > 1;
    let mut key = String::new();
    for (separator, link) in links {
        if !key.is_empty() {
            key.push_str(match separator {
                Separator::And => " && ",
                Separator::Pipe => " | ",
                Separator::Or => " || ",
                _ => "; ",
            });
        }
        key.push_str(&link);
    }
    (key, is_chain)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// The key; chains in angle brackets.
    fn dump(command: &str) -> String {
        let key = failing_key(&parse(command));
        if key.is_chain { format!("<{}>", key.key) } else { key.key }
    }

    fn check(table: &[(&str, &str)]) {
        for (command, expected) in table {
            assert_eq!(dump(command), *expected, "{command:?}");
        }
    }

    #[test]
    fn what_stands_around_the_program_is_dropped() {
        check(&[
            ("cd /x && cargo test 2>&1 | tail -20", "cargo test"),
            ("cd a; cd b; FOO=1 BAR='x y' make test > log", "make test"),
            ("sudo -u bob -E apt-get install x", "apt-get install"),
            ("env -i A=1 go build", "go build"),
            ("timeout -k 5 60 npm test", "npm test"),
            ("time nice -n 5 nohup cargo build", "cargo build"),
            ("command -v foo", "command"),
            ("ls | xargs -n 1 -I{} git show {}", "git show"),
            ("cargo test | tee out | tail", "cargo test"),
            ("cat x | head", "cat"),
            ("export A=b && npm ci", "npm ci"),
            ("source .venv/bin/activate && python x.py", "python x.py"),
            ("cd x", "cd"),
            ("# a note; with rm\nls", "ls"),
            ("bash -lc 'cd x && cargo test'", "cargo test"),
            ("bash -c 'cargo test | grep FAIL'", "grep"),
            ("bash -eo pipefail -c 'cargo test | grep FAIL'", "<cargo test | grep>"),
            ("bash -lc 'npm ci && npm test'", "<npm ci && npm test>"),
            ("su app -c 'npm ci && npm test'", "<npm ci && npm test>"),
            ("cmd /c npm test", "npm test"),
            ("powershell -ExecutionPolicy Bypass -Command \"a; npm test\"", "npm test"),
            ("npm test 2>&1 | tee log; exit ${PIPESTATUS[0]}", "npm test"),
            ("cargo test > log 2>&1; code=$?; tail -50 log; exit $code", "cargo test"),
            ("result=$(npm test 2>&1); echo \"$result\" | tail -5", "npm test"),
        ]);
    }

    #[test]
    fn a_chain_blames_what_can_have_run_last() {
        check(&[
            ("a; b", "b"),
            ("a && b", "<a && b>"),
            ("a || b", "b"),
            ("a && b || c", "c"),
            ("a || b && c", "<b && c>"),
            ("a && b; c", "c"),
            ("a && a", "a"),
            ("a | grep x", "grep"),
            ("a && echo ok", "a"),
            ("a && b | head && c", "<a && b && c>"),
            ("a & b", "b"),
            ("a || exit 1; b", "<a; b>"),
            ("a || exit 0; b", "b"),
            ("a && b || exit 1; c", "<a && b; c>"),
            ("npm ci || { echo failed; exit 1; }\nnpm test", "<npm ci; npm test>"),
            ("a || (cat log; exit 1); b", "<a; b>"),
            ("cd x || exit 1\nmake\nmake test", "make test"),
            ("a || exit 1; b; c", "<a; c>"),
            ("for x in y; do a $x || exit 1; b; done; c", "<a; c>"),
            ("a; { b; exit 1; }; c", "c"),
            ("set -e\na\nb", "<a; b>"),
            ("set -e\nmake || true\nls nope", "ls"),
            ("set -e; a && b; c", "<b; c>"),
            ("set -e; a || b", "b"),
            ("set -o pipefail; a | b", "<a | b>"),
            ("make; echo done", "make"),
            ("echo hi", "echo"),
            ("a && b && c && d && e", "<a && b && c && … && e>"),
            ("git add . && git commit -m 'x && y; z'", "<git add && git commit>"),
        ]);
    }

    #[test]
    fn groups_and_branches_are_followed() {
        check(&[
            ("(cd x && make)", "make"),
            ("(a; b) && c", "<b && c>"),
            ("c && { a; b; }", "<c; b>"),
            ("c; { a; b; }", "b"),
            ("if a; then b; fi", "b"),
            ("if a; then b; else c; fi", "<b; c>"),
            ("if a; then b; elif c; then d; else e; fi", "<b; d; e>"),
            ("x && if a; then b; fi", "<x && b>"),
            ("for f in *; do a; b $f; done", "b"),
            ("while read x; do a; done", "a"),
            ("case $x in a) b;; c) d;; esac", "<b; d>"),
            ("f() { a; }; b", "b"),
            ("if ! make; then echo no; exit 1; fi", "make"),
            ("until curl x.y; do sleep 1; done", "curl"),
            ("for x in y; do a || break; done", "a"),
            ("time (a; b)", "b"),
            ("x=$(git log)", "git log"),
            ("echo $(git log)", "echo"),
            ("bash -c \"$(curl -H 'a: b' x.y)\"", "curl"),
            ("$(npm bin)/jest a", "jest"),
            ("/bin/bash -c \"$(curl -fsSL https://x.y/HEAD/install.sh)\"", "curl"),
            ("$(cat /tmp/cmd.txt)", "cat"),
            ("\"${PYTHON:-/usr/bin/python3}\" x.py", "${PYTHON:-/usr/bin/python3}"),
        ]);
    }

    #[test]
    fn data_never_becomes_a_key() {
        check(&[
            ("cat <<'E' > f\nrm -rf x; y\nE", "cat"),
            ("git commit -m \"$(cat <<'E'\nit's; a && b\nE\n)\"", "git commit"),
            ("echo 'a; b' | jq .", "jq"),
            ("cat <<E | psql x\na; b\nE", "psql"),
        ]);
    }
}
