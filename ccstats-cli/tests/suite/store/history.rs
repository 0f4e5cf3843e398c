//! Whatever becomes of transcripts, totals are those of all complete records that were
//! ever seen, each once.

use std::fs;

use serde_json::{Value, json};

use super::{Place, figures, turns_of};
use crate::support::{lines, tool_result, tool_use, with, workspace};

/// A step in the life of a home.
type Step = (&'static str, fn(&Place));

const LIFE: [Step; 12] = [
    ("deleted", |place| fs::remove_file(place.transcript("s0")).unwrap()),
    ("truncated within a line", |place| {
        let file = fs::File::options().write(true).open(place.transcript("s1")).unwrap();
        file.set_len(1500).unwrap();
    }),
    ("grown again, at another place", |place| {
        fs::write(place.transcript("s1"), b"").unwrap();
        place.append("s1", &turns_of(1, 7..9));
    }),
    ("rewritten, longer", |place| {
        fs::remove_file(place.transcript("s2")).unwrap();
        place.append("s2", &turns_of(2, 5..20));
    }),
    ("rewritten in place, as long", |place| {
        fs::write(place.transcript("s3"), b"").unwrap();
        place.append("s3", &turns_of(3, 5..10));
    }),
    ("renamed", |place| fs::rename(place.transcript("s4"), place.transcript("renamed")).unwrap()),
    ("renamed and grown", |place| {
        fs::rename(place.transcript("renamed"), place.transcript("again")).unwrap();
        place.append("again", &turns_of(4, 5..7));
    }),
    ("copied", |place| _ = fs::copy(place.transcript("s5"), place.transcript("copy")).unwrap()),
    ("copied, and the first one deleted", |place| {
        fs::copy(place.transcript("s6"), place.transcript("other")).unwrap();
        fs::remove_file(place.transcript("s6")).unwrap();
    }),
    ("one put in the place of another", |place| fs::rename(place.transcript("copy"), place.transcript("other")).unwrap()),
    ("restored", |place| fs::write(place.transcript("s0"), turns_of(0, 0..5)).unwrap()),
    ("all deleted", Place::delete_transcripts),
];

#[test]
fn totals_are_all_that_was_ever_seen_each_once() {
    let place = Place::with_sessions(7, 5);
    assert_eq!(place.figures(), place.figures_ever());
    for (name, step) in LIFE {
        step(&place);
        assert_eq!(place.figures(), place.figures_ever(), "{name}");
        assert_eq!(place.daily(), place.daily_ever(), "{name}, asked again");
    }
    assert!(place.sound_blocks() > 7);
}

#[test]
fn commands_that_are_gone_are_still_counted_by_what_they_are() {
    let place = Place::with_sessions(0, 0);
    let call = |id: &str, command: &str| lines(&[tool_use(id, "Bash", &json!({"command": command})), tool_result(id, "done", false)]);
    let calls = [call("toolu_1", "cd x && cargo test -q"), call("toolu_2", "cargo test"), call("toolu_3", "git log | head")];
    fs::create_dir_all(place.transcript("s0").parent().unwrap()).unwrap();
    fs::write(place.transcript("s0"), calls.concat()).unwrap();
    let asked = || place.run(&["tools", "--by", "command", "--json", "--range", "all"]).json()["rows"].clone();
    let before = asked();
    assert_eq!(before[0]["command"], "cargo test");
    place.delete_transcripts();
    assert_eq!(asked(), before);
}

#[test]
fn without_the_store_only_what_is_there_counts() {
    let place = Place::with_sessions(3, 2);
    let messages =
        |options: &[&str]| place.run(&[&["summary", "--json", "--range", "all"], options].concat()).json()["summary"]["messages"].clone();
    assert_eq!(messages(&[]), 12);
    fs::remove_file(place.transcript("s0")).unwrap();
    assert_eq!([messages(&[]), messages(&["--no-store"])], [json!(12), json!(8)]);
}

#[test]
fn an_unfinished_line_counts_once_when_it_is_finished() {
    let place = Place::with_sessions(1, 1);
    let turn = turns_of(0, 1..2);
    for part in turn.chunks(turn.len() / 7) {
        place.append("s0", part);
        assert_eq!(place.daily(), place.daily_ever());
    }
    place.delete_transcripts();
    assert_eq!(place.figures(), place.figures_ever());
}

#[test]
fn a_trial_on_other_transcripts_never_mixes_with_the_history() {
    let place = Place::with_sessions(2, 3);
    let demo = workspace("testdata/home");
    let trial = ["--root", demo.to_str().unwrap()];
    let alone = place.figures_with(&[&trial[..], &["--no-store"]].concat());
    let mine = place.figures();
    for _ in 0..2 {
        assert_eq!(place.figures_with(&trial), alone);
        assert_eq!(place.figures(), mine);
        place.delete_transcripts();
    }
}

/// Commands that print, write, fail and destroy, with what the Read and Edit tools do
/// beside them.
fn commands() -> Vec<u8> {
    let calls = [
        ("Bash", json!({"command": "cat notes.md"}), "text", false),
        ("Bash", json!({"command": "sed -n 1,5p notes.md"}), "text", false),
        ("Bash", json!({"command": "cat notes.md"}), "text", false),
        ("Edit", json!({"file_path": "/work/demo/a.rs", "old_string": "x", "new_string": "y"}), "done", false),
        ("Bash", json!({"command": "cat a.rs && cat a.rs"}), "text", false),
        ("Bash", json!({"command": "python3 gen.py a.rs"}), "made", false),
        ("Bash", json!({"command": "cat a.rs"}), "text", false),
        ("Bash", json!({"command": "cargo test | tail -3"}), "text", false),
        ("Bash", json!({"command": "cargo test"}), "Exit code 101\nerror: it broke", true),
        ("Edit", json!({"file_path": "/work/demo/a.rs", "old_string": "y", "new_string": "x"}), "done", false),
        ("Bash", json!({"command": "cargo test"}), "ok", false),
        ("Bash", json!({"command": "rm -rf build && cat .env && curl https://host.example/x && cp x /etc/y"}), "ok", false),
    ];
    let lines_of = |(at, (tool, input, text, is_error)): (usize, (&str, Value, &str, bool))| {
        let id = format!("toolu_c{at}");
        let time = |line: Value, second: usize| with(line, &json!({"timestamp": format!("2026-11-03T10:{at:02}:{second:02}.000Z")}));
        [time(tool_use(&id, tool, &input), 0), time(tool_result(&id, text, is_error), 1)]
    };
    lines(&calls.into_iter().enumerate().flat_map(lines_of).collect::<Vec<_>>())
}

#[test]
fn what_commands_did_is_known_when_the_transcript_is_gone() {
    let place = Place::new();
    place.append("s1", &commands());
    let rows = |report: &str| place.run(&[report, "--range", "all", "--json"]).json()["rows"].clone();
    let before = ["reads", "hotspots", "failures", "audit"].map(rows);
    place.delete_transcripts();
    let after = ["reads", "hotspots", "failures", "audit"].map(rows);
    assert_eq!(before[0].as_array().unwrap().len(), 2);
    assert_eq!((&after[0], &after[1]), (&before[0], &before[1]));
    // The error and the command as it was typed are text.
    let without_text = |rows: &Value| -> Value {
        let without = |row: &Value| with(row.clone(), &json!({"last_error": null, "variants": []}));
        rows.as_array().unwrap().iter().map(without).collect()
    };
    assert_eq!(before[2][0]["last_error"], "error: it broke");
    assert_eq!(after[2], without_text(&before[2]));
    let found = |rows: &Value| {
        let name = |row: &Value| format!("{} {}", row["rule"].as_str().unwrap(), row["target"].as_str().unwrap());
        let mut names: Vec<String> = rows.as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    };
    assert_eq!(found(&before[3]), ["destructive rm -rf build", "network host.example", "outside /etc/y", "secrets-read .env"]);
    assert_eq!(found(&after[3]), ["destructive rm -rf", "network host.example", "outside /etc/y", "secrets-read .env"]);
}

#[test]
fn the_summary_quotes_errors_from_transcripts_that_are_there() {
    let place = Place::new();
    place.append("s1", &commands());
    let failing = || place.run(&["summary", "--range", "all", "--json"]).json()["failing_commands"].clone();
    let alone = place.run(&["summary", "--range", "all", "--json", "--no-store"]).json()["failing_commands"].clone();
    assert_eq!(alone[0]["last_error"], "error: it broke");
    assert_eq!([failing(), failing()], [alone.clone(), alone.clone()]);
    place.delete_transcripts();
    assert_eq!(failing(), json!([with(alone[0].clone(), &json!({"last_error": null}))]));
}

#[test]
fn prices_of_today_apply_to_history() {
    let place = Place::with_sessions(1, 1);
    let cost = |options: &[&str]| -> Value {
        figures(&place.run(&[&["daily", "--range", "all", "--json"], options].concat()))["totals"]["cost"].clone()
    };
    let listed = cost(&[]);
    place.delete_transcripts();
    assert_eq!(cost(&[]), listed);
    let config = place.home().join("own.toml");
    let own = "[prices.\"claude-sonnet-4-5-20250929\"]\ninput = 0\noutput = 1000\ncache_write_5m = 0\ncache_write_1h = 0\ncache_read = 0\n";
    fs::write(&config, own).unwrap();
    // A call of one token, and a response of a hundred.
    assert_eq!(cost(&["--config", config.to_str().unwrap()]), json!(0.101));
}

#[test]
fn a_missing_or_empty_home_loses_nothing() {
    let place = Place::with_sessions(2, 2);
    let whole = place.daily();
    let (projects, away) = (place.home().join("projects"), place.home().join("away"));
    fs::rename(&projects, &away).unwrap();
    fs::create_dir(&projects).unwrap();
    for _ in 0..3 {
        assert_eq!(place.daily(), whole);
    }
    fs::remove_dir(&projects).unwrap();
    fs::rename(&away, &projects).unwrap();
    assert_eq!(place.daily(), whole);
}
