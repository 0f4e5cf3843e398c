//! Identities, and the folding of all copies of a row into one.
//!
//! One response stands on several lines, and again in resumed sessions, forks
//! and agents' files (`docs/format.md` 7 and 8). Identity is the id that the API
//! gave; only gateways, which use ids again, need the session beside it.
//!
//! Stores and exports hold these hashes: one that is made in another way makes two
//! things of what was one, so the format of blocks must get a new version with it.

use std::cell::OnceCell;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::json::Text;
use crate::pages;
use crate::rows::{AgentRow, ApiErrorRow, CallRow, CutRow, FollowUpRow, MentionRow, MessageRow, Order, PromptRow, ResultRow};

/// An identity: 128 bits of hash over the id and what must stand beside it.
pub(crate) type Key = u128;

/// The prime of FNV-1a with 64 bits.
const FNV_PRIME: u64 = 0x100_0000_01B3;

/// The seed tells kinds and first parts apart, so that nothing is copied into one buffer with the
/// second part. Stores hold identities, so the way in which they are made never changes.
fn hash(kind: &[u8], [first, second]: [&[u8]; 2]) -> Key {
    let seed = kind.iter().chain(first).fold(first.len() as u64, |seed, byte| (seed ^ u64::from(*byte)).wrapping_mul(FNV_PRIME));
    xxh3_128_with_seed(second, seed)
}

/// What tells a line without a `uuid` from all others, in this scan and in later
/// ones: its transcript, the place of its first byte, and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'t> {
    /// A number that no other transcript has.
    pub(crate) transcript: u64,
    pub(crate) offset: u64,
    /// The line without its newline.
    pub(crate) text: &'t [u8],
    /// Its identity, once somebody asked: a damaged line may be long and hold many entries.
    pub(crate) key: &'t OnceCell<Key>,
}

/// A response: by its id, by session and id, by the line's `uuid`, or by its spot.
pub(crate) fn message_key(id: Text, session: &[u8], uuid: Text, spot: Spot) -> Key {
    let id = id.decode();
    if id.starts_with(b"msg_") {
        hash(b"id", [b"", &id])
    } else if !id.is_empty() {
        hash(b"session", [session, &id])
    } else {
        line_key(uuid, spot)
    }
}

/// A tool call or its result: by its id, or by session and id. `None` without an id.
pub(crate) fn call_key(id: Text, session: &[u8]) -> Option<Key> {
    let id = id.decode();
    if id.starts_with(b"toolu_") { Some(hash(b"id", [b"", &id])) } else { (!id.is_empty()).then(|| hash(b"session", [session, &id])) }
}

/// A line: by its `uuid`, or by its spot.
pub(crate) fn line_key(uuid: Text, spot: Spot) -> Key {
    if uuid.is_empty() {
        *spot.key.get_or_init(|| {
            let place = [spot.transcript.to_le_bytes(), spot.offset.to_le_bytes()].concat();
            hash(b"place", [&place, spot.text])
        })
    } else {
        uuid_key(uuid)
    }
}

/// A line by its `uuid`.
pub(crate) fn uuid_key(uuid: Text) -> Key {
    hash(b"uuid", [b"", &uuid.decode()])
}

/// A subagent: by its id.
pub(crate) fn agent_key(agent: &[u8]) -> Key {
    hash(b"agent", [b"", agent])
}

/// The nth nameless thing of a kind inside a response.
pub(crate) fn nth_key(message: Key, kind: &[u8], index: usize) -> Key {
    hash(kind, [&(index as u64).to_le_bytes(), &message.to_le_bytes()])
}

/// A row that can be folded with another copy of the same thing.
pub(crate) trait Row: Copy {
    fn key(&self) -> Key;
    fn order(&self) -> Order;

    /// Takes from `other` what is true there and not here, whichever of the
    /// copies comes first. Of most things the original alone counts.
    fn join(&mut self, other: Self) {
        if other.order() < self.order() {
            *self = other;
        }
    }
}

/// Rows, one for each identity.
#[derive(Debug)]
pub(crate) struct Folded<R> {
    rows: Vec<R>,
    table: HashTable<u32>,
}

