//! The status line: always a line, always soon, always success.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{assistant, in_time, lines, program, with, write_home, write_transcript};

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

/// The line, once it is this one.
fn assert_line<A: AsRef<OsStr> + Copy, const N: usize>(home: &Path, stdin: &[u8], options: [A; N], wanted: &str) {
    assert_eq!(in_time(|| line(home, stdin, options), |line| line == wanted), wanted);
}

/// The line where stdin says nothing until it is too late to read any transcript.
fn assert_late_line<A: AsRef<OsStr> + Copy, const N: usize>(now: &str, home: &Path, options: [A; N], wanted: &str) {
    let late = || late_line_of(program(home).args(["statusline", "--tz", "UTC", "--now", now]).args(options));
    assert_eq!(in_time(late, |line| line == wanted), wanted);
}

fn late_line_of(command: &mut Command) -> String {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let held_open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    drop(held_open);
    String::from_utf8(output.stdout).unwrap().trim_end().into()
}

const NONE: [&str; 0] = [];

/// What the transcripts of [`home`] alone say.
const TODAY: &str = "$0.60 today · $0.60 block, 3h 00m left";

fn input() -> Value {
    json!({
        "session_id": "s1", "cwd": "/work/demo", "model": {"id": "claude-opus-5-5", "display_name": "Opus 5.5"},
        "cost": {"total_cost_usd": 9.99}, "context_window": {"used_percentage": 43},
        "rate_limits": {"five_hour": {"used_percentage": 12, "resets_at": 1}, "seven_day": {"used_percentage": 40.6}},
    })
}

#[test]
fn everything_that_is_known_is_on_the_line() {
    let wanted = "Opus 5.5 · $0.60 session · $0.60 today · $0.60 block, 3h 00m left · context 43% · 5h 12%, 7d 41%";
    assert_line(home().path(), input().to_string().as_bytes(), NONE, wanted);
}

#[test]
fn what_is_not_given_is_not_guessed() {
    let home = home();
    assert_line(home.path(), b"{}", NONE, TODAY);
    // Without the transcripts of a session there is Claude Code's own estimate.
    let unknown = json!({"session_id": "s9", "cost": {"total_cost_usd": 1.239}});
    assert_line(home.path(), unknown.to_string().as_bytes(), NONE, &format!("$1.24 session · {TODAY}"));
}

#[test]
fn what_cannot_be_read_counts_as_missing() {
    let input = r#"{"x": "cut emoji \ud83d", "model": {"display_name": "\ud83d", "id": "opus"}}"#;
    assert_line(home().path(), input.as_bytes(), NONE, &format!("opus · {TODAY}"));
}

