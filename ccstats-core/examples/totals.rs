//! Prints the totals of a folder of transcripts, without polars.
//!
//! `cargo run --release --no-default-features -p ccstats-core --example totals -- DIR`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::time::SystemTime;

use ccstats_core::{Dataset, Error, Outcome, PICODOLLARS, Prices, Progress, Query, ScanOptions, Tally};

fn main() -> Result<(), Error> {
    let root = std::env::args_os().nth(1).unwrap_or_else(|| "testdata/home".into());
    let dataset = Dataset::load(&ScanOptions::new(vec![root.into()], SystemTime::now()), &Progress::default())?;
    let tally = Tally::of(&dataset, &Query::all(), Prices::builtin())?;
    println!(
        "{} messages, {} tokens, {} sessions, {} prompts",
        tally.spending.messages,
        tally.spending.tokens(),
        tally.sessions,
        tally.prompts
    );
    if let Some(cost) = tally.spending.total_cost() {
        println!("${}.{:06}", cost / PICODOLLARS, cost % PICODOLLARS / 1_000_000);
    }
    for (tool, calls) in &tally.tools {
        println!("{tool:?}: {} calls, {} failed", calls.count(), calls.with(Outcome::Failed));
    }
    Ok(())
}
