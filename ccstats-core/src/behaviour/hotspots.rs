//! Which files are edited again and again, and what it took.
//!
//! An edit is a call of Edit, MultiEdit, Write or NotebookEdit that changed its
//! file; one that a tool refused is an error of the file. Edits that shells make
//! are not known well enough to count.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::calls::{self, Call, Tools};
use crate::behaviour::epochs::Thread;
use crate::behaviour::files::FileNames;
use crate::dataset::Dataset;
use crate::dedup::Key;
use crate::outcome::{EditError, Outcome};
use crate::query::Selection;
use crate::rows::{CallRow, Command, Origin};
use crate::shell::FileRead;
use crate::symbols::Symbol;
use crate::table::{Kind, Table, Value};
use crate::time::Calendar;
use crate::untrusted::Shown;
use crate::wording::counted;

/// One file that was edited.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Hotspot {
    /// The canonical path.
    file: String,
    edits: u64,
    sessions: u64,
    days: u64,
    lines_added: u64,
    lines_removed: u64,
    /// Edits that a tool refused, for whatever reason, and by reason.
    errors: u64,
    not_read: u64,
    changed: u64,
    not_found: u64,
    not_unique: u64,
    /// Edits that put back an older text of the same place.
    reverted: u64,
    /// Edits that follow an edit of the file and a command that failed since.
    cycles: u64,
    /// Reads by the Read tool, and by commands that print one file; not known
    /// where a query keeps some tools only.
    reads: Option<u64>,
    /// Its latest edits.
    latest: Vec<Origin>,
}

/// The files that the calls of a query edited: those of the most sessions, then
/// days, then edits first.
pub(crate) fn hotspots(selection: &Selection) -> Vec<Hotspot> {
    let (dataset, calendar) = (selection.dataset(), selection.calendar());
    let calls = Calls::of(dataset);
    let mut names = FileNames::new(dataset);
    let mut files = Files::default();
    for call in calls.edits.iter().filter(|(call, _)| selection.keeps_call(call)) {
        files.add(names.named(call.0), *call);
    }
    files.0.retain(|_, file| !file.edits.is_empty());
    let mut ranked: Vec<usize> = files.0.keys().copied().collect();
    ranked.sort_by_cached_key(|file| (Reverse(files.0[file].counts(calendar)), names.path(*file)));
    files.0.values_mut().for_each(|file| calls::sort(&mut file.edits));
    let reverted = reverted(&calls, &mut names, &files);
    let cycles = cycles(&calls, &mut names, &files);
    let reads = (!selection.keeps_calls_only()).then(|| reads(&calls, selection, &mut names, &files));
    let row = |file: usize| Hotspot {
        file: names.path(file).into(),
        reverted: files.0[&file].count(&reverted),
        cycles: files.0[&file].count(&cycles),
        reads: reads.as_ref().map(|reads| reads.get(&file).copied().unwrap_or_default()),
        ..files.0[&file].row(dataset, calendar)
    };
    ranked.into_iter().map(row).collect()
}

/// One row per edited file.
pub(crate) fn table(dataset: &Dataset, rows: &[Hotspot]) -> Table {
    let examples = |row: &Hotspot| calls::list(&row.latest.iter().map(|origin| calls::evidence_of(dataset, origin)).collect::<Vec<_>>());
    let mut table = Table::new(&[&COLUMNS[..], &[("examples", Kind::Text)]].concat()).details(&DETAILS);
    table.extend(rows.iter().map(|row| [row.cells(), vec![examples(row)]].concat()));
    table
}

/// The rows as the summary has them.
pub(crate) fn brief_table(rows: &[Hotspot]) -> Table {
    let mut table = Table::new(&COLUMNS).details(&DETAILS);
    table.extend(rows.iter().map(Hotspot::cells));
    table
}

