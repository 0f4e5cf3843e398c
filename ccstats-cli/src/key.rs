//! The key behind `--hash` and the fingerprints of secrets. It never leaves the
//! machine: without it nobody can test a name that they guess.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use ccstats_core::{HashKey, Shown};

use crate::{environment, private};

/// What a key is made of.
const SIZE_BYTES: usize = 32;

/// The key of this user, made at the first use.
pub(crate) fn load() -> io::Result<HashKey> {
    let folder = environment::data_folder().ok_or_else(|| io::Error::other("no home folder: set CCSTATS_DATA_DIR"))?;
    let path = folder.join("hash.key");
    if !path.exists() {
        private::make_folder(&folder)?;
        create(&path)?;
    }
    let way_out = "remove it, and the next run makes a key with which every hash is another one";
    let mut file = fs::File::open(&path)?;
    // Whoever knows the key, or chose it, can test names.
    private::check_secret(&file).map_err(|why| io::Error::other(format!("`{}` {why}: {way_out}", Shown::path(&path))))?;
    let mut secret = Vec::new();
    file.read_to_end(&mut secret)?;
    if secret.len() != SIZE_BYTES {
        let (path, found) = (Shown::path(&path), secret.len());
        return Err(io::Error::other(format!("expected {SIZE_BYTES} bytes in `{path}`, found {found}: {way_out}")));
    }
    Ok(HashKey::new(&secret))
}

/// Makes the key beside its place and only then puts it there, so that nobody ever reads
/// half of one: its hashes could be guessed.
fn create(path: &Path) -> io::Result<()> {
    let unfinished = path.with_extension(format!("{:016x}", getrandom::u64()?));
    let created = write(&unfinished).and_then(|()| publish(&unfinished, path));
    // After a rename it is no longer there.
    let _ = fs::remove_file(&unfinished);
    created
}

fn write(path: &Path) -> io::Result<()> {
    let mut secret = [0; SIZE_BYTES];
    getrandom::fill(&mut secret)?;
    let mut file = private::file().create_new(true).open(path)?;
    file.write_all(&secret)?;
    file.sync_all()
}

/// A link takes no other file's place: of two processes the first one's key stays.
fn publish(unfinished: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(unfinished, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Not all file systems have links. There the last one's key stays.
        Err(_) => fs::rename(unfinished, path),
        linked => linked,
    }
}
