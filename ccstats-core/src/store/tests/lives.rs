//! Random lives of transcripts: whatever happens to files, a load through the
//! store gives every complete line that a load ever saw, each once.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use crate::budget::{BudgetQuery, Limit, Period, budgets};
use crate::dataset::{Accounting, Dataset};
use crate::error::ProblemKind;
use crate::lines::entries;
use crate::prices::Prices;
use crate::query::Query;
use crate::report::{Answer, Question, ReportName, ReportOptions};
use crate::scan::{Progress, ScanOptions};
use crate::store::{Import, Needs, Store};
use crate::tally::Tally;
use crate::time::{Calendar, Instants, Range};

/// Something that happens. Numbers choose the file and the place in it.
#[derive(Clone, Debug)]
enum Event {
    Append {
        file: usize,
        lines: u8,
    },
    /// The start of a line, without the end.
    AppendPart {
        file: usize,
        length: usize,
    },
    /// A line behind whatever stands there, without a newline.
    Glue {
        file: usize,
    },
    Newline {
        file: usize,
    },
    Nulls {
        file: usize,
    },
    Truncate {
        file: usize,
        at: usize,
    },
    /// Other bytes of the same length at the end.
    RewriteTail {
        file: usize,
        length: usize,
    },
    Delete {
        file: usize,
    },
    Rename {
        from: usize,
        to: usize,
    },
    Copy {
        from: usize,
        to: usize,
    },
    /// A copy whose lines have later times, as a resume makes it.
    Resume {
        from: usize,
        to: usize,
    },
    Run {
        threads: bool,
    },
    /// A load through a handle that was opened at the start.
    RunOld,
    /// Keeps a copy of the store.
    Export,
    /// Takes in what that copy knows.
    Import,
    /// The store goes on as what another one took in of it.
    Move,
}

const FILES: usize = 4;

