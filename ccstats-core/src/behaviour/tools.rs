//! Calls by tool, or by another name that they have: what became of them, how
//! long they took, and what their results cost.

use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::behaviour::calls;
use crate::behaviour::changes::Reach;
use crate::behaviour::cost::{ResultCost, ResultCosts};
use crate::dataset::{Dataset, Ending};
use crate::outcome::{DeniedBy, Outcome};
use crate::query::Selection;
use crate::rows::{CallRow, Command};
use crate::shell;
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::tally::Calls;

/// What calls are counted by. A call that has no such name is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallsBy {
    /// The tool.
    #[default]
    Tool,
    /// The tool; all tools of one MCP server are one.
    Server,
    /// The command, as `failures` names it.
    Command,
    /// The file that the call names.
    File,
    /// The skill.
    Skill,
    /// The kind of subagent that was started.
    Agent,
}

impl CallsBy {
    /// The name of the column.
    fn column(self) -> &'static str {
        match self {
            CallsBy::Tool | CallsBy::Server => "tool",
            CallsBy::Command => "command",
            CallsBy::File => "file",
            CallsBy::Skill => "skill",
            CallsBy::Agent => "agent",
        }
    }

    /// What a call is counted under, before names are folded.
    fn key(self, dataset: &Dataset, call: &CallRow) -> Option<Key> {
        let tool = dataset.symbols().bytes(call.tool);
        let named = |symbol: Symbol| Some(symbol).filter(|symbol| !symbol.is_none());
        let name = match self {
            CallsBy::Tool | CallsBy::Server => Some(call.tool),
            CallsBy::Command => return call.known_command().filter(|command| !command.is_none()).map(Key::Command),
            CallsBy::File => named(call.named_path()).filter(|_| matches!(Reach::of(tool, false), Reach::Read | Reach::Edit)),
            CallsBy::Skill => named(call.target).filter(|_| tool == b"Skill"),
            CallsBy::Agent => matches!(tool, b"Agent" | b"Task").then(|| dataset.started_agent_kind(call)),
        };
        name.map(Key::Name)
    }

    fn name(self, dataset: &Dataset, key: Key) -> String {
        let name = match key {
            Key::Name(name) => dataset.symbols().name(name),
            Key::Command(Command::Text(text)) => shell::parse(&dataset.symbols().name(text)).failing_key().key.into(),
            Key::Command(Command::Stored(stored)) => dataset.symbols().name(stored.key),
        };
        match self {
            CallsBy::Server => with_server_for_tool(&name),
            CallsBy::Command | CallsBy::Agent if name.is_empty() => "unknown".into(),
            _ => name.into_owned(),
        }
    }
}

/// What calls are counted under.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Name(Symbol),
    Command(Command),
}

/// `mcp__github__*` for `mcp__github__get_issue`: as a filter takes it.
fn with_server_for_tool(tool: &str) -> String {
    let server = tool.strip_prefix("mcp__").and_then(|rest| rest.split_once("__"));
    server.map_or_else(|| tool.into(), |(server, _)| format!("mcp__{server}__*"))
}

/// What calls of one name add up to.
#[derive(Clone, Debug)]
pub(crate) struct Use {
    pub(crate) calls: Calls,
    /// In the order of [`DeniedBy::ALL`].
    pub(crate) denials: [u64; DeniedBy::ALL.len()],
    /// How long each call took of which it is known, in no order.
    pub(crate) durations_ms: Vec<u64>,
    /// What their results cost.
    pub(crate) cost: ResultCost,
}

impl Use {
    const NONE: Use = Use { calls: Calls::NONE, denials: [0; DeniedBy::ALL.len()], durations_ms: Vec::new(), cost: ResultCost::NONE };

    fn add(&mut self, other: &Use) {
        self.calls += other.calls;
        self.denials.iter_mut().zip(other.denials).for_each(|(count, more)| *count += more);
        self.durations_ms.extend(&other.durations_ms);
        self.cost = self.cost.plus(other.cost);
    }

    fn of(call: &CallRow, ending: Ending, costs: &ResultCosts) -> Use {
        let mut uses = Use {
            durations_ms: ending.duration_ms.into_iter().collect(),
            cost: costs.of(call.key).unwrap_or(ResultCost::NONE),
            ..Use::NONE
        };
        uses.calls.add(ending.outcome);
        uses.denials = DeniedBy::ALL.map(|by| u64::from(ending.denied_by == Some(by)));
        uses
    }
}

/// Calls by name, the most frequent first.
pub(crate) fn uses(selection: &Selection, costs: &ResultCosts, by: CallsBy) -> Vec<(String, Use)> {
    let dataset = selection.dataset();
    let keyed = selection.calls().filter_map(|(call, ending)| Some((by.key(dataset, call)?, Use::of(call, ending, costs))));
    let by_key: Vec<(Key, Use)> = sums(keyed).into_iter().collect();
    // To understand a command takes long, so each is read once.
    let names = calls::in_parallel(&by_key, |(key, _)| by.name(dataset, *key));
    let mut rows: Vec<_> = sums(names.into_iter().zip(by_key.into_iter().map(|(_, uses)| uses))).into_iter().collect();
    rows.sort_by(|(name, uses), (other_name, other)| other.calls.count().cmp(&uses.calls.count()).then_with(|| name.cmp(other_name)));
    rows
}

