//! The key behind `--hash` and the fingerprints of secrets. It never leaves the
//! machine: without it nobody can test a name that they guess.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ccstats_core::HashKey;
use directories::ProjectDirs;

/// The key of this user, made at the first use.
pub(crate) fn load() -> io::Result<HashKey> {
    let folder = data_folder().ok_or_else(|| io::Error::other("no home folder: set CCSTATS_DATA_DIR"))?;
    let path = folder.join("hash.key");
    if !path.exists() {
        private_folder(&folder)?;
        match create(&path) {
            // Another process was first: its key is as good.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
    }
    Ok(HashKey::new(&fs::read(&path)?))
}

/// The folder for what is kept: `CCSTATS_DATA_DIR`, else the platform's.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let named = env::var_os("CCSTATS_DATA_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named.or_else(|| ProjectDirs::from("", "", "ccstats").map(|dirs| dirs.data_dir().to_path_buf()))
}

/// Makes a folder that only its owner can enter, if it is not there.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn create(path: &Path) -> io::Result<()> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    let mut file = private_file().create_new(true).open(path)?;
    file.write_all(&secret)?;
    file.sync_all()
}

/// Opens files for writing that, if they are new, only their owner can read.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
