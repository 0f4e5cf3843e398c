//! Options of the shell that decide whose failure is seen.

use super::program::{is_cluster_with, is_shell, script_options};
use super::{Command, Word};

/// What `set`, or the words a shell is started with, have switched on.
#[derive(Clone, Copy, Default)]
pub(super) struct Switches {
    /// `-o pipefail`: a pipeline fails with any of its stages.
    pub(super) pipefail: bool,
    /// `-e`, `-o errexit`: the script stops at the first command that fails.
    pub(super) errexit: bool,
}

impl Switches {
    /// Those of the shell that a command starts.
    pub(super) fn of_shell(command: &Command) -> Switches {
        let shell = command.program().filter(|program| is_shell(program.name));
        shell.map_or_else(Switches::default, |program| Switches::in_words(script_options(&program)))
    }

    /// Those that hold behind a command.
    pub(super) fn after(self, command: &Command) -> Switches {
        let Some(set) = command.program().filter(|program| program.name == "set") else { return self };
        let set = Switches::in_words(set.arguments);
        Switches { pipefail: self.pipefail || set.pipefail, errexit: self.errexit || set.errexit }
    }

    fn in_words(words: &[Word]) -> Switches {
        let named = |name: &str| words.windows(2).any(|pair| is_cluster_with(&pair[0].text, 'o') && pair[1].text == name);
        let errexit = words.iter().any(|word| is_cluster_with(&word.text, 'e')) || named("errexit");
        Switches { pipefail: named("pipefail"), errexit }
    }
}
