//! The bytes of transcripts: mapped where that is safe, read where it is not.
//!
//! Writers truncate and rewrite transcripts in place, and a map of a truncated
//! file ends the process. So only what is settled is mapped: large, local, and
//! not written for a while. The rest is read into a buffer that its worker uses
//! again. The length is the one at discovery; what comes later waits.
//!
//! A large transcript is scanned in parts. A part owns the lines that start in
//! it, finds its first line by itself, and reads on to the end of its last.

use std::fs::File;
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use memmap2::{Mmap, MmapOptions};

use crate::discover::{Transcript, open};

/// The longest stretch of one transcript that is scanned at once: small enough
/// that what was read is still in the processor's cache when it is looked at.
pub(crate) const PART_BYTES: u64 = 1 << 20;

/// Below this reading is a little faster than mapping: giving a map back
/// interrupts all threads.
const SMALLEST_MAP_BYTES: u64 = 8 << 20;

/// A transcript not written for so long is settled.
const SETTLED_AFTER: Duration = Duration::from_secs(600);

/// A buffer that grew beyond this for one line is given back.
const LARGEST_KEPT_BUFFER: usize = 32 << 20;

/// A stretch of one transcript: the lines that start in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// The index of the transcript.
    pub(crate) transcript: usize,
    /// Where its lines start.
    pub(crate) span: Range<u64>,
}

/// Cuts a transcript into parts of at most [`PART_BYTES`]; one full of holes
/// stays whole.
pub(crate) fn parts(index: usize, transcript: &Transcript) -> impl Iterator<Item = Part> {
    let size = transcript.size_bytes;
    cut(index, 0..size, if transcript.is_sparse { size } else { PART_BYTES })
}

/// Cuts a stretch of a transcript that starts and ends with whole lines.
#[cfg(feature = "store")]
pub(crate) fn parts_of(index: usize, span: Range<u64>) -> impl Iterator<Item = Part> {
    cut(index, span, PART_BYTES)
}

fn cut(index: usize, span: Range<u64>, step: u64) -> impl Iterator<Item = Part> {
    let count = (span.end - span.start).div_ceil(step.max(1)).max(1);
    let start = move |part| span.end.min(span.start + part * step);
    (0..count).map(move |part| Part { transcript: index, span: start(part)..start(part + 1) })
}

/// The bytes of a part: whole lines, the first one first.
pub(crate) struct Bytes<'b> {
    pub(crate) bytes: &'b [u8],
    /// Where they start in the transcript.
    pub(crate) offset: u64,
    /// No line of this part starts here or later.
    pub(crate) limit: usize,
    /// Bytes of holes, which were not read. One NUL stands for each hole.
    pub(crate) hole_bytes: u64,
    /// The transcript was shorter than when it was found.
    pub(crate) has_shrunk: bool,
}

/// Reads parts, one after another, into one buffer.
#[derive(Debug, Default)]
pub(crate) struct Source {
    buffer: Vec<u8>,
    map: Option<Mmap>,
}

/// How transcripts may be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Whether settled transcripts are mapped at all.
    pub(crate) mmap: bool,
    /// The time of the scan.
    pub(crate) now: SystemTime,
}

