//! The audit rules that look at shell commands (`docs/behaviour.md`, "Audit").

use std::borrow::Cow;

use super::place::{self, Folder};
use super::program::{self, Program};
use super::{Command, Direction, Place, Script, Separator, Word, effects, name, network, parse, runner, secret_path, sql};

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

/// All matches in `command`, in the order of its text. [`Rule::Outside`] gives
/// every written path whose folder is known, for the caller to resolve.
pub fn audit(command: &str) -> Vec<Finding> {
    audit_script(&parse(command))
}

/// The same of a command that is parsed.
pub fn audit_script(script: &Script) -> Vec<Finding> {
    let placed: Vec<(&Command, Folder)> = place::with_folders(script).collect();
    let mut findings = Vec::new();
    for (index, (command, folder)) in placed.iter().enumerate() {
        let pipeline = before_in_pipeline(&placed[..index], command);
        let mut found = secrets(command, pipeline);
        if let Some(program) = command.program() {
            found.extend(destructive(&program, command, pipeline));
            found.extend(network::hosts(&program).into_iter().map(|host| Finding::new(Rule::Network, Severity::Low, host)));
        }
        if command.place == Place::Remote {
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

/// Programs that take paths without reading what is in the files.
const BLIND: &[&str] = &[
    "ls",
    "rm",
    "touch",
    "echo",
    "printf",
    "git",
    "mkdir",
    "rmdir",
    "chmod",
    "chown",
    "stat",
    "test",
    "[",
    "[[",
    "find",
    "fd",
    "mv",
    "ln",
    "cd",
    "pushd",
    "export",
    "unset",
    "basename",
    "dirname",
    "realpath",
    "readlink",
    "du",
    "tree",
    "tee",
    "which",
    "type",
    "command",
    "ssh-keygen",
    "ssh-copy-id",
    "set",
    "local",
    "declare",
    "alias",
    "for",
    "kill",
    "pkill",
    "pgrep",
    "eza",
    "dir",
    "md",
    "truncate",
    "shred",
];

/// Programs whose first operand is a pattern or a program text.
struct Searcher {
    names: &'static [&'static str],
    /// Options that give the pattern instead; with one, all operands are files.
    explicit: &'static [&'static str],
    /// Options that take the next word.
    valued: &'static [&'static str],
}

const SEARCHERS: &[Searcher] = &[
    Searcher {
        names: &["grep", "egrep", "fgrep"],
        explicit: &["-e", "--regexp", "-f", "--file"],
        valued: &["-A", "-B", "-C", "-m", "-d", "-D", "--after-context", "--before-context", "--context", "--max-count", "--label"],
    },
    Searcher {
        names: &["rg"],
        explicit: &["-e", "--regexp", "-f", "--file"],
        valued: &[
            "-A",
            "-B",
            "-C",
            "-E",
            "-M",
            "-d",
            "-j",
            "-m",
            "-r",
            "-t",
            "-T",
            "--after-context",
            "--before-context",
            "--context",
            "--color",
            "--encoding",
            "--max-columns",
            "--max-count",
            "--max-depth",
            "--replace",
            "--sort",
            "--threads",
            "--type",
            "--type-not",
        ],
    },
    Searcher { names: &["ag"], explicit: &[], valued: &["-A", "-B", "-C", "-m", "--depth", "--max-count"] },
    Searcher { names: &["sed"], explicit: &["-e", "-f", "--expression", "--file"], valued: &["-l"] },
    Searcher {
        names: &["awk", "gawk", "mawk", "nawk"],
        explicit: &["-f", "--file"],
        valued: &["-v", "-F", "--assign", "--field-separator"],
    },
    Searcher { names: &["jq"], explicit: &["-f", "--from-file"], valued: &["-L", "--indent"] },
    Searcher { names: &["yq"], explicit: &["--from-file"], valued: &["-I", "-o", "-p", "--indent", "--input-format", "--output-format"] },
    Searcher { names: &["perl", "ruby"], explicit: &["-e", "-E"], valued: &["-I"] },
];

