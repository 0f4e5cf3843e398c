//! Prints the kind and place of every entry of one transcript, and what is no entry.
//!
//! `cargo run --release --no-default-features -p ccstats-core --example lines -- FILE`

#![expect(clippy::print_stdout, reason = "an example prints")]

use std::{env, fs, io};

use ccstats_core::entries;

fn main() -> io::Result<()> {
    let Some(path) = env::args_os().nth(1) else { return Err(io::Error::other("usage: lines FILE")) };
    let transcript = fs::read(path)?;
    for line in entries(&transcript) {
        match line {
            Ok((number, entry)) => println!("{number}: {:?}", entry.kind),
            Err(bad) => println!("{}: no entry", bad.line),
        }
    }
    Ok(())
}
