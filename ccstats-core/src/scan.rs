//! Reads all transcripts on all cores into one set of facts.
//!
//! Work is cut by bytes, not by files, and handed out largest first: a large
//! transcript started last would keep one thread busy after all others are
//! done. Each worker fills facts of its own; they are joined at the end.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::num::NonZeroUsize;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::SystemTime;

use crate::dedup::Spot;
use crate::discover::Transcript;
use crate::entry::Entry;
use crate::error::{Problem, ProblemKind};
use crate::facts::{Facts, Fallback, Line};
use crate::keys::Orders;
use crate::lines::Entries;
use crate::rows::Place;
use crate::simd::Level;
use crate::source::{Bytes, Mode, Part, Source, parts};

/// How transcripts are read. No choice here changes a figure of a report.
#[derive(Clone, Debug)]
pub struct ScanOptions {
    /// Config directories, or any folders of transcripts.
    pub roots: Vec<PathBuf>,
    /// Threads that read; `None` takes all processors. Later stages run in the rayon pool of the
    /// caller.
    pub threads: Option<NonZeroUsize>,
    /// Whether transcripts that nobody wrote to for a while are mapped into memory, which is
    /// faster. One that is cut short meanwhile ends the process (SIGBUS): a program that must
    /// go on sets this to `false`.
    pub mmap: bool,
    /// The time of the scan: what was written shortly before is not mapped.
    pub now: SystemTime,
    /// The instructions that the scan uses.
    pub level: Level,
    /// Whether the lines of all results are counted, for frames: a second look at
    /// their text that takes an eighth of a scan.
    pub result_lines: bool,
}

impl ScanOptions {
    /// All processors, mapped where that is safe.
    pub fn new(roots: Vec<PathBuf>, now: SystemTime) -> ScanOptions {
        ScanOptions { roots, threads: None, mmap: true, now, level: Level::detect(), result_lines: false }
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

impl Job {
    fn size_bytes(&self) -> u64 {
        self.part.span.end - self.part.span.start
    }
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

/// Called with each part that was read: the index of its job, its facts before they are joined
/// with others, and its bytes of holes. Parts that could not be read as they were found are
/// left out.
pub(crate) type EachPart<'w> = &'w (dyn Fn(usize, &mut Facts, u64) + Sync);

/// Reads the jobs on several threads, and joins what they found.
pub(crate) fn scan(
    transcripts: &[Transcript],
    jobs: &[Job],
    options: &ScanOptions,
    progress: &Progress,
    each_part: Option<EachPart>,
) -> Scanned {
    let total_bytes = jobs.iter().map(Job::size_bytes).sum();
    progress.total_bytes.fetch_add(total_bytes, Ordering::Relaxed);
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|index| Reverse(jobs[*index].size_bytes()));
    let queue = Queue { transcripts, jobs, order, next: AtomicUsize::new(0), options, progress, each_part };
    let mut workers = on_threads(threads(options.threads, total_bytes), || queue.work());
    // The largest takes in the others: fewest rows are moved.
    workers.sort_by_key(|worker| Reverse(worker.facts.account.total().bytes));
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

/// Does the same on some threads.
pub(crate) fn on_threads<W: Send>(threads: usize, work: impl Fn() -> W + Sync) -> Vec<W> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    match (threads > 1).then(|| pool.build().ok()).flatten() {
        Some(pool) => pool.broadcast(|_| work()),
        // One thread needs no pool; and where no pool can start, one must do.
        None => vec![work()],
    }
}

fn join(workers: Vec<Worker>, jobs: usize) -> Scanned {
    let mut lines = vec![0; jobs];
    let mut workers = workers.into_iter();
    let mut joined = workers.next().unwrap_or_default();
    for Worker { facts, reader, .. } in workers {
        joined.facts.absorb(facts);
        joined.reader.lines.extend(reader.lines);
        joined.reader.hole_bytes += reader.hole_bytes;
        joined.reader.problems.extend(reader.problems);
    }
    let Worker { facts, reader: Reader { lines: counts, hole_bytes, problems, .. }, .. } = joined;
    counts.into_iter().for_each(|(job, count)| lines[job] = count);
    Scanned { facts, lines, hole_bytes, problems }
}

/// Where a part starts: lines are counted from there while it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartStart {
    /// The index of its transcript.
    pub(crate) transcript: usize,
    /// The lines of the transcript before it.
    pub(crate) lines_before: u64,
}

/// The starts of parts that stand one behind the other, from the transcript of each part and
/// the lines in it.
pub(crate) fn part_starts(parts: impl Iterator<Item = (usize, u64)>) -> Vec<PartStart> {
    let mut next = PartStart { transcript: usize::MAX, lines_before: 0 };
    let start = |(transcript, lines)| {
        let lines_before = if next.transcript == transcript { next.lines_before } else { 0 };
        next = PartStart { transcript, lines_before: lines_before + lines };
        PartStart { transcript, lines_before }
    };
    parts.map(start).collect()
}

/// The index of the transcript of a place, and its line there, from 1.
pub(crate) fn locate(starts: &[PartStart], place: Place) -> (usize, u64) {
    let PartStart { transcript, lines_before } = starts[place.part as usize];
    (transcript, lines_before + u64::from(place.line))
}

/// The parts that wait for a worker.
struct Queue<'q> {
    transcripts: &'q [Transcript],
    jobs: &'q [Job],
    order: Vec<usize>,
    next: AtomicUsize,
    options: &'q ScanOptions,
    progress: &'q Progress,
    each_part: Option<EachPart<'q>>,
}

