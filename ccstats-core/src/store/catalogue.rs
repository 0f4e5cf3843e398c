//! What the store knows, in SQLite: transcripts, their blocks, and kinds of agents.
//!
//! Readers see the last published state and never wait (write-ahead log); one
//! writer publishes at a time, all of a change or none. Each row carries a hash of
//! itself, and each root the number and the sum of these, since SQLite does not
//! notice a flipped bit.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Row, Statement, Transaction, TransactionBehavior, params};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::cursor::Cursor;
use super::digest::Digest;
use super::error::StoreError;
use super::folder;
use super::time_span::TimeSpan;
use crate::discover::Identity;

/// Rises when the tables change. Stores of earlier versions are changed when they are opened.
const SCHEMA_VERSION: i32 = 2;

/// Says that a file of SQLite is a store: `ccst`.
const APPLICATION_ID: i32 = 0x6363_7374;

/// A writer gives up after so long.
const PATIENCE: Duration = Duration::from_millis(50);

/// Loads read each page once: the less of them is kept, the more of it is in the cache of
/// the processor.
const CACHE_KIB: i32 = 400;

/// What a change writes is kept until it is published: what does not fit goes to the log
/// before, and often once more.
const WRITING_CACHE_KIB: i32 = 32 << 10;

const SCHEMA: &str = "
CREATE TABLE state (generation INTEGER NOT NULL);
INSERT INTO state VALUES (0);
CREATE TABLE root (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, transcripts INTEGER NOT NULL, seals INTEGER NOT NULL);
CREATE TABLE transcript (
    id INTEGER PRIMARY KEY, root INTEGER NOT NULL, name BLOB NOT NULL, spot INTEGER NOT NULL,
    device INTEGER, inode INTEGER, birth_ns INTEGER, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL,
    cursor INTEGER NOT NULL, head INTEGER NOT NULL, tail INTEGER NOT NULL, lines INTEGER NOT NULL,
    blocks INTEGER NOT NULL, format INTEGER NOT NULL, first_ms INTEGER, last_ms INTEGER, family INTEGER NOT NULL,
    seal INTEGER NOT NULL);
CREATE INDEX transcript_root ON transcript (root);
CREATE TABLE block (
    id INTEGER PRIMARY KEY, transcript INTEGER NOT NULL, kind INTEGER NOT NULL, first_line INTEGER NOT NULL,
    seal INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX block_transcript ON block (transcript);
CREATE TABLE marks (transcript INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE digest (transcript INTEGER PRIMARY KEY, whole BLOB NOT NULL, last BLOB NOT NULL);
CREATE TABLE agent (root INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (root, id)) WITHOUT ROWID;
";

/// Stands on the first page of every store, and of no other database.
const TABLE: &str = "CREATE TABLE state (generation INTEGER NOT NULL)";

/// What version 1 did not have: its blocks told their accounting themselves.
const FROM_VERSION_1: &str = "CREATE TABLE digest (transcript INTEGER PRIMARY KEY, whole BLOB NOT NULL, last BLOB NOT NULL);";

/// Why the catalogue cannot answer.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(rusqlite::Error),
    /// A row is not what was written.
    Damaged,
    /// Not a store.
    Foreign,
    /// A store of a later version.
    Newer,
    /// Another process published since this one read.
    Overtaken,
    /// The thread that wrote ended before it was done.
    Stopped,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Failure {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Failure::Damaged,
            Some(ErrorCode::NotADatabase) => Failure::Foreign,
            _ => Failure::Sql(error),
        }
    }
}

impl Failure {
    /// A store whose header is damaged looks foreign, until somebody looks behind it.
    fn of(self, path: &Path) -> Failure {
        match self {
            Failure::Foreign if folder::was_store(path, TABLE) => Failure::Damaged,
            other => other,
        }
    }

    /// What the user is told.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_path_buf();
        match self {
            Failure::Sql(error) => match error.sqlite_error_code() {
                // The last: another process was stopped while it made the memory that all share.
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => StoreError::Busy(path),
                _ => StoreError::Database(path, error.to_string()),
            },
            Failure::Damaged => StoreError::Damaged(path),
            Failure::Foreign => StoreError::Foreign(path),
            Failure::Newer => StoreError::Newer(path),
            Failure::Overtaken => StoreError::Busy(path),
            Failure::Stopped => StoreError::Database(path, "the thread that wrote to it has failed".into()),
        }
    }
}

