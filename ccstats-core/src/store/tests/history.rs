//! What is gone stays, until somebody asks to forget it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use super::{Place, mode, outputs};
use crate::dataset::Dataset;
use crate::scan::{Progress, ScanOptions};
use crate::store::catalogue::{BlockKind, Catalogue, KnownRoot, Writer};
use crate::store::{Forget, HistoryError, Import, Imported, Needs, Store, StoreError, Verified};

fn verify(place: &Place, store: &mut Store) -> Verified {
    store.verify(&place.options(), &Progress::default()).expect("verified")
}

/// 2026-10-15.
const MIDDLE_MS: i64 = 1_792_022_400_000;

#[test]
fn an_empty_or_missing_folder_of_projects_loses_nothing() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2, 4]);
    assert_eq!(place.load(&mut place.open()).0, 7);
    fs::rename(place.root().join("projects"), place.0.path().join("away")).expect("a folder");
    for _ in 0..3 {
        assert_eq!(place.load(&mut place.open()), (7, vec![]));
    }
    fs::rename(place.0.path().join("away"), place.root().join("projects")).expect("a folder");
    assert_eq!(place.load(&mut place.open()), (7, vec![]));
}

#[test]
fn a_session_is_found_whatever_its_transcript_is_called() {
    let place = Place::new();
    place.write("other.jsonl", &[1, 2]);
    let needs = Needs { session: Some("s".into()), ..Needs::only_changes() };
    let load = |store: &mut Store, needs: &Needs| {
        outputs(&Dataset::load_with_store(&place.options(), store, &Progress::default(), needs).expect("a home")).0
    };
    assert_eq!(load(&mut place.open(), &needs), 3, "it is new");
    // Once it is settled only what is asked for is read.
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(place.transcript("other.jsonl")).and_then(|file| file.set_modified(old)).expect("a file");
    load(&mut place.open(), &Needs::default());
    assert_eq!([load(&mut place.open(), &needs), load(&mut place.open(), &Needs::only_changes())], [3, 0]);
}

#[test]
fn facts_of_other_roots_are_not_shown() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    let other = place.0.path().join("other");
    fs::create_dir_all(&other).expect("a folder");
    fs::write(other.join("b.jsonl"), super::response(2)).expect("a file");
    let mut store = place.open();
    let mut load = |roots| {
        let options = ScanOptions::new(roots, std::time::SystemTime::now());
        outputs(&Dataset::load_with_store(&options, &mut store, &Progress::default(), &Needs::default()).expect("roots")).0
    };
    assert_eq!(load(vec![place.root()]), 1);
    assert_eq!(load(vec![other.clone()]), 2);
    fs::remove_file(other.join("b.jsonl")).expect("a file");
    assert_eq!(load(vec![other.clone()]), 2);
    assert_eq!(load(vec![place.root()]), 1);
    assert_eq!(load(vec![place.root(), other.clone()]), 3);
    // The folder of projects is the same root as what holds it.
    assert_eq!(load(vec![place.root().join("projects")]), 1);
}

#[test]
fn the_status_tells_what_is_not_in_the_store_yet() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    place.write("b.jsonl", &[2]);
    let mut store = place.open();
    assert_eq!(store.status(&place.options()).expect("a status").unseen.len(), 2);
    store.sync(&place.options(), &Progress::default()).expect("synced");
    fs::remove_file(place.transcript("a.jsonl")).expect("a file");
    place.write("b.jsonl", &[2, 4]);
    let status = store.status(&place.options()).expect("a status");
    assert_eq!(
        (status.transcripts, status.gone, status.unseen),
        (2, 1, vec![fs::canonicalize(place.transcript("b.jsonl")).expect("a file")])
    );
    assert_eq!(status.span_ms, Some((1_790_935_200_000, 1_791_021_600_000)));
}

