//! Hooks: what they answer, that they stand in nobody's way, and how they get into
//! the settings and out again.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PROGRAM, Run, assistant, ccstats, ccstats_of, finish, in_time, lines, program, program_at, with, write_transcript};

/// The deadline is 200 ms; a machine that runs all tests at once takes longer.
const SOON: Duration = Duration::from_secs(2);

/// A home with 60 cents today in session `s1`, and this configuration.
fn home(config: &str) -> TempDir {
    let response = with(assistant("msg_1", &json!({"output_tokens": 40_000})), &json!({"timestamp": "2026-11-20T10:30:00Z"}));
    let home = write_transcript(lines(&[response]));
    fs::write(home.path().join("c.toml"), config).unwrap();
    home
}

/// What stands on stdout after this on stdin; a hook says nothing else and never fails.
fn answer_to(home: &Path, stdin: &[u8]) -> String {
    let mut command = program(home);
    command.args(["hook", "--tz", "UTC", "--now", "2026-11-20T12:00:00Z", "--config"]).arg(home.join("c.toml"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    String::from_utf8(output.stdout).unwrap()
}

/// The answer to an event; null is silence, of which some tries are proof enough.
fn answer(config: &str, event: &str) -> Value {
    let event =
        json!({"hook_event_name": event, "session_id": "s1", "cwd": "/work/demo", "prompt": "hi", "tool_name": "Bash", "tool_input": {}});
    let (home, event) = (home(config), event.to_string());
    let text = in_time(|| answer_to(home.path(), event.as_bytes()), |text| !text.is_empty());
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

#[test]
fn within_the_budget_there_is_silence() {
    for event in ["SessionStart", "UserPromptSubmit", "PreToolUse", "Stop", "SessionEnd", "Notification", ""] {
        for config in ["", "[budget]\ndaily = 1", "[budget]\ndaily = 1\nhook = \"stop\""] {
            assert_eq!(answer(config, event), Value::Null, "{event} {config}");
        }
    }
}

#[test]
fn a_budget_nearly_spent_is_said_and_stops_nothing() {
    let told = json!({"systemMessage": "ccstats: budget nearly spent: daily $0.60 of $0.70"});
    for hook in ["warn", "stop"] {
        let config = format!("[budget]\ndaily = 0.7\nmonthly = 9\nhook = \"{hook}\"");
        for event in ["SessionStart", "UserPromptSubmit", "Stop"] {
            assert_eq!(answer(&config, event), told, "{event}");
        }
        assert_eq!([answer(&config, "PreToolUse"), answer(&config, "SessionEnd")], [Value::Null, Value::Null]);
    }
}

#[test]
fn an_exceeded_budget_warns() {
    let config = "[budget]\ndaily = 0.5\nsession = 0.1";
    let told = json!({"systemMessage": "ccstats: budget exceeded: daily $0.60 of $0.50; session $0.60 of $0.10"});
    for event in ["SessionStart", "UserPromptSubmit", "Stop"] {
        assert_eq!(answer(config, event), told, "{event}");
    }
    assert_eq!([answer(config, "PreToolUse"), answer(config, "SessionEnd")], [Value::Null, Value::Null]);
}

#[test]
fn an_exceeded_budget_stops_where_the_configuration_says_so() {
    let config = "[budget]\ndaily = 0.5\nhook = \"stop\"";
    let prompt = answer(config, "UserPromptSubmit");
    assert_eq!((prompt["decision"].as_str(), prompt.as_object().unwrap().len()), (Some("block"), 2));
    let call = answer(config, "PreToolUse");
    assert_eq!((&call["continue"], call.as_object().unwrap().len()), (&json!(false), 2));
    for reason in [&prompt["reason"], &call["stopReason"]] {
        let reason = reason.as_str().unwrap();
        assert!(reason.starts_with("ccstats: budget exceeded: daily $0.60 of $0.50. To go on, raise the limit in "), "{reason}");
        assert!(reason.ends_with("/c.toml`, or run `ccstats hook uninstall`"), "{reason}");
    }
    // To block Stop would make Claude go on.
    assert_eq!(answer(config, "Stop"), json!({"systemMessage": "ccstats: budget exceeded: daily $0.60 of $0.50"}));
}

#[test]
fn the_session_is_that_of_the_event() {
    let home = home("[budget]\nsession = 0.5");
    let event = json!({"hook_event_name": "Stop", "session_id": "new"});
    assert_eq!(answer_to(home.path(), event.to_string().as_bytes()), "");
}

#[test]
fn a_project_is_that_of_the_event() {
    let config = "[budget.projects.demo]\ndaily = 0.5\n[budget.projects.shop]\ndaily = 0";
    assert_eq!(answer(config, "Stop"), json!({"systemMessage": "ccstats: budget exceeded: daily demo $0.60 of $0.50"}));
}

/// As JavaScript writes a text that was cut inside of an emoji, and as tools may nest.
#[test]
fn what_is_not_asked_for_switches_nothing_off() {
    let home = home("[budget]\ndaily = 0\nhook = \"stop\"");
    for odd in [r#""cut emoji \ud83d""#.to_string(), "[".repeat(1000) + &"]".repeat(1000)] {
        for key in ["prompt", "session_id"] {
            let event = format!(r#"{{"{key}": {odd}, "hook_event_name": "UserPromptSubmit"}}"#);
            assert!(answer_to(home.path(), event.as_bytes()).contains("block"), "{event}");
        }
    }
}

#[test]
fn whatever_goes_wrong_is_silent_success() {
    let stop = "[budget]\ndaily = 0\nhook = \"stop\"";
    let garbage = [&b""[..], b"null", b"[]", b"{", b"\xff", b"{\"hook_event_name\": 7}", b"{\"hook_event_name\":\"UserPromptSubmit\""];
    let good = home(stop);
    for garbage in garbage {
        assert_eq!(answer_to(good.path(), garbage), "");
    }
    let event = br#"{"hook_event_name":"UserPromptSubmit"}"#;
    assert!(answer_to(good.path(), event).contains("block"), "the event alone is answered");
    assert_eq!(answer_to(home("[budget]\ndayly = 0").path(), event), "");
    fs::remove_dir_all(good.path().join("projects")).unwrap();
    assert_eq!(answer_to(good.path(), event), "");
}

/// Exit code 2 would erase a prompt or deny a call, as after a return to an older ccstats.
#[test]
fn an_option_that_is_unknown_stops_nothing() {
    let run = crate::support::ccstats(["hook", "--of-a-later-version"]);
    assert_eq!((run.code, run.text()), (0, ""));
    assert!(run.stderr.contains("--of-a-later-version"), "{}", run.stderr);
    assert_eq!(crate::support::ccstats(["hook", "install", "--of-a-later-version"]).code, 2);
}

/// Pipes that nobody writes to, in the place of stdin and of the configuration.
#[cfg(unix)]
#[test]
fn a_hook_never_blocks() {
    let home = home("[budget]\ndaily = 0\nhook = \"stop\"");
    let start = Instant::now();
    let mut command = program(home.path());
    command.args(["hook", "--config"]).arg(home.path().join("c.toml")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let held_open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && start.elapsed() < SOON, "{output:?} {:?}", start.elapsed());
    drop(held_open);
    fs::remove_file(home.path().join("c.toml")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(home.path().join("c.toml")).status().unwrap().success());
    let start = Instant::now();
    assert_eq!(answer_to(home.path(), br#"{"hook_event_name":"UserPromptSubmit"}"#), "");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn no_name_acts_in_an_answer() {
    let config = "[budget.projects.\"*\\u001b]0;t\\u0007\\u202e*\"]\ndaily = 0";
    let home = home(config);
    let cwd = "/w\u{1b}]0;t\u{7}\u{202e}";
    let response = with(assistant("msg_1", &json!({"output_tokens": 40_000})), &json!({"timestamp": "2026-11-20T10:30:00Z", "cwd": cwd}));
    fs::write(home.path().join("projects/-work-demo/s1.jsonl"), lines(&[response])).unwrap();
    let answer = answer_to(home.path(), json!({"hook_event_name": "Stop", "cwd": cwd}).to_string().as_bytes());
    let message = serde_json::from_str::<Value>(&answer).unwrap()["systemMessage"].as_str().unwrap().to_string();
    assert!(message.contains("$0.60 of $0.00") && !message.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{message:?}");
}

/// A folder with settings, and a way to run `hook install` and the like on them.
struct Settings(TempDir);

impl Settings {
    fn new(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("settings.json"), text).unwrap();
        Settings(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("settings.json")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    fn run(&self, words: &[&str]) -> Run {
        self.run_by(Path::new(PROGRAM), words)
    }

    fn run_by(&self, program: &Path, words: &[&str]) -> Run {
        let home = tempfile::tempdir().unwrap();
        finish(program_at(program, home.path()).arg("hook").args(words).arg("--settings").arg(self.path()))
    }

    fn done(&self, words: &[&str]) -> String {
        self.done_by(Path::new(PROGRAM), words)
    }

    fn done_by(&self, program: &Path, words: &[&str]) -> String {
        let run = self.run_by(program, words);
        assert_eq!((run.code, run.text()), (0, ""), "{}", run.stderr);
        run.stderr
    }

    /// The texts that are kept beside the settings, the first one first.
    fn backups(&self) -> Vec<String> {
        let names = ["ccstats-backup", "ccstats-backup-2", "ccstats-backup-3", "ccstats-backup-4"];
        names.iter().map_while(|name| fs::read_to_string(self.0.path().join(format!("settings.json.{name}"))).ok()).collect()
    }

    fn refused(&self, words: &[&str]) -> String {
        let before = self.text();
        let run = self.run(words);
        assert_eq!((run.code, run.text(), self.text()), (1, "", before), "{}", run.stderr);
        assert_eq!(fs::read_dir(self.0.path()).unwrap().count(), 1, "nothing is left beside");
        run.stderr
    }
}

const EVENTS: [&str; 4] = ["SessionStart", "UserPromptSubmit", "PreToolUse", "Stop"];

/// Settings of somebody who has a hook of their own.
const OTHERS: &str = r#"{
    "zeta": 1.0e5,   "permissions": {"allow": ["Bash(ls)"]},
    "hooks": {
        "PreToolUse": [
            {
                "matcher": "Bash",
                "hooks": [
                    {
                        "type": "command",
                        "command": "/usr/bin/true"
                    }
                ]
            }
        ],
        "Notification": []
    },
    "alpha": "\u00e4ö"
}
"#;

#[test]
fn install_adds_our_hooks_and_changes_nothing_else() {
    let settings = Settings::new(OTHERS);
    let said = settings.done(&["install"]);
    assert!(said.starts_with("note: installed in `") && said.contains("settings.json.ccstats-backup`"), "{said}");
    let mut found = settings.json();
    for event in EVENTS {
        let groups = found["hooks"][event].as_array_mut().unwrap();
        let ours = groups.pop().unwrap();
        let hook = &ours["hooks"][0];
        assert!(hook["command"].as_str().unwrap().ends_with("ccstats"), "{ours}");
        assert_eq!([&hook["type"], &hook["args"], &hook["timeout"]], [&json!("command"), &json!(["hook"]), &json!(5)]);
        assert_eq!(groups.is_empty(), event != "PreToolUse");
        if groups.is_empty() {
            found["hooks"].as_object_mut().unwrap().shift_remove(event);
        }
    }
    assert_eq!(found.to_string(), serde_json::from_str::<Value>(OTHERS).unwrap().to_string(), "values and their order");
    for part in ["    \"zeta\": 1.0e5,   \"permissions\": {\"allow\": [\"Bash(ls)\"]},\n", "    \"alpha\": \"\\u00e4ö\"\n}\n"] {
        assert!(settings.text().contains(part), "{}", settings.text());
    }
}

/// Of many transcripts nothing could be said before the deadline, and each try would be lost.
#[test]
fn install_reads_what_is_there_already() {
    let home = home("");
    let unseen = || ccstats_of(home.path(), ["history", "status", "--json"]).json()["unseen"].as_u64().unwrap();
    let install = |options: &[&str]| assert_eq!(ccstats_of(home.path(), [&["hook", "install"], options].concat()).code, 0);
    install(&["--dry-run"]);
    install(&["--no-store"]);
    assert_eq!(unseen(), 1);
    install(&[]);
    assert_eq!(unseen(), 0);
}

#[test]
fn installing_twice_is_installing_once() {
    let settings = Settings::new(OTHERS);
    settings.done(&["install", "--statusline"]);
    let once = settings.text();
    assert!(settings.done(&["install", "--statusline"]).starts_with("note: nothing to change in `"));
    assert_eq!(settings.text(), once);
    assert_eq!(settings.backups(), [OTHERS], "the backup is not that of the installed file");
}

#[test]
fn every_text_that_was_changed_is_kept_once() {
    let settings = Settings::new(OTHERS);
    settings.done(&["install"]);
    let hooks = settings.text();
    let said = settings.done(&["install", "--statusline"]);
    assert!(said.contains("; before it was as in `") && said.ends_with("settings.json.ccstats-backup-2`\n"), "{said}");
    let both = settings.text();
    for _ in 0..2 {
        settings.done(&["uninstall"]);
        settings.done(&["install", "--statusline"]);
    }
    assert_eq!(settings.backups(), [OTHERS.into(), hooks, both]);
}

#[test]
fn uninstall_restores_what_was_there() {
    for text in [OTHERS, "{\n  \"model\": \"opus\"\n}\n", "{\"model\":\"opus\"}", "{\r\n\t\"model\": \"opus\"\r\n}\r\n"] {
        let settings = Settings::new(text);
        settings.done(&["install", "--statusline"]);
        assert_ne!(settings.text(), text);
        settings.done(&["uninstall"]);
        assert_eq!(settings.text(), text);
        assert!(settings.done(&["uninstall"]).starts_with("note: nothing to change in `"));
    }
}

#[test]
fn what_is_null_is_not_there() {
    let settings = Settings::new("{\"hooks\": null, \"statusLine\": null}");
    settings.done(&["install", "--statusline"]);
    let found = settings.json();
    assert_eq!(found["hooks"].as_object().unwrap().len(), EVENTS.len());
    assert_eq!(found["statusLine"]["command"], format!("{PROGRAM} statusline"));
}

#[test]
fn uninstall_lets_no_older_hooks_of_that_name_count() {
    let ours = "{\"Stop\": [{\"hooks\": [{\"command\": \"ccstats hook\"}]}]}";
    let settings = Settings::new(&format!("{{\"hooks\": {ours}, \"model\": \"opus\", \"hooks\": {ours}}}"));
    settings.done(&["uninstall"]);
    assert_eq!(settings.text(), "{\"model\": \"opus\"}");
}

#[test]
fn dry_run_prints_and_writes_nothing() {
    let settings = Settings::new(OTHERS);
    let run = settings.run(&["install", "--dry-run"]);
    assert_eq!((run.code, settings.text().as_str(), fs::read_dir(settings.0.path()).unwrap().count()), (0, OTHERS, 1));
    settings.done(&["install"]);
    assert_eq!(run.text(), settings.text(), "it prints what would be written");
}

#[test]
fn settings_that_are_not_there_are_made() {
    let home = tempfile::tempdir().unwrap();
    let run = |word: &str| {
        let output = program(home.path()).env("CLAUDE_CONFIG_DIR", home.path().join("new")).args(["hook", word]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    run("install");
    let path = home.path().join("new/settings.json");
    let found: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(found["hooks"].as_object().unwrap().len(), EVENTS.len());
    run("uninstall");
    assert_eq!(fs::read_to_string(path).unwrap(), "{}\n");
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    let comment = Settings::new("{\n  // mine\n  \"a\": 1\n}").refused(&["install"]);
    assert!(comment.contains("settings.json`: ") && comment.contains("at line 2 column 3: mend it first"), "{comment}");
    assert!(Settings::new("{\"a\": 1,}").refused(&["uninstall"]).contains("line 1 column 9"));
    assert!(Settings::new("").refused(&["install"]).contains("line 1"));
    assert!(Settings::new("[]").refused(&["install"]).contains("expected a JSON object"));
    assert!(Settings::new("{\"hooks\": []}").refused(&["install"]).contains("`hooks`: expected an object"));
    assert!(Settings::new("{\"hooks\": {\"Stop\": {}}}").refused(&["install"]).contains("`hooks.Stop`: expected a list"));
}

#[test]
fn a_status_line_of_somebody_else_stays() {
    let other = "{\"statusLine\": {\"type\": \"command\", \"command\": \"mine.sh\"}}";
    let said = Settings::new(other).refused(&["install", "--statusline"]);
    assert!(said.contains("there is another status line, \"mine.sh\""), "{said}");
    let settings = Settings::new(other);
    settings.done(&["install"]);
    settings.done(&["uninstall"]);
    assert_eq!(settings.text(), other);
}

#[test]
fn the_installed_status_line_runs() {
    let settings = Settings::new("{}");
    settings.done(&["install", "--statusline"]);
    let command = settings.json()["statusLine"]["command"].as_str().unwrap().to_string();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &command]).env("CLAUDE_CONFIG_DIR", settings.0.path()).env("CCSTATS_DATA_DIR", settings.0.path());
    let output = shell.env("HOME", settings.0.path()).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
}

#[test]
fn a_program_that_moved_is_the_same_hook() {
    let settings = Settings::new("{}");
    settings.done(&["install"]);
    let moved = settings.text().replace("\"command\": \"/", "\"command\": \"/elsewhere/");
    assert_ne!(moved, settings.text());
    let installed = settings.text();
    fs::write(settings.path(), moved).unwrap();
    settings.done(&["install"]);
    assert_eq!(settings.text(), installed);
    fs::write(settings.path(), r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "ccstats hook"}]}]}}"#).unwrap();
    settings.done(&["uninstall"]);
    assert_eq!(settings.text(), "{}");
}

#[test]
fn a_hook_for_a_shell_stays_one() {
    let settings = Settings::new(r#"{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "/old/ccstats hook"}]}]}}"#);
    settings.done(&["install"]);
    assert_eq!(settings.json()["hooks"]["Stop"], json!([{"hooks": [{"type": "command", "command": format!("{PROGRAM} hook")}]}]));
}

#[test]
fn options_of_an_entry_do_not_make_it_another() {
    let old = json!({
        "hooks": {"Stop": [{"hooks": [{"command": "/old/ccstats hook --tz UTC"}, {"command": "/old/ccstats history sync"}]}]},
        "statusLine": {"command": "/old/ccstats statusline --tz UTC"},
    });
    let settings = Settings::new(&old.to_string());
    settings.done(&["install", "--statusline"]);
    let found = settings.json();
    assert_eq!(found["statusLine"]["command"], format!("{PROGRAM} statusline --tz UTC"));
    assert_eq!(found["hooks"]["Stop"][0]["hooks"][0]["command"], format!("{PROGRAM} hook --tz UTC"));
    settings.done(&["uninstall"]);
    assert_eq!(settings.json(), json!({"hooks": {"Stop": [{"hooks": [{"command": "/old/ccstats history sync"}]}]}}));
}

#[test]
fn what_calls_other_programs_too_moves_and_is_not_removed() {
    let chained = ["ccstats hook; notify-send done", "/old/ccstats hook && /opt/other.sh", "ccstats hook\ntrue"];
    for command in chained {
        let settings = Settings::new(
            &json!({"hooks": {"Stop": [{"hooks": [{"command": command}, {"command": "ccstats hook"}]}]}, "statusLine": {"command": "ccstats statusline | cat"}})
                .to_string(),
        );
        let told = settings.done(&["uninstall"]);
        let shown = command.replace('\n', "\\n");
        let left = |command: &str| format!("warning: left `{command}`: it calls more than ccstats, remove it by hand\n");
        assert!(told.starts_with(&(left(&shown) + &left("ccstats statusline | cat"))), "{told}");
        let kept = json!({"hooks": {"Stop": [{"hooks": [{"command": command}]}]}, "statusLine": {"command": "ccstats statusline | cat"}});
        assert_eq!(settings.json(), kept);
        assert!(settings.done(&["uninstall"]).contains("note: nothing to change in "));
        settings.done(&["install", "--statusline"]);
        let (_, rest) = command.split_once(" hook").unwrap();
        let found = settings.json();
        assert_eq!(found["hooks"]["Stop"], json!([{"hooks": [{"command": format!("{PROGRAM} hook{rest}")}]}]));
        assert_eq!(found["statusLine"]["command"], format!("{PROGRAM} statusline | cat"));
    }
}

#[test]
fn install_moves_all_our_hooks_and_keeps_one_where_several_would_answer() {
    let ours = |options: &str| json!({"command": format!("/gone/ccstats hook{options}")});
    let group = |matcher: &str, hooks: Value| json!({"matcher": matcher, "hooks": hooks});
    let cases = [
        (json!([group("", json!([ours(""), ours(" --tz UTC")]))]), json!([group("", json!([""]))])),
        (
            json!([group("Bash", json!([ours(" -a")])), group("*", json!([{"command": "x"}, ours(" -b")]))]),
            json!([group("*", json!(["x", " -b"]))]),
        ),
        (
            json!([group("Bash", json!([ours("")])), group("Edit", json!([ours("")]))]),
            json!([group("Bash", json!([""])), group("Edit", json!([""]))]),
        ),
        (json!([group("", json!([ours(" -a"), ours("; true"), ours("; false")]))]), json!([group("", json!(["; true", "; false"]))])),
    ];
    for (before, mut wanted) in cases {
        let settings = Settings::new(&json!({"hooks": {"PreToolUse": before, "Other": [{"hooks": [ours("")]}]}}).to_string());
        settings.done(&["install"]);
        for hook in wanted.as_array_mut().unwrap().iter_mut().flat_map(|group| group["hooks"].as_array_mut().unwrap()) {
            let rest = hook.as_str().unwrap();
            *hook = json!({"command": if rest == "x" { rest.into() } else { format!("{PROGRAM} hook{rest}") }});
        }
        let found = settings.json();
        assert_eq!(found["hooks"]["PreToolUse"], wanted);
        assert_eq!(found["hooks"]["Other"][0]["hooks"][0]["command"], format!("{PROGRAM} hook"));
        assert!(settings.done(&["install"]).starts_with("note: nothing to change in `"));
    }
}

#[test]
fn variables_that_are_set_for_it_do_not_make_an_entry_another() {
    let settings = Settings::new(&json!({"hooks": {"Stop": [{"hooks": [{"command": "TZ=UTC /old/ccstats hook"}]}]}}).to_string());
    settings.done(&["install"]);
    assert_eq!(settings.json()["hooks"]["Stop"], json!([{"hooks": [{"command": format!("TZ=UTC {PROGRAM} hook")}]}]));
    settings.done(&["uninstall"]);
    assert_eq!(settings.text(), "{}");
}

/// A folder with the program under another name. A name more is quicker made than a copy.
fn renamed(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(Path::new(PROGRAM).parent().unwrap()).unwrap();
    let path = folder.path().join(name);
    fs::hard_link(PROGRAM, &path).unwrap();
    (folder, path)
}

#[test]
fn a_program_of_another_name_knows_its_entries() {
    let [(_here, here), (_there, there)] = [renamed("spending"), renamed("spending")];
    let settings = Settings::new("{}");
    settings.done_by(&here, &["install", "--statusline"]);
    let once = settings.text();
    assert!(settings.done_by(&here, &["install", "--statusline"]).starts_with("note: nothing to change in `"));
    settings.done_by(&there, &["install", "--statusline"]);
    assert_eq!(settings.text(), once.replace(here.to_str().unwrap(), there.to_str().unwrap()), "it moved");
    settings.done_by(&here, &["uninstall"]);
    assert_eq!(settings.text(), "{}");
}

#[cfg(unix)]
#[test]
fn a_link_to_the_program_is_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("spending");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let settings =
        Settings::new(&json!({"statusLine": {"type": "command", "command": format!("{} statusline", link.display())}}).to_string());
    settings.done(&["uninstall"]);
    assert_eq!(settings.text(), "{}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_rights_stay() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let settings = Settings::new("{\"a\": 1}");
    let real = settings.0.path().join("dotfiles.json");
    fs::rename(settings.path(), &real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&real, settings.path()).unwrap();
    settings.done(&["install"]);
    assert!(settings.path().is_symlink() && fs::read_to_string(&real).unwrap().contains("hooks"));
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(settings.0.path().join("dotfiles.json.ccstats-backup")).unwrap(), "{\"a\": 1}");
}

#[test]
fn print_gives_what_install_adds() {
    let printed: Value = ccstats(["hook", "print"]).json();
    let settings = Settings::new("{}");
    settings.done(&["install"]);
    assert_eq!(printed, settings.json());
}
