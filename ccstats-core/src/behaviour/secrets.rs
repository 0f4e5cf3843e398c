//! Secrets that stand in transcripts (`--secrets`), and in what reports quote.
//!
//! Reads every byte of every transcript again: a secret can stand in any text,
//! and facts keep none. What leaves this file is the name of a pattern, a
//! place, and a keyed fingerprint; never the secret.

use std::cell::LazyCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

use crate::behaviour::patterns::{Detector, Found};
use crate::dataset::Dataset;
use crate::dedup::{self, Key};
use crate::discover::Transcript;
use crate::entry::{Content, ContentBlock, Entry};
use crate::error::{Problem, ProblemKind};
use crate::facts::project_name;
use crate::hashing::{FREE_TEXT, HashKey};
use crate::json::Text;
use crate::keys::Orders;
use crate::lines::Entries;
use crate::rows::{Order, Origin, Place};
use crate::scan::{ScanOptions, fallback, locate, on_threads, part_starts, threads};
use crate::shell::Severity;
use crate::source::{Mode, Part, Source, parts};
use crate::symbols::Symbol;
use crate::table::{Column, Table, Value};
use crate::untrusted::Untrusted;

/// A secret that stands in the transcripts of one session.
#[derive(Clone, Debug)]
pub(crate) struct Leak {
    /// The name of the pattern.
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    /// Equal for equal secrets under one key.
    pub(crate) fingerprint: String,
    /// The earliest line that it stands on.
    pub(crate) origin: Origin,
    /// The tool call that this line is about, if it is about one alone.
    pub(crate) call: Option<Key>,
    /// All lines that it stands on, copies left out.
    pub(crate) places: Vec<Place>,
}

/// What a scan for secrets gives.
#[derive(Clone, Debug, Default)]
pub struct Leaks {
    /// One for each session and secret, in the order of their first lines.
    pub(crate) leaks: Vec<Leak>,
    /// Transcripts that could not be read again.
    pub(crate) problems: Vec<Problem>,
}

impl Leaks {
    /// Looks for secrets in all text of the transcripts of a dataset, which are read once
    /// more. The key makes the fingerprints.
    pub fn of(dataset: &Dataset, options: &ScanOptions, key: &HashKey) -> Leaks {
        let transcripts = dataset.transcripts();
        let there = transcripts.iter().enumerate().filter(|(_, transcript)| !transcript.is_gone);
        let parts: Vec<Part> = there.flat_map(|(index, transcript)| parts(index, transcript)).collect();
        let detector = Detector::new();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut worker = Worker { dataset, detector: &detector, key, options, source: Source::default(), seen: Seen::default() };
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(part) = parts.get(index) else { return worker.seen };
                worker.search_part(&transcripts[part.transcript], part, index);
            }
        };
        let threads = threads(options.threads, transcripts.iter().map(|transcript| transcript.size_bytes).sum());
        let mut seen = Seen::default();
        on_threads(threads, work).into_iter().for_each(|other| seen.absorb(other));
        seen.problems.sort();
        Leaks { leaks: folded(placed(seen.hits, &parts, &seen.lines, dataset)), problems: seen.problems }
    }
}

/// Puts `[rule]` in the place of every secret in the free text of tables: a
/// title is what somebody typed, a command what was run.
pub(crate) fn redact<'t>(tables: impl IntoIterator<Item = &'t mut Table>) {
    // To make one takes longer than to use it.
    let detector = LazyCell::new(Detector::new);
    let redacted = |text: &Untrusted| Untrusted::new(detector.redacted(text.raw()));
    for table in tables {
        // The name of a command may end in one of its words.
        let is_free = |(_, column): &(usize, &Column)| FREE_TEXT.contains(&column.name) || column.name == "command";
        let free: Vec<usize> = table.columns.iter().enumerate().filter(is_free).map(|(index, _)| index).collect();
        for row in &mut table.rows {
            for index in &free {
                match &mut row[*index] {
                    Value::Text(text) => *text = redacted(text),
                    Value::List(texts) => texts.iter_mut().for_each(|text| *text = redacted(text)),
                    _ => {}
                }
            }
        }
    }
}

