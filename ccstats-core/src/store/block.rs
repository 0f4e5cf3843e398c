//! One stretch of a transcript as a compact block of bytes, and back.
//!
//! ```text
//! block   = magic, version, checksum of the body, body
//! body    = names, keys, tables
//! table   = number of rows, number of columns, columns
//! ```
//! Names and identities stand once; rows hold their numbers. Reading folds the
//! rows into [`Facts`], under a part of their own.
//!
//! Blocks of earlier versions are read too, since they may hold what is nowhere else:
//! new columns come behind the others of their table, new tables behind the others,
//! and what an old block lacks is 0 or empty.
//!
//! A block never holds text: no command, no title, no line of an error, no
//! pattern or query. What figures need of a command is derived when it is written.

use std::collections::{HashMap, HashSet};

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::columns::{self, Bytes, Column, Damaged, write_number};
use super::command;
use super::digest::Digest;
use super::records::{Columns, Record};
use crate::dedup::{self, Folded, Key, Row};
use crate::effects::{Effects, EffectsId};
use crate::facts::Facts;
use crate::rows::{CallRow, Place, StoredCommand};
use crate::shell;
use crate::symbols::{Symbol, Symbols};

/// Rises when columns are added. Blocks of later versions are not read.
pub(super) const VERSION: u16 = 2;

const MAGIC: [u8; 4] = *b"ccsb";

/// Magic, version and checksum.
pub(super) const HEAD_BYTES: usize = 14;

/// A block, and what the catalogue must know of it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
    /// The first and the last time of its rows, in milliseconds since 1970.
    pub(super) span_ms: Option<(i64, i64)>,
    /// Short hashes of what its rows may share with other transcripts, sorted.
    pub(super) marks: Vec<u32>,
    pub(super) digest: Digest,
}

/// Why a block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Damaged,
    /// Written by a later version of ccstats.
    Version(u16),
}

impl From<Damaged> for Unreadable {
    fn from(_: Damaged) -> Unreadable {
        Unreadable::Damaged
    }
}

/// Writes the facts of one stretch of one transcript.
pub(super) fn write(facts: &mut Facts, hole_bytes: u64) -> Block {
    let known_effects = facts.effects.commands.len();
    let calls = without_text(facts);
    let mut writer = Writer::new(&facts.symbols);
    writer.table(facts.messages.rows());
    writer.table(&calls);
    writer.table(facts.results.rows());
    writer.table(facts.follow_ups.rows());
    writer.table(facts.prompts.rows());
    writer.table(facts.mentions.rows());
    writer.table(facts.cuts.rows());
    writer.table(facts.api_errors.rows());
    writer.table(facts.agents.rows());
    writer.table(&facts.uuids);
    writer.table(&facts.pull_requests);
    writer.table(&facts.forks);
    writer.table(&facts.worktrees);
    writer.table(&facts.tools_changed);
    writer.table(&facts.titles);
    writer.list(&facts.effects.commands);
    writer.list(&facts.effects.reads);
    writer.list(&facts.effects.marks);
    writer.list(&facts.effects.findings);
    let block = writer.finish(Digest::of(facts, hole_bytes));
    // They belong to the block only: the facts have the texts.
    facts.effects.truncate(known_effects);
    block
}

/// What to take of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    /// The part that its rows get as their place, and the lines before it there.
    pub(super) part: u32,
    pub(super) first_line: u64,
}

