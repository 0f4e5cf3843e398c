//! The limit of looking at every byte: counting the newlines of the same files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use ccstats_core::discover;

/// The transcripts below a folder, with their sizes in bytes.
///
/// # Errors
/// When the folder is missing.
pub fn transcripts_below(dir: &Path) -> Result<Vec<(PathBuf, u64)>, ccstats_core::Error> {
    let found = discover(&[dir.to_owned()])?;
    Ok(found.transcripts.into_iter().map(|transcript| (transcript.path, transcript.size_bytes)).collect())
}

/// Counts the newlines of all files on some threads, with the files mapped.
///
/// # Errors
/// When a file cannot be opened or mapped.
pub fn count_newlines(files: &[(PathBuf, u64)], threads: usize) -> io::Result<u64> {
    let (next, newlines) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        while let Some((path, size)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            if *size > 0 {
                newlines.fetch_add(count_in(&File::open(path)?)?, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| io::Error::other("a worker panicked"))?)
    })?;
    Ok(newlines.into_inner())
}

fn count_in(file: &File) -> io::Result<u64> {
    // SAFETY: the files measured are ours and nobody writes them meanwhile.
    #[expect(unsafe_code, reason = "memory maps cannot be made safe portably")]
    let map = unsafe { memmap2::Mmap::map(file) }?;
    Ok(memchr::memchr_iter(b'\n', &map).count() as u64)
}
