//! Answers that were given before, for as long as they hold.
//!
//! What an answer is, reports know; here it is bytes. For each name there is one file beside
//! the store, with the answer to the last question of that name. A seal over all of it tells
//! a file that was torn while it was written.

use std::collections::HashSet;

use xxhash_rust::xxh3::xxh3_64;

use super::columns::Bytes;
use super::state::State;
use super::{Store, folder};
use crate::discover::find;
use crate::scan::ScanOptions;

impl Store {
    /// The answer to a question, if it is the last one that was kept under this name, and a
    /// load would read the same again.
    pub(crate) fn recall(&mut self, name: &str, question: u128, options: &ScanOptions) -> Option<Vec<u8>> {
        let file = folder::read_answer(&folder::answer(&self.path, name)).ok()?;
        let kept = Kept::read(&file).filter(|kept| kept.question == question)?;
        // Whether anything changed takes longest to tell.
        (self.load_seal(options)? == kept.load_seal).then(|| kept.answer.to_vec())
    }

    /// Keeps the answer to a question that was made of a load.
    pub(crate) fn keep(&self, name: &str, question: u128, load_seal: u64, answer: &[u8]) {
        let file = Kept { question, load_seal, answer }.written();
        // What cannot be kept is made anew.
        _ = folder::write_answer(&folder::answer(&self.path, name), &file);
    }

    /// The seal that a load would have.
    fn load_seal(&mut self, options: &ScanOptions) -> Option<u64> {
        if !self.problems.is_empty() {
            // The next load has to report them.
            return None;
        }
        let found = find(&options.roots).ok()?;
        let state = State::read(&self.catalogue().ok()?.snapshot().ok()?, options).ok()?;
        state.seal(&state.plan(&found.transcripts, &HashSet::new()), &found)
    }
}

/// What is in a file.
struct Kept<'f> {
    question: u128,
    load_seal: u64,
    answer: &'f [u8],
}

impl<'f> Kept<'f> {
    fn written(&self) -> Vec<u8> {
        let rest = [&self.question.to_le_bytes()[..], &self.load_seal.to_le_bytes(), self.answer].concat();
        [&xxh3_64(&rest).to_le_bytes()[..], &rest].concat()
    }

    fn read(file: &'f [u8]) -> Option<Kept<'f>> {
        let mut bytes = Bytes(file);
        let seal = u64::from_le_bytes(bytes.array().ok()?);
        if xxh3_64(bytes.0) != seal {
            return None;
        }
        let question = u128::from_le_bytes(bytes.array().ok()?);
        let load_seal = u64::from_le_bytes(bytes.array().ok()?);
        Some(Kept { question, load_seal, answer: bytes.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_whole_holds_no_answer() {
        let file = Kept { question: 1, load_seal: 2, answer: b"forty-two" }.written();
        let read = |file: &[u8]| Kept::read(file).map(|kept| (kept.question, kept.load_seal, kept.answer.to_vec()));
        assert_eq!(read(&file), Some((1, 2, b"forty-two".to_vec())));
        for end in 0..file.len() {
            assert_eq!(read(&file[..end]), None, "{end}");
        }
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert_eq!(read(&flipped), None, "{at}");
        }
    }
}
