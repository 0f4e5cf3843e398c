//! Why the store cannot be used. Reports are right without it all the same.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::untrusted::Shown;

/// The store cannot be used as asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Its folder or file cannot be opened, made or written.
    Io(PathBuf, io::Error),
    /// Its folder or file is open to others; what is wrong.
    Unsafe(PathBuf, &'static str),
    /// The file is no store.
    Foreign(PathBuf),
    /// The file says that it is a store, but holds this beside the tables of one, or in their place.
    Unknown(PathBuf, String),
    /// A later version of ccstats wrote it.
    Newer(PathBuf),
    /// Its content is not what was written. What to do depends on whose it is: loads set a
    /// store of one's own aside for a new one, and an export has to be made again.
    Damaged(PathBuf),
    /// Another process is writing.
    Busy(PathBuf),
    /// An export does not hold the one root that is asked for; those that it holds.
    Roots(PathBuf, Vec<PathBuf>),
    /// SQLite cannot go on; what it says.
    Database(PathBuf, String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Io(path, error) => write!(f, "cannot use the store `{}`: {error}", Shown::path(path)),
            StoreError::Unsafe(path, why) => {
                write!(f, "the store `{}` is not safe: {why}: expected a folder that only you can open", Shown::path(path))
            }
            StoreError::Foreign(path) => write!(f, "`{}` is no store of ccstats: name another", Shown::path(path)),
            StoreError::Unknown(path, what) => {
                write!(f, "`{}` is no store of ccstats: expected the tables that ccstats makes, found another {what}", Shown::path(path))
            }
            StoreError::Newer(path) => write!(f, "the store `{}` was written by a later version: update ccstats", Shown::path(path)),
            StoreError::Damaged(path) => write!(f, "the store `{}` is damaged", Shown::path(path)),
            StoreError::Busy(path) => {
                write!(f, "the store `{}` is being written by another process: run again when it has ended", Shown::path(path))
            }
            StoreError::Roots(path, roots) => {
                let roots: Vec<_> = roots.iter().map(|root| format!("`{}`", Shown::path(root))).collect();
                write!(f, "expected one root in `{}`, found {}", Shown::path(path), roots.join(", "))
            }
            StoreError::Database(path, why) => write!(f, "cannot use the store `{}`: {why}", Shown::path(path)),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StoreError::Io(_, error) => Some(error),
            _ => None,
        }
    }
}