impl Queue<'_> {
    fn work(&self) -> Worker {
        let mut worker = Worker::default();
        let (mut done, mut panics) = (Vec::new(), Vec::new());
        let mut target = if self.each_part.is_some() { Target::Own } else { Target::Shared };
        while let Some(index) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            match self.try_part(&mut worker, *index, target) {
                Ok(()) => {
                    done.push(*index);
                    if worker.waiting_bytes > self.most_waiting_bytes() {
                        panics.extend(self.take_in(&mut worker));
                    }
                }
                Err(panic) => {
                    panics.push(panic);
                    if target == Target::Shared {
                        // The worker's facts may hold half of the part that failed. They are
                        // dropped, and the worker's other parts are read again. From now on each
                        // part has facts of its own, which are joined only once it was read through.
                        (worker, target) = (Worker::default(), Target::Own);
                        panics.extend(done.iter().filter_map(|index| self.try_part(&mut worker, *index, target).err()));
                    }
                }
            }
        }
        panics.extend(self.take_in(&mut worker));
        worker.reader.problems.extend(panics);
        worker
    }

    /// How much is read before it is taken in: less and less towards the end, where all
    /// workers are to be done at the same time.
    fn most_waiting_bytes(&self) -> u64 {
        // What was read twice is counted twice.
        let left = self.progress.total_bytes.load(Ordering::Relaxed).saturating_sub(self.progress.done_bytes.load(Ordering::Relaxed));
        MOST_WAITING_BYTES.min(left / 4)
    }

    /// Reads a part. Gives the problem when it panics.
    fn try_part(&self, worker: &mut Worker, index: usize, target: Target) -> Result<(), Problem> {
        self.guarded(index, || self.read_part(worker, index, target)).inspect_err(|_| worker.reader.source = Source::default())
    }

    /// Does something for a part. Gives the problem when this fails by a fault of ccstats:
    /// one transcript must not take away the figures of all others.
    fn guarded(&self, index: usize, work: impl FnOnce()) -> Result<(), Problem> {
        panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            let path = self.transcripts[self.jobs[index].part.transcript].path.clone();
            Problem { kind: ProblemKind::Panic, path, line: None, detail: text.map(str::to_owned) }
        })
    }

    fn read_part(&self, worker: &mut Worker, index: usize, target: Target) {
        let job = &self.jobs[index];
        let part = QueuedPart { index, job, transcript: &self.transcripts[job.part.transcript] };
        let size_bytes = job.size_bytes();
        match target {
            Target::Shared => {
                worker.reader.read_into(&mut worker.facts, &part, self.options);
            }
            Target::Own => {
                let mut facts = Facts::default();
                let hole_bytes = worker.reader.read_into(&mut facts, &part, self.options);
                worker.waiting_bytes += size_bytes;
                worker.waiting.push(Waiting { index, facts, hole_bytes });
            }
        }
        self.progress.done_bytes.fetch_add(size_bytes, Ordering::Relaxed);
    }

    /// Takes in the parts that wait, when `each_part` has seen them.
    fn take_in(&self, worker: &mut Worker) -> Vec<Problem> {
        worker.waiting_bytes = 0;
        let mut take_in = |Waiting { index, mut facts, hole_bytes }| {
            self.guarded(index, || {
                if let Some((each_part, hole_bytes)) = self.each_part.zip(hole_bytes) {
                    each_part(index, &mut facts, hole_bytes);
                }
                worker.facts.absorb(facts);
            })
        };
        std::mem::take(&mut worker.waiting).into_iter().filter_map(|part| take_in(part).err()).collect()
    }
}

