//! Takes in what another store knows.

use std::collections::{HashMap, HashSet};

use super::catalogue::{Catalogue, Failure, Known};
use super::family::{self, Families};
use super::publish;

/// Adds all that another store knows, or nothing. Gives the number of its transcripts.
pub(super) fn import(catalogue: &mut Catalogue, other: &mut Catalogue) -> Result<u64, Failure> {
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
    let mut count = 0;
    catalogue.publish(generation, |pen| {
        for path in theirs.roots()? {
            let Some((their_root, transcripts)) = theirs.transcripts(&path)? else { continue };
            let root = pen.root(&path)?;
            let their_digests = theirs.digests(their_root)?;
            for (id, kind) in theirs.agents(their_root)? {
                pen.put_agent(root, &id, &kind)?;
            }
            for (their, stored) in transcripts.iter().zip(theirs.blocks(transcripts.iter())?) {
                let (stored, their_marks) = (stored?, theirs.marks_of(their)?);
                let at = match find(&before, root, their) {
                    Some(at) => {
                        publish::add_past(pen, &mut known[at], their.span_ms, &stored, &their_marks)?;
                        at
                    }
                    None => {
                        let mut new = Known { id: pen.next_id(), root, ..their.clone() };
                        publish::add(pen, &mut new, &stored, &their_marks, their_digests.get(&their.id))?;
                        known.push(new);
                        known.len() - 1
                    }
                };
                marks.push((known[at].id, their_marks));
                count += 1;
            }
        }
        settle(&mut known, &marks);
        let changed = || known.iter().enumerate().filter(|(at, known)| before.get(*at) != Some(known)).map(|(_, known)| known);
        changed().try_for_each(|known| pen.put(known))?;
        let roots: HashSet<i64> = changed().map(|known| known.root).collect();
        roots.into_iter().try_for_each(|root| pen.seal_root(root, known.iter().filter(|known| known.root == root)))
    })?;
    Ok(count)
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
