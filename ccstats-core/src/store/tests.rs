//! Tests of the store as a whole.

mod agents;
mod exports;
mod faults;
mod history;
mod lives;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Needs, Store};
use crate::dataset::Dataset;
use crate::error::ProblemKind;
use crate::prices::Prices;
use crate::query::Query;
use crate::scan::{Progress, ScanOptions};
use crate::tally::Tally;

/// A home with a store beside it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().expect("a temporary folder"));
        fs::create_dir_all(place.root().join("projects/p")).expect("a folder");
        place
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn transcript(&self, name: &str) -> PathBuf {
        self.root().join("projects/p").join(name)
    }

    /// Writes responses with these numbers of tokens.
    fn write(&self, name: &str, outputs: &[u64]) {
        let lines: String = outputs.iter().map(|output| response(*output)).collect();
        fs::write(self.transcript(name), lines).expect("a writable file");
    }

    fn options(&self) -> ScanOptions {
        ScanOptions::new(vec![self.root()], SystemTime::now())
    }

    fn open(&self) -> Store {
        Store::open(&self.store()).expect("a store")
    }

    /// The tokens of a load, and what was wrong with the store.
    fn load(&self, store: &mut Store) -> (u128, Vec<String>) {
        let (tokens, mut problems) =
            outputs(&Dataset::load_with_store(&self.options(), store, &Progress::default(), &Needs::default()).expect("a home"));
        problems.extend(store.wait().and_then(|problem| problem.detail));
        (tokens, problems)
    }
}

fn outputs(dataset: &Dataset) -> (u128, Vec<String>) {
    let tally = Tally::of(dataset, &Query::all(), Prices::builtin()).expect("no globs");
    let problems =
        dataset.accounting().problems.iter().filter(|problem| matches!(problem.kind, ProblemKind::Store | ProblemKind::LostHistory));
    (tally.spending.output, problems.filter_map(|problem| problem.detail.clone()).collect())
}

fn response(output: u64) -> String {
    let day = output % 28 + 1;
    format!(
        r#"{{"type":"assistant","uuid":"u{output}","sessionId":"s","timestamp":"2026-10-{day:02}T10:00:00Z","message":{{"id":"msg_{output}","model":"m","usage":{{"output_tokens":{output}}}}}}}"#
    ) + "\n"
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o777
}
