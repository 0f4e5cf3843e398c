//! What the settings of Claude Code say of transcripts, and of who calls ccstats.

use std::path::Path;
use std::{fs, io};

use ccstats_core::Shown;
use serde_json::{Map, Value};

use crate::{environment, hook};

/// Claude Code deletes transcripts after so many days where nobody says another number.
const CLEANUP_DAYS: u64 = 30;

/// What was found in the settings of whoever manages the machine, and of the user.
pub(super) struct Settings {
    /// Claude Code deletes transcripts after so many days.
    pub(super) cleanup_days: u64,
    /// What is to be mended.
    pub(super) wrong: Vec<String>,
}

impl Settings {
    pub(super) fn read() -> Settings {
        let (mut days, mut wrong) = (None, Vec::new());
        // Those that are read first count.
        for path in [Some(environment::managed_settings_file()), environment::settings_file()].into_iter().flatten() {
            let mut say = |why: &str| wrong.push(format!("`{}`: {why}", Shown::path(&path)));
            match object(&path) {
                Ok(settings) => {
                    match cleanup_days(&settings) {
                        Ok(found) => days = days.or(found),
                        Err(why) => say(&why),
                    }
                    calls(&settings).for_each(|why| say(&why));
                }
                Err(why) => say(&format!("{why}; until that is mended Claude Code leaves all of it out")),
            }
        }
        Settings { cleanup_days: days.unwrap_or(CLEANUP_DAYS), wrong }
    }
}

/// An object, empty where there is no file.
fn object(path: &Path) -> Result<Map<String, Value>, String> {
    match fs::read(path) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(Value::Object(settings)) => Ok(settings),
            Ok(_) => Err("expected a JSON object".into()),
            Err(error) => Err(error.to_string()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(error.to_string()),
    }
}

fn cleanup_days(settings: &Map<String, Value>) -> Result<Option<u64>, String> {
    let Some(value) = settings.get("cleanupPeriodDays") else { return Ok(None) };
    let days = value.as_u64().filter(|days| *days > 0);
    days.map(Some).ok_or_else(|| format!("`cleanupPeriodDays`: expected a whole number from 1, found `{value}`"))
}

/// What keeps our hooks and our status line from being called.
fn calls(settings: &Map<String, Value>) -> impl Iterator<Item = String> {
    let programs = hook::installed(settings);
    let is_off = !programs.is_empty() && settings.get("disableAllHooks") == Some(&Value::Bool(true));
    let off = is_off.then(|| "`disableAllHooks` switches hooks and status line off".to_string());
    let is_missing = |program: &String| Path::new(program).is_absolute() && !Path::new(program).exists();
    let missing = programs.into_iter().filter(is_missing);
    let option = if hook::has_statusline(settings) { " --statusline" } else { "" };
    off.into_iter().chain(missing.map(move |program| format!("`{program}` is called, but not there: run `ccstats hook install{option}`")))
}
