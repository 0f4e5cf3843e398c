//! All that the transcripts below some roots say, each thing once.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::dedup::Key;
#[cfg(feature = "store")]
use crate::discover::find;
use crate::discover::{Found, Transcript, discover};
use crate::error::{Error, Problem, ProblemKind};
use crate::facts::problems::{Problems, first_of_each};
use crate::facts::{Facts, saturated, with_upper_drive};
use crate::lines::LineClasses;
use crate::outcome::{DeniedBy, Outcome};
use crate::prices::{Cost, Price, Prices, Rates};
use crate::reread::{ErrorLine, ErrorPlace};
use crate::rows::{ApiErrorRow, CallRow, MessageRow, Origin, Place, PromptRow, ResultRow};
use crate::scan::{self, PartStart, Progress, ScanOptions, Scanned, locate, part_starts};
use crate::shell;
#[cfg(feature = "store")]
use crate::store::{Loaded, Needs, Store};
use crate::symbols::{Symbol, Symbols};
use crate::untrusted::Untrusted;

/// Messages, tool calls and prompts of all transcripts, ready for questions.
#[derive(Debug)]
pub struct Dataset {
    facts: Facts,
    /// What became of each call, in the order of the calls.
    endings: Vec<Ending>,
    /// The kind of each subagent, by its id.
    agent_kinds: FxHashMap<Symbol, Symbol>,
    main: Symbol,
    sidechain: Symbol,
    unknown: Symbol,
    transcripts: Vec<Transcript>,
    /// By the number of a part.
    part_starts: Vec<PartStart>,
    accounting: Accounting,
    /// Projects that are called otherwise than the folder, by the folder.
    /// The last name is the present one.
    new_names: FxHashMap<Symbol, Vec<Symbol>>,
    /// When the last message or prompt was of the stored transcripts that this load left out.
    other_activity_ms: Option<i64>,
    /// That of the store's [`Loaded`].
    #[cfg(feature = "store")]
    seal: Option<u64>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) denied_by: Option<DeniedBy>,
    // 32 bits each, unlike those of the result: of each call an ending is kept in memory.
    pub(crate) lines_added: u32,
    pub(crate) lines_removed: u32,
    /// What the tool says, else the time from call to result, in which a
    /// person may have been asked; `None` where it goes on or never ran.
    pub(crate) duration_ms: Option<u64>,
}

/// What was read, and what was skipped and why.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Accounting {
    /// Transcripts that were found.
    pub transcripts: u64,
    /// Transcripts that are gone, and of which a store still knows something.
    pub gone: u64,
    /// Lines and bytes by what became of them.
    pub lines: LineClasses,
    /// Bytes of holes in files, which were not read.
    pub hole_bytes: u64,
    /// Entries by their `type`.
    pub kinds: Vec<(String, u64)>,
    /// Everything that was skipped or doubtful, but of each kind the first hundred places in
    /// each transcript only.
    pub problems: Vec<Problem>,
    /// How many more there were of each kind.
    pub more_problems: BTreeMap<ProblemKind, u64>,
}

impl Accounting {
    /// All bytes of the transcripts.
    pub fn bytes(&self) -> u64 {
        self.lines.total().bytes + self.hole_bytes
    }
}

