//! Answers that are kept: given again as long as nothing changed, and no longer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Place, turn_of, turns_of};
use crate::support::Run;

/// The reports of which answers are kept.
const KEPT: [&str; 10] = ["summary", "daily", "weekly", "monthly", "projects", "models", "reads", "hotspots", "prompts", "context"];

/// Three sessions that are over.
fn place() -> Place {
    let place = Place::with_sessions(3, 2);
    ["s0", "s1", "s2"].iter().for_each(|name| written(&place.transcript(name), 0));
    place
}

/// Makes it so that a file was last written some minutes after a day long ago. Of files that
/// were written just now nothing is kept.
fn written(path: &Path, minutes: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(86_400 + 60 * minutes)).unwrap();
}

fn answer(place: &Place, name: &str) -> PathBuf {
    place.data().join(format!("{name}.answer"))
}

fn said(run: &Run) -> (i32, &str, &str) {
    (run.code, run.text(), &run.stderr)
}

/// What is said with the store is what is said without it.
fn assert_right(place: &Place, words: &[&str]) {
    let alone = place.run(&[words, &["--no-store"]].concat());
    assert_eq!(said(&place.run(words)), said(&alone), "{words:?}");
}

#[test]
fn a_question_that_is_asked_again_is_answered_from_what_was_kept() {
    let place = place();
    place.sync();
    for report in KEPT {
        let words = [report, "--range", "all"];
        place.run(&words);
        let kept_at = || fs::metadata(answer(&place, report)).unwrap().modified().unwrap();
        let first = kept_at();
        for options in [&[][..], &["--json"], &["--top", "1"], &["--format", "csv"], &["--strict"], &["--quiet"]] {
            assert_right(&place, &[&words, options].concat());
            assert_eq!(kept_at(), first, "{report} {options:?} was worked out again");
        }
    }
    let hashed = |option: &str| place.run(&["summary", "--range", "all", "--hash", option]);
    assert_eq!(said(&hashed("--json")), said(&hashed("--format=json")));
}

#[test]
fn whatever_changes_a_figure_makes_another_answer() {
    let place = place();
    let file = |name: &str| place.transcript(name);
    let changes: [(&str, &dyn Fn()); 7] = [
        ("nothing", &|| ()),
        ("appended", &|| {
            place.append("s0", &turn_of(0, 7));
            written(&file("s0"), 1);
        }),
        ("rewritten", &|| {
            let text = fs::read_to_string(file("s1")).unwrap().replace("\"output_tokens\":100", "\"output_tokens\":900");
            fs::write(file("s1"), text).unwrap();
            written(&file("s1"), 2);
        }),
        ("new", &|| {
            place.append("s9", &turns_of(9, 0..3));
            written(&file("s9"), 3);
        }),
        ("broken", &|| {
            place.append("s9", b"{\"type\n");
            written(&file("s9"), 4);
        }),
        ("moved", &|| fs::rename(file("s2"), file("s7")).unwrap()),
        ("a folder in the place of a transcript", &|| fs::create_dir(file("s6")).unwrap()),
    ];
    for (what, change) in changes {
        change();
        for report in KEPT {
            for _ in 0..3 {
                assert_right(&place, &[report, "--range", "all", "--json"]);
            }
        }
        assert!(answer(&place, "summary").exists(), "{what}");
    }
}

#[test]
fn what_is_deleted_stays_and_is_told_to_be_gone() {
    let place = place();
    let summary = || place.run(&["summary", "--range", "all", "--json"]).json();
    summary();
    let before = summary();
    fs::remove_file(place.transcript("s1")).unwrap();
    for _ in 0..3 {
        let after = summary();
        assert_eq!((&after["summary"], &after["tools"]), (&before["summary"], &before["tools"]));
        assert_eq!((before["accounting"]["gone"].as_u64(), after["accounting"]["gone"].as_u64()), (Some(0), Some(1)));
    }
}

#[test]
fn another_question_has_another_answer() {
    let place = place();
    let config = |name: &str, text: &str| {
        let path = place.home().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let alias = config("alias.toml", "[projects.aliases]\n\"/work/demo\" = \"demo\"\n");
    let price = config("price.toml", "[prices.claude-sonnet-4-5]\ninput = 1000\noutput = 1000\ncache_read = 1000\n");
    let plain = ["--range", "all"];
    let variants: [&[&str]; 10] = [
        &["--range", "2026-11-01"],
        &["--range", "all", "--tz", "Pacific/Kiritimati"],
        &["--range", "all", "--week-start", "sunday"],
        &["--range", "all", "--session", "s1"],
        &["--range", "all", "--project", "nothing"],
        &["--range", "all", "--tool", "Bash"],
        &["--range", "all", "--no-subagents"],
        &["--range", "all", "--config", &alias],
        &["--range", "all", "--config", &price],
        &["--range", "all", "--by", "repo"],
    ];
    for report in KEPT {
        for words in variants.iter().flat_map(|variant| [&plain[..], &plain, variant, variant]) {
            assert_right(&place, &[&[report, "--json"], words].concat());
        }
    }
}

#[test]
fn an_answer_that_is_not_whole_or_not_ours_is_none() {
    let place = place();
    let words = ["summary", "--range", "all", "--json"];
    let keep = || {
        KEPT.iter().flat_map(|report| [report; 2]).for_each(|report| drop(place.run(&[report, "--range", "all"])));
        fs::read(answer(&place, "summary")).unwrap()
    };
    let whole = keep();
    let torn = &whole[..whole.len() / 2];
    let of_another = fs::read(answer(&place, "daily")).unwrap();
    for bytes in [&[][..], b"x", torn, &of_another, &[0; 100]] {
        fs::write(answer(&place, "summary"), bytes).unwrap();
        assert_right(&place, &words);
    }
    fs::remove_file(answer(&place, "summary")).unwrap();
    fs::create_dir(answer(&place, "summary")).unwrap();
    assert_right(&place, &words);
}

#[cfg(unix)]
#[test]
fn nothing_is_read_from_or_written_to_where_a_link_or_a_pipe_leads() {
    let place = place();
    place.sync();
    let (file, target) = (answer(&place, "summary"), place.home().join("target"));
    fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &file).unwrap();
    assert_right(&place, &["summary", "--range", "all"]);
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    fs::remove_file(&file).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
    assert_right(&place, &["summary", "--range", "all"]);
}

#[test]
fn what_is_forgotten_is_in_no_answer() {
    let place = place();
    for _ in 0..2 {
        KEPT.iter().for_each(|report| drop(place.run(&[report, "--range", "all"])));
    }
    fs::remove_file(place.transcript("s0")).unwrap();
    assert_eq!(place.run(&["history", "prune", "--before", "2027-01-01", "--yes"]).code, 0);
    assert!(!place.kept().iter().any(|name| name.ends_with(".answer")), "{:?}", place.kept());
    for _ in 0..3 {
        assert_right(&place, &["summary", "--range", "all", "--json"]);
    }
}
