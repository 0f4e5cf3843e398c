//! Every ready piece of `contrib/`, run once where its program is installed.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use chrono::Utc;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{assistant, in_time, lines, program, with, workspace, write_transcript};

/// A home with 60 cents of this moment, and limits.
fn home(limits: &str) -> TempDir {
    let now = Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let response = with(assistant("msg_1", &json!({"output_tokens": 40_000})), &json!({"timestamp": now}));
    let home = write_transcript(lines(&[response]));
    fs::write(home.path().join("config.toml"), format!("[budget]\n{limits}\n")).unwrap();
    home
}

/// A program that finds ccstats on the search path, with all its files in `home`.
fn command(name: &str, home: &Path) -> Command {
    let ours = Path::new(env!("CARGO_BIN_EXE_ccstats")).parent().unwrap().to_path_buf();
    let path: OsString = std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap()))).unwrap();
    let mut command = Command::new(name);
    command.env_clear().env("PATH", path).env("TZ", "UTC").env("TERM", "xterm").env("CCSTATS_CONFIG", home.join("config.toml"));
    for name in ["HOME", "CLAUDE_CONFIG_DIR", "CCSTATS_DATA_DIR", "TMUX_TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
        command.env(name, home);
    }
    command.current_dir(home).stdin(Stdio::null());
    command
}

/// Whether a program is there; a test that passes without it says so.
fn is_there(name: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|folder| folder.join(name).is_file());
    if !found {
        eprintln!("skipped: no {name}, so its piece of contrib/ is not run");
    }
    found
}

fn piece(path: &str) -> String {
    workspace("contrib").join(path).to_str().unwrap().into()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a script with an exceeded limit and with one that holds. The script asks for the
/// alert twice; it comes once, because the second is within the minute.
fn assert_alerts(shell: &str, arguments: &[&str], script: &str) {
    if !is_there(shell) {
        return;
    }
    let run = |limits: &str| command(shell, home(limits).path()).args(arguments).arg(script).output().unwrap();
    let exceeded = run("daily = 0.5");
    let told = "daily: $0.60 of $0.50 (120%), exceeded by $0.10";
    let all = stderr(&exceeded) + &String::from_utf8_lossy(&exceeded.stdout);
    assert_eq!(all.matches(told).count(), 1, "{shell}: {exceeded:?}");
    let within = run("daily = 5");
    assert!(
        within.status.success() && within.stderr.is_empty() && !String::from_utf8_lossy(&within.stdout).contains("daily"),
        "{within:?}"
    );
}

#[test]
fn bash_alerts() {
    if !is_there("bash") {
        return;
    }
    let script = format!(
        "PROMPT_COMMAND='echo other'; source {0:?}; source {0:?}; false; eval \"$PROMPT_COMMAND\"; false; __ccstats_alert; echo \"ended $?\"",
        piece("bash/ccstats-alert.bash")
    );
    assert_alerts("bash", &["--norc", "-c"], &script);
    let output = command("bash", home("").path()).args(["--norc", "-c", &script]).output().unwrap();
    assert_eq!((String::from_utf8_lossy(&output.stdout).as_ref(), stderr(&output).as_str()), ("other\nended 1\n", ""));
}

#[test]
fn zsh_alerts() {
    let script = format!(
        "source {:?}; __ccstats_alert; __ccstats_alert; [[ $precmd_functions == *__ccstats_alert* ]]",
        piece("zsh/ccstats-alert.zsh")
    );
    assert_alerts("zsh", &["-f", "-c"], &script);
}

#[test]
fn fish_alerts() {
    let script = format!("source {:?}; emit fish_prompt; emit fish_prompt", piece("fish/ccstats-alert.fish"));
    assert_alerts("fish", &["--no-config", "-c"], &script);
}

#[test]
fn powershell_alerts() {
    let script = format!(". {:?}; prompt; prompt", piece("powershell/ccstats-alert.ps1"));
    assert_alerts("pwsh", &["-NoProfile", "-NonInteractive", "-Command"], &script);
}

#[test]
fn tmux_shows_today() {
    if !is_there("tmux") {
        return;
    }
    let home = home("");
    let tmux = |words: &[&str]| {
        let output =
            command("tmux", home.path()).args(["-L", "ccstats-test", "-f", &piece("tmux/ccstats.tmux.conf")]).args(words).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    tmux(&["new-session", "-d", "sleep 60"]);
    let status = tmux(&["show-options", "-gv", "status-right"]);
    // No terminal is there to show the bar, so tmux runs what stands in it.
    let shown = home.path().join("shown");
    let inner = status.trim_end().strip_prefix("#(").and_then(|status| status.strip_suffix(')')).expect("a command");
    let show = || {
        tmux(&["run-shell", &format!("{inner} >{}", shown.display())]);
        fs::read_to_string(&shown).unwrap()
    };
    let fits = |shown: &String| shown.starts_with("$0.60 today · $0.60 block, ");
    let shown = in_time(show, fits);
    tmux(&["kill-server"]);
    assert!(fits(&shown), "{shown:?}");
}

#[test]
fn starship_shows_today() {
    let text = fs::read_to_string(piece("starship/ccstats.toml")).unwrap();
    let config = toml::de::DeTable::parse(&text).unwrap();
    let module = config.get_ref()["custom"].get_ref()["ccstats"].get_ref();
    let home = home("");
    let shows_today = |output: &Output| String::from_utf8_lossy(&output.stdout).contains("$0.60 today");
    let line = module["command"].get_ref().as_str().unwrap();
    let output = in_time(|| command("sh", home.path()).args(["-c", line]).output().unwrap(), shows_today);
    assert!(shows_today(&output), "{output:?}");
    if is_there("starship") {
        let prompt = || command("starship", home.path()).arg("prompt").env("STARSHIP_CONFIG", piece("starship/ccstats.toml")).output();
        let output = in_time(|| prompt().unwrap(), shows_today);
        assert!(shows_today(&output), "{output:?}");
    }
}

#[test]
fn systemd_takes_the_units_and_their_command_runs() {
    let home = home("");
    let service = fs::read_to_string(piece("systemd/ccstats-sync.service")).unwrap();
    let start = service.lines().find_map(|line| line.strip_prefix("ExecStart=%h/.cargo/bin/ccstats ")).expect("the service starts ccstats");
    let output = program(home.path()).args(start.split(' ')).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    if is_there("systemd-analyze") {
        // The verifier wants the program where the unit says that it is.
        let unit = home.path().join("ccstats-sync.service");
        fs::write(&unit, service.replace("%h/.cargo/bin/ccstats", env!("CARGO_BIN_EXE_ccstats"))).unwrap();
        let timer = home.path().join("ccstats-sync.timer");
        fs::copy(piece("systemd/ccstats-sync.timer"), &timer).unwrap();
        let output = command("systemd-analyze", home.path()).args(["verify", "--user"]).args([&unit, &timer]).output().unwrap();
        let said = stderr(&output);
        assert!(output.status.success() && !said.contains("ccstats-sync"), "{said}");
    }
}
