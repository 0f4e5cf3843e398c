//! Reads blocks, each of their tables on a thread of its own.

use super::{MAGIC, TABLES, Table, Take, Unreadable, VERSION, checksum};
use crate::dedup::{Folded, Key, Row};
use crate::effects::{Effects, EffectsId};
use crate::facts::Facts;
use crate::pages;
use crate::rows::Place;
use crate::store::columns::{Bytes, Column, Damaged};
use crate::store::row_columns::{Columns, StoredRow};
use crate::symbols::{Symbol, Symbols};

/// Reads the rows of a block into `facts`.
///
/// # Errors
/// When the block is damaged or of a later version. Part of it may be in
/// `facts` then, if its checksum is right all the same.
pub(in crate::store) fn read(block: &[u8], take: Take, facts: &mut Facts) -> Result<(), Unreadable> {
    let mut blocks = Blocks::behind(facts);
    blocks.open(Some(block), take, &mut facts.symbols);
    match blocks.read(facts).pop() {
        Some((_, why)) => Err(why),
        None => Ok(()),
    }
}

/// Blocks that are read together: first the names of each, one after another, then the
/// tables of all of them side by side.
#[derive(Default)]
pub(in crate::store) struct Blocks<'b> {
    open: Vec<Open<'b>>,
    unreadable: Vec<(usize, Unreadable)>,
    /// How many commands with effects there were before the next one.
    effects_before: usize,
}

impl<'b> Blocks<'b> {
    /// None yet, to be read behind what `facts` holds.
    pub(in crate::store) fn behind(facts: &Facts) -> Blocks<'b> {
        Blocks { effects_before: facts.effects.commands.len(), ..Blocks::default() }
    }

    /// Adds a block; `None` is one that is known to be damaged. What `facts` holds must not
    /// change until all are read, but for its symbols, which are `symbols`.
    pub(in crate::store) fn open(&mut self, block: Option<&'b [u8]>, take: Take, symbols: &mut Symbols) {
        let index = self.open.len() + self.unreadable.len();
        let body = block.ok_or(Unreadable::Damaged).and_then(body);
        match body.and_then(|(version, body)| Ok(Open::new(index, version, body, take, self.effects_before, symbols)?)) {
            Ok(block) => {
                self.effects_before += block.rows(Table::Effects);
                self.open.push(block);
            }
            Err(why) => self.unreadable.push((index, why)),
        }
    }

    /// Reads the rows of all of them. Gives the indices of those that cannot be read, and
    /// why; part of them may be in `facts`, as with [`read`].
    pub(in crate::store) fn read(mut self, facts: &mut Facts) -> Vec<(usize, Unreadable)> {
        self.unreadable.extend(tables(&self.open, facts).into_iter().map(|index| (index, Unreadable::Damaged)));
        self.unreadable
    }
}

/// Reads all tables. Gives the indices of damaged blocks.
fn tables(blocks: &[Open], facts: &mut Facts) -> Vec<usize> {
    let Facts { messages, calls, results, follow_ups, prompts, mentions, cuts, api_errors, agents, .. } = facts;
    let Facts { uuids, pull_requests, forks, worktrees, tools_changed, titles, effects, .. } = facts;
    let others = || {
        let mut damaged = [
            fold(blocks, Table::FollowUps, follow_ups),
            fold(blocks, Table::Prompts, prompts),
            fold(blocks, Table::Mentions, mentions),
            fold(blocks, Table::Cuts, cuts),
            fold(blocks, Table::ApiErrors, api_errors),
            fold(blocks, Table::Agents, agents),
            push(blocks, Table::Uuids, uuids),
            push(blocks, Table::PullRequests, pull_requests),
            push(blocks, Table::Forks, forks),
            push(blocks, Table::Worktrees, worktrees),
            push(blocks, Table::ToolsChanged, tools_changed),
            push(blocks, Table::Titles, titles),
        ]
        .concat();
        damaged.extend(self::damaged(blocks, |block, numbers| block.effects(numbers, effects)));
        damaged
    };
    let ((messages, calls), (results, others)) = rayon::join(
        || rayon::join(|| fold(blocks, Table::Messages, messages), || fold(blocks, Table::Calls, calls)),
        || rayon::join(|| fold(blocks, Table::Results, results), others),
    );
    let mut damaged = [messages, calls, results, others].concat();
    damaged.sort_unstable();
    damaged.dedup();
    damaged
}

fn fold<R: StoredRow + Row>(blocks: &[Open], table: Table, rows: &mut Folded<R>) -> Vec<usize> {
    rows.reserve(blocks.iter().map(|block| block.rows(table)).sum());
    damaged(blocks, |block, numbers| block.read(table, numbers, |row| rows.fold(row)))
}

