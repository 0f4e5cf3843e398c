//! Reads all transcripts on all cores into one set of facts.
//!
//! Work is cut by bytes, not by files, and handed out largest first: a large
//! transcript started last would keep one thread busy after all others are
//! done. Each worker fills facts of its own; they are joined at the end.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use crate::discover::Transcript;
use crate::entry::Entry;
use crate::error::{Problem, ProblemKind};
use crate::facts::{Facts, Fallback};
use crate::lines::Entries;
use crate::rows::Place;
use crate::simd::Level;
use crate::source::{Mode, Part, Source, parts};

/// How transcripts are read. No choice here changes a figure.
#[derive(Clone, Debug)]
pub struct Options {
    /// Config directories, or any folders of transcripts.
    pub roots: Vec<PathBuf>,
    /// The number of threads; `None` takes all processors.
    pub threads: Option<NonZeroUsize>,
    /// Whether settled transcripts are mapped into memory.
    pub map: bool,
    /// The time of the scan: what was written shortly before is not mapped.
    pub now: SystemTime,
    /// The instructions that the scan uses.
    pub level: Level,
}

impl Options {
    /// All processors, mapped where that is safe.
    pub fn new(roots: Vec<PathBuf>, now: SystemTime) -> Options {
        Options { roots, threads: None, map: true, now, level: Level::detect() }
    }
}

/// How far a scan is. Another thread may look at it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all transcripts; 0 while they are looked for.
    pub total_bytes: AtomicU64,
    /// Bytes that were read.
    pub done_bytes: AtomicU64,
}

/// What a scan gives.
pub(crate) struct Scanned {
    pub(crate) facts: Facts,
    /// By part: its transcript, and the lines of that transcript before it.
    pub(crate) parts: Vec<(usize, u64)>,
    pub(crate) hole_bytes: u64,
    pub(crate) problems: Vec<Problem>,
}

pub(crate) fn scan(transcripts: &[Transcript], options: &Options, progress: &Progress) -> Scanned {
    let parts: Vec<Part> = transcripts.iter().enumerate().flat_map(|(index, transcript)| parts(index, transcript)).collect();
    let total_bytes = transcripts.iter().map(|transcript| transcript.size_bytes).sum();
    progress.total_bytes.store(total_bytes, Ordering::Relaxed);
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(parts[*index].span.end - parts[*index].span.start));
    let queue = Queue { transcripts, parts: &parts, order, next: AtomicUsize::new(0), options, progress };
    let mut workers = queue.run(threads(options.threads, total_bytes));
    // The largest takes in the others: fewest rows are moved.
    workers.sort_by_key(|worker| std::cmp::Reverse(worker.facts.account.total().bytes));
    join(workers, &parts)
}

/// A thread for each half megabyte, at most as many as there are processors:
/// starting one costs as much as reading that.
pub(crate) fn threads(wanted: Option<NonZeroUsize>, total_bytes: u64) -> usize {
    const BYTES_PER_THREAD: u64 = 512 << 10;
    let all = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let useful = usize::try_from(total_bytes / BYTES_PER_THREAD).unwrap_or(usize::MAX).max(1);
    wanted.map_or_else(all, NonZeroUsize::get).min(useful)
}

fn join(workers: Vec<Worker>, parts: &[Part]) -> Scanned {
    let mut lines = vec![0; parts.len()];
    let mut workers = workers.into_iter();
    let mut joined = workers.next().unwrap_or_default();
    for worker in workers {
        joined.lines.extend(worker.lines);
        joined.facts.absorb(worker.facts);
        joined.hole_bytes += worker.hole_bytes;
        joined.problems.extend(worker.problems);
    }
    joined.lines.iter().for_each(|(part, count)| lines[*part] = *count);
    let Worker { facts, hole_bytes, problems, .. } = joined;
    let mut scanned = Scanned { facts, parts: Vec::with_capacity(parts.len()), hole_bytes, problems };
    let mut before = (usize::MAX, 0);
    for (part, count) in parts.iter().zip(lines) {
        let first = if before.0 == part.transcript { before.1 } else { 0 };
        scanned.parts.push((part.transcript, first));
        before = (part.transcript, first + count);
    }
    scanned
}

/// The parts that wait for a worker.
struct Queue<'q> {
    transcripts: &'q [Transcript],
    parts: &'q [Part],
    order: Vec<usize>,
    next: AtomicUsize,
    options: &'q Options,
    progress: &'q Progress,
}

impl Queue<'_> {
    fn run(&self, threads: usize) -> Vec<Worker> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        match pool.build().ok().filter(|_| threads > 1) {
            Some(pool) => pool.broadcast(|_| self.work()),
            // One thread needs no pool; and where no pool can start, one must do.
            None => vec![self.work()],
        }
    }

    fn work(&self) -> Worker {
        let mut worker = Worker::default();
        while let Some(index) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let part = &self.parts[*index];
            worker.part(&self.transcripts[part.transcript], part, *index, self.options);
            self.progress.done_bytes.fetch_add(part.span.end - part.span.start, Ordering::Relaxed);
        }
        worker
    }
}

#[derive(Default)]
struct Worker {
    source: Source,
    facts: Facts,
    /// The number of lines of each part that was read.
    lines: Vec<(usize, u64)>,
    hole_bytes: u64,
    problems: Vec<Problem>,
}

impl Worker {
    fn part(&mut self, transcript: &Transcript, part: &Part, index: usize, options: &Options) {
        let mode = Mode { map: options.map, now: options.now };
        let problem = |kind, detail| Problem { kind, path: transcript.path.clone(), line: None, detail };
        let bytes = match self.source.part(transcript, part, mode) {
            Ok(bytes) => bytes,
            Err(error) => return self.problems.push(problem(ProblemKind::Unreadable, Some(error.to_string()))),
        };
        if bytes.shrank {
            self.problems.push(problem(ProblemKind::Shrank, None));
        }
        self.hole_bytes += bytes.hole_bytes;
        let mut entries = Entries::new(bytes.bytes, bytes.limit, options.level);
        let fallback = fallback(transcript);
        let place = |line| Place { part: index as u32, line };
        let mut entry = Entry::default();
        while let Some(line) = entries.read_next(&mut entry) {
            match line {
                Ok(line) => self.facts.push(&entry, fallback, place(line)),
                Err(bad) if bad.unfinished => {}
                Err(bad) => self.facts.problems.push((ProblemKind::MalformedLine, place(bad.line))),
            }
        }
        self.facts.account += entries.account();
        self.lines.push((index, entries.account().total().lines));
    }
}

/// The names that the place of a transcript gives to its entries.
pub(crate) fn fallback(transcript: &Transcript) -> Fallback<'_> {
    let file = transcript.name.file_name().unwrap_or_default().as_encoded_bytes();
    let stem = memchr::memmem::find(file, b".jsonl").unwrap_or(file.len());
    let project = transcript.name.components().next().map_or(&[][..], |first| first.as_os_str().as_encoded_bytes());
    Fallback { session: &file[..stem], project }
}
