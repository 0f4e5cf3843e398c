//! What a session is called and what it was made of, beside its totals.
//!
//! Titles take the precedence of `docs/format.md` 4. Active time is measured between
//! the lines of a session: gaps over five minutes are left out, and subagents that
//! work side by side count once.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dataset::Dataset;
use crate::query::Selection;
use crate::rows::{MessageRow, Order, Origin, PromptRow, TitleRank, TitleRow};
use crate::symbols::Symbol;
use crate::table::{Column, Kind, Table, Value};
use crate::untrusted::Untrusted;

/// What is told of a session beside its sums.
#[derive(Clone, Debug, Default)]
struct Traits {
    /// The title, else the first prompt.
    title: Symbol,
    /// The project of the first of its messages, prompts and calls, and when that was.
    first: Option<(Order, Symbol)>,
    active_ms: i64,
    /// The session that this one was branched off.
    parent: Symbol,
    /// In the order of their first use.
    branches: Names,
    versions: Names,
    models: Names,
    subagents: FxHashSet<Symbol>,
    /// Addresses, in the order of their names.
    pull_requests: Names,
}

/// Names in the order in which they came, each once.
#[derive(Clone, Debug, Default)]
struct Names {
    in_order: Vec<Symbol>,
    /// A session may have as many names as lines.
    seen: FxHashSet<Symbol>,
}

impl Names {
    fn add(&mut self, name: Symbol) {
        if !name.is_none() && self.seen.insert(name) {
            self.in_order.push(name);
        }
    }
}

/// The traits of every session of which the query selects something.
fn traits(selection: &Selection) -> FxHashMap<Symbol, Traits> {
    let dataset = selection.dataset();
    let mut sessions: FxHashMap<Symbol, Traits> = FxHashMap::default();
    for row in messages(selection) {
        let traits = sessions.entry(row.origin.session).or_default();
        traits.agent(&row.origin);
        traits.place(dataset, &row.origin);
        traits.branches.add(row.origin.branch);
        traits.versions.add(row.origin.version);
        traits.models.add(row.model);
    }
    for row in selection.prompts() {
        sessions.entry(row.origin.session).or_default().place(dataset, &row.origin);
    }
    for (row, _) in selection.calls() {
        let traits = sessions.entry(row.origin.session).or_default();
        traits.agent(&row.origin);
        traits.place(dataset, &row.origin);
    }
    for (session, stamps) in activity(selection) {
        sessions.entry(session).or_default().active_ms = active_ms(stamps);
    }
    for (session, url) in &dataset.facts().pull_requests {
        if let Some(traits) = sessions.get_mut(session) {
            traits.pull_requests.add(*url);
        }
    }
    for (session, parent) in &dataset.facts().forks {
        if let Some(traits) = sessions.get_mut(session) {
            traits.parent = first_named(dataset, traits.parent, *parent);
        }
    }
    let titles = titles(dataset);
    for (session, traits) in &mut sessions {
        traits.title = titles.get(session).copied().unwrap_or_default();
        traits.pull_requests.in_order.sort_by_key(|url| dataset.symbols().bytes(*url));
    }
    sessions
}

/// The messages of the sessions, each session in order.
fn messages<'d>(selection: &Selection<'d>) -> Vec<&'d MessageRow> {
    let dataset = selection.dataset();
    let mut messages: Vec<&MessageRow> = selection.messages().collect();
    // Steps of other models stand in the line of their response. Keys may be of places, which
    // a store counts otherwise.
    let name = |row: &MessageRow| dataset.symbols().bytes(row.model);
    let place = |row: &MessageRow| (row.origin.session, row.origin.order, row.is_advisor);
    messages.sort_unstable_by(|a, b| place(a).cmp(&place(b)).then_with(|| name(a).cmp(name(b))));
    messages
}

impl Traits {
    fn agent(&mut self, origin: &Origin) {
        if !origin.agent.is_none() {
            self.subagents.insert(origin.agent);
        }
    }

    fn project(&self) -> Symbol {
        self.first.map_or(Symbol::NONE, |(_, project)| project)
    }

    fn place(&mut self, dataset: &Dataset, origin: &Origin) {
        if self.first.is_none_or(|(first, _)| origin.order < first) {
            self.first = Some((origin.order, dataset.project(origin.project)));
        }
    }
}

/// Of two names the one that sorts first; none is no name.
fn first_named(dataset: &Dataset, a: Symbol, b: Symbol) -> Symbol {
    let bytes = |symbol| dataset.symbols().bytes(symbol);
    if a.is_none() || !b.is_none() && bytes(b) < bytes(a) { b } else { a }
}