impl Searcher {
    fn of(program: &Program) -> Option<&'static Searcher> {
        SEARCHERS.iter().find(|searcher| searcher.names.contains(&program.name))
    }

    /// Whether `option` is followed by a pattern; it may end a cluster, as in `grep -rne x`.
    fn gives_pattern(&self, option: &str) -> bool {
        let in_cluster = self.explicit.contains(&"-e") && option.ends_with('e') && program::is_cluster_with(option, 'e');
        in_cluster || self.explicit.contains(&option) && matches!(option, "-E" | "--regexp" | "--expression")
    }

    fn is_explicit(&self, option: &str) -> bool {
        let (name, _) = option.split_once('=').unwrap_or((option, ""));
        self.explicit.contains(&name) || self.gives_pattern(name) || self.has_pattern_inside(option)
    }

    /// `-e'x'`, `--regexp=x`
    fn has_pattern_inside(&self, option: &str) -> bool {
        let short = self.explicit.contains(&"-e") && option.starts_with("-e");
        short || option.split_once('=').is_some_and(|(name, _)| self.gives_pattern(name))
    }
}

fn secrets(command: &Command, pipeline: &[(&Command, Folder)]) -> Vec<Finding> {
    let inputs = command.redirections.iter().filter(|redirection| redirection.direction == Direction::Read);
    let mut texts: Vec<&str> = inputs.map(|redirection| redirection.target.text.as_str()).collect();
    if let Some(program) = command.program() {
        texts.extend(read_texts(&program).into_iter().filter(|text| !is_mere_word(text, &program)));
        texts.extend(piped_names(command, &program, pipeline));
    }
    texts.into_iter().filter_map(secret).collect()
}

/// What can name files that a program reads, in its own arguments.
fn read_texts<'c>(program: &Program<'c>) -> Vec<&'c str> {
    match program.name {
        "git" => git_reads(program),
        "find" if runs_reader(program.arguments) => found_names(program.arguments),
        _ => read_words(program).into_iter().map(|word| word.text.as_str()).collect(),
    }
}

/// The files whose content git prints: `git show HEAD:.env`, `git log -p -- .env`.
fn git_reads<'c>(program: &Program<'c>) -> Vec<&'c str> {
    let Some((word, arguments)) = name::split_subcommand("git", program.arguments) else { return Vec::new() };
    let subcommand = Program { name: &word.text, word, arguments };
    let prints = match subcommand.name {
        "grep" => return read_texts(&Program { name: "grep", ..subcommand }),
        "blame" | "annotate" => true,
        "cat-file" => subcommand.has(&["-p", "blob", "--textconv", "--filters"]),
        "log" => subcommand.has(&["-p", "-u", "--patch", "-L"]),
        "show" | "diff" => !subcommand.has(NO_PATCH),
        _ => false,
    };
    if prints { unnamed_words(&subcommand).into_iter().filter_map(|word| git_path(&word.text)).collect() } else { Vec::new() }
}

/// Options that make git print names or numbers instead of content.
const NO_PATCH: &[&str] =
    &["--stat", "--shortstat", "--numstat", "--summary", "--name-only", "--name-status", "--quiet", "--no-patch", "--raw", "-s"];

/// The path in an argument of git: `HEAD:.env` and `:0:.env` name `.env`, `:!.env` leaves it out.
fn git_path(argument: &str) -> Option<&str> {
    let is_left_out = [":!", ":^", ":(exclude"].iter().any(|start| argument.starts_with(start));
    let path = argument.rsplit_once(':').map_or(argument, |(_, path)| path);
    (!argument.starts_with('-') && !is_left_out).then_some(path)
}

/// Stands for the files that `find` and `xargs` hand to a program.
const HANDED: &str = "{}";

/// Whether an action of `find` reads the files that are found.
fn runs_reader(arguments: &[Word]) -> bool {
    let is_action = |word: &Word| matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir");
    let is_end = |word: &Word| matches!(word.text.as_str(), ";" | "+");
    arguments.split(is_action).skip(1).any(|action| {
        let words = action.split(is_end).next().unwrap_or_default();
        program::effective(words).is_some_and(|inner| read_texts(&inner).contains(&HANDED))
    })
}

