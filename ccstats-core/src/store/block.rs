//! The facts of one part of a transcript as a compact block of bytes, and back.
//!
//! ```text
//! block   = magic, version, checksum of the body, body
//! body    = names, keys, tables
//! table   = length, number of rows, number of columns, columns
//! ```
//! Names and identities stand once; rows hold their numbers. Reading folds the
//! rows into [`Facts`], under a part of their own.
//!
//! Blocks of earlier versions are read too, since they may hold what is nowhere else:
//! new columns come behind the others of their table, new tables behind the others,
//! and what an old block lacks is 0 or empty.
//!
//! A block never holds text: no command, no title, no line of an error, no
//! pattern or query. What figures need of a command is derived when it is written.

mod read;
mod write;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::columns::Damaged;
use super::digest::Digest;
use super::time_span::TimeSpan;
use crate::facts::Facts;
pub(super) use read::{Blocks, read};
pub(super) use write::write;

/// Rises when columns are added, and when lines or commands are understood otherwise: a
/// transcript that is still there is then read again. Blocks of later versions are not read.
pub(super) const VERSION: u16 = 6;

const MAGIC: [u8; 4] = *b"ccsb";

/// Magic, version and checksum.
pub(super) const HEAD_BYTES: usize = 14;

/// A block, and what the catalogue must know of it.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) lines: u64,
    /// The times of its rows; `None` when none has one.
    pub(super) times: Option<TimeSpan>,
    /// Short hashes of all that its rows may share with other transcripts (`family.rs`), sorted.
    pub(super) marks: Vec<u32>,
    pub(super) digest: Digest,
}

/// Makes one block of several that stand one after another in a transcript; each comes
/// with the lines before it. The same lines give the same block, in whatever parts they were
/// read. `None` when one cannot be read.
pub(super) fn join<'b>(blocks: impl Iterator<Item = (&'b [u8], u64)>) -> Option<Block> {
    let mut facts = Facts::default();
    for (block, first_line) in blocks {
        read(block, Take { part: 0, first_line }, &mut facts).ok()?;
    }
    Some(write(&mut facts, 0))
}

/// The tables of a block, in their order. New ones come last.
#[derive(Clone, Copy, Debug)]
enum Table {
    Messages,
    Calls,
    Results,
    FollowUps,
    Prompts,
    Mentions,
    Cuts,
    ApiErrors,
    Agents,
    Uuids,
    PullRequests,
    Forks,
    Worktrees,
    ToolsChanged,
    /// From here on since version 2.
    Titles,
    Effects,
    EffectReads,
    EffectMarks,
    EffectFindings,
}

const TABLES: usize = Table::EffectFindings as usize + 1;

/// Why a block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Damaged,
    /// Written by a later version of ccstats.
    Version(u16),
}

impl From<Damaged> for Unreadable {
    fn from(_: Damaged) -> Unreadable {
        Unreadable::Damaged
    }
}

/// What to take of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take {
    /// The part that its rows get as their place, and the lines before it there.
    pub(super) part: u32,
    pub(super) first_line: u64,
}

