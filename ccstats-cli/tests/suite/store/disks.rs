//! Disks that are full, or not to be written: the report is right all the same.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Place, figures, turns_of};
use crate::support::{Run, finish};

/// Runs the program behind a script of the shell, which ends with `exec "$@"`.
fn behind(script: &str, inner: &Command) -> Run {
    let mut outer = Command::new("bash");
    outer.args(["-c", script, "bash"]).arg(inner.get_program()).args(inner.get_args());
    finish(outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))))
}

/// The report over all, and how often it warned.
fn report(place: &Place, run: &Run) -> usize {
    assert_eq!(run.code, 0, "{}", run.stderr);
    let silent = Run { stderr: String::new(), stdout: run.stdout.clone(), ..*run };
    assert_eq!(figures(&silent), place.daily_ever());
    run.stderr.lines().filter(|line| line.starts_with("warning: ")).count()
}

const DAILY: [&str; 4] = ["daily", "--range", "all", "--json"];

/// No file may become longer than so many KiB, as if the disk were full then.
fn with_little_space(place: &Place, kib: u64) -> Run {
    behind(&format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\""), &place.command(&DAILY))
}

#[test]
fn on_a_full_disk_the_report_is_right_with_one_warning() {
    for kib in [0, 1, 4, 8, 16, 32, 40, 64] {
        let place = Place::with_sessions(12, 40);
        assert_eq!(report(&place, &with_little_space(&place, kib)), 1, "{kib} KiB");
        assert_eq!(report(&place, &place.run(&DAILY)), 0, "{kib} KiB, and space again");
        place.sound_blocks();
    }
}

#[test]
fn a_full_disk_shows_no_path_where_names_are_hashed() {
    let place = Place::with_sessions(12, 40);
    let hashed = [&DAILY[..], &["--hash"]].concat();
    // The key for the hashes must be there.
    place.run(&[&hashed[..], &["--no-store"]].concat());
    place.sync();
    place.append("s1", &turns_of(1, 40..90));
    let run = behind("trap '' XFSZ; ulimit -f 40; exec \"$@\"", &place.command(&hashed));
    let problems = run.json()["accounting"]["problems"].to_string();
    assert!(problems.contains("store") && !run.text().contains(place.data().to_str().unwrap()), "{problems}");
}

#[test]
fn a_disk_that_is_full_one_day_loses_no_history() {
    let place = Place::with_sessions(12, 40);
    place.sync();
    fs::remove_file(place.transcript("s0")).unwrap();
    place.append("s1", &turns_of(1, 40..90));
    for kib in [0, 8, 40, 64] {
        let run = with_little_space(&place, kib);
        assert!(run.code == 0 && run.stderr.lines().count() == 1 && run.stderr.starts_with("warning: "), "{kib} KiB: {}", run.stderr);
        assert!(run.stderr.contains("disk"), "says why: {}", run.stderr);
        // SQLite makes the index of its log, of 32 KiB, anew: without it what is there counts.
        let sessions = if kib < 32 { 11 } else { 12 };
        assert_eq!(run.json()["totals"]["sessions"], sessions, "{kib} KiB");
    }
    place.sync();
    place.delete_transcripts();
    assert_eq!(place.figures(), place.figures_ever());
    place.sound_blocks();
}

#[test]
fn where_no_folder_can_be_made_the_report_is_right_with_one_warning() {
    let place = Place::with_sessions(2, 2);
    fs::write(place.home().join("file"), "").unwrap();
    for store in [place.home().join("file"), place.home().join("file/store"), "/proc/no/store".into()] {
        let run = place.run(&[&DAILY[..], &["--store", store.to_str().unwrap()]].concat());
        assert_eq!(report(&place, &run), 1, "{}: {}", store.display(), run.stderr);
        let sync = place.run(&["history", "sync", "--store", store.to_str().unwrap()]);
        assert!(sync.code == 1 && sync.stderr.starts_with("error: ") && sync.stderr.lines().count() == 1, "{sync:?}");
    }
}

/// The data folder on a disk that is mounted to be read only; None where nothing can be
/// mounted.
fn read_only(place: &Place, words: &[&str]) -> Option<Run> {
    let data = place.data();
    let mount = format!("mount --bind '{0}' '{0}' && mount -o remount,ro,bind '{0}' '{0}' || exit 77\nexec \"$@\"", data.display());
    let inner = place.command(words);
    let mut outer = Command::new("unshare");
    outer.args(["-rm", "sh", "-c", &mount, "sh"]).arg(inner.get_program()).args(inner.get_args());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let is_possible = Command::new("unshare").args(["-rm", "true"]).output().is_ok_and(|output| output.status.success());
    let run = is_possible.then(|| finish(&mut outer))?;
    (run.code != 77).then_some(run)
}

fn bytes(folder: &Path) -> Vec<Vec<u8>> {
    ["ccstats.store", "ccstats.store-wal"].map(|name| fs::read(folder.join(name)).unwrap()).to_vec()
}

#[test]
fn a_read_only_store_is_read_and_what_is_new_counts() {
    let place = Place::with_sessions(3, 3);
    place.sync();
    fs::remove_file(place.transcript("s0")).unwrap();
    let before = bytes(&place.data());
    let Some(run) = read_only(&place, &DAILY) else { return eprintln!("skipped: nothing can be mounted here") };
    assert_eq!(report(&place, &run), 0, "{}", run.stderr);
    place.append("s1", &turns_of(1, 3..5));
    let run = read_only(&place, &DAILY).unwrap();
    assert_eq!(report(&place, &run), 1, "{}", run.stderr);
    assert_eq!(bytes(&place.data()), before);
    assert_eq!(read_only(&place, &["statusline"]).unwrap().code, 0);
    assert_eq!(read_only(&place, &["history", "verify"]).unwrap().code, 0);
}
