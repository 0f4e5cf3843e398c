//! Kinds of subagents are those that files tell now.

use std::fs;
use std::time::{Duration, SystemTime};

use super::Place;
use crate::dataset::Dataset;
use crate::scan::{Progress, ScanOptions};
use crate::store::{Needs, Store};

/// An agent with one message and a file about it, in the folder of a session.
fn agent(place: &Place, session: &str, id: &str, kind: &str) {
    let folder = place.transcript(session).join("subagents");
    fs::create_dir_all(&folder).expect("a folder");
    let line = super::response(1).replace(r#""sessionId""#, &format!(r#""isSidechain":true,"agentId":"{id}","sessionId""#));
    let path = folder.join(format!("agent-{id}.jsonl"));
    fs::write(&path, line).expect("a file");
    // So old that its time counts: the store takes it for the same.
    let old = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(old)).expect("a time");
    name(place, session, id, kind);
}

fn name(place: &Place, session: &str, id: &str, kind: &str) {
    let path = place.transcript(session).join("subagents").join(format!("agent-{id}.meta.json"));
    fs::write(path, format!(r#"{{"agentType":"{kind}"}}"#)).expect("a file");
}

fn kinds(dataset: &Dataset) -> Vec<String> {
    let kind = |origin| dataset.symbols().name(dataset.agent_kind(origin)).into_owned();
    dataset.messages().iter().map(|row| kind(&row.origin)).collect()
}

/// The kinds of a load with a store, and of one without.
fn both(options: &ScanOptions, store: &mut Store) -> [Vec<String>; 2] {
    let stored = Dataset::load_with_store(options, store, &Progress::default(), &Needs::default()).expect("roots");
    [stored, Dataset::load(options, &Progress::default()).expect("roots")].map(|dataset| kinds(&dataset))
}

#[test]
fn a_kind_that_changes_is_noticed_and_kept() {
    let place = Place::new();
    agent(&place, "s", "a1", "old");
    let mut store = place.open();
    for kind in ["old", "new", "new"] {
        name(&place, "s", "a1", kind);
        assert_eq!(both(&place.options(), &mut store), [[kind]; 2]);
    }
    fs::remove_dir_all(place.transcript("s")).expect("a folder");
    assert_eq!(both(&place.options(), &mut store), [vec!["new".to_string()], vec![]]);
}

#[test]
fn a_check_notices_a_kind_that_changed() {
    let place = Place::new();
    agent(&place, "s", "a1", "old");
    let mut store = place.open();
    store.sync(&place.options(), &Progress::default()).expect("synced");
    name(&place, "s", "a1", "new");
    store.verify(&place.options(), &Progress::default()).expect("verified");
    fs::remove_dir_all(place.transcript("s")).expect("a folder");
    assert_eq!(both(&place.options(), &mut store)[0], ["new"]);
}

#[test]
fn of_two_files_about_an_agent_the_same_counts_with_a_store() {
    let place = Place::new();
    agent(&place, "s", "a1", "first");
    agent(&place, "t", "a1", "second");
    let other = Place::new();
    agent(&other, "s", "a1", "third");
    let mut store = place.open();
    for roots in [vec![place.root()], vec![other.root()], vec![place.root(), other.root()], vec![other.root(), place.root()]] {
        let options = ScanOptions::new(roots, SystemTime::now());
        for _ in 0..2 {
            let [stored, read] = both(&options, &mut store);
            assert_eq!(stored, read);
        }
    }
}
