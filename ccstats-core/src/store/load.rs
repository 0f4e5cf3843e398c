//! Puts facts together: stored blocks of what did not change, a scan of what did.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, mpsc};

use rayon::prelude::*;

use super::Needs;
use super::block::{self, Block, Blocks, Take, Unreadable};
use super::catalogue::{Catalogue, Failure, Kind, Known, Snapshot, StoredBlock};
use super::cursor::Cursor;
use super::digest::Digests;
use super::family::{self, Families};
use super::folder::root_names;
use super::plan::{How, Roots, Step, new_cursor, plan};
use super::publish::{self, Change};
use crate::discover::Found;
use crate::error::{Problem, ProblemKind};
use crate::scan::{self, Job, Options, Progress, Scanned, Witness};
use crate::source::{Part, parts, parts_of};
use crate::symbols::Symbols;

/// All facts that were asked for.
pub(crate) struct Loaded {
    /// With the transcripts that are gone.
    pub(crate) found: Found,
    pub(crate) scanned: Scanned,
    /// By part: its transcript, and the lines of that transcript before it.
    pub(crate) parts: Vec<(usize, u64)>,
    /// When the last message or prompt was of all that was not asked for.
    pub(crate) last_activity_ms: Option<i64>,
}

/// What a try to load came to.
pub(super) enum Tried {
    /// With what the store does not know yet.
    Loaded(Box<(Loaded, Change)>),
    /// Blocks of these transcripts cannot be read, and the transcripts are there.
    Broken(HashSet<i64>),
}

/// Loads from the published state and from what changed since.
pub(super) fn load(
    catalogue: &mut Catalogue,
    found: &Found,
    options: &Options,
    progress: &Progress,
    needs: &Needs,
    broken: &HashSet<i64>,
) -> Result<Tried, Failure> {
    let snapshot = catalogue.snapshot()?;
    let state = State::read(&snapshot, options)?;
    let roots = Roots { by_id: &state.root_by_id, tops: &state.tops };
    let steps = plan(&found.transcripts, &state.known, &roots, broken);
    let mut layout = Layout::new(steps, &state.known, needs);
    let accounts = Accounts::read(&snapshot, &state, &layout, needs)?;
    if !accounts.missing.is_empty() {
        return Ok(Tried::Broken(accounts.missing));
    }
    let (scanned, blocks) = layout.scan_new(options, progress);
    layout.compare(&snapshot, &state.known, &blocks)?;
    let mut families = layout.families(&snapshot, &state, &blocks)?;
    let mut reader = Reader {
        snapshot: &snapshot,
        state: &state,
        layout: &mut layout,
        needs,
        options,
        progress,
        scanned,
        asked: Vec::new(),
        unreadable: Vec::new(),
    };
    let new_times = blocks.values().flatten().filter_map(|(_, block)| block.times);
    let reaching = needs.reaching_back(state.known.iter().filter_map(|known| known.times).chain(new_times));
    reader.families(&mut families, &reaching, &accounts)?;
    if needs.latest_session {
        // Copies carry later times than what they are copies of: only now it is known
        // when the latest message was, and who may have a later one.
        let latest = Needs { start_ms: reader.latest_message_ms(), ..needs.clone() };
        reader.families(&mut families, &latest, &accounts)?;
    }
    let Reader { mut scanned, asked, unreadable, .. } = reader;
    let again: HashSet<i64> = unreadable.iter().filter(|block| block.is_present).map(|block| block.transcript).collect();
    if !again.is_empty() {
        return Ok(Tried::Broken(again));
    }
    scanned.problems.extend(unreadable.into_iter().map(|block| block.problem));
    let last_activity_ms = accounts.add_to(&mut scanned, &layout, &asked, needs);
    let change = publish::change(snapshot.generation, &state, &layout, blocks, &mut families, found, options);
    let parts = layout.parts(&state.known, &scanned.lines);
    let agents = change.agents.iter().map(|(_, id, kind)| (id.clone(), kind.clone()));
    let found = Found {
        transcripts: layout.steps.into_iter().map(|step| step.transcript).collect(),
        agent_types: agents.chain(state.agents).collect(),
        agent_files: Vec::new(),
        problems: found.problems.clone(),
    };
    Ok(Tried::Loaded(Box::new((Loaded { found, scanned, parts, last_activity_ms }, change))))
}