fn push<R: StoredRow>(blocks: &[Open], table: Table, rows: &mut Vec<R>) -> Vec<usize> {
    pages::reserve(rows, blocks.iter().map(|block| block.rows(table)).sum());
    damaged(blocks, |block, numbers| block.read(table, numbers, |row| rows.push(row)))
}

fn damaged(blocks: &[Open], mut read: impl FnMut(&Open, &mut Numbers) -> Result<(), Damaged>) -> Vec<usize> {
    let mut numbers = Numbers::new();
    blocks.iter().filter(|block| read(block, &mut numbers).is_err()).map(|block| block.index).collect()
}

/// The version and the body of a block that is what was written.
fn body(block: &[u8]) -> Result<(u16, Bytes<'_>), Unreadable> {
    let mut rest = Bytes(block);
    if rest.array()? != MAGIC {
        return Err(Unreadable::Damaged);
    }
    let version = u16::from_le_bytes(rest.array()?);
    if version > VERSION {
        return Err(Unreadable::Version(version));
    }
    if u64::from_le_bytes(rest.array()?) != checksum(version, rest.0) {
        return Err(Unreadable::Damaged);
    }
    Ok((version, rest))
}

/// A block whose names are known.
struct Open<'b> {
    index: usize,
    version: u16,
    take: Take,
    names: Vec<Symbol>,
    keys: &'b [[u8; 16]],
    /// Where each table starts; those that a version did not have are empty.
    tables: [Bytes<'b>; TABLES],
    /// No table has more rows than the block has bytes.
    most_rows: usize,
    /// How many commands with effects there were before.
    effects_before: usize,
}

impl<'b> Open<'b> {
    fn new(
        index: usize,
        version: u16,
        body: Bytes<'b>,
        take: Take,
        effects_before: usize,
        symbols: &mut Symbols,
    ) -> Result<Open<'b>, Damaged> {
        let (mut rest, most_rows) = (body, body.0.len());
        let count = rest.count(most_rows)?;
        let mut names = Vec::with_capacity(count + 1);
        names.push(Symbol::NONE);
        for _ in 0..count {
            let length = rest.count(most_rows)?;
            names.push(symbols.intern(rest.take(length)?));
        }
        let count = rest.count(most_rows)?;
        let keys = rest.take(16 * count)?.as_chunks().0;
        let mut block = Open { index, version, take, names, keys, tables: [Bytes(b""); TABLES], most_rows, effects_before };
        for table in 0..block.tables_of_version() {
            block.tables[table] = block.table(&mut rest)?;
        }
        Ok(block)
    }

    fn tables_of_version(&self) -> usize {
        if self.version == 1 { Table::Titles as usize } else { TABLES }
    }

    /// The next table. Before version 2 the length of a table was not written.
    fn table(&self, rest: &mut Bytes<'b>) -> Result<Bytes<'b>, Damaged> {
        if self.version >= 2 {
            let length = rest.count(self.most_rows)?;
            return Ok(Bytes(rest.take(length)?));
        }
        let table = *rest;
        let (rows, columns) = self.size(rest)?;
        (0..columns).try_for_each(|_| rest.column(rows, false).map(drop))?;
        Ok(table)
    }

    /// How many rows and columns a table has.
    fn size(&self, table: &mut Bytes<'b>) -> Result<(usize, usize), Damaged> {
        const MOST_COLUMNS: usize = 64;
        match table.count(self.most_rows)? {
            0 => Ok((0, 0)),
            rows => Ok((rows, table.count(MOST_COLUMNS)?)),
        }
    }

    /// How many rows a table has; of a damaged one none.
    fn rows(&self, table: Table) -> usize {
        let mut bytes = self.tables[table as usize];
        if bytes.0.is_empty() { 0 } else { self.size(&mut bytes).map_or(0, |(rows, _)| rows) }
    }

    fn read<R: StoredRow>(&self, table: Table, numbers: &mut Numbers, mut add: impl FnMut(R)) -> Result<(), Damaged> {
        let mut bytes = self.tables[table as usize];
        if bytes.0.is_empty() {
            return Ok(());
        }
        let (rows, columns) = self.size(&mut bytes)?;
        let columns: Vec<_> = (0..columns).map(|_| bytes.column(rows, self.version >= 2)).collect::<Result<_, _>>()?;
        let mut fields = Fields::new(self, columns, numbers);
        for index in 0..rows {
            fields.go_to(index, rows)?;
            let mut row = R::default();
            row.pass(&mut fields);
            fields.end()?;
            add(row);
        }
        Ok(())
    }

    fn effects(&self, numbers: &mut Numbers, effects: &mut Effects) -> Result<(), Damaged> {
        let mut own = Effects::default();
        self.read(Table::Effects, numbers, |row| own.commands.push(row))?;
        self.read(Table::EffectReads, numbers, |row| own.reads.push(row))?;
        self.read(Table::EffectMarks, numbers, |row| own.marks.push(row))?;
        self.read(Table::EffectFindings, numbers, |row| own.findings.push(row))?;
        effects.absorb(own, |symbol| symbol);
        Ok(())
    }

    fn key(&self, number: u64) -> Option<Key> {
        self.keys.get(usize::try_from(number).ok()?).map(|key| Key::from_le_bytes(*key))
    }

    fn name(&self, number: u64) -> Option<Symbol> {
        self.names.get(usize::try_from(number).ok()?).copied()
    }
}

