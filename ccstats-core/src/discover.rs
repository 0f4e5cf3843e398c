//! Finds the transcripts below the roots.
//!
//! A root is a config directory (it holds `projects/`) or any folder of
//! transcripts. All layouts are found by name alone, at any depth: sessions,
//! subagents beside them or below `subagents/`, workflows, and files that
//! Claude Code set aside. Links below a root are not followed, and one physical
//! file is one transcript whatever its names. Looks at names and metadata only,
//! except for the small `agent-*.meta.json` beside subagents.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry, File, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rayon::prelude::*;

use crate::error::{Error, Problem, ProblemKind};

/// One transcript, as it was found.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The index of its root, as given.
    pub root: usize,
    /// Its path below the folder of projects.
    pub name: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// Its length when it was found; what is appended later waits for the next scan.
    pub size_bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
    /// Its blocks on disk hold next to nothing of its length: it is full of holes.
    pub(crate) is_sparse: bool,
    /// Which physical file it is, where the system tells.
    pub(crate) identity: Option<Identity>,
    /// It is not there any more: the store alone knows it.
    pub(crate) is_gone: bool,
    /// Its rows come from the store: they hold no text.
    pub(crate) is_stored: bool,
}

/// A physical file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// Nanoseconds since 1970, where known: numbers of inodes are used again.
    pub(crate) birth_ns: Option<i64>,
}

impl Transcript {
    pub(crate) fn order(&self) -> (usize, &[u8]) {
        (self.root, self.name.as_os_str().as_encoded_bytes())
    }
}

/// What lies below the roots.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The transcripts, by root as given, then by the bytes of their names.
    pub transcripts: Vec<Transcript>,
    /// `agentType` of subagents by their ids, from `agent-*.meta.json`.
    pub agent_types: Vec<(String, String)>,
    /// Files that may tell the type of a subagent, with the index of the root and the id.
    pub(crate) agent_files: Vec<(usize, String, PathBuf)>,
    /// What was not looked into.
    pub problems: Vec<Problem>,
}

impl Found {
    pub(crate) fn read_agent_types(&mut self) {
        let types = self.agent_files.par_iter().filter_map(|(_, id, path)| Some((id.clone(), agent_type(path)?)));
        self.agent_types = types.collect();
    }
}

/// Finds all transcripts below `roots`.
///
/// # Errors
/// [`Error::Root`] when a root is missing or no folder.
pub fn discover(roots: &[PathBuf]) -> Result<Found, Error> {
    let mut found = find(roots)?;
    found.read_agent_types();
    Ok(found)
}

/// Finds all transcripts, without looking into any file.
pub(crate) fn find(roots: &[PathBuf]) -> Result<Found, Error> {
    let mut found = Found::default();
    for (root, path) in roots.iter().enumerate() {
        let metadata = fs::metadata(path).map_err(|error| Error::Root(path.clone(), error))?;
        if !metadata.is_dir() {
            return Err(Error::Root(path.clone(), io::ErrorKind::NotADirectory.into()));
        }
        let projects = path.join("projects");
        let top = if projects.is_dir() { &projects } else { path };
        found.absorb(Tree { root, top }.folder(top));
    }
    found.transcripts.sort_by(|a, b| a.order().cmp(&b.order()));
    found.agent_files.sort();
    let mut seen = HashSet::new();
    found.transcripts.retain(|transcript| match transcript.identity {
        Some(Identity { device, inode, .. }) => seen.insert((device, inode)),
        None => true,
    });
    Ok(found)
}

/// All that lies below one root.
#[derive(Clone, Copy)]
struct Tree<'r> {
    root: usize,
    top: &'r Path,
}

