//! The audit rules that look at shell commands (`docs/behaviour.md`, "Audit").

mod secret_reads;

use std::borrow::Cow;

use secret_reads::secrets;

use super::folder::{self, Folder};
use super::program::{self, Program};
use super::{Command, Role, Script, Separator, Word, effects, name, network, sql};

/// One match of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that matched.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// The path, the host, or the words that matched.
    pub target: String,
}

impl Finding {
    fn new(rule: Rule, severity: Severity, target: impl Into<String>) -> Self {
        Self { rule, severity, target: target.into() }
    }

    /// The target without what somebody typed behind the program: of what destroys, only
    /// its subcommand and the names of its options.
    pub fn brief(&self) -> String {
        if self.rule != Rule::Destructive {
            return self.target.clone();
        }
        let program = self.target.split_whitespace().next().unwrap_or_default();
        // Behind the script of a shell stands text that somebody wrote.
        let own = if runs_text(program) { self.target.split('\'').next().unwrap_or_default() } else { &self.target };
        let mut words = unquoted_words(own).skip(1);
        let named = named_words(program, words.clone().next().unwrap_or_default());
        let named: Vec<&str> = words.by_ref().take(named).collect();
        let flags = flags(named.last().unwrap_or(&program));
        let is_own = |word: &&str| *word != "--" && (word.starts_with('-') || !runs_text(program));
        let options = words.take_while(is_own).filter_map(|word| option_name(word, flags));
        [program].into_iter().chain(named).chain(options).collect::<Vec<_>>().join(" ")
    }
}

/// How many words behind `program` say what it does; names of tables do not.
fn named_words(program: &str, next: &str) -> usize {
    match program.to_ascii_lowercase().as_str() {
        "git" | "drop" | "delete" => 1,
        "truncate" => usize::from(next.eq_ignore_ascii_case("table")),
        _ => 0,
    }
}

/// The short options without a value that are kept, by program or subcommand.
const FLAGS: &[(&[&str], &str)] = &[
    (&["rm"], "dfiIrRv"),
    (&["push"], "46dfnquv"),
    (&["reset"], "Nq"),
    (&["clean"], "dfinqxX"),
    (&["branch"], "adDfilqrv"),
    (&["chmod"], "cfRv"),
    (&["sh", "bash", "zsh", "dash", "ksh", "ash", "fish"], "abcefhilmnpsuvx"),
];

fn flags(program: &str) -> &'static str {
    FLAGS.iter().find(|(programs, _)| programs.contains(&program)).map_or("", |(_, flags)| flags)
}

/// An option without its value, which a short one has right behind its letter: `-uname:password`.
fn option_name<'t>(word: &'t str, flags: &str) -> Option<&'t str> {
    if matches!(word.to_ascii_lowercase().as_str(), "/s" | "/q" | "/f") {
        return Some(word);
    }
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let name = &word[..word.find(|character| !is_name(character)).unwrap_or(word.len())];
    let letters = name.strip_prefix('-')?;
    let is_whole = letters.starts_with('-') || letters.chars().all(|letter| flags.contains(letter));
    let is_whole = is_whole || ["recurse", "force"].iter().any(|option| is_short_for(name, option));
    let name = if is_whole { name } else { name.get(..2)? };
    (!name.trim_start_matches('-').is_empty()).then_some(name)
}

/// The audit rules for commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A program reads a file that holds secrets.
    #[default]
    SecretsRead,
    /// Something is lost that cannot be had back.
    Destructive,
    /// A path is written; the caller tells whether it is outside the project.
    Outside,
    /// A host is reached.
    Network,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Low,
    /// Worth a look.
    Medium,
    /// Worth a question.
    High,
}

/// See [`Script::audit`].
pub(super) fn audit(script: &Script) -> Vec<Finding> {
    let placed: Vec<(&Command, Folder)> = folder::with_folders(script).collect();
    let mut findings = Vec::new();
    for (index, (command, folder)) in placed.iter().enumerate() {
        let pipeline = before_in_pipeline(&placed[..index], command);
        let mut found = secrets(command, pipeline);
        if let Some(program) = command.program() {
            found.extend(destructive(&program, command, pipeline));
            found.extend(network::hosts(&program).into_iter().map(|host| Finding::new(Rule::Network, Severity::Low, host)));
        }
        if command.role == Role::Remote {
            // `docker exec c cat .env` names it too.
            found.retain(|found| !findings.contains(found));
        } else {
            let written = effects::located_targets(command, folder);
            found.extend(written.into_iter().map(|path| Finding::new(Rule::Outside, Severity::Medium, path)));
        }
        findings.extend(found);
    }
    findings
}