/// What the store knows of the accounting of transcripts that did not change, or only
/// grew: by step.
#[derive(Default)]
struct Accounts {
    by_step: HashMap<usize, Digests>,
    /// The ids of transcripts of which nothing is known.
    missing: HashSet<i64>,
}

impl Accounts {
    fn read(snapshot: &Snapshot, state: &State, layout: &Layout, needs: &Needs) -> Result<Accounts, Failure> {
        let mut accounts = Accounts::default();
        if needs.rows_only {
            return Ok(accounts);
        }
        let mut by_id = HashMap::new();
        for root in state.root_by_id.keys() {
            by_id.extend(snapshot.digests(*root)?);
        }
        for index in (0..layout.steps.len()).filter(|step| matches!(layout.steps[*step].how, How::Same | How::Grown)) {
            let id = state.known[layout.known(index)].id;
            match by_id.remove(&id) {
                Some(digests) => _ = accounts.by_step.insert(index, digests),
                None => _ = accounts.missing.insert(id),
            }
        }
        Ok(accounts)
    }

    fn names_lines(&self, step: usize) -> bool {
        self.by_step.get(&step).is_some_and(|digests| digests.whole.names_lines || digests.last.names_lines)
    }

    /// Adds what was not read again. Gives the last activity of what was not asked for.
    fn add_to(self, scanned: &mut Scanned, layout: &Layout, asked: &[bool], needs: &Needs) -> Option<i64> {
        let mut last_activity_ms = None;
        for (index, Digests { mut whole, last }) in self.by_step {
            if asked[index] && needs.text {
                continue;
            }
            if layout.steps[index].how == How::Same {
                // Its lines are counted from the start of the transcript already.
                whole.absorb(last, 0);
            }
            if !asked[index] {
                last_activity_ms = last_activity_ms.max(whole.last_activity_ms);
            }
            let path = &layout.steps[index].transcript.path;
            let problem = |(kind, line)| Problem { kind, path: path.clone(), line: Some(line), detail: None };
            scanned.problems.extend(whole.problems.into_iter().map(problem));
            scanned.hole_bytes += whole.hole_bytes;
            scanned.facts.account += whole.account;
            whole.kinds.into_iter().for_each(|(kind, count)| scanned.facts.add_kind(&kind, count));
        }
        last_activity_ms
    }
}

/// What the store says of the roots.
pub(super) struct State {
    pub(super) known: Vec<Known>,
    pub(super) root_by_id: HashMap<i64, usize>,
    /// The folder of transcripts of each root.
    pub(super) tops: Vec<PathBuf>,
    /// Kinds of agents by their ids.
    pub(super) agents: HashMap<String, String>,
}

impl State {
    pub(super) fn read(snapshot: &Snapshot, options: &Options) -> Result<State, Failure> {
        let mut state = State { known: Vec::new(), root_by_id: HashMap::new(), tops: Vec::new(), agents: HashMap::new() };
        for (index, root) in options.roots.iter().enumerate() {
            let (top, names) = root_names(root);
            state.tops.push(top);
            for name in names {
                let Some((id, known)) = snapshot.transcripts(name.as_os_str().as_encoded_bytes())? else { continue };
                if state.root_by_id.contains_key(&id) {
                    continue;
                }
                state.root_by_id.insert(id, index);
                state.known.extend(known);
                state.agents.extend(snapshot.agents(id)?);
            }
        }
        Ok(state)
    }
}

/// What a part of a transcript is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// Its text; the store knows it.
    Text,
    Store(Kind),
}

/// All transcripts, with the parts to read and the numbers that parts get.
pub(super) struct Layout {
    pub(super) steps: Vec<Step>,
    /// By step: where reading goes on the next time.
    pub(super) cursors: Vec<Option<Cursor>>,
    /// By step: the number of its first part. StoredBlock blocks of what is there come
    /// first, then what is read now, then what is past.
    first_parts: Vec<u32>,
    jobs: Vec<Job>,
    purposes: Vec<Purpose>,
    next_part: u32,
}