/// Reads the rows of a block into `facts`.
///
/// # Errors
/// When the block is damaged or of another version. Part of it may be in
/// `facts` then, if its checksum is right all the same.
pub(super) fn read(block: &[u8], take: Take, facts: &mut Facts) -> Result<(), Unreadable> {
    let mut reader = Reader::new(block, take, facts.effects.commands.len(), &mut facts.symbols)?;
    reader.fold(&mut facts.messages)?;
    reader.fold(&mut facts.calls)?;
    reader.fold(&mut facts.results)?;
    reader.fold(&mut facts.follow_ups)?;
    reader.fold(&mut facts.prompts)?;
    reader.fold(&mut facts.mentions)?;
    reader.fold(&mut facts.cuts)?;
    reader.fold(&mut facts.api_errors)?;
    reader.fold(&mut facts.agents)?;
    reader.table(|row| facts.uuids.push(row))?;
    reader.table(|row| facts.pull_requests.push(row))?;
    reader.table(|row| facts.forks.push(row))?;
    reader.table(|row| facts.worktrees.push(row))?;
    reader.table(|row| facts.tools_changed.push(row))?;
    if reader.version >= 2 {
        reader.table(|row| facts.titles.push(row))?;
        let mut effects = Effects::default();
        reader.table(|row| effects.commands.push(row))?;
        reader.table(|row| effects.reads.push(row))?;
        reader.table(|row| effects.marks.push(row))?;
        reader.table(|row| effects.findings.push(row))?;
        facts.effects.absorb(effects, |symbol| symbol);
    }
    Ok(())
}

/// The calls, with what figures need of their texts instead of the texts.
fn without_text(facts: &mut Facts) -> Vec<CallRow> {
    let Facts { calls, symbols, effects, .. } = facts;
    let mut derived: HashMap<Symbol, StoredCommand> = HashMap::new();
    let mut stored = |call: &CallRow| {
        let stored = match call.stored {
            Some(stored) => stored,
            None if call.command.is_none() => StoredCommand::default(),
            None => *derived.entry(call.command).or_insert_with(|| {
                let command = symbols.name(call.command).into_owned();
                command::derive(&command, symbols, effects)
            }),
        };
        CallRow { command: Symbol::NONE, stored: Some(stored), target: stored_target(call, symbols), ..*call }
    };
    calls.rows().iter().map(&mut stored).collect()
}

/// A path, the name of a skill, or the host of an address; never a pattern or query.
fn stored_target(call: &CallRow, symbols: &mut Symbols) -> Symbol {
    match symbols.bytes(call.tool) {
        _ if call.target.is_none() || call.target_is_path => call.target,
        b"Skill" => call.target,
        b"WebFetch" => {
            let host = shell::url_host(&symbols.name(call.target)).map(|host| format!("https://{host}/"));
            host.map_or(Symbol::NONE, |host| symbols.intern(host.as_bytes()))
        }
        _ => Symbol::NONE,
    }
}

/// Collects the tables of a block.
struct Writer<'f> {
    symbols: &'f Symbols,
    /// The names of the block, and the number of each symbol among them.
    names: Vec<Symbol>,
    name_numbers: Vec<u32>,
    keys: Vec<Key>,
    key_numbers: HashTable<u32>,
    /// Ids that tell who is related.
    relatives: HashSet<Symbol>,
    span_ms: Option<(i64, i64)>,
    columns: Vec<Vec<u64>>,
    /// The column of the next field.
    next: usize,
    /// The rows of the longest table.
    most_rows: usize,
    body: Vec<u8>,
}

