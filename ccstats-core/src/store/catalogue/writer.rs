//! Writes a change.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Statement, Transaction, params};

use super::{BlockKind, CatalogueError, Known, StoredBlock, blocks, known, snapshot};
use crate::store::digest::Digests;

/// Writes a change that is published as a whole.
pub(in crate::store) struct Writer<'t> {
    transaction: &'t Transaction<'t>,
    insert_transcript: Statement<'t>,
    insert_block: Statement<'t>,
    delete_block: Statement<'t>,
    select_blocks: Statement<'t>,
    count_blocks: Statement<'t>,
    insert_marks: Statement<'t>,
    select_marks: Statement<'t>,
    insert_digests: Statement<'t>,
    select_digests: Statement<'t>,
    /// The ids of the roots that were asked for.
    roots: HashMap<Vec<u8>, i64>,
    last_id: i64,
}

impl<'t> Writer<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>) -> Result<Writer<'t>, CatalogueError> {
        Ok(Writer {
            transaction,
            insert_transcript: transaction.prepare(&known::insert())?,
            insert_block: transaction.prepare("INSERT INTO block (transcript, kind, first_line, seal, bytes) VALUES (?, ?, ?, ?, ?)")?,
            delete_block: transaction.prepare("DELETE FROM block WHERE id = ?")?,
            select_blocks: transaction.prepare(blocks::SELECT)?,
            count_blocks: transaction.prepare("SELECT count(*) FROM block WHERE transcript = ?")?,
            insert_marks: transaction.prepare("INSERT OR REPLACE INTO marks (transcript, bytes) VALUES (?, ?)")?,
            select_marks: transaction.prepare("SELECT bytes FROM marks WHERE transcript = ?")?,
            insert_digests: transaction.prepare("INSERT OR REPLACE INTO digest (transcript, whole, last) VALUES (?, ?, ?)")?,
            select_digests: transaction.prepare("SELECT whole, last FROM digest WHERE transcript = ?")?,
            roots: HashMap::new(),
            last_id: transaction.query_row("SELECT coalesce(max(id), 0) FROM transcript", [], |row| row.get(0))?,
        })
    }

    /// The id of a root, new or known.
    pub(in crate::store) fn root(&mut self, path: &[u8]) -> Result<i64, CatalogueError> {
        if let Some(id) = self.roots.get(path) {
            return Ok(*id);
        }
        self.transaction.execute("INSERT OR IGNORE INTO root (path, transcripts, seals) VALUES (?, 0, 0)", [path])?;
        let id = self.transaction.query_row("SELECT id FROM root WHERE path = ?", [path], |row| row.get(0))?;
        self.roots.insert(path.to_vec(), id);
        Ok(id)
    }

    /// Says which transcripts a root has: all of them, also those that did not change.
    pub(in crate::store) fn seal_root<'k>(&self, root: i64, all: impl Iterator<Item = &'k Known>) -> Result<(), CatalogueError> {
        let (count, seals) = all.fold((0_i64, 0_u64), |(count, seals), known| (count + 1, seals.wrapping_add(known.seal())));
        self.transaction.execute("UPDATE root SET transcripts = ?, seals = ? WHERE id = ?", params![count, seals as i64, root])?;
        Ok(())
    }

    /// The id of a new transcript.
    pub(in crate::store) fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    /// Writes the row of a transcript.
    pub(in crate::store) fn put(&mut self, known: &Known) -> Result<(), CatalogueError> {
        known.insert_by(&mut self.insert_transcript)?;
        Ok(())
    }

    pub(in crate::store) fn blocks(&mut self, known: &Known) -> Result<Vec<StoredBlock>, CatalogueError> {
        blocks::read(&mut self.select_blocks, known)
    }

    pub(in crate::store) fn count_blocks(&mut self, known: &Known) -> Result<u32, CatalogueError> {
        Ok(self.count_blocks.query_row([known.id], |row| row.get(0))?)
    }

    pub(in crate::store) fn add_block(
        &mut self,
        known: &Known,
        kind: BlockKind,
        first_line: u64,
        bytes: &[u8],
    ) -> Result<(), CatalogueError> {
        let seal = blocks::seal(known.spot, kind, first_line, bytes);
        self.insert_block.execute(params![known.id, kind as i64, first_line as i64, seal as i64, bytes])?;
        Ok(())
    }

    /// Forgets a transcript.
    pub(in crate::store) fn delete(&mut self, known: &Known) -> Result<(), CatalogueError> {
        for rows in ["block WHERE transcript", "marks WHERE transcript", "digest WHERE transcript", "transcript WHERE id"] {
            self.transaction.execute(&format!("DELETE FROM {rows} = ?"), [known.id])?;
        }
        Ok(())
    }

    pub(in crate::store) fn delete_block(&mut self, id: i64) -> Result<(), CatalogueError> {
        self.delete_block.execute([id])?;
        Ok(())
    }

    pub(in crate::store) fn marks(&mut self, known: &Known) -> Result<Vec<u8>, CatalogueError> {
        Ok(self.select_marks.query_row([known.id], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    pub(in crate::store) fn put_marks(&mut self, known: &Known, marks: &[u8]) -> Result<(), CatalogueError> {
        self.insert_marks.execute(params![known.id, marks])?;
        Ok(())
    }

    /// The digests of a transcript, unless they are damaged or missing.
    pub(in crate::store) fn digests(&mut self, known: &Known) -> Result<Option<Digests>, CatalogueError> {
        Ok(self.select_digests.query_row([known.id], |row| snapshot::digests(row, 0)).optional()?.flatten())
    }

    pub(in crate::store) fn put_digests(&mut self, known: &Known, digests: &Digests) -> Result<(), CatalogueError> {
        self.insert_digests.execute(params![known.id, digests.whole.write(), digests.last.write()])?;
        Ok(())
    }

    /// Remembers the kind of an agent.
    pub(in crate::store) fn put_agent(&self, root: i64, id: &str, kind: &str) -> Result<(), CatalogueError> {
        let put = "INSERT INTO agent (root, id, kind) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET kind = excluded.kind WHERE kind <> excluded.kind";
        self.transaction.execute(put, params![root, id, kind])?;
        Ok(())
    }
}
