//! Lines that are torn, huge, deep or full of odd values (T-9, T-15 to T-21).

use std::fs::File;
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::reference::{self, figures};
use crate::support::{assistant, json_of, lines, output, prompt, report, summary, tool_use, with, write_home, write_transcript};

/// A line around a text that takes the place of `HERE`, which is a whole value.
fn around(line: &Value, text: &str) -> Vec<u8> {
    (line.to_string().replacen("\"HERE\"", text, 1) + "\n").into_bytes()
}

/// The figures of one transcript by the program.
fn figures_of(transcript: impl AsRef<[u8]>) -> figures::Figures {
    figures::of_summary(&summary(write_transcript(transcript).path()))
}

/// T-15
#[test]
fn nesting_of_any_depth_costs_no_line() {
    for depth in [1, 127, 128, 1_024, 1_000_000] {
        let lists = "[".repeat(depth) + &"]".repeat(depth);
        let objects = "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
        let skipped = with(assistant("msg_1", &output(1)), &json!({"toolUseResult": "HERE"}));
        let input = tool_use("toolu_1", "Bash", &json!({"command": "HERE"}));
        let usage = assistant("msg_2", &json!({"output_tokens": 2, "iterations": "HERE"}));
        let whole = [around(&skipped, &lists), around(&input, &objects), around(&usage, &lists)].concat();
        let found = figures_of([whole, lines(&[assistant("msg_3", &output(4))])].concat());
        assert_eq!((found["messages"], found["tokens.output"]), (Some(4), Some(8)), "at depth {depth}");
    }
}

/// T-15: also where nothing is closed, and each start could be that of an entry.
#[test]
fn starts_without_an_end_take_linear_time() {
    let good = lines(&[assistant("msg_1", &output(1))]);
    for start in ["[", "{", "{\"", "{\"a\":", "{\"type\":\"user\"", "{\"type\":\"user\"}", "\"\\", "{}"] {
        let home = write_transcript([start.repeat(500_000).into_bytes(), b"\n".to_vec(), good.clone()].concat());
        let run = report("summary", home.path(), &["--json", "--range", "all"]);
        assert_eq!(run.json()["summary"]["messages"], 1, "{start}");
        assert!(run.time < Duration::from_secs(10), "{start} took {:?}", run.time);
    }
}