/// Gives hits the places that the dataset has for their lines: what came from
/// the store was not cut into the same parts.
fn placed(mut hits: Vec<Hit>, parts: &[Part], lines: &[(usize, u64)], dataset: &Dataset) -> Vec<Hit> {
    let mut counts = vec![0; parts.len()];
    lines.iter().for_each(|(part, count)| counts[*part] = *count);
    let starts = part_starts(parts.iter().map(|part| part.transcript).zip(counts));
    for hit in &mut hits {
        let place = &mut hit.line.origin.order.place;
        let (transcript, line) = locate(&starts, *place);
        *place = dataset.place(transcript, line);
    }
    hits
}

/// A secret on a line.
#[derive(Clone)]
struct Hit {
    rule: &'static str,
    severity: Severity,
    fingerprint: String,
    line: Line,
}

/// A line with secrets.
#[derive(Clone, Copy, Default)]
struct Line {
    /// Its identity: a copy has the same.
    key: Key,
    origin: Origin,
    call: Option<Key>,
}

/// One for each session and secret. Of copies of a line the earliest is true.
fn folded(hits: Vec<Hit>) -> Vec<Leak> {
    let mut originals: FxHashMap<(Key, String), Hit> = FxHashMap::default();
    for hit in hits {
        let known = originals.entry((hit.line.key, hit.fingerprint.clone())).or_insert_with(|| hit.clone());
        if hit.line.origin.order < known.line.origin.order {
            *known = hit;
        }
    }
    let mut hits: Vec<Hit> = originals.into_values().collect();
    hits.sort_by(|a, b| (a.line.origin.order, &a.fingerprint).cmp(&(b.line.origin.order, &b.fingerprint)));
    let mut known: FxHashMap<(Symbol, String), usize> = FxHashMap::default();
    let mut leaks: Vec<Leak> = Vec::new();
    for hit in hits {
        let place = hit.line.origin.order.place;
        let index = *known.entry((hit.line.origin.session, hit.fingerprint.clone())).or_insert(leaks.len());
        match leaks.get_mut(index) {
            Some(leak) => leak.places.push(place),
            None => leaks.push(Leak {
                rule: hit.rule,
                severity: hit.severity,
                fingerprint: hit.fingerprint,
                origin: hit.line.origin,
                call: hit.line.call,
                places: vec![place],
            }),
        }
    }
    leaks
}

struct Worker<'w> {
    dataset: &'w Dataset,
    detector: &'w Detector,
    key: &'w HashKey,
    options: &'w ScanOptions,
    source: Source,
    seen: Seen,
}

/// What one thread has seen.
#[derive(Default)]
struct Seen {
    hits: Vec<Hit>,
    /// Of each part that was read its index, and its lines.
    lines: Vec<(usize, u64)>,
    problems: Vec<Problem>,
}

impl Seen {
    fn absorb(&mut self, other: Seen) {
        self.hits.extend(other.hits);
        self.lines.extend(other.lines);
        self.problems.extend(other.problems);
    }
}

