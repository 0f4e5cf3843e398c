//! Counts the instructions of our program and holds them against a budget.
//!
//! On a shared machine times differ by a fifth from run to run, counts by less
//! than one in a thousand. They change with the compiler, the C library and the
//! vectors of the processor, so where one of these is another than the budget's,
//! counts are shown and nothing fails. Of a processor, valgrind shows AVX2 or
//! less, whatever else it has. What the kernel does is not counted.

#![expect(clippy::print_stdout, reason = "the counts are the output")]

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use ccstats_benches::generate::{Shape, generate};
use ccstats_benches::program;
use ccstats_core::{Dataset, Level, Progress, ScanOptions};
use serde::{Deserialize, Serialize};

const USAGE: &str = "usage: instructions --program PATH --budget FILE [--renew]
  --renew  write the counts of this machine to the budget instead of comparing";

/// Large enough that starting is a small part of a report.
const TREE: Shape = Shape { seed: 1, bytes: 16_000_000, files: None };

struct Args {
    program: PathBuf,
    budget: PathBuf,
    renew: bool,
}

/// What is measured: a name with its unit, a program, and how many instructions
/// make one of the unit.
struct Case {
    name: String,
    command: Vec<OsString>,
    unit: f64,
}

#[derive(Serialize, Deserialize)]
struct Budget {
    made_with: BTreeMap<String, String>,
    tolerance_percent: f64,
    counts: BTreeMap<String, f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<_> = env::args_os().skip(1).collect();
    if let [word, dir] = &words[..]
        && word == "scan"
    {
        return scan(dir.into());
    }
    let args = args(words.into_iter())?;
    let counts = counts(&args.program)?;
    let mut budget: Budget = serde_json::from_slice(&fs::read(&args.budget)?)?;
    if !args.renew {
        return compare(&budget, &counts);
    }
    (budget.made_with, budget.counts) = (made_with()?, counts);
    fs::write(&args.budget, serde_json::to_string_pretty(&budget)? + "\n")?;
    Ok(())
}

/// The scan alone, as a program that can be counted.
fn scan(dir: PathBuf) -> Result<(), Box<dyn Error>> {
    let options = ScanOptions { threads: NonZeroUsize::new(1), ..ScanOptions::new(vec![dir], SystemTime::now()) };
    let dataset = Dataset::load(&options, &Progress::default())?;
    println!("{:?}", dataset.accounting().lines);
    Ok(())
}

fn counts(program: &Path) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let dir = env::temp_dir().join(format!("ccstats-instructions-{}", std::process::id()));
    let counts = counts_in(&dir, program);
    fs::remove_dir_all(dir)?;
    counts
}

fn counts_in(dir: &Path, program: &Path) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let (tree, empty) = (dir.join("tree"), dir.join("empty"));
    fs::create_dir_all(&empty)?;
    let bytes = generate(&tree, &TREE)?.bytes;
    let mut counts = BTreeMap::new();
    for case in cases(program, &tree, &empty, bytes as f64)? {
        let count = instructions(&case.command)? / case.unit;
        counts.insert(case.name, (count * 1e3).round() / 1e3);
    }
    Ok(counts)
}

fn cases(program: &Path, tree: &Path, empty: &Path, bytes: f64) -> Result<Vec<Case>, Box<dyn Error>> {
    let case = |name: &str, command: Vec<OsString>, unit| Case { name: name.into(), command, unit };
    let report = |name, dir| {
        let mut words = words(&program::ours(program, name, dir));
        words.extend(["--threads", "1"].map(OsString::from));
        words
    };
    let mut cases = vec![
        case("version, thousands", vec![program.into(), "--version".into()], 1e3),
        case("summary of nothing, thousands", report("summary", empty), 1e3),
        case("scan, per byte", vec![env::current_exe()?.into(), "scan".into(), tree.into()], bytes),
    ];
    for name in ["summary", "daily", "reads", "failures", "hotspots"] {
        cases.push(case(&format!("{name}, per byte"), report(name, tree), bytes));
    }
    Ok(cases)
}

fn words(command: &Command) -> Vec<OsString> {
    [command.get_program()].into_iter().chain(command.get_args()).map(OsStr::to_owned).collect()
}

/// Runs a program under valgrind, with an environment that is always the same.
fn instructions(words: &[OsString]) -> Result<f64, Box<dyn Error>> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--cachegrind-out-file=/dev/null"]).args(words);
    command.env_clear().envs(env::var_os("PATH").map(|path| ("PATH", path))).env("POLARS_MAX_THREADS", "1");
    let said = String::from_utf8(program::output_of(&mut command)?.stderr)?;
    let count = said.lines().find_map(|line| line.split_once("I   refs:")).ok_or("valgrind wrote no count")?.1;
    Ok(count.replace(',', "").trim().parse()?)
}

fn made_with() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let first_line = |words: &[&str]| -> Result<String, Box<dyn Error>> {
        let output = program::output_of(Command::new(words[0]).args(&words[1..]))?;
        Ok(String::from_utf8(output.stdout)?.lines().next().unwrap_or_default().into())
    };
    let level = Level::detect().min(Level::Avx2);
    Ok(BTreeMap::from([
        ("libc".into(), first_line(&["getconf", "GNU_LIBC_VERSION"])?),
        ("rustc".into(), first_line(&["rustc", "--version"])?),
        ("target".into(), format!("{} {}", env::consts::ARCH, env::consts::OS)),
        ("valgrind".into(), first_line(&["valgrind", "--version"])?),
        ("vectors".into(), format!("{level:?}")),
    ]))
}

fn compare(budget: &Budget, counts: &BTreeMap<String, f64>) -> Result<(), Box<dyn Error>> {
    let mut over = Vec::new();
    println!("{:<32} {:>10} {:>10}", "instructions", "budget", "counted");
    for (name, &count) in counts {
        let allowed = budget.counts.get(name).copied().unwrap_or(f64::NAN);
        let percent = (count / allowed - 1.0) * 100.0;
        println!("{name:<32} {allowed:>10.3} {count:>10.3} {percent:>+7.1} %{}", remark(percent, budget.tolerance_percent));
        if percent.is_nan() || percent > budget.tolerance_percent {
            over.push(name.as_str());
        }
    }
    let here = made_with()?;
    if here != budget.made_with {
        println!("not compared: the budget was made with {:?}, these counts with {here:?}", budget.made_with);
    } else if !over.is_empty() {
        return Err(format!("over the budget: {}; if that is meant, run with --renew", over.join("; ")).into());
    }
    Ok(())
}

fn remark(percent: f64, tolerance: f64) -> &'static str {
    match percent {
        _ if percent.is_nan() => "  has no budget",
        _ if percent > tolerance => "  over",
        _ if percent < -tolerance => "  run with --renew, or the next loss goes unseen",
        _ => "",
    }
}

fn args(mut words: impl Iterator<Item = OsString>) -> Result<Args, Box<dyn Error>> {
    let mut args = Args { program: PathBuf::new(), budget: PathBuf::new(), renew: false };
    while let Some(option) = words.next() {
        match option.to_str() {
            Some("--program") => args.program = words.next().ok_or(USAGE)?.into(),
            Some("--budget") => args.budget = words.next().ok_or(USAGE)?.into(),
            Some("--renew") => args.renew = true,
            _ => return Err(USAGE.into()),
        }
    }
    if args.program.as_os_str().is_empty() || args.budget.as_os_str().is_empty() { Err(USAGE.into()) } else { Ok(args) }
}
