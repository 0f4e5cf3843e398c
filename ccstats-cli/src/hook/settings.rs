//! Claude Code's `settings.json`, read, and replaced with care.
//!
//! The file belongs to somebody else, who may write it at any time, and a file that
//! does not parse is skipped as a whole. So what is no valid object is refused; the old
//! text is kept beside; the new one is written beside, and takes the place of the old
//! only if that is still the one that was read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ccstats_core::Shown;
use serde_json::{Map, Value};

use crate::members::with_member;
use crate::output::CliError;
use crate::{environment, private};

/// Settings as they were read.
pub(super) struct SettingsFile {
    /// Where they are, behind all links.
    pub(super) path: PathBuf,
    /// `None` where there are none.
    text: Option<String>,
    pub(super) settings: Map<String, Value>,
}

impl SettingsFile {
    /// The settings that are named, else the user's.
    pub(super) fn read(named: Option<PathBuf>) -> Result<SettingsFile, CliError> {
        let named = named.or_else(environment::settings_file);
        let named = named.ok_or_else(|| CliError::Other("no home folder: name the settings with `--settings FILE`".into()))?;
        // To replace a link would cut it from the file that somebody keeps elsewhere.
        let path = fs::canonicalize(&named).unwrap_or(named);
        let mut file = SettingsFile { path, text: None, settings: Map::new() };
        match fs::read_to_string(&file.path) {
            Ok(text) => {
                let settings = serde_json::from_str(&text).map_err(|error| file.failure(&format!("{error}: mend it first")))?;
                let Value::Object(settings) = settings else { return Err(file.failure("expected a JSON object")) };
                file.settings = settings;
                file.text = Some(text);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !file.path.is_symlink() => {}
            Err(error) => return Err(file.failure(&error.to_string())),
        }
        Ok(file)
    }

    pub(super) fn failure(&self, why: &str) -> CliError {
        CliError::Other(format!("cannot change `{}`: {why}", Shown::path(&self.path)))
    }

    /// Brings the file to other settings. Gives the backup; `None` where there was no file.
    pub(super) fn change(&self, settings: &Map<String, Value>) -> Result<Option<PathBuf>, CliError> {
        let backup = self.back_up().map_err(|error| self.failure(&format!("no backup: {error}")))?;
        self.replace(&self.text_with(settings)).map_err(|error| self.failure(&error.to_string()))?;
        Ok(backup)
    }

    /// The text of the file with other settings; what is the same keeps its layout.
    pub(super) fn text_with(&self, settings: &Map<String, Value>) -> String {
        let text = self.text.clone().unwrap_or_else(|| "{}\n".into());
        let changed = ["hooks", "statusLine"].into_iter().filter(|name| settings.get(*name) != self.settings.get(*name));
        changed.fold(text, |text, name| with_member(&text, name, settings.get(name)))
    }

    /// Keeps the old text beside the file, and every other one that is kept there.
    fn back_up(&self) -> io::Result<Option<PathBuf>> {
        let Some(text) = &self.text else { return Ok(None) };
        let holds_another = |path: &Path| match fs::read(path) {
            Ok(kept) => kept != text.as_bytes(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        let (mut path, mut number) = (self.beside("ccstats-backup"), 1);
        while holds_another(&path) {
            number += 1;
            path = self.beside(&format!("ccstats-backup-{number}"));
        }
        if !path.exists() {
            let mut file = private::file().create_new(true).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        Ok(Some(path))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.beside("ccstats-new");
        let _ = fs::remove_file(&new);
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = private::file().create_new(true).open(&new)?;
        file.write_all(text.as_bytes())?;
        if let Ok(metadata) = fs::metadata(&self.path) {
            file.set_permissions(metadata.permissions())?;
        }
        file.sync_all()?;
        if fs::read(&self.path).ok().as_deref() != self.text.as_deref().map(str::as_bytes) {
            fs::remove_file(&new)?;
            return Err(io::Error::other("somebody else changed it just now: try again"));
        }
        fs::rename(&new, &self.path)?;
        // So that the new name outlasts a loss of power; not every system can.
        let _ = self.path.parent().and_then(|folder| fs::File::open(folder).ok()).map(|folder| folder.sync_all());
        Ok(())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{suffix}"));
        self.path.with_file_name(name)
    }
}