impl Worker<'_> {
    fn search_part(&mut self, transcript: &Transcript, part: &Part, index: usize) {
        let mode = Mode { mmap: self.options.mmap, now: self.options.now };
        let mut source = std::mem::take(&mut self.source);
        match source.bytes_of(transcript, part, mode) {
            Ok(bytes) if bytes.limit == 0 => {}
            Ok(bytes) => self.search_lines(&bytes.bytes[..own_end(bytes.bytes, bytes.limit)], index as u32, transcript),
            Err(error) => {
                let detail = Some(error.to_string());
                self.seen.problems.push(Problem { kind: ProblemKind::Unreadable, path: transcript.path.clone(), line: None, detail });
            }
        }
        self.source = source;
    }

    fn search_lines(&mut self, bytes: &[u8], part: u32, transcript: &Transcript) {
        let (mut number, mut counted) = (1, 0);
        let (mut line, mut end) = (Line::default(), 0);
        for found in self.detector.find(bytes) {
            let at = found.span.start;
            // A line may hold thousands of secrets, so it is read once.
            if at >= end {
                number += memchr::memchr_iter(b'\n', &bytes[counted..at]).count() as u32;
                counted = at;
                let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
                end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
                line = self.line(&bytes[start..end], Place { part, line: number }, transcript);
            }
            let Found { rule, severity, .. } = found;
            self.seen.hits.push(Hit { rule, severity, fingerprint: self.key.secret(&found.value), line });
        }
        let rest = memchr::memchr_iter(b'\n', &bytes[counted..]).count();
        self.seen.lines.push((part as usize, u64::from(number) + rest as u64));
    }

    fn line(&self, line: &[u8], place: Place, transcript: &Transcript) -> Line {
        let entry = Entries::new(line, line.len(), self.options.level, Orders::default()).find_map(Result::ok).map(|(_, entry)| entry);
        let entry = entry.unwrap_or_default();
        let origin = self.origin(&entry, place, transcript);
        let key = if entry.uuid.is_empty() { xxh3_128(line) } else { dedup::uuid_key(entry.uuid) };
        let call = call_id(&entry).and_then(|id| dedup::call_key(id, self.dataset.symbols().bytes(origin.session)));
        Line { key, origin, call }
    }

    /// Who and where, in the names that the dataset knows.
    fn origin(&self, entry: &Entry, place: Place, transcript: &Transcript) -> Origin {
        let known = |name: &[u8]| self.dataset.symbols().find(name).unwrap_or(Symbol::NONE);
        let names = fallback(transcript);
        Origin {
            order: Order::new(entry.timestamp_ms, entry.is_sidechain, place),
            session: if entry.session_id.is_empty() { known(names.session) } else { known(&entry.session_id.decode()) },
            project: if entry.cwd.is_empty() { known(names.project) } else { known(&project_name(entry.cwd)) },
            branch: known(&entry.git_branch.decode()),
            agent: known(&entry.agent_id.decode()),
            version: known(&entry.version.decode()),
        }
    }
}

/// Where the last line ends that starts before `limit`.
fn own_end(bytes: &[u8], limit: usize) -> usize {
    let last = limit.saturating_sub(1);
    memchr::memchr(b'\n', &bytes[last..]).map_or(bytes.len(), |newline| last + newline)
}