/// The times at which something happened in each session. Copies count where
/// the original stands, so that a resumed session is not active twice.
fn activity(selection: &Selection) -> FxHashMap<Symbol, Vec<i64>> {
    let mut stamps: FxHashMap<Symbol, Vec<i64>> = FxHashMap::default();
    let mut push = |session, stamp: Option<i64>| stamps.entry(session).or_default().extend(stamp);
    for row in selection.messages() {
        push(row.origin.session, row.origin.order.stamp_ms());
    }
    for (call, _) in selection.calls() {
        push(call.origin.session, call.origin.order.stamp_ms());
        push(call.origin.session, selection.dataset().facts().results.get(call.key).and_then(|result| result.order.stamp_ms()));
    }
    selection.prompts().for_each(|row| push(row.origin.session, row.origin.order.stamp_ms()));
    stamps
}

/// The time between the first and the last, without longer gaps.
fn active_ms(mut stamps: Vec<i64>) -> i64 {
    const LONGEST_GAP_MS: i64 = 300_000;
    stamps.sort_unstable();
    stamps.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap <= LONGEST_GAP_MS).sum()
}

/// The title of every session that has one: that which a person gave, the agent's
/// name, Claude's title, a summary of one of its lines, else its first prompt.
fn titles(dataset: &Dataset) -> FxHashMap<Symbol, Symbol> {
    let facts = dataset.facts();
    let is_named = |row: &&TitleRow| row.rank != TitleRank::Summary && !row.title.is_none() && !row.session.is_none();
    let mut named: Vec<&TitleRow> = facts.titles.iter().filter(is_named).collect();
    // The best kind first; of one kind the last that was written.
    named.sort_unstable_by_key(|row| (row.rank, std::cmp::Reverse(row.place)));
    let mut titles = FxHashMap::default();
    for row in named {
        titles.entry(row.session).or_insert(row.title);
    }
    for (session, title) in summaries(dataset) {
        titles.entry(session).or_insert(title);
    }
    for (session, title) in first_prompts(dataset.prompts()) {
        titles.entry(session).or_insert(title);
    }
    titles
}

/// A summary names the line that its conversation ended with, and mostly stands in
/// another session's file. It is the title of every session that holds the line;
/// of several the one about the latest line.
fn summaries(dataset: &Dataset) -> FxHashMap<Symbol, Symbol> {
    let facts = dataset.facts();
    let mut about: FxHashMap<u64, &TitleRow> = FxHashMap::default();
    for row in facts.titles.iter().filter(|row| row.rank == TitleRank::Summary && row.leaf != 0 && !row.title.is_none()) {
        let last = about.entry(row.leaf).or_insert(row);
        if row.place > last.place {
            *last = row;
        }
    }
    let mut latest: FxHashMap<Symbol, (i64, &TitleRow)> = FxHashMap::default();
    if about.is_empty() {
        return FxHashMap::default();
    }
    for line in &facts.uuids {
        let Some(row) = about.get(&line.uuid) else { continue };
        let known = latest.entry(line.session).or_insert((line.stamp_ms, row));
        if (line.stamp_ms, row.place) > (known.0, known.1.place) {
            *known = (line.stamp_ms, row);
        }
    }
    latest.into_iter().map(|(session, (_, row))| (session, row.title)).collect()
}

fn first_prompts(prompts: &[PromptRow]) -> FxHashMap<Symbol, Symbol> {
    let mut first: FxHashMap<Symbol, &PromptRow> = FxHashMap::default();
    for row in prompts.iter().filter(|row| !row.title.is_none()) {
        let known = first.entry(row.origin.session).or_insert(row);
        if row.origin.order < known.origin.order {
            *known = row;
        }
    }
    first.into_iter().map(|(session, row)| (session, row.title)).collect()
}

/// The columns that [`extend`] adds.
const COLUMNS: [(&str, Kind); 7] = [
    ("active_ms", Kind::Duration),
    ("branches", Kind::Text),
    ("versions", Kind::Text),
    ("models", Kind::Text),
    ("subagents", Kind::Count),
    ("pull_requests", Kind::Text),
    ("parent", Kind::Text),
];

