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

/// How many ways lead from one page to the next.
const WAYS: usize = 500;

/// A file of SQLite as pages.
struct Pages {
    bytes: Vec<u8>,
    size: usize,
}

impl Pages {
    fn read(file: &Path) -> Pages {
        let bytes = fs::read(file).expect("readable");
        let size = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        Pages { bytes, size }
    }

    /// The number of the last page.
    fn last(&self) -> u32 {
        (self.bytes.len() / self.size) as u32
    }

    fn page(&mut self, number: u32) -> &mut [u8] {
        &mut self.bytes[(number as usize - 1) * self.size..][..self.size]
    }

    fn add(&mut self, page: Vec<u8>) -> u32 {
        self.bytes.extend(page);
        self.last()
    }

    /// An inner page of a table, whose header stands at `start`.
    fn inner(&self, start: usize, children: &[u32]) -> Vec<u8> {
        let (last, others) = children.split_last().expect("children");
        let mut page = vec![0; self.size];
        let cells = self.size - 5 * others.len();
        page[start] = 5;
        page[start + 3..][..2].copy_from_slice(&(others.len() as u16).to_be_bytes());
        page[start + 5..][..2].copy_from_slice(&(cells as u16).to_be_bytes());
        page[start + 8..][..4].copy_from_slice(&last.to_be_bytes());
        for (at, child) in others.iter().enumerate() {
            let cell = cells + 5 * at;
            page[start + 12 + 2 * at..][..2].copy_from_slice(&(cell as u16).to_be_bytes());
            page[cell..cell + 4].copy_from_slice(&child.to_be_bytes());
        }
        page
    }

    /// A page that leads to another one on very many ways.
    fn endless(&mut self, end: u32) -> u32 {
        (0..3).fold(end, |child, _| self.add(self.inner(0, &[child; WAYS])))
    }

    fn write(mut self, file: &Path) {
        let pages = self.last().to_be_bytes();
        self.bytes[28..32].copy_from_slice(&pages);
        self.bytes.copy_within(24..28, 92);
        fs::write(file, self.bytes).expect("written");
    }
}

#[test]
fn a_small_table_has_no_rows_without_end() {
    let place = Place::new();
    let file = export(&place);
    let database = rusqlite::Connection::open(&file).expect("a database");
    let root: u32 = database.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'root'", [], |row| row.get(0)).expect("a page");
    let mut pages = Pages::read(&file);
    let row = pages.page(root).to_vec();
    let row = pages.add(row);
    let child = pages.endless(row);
    let top = pages.inner(0, &[child; WAYS]);
    pages.page(root).copy_from_slice(&top);
    pages.write(&file);
    assert!(matches!(refused(&place, &file), StoreError::Damaged(_)));
}

#[test]
fn a_small_schema_has_no_rows_without_end() {
    let place = Place::new();
    let file = export(&place);
    let mut pages = Pages::read(&file);
    let first = pages.page(1).to_vec();
    // The same rows on a page without the header of the file, and the last of them alone.
    let count = usize::from(u16::from_be_bytes([first[103], first[104]]));
    let mut all = first.clone();
    all.copy_within(100..108 + 2 * count, 0);
    let name = memchr::memmem::find(&first, b"sqlite_autoindex_root").expect("an index");
    let starts = (0..count).map(|at| usize::from(u16::from_be_bytes([first[108 + 2 * at], first[109 + 2 * at]])));
    let start = starts.filter(|start| *start < name).max().expect("its row");
    let mut index = all.clone();
    index[3..5].copy_from_slice(&1_u16.to_be_bytes());
    index[8..10].copy_from_slice(&(start as u16).to_be_bytes());
    let (all, index) = (pages.add(all), pages.add(index));
    let child = pages.endless(index);
    let top = pages.inner(100, &[all, child]);
    pages.page(1)[100..].copy_from_slice(&top[100..]);
    pages.write(&file);
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
