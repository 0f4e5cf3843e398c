//! Times every stage over a folder of transcripts, beside the newline limit.
//!
//! `stages DIR [--runs N] [--threads N] [--program PATH]`: interleaved runs,
//! medians. With `--program` also the whole process, `summary --range all --json`.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ccstats_benches::limit::{count_newlines, transcripts_below};
use ccstats_benches::program;
use ccstats_benches::timings::Timings;
use ccstats_core::{Dataset, Level, Prices, Progress, Query, Report, ReportName, ReportOptions, ScanOptions, Tally, discover, entries};

struct Args {
    dir: PathBuf,
    runs: usize,
    threads: usize,
    program: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = args()?;
    let root = std::slice::from_ref(&args.dir);
    let files = transcripts_below(&args.dir)?;
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let transcripts = files.iter().map(|(path, _)| std::fs::read(path)).collect::<Result<Vec<_>, _>>()?;
    let options = |level| ScanOptions {
        threads: NonZeroUsize::new(args.threads),
        level,
        // All files count as settled, or a fresh tree would never be mapped.
        now: SystemTime::now() + Duration::from_secs(3600),
        ..ScanOptions::new(vec![args.dir.clone()], SystemTime::now())
    };
    let load = |options: &ScanOptions| Dataset::load(options, &Progress::default());
    let read = ScanOptions { mmap: false, ..options(Level::detect()) };
    let mut stages = Timings::default();
    for _ in 0..args.runs {
        stages.time("newlines, mapped (the limit)", || count_newlines(&files, args.threads))?;
        stages.time("discover", || discover(root))?;
        stages.time("entries, one thread, in memory", || Ok::<_, Infallible>(count_entries(&transcripts)))?;
        for level in Level::all() {
            stages.time(&format!("scan to facts, {level:?}"), || load(&options(level)))?;
        }
        stages.time("scan to facts, read", || load(&read))?;
        let dataset = load(&options(Level::detect()))?;
        let query = Query::all();
        stages.time("tally", || Tally::of(&dataset, &query, Prices::builtin()))?;
        for name in [ReportName::Summary, ReportName::Daily, ReportName::Reads, ReportName::Failures, ReportName::Hotspots] {
            let report = || Report::new(name, &dataset, &query, Prices::builtin(), &ReportOptions::default());
            stages.time(&format!("report {}", name.name()), report)?;
        }
        if let Some(program) = &args.program {
            stages.time("whole program, summary --json", || run(program, &args))?;
        }
    }
    println!("{} transcripts, {:.1} MB, {} threads, medians of {} runs\n", files.len(), bytes as f64 / 1e6, args.threads, args.runs);
    print(&stages, bytes);
    Ok(())
}

/// The first stage is the limit that all others are compared with.
fn print(stages: &Timings, bytes: u64) {
    for stage in stages.rows() {
        let (seconds, ratio) = (stage.median(), stages.ratio(stage, 0));
        println!("{:<34} {:>9.1} ms {ratio:>7.2} x {:>8.2} GB/s", stage.name, seconds * 1e3, bytes as f64 / seconds / 1e9);
    }
}

fn count_entries(transcripts: &[Vec<u8>]) -> usize {
    transcripts.iter().map(|transcript| entries(transcript).count()).sum()
}

fn run(path: &Path, args: &Args) -> io::Result<()> {
    program::run(program::ours(path, "summary", &args.dir).arg("--threads").arg(args.threads.to_string()))
}

fn args() -> Result<Args, Box<dyn Error>> {
    let mut words = std::env::args_os().skip(1);
    let dir = words.next().ok_or("usage: stages DIR [--runs N] [--threads N] [--program PATH]")?;
    let mut args = Args { dir: dir.into(), runs: 9, threads: std::thread::available_parallelism()?.get(), program: None };
    while let Some(option) = words.next() {
        let value = words.next().ok_or("an option without a value")?;
        let number = || value.to_str().and_then(|text| text.parse().ok()).ok_or("no number");
        match option.to_str() {
            Some("--runs") => args.runs = number()?,
            Some("--threads") => args.threads = number()?,
            Some("--program") => args.program = Some(value.into()),
            _ => return Err("usage: stages DIR [--runs N] [--threads N] [--program PATH]".into()),
        }
    }
    Ok(args)
}