impl Layout {
    pub(super) fn new(steps: Vec<Step>, known: &[Known], needs: &Needs) -> Layout {
        let cursors = steps
            .par_iter()
            .map(|step| match (step.how, step.known) {
                (How::Gone, _) => None,
                (How::Same, Some(at)) => Some(known[at].cursor),
                _ => new_cursor(&step.transcript),
            })
            .collect();
        let mut layout = Layout { steps, cursors, first_parts: Vec::new(), jobs: Vec::new(), purposes: Vec::new(), next_part: 0 };
        for index in 0..layout.steps.len() {
            layout.lay(index, known, needs);
        }
        layout
    }

    fn lay(&mut self, index: usize, known: &[Known], needs: &Needs) {
        let step = &self.steps[index];
        let known = step.known.map(|at| &known[at]);
        let blocks = known.map_or(0, |known| known.blocks);
        self.first_parts.push(self.next_part);
        self.next_part += blocks;
        let spot = known.map_or_else(|| publish::spot(&step.transcript), |known| known.spot);
        for (part, purpose) in to_read(index, step, known, self.cursors[index], needs) {
            self.jobs.push(Job { part, number: self.next_part, transcript_id: spot });
            self.purposes.push(purpose);
            self.next_part += 1;
        }
        self.next_part += blocks;
        self.steps[index].transcript.is_stored = !matches!(step.how, How::Again | How::Changed);
    }

    /// Reads what the store does not know. Gives the new blocks too, by step, in order.
    pub(super) fn scan_new(&self, options: &Options, progress: &Progress) -> (Scanned, NewBlocks) {
        let new: Vec<usize> = (0..self.jobs.len()).filter(|job| self.purposes[*job] != Purpose::Text).collect();
        let written = Mutex::new(Vec::new());
        let witness: Witness = &|job, facts, hole_bytes| {
            if let Purpose::Store(kind) = self.purposes[new[job]] {
                let block = block::write(facts, hole_bytes);
                if let Ok(mut written) = written.lock() {
                    written.push((new[job], kind, block));
                }
            }
        };
        let scanned = self.scan(&new, options, progress, Some(witness));
        let mut written = written.into_inner().unwrap_or_default();
        written.sort_by_key(|(job, _, _)| *job);
        (scanned, self.complete(written))
    }

    /// Reads what the store knows of transcripts that are asked for, since it has no text.
    fn scan_text(&mut self, steps: &[usize], options: &Options, progress: &Progress, scanned: &mut Scanned) {
        let is_asked = |job: &usize| self.purposes[*job] == Purpose::Text && steps.binary_search(&self.jobs[*job].part.transcript).is_ok();
        let known: Vec<usize> = (0..self.jobs.len()).filter(is_asked).collect();
        let text = self.scan(&known, options, progress, None);
        scanned.facts.absorb(text.facts);
        scanned.hole_bytes += text.hole_bytes;
        scanned.problems.extend(text.problems);
        scanned.lines.iter_mut().zip(text.lines).for_each(|(lines, more)| *lines += more);
        steps.iter().for_each(|step| self.steps[*step].transcript.is_stored = false);
    }

    /// Does some of the jobs. Gives the lines of all of them, none for the others.
    fn scan(&self, some: &[usize], options: &Options, progress: &Progress, witness: Option<Witness>) -> Scanned {
        let transcripts: Vec<_> = self.steps.iter().map(|step| step.transcript.clone()).collect();
        let jobs: Vec<Job> = some.iter().map(|job| self.jobs[*job].clone()).collect();
        let mut scanned = scan::scan(&transcripts, &jobs, options, progress, witness);
        let mut lines = vec![0; self.jobs.len()];
        some.iter().zip(&scanned.lines).for_each(|(job, count)| lines[*job] = *count);
        scanned.lines = lines;
        scanned
    }

    /// The blocks of transcripts of which all that is new was read.
    fn complete(&self, written: Vec<(usize, Kind, Block)>) -> NewBlocks {
        let mut expected: HashMap<usize, usize> = HashMap::new();
        let is_changed = |step: &usize| !matches!(self.steps[*step].how, How::Same | How::Gone);
        let mut blocks: NewBlocks = (0..self.steps.len()).filter(is_changed).map(|step| (step, Vec::new())).collect();
        for (job, _) in self.jobs.iter().zip(&self.purposes).filter(|(_, purpose)| **purpose != Purpose::Text) {
            *expected.entry(job.part.transcript).or_default() += 1;
        }
        for (job, kind, block) in written {
            let step = self.jobs[job].part.transcript;
            blocks.entry(step).or_default().push((kind, block));
        }
        let is_whole = |step, blocks: usize| blocks == expected.get(&step).copied().unwrap_or_default();
        blocks.retain(|step, blocks| is_whole(*step, blocks.len()) && self.cursors[*step].is_some());
        blocks
    }

