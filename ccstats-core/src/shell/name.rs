//! Names one command: the program with its subcommand, target or script.
//!
//! The tables list what transcripts show. A program that is missing is named by
//! its base name alone.

use super::Word;
use super::program::{self, Program};

/// The key of one command: program, and subcommand, target or script.
pub(super) fn command_key(words: &[Word]) -> String {
    program::effective(words).as_ref().map_or_else(String::new, program_key)
}

/// The same of a program without its wrappers.
pub(super) fn program_key(program: &Program) -> String {
    key_words(program).join(" ")
}

/// The words that the key of a program is made of.
pub(super) fn key_words<'c>(program: &Program<'c>) -> Vec<&'c str> {
    let mut program = *program;
    let mut key = Vec::new();
    // No recursion: a text has room for thousands of `npx`.
    while let Some(inner) = run_by(&program) {
        key.push(program.name);
        key.extend(inner.via);
        let Some(next) = program::effective(inner.words) else { return key };
        program = next;
    }
    key.push(program.name);
    if is_interpreter(program.name) {
        key.extend(script_of(&program).into_iter().flatten())
    } else {
        key.extend(subcommand_words(&program))
    }
    key
}

/// What `npx`, `uv run`, `bundle exec` run in the end; nothing for programs that run no other one.
pub(super) fn innermost<'c>(program: &Program<'c>) -> Option<Program<'c>> {
    let run = |program: &Program<'c>| run_by(program).and_then(|inner| program::effective(inner.words));
    std::iter::successors(run(program), run).last()
}

/// Another command inside the arguments: `npx X`, `uv run X`.
struct RunBy<'c> {
    via: Option<&'c str>,
    words: &'c [Word],
}

fn run_by<'c>(program: &Program<'c>) -> Option<RunBy<'c>> {
    let name = program.name;
    let vias: &[&str] = match name {
        "npx" | "bunx" | "uvx" | "pipx" | "dotenv" | "chronic" => {
            let words = after_options(program.arguments, &["-p", "--package", "-c", "--from", "--with", "-e", "-f", "--prefix"]);
            return Some(RunBy { via: None, words });
        }
        "uv" | "poetry" | "pipenv" | "pdm" | "rye" | "hatch" => &["run"],
        "bundle" | "mise" | "pnpm" | "npm" | "yarn" | "opam" | "direnv" => &["exec", "dlx", "x"],
        "bun" => &["x"],
        _ => return None,
    };
    let (via, rest) = split_subcommand(name, program.arguments)?;
    let via = Some(via.text.as_str()).filter(|via| vias.contains(via))?;
    // `mise exec node@20 -- npm test`: what runs stands behind the dashes.
    let behind = rest.iter().position(|word| name == "mise" && word.text == "--").map(|dashes| &rest[dashes + 1..]);
    Some(RunBy { via: Some(via), words: behind.unwrap_or_else(|| after_options(rest, RUN_VALUED)) })
}

/// The options of `uv run`, `npm exec` and the like that take a value.
const RUN_VALUED: &[&str] = &[
    "--with",
    "--with-requirements",
    "--with-editable",
    "--python",
    "-p",
    "--package",
    "--filter",
    "--extra",
    "--group",
    "--only-group",
    "--project",
    "--directory",
    "--env-file",
    "--index-url",
    "--workspace",
    "-w",
    "--prefix",
];

/// The subcommand of a program, behind its options, and what follows it.
pub(super) fn split_subcommand<'c>(program: &str, arguments: &'c [Word]) -> Option<(&'c Word, &'c [Word])> {
    after_options(arguments, valued_options(program).unwrap_or_default()).split_first()
}

/// What follows the options; those in `valued` take the next word.
pub(super) fn after_options<'c>(words: &'c [Word], valued: &[&str]) -> &'c [Word] {
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let text = word.text.as_str();
        rest = match text {
            "--" => return after,
            _ if valued.contains(&text) => after.get(1..).unwrap_or_default(),
            _ if text.starts_with('-') => after,
            _ => return rest,
        };
    }
    rest
}