#[test]
fn a_last_line_that_is_not_finished_is_not_missing() {
    let place = Place::new();
    let text = super::response(1) + super::response(2).trim_end();
    fs::write(place.transcript("a.jsonl"), &text).expect("a file");
    fs::write(place.transcript("b.jsonl"), &text[..text.len() - 9]).expect("a file");
    let mut store = place.open();
    let mut unseen = || {
        let unseen = store.status(&place.options()).expect("a status").unseen.len();
        store.sync(&place.options(), &Progress::default()).expect("synced");
        unseen
    };
    assert_eq!((unseen(), unseen()), (2, 0));
    fs::write(place.transcript("b.jsonl"), text).expect("a file");
    assert_eq!((unseen(), unseen()), (1, 0));
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn what_cannot_be_read_is_not_missing() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    fs::set_permissions(place.transcript("a.jsonl"), fs::Permissions::from_mode(0o000)).expect("ours");
    if fs::read(place.transcript("a.jsonl")).is_ok() {
        return eprintln!("skipped: this user may read everything");
    }
    let mut store = place.open();
    for _ in 0..2 {
        let status = store.status(&place.options()).expect("a status");
        assert_eq!((status.unseen.len(), status.unreadable.len()), (0, 1));
        store.sync(&place.options(), &Progress::default()).expect("synced");
    }
}

#[test]
fn only_what_is_gone_and_old_is_pruned() {
    let place = Place::new();
    place.write("old.jsonl", &[1, 2]);
    place.write("new.jsonl", &[4, 20]);
    place.write("there.jsonl", &[8]);
    let mut store = place.open();
    assert_eq!(place.load(&mut store).0, 35);
    fs::remove_file(place.transcript("old.jsonl")).expect("a file");
    fs::remove_file(place.transcript("new.jsonl")).expect("a file");
    assert_eq!(store.prunable(&place.options(), Forget::Before(MIDDLE_MS)).expect("counted"), 1);
    assert_eq!(store.prune(&place.options(), Forget::Before(MIDDLE_MS)).expect("pruned"), 1);
    assert_eq!(place.load(&mut store), (32, vec![]));
    assert_eq!(store.prune(&place.options(), Forget::Before(MIDDLE_MS)).expect("pruned"), 0);
}

#[test]
fn an_export_brings_history_to_another_store() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    place.write("b.jsonl", &[4]);
    place.load(&mut place.open());
    let file = place.0.path().join("export");
    place.open().export(&file).expect("exported");
    assert_eq!(mode(&file), 0o600);
    assert!(place.open().export(&file).is_err());
    // Meanwhile one transcript is rewritten and read by another store.
    fs::remove_dir_all(place.store()).expect("a folder");
    fs::remove_file(place.transcript("b.jsonl")).expect("a file");
    place.write("a.jsonl", &[8, 2]);
    let mut store = place.open();
    assert_eq!(place.load(&mut store).0, 10);
    for _ in 0..3 {
        assert_eq!(import(&place, &mut store, &file), 2);
        assert_eq!(place.load(&mut store), (15, vec![]));
    }
    assert_eq!(verify(&place, &mut store).unreadable, 0);
}

/// Takes in all of an export; gives the number of transcripts.
fn import(place: &Place, store: &mut Store, file: &std::path::Path) -> u64 {
    let imported = store.import(file, &Import::default(), &place.options()).expect("imported");
    imported.iter().map(|imported| imported.transcripts).sum()
}

fn export(place: &Place) -> std::path::PathBuf {
    let file = place.0.path().join("export");
    place.open().export(&file).expect("exported");
    file
}

#[test]
fn what_is_imported_again_adds_nothing() {
    let place = Place::new();
    let mut store = place.open();
    // Taken in piece by piece: many blocks.
    for end in 1..12 {
        place.write("a.jsonl", &(0..end).collect::<Vec<_>>());
        place.load(&mut store);
    }
    place.write("b.jsonl", &[100]);
    place.load(&mut store);
    drop(store);
    let file = export(&place);
    fs::remove_dir_all(place.store()).expect("a folder");
    place.write("a.jsonl", &(5..20).collect::<Vec<_>>());
    let mut store = place.open();
    place.load(&mut store);
    let mut again = || {
        import(&place, &mut store, &file);
        (store.status(&place.options()).expect("a status").size_bytes, verify(&place, &mut store).sound, place.load(&mut store))
    };
    let first = again();
    assert_eq!(first.2, (290, vec![]));
    assert_eq!((again(), again()), (first.clone(), first));
}