impl Dataset {
    /// Reads all transcripts below the roots.
    ///
    /// # Errors
    /// [`Error::Root`] when a root is missing. Whatever is wrong below a root
    /// is a [`Problem`] in [`Dataset::accounting`].
    pub fn load(options: &ScanOptions, progress: &Progress) -> Result<Dataset, Error> {
        let found = discover(&options.roots)?;
        let dataset = Dataset::scanned(found, options, progress);
        progress.done_bytes.store(progress.total_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(dataset)
    }

    /// Loads what [`Dataset::load`] would, and what the store knows of transcripts
    /// that are gone. Reads only what changed since the last time, which is then written
    /// beside all else; [`Store::wait`] waits for that. Where the store cannot be used, all
    /// is read from the transcripts, and a problem in [`Dataset::accounting`] says why.
    ///
    /// # Errors
    /// [`Error::Root`] when a root is missing.
    #[cfg(feature = "store")]
    pub fn load_with_store(options: &ScanOptions, store: &mut Store, progress: &Progress, needs: &Needs) -> Result<Dataset, Error> {
        let mut found = find(&options.roots)?;
        let mut dataset = match store.take_in(&found, options, progress, needs) {
            Some(Loaded { found, scanned, part_starts, last_activity_ms, seal }) => {
                Dataset { other_activity_ms: last_activity_ms, seal, ..Dataset::new(found, scanned, part_starts) }
            }
            None => {
                found.read_agent_types();
                Dataset::scanned(found, options, progress)
            }
        };
        progress.done_bytes.store(progress.total_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        let problems = store.take_problems();
        // The next load may find another store.
        dataset.seal = dataset.seal.filter(|_| problems.is_empty());
        dataset.accounting.problems.extend(problems);
        dataset.accounting.problems.sort();
        Ok(dataset)
    }

    /// Reads all that was found.
    fn scanned(found: Found, options: &ScanOptions, progress: &Progress) -> Dataset {
        let jobs = scan::jobs(&found.transcripts);
        let scanned = scan::scan(&found.transcripts, &jobs, options, progress, None);
        let lines = jobs.iter().map(|job| job.part.transcript).zip(scanned.lines.iter().copied());
        let part_starts = part_starts(lines);
        Dataset::new(found, scanned, part_starts)
    }

    fn new(found: Found, scanned: Scanned, part_starts: Vec<PartStart>) -> Dataset {
        let mut facts = scanned.facts;
        let endings = || facts.calls.rows().par_iter().map(|call| ending(&facts, call)).collect();
        let (endings, agents) = rayon::join(endings, || Agents::of(&facts));
        let agent_kinds = agents.kinds(&mut facts, &found.agent_types);
        let (main, sidechain) = (facts.symbols.intern(b"main"), facts.symbols.intern(b"sidechain"));
        let unknown = facts.symbols.intern(b"unknown");
        let mut problems = [found.problems, scanned.problems].concat();
        let Problems { places, more: mut more_problems, .. } = std::mem::take(&mut facts.problems);
        problems.extend(places.into_iter().map(|problem| located(problem, &part_starts, &found.transcripts)));
        problems.sort();
        let problems = first_of_each(&problems, &mut more_problems);
        let gone = found.transcripts.iter().filter(|transcript| transcript.is_gone).count() as u64;
        let accounting = Accounting {
            transcripts: found.transcripts.len() as u64 - gone,
            gone,
            lines: facts.account,
            hole_bytes: scanned.hole_bytes,
            kinds: kinds(&facts),
            problems,
            more_problems,
        };
        let transcripts = found.transcripts;
        Dataset {
            facts,
            endings,
            agent_kinds,
            main,
            sidechain,
            unknown,
            transcripts,
            part_starts,
            accounting,
            new_names: FxHashMap::default(),
            other_activity_ms: None,
            #[cfg(feature = "store")]
            seal: None,
        }
    }

    /// Nothing at all.
    #[cfg(feature = "store")]
    pub(crate) fn empty() -> Dataset {
        Dataset::new(Found::default(), Scanned::default(), Vec::new())
    }

    /// A hash of all that was loaded from the store; `None` where something else was, too.
    #[cfg(feature = "store")]
    pub(crate) fn seal(&self) -> Option<u64> {
        self.seal
    }

    /// What was read, and what was skipped and why.
    pub fn accounting(&self) -> &Accounting {
        &self.accounting
    }

    /// When the last message or prompt was, in milliseconds since 1970.
    pub fn last_activity_ms(&self) -> Option<i64> {
        let messages = self.messages().iter().filter_map(|row| row.origin.order.stamp_ms());
        messages.chain(self.prompts().iter().filter_map(|row| row.origin.order.stamp_ms())).chain(self.other_activity_ms).max()
    }

    /// The projects: the folders that Claude Code worked in, by name.
    pub fn projects(&self) -> Vec<Untrusted> {
        let name = |folder| Untrusted::new(self.symbols().name(self.project(folder)));
        let mut names: Vec<_> = self.facts.projects().into_iter().map(name).collect();
        names.sort();
        names.dedup();
        names
    }

    /// The git worktrees that sessions went to, with the folders they came from.
    pub fn worktrees(&self) -> Vec<(Untrusted, Untrusted)> {
        let name = |symbol| Untrusted::new(self.symbols().name(symbol));
        let mut pairs: Vec<_> = self.facts.worktrees.iter().map(|(path, original)| (name(*path), name(*original))).collect();
        pairs.sort();
        pairs.dedup();
        pairs
    }

    /// Calls projects by other names: that of a repository instead of its
    /// worktrees, an alias, a group. Every figure of a project that gets the name
    /// of another is from now on part of the other's; no total changes. `new_name`
    /// is asked for each project, by its present name; `None` leaves it as it is.
    /// Filters still know a project by every name that it had.
    pub fn rename_projects(&mut self, new_name: impl Fn(&str) -> Option<String>) {
        for folder in self.facts.projects() {
            if let Some(name) = new_name(&self.facts.symbols.name(self.project(folder))) {
                let name = self.facts.symbols.intern(&with_upper_drive(name.into_bytes().into()));
                self.new_names.entry(folder).or_default().push(name);
            }
        }
    }

    /// The folders of projects that were renamed, each with all names that it was given.
    pub(crate) fn renamed_projects(&self) -> impl Iterator<Item = (Symbol, &[Symbol])> {
        self.new_names.iter().map(|(folder, names)| (*folder, names.as_slice()))
    }

    /// What the project in a folder is called. Rows keep the folder itself: paths are
    /// relative to it.
    pub(crate) fn project(&self, folder: Symbol) -> Symbol {
        self.new_names.get(&folder).and_then(|names| names.last()).copied().unwrap_or(folder)
    }

    pub(crate) fn messages(&self) -> &[MessageRow] {
        self.facts.messages.rows()
    }

    pub(crate) fn message(&self, key: Key) -> Option<&MessageRow> {
        self.facts.messages.get(key)
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = (&CallRow, Ending)> {
        self.facts.calls.rows().iter().zip(self.endings.iter().copied())
    }

    /// The nth of [`Dataset::calls`].
    pub(crate) fn call_at(&self, number: usize) -> (&CallRow, Ending) {
        (&self.facts.calls.rows()[number], self.endings[number])
    }

    /// One call, with what became of it.
    pub(crate) fn call(&self, key: Key) -> Option<(&CallRow, Ending)> {
        let call = self.facts.calls.get(key)?;
        Some((call, ending(&self.facts, call)))
    }

    /// The line that says what went wrong in a call that failed, as far as it can be known.
    pub(crate) fn error_line(&self, call: &CallRow, result: &ResultRow) -> Option<ErrorLine> {
        if !result.error_line.is_none() {
            return Some(ErrorLine::Text(self.symbols().name(result.error_line).into_owned()));
        }
        let (transcript, _) = self.locate(result.order.place);
        let byte = result.error_byte.filter(|_| transcript.is_stored && !transcript.is_gone)?;
        Some(ErrorLine::At(ErrorPlace {
            transcript: transcript.path.clone(),
            offset: byte.get() - 1,
            call: call.key,
            session: self.symbols().bytes(call.origin.session).to_vec(),
        }))
    }

    /// The transcripts, in their order.
    pub(crate) fn transcripts(&self) -> &[Transcript] {
        &self.transcripts
    }

    pub(crate) fn prompts(&self) -> &[PromptRow] {
        self.facts.prompts.rows()
    }

    pub(crate) fn api_errors(&self) -> &[ApiErrorRow] {
        self.facts.api_errors.rows()
    }

    /// All rows as they were found.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    #[cfg(all(test, feature = "store"))]
    pub(crate) fn into_facts(self) -> Facts {
        self.facts
    }

    /// The transcript and the line, from 1, of a place.
    pub(crate) fn locate(&self, place: Place) -> (&Transcript, u64) {
        let (transcript, line) = locate(&self.part_starts, place);
        (&self.transcripts[transcript], line)
    }

    /// The place of a line, from 1, of a transcript that is there.
    pub(crate) fn place(&self, transcript: usize, line: u64) -> Place {
        let first = self.part_starts.partition_point(|start| start.transcript < transcript);
        let of_transcript = self.part_starts[first..].iter().take_while(|start| start.transcript == transcript);
        let before = of_transcript.map(|start| start.lines_before).enumerate().filter(|(_, lines_before)| *lines_before < line);
        // The last part that starts before the line. Of parts that start alike the first: they
        // are empty, or stored, and rows of those count lines from the start of the transcript.
        let (part, lines_before) = before.max_by_key(|(part, lines_before)| (*lines_before, Reverse(*part))).unwrap_or_default();
        Place { part: (first + part) as u32, line: u32::try_from(line - lines_before).unwrap_or(u32::MAX) }
    }

    pub(crate) fn symbols(&self) -> &Symbols {
        &self.facts.symbols
    }

    /// The model behind a call.
    pub(crate) fn model_of(&self, call: &CallRow) -> Symbol {
        self.message(call.message).map_or(self.unknown, |message| message.model)
    }

    /// The kind of agent behind a row: `main`, `sidechain`, or that of the subagent.
    pub(crate) fn agent_kind(&self, origin: &Origin) -> Symbol {
        match self.agent_kinds.get(&origin.agent) {
            _ if origin.is_main() => self.main,
            Some(kind) => *kind,
            None => self.sidechain,
        }
    }

    /// The kind of the subagent that a call started; none where nothing says it.
    pub(crate) fn started_agent_kind(&self, call: &CallRow) -> Symbol {
        let started = self.facts.results.get(call.key).and_then(|result| self.agent_kinds.get(&result.agent));
        started.copied().unwrap_or(call.subagent_type)
    }

    /// All messages, each with what it cost; `None` without a price.
    pub(crate) fn priced_messages<'d>(&'d self, prices: &'d Prices) -> impl Iterator<Item = (&'d MessageRow, Option<Cost>)> {
        let mut pricer = Pricer::new(self, prices);
        self.messages().iter().map(move |row| (row, pricer.cost(row)))
    }
}

/// Prices messages, and looks up each model once.
pub(crate) struct Pricer<'d> {
    dataset: &'d Dataset,
    prices: &'d Prices,
    by_model: FxHashMap<Symbol, Option<&'d Price>>,
}

impl<'d> Pricer<'d> {
    pub(crate) fn new(dataset: &'d Dataset, prices: &'d Prices) -> Pricer<'d> {
        Pricer { dataset, prices, by_model: FxHashMap::default() }
    }