fn is_interpreter(name: &str) -> bool {
    let stem = name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
    program::is_shell(name)
        || matches!(
            stem,
            "python"
                | "pypy"
                | "node"
                | "ruby"
                | "perl"
                | "php"
                | "tsx"
                | "ts-node"
                | "lua"
                | "Rscript"
                | "osascript"
                | "source"
                | "julia"
                | "groovy"
                | "pwsh"
                | "powershell"
                | "py"
        )
        || name == "."
}

/// What an interpreter runs: a script, the option that gives its code, `-m` and a module.
fn script_of<'c>(program: &Program<'c>) -> [Option<&'c str>; 2] {
    let valued: &[&str] = match program.name.trim_end_matches(|character: char| !character.is_ascii_alphabetic()) {
        "python" => &["-W", "-X"],
        "node" | "tsx" | "ts-node" => &["-r", "--require", "--import", "--loader", "-P", "--project", "--env-file"],
        "bash" | "sh" | "zsh" => &["-o", "-O"],
        "perl" | "ruby" => &["-I"],
        "php" => &["-d", "-c"],
        "powershell" | "pwsh" => &["-ExecutionPolicy", "-executionpolicy", "-ep", "-WorkingDirectory"],
        _ => &[],
    };
    let name = program.name;
    let mut words = program.arguments;
    while let Some((word, rest)) = words.split_first() {
        let text = word.text.as_str();
        if text == "-m" && name.starts_with("py") {
            let module = rest.first().map_or("", |module| module.text.as_str());
            return [Some(text), Some(module)];
        }
        if takes_code(name, text) {
            return [Some(code_option(name)), None];
        }
        words = match text {
            "-" => break,
            // What follows are arguments of the script on the input.
            _ if program::is_shell(name) && program::is_cluster_with(text, 's') => break,
            _ if is_substitution(word) => break,
            "--test" => return [Some(text), None],
            _ if valued.contains(&text) => rest.get(1..).unwrap_or_default(),
            _ if text.starts_with('-') => rest,
            _ => return [Some(text), None],
        };
    }
    [None, None]
}

/// `<(curl …)` and `"$(…)"`: a script that another command makes.
fn is_substitution(word: &Word) -> bool {
    !word.is_literal && word.text.contains(['(', '`'])
}

fn takes_code(name: &str, option: &str) -> bool {
    match name {
        _ if program::is_shell(name) => program::is_cluster_with(option, 'c'),
        _ if name.starts_with("py") => is_python_code(option),
        "node" | "tsx" | "ts-node" => matches!(option, "-e" | "-p" | "--eval" | "--print" | "-pe"),
        // `-Itest`, `-rset`: letters behind these are a value.
        "perl" | "ruby" => program::is_cluster_with(option, 'e') && !option[1..].starts_with(['I', 'M', 'm', 'r']),
        "php" => option == "-r",
        "lua" | "Rscript" | "osascript" | "julia" | "groovy" => option == "-e",
        "powershell" | "pwsh" => matches!(option.to_ascii_lowercase().as_str(), "-command" | "-c" | "-encodedcommand" | "-enc"),
        _ => false,
    }
}

/// `-c`, also behind flags as in `-uc`, or with the code attached. Not `-Xtracemalloc`.
fn is_python_code(option: &str) -> bool {
    let is_flag = |letter| "bBdEhiIOPqRsSuvVx".contains(letter);
    option.strip_prefix('-').is_some_and(|cluster| cluster.trim_start_matches(is_flag).starts_with('c'))
}

fn code_option(name: &str) -> &'static str {
    match name {
        _ if name.starts_with("py") || program::is_shell(name) => "-c",
        "php" => "-r",
        "powershell" | "pwsh" => "-Command",
        _ => "-e",
    }
}

const COMPOSE_VALUED: &[&str] = &["-f", "-p", "--file", "--project-name", "--profile", "--env-file", "--project-directory"];
const PACKAGE_VALUED: &[&str] = &["--prefix", "-C", "--filter", "-F", "-w", "--workspace", "--dir", "--cwd", "--loglevel"];

