//! Calls as reports about behaviour look at them: by thread, in order, with
//! their places as evidence.

use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::behaviour::epochs::Thread;
use crate::dataset::{Dataset, Ending};
use crate::outcome::Outcome;
use crate::rows::{CallRow, Origin, Place};
use crate::symbols::Symbol;
use crate::table::Value;
use crate::time::Calendar;
use crate::untrusted::Untrusted;

/// Most examples that stand behind one row: enough to look at, few enough to
/// keep a file that was edited a thousand times readable.
const MOST_EXAMPLES: usize = 5;

/// A call with what became of it.
pub(super) type Call<'d> = (&'d CallRow, Ending);

/// Those of the calls that belong to some threads, each thread in order. No filter of a
/// query applies: what follows a call is a fact about the call.
pub(super) fn threads<'d>(calls: impl Iterator<Item = Call<'d>>, wanted: &FxHashSet<Thread>) -> Vec<Vec<Call<'d>>> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut threads: FxHashMap<Thread, Vec<Call>> = FxHashMap::default();
    for call in calls {
        let thread = Thread::of(&call.0.origin);
        if wanted.contains(&thread) {
            threads.entry(thread).or_default().push(call);
        }
    }
    let mut threads: Vec<_> = threads.into_values().collect();
    threads.iter_mut().for_each(|calls| sort(calls));
    threads
}

/// Sorts calls by time and place; those of one line by identity.
pub(super) fn sort(calls: &mut [Call]) {
    // Calls of a transcript come in order: a sort that finds such runs is faster.
    calls.sort_by_key(|(call, _)| (call.origin.order, call.key));
}

/// The calls in that order.
pub(super) fn sorted(mut calls: Vec<Call>) -> Vec<Call> {
    sort(&mut calls);
    calls
}

/// The tools whose calls are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tools {
    bash: Option<Symbol>,
    read: Option<Symbol>,
    write: Option<Symbol>,
    edits: [Option<Symbol>; 4],
}

impl Tools {
    pub(super) fn of(dataset: &Dataset) -> Tools {
        let find = |name: &[u8]| dataset.symbols().find(name);
        let write = find(b"Write");
        Tools { bash: find(b"Bash"), read: find(b"Read"), write, edits: [find(b"Edit"), find(b"MultiEdit"), write, find(b"NotebookEdit")] }
    }

    pub(super) fn is_bash(&self, call: &CallRow) -> bool {
        Some(call.tool) == self.bash
    }

    pub(super) fn is_read(&self, call: &CallRow) -> bool {
        Some(call.tool) == self.read
    }

    pub(super) fn is_write(&self, call: &CallRow) -> bool {
        Some(call.tool) == self.write
    }

    pub(super) fn is_edit(&self, call: &CallRow) -> bool {
        self.edits.contains(&Some(call.tool))
    }

    /// A command that ran and failed.
    pub(super) fn has_failed(&self, (call, ending): &Call) -> bool {
        ending.outcome == Outcome::Failed && self.is_bash(call)
    }

    /// An edit that changed its file.
    pub(super) fn has_edited(&self, (call, ending): &Call) -> bool {
        ending.outcome == Outcome::Ok && self.is_edit(call)
    }
}

/// The number of sessions that calls belong to.
pub(super) fn sessions(calls: &[Call]) -> u64 {
    calls.iter().map(|(call, _)| call.origin.session).collect::<FxHashSet<_>>().len() as u64
}

/// The number of civil days that calls belong to. Those without a usable time
/// share one, the day `unknown`.
pub(super) fn days(calls: &[Call], calendar: &Calendar) -> u64 {
    let day = |call: &CallRow| call.origin.order.stamp_ms().map(|stamp| calendar.day(stamp));
    calls.iter().map(|(call, _)| day(call)).collect::<FxHashSet<_>>().len() as u64
}

/// Where the latest of some sorted calls stand.
pub(super) fn examples(dataset: &Dataset, calls: &[Call]) -> Vec<String> {
    latest(calls).map(|(call, _)| evidence_of(dataset, &call.origin)).collect()
}

/// Those of some sorted calls that are shown as examples, the latest first.
pub(super) fn latest<'c, 'd>(calls: &'c [Call<'d>]) -> impl Iterator<Item = &'c Call<'d>> {
    calls.iter().rev().take(MOST_EXAMPLES)
}

/// Where a row stands.
pub(super) fn evidence_of(dataset: &Dataset, origin: &Origin) -> String {
    evidence(dataset, &dataset.symbols().name(origin.session), origin.order.place)
}

/// Where something stands, as `session:transcript:line`.
pub(super) fn evidence(dataset: &Dataset, session: &str, place: Place) -> String {
    let (transcript, line) = dataset.locate(place);
    format!("{session}:{}:{line}", transcript.name.display())
}

/// A list of texts from transcripts.
pub(super) fn list(texts: &[String]) -> Value {
    Value::List(texts.iter().map(Untrusted::new).collect())
}

/// Does the same with every item, on all threads where that pays. Gives the
/// answers in the order of the items.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    // Starting threads takes as long as reading some dozen commands.
    const FEW: usize = 256;
    if items.len() > FEW { items.par_iter().map(&work).collect() } else { items.iter().map(work).collect() }
}
