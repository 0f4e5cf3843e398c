//! What the store knows, in SQLite: transcripts, their blocks, and kinds of agents.
//!
//! `known.rs` is a transcript and its row, `blocks.rs` a block and its row; all else is
//! read in `snapshot.rs` and written in `writer.rs`.
//!
//! Readers see the last published state and never wait (write-ahead log); one
//! writer publishes at a time, all of a change or none. Each row carries a hash of
//! itself, and each root the number and the sum of these, since SQLite does not
//! notice a flipped bit.

mod blocks;
mod known;
mod snapshot;
mod writer;

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

pub(super) use blocks::{BlockKind, StoredBlock};
pub(super) use known::Known;
pub(super) use snapshot::{KnownRoot, Snapshot};
pub(super) use writer::Writer;

use super::error::StoreError;
use super::folder;
use crate::untrusted::Shown;

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

/// An import compares the text of each statement: a change of spaces is a change too.
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

/// Stands on the first page of every store, and of no other database: by it a store with a
/// damaged header is known.
const TABLE: &str = "CREATE TABLE state (generation INTEGER NOT NULL)";

/// What version 1 did not have: there the accounting stood in the blocks.
const FROM_VERSION_1: &str = "CREATE TABLE digest (transcript INTEGER PRIMARY KEY, whole BLOB NOT NULL, last BLOB NOT NULL);";

/// Why the catalogue cannot answer.
#[derive(Debug)]
pub(super) enum CatalogueError {
    Sql(rusqlite::Error),
    /// A row is not what was written.
    Damaged,
    /// Not a store.
    Foreign,
    /// Not a store: it holds this beside the tables of one, or in their place.
    Unknown(String),
    /// A store of a later version.
    Newer,
    /// Another process published since this one read.
    Overtaken,
    /// The thread that wrote ended before it was done.
    Stopped,
}

impl From<rusqlite::Error> for CatalogueError {
    fn from(error: rusqlite::Error) -> CatalogueError {
        match error.sqlite_error_code() {
            // The statements are always the same ones: the tables are not those that were made.
            _ if matches!(error, rusqlite::Error::SqlInputError { .. }) => CatalogueError::Damaged,
            // No store takes as many steps to read as its copy may.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::OperationInterrupted) => CatalogueError::Damaged,
            Some(ErrorCode::NotADatabase) => CatalogueError::Foreign,
            _ => CatalogueError::Sql(error),
        }
    }
}

impl CatalogueError {
    /// Says that a file is damaged rather than foreign when it was a store once: with a damaged
    /// header SQLite does not know it as a database.
    fn or_damaged(self, path: &Path) -> CatalogueError {
        match self {
            CatalogueError::Foreign if folder::was_store(path, TABLE) => CatalogueError::Damaged,
            other => other,
        }
    }

    /// The error that the user sees.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_path_buf();
        match self {
            CatalogueError::Sql(error) => match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy(path),
                // Another process was stopped while it made the `-shm` file, which all share.
                Some(ErrorCode::FileLockingProtocolFailed) => StoreError::Busy(path),
                _ => StoreError::Database(path, error.to_string()),
            },
            CatalogueError::Damaged => StoreError::Damaged(path),
            CatalogueError::Foreign => StoreError::Foreign(path),
            CatalogueError::Unknown(what) => StoreError::Unknown(path, what),
            CatalogueError::Newer => StoreError::Newer(path),
            CatalogueError::Overtaken => StoreError::Busy(path),
            CatalogueError::Stopped => StoreError::Database(path, "the thread that wrote to it has failed".into()),
        }
    }
}

