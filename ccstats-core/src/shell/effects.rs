//! What a command can have changed (`docs/behaviour.md`, class `after_edit`).

mod tree;

use std::borrow::Cow;

use super::folder::{self, Folder};
use super::network::{CURL_FLAGS, WGET_FLAGS};
use super::program::{self, Program};
use super::{Command, Direction, Role, Script, Separator, Word, reads};
use crate::paths;

use tree::{changes_tree, found_by_fd, runs_a_change};

/// The files that a command writes, as far as its text tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenFiles {
    /// Files and folders that it names as targets, behind the folder that `cd` went to.
    pub paths: Vec<String>,
    /// Whether it can have changed any file below the folder it ran in.
    pub is_whole_tree: bool,
    /// Words and texts given to programs that may write: a file whose path,
    /// base name or folder stands in one of them can have changed.
    pub named: Vec<String>,
    /// Whether a part of it that may write was sent to the background and not waited for: it can write later.
    pub is_lasting: bool,
}

/// See [`Script::writes`].
pub(super) fn writes(script: &Script) -> WrittenFiles {
    let mut all = WrittenFiles { is_whole_tree: !script.is_parsed && script.commands.is_empty(), ..WrittenFiles::default() };
    for (index, (command, folder)) in folder::with_folders(script).enumerate().filter(|(_, (command, _))| command.role != Role::Remote) {
        let written = writes_of_command(command, &folder);
        let may_last = command.is_background && written != WrittenFiles::default();
        all.is_lasting = all.is_lasting || may_last && !is_waited_for(&script.commands, index);
        all.add(written);
    }
    all
}

impl WrittenFiles {
    fn add(&mut self, other: WrittenFiles) {
        self.is_whole_tree |= other.is_whole_tree;
        self.paths.extend(other.paths);
        self.named.extend(other.named);
    }
}

/// Whether a `wait` that surely runs stands behind the `&` that sends a command to the background.
fn is_waited_for(commands: &[Command], index: usize) -> bool {
    let rest = &commands[index + 1..];
    let ends_list = |next: &Command| next.joined == Separator::Background && next.level <= commands[index].depth;
    let Some(sent) = rest.iter().position(ends_list) else { return false };
    let (list, behind) = rest.split_at(sent);
    let level = behind[0].level;
    // Another list between is that behind `(a &)`, whose shell waits for nothing.
    let is_own = |next: &Command| next.level > level || matches!(next.joined, Separator::And | Separator::Or | Separator::Pipe);
    let mut same_shell = behind.iter().take_while(|next| next.level >= level);
    list.iter().all(is_own) && same_shell.any(|next| next.depth == level && waits(next))
}

/// `wait` for all that runs in the background, whatever became of the command before.
fn waits(command: &Command) -> bool {
    let is_alone = matches!(command.joined, Separator::Sequence | Separator::Background) && !command.is_background;
    is_alone && matches!(command.words.as_slice(), [word] if word.text == "wait")
}

fn writes_of_command(command: &Command, folder: &Folder) -> WrittenFiles {
    let mut written = WrittenFiles::default();
    let targets = targets(command);
    // A path below an unknown folder is still named.
    let (known, unknown): (Vec<&Word>, Vec<&Word>) =
        targets.iter().map(AsRef::as_ref).partition(|word| word.is_known() && folder.join(&word.text).is_some());
    written.paths.extend(known.iter().filter_map(|word| folder.join(&word.text)));
    written.named.extend(unknown.iter().map(|word| word.text.clone()));
    for nameless in redirected(command).filter(|word| is_nameless(word)) {
        match known_folder(&nameless.text).and_then(|above| folder.join(above)) {
            Some(above) => written.paths.push(above),
            None => written.is_whole_tree = true,
        }
    }
    let Some(program) = command.program() else { return written };
    written.is_whole_tree |= runs_a_change(&program) || is_fed_by_xargs(command, &program) && !only_shows(&program);
    for word in may_write_below(&program) {
        // All of a glob or variable that is known is the folder before it.
        match folder.join(known_folder(&word.text).unwrap_or(".")) {
            Some(above) => written.paths.push(above),
            None => written.is_whole_tree = true,
        }
    }
    if !only_reads(&program) {
        written.named.extend(program.arguments.iter().filter(|word| !word.text.starts_with("--")).map(|word| word.text.clone()));
        // The script that `./generate.sh` names by itself, or code on its input.
        written.named.extend(here_texts(command));
    }
    written
}

/// What redirections, `tee`, `cp` and `mv` put somewhere, as far as the place is known.
pub(super) fn located_targets(command: &Command, folder: &Folder) -> Vec<String> {
    let mut words: Vec<Cow<Word>> = redirected(command).map(Cow::Borrowed).collect();
    if let Some(program) = command.program() {
        match program.name {
            "tee" => words.extend(program_targets(&program)),
            "cp" | "mv" => words.extend(destination(&program)),
            _ => {}
        }
    }
    words.into_iter().filter(|word| word.is_literal && !is_sink(&word.text)).filter_map(|word| folder.join(&word.text)).collect()
}

