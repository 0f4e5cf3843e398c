use insta::assert_snapshot;

use super::*;
use crate::behaviour::story::{Era, Story, dataset};
use crate::prices::Prices;
use crate::query::Query;
use crate::tally::Tally;
use crate::time::Range;

fn of(stories: &[Story]) -> Failures {
    failures(&Selection::new(&dataset(stories), &Query::all()).expect("no filters"))
}

/// Rows without the lists, one per line.
fn dump(failures: &Failures) -> String {
    let lines = failures.rows.iter().map(|row| {
        let Failed { command, failures, sessions, days, last_exit_code, .. } = &row.failed;
        let last_error = last_error(row);
        let code = last_exit_code.map_or("-".into(), |code| code.to_string());
        let Failing { runs, followed_by_success, red_green, chain, parsed, .. } = row;
        format!(
            "{command}: {failures}/{runs} in {sessions}s {days}d, {code} {last_error:?}, soon {followed_by_success}, red {red_green}, chain {chain}, parsed {parsed}"
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn last_error(row: &Failing) -> Option<String> {
    row.failed.last_error.as_ref().and_then(ErrorLine::read)
}

fn story() -> Story {
    Story::new(Era::Denial, "s")
}

#[test]
fn every_version_tells_the_same_story_but_for_the_code() {
    let tell = |era| {
        let story = Story::new(era, "s")
            .fails("cd /x && make all 2>&1 | head", 2, "cc: no input\nmake: *** [all] Error 1")
            .denied("make all")
            .cancelled("make all")
            .in_background("make all")
            .fails("grep x y", 1, "")
            .ok("make all");
        let mut found = of(&[story]);
        let code = found.rows[0].failed.last_exit_code.take();
        assert_eq!(code, (era != Era::Plain).then_some(2), "{era:?}");
        found
    };
    let plain = tell(Era::Plain);
    assert_snapshot!(dump(&plain), @r#"make all: 1/2 in 1s 1d, - Some("make: *** [all] Error 1"), soon 0, red 0, chain 0, parsed 1"#);
    for era in Era::ALL {
        assert_eq!(tell(era), plain, "{era:?}");
    }
}

#[test]
fn an_error_that_says_nothing_is_not_quoted() {
    for era in Era::ALL {
        assert_eq!(of(&[Story::new(era, "s").fails("make", 1, "")]).rows[0].failed.last_error, None, "{era:?}");
    }
}

#[test]
fn an_error_is_quoted_without_styles() {
    let says = "\u{1b}[1;31merror\u{1b}[0m: no such file\n\u{1b}[0m\n";
    let found = of(&[story().fails("make", 1, says)]);
    assert_eq!(last_error(&found.rows[0]).as_deref(), Some("error: no such file"));
}

#[test]
fn the_error_of_a_compiler_is_shown_and_not_its_drawing() {
    let table = [
        ("a.c:3:5: error: no `x`\n    3 |     x;\n      |     ^~~~\n", "a.c:3:5: error: no `x`"),
        ("a.c:3:5: error: no `x`\n    3 |     x;\n      |     ^\n      |     y", "a.c:3:5: error: no `x`"),
        ("a.c:3:5: fatal error: no b.h\n    x;\n    ^~~~\n\n", "a.c:3:5: fatal error: no b.h"),
        (
            "error[E0425]: no `x`\n --> a.rs:1:1\n  |\n1 | x\n  | ^ not found\n\nerror: aborting due to 1 previous error\n\nFor more information about this error, try `rustc --explain E0425`.",
            "error[E0425]: no `x`",
        ),
        ("a.c:3:5: error: no `x`\n1 error generated.", "1 error generated."),
        ("| a | b |", "| a | b |"),
    ];
    for (says, expected) in table {
        let found = of(&[story().fails("gcc a.c", 1, says)]);
        assert_eq!(last_error(&found.rows[0]).as_deref(), Some(expected), "{says}");
    }
}

#[test]
fn sessions_and_civil_days_are_counted_once() {
    let stories = [
        story().fails("make", 2, "a").fails("make", 2, "b").on_day(2).fails("make", 3, "c"),
        Story::new(Era::Code, "t").fails("make", 4, "d"),
    ];
    let data = dataset(&stories);
    let found = failures(&Selection::new(&data, &Query::all()).expect("no filters"));
    assert_snapshot!(dump(&found), @r#"make: 4/4 in 2s 2d, 3 Some("c"), soon 0, red 0, chain 0, parsed 4"#);
    // At 10:15 UTC a new day starts there.
    let chatham = Calendar { zone: chrono_tz::Tz::Pacific__Chatham, ..Calendar::default() };
    let mut long = story().fails("make", 2, "a");
    for _ in 0..15 {
        long = long.read("a");
    }
    let data = dataset(&[long.fails("make", 2, "b")]);
    let query = Query { calendar: chatham, ..Query::all() };
    assert_eq!(failures(&Selection::new(&data, &query).expect("no filters")).rows[0].failed.days, 2);
}

#[test]
fn a_success_within_three_calls_of_the_thread_follows() {
    let soon = story().fails("make", 2, "x").read("a").read("b").ok("make");
    let late = Story::new(Era::Denial, "t").fails("make", 2, "x").read("a").read("b").read("c").ok("make");
    let elsewhere = Story::new(Era::Denial, "u").fails("make", 2, "x");
    let agent = Story::new(Era::Denial, "u").agent("a1").ok("make");
    let other = Story::new(Era::Denial, "v").fails("make", 2, "x").ok("make test");
    let lost = Story::new(Era::Denial, "w").fails("make", 2, "x").ok("make | tail");
    let rows = of(&[soon, late, elsewhere, agent, other, lost]).rows;
    assert_eq!((rows[0].failed.failures, rows[0].followed_by_success), (5, 1));
}

#[test]
fn a_test_that_is_edited_for_and_passes_is_red_green() {
    let red_green = |story: Story| of(&[story]).rows[0].red_green;
    assert_eq!(red_green(story().fails("cargo test", 101, "x").edit("a", "b", "c").ok("cargo test")), 1);
    let twice = story().fails("cargo test", 101, "x").edit("a", "b", "c").fails("cargo test", 101, "x").edit("a", "c", "d");
    assert_eq!(red_green(twice.ok("cargo test -q")), 2);
    // Never passed; passed without an edit; no test; status not known.
    assert_eq!(red_green(story().fails("cargo test", 101, "x").edit("a", "b", "c").fails("cargo test", 101, "x")), 0);
    assert_eq!(red_green(story().fails("cargo test", 101, "x").ok("cargo test")), 0);
    assert_eq!(red_green(story().fails("cargo run", 101, "x").edit("a", "b", "c").ok("cargo run")), 0);
    assert_eq!(red_green(story().fails("cargo test", 101, "x").edit("a", "b", "c").ok("cargo test | tail")), 0);
    // Of two failures in a row only the one before the edit is.
    let again = story().fails("cargo test", 101, "x").fails("cargo test", 101, "x").edit("a", "b", "c").ok("cargo test");
    assert_eq!(red_green(again), 1);
}

#[test]
fn results_that_nobody_saw_are_no_failures() {
    let story = story().ok("cargo test | tail -3").ok("make || true").ok("make; echo done").ok("cargo test").ok("ls | head");
    let found = of(&[story]);
    assert_eq!(found.rows, []);
    let rows = found.hidden.iter().map(|row| (row.command.as_str(), row.results, [row.pipe, row.or, row.sequence]));
    assert_eq!(rows.collect::<Vec<_>>(), [("make", 2, [0, 1, 1]), ("cargo test", 1, [1, 0, 0])]);
    assert_eq!(found.hidden[1].variants, ["cargo test | tail -3"]);
    assert_snapshot!(found.advice().expect("results were lost"), @"the exit code of 3 tests, builds and lints was lost: use `set -o pipefail`, and no `|| true`");
}

#[test]
fn a_chain_is_told_as_one() {
    let found = of(&[story().fails("npm ci && npm test", 1, "x").fails("cat <<'E", 1, "x")]);
    assert_snapshot!(dump(&found), @r#"
    cat: 1/1 in 1s 1d, 1 Some("x"), soon 0, red 0, chain 0, parsed 0
    npm ci && npm test: 1/1 in 1s 1d, 1 Some("x"), soon 0, red 0, chain 1, parsed 1
    "#);
}

#[test]
fn advice_names_what_fails_most_of_its_runs() {
    let mut often = story();
    for _ in 0..4 {
        often = often.fails("ls x", 2, "x").ok("ls").ok("ls").ok("ls").ok("ls").ok("ls");
    }
    let advice = |story: Story| of(&[story]).advice();
    let always = often.fails("./dev", 127, "x").fails("./dev", 127, "x").fails("./dev a", 127, "x");
    assert_snapshot!(advice(always).expect("three failures"), @"`dev` failed 3 of 3 times in 1 session: tell Claude in CLAUDE.md how to run it, or fix what it needs");
    assert_eq!(advice(story().fails("make", 2, "x").fails("make", 2, "x").ok("make")), None);
}

#[test]
fn evidence_is_the_latest_five_calls_and_all_kinds_of_commands() {
    let mut story = story();
    for _ in 0..6 {
        story = story.fails("make -j4", 2, "x");
    }
    let row = &of(&[story.fails("make -j2", 2, "x")]).rows[0];
    assert_eq!(row.variants, ["make -j4", "make -j2"]);
    assert_eq!(row.examples.len(), 5);
    assert_eq!(row.examples[0], "s:p/s-main.jsonl:13");
}

#[test]
fn what_follows_is_seen_beyond_the_range_but_not_counted() {
    let data = dataset(&[story().fails("make", 2, "x").on_day(2).ok("make").fails("make", 2, "y")]);
    let range = Range::parse("2026-11-01", chrono::DateTime::UNIX_EPOCH, &Calendar::default()).expect("a day");
    let found = failures(&Selection::new(&data, &Query { range, ..Query::all() }).expect("no filters"));
    assert_eq!((found.rows[0].failed.failures, found.rows[0].runs, found.rows[0].followed_by_success), (1, 1, 1));
}

#[test]
fn failures_and_their_runs_add_up_to_those_of_the_tool() {
    let told = story().fails("make", 2, "x").ok("make").denied("make").in_background("make").fails("grep x y", 1, "").fails("", 1, "x");
    let data = dataset(&[told.fails("grep x y", 2, "x").cancelled("ls").read("a").fails("make; ls", 2, "x")]);
    let tally = Tally::of(&data, &Query::all(), Prices::builtin()).expect("no filters");
    let (_, bash) = tally.tools.iter().find(|(tool, _)| tool == "Bash").expect("was called");
    let found = failures(&Selection::new(&data, &Query::all()).expect("no filters"));
    let failed: u64 = found.rows.iter().map(|row| row.failed.failures).sum();
    let runs: u64 = found.rows.iter().map(|row| row.runs).sum();
    assert_eq!((failed, Some(failed as f64 / runs as f64)), (bash.with(Outcome::Failed), bash.failure_rate()));
}

#[test]
fn the_summary_has_the_same_failures_without_runs() {
    let data = dataset(&[story().fails("make", 2, "x").fails("ls a", 2, "y").fails("ls b", 2, "z").ok("ls")]);
    let full = failures(&Selection::new(&data, &Query::all()).expect("no filters")).table();
    let (cheap, last_errors) = failing_commands(&Selection::new(&data, &Query::all()).expect("no filters"));
    let column = |table: &Table, name| {
        let index = table.column(name).expect("there");
        table.rows.iter().map(|row| row[index].clone()).collect::<Vec<_>>()
    };
    for (name, _) in FAILED.into_iter().filter(|(name, _)| *name != LAST_ERROR) {
        assert_eq!(column(&full, name), column(&cheap, name), "{name}");
    }
    let last_errors: Vec<_> =
        last_errors.iter().map(|line| line.as_ref().and_then(ErrorLine::read).map_or(Value::None, Value::text)).collect();
    assert_eq!(column(&full, LAST_ERROR), last_errors);
    assert_eq!(column(&cheap, "command"), [Value::text("ls"), Value::text("make")]);
    assert_eq!(cheap.column("runs"), None);
}

#[test]
fn what_stands_behind_a_cd_that_failed_did_not_run() {
    let told = story()
        .fails("cd x && git status", 1, "(eval):cd:1: no such file or directory: x")
        .fails("cd x && git status", 1, "/bin/bash: line 1: cd: x: No such file or directory")
        .fails("cd x && git status", 128, "fatal: not a git repository")
        // The shell that failed is one that `make` ran.
        .fails("make", 2, "sh: 1: cd: can't cd to x");
    let found = of(&[told]);
    let rows: Vec<_> = found.rows.iter().map(|row| (row.failed.command.as_str(), row.failed.failures, row.runs, row.chain)).collect();
    assert_eq!(rows, [("cd", 2, 2, 0), ("git status", 1, 1, 0), ("make", 1, 1, 0)]);
}
