//! Five-hour windows (`docs/counting.md` 5), through the program.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{assistant, ccstats, json_of, lines, output, report, with, workspace, write_transcript};

const UTC: &[&str] = &["--tz", "UTC"];

/// A home with a response of 40,000 tokens, $0.60, at each of these times.
fn home(times: &[&str]) -> TempDir {
    let line =
        |(id, time): (usize, &&str)| with(assistant(&format!("msg_{id}"), &json!({"output_tokens": 40_000})), &json!({"timestamp": time}));
    write_transcript(lines(&times.iter().enumerate().map(line).collect::<Vec<_>>()))
}

/// The JSON of `blocks` at an instant.
fn blocks_at(now: &str, home: &TempDir, options: &[&str]) -> Value {
    let root = home.path().to_str().unwrap();
    let common = ["blocks", "--json", "--no-store", "--now", now, "--root", root];
    ccstats(common.iter().chain(options)).json()
}

fn column(found: &Value, name: &str) -> Vec<Value> {
    found["rows"].as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn the_active_block_tells_pace_and_projection() {
    let home = home(&["2026-11-03T10:30:00Z", "2026-11-03T11:00:00Z"]);
    let found = blocks_at("2026-11-03T11:30:00Z", &home, UTC);
    assert_eq!(found["schema"], "ccstats.blocks/1");
    let row = &found["rows"][0];
    assert_eq!([&row["start"], &row["end"]], ["2026-11-03T10:00:00Z", "2026-11-03T15:00:00Z"]);
    assert_eq!([&row["first"], &row["last"]], ["2026-11-03T10:30:00Z", "2026-11-03T11:00:00Z"]);
    assert_eq!([&row["is_active"], &row["messages"], &row["cost"]], [&json!(true), &json!(2), &json!(1.2)]);
    // An hour since the first message, and three and a half left.
    assert_eq!([&row["cost_per_hour"], &row["tokens_per_hour"]], [&json!(1.2), &json!(80_000)]);
    assert_eq!([&row["projected_cost"], &row["projected_tokens"]], [&json!(5.4), &json!(360_000)]);
    assert_eq!(row["models"], json!(["claude-sonnet-4-5-20250929"]));
}

#[test]
fn a_block_that_is_over_has_no_pace() {
    let home = home(&["2026-11-03T10:30:00Z"]);
    let row = &blocks_at("2026-11-03T15:00:00Z", &home, UTC)["rows"][0];
    assert_eq!([&row["is_active"], &row["cost_per_hour"], &row["projected_tokens"]], [&json!(false), &Value::Null, &Value::Null]);
}

#[test]
fn today_has_the_active_block_of_last_night() {
    let home = home(&["2026-11-02T10:00:00Z", "2026-11-02T22:10:00Z"]);
    let found = blocks_at("2026-11-03T02:00:00Z", &home, UTC);
    assert_eq!(column(&found, "start"), ["2026-11-02T22:00:00Z"]);
    assert_eq!(
        [&found["range"]["name"], &found["range"]["start"], &found["totals"]["messages"]],
        [&json!("today"), &json!("2026-11-03"), &json!(1)]
    );
    assert_eq!(column(&blocks_at("2026-11-03T03:00:00Z", &home, UTC), "start"), [""; 0]);
}

/// Asia/Kathmandu is 5:45 ahead; blocks start at full hours of UTC all the same.
#[test]
fn a_zone_changes_how_a_block_is_written_and_nothing_else() {
    let home = home(&["2026-11-03T10:59:59Z"]);
    let found = blocks_at("2026-11-03T11:00:00Z", &home, &["--tz", "Asia/Kathmandu"]);
    assert_eq!(column(&found, "start"), ["2026-11-03T15:45:00+05:45"]);
}

#[test]
fn calls_have_a_block_and_no_cost() {
    let found = blocks_at("2026-11-20T12:00:00Z", &home(&["2026-11-03T10:30:00Z"]), &["--tz", "UTC", "--range", "all", "--tool", "Bash"]);
    assert_eq!(found["rows"], json!([]));
    let found = report("blocks", &workspace("testdata/home"), &["--json", "--range", "all", "--tool", "Bash"]).json();
    let calls: u64 = column(&found, "calls").iter().map(|calls| calls.as_u64().unwrap()).sum();
    assert_eq!([calls, found["totals"]["calls"].as_u64().unwrap()], [32, 32]);
    assert!(column(&found, "cost").iter().all(Value::is_null));
}

#[test]
fn blocks_add_up_to_the_summary_and_none_overlap() {
    for root in ["testdata/home", "testdata/traps"].map(workspace) {
        let (found, summary) = (json_of("blocks", &root), json_of("summary", &root));
        let sum = |name: &str| column(&found, name).iter().map(|value| value.as_u64().unwrap()).sum::<u64>();
        assert_eq!(
            [sum("messages"), sum("calls")],
            ["messages", "total_operations"].map(|name| summary["summary"][name].as_u64().unwrap())
        );
        let of = |name: &str| column(&found, name).into_iter().filter(|time| time.as_str().is_some_and(|time| time != "unknown"));
        let ends: Vec<String> = of("end").map(|end| end.to_string()).collect();
        let starts: Vec<String> = of("start").skip(1).map(|start| start.to_string()).collect();
        assert!(ends.iter().zip(&starts).all(|(end, start)| end <= start), "{ends:?} {starts:?}");
    }
}

#[test]
fn what_has_no_time_is_in_no_block_and_in_the_totals() {
    let timeless = with(assistant("msg_0", &output(1)), &json!({"timestamp": "soon"}));
    let home = write_transcript(lines(&[timeless, assistant("msg_1", &output(1))]));
    let found = json_of("blocks", home.path());
    assert_eq!(column(&found, "start"), [json!("2026-11-03T10:00:00Z"), json!("unknown")]);
    assert_eq!(found["totals"]["messages"], 2);
}
