//! Names from transcripts are shown, and never act (T-1, T-2, T-4).

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{REPORTS, Run, TIME, assistant_with, lines, output, prompt, report, tool_result, tool_use, with, write_home};

const FORMATS: [&str; 5] = ["table", "json", "ndjson", "csv", "markdown"];

/// Escapes, titles, clipboard writes, C1 and bidi controls, and what breaks a line or a cell.
const ACTING: [&str; 16] = [
    "\u{1b}[31mred",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;http://x\u{1b}\\link",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{1b}P1$r\u{1b}\\",
    "\u{9b}31m",
    "\u{9d}0;t\u{9c}",
    "over\rwritten",
    "two\nlines\ttab",
    "nul\0del\u{7f}back\u{8}",
    "\u{202e}gnp.exe\u{202c}",
    "\u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}",
    "zero\u{200b}\u{200c}\u{2060}\u{feff}width",
    "a\u{2028}b\u{2029}c",
    "|pipe|`tick`<b>&amp;\\",
    "\"quote\",comma;",
];

/// What a spreadsheet takes for a formula.
const FORMULAS: [&str; 8] = ["=1+1", "+SUM(A1)", "-cmd|' /C calc'!A0", "@SUM(1)", "\tx", "\0=x", "\r=x", "\u{ff1d}1+1"];

/// Calls of every kind that leads to a row somewhere, with a name in each of its texts.
fn calls(name: &str, key: usize) -> Vec<Value> {
    let id = |call: &str| format!("toolu_{key}_{call}");
    let mut found = Vec::new();
    let mut call = |call: &str, tool: &str, input: Value, text: &str, is_error: bool| {
        found.push(tool_use(&id(call), tool, &input));
        found.push(tool_result(&id(call), text, is_error));
    };
    for read in ["r1", "r2", "r3"] {
        call(read, "Read", json!({"file_path": format!("/work/{name}/.env")}), name, false);
    }
    for fail in ["b1", "b2"] {
        call(fail, "Bash", json!({"command": format!("cargo test '{name}'")}), &format!("Exit code 101\n{name}"), true);
    }
    call("rm", "Bash", json!({"command": format!("{name} && rm -rf '/{name}'")}), "", false);
    call("edit", "Edit", json!({"file_path": name}), name, false);
    call("far", "WebFetch", json!({"url": format!("https://{name}/")}), name, false);
    call("task", "Task", json!({"subagent_type": name, "prompt": name}), name, false);
    call("odd", name, json!({"file_path": name, "path": name}), name, true);
    found
}

/// A home in which each name stands wherever a transcript can hold one.
fn home_of(names: &[&str]) -> TempDir {
    let files = names.iter().enumerate().map(|(key, name)| {
        let mut response = assistant_with(&format!("msg_{key}"), &json!([]), &output(5));
        response["message"]["model"] = json!(name);
        let compaction = json!({
            "type": "system", "subtype": "compact_boundary", "timestamp": TIME,
            "uuid": format!("c{key}"), "compactMetadata": {"trigger": name, "preTokens": 9},
        });
        let typed = prompt(&format!("p{key}"), &format!("wtf {name}"));
        let side = json!({"isSidechain": true, "agentId": name, "uuid": format!("a{key}")});
        let agent = with(response.clone(), &side);
        let place = json!({"sessionId": name, "cwd": name, "gitBranch": name, "version": name});
        let odd = [json!({"type": name}), json!({"type": "user", "message": name})];
        let rest = [typed, response, compaction, agent].into_iter().chain(odd);
        let whole = rest.chain(calls(name, key)).map(|line| with(line, &place));
        (format!("projects/-work-{key}/s{key}.jsonl"), lines(&whole.collect::<Vec<_>>()))
    });
    write_home(files)
}

/// Neither a control byte but the newline, nor a character that reorders, hides or breaks.
fn assert_inert(text: &str, whose: &str) {
    let acts = |c: &char| match c {
        '\n' => false,
        '\0'..' ' | '\u{7f}'..='\u{9f}' => true,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' => true,
        _ => *c == '\u{feff}',
    };
    if let Some((at, found)) = text.char_indices().find(|(_, c)| acts(c)) {
        let near: String = text[at..].chars().take(20).collect();
        panic!("{found:?} acts in {whose}: {near:?}");
    }
}

