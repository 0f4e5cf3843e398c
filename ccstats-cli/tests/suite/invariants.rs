//! The laws of counting (docs/counting.md 7), on homes made at random.
//!
//! A law needs no expected figure, so it also holds for what the reference
//! does not know: weeks, agents, threads, maps.

use std::fs::{File, FileTimes};
use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::generator::Home;
use crate::reference::figures::{self, Figures};
use crate::support::{json_of, report, summary, write_home};

/// A transcript of each generated home, and the name that comes right after it.
const FIRST: &str = "projects/-w-alpha/s0.jsonl";
const RIGHT_AFTER: &str = "projects/-w-alpha/s0.jsonl.superseded-1";

type Files = Vec<(String, Vec<u8>)>;

pub(crate) fn home() -> impl Strategy<Value = Home> {
    (any::<u64>(), 1..80usize, any::<bool>()).prop_map(|(seed, n_lines, is_damaged)| Home { seed, n_lines, is_damaged, ..Home::default() })
}

/// Runs are processes: two dozen say more than one example and still end soon.
/// `PROPTEST_CASES` raises the number with that of all other laws.
pub(crate) fn cases() -> ProptestConfig {
    let standard = ProptestConfig::default();
    let cases = standard.cases.div_ceil(10);
    ProptestConfig { cases, failure_persistence: None, ..standard }
}

/// The figures of everything without the account of files and lines.
fn figures_of(root: &Path) -> Figures {
    figures_of_day(root, "all")
}

/// The figures of one day, or `all`, without the account of files and lines.
fn figures_of_day(root: &Path, day: &str) -> Figures {
    let run = report("summary", root, &["--json", "--range", day]);
    let mut figures = figures::of_summary(&run.json());
    figures.retain(|name, _| !name.starts_with("accounting."));
    figures
}

/// The bytes of one transcript of a home.
fn transcript<'f>(files: &'f mut Files, path: &str) -> &'f mut Vec<u8> {
    &mut files.iter_mut().find(|(name, _)| name == path).expect("each home has the file").1
}

/// Messages, tokens and money of a report as one row named `all`.
fn totals(row: &Value, cost: &Value) -> Figures {
    let (messages, tokens) = (&row["messages"], &row["tokens"]);
    let all = json!({"all": "all", "messages": messages, "tokens": tokens, "cost": cost});
    figures::of_rows(&[all], "all")
}

/// Messages and tokens of all rows added up.
fn assert_rows_add_up(name: &str, found: &Value) {
    let rows = found["rows"].as_array().expect("a report has rows");
    for kind in figures::KINDS {
        let sum: u64 = rows.iter().map(|row| row["tokens"][kind].as_u64().expect("a whole number")).sum();
        assert_eq!(Some(sum), found["totals"]["tokens"][kind].as_u64(), "{kind} of the rows of {name}");
    }
    let sum: u64 = rows.iter().map(|row| row["messages"].as_u64().expect("a whole number")).sum();
    assert_eq!(Some(sum), found["totals"]["messages"].as_u64(), "messages of the rows of {name}");
}

