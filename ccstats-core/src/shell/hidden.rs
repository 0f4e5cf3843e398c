//! Finds runners whose status nobody saw (`docs/behaviour.md`, "hidden").

use super::switches::Switches;
use super::{Command, Script, Separator, name, program, runner};

/// A runner whose status is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiddenStatus {
    /// The program with its subcommand or script, such as `cargo test`.
    pub key: String,
    /// What hides the status.
    pub by: Hidden,
}

/// What hides the status of a runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hidden {
    /// A pipe without `set -o pipefail`.
    Pipe,
    /// `|| true`, `|| echo …`
    Or,
    /// `; echo …`
    Sequence,
}

/// See [`Script::hidden_status`].
pub(super) fn hidden_status(script: &Script) -> Option<HiddenStatus> {
    hidden_inside(script, 0, Switches::default())
}

/// The same of a script that stands `nesting` scripts deep, as in `bash -c 'npm test | tail'`.
fn hidden_inside(script: &Script, nesting: u16, started: Switches) -> Option<HiddenStatus> {
    let plain: Vec<&Command> = script.plain().collect();
    let inside = |command: &&Command| hidden_inside(&program::shell_commands(command, nesting)?, nesting + 1, Switches::of_shell(command));
    hidden_among(&plain, started).or_else(|| plain.iter().find_map(inside))
}

fn hidden_among(plain: &[&Command], mut switches: Switches) -> Option<HiddenStatus> {
    let hidden = (0..plain.len()).find_map(|index| {
        let words = &plain[index].words;
        let by = hidden_at(plain, index, switches);
        switches = switches.after(plain[index]);
        let by = by.filter(|_| runner::runner(words).is_some())?;
        Some(HiddenStatus { key: name::command_key(words), by })
    })?;
    let shows_stages = plain.iter().any(|command| mentions(command, "PIPESTATUS") || mentions(command, "pipestatus"));
    (!shows_stages).then_some(hidden)
}

fn hidden_at(commands: &[&Command], index: usize, switches: Switches) -> Option<Hidden> {
    match commands.get(index + 1)?.joined {
        Separator::Pipe if !switches.pipefail => Some(Hidden::Pipe),
        _ => after(commands, index + 1, switches),
    }
}

/// What follows at `end` hides the status of the pipeline before it.
fn after(commands: &[&Command], end: usize, switches: Switches) -> Option<Hidden> {
    // `a && b || true` hides `a` just as well.
    let next = end + commands[end..].iter().position(|command| command.joined != Separator::And && command.joined != Separator::Pipe)?;
    let (takes_over, rest) = commands[next..].split_first()?;
    let name = takes_over.program().map_or("", |program| program.name);
    let quiet = matches!(name, "echo" | "printf" | "true" | ":");
    // `set -e` does not stop at what stands before `&&`.
    let stopped = switches.errexit && commands[end..next].iter().all(|command| command.joined == Separator::Pipe);
    match takes_over.joined {
        Separator::Or if quiet && !fails_in_the_end(takes_over, rest) => Some(Hidden::Or),
        Separator::Sequence if quiet && !stopped && !mentions(takes_over, "$?") => Some(Hidden::Sequence),
        _ => None,
    }
}

/// `|| { echo failed; exit 1; }`: the group or list that `first` starts gives a status that tells of the failure.
fn fails_in_the_end(first: &Command, rest: &[&Command]) -> bool {
    let own = rest.iter().take_while(|command| command.level > first.level || command.joined == Separator::And);
    own.last().and_then(|last| last.program()).is_some_and(|program| match program.name {
        "exit" | "return" => program.operands().next().is_some_and(|status| status.text != "0"),
        name => name == "false",
    })
}

fn mentions(command: &Command, name: &str) -> bool {
    let assigned = command.assignments.iter().map(|assignment| &assignment.value);
    command.words.iter().chain(assigned).any(|word| word.text.contains(name))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn a_lost_status_is_found() {
        let table = [
            ("cargo test | tail -5", Some(Hidden::Pipe)),
            ("cargo test 2>&1 | tee log", Some(Hidden::Pipe)),
            ("npm test || true", Some(Hidden::Or)),
            ("cd x && npm test || echo failed", Some(Hidden::Or)),
            ("npm run lint && npm test || true", Some(Hidden::Or)),
            ("make; echo done", Some(Hidden::Sequence)),
            ("set -o pipefail; cargo test | tail || true", Some(Hidden::Or)),
            ("cargo test", None),
            ("set -o pipefail; cargo test | tail", None),
            ("set -euo pipefail; cargo test | tail", None),
            ("cargo test; echo $?", None),
            ("cargo test | tail; echo ${PIPESTATUS[0]}", None),
            ("cargo test || exit 1", None),
            ("npm test || { echo failed; exit 1; }", None),
            ("npm test || (echo failed; exit 1)\nls", None),
            ("npm test || { echo failed; return 1; }", None),
            ("npm test || { echo failed; false; }", None),
            ("npm test || echo failed && exit 1", None),
            ("npm test || { echo failed; exit 0; }", Some(Hidden::Or)),
            ("npm test || { echo failed; exit; }", Some(Hidden::Or)),
            ("npm test || { echo failed; ls; }; exit 1", Some(Hidden::Or)),
            ("set -e\nnpm test\necho done", None),
            ("set -o errexit; npm test; echo done", None),
            ("set -euo pipefail\nnpm test | tail\necho done", None),
            ("set -e; npm test | tail; echo done", Some(Hidden::Pipe)),
            ("set -e; npm test || true", Some(Hidden::Or)),
            ("set -e; npm test && ls; echo done", Some(Hidden::Sequence)),
            ("npm test; echo done; set -e", Some(Hidden::Sequence)),
            ("bash -lc 'cd x && npm test | tail'", Some(Hidden::Pipe)),
            ("ls; sh -c \"bash -c 'make; echo done'\"", Some(Hidden::Sequence)),
            ("bash -c 'set -o pipefail; npm test | tail'", None),
            ("bash -o pipefail -c 'npm test | tail'", None),
            ("bash -eo pipefail -c 'npm test | tail'; ls", None),
            ("bash -ec 'npm test | tail'", Some(Hidden::Pipe)),
            ("bash -ec 'npm test; echo done'", None),
            ("bash -o pipefail -c 'ls'; npm test | tail", Some(Hidden::Pipe)),
            ("bash +o pipefail -c 'npm test | tail'", Some(Hidden::Pipe)),
            ("bash -c 'npm test | tail' pipefail -o pipefail", Some(Hidden::Pipe)),
            ("bash -c 'npm test; echo done' -e", Some(Hidden::Sequence)),
            ("cargo test && echo ok", None),
            ("ls | head", None),
            ("git log | head; echo x", None),
            ("echo 'cargo test | tail'", None),
            ("grep x f || true", None),
            ("gcc --version | head -1", None),
            ("ruff --version || echo 'not installed'", None),
            ("pytest --version 2>&1 | head -1", None),
            ("npx tsc --version || echo none", None),
            ("cargo build --help | grep foo", None),
            ("make --help | head", None),
            ("eslint -h | head", None),
            ("gcc a.c | head -1", Some(Hidden::Pipe)),
        ];
        for (command, expected) in table {
            assert_eq!(hidden_status(&parse(command)).map(|hidden| hidden.by), expected, "{command}");
        }
    }
}
