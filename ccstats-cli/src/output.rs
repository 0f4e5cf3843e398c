//! Where output goes: data to stdout or a file, everything else to stderr.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::panic;
use std::path::Path;
use std::process::{self, ExitCode};
use std::thread;

use anstream::{AutoStream, ColorChoice};
use ccstats_core::{Error, Shown};

use crate::args::ColorWhen;
use crate::config::ConfigError;

/// Exit code: input was partly unusable, and `--strict` was given.
pub(crate) const UNUSABLE: u8 = 3;

/// What ends the program.
#[derive(Debug)]
pub(crate) enum CliError {
    /// What was asked for makes no sense; the text says what would.
    Usage(String),
    /// The core could not do its work.
    Core(Error),
    /// It could not be done; the text says what and why.
    Other(String),
    /// The configuration cannot be used.
    Config(ConfigError),
    /// The key behind hashes cannot be read or made.
    Key(io::Error),
    /// The output could not be written.
    Write(String, io::Error),
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage(text) | CliError::Other(text) => f.write_str(text),
            CliError::Core(error) => error.fmt(f),
            CliError::Config(error) => error.fmt(f),
            CliError::Key(error) => write!(f, "cannot use the key of hashes: {error}"),
            CliError::Write(place, error) => write!(f, "cannot write to {place}: {error}"),
        }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> CliError {
        CliError::Config(error)
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> CliError {
        CliError::Core(error)
    }
}

/// Writes data; a closed pipe ends quietly, as if all had been read.
pub(crate) fn write(data: &str, file: Option<&Path>, color: ColorWhen) -> Result<(), CliError> {
    let (place, result) = match file {
        Some(path) => (format!("`{}`", Shown::path(path)), write_file(data, path)),
        None => ("stdout".into(), write_stdout(data, color)),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe && file.is_none() => Ok(()),
        result => result.map_err(|error| CliError::Write(place, error)),
    }
}

fn write_file(data: &str, path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    if is_plain(data) {
        file.write_all(data.as_bytes())?
    } else {
        AutoStream::never(&mut file).write_all(data.as_bytes())?
    }
    file.flush()
}

/// Whether nothing is styled; looking at each byte of a long JSON for that takes time.
fn is_plain(data: &str) -> bool {
    !data.contains('\u{1b}')
}

fn write_stdout(data: &str, color: ColorWhen) -> io::Result<()> {
    let choice = match color {
        ColorWhen::Auto => AutoStream::choice(&io::stdout()),
        ColorWhen::Always => ColorChoice::AlwaysAnsi,
        ColorWhen::Never => ColorChoice::Never,
    };
    let mut stdout = io::stdout().lock();
    if is_plain(data) {
        stdout.write_all(data.as_bytes())?;
    } else {
        AutoStream::new(&mut stdout, choice).write_all(data.as_bytes())?;
    }
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

/// Does work of which a panic ends the program at once. polars panics where it is given no
/// threads, on whichever thread asks for them first, and to unwind from that can wait for
/// ever for those that never came.
pub(crate) fn ending_on_panic<T>(work: impl FnOnce() -> T) -> T {
    let (this, usual) = (thread::current().id(), panic::take_hook());
    panic::set_hook(Box::new(move |panic| {
        let why = panic.payload_as_str().unwrap_or("it is not said why");
        if thread::current().id() != this && !wants_threads(why) {
            return usual(panic);
        }
        let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
        say("error", &format!("cannot make the report: {why}{place}"));
        say("hint", way_out(why));
        process::exit(1);
    }));
    let done = work();
    // Without ours there is the usual one again.
    drop(panic::take_hook());
    done
}

/// What to do about a panic.
fn way_out(why: &str) -> &'static str {
    if wants_threads(why) {
        "where threads are short, `POLARS_MAX_THREADS=1` in the environment and `--threads 1` need the fewest"
    } else {
        concat!("this is a fault of ccstats: please report it at ", env!("CARGO_PKG_REPOSITORY"), "/issues")
    }
}

/// Whether a panic is about threads that could not be started.
fn wants_threads(why: &str) -> bool {
    why.contains("spawn") && why.contains("thread")
}

/// Reports wrong usage, or prints the help that was asked for.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() {
        // clap repeats words as they were given.
        error.to_string().lines().for_each(|line| drop(writeln!(io::stderr(), "{}", Shown::new(line))));
        return ExitCode::from(2);
    }
    match write(&error.render().ansi().to_string(), None, ColorWhen::Auto) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error),
    }
}

/// Reports what ended the program.
pub(crate) fn failure(failure: &CliError) -> ExitCode {
    match failure {
        CliError::Config(error) => error.to_string().lines().for_each(|line| say("error", line)),
        other => say("error", &other.to_string()),
    }
    match failure {
        CliError::Usage(_)
        | CliError::Core(Error::Range(_) | Error::ReversedRange { .. } | Error::Glob { .. } | Error::Column { .. })
        | CliError::Config(ConfigError::Mistakes(..)) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_want_of_threads_is_blamed_on_them() {
        let spawn = "OS can't spawn worker thread: Resource temporarily unavailable (os error 11)";
        assert!(way_out(spawn).contains("`--threads 1`"));
        assert!(way_out("could not spawn threads: ThreadPoolBuildError { .. }").contains("`--threads 1`"));
        assert!(way_out("index out of bounds: the len is 0").starts_with("this is a fault of ccstats: please report it at https://"));
    }
}