#[test]
fn a_transcript_on_another_disk_is_the_one_of_its_name() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    place.load(&mut place.open());
    let file = export(&place);
    fs::remove_dir_all(place.store()).expect("a folder");
    fs::rename(place.transcript("a.jsonl"), place.transcript("a.old")).expect("a file");
    place.write("a.jsonl", &[1, 2]);
    let mut store = place.open();
    place.load(&mut store);
    import(&place, &mut store, &file);
    let status = store.status(&place.options()).expect("a status");
    assert_eq!((status.transcripts, status.gone, verify(&place, &mut store).sound), (1, 0, 1));
}

#[test]
fn what_is_imported_counts_in_its_time() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    place.load(&mut place.open());
    let file = export(&place);
    fs::remove_dir_all(place.store()).expect("a folder");
    place.write("a.jsonl", &[20]);
    let mut store = place.open();
    place.load(&mut store);
    import(&place, &mut store, &file);
    let needs = Needs { end_ms: Some(MIDDLE_MS), ..Needs::default() };
    let dataset = Dataset::load_with_store(&place.options(), &mut store, &Progress::default(), &needs).expect("a home");
    assert_eq!(outputs(&dataset).0, 21);
}

#[test]
fn history_of_another_home_becomes_that_of_a_root_here() {
    let (theirs, ours) = (Place::new(), Place::new());
    theirs.write("gone.jsonl", &[1, 2]);
    theirs.write("both.jsonl", &[4, 8]);
    theirs.load(&mut theirs.open());
    let file = export(&theirs);
    ours.write("both.jsonl", &[4, 8, 16]);
    let mut store = ours.open();
    assert_eq!(ours.load(&mut store), (28, vec![]));
    let projects = |place: &Place| fs::canonicalize(place.root()).expect("a folder").join("projects");
    let mut import = |onto| store.import(&file, &Import { from: None, onto }, &ours.options()).expect("imported");
    let imported = |root, is_shown| [Imported { root, transcripts: 2, unreadable: 0, is_shown }];
    assert_eq!(import(None), imported(projects(&theirs), false));
    for _ in 0..2 {
        assert_eq!(import(Some(ours.root())), imported(projects(&ours), true));
    }
    assert_eq!(ours.load(&mut store), (31, vec![]));
    let status = store.status(&ours.options()).expect("a status");
    assert_eq!((status.transcripts, status.gone), (2, 1));
}

#[test]
fn what_cannot_be_read_of_an_export_is_left_out_and_counted() {
    let (theirs, ours) = (Place::new(), Place::new());
    theirs.write("a.jsonl", &[1]);
    theirs.write("b.jsonl", &[2]);
    theirs.load(&mut theirs.open());
    let file = export(&theirs);
    let database = rusqlite::Connection::open(&file).expect("a database");
    database
        .execute("UPDATE block SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'ff' AS BLOB) WHERE id = 1", [])
        .expect("a block");
    drop(database);
    let mut store = ours.open();
    let import = Import { from: None, onto: Some(ours.root()) };
    let imported = store.import(&file, &import, &ours.options()).expect("imported");
    assert_eq!((imported[0].transcripts, imported[0].unreadable), (2, 1));
    let (outputs, problems) = ours.load(&mut store);
    assert!(problems.is_empty() && matches!(outputs, 1 | 2), "{outputs}: {problems:?}");
    assert_eq!(verify(&ours, &mut store), Verified { sound: 1, ..Verified::default() });
}

#[test]
fn an_export_that_is_damaged_is_blamed_itself() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    let mut store = place.open();
    place.load(&mut store);
    let file = export(&place);
    let database = rusqlite::Connection::open(&file).expect("a database");
    database.execute("UPDATE block SET bytes = 'text'", []).expect("a block");
    drop(database);
    let bytes = fs::read(&file).expect("a file");
    for end in [bytes.len(), bytes.len() / 2, bytes.len() / 3] {
        fs::write(&file, &bytes[..end]).expect("a file");
        let error = store.import(&file, &Import::default(), &place.options()).expect_err("damaged").to_string();
        assert!(error.contains(&file.display().to_string()), "{end}: {error}");
    }
    assert_eq!(place.load(&mut store), (1, vec![]));
}

