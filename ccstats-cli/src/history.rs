//! `history`: what is kept of transcripts, and what can be done with it.

use std::borrow::Cow;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ccstats_core::{Calendar, Forget, HistoryError, Import, Imported, Shown, Status, Store, StoreError, Verified, counted, grouped};
use chrono::Utc;
use serde_json::json;

use crate::args::{Format, HistoryCommand, Options, PruneArgs};
use crate::config::Config;
use crate::format::json::harmless;
use crate::format::number::bytes;
use crate::load::{self, Where, look};
use crate::output::{self, CliError};
use crate::{environment, progress, request};

/// Of all JSON that these commands give.
const SCHEMA: &str = "ccstats.history/1";

/// The store, where it is, and where its transcripts are looked for.
struct Kept<'k> {
    store: &'k mut Store,
    folder: &'k Path,
    scan: &'k ccstats_core::ScanOptions,
}

pub(crate) fn run(options: &Options, asked: &HistoryCommand) -> Result<ExitCode, CliError> {
    if matches!(options.format, Some(Format::Csv | Format::Markdown)) {
        return Err(CliError::Usage("`--format` takes `table`, `json` and `ndjson` here: `history` has no rows".into()));
    }
    let folder = folder(options)?;
    let mut store = Store::open(&folder).map_err(cannot)?;
    let done = act(options, asked, &mut store, &folder);
    if !options.quiet {
        store.take_problems().iter().for_each(load::say_of_store);
    }
    done
}

