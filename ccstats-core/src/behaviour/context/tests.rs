use super::*;
use crate::query::Query;
use crate::testing::dataset;
use crate::untrusted::Untrusted;

const OPUS: &str = "claude-opus-4-5";

/// A line of the session `s`, at a time of one day.
fn line(kind: &str, time: &str, members: &str) -> String {
    format!(r#"{{"type":"{kind}","sessionId":"s","cwd":"/p","timestamp":"2026-11-20T{time}Z",{members}}}"#)
}

/// A response with its input, cache writes for five minutes and an hour, cache read, output.
struct Response<'r> {
    id: &'r str,
    time: &'r str,
    tokens: [u64; 5],
    model: &'r str,
    /// Members of the line, and of the message.
    members: &'r str,
    inner: &'r str,
}

fn response(id: &str, time: &str, tokens: [u64; 5]) -> String {
    written(Response { id, time, tokens, model: OPUS, members: "", inner: "" })
}

fn written(response: Response) -> String {
    let Response { id, time, tokens: [input, five, hour, read, output], model, members, inner } = response;
    let write = five + hour;
    line(
        "assistant",
        time,
        &format!(
            r#""uuid":"u{id}",{members}"message":{{"id":"msg_{id}","model":"{model}",{inner}"usage":{{"input_tokens":{input},"output_tokens":{output},"cache_creation_input_tokens":{write},"cache_read_input_tokens":{read},"cache_creation":{{"ephemeral_5m_input_tokens":{five},"ephemeral_1h_input_tokens":{hour}}}}}}}"#
        ),
    )
}