    /// Looks whether what was read again says what was read before: something between
    /// the places that a cursor looks at may be another, and what stood there is past
    /// then. Gives the steps that are as they were.
    pub(super) fn compare(&mut self, snapshot: &Snapshot, known: &[Known], blocks: &NewBlocks) -> Result<HashSet<usize>, Failure> {
        let mut unchanged = HashSet::new();
        for (index, new) in blocks {
            if self.steps[*index].how != How::Again {
                continue;
            }
            let known = &known[self.known(*index)];
            let stored = snapshot.blocks(std::iter::once(known))?.next().transpose()?.unwrap_or_default();
            match says_the_same(known, &stored, new) {
                Some(true) => _ = unchanged.insert(*index),
                Some(false) => self.steps[*index].how = How::Changed,
                None => {}
            }
        }
        Ok(unchanged)
    }

    /// The families of what is known and, behind these, of the steps that are new.
    pub(super) fn families(&self, snapshot: &Snapshot, state: &State, blocks: &NewBlocks) -> Result<Families, Failure> {
        let mut families = Families::new(state.known.len() + self.steps.len());
        let mut first: HashMap<u64, usize> = HashMap::new();
        for (at, known) in state.known.iter().enumerate() {
            families.join(*first.entry(known.family).or_insert(at), at);
        }
        families.reserve(blocks.values().flatten().map(|(_, block)| block.marks.len()).sum());
        for (step, blocks) in blocks {
            let member = self.member(*step, state.known.len());
            blocks.iter().for_each(|(_, block)| families.add(member, &block.marks));
        }
        if families.has_marks() {
            let by_id: HashMap<i64, usize> = state.known.iter().enumerate().map(|(at, known)| (known.id, at)).collect();
            for root in state.root_by_id.keys() {
                snapshot.marks(*root, |id, marks| {
                    let Some(at) = by_id.get(&id) else { return };
                    family::marks(marks).for_each(|mark| families.meet(*at, mark));
                })?;
            }
        }
        Ok(families)
    }

    /// The member of the families that a step stands for.
    pub(super) fn member(&self, step: usize, known: usize) -> usize {
        self.steps[step].known.unwrap_or(known + step)
    }

    /// Which steps are asked for: the families of what changed and of what meets the span.
    fn asked(&self, known: &[Known], families: &mut Families, needs: &Needs, accounts: &Accounts) -> Vec<bool> {
        let is_asked = |index: &usize| {
            let step = &self.steps[*index];
            let is_new = step.how != How::Same && step.how != How::Gone;
            let meets = |at: usize| needs.meets(known[at].times) || needs.names(&step.transcript.name);
            is_new || step.known.is_none_or(meets) || needs.titles && accounts.names_lines(*index)
        };
        let steps = || 0..self.steps.len();
        let heads: HashSet<usize> = steps().filter(is_asked).map(|step| families.head(self.member(step, known.len()))).collect();
        steps().map(|step| heads.contains(&families.head(self.member(step, known.len())))).collect()
    }

    fn known(&self, step: usize) -> usize {
        self.steps[step].known.expect("what is the same, grown or read again is known")
    }

    /// How to take a stored block, and whether it stands for what is there now; `None`
    /// when it is read anew.
    fn take(&self, step: usize, at: usize, blocks: u32, stored: &StoredBlock, needs: &Needs) -> Option<(Take, bool)> {
        let how = self.steps[step].how;
        let is_present = match (how, stored.kind) {
            (How::Again, Kind::Whole) => return None,
            (How::Same | How::Grown, Kind::Whole) | (How::Same, Kind::Last) if needs.text => return None,
            (How::Same | How::Grown, Kind::Whole) | (How::Same, Kind::Last) => true,
            _ => false,
        };
        let first = self.first_parts[step];
        let past = self.first_parts.get(step + 1).copied().unwrap_or(self.next_part) - blocks;
        let part = if is_present { first } else { past } + at as u32;
        Some((Take { part, first_line: stored.first_line }, is_present))
    }