/// The words of a command that name what it writes.
fn targets(command: &Command) -> Vec<Cow<'_, Word>> {
    let mut targets: Vec<Cow<Word>> = redirected(command).map(Cow::Borrowed).collect();
    if let Some(program) = command.program() {
        targets.extend(program_targets(&program));
    }
    // Nothing has the empty name: behind `cd x` it would be `x` itself.
    targets.retain(|word| !word.text.is_empty() && !is_sink(&word.text));
    targets
}

fn redirected(command: &Command) -> impl Iterator<Item = &Word> {
    let writes = command.redirections.iter().filter(|redirection| redirection.direction.writes());
    writes.map(|redirection| &redirection.target).filter(|word| !is_sink(&word.text))
}

/// What stands in a word for text that only the run knows.
const EXPANSIONS: &[char] = &['$', '`', '*', '?', '[', '{', '}', ')'];

/// Whether not even the last part of a path is known, as of `$f`, but not of `$DIR/a`.
fn is_nameless(word: &Word) -> bool {
    !word.is_known() && paths::base_name(&word.text).contains(EXPANSIONS)
}

/// The globs and variables among the words of a program that may write the files they stand for.
fn may_write_below<'c>(program: &Program<'c>) -> Vec<Cow<'c, Word>> {
    // What these are given are texts, and names of other things than files here; `mkdir` changes none.
    const OTHERS: &[&str] = &["docker", "gh", "glab", "kubectl", "mkdir", "podman", "ssh"];
    let mut words = match program.name {
        name if OTHERS.contains(&name) => Vec::new(),
        _ if only_reads(program) => program_targets(program),
        _ => program.arguments.iter().map(Cow::Borrowed).collect(),
    };
    words.retain(|word| !word.text.starts_with('-') && (is_nameless(word) || is_quoted_glob(&word.text)) && !is_prose(&word.text));
    words
}

/// `'src/**/*.ts'`: the program itself looks for such files.
fn is_quoted_glob(text: &str) -> bool {
    text.starts_with('*') || text.contains('*') && text.contains('/')
}

/// Whether a word is a text and no path: not `$(ls src | head -1)`, but `$(cat <<E …)`.
fn is_prose(text: &str) -> bool {
    let is_substitution = text.starts_with("$(") || text.starts_with('`');
    text.contains(char::is_whitespace) && (!is_substitution || text.contains("<<"))
}

/// Whether other files than its words name are given to a program. A script that a shell gets names them.
fn is_fed_by_xargs(command: &Command, program: &Program) -> bool {
    let wrappers = command.words.len() - program.arguments.len() - 1;
    command.words[..wrappers].iter().any(|word| word.text == "xargs") && program::script_options(program).is_empty()
}

/// The folder that a path of which the rest is not known lies in: `/tmp` of `/tmp/$x.log`.
fn known_folder(path: &str) -> Option<&str> {
    let (folder, _) = path[..path.find(EXPANSIONS)?].rsplit_once('/')?;
    (!folder.is_empty()).then_some(folder)
}

/// `/dev/null` and the like: nothing is kept there.
fn is_sink(path: &str) -> bool {
    matches!(path, "NUL" | "nul" | "$null" | "-") || path.starts_with("/dev/")
}

fn program_targets<'c>(program: &Program<'c>) -> Vec<Cow<'c, Word>> {
    let mut operands = program.operands().map(Cow::Borrowed);
    match program.name {
        // The source of `mv` disappears.
        "tee" | "touch" | "mkdir" | "rm" | "rmdir" | "unlink" | "truncate" | "shred" | "mv" => operands.collect(),
        "cp" | "ln" | "install" => destination(program),
        "rsync" | "scp" => operands.next_back().into_iter().filter(|word| !is_remote(&word.text)).collect(),
        "sed" if edits_in_place(program) => {
            // Without `-e` the script is the first operand.
            let scripts = usize::from(!program.has(&["-e", "-f"]));
            reads::plain_operands(program, &["-e", "-f"]).into_iter().skip(scripts).map(Cow::Borrowed).collect()
        }
        "perl" | "ruby" | "yq" if edits_in_place(program) => operands.skip(1).collect(),
        // `-i inplace`, then the script.
        "awk" | "gawk" if edits_in_place(program) => operands.skip(2).collect(),
        "gofmt" | "prettier" | "black" | "rustfmt" if changes_tree(program) => operands.collect(),
        "curl" => values(program, CURL_FLAGS, 'o', "--output"),
        "wget" => [values(program, WGET_FLAGS, 'O', "--output-document"), values(program, WGET_FLAGS, 'P', "--directory-prefix")].concat(),
        "sort" | "gcc" | "cc" | "clang" | "g++" | "clang++" | "ld" => values(program, "", 'o', "--output"),
        "patch" => operands.take(1).collect(),
        "unzip" => values(program, "jnoq", 'd', "--directory"),
        "tar" => values(program, "", 'C', "--directory"),
        _ => Vec::new(),
    }
}

/// `host:path`, not `C:\path`.
pub(super) fn is_remote(text: &str) -> bool {
    text.split_once(':').is_some_and(|(host, _)| host.len() > 1 && !host.contains('/'))
}

