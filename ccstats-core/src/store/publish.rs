//! Writes what a load found into the store.

use std::collections::{BTreeSet, HashMap};
use std::time::SystemTime;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::agents::Agent;
use super::block;
use super::catalogue::{BlockKind, Catalogue, CatalogueError, Known, StoredBlock, Writer};
use super::cursor::Cursor;
use super::digest::{Digest, Digests};
use super::family::{self, Families};
use super::layout::Layout;
use super::load::Request;
use super::new_blocks::{NewBlock, NewBlocks};
use super::plan::{How, settled_ns};
use super::state::State;
use super::time_span::TimeSpan;
use crate::discover::{Transcript, nanoseconds};
use crate::source::PART_BYTES;

/// Blocks of one kind beside those of large parts, beyond which they are made one.
const MOST_BLOCKS: u64 = 16;

/// What is to be published, all of it or nothing.
#[derive(Debug)]
pub(super) struct Change {
    generation: i64,
    /// All known transcripts of the roots, as they shall be.
    known: Vec<Known>,
    updates: Vec<Update>,
    /// What only belongs to another family now.
    moved: Vec<usize>,
    pub(super) agents: Vec<Agent>,
    /// The folders of transcripts of the roots.
    tops: Vec<Vec<u8>>,
}

/// One transcript that changed.
#[derive(Debug)]
struct Update {
    /// The index of what shall be known.
    known_at: usize,
    root: usize,
    how: How,
    blocks: Vec<NewBlock>,
}

/// Works out what to publish.
pub(super) fn change(
    state: &State,
    layout: &Layout,
    mut blocks: NewBlocks,
    families: &mut Families,
    agents: Vec<Agent>,
    request: &Request,
) -> Change {
    let mut known = state.known.clone();
    let mut members: Vec<usize> = (0..known.len()).collect();
    let mut updates = Vec::new();
    for (index, (transcript, reading)) in layout.transcripts.iter().zip(&layout.readings).enumerate() {
        let (Some(blocks), Some(cursor)) = (blocks.remove(&index), reading.cursor) else { continue };
        let before = reading.known_at.map(|at| &state.known[at]);
        let new = updated(before, transcript, cursor, &blocks, request.options.now);
        if reading.how == How::Grown && before == Some(&new) {
            continue;
        }
        let at = reading.known_at.unwrap_or(known.len());
        if at == known.len() {
            known.push(new);
            members.push(layout.member(index));
        } else {
            known[at] = new;
        }
        updates.push(Update { known_at: at, root: transcript.root, how: reading.how, blocks });
    }
    let moved = settle_families(&mut known, &members, families);
    let tops = state.tops.iter().map(|top| top.as_os_str().as_encoded_bytes().to_vec()).collect();
    Change { generation: state.generation, known, updates, moved, agents, tops }
}

/// What shall be known of a transcript. Its lines and blocks are counted when they are written.
fn updated(before: Option<&Known>, transcript: &Transcript, cursor: Cursor, blocks: &[NewBlock], now: SystemTime) -> Known {
    let times = blocks.iter().filter_map(|new| new.block.times).chain(before.and_then(|before| before.times));
    Known {
        id: before.map_or(0, |before| before.id),
        root: before.map_or(0, |before| before.root),
        name: transcript.name.as_os_str().as_encoded_bytes().to_vec(),
        spot: before.map_or_else(|| spot(transcript), |before| before.spot),
        identity: transcript.identity,
        size_bytes: transcript.size_bytes,
        modified_ns: settled_ns(transcript, now),
        cursor,
        lines: before.map_or(0, |before| before.lines),
        blocks: before.map_or(0, |before| before.blocks),
        format: block::VERSION,
        times: times.reduce(TimeSpan::union),
        family: before.map_or_else(|| spot(transcript), |before| before.family),
    }
}

/// A number for a new transcript that no other one has.
pub(super) fn spot(transcript: &Transcript) -> u64 {
    let identity = transcript.identity.map_or([0; 3], |file| [file.device, file.inode, file.birth_ns.unwrap_or_default() as u64]);
    let numbers = identity.into_iter().chain([nanoseconds(transcript.modified) as u64]);
    let path = xxh3_64_with_seed(transcript.path.as_os_str().as_encoded_bytes(), 0);
    numbers.fold(path, |spot, number| xxh3_64_with_seed(&number.to_le_bytes(), spot))
}

/// Gives all transcripts of a family the number of the first of them. Gives the indices of
/// those that had another one.
pub(super) fn settle_families(known: &mut [Known], members: &[usize], families: &mut Families) -> Vec<usize> {
    let mut numbers: HashMap<usize, u64> = HashMap::new();
    let mut moved = Vec::new();
    for (at, known) in known.iter_mut().enumerate() {
        let number = *numbers.entry(families.head(members[at])).or_insert(known.family);
        if known.family != number {
            known.family = number;
            moved.push(at);
        }
    }
    moved
}

impl Change {
    /// Whether there is nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.agents.is_empty()
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// [`CatalogueError::Overtaken`] when another process published meanwhile; what is
    /// new is then found again by the next load.
    pub(super) fn publish(mut self, catalogue: &mut Catalogue) -> Result<(), CatalogueError> {
        catalogue.publish(self.generation, |writer| {
            let mut roots: BTreeSet<i64> = BTreeSet::new();
            for update in std::mem::take(&mut self.updates) {
                let known = &mut self.known[update.known_at];
                if known.id == 0 {
                    known.id = writer.next_id();
                    known.root = writer.root(&self.tops[update.root])?;
                }
                write(writer, known, update.how, update.blocks)?;
                roots.insert(known.root);
            }
            for at in &self.moved {
                writer.put(&self.known[*at])?;
                roots.insert(self.known[*at].root);
            }
            for Agent { root, id, kind } in &self.agents {
                let root = writer.root(&self.tops[*root])?;
                writer.put_agent(root, id, kind)?;
            }
            roots.into_iter().try_for_each(|root| writer.seal_root(root, self.known.iter().filter(|known| known.root == root)))
        })
    }
}