/// T-16
#[test]
fn line_of_300_mb_counts_and_so_do_those_beside_it() {
    let home = write_transcript("");
    let path = home.path().join("projects/-work-demo/s1.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let giant = with(assistant("msg_2", &output(2)), &json!({"toolUseResult": "HERE"})).to_string();
    let (head, tail) = giant.split_once("HERE").unwrap();
    file.write_all(&lines(&[assistant("msg_1", &output(1))])).unwrap();
    file.write_all(head.as_bytes()).unwrap();
    let megabyte = vec![b'x'; 1_000_000];
    (0..300).for_each(|_| file.write_all(&megabyte).unwrap());
    writeln!(file, "{tail}").unwrap();
    file.write_all(&lines(&[assistant("msg_3", &output(4))])).unwrap();
    file.flush().unwrap();
    let found = summary(home.path());
    let account = |word: &str| found["accounting"][word].as_u64().unwrap();
    assert_eq!(account("bytes"), path.metadata().unwrap().len());
    assert_eq!((account("lines"), account("parsed")), (3, 3));
    assert_eq!(found["summary"]["tokens"]["output"], 7);
}

/// Entries whose bytes are cut at every place.
fn victims() -> [Value; 3] {
    let text = json!([{"type": "text", "text": "{\"type\":\"user\"} \\\" 项目 {\"a\":1}"}]);
    [
        assistant("msg_victim", &output(1_000)),
        crate::support::assistant_with("msg_victim", &text, &output(1_000)),
        prompt("victim", "say {\"type\":\"assistant\"} \\ \u{1f600}"),
    ]
}

/// T-17: what is cut is lost and what follows on its line is found, once.
#[test]
fn entry_behind_a_torn_one_is_found_at_every_cut() {
    for victim in victims().map(|line| line.to_string().into_bytes()) {
        let next = |cut: usize| lines(&[assistant(&format!("msg_{cut}"), &output(1))]);
        let whole: Vec<u8> = (1..victim.len()).flat_map(|cut| [victim[..cut].to_vec(), next(cut)].concat()).collect();
        let found = figures_of(whole);
        let n_cuts = Some(victim.len() as i128 - 1);
        assert_eq!((found["messages"], found["tokens.output"], found["prompts"]), (n_cuts, n_cuts, Some(0)));
        assert_eq!(found["accounting.salvaged"], n_cuts);
    }
}

/// T-17: entries glued together are all found, whatever white space or NUL bytes lie between.
#[test]
fn glued_entries_are_all_found() {
    for between in ["", " ", "\t \r", "\0", "\0\0 \0"] {
        let entry = |i: usize| assistant(&format!("msg_{i}"), &output(1)).to_string();
        let line = (0..50).map(entry).collect::<Vec<_>>().join(between) + "\n";
        let found = figures_of(line);
        assert_eq!((found["messages"], found["accounting.salvaged"]), (Some(50), Some(1)), "{between:?}");
    }
}

/// T-17: an entry written into another at every place. Where all brackets still
/// close, one of the two is counted, which the strict reference cannot do.
#[test]
fn spliced_entries_cost_nothing_that_closes() {
    let victim = victims()[1].to_string().into_bytes();
    let splice = |cut: usize| {
        let inner = assistant(&format!("msg_{cut}"), &output(1)).to_string().into_bytes();
        [&victim[..cut], &inner, &victim[cut..], b"\n"].concat()
    };
    let home = write_transcript((1..victim.len()).flat_map(splice).collect::<Vec<u8>>());
    let (wanted, found) = (reference::wanted(home.path()), figures::of_summary(&summary(home.path())));
    figures::assert_not_less(&wanted, &found, "spliced entries");
}

/// T-17: a last line that was cut is still being written, not broken.
#[test]
fn cut_tail_is_unfinished_at_every_cut() {
    let victim = victims()[0].to_string().into_bytes();
    let first = lines(&[assistant("msg_1", &output(1))]);
    let file = |cut: usize| (format!("projects/-a/{cut}.jsonl"), [&first, &victim[..cut]].concat());
    let found = figures::of_summary(&summary(write_home((1..victim.len()).map(file)).path()));
    assert_eq!((found["messages"], found["accounting.malformed"]), (Some(1), Some(0)));
    assert_eq!(found["accounting.unfinished"], Some(victim.len() as i128 - 1));
    assert_eq!(figures_of([first, victim].concat())["messages"], Some(2), "a whole tail counts");
}

/// T-9: NUL bytes before, behind and between entries cost none of them.
#[test]
fn runs_of_nul_bytes_cost_no_entry() {
    for len in [1, 63, 64, 65, 4_096, 1 << 20] {
        let hole = vec![0; len];
        let entry = |i: usize| assistant(&format!("msg_{i}"), &output(1)).to_string().into_bytes();
        let line = |i: usize| [entry(i), b"\n".to_vec()].concat();
        let whole = [
            hole.clone(),
            line(0),
            hole.clone(),
            line(1),
            entry(2),
            hole.clone(),
            b"\n".to_vec(),
            entry(3),
            hole.clone(),
            line(4),
            hole,
            b"\n".to_vec(),
            line(5),
        ];
        let found = figures_of(whole.concat());
        assert_eq!(found["messages"], Some(6), "holes of {len}");
        assert_eq!(found["accounting.lines"], Some(6), "holes of {len}");
    }
}

/// T-18
#[test]
fn marks_and_line_ends_of_other_systems_are_nothing() {
    let line = assistant("msg_1", &output(1)).to_string();
    let prompt = prompt("p1", "a\u{2028}b\u{2029}c\u{85}d").to_string();
    let found = figures_of(format!("\u{feff}{line}\r\n\r\n \t\n\u{feff}{prompt}\r\n"));
    assert_eq!((found["messages"], found["prompts"]), (Some(1), Some(1)));
    assert_eq!((found["accounting.parsed"], found["accounting.blank"]), (Some(2), Some(2)));
}

/// T-18: bad text never costs a line, neither where it is skipped nor where it is shown.
#[test]
fn bad_text_costs_no_line() {
    let texts: [&[u8]; 8] =
        [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\\ud800", b"\\udc00x", b"\\ud83d\\u0041", b"\\u0000"];
    for text in texts {
        let mut whole = Vec::new();
        for key in ["sessionId", "cwd", "gitBranch", "version", "toolUseResult"] {
            let line = with(assistant(&format!("msg_{key}"), &output(1)), &json!({key: "a HERE b"})).to_string();
            let (head, tail) = line.split_once("HERE").unwrap();
            whole.extend([head.as_bytes(), text, tail.as_bytes(), b"\n"].concat());
        }
        let mut model = assistant("msg_model", &output(1));
        model["message"]["model"] = json!("a HERE b");
        let line = model.to_string();
        let (head, tail) = line.split_once("HERE").unwrap();
        whole.extend([head.as_bytes(), text, tail.as_bytes(), b"\n"].concat());
        let found = figures_of(whole);
        let text = String::from_utf8_lossy(text);
        assert_eq!((found["messages"], found["accounting.parsed"]), (Some(6), Some(6)), "{text:?}");
    }
}

/// T-19
#[test]
fn last_of_equal_keys_counts() {
    let line = assistant("msg_1", &json!({"output_tokens": 1})).to_string();
    let line = line.replace("\"output_tokens\":1", "\"output_tokens\":1,\"output_tokens\":2");
    let line = line.replacen('{', "{\"type\":\"user\",\"message\":7,", 1);
    assert_eq!(figures_of(line + "\n")["tokens.output"], Some(2));
}

/// T-20
#[test]
fn counters_are_whole_numbers_below_2_to_the_53_and_nothing_else() {
    let max = (1 << 53) - 1;
    let cases: [(&str, i128); 25] = [
        ("0", 0),
        ("-0", 0),
        ("7", 7),
        ("7.0", 7),
        ("7e0", 7),
        ("70e-1", 7),
        ("0.7E1", 7),
        ("1e3", 1_000),
        ("1E+3", 1_000),
        ("9007199254740991", max),
        ("9007199254740991.0", max),
        ("9007199254740992", 0),
        ("1e16", 0),
        ("18446744073709551615", 0),
        ("18446744073709551616", 0),
        ("1e400", 0),
        ("-1", 0),
        ("1.5", 0),
        ("1e-3", 0),
        ("null", 0),
        ("true", 0),
        ("\"7\"", 0),
        ("[7]", 0),
        ("{}", 0),
        ("-1e400", 0),
    ];
    let kinds = ["input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
    let names = ["tokens.input", "tokens.output", "tokens.cache_write_5m", "tokens.cache_read"];
    for (text, wanted) in cases {
        let line = |kind: &&str| around(&assistant(&format!("msg_{kind}"), &json!({*kind: "HERE"})), text);
        let found = figures_of(kinds.iter().flat_map(line).collect::<Vec<u8>>());
        for name in names {
            assert_eq!(found[name], Some(wanted), "{name} of {text}");
        }
        assert_eq!((found["messages"], found["accounting.parsed"]), (Some(4), Some(4)), "{text}");
    }
}

/// T-20
#[test]
fn unusable_counters_are_a_problem_and_absent_ones_are_not() {
    let problems = |usage: Value| {
        let found = summary(write_transcript(lines(&[assistant("msg_1", &usage)])).path());
        found["accounting"]["problems"].as_array().expect("a list").len()
    };
    assert_eq!(problems(json!({"input_tokens": null})), 0);
    for bad in [json!(-1), json!(1.5), json!("7"), json!(1u64 << 53)] {
        assert!(problems(json!({"input_tokens": bad})) > 0, "{bad}");
    }
}

#[test]
fn a_line_of_many_entries_takes_time_in_proportion() {
    const MANY: usize = 500_000;
    // Without an id, each is known by the line that it stands in.
    let entry = r#"{"type":"user","message":{"content":"x"}}"#;
    let start = Instant::now();
    let found = summary(write_transcript(entry.repeat(MANY) + "\n").path());
    assert_eq!((&found["accounting"]["salvaged"], &found["accounting"]["entries"]["user"]), (&json!(1), &json!(MANY)));
    // It takes half a second, and took ten minutes when the line was hashed for each entry.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn many_broken_lines_are_counted_and_the_first_are_shown() {
    let home = write_transcript(b"x\n".repeat(300_000));
    let problem = &summary(home.path())["accounting"]["problems"][0];
    assert_eq!((&problem["kind"], &problem["count"]), (&json!("malformed-line"), &json!(300_000)));
    let shown = problem["examples"].as_array().unwrap();
    assert_eq!(shown.iter().map(|place| place["line"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(report("summary", home.path(), &["--strict", "--range", "all"]).code, 3);
}

/// T-20: a sum beyond 64 bits is exact to its last digit.
#[test]
fn sums_never_wrap() {
    let max = (1u64 << 53) - 1;
    let line = |i: usize| assistant(&format!("msg_{i}"), &json!({"input_tokens": max, "output_tokens": max}));
    let home = write_transcript(lines(&(0..10_000).map(line).collect::<Vec<_>>()));
    let (kind, total) = (u128::from(max) * 10_000, u128::from(max) * 20_000);
    for name in ["summary", "daily", "models", "sessions", "projects"] {
        let run = report(name, home.path(), &["--json", "--range", "all"]);
        let text: String = run.text().chars().filter(|c| !c.is_whitespace()).collect();
        for figure in [format!("\"input\":{kind},"), format!("\"output\":{kind},"), format!("\"total\":{total}")] {
            assert!(text.contains(&figure), "{name} has no {figure}");
        }
    }
}

/// T-21
#[test]
fn time_that_cannot_be_used_is_a_day_of_its_own_and_part_of_the_total() {
    let unusable = [
        json!(null),
        json!(""),
        json!("yesterday"),
        json!(1_700_000_000),
        json!("2026-11-03"),
        json!("2026-02-30T00:00:00Z"),
        json!("+275760-09-13T00:00:00Z"),
        json!("2026-06-30T23:59:60Z"),
        json!("9999-12-31T23:59:59-00:01"),
        json!("2026-11-03T25:00:00Z"),
        json!("2026-11-03T10:00:00"),
        json!({}),
    ];
    let usable = [
        ("2026-11-03T10:00:00Z", "2026-11-03"),
        ("2026-11-04T13:59:59.999+14:00", "2026-11-03"),
        ("2026-11-02T12:00:00-12:00", "2026-11-03"),
        ("2026-11-03T23:59:59.999999999Z", "2026-11-03"),
        ("9999-12-31T23:59:59Z", "9999-12-31"),
        ("0001-01-01T00:00:00Z", "0001-01-01"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31"),
    ];
    let times = unusable.iter().cloned().chain(usable.iter().map(|(time, _)| json!(time)));
    let line = |(i, time): (usize, Value)| with(assistant(&format!("msg_{i}"), &output(1)), &json!({"timestamp": time}));
    let home = write_transcript(lines(&times.enumerate().map(line).collect::<Vec<_>>()));
    let found = json_of("daily", home.path());
    let messages = |day: &str| {
        let rows = found["rows"].as_array().unwrap();
        rows.iter().find(|row| row["day"] == day).map_or(0, |row| row["messages"].as_u64().unwrap())
    };
    assert_eq!(messages("unknown"), unusable.len() as u64);
    for (_, day) in usable {
        let wanted = usable.iter().filter(|(_, other)| *other == day).count();
        assert_eq!(messages(day), wanted as u64, "{day}");
    }
    assert_eq!(found["totals"]["messages"], json!(unusable.len() + usable.len()));
    assert_eq!(summary(home.path())["summary"]["messages"], found["totals"]["messages"]);
}
