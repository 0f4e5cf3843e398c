//! Many processes at once, and one that holds the lock and does not move.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Place, number_of, turns_of};
use crate::support::finish;

/// Far more than any of them needs on a busy machine, and far less than for ever.
fn bound() -> Duration {
    Duration::from_millis(number_of("CCSTATS_CROWD_MS", 10_000) as u64)
}

/// Somebody who began to write, and was stopped.
struct Holder(Child);

impl Holder {
    /// None where there is no Python.
    fn stopped(place: &Place) -> Option<Holder> {
        let code = "import sqlite3, sys, time\nc = sqlite3.connect(sys.argv[1])\nc.execute('BEGIN IMMEDIATE')\nc.execute('UPDATE state SET generation = 99')\nprint('locked', flush=True)\ntime.sleep(600)";
        let mut command = Command::new("python3");
        command.args(["-c", code]).arg(place.data().join("ccstats.store"));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut holder = Holder(child);
        let mut line = String::new();
        BufReader::new(holder.0.stdout.take()?).read_line(&mut line).ok()?;
        (line == "locked\n").then_some(())?;
        stop(&holder.0);
        Some(holder)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stop(child: &Child) {
    assert!(Command::new("kill").args(["-STOP", &child.id().to_string()]).status().unwrap().success());
}

/// Many ask at once while transcripts grow. Gives what ended wrong.
fn crowd(place: &Place, members: usize, rounds: usize) -> Vec<String> {
    const WORDS: [&[&str]; 3] = [&["budget", "--daily", "1000"], &["daily", "--range", "all"], &["statusline"]];
    let is_over = AtomicBool::new(false);
    let ask = |member: usize| {
        let wrong = |round: usize| {
            let words = WORDS[(member + round) % 3];
            let run = finish(&mut place.command(words));
            let is_fine = run.code == 0 && run.stderr.is_empty() && !run.stdout.is_empty() && run.time < bound();
            (!is_fine).then(|| format!("{words:?}: {} after {:?}: {}", run.code, run.time, run.stderr))
        };
        (0..rounds).filter_map(wrong).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            // With a stopped writer everyone reads all that is new: some hours of work, no more.
            for turn in (100..600).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                place.append(&format!("s{}", turn % 4), &turns_of(turn % 4, [turn]));
                thread::sleep(Duration::from_millis(20));
            }
        });
        let asking: Vec<_> = (0..members).map(|member| scope.spawn(move || ask(member))).collect();
        let wrong = asking.into_iter().flat_map(|member| member.join().unwrap()).collect();
        is_over.store(true, Ordering::Relaxed);
        wrong
    })
}

/// The processes that know the data folder of this place.
fn left_behind(place: &Place) -> Vec<String> {
    let folder = place.data();
    let knows = |process: &Path| {
        let says = |name: &str| {
            std::fs::read(process.join(name)).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(folder.to_str().unwrap()))
        };
        says("environ") || says("cmdline")
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().map(|entry| entry.unwrap().path());
    processes.filter(|process| knows(process)).map(|process| process.display().to_string()).collect()
}

fn assert_nothing_left(place: &Place) {
    assert_eq!(left_behind(place), [""; 0]);
    let kept = place.kept();
    // A status line that comes to its deadline may leave the last one, which the next writes over.
    let known = ["ccstats.store", "ccstats.store-shm", "ccstats.store-wal", "daily.answer", "statusline.json", "statusline.new"];
    assert!(kept.iter().all(|name| known.contains(&name.as_str())), "{kept:?}");
}

/// All that was ever written is in a sound store, and nothing else was left.
fn assert_nothing_lost(place: &Place) {
    place.sync();
    assert_nothing_left(place);
    place.delete_transcripts();
    assert_eq!(place.figures(), place.figures_ever());
    place.sound_blocks();
}

/// How the message ends that another process is writing.
const BUSY: &str = "is being written by another process: run again when it has ended\n";

/// The members and their rounds: (8, 20), where nobody asks for another number.
fn size() -> (usize, usize) {
    (number_of("CCSTATS_CROWD", 8), number_of("CCSTATS_CROWD_ROUNDS", 20))
}

#[test]
fn a_crowd_on_a_new_store_loses_nothing() {
    let place = Place::with_sessions(4, 20);
    let (members, rounds) = size();
    let mut wrong = crowd(&place, members, rounds.div_ceil(4));
    // Who comes while another one makes the store says so, and reads by itself.
    wrong.retain(|wrong| !wrong.ends_with(BUSY));
    assert_eq!(wrong, [""; 0]);
    assert_nothing_lost(&place);
}

#[test]
fn nobody_waits_for_a_writer_that_was_stopped() {
    let place = Place::with_sessions(4, 20);
    place.sync();
    let Some(holder) = Holder::stopped(&place) else { return eprintln!("skipped: no Python with SQLite") };
    let (members, rounds) = size();
    assert_eq!(crowd(&place, members, rounds), [""; 0]);
    assert_eq!(place.figures(), place.figures_ever(), "right, though nothing can be published");
    let start = Instant::now();
    let run = place.run(&["history", "sync"]);
    assert!(run.code == 1 && run.stderr.ends_with(BUSY), "{run:?}");
    assert!(start.elapsed() < bound());
    drop(holder);
    assert_nothing_lost(&place);
}

/// Wherever it is stopped: while it opens, recovers, reads or writes.
#[test]
fn nobody_waits_for_one_of_us_that_was_stopped() {
    let place = Place::with_sessions(4, 50);
    let start = Instant::now();
    place.sync();
    let time = start.elapsed();
    for round in 0..8_u32 {
        place.append("s0", &turns_of(0, [200 + round as usize]));
        let mut child = place.command(&["history", "sync"]).stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(time * round / 8);
        stop(&child);
        let run = finish(&mut place.command(&["daily", "--range", "all", "--json"]));
        // Stopped while it recovers the log it locks the others out: they read by themselves. In
        // the moment in which it makes the shared memory, SQLite tries for ten seconds.
        let is_locked_out = run.stderr.ends_with(BUSY);
        let bound = if is_locked_out { bound().max(Duration::from_secs(12)) } else { bound() };
        assert!(run.time < bound, "{run:?}");
        assert!(run.stderr.is_empty() || is_locked_out, "{run:?}");
        assert_eq!(super::figures_in(&run), place.daily_ever());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    place.sound_blocks();
}
