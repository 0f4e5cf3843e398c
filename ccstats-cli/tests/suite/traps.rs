//! One test per trap: a tiny tree under `testdata/traps/` that makes a careless
//! reader miscount, and the figure that is right.
//!
//! The name of a test is the claim; its transcript lies in the folder that the
//! test names. Expected values were computed by the reference implementation,
//! except where the counting rules go beyond it: it reads JSON strictly, the
//! program only what it needs.
//!
//! Knows the program by its command line and its JSON alone.

mod calls;
mod lines;
mod messages;
mod money;
mod prompts;
mod subagents;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{self, json_of, workspace};

fn trap(slug: &str) -> PathBuf {
    workspace("testdata/traps").join(slug)
}

fn summary(slug: &str) -> Value {
    support::summary(&trap(slug))
}

/// One figure of the block `summary`.
fn figure(summary: &Value, name: &str) -> u64 {
    summary["summary"][name].as_u64().expect("a whole number")
}

/// The fields of an object that are numbers other than zero: `input 5, output 9`.
fn nonzero(object: &Value, names: &[&str]) -> String {
    let count = |name: &&str| object[*name].as_u64().expect("a whole number");
    let named = names.iter().filter(|name| count(name) > 0);
    named.map(|name| format!("{name} {}", count(name))).collect::<Vec<_>>().join(", ")
}

fn tokens(summary: &Value) -> String {
    let kinds = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"];
    nonzero(&summary["summary"]["tokens"], &kinds)
}

fn output_tokens(summary: &Value) -> u64 {
    summary["summary"]["tokens"]["output"].as_u64().expect("a whole number")
}

/// What became of the calls of one tool: `ok 1, failed 2`.
fn outcomes(summary: &Value, tool: &str) -> String {
    let tools = summary["tools"].as_array().expect("a list of tools");
    let row = tools.iter().find(|row| row["tool"] == tool).expect("a row of the tool");
    let kinds = ["ok", "failed", "tool_error", "denied", "cancelled", "interrupted", "background", "soft_nonzero", "no_result"];
    nonzero(row, &kinds)
}

/// What became of the lines: `parsed 2, malformed 1`.
fn lines(summary: &Value) -> String {
    let kinds = ["parsed", "salvaged", "blank", "malformed", "unfinished"];
    nonzero(&summary["accounting"], &kinds)
}

/// US dollars to the millionth, so that no test depends on how a float prints.
fn usd(cost: &Value) -> String {
    cost.as_f64().map_or("none".to_owned(), |cost| format!("{cost:.6}"))
}

fn cost(summary: &Value) -> String {
    usd(&summary["summary"]["estimated_cost"]["total"])
}

/// The names in one column of a list, sorted.
fn names(rows: &Value, column: &str) -> Vec<String> {
    let rows = rows.as_array().expect("a list of rows").iter();
    let mut names: Vec<_> = rows.filter_map(|row| row[column].as_str().map(str::to_owned)).collect();
    names.sort();
    names
}

/// A column and the output tokens beside it: `2026-11-18 120, 2026-11-20 30`.
fn output_by(name: &str, column: &str, slug: &str) -> String {
    let report = json_of(name, &trap(slug));
    let rows = report["rows"].as_array().expect("a list of rows");
    let pair = |row: &Value| {
        let output = row["tokens"]["output"].as_u64().expect("a whole number");
        format!("{} {output}", row[column].as_str().expect("a name"))
    };
    let mut pairs: Vec<_> = rows.iter().map(pair).collect();
    pairs.sort();
    pairs.join(", ")
}