impl Source {
    /// The bytes of one part.
    ///
    /// # Errors
    /// When the transcript cannot be opened or read, or is no regular file now.
    pub(crate) fn bytes_of(&mut self, transcript: &Transcript, part: &Part, mode: Mode) -> io::Result<Bytes<'_>> {
        self.map = None;
        if self.buffer.capacity() > LARGEST_KEPT_BUFFER {
            self.buffer = Vec::new();
        }
        let file = open(&transcript.path)?;
        if transcript.is_sparse
            && let Some(extents) = holes::extents(&file, transcript.size_bytes)?
        {
            return self.around_holes(&file, &extents, transcript.size_bytes);
        }
        let length = file.metadata()?.len();
        let has_shrunk = length < transcript.size_bytes;
        let size = transcript.size_bytes.min(length);
        let start = part.span.start.saturating_sub(1);
        if start >= size {
            return Ok(Bytes { bytes: &[], offset: start, limit: 0, hole_bytes: 0, has_shrunk });
        }
        let end = part.span.end.min(size);
        let bytes = if mode.mmap && !has_shrunk && is_settled(transcript, mode.now) && is_local(&file) {
            self.map(&file, start, size)?
        } else {
            self.read(&file, start, end, size)?
        };
        let has_shrunk = has_shrunk || (bytes.len() as u64) < end - start;
        Ok(Bytes { hole_bytes: 0, has_shrunk, ..own_lines(bytes, part, start) })
    }

    fn map(&mut self, file: &File, start: u64, size: u64) -> io::Result<&[u8]> {
        let length = usize::try_from(size - start).map_err(io::Error::other)?;
        // SAFETY: the mapped bytes must stay in place while mapped. Only settled
        // transcripts come here (see `is_settled`), and the map lives for one part.
        // Bytes are copied before they are checked as UTF-8, so a change under us
        // can give a wrong character, never an invalid `str`. If such a file is
        // truncated all the same, the program ends: see LIMITS.md.
        #[expect(unsafe_code, reason = "memory maps cannot be made safe portably")]
        let map = unsafe { MmapOptions::new().offset(start).len(length).map_copy_read_only(file) }?;
        Ok(self.map.insert(map))
    }

    /// Reads `start..end`, and on to the end of the line that `end` falls into,
    /// unless that line starts in an earlier part.
    fn read(&mut self, file: &File, start: u64, end: u64, size: u64) -> io::Result<&[u8]> {
        const STEP: u64 = 16 << 10;
        self.buffer.clear();
        self.append(file, start, end)?;
        let is_inside_a_line = start > 0 && memchr::memchr(b'\n', &self.buffer).is_none();
        let mut at = if is_inside_a_line { size } else { end };
        while at < size && self.buffer.last() != Some(&b'\n') {
            let next = size.min(at + STEP.max(at - end));
            let known = self.buffer.len();
            self.append(file, at, next)?;
            if let Some(newline) = memchr::memchr(b'\n', &self.buffer[known..]) {
                self.buffer.truncate(known + newline + 1);
            }
            at = next;
        }
        Ok(&self.buffer)
    }

    /// Appends `from..to` of the file, or as much of it as is still there.
    fn append(&mut self, mut file: &File, from: u64, to: u64) -> io::Result<()> {
        file.seek(SeekFrom::Start(from))?;
        file.take(to - from).read_to_end(&mut self.buffer)?;
        Ok(())
    }

    /// Reads what is not hole.
    fn around_holes(&mut self, file: &File, extents: &[Range<u64>], size: u64) -> io::Result<Bytes<'_>> {
        self.buffer.clear();
        let (mut at, mut holes, mut missing) = (0, 0, 0);
        for extent in extents.iter().chain([&(size..size)]) {
            if extent.start > at {
                self.buffer.push(0);
                holes += extent.start - at - 1;
            }
            let before = self.buffer.len();
            self.append(file, extent.start, extent.end)?;
            missing += extent.end - extent.start - (self.buffer.len() - before) as u64;
            at = extent.end;
        }
        Ok(Bytes { bytes: &self.buffer, offset: 0, limit: self.buffer.len(), hole_bytes: holes, has_shrunk: missing > 0 })
    }
}

/// Cuts off the line that the part before owns, and sets the limit. `bytes`
/// start one byte before the part, so that a newline there is seen.
fn own_lines<'b>(bytes: &'b [u8], part: &Part, start: u64) -> Bytes<'b> {
    let limit = bytes.len().min((part.span.end - start) as usize);
    let first = if part.span.start == 0 {
        Some(0)
    } else {
        memchr::memchr(b'\n', &bytes[..limit]).map(|newline| newline + 1).filter(|first| *first < limit)
    };
    match first {
        Some(first) => {
            Bytes { bytes: &bytes[first..], offset: start + first as u64, limit: limit - first, hole_bytes: 0, has_shrunk: false }
        }
        None => Bytes { bytes: &[], offset: start, limit: 0, hole_bytes: 0, has_shrunk: false },
    }
}