const COLUMNS: [(&str, Kind); 16] = [
    ("file", Kind::Text),
    ("edits", Kind::Count),
    ("sessions", Kind::Count),
    ("days", Kind::Count),
    ("lines_added", Kind::Count),
    ("lines_removed", Kind::Count),
    ("net", Kind::Net),
    ("errors", Kind::Count),
    ("errors_not_read", Kind::Count),
    ("errors_changed", Kind::Count),
    ("errors_not_found", Kind::Count),
    ("errors_not_unique", Kind::Count),
    ("reverted", Kind::Count),
    ("cycles", Kind::Count),
    ("reads", Kind::Count),
    ("reads_per_edit", Kind::Rate),
];

const DETAILS: [&str; 8] =
    ["net", "errors_not_read", "errors_changed", "errors_not_found", "errors_not_unique", "reads", "reads_per_edit", "examples"];

/// From how many sessions on a file is worth a word, and from how many refusals
/// a reason is.
const MANY_SESSIONS: u64 = 3;
const MANY_REFUSALS: u64 = 3;

/// What to do about it: the file that most sessions come back to, and the most
/// frequent reason why edits were refused.
pub(crate) fn advice(rows: &[Hotspot]) -> Option<String> {
    let hot = rows.first().filter(|row| row.sessions >= MANY_SESSIONS).map(|row| {
        let file = Shown::new(&row.file);
        format!(
            "`{file}` was edited {} in {}: describe it in CLAUDE.md, or split it",
            counted(row.edits, "time"),
            counted(row.sessions, "session")
        )
    });
    let sum = |count: fn(&Hotspot) -> u64| rows.iter().map(count).sum::<u64>();
    let reasons = [
        (sum(|row| row.not_read), "the file had not been read: ask Claude to read before it edits"),
        (sum(|row| row.changed), "the file had changed: keep formatters and watchers from running between edits"),
        (sum(|row| row.not_found), "the text was not there: ask Claude to read the place again before it edits"),
        (sum(|row| row.not_unique), "the text stood there several times: ask Claude to give more lines around it"),
    ];
    // The first of equal reasons, so that the order of the list decides.
    let refused = reasons.iter().rev().max_by_key(|(count, _)| *count).filter(|(count, _)| *count >= MANY_REFUSALS);
    let parts: Vec<String> =
        hot.into_iter().chain(refused.map(|(count, why)| format!("{} were refused because {why}", counted(*count, "edit")))).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

impl Hotspot {
    fn cells(&self) -> Vec<Value> {
        let mut cells = vec![Value::text(&self.file)];
        cells.extend([self.edits, self.sessions, self.days, self.lines_added, self.lines_removed].map(Value::from));
        cells.push(Value::Net(self.lines_added as i64 - self.lines_removed as i64));
        cells.extend([self.errors, self.not_read, self.changed, self.not_found, self.not_unique].map(Value::from));
        cells.extend([self.reverted, self.cycles].map(Value::from));
        cells.push(self.reads.map_or(Value::None, Value::from));
        cells.push(self.reads.map_or(Value::None, |reads| Value::Rate(reads as f64 / self.edits as f64)));
        cells
    }
}

/// The calls that tell something of files that were edited. To look at all calls takes
/// longer than what is done with these.
struct Calls<'d> {
    tools: Tools,
    /// Those of tools that edit files.
    edits: Vec<Call<'d>>,
    /// Commands that failed.
    failed: Vec<Call<'d>>,
    /// Commands and reads that ended well.
    read: Vec<Call<'d>>,
}

impl<'d> Calls<'d> {
    fn of(dataset: &'d Dataset) -> Calls<'d> {
        let tools = Tools::of(dataset);
        let mut calls = Calls { tools, edits: Vec::new(), failed: Vec::new(), read: Vec::new() };
        for call in dataset.calls() {
            if tools.is_edit(call.0) {
                calls.edits.push(call);
            } else if tools.has_failed(&call) {
                calls.failed.push(call);
            } else if call.1.outcome == Outcome::Ok && (tools.is_bash(call.0) || tools.is_read(call.0)) {
                calls.read.push(call);
            }
        }
        calls
    }

    /// The edits that changed a file.
    fn edited(&self) -> impl Iterator<Item = Call<'d>> {
        self.edits.iter().copied().filter(|call| self.tools.has_edited(call))
    }
}

