//! Budgets: exit codes, figures, and where the limits come from.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, assistant, ccstats, json_of, lines, with, write_home, write_transcript};

/// A Friday.
const NOW: &str = "2026-11-20T12:00:00Z";

/// A response of 60 cents.
fn response(id: &str, time: &str) -> Value {
    with(assistant(id, &json!({"output_tokens": 40_000})), &json!({"timestamp": time}))
}

fn home(times: &[&str]) -> TempDir {
    let responses: Vec<_> = times.iter().enumerate().map(|(id, time)| response(&format!("msg_{id}"), time)).collect();
    write_transcript(lines(&responses))
}

fn budget(root: &Path, options: &[&str]) -> Run {
    let common = ["budget", "--no-store", "--now", NOW, "--root", root.to_str().unwrap()];
    let zone: &[&str] = if options.contains(&"--tz") { &[] } else { &["--tz", "UTC"] };
    ccstats(common.iter().chain(zone).chain(options))
}

/// The limits in the JSON of a budget, whatever its exit code.
fn limits(root: &Path, options: &[&str]) -> Vec<Value> {
    let run = budget(root, &[options, &["--json"]].concat());
    let found: Value = serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert_eq!((found["schema"].as_str(), found["exceeded"] == true), (Some("ccstats.budget/1"), run.code == 4));
    found["limits"].as_array().unwrap().clone()
}

fn spent(root: &Path, options: &[&str]) -> Value {
    limits(root, options)[0]["spent"].clone()
}

#[test]
fn within_ends_with_0_and_exceeded_with_4() {
    let home = home(&["2026-11-20T06:00:00Z"]);
    for (limit, code) in [("0.60", 0), ("0.59", 4), ("0", 4), ("1000", 0)] {
        assert_eq!(budget(home.path(), &["--daily", limit]).code, code, "{limit}");
    }
    let within = budget(home.path(), &["--daily", "0.80"]);
    assert_eq!(within.text(), "daily: $0.60 of $0.80 (75%), $0.20 left, $0.05/h, runs out 16:00\n");
    let near = budget(home.path(), &["--daily", "0.75"]);
    assert_eq!(near.text(), "daily: $0.60 of $0.75 (80%, warns from 80% on), $0.15 left, $0.05/h, runs out 15:00\n");
    let exceeded = budget(home.path(), &["--daily", "0.50"]);
    assert_eq!(exceeded.text(), "daily: $0.60 of $0.50 (120%), exceeded by $0.10, $0.05/h\n");
    assert_eq!([within.stderr, exceeded.stderr], ["", ""]);
}

#[test]
fn one_exceeded_limit_of_several_is_enough() {
    let run = budget(home(&["2026-11-20T06:00:00Z"]).path(), &["--daily", "0.5", "--weekly", "10", "--monthly", "10"]);
    assert_eq!((run.code, run.text().lines().count()), (4, 3), "{run:?}");
}

#[test]
fn json_has_the_words_of_the_contract() {
    let limits = limits(home(&["2026-11-20T06:00:00Z"]).path(), &["--daily", "0.75"]);
    let wanted = json!({
        "name": "daily", "project": null, "limit": 0.75, "spent": 0.6, "left": 0.15, "exceeded": false, "warn": true,
        "runs_out": "2026-11-20T15:00:00Z",
    });
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&limits[0][key], value, "{key}");
    }
}

#[test]
fn periods_are_those_of_the_zone_and_of_the_week() {
    let home = home(&["2026-11-01T00:30:00Z", "2026-11-15T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-19T23:30:00Z"]);
    let spent = |options: &[&str]| spent(home.path(), options).as_f64().unwrap();
    assert_eq!([spent(&["--daily", "9"]), spent(&["--daily", "9", "--tz", "Europe/Vienna"])], [0.0, 0.6]);
    assert_eq!([spent(&["--weekly", "9"]), spent(&["--weekly", "9", "--week-start", "sunday"])], [1.2, 1.8]);
    assert_eq!([spent(&["--monthly", "9"]), spent(&["--monthly", "9", "--tz", "America/New_York"])], [2.4, 1.8]);
}

#[test]
fn a_session_is_the_latest_and_a_block_the_active_one() {
    let other = with(response("msg_b", "2026-11-20T11:00:00Z"), &json!({"sessionId": "s2"}));
    let late = with(response("msg_c", "2026-11-20T08:30:00Z"), &json!({"sessionId": "s2"}));
    let home = write_home([
        ("projects/-work-demo/s1.jsonl", lines(&[response("msg_a", "2026-11-20T02:00:00Z")])),
        ("projects/-work-demo/s2.jsonl", lines(&[late, other])),
    ]);
    let session = &limits(home.path(), &["--session", "9"])[0];
    assert_eq!([&session["name"], &session["session"], &session["spent"]], [&json!("session"), &json!("s2"), &json!(1.2)]);
    let block = &limits(home.path(), &["--block", "9"])[0];
    assert_eq!(
        [&block["start"], &block["end"], &block["spent"]],
        [&json!("2026-11-20T08:00:00Z"), &json!("2026-11-20T13:00:00Z"), &json!(1.2)]
    );
}

#[test]
fn a_budget_is_what_the_reports_say() {
    let root = crate::support::workspace("testdata/home");
    let month = crate::support::report("summary", &root, &["--json", "--range", "this-month"]).json();
    assert_eq!(spent(&root, &["--monthly", "100"]), month["summary"]["estimated_cost"]["total"]);
    let shop = crate::support::report("summary", &root, &["--json", "--range", "this-week", "--project", "shop"]).json();
    assert_eq!(spent(&root, &["--weekly", "100", "--project", "shop"]), shop["summary"]["estimated_cost"]["total"]);
}