/// The options before a subcommand that take a value, of a program whose first operand is one.
fn valued_options(program: &str) -> Option<&'static [&'static str]> {
    Some(match program {
        "git" => &["-C", "-c", "--git-dir", "--work-tree", "--exec-path", "--namespace"],
        "cargo" => &["--manifest-path", "--config", "-Z", "--color", "-C"],
        "go" => &["-C"],
        "kubectl" => &["-n", "--namespace", "--context", "--kubeconfig", "--cluster", "--user", "-v"],
        "docker" => &["-H", "--host", "-c", "--context", "--config", "-l", "--log-level"],
        "podman" => &["--url", "--connection"],
        "docker-compose" => COMPOSE_VALUED,
        "npm" | "pnpm" | "yarn" | "bun" => PACKAGE_VALUED,
        "make" => &["-C", "-f", "-I", "-o", "-W", "--directory", "--file"],
        "gmake" => &["-C", "-f"],
        "ninja" => &["-C", "-f", "-j"],
        "just" => &["-f", "-d", "--justfile", "--working-directory"],
        "task" => &["-t", "-d", "--taskfile", "--dir"],
        "mise" => &["-C", "--cd"],
        "helm" => &["-n", "--namespace", "--kube-context", "--kubeconfig"],
        "gh" => &["-R", "--repo"],
        "aws" => &["--profile", "--region", "--output", "--endpoint-url"],
        "gcloud" => &["--project", "--account", "--configuration"],
        "az" => &["--subscription", "--query", "-o", "--output"],
        "alembic" => &["-c", "--config", "-n", "--name", "-x"],
        "heroku" | "fly" | "flyctl" => &["-a", "--app", "-r", "--remote", "-t", "--access-token", "-c", "--config"],
        "cdk" => &["--profile", "-a", "--app", "-c", "--context", "-o", "--output"],
        "pulumi" => &["-s", "--stack", "-C", "--cwd"],
        "composer" => &["-d", "--working-dir"],
        "tmux" => &["-S", "-L", "-f"],
        "vercel" => &["-t", "--token", "-S", "--scope", "--cwd", "-A", "--local-config"],
        "netlify" => &["--auth", "--site", "-s"],
        "firebase" => &["-P", "--project", "--token"],
        "wrangler" => &["-c", "--config", "-e", "--env", "--cwd"],
        "doctl" => &["-t", "--access-token", "--context", "-c", "--config"],
        "claude" => &["--model", "--permission-mode", "--output-format", "--allowedTools", "--append-system-prompt", "--mcp-config"],
        "op" => &["--account", "--vault", "--session"],
        "systemctl" => &["-H", "-M", "-t", "-p", "-n"],
        "tox" => &["-e", "-c", "-x"],
        "nox" => &["-s", "-f", "-e"],
        "gradle" | "gradlew" => &["-p", "--project-dir", "-x", "--exclude-task"],
        "mvn" | "mvnw" => &["-f", "-pl", "-P", "-s", "-T", "-rf"],
        "uv" => &["--directory", "--project", "--config-file"],
        "poetry" => &["-C", "--directory", "-P", "--project"],
        "nix" => &["--option"],
        "xcrun" => &["--sdk"],
        "terraform" | "tofu" | "launchctl" | "deno" | "pip" | "pip3" | "apt" | "apt-get" | "brew" | "gem" | "bundle" | "dotnet" | "hg"
        | "svn" | "pipenv" | "rustup" | "conda" | "mamba" | "dnf" | "yum" | "snap" | "flutter" | "dart" | "swift" | "zig" | "ng" | "nx"
        | "turbo" | "next" | "vite" | "prisma" | "supabase" | "rake" | "rails" | "mix" | "cabal" | "stack" | "lerna" | "rush" | "bazel"
        | "buck2" | "playwright" | "cypress" | "pre-commit" | "jj" | "ruff" | "biome" | "sbt" | "lein" | "minikube" | "kind" | "argocd"
        | "ansible" | "vagrant" | "invoke" | "moon" | "expo" | "eas" | "pm2" | "service" | "screen" | "golangci-lint" | "mkdocs"
        | "hugo" | "jekyll" | "sam" | "serverless" => &[],
        _ => return None,
    })
}

/// Whether the first word after a program says what to do.
pub(super) fn has_subcommands(program: &str) -> bool {
    valued_options(program).is_some()
}

