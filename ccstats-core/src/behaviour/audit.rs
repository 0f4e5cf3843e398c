//! What Claude Code did that its user may want to know of: one event for each
//! call and rule (`docs/behaviour.md`, "Audit").
//!
//! Rules look at parsed commands and at paths, never at text. A call that
//! several commands make match one rule is one event: it names the worst of
//! them, and all in `targets`.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls;
use crate::behaviour::outside;
use crate::behaviour::patterns::Detector;
use crate::behaviour::secrets::Leak;
use crate::dataset::{Dataset, Ending};
use crate::outcome::Outcome;
use crate::query::Selection;
use crate::rows::{CallRow, Command, MentionRow, Origin, Place};
use crate::shell::{self, Severity};
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::time::Calendar;
use crate::wording::counted;

/// Why a call is an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    SecretsRead,
    Destructive,
    Outside,
    Network,
    LeakedSecret,
}

/// One call that matches one rule, or one secret that stands in one session.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) origin: Origin,
    /// The tool; nothing for what a prompt did.
    pub(crate) tool: Symbol,
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) outcome: &'static str,
    /// Paths, hosts or commands; the worst first.
    pub(crate) targets: Vec<String>,
    /// The lines behind it.
    pub(crate) places: Vec<Place>,
}

/// The events of a query, the worst first, then the latest. Hosts that
/// `allowed` names are no events: `a.b` itself, `*.a.b` whatever is below it.
pub(crate) fn events(selection: &Selection, allowed: &[String], leaks: &[Leak]) -> Vec<Event> {
    let dataset = selection.dataset();
    let mut audit = Audit {
        dataset,
        allowed,
        findings: FxHashMap::default(),
        folders: folders(dataset),
        sieve: Sieve::new(),
        detector: Detector::new(),
    };
    let mut events = Vec::new();
    for (call, ending) in selection.calls() {
        audit.call(call, ending, &mut events);
    }
    events.extend(selection.mentions().filter_map(|row| mentioned(dataset, row)));
    events.extend(leaks.iter().filter(|leak| selection.keeps_modelless(&leak.origin)).map(|leak| leaked(dataset, leak)));
    events.sort_by_cached_key(|event| {
        let latest = std::cmp::Reverse((event.origin.order.stamp_ms(), event.origin.order));
        (std::cmp::Reverse(event.severity), latest, event.rule, event.targets.first().cloned())
    });
    events
}

/// The events as rows.
pub(crate) fn table(dataset: &Dataset, events: &[Event], calendar: &Calendar) -> Table {
    let text = ["session", "agent", "project", "tool", "target", "rule", "severity", "outcome", "targets", "examples"];
    let columns: Vec<_> = [("time", Kind::Instant)].into_iter().chain(text.map(|name| (name, Kind::Text))).collect();
    let mut table = Table::new(&columns).details(&["session", "agent", "project", "tool", "targets", "examples"]);
    table.extend(events.iter().map(|event| cells(dataset, event, calendar)));
    table
}

/// What to do about the events, if something is to be done.
pub(crate) fn advice(events: &[Event]) -> Option<String> {
    let of = |rule| events.iter().filter(move |event| event.rule == rule);
    let done = |rule| of(rule).filter(|event| event.outcome == "executed" && event.severity > Severity::Low).count() as u64;
    let leaked: FxHashSet<_> = of(Rule::LeakedSecret).flat_map(|event| &event.targets).collect();
    if !leaked.is_empty() {
        let secrets = counted(leaked.len() as u64, "secret");
        return Some(format!("{secrets} in transcripts: replace each where it was issued, then delete these sessions"));
    }
    match (done(Rule::SecretsRead), done(Rule::Destructive)) {
        (0, 0) => None,
        (0, ran) => Some(format!("{} ran: consider `ask` rules for them in settings.json", counted(ran, "destructive command"))),
        (read, _) => Some(format!("{} of secrets: consider `deny` rules such as `Read(./.env)` in settings.json", counted(read, "read"))),
    }
}

impl Rule {
    fn name(self) -> &'static str {
        match self {
            Rule::SecretsRead => "secrets-read",
            Rule::Destructive => "destructive",
            Rule::Outside => "outside",
            Rule::Network => "network",
            Rule::LeakedSecret => "leaked-secret",
        }
    }
}

/// A rule that matched, before it is known what became of the call.
#[derive(Clone, Debug)]
struct Match {
    rule: Rule,
    severity: Severity,
    target: String,
}

/// The folders that each session worked in.
type Folders = FxHashMap<Symbol, Vec<outside::AbsolutePath>>;

/// What is known while calls are looked at.
struct Audit<'d> {
    dataset: &'d Dataset,
    allowed: &'d [String],
    /// What is found in each distinct command.
    findings: FxHashMap<Command, Vec<shell::Finding>>,
    folders: Folders,
    sieve: Sieve,
    detector: Detector,
}

