//! Which programs change files that they need not name.
//!
//! Tables of names, since each program has its own words for it. What is not in
//! them is judged by the words that it is given.

use super::super::name;
use super::super::program::{self, Program};
use super::{READERS, edits_in_place, only_shows};

/// Whether a program, or one that it runs in turn (`npx`, `python -m`, `pnpm X`), changes
/// files that it need not name.
pub(super) fn runs_a_change(program: &Program) -> bool {
    /// Of a longer chain of programs nobody typed the rest.
    const MOST_PROGRAMS: usize = 4;
    std::iter::successors(Some(*program), run_by).take(MOST_PROGRAMS).any(|program| changes_tree(&program))
}

/// The program that another one starts: `npx X`, `python -m X`, `pnpm X`.
fn run_by<'c>(program: &Program<'c>) -> Option<Program<'c>> {
    let words = program.arguments;
    let started = match program.name {
        name if name.starts_with("python") || name == "py" => {
            let module = words.iter().take_while(|word| word.text.starts_with('-')).position(|word| word.text == "-m")?;
            program::effective(&words[module + 1..])
        }
        // A script of that name, or the program.
        "pnpm" | "yarn" | "bun" => name::split_subcommand(program.name, words).and_then(|(first, _)| {
            let at = words.iter().position(|word| std::ptr::eq(word, first))?;
            program::effective(&words[at..]).filter(|inner| !PACKAGE_CHANGES.contains(&inner.name))
        }),
        _ => None,
    };
    name::innermost(program).or(started)
}

/// Whether a program changes files that it need not name.
pub(super) fn changes_tree(program: &Program) -> bool {
    let reads = READERS.contains(&program.name) && !matches!(program.name, "sed" | "yq" | "awk" | "fd");
    !reads
        && !program.has(&["--dry-run", "--check"])
        && (is_told_to_fix(program)
            || formats(program)
            || changes_packages(program)
            || runs_a_fix(program)
            || changes_history(program)
            || changes_what_it_finds(program))
}

/// Options that make a program only say what it would do, of all formatters alike.
const CHECKS: &[&str] = &[
    "-check",
    "--check-only",
    "--check-formatted",
    "--diff",
    "--lint",
    "--list-different",
    "--output=none",
    "--verify-no-changes",
    "--write=false",
    "-write=false",
    "--help",
    "--version",
];

