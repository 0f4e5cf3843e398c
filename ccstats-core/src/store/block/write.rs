//! Writes the facts of one part of a transcript.

use std::collections::{HashMap, HashSet};

use hashbrown::HashTable;

use super::{Block, MAGIC, TABLES, VERSION, checksum};
use crate::dedup::Key;
use crate::effects::{Effects, EffectsId};
use crate::facts::Facts;
use crate::rows::{CallRow, Place, StoredCommand};
use crate::shell;
use crate::store::columns::{self, write_number};
use crate::store::command;
use crate::store::digest::Digest;
use crate::store::family;
use crate::store::row_columns::{Columns, StoredRow};
use crate::store::time_span::TimeSpan;
use crate::symbols::{Symbol, Symbols};

/// Writes the facts of one part of a transcript. What is derived of its commands is kept in
/// `facts` too.
pub(in crate::store) fn write(facts: &mut Facts, hole_bytes: u64) -> Block {
    let (calls, effects) = without_text(facts);
    let mut writer = BlockWriter::new(&facts.symbols);
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
    writer.rows(effects.commands.iter());
    writer.rows(effects.reads.iter());
    writer.rows(effects.marks.iter());
    writer.rows(effects.findings.iter());
    let block = writer.finish(Digest::of(facts, hole_bytes));
    keep_derived(facts, &calls, effects);
    block
}

/// Lets reports use what was derived of the commands, beside their texts.
fn keep_derived(facts: &mut Facts, derived: &[CallRow], effects: Effects) {
    for (call, derived) in facts.calls.rows_mut().iter_mut().zip(derived) {
        if call.known_command().is_some() {
            call.stored = derived.stored;
        }
    }
    facts.effects = effects;
}

/// The calls, with what figures need of their texts instead of the texts.
fn without_text(facts: &mut Facts) -> (Vec<CallRow>, Effects) {
    let Facts { calls, symbols, effects: known, .. } = facts;
    let mut effects = Effects::default();
    let mut derived: HashMap<Symbol, StoredCommand> = HashMap::new();
    // Blocks that are joined may have the same command.
    let mut copied = HashMap::new();
    let mut stored = |call: &CallRow| {
        let stored = match call.stored {
            Some(stored) => {
                let own = stored.effects.map(|id| *copied.entry(known.all(id)).or_insert_with(|| effects.copy(known, id)));
                StoredCommand { effects: own, ..stored }
            }
            None if call.command.is_none() => StoredCommand::default(),
            None => *derived.entry(call.command).or_insert_with(|| {
                let command = symbols.name(call.command).into_owned();
                command::derive(&command, symbols, &mut effects)
            }),
        };
        CallRow { command: Symbol::NONE, stored: Some(stored), target: stored_target(call, symbols), ..*call }
    };
    let calls = calls.rows().iter().map(&mut stored).collect();
    (calls, effects)
}

/// A path (also a glob, where it names secrets), the name of a skill, or the host of an address;
/// never a pattern or query.
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
struct BlockWriter<'f> {
    symbols: &'f Symbols,
    /// The names of the block, and the number of each symbol among them.
    names: Vec<Symbol>,
    name_numbers: Vec<u32>,
    keys: Vec<Key>,
    key_numbers: HashTable<u32>,
    /// Ids of sessions and subagents: transcripts that share one are related.
    relatives: HashSet<Symbol>,
    times: Option<TimeSpan>,
    /// The fields of a table, row by row.
    fields: Vec<u64>,
    /// The numbers of one column.
    column: Vec<u64>,
    /// The rows of the longest table.
    most_rows: usize,
    /// How many tables there are yet.
    tables: usize,
    body: Vec<u8>,
}

impl<'f> BlockWriter<'f> {
    fn new(symbols: &'f Symbols) -> BlockWriter<'f> {
        BlockWriter {
            symbols,
            names: Vec::new(),
            name_numbers: vec![0; symbols.len()],
            keys: Vec::new(),
            key_numbers: HashTable::new(),
            relatives: HashSet::new(),
            times: None,
            fields: Vec::new(),
            column: Vec::new(),
            most_rows: 0,
            tables: 0,
            body: Vec::new(),
        }
    }

    /// Rows that repeat the one before are left out: none of these tables counts them.
    fn table<R: StoredRow + PartialEq>(&mut self, rows: &[R]) {
        let mut before = None;
        self.rows(rows.iter().filter(|row| before.replace(**row) != Some(**row)));
    }

    /// Rows of which each counts.
    fn rows<'r, R: StoredRow + 'r>(&mut self, rows: impl Iterator<Item = &'r R>) {
        self.fields.clear();
        let mut count = 0;
        for row in rows {
            row.clone().pass(self);
            count += 1;
        }
        self.most_rows = self.most_rows.max(count);
        self.tables += 1;
        let mut table = Vec::new();
        write_number(count as u64, &mut table);
        if let Some(columns) = self.fields.len().checked_div(count) {
            write_number(columns as u64, &mut table);
            for column in 0..columns {
                self.column.clear();
                self.column.extend(self.fields[column..].iter().step_by(columns));
                columns::write(&self.column, &mut table);
            }
        }
        write_number(table.len() as u64, &mut self.body);
        self.body.extend_from_slice(&table);
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
        debug_assert_eq!(self.tables, TABLES);
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
        let head = [&MAGIC[..], &VERSION.to_le_bytes(), &checksum(VERSION, &body).to_le_bytes()].concat();
        Block { bytes: [head, body].concat(), lines: digest.account.total().lines, times: self.times, marks: self.marks(), digest }
    }

    fn marks(&self) -> Vec<u32> {
        let relatives = self.relatives.iter().map(|id| family::mark_of_id(self.symbols.bytes(*id)));
        let mut marks: Vec<u32> = self.keys.iter().map(|key| family::mark(*key)).chain(relatives).collect();
        marks.sort_unstable();
        marks.dedup();
        marks
    }
}

impl Columns for BlockWriter<'_> {
    #[inline]
    fn number(&mut self, number: &mut u64) {
        self.fields.push(*number);
    }

    fn symbol(&mut self, symbol: &mut Symbol) {
        let mut number = self.name(symbol);
        self.number(&mut number);
    }

    fn key(&mut self, key: &mut Key) {
        let BlockWriter { keys, key_numbers, .. } = self;
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
            let time = TimeSpan::at(*stamp_ms);
            self.times = Some(self.times.map_or(time, |times| times.union(time)));
        }
        self.number(&mut (*stamp_ms as u64));
    }

    fn place(&mut self, place: &mut Place) {
        self.number(&mut u64::from(place.line));
    }
}
