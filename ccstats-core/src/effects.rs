//! What commands do to files and hosts, told by what the store kept of them.
//!
//! The store keeps no command. What reports ask of one is worked out when its block is
//! written: the files that it prints, what it may write, what the audit finds in it.

#[cfg(any(test, feature = "store"))]
use std::borrow::Cow;

use crate::shell::{Finding, Lines, Rule, Severity};
use crate::symbols::{Symbol, Symbols};
use crate::writes::Writes;

/// The effects of one command, among those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct EffectsId(u32);

/// The effects of some commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    pub(crate) commands: Vec<EffectsRow>,
    pub(crate) reads: Vec<ReadRow>,
    /// See [`Writes::marks`].
    pub(crate) marks: Vec<u32>,
    pub(crate) findings: Vec<FindingRow>,
}

/// What one command has, and where its parts end among those of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct EffectsRow {
    pub(crate) is_whole_tree: bool,
    pub(crate) reads_end: u32,
    pub(crate) marks_end: u32,
    pub(crate) findings_end: u32,
}

/// A file that a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ReadRow {
    pub(crate) path: Symbol,
    pub(crate) lines: Lines,
}

/// Something that the audit finds in a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct FindingRow {
    pub(crate) rule: Rule,
    pub(crate) severity: Severity,
    pub(crate) target: Symbol,
}

/// What only a store does.
#[cfg(any(test, feature = "store"))]
impl Effects {
    /// Adds those of a command.
    pub(crate) fn push(
        &mut self,
        reads: impl Iterator<Item = ReadRow>,
        writes: &Writes,
        findings: impl Iterator<Item = FindingRow>,
    ) -> EffectsId {
        self.reads.extend(reads);
        self.marks.extend_from_slice(&writes.marks);
        self.findings.extend(findings);
        self.commands.push(EffectsRow {
            is_whole_tree: writes.is_whole_tree,
            reads_end: self.reads.len() as u32,
            marks_end: self.marks.len() as u32,
            findings_end: self.findings.len() as u32,
        });
        EffectsId(self.commands.len() as u32 - 1)
    }

    /// Adds those of a command that is among others.
    pub(crate) fn copy(&mut self, others: &Effects, id: EffectsId) -> EffectsId {
        self.push(others.reads(id).iter().copied(), &others.writes(id), others.findings_of(id).iter().copied())
    }

    /// All that a command has: two that say the same are equal.
    pub(crate) fn all(&self, id: EffectsId) -> (&[ReadRow], bool, Cow<'_, [u32]>, &[FindingRow]) {
        let Writes { is_whole_tree, marks } = self.writes(id);
        (self.reads(id), is_whole_tree, marks, self.findings_of(id))
    }

    /// The id of the nth command.
    pub(crate) fn id(at: usize) -> EffectsId {
        EffectsId(at as u32)
    }
}

impl Effects {
    /// Adds those of other commands. Gives how many were there before.
    pub(crate) fn absorb(&mut self, other: Effects, renamed: impl Fn(Symbol) -> Symbol) -> usize {
        let before = self.commands.len();
        let [reads, marks, findings] = [self.reads.len(), self.marks.len(), self.findings.len()].map(|count| count as u32);
        self.commands.extend(other.commands.into_iter().map(|row| EffectsRow {
            reads_end: row.reads_end + reads,
            marks_end: row.marks_end + marks,
            findings_end: row.findings_end + findings,
            ..row
        }));
        self.reads.extend(other.reads.into_iter().map(|row| ReadRow { path: renamed(row.path), ..row }));
        self.marks.extend(other.marks);
        self.findings.extend(other.findings.into_iter().map(|row| FindingRow { target: renamed(row.target), ..row }));
        before
    }

    /// The files that a command prints.
    pub(crate) fn reads(&self, id: EffectsId) -> &[ReadRow] {
        self.part(id, &self.reads, |row| row.reads_end)
    }

    /// What a command may write.
    pub(crate) fn writes(&self, id: EffectsId) -> Writes<'_> {
        let is_whole_tree = self.commands.get(id.0 as usize).is_none_or(|row| row.is_whole_tree);
        Writes { is_whole_tree, marks: self.part(id, &self.marks, |row| row.marks_end).into() }
    }

    /// What the audit finds in a command.
    pub(crate) fn findings(&self, id: EffectsId, symbols: &Symbols) -> Vec<Finding> {
        let finding =
            |found: &FindingRow| Finding { rule: found.rule, severity: found.severity, target: symbols.name(found.target).into_owned() };
        self.findings_of(id).iter().map(finding).collect()
    }

    fn findings_of(&self, id: EffectsId) -> &[FindingRow] {
        self.part(id, &self.findings, |row| row.findings_end)
    }

    /// What one command has of all. Of a damaged block nothing is given.
    fn part<'p, T>(&self, EffectsId(id): EffectsId, all: &'p [T], end: impl Fn(&EffectsRow) -> u32) -> &'p [T] {
        let end = |at: u32| self.commands.get(at as usize).map_or(0, |row| end(row) as usize);
        all.get(id.checked_sub(1).map_or(0, end)..end(id)).unwrap_or_default()
    }
}

impl EffectsId {
    /// The same command, behind others that come before it now.
    pub(crate) fn behind(self, others: usize) -> EffectsId {
        EffectsId(self.0 + others as u32)
    }

    #[cfg(feature = "store")]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols() -> (Symbols, Symbol) {
        let mut symbols = Symbols::default();
        let path = symbols.intern(b"a.rs");
        (symbols, path)
    }

    fn push(effects: &mut Effects, path: Symbol, marks: &[u32]) -> EffectsId {
        let reads = marks.iter().map(|_| ReadRow { path, lines: Lines::All });
        let findings = marks.iter().map(|_| FindingRow { target: path, ..FindingRow::default() });
        effects.push(reads, &Writes { is_whole_tree: false, marks: marks.into() }, findings)
    }

    /// How many of each a command has, and its marks.
    fn told(effects: &Effects, symbols: &Symbols, id: EffectsId) -> (usize, Vec<u32>, usize) {
        (effects.reads(id).len(), effects.writes(id).marks.into_owned(), effects.findings(id, symbols).len())
    }

    #[test]
    fn each_command_keeps_its_own_effects_when_others_join() {
        let (symbols, path) = symbols();
        let (mut effects, mut other) = (Effects::default(), Effects::default());
        let ids = [push(&mut effects, path, &[1, 2]), push(&mut effects, path, &[])];
        let others = [push(&mut other, path, &[3]), push(&mut other, path, &[4, 5, 6])];
        let before = effects.absorb(other, |symbol| symbol);
        let found: Vec<_> = ids.into_iter().chain(others.map(|id| id.behind(before))).map(|id| told(&effects, &symbols, id)).collect();
        assert_eq!(found, [(2, vec![1, 2], 2), (0, vec![], 0), (1, vec![3], 1), (3, vec![4, 5, 6], 3)]);
        let mut copy = Effects::default();
        let id = copy.copy(&effects, others[1].behind(before));
        assert_eq!((told(&copy, &symbols, id), copy.all(id)), (found[3].clone(), effects.all(others[1].behind(before))));
    }

    #[test]
    fn a_command_that_is_not_there_may_have_written_anything() {
        let (symbols, _) = symbols();
        let effects = Effects::default();
        assert_eq!(told(&effects, &symbols, Effects::id(7)), (0, vec![], 0));
        assert!(effects.writes(Effects::id(7)).is_whole_tree);
    }
}
