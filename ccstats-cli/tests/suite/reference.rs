//! The rules of counting once more, slow and plain, and the program held to them.
//!
//! No cleverness is shared with the program: this reads whole files, parses
//! every value and keeps every row. Where all lines are JSON both must agree
//! figure by figure; where some are not, the program may find more, never less.

pub(crate) mod count;
pub(crate) mod figures;
pub(crate) mod files;
mod json;
mod outcome;
mod prices;
mod scan;

use std::path::{Path, PathBuf};

use crate::generator::Home;
use crate::support::{summary, workspace};
use figures::Figures;
use prices::Prices;

/// The figures of the reference, at the prices of the project.
pub(crate) fn wanted(root: &Path) -> Figures {
    count::count(root, &Prices::load(&workspace("ccstats-core/prices.json")))
}

fn assert_agrees(root: &Path, whose: &str) {
    figures::assert_same(&wanted(root), &figures::of_summary(&summary(root)), whose);
}

/// Whether every line below a root is strictly JSON.
fn is_clean(root: &Path) -> bool {
    files::transcripts(root).iter().all(|(path, _)| files::is_clean(&std::fs::read(path).unwrap()))
}

/// `testdata/home`, and each folder of `testdata/traps`.
fn homes() -> Vec<PathBuf> {
    let traps = std::fs::read_dir(workspace("testdata/traps")).into_iter().flatten();
    let traps = traps.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let mut homes: Vec<_> = traps.chain([workspace("testdata/home")]).filter(|path| path.is_dir()).collect();
    homes.sort();
    homes
}

#[test]
fn every_home_of_the_test_data_is_counted_as_the_rules_say() {
    assert!(!homes().is_empty(), "testdata holds no home");
    for home in homes() {
        let whose = home.display().to_string();
        if is_clean(&home) {
            assert_agrees(&home, &whose);
        } else {
            figures::assert_not_less(&wanted(&home), &figures::of_summary(&summary(&home)), &whose);
        }
    }
}

#[test]
fn every_random_home_is_counted_as_the_rules_say() {
    for seed in 0..100 {
        let home = Home { seed, n_lines: 60, ..Home::default() }.write();
        assert_agrees(home.path(), &format!("the home of seed {seed}"));
    }
}

#[test]
fn damage_by_the_known_signatures_loses_nothing_that_stands_whole() {
    for seed in 0..100 {
        let home = Home { seed, n_lines: 60, is_damaged: true, ..Home::default() }.write();
        assert_agrees(home.path(), &format!("the damaged home of seed {seed}"));
    }
}
