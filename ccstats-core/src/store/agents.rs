//! The kinds of subagents, as files beside their transcripts tell.

use std::collections::HashSet;

use rayon::prelude::*;

use super::Needs;
use super::layout::Layout;
use super::plan::How;
use super::state::State;
use crate::discover::{Found, agent_type};

/// A subagent and its kind.
#[derive(Debug)]
pub(super) struct Agent {
    /// The index of the root.
    pub(super) root: usize,
    pub(super) id: String,
    pub(super) kind: String,
}

/// The agents that the store does not know, or knows to be of another kind. Files about those
/// that it knows are read only where `is_read` says so, since there may be thousands.
pub(super) fn changed(found: &Found, state: &State, is_read: impl Fn(&str) -> bool + Sync) -> Vec<Agent> {
    let files = found.agent_files.par_iter().filter(|(root, id, _)| is_read(id) || !state.agents[*root].contains_key(id));
    let told = files.filter_map(|(root, id, path)| Some(Agent { root: *root, id: id.clone(), kind: agent_type(path)? }));
    let mut agents: Vec<Agent> = told.collect();
    // Without a store, too, the first of several files about an agent counts.
    agents.dedup_by(|later, first| (later.root, &later.id) == (first.root, &first.id));
    agents.retain(|agent| state.agents[agent.root].get(&agent.id) != Some(&agent.kind));
    agents
}

/// The ids of the agents whose transcripts are read, or only of those that are new.
pub(super) fn read<'l>(layout: &'l Layout, is_read: &[bool], needs: &Needs) -> HashSet<&'l str> {
    let is_new = |index: &usize| !matches!(layout.readings[*index].how, How::Same | How::Gone);
    let read = (0..is_read.len()).filter(|index| is_read[*index] && (!needs.known_agents || is_new(index)));
    let names = read.map(|index| layout.transcripts[index].name.file_name());
    names.filter_map(|name| name?.to_str()?.strip_prefix("agent-")?.strip_suffix(".jsonl")).collect()
}
