//! The accounting of transcripts whose blocks a load may leave unread.

use std::collections::{HashMap, HashSet};

use super::Needs;
use super::catalogue::{CatalogueError, Snapshot};
use super::digest::Digests;
use super::layout::Layout;
use super::plan::How;
use super::state::State;
use crate::error::Problem;
use crate::scan::Scanned;

/// What the store knows of the accounting of transcripts that did not change, or only grew.
#[derive(Default)]
pub(super) struct Accounts {
    /// By the index of the transcript.
    digests: HashMap<usize, Digests>,
    /// The ids of transcripts whose accounting is lost.
    pub(super) missing: HashSet<i64>,
}

impl Accounts {
    pub(super) fn read(snapshot: &Snapshot, state: &State, layout: &Layout, needs: &Needs) -> Result<Accounts, CatalogueError> {
        let mut accounts = Accounts::default();
        if needs.rows_only {
            return Ok(accounts);
        }
        let mut by_id = HashMap::new();
        for root in state.root_by_id.keys() {
            by_id.extend(snapshot.digests(*root)?);
        }
        for (index, reading) in layout.readings.iter().enumerate().filter(|(_, reading)| matches!(reading.how, How::Same | How::Grown)) {
            let id = state.known[reading.expect_known_at()].id;
            match by_id.remove(&id) {
                Some(digests) => _ = accounts.digests.insert(index, digests),
                None => _ = accounts.missing.insert(id),
            }
        }
        Ok(accounts)
    }

    /// Whether a transcript says what lines are called that may stand in another one.
    pub(super) fn names_lines(&self, index: usize) -> bool {
        self.digests.get(&index).is_some_and(|digests| digests.whole.names_lines || digests.last.names_lines)
    }

    /// Adds what was not read from the transcripts themselves. Gives the time of the last
    /// message or prompt of those whose rows were not read at all.
    pub(super) fn add_to(self, scanned: &mut Scanned, layout: &Layout, is_read: &[bool], needs: &Needs) -> Option<i64> {
        let mut last_activity_ms = None;
        for (index, Digests { mut whole, last }) in self.digests {
            if is_read[index] && needs.text {
                continue;
            }
            if layout.readings[index].how == How::Same {
                // Its lines are counted from the start of the transcript already.
                whole.absorb(last, 0);
            }
            if !is_read[index] {
                last_activity_ms = last_activity_ms.max(whole.last_activity_ms);
            }
            let path = &layout.transcripts[index].path;
            let problem = |(kind, line)| Problem { kind, path: path.clone(), line: Some(line), detail: None };
            scanned.problems.extend(whole.problems.into_iter().map(problem));
            scanned.facts.problems.add_more(whole.more_problems);
            scanned.hole_bytes += whole.hole_bytes;
            scanned.facts.account += whole.account;
            whole.kinds.into_iter().for_each(|(kind, count)| scanned.facts.add_kind(&kind, count));
        }
        last_activity_ms
    }
}
