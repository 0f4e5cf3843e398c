//! Times every stage over a folder of transcripts, beside the newline limit.
//!
//! `stages DIR [--runs N] [--threads N] [--program PATH]`: interleaved runs,
//! medians. With `--program` also the whole process, `summary --range all --json`.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::convert::Infallible;
use std::error::Error;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use ccstats_benches::limit::count_newlines;
use ccstats_core::{Dataset, Level, Listing, Options, Prices, Progress, Query, Report, ReportName, Tally, discover, entries};

struct Args {
    dir: PathBuf,
    runs: usize,
    threads: usize,
    program: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = args()?;
    let root = std::slice::from_ref(&args.dir);
    let files: Vec<_> = discover(root)?.transcripts.into_iter().map(|transcript| (transcript.path, transcript.size_bytes)).collect();
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let transcripts = files.iter().map(|(path, _)| std::fs::read(path)).collect::<Result<Vec<_>, _>>()?;
    let options = |level| Options {
        threads: NonZeroUsize::new(args.threads),
        level,
        // All files count as settled, or a fresh tree would never be mapped.
        now: SystemTime::now() + Duration::from_secs(3600),
        ..Options::new(vec![args.dir.clone()], SystemTime::now())
    };
    let load = |options: &Options| Dataset::load(options, &Progress::default());
    let read = Options { map: false, ..options(Level::detect()) };
    let mut stages = Stages::default();
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
        stages.time("tally", || Tally::of(&dataset, &query, Prices::list()))?;
        for name in [ReportName::Summary, ReportName::Daily, ReportName::Reads, ReportName::Failures, ReportName::Hotspots] {
            let report = || Report::new(name, &dataset, &query, Prices::list(), &Listing::default());
            stages.time(&format!("report {}", name.word()), report)?;
        }
        if let Some(program) = &args.program {
            stages.time("whole program, summary --json", || run(program, &args))?;
        }
    }
    println!("{} transcripts, {:.1} MB, {} threads, medians of {} runs\n", files.len(), bytes as f64 / 1e6, args.threads, args.runs);
    stages.print(bytes);
    Ok(())
}

fn count_entries(transcripts: &[Vec<u8>]) -> usize {
    transcripts.iter().map(|transcript| entries(transcript).count()).sum()
}

fn run(program: &PathBuf, args: &Args) -> Result<(), Box<dyn Error>> {
    let words = ["summary", "--range", "all", "--json", "--no-store", "--quiet", "--tz", "UTC", "--root"];
    let threads = args.threads.to_string();
    let status = Command::new(program).args(words).arg(&args.dir).args(["--threads", &threads]).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the program ended with {status}").into()) }
}

/// Stages in the order of their first run, with the times of all runs.
#[derive(Default)]
struct Stages(Vec<(String, Vec<Duration>)>);

impl Stages {
    fn time<T, E>(&mut self, name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<(), E> {
        let start = Instant::now();
        black_box(work()?);
        let time = start.elapsed();
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name.into(), vec![time])),
        }
        Ok(())
    }

    /// The first stage is the limit that all others are compared with.
    fn print(&self, bytes: u64) {
        let median = |times: &[Duration]| {
            let mut times = times.to_vec();
            times.sort();
            times[times.len() / 2].as_secs_f64()
        };
        let limit = self.0.first().map_or(1.0, |(_, times)| median(times));
        for (name, times) in &self.0 {
            let time = median(times);
            println!("{name:<34} {:>9.1} ms {:>7.2} x {:>8.2} GB/s", time * 1e3, time / limit, bytes as f64 / time / 1e9);
        }
    }
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
