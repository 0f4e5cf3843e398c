//! Takes in what another store knows.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use super::catalogue::{Catalogue, CatalogueError, Known, KnownRoot, Snapshot, Writer};
use super::family::{self, Families};
use super::folder::{path_of, root_names};
use super::{publish, verify};

/// What to take in of an exported store, and as whose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    /// Only the transcripts of this root of it.
    pub from: Option<PathBuf>,
    /// They belong to this root, which was called otherwise where the export was made.
    pub onto: Option<PathBuf>,
}

/// What was taken in of one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The folder of transcripts that they belong to.
    pub root: PathBuf,
    /// How many the export holds.
    pub transcripts: u64,
    /// Blocks of the export that cannot be read. What they hold is left out, and so is all of
    /// a transcript that was not known before.
    pub unreadable: u64,
    /// Loads show them.
    pub is_shown: bool,
}

/// A root of another store.
pub(super) struct ImportedRoot {
    /// What it is called there.
    theirs: Vec<u8>,
    /// What it is called here.
    pub(super) path: PathBuf,
}

/// How much was taken in of a root.
#[derive(Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) transcripts: u64,
    /// Blocks that cannot be read.
    pub(super) unreadable: u64,
}

impl Import {
    /// The roots to take in.
    ///
    /// # Errors
    /// All roots, when it is not clear which is meant.
    pub(super) fn roots(&self, theirs: &[Vec<u8>]) -> Result<Vec<ImportedRoot>, Vec<PathBuf>> {
        let is_meant = |root: &Path| self.from.as_ref().is_none_or(|from| root == from || root == from.join("projects"));
        let onto = self.onto.as_ref().map(|onto| root_names(onto).0);
        let all = || theirs.iter().map(|root| path_of(root));
        let meant = theirs.iter().zip(all()).filter(|(_, path)| is_meant(path));
        let called = |(root, path): (&Vec<u8>, PathBuf)| ImportedRoot { theirs: root.clone(), path: onto.clone().unwrap_or(path) };
        let roots: Vec<_> = meant.map(called).collect();
        // A config directory may be known by its own name and by that of its projects.
        let is_clear = if self.from.is_some() { !roots.is_empty() } else { onto.is_none() || roots.len() < 2 };
        if is_clear { Ok(roots) } else { Err(all().collect()) }
    }
}

/// Adds what another store knows of these roots, or nothing. Gives what was taken in of each.
pub(super) fn import(catalogue: &mut Catalogue, other: &mut Catalogue, roots: &[ImportedRoot]) -> Result<Vec<Count>, CatalogueError> {
    let theirs = other.snapshot()?;
    let ours = catalogue.snapshot()?;
    let generation = ours.generation;
    let (mut before, mut marks) = (Vec::new(), Vec::new());
    for root in ours.roots()? {
        let Some(KnownRoot { id, transcripts: known, .. }) = ours.root(&root)? else { continue };
        before.extend(known);
        ours.marks(id, |transcript, bytes| marks.push((transcript, bytes.to_vec())))?;
    }
    drop(ours);
    let mut ours = Ours { known: before.clone(), index: Index::new(&before), marks };
    let mut counts = Vec::with_capacity(roots.len());
    catalogue.publish(generation, |writer| {
        for root in roots {
            counts.push(ours.take_in(writer, &theirs, root)?);
        }
        ours.write_changed(writer, &before)
    })?;
    Ok(counts)
}

/// What this store knows of all roots.
struct Ours<'b> {
    /// What is new comes behind what was known before.
    known: Vec<Known>,
    /// Of what was known before.
    index: Index<'b>,
    /// Marks of transcripts by their ids; one may come twice.
    marks: Vec<(i64, Vec<u8>)>,
}

impl Ours<'_> {
    /// Adds what another store knows of a root.
    fn take_in(&mut self, writer: &mut Writer, theirs: &Snapshot, root: &ImportedRoot) -> Result<Count, CatalogueError> {
        let Some(KnownRoot { id: their_root, transcripts, .. }) = theirs.root(&root.theirs)? else { return Ok(Count::default()) };
        let root = writer.root(root.path.as_os_str().as_encoded_bytes())?;
        let mut count = Count { transcripts: transcripts.len() as u64, unreadable: 0 };
        let their_digests = theirs.digests(their_root)?;
        for (id, kind) in theirs.agents(their_root)? {
            writer.put_agent(root, &id, &kind)?;
        }
        for (their, stored) in transcripts.iter().zip(theirs.blocks(transcripts.iter())?) {
            let (stored, their_marks) = (stored?, theirs.marks_of(their)?);
            let (stored, lost): (Vec<_>, Vec<_>) = stored.into_iter().partition(verify::is_sound);
            count.unreadable += lost.len() as u64;
            let at = match self.index.find(root, their) {
                Some(at) => {
                    publish::add_past(writer, &mut self.known[at], their.times, &stored, &their_marks)?;
                    at
                }
                // It would pass for one that is known to its end.
                None if !lost.is_empty() => continue,
                None => {
                    let mut new = Known { id: writer.next_id(), root, ..their.clone() };
                    publish::add(writer, &mut new, &stored, &their_marks, their_digests.get(&their.id))?;
                    self.known.push(new);
                    self.known.len() - 1
                }
            };
            self.marks.push((self.known[at].id, their_marks));
        }
        Ok(count)
    }

    /// Writes the rows of all transcripts that are not as they were before.
    fn write_changed(&mut self, writer: &mut Writer, before: &[Known]) -> Result<(), CatalogueError> {
        settle(&mut self.known, &self.marks);
        let all = self.known.iter().enumerate();
        let changed: Vec<&Known> = all.filter(|(at, known)| before.get(*at) != Some(known)).map(|(_, known)| known).collect();
        changed.iter().try_for_each(|known| writer.put(known))?;
        let roots: BTreeSet<i64> = changed.iter().map(|known| known.root).collect();
        roots.into_iter().try_for_each(|root| writer.seal_root(root, self.known.iter().filter(|known| known.root == root)))
    }
}

/// Finds the transcript that another store means.
struct Index<'k> {
    by_spot: HashMap<(i64, u64), usize>,
    by_name: HashMap<(i64, &'k [u8]), usize>,
}

impl<'k> Index<'k> {
    fn new(known: &'k [Known]) -> Index<'k> {
        let (mut by_spot, mut by_name) = (HashMap::new(), HashMap::new());
        for (at, known) in known.iter().enumerate() {
            by_spot.entry((known.root, known.spot)).or_insert(at);
            by_name.entry((known.root, &*known.name)).or_insert(at);
        }
        Index { by_spot, by_name }
    }

    /// The other store knows it by the same number or, where it is a copy on another disk, by
    /// the same name.
    fn find(&self, root: i64, theirs: &Known) -> Option<usize> {
        self.by_spot.get(&(root, theirs.spot)).or_else(|| self.by_name.get(&(root, &*theirs.name))).copied()
    }
}

/// Finds the families again, now that more is known.
fn settle(known: &mut [Known], marks: &[(i64, Vec<u8>)]) {
    let by_id: HashMap<i64, usize> = known.iter().enumerate().map(|(at, known)| (known.id, at)).collect();
    let mut families = Families::new(known.len());
    for (at, marks) in marks.iter().filter_map(|(id, marks)| Some((*by_id.get(id)?, marks))) {
        families.add(at, &family::marks_of_bytes(marks).collect::<Vec<u32>>());
    }
    let members: Vec<usize> = (0..known.len()).collect();
    publish::settle_families(known, &members, &mut families);
}
