//! Small datasets for tests.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::dataset::Dataset;
use crate::scan::{Progress, ScanOptions};

/// The dataset of some transcripts, given by their names below `projects/` and
/// their lines.
pub(crate) fn dataset(transcripts: &[(&str, &[String])]) -> Dataset {
    dataset_with(transcripts, |_| {})
}

/// The same, read in another way.
pub(crate) fn dataset_with(transcripts: &[(&str, &[String])], choose: impl Fn(&mut ScanOptions)) -> Dataset {
    load_with(home(transcripts).path(), choose)
}

/// A config directory that holds some transcripts.
pub(crate) fn home(transcripts: &[(&str, &[String])]) -> TempDir {
    let home = tempfile::tempdir().expect("a temporary folder");
    for (name, lines) in transcripts {
        let path = home.path().join("projects").join(name);
        fs::create_dir_all(path.parent().expect("below projects")).expect("a folder");
        fs::write(path, lines.join("\n") + "\n").expect("a transcript");
    }
    home
}

/// The dataset of a config directory.
pub(crate) fn load(home: &Path) -> Dataset {
    load_with(home, |_| {})
}

fn load_with(home: &Path, choose: impl Fn(&mut ScanOptions)) -> Dataset {
    let mut options = ScanOptions::new(vec![home.to_path_buf()], SystemTime::UNIX_EPOCH);
    choose(&mut options);
    Dataset::load(&options, &Progress::default()).expect("the root is there")
}