    /// What a message cost; `None` without a price.
    pub(crate) fn cost(&mut self, row: &MessageRow) -> Option<Cost> {
        self.price(row.model)?.cost(&row.tokens, row.terms())
    }

    /// What a token of a message cost.
    pub(crate) fn rates(&mut self, row: &MessageRow) -> Option<Rates> {
        self.price(row.model)?.rates(row.tokens.prompt(), row.terms())
    }

    fn price(&mut self, model: Symbol) -> Option<&'d Price> {
        let (dataset, prices) = (self.dataset, self.prices);
        *self.by_model.entry(model).or_insert_with(|| prices.find(&dataset.symbols().name(model)))
    }
}

/// What the rows of the transcripts tell of agents.
struct Agents {
    all: FxHashSet<Symbol>,
    /// The kinds of those whose results, or the calls behind these, name one.
    told: FxHashMap<Symbol, Symbol>,
}

impl Agents {
    fn of(facts: &Facts) -> Agents {
        let Facts { messages, calls, results, prompts, .. } = facts;
        let origins = messages.rows().iter().map(|row| &row.origin).chain(calls.rows().iter().map(|row| &row.origin));
        let agents = origins.chain(prompts.rows().iter().map(|row| &row.origin)).map(|origin| origin.agent);
        let all = agents.filter(|agent| !agent.is_none()).collect();
        let mut named: Vec<_> = results.rows().iter().filter(|row| !row.agent.is_none()).collect();
        // Where two name one agent differently the first counts, on any number of threads.
        named.sort_unstable_by_key(|row| (row.order, row.key));
        let mut told = FxHashMap::default();
        for row in named.iter().filter(|row| !row.agent_type.is_none()) {
            told.entry(row.agent).or_insert(row.agent_type);
        }
        for row in named {
            if let Some(call) = calls.get(row.key).filter(|call| !call.subagent_type.is_none()) {
                told.entry(row.agent).or_insert(call.subagent_type);
            }
        }
        Agents { all, told }
    }