fn event() -> impl Strategy<Value = Event> {
    let file = || 0..FILES;
    prop_oneof![
        4 => (file(), 1..40_u8).prop_map(|(file, lines)| Event::Append { file, lines }),
        2 => (file(), 1..200_usize).prop_map(|(file, length)| Event::AppendPart { file, length }),
        1 => file().prop_map(|file| Event::Glue { file }),
        2 => file().prop_map(|file| Event::Newline { file }),
        1 => file().prop_map(|file| Event::Nulls { file }),
        1 => (file(), any::<usize>()).prop_map(|(file, at)| Event::Truncate { file, at }),
        1 => (file(), 1..600_usize).prop_map(|(file, length)| Event::RewriteTail { file, length }),
        1 => file().prop_map(|file| Event::Delete { file }),
        1 => (file(), file()).prop_map(|(from, to)| Event::Rename { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Event::Copy { from, to }),
        1 => (file(), file()).prop_map(|(from, to)| Event::Resume { from, to }),
        5 => any::<bool>().prop_map(|threads| Event::Run { threads }),
        1 => Just(Event::RunOld),
        1 => Just(Event::Export),
        1 => Just(Event::Import),
        1 => Just(Event::Move),
    ]
}

/// A home, its store, and all lines that were seen in it.
struct World {
    folder: tempfile::TempDir,
    lines: u64,
    /// Output tokens by the id of the response.
    seen: BTreeMap<String, u64>,
    old: Store,
    /// How often the store moved.
    moves: u32,
    /// Files seem to be old: then nothing but the time of a change tells of it.
    is_long_ago: bool,
    /// How many files were written.
    writes: u64,
}

impl World {
    fn new(is_long_ago: bool) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join("home/projects/p")).expect("a folder");
        let old = Store::open(&folder.path().join("store-0")).expect("a new store");
        World { folder, lines: 0, seen: BTreeMap::new(), old, moves: 0, is_long_ago, writes: 0 }
    }

    fn file(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("home/projects/p/{number}.jsonl"))
    }

    fn bytes(&self, file: usize) -> Vec<u8> {
        fs::read(self.file(file)).unwrap_or_default()
    }

    fn write(&mut self, file: usize, bytes: &[u8]) {
        fs::write(self.file(file), bytes).expect("a writable file");
        self.age(file);
    }

    /// Makes a file that was just written look old, each one less so.
    fn age(&mut self, file: usize) {
        self.writes += 1;
        if let Ok(written) = fs::File::options().write(true).open(self.file(file))
            && self.is_long_ago
        {
            written.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(self.writes)).expect("a file of this user");
        }
    }

    fn append(&mut self, file: usize, more: &[u8]) {
        self.write(file, &[self.bytes(file), more.to_vec()].concat());
    }

    /// A response that no other line repeats, on one of ten days.
    fn line(&mut self) -> String {
        self.lines += 1;
        let number = self.lines;
        let padding = "x".repeat(number as usize * 37 % 300);
        format!(
            r#"{{"type":"assistant","uuid":"u{number}","sessionId":"s{}","timestamp":"2026-11-{:02}T10:00:00Z","padding":"{padding}","message":{{"id":"msg_{number}","model":"m","usage":{{"output_tokens":{number}}},"content":[{{"type":"tool_use","id":"toolu_{number}","name":"Bash","input":{{"command":"git push origin secret-{number}"}}}}]}}}}"#,
            number % 3,
            number % 10 + 1,
        )
    }

    fn lines(&mut self, count: u8) -> Vec<u8> {
        (0..count).flat_map(|_| (self.line() + "\n").into_bytes()).collect()
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Append { file, lines } => {
                let lines = self.lines(lines);
                self.append(file, &lines);
            }
            Event::AppendPart { file, length } => {
                let line = self.line();
                self.append(file, &line.as_bytes()[..length.min(line.len() - 1)]);
            }
            Event::Glue { file } => {
                let line = self.line();
                self.append(file, line.as_bytes());
            }
            Event::Newline { file } => self.append(file, b"\n"),
            Event::Nulls { file } => self.append(file, &[0; 50]),
            Event::Truncate { file, at } => {
                let bytes = self.bytes(file);
                self.write(file, &bytes[..at % (bytes.len() + 1)]);
            }
            Event::RewriteTail { file, length } => {
                let mut bytes = self.bytes(file);
                let mut tail = self.lines(4);
                let length = length.min(bytes.len()).min(tail.len());
                tail.truncate(length);
                let start = bytes.len() - length;
                bytes[start..].copy_from_slice(&tail);
                self.write(file, &bytes);
            }
            Event::Delete { file } => _ = fs::remove_file(self.file(file)),
            Event::Rename { from, to } => _ = fs::rename(self.file(from), self.file(to)),
            Event::Copy { from, to } => {
                if fs::copy(self.file(from), self.file(to)).is_ok() {
                    self.age(to);
                }
            }
            Event::Resume { from, to } => {
                let later = String::from_utf8_lossy(&self.bytes(from)).replace("T10:", "T11:").replace("2026-11-0", "2026-11-1");
                self.append(to, later.as_bytes());
            }
            Event::Run { threads } => self.run(None, threads),
            Event::RunOld => self.run(Some(()), false),
            Event::Export => self.export(),
            Event::Import => self.import(),
            Event::Move => {
                self.export();
                self.moves += 1;
                self.import();
                self.old = self.open();
            }
        }
    }

    fn exported(&self) -> PathBuf {
        self.folder.path().join("export")
    }

    fn export(&self) {
        _ = fs::remove_file(self.exported());
        self.open().export(&self.exported()).expect("exported");
    }

    fn import(&self) {
        if self.exported().exists() {
            self.open().import(&self.exported(), &Import::default(), &self.options()).expect("imported");
        }
    }

    fn options(&self) -> ScanOptions {
        ScanOptions::new(vec![self.folder.path().join("home")], SystemTime::now())
    }

    /// Loads, and compares with what must be known now.
    fn run(&mut self, old: Option<()>, threads: bool) {
        for file in 0..FILES {
            self.seen.extend(lines(&self.bytes(file)));
        }
        let mut options = self.options();
        options.threads = (!threads).then_some(std::num::NonZeroUsize::MIN);
        let mut new = old.is_none().then(|| self.open());
        let store = new.as_mut().unwrap_or(&mut self.old);
        let load = |store: &mut Store, needs: Needs| {
            let loaded = Dataset::load_with_store(&options, store, &Progress::default(), &needs).expect("a home");
            assert_eq!(store.wait(), None);
            loaded
        };
        let loaded = load(store, Needs::default());
        let plain = Dataset::load(&options, &Progress::default()).expect("a home");
        let stored = |dataset: &Dataset| dataset.accounting().problems.iter().any(|problem| problem.kind == ProblemKind::Store);
        assert!(!stored(&loaded), "{:?}", loaded.accounting().problems);
        assert_eq!(read(&loaded), read(&plain));
        assert_eq!(outputs(&loaded), self.seen);
        // The second load has nothing to read, or the tails that may still change.
        let again = load(store, Needs::default());
        assert_eq!(tally(&again, &Query::all()), tally(&loaded, &Query::all()));
        assert_eq!(read(&again), read(&plain));
        let text = load(store, Needs { text: true, ..Needs::default() });
        assert_eq!(tally(&text, &Query::all()), tally(&loaded, &Query::all()));
        compare_answers(&again, store, &options);
        for day in ["2026-11-01", "2026-11-04", "2026-11-12"] {
            let range: Range = Range::parse(day, chrono::DateTime::UNIX_EPOCH, &Calendar::default()).expect("a day");
            let Instants { start_ms, end_ms } = range.instants(&Calendar::default());
            let some = load(store, Needs { start_ms, end_ms, ..Needs::default() });
            let query = Query { range, ..Query::all() };
            assert_eq!(tally(&some, &query), tally(&loaded, &query), "{day}");
        }
        let now = "2026-11-04T12:00:00Z".parse().expect("a time");
        for period in Period::ALL {
            let limits = [Limit { period, most: 1, projects: Vec::new() }];
            let asked = BudgetQuery { query: &Query::all(), limits: &limits, session: None, now };
            let spent = |dataset: &Dataset| budgets(dataset, Prices::builtin(), &asked).expect("no globs");
            let needs = asked.needs().expect("a time");
            let some = load(store, needs);
            assert_eq!(format!("{:?}", spent(&some)), format!("{:?}", spent(&loaded)), "{period:?}");
        }
    }

    /// Arguments of commands stand nowhere in the store.
    fn holds_no_text(&self) {
        for file in fs::read_dir(self.store()).expect("a folder") {
            let bytes = fs::read(file.expect("a file").path()).expect("readable");
            assert_eq!(memchr::memmem::find(&bytes, b"secret-"), None);
        }
    }

    fn open(&self) -> Store {
        Store::open(&self.store()).expect("a store")
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join(format!("store-{}", self.moves))
    }
}

