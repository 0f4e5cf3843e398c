//! Reads what is published.

use std::collections::HashMap;

use rusqlite::{OptionalExtension as _, Row, Transaction};

use super::{CatalogueError, Known, StoredBlock, blocks, known};
use crate::store::digest::Digests;

/// One published state.
pub(in crate::store) struct Snapshot<'c> {
    transaction: Transaction<'c>,
    pub(in crate::store) generation: i64,
}

/// A root that the store knows.
pub(in crate::store) struct KnownRoot {
    pub(in crate::store) id: i64,
    /// The sum of the seals of its transcripts.
    pub(in crate::store) seal: u64,
    pub(in crate::store) transcripts: Vec<Known>,
}

/// The number of changes that were published.
pub(super) fn generation(transaction: &Transaction) -> rusqlite::Result<i64> {
    transaction.query_row("SELECT generation FROM state", [], |row| row.get(0))
}

impl<'c> Snapshot<'c> {
    pub(super) fn new(transaction: Transaction<'c>) -> Result<Snapshot<'c>, CatalogueError> {
        let generation = generation(&transaction)?;
        Ok(Snapshot { transaction, generation })
    }

    /// The folders of all roots.
    pub(in crate::store) fn roots(&self) -> Result<Vec<Vec<u8>>, CatalogueError> {
        let mut statement = self.transaction.prepare("SELECT path FROM root ORDER BY id")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The marks of one transcript.
    pub(in crate::store) fn marks_of(&self, known: &Known) -> Result<Vec<u8>, CatalogueError> {
        let select = "SELECT bytes FROM marks WHERE transcript = ?";
        Ok(self.transaction.query_row(select, [known.id], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// A root with its transcripts, by the path of its folder.
    pub(in crate::store) fn root(&self, path: &[u8]) -> Result<Option<KnownRoot>, CatalogueError> {
        let find = "SELECT id, transcripts, seals FROM root WHERE path = ?";
        let found = self.transaction.query_row(find, [path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
        let Some((id, count, seals)): Option<(i64, i64, i64)> = found else { return Ok(None) };
        let mut statement = self.transaction.prepare(&known::select())?;
        let rows = statement.query_map([id], Known::of_row)?;
        let mut known = Vec::new();
        let mut sum = 0_u64;
        for row in rows {
            let (row, seal) = row?;
            if row.seal() != seal {
                return Err(CatalogueError::Damaged);
            }
            sum = sum.wrapping_add(seal);
            known.push(row);
        }
        if (known.len() as i64, sum as i64) != (count, seals) {
            return Err(CatalogueError::Damaged);
        }
        Ok(Some(KnownRoot { id, seal: sum, transcripts: known }))
    }

    /// The blocks of some transcripts, in their order, what is past last.
    pub(in crate::store) fn blocks<'k>(
        &self,
        transcripts: impl Iterator<Item = &'k Known>,
    ) -> Result<impl Iterator<Item = Result<Vec<StoredBlock>, CatalogueError>>, CatalogueError> {
        let mut select = self.transaction.prepare(blocks::SELECT)?;
        Ok(transcripts.map(move |known| blocks::read(&mut select, known)))
    }

    /// The marks of each transcript of a root.
    pub(in crate::store) fn marks(&self, root: i64, mut each: impl FnMut(i64, &[u8])) -> Result<(), CatalogueError> {
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
    pub(in crate::store) fn digests(&self, root: i64) -> Result<HashMap<i64, Digests>, CatalogueError> {
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

    /// The kinds of agents by their ids, as files beside transcripts say them.
    pub(in crate::store) fn agents(&self, root: i64) -> Result<HashMap<String, String>, CatalogueError> {
        let mut statement = self.transaction.prepare("SELECT id, kind FROM agent WHERE root = ?")?;
        let rows = statement.query_map([root], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The digests in the columns from `first` on, unless they are damaged.
pub(super) fn digests(row: &Row, first: usize) -> rusqlite::Result<Option<Digests>> {
    Ok(Digests::read(row.get_ref(first)?.as_bytes()?, row.get_ref(first + 1)?.as_bytes()?))
}