impl<R> Default for Folded<R> {
    fn default() -> Self {
        Folded { rows: Vec::new(), table: HashTable::new() }
    }
}

impl<R: Row> Folded<R> {
    /// Adds a row, or joins it with the one that is known.
    pub(crate) fn fold(&mut self, row: R) {
        let key = row.key();
        // The lines of one response mostly stand together.
        if let Some(last) = self.rows.last_mut().filter(|last| last.key() == key) {
            return last.join(row);
        }
        let Folded { rows, table } = self;
        if let Some(index) = table.find(key as u64, |index| rows[*index as usize].key() == key) {
            return rows[*index as usize].join(row);
        }
        let index = u32::try_from(rows.len()).expect("four billion rows do not fit in memory");
        rows.push(row);
        table.insert_unique(key as u64, index, |index| rows[*index as usize].key() as u64);
    }

    /// Makes room for so many more rows.
    pub(crate) fn reserve(&mut self, more: usize) {
        pages::reserve(&mut self.rows, more);
        self.table.reserve(more, |index| self.rows[*index as usize].key() as u64);
    }

    /// Folds in all rows of another set, changed by `rename`.
    pub(crate) fn absorb(&mut self, other: Folded<R>, rename: impl Fn(R) -> R) {
        let Folded { rows, table } = other;
        // Before room is made for its rows.
        drop(table);
        self.reserve(rows.len());
        for row in rows {
            self.fold(rename(row));
        }
    }

    /// The row of an identity.
    pub(crate) fn get(&self, key: Key) -> Option<&R> {
        let index = self.table.find(key as u64, |index| self.rows[*index as usize].key() == key)?;
        Some(&self.rows[*index as usize])
    }

    /// All rows, in no order that means anything.
    pub(crate) fn rows(&self) -> &[R] {
        &self.rows
    }

    /// The same, to change what is no identity.
    #[cfg(feature = "store")]
    pub(crate) fn rows_mut(&mut self) -> &mut [R] {
        &mut self.rows
    }
}

impl Row for MessageRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }

    /// Time and place come from the original line; usage and model from the
    /// line that knows most, which for a response is its last.
    fn join(&mut self, other: Self) {
        if other.origin.order < self.origin.order {
            self.origin = other.origin;
        }
        let (known, new) = (self.weight(), other.weight());
        if new > known || new == known && other.source < self.source {
            let (origin, is_final) = (self.origin, self.is_final);
            *self = MessageRow { origin, is_final, ..other };
        }
        self.is_final |= other.is_final;
    }
}

impl MessageRow {
    fn weight(&self) -> (u64, bool, u64, u64, u64, u64) {
        let tokens = &self.tokens;
        (tokens.output, self.has_split, tokens.cache_write(), tokens.cache_read, tokens.input, tokens.web_searches)
    }
}

impl Row for CallRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }

    /// A copy from the store knows no command; another copy of the same line may.
    fn join(&mut self, other: Self) {
        let (first, second) = if other.order() < self.order() { (other, *self) } else { (*self, other) };
        let is_same_line = first.order().sort_ms == second.order().sort_ms;
        let lacks_text = first.stored.is_some_and(|stored| !stored.is_none());
        let command = if lacks_text && is_same_line { first.command.or(second.command) } else { first.command };
        *self = CallRow { command, ..first };
    }
}

impl Row for ResultRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.order
    }
}

impl Row for FollowUpRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.order
    }
}

impl Row for PromptRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }

    /// A copy from the store has no title; another copy may.
    fn join(&mut self, other: Self) {
        let (first, second) = if other.order() < self.order() { (other, *self) } else { (*self, other) };
        *self = PromptRow { title: first.title.or(second.title), ..first };
    }
}

impl Row for MentionRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }
}

impl Row for CutRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }
}

impl Row for ApiErrorRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.origin.order
    }
}

impl Row for AgentRow {
    fn key(&self) -> Key {
        self.key
    }

    fn order(&self) -> Order {
        self.order
    }
}