#[test]
fn of_several_roots_the_one_that_is_meant_is_named() {
    let place = Place::new();
    place.write("a.jsonl", &[1]);
    let other = place.0.path().join("other");
    fs::create_dir_all(&other).expect("a folder");
    fs::write(other.join("b.jsonl"), super::response(2)).expect("a file");
    let options = ScanOptions::new(vec![place.root(), other.clone()], std::time::SystemTime::now());
    place.open().sync(&options, &Progress::default()).expect("synced");
    let (file, new) = (export(&place), Place::new());
    let mut store = new.open();
    let mut import = |from: Option<&std::path::Path>, onto: Option<std::path::PathBuf>| {
        let import = Import { from: from.map(Into::into), onto };
        store.import(&file, &import, &new.options())
    };
    for (from, onto) in [(None, Some(new.root())), (Some(new.root()), None)] {
        let refused = import(from.as_deref(), onto);
        assert!(matches!(&refused, Err(HistoryError::Store(StoreError::Roots(_, roots))) if roots.len() == 2), "{refused:?}");
    }
    assert!(matches!(import(Some(&other), Some(other.join("missing"))), Err(HistoryError::Roots(_))));
    let (other, root) = (fs::canonicalize(other).expect("a folder"), fs::canonicalize(place.root()).expect("a folder"));
    assert_eq!(import(Some(&other), Some(new.root())).expect("imported")[0].transcripts, 1);
    assert_eq!(import(Some(&root), None).expect("imported").len(), 1);
    assert_eq!(new.load(&mut store), (2, vec![]));
}

/// A store as version 1 left it, of a transcript that is gone.
fn of_version_1(place: &Place) {
    let block = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/store/version-1.block");
    let block = fs::read(block).expect("a block that version 1 wrote");
    place.write("a.jsonl", &[1]);
    place.load(&mut place.open());
    fs::remove_file(place.transcript("a.jsonl")).expect("a file");
    let path = place.store().join("ccstats.store");
    let mut catalogue = Catalogue::open(&path).expect("a store");
    let snapshot = catalogue.snapshot().expect("readable");
    let root = snapshot.roots().expect("readable").remove(0);
    let KnownRoot { id, transcripts: mut known, .. } = snapshot.root(&root).expect("sound").expect("known");
    let generation = snapshot.generation;
    drop(snapshot);
    let replace = |writer: &mut Writer| {
        known[0].format = 1;
        writer.blocks(&known[0])?.iter().try_for_each(|stored| writer.delete_block(stored.id))?;
        writer.add_block(&known[0], BlockKind::Whole, 0, &block)?;
        writer.put(&known[0])?;
        writer.seal_root(id, known.iter())
    };
    catalogue.publish(generation, replace).expect("written");
    let old = rusqlite::Connection::open(path).expect("a database");
    old.execute_batch("DROP TABLE digest; PRAGMA user_version = 1;").expect("changed");
}

#[test]
fn history_of_version_1_is_kept() {
    let place = Place::new();
    of_version_1(&place);
    // The block tells of a response with seven tokens.
    assert_eq!(place.load(&mut place.open()), (7, vec![]));
    place.write("b.jsonl", &[8]);
    for _ in 0..2 {
        assert_eq!(place.load(&mut place.open()), (15, vec![]));
    }
}

#[test]
fn a_store_of_version_1_can_be_imported() {
    let (place, other) = (Place::new(), Place::new());
    of_version_1(&other);
    let mut store = place.open();
    assert_eq!(import(&place, &mut store, &other.store().join("ccstats.store")), 1);
    assert_eq!(verify(&place, &mut store), Verified { sound: 1, ..Verified::default() });
}

#[test]
fn accounting_that_is_lost_is_found_again() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    place.write("b.jsonl", &[4]);
    place.load(&mut place.open());
    let database = rusqlite::Connection::open(place.store().join("ccstats.store")).expect("a database");
    for change in ["DELETE FROM digest WHERE transcript = 1", "UPDATE digest SET whole = x'00' WHERE transcript = 2"] {
        database.execute_batch(change).expect("changed");
        for _ in 0..2 {
            let dataset =
                Dataset::load_with_store(&place.options(), &mut place.open(), &Progress::default(), &Needs::default()).expect("a home");
            assert_eq!((outputs(&dataset).0, dataset.accounting().lines.parsed.lines), (7, 3), "{change}");
        }
    }
}

#[test]
fn a_check_counts_blocks() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    let mut store = place.open();
    place.load(&mut store);
    assert_eq!(verify(&place, &mut store), Verified { sound: 1, ..Verified::default() });
}

