//! One number for each file that calls name, however they spell it.

use rustc_hash::FxHashMap;

use crate::dataset::Dataset;
use crate::paths::canonical;
use crate::rows::{CallRow, Origin};
use crate::symbols::Symbol;

/// Canonical paths by number, each made once.
pub(super) struct FileNames<'d> {
    dataset: &'d Dataset,
    names: Vec<String>,
    numbers: FxHashMap<String, usize>,
    /// By the folder of the call and the path as it gives it.
    known: FxHashMap<(Symbol, Symbol), usize>,
}

impl<'d> FileNames<'d> {
    pub(super) fn new(dataset: &'d Dataset) -> FileNames<'d> {
        FileNames { dataset, names: Vec::new(), numbers: FxHashMap::default(), known: FxHashMap::default() }
    }

    /// The file that the input of a call names.
    pub(super) fn named(&mut self, call: &CallRow) -> Option<usize> {
        let file = call.named_path();
        if file.is_none() {
            return None;
        }
        let place = (call.origin.project, file);
        if let Some(known) = self.known.get(&place) {
            return Some(*known);
        }
        let number = self.number(&self.dataset.symbols().name(file), &call.origin);
        self.known.insert(place, number);
        Some(number)
    }

    /// The file at a path, as seen from the folder that something happened in.
    pub(super) fn number(&mut self, path: &str, origin: &Origin) -> usize {
        let folder = self.dataset.symbols().name(origin.project);
        let name = canonical(&folder, path);
        if let Some(number) = self.numbers.get(&*name) {
            return *number;
        }
        let number = self.names.len();
        self.names.push(name.clone().into_owned());
        self.numbers.insert(name.into_owned(), number);
        number
    }

    /// The path of a file.
    pub(super) fn path(&self, number: usize) -> &str {
        &self.names[number]
    }
}