/// The edits of files, in order, by the number of the file.
#[derive(Default)]
struct Files<'d>(BTreeMap<usize, File<'d>>);

#[derive(Default)]
struct File<'d> {
    edits: Vec<Call<'d>>,
    refused: Vec<Call<'d>>,
}

impl<'d> Files<'d> {
    fn add(&mut self, file: Option<usize>, call: Call<'d>) {
        let Some(file) = file else { return };
        match call.1.outcome {
            Outcome::Ok => self.0.entry(file).or_default().edits.push(call),
            Outcome::ToolError => self.0.entry(file).or_default().refused.push(call),
            _ => {}
        }
    }

    /// The file, if it is one of these.
    fn listed(&self, file: Option<usize>) -> Option<usize> {
        file.filter(|file| self.0.contains_key(file))
    }
}

impl File<'_> {
    /// How many edits are among some calls.
    fn count(&self, calls: &FxHashSet<Key>) -> u64 {
        self.edits.iter().filter(|(call, _)| calls.contains(&call.key)).count() as u64
    }

    /// The sessions and days of the edits, and the edits.
    fn counts(&self, calendar: &Calendar) -> (u64, u64, u64) {
        (calls::sessions(&self.edits), calls::days(&self.edits, calendar), self.edits.len() as u64)
    }

    /// What the calls tell by themselves.
    fn row(&self, dataset: &Dataset, calendar: &Calendar) -> Hotspot {
        let (sessions, days, edits) = self.counts(calendar);
        let error = |call: &Call| dataset.facts().results.get(call.0.key).and_then(|result| result.edit_error);
        let errors = |kind| self.refused.iter().filter(|call| error(call) == Some(kind)).count() as u64;
        Hotspot {
            edits,
            sessions,
            days,
            lines_added: self.edits.iter().map(|(_, ending)| u64::from(ending.lines_added)).sum(),
            lines_removed: self.edits.iter().map(|(_, ending)| u64::from(ending.lines_removed)).sum(),
            errors: self.refused.len() as u64,
            not_read: errors(EditError::NotRead),
            changed: errors(EditError::Changed),
            not_found: errors(EditError::NotFound),
            not_unique: errors(EditError::NotUnique),
            latest: calls::latest(&self.edits).map(|(call, _)| call.origin).collect(),
            ..Hotspot::default()
        }
    }
}

/// The edits that put back an older text, in or before the range.
fn reverted(calls: &Calls, names: &mut FileNames, files: &Files) -> FxHashSet<Key> {
    let mut edits: FxHashMap<usize, Vec<Call>> = FxHashMap::default();
    for call in calls.edited() {
        if let Some(file) = files.listed(names.named(call.0)) {
            edits.entry(file).or_default().push(call);
        }
    }
    let mut reverted = FxHashSet::default();
    for mut edits in edits.into_values() {
        calls::sort(&mut edits);
        let mut past = Past::default();
        let goes_back = |(call, _): &Call| {
            if calls.tools.is_write(call) { past.write(call.new_text) } else { past.edit(call.old_text, call.new_text) }
        };
        reverted.extend(edits.into_iter().filter(goes_back).map(|(call, _)| call.key));
    }
    reverted
}

/// The texts that a file once had, as hashes; 0 is a text that is not known.
#[derive(Default)]
struct Past {
    /// By the text of a place now: its older texts.
    places: FxHashMap<u64, Vec<u64>>,
    /// Texts of the whole file, and the one it has now.
    wholes: FxHashSet<u64>,
    whole: u64,
}

impl Past {
    /// Whether an edit of a place puts back an older text of it. A place is known
    /// by its text: Edit wants the text that it replaces to be the only one.
    fn edit(&mut self, old: u64, new: u64) -> bool {
        self.whole = 0;
        let mut older = self.places.remove(&old).unwrap_or_default();
        if old == 0 || new == 0 {
            return false;
        }
        let goes_back = older.contains(&new);
        older.push(old);
        self.places.insert(new, older);
        goes_back
    }