/// Writes something of the same length over a transcript, as of the time that it had.
fn overwrite(place: &Place, name: &str, outputs: &[u64]) {
    let path = place.transcript(name);
    let (size, modified) = fs::metadata(&path).and_then(|data| Ok((data.len(), data.modified()?))).expect("a file");
    place.write(name, outputs);
    let file = fs::File::options().write(true).open(&path).expect("a file");
    assert_eq!(file.metadata().expect("a file").len(), size);
    file.set_modified(modified).expect("a time");
}

/// Some responses, more than a cursor looks at; all with three digits.
fn many(changed: u64) -> Vec<u64> {
    (100..200).map(|output| if output == 150 { changed } else { output }).collect()
}

#[test]
fn a_change_where_no_cursor_looks_is_found_by_a_check() {
    let place = Place::new();
    place.write("a.jsonl", &many(150));
    place.write("b.jsonl", &[1]);
    let mut store = place.open();
    let before = place.load(&mut store).0;
    overwrite(&place, "a.jsonl", &many(999));
    assert_eq!(place.load(&mut store), (before, vec![]));
    assert_eq!(verify(&place, &mut store), Verified { sound: 2, unreadable: 0, changed: 1 });
    // What is there counts, and so does what was there.
    for _ in 0..2 {
        assert_eq!(place.load(&mut store), (before + 999, vec![]));
        assert_eq!(verify(&place, &mut store), Verified { sound: 3, unreadable: 0, changed: 0 });
    }
}

#[test]
fn a_transcript_that_was_written_to_and_did_not_grow_is_read_again() {
    let place = Place::new();
    place.write("a.jsonl", &many(150));
    let long_ago = |days: u64| std::time::SystemTime::now() - std::time::Duration::from_secs(86_400 * days);
    let touch = |days| {
        let file = fs::File::options().write(true).open(place.transcript("a.jsonl")).expect("a file");
        file.set_modified(long_ago(days)).expect("a time");
    };
    touch(3);
    let mut store = place.open();
    let before = place.load(&mut store).0;
    place.write("a.jsonl", &many(999));
    touch(2);
    assert_eq!(place.load(&mut store), (before + 999, vec![]));
    let blocks = verify(&place, &mut store).sound;
    // Nothing but the time is new: nothing is kept twice.
    for days in 0..2 {
        touch(days);
        assert_eq!(place.load(&mut store), (before + 999, vec![]));
        assert_eq!(verify(&place, &mut store), Verified { sound: blocks, ..Verified::default() });
    }
}

#[test]
fn a_check_knows_transcripts_that_were_taken_in_piece_by_piece() {
    let place = Place::new();
    let mut store = place.open();
    for end in 1..40 {
        place.write("a.jsonl", &(0..end).collect::<Vec<_>>());
        place.load(&mut store);
        assert_eq!(verify(&place, &mut store).changed, 0, "{end}");
    }
}

#[test]
fn secrets_are_found_where_they_stand_whatever_the_store_knows() {
    let place = Place::new();
    place.write("a.jsonl", &[1, 2]);
    let mut store = place.open();
    place.load(&mut store);
    let secret = r#"{"type":"user","uuid":"x","sessionId":"s","message":{"content":"AKIAQ3EGRJ7T5WXKPLNM"}}"#;
    let text = fs::read_to_string(place.transcript("a.jsonl")).expect("readable") + &super::response(4) + secret + "\n";
    fs::write(place.transcript("a.jsonl"), text).expect("a file");
    place.write("gone.jsonl", &[8]);
    place.load(&mut store);
    fs::remove_file(place.transcript("gone.jsonl")).expect("a file");
    let needs = [Needs::default(), Needs { text: true, ..Needs::default() }];
    for needs in needs {
        let dataset = Dataset::load_with_store(&place.options(), &mut store, &Progress::default(), &needs).expect("a home");
        assert_eq!(dataset.facts().prompts.rows().iter().any(|row| !row.title.is_none()), needs.text);
        let leaks = crate::Leaks::of(&dataset, &place.options(), &crate::hashing::HashKey::new(b"key"));
        assert_eq!((leaks.leaks.len(), leaks.problems.len()), (1, 0));
        let (transcript, line) = dataset.locate(leaks.leaks[0].origin.order.place);
        assert_eq!((transcript.name.to_str(), line), (Some("p/a.jsonl"), 4));
    }
}
