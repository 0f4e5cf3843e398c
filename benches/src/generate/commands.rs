//! Shell commands as Claude Code runs them.
//!
//! Of 923 measured calls 815 had a command of their own, of 83 bytes in the middle and of
//! 165 on average; 37 of 100 have an `&&`, 36 a pipe, 22 a `2>&1`, 19 start with `cd`, 15
//! have a `;`, 6 a loop, 5 a heredoc. What is worked out of a command cannot be kept for
//! the next one, so a tree of few commands would be cheaper than a real one.

use std::fmt::Write as _;

use super::random::Random;
use super::text::{Text, WORDS};

/// A command, escaped as the inside of a JSON string.
pub(super) fn any(random: &mut Random, text: &Text) -> String {
    if random.happens(70) {
        return "cargo test --workspace".into();
    }
    let mut command = String::new();
    if random.happens(190) {
        let _ = write!(command, "cd /home/user/projects/{}-{} && ", word(random), word(random));
    }
    match random.below(100) {
        0..5 => heredoc(random, text, &mut command),
        5..11 => looped(random, &mut command),
        _ => chained(random, &mut command),
    }
    command
}

fn chained(random: &mut Random, command: &mut String) {
    stage(random, command);
    for (separator, per_mille) in [(" && ", 210), ("; ", 130), (" || ", 45)] {
        if random.happens(per_mille) {
            command.push_str(separator);
            stage(random, command);
        }
    }
}

/// One program, or a pipeline of them.
fn stage(random: &mut Random, command: &mut String) {
    program(random, command);
    if random.happens(160) {
        command.push_str(" 2>&1");
    }
    let (word, count) = (word(random), random.below(90) + 10);
    let _ = match random.below(100) {
        0..15 => write!(command, " | head -{count}"),
        15..22 => write!(command, " | tail -{count}"),
        22..26 => write!(command, " | grep -v {word}"),
        26..28 => write!(command, " | sort | uniq -c"),
        _ => Ok(()),
    };
}

fn program(random: &mut Random, command: &mut String) {
    let [a, b, c] = [word(random), word(random), word(random)];
    let (count, file) = (random.below(400) + 1, format!("src/{a}/{b}_{c}.rs"));
    let _ = match random.below(24) {
        0 => write!(command, "git status --short"),
        1 => write!(command, "git diff --stat {file}"),
        2 => write!(command, "git log --oneline -{count} -- src/{a}"),
        3 => write!(command, "git add {file} tests/{a}.rs"),
        4 => write!(command, "git commit -m \\\"Read the {a} of a {b} before its {c}\\\""),
        5 => write!(command, "git show --stat {:07x}", random.below(1 << 28)),
        6 | 7 => write!(command, "ls -la /home/user/{a}/{b}"),
        8 | 9 => write!(command, "find . -name \\\"*{a}_{b}*\\\" -type f -not -path \\\"*/target/*\\\""),
        10 | 11 => write!(command, "grep -rn \\\"{a}.*{b}\\\" src/{c} --include=*.rs"),
        12 => write!(command, "rg -n 'fn {a}_{b}' src"),
        13 => write!(command, "cargo test -p {a} {b}_{c}"),
        14 => write!(command, "cargo build --release -p {a}-{b}"),
        15 => write!(command, "npm run {a}:{b}"),
        16 => write!(command, "python3 -m pytest tests/test_{a}_{b}.py -q -k {c}"),
        17 => write!(command, "python3 scripts/{a}.py --{b} {count}"),
        18 => write!(command, "cat {file}"),
        19 => write!(command, "sed -n '{count},{}p' {file}", count + 40),
        20 => write!(command, "gh pr view {count} --json {a},{b}"),
        21 => write!(command, "mkdir -p /tmp/{a}/{b}"),
        22 => write!(command, "echo \\\"{a} {b}: $?\\\""),
        _ => write!(command, "curl -s http://localhost:{}/{a}/{b}", 8000 + count),
    };
}

fn looped(random: &mut Random, command: &mut String) {
    let _ = write!(command, "for name in {} {} {}; do ", word(random), word(random), word(random));
    stage(random, command);
    command.push_str(" $name; done");
}

fn heredoc(random: &mut Random, text: &Text, command: &mut String) {
    let size = random.size(1500.0, 0.8);
    let code = String::from_utf8_lossy(text.code(random, size)).into_owned();
    let _ = match random.below(2) {
        0 => write!(command, "python3 - <<'EOF'\\n{code}EOF"),
        _ => write!(command, "git commit -m \\\"$(cat <<'EOF'\\n{code}EOF\\n)\\\""),
    };
}

fn word(random: &mut Random) -> &'static str {
    random.pick(&WORDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_as_long_and_as_various_as_measured() {
        let mut random = Random::new(1);
        let text = Text::new(&mut random);
        let mut commands: Vec<String> = (0..10_000).map(|_| any(&mut random, &text)).collect();
        let mean = commands.iter().map(String::len).sum::<usize>() / commands.len();
        commands.sort_by_key(String::len);
        let middle = commands[commands.len() / 2].len();
        let with = |part: &str| commands.iter().filter(|command| command.contains(part)).count() / 100;
        let shares = [with(" && "), with(" | "), with("2>&1"), with("; "), with("<<")];
        commands.sort();
        commands.dedup();
        assert!((60..110).contains(&middle) && (120..210).contains(&mean), "{middle} {mean}");
        assert!(shares.iter().zip([37, 36, 22, 15, 5]).all(|(share, real)| share.abs_diff(real) <= 5), "{shares:?}");
        assert!(commands.len() > 8000, "{}", commands.len());
    }
}