/// `--fix`, `--write=true`
fn is_told_to_fix(program: &Program) -> bool {
    let fixes = |text: &str| {
        ["--fix", "--write"].iter().any(|option| text.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
    };
    program.arguments.iter().any(|word| fixes(&word.text)) && !program.has(CHECKS)
}

/// Formatters that change files unless they are told not to.
const FORMATTERS: &[&str] = &["black", "isort", "rustfmt", "autopep8", "yapf", "swiftformat", "ktlint", "phpcbf", "treefmt", "lint-staged"];

/// Formatters that change files if one of these options says so.
const FORMATTERS_TOLD: &[(&str, &[&str])] = &[
    ("prettier", &["-w"]),
    ("biome", &["--apply", "--apply-unsafe"]),
    ("buf", &["-w"]),
    ("gofmt", &["-w"]),
    ("goimports", &["-w"]),
    ("gofumpt", &["-w"]),
    ("shfmt", &["-w"]),
    ("clang-format", &["-i"]),
    ("rubocop", &["-a", "-A", "--autocorrect", "--autocorrect-all", "--auto-correct", "--auto-correct-all"]),
];

fn formats(program: &Program) -> bool {
    is_formatter(program) && !program.has(CHECKS)
}

fn is_formatter(program: &Program) -> bool {
    if let Some((_, options)) = FORMATTERS_TOLD.iter().find(|(name, _)| *name == program.name) {
        let is_flag = |option: &&str| option.len() == 2 && program.has_flag(char::from(option.as_bytes()[1]));
        return program.has(options) || options.iter().any(is_flag);
    }
    FORMATTERS.contains(&program.name)
        || matches!(subcommand(program), "fmt" | "format")
        || matches!((program.name, subcommand(program)), ("cargo" | "go" | "php-cs-fixer" | "jj", "fix") | ("pre-commit", "run"))
}

/// Subcommands of package managers that change what is installed, or the list of it.
const PACKAGE_CHANGES: &[&str] = &[
    "add",
    "ci",
    "create",
    "dedupe",
    "i",
    "init",
    "install",
    "link",
    "lock",
    "new",
    "patch",
    "pkg",
    "prune",
    "remove",
    "require",
    "rm",
    "sync",
    "uninstall",
    "unlink",
    "up",
    "update",
    "upgrade",
];

const PACKAGE_MANAGERS: &[&str] = &[
    "apt", "apt-get", "brew", "bun", "bundle", "cargo", "composer", "conda", "deno", "dotnet", "gem", "hatch", "mamba", "npm", "pdm",
    "pip", "pip3", "pipenv", "pixi", "pnpm", "poetry", "rye", "uv", "yarn",
];

fn changes_packages(program: &Program) -> bool {
    let (first, second) = subcommands(program);
    match program.name {
        "ncu" | "npm-check-updates" => program.has(&["-u", "--upgrade"]),
        // `yarn` and `yarn --frozen-lockfile` install.
        "yarn" if first.is_empty() => !program.has(&["--version", "-v", "--help", "-h"]),
        "npm" | "pnpm" | "yarn" if first == "version" => !second.is_empty(),
        "go" => matches!(first, "generate" | "get" | "mod" | "work"),
        "uv" if first == "pip" => PACKAGE_CHANGES.contains(&second),
        "npm" if first == "pkg" => second != "get",
        name => PACKAGE_MANAGERS.contains(&name) && PACKAGE_CHANGES.contains(&first),
    }
}

/// Programs whose operands name a script or target.
const SCRIPT_RUNNERS: &[&str] = &[
    "bun", "composer", "deno", "gmake", "gradle", "gradlew", "just", "make", "mise", "moon", "mvn", "mvnw", "npm", "nx", "pdm", "pnpm",
    "rake", "task", "turbo", "yarn",
];

/// `npm run fmt`, `yarn lint:fix`, `just format-all`, `mvn spotless:apply`
fn runs_a_fix(program: &Program) -> bool {
    let words = program.arguments.iter().take_while(|word| word.text != "--");
    // A path is no name of a script, but that of a Maven plugin has dots.
    let is_script = |text: &str| !text.starts_with('-') && !text.contains('/') && (program.name.starts_with("mvn") || !text.contains('.'));
    SCRIPT_RUNNERS.contains(&program.name) && words.map(|word| word.text.as_str()).any(|text| is_script(text) && names_a_fix(text))
}

/// By the parts of a script's name: `format-all`, `prettier:write`, `ktlintFormat`; not `format:check`.
fn names_a_fix(script: &str) -> bool {
    let mut name = String::with_capacity(script.len() + 4);
    for letter in script.chars() {
        if letter.is_uppercase() {
            name.push(':');
        }
        name.extend(letter.to_lowercase());
    }
    let mut parts = name.split([':', '-', '_', '.']);
    let fixes = |part: &str| matches!(part, "fix" | "autofix" | "autocorrect" | "write" | "generate");
    let formats = |part: &str| part.starts_with("format") || part.ends_with("format") || part.ends_with("fmt");
    let only_checks = parts.clone().any(|part| matches!(part, "check" | "verify" | "diff" | "dry"));
    name.contains("spotless:apply") || parts.any(|part| fixes(part) || formats(part) && !only_checks)
}

/// Subcommands of git that change files of the working tree.
const GIT_TREE: &[&str] = &[
    "checkout",
    "reset",
    "stash",
    "pull",
    "merge",
    "rebase",
    "apply",
    "switch",
    "restore",
    "cherry-pick",
    "revert",
    "am",
    "clean",
    "rm",
    "mv",
    "submodule",
    "sparse-checkout",
    "read-tree",
    "checkout-index",
    "bisect",
    "subtree",
    "lfs",
];

/// What these do that changes no file.
const GIT_LOOKS: &[(&str, &[&str])] = &[
    ("stash", &["list", "show", "create", "store", "drop", "clear"]),
    ("submodule", &["", "status", "summary"]),
    ("sparse-checkout", &["list"]),
    ("bisect", &["log", "terms", "view", "visualize"]),
    ("subtree", &["push", "split"]),
    ("lfs", &["", "env", "fetch", "locks", "ls-files", "push", "status"]),
];

fn changes_history(program: &Program) -> bool {
    let (first, second) = subcommands(program);
    match program.name {
        "git" => {
            GIT_TREE.contains(&first)
                && !GIT_LOOKS.iter().any(|(name, looks)| *name == first && looks.contains(&second))
                && !keeps_files(program, first)
        }
        "jj" | "hg" | "svn" => !matches!(first, "log" | "status" | "diff" | "show" | "st"),
        // The last one leaves the branch that it deletes.
        "gh" => {
            first == "co"
                || first == "pr" && (matches!(second, "checkout" | "co") || second == "merge" && program.has(&["-d", "--delete-branch"]))
        }
        _ => false,
    }
}

/// Whether a subcommand of git is told to change only branches or the index.
fn keeps_files(program: &Program, subcommand: &str) -> bool {
    // A new branch without a place to start at.
    let is_here = || program.operands().skip_while(|word| word.text != subcommand).count() == 2;
    match subcommand {
        "checkout" => program.has(&["-b"]) && is_here(),
        "switch" => program.has(&["-c", "--create"]) && is_here(),
        "restore" => program.has(&["--staged", "-S"]) && !program.has(&["--worktree", "-W"]),
        "reset" => !program.has(&["--hard", "--merge", "--keep"]),
        "apply" => program.has(&["--stat", "--numstat", "--summary", "--cached"]) && !program.has(&["--apply"]),
        "rm" => program.has(&["--cached"]),
        "clean" => program.has_flag('n'),
        _ => false,
    }
}

/// Programs that change files which they find by themselves, or that a script lists.
fn changes_what_it_finds(program: &Program) -> bool {
    match program.name {
        "sed" | "perl" | "ruby" | "yq" | "awk" | "gawk" => edits_in_place(program),
        "fd" | "fdfind" => found_by_fd(program).is_some_and(|inner| !only_shows(&inner)),
        "tar" => !lists_archive(program),
        "unzip" => !['l', 'p', 't', 'v', 'Z'].iter().any(|flag| program.has_flag(*flag)),
        "mv" | "cp" | "rsync" | "patch" | "ansible-playbook" => true,
        _ => false,
    }
}

/// What `fd -x` runs for the files that it finds.
pub(super) fn found_by_fd<'c>(program: &Program<'c>) -> Option<Program<'c>> {
    let option = program.arguments.iter().position(|word| matches!(word.text.as_str(), "-x" | "-X" | "--exec" | "--exec-batch"))?;
    program::effective(&program.arguments[option + 1..])
}

/// `tar tzf x`, `tar -tf x`
fn lists_archive(program: &Program) -> bool {
    let mode = program.arguments.first().map_or("", |word| word.text.trim_start_matches('-'));
    program.has(&["--list"])
        || mode.contains('t') && mode.bytes().all(|byte| byte.is_ascii_lowercase()) && !mode.contains(['x', 'c', 'r', 'u'])
}

/// The first operand that can be a subcommand: not the folder of `git -C`.
fn subcommand<'c>(program: &Program<'c>) -> &'c str {
    subcommands(program).0
}

/// The same with the operand after it.
fn subcommands<'c>(program: &Program<'c>) -> (&'c str, &'c str) {
    let mut words = program.arguments.iter();
    let mut next = || {
        while let Some(word) = words.next() {
            match word.text.as_str() {
                "-C" | "-c" | "-R" | "--repo" | "--prefix" | "--filter" | "--cwd" | "--manifest-path" => _ = words.next(),
                text if text.starts_with(['-', '+']) => {}
                text => return text,
            }
        }
        ""
    };
    (next(), next())
}
