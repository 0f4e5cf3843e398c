//! Times our program and others over one folder of transcripts, in turns.
//!
//! The first turn warms the page cache and is not counted; `--keep FOLDER` writes
//! its outputs to `FOLDER/NAME`, to see whether all counted the same. A peer that
//! fails stops the measurement, so no error is taken for speed.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use ccstats_benches::limit::{count_newlines, transcripts_below};
use ccstats_benches::program;
use ccstats_benches::timings::Timings;

const USAGE: &str = "usage: compare DIR --program PATH [--peer NAME COMMAND]... [--runs N] [--keep FOLDER]
  --program PATH       our program; its `summary` and its `daily` are timed
  --peer NAME COMMAND  another one, for sh, with CLAUDE_CONFIG_DIR set to DIR
  --runs N             turns that count [default: 9]
  --keep FOLDER        write the output of each to FOLDER/NAME";

/// The rows that all others are compared with.
const NEWLINES: usize = 0;
const OURS: usize = 1;

struct Args {
    dir: PathBuf,
    program: PathBuf,
    peers: Vec<(String, OsString)>,
    runs: usize,
    keep: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = args(env::args_os().skip(1))?;
    let files = transcripts_below(&args.dir)?;
    let threads = thread::available_parallelism()?.get();
    let mut programs = programs(&args);
    for (name, command) in &mut programs {
        warm_up(name, command, args.keep.as_deref())?;
    }
    count_newlines(&files, threads)?;
    let mut timings = Timings::default();
    for _ in 0..args.runs {
        timings.time("newlines of the same files", || count_newlines(&files, threads))?;
        for (name, command) in &mut programs {
            timings.time(name, || program::run(command))?;
        }
    }
    let megabytes = files.iter().map(|(_, size)| size).sum::<u64>() as f64 / 1e6;
    println!("{} transcripts, {megabytes:.1} MB, {threads} processors, {} turns; ms\n", files.len(), args.runs);
    print(&timings);
    Ok(())
}

fn programs(args: &Args) -> Vec<(String, Command)> {
    let ours = ["summary", "daily"].map(|report| (format!("ccstats {report}"), program::ours(&args.program, report, &args.dir)));
    let peers = args.peers.iter().map(|(name, line)| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(line).env("CLAUDE_CONFIG_DIR", &args.dir);
        (name.clone(), command)
    });
    ours.into_iter().chain(peers).collect()
}

fn warm_up(name: &str, command: &mut Command, keep: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let output = program::output_of(command)?;
    if let Some(folder) = keep {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(name), output.stdout)?;
    }
    Ok(())
}

/// Ratios are those within a turn, so they are not exactly those of the medians.
fn print(timings: &Timings) {
    println!("{:<28} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "median", "min", "max", "x ours", "x limit");
    for row in timings.rows() {
        let (min, max) = row.extremes();
        let [median, min, max] = [row.median(), min, max].map(|seconds| seconds * 1e3);
        let (ours, limit) = (timings.ratio(row, OURS), timings.ratio(row, NEWLINES));
        println!("{:<28} {median:>9.1} {min:>9.1} {max:>9.1} {ours:>9.2} {limit:>9.2}", row.name);
    }
}

fn args(mut words: impl Iterator<Item = OsString>) -> Result<Args, Box<dyn Error>> {
    let dir = PathBuf::from(words.next().ok_or(USAGE)?);
    let mut args = Args { dir, program: PathBuf::new(), peers: Vec::new(), runs: 9, keep: None };
    while let Some(option) = words.next() {
        let mut value = || words.next().ok_or(USAGE);
        match option.to_str() {
            Some("--program") => args.program = value()?.into(),
            Some("--peer") => args.peers.push((value()?.to_string_lossy().into_owned(), value()?)),
            Some("--runs") => args.runs = value()?.to_str().and_then(|text| text.parse().ok()).ok_or(USAGE)?,
            Some("--keep") => args.keep = Some(value()?.into()),
            _ => return Err(USAGE.into()),
        }
    }
    if args.program.as_os_str().is_empty() { Err(USAGE.into()) } else { Ok(args) }
}
