//! The status line: always a line, always soon, always success.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{assistant, lines, program, with, write_home, write_transcript};

const NOW: &str = "2026-11-20T12:00:00Z";

/// The deadline is 200 ms; a machine that runs all tests at once takes longer.
const SOON: Duration = Duration::from_secs(2);

/// Sessions `s1` with 60 cents today and `s2` with 60 yesterday.
fn home() -> TempDir {
    let response = |id: &str, session: &str, time: &str| {
        with(assistant(id, &json!({"output_tokens": 40_000})), &json!({"timestamp": time, "sessionId": session}))
    };
    write_home([
        ("projects/-work-demo/s1.jsonl", lines(&[response("msg_a", "s1", "2026-11-20T10:30:00Z")])),
        ("projects/-work-demo/s2.jsonl", lines(&[response("msg_b", "s2", "2026-11-19T09:00:00Z")])),
    ])
}

/// The line for what stands on stdin, in a home of its own for everything.
fn line<A: AsRef<OsStr>>(home: &Path, stdin: &[u8], options: impl IntoIterator<Item = A>) -> String {
    line_at(NOW, home, stdin, options)
}

fn line_at<A: AsRef<OsStr>>(now: &str, home: &Path, stdin: &[u8], options: impl IntoIterator<Item = A>) -> String {
    let mut command = program(home);
    command.args(["statusline", "--tz", "UTC", "--now", now]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may answer without listening.
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{output:?}");
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.len() > 1 && line.ends_with('\n') && line.matches('\n').count() == 1, "{line:?}");
    line.trim_end().into()
}

/// The line where stdin says nothing until it is too late to read any transcript.
fn late_line(now: &str, home: &Path) -> String {
    let mut command = program(home);
    command.args(["statusline", "--tz", "UTC", "--now", now]);
    late_line_of(&mut command)
}

fn late_line_of(command: &mut Command) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let held_open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(held_open);
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

const NONE: [&str; 0] = [];

fn input() -> Value {
    json!({
        "session_id": "s1", "cwd": "/work/demo", "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "cost": {"total_cost_usd": 9.99}, "context_window": {"used_percentage": 43},
        "rate_limits": {"five_hour": {"used_percentage": 12, "resets_at": 1}, "seven_day": {"used_percentage": 40.6}},
    })
}

#[test]
fn everything_that_is_known_is_on_the_line() {
    let line = line(home().path(), input().to_string().as_bytes(), NONE);
    assert_eq!(line, "Opus 5.5 · $0.60 session · $0.60 today · $0.60 block, 3h 00m left · context 43% · 5h 12%, 7d 41%");
}

#[test]
fn what_is_not_given_is_not_guessed() {
    let home = home();
    assert_eq!(line(home.path(), b"{}", NONE), "$0.60 today · $0.60 block, 3h 00m left");
    // Without the transcripts of a session there is Claude Code's own estimate.
    let unknown = json!({"session_id": "s9", "cost": {"total_cost_usd": 1.239}});
    assert_eq!(line(home.path(), unknown.to_string().as_bytes(), NONE), "$1.24 session · $0.60 today · $0.60 block, 3h 00m left");
}

#[test]
fn garbage_on_stdin_still_gives_a_line() {
    let home = home();
    let deep = "[".repeat(100_000);
    for garbage in [&b""[..], b"null", b"[1,2", b"\xff\xfe", b"{\"session_id\":", b"\"x\"", b"{\"session_id\": {}}", deep.as_bytes()] {
        assert_eq!(line(home.path(), garbage, NONE), "$0.60 today · $0.60 block, 3h 00m left");
    }
}

#[test]
fn a_mistake_in_the_options_stands_on_the_line() {
    let words = [["statusline", "--of-a-later-version"], ["--of-a-later-version", "statusline"], ["--of-a-later-version=5", "statusline"]];
    for words in words {
        let run = crate::support::ccstats(words);
        assert_eq!((run.code, run.text()), (0, "ccstats: unexpected argument '--of-a-later-version' found\n"), "{words:?}");
    }
    let home = home();
    let missing = line(home.path(), b"{}", ["--root", "/nowhere/at/all"]);
    assert!(missing.starts_with("ccstats: cannot read `/nowhere/at/all`: "), "{missing}");
    let glob = line(home.path(), b"{}", ["--project", "["]);
    assert!(glob.starts_with("ccstats: no valid glob: `[`: "), "{glob}");
}

#[test]
fn without_transcripts_there_is_a_line() {
    let home = write_transcript("");
    assert_eq!(line(home.path(), b"", NONE), "$0.00 today");
}