    /// Whether a text of the whole file is an older one. Where places lie in the
    /// new text is not known.
    fn write(&mut self, text: u64) -> bool {
        self.places.clear();
        let is_new = self.wholes.insert(text);
        let goes_back = !is_new && text != 0 && text != self.whole;
        self.whole = text;
        goes_back
    }
}

/// The edits that end a cycle: edit, failing command, edit of the same file.
fn cycles(calls: &Calls, names: &mut FileNames, files: &Files) -> FxHashSet<Key> {
    let edits = files.0.values().flat_map(|file| &file.edits);
    let wanted = edits.map(|(call, _)| Thread::of(&call.origin)).collect();
    let mut cycles = FxHashSet::default();
    for thread in calls::threads(calls.edited().chain(calls.failed.iter().copied()), &wanted) {
        let mut failures = 0;
        // By file: the failures before its last edit.
        let mut before: FxHashMap<usize, u64> = FxHashMap::default();
        for call in &thread {
            if calls.tools.has_failed(call) {
                failures += 1;
            } else if let Some(file) = files.listed(names.named(call.0))
                && before.insert(file, failures).is_some_and(|before| before < failures)
            {
                cycles.insert(call.0.key);
            }
        }
    }
    cycles
}

/// How often edited files were read.
fn reads(calls: &Calls, selection: &Selection, names: &mut FileNames, files: &Files) -> FxHashMap<usize, u64> {
    let dataset = selection.dataset();
    let mut reads: FxHashMap<usize, u64> = FxHashMap::default();
    let mut commands: Vec<&CallRow> = Vec::new();
    for (call, _) in calls.read.iter().filter(|(call, _)| selection.keeps_call(call)) {
        if calls.tools.is_bash(call) {
            commands.push(call);
        } else if let Some(file) = files.listed(names.named(call)) {
            *reads.entry(file).or_default() += 1;
        }
    }
    let printed = printed(dataset, &commands, files.0.keys().map(|file| names.path(*file)));
    for call in commands {
        let told = match call.known_command() {
            Some(Command::Text(text)) => printed.get(&text).map(|reads| &reads[..]).unwrap_or_default().into(),
            Some(stored) => Cow::from(dataset.facts().files_read(stored)),
            None => Cow::default(),
        };
        for read in told.iter() {
            if let Some(file) = files.listed(Some(names.number(&read.path, &call.origin))) {
                *reads.entry(file).or_default() += 1;
            }
        }
    }
    reads
}

/// The files that commands print, by the texts of those of which only the text is known.
/// Only one that holds the last part of a path can print that file; few do, and the
/// others are not parsed.
fn printed<'f>(dataset: &Dataset, calls: &[&CallRow], files: impl Iterator<Item = &'f str>) -> FxHashMap<Symbol, Vec<FileRead>> {
    let wanted: FxHashSet<&str> = files.filter_map(|file| parts(file).last()).collect();
    let texts: FxHashSet<Symbol> = calls.iter().filter_map(|call| call.known_command()?.text()).collect();
    let texts: Vec<Symbol> = texts.into_iter().collect();
    let may_print = |text: Symbol| parts(&dataset.symbols().name(text)).any(|part| wanted.contains(part));
    let reads =
        calls::in_parallel(&texts, |text| if may_print(*text) { dataset.facts().files_read(Command::Text(*text)) } else { Vec::new() });
    texts.into_iter().zip(reads).filter(|(_, reads)| !reads.is_empty()).collect()
}