fn sums<K: Hash + Eq>(uses: impl Iterator<Item = (K, Use)>) -> FxHashMap<K, Use> {
    let mut sums = FxHashMap::default();
    for (key, one) in uses {
        sums.entry(key).or_insert(Use::NONE).add(&one);
    }
    sums
}

/// One row per name.
pub(crate) fn table(by: CallsBy, rows: &[(String, Use)]) -> Table {
    let columns = [&[(by.column(), Kind::Text)], &figures()[..]].concat();
    let mut table = Table::new(&columns).details(&DETAILS);
    table.extend(rows.iter().map(|(name, uses)| [vec![Value::text(name)], cells(uses)].concat()));
    table
}

/// One row: all calls together.
pub(crate) fn totals(rows: &[(String, Use)]) -> Table {
    let mut all = Use::NONE;
    rows.iter().for_each(|(_, uses)| all.add(uses));
    let mut table = Table::new(&figures()).details(&DETAILS);
    table.push(cells(&all));
    table
}

/// The middle one; of two the smaller.
fn median(times: &[u64]) -> Option<u64> {
    let mut times = times.to_vec();
    let middle = times.len().checked_sub(1)? / 2;
    Some(*times.select_nth_unstable(middle).1)
}

fn sum(times: &[u64]) -> Option<u64> {
    times.iter().copied().reduce(|a, b| a + b)
}

/// What only a wide screen has room for: outcomes that are rare, and a time in
/// which a person may have been asked now and then.
const DETAILS: [&str; 13] = [
    "tool_error",
    "denied",
    "cancelled",
    "interrupted",
    "background",
    "soft_nonzero",
    "no_result",
    "denied_by_user",
    "denied_by_rule",
    "denied_by_hook",
    "denied_by_classifier",
    "duration_ms",
    "result_basis",
];

/// The columns behind [`Use::denials`].
const DENIALS: [(&str, Kind); DeniedBy::ALL.len()] = [
    ("denied_by_user", Kind::Count),
    ("denied_by_rule", Kind::Count),
    ("denied_by_hook", Kind::Count),
    ("denied_by_classifier", Kind::Count),
];

fn figures() -> Vec<(&'static str, Kind)> {
    let mut columns = vec![("count", Kind::Count)];
    columns.extend(Outcome::ALL.map(|outcome| (outcome.name(), Kind::Count)));
    columns.extend(DENIALS);
    columns.extend([("failure_rate", Kind::Share), ("median_ms", Kind::Duration), ("duration_ms", Kind::Duration)]);
    columns.extend([("result_tokens", Kind::Tokens), ("result_cost", Kind::Money), ("result_basis", Kind::Text)]);
    columns
}

