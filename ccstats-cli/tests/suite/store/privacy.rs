//! Nobody else can read the store, and there is nothing to read in it but facts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Place;
use crate::support::{REPORTS, assistant_with, finish, lines, output, prompt, tool_result, tool_use, with};

/// Stands in every text.
const CANARY: &str = "kanarienvogel";

/// Lines with the canary wherever Claude Code writes text.
fn lines_with_text() -> Vec<u8> {
    let text = |what: &str| format!("{what} {CANARY}: /etc/{CANARY} --{CANARY}={CANARY}");
    let tools = [
        ("Bash", json!({"command": text("git commit -m"), "description": text("why")})),
        (
            "Bash",
            json!({"command": format!("export TOKEN={CANARY}; curl -H 'X: {CANARY}' https://u:{CANARY}@host.example/{CANARY}?q={CANARY} | grep {CANARY} && echo '{CANARY}")}),
        ),
        ("Bash", json!({"command": format!("FOO={CANARY} python3 -c 'print(\"{CANARY}\")' <<EOF\n{CANARY}\nEOF")})),
        (
            "Bash",
            json!({"command": format!("python3 make.py {CANARY} {CANARY}.txt --{CANARY}={CANARY}; mysql -p{CANARY}; rm -rf {CANARY}")}),
        ),
        (
            "Bash",
            json!({"command": format!("git push --force origin {CANARY}; psql -c 'DROP TABLE {CANARY}'; tar xf {CANARY} -C {CANARY}")}),
        ),
        // Paths and hosts are facts: what was read, and who was asked.
        ("Bash", json!({"command": format!("cat notes.txt; cat .env; curl -d {CANARY} https://known.example; echo {CANARY} > /tmp/out")})),
        ("Grep", json!({"pattern": text("x"), "path": "/work/demo"})),
        ("Grep", json!({"pattern": text("x")})),
        ("Glob", json!({"pattern": format!("**/*{CANARY}*")})),
        ("WebSearch", json!({"query": text("how to")})),
        ("WebFetch", json!({"url": format!("https://u:{CANARY}@example.com/{CANARY}?q={CANARY}#{CANARY}"), "prompt": text("sum")})),
        ("Edit", json!({"file_path": "/work/demo/a.rs", "old_string": text("old"), "new_string": text("new")})),
        ("Write", json!({"file_path": "/work/demo/b.rs", "content": text("// ")})),
        ("TodoWrite", json!({"todos": [{"content": text("do"), "status": "pending", "activeForm": text("doing")}]})),
        ("Agent", json!({"description": text("look"), "prompt": text("find"), "subagent_type": "Explore"})),
        ("Skill", json!({"skill": "review", "args": text("a")})),
        ("mcp__files__read", json!({"anything": text("x"), "deep": [{"er": text("y")}]})),
    ];
    let calls = tools.iter().enumerate().flat_map(|(at, (tool, input))| {
        let id = format!("toolu_{at}");
        let shown = json!({"stdout": text("out"), "stderr": text("err"), "content": text("c"), "filePath": "/work/demo/a.rs"});
        let result = with(tool_result(&id, &format!("Exit code {at}\n{}", text("error:")), at % 2 == 0), &json!({"toolUseResult": shown}));
        [tool_use(&id, tool, input), result]
    });
    let thought = json!([{"type": "thinking", "thinking": text("hm"), "signature": text("s")}, {"type": "text", "text": text("here")}]);
    let others = [
        prompt("p1", &text("please")),
        prompt("p2", &format!("<command-name>/review</command-name><command-args>{}</command-args>", text("a"))),
        assistant_with("msg_t", &thought, &output(3)),
        json!({"type": "summary", "summary": text("title"), "leafUuid": "x"}),
        json!({"type": "custom-title", "customTitle": text("title"), "sessionId": "s1"}),
        json!({"type": "ai-title", "aiTitle": text("title"), "sessionId": "s1"}),
        json!({"type": "last-prompt", "lastPrompt": text("last"), "sessionId": "s1"}),
        json!({"type": "queue-operation", "operation": "enqueue", "content": text("queued"), "sessionId": "s1", "timestamp": "2026-11-03T10:00:00Z"}),
        json!({"type": "attachment", "attachment": {"type": "file", "content": text("file")}, "sessionId": "s1", "uuid": "at1", "timestamp": "2026-11-03T10:00:00Z"}),
        json!({"type": "system", "subtype": "api_error", "content": text("e"), "error": {"message": text("e")}, "sessionId": "s1", "uuid": "sy1", "timestamp": "2026-11-03T10:00:00Z"}),
        json!({"type": "file-history-snapshot", "snapshot": {"trackedFileBackups": {"x": {"content": text("f")}}}}),
        json!({"type": "brand-new", "content": text("n"), "sessionId": "s1"}),
    ];
    let all: Vec<Value> = calls.chain(others).collect();
    let broken = format!("{{\"type\":\"user\",\"message\":{{\"content\":\"{CANARY}\n{{\"type\":\"user\",\"message\":\"{CANARY}");
    [lines(&all), broken.into_bytes()].concat()
}

