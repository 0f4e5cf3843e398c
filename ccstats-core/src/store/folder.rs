//! The folder of the store: private, and set aside when damaged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;

const FILE: &str = "ccstats.store";

/// How the names of files with answers end.
const ANSWER: &str = ".answer";

/// To read more takes as long as to make it anew.
const MOST_ANSWER_BYTES: u64 = 16 << 20;

/// Damaged stores that are kept.
const MOST_DAMAGED: usize = 3;

/// The store in a folder.
pub(super) fn path(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

/// Makes or checks the folder and the file in it. Both are the user's alone.
pub(super) fn open(folder: &Path) -> Result<PathBuf, StoreError> {
    let failed = |error| StoreError::Io(folder.to_path_buf(), error);
    make_folder(folder).map_err(failed)?;
    let metadata = fs::symlink_metadata(folder).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(StoreError::Unsafe(folder.to_path_buf(), "it is no folder, or a link"));
    }
    private::check(folder, &metadata, true)?;
    let path = path(folder);
    let is_new = match create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(StoreError::Io(path, error)),
        created => created.is_ok(),
    };
    let metadata = fs::symlink_metadata(&path).map_err(|error| StoreError::Io(path.clone(), error))?;
    if !metadata.is_file() {
        return Err(StoreError::Unsafe(path, "it is no regular file"));
    }
    private::check(&path, &metadata, false)?;
    // SQLite takes nothing, and a single byte, for a new database. Who has a log was more once.
    match metadata.len() {
        0 | 1 if !is_new && with_suffix(&path, "-wal").exists() => Err(StoreError::Damaged(path)),
        1 => Err(StoreError::Foreign(path)),
        _ => Ok(path),
    }
}

/// Refuses what is no regular file, or has something else where SQLite looks for a log: it
/// would wait for ever for what a pipe holds.
pub(super) fn check_export(path: &Path) -> Result<(), StoreError> {
    for file in [path.to_path_buf(), with_suffix(path, "-wal"), with_suffix(path, "-shm"), with_suffix(path, "-journal")] {
        let kind = match fs::symlink_metadata(&file) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound && file != path => continue,
            Err(error) => return Err(StoreError::Io(file, error)),
        };
        let found = match kind {
            kind if kind.is_file() => continue,
            kind if kind.is_dir() => "a folder",
            kind if kind.is_symlink() => "a link",
            _ => "a pipe, socket or device",
        };
        return Err(StoreError::Io(file, io::Error::other(format!("expected a regular file, found {found}"))));
    }
    Ok(())
}

/// Whether a file that SQLite does not know was a store: by what every one has on its first
/// page, or since there is nothing in it at all, as after a loss of power.
pub(super) fn was_store(path: &Path, always: &str) -> bool {
    const PAGE_BYTES: u64 = 8 << 10;
    let mut page = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PAGE_BYTES).read_to_end(&mut page));
    read.is_ok_and(|bytes| bytes > 0) && (memchr::memmem::find(&page, always.as_bytes()).is_some() || page.iter().all(|byte| *byte == 0))
}

/// Renames a damaged store; gives its new name. The oldest of many is dropped.
pub(super) fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let numbered = |number: usize| path.with_file_name(format!("{FILE}.corrupt-{number}"));
    let free = (1..=MOST_DAMAGED).find(|number| !numbered(*number).exists());
    let number = match free {
        Some(number) => number,
        None => {
            // Numbers stand for ages: 1 is the oldest.
            (2..=MOST_DAMAGED).try_for_each(|number| rename_all(&numbered(number), &numbered(number - 1)))?;
            MOST_DAMAGED
        }
    };
    let new = numbered(number);
    rename_all(path, &new)?;
    Ok(new)
}

/// The file with its log and its index.
fn rename_all(from: &Path, to: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm"] {
        match fs::rename(with_suffix(from, suffix), with_suffix(to, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => _ = fs::remove_file(with_suffix(to, suffix)),
            renamed => renamed?,
        }
    }
    fs::rename(from, to)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The bytes of the store on disk, with its log.
pub(super) fn size_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len()) + log_bytes(path)
}

/// The bytes of its log.
pub(super) fn log_bytes(path: &Path) -> u64 {
    fs::metadata(with_suffix(path, "-wal")).map_or(0, |metadata| metadata.len())
}

/// The folder of transcripts of a root, and all names under which the store may
/// have it: `projects` may be gone, or be the root itself.
pub(super) fn root_names(root: &Path) -> (PathBuf, [PathBuf; 2]) {
    let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_path_buf());
    let projects = root.join("projects");
    let top = if projects.is_dir() { projects.clone() } else { root.clone() };
    (top, [root, projects])
}

#[cfg(unix)]
pub(super) fn path_of(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(name).into()
}

#[cfg(not(unix))]
pub(super) fn path_of(name: &[u8]) -> PathBuf {
    String::from_utf8_lossy(name).into_owned().into()
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    private::for_me(&mut builder);
    if folder.is_dir() { Ok(()) } else { builder.create(folder) }
}

/// Removes what was not written to its end: half a copy would pass for a backup.
pub(super) fn discard(path: &Path) {
    _ = fs::remove_file(path);
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    private::file_for_me(&mut options);
    options.open(path)
}

/// The file beside the store that holds the answer to the last question of a name.
pub(super) fn answer(store: &Path, name: &str) -> PathBuf {
    store.with_file_name(format!("{name}{ANSWER}"))
}

/// Reads a file unless it is too large or none.
pub(super) fn read_answer(path: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() > MOST_ANSWER_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    fs::read(path)
}

/// Writes a file anew, of which a reader can tell whether it is whole.
pub(super) fn write_answer(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > MOST_ANSWER_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // What is there may be a link, or the file of another user.
    discard(path);
    create(path)?.write_all(bytes)
}

/// Removes all answers beside a store.
pub(super) fn discard_answers(store: &Path) {
    let files = store.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    files.map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with(ANSWER)).for_each(|path| discard(&path));
}

#[cfg(unix)]
mod private {
    use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
    use std::path::Path;

    use super::StoreError;

    pub(super) fn for_me(builder: &mut DirBuilder) {
        builder.mode(0o700);
    }

    pub(super) fn file_for_me(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    /// Nobody else can write, and it belongs to this user. What others could only
    /// read is closed to them.
    pub(super) fn check(path: &Path, metadata: &Metadata, is_folder: bool) -> Result<(), StoreError> {
        const OTHERS_WRITE: u32 = 0o022;
        const OTHERS: u32 = 0o077;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(StoreError::Unsafe(path.to_path_buf(), "it belongs to another user"));
        }
        if metadata.mode() & OTHERS_WRITE != 0 {
            return Err(StoreError::Unsafe(path.to_path_buf(), "others can write to it"));
        }
        if metadata.mode() & OTHERS != 0 {
            let mode = if is_folder { 0o700 } else { 0o600 };
            // On a read-only disk nothing can be closed, and nothing is written.
            _ = fs::set_permissions(path, Permissions::from_mode(mode));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod private {
    use std::fs::{DirBuilder, Metadata, OpenOptions};
    use std::path::Path;

    use super::StoreError;

    pub(super) fn for_me(_: &mut DirBuilder) {}

    pub(super) fn file_for_me(_: &mut OpenOptions) {}

    /// Folders of a user are the user's own by default here.
    pub(super) fn check(_: &Path, _: &Metadata, _: bool) -> Result<(), StoreError> {
        Ok(())
    }
}
