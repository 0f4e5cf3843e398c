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

use crate::dedup::Spot;
use crate::discover::Transcript;
use crate::entry::Entry;
use crate::error::{Problem, ProblemKind};
use crate::facts::{Facts, Fallback, Line};
use crate::lines::Entries;
use crate::rows::Place;
use crate::simd::Level;
use crate::source::{Mode, Part, Source, parts};

/// How transcripts are read. No choice here changes a figure of a report.
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
    /// Whether the lines of all results are counted, for frames: a second look at
    /// their text that takes an eighth of a scan.
    pub result_lines: bool,
}

impl Options {
    /// All processors, mapped where that is safe.
    pub fn new(roots: Vec<PathBuf>, now: SystemTime) -> Options {
        Options { roots, threads: None, map: true, now, level: Level::detect(), result_lines: false }
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

/// A part that waits to be read.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) part: Part,
    /// The number of the part in places.
    pub(crate) number: u32,
    /// The number of its transcript in spots.
    pub(crate) transcript_id: u64,
}

/// The jobs of reading all transcripts as a whole.
pub(crate) fn jobs(transcripts: &[Transcript]) -> Vec<Job> {
    let parts = transcripts.iter().enumerate().flat_map(|(index, transcript)| parts(index, transcript));
    parts.enumerate().map(|(number, part)| Job { number: number as u32, transcript_id: part.transcript as u64, part }).collect()
}

/// What a scan gives.
#[derive(Default)]
pub(crate) struct Scanned {
    pub(crate) facts: Facts,
    /// The lines of each job.
    pub(crate) lines: Vec<u64>,
    pub(crate) hole_bytes: u64,
    pub(crate) problems: Vec<Problem>,
}

/// Gets the facts of each part apart, before they are joined, with its job and
/// its bytes of holes. Parts that could not be read as they were found are left out.
pub(crate) type Witness<'w> = &'w (dyn Fn(usize, &mut Facts, u64) + Sync);

pub(crate) fn scan(transcripts: &[Transcript], jobs: &[Job], options: &Options, progress: &Progress, witness: Option<Witness>) -> Scanned {
    let bytes = |job: &Job| job.part.span.end - job.part.span.start;
    let total_bytes = jobs.iter().map(bytes).sum();
    progress.total_bytes.fetch_add(total_bytes, Ordering::Relaxed);
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|index| std::cmp::Reverse(bytes(&jobs[*index])));
    let queue = Queue { transcripts, jobs, order, next: AtomicUsize::new(0), options, progress, witness };
    let mut workers = on_threads(threads(options.threads, total_bytes), || queue.work());
    // The largest takes in the others: fewest rows are moved.
    workers.sort_by_key(|worker| std::cmp::Reverse(worker.facts.account.total().bytes));
    join(workers, jobs.len())
}

/// A thread for each half megabyte, at most as many as there are processors:
/// starting one costs as much as reading that.
pub(crate) fn threads(wanted: Option<NonZeroUsize>, total_bytes: u64) -> usize {
    const BYTES_PER_THREAD: u64 = 512 << 10;
    let all = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let useful = usize::try_from(total_bytes / BYTES_PER_THREAD).unwrap_or(usize::MAX).max(1);
    wanted.map_or_else(all, NonZeroUsize::get).min(useful)
}

fn join(workers: Vec<Worker>, jobs: usize) -> Scanned {
    let mut lines = vec![0; jobs];
    let mut workers = workers.into_iter();
    let mut joined = workers.next().unwrap_or_default();
    for worker in workers {
        joined.lines.extend(worker.lines);
        joined.facts.absorb(worker.facts);
        joined.hole_bytes += worker.hole_bytes;
        joined.problems.extend(worker.problems);
    }
    joined.lines.iter().for_each(|(job, count)| lines[*job] = *count);
    let Worker { facts, hole_bytes, problems, .. } = joined;
    Scanned { facts, lines, hole_bytes, problems }
}