    /// The kind of every agent (`docs/counting.md` 3): `warmup` by its first prompt, else the
    /// type that its metadata, its result or its call names, else the word in its id.
    fn kinds(self, facts: &mut Facts, types: &[(String, String)]) -> FxHashMap<Symbol, Symbol> {
        let Facts { symbols, agents, .. } = facts;
        let warmup = symbols.intern(b"warmup");
        let mut kinds: FxHashMap<_, _> = agents.rows().iter().filter(|row| row.is_warmup).map(|row| (row.agent, warmup)).collect();
        for (agent, kind) in types {
            let (agent, kind) = (symbols.intern(agent.as_bytes()), symbols.intern(kind.as_bytes()));
            kinds.entry(agent).or_insert(kind);
        }
        for (agent, kind) in self.told {
            kinds.entry(agent).or_insert(kind);
        }
        for agent in self.all {
            kinds.entry(agent).or_insert_with(|| {
                let word = word_in_id(symbols.bytes(agent)).to_vec();
                symbols.intern(&word)
            });
        }
        kinds
    }
}

/// `acompact` of `acompact-1f0c…`; `unknown` where the id is a number only.
fn word_in_id(id: &[u8]) -> &[u8] {
    let dash = memchr::memrchr(b'-', id).unwrap_or(0);
    let word = &id[..dash];
    let is_word = !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'));
    if is_word { word } else { b"unknown" }
}

