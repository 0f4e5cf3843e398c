//! `history` and `doctor`: what they say, and how they end.

use std::fs;

use serde_json::{Value, json};

use super::{Place, figures_in, turns_of};
use crate::support::{Run, ccstats_of, finish, program, write_transcript};

/// What was printed, with names for what differs from run to run.
fn told(place: &Place, run: &Run) -> String {
    let text = format!("{}{}", run.text(), run.stderr).replace(place.data().to_str().unwrap(), "DATA");
    text.replace(place.home().to_str().unwrap(), "HOME")
}

/// The exit code, and stderr alone.
fn refused(place: &Place, words: &[&str]) -> (i32, String) {
    let run = place.run(words);
    assert_eq!(run.text(), "", "{words:?}");
    (run.code, told(place, &run))
}

/// A backup that a prune told of.
fn pruned(place: &Place, before: &str) -> (u64, String) {
    let found = place.run(&["history", "prune", "--before", before, "--yes", "--json"]).json();
    (found["pruned"].as_u64().unwrap(), found["backup"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn status_tells_what_is_kept_and_what_is_not() {
    let place = Place::with_sessions(3, 2);
    let status = |words: &[&str]| {
        let mut found = place.run(&[&["history"], words, &["--json"]].concat()).json();
        assert!(found["size_bytes"].take().as_u64().unwrap() > 0);
        assert_eq!(found["folder"].take(), json!(place.data()));
        found
    };
    let wanted = |transcripts: u64, gone: u64, unseen: u64, first: Value, last: Value| json!({"schema": "ccstats.history/1", "folder": null, "size_bytes": null, "transcripts": transcripts, "gone": gone, "unseen": unseen, "unreadable": 0, "first": first, "last": last});
    assert_eq!(status(&["status"]), wanted(0, 0, 3, Value::Null, Value::Null));
    assert_eq!(status(&["sync"]), wanted(3, 0, 0, json!("2026-11-01"), json!("2026-11-03")));
    fs::remove_file(place.transcript("s0")).unwrap();
    place.append("s1", &turns_of(1, 2..3));
    assert_eq!(status(&["status"]), wanted(3, 1, 1, json!("2026-11-01"), json!("2026-11-03")));
    let run = place.run(&["history", "status"]);
    let text = told(&place, &run);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("store    ") && lines[0].ends_with(" kB in `DATA`"), "{text}");
    assert_eq!(
        lines[1..],
        [
            "known    3 transcripts, 1 of them deleted",
            "from     2026-11-01 to 2026-11-03",
            "unseen   1 transcript; `ccstats history sync` reads what is new"
        ]
    );
}

/// Such a name that is no Unicode, and acts on a terminal.
#[cfg(unix)]
#[test]
fn a_folder_of_any_name_can_be_told_of() {
    use std::os::unix::ffi::OsStringExt as _;
    let place = Place::with_sessions(1, 1);
    let name = std::ffi::OsString::from_vec(b"bad\xff\xc2\x9b\xe2\x80\xae".to_vec());
    let folder = place.home().join(&name);
    let run = |words: &[&str]| {
        let run = finish(program(&place.home()).arg("history").args(words).arg("--store").arg(&folder));
        assert_eq!(run.code, 0, "{}", run.stderr);
        assert!(!run.text().contains(['\u{9b}', '\u{202e}']), "{:?}", run.text());
        run
    };
    let told = format!("{}/bad\u{fffd}\u{9b}\u{202e}", place.home().display());
    assert_eq!(run(&["sync", "--json"]).json()["folder"], told);
    assert!(run(&["status", "--json"]).text().contains("bad\u{fffd}\\u009b\\u202e\""));
    assert!(run(&["status"]).text().contains("/bad"));
}

#[test]
fn days_of_history_are_those_of_the_calendar() {
    let place = Place::with_sessions(3, 2);
    place.sync();
    place.delete_transcripts();
    let in_new_york = |words: &[&str]| {
        let mut command = program(&place.home());
        command.env("CCSTATS_DATA_DIR", place.data()).args(words).args(["--tz", "America/New_York", "--json"]);
        finish(&mut command).json()
    };
    let status = in_new_york(&["history", "status"]);
    assert_eq!([&status["first"], &status["last"]], ["2026-10-31", "2026-11-02"]);
    assert_eq!(in_new_york(&["history", "prune", "--before", "2026-11-03", "--yes"])["pruned"], 3);
}

#[test]
fn history_tells_when_it_sets_a_damaged_store_aside() {
    for command in ["sync", "status"] {
        let place = Place::with_sessions(2, 2);
        place.sync();
        for name in place.kept() {
            let file = place.data().join(name);
            let mut bytes = fs::read(&file).unwrap();
            bytes[100..].fill(0xFF);
            fs::write(&file, bytes).unwrap();
        }
        let run = place.run(&["history", command]);
        let told = "warning: the store: it was damaged, and is kept as ccstats.store.corrupt-1\n";
        assert_eq!((run.code, run.stderr.as_str()), (0, told), "{command}");
    }
}

#[test]
fn what_is_pruned_comes_back_with_the_backup() {
    let place = Place::with_sessions(4, 2);
    let whole = place.figures();
    place.delete_transcripts();
    let (count, backup) = pruned(&place, "2026-11-03");
    assert_eq!(count, 2);
    let left = place.run(&["daily", "--range", "all", "--json"]).json();
    let days: Vec<_> = left["rows"].as_array().unwrap().iter().map(|row| row["day"].as_str().unwrap()).collect();
    assert_eq!(days, ["2026-11-03", "2026-11-04"]);
    let run = place.run(&["history", "import", &backup]);
    assert!(run.code == 0 && told(&place, &run).starts_with("imported 4 transcripts from `DATA/before-prune-"), "{run:?}");
    assert_eq!(place.figures(), whole);
    assert!(place.sound_blocks() > 0);
}

#[test]
fn prune_forgets_nothing_that_is_there_or_unasked() {
    let place = Place::with_sessions(2, 1);
    let whole = place.daily();
    assert_eq!(
        told(&place, &place.run(&["history", "prune", "--before", "2027-01-01"])),
        "nothing to forget: there is no deleted transcript that ended before 2027-01-01\n"
    );
    assert_eq!(pruned(&place, "2027-01-01"), (0, String::new()));
    place.delete_transcripts();
    assert_eq!(
        refused(&place, &["history", "prune", "--before", "2027-01-01"]),
        (2, "error: stdin is no terminal, so nobody can be asked: add `--yes`\n".into())
    );
    assert_eq!(pruned(&place, "2026-11-01"), (0, String::new()));
    assert_eq!(place.daily(), whole);
    assert_eq!(pruned(&place, "2027-01-01").0, 2);
    assert_eq!(place.daily()["totals"]["messages"], 0);
}

#[test]
fn an_export_makes_another_store() {
    let place = Place::with_sessions(3, 2);
    let whole = place.figures();
    place.delete_transcripts();
    let (file, other) = (place.home().join("copy.store"), place.home().join("other"));
    let (file, other) = (file.to_str().unwrap(), other.to_str().unwrap());
    assert_eq!(told(&place, &place.run(&["history", "export", file])), "wrote `HOME/copy.store`\n");
    for _ in 0..2 {
        let root = place.home().canonicalize().unwrap().join("projects");
        let roots = json!([{"root": root, "transcripts": 3, "unreadable": 0, "shown": true}]);
        assert_eq!(
            place.run(&["history", "import", file, "--store", other, "--json"]).json(),
            json!({"schema": "ccstats.history/1", "transcripts": 3, "roots": roots})
        );
        assert_eq!(place.figures_with(&["--store", other]), whole, "twice is once");
    }
}

#[test]
fn an_import_tells_whose_history_it_is_and_gives_it_to_a_folder_here() {
    let (theirs, ours) = (Place::with_sessions(3, 2), Place::new());
    let file = theirs.home().join("copy.store");
    let file = file.to_str().unwrap();
    theirs.sync();
    assert_eq!(theirs.run(&["history", "export", file]).code, 0);
    let whole = theirs.figures();
    let import = |options: &[&str]| {
        let run = ours.run(&[&["history", "import", file], options].concat());
        assert_eq!(run.code, 0, "{run:?}");
        (told(&ours, &run).replace(theirs.home().to_str().unwrap(), "THEIRS"), run)
    };
    let took = "imported 3 transcripts from `THEIRS/copy.store`\n";
    let note = "note: no report shows them: they belong to other folders than those that are read\n";
    let hint = "hint: import the file again with `--root DIR` to make them history of DIR\n";
    assert_eq!(import(&[]).0, format!("{took}root     `THEIRS/projects`, 3 transcripts\n{note}{hint}"));
    assert_eq!(ours.daily()["totals"]["messages"], 0);
    let home = ours.home();
    let root = ["--root", home.to_str().unwrap()];
    assert_eq!(import(&root).0, format!("{took}root     `HOME/projects`, 3 transcripts\n"));
    assert_eq!(ours.figures(), whole);
    let (code, text) = refused(&ours, &["history", "import", file, "--from", "/elsewhere"]);
    let text = text.replace(theirs.home().to_str().unwrap(), "THEIRS");
    let why = "error: expected one root in `THEIRS/copy.store`, found `THEIRS/projects`: name one of these with `--from`\n";
    assert_eq!((code, text.as_str()), (2, why));
    let two = [&["history", "import", file], &root[..], &root[..]].concat();
    assert_eq!(refused(&ours, &two), (2, "error: history is imported for one folder: name only one `--root`\n".into()));
}

#[test]
fn an_export_overwrites_nothing_and_leaves_nothing_half() {
    let place = Place::with_sessions(1, 1);
    place.sync();
    let file = place.home().join("precious");
    fs::write(&file, "mine").unwrap();
    let (code, text) = refused(&place, &["history", "export", file.to_str().unwrap()]);
    assert_eq!((code, text.as_str()), (1, "error: `HOME/precious` is there already: name another file\n"));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let nowhere = place.home().join("no/where");
    assert_eq!(refused(&place, &["history", "export", nowhere.to_str().unwrap()]).0, 1);
}

#[test]
fn what_is_no_store_is_not_taken_in() {
    let place = Place::with_sessions(1, 1);
    place.sync();
    let whole = place.daily();
    let file = place.home().join("file");
    for (bytes, why) in [
        (&b"text, and no database"[..], "error: `HOME/file` is no store of ccstats: name another\n"),
        (b"", "error: `HOME/file` is no store of ccstats: name another\n"),
    ] {
        fs::write(&file, bytes).unwrap();
        assert_eq!(refused(&place, &["history", "import", file.to_str().unwrap()]), (1, why.into()));
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(refused(&place, &["history", "import", file.to_str().unwrap()]).0, 1);
    assert!(!file.exists());
    assert_eq!(place.daily(), whole);
}

#[test]
fn a_damaged_export_is_not_taken_in_as_if_it_were_whole() {
    let place = Place::with_sessions(2, 2);
    place.sync();
    let file = place.home().join("copy");
    assert_eq!(place.run(&["history", "export", file.to_str().unwrap()]).code, 0);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let (code, text) = refused(&place, &["history", "import", file.to_str().unwrap()]);
    assert!(code == 1 && text.starts_with("error: "), "{code} {text}");
    assert_eq!(place.daily(), place.daily_ever());
    assert!(place.sound_blocks() > 0);
}

#[test]
fn wrong_usage_of_history_ends_with_2() {
    let place = Place::with_sessions(1, 1);
    for words in [
        &["history"][..],
        &["history", "status", "--no-store"],
        &["history", "sync", "--no-store"],
        &["history", "verify", "--no-store"],
        &["history", "prune", "--yes"],
        &["history", "prune", "--damaged", "--before", "2026-11-03", "--yes"],
        &["history", "prune", "--before", "yesterday", "--yes"],
        &["history", "export"],
        &["history", "status", "--store", "x", "--no-store"],
        &["history", "forget"],
    ] {
        assert_eq!(refused(&place, words).0, 2, "{words:?}");
    }
    assert!(!place.data().exists(), "nothing was made");
}

#[test]
fn history_says_what_it_takes() {
    let place = Place::with_sessions(1, 1);
    for format in ["csv", "markdown"] {
        let why = "error: `--format` takes `table`, `json` and `ndjson` here: `history` has no rows\n";
        assert_eq!(refused(&place, &["history", "status", "--format", format]), (2, why.into()));
    }
    let (_, text) = refused(&place, &["history", "prune", "--before", "yesterday"]);
    let why = "error: invalid value 'yesterday' for '--before <D>': expected a day, such as 2026-11-03\n";
    assert!(text.starts_with(why), "{text}");
    assert!(!place.data().exists(), "nothing was made");
}

#[test]
fn a_damaged_store_is_told_and_the_report_is_right() {
    let place = Place::with_sessions(2, 2);
    place.sync();
    let file = place.data().join("ccstats.store");
    fs::remove_file(place.data().join("ccstats.store-wal")).unwrap();
    fs::write(&file, "no database, whatever its name says; long enough for a head of one".repeat(4)).unwrap();
    let run = place.run(&["daily", "--range", "all", "--json"]);
    assert_eq!((run.code, run.json()["totals"]["messages"].clone()), (0, json!(8)), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);
}

/// It answers so soon that it must wait for what is written beside.
#[test]
fn a_first_budget_leaves_no_log_behind() {
    let place = Place::with_sessions(1, 20_000);
    assert_eq!(place.run(&["budget", "--daily", "1000"]).code, 0);
    let bytes = |name: &str| fs::metadata(place.data().join(name)).unwrap().len();
    assert!(bytes("ccstats.store") > 1 << 20 && bytes("ccstats.store-wal") == 0, "{}", bytes("ccstats.store"));
}

#[test]
fn doctor_warns_while_something_is_not_in_the_store() {
    let place = Place::with_sessions(2, 1);
    let line = |options: &[&str]| {
        let run = place.run(&[&["doctor"], options].concat());
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
        run.text().lines().find(|line| line[3..].starts_with("store")).unwrap().to_owned()
    };
    fs::write(place.home().join("settings.json"), r#"{"cleanupPeriodDays": 9}"#).unwrap();
    let lacks = "!! store          2 transcripts not in it yet; Claude Code deletes them after 9 days: run `ccstats history sync`";
    assert_eq!(line(&[]), lacks);
    place.sync();
    fs::remove_file(place.transcript("s0")).unwrap();
    let fine = line(&[]);
    assert!(fine.starts_with("ok store          2 transcripts, 1 of them deleted, ") && fine.ends_with("deletes after 9 days"), "{fine}");
    assert_eq!(line(&["--no-store"]), "ok store          not asked for");
}

/// A store without a log, of which the last block is not what was written.
fn with_a_damaged_block() -> Place {
    let place = Place::with_sessions(2, 2);
    place.sync();
    let copy = place.home().join("copy");
    assert_eq!(place.run(&["history", "export", copy.to_str().unwrap()]).code, 0);
    let mut bytes = fs::read(&copy).unwrap();
    let block = bytes.windows(4).rposition(|bytes| bytes == b"ccsb").unwrap();
    bytes[block + 30] ^= 1;
    for name in place.kept() {
        fs::remove_file(place.data().join(name)).unwrap();
    }
    fs::rename(copy, place.data().join("ccstats.store")).unwrap();
    fs::write(place.data().join("ccstats.store"), bytes).unwrap();
    place
}

#[test]
fn doctor_and_export_tell_of_damaged_blocks() {
    let place = with_a_damaged_block();
    let doctor = || {
        let text = place.run(&["doctor"]).text().to_owned();
        text.lines().filter_map(|line| line.strip_prefix("!! store          ")).map(String::from).collect::<Vec<_>>()
    };
    let damage = "1 block cannot be read; `ccstats history verify` reads again what is still there";
    assert_eq!(doctor(), [format!("{damage}, `ccstats history prune --damaged` forgets what is lost")]);
    let export = |name: &str| {
        let run = place.run(&["history", "export", place.home().join(name).to_str().unwrap()]);
        (run.code, told(&place, &run))
    };
    assert_eq!(export("a"), (0, format!("wrote `HOME/a`\nwarning: the copy is damaged as the store is: {damage}\n")));
    assert_eq!(place.run(&["history", "verify"]).code, 1);
    assert_eq!(doctor(), [""; 0]);
    assert_eq!(export("b"), (0, "wrote `HOME/b`\n".into()));
}

#[test]
fn what_is_lost_is_told_until_it_is_forgotten() {
    let place = with_a_damaged_block();
    let prune = |words: &[&str]| told(&place, &place.run(&[&["history", "prune", "--damaged"], words].concat()));
    let asked = place.run(&["history", "prune"]);
    assert!(asked.code == 2 && asked.stderr.contains("<--before <D>|--damaged>"), "{}", asked.stderr);
    assert_eq!(prune(&[]), "nothing to forget: there is no damaged block that nothing can replace\n");
    place.delete_transcripts();
    let report = || {
        let run = place.run(&["daily", "--json", "--strict", "--range", "all"]);
        assert_eq!(run.code, 0, "the store is no input");
        (run.stderr.clone(), run.json()["accounting"]["problems"][0]["kind"].clone(), figures_in(&run))
    };
    let (warning, kind, left) = report();
    let hint = "hint: `ccstats history prune --damaged` forgets what is lost\n";
    assert_eq!(warning, format!("warning: the store: what was in 1 damaged block is lost\n{hint}"));
    assert_eq!((kind, report().0), (json!("lost-history"), warning));
    assert!(prune(&[]).contains("add `--yes`"));
    let forgot = prune(&["--yes"]);
    assert!(forgot.contains("forgot 1 damaged block; the store as it was is `DATA/before-prune-"), "{forgot}");
    assert_eq!(report(), (String::new(), json!(null), left));
    assert_eq!(place.run(&["history", "verify", "--json"]).json()["unreadable"], 0);
}

#[test]
fn doctor_tells_when_it_sets_a_damaged_store_aside() {
    let place = Place::with_sessions(1, 1);
    place.sync();
    fs::write(place.data().join("ccstats.store"), "").unwrap();
    let text = place.run(&["doctor"]).text().to_owned();
    assert!(text.contains("!! store          it was damaged, and is kept as ccstats.store.corrupt-1\n"), "{text}");
}

#[test]
fn of_a_store_that_was_set_aside_no_empty_copy_is_made() {
    let place = Place::with_sessions(1, 1);
    place.sync();
    fs::write(place.data().join("ccstats.store"), "").unwrap();
    let copy = place.home().join("copy");
    let run = place.run(&["history", "export", copy.to_str().unwrap()]);
    assert_eq!((run.code, run.stderr.as_str()), (1, "error: nothing to copy: it was damaged, and is kept as ccstats.store.corrupt-1\n"));
    assert!(!copy.exists());
}

#[test]
fn doctor_tells_what_is_wrong_with_the_settings_of_claude_code() {
    let place = Place::with_sessions(1, 1);
    let found = |settings: &str| {
        fs::write(place.home().join("settings.json"), settings).unwrap();
        let text = told(&place, &place.run(&["doctor"]));
        text.lines().filter_map(|line| line.strip_prefix("!! settings       `HOME/settings.json`: ")).map(String::from).collect::<Vec<_>>()
    };
    let out = "; until that is mended Claude Code leaves all of it out";
    assert_eq!(found("{\"a\": 1,}"), [format!("trailing comma at line 1 column 9{out}")]);
    assert_eq!(found("[]"), [format!("expected a JSON object{out}")]);
    assert_eq!(found(r#"{"cleanupPeriodDays": 0}"#), ["`cleanupPeriodDays`: expected a whole number from 1, found `0`"]);
    let hooks = r#"{"SessionEnd": 5, "Stop": [{"hooks": [{"command": "/gone/ccstats", "args": ["hook"]}, {"command": "/gone/other"}]}]}"#;
    let missing = |option: &str| format!("`/gone/ccstats` is called, but not there: run `ccstats hook install{option}`");
    assert_eq!(found(&format!(r#"{{"hooks": {hooks}}}"#)), [missing("")]);
    assert_eq!(found(&format!(r#"{{"hooks": {hooks}, "statusLine": {{"command": "mine.sh"}}}}"#)), [missing("")]);
    let line = r#"{"command": "'/gone/ccstats' statusline"}"#;
    let off = "`disableAllHooks` switches hooks and status line off";
    assert_eq!(found(&format!(r#"{{"hooks": {hooks}, "statusLine": {line}, "disableAllHooks": true}}"#)), [off, &missing(" --statusline")]);
    assert!(found(r#"{"disableAllHooks": true, "statusLine": {"command": "ccstats-of-others statusline"}}"#).is_empty());
    assert!(found(r#"{"statusLine": {"command": "ccstats statusline"}}"#).is_empty());
    let folder = place.home().join("it's here");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("ccstats"), "").unwrap();
    let program = folder.join("ccstats").to_str().unwrap().replace('\'', r"'\''");
    assert!(found(&json!({"statusLine": {"command": format!("'{program}' statusline")}}).to_string()).is_empty());
}

#[test]
fn doctor_tells_problems_with_their_places() {
    let place = Place::with_sessions(1, 1);
    place.append("s0", b"no json\n");
    let text = told(&place, &place.run(&["doctor"]));
    assert!(text.contains("!! problem        1 malformed-line\n                  HOME/projects/-work-demo/s0.jsonl:5\n"), "{text}");
    let found = place.run(&["doctor", "--json"]).json();
    let problem = found["findings"].as_array().unwrap().iter().find(|finding| finding["about"] == "problem").unwrap();
    assert_eq!((&found["schema"], &found["ok"]), (&json!("ccstats.doctor/1"), &json!(false)));
    assert_eq!((&problem["ok"], &problem["text"]), (&json!(false), &json!("1 malformed-line")));
    assert!(problem["places"][0].as_str().unwrap().ends_with("s0.jsonl:5"), "{problem}");
}

#[test]
fn doctor_heeds_strict_and_hash() {
    let place = Place::with_sessions(1, 1);
    assert_eq!(place.run(&["doctor", "--strict"]).code, 0);
    place.append("s0", b"no json\n");
    assert_eq!((place.run(&["doctor"]).code, place.run(&["doctor", "--strict"]).code), (0, 3));
    fs::write(place.home().join("settings.json"), "[]").unwrap();
    for options in [&["--hash"][..], &["--hash", "--json"]] {
        let run = place.run(&[&["doctor"], options].concat());
        let text = told(&place, &run);
        assert!(!text.contains("HOME") && !text.contains("DATA") && !text.contains("s0.jsonl"), "{text}");
    }
    let text = place.run(&["doctor", "--hash"]).text().to_owned();
    assert!(text.contains("!! settings       not as it should be; `ccstats doctor` without `--hash` says why\n"), "{text}");
    let place = text.lines().skip_while(|line| !line.contains("1 malformed-line")).nth(1).unwrap().trim();
    assert!(place.len() == 18 && place.ends_with(":5"), "{text}");
}

#[test]
fn doctor_tells_how_old_prices_are() {
    let home = write_transcript("");
    let prices = |now: &str| {
        let run = ccstats_of(home.path(), ["doctor", "--no-store", "--now", now]);
        run.text().lines().find(|line| line[3..].starts_with("prices")).unwrap().to_owned()
    };
    let fine = prices("2026-11-20T12:00:00Z");
    assert!(fine.starts_with("ok prices         of 2026-") && fine.ends_with(" old"), "{fine}");
    let old = prices("2027-06-01T00:00:00Z");
    assert!(old.starts_with("!! prices         of 2026-"), "{old}");
    assert!(old.ends_with(" days old: update ccstats, or write prices into the configuration"), "{old}");
}