/// The checksum of a body. Since version 3 it is right for this version alone: one flipped
/// bit makes version 2 of it, which has the same columns.
fn checksum(version: u16, body: &[u8]) -> u64 {
    xxh3_64_with_seed(body, if version < 3 { 0 } else { u64::from(version) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rows::{CallRow, Command, ResultRow, StoredCommand};
    use crate::symbols::Symbol;
    use crate::testing::dataset;

    const TAKE: Take = Take { part: 0, first_line: 0 };

    fn block() -> Vec<u8> {
        let call = r#"{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"grep secret-word x"}}"#;
        let result = r#"{"type":"tool_result","tool_use_id":"toolu_1","is_error":true,"content":"Exit code 1"}"#;
        let lines = [
            format!(
                r#"{{"type":"assistant","uuid":"a","sessionId":"s","cwd":"/p","timestamp":"2026-11-20T10:00:00Z","message":{{"id":"msg_1","model":"m","usage":{{"output_tokens":7}},"content":[{call}]}}}}"#
            ),
            format!(
                r#"{{"type":"user","uuid":"b","sessionId":"s","timestamp":"2026-11-20T10:00:01Z","message":{{"content":[{result}]}}}}"#
            ),
            r#"{"type":"user","uuid":"c","sessionId":"s","timestamp":"2026-11-20T10:00:02Z","message":{"content":"secret-prompt"}}"#.into(),
            r#"{"type":"ai-title","sessionId":"s","aiTitle":"secret-title"}"#.into(),
            "no entry".into(),
        ];
        let dataset = dataset(&[("p/s.jsonl", &lines)]);
        write(&mut dataset.into_facts(), 0).bytes
    }

    #[test]
    fn a_block_gives_the_facts_back_without_text() {
        let bytes = block();
        let mut facts = Facts::default();
        read(&bytes, TAKE, &mut facts).expect("what was written");
        let call = facts.calls.rows()[0];
        let stored = call.stored.expect("from a block");
        let name = |symbol| facts.symbols.name(symbol);
        assert_eq!((stored.is_soft, name(stored.key).as_ref(), name(call.tool).as_ref()), (true, "grep", "Bash"));
        assert_eq!((facts.messages.rows()[0].tokens.output, facts.results.rows().len(), facts.prompts.rows().len()), (7, 1, 1));
        assert_eq!((facts.titles.len(), facts.titles[0].title), (1, Symbol::NONE));
        assert_eq!(memchr::memmem::find(&bytes, b"secret"), None);
        // Writing what was read gives the same block.
        assert_eq!(write(&mut facts, 0).bytes, bytes);
    }

    #[test]
    fn what_was_derived_of_a_command_stands_beside_its_text() {
        let call = r#"{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"cat a.rs && make > log"}}"#;
        let line = format!(r#"{{"type":"assistant","uuid":"a","sessionId":"s","message":{{"id":"msg_1","content":[{call}]}}}}"#);
        let mut facts = dataset(&[("p/s.jsonl", &[line])]).into_facts();
        write(&mut facts, 0);
        let call = facts.calls.rows()[0];
        let (Some(derived @ Command::Stored(stored)), Some(Command::Text(text))) = (call.known_command(), call.quotable_command()) else {
            panic!("{call:?}");
        };
        assert_eq!((facts.files_read(derived), facts.writes(stored)), facts.reads_and_writes(text));
        assert_eq!(facts.files_read(derived)[0].path, "a.rs");
    }

    #[test]
    fn blocks_of_version_1_are_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/store/version-1.block");
        let old = std::fs::read(path).expect("a block that version 1 wrote from the same lines");
        let (mut from_old, mut from_new) = (Facts::default(), Facts::default());
        read(&old, TAKE, &mut from_old).expect("readable");
        read(&block(), TAKE, &mut from_new).expect("readable");
        assert_eq!(from_old.messages.rows(), from_new.messages.rows());
        // Version 1 kept neither what commands do nor where errors stand.
        let without_effects =
            |call: &CallRow| CallRow { stored: call.stored.map(|stored| StoredCommand { effects: None, ..stored }), ..*call };
        assert_eq!(from_old.calls.rows()[0], without_effects(&from_new.calls.rows()[0]));
        assert_eq!(from_old.results.rows()[0], ResultRow { error_byte: None, ..from_new.results.rows()[0] });
        assert_eq!(from_old.prompts.rows(), from_new.prompts.rows());
        assert_eq!(from_old.uuids, from_new.uuids);
    }

    #[test]
    fn every_flipped_bit_and_every_lost_end_is_noticed() {
        let bytes = block();
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&bytes, TAKE, &mut Facts::default()).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length], TAKE, &mut Facts::default()).is_err(), "length {length}");
        }
    }

    proptest! {
        /// A hostile block has a checksum that is right.
        #[test]
        fn any_body_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
            let mut bytes = block();
            for (at, byte) in changes {
                let at = HEAD_BYTES + at.index(bytes.len() - HEAD_BYTES);
                bytes[at] = byte;
            }
            let checksum = checksum(VERSION, &bytes[HEAD_BYTES..]).to_le_bytes();
            bytes[HEAD_BYTES - 8..HEAD_BYTES].copy_from_slice(&checksum);
            _ = read(&bytes, TAKE, &mut Facts::default());
        }
    }
}