fn run(name: &str, format: &str, home: &TempDir) -> Run {
    let run = report(name, home.path(), &["--range", "all", "--format", format]);
    assert_eq!(run.code, 0, "{name} as {format}: {}", run.stderr);
    run
}

/// T-1
#[test]
fn no_name_acts_in_any_report_or_format() {
    let home = home_of(&ACTING);
    for name in REPORTS {
        for format in FORMATS {
            let run = run(name, format, &home);
            assert!(!run.stdout.is_empty(), "{name} as {format} says nothing");
            assert_inert(run.text(), &format!("{name} as {format}"));
            assert_inert(&run.stderr, &format!("the messages of {name} as {format}"));
        }
    }
}

/// T-1: our own messages show the names of files and options.
#[cfg(unix)]
#[test]
fn no_name_acts_in_a_message() {
    let home = tempfile::tempdir().unwrap();
    for name in ACTING.iter().filter(|name| !name.contains('\0')) {
        let missing = report("summary", &home.path().join(name), &[]);
        assert_eq!(missing.code, 1, "{name:?}");
        assert_inert(&missing.stderr, "the message about a missing root");
        let unknown = report("summary", home.path(), &["--range", name]);
        assert_eq!(unknown.code, 2, "{name:?}");
        assert_inert(&unknown.stderr, "the message about a wrong value");
        for words in [&["--format", name][..], &["--sort", &format!("cost:{name}")], &[&format!("--{name}")]] {
            let refused = report("summary", home.path(), words);
            assert_eq!(refused.code, 2, "{name:?}");
            assert_inert(&refused.stderr, "the message about wrong usage");
        }
    }
}

/// T-1: in Markdown a name cannot leave its cell.
#[test]
fn no_name_leaves_its_cell_in_markdown() {
    let home = home_of(&["a|b", "c\nd", "`e", "<script>f</script>", "[g](http://x)"]);
    let run = run("models", "markdown", &home);
    let rows: Vec<_> = run.text().lines().filter(|line| line.starts_with('|')).collect();
    let bars = |line: &&str| line.replace("\\|", "").matches('|').count();
    assert!(rows.len() >= 7, "{}", run.text());
    assert!(rows.iter().all(|row| bars(row) == bars(&rows[0])), "{}", run.text());
    assert!(!run.text().contains("<script>"), "{}", run.text());
}

/// The cells of a CSV text by RFC 4180.
fn cells(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut chars, mut is_quoted) = (text.chars().peekable(), false);
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    assert!(!is_quoted && row.is_empty() && cell.is_empty(), "the last row is whole in {text:?}");
    rows
}

/// T-2
#[test]
fn no_cell_of_text_is_a_formula() {
    let home = home_of(&FORMULAS);
    let mut n_escaped = 0;
    for name in REPORTS {
        let run = run(name, "csv", &home);
        let rows = cells(run.text());
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{name} has rows of equal width");
        for cell in rows.into_iter().flatten().filter(|cell| cell.parse::<f64>().is_err()) {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\0', '\r', '\u{ff1d}']), "{cell:?} in {name}");
            n_escaped += usize::from(cell.starts_with('\''));
        }
    }
    assert!(n_escaped > 0, "formulas are shown with a quote before them");
}

/// T-4
#[test]
fn no_name_forges_a_line_of_json() {
    let home = home_of(&ACTING);
    for name in REPORTS {
        for line in run(name, "ndjson", &home).text().lines() {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error} in {name}: {line:?}"));
        }
    }
}

/// Names come out of JSON as they went in: equal names stay equal, others stay apart.
#[test]
fn names_in_json_stay_distinct() {
    let home = home_of(&ACTING);
    let json = crate::support::json_of("models", home.path());
    let models: std::collections::BTreeSet<_> =
        json["rows"].as_array().unwrap().iter().map(|row| &row["model"]).map(Value::to_string).collect();
    // The calls are those of a model of their own.
    assert_eq!(models.len(), ACTING.len() + 1);
}

/// T-6
#[test]
fn names_of_any_length_break_neither_totals_nor_tables() {
    let long = "x".repeat(50_000);
    let home = home_of(&[&long, "short"]);
    assert_eq!(crate::support::summary(home.path())["summary"]["messages"], json!(2 + 2 * 10));
    let table = run("models", "table", &home);
    assert!(table.text().lines().all(|line| line.chars().count() < 500), "a table is as wide as its names");
}
