//! What to do with each transcript: which is which, and what of it is new.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::block;
use super::catalogue::Known;
use super::cursor::Cursor;
use super::folder::path_of;
use crate::discover::{Identity, Transcript, nanoseconds};

/// How a transcript stands to what the store knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing changed.
    Same,
    /// Lines were added behind the cursor.
    Grown,
    /// It must be read from the start, and holds all that was read before.
    Again,
    /// It must be read from the start; what was read before is past.
    Changed,
    /// It is not there any more.
    Gone,
}

/// A transcript, there or gone, with what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) transcript: Transcript,
    /// The index of what is known.
    pub(super) known_at: Option<usize>,
    pub(super) how: How,
}

/// The roots of a load: the folders of transcripts by their indices.
pub(super) struct Roots<'r> {
    /// The index of the root, by its id in the store.
    pub(super) by_id: &'r HashMap<i64, usize>,
    pub(super) tops: &'r [PathBuf],
}

/// Finds out about each transcript that was found or is known, in the order of
/// transcripts. `broken` ones are read again whatever is known.
pub(super) fn plan(found: &[Transcript], known: &[Known], roots: &Roots, broken: &HashSet<i64>) -> Vec<Step> {
    let mut matcher = Matcher::new(known, roots);
    let same_name: Vec<Option<usize>> = found.iter().map(|transcript| matcher.claim_unchanged(transcript)).collect();
    let mut steps = Vec::with_capacity(found.len().max(known.len()));
    for (transcript, claimed) in found.iter().zip(same_name) {
        let (known_at, how) = match claimed {
            Some(at) => (Some(at), How::Same),
            None => matcher.claim_changed(transcript),
        };
        let must_read = known_at.is_some_and(|at| known[at].format != block::VERSION || broken.contains(&known[at].id));
        let how = match how {
            How::Same | How::Grown if must_read && known_at.is_some_and(|at| known[at].cursor.holds(&transcript.path)) => How::Again,
            How::Same | How::Grown if must_read => How::Changed,
            how => how,
        };
        steps.push(Step { transcript: transcript.clone(), known_at, how });
    }
    let gone = (0..known.len()).filter(|at| !matcher.claimed[*at]);
    steps.extend(gone.map(|at| Step { transcript: gone_transcript(&known[at], roots), known_at: Some(at), how: How::Gone }));
    steps.sort_by(|a, b| a.transcript.order().cmp(&b.transcript.order()));
    steps
}

/// Gives each of the known transcripts to at most one that was found.
struct Matcher<'k> {
    known: &'k [Known],
    by_name: HashMap<(usize, &'k [u8]), Vec<usize>>,
    by_identity: HashMap<Identity, Vec<usize>>,
    claimed: Vec<bool>,
}

impl<'k> Matcher<'k> {
    fn new(known: &'k [Known], roots: &Roots) -> Matcher<'k> {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::with_capacity(known.len());
        let mut by_identity: HashMap<_, Vec<usize>> = HashMap::new();
        for (at, row) in known.iter().enumerate() {
            by_name.entry((roots.by_id[&row.root], &*row.name)).or_default().push(at);
            if let Some(identity) = row.identity {
                by_identity.entry(identity).or_default().push(at);
            }
        }
        Matcher { known, by_name, by_identity, claimed: vec![false; known.len()] }
    }

    fn named(&self, transcript: &Transcript) -> Vec<usize> {
        let name = (transcript.root, transcript.name.as_os_str().as_encoded_bytes());
        let named = self.by_name.get(&name).into_iter().flatten().copied();
        named.filter(|at| !self.claimed[*at]).collect()
    }

    fn claim_unchanged(&mut self, transcript: &Transcript) -> Option<usize> {
        let modified_ns = nanoseconds(transcript.modified);
        let is_same = |known: &Known| {
            known.identity == transcript.identity && known.size_bytes == transcript.size_bytes && known.modified_ns == modified_ns
        };
        let at = self.named(transcript).into_iter().find(|at| is_same(&self.known[*at]))?;
        self.claimed[at] = true;
        Some(at)
    }

    /// The same file under the same name, else under another one, else another
    /// file under the same name, else a new transcript.
    fn claim_changed(&mut self, transcript: &Transcript) -> (Option<usize>, How) {
        let holds = |known: &Known| known.cursor.offset <= transcript.size_bytes && known.cursor.holds(&transcript.path);
        // Where nothing was read yet, every file is a continuation.
        let proves = |known: &Known| known.cursor.offset > 0 && holds(known);
        let same_file = |known: &Known| known.identity == transcript.identity;
        let named = self.named(transcript);
        let moved = || {
            let files = transcript.identity.and_then(|identity| self.by_identity.get(&identity));
            let mut files = files.into_iter().flatten().copied();
            files.find(|at| !self.claimed[*at] && proves(&self.known[*at]))
        };
        let claim = if let Some(at) = named.iter().copied().find(|at| same_file(&self.known[*at]) && holds(&self.known[*at])) {
            // It was written to, and did not grow: where, nobody knows.
            let was_touched = self.known[at].size_bytes == transcript.size_bytes && self.known[at].modified_ns != UNSETTLED;
            (at, if was_touched { How::Again } else { How::Grown })
        } else if let Some(at) = moved() {
            (at, How::Again)
        } else if let Some(at) = named.iter().copied().find(|at| proves(&self.known[*at])) {
            (at, How::Again)
        } else if let Some(at) = named.first() {
            (*at, How::Changed)
        } else {
            return (None, How::Changed);
        };
        self.claimed[claim.0] = true;
        (Some(claim.0), claim.1)
    }
}

fn gone_transcript(known: &Known, roots: &Roots) -> Transcript {
    let root = roots.by_id[&known.root];
    let name = path_of(&known.name);
    Transcript {
        root,
        path: roots.tops[root].join(&name),
        name,
        size_bytes: known.size_bytes,
        modified: SystemTime::UNIX_EPOCH + Duration::from_nanos(known.modified_ns.max(0) as u64),
        is_sparse: false,
        identity: known.identity,
        is_gone: true,
        is_stored: true,
    }
}

/// What is taken in of a transcript up to now: its time of change counts only
/// when it is old enough that another change would show.
pub(super) fn settled_ns(transcript: &Transcript, now: SystemTime) -> i64 {
    /// File systems count time in steps of up to two seconds.
    const STEP: Duration = Duration::from_secs(2);
    let is_settled = now.duration_since(transcript.modified).is_ok_and(|age| age > STEP);
    if is_settled { nanoseconds(transcript.modified) } else { UNSETTLED }
}

/// A time of change that counts for nothing.
const UNSETTLED: i64 = i64::MIN;

/// The cursor that a transcript gets now; `None` when it cannot be read.
pub(super) fn new_cursor(transcript: &Transcript) -> Option<Cursor> {
    // One full of holes is read around them, always as a whole.
    let size = if transcript.is_sparse { 0 } else { transcript.size_bytes };
    Cursor::at_last_line(&transcript.path, size).ok()
}
