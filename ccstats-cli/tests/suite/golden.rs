//! What people see, as files to read: `testdata/golden/`.
//!
//! After a wanted change: `UPDATE_GOLDEN=1 cargo test --release -p ccstats-cli golden`.

use crate::support::{ccstats, program, report, workspace};

/// Compares an output with its file, or writes the file.
fn assert_golden(name: &str, output: &str) {
    let path = workspace("testdata/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(path, output).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert_eq!(output, wanted, "{name}: see the head of this file if the change is wanted");
}

#[test]
fn reports_look_as_they_did() {
    for name in crate::support::REPORTS {
        let run = report(name, &workspace("testdata/home"), &["--range", "all"]);
        assert_golden(&format!("{name}.txt"), run.text());
    }
}

#[test]
fn formats_look_as_they_did() {
    for format in ["json", "ndjson", "csv", "markdown"] {
        let run = report("models", &workspace("testdata/home"), &["--range", "all", "--format", format]);
        assert_golden(&format!("models.{format}"), run.text());
    }
}

#[test]
fn readme_shows_what_the_program_prints() {
    let readme = std::fs::read_to_string(workspace("README.md")).unwrap();
    let (_, example) = readme.split_once("```text\n$ ccstats ").unwrap();
    let (words, rest) = example.split_once('\n').unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let home = tempfile::tempdir().unwrap();
    let output = program(home.path()).current_dir(workspace(".")).args(words.split(' ')).output().unwrap();
    assert_eq!(shown, String::from_utf8(output.stdout).unwrap());
}

#[test]
fn help_looks_as_it_did() {
    assert_golden("help.txt", ccstats(["--help"]).text());
}

/// The options of reports would hide its own.
#[test]
fn help_of_a_command_shows_what_it_heeds() {
    assert_golden("help-hook-install.txt", ccstats(["hook", "install", "--help"]).text());
    let budget = ccstats(["budget", "--help"]);
    assert!(budget.text().contains("--monthly <USD>") && budget.text().contains("--project <P>") && !budget.text().contains("--range"));
    let history = ccstats(["history"]);
    assert!(history.code == 2 && history.stderr.contains("prune") && !history.stderr.contains("--range"), "{history:?}");
}