#[test]
fn garbage_on_stdin_still_gives_a_line() {
    let home = home();
    let deep = "[".repeat(100_000);
    for garbage in [&b""[..], b"null", b"[1,2", b"\xff\xfe", b"{\"session_id\":", b"\"x\"", b"{\"session_id\": {}}", deep.as_bytes()] {
        assert_line(home.path(), garbage, NONE, TODAY);
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
    for (options, start) in [
        (["--root", "/nowhere/at/all"], "ccstats: cannot read `/nowhere/at/all`: "),
        (["--project", "["], "ccstats: `[` is no valid glob: "),
    ] {
        let line = in_time(|| line(home.path(), b"{}", options), |line| line.starts_with(start));
        assert!(line.starts_with(start), "{line}");
    }
}

#[test]
fn without_transcripts_there_is_a_line() {
    let home = write_transcript("");
    assert_line(home.path(), b"", NONE, "$0.00 today");
}

#[test]
fn the_template_and_the_budget_come_from_the_configuration() {
    let home = home();
    let config = home.path().join("c.toml");
    let assert_shown = |text: &str, wanted: &str| {
        fs::write(&config, text).unwrap();
        assert_line(home.path(), input().to_string().as_bytes(), [OsStr::new("--config"), config.as_os_str()], wanted);
    };
    let parts = "[statusline]\nparts = [\"{today}\", \"{budget}\", \"{model}!\"]\nseparator = \" | \"\n";
    assert_shown(parts, "$0.60 | Opus 5.5!");
    assert_shown(&format!("{parts}[budget]\ndaily = 1\nmonthly = 1.5"), "$0.60 | monthly budget 80% | Opus 5.5!");
    assert_shown(&format!("{parts}[budget]\nsession = 0.5"), "$0.60 | session budget exceeded: 120% | Opus 5.5!");
    // A limit of another project is not about this folder.
    assert_shown(&format!("{parts}[budget.projects.shop]\ndaily = 0.1"), "$0.60 | Opus 5.5!");
    assert_shown(&format!("{parts}[budget.projects.demo]\ndaily = 0.1"), "$0.60 | daily budget exceeded: 600% | Opus 5.5!");
}

#[test]
fn a_mistake_in_the_configuration_stands_on_the_line() {
    let home = home();
    let config = home.path().join("c.toml");
    fs::write(&config, "[statusline]\nparts = [\"{tomorrow}\"]").unwrap();
    let says_why = |line: &String| line.starts_with("ccstats: `") && line.contains("line 2: expected names in braces");
    let mistake = in_time(|| line(home.path(), b"{}", [OsStr::new("--config"), config.as_os_str()]), says_why);
    assert!(says_why(&mistake), "{mistake}");
}

#[test]
fn one_value_is_read_and_the_end_is_not_waited_for() {
    let home = home();
    let show = || {
        let mut command = program(home.path());
        command.args(["statusline", "--tz", "UTC", "--now", NOW]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut held_open = child.stdin.take().unwrap();
        held_open.write_all(input().to_string().as_bytes()).unwrap();
        held_open.flush().unwrap();
        let output = child.wait_with_output().unwrap();
        drop(held_open);
        String::from_utf8(output.stdout).unwrap()
    };
    let is_whole = |line: &String| line.starts_with("Opus 5.5 · $0.60 session · ");
    let line = in_time(show, is_whole);
    assert!(is_whole(&line), "{line}");
}

/// A pipe that nobody writes to, as stdin and as the configuration.
#[cfg(unix)]
#[test]
fn what_takes_too_long_is_not_waited_for_and_the_last_figures_are_shown() {
    let home = home();
    assert_line(home.path(), b"{}", NONE, TODAY);
    assert_late_line(NOW, home.path(), NONE, TODAY);

    let fifo = home.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let start = Instant::now();
    assert_eq!(line(home.path(), b"{}", [OsStr::new("--config"), fifo.as_os_str()]), "ccstats");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn last_figures_hold_for_their_day_and_block() {
    let home = home();
    let kept = home.path().join("statusline.json");
    let keep = || {
        line(home.path(), input().to_string().as_bytes(), NONE);
        fs::read(&kept).ok()
    };
    let figures: Value = serde_json::from_slice(&in_time(keep, Option::is_some).unwrap()).unwrap();
    assert_eq!([&figures["day"], &figures["today"], &figures["session"]], [&json!("2026-11-20"), &json!("$0.60"), &json!(["s1", "$0.60"])]);
    assert_late_line("2026-11-20T14:59:00Z", home.path(), NONE, "$0.60 today · $0.60 block, 0h 01m left");
    assert_late_line("2026-11-20T15:00:00Z", home.path(), NONE, "$0.60 today");
    assert_late_line("2026-11-21T00:00:00Z", home.path(), NONE, "ccstats");
    for damaged in [&b""[..], b"{", b"[]", b"{\"today\": 1}"] {
        fs::write(&kept, damaged).unwrap();
        assert_late_line(NOW, home.path(), NONE, "ccstats");
    }
}

#[test]
fn the_last_budget_holds_for_its_session_and_until_it_ends() {
    let home = home();
    let config = home.path().join("c.toml");
    fs::write(&config, "[statusline]\nparts = [\"{budget}\"]\n[budget]\nblock = 1").unwrap();
    let options = [OsStr::new("--config"), config.as_os_str()];
    assert_line(home.path(), b"{}", options, "block budget 60%");
    assert_late_line("2026-11-20T14:59:00Z", home.path(), options, "block budget 60%");
    assert_late_line("2026-11-20T15:00:00Z", home.path(), options, "ccstats");
    // Of whom the late line is, it does not know.
    assert_line(home.path(), input().to_string().as_bytes(), options, "block budget 60%");
    assert_late_line(NOW, home.path(), options, "ccstats");
}

#[cfg(unix)]
#[test]
fn only_the_user_can_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = home();
    assert_line(home.path(), b"{}", NONE, TODAY);
    assert_eq!(fs::metadata(home.path().join("statusline.json")).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(home.path().join("statusline.json")).unwrap();
    line(home.path(), b"{}", ["--no-store"]);
    assert!(!home.path().join("statusline.json").exists());
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_and_a_folder_of_all_is_not_used() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = home();
    let [kept, new, victim] = ["statusline.json", "statusline.new", "victim"].map(|name| home.path().join(name));
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, &new).unwrap();
    assert_line(home.path(), b"{}", NONE, TODAY);
    assert_eq!((fs::read_to_string(&victim).unwrap().as_str(), kept.is_file(), new.is_symlink()), ("mine", true, false));
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(&kept, r#"{"day": "2026-11-20", "today": "$999"}"#).unwrap();
    assert_late_line(NOW, home.path(), NONE, "ccstats");
    fs::remove_file(&kept).unwrap();
    assert_line(home.path(), b"{}", NONE, TODAY);
    assert!(!kept.exists());
}

#[test]
fn no_name_acts_on_the_line() {
    let name = "\u{1b}]0;t\u{7}\u{202e}\r\n";
    let input = json!({"session_id": name, "cwd": name, "model": {"display_name": name}});
    let home = home();
    let line = in_time(|| line(home.path(), input.to_string().as_bytes(), NONE), |line| line.contains("]0;t"));
    assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}') && line.contains("\\u{1b}]0;t"), "{line:?}");
}
