//! Takes in what another store knows.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::catalogue::{Catalogue, Failure, Known};
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

impl Import {
    /// The roots to take in, and what each is called here.
    ///
    /// # Errors
    /// All roots, when it is not clear which is meant.
    pub(super) fn roots(&self, theirs: &[Vec<u8>]) -> Result<Vec<(Vec<u8>, PathBuf)>, Vec<PathBuf>> {
        let is_meant = |root: &Path| self.from.as_ref().is_none_or(|from| root == from || root == from.join("projects"));
        let onto = self.onto.as_ref().map(|onto| root_names(onto).0);
        let all = || theirs.iter().map(|root| path_of(root));
        let meant = theirs.iter().zip(all()).filter(|(_, path)| is_meant(path));
        let roots: Vec<_> = meant.map(|(root, path)| (root.clone(), onto.clone().unwrap_or(path))).collect();
        // A config directory may be known by its own name and by that of its projects.
        let is_clear = if self.from.is_some() { !roots.is_empty() } else { onto.is_none() || roots.len() < 2 };
        if is_clear { Ok(roots) } else { Err(all().collect()) }
    }
}

/// Adds what another store knows of these roots, or nothing. Gives the numbers of
/// transcripts and of unreadable blocks of each.
pub(super) fn import(catalogue: &mut Catalogue, other: &mut Catalogue, roots: &[(Vec<u8>, PathBuf)]) -> Result<Vec<(u64, u64)>, Failure> {
    let theirs = other.snapshot()?;
    let ours = catalogue.snapshot()?;
    let generation = ours.generation;
    let mut known = Vec::new();
    let mut marks = Vec::new();
    for (id, of_root) in ours.roots()?.iter().filter_map(|root| ours.transcripts(root).transpose()).collect::<Result<Vec<_>, _>>()? {
        known.extend(of_root);
        ours.marks(id, |transcript, bytes| marks.push((transcript, bytes.to_vec())))?;
    }
    drop(ours);
    let before = known.clone();
    let mut counts = vec![(0, 0); roots.len()];
    catalogue.publish(generation, |writer| {
        for ((their_path, path), (count, unreadable)) in roots.iter().zip(&mut counts) {
            let Some((their_root, transcripts)) = theirs.transcripts(their_path)? else { continue };
            let root = writer.root(path.as_os_str().as_encoded_bytes())?;
            *count = transcripts.len() as u64;
            let their_digests = theirs.digests(their_root)?;
            for (id, kind) in theirs.agents(their_root)? {
                writer.put_agent(root, &id, &kind)?;
            }
            for (their, stored) in transcripts.iter().zip(theirs.blocks(transcripts.iter())?) {
                let (mut stored, their_marks) = (stored?, theirs.marks_of(their)?);
                let all = stored.len();
                stored.retain(verify::is_sound);
                let lost = all - stored.len();
                *unreadable += lost as u64;
                let at = match find(&before, root, their) {
                    Some(at) => {
                        publish::add_past(writer, &mut known[at], their.times, &stored, &their_marks)?;
                        at
                    }
                    // It would pass for one that is known to its end.
                    None if lost > 0 => continue,
                    None => {
                        let mut new = Known { id: writer.next_id(), root, ..their.clone() };
                        publish::add(writer, &mut new, &stored, &their_marks, their_digests.get(&their.id))?;
                        known.push(new);
                        known.len() - 1
                    }
                };
                marks.push((known[at].id, their_marks));
            }
        }
        settle(&mut known, &marks);
        let changed = || known.iter().enumerate().filter(|(at, known)| before.get(*at) != Some(known)).map(|(_, known)| known);
        changed().try_for_each(|known| writer.put(known))?;
        let roots: HashSet<i64> = changed().map(|known| known.root).collect();
        roots.into_iter().try_for_each(|root| writer.seal_root(root, known.iter().filter(|known| known.root == root)))
    })?;
    Ok(counts)
}

/// The transcript that another store means: it knows it by the same number, or, where it is a
/// copy on another disk, by the same name.
fn find(known: &[Known], root: i64, theirs: &Known) -> Option<usize> {
    let of_root = |is_same: &dyn Fn(&Known) -> bool| known.iter().position(|known| known.root == root && is_same(known));
    of_root(&|known| known.spot == theirs.spot).or_else(|| of_root(&|known| known.name == theirs.name))
}

/// Finds the families anew.
fn settle(known: &mut [Known], marks: &[(i64, Vec<u8>)]) {
    let by_id: HashMap<i64, usize> = known.iter().enumerate().map(|(at, known)| (known.id, at)).collect();
    let mut families = Families::new(known.len());
    for (at, marks) in marks.iter().filter_map(|(id, marks)| Some((*by_id.get(id)?, marks))) {
        families.add(at, &family::marks(marks).collect::<Vec<u32>>());
    }
    let members: Vec<usize> = (0..known.len()).collect();
    publish::settle_families(known, &members, &mut families);
}
