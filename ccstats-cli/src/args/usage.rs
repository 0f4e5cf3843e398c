//! What help shows of the options, and whom a mistake on the command line is told.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory as _, Error, Parser as _};

use super::Args;
use crate::{output, statusline};

const CALENDAR: &[&str] = &["tz", "week_start"];
const MESSAGES: &[&str] = &["project", "model", "branch", "no_subagents", "by"];
const FILLING: &[&str] = &["root", "threads", "no_mmap", "store", "no_store"];
const READING: &[&str] = &["root", "config", "threads", "no_mmap", "store", "no_store", "now"];
const TEXT: &[&str] = &["output", "color"];
const ROWS: &[&str] = &["format", "json", "output", "color", "quiet"];

/// The options that each command beside the reports heeds. It takes the others too, but a
/// help that shows all hides the few that matter.
const HEEDED: [(&[&str], &[&[&str]]); 10] = [
    (&["budget"], &[CALENDAR, MESSAGES, READING, ROWS, &["strict", "hash"]]),
    (&["statusline"], &[CALENDAR, MESSAGES, READING]),
    (&["hook", "install"], &[FILLING, &["quiet"]]),
    (&["hook", "uninstall"], &[&["quiet"]]),
    (&["hook", "print"], &[TEXT]),
    (&["hook"], &[CALENDAR, MESSAGES, READING]),
    (&["history"], &[CALENDAR, READING, ROWS]),
    (&["doctor"], &[READING, ROWS]),
    (&["completions"], &[TEXT]),
    (&["man"], &[TEXT]),
];

/// What this process was asked for, or how it ends.
pub(crate) fn parse() -> Result<Args, ExitCode> {
    let words: Vec<OsString> = env::args_os().collect();
    Args::try_parse_from(&words).map_err(|error| exit_for(error, &words))
}

/// The command line, with the help of each command.
pub(crate) fn command() -> Command {
    let command = Args::command();
    let options: Vec<Arg> = command.get_arguments().cloned().collect();
    HEEDED.iter().fold(command, |command, (path, heeded)| copy(command, path, &options, &heeded.concat()))
}

/// Gives the command at `path` a copy of each option, hidden where it does not heed it.
fn copy(command: Command, path: &[&'static str], options: &[Arg], heeded: &[&str]) -> Command {
    match path {
        [name, path @ ..] => command.mut_subcommand(name, |command| copy(command, path, options, heeded)),
        [] => {
            let is_own = |option: &&Arg| command.get_arguments().any(|own| own.get_id() == option.get_id());
            let others: Vec<_> = options.iter().filter(|option| !is_own(option)).cloned().collect();
            command.args(others.into_iter().map(|option| {
                let is_heeded = heeded.contains(&option.get_id().as_str());
                option.hide(!is_heeded)
            }))
        }
    }
}

/// Says what the mistake is, or shows help. Where Claude Code calls, a failure would erase a prompt,
/// deny a call or blank the row: there it is success, as with all else that goes wrong.
fn exit_for(error: Error, words: &[OsString]) -> ExitCode {
    // Only now: to copy all options takes longer than all else that a short run does.
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    let error = if is_help { command().try_get_matches_from(words).err().unwrap_or(error) } else { error };
    let code = output::usage(&error);
    if !error.use_stderr() {
        return code;
    }
    match caller(&known(words, &error)) {
        Some("hook") => ExitCode::SUCCESS,
        Some("statusline") => {
            let text = error.to_string();
            statusline::complain(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
        }
        _ => code,
    }
}

/// The words without the option that nobody knows: what stands behind it is not read.
fn known(words: &[OsString], error: &Error) -> Vec<OsString> {
    let unknown = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(option))) => option.as_str(),
        _ => return words.to_vec(),
    };
    let is_unknown = |word: &str| word.strip_prefix(unknown).is_some_and(|value| value.is_empty() || value.starts_with('='));
    words.iter().filter(|word| !is_unknown(&word.to_string_lossy())).cloned().collect()
}

/// The command that only Claude Code calls, if it is that, whatever else is wrong.
fn caller(words: &[OsString]) -> Option<&'static str> {
    let matches = Args::command().ignore_errors(true).try_get_matches_from(words).ok()?;
    let (name, matches) = matches.subcommand()?;
    ["hook", "statusline"].into_iter().find(|called| *called == name && matches.subcommand().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name without an option would hide the one that was meant.
    #[test]
    fn every_option_that_a_command_heeds_is_one() {
        let command = Args::command();
        for option in HEEDED.iter().flat_map(|(_, heeded)| heeded.concat()) {
            assert!(command.get_arguments().any(|known| known.get_id() == option), "{option}");
        }
    }
}
