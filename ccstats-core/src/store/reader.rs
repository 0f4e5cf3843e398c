//! Reads stored blocks, of those transcripts that are asked for.

use std::collections::HashSet;
use std::sync::{OnceLock, mpsc};

use super::Needs;
use super::accounts::Accounts;
use super::block::{Blocks, Unreadable};
use super::catalogue::{CatalogueError, Known, Snapshot, StoredBlock};
use super::family::{self, Families};
use super::layout::{Layout, Placed};
use super::load::Request;
use super::plan::How;
use super::state::State;
use crate::error::{Problem, ProblemKind};
use crate::scan::Scanned;
use crate::symbols::Symbols;

/// Takes in what the store knows, family by family.
pub(super) struct Reader<'r> {
    pub(super) snapshot: &'r Snapshot<'r>,
    pub(super) state: &'r State,
    pub(super) layout: &'r mut Layout,
    pub(super) accounts: &'r Accounts,
    pub(super) families: &'r mut Families,
    pub(super) request: &'r Request<'r>,
    /// What was read so far.
    pub(super) scanned: Scanned,
    /// Whether a transcript is among that.
    pub(super) is_read: Vec<bool>,
    pub(super) unreadable: Vec<UnreadableBlock>,
}

/// A block that cannot be read.
pub(super) struct UnreadableBlock {
    pub(super) owner: Owner,
    pub(super) problem: Problem,
}

/// Whose a block is.
#[derive(Clone, Copy)]
pub(super) struct Owner {
    /// The index of the transcript.
    index: usize,
    /// Its id in the store.
    pub(super) id: i64,
    /// The block stands for what is there now.
    pub(super) is_present: bool,
}