/// What `sessions` prints about all time.
fn sessions(root: &Path, options: &[&str]) -> String {
    let run = report("sessions", root, &[&["--json", "--range", "all"], options].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    run.text().replace(root.to_str().unwrap(), "ROOT")
}

/// Sets the time of change of every file of a home.
fn touch(home: &TempDir, files: &Files, ages: impl Fn(usize) -> Duration) {
    for (i, (path, _)) in files.iter().enumerate() {
        let file = File::options().write(true).open(home.path().join(path)).unwrap();
        file.set_times(FileTimes::new().set_modified(SystemTime::now() - ages(i))).unwrap();
    }
}

const DAY: Duration = Duration::from_secs(86_400);

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn totals_of_all_reports_are_equal(home in home()) {
        let home = home.write();
        let summary = summary(home.path());
        let wanted = totals(&summary["summary"], &summary["summary"]["estimated_cost"]["total"]);
        for name in ["daily", "weekly", "monthly", "sessions", "projects", "models", "agents", "blocks"] {
            let found = json_of(name, home.path());
            let totals = totals(&found["totals"], &found["totals"]["cost"]);
            figures::assert_same(&wanted, &totals, name);
            assert_rows_add_up(name, &found);
        }
    }

    #[test]
    fn threads_maps_and_order_of_files_change_no_byte(home in home()) {
        let mut files = home.files();
        // Large enough to be mapped and to be shared between threads.
        let ballast = format!("{{\"type\":\"system\",\"content\":\"{}\"}}\n", "x".repeat(5_000));
        transcript(&mut files, FIRST).extend(ballast.repeat(1_800).bytes());
        let first = write_home(files.clone());
        touch(&first, &files, |_| DAY);
        let wanted = sessions(first.path(), &[]);
        let threads = ["1", "2", "8"].map(|n| ["--threads", n]);
        for options in threads.iter().map(<[&str; 2]>::as_slice).chain([&["--no-mmap"][..]]) {
            prop_assert_eq!(&wanted, &sessions(first.path(), options), "with {:?}", options);
        }
        files.reverse();
        let reversed = write_home(files.clone());
        touch(&reversed, &files, |i| DAY * i as u32);
        prop_assert_eq!(&wanted, &sessions(reversed.path(), &[]), "written in another order");
    }

    #[test]
    fn splitting_a_transcript_changes_no_figure(home in home(), at in 0..80usize) {
        let mut files = home.files();
        let wanted = figures_of(write_home(files.clone()).path());
        let whole = transcript(&mut files, FIRST);
        let lines = whole.split_inclusive(|byte| *byte == b'\n');
        let second = whole.split_off(lines.take(at).map(<[u8]>::len).sum());
        files.push((RIGHT_AFTER.to_owned(), second));
        figures::assert_same(&wanted, &figures_of(write_home(files).path()), "the split home");
    }

    #[test]
    fn appended_lines_lower_nothing(home in home(), n_more in 1..20usize) {
        let mut files = home.files();
        transcript(&mut files, FIRST).push(b'\n');
        let before = figures_of(write_home(files.clone()).path());
        let more = Home { seed: !home.seed, n_lines: n_more, ..Home::default() };
        transcript(&mut files, FIRST).extend(more.lines());
        let after = figures_of(write_home(files).path());
        for name in ["messages", "calls", "prompts", "tokens.output"] {
            let (before, after) = (before[name], after[name]);
            prop_assert!(after >= before, "{} was {:?} and is {:?}", name, before, after);
        }
    }

    #[test]
    fn copy_of_a_transcript_changes_nothing(home in home(), of in 0..4usize) {
        let mut files = Home { is_complete: true, ..home }.files();
        let wanted = figures_of(write_home(files.clone()).path());
        let copy = files[of].1.clone();
        files.push(("projects/-w-zeta/copy.jsonl".to_owned(), copy));
        let found = figures_of(write_home(files).path());
        figures::assert_same(&wanted, &found, "the home with a copy");
    }

    #[test]
    fn age_of_files_changes_no_figure_of_a_day(home in home()) {
        let files = home.files();
        let young = write_home(files.clone());
        let old = write_home(files.clone());
        touch(&old, &files, |i| DAY * (1 + 300 * i as u32));
        let days = json_of("daily", young.path());
        // A day may hold nothing but a prompt or a call.
        let days = days["rows"].as_array().unwrap().iter().filter(|row| row["messages"] != 0);
        let days = days.filter_map(|row| row["day"].as_str());
        for day in days.filter(|day| *day != "unknown").take(3) {
            let (young, old) = (figures_of_day(young.path(), day), figures_of_day(old.path(), day));
            prop_assert!(young["messages"] > Some(0));
            figures::assert_same(&young, &old, day);
        }
    }
}
