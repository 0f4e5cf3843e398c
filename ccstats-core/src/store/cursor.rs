//! Where reading a transcript goes on, and whether that place still holds.
//!
//! A cursor stands behind the newline of the last complete line that was taken
//! in. What is before it is trusted when the file is the same one (device, inode,
//! time of birth) and the first 4 KiB and the 4 KiB before the cursor are as they
//! were. Whoever changes what lies between, and neither of these, is found by a load when
//! the time of the file changed and its size did not, else by [`super::Store::verify`].

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use crate::discover;

/// How many bytes are looked at, at either end.
const LOOK_BYTES: u64 = 4 << 10;

/// A place in a transcript, and what stood around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Bytes before it: whole lines.
    pub(super) offset: u64,
    /// A hash of the first 4 KiB, of what of them is before the cursor.
    pub(super) head: u64,
    /// A hash of the 4 KiB before the cursor.
    pub(super) tail: u64,
}

impl Cursor {
    /// The cursor behind the last complete line in the first `size` bytes.
    pub(super) fn at_last_line(path: &Path, size: u64) -> io::Result<Cursor> {
        let file = discover::open(path)?;
        let offset = after_last_newline(&file, size)?;
        Cursor::at(&file, offset)
    }

    /// Whether the transcript is still the same up to here.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let now = discover::open(path).and_then(|file| Cursor::at(&file, self.offset));
        now.is_ok_and(|now| now == *self)
    }

    fn at(file: &File, offset: u64) -> io::Result<Cursor> {
        let head = read_range(file, 0, offset.min(LOOK_BYTES))?;
        let tail = if offset <= LOOK_BYTES { head.clone() } else { read_range(file, offset - LOOK_BYTES, offset)? };
        Ok(Cursor { offset, head: xxh3_64(&head), tail: xxh3_64(&tail) })
    }
}

fn after_last_newline(file: &File, size: u64) -> io::Result<u64> {
    let (mut end, mut step) = (size, LOOK_BYTES);
    while end > 0 {
        let start = end.saturating_sub(step);
        if let Some(newline) = memchr::memrchr(b'\n', &read_range(file, start, end)?) {
            return Ok(start + newline as u64 + 1);
        }
        // The last line may be long.
        (end, step) = (start, (2 * step).min(1 << 20));
    }
    Ok(0)
}

fn read_range(mut file: &File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; (end - start) as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("t.jsonl");
        fs::write(&path, text).expect("a file");
        (folder, path)
    }

    #[test]
    fn a_cursor_stands_behind_the_last_newline() {
        let long = [b"a\n".to_vec(), vec![b'x'; 100_000]].concat();
        for (text, offset) in [(&b""[..], 0), (b"abc", 0), (b"a\n", 2), (b"a\nb", 2), (b"\n", 1), (&long, 2)] {
            let (_folder, path) = file(text);
            let cursor = Cursor::at_last_line(&path, text.len() as u64).expect("readable");
            assert_eq!(cursor.offset, offset);
            assert!(cursor.holds(&path));
        }
    }

    #[test]
    fn a_cursor_holds_while_both_ends_are_the_same() {
        let text: Vec<u8> = (0..20_000_u32).flat_map(|number| format!("{number}\n").into_bytes()).collect();
        let (_folder, path) = file(&text);
        let cursor = Cursor::at_last_line(&path, text.len() as u64).expect("readable");
        let changed = |at: usize| {
            let mut text = text.clone();
            text[at] = b'x';
            text
        };
        let cases = [
            ([&text[..], b"more"].concat(), true),
            (changed(0), false),
            (changed(4095), false),
            (changed(50_000), true),
            (changed(text.len() - 4096), false),
            (changed(text.len() - 1), false),
            (text[..text.len() - 1].to_vec(), false),
        ];
        for (at, (text, holds)) in cases.into_iter().enumerate() {
            fs::write(&path, text).expect("a file");
            assert_eq!(cursor.holds(&path), holds, "{at}");
        }
    }
}
