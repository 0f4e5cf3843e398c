//! What help shows of the options, and whom a mistake on the command line is told.

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, Error, FromArgMatches as _};

use super::Args;
use crate::{output, statusline};

const CALENDAR: &[&str] = &["tz", "week_start"];
const MESSAGES: &[&str] = &["project", "model", "branch", "no_subagents", "by"];
const FILLING: &[&str] = &["root", "threads", "no_mmap", "store", "no_store"];
const READING: &[&str] = &["root", "config", "threads", "no_mmap", "store", "no_store", "now"];
const TEXT: &[&str] = &["output", "color"];
const ROWS: &[&str] = &["format", "json", "output", "color", "quiet"];

/// The options that each command beside the reports heeds. A help that shows all hides the few
/// that matter.
const HEEDED: [(&[&str], &[&[&str]]); 10] = [
    (&["budget"], &[CALENDAR, MESSAGES, READING, ROWS, &["strict", "hash", "session"]]),
    (&["statusline"], &[CALENDAR, MESSAGES, READING]),
    (&["hook", "install"], &[FILLING, &["quiet"]]),
    (&["hook", "uninstall"], &[&["quiet"]]),
    (&["hook", "print"], &[TEXT]),
    (&["hook"], &[CALENDAR, MESSAGES, READING]),
    (&["history"], &[CALENDAR, READING, ROWS]),
    (&["doctor"], &[READING, ROWS, &["strict", "hash"]]),
    (&["completions"], &[TEXT]),
    (&["man"], &[TEXT]),
];

/// What this process was asked for, or how it ends.
pub(crate) fn parse() -> Result<Args, ExitCode> {
    let words: Vec<OsString> = env::args_os().collect();
    try_parse(&words).map_err(|error| exit_for(error, &words))
}

fn try_parse(words: &[OsString]) -> Result<Args, Error> {
    let mut matches = Args::command().try_get_matches_from(words)?;
    if let Some((command, option)) = unheeded(&matches) {
        let text = format!("`--{option}` changes nothing about `{command}`: leave it out");
        return Err(Args::command().error(ErrorKind::ArgumentConflict, text));
    }
    Args::from_arg_matches_mut(&mut matches)
}

/// The commands that refuse an option which they do not heed: without it they would tell of
/// other things than were asked for. Those that only say how to read or print do no harm.
const STRICT: [&str; 3] = ["budget", "history", "doctor"];
const HARMLESS: &[&[&str]] = &[CALENDAR, READING, ROWS];

/// A strict command, and an option on its line that it does not heed.
fn unheeded(matches: &ArgMatches) -> Option<(&str, String)> {
    let (command, _) = matches.subcommand().filter(|(command, _)| STRICT.contains(command))?;
    let (_, heeded) = HEEDED.iter().find(|(path, _)| *path == [command])?;
    let heeded = [*heeded, HARMLESS].concat().concat();
    let is_unheeded = |id: &&str| !heeded.contains(id) && matches.value_source(id) == Some(ValueSource::CommandLine);
    let options = Args::command();
    let option = options.get_arguments().map(|option| option.get_id().as_str()).find(is_unheeded)?;
    Some((command, option.replace('_', "-")))
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
