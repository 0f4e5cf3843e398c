//! Puts facts together: stored blocks of what did not change, a scan of what did.

use std::collections::HashSet;

use super::Needs;
use super::accounts::Accounts;
use super::agents::{self, Agent};
use super::catalogue::{Catalogue, CatalogueError};
use super::family;
use super::layout::Layout;
use super::new_blocks::NewBlocks;
use super::publish::{self, Change};
use super::reader::Reader;
use super::state::State;
use crate::discover::Found;
use crate::scan::{PartStart, Progress, ScanOptions, Scanned};

/// What a load is asked for.
#[derive(Clone, Copy)]
pub(super) struct Request<'r> {
    pub(super) found: &'r Found,
    pub(super) options: &'r ScanOptions,
    pub(super) progress: &'r Progress,
    pub(super) needs: &'r Needs,
}

/// All facts that were asked for.
pub(crate) struct Loaded {
    /// With the transcripts that are gone.
    pub(crate) found: Found,
    pub(crate) scanned: Scanned,
    /// By the number of a part.
    pub(crate) part_starts: Vec<PartStart>,
    /// When the last message or prompt was of all that was not asked for.
    pub(crate) last_activity_ms: Option<i64>,
    /// As long as it stays the same, another load gives the same.
    pub(crate) seal: Option<u64>,
}

/// What a try to load came to.
pub(super) enum Tried {
    /// With what the store does not know yet.
    Loaded(Box<(Loaded, Change)>),
    /// Blocks of these transcripts cannot be read, and the transcripts are there.
    Broken(HashSet<i64>),
}

/// Loads from the published state and from what changed since. Transcripts with `broken` ids
/// are read as if nothing were stored of what is there.
pub(super) fn load(catalogue: &mut Catalogue, request: &Request, broken: &HashSet<i64>) -> Result<Tried, CatalogueError> {
    let Request { found, options, needs, .. } = *request;
    let snapshot = catalogue.snapshot()?;
    let state = State::read(&snapshot, options)?;
    let steps = state.plan(&found.transcripts, broken);
    let seal = state.seal(&steps, found);
    let mut layout = Layout::new(steps, &state.known, needs);
    let accounts = Accounts::read(&snapshot, &state, &layout, needs)?;
    if !accounts.missing.is_empty() {
        return Ok(Tried::Broken(accounts.missing));
    }
    let (scanned, blocks) = layout.scan_new(request);
    layout.compare(&snapshot, &state.known, &blocks)?;
    let mut families = family::of_load(&snapshot, &state, &layout, &blocks)?;
    let mut reader = Reader {
        snapshot: &snapshot,
        state: &state,
        is_read: vec![false; layout.readings.len()],
        layout: &mut layout,
        accounts: &accounts,
        families: &mut families,
        request,
        scanned,
        unreadable: Vec::new(),
    };
    read_stored(&mut reader, &blocks)?;
    let Reader { mut scanned, is_read, unreadable, .. } = reader;
    let again: HashSet<i64> = unreadable.iter().filter(|block| block.owner.is_present).map(|block| block.owner.id).collect();
    if !again.is_empty() {
        return Ok(Tried::Broken(again));
    }
    let seal = seal.filter(|_| unreadable.is_empty());
    scanned.problems.extend(unreadable.into_iter().map(|block| block.problem));
    let last_activity_ms = accounts.add_to(&mut scanned, &layout, &is_read, needs);
    let read_agents = agents::read(&layout, &is_read, needs);
    let agents = agents::changed(found, &state, |id| read_agents.contains(id));
    let change = publish::change(&state, &layout, blocks, &mut families, agents, request);
    let part_starts = layout.part_starts(&state.known, &scanned.lines);
    let found = all_found(found, layout, state, &change);
    Ok(Tried::Loaded(Box::new((Loaded { found, scanned, part_starts, last_activity_ms, seal }, change))))
}

/// Reads all that is asked for of what is stored.
fn read_stored(reader: &mut Reader, new: &NewBlocks) -> Result<(), CatalogueError> {
    let needs = reader.request.needs;
    let new_times = new.values().flatten().filter_map(|new| new.block.times);
    let known_times = reader.state.known.iter().filter_map(|known| known.times);
    reader.read(&needs.reaching_back(known_times.chain(new_times)))?;
    if needs.latest_session {
        // Copies carry later times than what they are copies of: only now it is known
        // when the latest message was, and who may have a later one.
        reader.read(&Needs { start_ms: reader.latest_message_ms(), ..needs.clone() })?;
    }
    Ok(())
}

/// What was found, with the transcripts that are gone and the kinds of agents that are known.
fn all_found(found: &Found, layout: Layout, state: State, change: &Change) -> Found {
    let mut agents = state.agents;
    for Agent { root, id, kind } in &change.agents {
        agents[*root].insert(id.clone(), kind.clone());
    }
    Found {
        transcripts: layout.transcripts,
        agent_types: agents.into_iter().flatten().collect(),
        agent_files: Vec::new(),
        problems: found.problems.clone(),
    }
}