impl Audit<'_> {
    fn call(&mut self, call: &CallRow, ending: Ending, events: &mut Vec<Event>) {
        let mut by_rule: BTreeMap<Rule, Vec<Match>> = BTreeMap::new();
        for found in self.matches(call) {
            by_rule.entry(found.rule).or_default().push(found);
        }
        let outcome = outcome_name(ending.outcome);
        events.extend(by_rule.into_iter().map(|(rule, matches)| {
            let (severity, targets) = worst_first(matches);
            let places = vec![call.origin.order.place];
            Event { origin: call.origin, tool: call.tool, rule, severity, outcome, targets, places }
        }));
    }

    fn matches(&mut self, call: &CallRow) -> Vec<Match> {
        let symbols = self.dataset.symbols();
        match symbols.bytes(call.tool) {
            b"Bash" | b"PowerShell" | b"Monitor" => self.command(call),
            b"Read" | b"NotebookRead" | b"Grep" => secret(&symbols.name(call.named_path())).into_iter().collect(),
            b"Write" | b"Edit" | b"MultiEdit" | b"NotebookEdit" => {
                self.outside(call, &symbols.name(call.named_path())).into_iter().collect()
            }
            b"WebFetch" => self.host(shell::url_host(&symbols.name(call.target))).into_iter().collect(),
            // The search engine is not named; the words searched for are private.
            b"WebSearch" => self.host(Some("web search".to_owned())).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn command(&mut self, call: &CallRow) -> Vec<Match> {
        let (facts, sieve) = (self.dataset.facts(), &self.sieve);
        let Some(command) = call.quotable_command() else { return Vec::new() };
        let passes = |command: Command| match command {
            Command::Text(text) => sieve.passes(facts.symbols.bytes(text)),
            Command::Stored(_) => true,
        };
        let findings = self.findings.entry(command).or_insert_with(|| if passes(command) { facts.findings(command) } else { Vec::new() });
        // Most commands match nothing: they cost one look-up.
        if findings.is_empty() {
            return Vec::new();
        }
        let findings = findings.clone();
        findings.into_iter().filter_map(|found| self.found(call, found)).collect()
    }

    fn found(&self, call: &CallRow, found: shell::Finding) -> Option<Match> {
        let rule = match found.rule {
            shell::Rule::Outside => return self.outside(call, &found.target),
            shell::Rule::Network => return self.host(Some(found.target)),
            shell::Rule::SecretsRead => Rule::SecretsRead,
            shell::Rule::Destructive => Rule::Destructive,
        };
        Some(Match { rule, severity: found.severity, target: self.shown(&found.target) })
    }

    /// The words of a command, without the secrets that may stand in them.
    fn shown(&self, target: &str) -> String {
        const LONGEST: usize = 200;
        let mut shown = self.detector.redacted(target);
        if shown.len() > LONGEST {
            shown.truncate(shown.floor_char_boundary(LONGEST));
            shown.push('…');
        }
        shown
    }

    /// A path that a call writes, if it is outside of all folders of its session.
    fn outside(&self, call: &CallRow, path: &str) -> Option<Match> {
        let from = outside::AbsolutePath::folder(&self.dataset.symbols().name(call.origin.project))?;
        let place = from.join(path)?;
        let folders = self.folders.get(&call.origin.session).map_or(&[][..], Vec::as_slice);
        let is_inside = place.is_inside(&from) || folders.iter().any(|folder| place.is_inside(folder));
        (!is_inside).then(|| Match { rule: Rule::Outside, severity: place.severity(), target: place.to_string() })
    }

    fn host(&self, host: Option<String>) -> Option<Match> {
        let host = host.filter(|host| !self.allowed.iter().any(|allowed| allows(allowed, host)))?;
        Some(Match { rule: Rule::Network, severity: Severity::Low, target: host })
    }
}

/// All folders that each session worked in. A session moves between worktrees
/// of its project; and where it may not go, Claude Code brings it back. So each
/// of them counts as the project.
fn folders(dataset: &Dataset) -> Folders {
    let origins = dataset.messages().iter().map(|row| row.origin).chain(dataset.prompts().iter().map(|row| row.origin));
    let pairs: FxHashSet<(Symbol, Symbol)> = origins.map(|origin| (origin.session, origin.project)).collect();
    let mut folders = Folders::default();
    for (session, project) in pairs {
        folders.entry(session).or_default().extend(outside::AbsolutePath::folder(&dataset.symbols().name(project)));
    }
    folders
}

fn secret(path: &str) -> Option<Match> {
    let severity = shell::secret_path(path)?;
    Some(Match { rule: Rule::SecretsRead, severity, target: path.to_owned() })
}

/// A quick look at commands: parsing one costs more than looking for words.
struct Sieve(AhoCorasick);

impl Sieve {
    fn new() -> Sieve {
        let words = WORDS.iter().chain(PATH_PARTS);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).ascii_case_insensitive(true).build(words);
        Sieve(automaton.expect("a few dozen short words make an automaton"))
    }

    /// Whether a command can match a rule: it holds a word without which none
    /// does, or writes to a file.
    fn passes(&self, command: &[u8]) -> bool {
        let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let is_whole = |start: usize, end: usize| !is_letter(command[..start].last()) && !is_letter(command.get(end));
        let mut words = self.0.find_iter(command);
        words.any(|word| word.pattern().as_usize() >= WORDS.len() || is_whole(word.start(), word.end())) || redirects(command)
    }
}

