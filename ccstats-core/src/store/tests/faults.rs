//! Stores that are damaged, foreign, open to others, locked, or not to be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use super::{Place, mode};
use crate::store::{Forget, Store, StoreError};

fn file(place: &Place) -> std::path::PathBuf {
    place.store().join("ccstats.store")
}

/// A place whose store is one file, without a log.
fn filled() -> Place {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2, 4]);
    place.write("b.jsonl", &[8, 16]);
    assert_eq!(place.load(&mut place.open()), (31, vec![]));
    empty_log(&place);
    place
}

fn empty_log(place: &Place) {
    let store = rusqlite::Connection::open(file(place)).expect("a database");
    store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a log");
}

fn why(place: &Place) -> String {
    Store::open(&place.store()).expect_err("not usable").to_string().replace(&place.store().display().to_string(), "…")
}

#[test]
fn a_store_whose_writer_failed_is_opened_again() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    let mut store = place.open();
    assert_eq!(place.load(&mut store), (3, vec![]));
    store.end_writing();
    store.catalogue = None;
    assert_eq!(place.load(&mut store), (3, vec![]));
}

#[test]
fn a_flipped_bit_or_a_lost_end_never_gives_a_wrong_total() {
    let place = filled();
    let sound = fs::read(file(&place)).expect("a file");
    let flipped = (0..sound.len()).step_by(149).map(|at| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    let cut = (0..sound.len()).step_by(4567).map(|at| sound[..at].to_vec());
    for (number, bytes) in flipped.chain(cut).enumerate() {
        fs::remove_dir_all(place.store()).expect("a folder");
        fs::create_dir(place.store()).expect("a folder");
        fs::set_permissions(place.store(), fs::Permissions::from_mode(0o700)).expect("ours");
        fs::write(file(&place), bytes).expect("a file");
        match Store::open(&place.store()) {
            Ok(mut store) => assert_eq!(place.load(&mut store).0, 31, "{number}"),
            Err(StoreError::Foreign(_) | StoreError::Newer(_) | StoreError::Database(..) | StoreError::Io(..)) => {}
            Err(error) => panic!("{number}: {error}"),
        }
    }
}

#[test]
fn a_damaged_block_of_a_gone_transcript_is_told_and_nothing_else_lost() {
    let place = filled();
    let mut bytes = fs::read(file(&place)).expect("a file");
    // Within the names of the block; the model is the same in all.
    let at = memchr::memmem::rfind(&bytes, b"ccsb").expect("a block") + 30;
    bytes[at] ^= 1;
    fs::write(file(&place), bytes).expect("a file");
    fs::remove_file(place.transcript("a.jsonl")).expect("a file");
    fs::remove_file(place.transcript("b.jsonl")).expect("a file");
    let (outputs, problems) = place.load(&mut place.open());
    assert!([7, 24].contains(&outputs), "{outputs}");
    assert_eq!(problems, ["its history in the store is damaged"]);
}

#[test]
fn what_is_damaged_and_gone_is_told_until_it_is_forgotten() {
    let place = filled();
    place.write("a.jsonl", &[1, 2]);
    place.load(&mut place.open());
    empty_log(&place);
    // One block of what is there, and one of what was there before.
    let database = rusqlite::Connection::open(file(&place)).expect("a database");
    database.execute_batch("UPDATE block SET seal = 0 WHERE transcript = (SELECT transcript FROM block WHERE kind = 2)").expect("changed");
    drop(database);
    let prunable = || place.open().prunable(&place.options(), Forget::Damaged).expect("counted");
    let told = vec!["its history in the store is damaged".to_string()];
    assert_eq!((place.load(&mut place.open()), prunable()), ((27, told.clone()), 1), "what is there is read again");
    let text = fs::read(place.transcript("b.jsonl")).expect("readable");
    fs::remove_file(place.transcript("b.jsonl")).expect("a file");
    let database = rusqlite::Connection::open(file(&place)).expect("a database");
    database.execute_batch("UPDATE block SET seal = 0 WHERE kind <> 2 AND transcript = 2").expect("changed");
    drop(database);
    let mut store = place.open();
    assert_eq!((place.load(&mut store), prunable()), ((3, [told.clone(), told].concat()), 2));
    assert_eq!(store.prune(&place.options(), Forget::Damaged).expect("pruned"), 2);
    assert_eq!((place.load(&mut store), prunable()), ((3, vec![]), 0));
    fs::write(place.transcript("b.jsonl"), text).expect("a file");
    assert_eq!(place.load(&mut store), (27, vec![]), "it came back");
}

#[test]
fn whichever_of_many_blocks_is_damaged_the_others_are_read() {
    let place = Place::new();
    let names: Vec<String> = (0..16).map(|number| format!("{number:02}.jsonl")).collect();
    names.iter().enumerate().for_each(|(number, name)| place.write(name, &[1 << number]));
    assert_eq!(place.load(&mut place.open()), (0xFFFF, vec![]));
    empty_log(&place);
    let sound = fs::read(file(&place)).expect("a file");
    names.iter().for_each(|name| fs::remove_file(place.transcript(name)).expect("a file"));
    let mut lost = 0;
    for at in memchr::memmem::find_iter(&sound, b"ccsb") {
        let mut bytes = sound.clone();
        bytes[at + 30] ^= 1;
        fs::write(file(&place), bytes).expect("a file");
        let (outputs, problems) = place.load(&mut place.open());
        assert_eq!(problems, ["its history in the store is damaged"]);
        assert_eq!((0xFFFF - outputs).count_ones(), 1, "{outputs:x}");
        lost |= 0xFFFF - outputs;
    }
    assert_eq!(lost, 0xFFFF);
}

#[test]
fn a_store_whose_tables_are_others_is_damaged() {
    for column in ["transcript RENAME COLUMN lines", "block RENAME COLUMN seal", "root RENAME COLUMN path"] {
        let place = filled();
        let connection = rusqlite::Connection::open(file(&place)).expect("a database");
        connection.execute_batch(&format!("ALTER TABLE {column} TO other")).expect("a column");
        drop(connection);
        let (outputs, problems) = place.load(&mut place.open());
        assert_eq!((outputs, &problems[..]), (31, &["it was damaged, and is kept as ccstats.store.corrupt-1".to_owned()][..]), "{column}");
    }
}

#[test]
fn a_damaged_store_is_set_aside_and_at_most_three_are_kept() {
    let place = filled();
    for round in 1..=5_usize {
        let mut bytes = fs::read(file(&place)).expect("a file");
        // The pages behind the first.
        bytes[8192..].fill(0xFF);
        fs::write(file(&place), bytes).expect("a file");
        let (outputs, problems) = place.load(&mut place.open());
        assert_eq!(outputs, 31);
        assert_eq!(problems, [format!("it was damaged, and is kept as ccstats.store.corrupt-{}", round.min(3))]);
        assert_eq!(place.load(&mut place.open()), (31, vec![]));
        let store = rusqlite::Connection::open(file(&place)).expect("a database");
        store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a log");
    }
    let kept = (1..10).filter(|number| place.store().join(format!("ccstats.store.corrupt-{number}")).exists());
    assert_eq!(kept.count(), 3);
}

/// A store with a log, as every process leaves it, of which only these bytes of the header are
/// others.
fn with_header(change: impl FnOnce(&mut Vec<u8>)) -> Place {
    let place = filled();
    fs::write(place.store().join("ccstats.store-wal"), "").expect("a file");
    let mut bytes = fs::read(file(&place)).expect("a file");
    change(&mut bytes);
    fs::write(file(&place), bytes).expect("a file");
    place
}

#[test]
fn a_store_that_is_cut_or_lost_its_header_is_set_aside() {
    let damages: [fn(&mut Vec<u8>); 7] = [
        |bytes| bytes.truncate(0),
        |bytes| bytes.truncate(1),
        |bytes| bytes.truncate(50),
        |bytes| bytes[3] ^= 1,
        |bytes| bytes[69] ^= 1,
        |bytes| bytes[..100].fill(0),
        |bytes| bytes.fill(0),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let place = with_header(damage);
        let aside = "it was damaged, and is kept as ccstats.store.corrupt-1".to_string();
        assert_eq!(place.load(&mut place.open()), (31, vec![aside]), "{number}");
        assert_eq!(place.load(&mut place.open()), (31, vec![]), "{number}");
    }
}

#[test]
fn files_of_others_stay_as_they_are() {
    let place = filled();
    let database = |number: i32| {
        let path = place.0.path().join(number.to_string());
        let other = rusqlite::Connection::open(&path).expect("a database");
        other.execute_batch(&format!("CREATE TABLE state (name TEXT); PRAGMA application_id = {number};")).expect("a table");
        fs::read(path).expect("a database")
    };
    for bytes in [b"x".to_vec(), b"a text".to_vec(), b"long ".repeat(5000), database(7), database(0)] {
        fs::write(file(&place), &bytes).expect("a file");
        assert_eq!(why(&place), "`…/ccstats.store` is no store of ccstats: name another");
        assert_eq!(fs::read(file(&place)).expect("a file"), bytes);
        assert_eq!(fs::read_dir(place.store()).expect("a folder").count(), 1);
    }
}

#[test]
fn what_is_no_store_of_ours_is_refused() {
    let place = filled();
    let store = rusqlite::Connection::open(file(&place)).expect("a database");
    store.execute_batch("PRAGMA user_version = 3").expect("a pragma");
    drop(store);
    assert_eq!(why(&place), "the store `…/ccstats.store` was written by a later version: update ccstats");
    fs::write(file(&place), "not a database, but long enough to have the header of one, if it were.".repeat(9)).expect("a file");
    assert_eq!(why(&place), "`…/ccstats.store` is no store of ccstats: name another");
}

#[test]
fn what_others_could_change_is_refused_and_what_they_could_read_is_closed() {
    let place = filled();
    assert_eq!((mode(&place.store()), mode(&file(&place))), (0o700, 0o600));
    let open_to = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    open_to(&place.store(), 0o755);
    open_to(&file(&place), 0o644);
    drop(place.open());
    assert_eq!((mode(&place.store()), mode(&file(&place))), (0o700, 0o600));
    open_to(&file(&place), 0o620);
    assert_eq!(why(&place), "the store `…/ccstats.store` is not safe: others can write to it: expected a folder that only you can open");
    open_to(&place.store(), 0o777);
    assert_eq!(why(&place), "the store `…` is not safe: others can write to it: expected a folder that only you can open");
    let link = place.0.path().join("link");
    symlink(place.store(), &link).expect("a link");
    assert!(matches!(Store::open(&link), Err(StoreError::Unsafe(..))));
}

#[test]
fn a_writer_that_does_not_end_costs_a_moment_and_no_figure() {
    let place = filled();
    let stopped = rusqlite::Connection::open(file(&place)).expect("a database");
    stopped.execute_batch("BEGIN IMMEDIATE; UPDATE state SET generation = 99").expect("the lock");
    place.write("c.jsonl", &[32]);
    let start = Instant::now();
    assert_eq!(place.load(&mut place.open()), (63, vec![]));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(stopped);
    assert_eq!(place.load(&mut place.open()), (63, vec![]));
    fs::remove_file(place.transcript("c.jsonl")).expect("a file");
    assert_eq!(place.load(&mut place.open()), (63, vec![]));
}

#[test]
fn of_two_that_found_the_same_one_publishes() {
    let place = filled();
    let (mut first, mut second) = (place.open(), place.open());
    place.write("a.jsonl", &[1, 2, 4, 32]);
    assert_eq!(place.load(&mut first), (63, vec![]));
    assert_eq!(place.load(&mut second), (63, vec![]));
    fs::remove_file(place.transcript("a.jsonl")).expect("a file");
    assert_eq!(place.load(&mut second), (63, vec![]));
    assert_eq!(place.load(&mut first), (63, vec![]));
}

/// A large log makes each later process slow to open the store, and grows for ever.
#[test]
fn what_a_killed_process_left_in_the_log_is_tidied_up_by_the_next() {
    let place = Place::new();
    place.write("a.jsonl", &(0..40_000).collect::<Vec<_>>());
    let log_bytes = || fs::metadata(place.store().join("ccstats.store-wal")).map_or(0, |log| log.len());
    let mut store = place.open();
    // Nobody can tidy up before this one is done.
    let reader = rusqlite::Connection::open(file(&place)).expect("a database");
    reader.execute_batch("BEGIN; SELECT * FROM state;").expect("a state");
    let read = place.load(&mut store);
    store.end_writing();
    drop(reader);
    std::mem::forget(store);
    assert!(log_bytes() > 1 << 20, "{}", log_bytes());
    assert_eq!(place.load(&mut place.open()), read);
    assert_eq!(log_bytes(), 0);
}
