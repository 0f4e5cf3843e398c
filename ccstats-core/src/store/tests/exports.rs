//! Files that only look like exports.

use std::fs;
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

#[test]
fn only_the_tables_of_a_store_are_read() {
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT";
    for (change, what) in [
        (
            format!("DROP TABLE root; CREATE VIEW root AS {endless} i AS id, x'2f' AS path, 0 AS transcripts, 0 AS seals FROM n"),
            "view `root`",
        ),
        (format!("CREATE VIEW more AS {endless} i FROM n"), "view `more`"),
        ("CREATE TRIGGER t AFTER INSERT ON root BEGIN DELETE FROM block; END".into(), "trigger `t`"),
        ("DROP TABLE marks; CREATE TABLE marks (transcript, bytes AS (zeroblob(1000000000)))".into(), "table `marks`"),
        ("CREATE INDEX other ON root (hex(path))".into(), "index `other`"),
    ] {
        let place = Place::new();
        let file = export(&place);
        rusqlite::Connection::open(&file).and_then(|database| database.execute_batch(&change)).expect("changed");
        let expected = format!("`{}` is no store of ccstats: expected the tables that ccstats makes, found another {what}", file.display());
        assert_eq!(refused(&place, &file).to_string(), expected);
    }
}

/// Makes the table of roots a tree that leads to the same row on 500³ ways.
fn endless_roots(file: &Path) {
    const WAYS: u16 = 500;
    let database = rusqlite::Connection::open(file).expect("a database");
    let root: u32 = database.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'root'", [], |row| row.get(0)).expect("a page");
    let mut bytes = fs::read(file).expect("readable");
    let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    let inner = |child: u32| {
        let mut page = vec![0; size];
        let cells = size - 5 * usize::from(WAYS);
        page[0] = 5;
        page[3..5].copy_from_slice(&WAYS.to_be_bytes());
        page[5..7].copy_from_slice(&(cells as u16).to_be_bytes());
        page[8..12].copy_from_slice(&child.to_be_bytes());
        for cell in 0..usize::from(WAYS) {
            let start = cells + 5 * cell;
            page[12 + 2 * cell..][..2].copy_from_slice(&(start as u16).to_be_bytes());
            page[start..start + 4].copy_from_slice(&child.to_be_bytes());
        }
        page
    };
    let at = (root as usize - 1) * size;
    bytes.extend_from_within(at..at + size);
    let page = |bytes: &[u8]| (bytes.len() / size) as u32;
    for _ in 0..2 {
        bytes.extend(inner(page(&bytes)));
    }
    let top = inner(page(&bytes));
    bytes[at..at + size].copy_from_slice(&top);
    let pages = page(&bytes);
    bytes[28..32].copy_from_slice(&pages.to_be_bytes());
    bytes.copy_within(24..28, 92);
    fs::write(file, bytes).expect("written");
}

#[test]
fn a_small_file_has_no_rows_without_end() {
    let place = Place::new();
    let file = export(&place);
    endless_roots(&file);
    assert!(matches!(refused(&place, &file), StoreError::Damaged(_)));
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
