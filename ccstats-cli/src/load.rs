//! From options to what the transcripts say, with the store where one is wanted.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::SystemTime;

use ccstats_core::{Accounting, Dataset, Needs, Problem, ProblemKind, Progress, ScanOptions, Shown, Store, Untrusted, counted};

use crate::args;
use crate::config::Config;
use crate::environment::{self, Roots};
use crate::output::{self, CliError};
use crate::request::Request;
use crate::{format, history, progress, repository};

/// What a run reads: the transcripts, and the store.
pub(crate) struct Sources {
    /// Everywhere that transcripts were expected.
    pub(crate) looked_in: Vec<PathBuf>,
    /// How transcripts are read.
    pub(crate) scan: ScanOptions,
    pub(crate) store: OpenStore,
}

impl Sources {
    /// Finds the roots and opens the store.
    pub(crate) fn open(options: &args::Options) -> Sources {
        start_threads(options);
        let Where { looked_in, scan } = look(options);
        Sources { looked_in, scan, store: OpenStore(store(options)) }
    }

    /// All that the transcripts say and the store remembers, as far as it is needed, with
    /// projects by the names that the user gave them.
    pub(crate) fn load(&mut self, request: &Request, needs: &Needs) -> Result<Dataset, CliError> {
        let Request { options, config, .. } = request;
        let load = |progress: &Progress| match &mut self.store.0 {
            Some(store) => Dataset::load_with_store(&self.scan, store, progress, needs),
            None => Dataset::load(&self.scan, progress),
        };
        let mut dataset = progress::shown(options.quiet, load)?;
        name_projects(&mut dataset, config, options.by_repository());
        Ok(dataset)
    }
}

/// The store, where there is one. Dropping it waits until all is written that a load found,
/// so it is to be kept until the answer is given.
#[must_use]
pub(crate) struct OpenStore(pub(crate) Option<Store>);

impl Drop for OpenStore {
    fn drop(&mut self) {
        if let Some(store) = self.0.take_if(|store| !store.is_writing()) {
            // To close it takes longer than to exit.
            std::mem::forget(store);
        }
    }
}

/// Repositories, then aliases, then groups: each names what the one before left.
fn name_projects(dataset: &mut Dataset, config: &Config, by_repository: bool) {
    if by_repository {
        let (projects, worktrees) = (dataset.projects(), dataset.worktrees());
        let projects: Vec<&str> = projects.iter().map(Untrusted::raw).collect();
        let worktrees: Vec<_> = worktrees.iter().map(|(path, original)| (path.raw(), original.raw())).collect();
        let repositories = repository::repositories(&projects, &worktrees);
        dataset.rename_projects(|project| repositories.get(project).cloned());
    }
    if !config.aliases.is_empty() {
        dataset.rename_projects(|project| config.alias(project).map(String::from));
    }
    if !config.groups.is_empty() {
        dataset.rename_projects(|project| config.group(project).map(String::from));
    }
}

/// Waits until the store is written, and adds what was wrong to the other problems.
pub(crate) fn collect_store_problems(store: &mut OpenStore, accounting: &mut Accounting) {
    accounting.problems.extend(store.0.as_mut().and_then(Store::wait));
    accounting.problems.sort();
}

/// Where transcripts are read, and how.
pub(crate) struct Where {
    /// Everywhere that transcripts were expected.
    pub(crate) looked_in: Vec<PathBuf>,
    pub(crate) scan: ScanOptions,
}

/// Starts the threads that read. This thread works too, instead of waiting for others to do so;
/// where the system has not as many threads to give, it works alone.
pub(crate) fn start_threads(options: &args::Options) {
    let threads = options.threads.map_or(0, NonZeroUsize::get);
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global();
}

/// Finds the roots.
pub(crate) fn look(options: &args::Options) -> Where {
    let Roots { roots, looked_in } = Roots::new(&options.root);
    let scan = ScanOptions {
        threads: options.threads,
        mmap: !options.no_mmap,
        // The clock of the files, not `--now`: what still changes is not mapped.
        ..ScanOptions::new(roots, SystemTime::now())
    };
    Where { looked_in, scan }
}

/// The store, unless it is not wanted or cannot be used: reports are right without it.
fn store(options: &args::Options) -> Option<Store> {
    if options.no_store {
        return None;
    }
    let folder = options.store.clone().or_else(environment::data_folder)?;
    match Store::open(&folder) {
        Ok(store) => Some(store),
        Err(error) => {
            if !options.quiet {
                output::say("warning", &error.to_string());
            }
            None
        }
    }
}

/// Says what was not found and what was skipped.
pub(crate) fn say_conclusion(accounting: &Accounting, looked_in: &[PathBuf]) {
    if is_empty(accounting) {
        say_nothing_found(looked_in);
    }
    say_skipped(accounting);
}

/// Whether there is no transcript, and none was ever known.
pub(crate) fn is_empty(accounting: &Accounting) -> bool {
    accounting.transcripts + accounting.gone == 0
}

fn say_nothing_found(looked_in: &[PathBuf]) {
    output::say("note", &nothing_found(looked_in));
    output::say("hint", "name a folder with `--root DIR`, or set CLAUDE_CONFIG_DIR");
}

/// Where no transcripts were found, and which of these folders are not there.
pub(crate) fn nothing_found(looked_in: &[PathBuf]) -> String {
    let place = |place: &PathBuf| format!("`{}`{}", Shown::path(place), if place.exists() { "" } else { " (not there)" });
    match &looked_in.iter().map(place).collect::<Vec<_>>()[..] {
        [] => "no transcripts: CLAUDE_CONFIG_DIR names no folder".into(),
        places => format!("no transcripts in {}", places.join(", ")),
    }
}

/// Whether nothing of the input was skipped or doubtful; the store is no input.
pub(crate) fn is_whole(accounting: &Accounting) -> bool {
    let of_input = accounting.problems.iter().filter(|problem| !is_of_store(problem.kind));
    of_input.count() == 0 && accounting.lines.salvaged.lines == 0
}

fn is_of_store(kind: ProblemKind) -> bool {
    matches!(kind, ProblemKind::Store | ProblemKind::LostHistory)
}

/// What was wrong with the store.
pub(crate) fn say_of_store(problem: &Problem) {
    output::say("warning", &format!("the store: {}", problem.detail.as_deref().unwrap_or_default()));
}

/// How much of the store is damaged and cannot be read again.
fn say_lost(blocks: u64) {
    output::say("warning", &format!("the store: what was in {} is lost", counted(blocks, "damaged block")));
    output::say("hint", history::FORGET);
}

/// One line about all that was skipped or doubtful, and one about the store.
fn say_skipped(accounting: &Accounting) {
    let (store, input): (Vec<_>, Vec<_>) = format::problems(accounting).into_iter().partition(|group| is_of_store(group.kind));
    for group in store {
        match group.examples.first() {
            Some(problem) if group.kind == ProblemKind::Store => say_of_store(problem),
            _ => say_lost(group.count),
        }
    }
    let parts: Vec<String> = input.iter().map(ToString::to_string).chain(format::salvaged(accounting)).collect();
    if parts.is_empty() {
        return;
    }
    output::say("warning", &format!("input was partly unusable: {}", parts.join(", ")));
    if !input.is_empty() {
        output::say("hint", "list the places of problems with `ccstats doctor`");
    }
}