#[test]
fn the_template_and_the_budget_come_from_the_configuration() {
    let home = home();
    let config = home.path().join("c.toml");
    let show = |text: &str| {
        fs::write(&config, text).unwrap();
        line(home.path(), input().to_string().as_bytes(), [OsStr::new("--config"), config.as_os_str()])
    };
    let parts = "[statusline]\nparts = [\"{today}\", \"{budget}\", \"{model}!\"]\nseparator = \" | \"\n";
    assert_eq!(show(parts), "$0.60 | Opus 5.5!");
    assert_eq!(show(&format!("{parts}[budget]\ndaily = 1\nmonthly = 1.5")), "$0.60 | monthly budget 80% | Opus 5.5!");
    assert_eq!(show(&format!("{parts}[budget]\nsession = 0.5")), "$0.60 | session budget exceeded: 120% | Opus 5.5!");
    // A limit of another project is not about this folder.
    assert_eq!(show(&format!("{parts}[budget.projects.shop]\ndaily = 0.1")), "$0.60 | Opus 5.5!");
    assert_eq!(show(&format!("{parts}[budget.projects.demo]\ndaily = 0.1")), "$0.60 | daily budget exceeded: 600% | Opus 5.5!");
    let mistake = show("[statusline]\nparts = [\"{tomorrow}\"]");
    assert!(mistake.starts_with("ccstats: `") && mistake.contains("line 2: expected names in braces"), "{mistake}");
}

#[test]
fn one_value_is_read_and_the_end_is_not_waited_for() {
    let home = home();
    let mut child = program(home.path());
    child.args(["statusline", "--tz", "UTC", "--now", NOW]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input().to_string().as_bytes()).unwrap();
    stdin.flush().unwrap();
    let mut line = String::new();
    child.stdout.take().unwrap().read_to_string(&mut line).unwrap();
    assert!(child.wait().unwrap().success() && line.starts_with("Opus 5.5 · $0.60 session · "), "{line}");
    drop(stdin);
}

/// A pipe that nobody writes to, as stdin and as the configuration.
#[cfg(unix)]
#[test]
fn what_takes_too_long_is_not_waited_for_and_the_last_figures_are_shown() {
    let home = home();
    assert!(line(home.path(), b"{}", NONE).starts_with("$0.60 today"));
    let start = Instant::now();
    assert_eq!(late_line(NOW, home.path()), "$0.60 today · $0.60 block, 3h 00m left");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());

    let fifo = home.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let start = Instant::now();
    assert_eq!(line(home.path(), b"{}", [OsStr::new("--config"), fifo.as_os_str()]), "ccstats");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn last_figures_hold_for_their_day_and_block() {
    let home = home();
    line(home.path(), input().to_string().as_bytes(), NONE);
    let kept = home.path().join("statusline.json");
    let figures: Value = serde_json::from_slice(&fs::read(&kept).unwrap()).unwrap();
    assert_eq!([&figures["day"], &figures["today"], &figures["session"]], [&json!("2026-11-20"), &json!("$0.60"), &json!(["s1", "$0.60"])]);
    assert_eq!(late_line("2026-11-20T14:59:00Z", home.path()), "$0.60 today · $0.60 block, 0h 01m left");
    assert_eq!(late_line("2026-11-20T15:00:00Z", home.path()), "$0.60 today");
    assert_eq!(late_line("2026-11-21T00:00:00Z", home.path()), "ccstats");
    for damaged in [&b""[..], b"{", b"[]", b"{\"today\": 1}"] {
        fs::write(&kept, damaged).unwrap();
        assert_eq!(late_line(NOW, home.path()), "ccstats");
    }
}

#[test]
fn the_last_budget_holds_for_its_session_and_until_it_ends() {
    let home = home();
    let config = home.path().join("c.toml");
    fs::write(&config, "[statusline]\nparts = [\"{budget}\"]\n[budget]\nblock = 1").unwrap();
    let options = [OsStr::new("--config"), config.as_os_str()];
    let late = |now: &str| late_line_of(program(home.path()).args(["statusline", "--tz", "UTC", "--now", now]).args(options));
    assert_eq!(line(home.path(), b"{}", options), "block budget 60%");
    assert_eq!([late("2026-11-20T14:59:00Z"), late("2026-11-20T15:00:00Z")], ["block budget 60%", "ccstats"]);
    // Of whom the late line is, it does not know.
    assert_eq!(line(home.path(), input().to_string().as_bytes(), options), "block budget 60%");
    assert_eq!(late(NOW), "ccstats");
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = home();
    line(home.path(), b"{}", NONE);
    assert_eq!(fs::metadata(home.path().join("statusline.json")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(home.path().join("statusline.json")).unwrap();
    line(home.path(), b"{}", ["--no-store"]);
    assert!(!home.path().join("statusline.json").exists());
}

#[test]
fn no_name_acts_on_the_line() {
    let name = "\u{1b}]0;t\u{7}\u{202e}\r\n";
    let input = json!({"session_id": name, "cwd": name, "model": {"display_name": name}});
    let line = line(home().path(), input.to_string().as_bytes(), NONE);
    assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}') && line.contains("\\u{1b}]0;t"), "{line:?}");
}