#[test]
fn messages_without_a_price_are_said_and_not_zero() {
    let mut unpriced = response("msg_x", "2026-11-20T06:00:00Z");
    unpriced["message"]["model"] = json!("mystery");
    let alone = write_transcript(lines(&[unpriced.clone()]));
    let run = budget(alone.path(), &["--daily", "0.1"]);
    assert_eq!((run.code, run.text()), (0, "daily: unknown of $0.10, 1 message has no known price\n"));
    let limit = &limits(alone.path(), &["--daily", "0.1"])[0];
    assert_eq!([&limit["spent"], &limit["left"], &limit["unpriced_messages"]], [&Value::Null, &Value::Null, &json!(1)]);
    let beside = write_transcript(lines(&[unpriced, response("msg_y", "2026-11-20T06:00:00Z")]));
    assert!(budget(beside.path(), &["--daily", "1"]).text().contains("$0.60 of $1.00"), "the rest is counted");
    assert!(budget(beside.path(), &["--daily", "1"]).text().ends_with("1 message has no known price\n"));
}

#[test]
fn without_a_limit_it_says_how_to_set_one() {
    let run = budget(home(&[]).path(), &[]);
    assert_eq!(run.code, 2);
    for part in ["error: no limit: ", "`--daily 10`", "`[budget]`", "config.toml`"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let home = home(&[]);
    for wrong in [
        &["--daily", "five"][..],
        &["--daily", "-1"],
        &["--session", "s1"],
        &["--session", "1", "--session", "2"],
        &["--daily", "1", "--warn", "0.8"],
        &["--daily", "1", "--range", "today"],
        &["--daily", "1", "--tool", "Bash"],
        &["--daily", "1", "--project", "["],
    ] {
        let run = budget(home.path(), wrong);
        assert_eq!((run.code, run.text()), (2, ""), "{wrong:?}: {}", run.stderr);
    }
}

#[test]
fn limits_come_from_the_configuration_unless_they_are_given() {
    let home = home(&["2026-11-20T06:00:00Z"]);
    let config = home.path().join("config.toml");
    let text = "[budget]\ndaily = 0.5\nwarn = 50\n[budget.projects.demo]\nmonthly = 1\n[budget.projects.else]\nmonthly = 2\n";
    std::fs::write(&config, text).unwrap();
    let with = |options: &[&str]| {
        let found = limits(home.path(), &[&["--config", config.to_str().unwrap()], options].concat());
        let text = |limit: &Value| format!("{} {} {} {}", limit["name"], limit["project"], limit["limit"], limit["warn"]).replace('"', "");
        found.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(with(&[]), ["daily null 0.5 true", "monthly demo 1.0 true", "monthly else 2.0 false"]);
    assert_eq!(with(&["--weekly", "2"]), ["weekly null 2.0 false"]);
    assert_eq!(with(&["--project", "demo"]), ["monthly demo 1.0 true"]);
    assert_eq!(with(&["--project", "demo", "--warn", "61%"]), ["monthly demo 1.0 false"]);
    let none = budget(home.path(), &["--config", config.to_str().unwrap(), "--project", "third"]);
    assert!(none.code == 2 && none.stderr.contains("`[budget.projects.\"third\"]`"), "{}", none.stderr);
}

#[test]
fn every_format_has_every_limit() {
    let home = home(&["2026-11-20T06:00:00Z"]);
    for (format, lines) in [("table", 2), ("ndjson", 2), ("csv", 3), ("markdown", 4)] {
        let run = budget(home.path(), &["--daily", "1", "--weekly", "1", "--format", format]);
        assert_eq!((run.code, run.text().lines().count()), (0, lines), "{format}: {}", run.text());
    }
}

#[test]
fn strict_tells_what_is_unusable_unless_a_limit_is_exceeded() {
    let mut bytes = lines(&[response("msg_1", "2026-11-20T06:00:00Z")]);
    bytes.extend(b"{broken\n");
    let home = write_transcript(bytes);
    let code = |options: &[&str]| budget(home.path(), options).code;
    assert_eq!([code(&["--daily", "1"]), code(&["--daily", "1", "--strict"]), code(&["--daily", "0", "--strict"])], [0, 3, 4]);
}

#[test]
fn names_never_act() {
    let name = "s\u{1b}]0;title\u{7}\u{202e}";
    let home = write_transcript(lines(&[with(response("msg_1", "2026-11-20T06:00:00Z"), &json!({"sessionId": name}))]));
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let run = budget(home.path(), &["--session", "1", "--daily", "1", "--project", "de\u{1b}[31m*", "--format", format]);
        let text = format!("{}{}", run.text(), run.stderr);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{format}: {text:?}");
    }
    let hidden = budget(home.path(), &["--session", "1", "--hash"]);
    assert!(hidden.code == 0 && !hidden.text().contains("title"), "{}", hidden.text());
}

#[test]
fn nothing_to_read_is_nothing_spent() {
    let home = write_home([] as [(&str, &str); 0]);
    let run = budget(home.path(), &["--daily", "1"]);
    assert_eq!((run.code, run.text()), (0, "daily: $0.00 of $1.00 (0%), $1.00 left, $0.00/h\n"));
    assert!(run.stderr.starts_with("note: no transcripts in "), "{}", run.stderr);
    assert_eq!(budget(Path::new("/nowhere/at/all"), &["--daily", "1"]).code, 1);
    assert_eq!(json_of("summary", home.path())["summary"]["messages"], 0);
}