fn holds(folder: &Path, word: &str) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let says = |path: &Path| {
        let bytes = fs::read(path).unwrap().to_ascii_lowercase();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    };
    files.filter(|path| says(path)).map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn no_text_of_a_transcript_is_in_the_data_folder() {
    let place = Place::new();
    place.append("s1", &lines_with_text());
    for name in REPORTS {
        let run = place.run(&[name, "--range", "all", "--hash"]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
    }
    place.sync();
    place.run(&["audit", "--secrets", "--range", "all"]);
    place.run(&["statusline"]);
    place.append("s1", b"\n");
    place.sync();
    for known in ["claude-sonnet", "notes.txt", "known.example"] {
        assert_eq!(holds(&place.data(), known), ["ccstats.store-wal"], "names can be found");
    }
    assert_eq!(holds(&place.data(), CANARY), [""; 0]);
    let transcript = fs::File::options().write(true).open(place.transcript("s1")).unwrap();
    transcript.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    for name in REPORTS.iter().flat_map(|name| [name; 2]) {
        place.run(&[name, "--range", "all"]);
    }
    assert!(place.kept().contains(&"summary.answer".to_owned()), "{:?}", place.kept());
    assert_eq!(holds(&place.data(), CANARY), [""; 0]);
    // Neither what was deleted on the way nor a backup has it.
    fs::write(place.transcript("s1"), b"").unwrap();
    place.sync();
    place.delete_transcripts();
    assert_eq!(place.run(&["history", "prune", "--before", "2027-01-01", "--yes"]).code, 0);
    assert_eq!(holds(&place.data(), CANARY), [""; 0]);
}

#[test]
fn the_data_folder_is_the_users_alone_whatever_the_umask() {
    let place = Place::with_sessions(2, 1);
    let run = |words: &[&str]| {
        let inner = place.command(words);
        let mut outer = Command::new("sh");
        outer.args(["-c", "umask 000; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
        outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let run = finish(&mut outer);
        assert_eq!(run.code, 0, "{run:?}");
    };
    for words in [&["daily", "--hash"][..], &["statusline"], &["history", "sync"]] {
        run(words);
    }
    place.delete_transcripts();
    run(&["history", "prune", "--before", "2027-01-01", "--yes"]);
    let export = place.data().join("export");
    run(&["history", "export", export.to_str().unwrap()]);
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.data()), 0o700);
    let open: Vec<_> = place.kept().into_iter().filter(|name| mode(&place.data().join(name)) != 0o600).collect();
    assert!(open.is_empty() && place.kept().len() > 4, "{open:?} of {:?}", place.kept());
}

#[test]
fn a_folder_that_others_can_write_to_is_refused_and_the_report_is_right() {
    let place = Place::with_sessions(2, 1);
    fs::create_dir(place.data()).unwrap();
    fs::set_permissions(place.data(), Permissions::from_mode(0o777)).unwrap();
    let run = place.run(&["daily", "--range", "all", "--json"]);
    assert_eq!((run.code, run.json()["totals"]["messages"].clone()), (0, json!(4)));
    let why =
        format!("the store `{}` is not safe: others can write to it: expected a folder that only you can open\n", place.data().display());
    assert_eq!(run.stderr, format!("warning: {why}"));
    let run = place.run(&["history", "sync"]);
    assert_eq!((run.code, run.stderr), (1, format!("error: {why}")));
    assert_eq!(place.kept(), [""; 0]);
}

#[test]
fn a_link_in_the_place_of_the_store_is_not_followed() {
    let place = Place::with_sessions(1, 1);
    place.sync();
    let (file, target) = (place.data().join("ccstats.store"), place.home().join("target"));
    fs::rename(&file, &target).unwrap();
    let before = fs::read(&target).unwrap();
    std::os::unix::fs::symlink(&target, &file).unwrap();
    let run = place.run(&["daily", "--range", "all", "--json"]);
    assert_eq!((run.code, run.json()["totals"]["messages"].clone()), (0, json!(2)));
    assert!(run.stderr.ends_with("is not safe: it is no regular file: expected a folder that only you can open\n"), "{}", run.stderr);
    assert_eq!(fs::read(&target).unwrap(), before);
}
