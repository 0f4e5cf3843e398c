//! `generate DIR`: writes a tree of transcripts and prints its proportions
//! beside those of real ones.
//!
//! Arguments are few and known to developers alone, so they are read by hand.

#![expect(clippy::print_stdout, reason = "the table of proportions is the output")]

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use ccstats_benches::generate::{Generated, Shape, generate};

const USAGE: &str = "usage: generate DIR [--megabytes 700] [--seed 1] [--files N]
  --files N  N main transcripts of shared size instead of natural sizes";

fn main() -> Result<(), Box<dyn Error>> {
    let (dir, shape) = arguments(env::args().skip(1))?;
    let start = Instant::now();
    let mut generated = generate(&dir, &shape)?;
    let seconds = start.elapsed().as_secs_f64();
    print(&mut generated);
    let megabytes = generated.bytes as f64 / 1e6;
    println!("{megabytes:.0} MB in {seconds:.2} s: {:.0} MB/s", megabytes / seconds);
    Ok(())
}

fn arguments(mut words: impl Iterator<Item = String>) -> Result<(PathBuf, Shape), Box<dyn Error>> {
    let mut dir = None;
    let mut shape = Shape { seed: 1, bytes: 700_000_000, files: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` lacks its value\n{USAGE}"));
        match word.as_str() {
            "--megabytes" => shape.bytes = value()?.parse::<u64>()? * 1_000_000,
            "--seed" => shape.seed = value()?.parse()?,
            "--files" => shape.files = Some(value()?.parse()?),
            _ if dir.is_none() && !word.starts_with('-') => dir = Some(PathBuf::from(word)),
            _ => return Err(format!("unexpected `{word}`\n{USAGE}").into()),
        }
    }
    Ok((dir.ok_or(USAGE)?, shape))
}

fn print(generated: &mut Generated) {
    println!("{:<32} {:>12} {:>12}", "", "generated", "real");
    for row in generated.compare() {
        println!("{:<32} {:>12.1} {:>12.1}", row.name, row.generated, row.real);
    }
    println!();
    println!("transcripts      {:>10}", generated.transcripts);
    println!("  of subagents   {:>10}", generated.subagents);
    println!("lines            {:>10}", generated.lines());
    println!("messages         {:>10}", generated.messages);
    println!("tool calls       {:>10}", generated.calls);
}