/// The parts of a path or a command, cut wherever a name of a file can end.
fn parts(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    let is_break = |letter: char| letter.is_whitespace() || letter.is_ascii_punctuation() && !matches!(letter, '.' | '-' | '_');
    text.split(is_break).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::behaviour::story::{Era, Story, dataset};
    use crate::query::Query;

    fn of(stories: &[Story]) -> Vec<Hotspot> {
        hotspots(&Selection::new(&dataset(stories), &Query::all()).expect("no filters"))
    }

    fn story() -> Story {
        Story::new(Era::Denial, "s")
    }

    /// Rows without examples, one per line.
    fn dump(rows: &[Hotspot]) -> String {
        let table = brief_table(rows);
        let cell = |value: &Value| match value {
            Value::Text(text) => text.raw().to_owned(),
            Value::Number(number) => number.to_string(),
            Value::Net(number) => number.to_string(),
            Value::Rate(rate) => format!("{rate:.1}"),
            _ => String::new(),
        };
        let line = |row: &Vec<Value>| row.iter().map(cell).collect::<Vec<_>>().join(" ");
        table.rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_version_tells_the_same_story() {
        let tell = |era| {
            of(&[Story::new(era, "s")
                .read("/work/app/a.rs")
                .refused_edit("/work/app/a.rs", "File has not been read yet. Read it first before writing to it.")
                .refused_edit("/work/app/a.rs", "File has been modified since read, either by the user or by a linter.")
                .refused_edit("/work/app/a.rs", "String to replace not found in file.\nString: x")
                .refused_edit("/work/app/a.rs", "Found 2 matches of the string to replace, but replace_all is false.")
                .refused_edit("/work/app/a.rs", "No changes to make: old_string and new_string are exactly the same.")
                .edit("/work/app/a.rs", "one", "two")
                .fails("cargo test", 101, "x")
                .edit("/work/app/a.rs", "two", "one")
                .write("/work/app/b.rs", "x\ny\n")])
        };
        let plain = tell(Era::Plain);
        assert_snapshot!(dump(&plain), @r"
        /work/app/a.rs 2 1 1 2 2 0 5 1 1 1 1 1 1 1 0.5
        /work/app/b.rs 1 1 1 2 0 2 0 0 0 0 0 0 0 0 0.0
        ");
        for era in Era::ALL {
            assert_eq!(tell(era), plain, "{era:?}");
        }
    }

    #[test]
    fn sessions_count_before_days_and_days_before_edits() {
        let stories = [
            story()
                .edit("/a", "x", "y")
                .edit("/a", "y", "z")
                .edit("/a", "z", "q")
                .edit("/b", "x", "y")
                .on_day(2)
                .edit("/b", "x", "y")
                .edit("/c", "x", "y"),
            Story::new(Era::Denial, "t").edit("/c", "x", "y"),
        ];
        let rows = of(&stories);
        let order = rows.iter().map(|row| (row.file.as_str(), row.sessions, row.days, row.edits));
        assert_eq!(order.collect::<Vec<_>>(), [("/c", 2, 2, 2), ("/b", 1, 2, 2), ("/a", 1, 1, 3)]);
    }

    #[test]
    fn every_spelling_of_a_path_is_one_file() {
        let rows = of(&[
            story().edit("/work/app/src/a.rs", "x", "y").edit("src/a.rs", "x", "y").edit("/work/app/./src//a.rs", "x", "y"),
            Story::new(Era::Denial, "t").cwd("c:\\w").edit("c:/w/a.rs", "x", "y").edit("C:\\w\\a.rs", "x", "y").edit("a.rs", "x", "y"),
        ]);
        let files = rows.iter().map(|row| (row.file.as_str(), row.edits));
        assert_eq!(files.collect::<Vec<_>>(), [("/work/app/src/a.rs", 3), ("C:\\w\\a.rs", 3)]);
    }

    #[test]
    fn an_edit_is_reverted_when_an_older_text_of_its_place_comes_back() {
        let reverted = |story: Story| of(&[story])[0].reverted;
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/a", "y", "x")), 1);
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/a", "y", "z").edit("/a", "z", "x")), 1);
        assert_eq!(reverted(story().write("/a", "1").write("/a", "2").write("/a", "1")), 1);
        assert_eq!(reverted(story().write("/a", "1").edit("/a", "x", "y").write("/a", "1")), 1);
        // A place of its own, another file, the same text again, a text that was never there.
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/a", "z", "x")), 0);
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/b", "y", "x")), 0);
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/a", "x", "y")), 0);
        assert_eq!(reverted(story().write("/a", "1").write("/a", "1")), 0);
        assert_eq!(reverted(story().edit("/a", "x", "y").edit("/a", "y", "z")), 0);
        // After the whole file was written, a place is not known to be the same.
        assert_eq!(reverted(story().edit("/a", "x", "y").write("/a", "y").edit("/a", "y", "x")), 0);
    }

    #[test]
    fn a_cycle_is_edit_failure_edit_in_one_thread() {
        let cycles = |stories: &[Story]| of(stories)[0].cycles;
        assert_eq!(
            cycles(&[story().edit("/a", "x", "y").fails("make", 2, "x").edit("/a", "y", "z").fails("make", 2, "x").edit("/a", "z", "q")]),
            2
        );
        // No failure between, a failure before both, another file, another agent, a success.
        assert_eq!(cycles(&[story().edit("/a", "x", "y").edit("/a", "y", "z")]), 0);
        assert_eq!(cycles(&[story().fails("make", 2, "x").edit("/a", "x", "y").edit("/a", "y", "z")]), 0);
        assert_eq!(cycles(&[story().edit("/a", "x", "y").fails("make", 2, "x").edit("/b", "y", "z")]), 0);
        let agent = story().agent("a1").fails("make", 2, "x").edit("/a", "y", "z");
        assert_eq!(cycles(&[story().edit("/a", "x", "y"), agent]), 0);
        assert_eq!(cycles(&[story().edit("/a", "x", "y").ok("make").edit("/a", "y", "z")]), 0);
        assert_eq!(cycles(&[story().edit("/a", "x", "y").fails("grep x y", 1, "").edit("/a", "y", "z")]), 0);
    }

    #[test]
    fn reads_are_those_of_the_tool_and_of_commands_that_print_the_file() {
        let story = story()
            .read("/work/app/a b.rs")
            .ok("cat 'a b.rs'")
            .ok("cd src && head -5 '../a b.rs' && cat x")
            .ok("echo a b.rs")
            .ok("grep x 'a b.rs'");
        let rows = of(&[story.edit("/work/app/a b.rs", "x", "y").edit("/work/app/a b.rs", "y", "z").fails("cat 'a b.rs'", 1, "x")]);
        assert_eq!(rows[0].reads, Some(3));
        assert_eq!(brief_table(&rows).rows[0][15], Value::Rate(1.5));
    }

    #[test]
    fn the_most_edited_come_first() {
        let told = |name| Story::new(Era::Denial, name).read("/a").edit("/a", "x", "y").fails("make", 2, "x").edit("/a", "y", "x");
        let rows = of(&[told("s").edit("/b", "x", "y").ok("cat /b"), told("t").edit("/c", "x", "y").edit("/c", "y", "z")]);
        assert_eq!(rows.iter().map(|row| row.file.as_str()).collect::<Vec<_>>(), ["/a", "/c", "/b"]);
    }

    #[test]
    fn reads_are_unknown_where_only_edits_are_kept() {
        let data = dataset(&[story().read("/a").edit("/a", "x", "y").fails("make", 2, "x").edit("/a", "y", "x")]);
        let rows = hotspots(&Selection::new(&data, &Query { tools: vec!["Edit".into()], ..Query::all() }).expect("no globs"));
        assert_eq!((rows[0].edits, rows[0].reverted, rows[0].cycles, rows[0].reads), (2, 1, 1, None));
    }

    #[test]
    fn a_file_that_was_only_refused_is_no_hotspot() {
        assert_eq!(of(&[story().refused_edit("/a", "File has not been read yet.").read("/a").ok("make")]), []);
    }

    #[test]
    fn advice_names_the_file_of_most_sessions_and_the_main_reason_of_refusals() {
        let told = |name| Story::new(Era::Denial, name).refused_edit("/a", "File has not been read yet.").edit("/a", "x", "y");
        let rows = of(&[told("s"), told("t"), told("u")]);
        assert_snapshot!(advice(&rows).expect("three sessions"), @"`/a` was edited 3 times in 3 sessions: describe it in CLAUDE.md, or split it; 3 edits were refused because the file had not been read: ask Claude to read before it edits");
        assert_eq!(advice(&of(&[told("s"), told("t")])), None);
    }
}