impl Tree<'_> {
    /// What lies in a folder and, on all processors, below it: to ask for a thousand
    /// files takes longer than a status line has.
    fn folder(self, folder: &Path) -> Found {
        let mut found = Found::default();
        let mut folders = Vec::new();
        match fs::read_dir(folder) {
            Ok(entries) => entries.for_each(|entry| match entry.and_then(|entry| Ok((entry.file_type()?, entry))) {
                Ok((kind, entry)) => {
                    self.entry(&entry, kind, &mut found);
                    folders.extend(kind.is_dir().then(|| entry.path()));
                }
                Err(error) => found.unreadable(folder, &error),
            }),
            Err(error) => found.unreadable(folder, &error),
        }
        let below: Vec<Found> = folders.par_iter().map(|folder| self.folder(folder)).collect();
        below.into_iter().for_each(|below| found.absorb(below));
        found
    }

    fn entry(self, entry: &DirEntry, kind: fs::FileType, found: &mut Found) {
        let name = entry.file_name();
        if kind.is_symlink() {
            if is_transcript(&name) || entry.path().is_dir() {
                found.problem(ProblemKind::Link, &entry.path(), None);
            }
        } else if kind.is_file() && is_transcript(&name) {
            self.transcript(entry, found);
        } else if kind.is_file() {
            let id = name.to_str().and_then(|name| name.strip_prefix("agent-")?.strip_suffix(".meta.json")).filter(|id| !id.is_empty());
            found.agent_files.extend(id.map(|id| (self.root, id.to_string(), entry.path())));
        } else if is_transcript(&name) {
            found.problem(ProblemKind::NotAFile, &entry.path(), None);
        }
    }

    fn transcript(self, entry: &DirEntry, found: &mut Found) {
        let path = entry.path();
        match entry.metadata() {
            Ok(metadata) => found.transcripts.push(Transcript {
                root: self.root,
                name: path.strip_prefix(self.top).unwrap_or(&path).to_path_buf(),
                path,
                size_bytes: metadata.len(),
                modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                is_sparse: is_sparse(&metadata),
                identity: identity(&metadata),
                is_gone: false,
                is_stored: false,
            }),
            Err(error) => found.unreadable(&path, &error),
        }
    }
}

impl Found {
    fn absorb(&mut self, other: Found) {
        self.transcripts.extend(other.transcripts);
        self.agent_files.extend(other.agent_files);
        self.problems.extend(other.problems);
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.problem(ProblemKind::Unreadable, path, Some(error.to_string()));
    }

    fn problem(&mut self, kind: ProblemKind, path: &Path, detail: Option<String>) {
        self.problems.push(Problem { kind, path: path.to_path_buf(), line: None, detail });
    }
}

/// Whether a file name is that of a transcript: `*.jsonl` and what Claude Code
/// set aside as `*.jsonl.superseded-*`, but not the journals of workflows.
fn is_transcript(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name != b"journal.jsonl" && (name.ends_with(b".jsonl") || memchr::memmem::find(name, b".jsonl.superseded-").is_some())
}

/// The `agentType` in an `agent-<id>.meta.json`.
pub(crate) fn agent_type(path: &Path) -> Option<String> {
    /// They have a few hundred bytes.
    const LONGEST: u64 = 64 << 10;
    let mut text = Vec::new();
    open(path).ok()?.take(LONGEST).read_to_end(&mut text).ok()?;
    let meta: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let kind = meta.get("agentType")?.as_str().filter(|kind| !kind.is_empty())?;
    Some(kind.into())
}

/// Opens without following a link and without waiting for a writer: what was a
/// regular file at discovery may be something else by now.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits();
    let file = File::options().read(true).custom_flags(flags as i32).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("no regular file any more")) }
}

#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let birth_ns = metadata.created().ok().map(nanoseconds);
    Some(Identity { device: metadata.dev(), inode: metadata.ino(), birth_ns })
}

/// Other systems tell no identity without opening the file.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<Identity> {
    None
}

/// Nanoseconds since 1970, as far as 64 bits reach.
pub(crate) fn nanoseconds(time: SystemTime) -> i64 {
    let nanoseconds = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => nanoseconds(after),
        Err(before) => -nanoseconds(before.duration()),
    }
}

/// Compression saves blocks too, but never so many.
#[cfg(unix)]
fn is_sparse(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const SMALLEST: u64 = 1 << 20;
    metadata.len() > SMALLEST && metadata.blocks() * 512 < metadata.len() / 64
}

#[cfg(not(unix))]
fn is_sparse(_: &Metadata) -> bool {
    false
}