/// An answer that was kept is that of a load, and what a load leads to is kept where it can be.
fn compare_answers(dataset: &Dataset, store: &mut Store, options: &ScanOptions) {
    let (query, rest) = (Query::all(), ReportOptions::default());
    let question = Question { name: ReportName::Summary, query: &query, prices: Prices::builtin(), options: &rest };
    let report = |answer: Answer| format!("{:?}", question.report(answer).expect("no column is asked for"));
    let answer = question.answer(dataset).expect("no globs");
    let wanted = report(answer.clone());
    if let Some(answer) = question.recall(store, options, ()) {
        assert_eq!(report(answer), wanted);
    }
    question.keep(&answer, dataset, store, ());
    let recalled = question.recall(store, options, ());
    assert_eq!(recalled.is_some(), dataset.seal().is_some() && !dataset.messages().is_empty());
    recalled.into_iter().for_each(|answer| assert_eq!(report(answer), wanted));
}

/// The responses in a transcript, by the parser that has tests of its own.
fn lines(bytes: &[u8]) -> Vec<(String, u64)> {
    let messages = entries(bytes).filter_map(Result::ok).filter_map(|(_, entry)| entry.message);
    messages.filter_map(|message| Some((message.id.to_str().into_owned(), message.usage?.output))).collect()
}

/// What was read; of what is gone nothing was.
fn read(dataset: &Dataset) -> String {
    format!("{:?}", Accounting { gone: 0, ..dataset.accounting().clone() })
}

fn outputs(dataset: &Dataset) -> BTreeMap<String, u64> {
    dataset.messages().iter().map(|row| (format!("msg_{}", row.tokens.output), row.tokens.output)).collect()
}

fn tally(dataset: &Dataset, query: &Query) -> String {
    format!("{:?}", Tally::of(dataset, query, Prices::builtin()).expect("no globs"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_was_seen_is_lost_or_counted_twice(is_long_ago: bool, events in prop::collection::vec(event(), 1..25)) {
        let mut world = World::new(is_long_ago);
        events.iter().for_each(|event| world.happen(event));
        world.run(None, true);
        world.holds_no_text();
    }
}
