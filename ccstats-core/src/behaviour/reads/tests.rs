use super::*;
use crate::query::Query;
use crate::testing::dataset;
use crate::untrusted::Untrusted;

/// A transcript in the making: every line one second after the one before.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    agent: Option<&'static str>,
    parent: Option<usize>,
}

impl Lines {
    fn line(mut self, kind: &str, rest: &str) -> Lines {
        let second = self.lines.len();
        let agent = self.agent.map_or(String::new(), |agent| format!(r#","isSidechain":true,"agentId":"{agent}""#));
        let parent = self.parent.take().or(second.checked_sub(1)).map_or(String::new(), |line| format!(r#","parentUuid":"u{line}""#));
        let time = format!("2026-11-03T10:{:02}:{:02}Z", second / 60, second % 60);
        self.lines.push(format!(
            r#"{{"type":"{kind}","uuid":"u{second}"{parent},"sessionId":"s","cwd":"/w","timestamp":"{time}"{agent},{rest}}}"#
        ));
        self
    }

    /// The next lines are those of another agent.
    fn agent(self, agent: Option<&'static str>) -> Lines {
        Lines { agent, ..self }
    }

    fn call(self, tool: &str, input: &str, result: &str) -> Lines {
        self.call_giving(tool, input, "done", result)
    }

    fn call_giving(self, tool: &str, input: &str, output: &str, result: &str) -> Lines {
        let id = self.lines.len();
        let calls =
            format!(r#""message":{{"model":"m","content":[{{"type":"tool_use","id":"toolu_{id}","name":"{tool}","input":{input}}}]}}"#);
        let results = format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{id}","content":"{output}"}}]}}"#);
        self.line("assistant", &calls).line("user", &format!("{results},{result}"))
    }

    fn read(self, file: &str, start: u32, count: u32, text: &str) -> Lines {
        let result = format!(
            r#""toolUseResult":{{"type":"text","file":{{"content":"{text}","startLine":{start},"numLines":{count},"totalLines":100}}}}"#
        );
        self.call("Read", &format!(r#"{{"file_path":"{file}"}}"#), &result)
    }

    /// All of `/w/a`.
    fn whole(self) -> Lines {
        self.read("/w/a", 1, 100, "text")
    }

    fn stub(self) -> Lines {
        self.call("Read", r#"{"file_path":"/w/a"}"#, r#""toolUseResult":{"type":"file_unchanged","file":{"filePath":"/w/a"}}"#)
    }

    fn edit(self, file: &str) -> Lines {
        self.call("Edit", &format!(r#"{{"file_path":"{file}"}}"#), r#""toolUseResult":{"structuredPatch":[]}"#)
    }

    fn shell(self, command: &str) -> Lines {
        self.call("Bash", &format!(r#"{{"command":"{command}"}}"#), r#""toolUseResult":{"stdout":"done"}"#)
    }

    fn compaction(self) -> Lines {
        self.line("system", r#""subtype":"compact_boundary""#)
    }

    fn rows(self) -> Vec<FileReads> {
        self.rows_of(&Query::all())
    }

    fn rows_of(self, query: &Query) -> Vec<FileReads> {
        let dataset = dataset(&[("p/s.jsonl", &self.lines)]);
        rows(&Selection::new(&dataset, query).expect("a valid query"), &Epochs::new(&dataset))
    }

    /// The classes of the only row, those that have reads; `+` marks verified ones.
    fn dump(self) -> String {
        let [row] = &self.rows()[..] else { return "no row".into() };
        let mut classes: Vec<_> = row.reads.iter().map(|read| read.class.name()).collect();
        if row.verified > 0 {
            classes.push("+");
        }
        classes.join(" ")
    }
}

fn lines() -> Lines {
    Lines::default()
}

#[test]
fn each_kind_of_read_is_told() {
    let whole = |lines: Lines| lines.read("/w/a", 1, 100, "");
    let lines = whole(whole(lines())).read("/w/a", 10, 5, "").edit("/w/a");
    let lines = whole(whole(lines).compaction()).stub();
    let [row] = &lines.rows()[..] else { panic!("one row") };
    assert_eq!((row.session.as_str(), row.file.as_str(), row.reads.len()), ("s", "/w/a", 6));
    let expected = [
        (Class::First, 1),
        (Class::NewRange, 0),
        (Class::RedundantExact, 1),
        (Class::RedundantCovered, 1),
        (Class::AfterEdit, 1),
        (Class::AfterCompaction, 1),
        (Class::OtherAgent, 0),
        (Class::Stub, 1),
    ];
    assert_eq!(expected.map(|(class, _)| row.with(class)), expected.map(|(_, count)| count));
}

#[test]
fn two_reads_are_listed_only_when_the_second_was_too_much() {
    assert_eq!(lines().whole().whole().dump(), "first redundant_exact +");
    assert_eq!(lines().whole().edit("/w/a").whole().dump(), "no row");
    assert_eq!(lines().read("/w/a", 1, 10, "x").read("/w/a", 11, 10, "y").dump(), "no row");
}

#[test]
fn lines_that_several_reads_gave_together_are_covered() {
    let parts = || lines().read("/w/a", 1, 10, "x").read("/w/a", 11, 10, "y");
    assert_eq!(parts().read("/w/a", 5, 10, "z").dump(), "first new_range redundant_covered");
    assert_eq!(parts().read("/w/a", 5, 20, "z").dump(), "first new_range new_range");
}

#[test]
fn equal_texts_prove_a_row_and_different_texts_an_edit_by_somebody_else() {
    assert_eq!(lines().whole().whole().dump(), "first redundant_exact +");
    let changed = lines().whole().read("/w/a", 1, 100, "new").read("/w/a", 1, 100, "new");
    assert_eq!(changed.dump(), "first after_edit redundant_exact +");
}

#[test]
fn outputs_decide_where_no_result_tells_the_text_of_the_file() {
    let cat = |lines: Lines, output: &str| lines.call_giving("Bash", r#"{"command":"cat a"}"#, output, r#""toolUseResult":{}"#);
    let read = |lines: Lines, output: &str| lines.call_giving("Read", r#"{"file_path":"/w/a"}"#, output, r#""isMeta":false"#);
    let reminded = r"one\n\n<system-reminder>\nx\n</system-reminder>";
    for give in [&cat as &dyn Fn(Lines, &str) -> Lines, &read] {
        assert_eq!(give(give(lines(), "one"), reminded).dump(), "first redundant_exact +");
        assert_eq!(give(give(give(lines(), "one"), "two"), "two").dump(), "first after_edit redundant_exact +");
    }
    // What a command printed beside the file says nothing against an equal text of it.
    assert_eq!(cat(cat(lines().whole(), "one, 10:00"), "one, 10:01").whole().dump(), "first redundant_exact after_edit redundant_exact +");
    // A result that numbers the lines is no output of `cat`.
    assert_eq!(cat(read(lines(), "1 one"), "one").dump(), "first redundant_exact");
    // Of two files it is not known which one differs.
    let both = |lines: Lines, output: &str| lines.call_giving("Bash", r#"{"command":"cat a b"}"#, output, r#""toolUseResult":{}"#);
    let rows = both(both(lines(), "one"), "two").rows();
    assert!(rows.iter().all(|row| row.with(Class::RedundantExact) == 1 && row.verified == 0));
}

#[test]
fn a_longer_file_is_the_same_whole_after_an_edit() {
    let longer = r#""toolUseResult":{"type":"text","file":{"content":"longer","startLine":1,"numLines":120,"totalLines":120}}"#;
    let lines = lines().whole().edit("/w/a").call("Read", r#"{"file_path":"/w/a"}"#, longer).whole();
    assert_eq!(lines.dump(), "first after_edit after_edit");
}

#[test]
fn commands_that_may_change_the_file_lie_between_and_others_do_not() {
    let table = [
        ("echo x > a", "after_edit after_edit"),
        ("python gen.py a", "after_edit after_edit"),
        ("git checkout .", "after_edit after_edit"),
        ("cargo fmt", "after_edit after_edit"),
        ("cargo build", "redundant_exact redundant_exact +"),
        ("grep x a", "redundant_exact redundant_exact +"),
        ("echo x > b", "redundant_exact redundant_exact +"),
        ("gh pr create --title x --body ''", "redundant_exact redundant_exact +"),
        ("git commit -m 'git checkout a'", "redundant_exact redundant_exact +"),
    ];
    for (command, expected) in table {
        let lines = lines().whole().shell(command).whole().shell(command).whole();
        assert_eq!(lines.dump(), format!("first {expected}"), "{command}");
    }
}

#[test]
fn what_goes_on_in_the_background_may_write_at_any_later_time() {
    let table = [
        ("npm run dev > a 2>&1 &", "after_edit after_edit"),
        ("nohup ./gen.sh a > /tmp/l 2>&1 &", "after_edit after_edit"),
        ("git pull &", "after_edit after_edit"),
        ("npm run dev > a 2>&1", "redundant_exact redundant_exact +"),
        ("npm run dev > b 2>&1 &", "redundant_exact redundant_exact +"),
        ("sleep 5 &", "redundant_exact redundant_exact +"),
    ];
    for (command, expected) in table {
        let lines = lines().shell(command).shell("cat a").shell("cat a").shell("cat a");
        assert_eq!(lines.dump(), format!("first {expected}"), "{command}");
    }
}

#[test]
fn what_did_not_run_changed_nothing() {
    let after = |text: &str, tool: &str, input: &str| {
        let id = format!("toolu_{tool}");
        let call = format!(r#""message":{{"model":"m","content":[{{"type":"tool_use","id":"{id}","name":"{tool}","input":{input}}}]}}"#);
        let denied =
            format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"{id}","is_error":true,"content":"{text}"}}]}}"#);
        lines().whole().line("assistant", &call).line("user", &denied).whole().dump()
    };
    for text in ["The user doesn't want to proceed with this tool use. STOP", "Sibling tool call errored"] {
        for (tool, input) in [("Edit", r#"{"file_path":"/w/a"}"#), ("Bash", r#"{"command":"rm a"}"#), ("Task", "{}")] {
            assert_eq!(after(text, tool, input), "first redundant_exact +", "{tool}: {text}");
        }
    }
}

#[test]
fn commands_that_print_one_file_are_reads_of_it() {
    let lines = lines().shell("cat a").shell("cat ./x/../a").shell("cd /w && sed -n '1,5p' a").whole();
    assert_eq!(lines.dump(), "first redundant_exact redundant_covered redundant_exact +");
    assert_eq!(super::tests::lines().shell("cat a").shell("cat a | wc -l").shell("grep x a").dump(), "no row");
}

#[test]
fn the_tail_of_a_file_may_be_new_unless_all_of_it_was_read() {
    assert_eq!(lines().shell("tail a").shell("tail a").shell("tail a").dump(), "first new_range new_range");
}

#[test]
fn another_tool_that_names_the_file_lies_between() {
    let tool = |name: &str, input: &str| lines().whole().call(name, input, r#""toolUseResult":{}"#).whole().whole().dump();
    assert_eq!(tool("mcp__fs__touch", r#"{"path":"/w/a"}"#), "first after_edit redundant_exact +");
    assert_eq!(tool("mcp__fs__touch", r#"{"path":"/w/b"}"#), "first redundant_exact redundant_exact +");
    assert_eq!(tool("mcp__fs__write_file", r#"{"filename":"a"}"#), "first after_edit redundant_exact +");
    assert_eq!(tool("Grep", r#"{"path":"/w/a","pattern":"x"}"#), "first redundant_exact redundant_exact +");
}

#[test]
fn a_run_of_a_subagent_lies_between_until_it_ends() {
    let run = |result: &str| lines().whole().call("Task", "{}", result).whole().whole().dump();
    assert_eq!(run(r#""toolUseResult":{"agentId":"g"}"#), "first after_edit redundant_exact +");
    assert_eq!(run(r#""toolUseResult":{"agentId":"g","isAsync":true}"#), "first after_edit after_edit");
}

#[test]
fn an_agent_in_the_background_has_done_what_its_transcript_tells() {
    let launch = r#""toolUseResult":{"agentId":"g","isAsync":true}"#;
    let launched = || lines().whole().call("Agent", "{}", launch).agent(Some("g"));
    assert_eq!(launched().shell("ls").agent(None).whole().whole().dump(), "first after_edit redundant_exact +");
    let wrote = launched().shell("ls").agent(None).whole().agent(Some("g")).shell("make").agent(None).whole().whole();
    assert_eq!(wrote.dump(), "first after_edit after_edit redundant_exact +");
}

#[test]
fn another_picture_or_other_cells_are_a_change() {
    let read =
        |lines: Lines, file: &str| lines.call("Read", r#"{"file_path":"/w/a"}"#, &format!(r#""toolUseResult":{{"file":{{{file}}}}}"#));
    for kind in [r#""base64":"#, r#""filePath":"/w/a","cells":"#] {
        let [old, new] = [r#""a""#, r#""b""#].map(|content| format!("{kind}{content}"));
        let lines = read(read(read(lines(), &old), &new), &new);
        assert_eq!(lines.dump(), "first after_edit redundant_exact +", "{kind}");
    }
}

#[test]
fn agents_do_not_know_what_others_read() {
    let lines = || lines().whole().agent(Some("g")).whole().whole().agent(None);
    assert_eq!(lines().whole().dump(), "first other_agent redundant_exact redundant_exact +");
}

#[test]
fn agents_without_an_id_are_never_taken_for_one() {
    let crowd = |lines: Lines| {
        let mut lines = lines.whole();
        for line in lines.lines.iter_mut() {
            *line = line.replacen(r#""sessionId""#, r#""isSidechain":true,"sessionId""#, 1);
        }
        lines
    };
    assert_eq!(crowd(crowd(crowd(lines()))).dump(), "first other_agent other_agent");
}

#[test]
fn after_a_rewind_the_reads_before_it_may_be_gone() {
    let prompt = |lines: Lines| lines.line("user", r#""message":{"content":"do it"}"#);
    let lines = prompt(lines()).whole();
    let again = Lines { parent: Some(0), ..lines };
    assert_eq!(prompt(again).whole().whole().dump(), "first after_compaction redundant_exact +");
}

#[test]
fn a_range_counts_its_own_reads_and_knows_those_before() {
    let mut query = Query::all();
    query.range = crate::time::Range { bounds: crate::time::Bounds::Instants(instant("10:00:04"), instant("11:00:00")), ..query.range };
    let rows = lines().whole().edit("/w/b").whole().rows_of(&query);
    assert_eq!(rows.iter().map(|row| (row.reads.len(), row.with(Class::RedundantExact))).collect::<Vec<_>>(), [(1, 1)]);
}

fn instant(time: &str) -> i64 {
    crate::time::parse_instant(format!("2026-11-03T{time}Z").as_bytes()).expect("a time")
}

#[test]
fn a_read_that_failed_is_no_read() {
    let failed = r#""toolUseResult":"Error: File does not exist.""#;
    let error = |lines: Lines| {
        let mut lines = lines.call("Read", r#"{"file_path":"/w/a"}"#, failed);
        let last = lines.lines.last_mut().expect("a line");
        *last = last.replace(r#""content":"done""#, r#""is_error":true,"content":"File does not exist.""#);
        lines
    };
    assert_eq!(error(error(error(lines()))).dump(), "no row");
}

#[test]
fn the_reads_that_were_not_needed_cost_what_their_results_do() {
    let mut lines = lines().whole().whole().lines;
    for (number, line) in lines.iter_mut().step_by(2).enumerate() {
        let usage = format!(
            r#""id":"msg_{number}","stop_reason":"end","usage":{{"input_tokens":{}}},"model":"claude-sonnet-4-5""#,
            1000 + 300 * number
        );
        *line = line.replace(r#""model":"m""#, &usage);
    }
    let last = r#"{"type":"assistant","sessionId":"s","timestamp":"2026-11-03T10:00:04Z","message":{"id":"msg_2","model":"claude-sonnet-4-5","usage":{"input_tokens":1500},"content":[]}}"#;
    lines.push(last.into());
    let dataset = dataset(&[("p/s.jsonl", &lines)]);
    let rows = rows(&Selection::new(&dataset, &Query::all()).expect("a valid query"), &Epochs::new(&dataset));
    let costs = ResultCosts::new(&dataset, &Epochs::new(&dataset), crate::prices::Prices::builtin());
    let totals = totals(&rows, &costs);
    let cell = |name| totals.rows[0][totals.column(name).expect("a column")].clone();
    let expected = [Value::Number(200), Value::Number(200 * 3_000_000), Value::text("measured")];
    assert_eq!(["redundant_tokens", "redundant_cost", "redundant_basis"].map(cell), expected);
}

#[test]
fn the_largest_waste_comes_first_and_names_its_lines() {
    let lines = lines().whole().whole().read("/w/b", 1, 100, "b").read("/w/b", 1, 100, "b").read("/w/b", 1, 100, "b");
    let dataset = dataset(&[("p/s.jsonl", &lines.lines)]);
    let rows = rows(&Selection::new(&dataset, &Query::all()).expect("a valid query"), &Epochs::new(&dataset));
    let costs = ResultCosts::new(&dataset, &Epochs::new(&dataset), crate::prices::Prices::builtin());
    let table = table(&dataset, &rows, &costs);
    let files = table.column("file").expect("a column");
    assert_eq!(table.rows.iter().map(|row| row[files].clone()).collect::<Vec<_>>(), [Value::text("/w/b"), Value::text("/w/a")]);
    let examples = table.column("examples").expect("a column");
    assert_eq!(table.rows[1][examples], Value::List(vec![Untrusted::new("s:p/s.jsonl:3")]));
    assert_eq!(
        advice(&rows).as_deref(),
        Some(
            "2 files were read again unchanged 3 times: what it is asked for often belongs into CLAUDE.md, or into one read of the whole file"
        )
    );
}