impl Reader<'_> {
    /// Reads all families with a transcript that is new or that `needs` ask for, as far as
    /// they were not read before.
    pub(super) fn read(&mut self, needs: &Needs) -> Result<(), CatalogueError> {
        let is_asked = self.asked(needs)?;
        let new: Vec<usize> = (0..is_asked.len()).filter(|index| is_asked[*index] && !self.is_read[*index]).collect();
        new.iter().for_each(|index| self.is_read[*index] = true);
        if self.request.needs.text {
            self.layout.scan_text(&new, self.request, &mut self.scanned);
        }
        self.blocks(&new)
    }

    /// Which transcripts are asked for, by their families.
    fn asked(&mut self, needs: &Needs) -> Result<Vec<bool>, CatalogueError> {
        let of_session = self.of_session(needs)?;
        let Reader { state, layout, accounts, families, .. } = self;
        let is_asked = |index: &usize| {
            let reading = &layout.readings[*index];
            let is_new = reading.how != How::Same && reading.how != How::Gone;
            let meets = |at: usize| needs.meets(state.known[at].times) || of_session.contains(&at);
            is_new || reading.known_at.is_none_or(meets) || needs.titles && accounts.names_lines(*index)
        };
        let all = || 0..layout.readings.len();
        let heads: HashSet<usize> = all().filter(is_asked).map(|index| families.head(layout.member(index))).collect();
        Ok(all().map(|index| heads.contains(&families.head(layout.member(index)))).collect())
    }

    /// What is known that has something of the session that is asked for.
    fn of_session(&self, needs: &Needs) -> Result<HashSet<usize>, CatalogueError> {
        let Some(session) = &needs.session else { return Ok(HashSet::new()) };
        let Reader { snapshot, state, layout, .. } = self;
        let readings = layout.readings.iter().zip(&layout.transcripts);
        let named: HashSet<usize> =
            readings.filter(|(_, transcript)| needs.names(&transcript.name)).filter_map(|(reading, _)| reading.known_at).collect();
        if !named.is_empty() {
            return Ok(named);
        }
        // Few sessions have no transcript of their own name, and to read all marks takes a while.
        let mark = family::mark_of_id(session.as_bytes());
        let mut marked = HashSet::new();
        for root in state.root_by_id.keys() {
            snapshot.marks(*root, |id, bytes| {
                if family::marks_of_bytes(bytes).any(|known| known == mark) {
                    marked.insert(id);
                }
            })?;
        }
        Ok((0..state.known.len()).filter(|at| marked.contains(&state.known[*at].id)).collect())
    }

    pub(super) fn latest_message_ms(&self) -> Option<i64> {
        self.scanned.facts.messages.rows().iter().filter_map(|row| row.origin.order.stamp_ms()).max()
    }

    /// Reads the stored blocks of some transcripts. SQLite gives them to one thread alone;
    /// another one opens them as they come. Then their tables are read on all processors.
    fn blocks(&mut self, transcripts: &[usize]) -> Result<(), CatalogueError> {
        const AT_ONCE: usize = 32;
        let (layout, needs, facts) = (&*self.layout, self.request.needs, &mut self.scanned.facts);
        let known = |index: &usize| layout.readings[*index].known_at.map(|at| (*index, &self.state.known[at]));
        let wanted: Vec<(usize, &Known)> = transcripts.iter().filter_map(known).filter(|(_, known)| known.blocks > 0).collect();
        let fetched: Vec<OnceLock<Vec<Vec<StoredBlock>>>> = wanted.chunks(AT_ONCE).map(|_| OnceLock::new()).collect();
        let mut opened = Opened { blocks: Blocks::behind(facts), owners: Vec::new() };
        let (sender, receiver) = mpsc::channel();
        rayon::in_place_scope(|scope| {
            let (opened, symbols, wanted, fetched) = (&mut opened, &mut facts.symbols, &wanted, &fetched);
            scope.spawn(move |_| {
                for (transcripts, stored) in receiver {
                    opened.add(layout, transcripts, stored, needs, symbols);
                }
            });
            // It goes when all is fetched, or when that fails.
            let sender = sender;
            let mut stored = self.snapshot.blocks(wanted.iter().map(|(_, known)| *known))?;
            for (transcripts, fetched) in wanted.chunks(AT_ONCE).zip(fetched) {
                let stored = stored.by_ref().take(transcripts.len()).collect::<Result<_, _>>()?;
                _ = sender.send((transcripts, &fetched.get_or_init(|| stored)[..]));
            }
            Ok::<_, CatalogueError>(())
        })?;
        let Opened { blocks, owners } = opened;
        self.unreadable.extend(blocks.read(facts).into_iter().map(|(block, why)| unreadable(layout, owners[block], why)));
        Ok(())
    }
}

/// Blocks whose names are known.
struct Opened<'b> {
    blocks: Blocks<'b>,
    /// By block.
    owners: Vec<Owner>,
}

impl<'b> Opened<'b> {
    /// Opens the blocks of some transcripts, each with its index.
    fn add(
        &mut self,
        layout: &Layout,
        transcripts: &[(usize, &Known)],
        stored: &'b [Vec<StoredBlock>],
        needs: &Needs,
        symbols: &mut Symbols,
    ) {
        for ((index, known), stored) in transcripts.iter().zip(stored) {
            for (order, stored) in stored.iter().enumerate() {
                let Some(Placed { take, is_present }) = layout.place(*index, order, known, stored, needs) else { continue };
                self.blocks.open(stored.sealed_bytes(), take, symbols);
                self.owners.push(Owner { index: *index, id: known.id, is_present });
            }
        }
    }
}

fn unreadable(layout: &Layout, owner: Owner, why: Unreadable) -> UnreadableBlock {
    let (kind, detail) = match why {
        Unreadable::Damaged => (ProblemKind::LostHistory, "its history in the store is damaged".to_string()),
        Unreadable::Version(version) => {
            (ProblemKind::Store, format!("its history in the store is of version {version}, which cannot be read"))
        }
    };
    let path = layout.transcripts[owner.index].path.clone();
    UnreadableBlock { owner, problem: Problem { kind, path, line: None, detail: Some(detail) } }
}
