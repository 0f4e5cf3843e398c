//! Where output goes: data to stdout or a file, everything else to stderr.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;

use anstream::{AutoStream, ColorChoice};
use ccstats_core::{Error, Shown};

use crate::args::ColorWhen;
use crate::config::ConfigError;

/// What ends the program.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for makes no sense; the text says what would.
    Usage(String),
    /// The core could not do its work.
    Core(Error),
    /// It could not be done; the text says what and why.
    Cannot(String),
    /// The configuration cannot be used.
    Config(ConfigError),
    /// The key behind hashes cannot be read or made.
    Key(io::Error),
    /// The output could not be written.
    Write(String, io::Error),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::Config(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Core(error)
    }
}

/// Writes data; a closed pipe ends quietly, as if all had been read.
pub(crate) fn write(data: &str, file: Option<&Path>, color: ColorWhen) -> Result<(), Failure> {
    let (place, result) = match file {
        Some(path) => (format!("`{}`", Shown::new(&path.to_string_lossy())), write_file(data, path)),
        None => ("stdout".into(), write_stdout(data, color)),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && file.is_none() => Ok(()),
        result => result.map_err(|error| Failure::Write(place, error)),
    }
}

fn write_file(data: &str, path: &Path) -> io::Result<()> {
    let mut file = AutoStream::never(File::create(path)?);
    file.write_all(data.as_bytes())?;
    file.flush()
}

fn write_stdout(data: &str, color: ColorWhen) -> io::Result<()> {
    let choice = match color {
        ColorWhen::Auto => AutoStream::choice(&io::stdout()),
        ColorWhen::Always => ColorChoice::AlwaysAnsi,
        ColorWhen::Never => ColorChoice::Never,
    };
    let mut stdout = AutoStream::new(io::stdout().lock(), choice);
    stdout.write_all(data.as_bytes())?;
    stdout.flush()
}

/// Whether a person is looking.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Says something to the user, on one line of stderr each.
pub(crate) fn say(kind: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{kind}: {}", Shown::new(text));
}

/// Reports wrong usage, or prints the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// Reports what ended the program.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Usage(text) => {
            say("error", text);
            ExitCode::from(2)
        }
        Failure::Core(error @ (Error::Range(_) | Error::Glob(..) | Error::Column(..))) => {
            say("error", &error.to_string());
            ExitCode::from(2)
        }
        Failure::Cannot(text) => {
            say("error", text);
            ExitCode::FAILURE
        }
        Failure::Core(error) => {
            say("error", &error.to_string());
            ExitCode::FAILURE
        }
        Failure::Config(error) => {
            error.to_string().lines().for_each(|line| say("error", line));
            if matches!(error, ConfigError::Mistakes(..)) { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
        Failure::Key(error) => {
            say("error", &format!("cannot keep the key of hashes: {error}"));
            ExitCode::FAILURE
        }
        Failure::Write(place, error) => {
            say("error", &format!("cannot write to {place}: {error}"));
            ExitCode::FAILURE
        }
    }
}
