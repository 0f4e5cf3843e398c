//! Recognises programs that build, test or lint.

use super::program::{self, Program};
use super::{Role, Script, Word, name};

/// What a runner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    Test,
    Build,
    Lint,
}

/// See [`Script::runs_tests`].
pub(super) fn runs_tests(script: &Script) -> bool {
    let mut run = script.commands.iter().filter(|command| command.role != Role::Function);
    run.any(|command| runner(&command.words) == Some(Runner::Test))
}

/// What the program of `words` does, if it is a runner.
pub(super) fn runner(words: &[Word]) -> Option<Runner> {
    of_program(&program::effective(words)?)
}

/// The same of a program without its wrappers.
pub(super) fn of_program(program: &Program) -> Option<Runner> {
    let program = name::innermost(program).unwrap_or(*program);
    if only_tells_of_itself(&program) {
        return None;
    }
    let key = name::key_words(&program);
    let (name, rest) = key.split_first()?;
    by_name(name, &program).or_else(|| by_subcommand(name, rest, &program))
}

/// `gcc --version`, `pytest -h`. A letter with something behind it may mean more: `-h localhost`.
fn only_tells_of_itself(program: &Program) -> bool {
    let mut own = program.arguments.iter().map(|word| word.text.as_str()).take_while(|text| *text != "--");
    // Of these the letter asks for more output of a run.
    let says_more = matches!(program.name, "ctest" | "mvn" | "mvnw");
    match own.clone().last() {
        Some("-V") if !says_more => true,
        Some("-h") => true,
        _ => own.any(|text| matches!(text, "--version" | "--help")),
    }
}

fn by_name(name: &str, program: &Program) -> Option<Runner> {
    Some(match name {
        "pytest" | "py.test" | "jest" | "vitest" | "mocha" | "ava" | "tap" | "karma" | "rspec" | "phpunit" | "ctest" | "minitest"
        | "tox" | "nox" | "bats" | "shellspec" | "busted" | "nosetests" | "cargo-nextest" | "gotestsum" => Runner::Test,
        "eslint" | "ruff" | "flake8" | "mypy" | "pylint" | "pyright" | "black" | "prettier" | "golangci-lint" | "shellcheck" | "biome"
        | "stylelint" | "rubocop" | "staticcheck" | "hadolint" | "yamllint" | "isort" | "gofmt" | "oxlint" => Runner::Lint,
        "tsc" | "vue-tsc" if program.has(&["--noEmit"]) => Runner::Lint,
        "tsc" | "vue-tsc" | "gcc" | "g++" | "clang" | "clang++" | "cc" | "rustc" | "javac" | "cmake" | "ninja" | "webpack" | "esbuild"
        | "rollup" | "xcodebuild" | "msbuild" | "tsup" => Runner::Build,
        _ => return None,
    })
}

fn by_subcommand(name: &str, rest: &[&str], program: &Program) -> Option<Runner> {
    let first = rest.first().copied().unwrap_or_default();
    let second = rest.get(1).copied().unwrap_or_default();
    match (name, first) {
        ("cargo", "test" | "t" | "nextest")
        | (
            "go" | "dotnet" | "swift" | "mix" | "flutter" | "dart" | "deno" | "bazel" | "sbt" | "lein" | "playwright" | "bun" | "zig",
            "test",
        ) => Some(Runner::Test),
        ("cypress", "run") | ("node", "--test") => Some(Runner::Test),
        ("cargo", "clippy" | "fmt" | "deny") | ("go", "vet") => Some(Runner::Lint),
        ("cargo", "build" | "b" | "check" | "c" | "doc")
        | ("go" | "dotnet" | "swift" | "docker" | "next" | "vite" | "nix" | "zig" | "bazel" | "ng" | "hugo", "build") => {
            Some(Runner::Build)
        }
        ("docker", "compose") if second == "build" => Some(Runner::Build),
        ("npm" | "pnpm" | "yarn" | "bun" | "mise" | "turbo" | "nx" | "deno", "run" | "run-script" | "task") => by_target(second),
        ("npm" | "pnpm" | "yarn", "t") => Some(Runner::Test),
        ("npm", _) => by_target(first).filter(|runner| *runner == Runner::Test),
        ("pnpm" | "yarn" | "turbo" | "nx" | "just" | "task" | "rake" | "gradle" | "gradlew" | "mvn" | "mvnw" | "rails" | "invoke", _) => {
            by_target(first)
        }
        ("make" | "gmake", "check") => Some(Runner::Test),
        ("make" | "gmake", _) => by_target(first).or(Some(Runner::Build)),
        _ if name.starts_with("python") || name == "py" => python(first, second, program),
        _ if program::is_shell(name) => by_script(first),
        _ => by_script(name),
    }
}