/// The names that `find` looks for; not those that it leaves out by `-not` or `-prune`.
fn found_names(arguments: &[Word]) -> Vec<&str> {
    let text = |at: usize| arguments.get(at).map_or("", |word| word.text.as_str());
    let is_test = |at: &usize| matches!(text(*at), "-name" | "-iname" | "-path" | "-ipath" | "-wholename");
    let is_left_out = |at: usize| matches!(text(at.wrapping_sub(1)), "!" | "-not") || text(at + 2) == "-prune";
    (0..arguments.len()).filter(is_test).filter(|at| !is_left_out(*at)).map(|at| text(at + 1)).collect()
}

/// What `find` finds for `xargs` to hand over: `find . -name .env | xargs cat`.
fn piped_names<'c>(command: &Command, program: &Program, pipeline: &'c [(&'c Command, Folder)]) -> Vec<&'c str> {
    let mut wrappers = command.words.iter().take_while(|word| !std::ptr::eq(*word, program.word));
    let is_handed = wrappers.any(|word| program::base_name(&word.text) == "xargs");
    if pipeline.is_empty() || !is_handed {
        return Vec::new();
    }
    let file = Word { text: HANDED.to_owned(), literal: true };
    let arguments: Vec<Word> = program.arguments.iter().cloned().chain([file]).collect();
    if !read_texts(&Program { arguments: &arguments, ..*program }).contains(&HANDED) {
        return Vec::new();
    }
    let feeding = pipeline.iter().filter_map(|(command, _)| command.program()).filter(|program| program.name == "find");
    feeding.flat_map(|program| found_names(program.arguments)).collect()
}

/// `make credentials`, `pytest -k credentials`: a target or a filter, no path.
fn is_mere_word(text: &str, program: &Program) -> bool {
    matches!(text, "credentials" | "kubeconfig") && (name::has_subcommands(program.name) || runner::of_program(program).is_some())
}

fn secret(text: &str) -> Option<Finding> {
    // `--env-file=.env` names a path as well.
    let path = if text.starts_with('-') { text.split_once('=')?.1 } else { text };
    if path.contains("://") || path.contains(char::is_whitespace) {
        return None;
    }
    // `curl -d @.env`, `curl -F 'file=@.env;type=text/plain'`
    let path = match path.split_once("=@") {
        Some((_, file)) => file.split(';').next().unwrap_or(file),
        None => path.trim_start_matches('@'),
    };
    let severity = secret_path(path)?;
    Some(Finding::new(Rule::SecretsRead, severity, path))
}

/// Options whose value is a name to look for or leave out, a place to write to,
/// or a key that opens a connection: it is used, not read.
const NAMING: &[&str] = &[
    "--include",
    "--exclude",
    "--exclude-dir",
    "-g",
    "--glob",
    "--iglob",
    "-name",
    "-o",
    "--output",
    "-out",
    "-keyout",
    "-key-file",
    "-cert-file",
    "--kubeconfig",
    "--private-key",
];

/// The same of single programs, for which others have another meaning.
const NAMING_OF: &[(&[&str], &[&str])] = &[
    // `-i` is a flag of grep, sed and others.
    (&["ssh", "scp", "sftp", "rsync"], &["-i"]),
    (&["curl"], &["-E", "--cacert", "--cert", "--key", "--proxy-cacert", "--proxy-cert", "--proxy-key"]),
    (&["wget"], &["--ca-certificate", "--certificate"]),
    (&["http", "https"], &["--cert", "--cert-key", "--verify"]),
    (&["grpcurl"], &["-cacert", "-cert", "-key"]),
    (&["mysql", "mariadb", "mysqldump"], &["--ssl-ca", "--ssl-cert", "--ssl-key"]),
    (&["openssl"], &["-CAfile"]),
    // Subcommands of git.
    (&["log", "show", "diff"], &["-S", "-G", "--grep", "--author"]),
];

/// How many words behind `option` only name something.
fn named_words_behind(program: &Program, option: &str) -> usize {
    match (program.name, option) {
        ("jq", "--arg" | "--argjson") => 2,
        // All names up to the end.
        ("zip", "-x" | "--exclude") => usize::MAX,
        _ => usize::from(is_naming(program.name, option) || Searcher::of(program).is_some_and(|searcher| searcher.gives_pattern(option))),
    }
}

fn is_naming(program: &str, option: &str) -> bool {
    let mut own = NAMING_OF.iter().filter(|(programs, _)| programs.contains(&program));
    NAMING.contains(&option) || own.any(|(_, options)| options.contains(&option))
}

/// `--include=*.pem` and `-e.env` hold a name or a pattern, not a path.
fn names_inside(program: &Program, option: &str) -> bool {
    let is_named = option.split_once('=').is_some_and(|(option, _)| is_naming(program.name, option));
    is_named || Searcher::of(program).is_some_and(|searcher| searcher.has_pattern_inside(option))
}

/// The arguments of a program that can be files it reads.
fn read_words<'c>(program: &Program<'c>) -> Vec<&'c Word> {
    if BLIND.contains(&program.name) || is_remover(program.name) {
        return Vec::new();
    }
    let operands = program.operands();
    let not_read = match program.name {
        // The last operand of these is written.
        "cp" | "install" | "rsync" | "scp" => operands.last(),
        // `vercel env pull .env.local`
        "vercel" if program.has(&["pull"]) => operands.last(),
        _ => first_pattern(program),
    };
    let mut words = unnamed_words(program);
    words.retain(|word| not_read.is_none_or(|other| !std::ptr::eq(other, *word)));
    words
}