/// Gives the fields of the rows of one table, one after another.
struct Fields<'o, 'b> {
    block: &'o Open<'b>,
    columns: Vec<Column<'b>>,
    numbers: &'o mut Numbers,
    /// The place of the row among them.
    row: usize,
    /// The column of the next field.
    next: usize,
    is_damaged: bool,
}

/// How many rows are read at a time: all columns of them fit into the fastest cache.
const ROWS_AT_ONCE: usize = 64;

/// The next numbers of each column: one piece of memory for all blocks.
type Numbers = Vec<[u64; ROWS_AT_ONCE]>;

impl<'o, 'b> Fields<'o, 'b> {
    fn new(block: &'o Open<'b>, columns: Vec<Column<'b>>, numbers: &'o mut Numbers) -> Fields<'o, 'b> {
        numbers.resize(columns.len(), [0; ROWS_AT_ONCE]);
        Fields { block, columns, numbers, row: 0, next: 0, is_damaged: false }
    }

    /// Makes the fields of a row the next ones. Rows come in their order.
    fn go_to(&mut self, row: usize, rows: usize) -> Result<(), Damaged> {
        (self.row, self.next) = (row % ROWS_AT_ONCE, 0);
        if self.row == 0 {
            let count = ROWS_AT_ONCE.min(rows - row);
            for (column, numbers) in self.columns.iter_mut().zip(self.numbers.iter_mut()) {
                // A constant was filled in with the first rows.
                if row == 0 || !column.is_constant() {
                    column.fill(if column.is_constant() { numbers } else { &mut numbers[..count] })?;
                }
            }
        }
        Ok(())
    }

    /// Whether all fields of the row were read, and none was odd.
    fn end(&self) -> Result<(), Damaged> {
        if self.is_damaged || self.next < self.columns.len() { Err(Damaged) } else { Ok(()) }
    }
}

impl Fields<'_, '_> {
    #[inline]
    fn field(&mut self) -> u64 {
        let number = self.numbers.get(self.next).map(|numbers| numbers[self.row % ROWS_AT_ONCE]);
        self.next += 1;
        // An older version did not have the column.
        self.is_damaged |= number.is_none() && self.block.version == VERSION;
        number.unwrap_or_default()
    }

    /// What was found under a number that stands for something.
    #[inline]
    fn found<T: Default>(&mut self, found: Option<T>) -> T {
        self.is_damaged |= found.is_none();
        found.unwrap_or_default()
    }
}

impl Columns for Fields<'_, '_> {
    #[inline]
    fn number(&mut self, number: &mut u64) {
        *number = self.field();
    }

    #[inline]
    fn symbol(&mut self, symbol: &mut Symbol) {
        let number = self.field();
        *symbol = self.found(self.block.name(number));
    }

    #[inline]
    fn key(&mut self, key: &mut Key) {
        let number = self.field();
        *key = self.found(self.block.key(number));
    }

    #[inline]
    fn relative(&mut self, id: &mut Symbol) {
        self.symbol(id);
    }

    #[inline]
    fn effects(&mut self, effects: &mut Option<EffectsId>) {
        let number = usize::try_from(self.field()).unwrap_or_default();
        *effects = number.checked_sub(1).map(|at| Effects::id(at).behind(self.block.effects_before));
    }

    #[inline]
    fn stamp(&mut self, stamp_ms: &mut i64) {
        *stamp_ms = self.field() as i64;
    }

    #[inline]
    fn place(&mut self, place: &mut Place) {
        let line = self.field().saturating_add(self.block.take.first_line);
        *place = Place { part: self.block.take.part, line: u32::try_from(line).unwrap_or(u32::MAX) };
    }
}