    fn unreadable(&self, (step, transcript, is_present): (usize, i64, bool), why: Unreadable) -> UnreadableBlock {
        let detail = match why {
            Unreadable::Damaged => "its history in the store is damaged".to_string(),
            Unreadable::Version(version) => format!("its history in the store is of version {version}, which cannot be read"),
        };
        let path = self.steps[step].transcript.path.clone();
        let problem = Problem { kind: ProblemKind::Store, path, line: None, detail: Some(detail) };
        UnreadableBlock { transcript, is_present, problem }
    }

    fn parts(&self, known: &[Known], lines: &[u64]) -> Vec<(usize, u64)> {
        let mut parts = vec![(0, 0); self.next_part as usize];
        for (step, first) in self.first_parts.iter().enumerate() {
            let end = self.first_parts.get(step + 1).copied().unwrap_or(self.next_part);
            parts[*first as usize..end as usize].fill((step, 0));
        }
        let mut before = (usize::MAX, 0);
        for (index, job) in self.jobs.iter().enumerate() {
            let step = job.part.transcript;
            let first = match self.steps[step].known {
                _ if before.0 == step => before.1,
                Some(at) if job.part.span.start > 0 => known[at].lines,
                _ => 0,
            };
            parts[job.number as usize] = (step, first);
            before = (step, first + lines[index]);
        }
        parts
    }
}

/// Whether the lines that were read before say now what they said then. `None` when
/// that is not known.
fn says_the_same(known: &Known, stored: &[StoredBlock], new: &[(Kind, Block)]) -> Option<bool> {
    let before: Vec<&StoredBlock> = stored.iter().filter(|stored| stored.kind == Kind::Whole).collect();
    if known.format != block::VERSION || !before.iter().all(|stored| stored.is_sealed) {
        return None;
    }
    let before = block::join(before.iter().map(|stored| (&*stored.bytes, stored.first_line)))?;
    let mut lines = 0;
    let mut now = Vec::new();
    for (_, block) in new.iter().filter(|(kind, _)| *kind == Kind::Whole) {
        if lines < known.lines {
            now.push((&*block.bytes, lines));
        }
        lines += block.lines;
    }
    Some(block::join(now.into_iter())?.bytes == before.bytes)
}

/// The new blocks of each step that changed, in the order of the transcript.
pub(super) type NewBlocks = HashMap<usize, Vec<(Kind, Block)>>;

/// The parts of a transcript that must be read, and what for.
fn to_read(index: usize, step: &Step, known: Option<&Known>, cursor: Option<Cursor>, needs: &Needs) -> Vec<(Part, Purpose)> {
    let transcript = &step.transcript;
    let size = transcript.size_bytes;
    let start = match (step.how, known) {
        (How::Gone, _) => return Vec::new(),
        (How::Same, _) => size,
        (How::Grown, Some(known)) => known.cursor.offset,
        _ => 0,
    };
    // What cannot be read now is tried all the same: the scan says why.
    let cursor = cursor.map_or(size, |cursor| cursor.offset);
    // What was read before is read apart, to be compared.
    let middle = known.filter(|_| step.how == How::Again).map_or(start, |known| known.cursor.offset.min(cursor));
    if transcript.is_sparse {
        let purpose = if step.how == How::Same { Purpose::Text } else { Purpose::Store(Kind::Last) };
        let is_read = step.how != How::Same || needs.text;
        return parts(index, transcript).filter(|_| is_read).map(|part| (part, purpose)).collect();
    }
    let stretches = [
        (0, start, needs.text.then_some(Purpose::Text)),
        (start, middle, Some(Purpose::Store(Kind::Whole))),
        (middle, cursor, Some(Purpose::Store(Kind::Whole))),
        (middle.max(cursor), size, Some(Purpose::Store(Kind::Last))),
    ];
    stretches
        .into_iter()
        .filter(|(from, to, _)| from < to)
        .filter_map(|(from, to, purpose)| purpose.map(|purpose| (from..to, purpose)))
        .flat_map(|(span, purpose)| parts_of(index, span).map(move |part| (part, purpose)))
        .collect()
}