/// Writes one transcript with its blocks.
fn write(writer: &mut Writer, known: &mut Known, how: How, new: Vec<NewBlock>) -> Result<(), CatalogueError> {
    let before = writer.digests(known)?;
    let has_last = before.as_ref().is_none_or(|before| before.last.has_entries());
    let (mut line, whole) = match how {
        How::Grown => (known.lines, before.map(|before| before.whole)),
        _ => (0, Some(Digest::default())),
    };
    if whole.is_none() {
        // Its accounting is lost: the next load reads it from the start.
        known.format = 0;
    }
    let mut digests = Digests { whole: whole.unwrap_or_default(), last: Digest::default() };
    let mut marks: Vec<u32> = Vec::new();
    if known.blocks > 0 {
        retire(writer, known, how, has_last)?;
        marks.extend(family::marks_of_bytes(&writer.marks(known)?));
    }
    for NewBlock { kind, block } in new {
        writer.add_block(known, kind, line, &block.bytes)?;
        let digest = if kind == BlockKind::Whole { &mut digests.whole } else { &mut digests.last };
        digest.absorb(block.digest, line);
        if kind == BlockKind::Whole {
            line += block.lines;
        }
        marks.extend(block.marks);
    }
    known.lines = line;
    known.blocks = writer.count_blocks(known)?;
    writer.put_digests(known, &digests)?;
    join(writer, known)?;
    writer.put_marks(known, &family::bytes_of_marks(marks))?;
    writer.put(known)
}

/// Adds a transcript of another store as it is there; all its blocks are sound.
pub(super) fn add(
    writer: &mut Writer,
    known: &mut Known,
    stored: &[StoredBlock],
    marks: &[u8],
    digests: Option<&Digests>,
) -> Result<(), CatalogueError> {
    if let Some(digests) = digests {
        writer.put_digests(known, digests)?;
    }
    for stored in stored {
        writer.add_block(known, stored.kind, stored.first_line, &stored.bytes)?;
    }
    writer.put_marks(known, marks)?;
    known.blocks = writer.count_blocks(known)?;
    join(writer, known)
}

/// Adds what another store knows of a known transcript as past, since nobody knows which
/// state is the later one. What is there already is not added again.
pub(super) fn add_past(
    writer: &mut Writer,
    known: &mut Known,
    times: Option<TimeSpan>,
    stored: &[StoredBlock],
    marks: &[u8],
) -> Result<(), CatalogueError> {
    let ours = writer.blocks(known)?;
    let is_there = |bytes: &[u8]| ours.iter().any(|ours| ours.sealed_bytes() == Some(bytes));
    let new: Vec<&StoredBlock> = stored.iter().filter(|stored| !is_there(&stored.bytes)).collect();
    if new.is_empty() {
        return Ok(());
    }
    // As one block: a transcript keeps few, and it is known again the next time.
    match block::join(new.iter().map(|stored| (&*stored.bytes, stored.first_line))) {
        Some(block) if is_there(&block.bytes) => return Ok(()),
        Some(block) => writer.add_block(known, BlockKind::Past, 0, &block.bytes)?,
        None => new.iter().try_for_each(|stored| writer.add_block(known, BlockKind::Past, stored.first_line, &stored.bytes))?,
    }
    known.times = known.times.into_iter().chain(times).reduce(TimeSpan::union);
    known.blocks = writer.count_blocks(known)?;
    join(writer, known)?;
    let old = writer.marks(known)?;
    let all: BTreeSet<[u8; 4]> = old.as_chunks().0.iter().chain(marks.as_chunks().0).copied().collect();
    writer.put_marks(known, all.into_iter().collect::<Vec<_>>().as_flattened())
}

/// Takes the old blocks out of the way: what stays true stays, what may be gone
/// becomes past, and what was read again is dropped.
fn retire(writer: &mut Writer, known: &Known, how: How, has_last: bool) -> Result<(), CatalogueError> {
    for stored in writer.blocks(known)? {
        let becomes_past = match (how, stored.kind) {
            (_, BlockKind::Past) | (How::Grown, BlockKind::Whole) => continue,
            (_, BlockKind::Last) => has_last,
            (How::Again, BlockKind::Whole) => false,
            (_, BlockKind::Whole) => true,
        };
        if becomes_past {
            writer.add_block(known, BlockKind::Past, stored.first_line, &stored.bytes)?;
        }
        writer.delete_block(stored.id)?;
    }
    Ok(())
}

/// Makes one block of many small ones of a kind.
fn join(writer: &mut Writer, known: &mut Known) -> Result<(), CatalogueError> {
    let most = MOST_BLOCKS + known.cursor.offset / PART_BYTES;
    if u64::from(known.blocks) <= most {
        return Ok(());
    }
    let stored = writer.blocks(known)?;
    for kind in [BlockKind::Whole, BlockKind::Past] {
        let of_kind: Vec<&StoredBlock> = stored.iter().filter(|stored| stored.kind == kind).collect();
        if of_kind.len() < 2 || !of_kind.iter().all(|stored| stored.is_sealed) {
            continue;
        }
        // What cannot be read stays as it is: another version may read it.
        let Some(block) = block::join(of_kind.iter().map(|stored| (&*stored.bytes, stored.first_line))) else { continue };
        writer.add_block(known, kind, 0, &block.bytes)?;
        of_kind.iter().try_for_each(|stored| writer.delete_block(stored.id))?;
    }
    known.blocks = writer.count_blocks(known)?;
    Ok(())
}