/// The words after the program that name what it does.
fn subcommand_words<'c>(program: &Program<'c>) -> Vec<&'c str> {
    let name = program.name;
    let Some(valued) = valued_options(name) else { return Vec::new() };
    // What stands behind these is a prompt.
    if name == "claude" && program.has(&["-p", "--print"]) {
        return Vec::new();
    }
    let makes = matches!(name, "make" | "gmake");
    let has_goals = matches!(name, "mvn" | "mvnw" | "gradle" | "gradlew");
    let mut words = Vec::new();
    let mut rest = program.arguments;
    loop {
        let deeper = if words.first() == Some(&"compose") { COMPOSE_VALUED } else { valued };
        let words_left = rest.len();
        rest = after_options(rest, deeper);
        let is_behind_option = rest.len() < words_left;
        let Some((word, after)) = rest.split_first() else { return words };
        rest = after;
        if is_behind_option && !words.is_empty() && names_things(name) {
            return words;
        }
        if is_behind_option && words.is_empty() && !makes && !has_goals && is_value(&word.text) {
            continue;
        }
        // `make -j 4 CC=gcc test`: neither the number nor the variable is a target.
        let is_target = !word.text.contains('=') && !word.text.bytes().all(|byte| byte.is_ascii_digit());
        // `mvn clean test` is about the tests.
        let only_cleans = has_goals && word.text == "clean" && !after_options(after, deeper).is_empty();
        if (makes && !is_target) || only_cleans || word.text.starts_with('+') {
            continue;
        }
        // Text and places are what a program works on: `claude -p "Explain x"`, `op read op://a/b`.
        if word.text.contains(char::is_whitespace) || word.text.contains("://") {
            return words;
        }
        words.push(word.text.as_str());
        if words.len() >= subcommand_count(name, &words) {
            return words;
        }
    }
}

/// Whether the words of a program that say what it does stand side by side: what comes behind
/// an option may be its value.
fn names_things(program: &str) -> bool {
    matches!(program, "gh" | "az" | "aws" | "gcloud" | "supabase" | "prisma" | "claude" | "op")
}

/// Whether a word behind an option that is not known looks like its value: a place or a number.
fn is_value(word: &str) -> bool {
    word.contains(['.', '/']) || word.bytes().all(|byte| byte.is_ascii_digit())
}

