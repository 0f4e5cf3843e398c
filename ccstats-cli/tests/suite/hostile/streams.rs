//! How a run ends: exit codes, closed pipes, full disks (`docs/reliability.md`, T-24).

use std::fs::File;
use std::process::{Child, Stdio};

use serde_json::json;

use crate::support::{
    PROGRAM, assistant, ccstats, finish, json_of, lines, output, program, program_at, report, with, write_home, write_transcript,
};

/// The words that must not reach a user.
fn assert_no_panic(stderr: &str) {
    assert!(!stderr.contains("panicked") && !stderr.contains("RUST_BACKTRACE"), "{stderr}");
}

/// A report of more bytes than a pipe holds.
fn start_long_report(format: &str, stdout: impl Into<Stdio>) -> (tempfile::TempDir, Child) {
    let line = |i: usize| with(assistant(&format!("msg_{i}"), &output(1)), &json!({"sessionId": format!("session-{i}")}));
    let home = write_transcript(lines(&(0..3_000).map(line).collect::<Vec<_>>()));
    let mut command = program(home.path());
    command.args(["sessions", "--range", "all", "--no-store", "--format", format, "--root"]).arg(home.path());
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    (home, child)
}

/// T-24
#[test]
fn closed_pipe_ends_quietly_with_0() {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let (_home, mut child) = start_long_report(format, Stdio::piped());
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_no_panic(&String::from_utf8_lossy(&output.stderr));
    }
}

/// T-24
#[cfg(target_os = "linux")]
#[test]
fn full_disk_is_an_error_that_says_so() {
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        let (_home, child) = start_long_report(format, File::options().write(true).open("/dev/full").unwrap());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{format}: {stderr}");
        assert!(stderr.starts_with("error: "), "{stderr}");
        assert_no_panic(&stderr);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    for word in ["--help", "--version"] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = program(home.path()).arg(word).stdout(full).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{word}: {stderr}");
        assert!(stderr.starts_with("error: cannot write to stdout: "), "{word}: {stderr}");
    }
}

/// polars panics where it is given no threads, and can wait for ever while it unwinds. Here
/// it asks for so many that there is no room for their stacks.
#[cfg(target_os = "linux")]
#[test]
fn want_of_threads_is_an_error_and_no_hang() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    for pool in ["POLARS_MAX_THREADS", "POLARS_ASYNC_THREAD_COUNT"] {
        let run = || {
            let mut command = program_at("sh", home.path());
            command.args(["-c", "ulimit -v 1000000 && exec \"$0\" \"$@\"", PROGRAM, "daily", "--range", "all", "--no-store"]);
            finish(command.env(pool, "4096"))
        };
        // The stacks of those that were started may leave no memory for anything else.
        let run = (0..20).map(|_| run()).find(|run| !run.stderr.contains("memory allocation of")).expect("some memory is left");
        assert_eq!((run.code, run.text()), (1, ""), "{pool}: {}", run.stderr);
        assert!(
            run.stderr.starts_with("error: cannot make the report: ") && run.stderr.contains("\nhint: where threads are short, "),
            "{}",
            run.stderr
        );
        assert_no_panic(&run.stderr);
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let target = home.path().join("missing/folder/report.json");
    let run = report("summary", home.path(), &["--range", "all", "--output", target.to_str().unwrap()]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stderr.contains("report.json"), "{}", run.stderr);
}

#[test]
fn output_goes_to_the_file_that_was_named() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let target = home.path().join("report.json");
    let run = report("summary", home.path(), &["--json", "--range", "all", "--output", target.to_str().unwrap()]);
    assert_eq!((run.code, run.text()), (0, ""), "{}", run.stderr);
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(target).unwrap()).unwrap();
    assert_eq!(written, crate::support::summary(home.path()));
}

#[test]
fn missing_root_is_an_error_that_names_it() {
    let home = tempfile::tempdir().unwrap();
    let run = report("summary", &home.path().join("nowhere"), &["--json"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
    assert_eq!(run.text(), "");
}

#[test]
fn wrong_usage_ends_with_2_before_anything_is_printed() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().to_str().unwrap();
    let wrong: [&[&str]; 11] = [
        &["summary", "--no-such-option"],
        &["no-such-report"],
        &["summary", "--range", "someday"],
        &["summary", "--range", "2026-13-01"],
        &["summary", "--tz", "Mars/Olympus"],
        &["summary", "--format", "papyrus"],
        &["summary", "--threads", "many"],
        &["summary", "--threads", "100000"],
        &["summary", "--since", "2026-05-02", "--until", "2026-05-01"],
        &["summary", "--week-start", "someday"],
        &["summary", "--now", "then"],
    ];
    for words in wrong {
        let run = ccstats(words.iter().chain(&["--root", root]));
        assert_eq!((run.code, run.text()), (2, ""), "{words:?}: {}", run.stderr);
        assert_no_panic(&run.stderr);
    }
}

#[test]
fn strict_ends_with_3_where_a_line_was_lost() {
    let good = lines(&[assistant("msg_1", &output(1))]);
    let home = write_home([("projects/-a/a.jsonl", good.clone()), ("projects/-a/b.jsonl", b"not json\n".to_vec())]);
    let run = report("summary", home.path(), &["--json", "--range", "all", "--strict"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let found: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(found["summary"]["messages"], 1, "the report is printed all the same");
    let lenient = report("summary", home.path(), &["--json", "--range", "all"]);
    assert_eq!(lenient.code, 0);
    assert_eq!(lenient.stderr.lines().filter(|line| line.starts_with("warning: ")).count(), 1, "{}", lenient.stderr);
    let clean = report("summary", write_transcript(good).path(), &["--json", "--range", "all", "--strict"]);
    assert_eq!(clean.code, 0, "{}", clean.stderr);
}

#[test]
fn empty_home_is_no_error_and_says_where_it_looked() {
    let home = write_home::<&str, &str>([]);
    for name in crate::support::REPORTS {
        let run = report(name, home.path(), &["--json"]);
        assert_eq!(run.code, 0, "{name}: {}", run.stderr);
        assert!(run.stderr.contains(home.path().to_str().unwrap()), "{name}: {}", run.stderr);
        serde_json::from_slice::<serde_json::Value>(&run.stdout).unwrap();
    }
}

#[test]
fn home_of_the_environment_is_read_where_no_root_is_given() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let words = ["--json", "--range", "all", "--no-store", "--tz", "UTC", "--now", "2026-11-20T12:00:00Z"];
    let output = program(home.path()).args(words).output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found, json_of("summary", home.path()));
}