/// The database.
#[derive(Debug)]
pub(super) struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// Opens the file, which must be there; an empty one becomes a store.
    pub(super) fn open(path: &Path) -> Result<Catalogue, CatalogueError> {
        Catalogue::connect(path).map_err(|failure| failure.or_damaged(path))
    }

    fn connect(path: &Path) -> Result<Catalogue, CatalogueError> {
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
            (APPLICATION_ID, _) => return Err(CatalogueError::Newer),
            (0, 0) => create(&mut connection)?,
            _ => return Err(CatalogueError::Foreign),
        }
        Ok(Catalogue { connection })
    }

    /// Opens a copy of a store, and leaves it as it is. Anyone may have made the file: whatever
    /// it holds, reading it ends.
    pub(super) fn open_to_read(path: &Path) -> Result<Catalogue, StoreError> {
        folder::check_export(path)?;
        Catalogue::connect_to_read(path).map_err(|failure| failure.or_damaged(path).at(path))
    }

    fn connect_to_read(path: &Path) -> Result<Catalogue, CatalogueError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection = Connection::open_with_flags(path, flags)?;
        limit_steps(&mut connection, path)?;
        connection.execute_batch("PRAGMA trusted_schema = OFF;")?;
        match versions(&connection)? {
            (APPLICATION_ID, 1..=SCHEMA_VERSION) => {}
            (APPLICATION_ID, _) => return Err(CatalogueError::Newer),
            _ => return Err(CatalogueError::Foreign),
        }
        check_tables(&connection)?;
        check_pages(&connection)?;
        Ok(Catalogue { connection })
    }

    /// Copies all of it to a file that is empty.
    pub(super) fn copy_to(&self, file: &Path) -> Result<(), CatalogueError> {
        let name = file.to_str().ok_or_else(|| rusqlite::Error::InvalidPath(file.to_path_buf()))?;
        self.connection.execute("VACUUM INTO ?", [name])?;
        Ok(())
    }

    /// Everything that is read through this belongs to one published state.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot<'_>, CatalogueError> {
        Snapshot::new(self.connection.transaction()?)
    }

    /// Publishes all that `change` writes, if that is something, or nothing: nothing too when
    /// somebody published since `generation`.
    pub(super) fn publish(
        &mut self,
        generation: i64,
        change: impl FnOnce(&mut Writer) -> Result<(), CatalogueError>,
    ) -> Result<(), CatalogueError> {
        self.connection.pragma_update(None, "cache_size", -WRITING_CACHE_KIB)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if snapshot::generation(&transaction)? != generation {
            return Err(CatalogueError::Overtaken);
        }
        let before = transaction.total_changes();
        change(&mut Writer::new(&transaction)?)?;
        if transaction.total_changes() == before {
            return Ok(());
        }
        transaction.execute("UPDATE state SET generation = generation + 1", [])?;
        Ok(transaction.commit()?)
    }

    /// Moves what was written from the log to its place: whoever opens the store reads all
    /// of the log. Waits for nobody, or as long as a writer does.
    pub(super) fn tidy(&self, waits: bool) -> Result<(), CatalogueError> {
        self.connection.busy_timeout(if waits { PATIENCE } else { Duration::ZERO })?;
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// What the file is, and of which version.
fn versions(connection: &Connection) -> Result<(i32, i32), CatalogueError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    Ok((number("application_id")?, number("user_version")?))
}

/// Everything that a database holds, with the statement that made it.
fn objects(connection: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}

/// Refuses what is not made as in a store. A view in place of a table, for one, may have no end.
fn check_tables(connection: &Connection) -> Result<(), CatalogueError> {
    let ours = Connection::open_in_memory()?;
    ours.execute_batch(SCHEMA)?;
    let expected = objects(&ours)?;
    match objects(connection)?.into_iter().find(|found| !expected.contains(found)) {
        Some((kind, name, _)) => Err(CatalogueError::Unknown(format!("{kind} `{}`", Shown::new(&name)))),
        None => Ok(()),
    }
}

/// Lets SQLite take no more steps than any store of this size needs, many times over.
fn limit_steps(connection: &mut Connection, path: &Path) -> rusqlite::Result<()> {
    const AT_ONCE: u32 = 10_000;
    const STEPS_PER_BYTE: u64 = 20;
    let most = 10_000_000 + STEPS_PER_BYTE.saturating_mul(folder::size_bytes(path));
    let mut steps = 0;
    let is_over = move || {
        steps += u64::from(AT_ONCE);
        steps > most
    };
    connection.progress_handler(AT_ONCE as i32, Some(is_over))
}

/// Refuses tables that hold a page twice: with a few such pages, a small file has more rows than
/// fit in memory.
fn check_pages(connection: &Connection) -> Result<(), CatalogueError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(CatalogueError::Damaged) }
}

fn create(connection: &mut Connection) -> Result<(), CatalogueError> {
    let tables = |connection: &Connection| connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0));
    // Another process may be faster; what has tables else is not ours, and stays as it is.
    if tables(connection)? > 0 && versions(connection)?.0 != APPLICATION_ID {
        return Err(CatalogueError::Foreign);
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
fn upgrade(connection: &mut Connection) -> Result<(), CatalogueError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    // Another process may have been faster.
    if version == 1 {
        transaction.execute_batch(FROM_VERSION_1)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(transaction.commit()?)
}
