//! Files that only look like exports.

use std::path::{Path, PathBuf};

use super::Place;
use crate::store::{HistoryError, Import, StoreError};

/// An export of a store with one transcript.
fn export(place: &Place) -> PathBuf {
    place.write("a.jsonl", &[1]);
    let mut store = place.open();
    place.load(&mut store);
    let file = place.0.path().join("export");
    store.export(&file).expect("exported");
    file
}

/// Why an import refuses a file.
fn refused(place: &Place, file: &Path) -> StoreError {
    match place.open().import(file, &Import::default(), &place.options()) {
        Err(HistoryError::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_import_waits_for_no_pipe() {
    let place = Place::new();
    let file = export(&place);
    let pipe = |name: &str| {
        let path = place.0.path().join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).expect("a pipe");
        path
    };
    let alone = pipe("pipe");
    for (asked, path) in [(&alone, &alone), (&file, &pipe("export-journal"))] {
        let expected = format!("cannot use the store `{}`: expected a regular file, found a pipe, socket or device", path.display());
        assert_eq!(refused(&place, asked).to_string(), expected);
    }
}