/// The line that starts at an offset, with its newline.
///
/// # Errors
/// When the transcript cannot be opened or read.
pub(crate) fn line_at(path: &std::path::Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut line = Vec::new();
    io::BufReader::new(file).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn is_settled(transcript: &Transcript, now: SystemTime) -> bool {
    let age = now.duration_since(transcript.modified).unwrap_or_default();
    transcript.size_bytes >= SMALLEST_MAP_BYTES && age >= SETTLED_AFTER
}

/// Whether the file lies on a local disk: a map of a remote file can fail late.
#[cfg(target_os = "linux")]
fn is_local(file: &File) -> bool {
    /// NFS, SMB 1 and 2, CIFS, 9p, FUSE, Ceph, AFS, Coda (`statfs(2)`).
    const REMOTE: [i64; 9] = [0x6969, 0x517B, 0xFE53_4D42, 0xFF53_4D42, 0x0102_1997, 0x6573_5546, 0x00C3_6400, 0x5346_414F, 0x7375_7245];
    rustix::fs::fstatfs(file).is_ok_and(|system| !REMOTE.contains(&(system.f_type & 0xFFFF_FFFF)))
}

/// Nothing is mapped where no test has seen it work.
#[cfg(not(target_os = "linux"))]
fn is_local(_: &File) -> bool {
    false
}

/// Files with holes: a crash or a tool can leave a terabyte of nothing.
#[cfg(target_os = "linux")]
mod holes {
    use std::fs::File;
    use std::io;
    use std::ops::Range;

    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;

    /// The stretches that hold data; `None` when there is no hole at all.
    pub(super) fn extents(file: &File, size: u64) -> io::Result<Option<Vec<Range<u64>>>> {
        let mut extents = Vec::new();
        let mut at = 0;
        while at < size {
            let start = match seek(file, SeekFrom::Data(at)) {
                Ok(start) => start.min(size),
                Err(Errno::NXIO) => break,
                Err(Errno::INVAL) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let end = seek(file, SeekFrom::Hole(start))?.min(size);
            extents.push(start..end);
            at = end;
        }
        let is_whole = extents.len() == 1 && extents[0] == (0..size);
        Ok((!is_whole).then_some(extents))
    }
}

#[cfg(not(target_os = "linux"))]
mod holes {
    pub(super) fn extents(_: &std::fs::File, _: u64) -> std::io::Result<Option<Vec<std::ops::Range<u64>>>> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many lines each part of a transcript owns, and how many bytes were read for it.
    fn read_in_parts(text: &[u8]) -> Vec<(usize, usize)> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.jsonl");
        std::fs::write(&path, text).expect("written");
        let found = crate::discover::discover(&[folder.path().to_path_buf()]).expect("found");
        let mode = Mode { mmap: false, now: SystemTime::now() };
        let mut source = Source::default();
        let mut read = |part: Part| {
            let bytes = source.bytes_of(&found.transcripts[0], &part, mode).expect("read");
            let starts = bytes.bytes[..bytes.limit].split_inclusive(|byte| *byte == b'\n').count();
            (starts, source.buffer.len())
        };
        parts(0, &found.transcripts[0]).map(&mut read).collect()
    }

    #[test]
    fn a_long_line_is_read_to_its_end_only_once() {
        let part = PART_BYTES as usize;
        let text = [&vec![b'a'; 3 * part][..], b"\nb\n"].concat();
        assert_eq!(read_in_parts(&text), [(1, 3 * part + 1), (0, part + 1), (0, part + 1), (1, 4)]);
    }
}