/// By part: its transcript, and the lines of that transcript before it. Takes
/// the transcripts of the parts and the lines in them.
pub(crate) fn first_lines(parts: impl Iterator<Item = (usize, u64)>) -> Vec<(usize, u64)> {
    let mut before = (usize::MAX, 0);
    let start = |(transcript, count)| {
        let first = if before.0 == transcript { before.1 } else { 0 };
        before = (transcript, first + count);
        (transcript, first)
    };
    parts.map(start).collect()
}

/// The parts that wait for a worker.
struct Queue<'q> {
    transcripts: &'q [Transcript],
    jobs: &'q [Job],
    order: Vec<usize>,
    next: AtomicUsize,
    options: &'q Options,
    progress: &'q Progress,
    witness: Option<Witness<'q>>,
}

/// Does the same on some threads.
pub(crate) fn on_threads<W: Send>(threads: usize, work: impl Fn() -> W + Sync) -> Vec<W> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    match (threads > 1).then(|| pool.build().ok()).flatten() {
        Some(pool) => pool.broadcast(|_| work()),
        // One thread needs no pool; and where no pool can start, one must do.
        None => vec![work()],
    }
}

impl Queue<'_> {
    fn work(&self) -> Worker {
        let mut worker = Worker::default();
        while let Some(index) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.part(&mut worker, *index);
        }
        worker
    }

    fn part(&self, worker: &mut Worker, index: usize) {
        let job = &self.jobs[index];
        let Part { transcript, span } = &job.part;
        let transcript = &self.transcripts[*transcript];
        match self.witness {
            None => _ = worker.part(transcript, job, index, self.options),
            Some(witness) => {
                let all = std::mem::take(&mut worker.facts);
                let read = worker.part(transcript, job, index, self.options);
                let mut facts = std::mem::replace(&mut worker.facts, all);
                if let Some(hole_bytes) = read {
                    witness(index, &mut facts, hole_bytes);
                }
                worker.facts.absorb(facts);
            }
        }
        self.progress.done_bytes.fetch_add(span.end - span.start, Ordering::Relaxed);
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
    /// Reads one part. Gives the bytes of its holes when all of it was there.
    fn part(&mut self, transcript: &Transcript, job: &Job, index: usize, options: &Options) -> Option<u64> {
        self.facts.counts_result_lines = options.result_lines;
        let mode = Mode { map: options.map, now: options.now };
        let problem = |kind, detail| Problem { kind, path: transcript.path.clone(), line: None, detail };
        let bytes = match self.source.part(transcript, &job.part, mode) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.problems.push(problem(ProblemKind::Unreadable, Some(error.to_string())));
                return None;
            }
        };
        if bytes.shrank {
            self.problems.push(problem(ProblemKind::Shrank, None));
        }
        self.hole_bytes += bytes.hole_bytes;
        let mut entries = Entries::new(bytes.bytes, bytes.limit, options.level);
        let fallback = fallback(transcript);
        let place = |line| Place { part: job.number, line };
        let mut entry = Entry::default();
        while let Some(line) = entries.read_next(&mut entry) {
            match line {
                Ok(line) => {
                    let (start, text) = entries.line();
                    let spot = Spot { transcript: job.transcript_id, offset: bytes.offset + start as u64, text };
                    self.facts.push(&Line { entry: &entry, fallback, place: place(line), spot });
                }
                Err(bad) if bad.unfinished => {}
                Err(bad) => self.facts.problems.push((ProblemKind::MalformedLine, place(bad.line))),
            }
        }
        self.facts.account += entries.account();
        self.lines.push((index, entries.account().total().lines));
        (!bytes.shrank).then_some(bytes.hole_bytes)
    }
}

/// The names that the place of a transcript gives to its entries.
pub(crate) fn fallback(transcript: &Transcript) -> Fallback<'_> {
    let file = transcript.name.file_name().unwrap_or_default().as_encoded_bytes();
    let stem = memchr::memmem::find(file, b".jsonl").unwrap_or(file.len());
    let project = transcript.name.components().next().map_or(&[][..], |first| first.as_os_str().as_encoded_bytes());
    Fallback { session: &file[..stem], project }
}