/// Reads what the store knows, of those transcripts that are asked for.
struct Reader<'r> {
    snapshot: &'r Snapshot<'r>,
    state: &'r State,
    layout: &'r mut Layout,
    needs: &'r Needs,
    options: &'r Options,
    progress: &'r Progress,
    scanned: Scanned,
    /// By step: whether it was read.
    asked: Vec<bool>,
    unreadable: Vec<UnreadableBlock>,
}

/// Blocks whose names are known.
struct Opened<'b> {
    blocks: Blocks<'b>,
    /// By block: its step, the id of its transcript, and whether it stands for what is there now.
    owners: Vec<(usize, i64, bool)>,
}

impl<'b> Opened<'b> {
    /// Opens the blocks of some steps.
    fn add(&mut self, layout: &Layout, steps: &[(usize, &Known)], stored: &'b [Vec<StoredBlock>], needs: &Needs, symbols: &mut Symbols) {
        for ((step, known), stored) in steps.iter().zip(stored) {
            for (at, stored) in stored.iter().enumerate() {
                let Some((take, is_present)) = layout.take(*step, at, known.blocks, stored, needs) else { continue };
                // What is not sealed is given as nothing, which is no block.
                self.blocks.open(if stored.is_sealed { &stored.bytes } else { &[] }, take, symbols);
                self.owners.push((*step, known.id, is_present));
            }
        }
    }
}

/// A block that cannot be read.
struct UnreadableBlock {
    /// The id of its transcript.
    transcript: i64,
    /// It stands for what is there now.
    is_present: bool,
    problem: Problem,
}

impl Reader<'_> {
    /// Reads the families that are asked for, as far as they were not read before.
    fn families(&mut self, families: &mut Families, needs: &Needs, accounts: &Accounts) -> Result<(), Failure> {
        let asked = self.layout.asked(&self.state.known, families, needs, accounts);
        self.asked.resize(asked.len(), false);
        let new: Vec<usize> = (0..asked.len()).filter(|step| asked[*step] && !self.asked[*step]).collect();
        new.iter().for_each(|step| self.asked[*step] = true);
        if self.needs.text {
            self.layout.scan_text(&new, self.options, self.progress, &mut self.scanned);
        }
        self.blocks(&new)
    }

    fn latest_message_ms(&self) -> Option<i64> {
        self.scanned.facts.messages.rows().iter().filter_map(|row| row.origin.order.stamp_ms()).max()
    }

    /// Reads stored blocks. SQLite gives them to one thread alone; another one opens them as
    /// they come. Then their tables are read on all processors.
    fn blocks(&mut self, steps: &[usize]) -> Result<(), Failure> {
        const AT_ONCE: usize = 32;
        let (layout, needs, facts) = (&*self.layout, self.needs, &mut self.scanned.facts);
        let known = |step: &usize| layout.steps[*step].known.map(|at| (*step, &self.state.known[at]));
        let wanted: Vec<(usize, &Known)> = steps.iter().filter_map(known).filter(|(_, known)| known.blocks > 0).collect();
        let fetched: Vec<OnceLock<Vec<Vec<StoredBlock>>>> = wanted.chunks(AT_ONCE).map(|_| OnceLock::new()).collect();
        let mut opened = Opened { blocks: Blocks::behind(facts), owners: Vec::new() };
        let (sender, receiver) = mpsc::channel();
        rayon::in_place_scope(|scope| {
            let (opened, symbols, wanted, fetched) = (&mut opened, &mut facts.symbols, &wanted, &fetched);
            scope.spawn(move |_| {
                for (steps, stored) in receiver {
                    opened.add(layout, steps, stored, needs, symbols);
                }
            });
            // It goes when all is fetched, or when that fails.
            let sender = sender;
            let mut stored = self.snapshot.blocks(wanted.iter().map(|(_, known)| *known))?;
            for (steps, fetched) in wanted.chunks(AT_ONCE).zip(fetched) {
                let stored = stored.by_ref().take(steps.len()).collect::<Result<_, _>>()?;
                _ = sender.send((steps, &fetched.get_or_init(|| stored)[..]));
            }
            Ok::<_, Failure>(())
        })?;
        let Opened { blocks, owners } = opened;
        let unreadable = blocks.read(facts).into_iter().map(|(block, why)| layout.unreadable(owners[block], why));
        self.unreadable.extend(unreadable);
        Ok(())
    }
}