/// The call that a line makes or answers, if it is one.
fn call_id<'t>(entry: &Entry<'t>) -> Option<Text<'t>> {
    let Content::Blocks(blocks) = &entry.message.as_ref()?.content else { return None };
    match blocks.as_slice() {
        [ContentBlock::ToolUse(call)] => Some(call.id),
        [ContentBlock::ToolResult(result)] => Some(result.tool_use_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::*;
    use crate::behaviour::audit;
    use crate::behaviour::patterns::planted::{lookalikes, secrets};
    use crate::query::{Query, Selection};
    use crate::scan::Progress;
    use crate::table::Kind;
    use crate::table::Value;
    use crate::time::Calendar;

    fn line(session: &str, at: usize, text: &str) -> String {
        let time = format!("2026-11-20T10:{:02}:{:02}Z", at / 60, at % 60);
        let message = serde_json::json!({"content": text});
        serde_json::json!({"type": "user", "uuid": format!("u{at}"), "sessionId": session, "cwd": "/w/app", "timestamp": time, "message": message})
            .to_string()
    }

    /// The dataset of one transcript that stays while it is read again.
    fn scanned(lines: &[String]) -> (Dataset, Vec<Leak>) {
        let home = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(home.path().join("projects/app")).expect("a folder");
        fs::write(home.path().join("projects/app/s.jsonl"), lines.join("\n") + "\n").expect("a transcript");
        let options = ScanOptions::new(vec![home.path().to_path_buf()], SystemTime::now());
        let dataset = Dataset::load(&options, &Progress::default()).expect("the root is there");
        let found = Leaks::of(&dataset, &options, &HashKey::new(b"key"));
        assert_eq!(found.problems, []);
        (dataset, found.leaks)
    }

    #[test]
    fn every_planted_secret_is_found_and_none_is_shown() {
        let secrets = secrets();
        let lines: Vec<String> =
            secrets.iter().enumerate().map(|(at, (_, secret))| line("s", at, &format!("it is {secret} now"))).collect();
        let (dataset, leaks) = scanned(&lines);
        let found: Vec<_> = leaks.iter().map(|leak| leak.rule).collect();
        assert_eq!(found, secrets.iter().map(|(rule, _)| *rule).collect::<Vec<_>>());

        let events = audit::events(&Selection::new(&dataset, &Query::all()).expect("no filter"), &[], &leaks);
        let shown = format!("{leaks:?} {:?} {:?}", audit::table(&dataset, &events, &Calendar::default()), audit::advice(&events));
        assert_eq!(events.iter().filter(|event| event.rule == audit::Rule::LeakedSecret).count(), secrets.len());
        for (rule, secret) in secrets {
            let words = secret.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| word.len() >= 12);
            words.for_each(|word| assert!(!shown.contains(word), "{rule}"));
        }
    }

    #[test]
    fn lookalikes_are_not_reported() {
        let lines: Vec<String> = lookalikes().iter().enumerate().map(|(at, text)| line("s", at, text)).collect();
        assert!(scanned(&lines).1.is_empty());
    }

    #[test]
    fn a_secret_is_told_once_for_each_session_with_its_lines() {
        let secret = &secrets()[0].1;
        let lines = [line("s", 1, "nothing"), line("s", 3, secret), line("s", 2, secret), line("other", 4, secret), line("s", 2, secret)];
        let (dataset, leaks) = scanned(&lines);
        let seen: Vec<_> = leaks.iter().map(|leak| (dataset.symbols().name(leak.origin.session), leak.places.len())).collect();
        assert_eq!(seen, [("s".into(), 2), ("other".into(), 1)]);
        // The earliest line by time, and of its copies the first by place.
        assert_eq!(dataset.locate(leaks[0].origin.order.place).1, 3);
        assert_eq!(leaks[0].fingerprint, leaks[1].fingerprint);
    }

    #[test]
    fn a_secret_in_a_result_belongs_to_its_call() {
        let secret = &secrets()[0].1;
        let block = |block: serde_json::Value| serde_json::json!({"id": "msg_1", "model": "m", "content": [block]});
        let lines = [
            serde_json::json!({"type": "assistant", "sessionId": "s", "uuid": "a", "message": block(serde_json::json!({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "env"}}))}),
            serde_json::json!({"type": "user", "sessionId": "s", "uuid": "b", "message": block(serde_json::json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": secret}))}),
        ];
        let (dataset, leaks) = scanned(&lines.map(|line| line.to_string()));
        let events = audit::events(&Selection::new(&dataset, &Query::all()).expect("no filter"), &[], &leaks);
        let row = audit::table(&dataset, &events, &Calendar::default()).rows.remove(0);
        assert_eq!([&row[4], &row[6], &row[8]], [&Value::text("Bash"), &Value::text("leaked-secret"), &Value::text("executed")]);
    }

    #[test]
    fn every_secret_of_a_line_has_its_place() {
        let [(_, first), (_, second), ..] = &secrets()[..] else { panic!("two secrets") };
        let lines = [line("s", 1, "nothing"), line("s", 2, &format!("{first} and {second}")), line("t", 3, first)];
        let (dataset, leaks) = scanned(&lines);
        let found: Vec<_> = leaks.iter().map(|leak| dataset.locate(leak.origin.order.place).1).collect();
        assert_eq!(found, [2, 2, 3]);
    }

    #[test]
    fn a_line_that_is_no_entry_is_searched_too() {
        let secret = &secrets()[0].1;
        assert_eq!(scanned(&[line("s", 1, "x"), format!("{{broken {secret}")]).1.len(), 1);
    }

    #[test]
    fn free_text_of_tables_shows_no_secret() {
        let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
        let columns = [("title", Kind::Phrase), ("variants", Kind::Text), ("command", Kind::Text), ("file", Kind::Text)];
        let mut table = Table::new(&columns);
        let quoting = || Untrusted::new(format!("use {token}"));
        let text = || Value::Text(quoting());
        table.push(vec![text(), Value::List(vec![quoting()]), text(), text()]);
        redact([&mut table]);
        let shown = || Untrusted::new("use [github-token]");
        assert_eq!(table.rows[0][..3], [Value::Text(shown()), Value::List(vec![shown()]), Value::Text(shown())]);
        // A path is no free text.
        assert_eq!(table.rows[0][3], text());
    }
}