/// The outcome of a call, how long it took, and the lines it changed if it is
/// an edit that worked.
fn ending(facts: &Facts, call: &CallRow) -> Ending {
    let mut ending = Ending { outcome: Outcome::NoResult, denied_by: None, lines_added: 0, lines_removed: 0, duration_ms: None };
    let Some(result) = facts.results.get(call.key) else { return ending };
    let tool = facts.symbols.bytes(call.tool);
    ending.outcome = result.verdict.outcome(tool, || is_soft(facts, call));
    ending.denied_by = result.denied_by;
    ending.duration_ms = duration_ms(call, result, ending.outcome);
    if ending.outcome == Outcome::Ok && matches!(tool, b"Edit" | b"MultiEdit" | b"Write" | b"NotebookEdit") {
        let created = result.lines_created.filter(|_| tool == b"Write");
        ending.lines_added = created.unwrap_or(saturated(result.lines_added));
        ending.lines_removed = saturated(result.lines_removed);
    }
    ending
}

fn is_soft(facts: &Facts, call: &CallRow) -> bool {
    match call.stored {
        Some(stored) => stored.is_soft,
        None => shell::has_soft_exit(&facts.symbols.name(call.command)),
    }
}

fn duration_ms(call: &CallRow, result: &ResultRow, outcome: Outcome) -> Option<u64> {
    if outcome == Outcome::Background || outcome.never_ran() || result.is_async {
        return None;
    }
    let between = || result.order.stamp_ms()?.checked_sub(call.origin.order.stamp_ms()?)?.try_into().ok();
    result.duration_ms.map(u64::from).or_else(between)
}

fn located((kind, place): (ProblemKind, Place), part_starts: &[PartStart], transcripts: &[Transcript]) -> Problem {
    let (transcript, line) = locate(part_starts, place);
    Problem { kind, path: transcripts[transcript].path.clone(), line: Some(line), detail: None }
}