/// A transcript that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// 0 until it is published.
    pub(super) id: i64,
    pub(super) root: i64,
    /// Its path below the folder of projects.
    pub(super) name: Vec<u8>,
    /// What stands for it in spots, for ever.
    pub(super) spot: u64,
    pub(super) identity: Option<Identity>,
    pub(super) size_bytes: u64,
    pub(super) modified_ns: i64,
    pub(super) cursor: Cursor,
    /// Lines before the cursor.
    pub(super) lines: u64,
    pub(super) blocks: u32,
    /// The version of the blocks of what is there now.
    pub(super) format: u16,
    pub(super) times: Option<TimeSpan>,
    /// The same number for transcripts that share a line, directly or through others.
    pub(super) family: u64,
}

impl Known {
    fn seal(&self) -> u64 {
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

    fn of_row(row: &Row) -> rusqlite::Result<(Known, u64)> {
        let number = |at: usize| row.get::<_, i64>(at).map(|number| number as u64);
        let maybe = |at: usize| row.get::<_, Option<i64>>(at);
        let identity = match (maybe(4)?, maybe(5)?) {
            (Some(device), Some(inode)) => Some(Identity { device: device as u64, inode: inode as u64, birth_ns: maybe(6)? }),
            _ => None,
        };
        let known = Known {
            id: row.get(0)?,
            root: row.get(1)?,
            name: row.get(2)?,
            spot: number(3)?,
            identity,
            size_bytes: number(7)?,
            modified_ns: row.get(8)?,
            cursor: Cursor { offset: number(9)?, head: number(10)?, tail: number(11)? },
            lines: number(12)?,
            blocks: number(13)? as u32,
            format: number(14)? as u16,
            times: maybe(15)?.zip(maybe(16)?).map(|(first_ms, last_ms)| TimeSpan { first_ms, last_ms }),
            family: number(17)?,
        };
        Ok((known, number(18)?))
    }
}

/// What a block stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Whole lines of the transcript as it is.
    Whole,
    /// Its last line, which has no newline yet.
    Last,
    /// What stood in the transcript once.
    Past,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Whole, Kind::Last, Kind::Past];
}

/// A block in the store.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) kind: Kind,
    /// Lines of the transcript before it.
    pub(super) first_line: u64,
    pub(super) bytes: Vec<u8>,
    /// The row is what was written. (The bytes have a checksum of their own.)
    pub(super) is_sealed: bool,
}

/// The block's bytes are left to their own checksum, which is part of the head.
fn block_seal(spot: u64, kind: Kind, first_line: u64, bytes: &[u8]) -> u64 {
    let head = &bytes[..bytes.len().min(super::block::HEAD_BYTES)];
    [spot, kind as u64, first_line].iter().fold(xxh3_64_with_seed(head, 1), |seal, number| xxh3_64_with_seed(&number.to_le_bytes(), seal))
}

/// The database.
#[derive(Debug)]
pub(super) struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// Opens the file, which must be there; an empty one becomes a store.
    pub(super) fn open(path: &Path) -> Result<Catalogue, Failure> {
        Catalogue::connect(path).map_err(|failure| failure.of(path))
    }

    fn connect(path: &Path) -> Result<Catalogue, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        // Hooks open and close the store all the time: whoever writes much tidies up.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF;")?;
        match versions(&connection)? {
            (APPLICATION_ID, SCHEMA_VERSION) => {}
            (APPLICATION_ID, 1) => upgrade(&mut connection)?,
            (APPLICATION_ID, _) => return Err(Failure::Newer),
            (0, 0) => create(&mut connection)?,
            _ => return Err(Failure::Foreign),
        }
        Ok(Catalogue { connection })
    }

    /// Opens a copy of a store, and leaves it as it is.
    pub(super) fn open_to_read(path: &Path) -> Result<Catalogue, Failure> {
        Catalogue::connect_to_read(path).map_err(|failure| failure.of(path))
    }

    fn connect_to_read(path: &Path) -> Result<Catalogue, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF;")?;
        match versions(&connection)? {
            (APPLICATION_ID, 1..=SCHEMA_VERSION) => Ok(Catalogue { connection }),
            (APPLICATION_ID, _) => Err(Failure::Newer),
            _ => Err(Failure::Foreign),
        }
    }

    /// Copies all of it to a file that is empty.
    pub(super) fn copy_to(&self, file: &Path) -> Result<(), Failure> {
        let name = file.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(file.to_path_buf()))?;
        self.connection.execute("VACUUM INTO ?", [name])?;
        Ok(())
    }

    /// Everything that is read through this belongs to one published state.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot<'_>, Failure> {
        let transaction = self.connection.transaction()?;
        let generation = transaction.query_row("SELECT generation FROM state", [], |row| row.get(0))?;
        Ok(Snapshot { transaction, generation })
    }

    /// Publishes all that `change` writes, if that is something, or nothing: nothing too when
    /// somebody published since `generation`.
    pub(super) fn publish(&mut self, generation: i64, change: impl FnOnce(&mut Pen) -> Result<(), Failure>) -> Result<(), Failure> {
        self.connection.pragma_update(None, "cache_size", -WRITING_CACHE_KIB)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let published: i64 = transaction.query_row("SELECT generation FROM state", [], |row| row.get(0))?;
        if published != generation {
            return Err(Failure::Overtaken);
        }
        let before = transaction.total_changes();
        change(&mut Pen::new(&transaction)?)?;
        if transaction.total_changes() == before {
            return Ok(());
        }
        transaction.execute("UPDATE state SET generation = generation + 1", [])?;
        Ok(transaction.commit()?)
    }

    /// Moves what was written from the log to its place: whoever opens the store reads all
    /// of the log. Waits for nobody, or as long as a writer does.
    pub(super) fn tidy(&self, waits: bool) -> Result<(), Failure> {
        self.connection.busy_timeout(if waits { PATIENCE } else { Duration::ZERO })?;
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// What the file is, and of which version.
fn versions(connection: &Connection) -> Result<(i32, i32), Failure> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    Ok((number("application_id")?, number("user_version")?))
}