fn act(options: &Options, asked: &HistoryCommand, store: &mut Store, folder: &Path) -> Result<ExitCode, CliError> {
    load::start_threads(options);
    let Where { scan, .. } = look(options);
    match asked {
        HistoryCommand::Status => show_status(options, Kept { store, folder, scan: &scan })?,
        HistoryCommand::Sync => {
            sync(options, store, &scan).map_err(failed)?;
            show_status(options, Kept { store, folder, scan: &scan })?;
        }
        HistoryCommand::Prune(asked) => prune(options, Kept { store, folder, scan: &scan }, asked)?,
        HistoryCommand::Export { file } if file.exists() => {
            return Err(CliError::Other(format!("`{}` is there already: name another file", Shown::path(file))));
        }
        HistoryCommand::Export { file } => {
            let unreadable = export(options, store, file)?;
            let json = json!({"schema": SCHEMA, "file": text_of(file), "unreadable": unreadable});
            print(options, &format!("wrote `{}`\n", Shown::path(file)), &json)?;
        }
        HistoryCommand::Import { file, from } => import(options, store, file, from.clone(), &scan)?,
        HistoryCommand::Verify => return verify(options, store, &scan),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads what is new, where a store is wanted.
pub(crate) fn fill(options: &Options) -> Result<(), String> {
    if options.no_store {
        return Ok(());
    }
    let folder = folder(options).map_err(|_| "there is no folder for the store".to_string())?;
    let mut store = Store::open(&folder).map_err(|error| error.to_string())?;
    load::start_threads(options);
    let Where { scan, .. } = look(options);
    sync(options, &mut store, &scan).map_err(|error| error.to_string())
}

fn sync(options: &Options, store: &mut Store, scan: &ccstats_core::ScanOptions) -> Result<(), HistoryError> {
    progress::shown(options.quiet, |progress| store.sync(scan, progress))
}

/// The folder of the store: the one that was named, else the platform's.
pub(crate) fn folder(options: &Options) -> Result<PathBuf, CliError> {
    if options.no_store {
        return Err(CliError::Usage("`history` is about the store: leave `--no-store` out".into()));
    }
    let folder = options.store.clone().or_else(environment::data_folder);
    folder.ok_or_else(|| CliError::Other("no home folder: name one with `--store DIR`, or set CCSTATS_DATA_DIR".into()))
}

/// Writes a copy of the store; gives the number of blocks in it that cannot be read.
fn export(options: &Options, store: &mut Store, file: &Path) -> Result<u64, CliError> {
    let Verified { unreadable, .. } = store.check().map_err(|error| cannot(with_remedy(&error)))?;
    // A copy of the new one would take the place of a good copy.
    if let Some(why) = store.take_problems().into_iter().find_map(|problem| problem.detail) {
        return Err(CliError::Other(format!("nothing to copy: {why}")));
    }
    store.export(file).map_err(cannot)?;
    if unreadable > 0 && !options.quiet {
        output::say("warning", &format!("the copy is damaged as the store is: {}", damage(unreadable)));
    }
    Ok(unreadable)
}

/// What is to be done about blocks that cannot be read.
pub(crate) fn damage(blocks: u64) -> String {
    format!("{} cannot be read; `ccstats history verify` reads again what is still there", counted(blocks, "block"))
}

/// What is to be done about those that nothing can replace.
pub(crate) const FORGET: &str = "`ccstats history prune --damaged` forgets what is lost";

/// What is wrong with our own store, and what to do.
pub(crate) fn with_remedy(error: &StoreError) -> String {
    match error {
        StoreError::Damaged(_) => format!("{error}: `ccstats history sync` sets it aside for a new one"),
        other => other.to_string(),
    }
}

/// Asks before it forgets, and keeps a copy of the store as it was.
fn prune(options: &Options, kept: Kept, asked: &PruneArgs) -> Result<(), CliError> {
    let Kept { store, folder, scan } = kept;
    let (forget, noun, which) = match asked.before {
        Some(day) => (Forget::Before(calendar(options)?.start_ms(day)), "deleted transcript", format!("ended before {day}")),
        None => (Forget::Damaged, "damaged block", "nothing can replace".into()),
    };
    let count = store.prunable(scan, forget).map_err(failed)?;
    if count == 0 {
        let text = format!("nothing to forget: there is no {noun} that {which}\n");
        return print(options, &text, &json!({"schema": SCHEMA, "pruned": 0}));
    }
    if !asked.yes && !agrees(&format!("forget {} that {which}?", counted(count, noun)))? {
        output::say("note", "nothing was changed");
        return Ok(());
    }
    let backup = folder.join(format!("before-prune-{}.store", Utc::now().format("%Y%m%dT%H%M%S%3f")));
    export(options, store, &backup)?;
    let pruned = store.prune(scan, forget).map_err(failed)?;
    let way_back = match forget {
        Forget::Before(_) => format!("`ccstats history import '{}'` brings them back", Shown::path(&backup)),
        Forget::Damaged => format!("the store as it was is `{}`", Shown::path(&backup)),
    };
    let text = format!("forgot {}; {way_back}\n", counted(pruned, noun));
    print(options, &text, &json!({"schema": SCHEMA, "pruned": pruned, "backup": text_of(&backup)}))
}

fn agrees(question: &str) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage("stdin is no terminal, so nobody can be asked: add `--yes`".into()));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    // No answer is no.
    let _ = io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Tells whose history it was, since what belongs to other folders is in no report.
fn import(
    options: &Options,
    store: &mut Store,
    file: &Path,
    from: Option<PathBuf>,
    scan: &ccstats_core::ScanOptions,
) -> Result<(), CliError> {
    let onto = match &options.root[..] {
        [] => None,
        [root] => Some(root.clone()),
        _ => return Err(CliError::Usage("history is imported for one folder: name only one `--root`".into())),
    };
    let imported = store.import(file, &Import { from, onto }, scan).map_err(|error| match error {
        HistoryError::Store(error @ StoreError::Roots(..)) => CliError::Usage(format!("{error}: name one of these with `--from`")),
        HistoryError::Store(ref error @ StoreError::Damaged(ref path)) if path == file => cannot(format!("{error}: export it again")),
        other => failed(other),
    })?;
    let transcripts = imported.iter().map(|root| root.transcripts).sum();
    let line = |root: &Imported| format!("root     `{}`, {}\n", Shown::path(&root.root), counted(root.transcripts, "transcript"));
    let mut text = format!("imported {} from `{}`\n", counted(transcripts, "transcript"), Shown::path(file));
    text.extend(imported.iter().map(line));
    let json = |root: &Imported| json!({"root": text_of(&root.root), "transcripts": root.transcripts, "unreadable": root.unreadable, "shown": root.is_shown});
    let roots: Vec<_> = imported.iter().map(json).collect();
    print(options, &text, &json!({"schema": SCHEMA, "transcripts": transcripts, "roots": roots}))?;
    let unreadable: u64 = imported.iter().map(|root| root.unreadable).sum();
    if unreadable > 0 && !options.quiet {
        output::say("warning", &format!("{} of it cannot be read: what they hold was left out", counted(unreadable, "block")));
    }
    if !options.quiet && !imported.is_empty() && !imported.iter().any(|root| root.is_shown) {
        output::say("note", "no report shows them: they belong to other folders than those that are read");
        output::say("hint", "import the file again with `--root DIR` to make them history of DIR");
    }
    Ok(())
}

/// Ends with a failure when anything was wrong, also what is mended now.
fn verify(options: &Options, store: &mut Store, scan: &ccstats_core::ScanOptions) -> Result<ExitCode, CliError> {
    let verified = progress::shown(options.quiet, |progress| store.verify(scan, progress)).map_err(failed)?;
    let Verified { sound, unreadable, changed, .. } = verified;
    let mut text = format!("{} blocks are sound, {} cannot be read\n", grouped(sound.into()), grouped(unreadable.into()));
    if changed > 0 {
        text += &format!("{} had changed unnoticed, and were read again\n", counted(changed, "transcript"));
    }
    if unreadable > 0 {
        text += &format!("what was still there was read again; {FORGET}\n");
    }
    print(options, &text, &json!({"schema": SCHEMA, "sound": sound, "unreadable": unreadable, "changed": changed}))?;
    Ok(if unreadable + changed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show_status(options: &Options, Kept { store, folder, scan }: Kept) -> Result<(), CliError> {
    let status = store.status(scan).map_err(failed)?;
    let calendar = calendar(options)?;
    let days = status.span_ms.map(|(first, last)| [first, last].map(|instant| calendar.day(instant).to_string()));
    print(options, &status_text(&status, folder, days.as_ref()), &status_json(&status, folder, days.as_ref()))
}

/// What is kept, as sentences; `days` are the first and the last one.
fn status_text(status: &Status, folder: &Path, days: Option<&[String; 2]>) -> String {
    let mut text = format!("store    {} in `{}`\n", bytes(status.size_bytes), Shown::path(folder));
    text += &format!("known    {}, {} of them deleted\n", counted(status.transcripts, "transcript"), status.gone);
    if let Some([first, last]) = days {
        text += &format!("from     {first} to {last}\n");
    }
    text += &match status.unseen.len() {
        0 => "unseen   nothing\n".to_string(),
        count => format!("unseen   {}; `ccstats history sync` reads what is new\n", counted(count as u64, "transcript")),
    };
    if !status.unreadable.is_empty() {
        let count = counted(status.unreadable.len() as u64, "transcript");
        text += &format!("closed   {count} cannot be read; `ccstats doctor` says why\n");
    }
    text
}

fn status_json(status: &Status, folder: &Path, days: Option<&[String; 2]>) -> serde_json::Value {
    json!({
        "schema": SCHEMA,
        "folder": text_of(folder),
        "size_bytes": status.size_bytes,
        "transcripts": status.transcripts,
        "gone": status.gone,
        "unseen": status.unseen.len(),
        "unreadable": status.unreadable.len(),
        "first": days.map(|days| &days[0]),
        "last": days.map(|days| &days[1]),
    })
}

fn calendar(options: &Options) -> Result<Calendar, CliError> {
    Ok(request::calendar(options, &Config::load(options.config.as_deref())?))
}

/// A path as JSON can hold it.
fn text_of(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}

/// Prints a text, or the JSON in its place.
fn print(options: &Options, text: &str, value: &serde_json::Value) -> Result<(), CliError> {
    let text = match options.format() {
        Format::Json | Format::Ndjson => harmless(&value.to_string()) + "\n",
        _ => text.to_string(),
    };
    output::write(&text, options.output.as_deref(), options.color)
}

fn cannot(error: impl std::fmt::Display) -> CliError {
    CliError::Other(error.to_string())
}

fn failed(error: HistoryError) -> CliError {
    match error {
        HistoryError::Roots(error) => CliError::Core(error),
        HistoryError::Store(error) => cannot(with_remedy(&error)),
        other => cannot(other),
    }
}