/// Words of commands that rules look for, each without the others of its rule.
const WORDS: &[&str] = &[
    "rm",
    "remove-item",
    "ri",
    "rd",
    "rmdir",
    "del",
    "erase",
    "push",
    "reset",
    "clean",
    "branch",
    "dd",
    "mkfs",
    "chmod",
    "drop",
    "truncate",
    "delete",
    "curl",
    "wget",
    "fetch",
    "nc",
    "ncat",
    "netcat",
    "ssh",
    "sftp",
    "scp",
    "rsync",
    "tee",
    "cp",
    "mv",
];

/// Parts of paths that hold secrets; what stands around them does not matter.
const PATH_PARTS: &[&str] = &[
    ".env",
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    ".netrc",
    ".npmrc",
    ".pypirc",
    ".pgpass",
    "kubeconfig",
    ".kube",
    "credentials",
    ".aws",
    ".ssh",
    ".gnupg",
];

/// Whether a `>` may name a file, as in `>& log`: not `2>&1`, `2>/dev/null`, `->` or `=>`.
fn redirects(command: &[u8]) -> bool {
    memchr::memchr_iter(b'>', command).any(|at| {
        let is_arrow = command[..at].last().is_some_and(|before| matches!(before, b'-' | b'='));
        let target = command[at + 1..].strip_prefix(b"&").unwrap_or(&command[at + 1..]).trim_ascii_start();
        let is_descriptor = command.get(at + 1) == Some(&b'&') && target.first().is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'-'));
        !is_arrow && !is_descriptor && !target.starts_with(b"/dev/null")
    })
}

/// Whether an entry of the list of allowed hosts names a host.
fn allows(allowed: &str, host: &str) -> bool {
    match allowed.strip_prefix("*.") {
        Some(domain) => host.len() > domain.len() && host.to_lowercase().ends_with(&format!(".{}", domain.to_lowercase())),
        None => allowed.eq_ignore_ascii_case(host),
    }
}

/// The worst severity, and each target once, those of that severity first.
fn worst_first(mut matches: Vec<Match>) -> (Severity, Vec<String>) {
    matches.sort_by_key(|found| std::cmp::Reverse(found.severity));
    let severity = matches.first().map_or(Severity::Low, |found| found.severity);
    let mut targets: Vec<String> = Vec::new();
    for found in matches {
        if !targets.contains(&found.target) {
            targets.push(found.target);
        }
    }
    (severity, targets)
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok | Outcome::SoftNonzero | Outcome::Background => "executed",
        Outcome::Failed | Outcome::ToolError => "failed",
        Outcome::Denied => "denied",
        Outcome::Cancelled => "cancelled",
        Outcome::Interrupted => "interrupted",
        Outcome::NoResult => "unknown",
    }
}

/// A prompt hands over the files that it mentions; no result tells whether.
fn mentioned(dataset: &Dataset, row: &MentionRow) -> Option<Event> {
    let found = secret(&dataset.symbols().name(row.path))?;
    let (rule, severity, targets) = (found.rule, found.severity, vec![found.target]);
    let places = vec![row.origin.order.place];
    Some(Event { origin: row.origin, tool: Symbol::NONE, rule, severity, outcome: "unknown", targets, places })
}

fn leaked(dataset: &Dataset, leak: &Leak) -> Event {
    let call = leak.call.and_then(|key| dataset.call(key));
    Event {
        origin: leak.origin,
        tool: call.map_or(Symbol::NONE, |(call, _)| call.tool),
        rule: Rule::LeakedSecret,
        severity: leak.severity,
        outcome: call.map_or("unknown", |(_, ending)| outcome_name(ending.outcome)),
        targets: vec![format!("{} {}", leak.rule, leak.fingerprint)],
        places: leak.places.clone(),
    }
}

/// Lines that are named for one event; a secret can stand on hundreds.
const MOST_EXAMPLES: usize = 10;

fn cells(dataset: &Dataset, event: &Event, calendar: &Calendar) -> Vec<Value> {
    let symbols = dataset.symbols();
    let name = |symbol: Symbol| if symbol.is_none() { Value::None } else { Value::text(symbols.name(symbol)) };
    let origin = &event.origin;
    let example = |place: &Place| calls::evidence(dataset, &symbols.name(origin.session), *place);
    let examples: Vec<String> = event.places.iter().take(MOST_EXAMPLES).map(example).collect();
    vec![
        Value::instant(origin.order.stamp_ms(), calendar),
        name(origin.session),
        name(dataset.agent_kind(origin)),
        name(dataset.project(origin.project)),
        name(event.tool),
        event.targets.first().map_or(Value::None, Value::text),
        Value::text(event.rule.name()),
        Value::text(severity_name(event.severity)),
        Value::text(event.outcome),
        calls::list(&event.targets),
        calls::list(&examples),
    ]
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    }
}

#[cfg(test)]
mod tests;