/// Adds what is told of sessions to a table with a column `session`: title and project
/// behind it, the rest behind the last column. Of calls alone the active time is
/// not known.
pub(crate) fn extend(table: &mut Table, selection: &Selection) {
    let dataset = selection.dataset();
    let Some(key) = table.column("session") else { return };
    let traits = traits(selection);
    let by_name: FxHashMap<_, _> = traits.iter().map(|(session, traits)| (dataset.symbols().name(*session), traits)).collect();
    let of_row = |row: &[Value]| row[key].as_text().and_then(|name| by_name.get(name)).copied();
    let columns = COLUMNS.map(|(name, kind)| Column { name, kind, is_detail: true });
    table.insert_columns(table.columns.len(), columns, |row| {
        of_row(row).map_or([const { Value::None }; COLUMNS.len()], |traits| cells(selection, traits))
    });
    let title = Column { name: "title", kind: Kind::Phrase, is_detail: false };
    let project = Column { name: "project", kind: Kind::Text, is_detail: true };
    table.insert_columns(key + 1, [title, project], |row| {
        let names = of_row(row).map(|traits| [traits.title, traits.project()]);
        names.map_or([const { Value::None }; 2], |names| names.map(|name| optional(dataset, name)))
    });
}

fn optional(dataset: &Dataset, name: Symbol) -> Value {
    if name.is_none() { Value::None } else { Value::text(dataset.symbols().name(name)) }
}