fn cells(uses: &Use) -> Vec<Value> {
    let Use { calls, denials, durations_ms, cost } = uses;
    let mut cells = vec![calls.count().into()];
    cells.extend(Outcome::ALL.map(|outcome| Value::from(calls.with(outcome))));
    cells.extend(denials.map(Value::from));
    cells.push(calls.failure_rate().map_or(Value::None, Value::Share));
    cells.extend([median(durations_ms), sum(durations_ms)].map(|time| time.map_or(Value::None, Value::from)));
    cells.extend([cost.tokens.into(), cost.cost_picodollars.into(), Value::text(cost.basis.name())]);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::epochs::Epochs;
    use crate::prices::Prices;
    use crate::query::Query;
    use crate::testing::dataset;

    /// The line of a call in second `at`, its id `toolu_AT`.
    fn call(at: u32, tool: &str, input: &str) -> String {
        let usage = r#"{"input_tokens":10,"output_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}"#;
        let block = format!(r#"{{"type":"tool_use","id":"toolu_{at}","name":"{tool}","input":{{{input}}}}}"#);
        format!(
            r#"{{"type":"assistant","sessionId":"s","timestamp":"2026-11-03T10:00:{at:02}Z","message":{{"id":"msg_{at}","model":"claude-opus-4-5","stop_reason":"end_turn","usage":{usage},"content":[{block}]}}}}"#
        )
    }

    /// The line of the result of `toolu_OF`, with what the tool reports.
    fn result(at: u32, of: u32, content: &str, rest: &str) -> String {
        let block = format!(r#"{{"type":"tool_result","tool_use_id":"toolu_{of}",{content}}}"#);
        format!(r#"{{"type":"user","sessionId":"s","timestamp":"2026-11-03T10:00:{at:02}Z","message":{{"content":[{block}]}}{rest}}}"#)
    }

    fn rows(lines: &[String], by: CallsBy) -> Vec<(String, Use)> {
        let dataset = dataset(&[("p/s.jsonl", lines)]);
        let query = Query::all();
        let selection = Selection::new(&dataset, &query).expect("no globs");
        uses(&selection, &ResultCosts::new(&dataset, &Epochs::new(&dataset), Prices::builtin()), by)
    }

    fn counts(lines: &[String], by: CallsBy) -> Vec<(String, u64)> {
        rows(lines, by).into_iter().map(|(name, uses)| (name, uses.calls.count())).collect()
    }

    #[test]
    fn calls_are_counted_by_whichever_name_is_asked_for() {
        let lines = [
            call(1, "mcp__git__log", ""),
            call(2, "mcp__git__show", ""),
            call(3, "mcp__", ""),
            call(4, "Bash", r#""command":"cargo test -q && echo ok""#),
            call(5, "Bash", r#""command":"cd x; cargo test""#),
            call(6, "Read", r#""file_path":"/a""#),
            call(10, "Read", r#""path":"/a""#),
            call(11, "Grep", r#""path":"/a","pattern":"x""#),
            call(7, "Skill", r#""skill":"review""#),
            call(8, "Task", r#""subagent_type":"Explore""#),
            call(9, "Task", ""),
        ];
        let of = |by| counts(&lines, by).into_iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>();
        assert_eq!(of(CallsBy::Server), ["Bash 2", "Read 2", "Task 2", "mcp__git__* 2", "Grep 1", "Skill 1", "mcp__ 1"]);
        assert_eq!(of(CallsBy::Tool).len(), 8);
        assert_eq!(of(CallsBy::Command), ["cargo test 2"]);
        assert_eq!(of(CallsBy::File), ["/a 2"]);
        assert_eq!(of(CallsBy::Skill), ["review 1"]);
        assert_eq!(of(CallsBy::Agent), ["Explore 1", "unknown 1"]);
    }

    fn only(lines: &[String]) -> Use {
        let rows = rows(lines, CallsBy::Tool);
        let [(_, uses)] = &rows[..] else { panic!("one tool") };
        uses.clone()
    }

    const NONE: [u64; 0] = [];

    #[test]
    fn a_call_takes_as_long_as_the_tool_says_or_else_until_its_result() {
        let of = |rest: &str| only(&[call(1, "T", ""), result(8, 1, r#""content":"x""#, rest)]).durations_ms;
        assert_eq!(of(""), [7000]);
        assert_eq!(of(r#","toolUseResult":{"durationMs":42}"#), [42]);
        assert_eq!(of(r#","toolUseResult":{"totalDurationMs":43}"#), [43]);
        assert_eq!(of(r#","toolUseResult":{"durationSeconds":1.25}"#), [1250]);
        assert_eq!(of(r#","toolUseResult":{"durationSeconds":"soon"}"#), [7000]);
        // It goes on, or never ran.
        assert_eq!(of(r#","toolUseResult":{"backgroundTaskId":"b"}"#), NONE);
        assert_eq!(only(&[call(1, "T", "")]).durations_ms, NONE);
        // A clock that went back.
        assert_eq!(only(&[call(8, "T", ""), result(1, 8, r#""content":"x""#, "")]).durations_ms, NONE);
    }

    #[test]
    fn the_middle_time_is_not_moved_by_one_that_waited_for_a_person() {
        assert_eq!([median(&[5, 1, 900]), median(&[2, 1]), median(&[])], [Some(5), Some(1), None]);
    }

    #[test]
    fn a_denial_says_who_denied() {
        let of = |text: &str, rest: &str| {
            let denials = only(&[call(1, "T", ""), result(2, 1, &format!(r#""is_error":true,"content":"{text}""#), rest)]).denials;
            DeniedBy::ALL.into_iter().zip(denials).filter(|(_, count)| *count > 0).map(|(by, _)| by.name()).collect::<Vec<_>>()
        };
        assert_eq!(of("The user doesn't want to proceed with this tool use.", ""), ["user"]);
        assert_eq!(of("no", r#","toolUseResult":"User rejected tool use""#), ["user"]);
        assert_eq!(of("no", r#","toolDenialKind":"user-rejected""#), ["user"]);
        assert_eq!(of("This command requires approval", ""), ["rule"]);
        assert_eq!(of("no", r#","toolDenialKind":"permission-rule""#), ["rule"]);
        assert_eq!(of("PreToolUse:Bash hook error: no", ""), ["hook"]);
        assert_eq!(of("no", r#","toolDenialKind":"automode-blocked""#), ["classifier"]);
        assert_eq!(of("no", ""), [""; 0]);
    }

    #[test]
    fn a_skill_costs_the_text_that_it_brought() {
        let body = "x".repeat(4000);
        let text = format!(
            r#"{{"type":"user","isMeta":true,"sourceToolUseID":"toolu_1","sessionId":"s","uuid":"m","timestamp":"2026-11-03T10:00:02Z","message":{{"content":[{{"type":"text","text":"{body}"}}]}}}}"#
        );
        let next = call(3, "T", "").replace(r#""input_tokens":10"#, r#""input_tokens":1020"#);
        let lines = [call(1, "Skill", r#""skill":"review""#), result(2, 1, r#""content":"Launching skill: review""#, ""), text, next];
        let rows = rows(&lines, CallsBy::Skill);
        let [(_, review)] = &rows[..] else { panic!("one skill") };
        assert_eq!((review.cost.tokens, review.cost.basis.name()), (1000, "measured"));
    }
}
