//! Times every stage over a folder of transcripts, beside the newline limit.
//!
//! `stages DIR [--runs N] [--threads N] [--program PATH]`: interleaved runs,
//! medians. With `--program` also the whole process, `summary --range all --json`.

#![expect(clippy::print_stdout, reason = "the figures are the output")]

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use ccstats_benches::limit::count_newlines;
use ccstats_core::{Dataset, Level, Options, Prices, Progress, Query, Tally, discover, entries};

struct Args {
    dir: PathBuf,
    runs: usize,
    threads: usize,
    program: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = args()?;
    let found = discover(std::slice::from_ref(&args.dir))?;
    let files: Vec<_> = found.transcripts.iter().map(|transcript| (transcript.path.clone(), transcript.size_bytes)).collect();
    let bytes: u64 = files.iter().map(|(_, size)| size).sum();
    let transcripts = files.iter().map(|(path, _)| std::fs::read(path)).collect::<Result<Vec<_>, _>>()?;
    let options = |level| Options {
        threads: NonZeroUsize::new(args.threads),
        level,
        // All files count as settled, or a fresh tree would never be mapped.
        now: SystemTime::now() + Duration::from_secs(3600),
        ..Options::new(vec![args.dir.clone()], SystemTime::now())
    };
    let mut stages = vec![Stage::new("newlines, mapped (the limit)"), Stage::new("discover")];
    stages.push(Stage::new("entries, one thread, in memory"));
    let levels = Level::all();
    stages.extend(levels.iter().map(|level| Stage::new(&format!("scan to facts, {level:?}"))));
    stages.push(Stage::new("scan to facts, read"));
    stages.push(Stage::new("tally"));
    stages.extend(args.program.iter().map(|_| Stage::new("whole program, summary --json")));
    for _ in 0..args.runs {
        let mut timed = stages.iter_mut();
        let mut next = |work: &mut dyn FnMut() -> Result<(), Box<dyn Error>>| -> Result<(), Box<dyn Error>> {
            let stage = timed.next().ok_or("a stage without a name")?;
            let start = Instant::now();
            work()?;
            stage.times.push(start.elapsed());
            Ok(())
        };
        next(&mut || Ok(drop(count_newlines(&files, args.threads)?)))?;
        next(&mut || Ok(drop(discover(std::slice::from_ref(&args.dir))?)))?;
        next(&mut || Ok(drop(transcripts.iter().map(|bytes| entries(bytes).count()).sum::<usize>())))?;
        for level in &levels {
            next(&mut || Ok(drop(Dataset::load(&options(*level), &Progress::default())?)))?;
        }
        let read = Options { map: false, ..options(Level::detect()) };
        next(&mut || Ok(drop(Dataset::load(&read, &Progress::default())?)))?;
        let dataset = Dataset::load(&options(Level::detect()), &Progress::default())?;
        next(&mut || Ok(drop(Tally::of(&dataset, &Query::all(), Prices::list())?)))?;
        if let Some(program) = &args.program {
            next(&mut || run(program, &args))?;
        }
    }
    let limit = stages[0].median();
    println!("{} transcripts, {:.1} MB, {} threads, medians of {} runs\n", files.len(), bytes as f64 / 1e6, args.threads, args.runs);
    for stage in &stages {
        let median = stage.median();
        let (ms, ratio) = (median.as_secs_f64() * 1e3, median.as_secs_f64() / limit.as_secs_f64());
        println!("{:<34} {ms:>9.1} ms {ratio:>7.2} x {:>8.2} GB/s", stage.name, bytes as f64 / median.as_secs_f64() / 1e9);
    }
    Ok(())
}

fn run(program: &PathBuf, args: &Args) -> Result<(), Box<dyn Error>> {
    let words = ["summary", "--range", "all", "--json", "--no-store", "--quiet", "--tz", "UTC", "--root"];
    let threads = args.threads.to_string();
    let status = Command::new(program).args(words).arg(&args.dir).args(["--threads", &threads]).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("the program ended with {status}").into()) }
}

struct Stage {
    name: String,
    times: Vec<Duration>,
}

impl Stage {
    fn new(name: &str) -> Stage {
        Stage { name: name.into(), times: Vec::new() }
    }

    fn median(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort();
        times[times.len() / 2]
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