fn call(id: &str, time: &str, tool: &str) -> String {
    line(
        "assistant",
        time,
        &format!(r#""message":{{"id":"msg_of_{id}","content":[{{"type":"tool_use","id":"toolu_{id}","name":"{tool}","input":{{}}}}]}}"#),
    )
}

fn result(id: &str, time: &str, text: &str) -> String {
    line("user", time, &format!(r#""message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{id}","content":"{text}"}}]}}"#))
}

fn prompt(time: &str) -> String {
    line("user", time, r#""message":{"content":"go"}"#)
}

fn boundary(uuid: &str, time: &str, metadata: &str) -> String {
    line("system", time, &format!(r#""uuid":"{uuid}","subtype":"compact_boundary","compactMetadata":{{{metadata}}}"#))
}

fn summary(uuid: &str, time: &str) -> String {
    line("user", time, &format!(r#""uuid":"{uuid}","isCompactSummary":true,"message":{{"content":"This session is …"}}"#))
}

fn contexts(lines: &[String]) -> Vec<SessionContext> {
    rows(&Selection::new(&dataset(&[("p/s.jsonl", lines)]), &Query::all()).expect("no globs"), Prices::builtin())
}

fn context(lines: &[String]) -> SessionContext {
    contexts(lines).pop().expect("one session")
}

fn reasons(lines: &[String]) -> Vec<(u64, Reason)> {
    context(lines).rebuilds.iter().map(|rebuild| (rebuild.tokens, rebuild.reason)).collect()
}

#[test]
fn a_boundary_and_its_summary_are_one_compaction() {
    let lines = [
        response("1", "10:00:00", [0, 100, 0, 0, 1]),
        boundary("b1", "10:01:00", r#""trigger":"auto","preTokens":160000"#),
        summary("s1", "10:01:01"),
        response("2", "10:02:00", [0, 50, 0, 0, 1]),
        // A clock that went back puts the summary first.
        summary("s2", "10:03:00"),
        boundary("b2", "10:03:01", r#""trigger":"manual","preTokens":90000"#),
        response("3", "10:04:00", [0, 50, 0, 0, 1]),
        summary("s3", "10:05:00"),
    ];
    let context = context(&lines);
    assert_eq!((context.auto, context.manual, context.untold), (1, 1, 1));
    assert_eq!((context.compactions(), context.tokens_before), (3, Some(160_000)));
}

#[test]
fn the_largest_context_is_that_of_one_response() {
    let lines = [response("1", "10:00:00", [1, 2, 4, 8, 16]), response("2", "10:01:00", [1, 1, 1, 1, 99])];
    assert_eq!(context(&lines).largest_context, 15);
}

#[test]
fn the_largest_jump_names_the_tool_of_the_largest_result() {
    let lines = [
        response("1", "10:00:00", [0, 1_000, 0, 0, 100]),
        call("a", "10:00:01", "Read"),
        call("b", "10:00:01", "Grep"),
        result("a", "10:00:02", "a long result"),
        result("b", "10:00:03", "short"),
        response("2", "10:00:04", [0, 5_000, 0, 1_000, 100]),
        prompt("10:01:00"),
        response("3", "10:01:04", [0, 200, 0, 6_000, 100]),
    ];
    let (jump, tools) = (context(&lines).largest_jump.expect("it grew"), dataset(&[("p/s.jsonl", &lines)]));
    assert_eq!(jump.tokens, 4_900);
    let row = cells(&tools, &rows(&Selection::new(&tools, &Query::all()).expect("no globs"), Prices::builtin())[0]);
    assert!(row.contains(&Value::text("Read")), "{row:?}");
}

#[test]
fn what_the_model_wrote_itself_is_no_jump() {
    let lines = [response("1", "10:00:00", [0, 1_000, 0, 0, 500]), prompt("10:00:30"), response("2", "10:01:00", [0, 600, 0, 1_000, 1])];
    let jump = context(&lines).largest_jump.expect("it grew");
    assert_eq!((jump.tokens, jump.cause), (100, Cause::Prompt));
    let lines = [response("1", "10:00:00", [0, 1_000, 0, 0, 500]), response("2", "10:01:00", [0, 500, 0, 1_000, 1])];
    assert!(context(&lines).largest_jump.is_none());
}

#[test]
fn a_result_of_a_call_that_did_not_run_is_no_cause() {
    let lines = [
        response("1", "10:00:00", [0, 1_000, 0, 0, 1]),
        call("a", "10:00:01", "Bash"),
        result("a", "10:00:02", "[Request interrupted by user for tool use]"),
        prompt("10:00:30"),
        response("2", "10:01:00", [0, 600, 0, 1_000, 1]),
    ];
    assert_eq!(context(&lines).largest_jump.expect("it grew").cause, Cause::Prompt);
}

#[test]
fn a_cache_that_is_read_whole_is_no_rebuild() {
    let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "10:01:00", [5, 500, 0, 10_000, 1])];
    let context = context(&lines);
    assert_eq!((context.rebuilt_tokens, context.rebuilds.len(), context.extra_cost()), (0, 0, Some(0)));
}

#[test]
fn small_rebuilds_count_as_tokens_and_not_as_events() {
    let with = |first: u64, read| {
        let again = first - read;
        let context = context(&[response("1", "10:00:00", [0, first, 0, 0, 1]), response("2", "10:01:00", [0, again, 0, read, 1])]);
        (context.rebuilt_tokens, context.rebuilds.len())
    };
    assert_eq!(with(10_000, 8_000), (2_000, 1));
    assert_eq!(with(10_000, 8_001), (1_999, 0));
    assert_eq!(with(100_000, 95_000), (5_000, 0));
    assert_eq!(with(100_000, 94_999), (5_001, 1));
}

#[test]
fn a_rebuild_is_never_larger_than_the_prompt() {
    let lines = [response("1", "10:00:00", [0, 90_000, 0, 0, 1]), response("2", "10:01:00", [0, 5_000, 0, 2_000, 1])];
    assert_eq!(reasons(&lines), [(5_000, Reason::Unknown)]);
}

#[test]
fn a_pause_is_measured_from_request_to_request_by_the_cache_that_was_written() {
    let five_minutes = |asked: &str, answered: &str| {
        let first = [prompt("10:00:00"), response("1", "10:00:10", [0, 10_000, 0, 0, 1])];
        reasons(&[&first[..], &[prompt(asked), response("2", answered, [0, 10_000, 0, 0, 1])]].concat())
    };
    assert_eq!(five_minutes("10:05:01", "10:05:05"), [(10_000, Reason::Pause)]);
    assert_eq!(five_minutes("10:04:59", "10:09:00"), [(10_000, Reason::Unknown)]);
    let one_hour = |asked: &str| {
        let first = [prompt("10:00:00"), response("1", "10:00:10", [0, 0, 10_000, 0, 1])];
        // A response that only reads keeps the cache alive, and its life as it was.
        let read = [prompt("10:30:00"), response("2", "10:30:01", [9, 0, 0, 10_000, 1])];
        reasons(&[&first[..], &read, &[prompt(asked), response("3", asked, [0, 0, 10_000, 0, 1])]].concat())
    };
    assert_eq!(one_hour("11:29:59"), [(10_000, Reason::Unknown)]);
    assert_eq!(one_hour("11:30:01"), [(10_000, Reason::Pause)]);
}

#[test]
fn another_model_and_changed_tools_are_reasons_before_a_pause() {
    let second = |model: &str, inner: &str| {
        let tokens = [0, 10_000, 0, 0, 1];
        let second = written(Response { id: "2", time: "12:00:00", tokens, model, members: "", inner });
        reasons(&[response("1", "10:00:00", tokens), second])
    };
    assert_eq!(second("claude-sonnet-4-5", ""), [(10_000, Reason::OtherModel)]);
    let why = |reason: &str| format!(r#""diagnostics":{{"cache_miss_reason":{{"type":"{reason}","cache_missed_input_tokens":9}}}},"#);
    assert_eq!(second(OPUS, &why("tools_changed")), [(10_000, Reason::ToolsChanged)]);
    assert_eq!(second(OPUS, &why("unavailable")), [(10_000, Reason::Pause)]);
    assert_eq!(second(OPUS, r#""diagnostics":null,"#), [(10_000, Reason::Pause)]);
}

#[test]
fn nothing_is_rebuilt_across_a_compaction() {
    let (first, second) = (response("1", "10:00:00", [0, 90_000, 0, 0, 1]), response("2", "10:02:00", [0, 90_000, 0, 0, 1]));
    for cut in [boundary("b", "10:01:00", ""), summary("s", "10:01:00")] {
        let context = context(&[first.clone(), cut, second.clone()]);
        assert_eq!((context.rebuilt_tokens, context.compactions()), (0, 1));
        assert!(context.largest_jump.is_none());
    }
}

#[test]
fn a_rewind_goes_back_to_the_response_that_it_hangs_on() {
    let hung = |uuid: &str, parent: &str, time: &str| {
        line("user", time, &format!(r#""uuid":"{uuid}","parentUuid":"{parent}","message":{{"content":"go"}}"#))
    };
    let lines = |parent: &str| {
        [
            hung("p1", "", "10:00:00"),
            response("1", "10:00:10", [0, 50_000, 0, 0, 1]),
            hung("p2", "u1", "10:01:00"),
            response("2", "10:01:10", [0, 40_000, 0, 50_000, 1]),
            hung("p3", parent, "10:02:00"),
            response("3", "10:02:10", [0, 9_000, 0, 50_000, 1]),
        ]
    };
    assert_eq!(reasons(&lines("u1")), []);
    assert_eq!(reasons(&lines("u2")), [(9_000, Reason::Unknown)]);
    // Back to the summary is not back behind the compaction.
    let compacted = [
        response("1", "10:00:10", [0, 50_000, 0, 0, 1]),
        boundary("b", "10:00:20", ""),
        response("2", "10:01:10", [0, 5_000, 0, 0, 1]),
        hung("p3", "b", "10:02:00"),
        response("3", "10:02:10", [0, 9_000, 0, 0, 1]),
    ];
    assert_eq!(reasons(&compacted), []);
}

#[test]
fn a_jump_is_told_only_where_the_response_before_is_the_past() {
    let first = response("1", "10:00:00", [0, 1_000, 0, 0, 1]);
    let other = Response { id: "2", time: "10:01:00", tokens: [0, 5_000, 0, 0, 1], model: "claude-sonnet-4-5", members: "", inner: "" };
    assert!(context(&[first.clone(), written(other)]).largest_jump.is_none());
    // Two programs that write one session: the cache is the other's.
    assert!(context(&[first, response("2", "10:01:00", [0, 100, 0, 5_000, 1])]).largest_jump.is_none());
}

#[test]
fn subagents_are_threads_of_their_own() {
    let agent = |id, time, tokens, members| written(Response { id, time, tokens, model: OPUS, members, inner: "" });
    let with = |members| {
        reasons(&[
            response("1", "10:00:00", [0, 90_000, 0, 0, 1]),
            agent("2", "10:00:10", [0, 8_000, 0, 0, 1], members),
            response("3", "10:00:20", [0, 0, 0, 90_000, 1]),
            agent("4", "10:00:30", [0, 8_000, 0, 0, 1], members),
        ])
    };
    assert_eq!(with(r#""agentId":"a","isSidechain":true,"#), [(8_000, Reason::Unknown)]);
    // Without an id these may be two agents.
    assert_eq!(with(r#""isSidechain":true,"#), []);
}

#[test]
fn an_advisor_is_no_response_of_the_thread() {
    let advisor =
        r#""iterations":[{"type":"advisor_message","model":"claude-opus-4-8","input_tokens":5,"cache_creation_input_tokens":70000}],"#;
    let first = response("1", "10:00:00", [0, 10_000, 0, 0, 1]).replace(r#""usage":{"#, &format!(r#""usage":{{{advisor}"#));
    let context = context(&[first, response("2", "10:01:00", [0, 10, 0, 10_000, 1])]);
    assert_eq!((context.rebuilt_tokens, context.largest_context), (0, 10_010));
}

#[test]
fn the_extra_cost_is_that_of_writing_less_that_of_reading() {
    let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "10:01:00", [10, 3_000, 6_990, 0, 1])];
    // Opus 4.5: $10 for an hour, $6.25 for five minutes, $5 for input, $0.50 read.
    let million = 1_000_000;
    let expected = (6_990 * 950 + 3_000 * 575 + 10 * 450) * million / 100;
    assert_eq!(context(&lines).extra_cost(), Some(expected));
    let unknown = |line: &String| line.replace(OPUS, "nobody-knows");
    assert_eq!(context(&lines.each_ref().map(unknown)).extra_cost(), None);
}

#[test]
fn a_range_keeps_what_happened_in_it_and_looks_back_for_what_stood_in_the_cache() {
    let lines = [
        response("1", "10:00:00", [0, 50_000, 0, 0, 1]),
        response("2", "11:00:00", [0, 20_000, 0, 0, 1]),
        response("3", "12:00:00", [0, 60_000, 0, 0, 1]),
    ];
    let start = chrono::DateTime::parse_from_rfc3339("2026-11-20T10:30:00Z").expect("valid").timestamp_millis();
    let bounds = crate::time::Bounds::Instants(start, start + 3_600_000);
    let query = Query { range: crate::time::Range { name: "x".into(), bounds }, ..Query::all() };
    let rows = rows(&Selection::new(&dataset(&[("p/s.jsonl", &lines)]), &query).expect("no globs"), Prices::builtin());
    assert_eq!((rows[0].largest_context, rows[0].rebuilt_tokens), (20_000, 20_000));
}

#[test]
fn the_table_and_its_totals_have_a_cell_for_every_column() {
    let lines = [response("1", "10:00:00", [0, 10_000, 0, 0, 1]), response("2", "11:00:00", [0, 10_000, 0, 0, 1])];
    let dataset = dataset(&[("p/s.jsonl", &lines)]);
    let rows = rows(&Selection::new(&dataset, &Query::all()).expect("no globs"), Prices::builtin());
    let (table, totals) = (table(&dataset, &rows), totals(&rows));
    assert_eq!((table.columns.len(), totals.columns.len()), (table.rows[0].len(), totals.rows[0].len()));
    assert_eq!(table.rows[0].last(), Some(&Value::List(vec![Untrusted::new("s:p/s.jsonl:2")])));
    let advice = advice(&rows).expect("there is a pause");
    assert!(advice.starts_with("the cache was rebuilt 1 time for about $0.06, 1 time after a pause"), "{advice}");
}