/// So much is read before it is taken in: from part to part the code that scans, and that of
/// `each_part`, then stays in the processor's cache. In tests it is less, so that parts are
/// taken in before all are read, too.
const MOST_WAITING_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 32 << 20 };

/// Which facts a part is read into.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Those of the worker, where those of its other parts are.
    Shared,
    /// Its own, which wait until they are taken in.
    Own,
}

#[derive(Default)]
struct Worker {
    facts: Facts,
    reader: Reader,
    waiting: Vec<Waiting>,
    waiting_bytes: u64,
}

/// A part on its way through a worker.
struct QueuedPart<'q> {
    /// The index of its job.
    index: usize,
    job: &'q Job,
    transcript: &'q Transcript,
}

/// A part that was read into facts of its own.
struct Waiting {
    /// The index of its job.
    index: usize,
    facts: Facts,
    /// None when it could not be read as it was found.
    hole_bytes: Option<u64>,
}

#[derive(Default)]
struct Reader {
    source: Source,
    orders: Orders,
    /// Of each part that was read the index of its job, and its lines.
    lines: Vec<(usize, u64)>,
    hole_bytes: u64,
    problems: Vec<Problem>,
}

impl Reader {
    /// Reads one part. Gives the bytes of its holes when all of it was there.
    fn read_into(&mut self, facts: &mut Facts, part: &QueuedPart, options: &ScanOptions) -> Option<u64> {
        facts.counts_result_lines = options.result_lines;
        let bytes = bytes_of(part, options, &mut self.source, &mut self.problems)?;
        self.hole_bytes += bytes.hole_bytes;
        let mut entries = Entries::new(bytes.bytes, bytes.limit, options.level, std::mem::take(&mut self.orders));
        push_entries(facts, &mut entries, part, bytes.offset);
        facts.account += entries.account();
        self.lines.push((part.index, entries.account().total().lines));
        self.orders = entries.into_orders();
        (!bytes.has_shrunk).then_some(bytes.hole_bytes)
    }
}

/// The bytes of a part; none when it cannot be read. What is wrong goes to the problems.
fn bytes_of<'s>(part: &QueuedPart, options: &ScanOptions, source: &'s mut Source, problems: &mut Vec<Problem>) -> Option<Bytes<'s>> {
    let QueuedPart { job, transcript, .. } = part;
    let problem = |kind, detail| Problem { kind, path: transcript.path.clone(), line: None, detail };
    match source.bytes_of(transcript, &job.part, Mode { mmap: options.mmap, now: options.now }) {
        Ok(bytes) => {
            problems.extend(bytes.has_shrunk.then(|| problem(ProblemKind::Shrank, None)));
            Some(bytes)
        }
        Err(error) => {
            problems.push(problem(ProblemKind::Unreadable, Some(error.to_string())));
            None
        }
    }
}

