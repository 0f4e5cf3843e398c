//! What the store says of the roots of a load.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::path::PathBuf;

use xxhash_rust::xxh3::Xxh3Default;

use super::catalogue::{CatalogueError, Known, KnownRoot, Snapshot};
use super::folder::root_names;
use super::plan::{How, Roots, Step, plan};
use crate::discover::{Found, Transcript};
use crate::scan::ScanOptions;

/// All that is read of a published state before any block is.
pub(super) struct State {
    pub(super) generation: i64,
    pub(super) known: Vec<Known>,
    /// The seals of the roots.
    seals: Vec<u64>,
    /// The index of each root, by its id in the store.
    pub(super) root_by_id: HashMap<i64, usize>,
    /// The folder of transcripts of each root.
    pub(super) tops: Vec<PathBuf>,
    /// Kinds of agents by their ids, by root.
    pub(super) agents: Vec<HashMap<String, String>>,
}

impl State {
    pub(super) fn read(snapshot: &Snapshot, options: &ScanOptions) -> Result<State, CatalogueError> {
        let mut state = State {
            generation: snapshot.generation,
            known: Vec::new(),
            seals: Vec::new(),
            root_by_id: HashMap::new(),
            tops: Vec::new(),
            agents: Vec::new(),
        };
        for (index, root) in options.roots.iter().enumerate() {
            let (top, names) = root_names(root);
            state.tops.push(top);
            state.agents.push(HashMap::new());
            for name in names {
                let Some(KnownRoot { id, seal, transcripts }) = snapshot.root(name.as_os_str().as_encoded_bytes())? else { continue };
                if state.root_by_id.contains_key(&id) {
                    continue;
                }
                state.root_by_id.insert(id, index);
                state.seals.push(seal);
                state.known.extend(transcripts);
                state.agents[index].extend(snapshot.agents(id)?);
            }
        }
        Ok(state)
    }

    /// What to do with each transcript that was found or is known. Those with `broken` ids
    /// are read again whatever is known.
    pub(super) fn plan(&self, found: &[Transcript], broken: &HashSet<i64>) -> Vec<Step> {
        plan(found, &self.known, &Roots { by_id: &self.root_by_id, tops: &self.tops }, broken)
    }

    /// A hash of all that a load of these steps reads: as long as it stays the same, so does
    /// what is made of the load. `None` where something is to be read that is not stored.
    pub(super) fn seal(&self, steps: &[Step], found: &Found) -> Option<u64> {
        let mut seal = Xxh3Default::new();
        (self.generation, &self.seals, &self.tops, &found.problems).hash(&mut seal);
        for step in steps {
            if !matches!(step.how, How::Same | How::Gone) {
                return None;
            }
            (self.known[step.known_at?].id, step.how == How::Gone).hash(&mut seal);
        }
        Some(seal.finish())
    }
}