/// Where `cp` and `mv` put things: what `-t` names, or the last operand.
fn destination<'c>(program: &Program<'c>) -> Vec<Cow<'c, Word>> {
    let named = values(program, "abfiLnPpRruv", 't', "--target-directory");
    if named.is_empty() { program.operands().next_back().map(Cow::Borrowed).into_iter().collect() } else { named }
}

/// The values of an option in all its spellings: `-o f`, `-of`, `-sLo f`, `--output f`, `--output=f`.
fn values<'c>(program: &Program<'c>, flags: &str, letter: char, long: &str) -> Vec<Cow<'c, Word>> {
    let mut values = Vec::new();
    let mut words = program.arguments.iter();
    while let Some(word) = words.next() {
        let attached = word.text.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        match attached.or_else(|| after_flags(&word.text, flags, letter)) {
            None if word.text != long => {}
            None | Some("") => values.extend(words.next().map(Cow::Borrowed)),
            Some(value) => values.push(Cow::Owned(Word { text: value.to_owned(), is_literal: word.is_literal })),
        }
    }
    values
}

/// What follows `letter` in a cluster of short options, where only `flags` stand before it.
fn after_flags<'w>(word: &'w str, flags: &str, letter: char) -> Option<&'w str> {
    word.strip_prefix('-')?.trim_start_matches(|flag| flags.contains(flag)).strip_prefix(letter)
}

/// `sed -i`, `perl -pi -e`, `gawk -i inplace`.
fn edits_in_place(program: &Program) -> bool {
    if matches!(program.name, "awk" | "gawk") {
        return program.has(&["inplace"]);
    }
    let mut texts = program.arguments.iter().map(|word| word.text.as_str());
    texts.any(|text| text.starts_with("--in-place") || text == "--inplace" || after_flags(text, "0123456789aCElMnPprsuwyz", 'i').is_some())
}

/// Programs that change no file whatever they are given.
fn only_shows(program: &Program) -> bool {
    match program.name {
        "docker" | "gh" | "git" | "kubectl" | "mkdir" => true,
        "fd" | "fdfind" => false,
        "sed" | "awk" | "yq" => !edits_in_place(program),
        name => READERS.contains(&name),
    }
}

/// Programs known to change no file, so that a path among their words means nothing.
fn only_reads(program: &Program) -> bool {
    match program.name {
        "git" => true,
        "sed" | "perl" if edits_in_place(program) => true,
        // The name of the file is that of the URL.
        "curl" => !program.arguments.iter().any(|word| after_flags(&word.text, CURL_FLAGS, 'O').is_some() || word.text == "--remote-name"),
        "find" => !program.has(&["-delete", "-fprint", "-fls"]),
        "fd" | "fdfind" => found_by_fd(program).is_none(),
        "gh" | "docker" | "kubectl" => false,
        name => READERS.contains(&name) || !program_targets(program).is_empty(),
    }
}

const READERS: &[&str] = &[
    "[",
    "[[",
    "ag",
    "chmod",
    "chown",
    "awk",
    "basename",
    "bat",
    "cat",
    "cd",
    "cmp",
    "column",
    "comm",
    "command",
    "curl",
    "cut",
    "date",
    "df",
    "diff",
    "dig",
    "dirname",
    "du",
    "echo",
    "egrep",
    "env",
    "eza",
    "exit",
    "export",
    "false",
    "fd",
    "fdfind",
    "fgrep",
    "file",
    "free",
    "grep",
    "head",
    "hexdump",
    "hostname",
    "id",
    "jobs",
    "jq",
    "kill",
    "less",
    "ls",
    "lsof",
    "md5sum",
    "more",
    "nl",
    "od",
    "pgrep",
    "ping",
    "pkill",
    "popd",
    "printenv",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "readlink",
    "realpath",
    "rev",
    "rg",
    "sed",
    "set",
    "sha256sum",
    "shasum",
    "sleep",
    "sort",
    "stat",
    "strings",
    "tail",
    "test",
    "top",
    "tr",
    "tree",
    "true",
    "type",
    "uname",
    "uniq",
    "unset",
    "uptime",
    "wait",
    "wc",
    "which",
    "whoami",
    "xxd",
    "yq",
    ":",
    "md5",
    "nproc",
    "tac",
    "seq",
    "dir",
    "Get-ChildItem",
    "Get-Content",
    "Select-String",
    "Test-Path",
    "Write-Host",
    "Write-Output",
    "alias",
    "base64",
    "break",
    "continue",
    "declare",
    "expr",
    "let",
    "local",
    "mktemp",
    "paste",
    "read",
    "readonly",
    "return",
    "sha1sum",
    "shift",
    "trap",
    "typeset",
];

/// Heredocs and here-strings of a command.
pub(super) fn here_texts(command: &Command) -> impl Iterator<Item = String> + '_ {
    command
        .redirections
        .iter()
        .filter(|redirection| redirection.direction == Direction::Here)
        .map(|redirection| redirection.target.text.clone())
}

#[cfg(test)]
mod tests;
