//! `ccstats`: what Claude Code cost and did.
//!
//! This program only asks and prints: it reads the environment, the clock and
//! the options, and formats what `ccstats-core` reports.

mod amount;
mod args;
mod budget;
mod config;
mod doctor;
mod environment;
mod format;
mod history;
mod hook;
mod key;
mod live;
mod load;
mod members;
mod output;
mod private;
mod progress;
mod repository;
mod request;
mod run;
mod statusline;
mod template;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match args::parse() {
        Ok(args) => args,
        Err(code) => return code,
    };
    match run::run(&args) {
        Ok(code) => code,
        Err(error) => output::failure(&error),
    }
}