/// The arguments without options' values and parts that only name something.
fn unnamed_words<'c>(program: &Program<'c>) -> Vec<&'c Word> {
    let mut unnamed = Vec::new();
    let mut words = program.arguments;
    while let Some((word, rest)) = words.split_first() {
        words = rest.get(named_words_behind(program, &word.text)..).unwrap_or_default();
        if !(word.text.starts_with('-') && names_inside(program, &word.text)) {
            unnamed.push(word);
        }
    }
    unnamed
}

/// The operand that is a pattern or a program text, of a program that takes one and got it by no option.
fn first_pattern<'c>(program: &Program<'c>) -> Option<&'c Word> {
    let searcher = Searcher::of(program)?;
    if program.arguments.iter().any(|word| searcher.is_explicit(&word.text)) {
        return None;
    }
    let mut words = unnamed_words(program).into_iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            text if searcher.valued.contains(&text) => _ = words.next(),
            // `sed -i '' s/a/b/ x`; `yq eval '.a' x`
            "" => {}
            "e" | "ea" | "eval" | "eval-all" if program.name == "yq" => {}
            text if text.starts_with('-') => {}
            _ => return Some(word),
        }
    }
    None
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
        "push" if !has('n', "--dry-run") && forces_push(&subcommand) => Severity::High,
        "reset" if subcommand.has(&["--hard"]) => Severity::Medium,
        "clean" if has('f', "--force") && !has('n', "--dry-run") => Severity::Medium,
        "branch" if subcommand.has_flag('D') || has('d', "--delete") && has('f', "--force") => Severity::Medium,
        _ => return None,
    };
    Some(Finding::new(Rule::Destructive, severity, format!("git {}", spelled(&subcommand))))
}

fn forces_push(push: &Program) -> bool {
    push.has(&["--force", "--mirror", "--delete"])
        || push.has_flag('f')
        || push.has_flag('d')
        // `+ref` forces; `:ref` puts nothing in its place.
        || push.operands().any(|word| word.text.starts_with(['+', ':']) && word.text.len() > 1)
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
        !word.literal && ["$(curl ", "$(wget ", "<(curl ", "<(wget ", "`curl ", "`wget "].iter().any(|start| word.text.contains(start))
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
