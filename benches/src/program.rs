//! Whole programs, run as their users run them.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// One of our reports over all transcripts below a folder, as JSON.
pub fn ours(program: &Path, report: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.args([report, "--range", "all", "--json", "--no-store", "--quiet", "--tz", "UTC", "--root"]).arg(dir);
    command
}

/// Runs a program to its end, without looking at its output.
///
/// # Errors
/// When it cannot start or does not end with 0.
pub fn run(command: &mut Command) -> io::Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} ended with {status}"))) }
}

/// Runs a program to its end and gives what it wrote.
///
/// # Errors
/// When it cannot start or does not end with 0; then with what it wrote to
/// stderr.
pub fn output_of(command: &mut Command) -> io::Result<Output> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{command:?} ended with {}\n{said}", output.status)))
}
