//! `doctor`: what ccstats reads and keeps here, and what is to be mended.

mod settings;

use std::path::Path;
use std::process::ExitCode;

use ccstats_core::{Dataset, Kind, Prices, Problem, Shown, Status, Store, Table, Untrusted, Value, counted, grouped, hash_problem};
use chrono::Utc;

use crate::args::{Format, Options};
use crate::config::Config;
use crate::format::number::bytes;
use crate::load::{self, Where, look};
use crate::output::{self, CliError, UNUSABLE};
use crate::{format, history, key, progress};
use settings::Settings;

/// Prices change a few times a year.
const OLD_PRICES_DAYS: i64 = 90;

pub(crate) fn run(options: &Options) -> Result<ExitCode, CliError> {
    let key = options.hash.then(key::load).transpose().map_err(CliError::Key)?;
    let mut findings = Findings { all: Vec::new(), hide_names: options.hash };
    let config = Config::load(options.config.as_deref());
    match &config {
        Ok(_) => findings.fine("configuration", "sound"),
        Err(error) => findings.wrong_by_name("configuration", &error.to_string()),
    }
    let settings = Settings::read();
    settings.wrong.iter().for_each(|why| findings.wrong_by_name("settings", why));
    load::start_threads(options);
    let Where { looked_in, scan } = look(options);
    let dataset = progress::shown(options.quiet, |progress| Dataset::load(&scan, progress))?;
    let mut accounting = dataset.accounting().clone();
    if let Some(key) = &key {
        accounting.problems.iter_mut().for_each(|problem| hash_problem(problem, key));
    }
    if accounting.transcripts == 0 {
        findings.wrong_by_name("transcripts", &load::nothing_found(&looked_in));
    } else {
        let (count, lines) = (grouped(accounting.transcripts.into()), counted(accounting.lines.total().lines, "line"));
        findings.fine("transcripts", &format!("{count}, {lines}, {}", bytes(accounting.bytes())));
    }
    for group in format::problems(&accounting) {
        let places = group.examples.iter().map(place_of).collect();
        findings.add(Finding { places, ..Finding::wrong("problem", &group.to_string()) });
    }
    store(options, &scan, settings.cleanup_days, &mut findings);
    prices(options, &mut findings);
    let text = match options.format() {
        Format::Table => findings.all.iter().map(line).collect(),
        other => format::render_table("ccstats.doctor/1", ("ok", findings.are_fine()), ("findings", &findings.table()), other),
    };
    output::write(&text, options.output.as_deref(), options.color)?;
    std::mem::forget(dataset);
    let is_unusable = options.strict && !load::is_whole(&accounting);
    Ok(if is_unusable { ExitCode::from(UNUSABLE) } else { ExitCode::SUCCESS })
}

fn place_of(problem: &Problem) -> String {
    let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
    let detail = problem.detail.as_ref().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{line}{detail}", problem.path.display())
}

/// The store, and whether Claude Code will delete what is not in it.
fn store(options: &Options, scan: &ccstats_core::ScanOptions, days: u64, findings: &mut Findings) {
    if options.no_store {
        return findings.fine("store", "not asked for");
    }
    let looked = history::folder(options).map_err(|_| "no folder for it".to_string()).and_then(|folder| look_at(&folder, scan));
    let (Status { unseen, transcripts, gone, size_bytes, .. }, unreadable, problems) = match looked {
        Ok(looked) => looked,
        Err(why) => return findings.wrong_by_name("store", &why),
    };
    problems.iter().filter_map(|problem| problem.detail.as_ref()).for_each(|why| findings.wrong_by_name("store", why));
    if unreadable > 0 {
        findings.wrong("store", &format!("{}, {}", history::damage(unreadable), history::FORGET));
    }
    if unseen.is_empty() {
        let (known, gone, size) = (counted(transcripts, "transcript"), grouped(gone.into()), bytes(size_bytes));
        findings.fine("store", &format!("{known}, {gone} of them deleted, {size}; Claude Code deletes after {days} days"));
    } else {
        let count = counted(unseen.len() as u64, "transcript");
        findings.wrong("store", &format!("{count} not in it yet; Claude Code deletes them after {days} days: run `ccstats history sync`"));
    }
}

/// What the store holds, how much of it cannot be read, and what else is wrong with it.
fn look_at(folder: &Path, scan: &ccstats_core::ScanOptions) -> Result<(Status, u64, Vec<Problem>), String> {
    let with_remedy = |error| history::with_remedy(&error);
    let mut store = Store::open(folder).map_err(with_remedy)?;
    let unreadable = store.check().map_err(with_remedy)?.unreadable;
    let status = store.status(scan).map_err(|error| error.to_string())?;
    Ok((status, unreadable, store.take_problems()))
}

fn prices(options: &Options, findings: &mut Findings) {
    let as_of = Prices::builtin().as_of();
    let today = options.now.unwrap_or_else(Utc::now).date_naive();
    let age = (today - as_of).num_days();
    let text = format!("of {as_of}, {} old", counted(age.max(0).unsigned_abs(), "day"));
    if age > OLD_PRICES_DAYS {
        findings.wrong("prices", &format!("{text}: update ccstats, or write prices into the configuration"));
    } else {
        findings.fine("prices", &text);
    }
}

/// What was looked at, and whether it is as it should be.
struct Finding {
    about: &'static str,
    is_fine: bool,
    text: String,
    /// Where, as far as there are places.
    places: Vec<String>,
}

impl Finding {
    fn wrong(about: &'static str, text: &str) -> Finding {
        Finding { about, is_fine: false, text: text.to_owned(), places: Vec::new() }
    }
}

struct Findings {
    all: Vec<Finding>,
    hide_names: bool,
}

impl Findings {
    fn add(&mut self, finding: Finding) {
        self.all.push(finding);
    }

    fn fine(&mut self, about: &'static str, text: &str) {
        self.add(Finding { is_fine: true, ..Finding::wrong(about, text) });
    }

    fn wrong(&mut self, about: &'static str, text: &str) {
        self.add(Finding::wrong(about, text));
    }

    /// For a text with names in it, which cannot all be told from the words around them.
    fn wrong_by_name(&mut self, about: &'static str, text: &str) {
        let text = if self.hide_names { "not as it should be; `ccstats doctor` without `--hash` says why" } else { text };
        self.wrong(about, text);
    }

    fn are_fine(&self) -> bool {
        self.all.iter().all(|finding| finding.is_fine)
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&[("about", Kind::Text), ("ok", Kind::Flag), ("text", Kind::Text), ("places", Kind::Text)]);
        table.extend(self.all.iter().map(row));
        table
    }
}

fn row(finding: &Finding) -> Vec<Value> {
    let places = finding.places.iter().map(|place| Untrusted::new(place.clone())).collect();
    vec![Value::text(finding.about), Value::Flag(finding.is_fine), Value::text(&*finding.text), Value::List(places)]
}

/// A finding for people; places stand below it.
fn line(finding: &Finding) -> String {
    const INDENT: usize = 18;
    let Finding { about, is_fine, text, places } = finding;
    let places = places.iter().map(|place| format!("\n{}{}", " ".repeat(INDENT), Shown::new(place)));
    let text: Vec<_> = text.lines().map(|line| Shown::new(line).to_string()).collect();
    format!("{} {about:<15}{}{}\n", if *is_fine { "ok" } else { "!!" }, text.join("\n"), places.collect::<String>())
}
