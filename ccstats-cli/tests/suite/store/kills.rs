//! Whoever is killed while the store is written leaves the state before or after.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Place, number_of, turns_of};
use crate::generator::Dice;
use crate::support::finish;

/// Two writers: one that only writes, and one that also reads.
const WRITERS: [&[&str]; 2] = [&["history", "sync"], &["daily", "--range", "all"]];

/// After a kill all is sound, and nothing that is in the store or on disk is lost.
fn assert_whole(place: &Place, when: &str) {
    place.sound_blocks();
    assert_eq!(place.daily(), place.daily_ever(), "{when}");
}

/// Something happens to a transcript; what goes was taken in before.
fn change(place: &Place, round: usize, dice: &mut Dice) {
    for _ in 0..3 {
        let session = dice.below(6);
        place.append(&format!("s{session}"), &turns_of(session, [10 * round + session]));
    }
    if dice.below(5) == 0 {
        place.sync();
        let file = place.transcript(&format!("s{}", dice.below(6)));
        match dice.below(2) {
            0 => _ = fs::remove_file(file),
            _ => fs::write(file, b"").unwrap(),
        }
    }
}

#[test]
fn kills_at_random_moments_lose_nothing() {
    let place = Place::with_sessions(6, 30);
    let start = Instant::now();
    place.sync();
    let time = start.elapsed();
    let mut dice = Dice(1);
    let mut killed = 0;
    for round in 0..number_of("CCSTATS_KILLS", 50) {
        change(&place, round, &mut dice);
        let mut child = place.command(WRITERS[round % 2]).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(time.mul_f64(dice.below(1000) as f64 / 1000.0));
        child.kill().unwrap();
        killed += usize::from(child.wait().unwrap().code().is_none());
        assert_whole(&place, &format!("round {round}"));
    }
    assert!(killed > 0, "all were too fast to be killed");
    place.sync();
    place.delete_transcripts();
    assert_eq!(place.figures(), place.figures_ever());
}

/// All that changes something on disk.
const WRITES: [&str; 9] = ["mkdir", "openat", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "unlink", "fchmod"];

/// The program under strace, whose words come first.
fn traced(place: &Place, strace: &[&str]) -> Command {
    let inner = place.command(&["history", "sync"]);
    let mut outer = Command::new("strace");
    outer.args(["-f", "-qq"]).args(strace).arg(inner.get_program()).args(inner.get_args());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    outer
}

/// How often a sync calls each of these, in all its threads.
fn calls(place: &Place) -> Option<Vec<(&'static str, usize)>> {
    let log = place.home().join("calls");
    let status = traced(place, &["-e", &format!("trace={}", WRITES.join(",")), "-o", log.to_str()?]).status().ok()?;
    let text = fs::read_to_string(log).ok().filter(|_| status.success())?;
    Some(WRITES.iter().map(|call| (*call, text.matches(&format!(" {call}(")).count())).collect())
}

fn copy_folder(from: &Path, to: &Path) {
    _ = fs::remove_dir_all(to);
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

/// Kills a sync at each call of one run, or at as many as there is time for, always
/// from the same state.
fn kill_at_each_call(place: &Place, most: usize) {
    let before = place.home().join("before");
    copy_folder(&place.data(), &before);
    let Some(calls) = calls(place) else { return eprintln!("skipped: strace is not there or may not trace") };
    let points: Vec<_> = calls.iter().flat_map(|(call, count)| (1..=*count).map(move |at| (*call, at))).collect();
    assert!(points.len() > 20, "{calls:?}");
    let step = points.len().div_ceil(number_of("CCSTATS_KILL_POINTS", most));
    let mut killed = 0;
    for (call, at) in points.iter().step_by(step) {
        copy_folder(&before, &place.data());
        let inject = format!("inject={call}:signal=KILL:when={at}");
        let status = traced(place, &["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]).status().unwrap();
        killed += usize::from(!status.success());
        assert_whole(place, &format!("killed at {call} {at}"));
    }
    assert!(killed * 2 > points.len() / step, "{killed} of {}", points.len() / step);
}

#[test]
fn a_kill_at_any_call_of_the_first_sync_loses_nothing() {
    kill_at_each_call(&Place::with_sessions(3, 3), 20);
}

#[test]
fn a_kill_at_any_call_of_a_later_sync_loses_nothing() {
    let place = Place::with_sessions(5, 10);
    place.sync();
    fs::remove_file(place.transcript("s0")).unwrap();
    fs::write(place.transcript("s1"), turns_of(1, 5..20)).unwrap();
    place.append("again", &turns_of(1, 10..20));
    place.append("s2", &turns_of(2, 10..12));
    place.append("new", &turns_of(9, 0..5));
    kill_at_each_call(&place, 20);
}

#[test]
fn a_kill_in_prune_or_import_forgets_all_or_nothing() {
    let place = Place::with_sessions(6, 5);
    place.sync();
    place.delete_transcripts();
    let export = place.home().join("export");
    assert_eq!(place.run(&["history", "export", export.to_str().unwrap()]).code, 0);
    let whole = place.daily();
    let mut dice = Dice(2);
    for _ in 0..number_of("CCSTATS_KILLS", 50) / 5 {
        let mut child = place.command(&["history", "prune", "--before", "2027-01-01", "--yes"]);
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_micros(dice.below(15_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        place.sound_blocks();
        let messages = place.daily()["totals"]["messages"].clone();
        assert!(messages == 0 || messages == 60, "{messages}");
        assert_eq!(finish(&mut place.command(&["history", "import", export.to_str().unwrap()])).code, 0);
        assert_eq!(place.daily(), whole);
    }
}