fn create(connection: &mut Connection) -> Result<(), Failure> {
    let tables = |connection: &Connection| connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    // Another process may be faster; what has tables else is not ours, and stays as it is.
    if tables(connection)? > 0 && versions(connection)?.0 != APPLICATION_ID {
        return Err(Failure::Foreign);
    }
    // Larger pages make the blobs of blocks cheaper to read.
    connection.execute_batch("PRAGMA page_size = 8192;")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if tables(&transaction)? == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        return Ok(transaction.commit()?);
    }
    Ok(())
}

/// Makes a store of version 1 one of this version.
fn upgrade(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // Another process may have been faster.
    if version == 1 {
        transaction.execute_batch(FROM_VERSION_1)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}

/// One published state.
pub(super) struct Snapshot<'c> {
    transaction: Transaction<'c>,
    pub(super) generation: i64,
}

impl Snapshot<'_> {
    /// The folders of all roots.
    pub(super) fn roots(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let mut statement = self.transaction.prepare("SELECT path FROM root ORDER BY id")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The marks of one transcript.
    pub(super) fn marks_of(&self, known: &Known) -> Result<Vec<u8>, Failure> {
        let select = "SELECT bytes FROM marks WHERE transcript = ?";
        Ok(self.transaction.query_row(select, [known.id], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// The transcripts of a root, by the path of its folder.
    pub(super) fn transcripts(&self, root: &[u8]) -> Result<Option<(i64, Vec<Known>)>, Failure> {
        let find = "SELECT id, transcripts, seals FROM root WHERE path = ?";
        let found = self.transaction.query_row(find, [root], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((id, count, seals)): Option<(i64, i64, i64)> = found else { return Ok(None) };
        let mut statement = self.transaction.prepare("SELECT * FROM transcript WHERE root = ?")?;
        let rows = statement.query_map([id], Known::of_row)?;
        let mut known = Vec::new();
        let mut sum = 0_u64;
        for row in rows {
            let (row, seal) = row?;
            if row.seal() != seal {
                return Err(Failure::Damaged);
            }
            sum = sum.wrapping_add(seal);
            known.push(row);
        }
        if (known.len() as i64, sum as i64) == (count, seals) { Ok(Some((id, known))) } else { Err(Failure::Damaged) }
    }

    /// The blocks of some transcripts, in their order, what is past last.
    pub(super) fn blocks<'k>(
        &self,
        transcripts: impl Iterator<Item = &'k Known>,
    ) -> Result<impl Iterator<Item = Result<Vec<Stored>, Failure>>, Failure> {
        let mut select = self.transaction.prepare(SELECT_BLOCKS)?;
        Ok(transcripts.map(move |known| blocks(&mut select, known)))
    }

    /// The marks of each transcript of a root.
    pub(super) fn marks(&self, root: i64, mut each: impl FnMut(i64, &[u8])) -> Result<(), Failure> {
        let select = "SELECT marks.transcript, marks.bytes FROM transcript JOIN marks ON marks.transcript = transcript.id WHERE root = ?";
        let mut statement = self.transaction.prepare(select)?;
        let mut rows = statement.query([root])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?);
        }
        Ok(())
    }

    /// What each transcript of a root that is there adds to the accounting. One with a
    /// digest that is damaged or missing is left out.
    pub(super) fn digests(&self, root: i64) -> Result<HashMap<i64, Digests>, Failure> {
        // A store that is only read may be of version 1.
        let find = "SELECT 1 FROM sqlite_schema WHERE name = 'digest'";
        if self.transaction.query_row(find, [], |_| Ok(())).optional()?.is_none() {
            return Ok(HashMap::new());
        }
        let select = "SELECT id, whole, last FROM transcript JOIN digest ON digest.transcript = transcript.id WHERE root = ?";
        let mut statement = self.transaction.prepare(select)?;
        let rows = statement.query_map([root], |row| Ok((row.get(0)?, digests(row, 1)?)))?;
        let known = rows.filter_map(|row| row.map(|(id, digests)| Some((id, digests?))).transpose());
        Ok(known.collect::<rusqlite::Result<_>>()?)
    }

    /// The kinds of agents that files beside transcripts told, by their ids.
    pub(super) fn agents(&self, root: i64) -> Result<HashMap<String, String>, Failure> {
        let mut statement = self.transaction.prepare("SELECT id, kind FROM agent WHERE root = ?")?;
        let rows = statement.query_map([root], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

// Not sorted by SQLite, which would copy every block to do so.
const SELECT_BLOCKS: &str = "SELECT id, kind, first_line, seal, bytes FROM block WHERE transcript = ?";

fn blocks(select: &mut Statement, known: &Known) -> Result<Vec<Stored>, Failure> {
    let rows = select.query_map([known.id], |row| {
        let kind = Kind::ALL.get(usize::from(row.get::<_, u8>(1)?)).copied();
        let (first_line, bytes) = (row.get::<_, i64>(2)? as u64, row.get::<_, Vec<u8>>(4)?);
        let seal = kind.map(|kind| block_seal(known.spot, kind, first_line, &bytes) as i64);
        let is_sealed = seal == Some(row.get(3)?);
        Ok(Stored { id: row.get(0)?, kind: kind.unwrap_or(Kind::Past), first_line, bytes, is_sealed })
    })?;
    let mut blocks = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    blocks.sort_by_key(|block| (block.kind, block.first_line, block.id));
    if blocks.len() == known.blocks as usize { Ok(blocks) } else { Err(Failure::Damaged) }
}

/// The accounting of a transcript as it is there: of its whole lines, and of its last
/// line, which has no newline yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Digests {
    pub(super) whole: Digest,
    pub(super) last: Digest,
}

fn digests(row: &Row, at: usize) -> rusqlite::Result<Option<Digests>> {
    let (whole, last) = (Digest::read(row.get_ref(at)?.as_bytes()?), Digest::read(row.get_ref(at + 1)?.as_bytes()?));
    Ok(whole.ok().zip(last.ok()).map(|(whole, last)| Digests { whole, last }))
}

/// Writes a change that is published as a whole.
pub(super) struct Pen<'t> {
    transaction: &'t Transaction<'t>,
    put: Statement<'t>,
    add: Statement<'t>,
    delete: Statement<'t>,
    mark: Statement<'t>,
    marks: Statement<'t>,
    digest: Statement<'t>,
    digests: Statement<'t>,
    select_blocks: Statement<'t>,
    count: Statement<'t>,
    /// The ids of the roots that were asked for.
    roots: HashMap<Vec<u8>, i64>,
    last_id: i64,
}

impl<'t> Pen<'t> {
    fn new(transaction: &'t Transaction<'t>) -> Result<Pen<'t>, Failure> {
        Ok(Pen {
            transaction,
            put: transaction.prepare("INSERT OR REPLACE INTO transcript VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?,
            add: transaction.prepare("INSERT INTO block (transcript, kind, first_line, seal, bytes) VALUES (?,?,?,?,?)")?,
            delete: transaction.prepare("DELETE FROM block WHERE id = ?")?,
            mark: transaction.prepare("INSERT OR REPLACE INTO marks VALUES (?, ?)")?,
            marks: transaction.prepare("SELECT bytes FROM marks WHERE transcript = ?")?,
            digest: transaction.prepare("INSERT OR REPLACE INTO digest VALUES (?, ?, ?)")?,
            digests: transaction.prepare("SELECT whole, last FROM digest WHERE transcript = ?")?,
            select_blocks: transaction.prepare(SELECT_BLOCKS)?,
            count: transaction.prepare("SELECT count(*) FROM block WHERE transcript = ?")?,
            roots: HashMap::new(),
            last_id: transaction.query_row("SELECT coalesce(max(id), 0) FROM transcript", [], |row| row.get(0))?,
        })
    }

    /// The id of a root, new or known.
    pub(super) fn root(&mut self, path: &[u8]) -> Result<i64, Failure> {
        if let Some(id) = self.roots.get(path) {
            return Ok(*id);
        }
        self.transaction.execute("INSERT OR IGNORE INTO root (path, transcripts, seals) VALUES (?, 0, 0)", [path])?;
        let id = self.transaction.query_row("SELECT id FROM root WHERE path = ?", [path], |row| row.get(0))?;
        self.roots.insert(path.to_vec(), id);
        Ok(id)
    }

    /// Says which transcripts a root has: all of them, also those that did not change.
    pub(super) fn seal_root<'k>(&self, root: i64, all: impl Iterator<Item = &'k Known>) -> Result<(), Failure> {
        let (count, seals) = all.fold((0_i64, 0_u64), |(count, seals), known| (count + 1, seals.wrapping_add(known.seal())));
        self.transaction.execute("UPDATE root SET transcripts = ?, seals = ? WHERE id = ?", params![count, seals as i64, root])?;
        Ok(())
    }

    /// The id of a new transcript.
    pub(super) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Writes a transcript.
    pub(super) fn put(&mut self, known: &Known) -> Result<(), Failure> {
        let identity = known.identity;
        self.put.execute(params![
            known.id,
            known.root,
            known.name,
            known.spot as i64,
            identity.map(|identity| identity.device as i64),
            identity.map(|identity| identity.inode as i64),
            identity.and_then(|identity| identity.birth_ns),
            known.size_bytes as i64,
            known.modified_ns,
            known.cursor.offset as i64,
            known.cursor.head as i64,
            known.cursor.tail as i64,
            known.lines as i64,
            known.blocks,
            known.format,
            known.times.map(|times| times.first_ms),
            known.times.map(|times| times.last_ms),
            known.family as i64,
            known.seal() as i64,
        ])?;
        Ok(())
    }

    pub(super) fn blocks(&mut self, known: &Known) -> Result<Vec<Stored>, Failure> {
        blocks(&mut self.select_blocks, known)
    }

    pub(super) fn count_blocks(&mut self, known: &Known) -> Result<u32, Failure> {
        Ok(self.count.query_row([known.id], |row| row.get(0))?)
    }

    pub(super) fn add_block(&mut self, known: &Known, kind: Kind, first_line: u64, bytes: &[u8]) -> Result<(), Failure> {
        let seal = block_seal(known.spot, kind, first_line, bytes);
        self.add.execute(params![known.id, kind as i64, first_line as i64, seal as i64, bytes])?;
        Ok(())
    }

    /// Forgets a transcript.
    pub(super) fn delete(&mut self, known: &Known) -> Result<(), Failure> {
        for rows in ["block WHERE transcript", "marks WHERE transcript", "digest WHERE transcript", "transcript WHERE id"] {
            self.transaction.execute(&format!("DELETE FROM {rows} = ?"), [known.id])?;
        }
        Ok(())
    }

    pub(super) fn delete_block(&mut self, id: i64) -> Result<(), Failure> {
        self.delete.execute([id])?;
        Ok(())
    }

    pub(super) fn marks(&mut self, known: &Known) -> Result<Vec<u8>, Failure> {
        Ok(self.marks.query_row([known.id], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    pub(super) fn put_marks(&mut self, known: &Known, marks: &[u8]) -> Result<(), Failure> {
        self.mark.execute(params![known.id, marks])?;
        Ok(())
    }

    /// The digests of a transcript, unless they are damaged or missing.
    pub(super) fn digests(&mut self, known: &Known) -> Result<Option<Digests>, Failure> {
        Ok(self.digests.query_row([known.id], |row| digests(row, 0)).optional()?.flatten())
    }

    pub(super) fn put_digests(&mut self, known: &Known, digests: &Digests) -> Result<(), Failure> {
        self.digest.execute(params![known.id, digests.whole.write(), digests.last.write()])?;
        Ok(())
    }

    /// Remembers the kind of an agent.
    pub(super) fn put_agent(&self, root: i64, id: &str, kind: &str) -> Result<(), Failure> {
        let put = "INSERT INTO agent VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind";
        self.transaction.execute(put, params![root, id, kind])?;
        Ok(())
    }
}