/// Most stages of a pipeline that are looked back on.
const MAX_STAGES: usize = 8;

/// The commands that feed `command` through pipes.
fn before_in_pipeline<'c>(before: &'c [(&'c Command, Folder)], command: &Command) -> &'c [(&'c Command, Folder)] {
    if command.joined != Separator::Pipe {
        return &[];
    }
    let near = &before[before.len().saturating_sub(MAX_STAGES)..];
    let start = near.iter().rposition(|(command, _)| command.joined != Separator::Pipe);
    &near[start.unwrap_or(0)..]
}

/// What a command destroys.
fn destructive(program: &Program, command: &Command, pipeline: &[(&Command, Folder)]) -> Option<Finding> {
    let severity = match program.name {
        name if is_remover(name) => removes(program)?,
        "git" => return git(program),
        "dd" => overwrites(program)?,
        "chmod" => opens_all(program)?,
        name if name == "mkfs" || name.starts_with("mkfs.") => Severity::High,
        name if runs_text(name) => runs_download(program, pipeline)?,
        _ => return sql_finding(program, command, pipeline),
    };
    Some(Finding::new(Rule::Destructive, severity, spelled(program)))
}

/// The program with its arguments, as one text that [`unquoted_words`] can take apart.
fn spelled(program: &Program) -> String {
    let words = program.arguments.iter().map(|word| quoted(&word.text));
    std::iter::once(Cow::Borrowed(program.name)).chain(words).collect::<Vec<_>>().join(" ")
}

/// The word in quotes where it is not one without them; a quote inside is doubled.
fn quoted(word: &str) -> Cow<'_, str> {
    if !word.contains(|character: char| character.is_whitespace() || character == '\'') {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', "''")))
}

/// The words of a spelled command, without those in quotes.
fn unquoted_words(spelled: &str) -> impl Iterator<Item = &str> + Clone {
    // Doubled quotes inside leave every second piece outside of quotes.
    spelled.split('\'').step_by(2).flat_map(str::split_whitespace)
}

/// Whether the words of `program` hold commands.
fn runs_text(program: &str) -> bool {
    program::is_shell(program) || matches!(program, "eval" | "source" | ".")
}

/// Removal both recursive and forced, in any spelling of `rm`, PowerShell and the Windows command interpreter.
fn removes(program: &Program) -> Option<Severity> {
    let options: Vec<&str> = program.arguments.iter().map(|word| word.text.as_str()).take_while(|text| *text != "--").collect();
    let is_rm = program.name == "rm";
    let recursive = |text: &&str| is_short_for(text, "recurse") || is_rm && (*text == "--recursive" || has_letter(text, &['r', 'R']));
    let forced = |text: &&str| is_short_for(text, "force") || is_rm && (*text == "--force" || has_letter(text, &['f']));
    let by_switches = !is_rm && has_switch(&options, 's') && has_switch(&options, 'q');
    let by_options = options.iter().any(recursive) && options.iter().any(forced);
    if !by_switches && !by_options {
        return None;
    }
    let is_root = |word: &Word| ROOTS.contains(&word.text.trim_end_matches(['/', '\\', '*']));
    Some(if program.operands().any(is_root) { Severity::High } else { Severity::Medium })
}

/// Folders whose loss is worse than that of others.
const ROOTS: &[&str] =
    &["", "~", ".", "..", "$HOME", "${HOME}", "/home", "/usr", "/etc", ".git", "C:", "$env:USERPROFILE", "%USERPROFILE%"];

/// What PowerShell and the Windows command interpreter call `rm`; in lower case.
const REMOVERS: &[&str] = &["remove-item", "ri", "rd", "rmdir", "del", "erase"];

fn is_remover(program: &str) -> bool {
    program == "rm" || REMOVERS.iter().any(|name| program.eq_ignore_ascii_case(name))
}

/// Whether `text` is an option of PowerShell that may be cut short: `-Rec`, `-FO`, `-Force:$true`.
fn is_short_for(text: &str, option: &str) -> bool {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let name = name.strip_prefix('-').unwrap_or_default().to_ascii_lowercase();
    !name.is_empty() && option.starts_with(&name) && !value.eq_ignore_ascii_case("$false")
}

/// Whether a cluster of `rm` holds one of `letters`. `-Force` is none, though it has an `r`.
fn has_letter(text: &str, letters: &[char]) -> bool {
    let is_word = text.len() > 2 && ["recurse", "force"].iter().any(|option| is_short_for(text, option));
    !is_word && letters.iter().any(|letter| program::is_cluster_with(text, *letter))
}

/// Whether `/s`, `/S` or `/q/s` is among the options.
fn has_switch(options: &[&str], letter: char) -> bool {
    let is_switches = |text: &str| text.starts_with('/') && text.split('/').skip(1).all(|switch| switch.len() == 1);
    options.iter().any(|text| is_switches(text) && text.to_ascii_lowercase().contains(letter))
}

fn git(program: &Program) -> Option<Finding> {
    let (word, arguments) = name::split_subcommand("git", program.arguments)?;
    let subcommand = Program { name: &word.text, word, arguments };
    let has = |letter, long| subcommand.has_flag(letter) || subcommand.has(&[long]);
    let severity = match subcommand.name {
        "push" if forces_push(&subcommand) => Severity::High,
        "reset" if subcommand.has(&["--hard"]) => Severity::Medium,
        "clean" if has('f', "--force") && !has('n', "--dry-run") => Severity::Medium,
        "branch" if subcommand.has_flag('D') || has('d', "--delete") && has('f', "--force") => Severity::Medium,
        _ => return None,
    };
    Some(Finding::new(Rule::Destructive, severity, format!("git {}", spelled(&subcommand))))
}

fn forces_push(push: &Program) -> bool {
    // What follows `-o` is a text for the server: `-onotify` is no `-n`.
    let clusters = || push.arguments.iter().filter_map(|word| word.text.split('o').next());
    let has = |letter| clusters().any(|cluster| program::is_cluster_with(cluster, letter));
    // `+ref` forces; `:ref` puts nothing in its place.
    let changes_ref = |word: &Word| word.text.starts_with(['+', ':']) && word.text.len() > 1;
    let forces = has('f') || has('d') || push.has(&["--force", "--mirror", "--delete"]) || push.operands().any(changes_ref);
    forces && !has('n') && !push.has(&["--dry-run"])
}

fn overwrites(program: &Program) -> Option<Severity> {
    let target = program.arguments.iter().find_map(|word| word.text.strip_prefix("of="))?;
    match target {
        "/dev/null" | "/dev/stdout" => None,
        _ if target.starts_with("/dev/") => Some(Severity::High),
        _ => Some(Severity::Medium),
    }
}

fn opens_all(program: &Program) -> Option<Severity> {
    let recursive = program.has_flag('R') || program.has(&["--recursive"]);
    let all = program.has(&["777", "0777", "a+rwx", "ugo+rwx", "a=rwx"]);
    (recursive && all).then_some(Severity::Medium)
}

/// `curl … | sh`, `curl … | bash -`, `bash <(curl …)`, `source <(curl …)`, `sh -c "$(curl …)"`.
fn runs_download(shell: &Program, pipeline: &[(&Command, Folder)]) -> Option<Severity> {
    let downloads = |command: &Command| command.program().is_some_and(|program| matches!(program.name, "curl" | "wget" | "fetch"));
    let is_input = |script: &Word| matches!(script.text.as_str(), "-" | "/dev/stdin" | "/dev/fd/0");
    let reads_input = shell.operands().next().is_none_or(is_input) || shell.has_flag('s');
    let piped = reads_input && pipeline.iter().any(|(command, _)| downloads(command));
    let held = |word: &Word| {
        !word.is_literal && ["$(curl ", "$(wget ", "<(curl ", "<(wget ", "`curl ", "`wget "].iter().any(|start| word.text.contains(start))
    };
    (piped || shell.arguments.iter().any(held)).then_some(Severity::High)
}

/// SQL that destroys, handed to a client as an argument, on its input, or inside a container.
fn sql_finding(program: &Program, command: &Command, pipeline: &[(&Command, Folder)]) -> Option<Finding> {
    let inside = matches!(program.name, "docker" | "podman" | "kubectl" | "docker-compose" | "heroku" | "fly")
        && program.arguments.iter().any(|word| sql::is_client(program::base_name(&word.text)));
    if !sql::is_client(program.name) && !inside {
        return None;
    }
    let fed = pipeline.iter().flat_map(|(command, _)| command.program().into_iter().flat_map(|program| program.arguments));
    let arguments = program.arguments.iter().chain(fed).map(|word| sql_argument(&word.text).to_owned());
    let here = pipeline.iter().map(|(command, _)| *command).chain([command]).flat_map(effects::here_texts);
    let statement = arguments.chain(here).find_map(|text| sql::destructive_statement(&text))?;
    Some(Finding::new(Rule::Destructive, Severity::High, statement))
}

/// The SQL of `--command=…` and `-c…`.
fn sql_argument(text: &str) -> &str {
    match text.strip_prefix("--") {
        Some(long) => long.split_once('=').map_or("", |(_, value)| value),
        None => text.strip_prefix("-c").or(text.strip_prefix("-e")).unwrap_or(text),
    }
}

#[cfg(test)]
mod tests;