fn cells(selection: &Selection, traits: &Traits) -> [Value; COLUMNS.len()] {
    let dataset = selection.dataset();
    let name = |symbol: Symbol| dataset.symbols().name(symbol);
    let list = |names: &Names| Value::List(names.in_order.iter().map(|symbol| Untrusted::new(name(*symbol))).collect());
    [
        Value::from(selection.of_messages(traits.active_ms as u128)),
        list(&traits.branches),
        list(&traits.versions),
        list(&traits.models),
        Value::from(traits.subagents.len() as u64),
        list(&traits.pull_requests),
        optional(dataset, traits.parent),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Query;
    use crate::testing::dataset;

    fn line(kind: &str, session: &str, members: &str) -> String {
        format!(r#"{{"type":"{kind}","sessionId":"{session}",{members}}}"#)
    }

    fn prompt(uuid: &str, time: &str, text: &str) -> String {
        line("user", "s", &format!(r#""uuid":"{uuid}","timestamp":"2026-11-20T{time}Z","message":{{"content":"{text}"}}"#))
    }

    fn response(id: &str, time: &str, members: &str) -> String {
        let message = format!(r#""message":{{"id":"msg_{id}","model":"m{id}","usage":{{"output_tokens":1}}}}"#);
        line("assistant", "s", &format!(r#""uuid":"u{id}","timestamp":"2026-11-20T{time}Z",{members}{message}"#))
    }

    /// What is told of the session `s`.
    fn told(transcripts: &[(&str, &[String])]) -> impl Fn(&str) -> Value + use<> {
        let dataset = dataset(transcripts);
        let query = Query::all();
        let selection = Selection::new(&dataset, &query).expect("no globs");
        let mut table = Table::new(&[("session", Kind::Phrase)]);
        table.push(vec![Value::text("s")]);
        extend(&mut table, &selection);
        move |column| table.rows[0][table.column(column).expect("a column")].clone()
    }

    fn title(lines: &[String]) -> String {
        match told(&[("p/s.jsonl", lines)])("title") {
            Value::Text(title) => title.raw().into(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn titles_take_precedence_by_kind_and_then_the_last_one() {
        let mut lines = vec![prompt("a", "10:00:00", "first\\nline two"), prompt("b", "10:01:00", "second")];
        assert_eq!(title(&lines), "first");
        lines.insert(0, line("summary", "other", r#""summary":"a summary","leafUuid":"b""#));
        assert_eq!(title(&lines), "a summary");
        lines.insert(0, line("summary", "other", r#""summary":"of nothing here","leafUuid":"z""#));
        assert_eq!(title(&lines), "a summary");
        lines.insert(0, line("ai-title", "s", r#""aiTitle":"by Claude""#));
        assert_eq!(title(&lines), "by Claude");
        lines.insert(0, line("agent-name", "s", r#""agentName":"agent""#));
        assert_eq!(title(&lines), "agent");
        lines.insert(0, line("custom-title", "s", r#""customTitle":"old""#));
        lines.push(line("custom-title", "s", r#""customTitle":"mine""#));
        lines.push(line("custom-title", "other", r#""customTitle":"not mine""#));
        lines.push(line("custom-title", "s", r#""customTitle":"""#));
        assert_eq!(title(&lines), "mine");
    }

    #[test]
    fn a_title_without_a_session_is_that_of_its_transcript() {
        let lines = [prompt("a", "10:00:00", "first"), r#"{"type":"custom-title","customTitle":"mine"}"#.to_owned()];
        assert_eq!(title(&lines), "mine");
    }

    #[test]
    fn a_summary_in_another_file_names_the_session_of_its_line() {
        let own = [prompt("a", "10:00:00", "first")];
        let other = [line("summary", "x", r#""summary":"told elsewhere","leafUuid":"a""#)];
        let told = told(&[("p/s.jsonl", &own), ("q/x.jsonl", &other)]);
        assert_eq!(told("title"), Value::text("told elsewhere"));
    }

    #[test]
    fn active_time_leaves_out_gaps_over_five_minutes() {
        let minute = 60_000;
        assert_eq!(active_ms(vec![0, 5 * minute, 10 * minute + 1, 11 * minute]), 6 * minute - 1);
        assert_eq!(active_ms(vec![3]), 0);
        let lines = [prompt("a", "10:00:00", "x"), response("1", "10:04:00", ""), prompt("b", "10:30:00", "x")];
        assert_eq!(told(&[("p/s.jsonl", &lines)])("active_ms"), Value::Number(240_000));
    }

    #[test]
    fn a_branch_names_the_session_that_it_comes_from() {
        let fork = r#"{"type":"user","uuid":"a","sessionId":"s","timestamp":"2026-11-20T10:00:00Z","forkedFrom":{"sessionId":"old","messageUuid":"m"},"message":{"content":"x"}}"#;
        assert_eq!(told(&[("p/s.jsonl", &[fork.into()])])("parent"), Value::text("old"));
        assert_eq!(told(&[("p/s.jsonl", &[prompt("a", "10:00:00", "x")])])("parent"), Value::None);
    }

    #[test]
    fn models_of_one_line_begin_with_that_of_the_response_and_go_by_name() {
        let step = |model: &str| format!(r#"{{"type":"advisor_message","model":"{model}","output_tokens":1}}"#);
        let steps = ["m5", "m2", "m4", "m1", "m3"].map(step).join(",");
        // Without an id: rows are known by their place.
        let message = format!(r#""message":{{"model":"m6","usage":{{"output_tokens":1,"iterations":[{steps}]}}}}"#);
        let line = line("assistant", "s", &format!(r#""timestamp":"2026-11-20T10:00:00Z",{message}"#));
        let models = ["m6", "m1", "m2", "m3", "m4", "m5"].map(Untrusted::new);
        assert_eq!(told(&[("p/s.jsonl", &[line])])("models"), Value::List(models.into()));
    }

    #[test]
    fn lists_are_in_the_order_of_first_use_and_say_each_name_once() {
        let lines = [
            response("2", "10:02:00", r#""gitBranch":"main","version":"2.1.0","#),
            response("1", "10:01:00", r#""gitBranch":"topic","version":"2.1.0","agentId":"a1","isSidechain":true,"#),
            response("3", "10:03:00", r#""gitBranch":"main","version":"2.1.1","#),
            line("pr-link", "s", r#""prUrl":"https://example.com/2""#),
            line("pr-link", "s", r#""prUrl":"https://example.com/1""#),
            line("pr-link", "s", r#""prUrl":"https://example.com/2""#),
        ];
        let told = told(&[("p/s.jsonl", &lines)]);
        let list = |names: &[&str]| Value::List(names.iter().copied().map(Untrusted::new).collect());
        assert_eq!(told("branches"), list(&["topic", "main"]));
        assert_eq!(told("versions"), list(&["2.1.0", "2.1.1"]));
        assert_eq!(told("models"), list(&["m1", "m2", "m3"]));
        assert_eq!(told("subagents"), Value::Number(1));
        assert_eq!(told("pull_requests"), list(&["https://example.com/1", "https://example.com/2"]));
    }

    #[test]
    fn a_session_may_have_as_many_names_as_lines() {
        const MANY: usize = 300_000;
        let branch = |at: usize| response(&at.to_string(), "10:00:00", &format!(r#""gitBranch":"b{at}","version":"{at}","#));
        let link = |at: usize| line("pr-link", "s", &format!(r#""prUrl":"{at}""#));
        let lines: Vec<String> = (0..MANY).flat_map(|at| [branch(at), link(at)]).collect();
        let start = std::time::Instant::now();
        let told = told(&[("p/s.jsonl", &lines)]);
        // It takes one second, and took a minute when each name was looked for among all before.
        assert!(start.elapsed().as_secs() < 15, "{:?}", start.elapsed());
        for column in ["branches", "versions", "models", "pull_requests"] {
            assert!(matches!(told(column), Value::List(names) if names.len() == MANY), "{column}");
        }
    }

    #[test]
    fn a_session_belongs_to_the_project_that_it_began_in() {
        let lines = [response("2", "10:02:00", r#""cwd":"/later","#), response("1", "10:01:00", r#""cwd":"/first","#)];
        assert_eq!(told(&[("p/s.jsonl", &lines)])("project"), Value::text("/first"));
    }
}
