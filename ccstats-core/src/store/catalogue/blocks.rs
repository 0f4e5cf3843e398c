//! Blocks in the store, and their rows.

use rusqlite::Statement;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{CatalogueError, Known};
use crate::store::block::HEAD_BYTES;

/// What a block stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) enum BlockKind {
    /// Whole lines of the transcript as it is.
    Whole,
    /// Its last line, which has no newline yet.
    Last,
    /// What stood in the transcript once.
    Past,
}

impl BlockKind {
    const ALL: [BlockKind; 3] = [BlockKind::Whole, BlockKind::Last, BlockKind::Past];
}

/// A block in the store.
#[derive(Clone, Debug)]
pub(in crate::store) struct StoredBlock {
    pub(in crate::store) id: i64,
    pub(in crate::store) kind: BlockKind,
    /// Lines of the transcript before it.
    pub(in crate::store) first_line: u64,
    pub(in crate::store) bytes: Vec<u8>,
    /// The row is what was written. (The bytes have a checksum of their own.)
    pub(in crate::store) is_sealed: bool,
}

impl StoredBlock {
    /// Its bytes, if its row is what was written.
    pub(in crate::store) fn sealed_bytes(&self) -> Option<&[u8]> {
        self.is_sealed.then_some(&*self.bytes)
    }
}

/// A hash of the row of a block. It covers the bytes by their checksum, which is in their head.
pub(super) fn seal(spot: u64, kind: BlockKind, first_line: u64, bytes: &[u8]) -> u64 {
    let head = &bytes[..bytes.len().min(HEAD_BYTES)];
    [spot, kind as u64, first_line].iter().fold(xxh3_64_with_seed(head, 1), |seal, number| xxh3_64_with_seed(&number.to_le_bytes(), seal))
}

/// The statement that reads the blocks of a transcript. It does not sort them, since SQLite
/// would copy every block to do so.
pub(super) const SELECT: &str = "SELECT id, kind, first_line, seal, bytes FROM block WHERE transcript = ?";

/// Executes the statement of [`SELECT`]. Gives the blocks in their order, what is past last.
pub(super) fn read(select: &mut Statement, known: &Known) -> Result<Vec<StoredBlock>, CatalogueError> {
    let rows = select.query_map([known.id], |row| {
        let kind = BlockKind::ALL.get(usize::from(row.get::<_, u8>(1)?)).copied();
        let (first_line, bytes) = (row.get::<_, i64>(2)? as u64, row.get::<_, Vec<u8>>(4)?);
        let seal = kind.map(|kind| seal(known.spot, kind, first_line, &bytes) as i64);
        let is_sealed = seal == Some(row.get(3)?);
        Ok(StoredBlock { id: row.get(0)?, kind: kind.unwrap_or(BlockKind::Past), first_line, bytes, is_sealed })
    })?;
    let mut blocks = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    blocks.sort_by_key(|block| (block.kind, block.first_line, block.id));
    if blocks.len() == known.blocks as usize { Ok(blocks) } else { Err(CatalogueError::Damaged) }
}