impl<'f> Writer<'f> {
    fn new(symbols: &'f Symbols) -> Writer<'f> {
        Writer {
            symbols,
            names: Vec::new(),
            name_numbers: vec![0; symbols.len()],
            keys: Vec::new(),
            key_numbers: HashTable::new(),
            relatives: HashSet::new(),
            span_ms: None,
            columns: Vec::new(),
            next: 0,
            most_rows: 0,
            body: Vec::new(),
        }
    }

    /// Rows that repeat the one before are left out: none of these tables counts them.
    fn table<R: Record + PartialEq>(&mut self, rows: &[R]) {
        let mut before = None;
        self.rows(rows.iter().filter(|row| before.replace(**row) != Some(**row)));
    }

    /// Rows of which each counts.
    fn list<R: Record + PartialEq>(&mut self, rows: &[R]) {
        self.rows(rows.iter());
    }

    fn rows<'r, R: Record + 'r>(&mut self, rows: impl Iterator<Item = &'r R>) {
        self.columns.iter_mut().for_each(Vec::clear);
        let mut count = 0;
        for row in rows {
            self.next = 0;
            row.clone().pass(self);
            count += 1;
        }
        self.most_rows = self.most_rows.max(count as usize);
        write_number(count, &mut self.body);
        if count == 0 {
            return;
        }
        write_number(self.next as u64, &mut self.body);
        for column in &self.columns[..self.next] {
            columns::write(column, &mut self.body);
        }
    }

    fn name(&mut self, symbol: &mut Symbol) -> u64 {
        let number = &mut self.name_numbers[symbol.index()];
        if *number == 0 && !symbol.is_none() {
            self.names.push(*symbol);
            *number = self.names.len() as u32;
        }
        u64::from(*number)
    }

    fn finish(self, digest: Digest) -> Block {
        let mut body = Vec::with_capacity(self.body.len() + 16 * self.keys.len());
        write_number(self.names.len() as u64, &mut body);
        for name in &self.names {
            let bytes = self.symbols.bytes(*name);
            write_number(bytes.len() as u64, &mut body);
            body.extend_from_slice(bytes);
        }
        write_number(self.keys.len() as u64, &mut body);
        self.keys.iter().for_each(|key| body.extend_from_slice(&key.to_le_bytes()));
        body.extend_from_slice(&self.body);
        // A reader believes no table that has more rows than the block has bytes.
        body.resize(body.len().max(self.most_rows), 0);
        let head = [&MAGIC[..], &VERSION.to_le_bytes(), &xxh3_64(&body).to_le_bytes()].concat();
        Block { bytes: [head, body].concat(), lines: digest.account.total().lines, span_ms: self.span_ms, marks: self.marks(), digest }
    }

    fn marks(&self) -> Vec<u32> {
        let relatives = self.relatives.iter().map(|id| dedup::agent_key(self.symbols.bytes(*id)));
        let mut marks: Vec<u32> = self.keys.iter().copied().chain(relatives).map(|key| (key >> 64) as u32).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

impl Columns for Writer<'_> {
    #[inline]
    fn number(&mut self, number: &mut u64) {
        if self.next == self.columns.len() {
            self.columns.push(Vec::new());
        }
        self.columns[self.next].push(*number);
        self.next += 1;
    }

    fn symbol(&mut self, symbol: &mut Symbol) {
        let mut number = self.name(symbol);
        self.number(&mut number);
    }

    fn key(&mut self, key: &mut Key) {
        let Writer { keys, key_numbers, .. } = self;
        let number = key_numbers.find(*key as u64, |number| keys[*number as usize] == *key).copied();
        let number = number.unwrap_or_else(|| {
            keys.push(*key);
            let number = keys.len() as u32 - 1;
            key_numbers.insert_unique(*key as u64, number, |number| keys[*number as usize] as u64);
            number
        });
        self.number(&mut u64::from(number));
    }

    fn relative(&mut self, id: &mut Symbol) {
        if !id.is_none() {
            self.relatives.insert(*id);
        }
        self.symbol(id);
    }

    fn effects(&mut self, effects: &mut Option<EffectsId>) {
        self.number(&mut effects.map_or(0, |id| id.index() as u64 + 1));
    }

    fn stamp(&mut self, stamp_ms: &mut i64) {
        if *stamp_ms != i64::MAX {
            let (first, last) = self.span_ms.unwrap_or((*stamp_ms, *stamp_ms));
            self.span_ms = Some((first.min(*stamp_ms), last.max(*stamp_ms)));
        }
        self.number(&mut (*stamp_ms as u64));
    }

    fn place(&mut self, place: &mut Place) {
        self.number(&mut u64::from(place.line));
    }
}

/// Gives the tables of a block, one after another.
struct Reader<'b> {
    version: u16,
    rest: Bytes<'b>,
    /// No table has more rows than the block has bytes.
    most_rows: usize,
    take: Take,
    names: Vec<Symbol>,
    keys: Vec<Key>,
    /// How many commands with effects there were before.
    effects_before: usize,
    /// The columns of the table.
    columns: Vec<Column<'b>>,
    /// The column of the next field.
    next: usize,
    is_damaged: bool,
}

impl<'b> Reader<'b> {
    fn new(block: &'b [u8], take: Take, effects_before: usize, symbols: &mut Symbols) -> Result<Reader<'b>, Unreadable> {
        let mut rest = Bytes(block);
        if rest.array()? != MAGIC {
            return Err(Unreadable::Damaged);
        }
        let version = u16::from_le_bytes(rest.array()?);
        if version > VERSION {
            return Err(Unreadable::Version(version));
        }
        if u64::from_le_bytes(rest.array()?) != xxh3_64(rest.0) {
            return Err(Unreadable::Damaged);
        }
        let most_rows = rest.0.len();
        let count = rest.count(most_rows)?;
        let mut names = Vec::with_capacity(count + 1);
        names.push(Symbol::NONE);
        for _ in 0..count {
            let length = rest.count(most_rows)?;
            names.push(symbols.intern(rest.take(length)?));
        }
        let count = rest.count(most_rows)?;
        let keys = rest.take(16 * count)?.as_chunks::<16>().0.iter().map(|key| Key::from_le_bytes(*key)).collect();
        Ok(Reader { version, rest, most_rows, take, names, keys, effects_before, columns: Vec::new(), next: 0, is_damaged: false })
    }

    fn table<R: Record>(&mut self, mut add: impl FnMut(R)) -> Result<(), Damaged> {
        const MOST_COLUMNS: usize = 64;
        let rows = self.rest.count(self.most_rows)?;
        if rows == 0 {
            return Ok(());
        }
        let columns = self.rest.count(MOST_COLUMNS)?;
        self.columns.clear();
        for _ in 0..columns {
            let column = self.rest.column(rows, self.version >= 2)?;
            self.columns.push(column);
        }
        for _ in 0..rows {
            self.next = 0;
            let mut record = R::default();
            record.pass(self);
            if self.is_damaged || self.next < columns {
                return Err(Damaged);
            }
            add(record);
        }
        Ok(())
    }

    fn fold<R: Record + Row>(&mut self, rows: &mut Folded<R>) -> Result<(), Damaged> {
        self.table(|row| rows.fold(row))
    }

    fn line(&self, line: u64) -> Place {
        let line = line.saturating_add(self.take.first_line);
        Place { part: self.take.part, line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    #[inline]
    fn field(&mut self) -> u64 {
        let number = match self.columns.get_mut(self.next) {
            Some(column) => column.next(),
            // A column that this version did not have.
            None if self.version < VERSION => Ok(0),
            None => Err(Damaged),
        };
        self.next += 1;
        self.is_damaged |= number.is_err();
        number.unwrap_or_default()
    }

    /// What a number stands for among the names or keys.
    #[inline]
    fn known<T: Copy + Default>(known: &[T], number: u64, is_damaged: &mut bool) -> T {
        let found = usize::try_from(number).ok().and_then(|number| known.get(number)).copied();
        *is_damaged |= found.is_none();
        found.unwrap_or_default()
    }
}

impl Columns for Reader<'_> {
    #[inline]
    fn number(&mut self, number: &mut u64) {
        *number = self.field();
    }

    #[inline]
    fn symbol(&mut self, symbol: &mut Symbol) {
        let number = self.field();
        *symbol = Self::known(&self.names, number, &mut self.is_damaged);
    }

    #[inline]
    fn key(&mut self, key: &mut Key) {
        let number = self.field();
        *key = Self::known(&self.keys, number, &mut self.is_damaged);
    }

    #[inline]
    fn relative(&mut self, id: &mut Symbol) {
        self.symbol(id);
    }

    #[inline]
    fn effects(&mut self, effects: &mut Option<EffectsId>) {
        let number = usize::try_from(self.field()).unwrap_or_default();
        *effects = number.checked_sub(1).map(|at| Effects::id(at).behind(self.effects_before));
    }

    #[inline]
    fn stamp(&mut self, stamp_ms: &mut i64) {
        *stamp_ms = self.field() as i64;
    }

    #[inline]
    fn place(&mut self, place: &mut Place) {
        let line = self.field();
        *place = self.line(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::ResultRow;
    use crate::testing::dataset;

    const TAKE: Take = Take { part: 0, first_line: 0 };

    fn block() -> Vec<u8> {
        let call = r#"{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"grep secret-word x"}}"#;
        let result = r#"{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":"Exit code 1"}"#;
        let lines = [
            format!(
                r#"{{"type":"assistant","uuid":"a","sessionId":"s","cwd":"/p","timestamp":"2026-11-20T10:00:00Z","message":{{"id":"msg_1","model":"m","usage":{{"output_tokens":7}},"content":[{call}]}}}}"#
            ),
            format!(
                r#"{{"type":"user","uuid":"b","sessionId":"s","timestamp":"2026-11-20T10:00:01Z","message":{{"content":[{result}]}}}}"#
            ),
            r#"{"type":"user","uuid":"c","sessionId":"s","timestamp":"2026-11-20T10:00:02Z","message":{"content":"secret-prompt"}}"#.into(),
            r#"{"type":"ai-title","sessionId":"s","aiTitle":"secret-title"}"#.into(),
            "no entry".into(),
        ];
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        write(&mut dataset.into_facts(), 0).bytes
    }

    #[test]
    fn a_block_gives_the_facts_back_without_text() {
        let bytes = block();
        let mut facts = Facts::default();
        read(&bytes, TAKE, &mut facts).expect("what was written");
        let call = facts.calls.rows()[0];
        let stored = call.stored.expect("from a block");
        let name = |symbol| facts.symbols.name(symbol);
        assert_eq!((stored.is_soft, name(stored.key).as_ref(), name(call.tool).as_ref()), (true, "grep", "Bash"));
        assert_eq!((facts.messages.rows()[0].tokens.output, facts.results.rows().len(), facts.prompts.rows().len()), (7, 1, 1));
        assert_eq!((facts.titles.len(), facts.titles[0].title), (1, Symbol::NONE));
        assert_eq!(memchr::memmem::find(&bytes, b"secret"), None);
        // Writing what was read gives the same block.
        assert_eq!(write(&mut facts, 0).bytes, bytes);
    }

    #[test]
    fn blocks_of_version_1_are_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/store/version-1.block");
        let old = std::fs::read(path).expect("a block that version 1 wrote from the same lines");
        let (mut from_old, mut from_new) = (Facts::default(), Facts::default());
        read(&old, TAKE, &mut from_old).expect("readable");
        read(&block(), TAKE, &mut from_new).expect("readable");
        assert_eq!(from_old.messages.rows(), from_new.messages.rows());
        // Version 1 kept neither what commands do nor where errors stand.
        let without_effects =
            |call: &CallRow| CallRow { stored: call.stored.map(|stored| StoredCommand { effects: None, ..stored }), ..*call };
        assert_eq!(from_old.calls.rows()[0], without_effects(&from_new.calls.rows()[0]));
        assert_eq!(from_old.results.rows()[0], ResultRow { error_offset: None, ..from_new.results.rows()[0] });
        assert_eq!(from_old.prompts.rows(), from_new.prompts.rows());
        assert_eq!(from_old.uuids, from_new.uuids);
    }

    #[test]
    fn every_flipped_bit_and_every_lost_end_is_noticed() {
        let bytes = block();
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes, TAKE, &mut Facts::default()).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length], TAKE, &mut Facts::default()).is_err(), "length {length}");
        }
    }

    proptest! {
        /// A hostile block has a checksum that is right.
        #[test]
        fn any_body_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut bytes = block();
            for (at, byte) in changes {
                let at = HEAD_BYTES + at.index(bytes.len() - HEAD_BYTES);
                bytes[at] = byte;
            }
            let checksum = xxh3_64(&bytes[HEAD_BYTES..]).to_le_bytes();
            bytes[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&checksum);
            _ = read(&bytes, TAKE, &mut Facts::default());
        }
    }
}