fn python(first: &str, second: &str, program: &Program) -> Option<Runner> {
    match (first, second) {
        ("-m", "pytest" | "unittest" | "nose2" | "doctest" | "tox") => Some(Runner::Test),
        ("-m", "mypy" | "ruff" | "flake8" | "pylint" | "black" | "py_compile" | "compileall") => Some(Runner::Lint),
        ("-m", "build") => Some(Runner::Build),
        ("-m" | "-c", _) => None,
        _ if program::base_name(first) == "manage.py" => program.has(&["test"]).then_some(Runner::Test),
        _ => by_script(first),
    }
}

/// By the parts of a target's name: `test:unit`, `ci-lint`.
fn by_target(target: &str) -> Option<Runner> {
    target.split([':', '-', '_', '.', '/']).find_map(|part| match part {
        "test" | "tests" | "spec" | "e2e" | "vitest" | "jest" | "pytest" | "integrationTest" | "verify" => Some(Runner::Test),
        "lint" | "eslint" | "typecheck" | "clippy" | "fmt" | "format" | "check" | "vet" | "tsc" => Some(Runner::Lint),
        "build" | "compile" | "package" | "assemble" | "bundle" => Some(Runner::Build),
        _ => None,
    })
}

/// Scripts that say by their name that they test: `run_tests.sh`, `test_x.py`.
fn by_script(path: &str) -> Option<Runner> {
    let name = program::base_name(path);
    let (stem, _) = name.rsplit_once('.')?;
    stem.split(['_', '-', '.']).any(|part| matches!(part, "test" | "tests")).then_some(Runner::Test)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn test_commands_are_recognised() {
        for command in [
            "cargo test",
            "cargo nextest run",
            "pytest -q",
            "python -m pytest",
            "python3 -m unittest",
            "npm test",
            "npm t",
            "npm run test:unit",
            "pnpm test",
            "yarn jest",
            "npx jest a",
            "npx vitest run",
            "go test ./...",
            "make test",
            "make check",
            "make test-e2e",
            "just test",
            "cd x && uv run pytest | tail",
            "bundle exec rspec",
            "./gradlew test",
            "mvn -q verify",
            "deno test",
            "dotnet test",
            "python manage.py test",
            "bash run_tests.sh",
            "./run_tests.sh",
            "python3 test_a.py",
            "mise run test:ci",
            "sudo timeout 5 cargo test",
            "npx playwright test",
            "bash -c 'cargo test'",
            "ctest -V",
            "pytest -h x",
            "npm test -- --help",
            "node --test",
            "bun x jest",
            "pnpm --filter web exec vitest",
            "poetry -C x run sudo pytest",
        ] {
            assert!(runs_tests(&parse(command)), "{command}");
        }
    }

    #[test]
    fn what_only_speaks_of_tests_runs_none() {
        for command in [
            "",
            "cargo build",
            "echo cargo test",
            "git commit -m 'cargo test'",
            "test -f x",
            "[ -f x ]",
            "grep pytest x",
            "npm install jest",
            "pip install pytest",
            "cat test.py",
            "make",
            "npm run build",
            "ls tests",
            "f() { cargo test; }",
            "go vet",
            "npx",
            "pytest --version",
            "pytest -h",
            "python -m pytest --help",
            "npx jest -V",
            "cargo test --help",
        ] {
            assert!(!runs_tests(&parse(command)), "{command}");
        }
    }
}
