//! Ranges and filters, on the sample home.

use serde_json::{Value, json};

use crate::support::{ccstats, report, workspace};

/// The JSON of a report over the sample home.
fn sample(name: &str, options: &[&str]) -> Value {
    report(name, &workspace("testdata/home"), &[&["--json"], options].concat()).json()
}

/// One figure of the summary, over all time.
fn figure(pointer: &str, options: &[&str]) -> Value {
    let summary = sample("summary", &[&["--range", "all"], options].concat());
    summary.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}")).clone()
}

const MESSAGES: &str = "/summary/messages";

#[test]
fn parts_of_a_filter_add_up_to_the_whole() {
    let all = figure(MESSAGES, &[]).as_u64().unwrap();
    for (report, key, option) in
        [("models", "model", "--model"), ("projects", "project", "--project"), ("sessions", "session", "--session")]
    {
        let rows = sample(report, &["--range", "all"])["rows"].as_array().unwrap().clone();
        let of = |row: &Value| figure(MESSAGES, &[option, row[key].as_str().unwrap()]).as_u64().unwrap();
        assert_eq!(rows.iter().map(of).sum::<u64>(), all, "{option}");
    }
}

#[test]
fn where_nothing_is_found_the_cause_is_said() {
    let said = |options: &[&str]| report("daily", &workspace("testdata/home"), options).stderr;
    let nowhere = said(&["--range", "all", "--project", "nowhere"]);
    assert!(nowhere.starts_with("note: nothing in the range `all` fits the filters\nhint: a filter is a part of a name"), "{nowhere}");
    let filtered = said(&["--range", "2020", "--project", "atlas"]);
    assert!(filtered.starts_with("note: nothing in the range `2020` fits the filters\nhint: the last activity was at "), "{filtered}");
    assert!(said(&["--range", "2020"]).starts_with("note: nothing in the range `2020`\nhint: "));
}

#[test]
fn nothing_found_leaves_nothing_old_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("today.txt");
    std::fs::write(&file, "of yesterday").unwrap();
    let run = report("daily", &workspace("testdata/home"), &["--range", "2020", "--output", file.to_str().unwrap()]);
    assert!(run.code == 0 && run.stdout.is_empty() && run.stderr.starts_with("note: nothing in the range `2020`\n"), "{run:?}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("ccstats daily · 2020 · 2020-01-01 to 2020-12-31 · UTC\n\nnothing found\n"), "{text}");
}

#[test]
fn filters_take_parts_of_names_and_globs_without_regard_to_case() {
    let atlas = figure(MESSAGES, &["--project", "/home/ada/work/atlas"]);
    assert_eq!(figure(MESSAGES, &["--project", "ATLAS"]), atlas);
    assert_eq!(figure(MESSAGES, &["--project", "*/atl?s"]), atlas);
    assert_eq!(figure(MESSAGES, &["--project", "atl?s"]), json!(0), "a glob is about the whole name");
    assert_eq!(figure(MESSAGES, &["--project", "atlas", "--project", "seed", "--project", "notes"]), figure(MESSAGES, &[]));
}

#[test]
fn tools_keep_calls_only_and_spending_is_unknown() {
    assert_eq!(figure("/summary/total_operations", &["--tool", "Bash"]), json!(32));
    assert_eq!(figure("/summary/messages", &["--tool", "Bash"]), Value::Null);
    let days = sample("daily", &["--range", "all", "--tool", "Bash"]);
    let sum = |name: &str| days["rows"].as_array().unwrap().iter().map(|row| row[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!(json!(sum("calls")), days["totals"]["calls"]);
    assert!(sum("sessions") >= days["totals"]["sessions"].as_u64().unwrap(), "{days}");
    assert_eq!(days["totals"]["projects"], figure("/summary/projects", &["--tool", "Bash"]));
    let blocks = sample("blocks", &["--range", "all", "--tool", "Bash"]);
    assert!(blocks["rows"].as_array().unwrap().iter().all(|row| row["sessions"] != json!(0)), "{blocks}");
    assert_eq!(figure("/summary/tokens/total", &["--tool", "Bash"]), Value::Null);
    assert_eq!(figure("/summary/estimated_cost/total", &["--tool", "Bash"]), Value::Null);
}

#[test]
fn main_threads_are_what_agents_calls_main() {
    let agents = sample("agents", &["--range", "all"]);
    let main = agents["rows"].as_array().unwrap().iter().find(|row| row["agent"] == "main").unwrap();
    assert_eq!(figure(MESSAGES, &["--no-subagents"]), main["messages"]);
}

#[test]
fn days_of_a_range_are_those_of_daily() {
    let daily = sample("daily", &["--range", "all"]);
    for row in daily["rows"].as_array().unwrap() {
        let day = row["day"].as_str().unwrap();
        assert_eq!(sample("summary", &["--date", day])["summary"]["messages"], row["messages"], "{day}");
    }
    let week = sample("summary", &["--range", "2026-11-14..2026-11-20"]);
    assert_eq!(sample("summary", &["--range", "week"])["summary"], week["summary"]);
    assert_eq!(sample("summary", &["--since", "2026-11-14", "--until", "2026-11-20"])["summary"], week["summary"]);
}

#[test]
fn a_zone_moves_messages_between_days_but_loses_none() {
    let messages = |zone: &str| -> u64 {
        let root = workspace("testdata/home");
        let run = ccstats(["daily", "--range", "all", "--json", "--tz", zone, "--root", root.to_str().unwrap()]);
        run.json()["rows"].as_array().unwrap().iter().map(|row| row["messages"].as_u64().unwrap()).sum()
    };
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe", "Asia/Kathmandu"] {
        assert_eq!(messages(zone), messages("UTC"), "{zone}");
    }
}

#[test]
fn sorting_and_cutting_change_rows_but_no_totals() {
    let all = sample("models", &["--range", "all"]);
    let two = sample("models", &["--range", "all", "--sort", "messages:asc", "--top", "2"]);
    assert_eq!(two["totals"], all["totals"]);
    let messages: Vec<_> = two["rows"].as_array().unwrap().iter().map(|row| row["messages"].as_u64().unwrap()).collect();
    assert!(messages.len() == 2 && messages.is_sorted(), "{messages:?}");
}

#[test]
fn of_a_list_in_the_order_of_time_the_latest_rows_are_kept() {
    for (report, key) in [("daily", "day"), ("weekly", "week"), ("monthly", "month"), ("prompts", "day"), ("blocks", "start")] {
        let rows = |more: &[&str]| sample(report, &[&["--range", "all"], more].concat())["rows"].as_array().unwrap().clone();
        let all = rows(&[]);
        assert_eq!(rows(&["--top", "1"]), all[all.len() - 1..], "{report}");
        assert_eq!(rows(&["--top", "1", "--sort", key]), all[..1], "{report}");
    }
}

#[test]
fn the_locale_changes_no_byte() {
    let root = workspace("testdata/home");
    let run = |locale: &str| {
        let home = tempfile::tempdir().unwrap();
        let mut command = crate::support::program(home.path());
        command.args(["daily", "--range", "all", "--tz", "UTC", "--root"]).arg(&root).env("LC_ALL", locale).env("LANG", locale);
        command.output().unwrap().stdout
    };
    assert!(!run("C").is_empty());
    for locale in ["tr_TR.UTF-8", "ar_EG.UTF-8", "ja_JP.SJIS"] {
        assert_eq!(run(locale), run("C"), "{locale}");
    }
}