/// Takes the entries of a part into facts. Its first line starts at `offset` in the transcript.
fn push_entries<'t>(facts: &mut Facts, entries: &mut Entries<'t>, part: &QueuedPart, offset: u64) {
    let QueuedPart { job, transcript, .. } = part;
    let fallback = fallback(transcript);
    let place = |line| Place { part: job.number, line };
    let mut entry = Entry::default();
    let (mut last_line, mut key) = (0, OnceCell::new());
    while let Some(line) = entries.read_next(&mut entry) {
        match line {
            Ok(line) => {
                let (start, text) = entries.line();
                // The entries of a damaged line share its key.
                if line != last_line {
                    (last_line, key) = (line, OnceCell::new());
                }
                let spot = Spot { transcript: job.transcript_id, offset: offset + start as u64, text, key: &key };
                #[cfg(test)]
                tests::fail_on_purpose(text);
                facts.push(&Line { entry: &entry, fallback, place: place(line), spot });
            }
            Err(bad) if bad.is_unfinished => {}
            Err(bad) => facts.problems.push(ProblemKind::MalformedLine, place(bad.line)),
        }
    }
}

/// The names that the place of a transcript gives to its entries.
pub(crate) fn fallback(transcript: &Transcript) -> Fallback<'_> {
    let file = transcript.name.file_name().unwrap_or_default().as_encoded_bytes();
    let stem = memchr::memmem::find(file, b".jsonl").unwrap_or(file.len());
    let project = transcript.name.components().next().map_or(&[][..], |first| first.as_os_str().as_encoded_bytes());
    Fallback { session: &file[..stem], project }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{home, load};

    /// A fault of ccstats, in the middle of a transcript.
    pub(super) fn fail_on_purpose(line: &[u8]) {
        assert!(memchr::memmem::find(line, b"fail here").is_none(), "on purpose");
    }

    fn prompts(session: &str, count: usize) -> Vec<String> {
        let line = |at| format!(r#"{{"type":"user","uuid":"{session}{at}","sessionId":"{session}","message":{{"content":"go"}}}}"#);
        (0..count).map(line).collect()
    }

    #[test]
    fn a_panic_takes_away_one_transcript_and_is_told() {
        let (many, few) = (prompts("many", 50), prompts("few", 10));
        // Largest first: one fails before all others, one between, one behind.
        let failing = |session, count| {
            let mut lines = prompts(session, count);
            lines[count / 2] = r#"{"type":"user","uuid":"x","message":{"content":"fail here"}}"#.into();
            lines
        };
        let (first, second, last) = (failing("first", 90), failing("second", 20), failing("last", 4));
        let sound = home(&[("p/many.jsonl", &many), ("p/few.jsonl", &few)]);
        let broken = home(&[
            ("p/many.jsonl", &many),
            ("p/few.jsonl", &few),
            ("p/first.jsonl", &first),
            ("p/second.jsonl", &second),
            ("p/last.jsonl", &last),
        ]);
        let wanted = load(sound.path());
        let found = load(broken.path());
        assert_eq!(found.facts().prompts.rows().len(), 60);
        assert_eq!(found.accounting().lines, wanted.accounting().lines);
        let problems = found.accounting().problems.iter().map(|problem| (problem.kind, problem.detail.as_deref()));
        assert_eq!(problems.collect::<Vec<_>>(), [(ProblemKind::Panic, Some("on purpose")); 3]);
    }

    #[cfg(feature = "store")]
    #[test]
    fn what_a_panic_took_away_is_not_stored() {
        use crate::dataset::Dataset;
        use crate::store::{Needs, Store};
        let mut lines = prompts("a", 9);
        lines[4] = r#"{"type":"user","uuid":"x","message":{"content":"fail here"}}"#.into();
        let home = home(&[("p/a.jsonl", &lines), ("p/b.jsonl", &prompts("b", 3))]);
        let options = ScanOptions::new(vec![home.path().to_path_buf()], SystemTime::now());
        for _ in 0..2 {
            let mut store = Store::open(&home.path().join("store")).expect("a store");
            let found = Dataset::load_with_store(&options, &mut store, &Progress::default(), &Needs::default()).expect("a home");
            assert_eq!(found.facts().prompts.rows().len(), 3);
            assert_eq!(found.accounting().problems.iter().map(|problem| problem.kind).collect::<Vec<_>>(), [ProblemKind::Panic]);
        }
        let status = Store::open(&home.path().join("store")).expect("a store").status(&options).expect("a status");
        assert_eq!((status.transcripts, status.unseen.len()), (1, 1));
    }
}
