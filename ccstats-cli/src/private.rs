//! Files and folders that nobody else can read, where the system has such.

#[cfg(unix)]
use std::fs::Metadata;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder that only its owner can enter, if it is not there.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether nobody but this user can put something into a folder; true where there is none
/// yet, and where the system does not say who can.
pub(crate) fn is_own_folder(folder: &Path) -> bool {
    #[cfg(unix)]
    return fs::metadata(folder).map_or(true, |folder| is_ours(&folder) && others_may(&folder) & 0o22 == 0);
    #[cfg(not(unix))]
    {
        let _ = folder;
        true
    }
}

/// What keeps an open file from being a secret of this user.
pub(crate) fn check_secret(file: &fs::File) -> Result<(), String> {
    #[cfg(unix)]
    {
        let file = file.metadata().map_err(|error| error.to_string())?;
        if !is_ours(&file) {
            return Err("belongs to somebody else".into());
        }
        if others_may(&file) != 0 {
            return Err("can be read or changed by others".into());
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

#[cfg(unix)]
fn is_ours(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

/// The rights of all others, by the bits of Unix.
#[cfg(unix)]
fn others_may(metadata: &Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o77
}

/// Opens files for writing that, if they are new, only their owner can read.
pub(crate) fn file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