fn kinds(facts: &Facts) -> Vec<(String, u64)> {
    let counts = facts.symbols.iter().zip(&facts.kinds).filter(|(_, count)| **count > 0);
    let mut kinds: Vec<_> = counts.map(|(kind, count)| (facts.symbols.name(kind).into_owned(), *count)).collect();
    kinds.sort();
    kinds
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::ProblemKind;
    use crate::query::Query;
    use crate::tally::Tally;
    use crate::testing::{dataset, dataset_with, home, load};

    fn line(kind: &str, id: u32, cwd: &str, message: &str) -> String {
        let cwd = serde_json::to_string(cwd).expect("text");
        format!(
            r#"{{"type":"{kind}","uuid":"u{id}","sessionId":"s","cwd":{cwd},"timestamp":"2026-11-20T10:00:00Z","message":{{{message}}}}}"#
        )
    }

    fn response(id: u32, cwd: &str) -> String {
        line("assistant", id, cwd, &format!(r#""id":"msg_{id}","model":"claude-opus-4-5","usage":{{"output_tokens":{id}}}"#))
    }

    fn outputs(dataset: &Dataset) -> Vec<(String, u128)> {
        let tally = Tally::of(dataset, &Query::all(), Prices::builtin()).expect("no globs");
        tally.projects.into_iter().map(|(project, sums)| (project, sums.spending.output)).collect()
    }

    #[test]
    fn projects_that_get_one_name_are_summed() {
        let lines = [
            response(1, "/r"),
            response(2, "/r/.worktrees/a"),
            response(4, "/other"),
            line("user", 8, "/r/.worktrees/b", r#""content":"hi""#),
        ];
        let mut dataset = dataset(&[("p/s.jsonl", &lines)]);
        let raw = |dataset: &Dataset| dataset.projects().iter().map(|name| name.raw().to_string()).collect::<Vec<_>>();
        assert_eq!(raw(&dataset), ["/other", "/r", "/r/.worktrees/a", "/r/.worktrees/b"]);
        let before = Tally::of(&dataset, &Query::all(), Prices::builtin()).expect("no globs");
        dataset.rename_projects(|path| path.starts_with("/r/").then(|| "/r".into()));
        assert_eq!(outputs(&dataset), [("/other".into(), 4), ("/r".into(), 3)]);
        assert_eq!(raw(&dataset), ["/other", "/r"]);
        let after = Tally::of(&dataset, &Query::all(), Prices::builtin()).expect("no globs");
        assert_eq!((before.spending, before.prompts), (after.spending, after.prompts));
        // Filters take every name that a project had.
        dataset.rename_projects(|name| (name == "/r").then(|| "all".into()));
        let found = |project: &str| {
            let query = Query { projects: vec![project.into()], ..Query::all() };
            let tally = Tally::of(&dataset, &query, Prices::builtin()).expect("no globs");
            (tally.spending.messages, tally.prompts)
        };
        assert_eq!(["worktrees/a", "/r", "all", "other"].map(found), [(1, 0), (2, 1), (2, 1), (1, 0)]);
    }

    #[test]
    fn the_main_thread_is_no_agent_whatever_files_and_types_are_called() {
        let lines = [response(1, "/r")];
        let side = [response(2, "/r").replace(r#""sessionId""#, r#""isSidechain":true,"agentId":"a1","sessionId""#)];
        let home = home(&[("p/s.jsonl", &lines), ("p/s/subagents/agent-a1.jsonl", &side)]);
        for name in ["agent-.meta.json", "agent-a1.meta.json"] {
            fs::write(home.path().join("projects/p/s/subagents").join(name), r#"{"agentType":"main"}"#).expect("a file");
        }
        let dataset = load(home.path());
        let messages = |query: &Query| Tally::of(&dataset, query, Prices::builtin()).expect("no globs").spending.messages;
        let alone = Query { without_subagents: true, ..Query::all() };
        assert_eq!([messages(&Query::all()), messages(&alone)], [2, 1]);
        let kinds: Vec<_> = dataset.messages().iter().map(|row| dataset.symbols().name(dataset.agent_kind(&row.origin))).collect();
        assert_eq!(kinds, ["main", "main"]);
    }

    #[test]
    fn the_first_of_two_types_of_an_agent_counts() {
        let result = |id: u32, second: u32, kind: &str| {
            format!(
                r#"{{"type":"user","sessionId":"s","timestamp":"2026-11-20T10:00:{second:02}Z","message":{{"content":[{{"type":"tool_result","tool_use_id":"toolu_{id}","content":"x"}}]}},"toolUseResult":{{"agentId":"a1","agentType":"{kind}"}}}}"#
            )
        };
        let dataset = dataset(&[("p/s.jsonl", &[result(1, 9, "late"), result(2, 3, "early"), result(3, 5, "between")])]);
        let origin = Origin { agent: dataset.symbols().find(b"a1").expect("a name"), ..Origin::default() };
        assert_eq!(dataset.symbols().name(dataset.agent_kind(&origin)), "early");
    }

    #[test]
    fn a_prompt_belongs_to_the_model_that_answered_not_to_its_advisor() {
        let advice = r#""iterations":[{"type":"advisor_message","model":"a-model","output_tokens":1}]"#;
        let answer = format!(r#""id":"msg_1","model":"b-model","usage":{{"output_tokens":1,{advice}}}"#);
        for names in [["a-model", "b-model"], ["b-model", "a-model"]] {
            // The order in which names are met must not decide.
            let first = names
                .map(|name| line("assistant", 9, "/r", &format!(r#""id":"msg_{name}","model":"{name}","usage":{{"output_tokens":1}}"#)));
            let first = first.map(|line| line.replace("T10:", "T09:"));
            let dataset = dataset(&[(
                "p/s.jsonl",
                &[&first[..], &[line("user", 2, "/r", r#""content":"hi""#), line("assistant", 3, "/r", &answer)]].concat(),
            )]);
            let prompts = ["a-model", "b-model"].map(|model| {
                let query = Query { models: vec![model.into()], ..Query::all() };
                Tally::of(&dataset, &query, Prices::builtin()).expect("no globs").prompts
            });
            assert_eq!(prompts, [0, 1], "{names:?}");
        }
    }

    #[test]
    fn a_time_that_is_none_is_told_on_every_line() {
        let lines = [response(1, "/r"), line("user", 2, "/r", r#""content":"hi""#), line("system", 3, "/r", "")];
        let lines = lines.map(|line| line.replace("2026-11-20T10:00:00Z", "yesterday"));
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        let told: Vec<_> = dataset.accounting().problems.iter().map(|problem| (problem.kind, problem.line)).collect();
        assert_eq!(told, [1, 2, 3].map(|line| (ProblemKind::InvalidTime, Some(line))));
    }

    #[test]
    fn lines_of_results_are_counted_where_they_are_asked_for() {
        let call = r#""id":"msg_1","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}]"#;
        let result = r#""content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"a\nb\nc"}]"#;
        let lines = [line("assistant", 1, "/r", call), line("user", 2, "/r", result)];
        let counted = |wanted| {
            let dataset = dataset_with(&[("p/s.jsonl", &lines)], |options| options.result_lines = wanted);
            dataset.facts().results.rows()[0].lines
        };
        assert_eq!([counted(true), counted(false)], [Some(3), None]);
    }

    #[test]
    fn drive_letters_are_one_whichever_way_a_name_has_them() {
        let mut dataset = dataset(&[("p/s.jsonl", &[response(1, r"c:\r"), response(2, r"C:\r"), response(4, r"D:\w")])]);
        dataset.rename_projects(|path| (path == r"D:\w").then(|| r"c:\r".into()));
        assert_eq!(outputs(&dataset), [(r"C:\r".into(), 7)]);
    }

    #[test]
    fn a_worktree_names_the_folder_that_the_session_came_from() {
        let went = r#"{"type":"worktree-state","sessionId":"s","worktreeSession":{"originalCwd":"/r/sub","worktreePath":"/w/a","x":[1]}}"#;
        let back = r#"{"type":"worktree-state","sessionId":"s","worktreeSession":null}"#;
        let dataset = dataset(&[("p/s.jsonl", &[went.into(), went.into(), back.into()])]);
        let pairs: Vec<_> = dataset.worktrees().into_iter().map(|(path, from)| format!("{} {}", path.raw(), from.raw())).collect();
        assert_eq!(pairs, ["/w/a /r/sub"]);
        assert!(dataset.accounting().problems.is_empty());
    }
}
