//! What the environment says: which folders, which time zone, which terminal.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono_tz::Tz;
use directories::ProjectDirs;

/// The folders to read, and those that were looked for.
#[derive(Debug)]
pub(crate) struct Roots {
    /// Folders that exist, or that the user named.
    pub(crate) roots: Vec<PathBuf>,
    /// Everywhere that transcripts were expected.
    pub(crate) looked_in: Vec<PathBuf>,
}

impl Roots {
    /// The roots that the user named, else those of the environment.
    pub(crate) fn new(named: &[PathBuf]) -> Roots {
        if !named.is_empty() {
            return Roots { roots: named.to_vec(), looked_in: named.to_vec() };
        }
        // Below a config directory only `projects` holds transcripts: other
        // files there end in `.jsonl` too.
        let looked_in: Vec<PathBuf> = config_dirs(env::var_os("CLAUDE_CONFIG_DIR"), env::home_dir().as_deref())
            .into_iter()
            .map(|config| config.join("projects"))
            .collect();
        let roots = looked_in.iter().filter(|root| root.is_dir()).cloned().collect();
        Roots { roots, looked_in }
    }
}

/// The folder for what is kept: `CCSTATS_DATA_DIR`, else the platform's.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let named = env::var_os("CCSTATS_DATA_DIR").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    named.or_else(|| ProjectDirs::from("", "", "ccstats").map(|dirs| dirs.data_dir().to_path_buf()))
}

/// Which build of the program this is: the length of its file, and when that was written.
pub(crate) fn build() -> Option<(u64, SystemTime)> {
    let program = env::current_exe().and_then(|path| path.metadata()).ok()?;
    Some((program.len(), program.modified().ok()?))
}

/// The user's settings of Claude Code.
pub(crate) fn settings_file() -> Option<PathBuf> {
    let dirs = config_dirs(env::var_os("CLAUDE_CONFIG_DIR"), env::home_dir().as_deref());
    dirs.first().map(|config| config.join("settings.json"))
}

/// The settings that whoever manages the machine gave Claude Code; they beat the user's.
pub(crate) fn managed_settings_file() -> PathBuf {
    let folder = match env::consts::OS {
        "macos" => "/Library/Application Support/ClaudeCode",
        "windows" => r"C:\Program Files\ClaudeCode",
        _ => "/etc/claude-code",
    };
    Path::new(folder).join("managed-settings.json")
}

/// Claude Code takes `CLAUDE_CONFIG_DIR` as one folder; a comma list is a
/// custom of tools that read several. Both defaults held data at some time.
fn config_dirs(named: Option<OsString>, home: Option<&Path>) -> Vec<PathBuf> {
    match named.filter(|named| !named.is_empty()) {
        Some(named) if Path::new(&named).is_dir() => vec![named.into()],
        Some(named) => match named.to_str() {
            Some(list) => list.split(',').map(str::trim).filter(|dir| !dir.is_empty()).map(PathBuf::from).collect(),
            None => vec![named.into()],
        },
        None => home.map(|home| vec![home.join(".claude"), home.join(".config/claude")]).unwrap_or_default(),
    }
}

/// The system's time zone, and what was wrong when it is not known.
pub(crate) fn system_zone() -> (Tz, Option<String>) {
    let named = env::var("TZ").ok().map(|zone| zone.trim_start_matches(':').to_string()).filter(|zone| !zone.is_empty());
    // Some systems set `TZ` to the file that holds the system's zone.
    let (name, source) = match named.filter(|name| name != "/etc/localtime") {
        Some(name) => (name, "TZ"),
        None => match iana_time_zone::get_timezone() {
            Ok(name) => (name, "the system's time zone"),
            Err(_) => return (Tz::UTC, None),
        },
    };
    match zone_named(&name) {
        Some(zone) => (zone, None),
        None => (Tz::UTC, Some(format!("{source} names no zone of the tz database: days are those of UTC; choose with `--tz`"))),
    }
}

/// A zone by its name, or by a file of the tz database: `/usr/share/zoneinfo/Asia/Tokyo`.
fn zone_named(name: &str) -> Option<Tz> {
    let file_of = |name: &str| name.rsplit_once("/zoneinfo/").map(|(_, zone)| zone.trim_start_matches("posix/").to_owned());
    name.parse().ok().or_else(|| file_of(name)?.parse().ok())
}

/// How wide a pipe or a file is to be.
pub(crate) fn columns() -> Option<usize> {
    env::var("COLUMNS").ok()?.parse().ok()
}

/// Whether the terminal's locale says that it shows Unicode.
pub(crate) fn has_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(env::var_os).find(|value| !value.is_empty());
    let locale = locale.map(|locale| locale.to_string_lossy().to_lowercase());
    cfg!(windows) || locale.is_some_and(|locale| locale.contains("utf-8") || locale.contains("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_list_names_several_config_dirs() {
        let dirs = config_dirs(Some("/nowhere/a, /nowhere/b,".into()), None);
        assert_eq!(dirs, [Path::new("/nowhere/a"), Path::new("/nowhere/b")]);
    }

    #[test]
    fn a_zone_is_known_by_its_name_and_by_its_file() {
        for name in ["Asia/Tokyo", "/usr/share/zoneinfo/Asia/Tokyo", "/usr/share/zoneinfo/posix/Asia/Tokyo"] {
            assert_eq!(zone_named(name), Some(Tz::Asia__Tokyo), "{name}");
        }
        for name in ["/etc/localtime", "/usr/share/zoneinfo/", "Asia/Nowhere", "JST-9"] {
            assert_eq!(zone_named(name), None, "{name}");
        }
    }

    #[test]
    fn both_default_places_are_looked_at() {
        let dirs = config_dirs(None, Some(Path::new("/home/u")));
        assert_eq!(dirs, [Path::new("/home/u/.claude"), Path::new("/home/u/.config/claude")]);
    }
}