/// How many words name what a program does, the first being known.
fn subcommand_count(name: &str, words: &[&str]) -> usize {
    let first = words[0];
    match name {
        "npm" | "pnpm" | "yarn" | "bun" | "mise" | "turbo" | "nx" if matches!(first, "run" | "run-script") => 2,
        "docker" | "podman" if matches!(first, "compose" | "container" | "image" | "network" | "volume" | "buildx" | "system") => 2,
        "deno" if matches!(first, "run" | "task") => 2,
        "gh" if first == "api" => 1,
        _ if names_things(name) => 2,
        "uv" | "go" | "dotnet" if matches!(first, "pip" | "mod" | "tool") => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    fn check(table: &[(&str, &str)]) {
        for (command, expected) in table {
            assert_eq!(parse(command).failing_key().key, *expected, "{command:?}");
        }
    }

    #[test]
    fn a_key_is_the_program_with_its_subcommand() {
        check(&[
            ("", ""),
            ("ls -la", "ls"),
            ("/usr/local/bin/rg x", "rg"),
            ("./scripts/run.sh a", "run.sh"),
            ("git status", "git status"),
            ("git -C /x --no-pager -c a.b=c log -1", "git log"),
            ("cargo +nightly test --all", "cargo test"),
            ("cargo --manifest-path a/Cargo.toml build", "cargo build"),
            ("npm test", "npm test"),
            ("npm --prefix web run build", "npm run build"),
            ("npm run test:unit -- -u", "npm run test:unit"),
            ("pnpm --filter web run lint", "pnpm run lint"),
            ("yarn build", "yarn build"),
            ("bun run dev", "bun run dev"),
            ("docker build -t x .", "docker build"),
            ("docker compose -f a.yml up -d", "docker compose up"),
            ("docker-compose -f a.yml up", "docker-compose up"),
            ("kubectl -n prod get pods", "kubectl get"),
            ("go test ./...", "go test"),
            ("go mod tidy", "go mod tidy"),
            ("make -j 4 CC=gcc test", "make test"),
            ("make -C sub -j8", "make"),
            ("make CFLAGS='-O2 -g' test", "make test"),
            ("gh pr view 3", "gh pr view"),
            ("gh api --method POST repos/x?token=y", "gh api"),
            ("op read op://a/b", "op read"),
            ("claude -p 'Explain project X'", "claude"),
            ("claude mcp add x", "claude mcp add"),
            ("claude --model opus -p 'Explain'", "claude"),
            ("supabase link --project-ref abcdef", "supabase link"),
            ("heroku -a myapp logs", "heroku logs"),
            ("kubectl -v 6 get pods", "kubectl get"),
            ("docker --log-level debug build .", "docker build"),
            ("npm --loglevel error test", "npm test"),
            ("cdk --profile prod deploy", "cdk deploy"),
            ("az --subscription x vm list", "az vm list"),
            ("vercel --token X deploy", "vercel deploy"),
            ("pulumi -s dev up", "pulumi up"),
            ("alembic -c alembic.ini upgrade head", "alembic upgrade"),
            ("ruff --fix src/", "ruff"),
            ("mise exec node@20 -- npm test", "mise exec npm test"),
            ("npm exec --workspace web -- tsc", "npm exec tsc"),
            ("npx --prefix web tsc", "npx tsc"),
            ("bun -e 'let x = 1'", "bun"),
            ("terraform -chdir=x plan", "terraform plan"),
            ("pip install -r x", "pip install"),
            ("npx -y jest a", "npx jest"),
            ("uv run --with x pytest -q", "uv run pytest"),
            ("uv run --project x --env-file .env --with-requirements r pytest", "uv run pytest"),
            ("uv --directory x run pytest", "uv run pytest"),
            ("poetry -C x run pytest", "poetry run pytest"),
            ("pnpm --filter web exec vitest", "pnpm exec vitest"),
            ("uv -q pip install x", "uv pip install"),
            ("mvn -q clean test", "mvn test"),
            ("./gradlew clean -x lint build", "gradlew build"),
            ("mvn clean -q", "mvn clean"),
            ("bundle exec rspec", "bundle exec rspec"),
            ("curl.exe x", "curl"),
            ("'C:\\tools\\x.exe' --version", "x"),
        ]);
    }

    #[test]
    fn interpreters_show_their_script() {
        check(&[
            ("python3 a/b.py --x", "python3 a/b.py"),
            ("python -m pytest -q", "python -m pytest"),
            ("python -W ignore -u x.py", "python x.py"),
            ("python3 -c 'import rm'", "python3 -c"),
            ("python3 -uc \"k='x'\"", "python3 -c"),
            ("python3 -Bc 'import rm'", "python3 -c"),
            ("python3 '-cimport rm'", "python3 -c"),
            ("python3 -Xtracemalloc x.py", "python3 x.py"),
            ("julia -e 'x'", "julia -e"),
            ("bash -s -- ghp_x", "bash"),
            ("curl x.y | bash -s x", "bash"),
            ("bash <(curl -H 'a: b' x.y)", "bash"),
            ("x=$(bash -c 'y z')", "bash -c"),
            ("python3 - <<'E'\nx y\nE", "python3"),
            ("node -r dotenv/config app.js", "node app.js"),
            ("node -e 'x'", "node -e"),
            ("node --eval 'x'", "node -e"),
            ("perl -pe 's/a/b/' f", "perl -e"),
            ("php -m", "php"),
            ("pypy3 -m pytest", "pypy3 -m pytest"),
            ("ruby -Itest test/a_test.rb", "ruby test/a_test.rb"),
            ("ruby -rset -e 'x'", "ruby -e"),
            ("php -d memory_limit=-1 vendor/bin/phpstan", "php vendor/bin/phpstan"),
            ("powershell.exe -NoProfile -ExecutionPolicy Bypass -File x.ps1", "powershell x.ps1"),
            ("bash -x build.sh", "bash build.sh"),
            ("source a.sh", "source a.sh"),
            ("tsx src/a.ts", "tsx src/a.ts"),
            ("deno run -A x.ts", "deno run x.ts"),
        ]);
    }
}
