//! Which files with secrets a command reads.
//!
//! Tables of names, since each program has its own words for what is a pattern, a name to
//! look for, or a key that is used and not read.

use super::super::folder::Folder;
use super::super::program::{self, Program};
use super::super::{Command, Direction, Word, name, runner, secret_path};
use super::{Finding, Rule, is_remover};

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
    Searcher { names: &["jq"], explicit: &["-f", "--from-file"], valued: &["-L", "--indent", "--slurpfile", "--rawfile"] },
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

/// The files with secrets that a command reads; `pipeline` feeds it.
pub(super) fn secrets(command: &Command, pipeline: &[(&Command, Folder)]) -> Vec<Finding> {
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
    let file = Word { text: HANDED.to_owned(), is_literal: true };
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
        _ if !option.starts_with('-') => 0,
        ("jq", "--arg" | "--argjson") => 2,
        // A name, then a file that is read.
        ("jq", "--slurpfile" | "--rawfile") => 1,
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
