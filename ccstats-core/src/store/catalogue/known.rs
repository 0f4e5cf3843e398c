//! A transcript that the store knows, and its row.

use rusqlite::{Row, Statement, named_params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::discover::Identity;
use crate::store::cursor::Cursor;
use crate::store::time_span::TimeSpan;

/// A transcript that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Known {
    /// Its number in this store; 0 until it is published.
    pub(in crate::store) id: i64,
    /// The number of its root in this store.
    pub(in crate::store) root: i64,
    /// Its path below the folder of projects.
    pub(in crate::store) name: Vec<u8>,
    /// Its number in the keys of lines without a `uuid` ([`Spot`](crate::dedup::Spot)), for ever.
    pub(in crate::store) spot: u64,
    pub(in crate::store) identity: Option<Identity>,
    pub(in crate::store) size_bytes: u64,
    /// The time of its last change; what was written shortly before it was read has none that
    /// counts.
    pub(in crate::store) modified_ns: i64,
    pub(in crate::store) cursor: Cursor,
    /// Lines before the cursor.
    pub(in crate::store) lines: u64,
    /// How many blocks it has.
    pub(in crate::store) blocks: u32,
    /// The version of the blocks of what is there now; 0 when it must be read again.
    pub(in crate::store) format: u16,
    /// The times of all its rows; `None` when none has one.
    pub(in crate::store) times: Option<TimeSpan>,
    /// The same number for all transcripts of a [family](crate::store::family).
    pub(in crate::store) family: u64,
}

impl Known {
    /// A hash of all but its id.
    pub(super) fn seal(&self) -> u64 {
        let identity = self.identity.map(|Identity { device, inode, birth_ns }| [device, inode, birth_ns.unwrap_or(i64::MIN) as u64]);
        let times = self.times.map(|times| [times.first_ms as u64, times.last_ms as u64]);
        let fixed = [
            self.root as u64,
            self.spot,
            self.size_bytes,
            self.modified_ns as u64,
            self.cursor.offset,
            self.cursor.head,
            self.cursor.tail,
            self.lines,
            u64::from(self.blocks),
            u64::from(self.format),
            self.family,
        ];
        let numbers = fixed.into_iter().chain(identity.unwrap_or_default()).chain(times.unwrap_or_default());
        numbers.fold(xxh3_64_with_seed(&self.name, 0), |seal, number| xxh3_64_with_seed(&number.to_le_bytes(), seal))
    }

    /// What a row of [`select`] says, and the seal that it carries.
    pub(super) fn of_row(row: &Row) -> rusqlite::Result<(Known, u64)> {
        let number = |column: usize| row.get::<_, i64>(column).map(|number| number as u64);
        let maybe = |column: usize| row.get::<_, Option<i64>>(column);
        let identity = match (maybe(const { column("device") })?, maybe(const { column("inode") })?) {
            (Some(device), Some(inode)) => {
                Some(Identity { device: device as u64, inode: inode as u64, birth_ns: maybe(const { column("birth_ns") })? })
            }
            _ => None,
        };
        let times = maybe(const { column("first_ms") })?.zip(maybe(const { column("last_ms") })?);
        let known = Known {
            id: row.get(const { column("id") })?,
            root: row.get(const { column("root") })?,
            name: row.get(const { column("name") })?,
            spot: number(const { column("spot") })?,
            identity,
            size_bytes: number(const { column("size") })?,
            modified_ns: row.get(const { column("modified_ns") })?,
            cursor: Cursor {
                offset: number(const { column("cursor") })?,
                head: number(const { column("head") })?,
                tail: number(const { column("tail") })?,
            },
            lines: number(const { column("lines") })?,
            blocks: number(const { column("blocks") })? as u32,
            format: number(const { column("format") })? as u16,
            times: times.map(|(first_ms, last_ms)| TimeSpan { first_ms, last_ms }),
            family: number(const { column("family") })?,
        };
        Ok((known, number(const { column("seal") })?))
    }

    /// Executes the statement of [`insert`].
    pub(super) fn insert_by(&self, statement: &mut Statement) -> rusqlite::Result<usize> {
        let identity = self.identity;
        statement.execute(named_params! {
            ":id": self.id,
            ":root": self.root,
            ":name": self.name,
            ":spot": self.spot as i64,
            ":device": identity.map(|identity| identity.device as i64),
            ":inode": identity.map(|identity| identity.inode as i64),
            ":birth_ns": identity.and_then(|identity| identity.birth_ns),
            ":size": self.size_bytes as i64,
            ":modified_ns": self.modified_ns,
            ":cursor": self.cursor.offset as i64,
            ":head": self.cursor.head as i64,
            ":tail": self.cursor.tail as i64,
            ":lines": self.lines as i64,
            ":blocks": self.blocks,
            ":format": self.format,
            ":first_ms": self.times.map(|times| times.first_ms),
            ":last_ms": self.times.map(|times| times.last_ms),
            ":family": self.family as i64,
            ":seal": self.seal() as i64,
        })
    }
}

/// The columns of a row, for the statement that reads it and the one that writes it.
const COLUMNS: [&str; 19] = [
    "id",
    "root",
    "name",
    "spot",
    "device",
    "inode",
    "birth_ns",
    "size",
    "modified_ns",
    "cursor",
    "head",
    "tail",
    "lines",
    "blocks",
    "format",
    "first_ms",
    "last_ms",
    "family",
    "seal",
];

/// The index of a column, looked up when this is compiled: rusqlite would do it for every row.
const fn column(name: &str) -> usize {
    let mut index = 0;
    while !is_same(COLUMNS[index].as_bytes(), name.as_bytes()) {
        index += 1;
    }
    index
}

/// Whether two names are the same; `==` cannot be used in constants yet.
const fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([a, rest_a @ ..], [b, rest_b @ ..]) => *a == *b && is_same(rest_a, rest_b),
        _ => false,
    }
}

/// The statement that reads the transcripts of a root.
pub(super) fn select() -> String {
    format!("SELECT {} FROM transcript WHERE root = ?", COLUMNS.join(", "))
}

/// The statement that writes a transcript.
pub(super) fn insert() -> String {
    format!("INSERT OR REPLACE INTO transcript ({}) VALUES ({})", COLUMNS.join(", "), COLUMNS.map(|name| format!(":{name}")).join(", "))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::catalogue::SCHEMA;

    #[test]
    fn a_row_gives_back_all_that_was_written() {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(SCHEMA).expect("tables");
        let known = Known {
            id: 1,
            root: 2,
            name: b"p/a.jsonl".to_vec(),
            spot: u64::MAX,
            identity: Some(Identity { device: 3, inode: 4, birth_ns: Some(5) }),
            size_bytes: 6,
            modified_ns: -7,
            cursor: Cursor { offset: 8, head: 9, tail: 10 },
            lines: 11,
            blocks: 12,
            format: 13,
            times: Some(TimeSpan { first_ms: 14, last_ms: 15 }),
            family: 16,
        };
        let without = Known { id: 17, identity: None, times: None, ..known.clone() };
        let mut insert = connection.prepare(&insert()).expect("its columns are there");
        let mut select = connection.prepare(&select()).expect("its columns are there");
        for known in [&known, &without] {
            known.insert_by(&mut insert).expect("a row");
        }
        let rows: Vec<_> = select.query_map([2], Known::of_row).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows, [(known.clone(), known.seal()), (without.clone(), without.seal())]);
        let table = connection.prepare("SELECT * FROM transcript").expect("a table");
        assert_eq!(table.column_names().collect::<Vec<_>>(), COLUMNS);
    }
}
