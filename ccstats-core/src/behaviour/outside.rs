//! Whether a path that was written lies outside of the project.
//!
//! Compares by path component after resolving `.`, `..` and `~`, so `/w/app-old`
//! is outside of `/w/app`. Looks at no disk: transcripts come from other times
//! and other machines, so links are not resolved. What cannot be told for sure
//! is not outside.

use crate::shell::Severity;

/// An absolute path as its components. Windows paths start with their drive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AbsolutePath {
    parts: Vec<String>,
    system: System,
}

/// How paths are written and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    Unix,
    /// Letters of either case are the same file.
    Mac,
    /// As on a Mac, with drives and backslashes.
    Windows,
}

impl AbsolutePath {
    /// The folder of a project; `None` for what is no absolute path.
    pub(super) fn folder(path: &str) -> Option<AbsolutePath> {
        let system = if has_drive(path) {
            System::Windows
        } else if path.starts_with("/Users/") {
            System::Mac
        } else {
            System::Unix
        };
        (system == System::Windows || path.starts_with('/')).then(|| AbsolutePath { parts: resolved(&[], path, system), system })
    }

    /// A path as seen from this folder; `None` where it depends on what only
    /// the machine knew.
    pub(super) fn join(&self, path: &str) -> Option<AbsolutePath> {
        let system = self.system;
        let place = |parts| Some(AbsolutePath { parts, system });
        if path.is_empty() || path.starts_with("\\\\") {
            return None;
        }
        if let Some(rest) = path.strip_prefix('~') {
            let is_own = rest.is_empty() || rest.starts_with(['/', '\\']);
            return is_own.then(|| self.home()).flatten().and_then(|home| place(resolved(home, rest, system)));
        }
        match system {
            System::Windows if path.starts_with('/') => place(resolved(&[], &from_msys(path)?, system)),
            System::Windows if has_drive(path) => place(resolved(&[], path, system)),
            _ if has_drive(path) && path.contains('\\') => None,
            _ if path.starts_with('/') => place(resolved(&[], path, system)),
            _ => place(resolved(&self.parts, path, system)),
        }
    }

    /// Whether this is the folder or lies below it.
    pub(super) fn is_inside(&self, folder: &AbsolutePath) -> bool {
        let same = |(a, b): (&String, &String)| match self.system {
            System::Unix => a == b,
            System::Mac | System::Windows => a.to_lowercase() == b.to_lowercase(),
        };
        self.parts.len() >= folder.parts.len() && self.parts.iter().zip(&folder.parts).all(same)
    }

    /// How bad it is to write here, outside of the project.
    pub(super) fn severity(&self) -> Severity {
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let below_home = self.home().map_or(&[][..], |home| &parts[home.len()..]);
        match (&parts[..], below_home) {
            _ if is_temporary(&parts) || is_own_note(below_home) => Severity::Low,
            // What runs by itself, what opens doors, what sets permissions.
            (["etc" | "usr" | "bin" | "sbin" | "lib" | "boot" | "System" | "Library", ..], _) => Severity::High,
            ([_, "Windows" | "Program Files" | "Program Files (x86)", ..], _) if self.system == System::Windows => Severity::High,
            (_, [".ssh" | ".aws" | ".gnupg", ..]) => Severity::High,
            (_, [".claude", "settings.json" | "settings.local.json" | "hooks", ..] | [".claude.json"]) => Severity::High,
            (_, [".bashrc" | ".bash_profile" | ".profile" | ".zshrc" | ".zshenv" | ".zprofile" | ".gitconfig"]) => Severity::High,
            _ => Severity::Medium,
        }
    }

    /// The home folder that this path lies in, by the customs of its system.
    fn home(&self) -> Option<&[String]> {
        let parts: Vec<&str> = self.parts.iter().map(String::as_str).collect();
        let length = match (self.system, &parts[..]) {
            (System::Windows, [_, users, _, ..]) if users.eq_ignore_ascii_case("users") => 3,
            (System::Mac, ["Users", _, ..]) | (System::Unix, ["home", _, ..]) => 2,
            (System::Unix, ["root", ..]) => 1,
            _ => return None,
        };
        Some(&self.parts[..length])
    }
}

impl std::fmt::Display for AbsolutePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (start, between) = if self.system == System::Windows { ("", "\\") } else { ("/", "/") };
        write!(f, "{start}{}", self.parts.join(between))
    }
}

/// `C:\…` or `C:/…`.
fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\' | b'/', ..] | [drive, b':'] if drive.is_ascii_alphabetic())
}

/// `/c/Users` of the shell that Windows users run, as `C:/Users`. Where its
/// other folders lie only the machine knew.
fn from_msys(path: &str) -> Option<String> {
    match path.as_bytes() {
        [b'/', drive, b'/', ..] | [b'/', drive] if drive.is_ascii_alphabetic() => {
            Some(format!("{}:{}", char::from(drive.to_ascii_uppercase()), &path[2..]))
        }
        _ => None,
    }
}

/// The components of `path` behind those of `from`.
fn resolved(from: &[String], path: &str, system: System) -> Vec<String> {
    let separators: &[char] = if system == System::Windows { &['/', '\\'] } else { &['/'] };
    let mut parts = from.to_vec();
    for part in path.split(separators) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part.to_owned()),
        }
    }
    // A Mac keeps these below `/private` and knows them by both names.
    if system != System::Windows && parts.len() > 1 && parts[0] == "private" && matches!(parts[1].as_str(), "tmp" | "var" | "etc") {
        parts.remove(0);
    }
    parts
}

fn is_temporary(parts: &[&str]) -> bool {
    matches!(parts, ["tmp", ..] | ["var", "tmp" | "folders", ..] | ["dev", "shm", ..])
        || parts.windows(3).any(|part| part[0].eq_ignore_ascii_case("appdata") && part[2].eq_ignore_ascii_case("temp"))
}

/// Plans, memory and lists that Claude Code itself has the model write.
fn is_own_note(below_home: &[&str]) -> bool {
    matches!(
        below_home,
        [".claude", "plans" | "todos" | "tasks" | "teams" | "jobs" | "agent-memory", ..]
            | [".claude", "projects", _, "memory", ..]
            | [".claude", "projects", _, "MEMORY.md"]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path written from `folder`, if it is outside of it.
    fn outside(folder: &str, path: &str) -> Option<String> {
        let folder = AbsolutePath::folder(folder).expect("absolute");
        let place = folder.join(path)?;
        (!place.is_inside(&folder)).then(|| place.to_string())
    }

    #[test]
    fn what_is_not_below_the_folder_is_outside() {
        let table = [
            ("/home/me/app", "../app-old/x", "/home/me/app-old/x"),
            ("/home/me/app", "/home/me/app-old/x", "/home/me/app-old/x"),
            ("/home/me/app", "src/../../x", "/home/me/x"),
            ("/home/me/app", "~/.bashrc", "/home/me/.bashrc"),
            ("/home/me/app", "/etc/hosts", "/etc/hosts"),
            ("/home/me/app", "/home/me/App/x", "/home/me/App/x"),
            ("/Users/me/app", "/private/tmp/x", "/tmp/x"),
            ("/home/me/app", "/../../etc/x", "/etc/x"),
            ("C:\\Users\\me\\app", "..\\x", "C:\\Users\\me\\x"),
            ("C:\\Users\\me\\app", "/c/Users/me/x", "C:\\Users\\me\\x"),
            ("C:\\Users\\me\\app", "D:/x", "D:\\x"),
        ];
        for (folder, path, expected) in table {
            assert_eq!(outside(folder, path).as_deref(), Some(expected), "{folder} {path}");
        }
    }

    #[test]
    fn what_is_below_the_folder_or_unknown_is_not_outside() {
        let table = [
            ("/home/me/app", "x"),
            ("/home/me/app", "/home/me/app"),
            ("/home/me/app", "/home/me/app/../app/x"),
            ("/home/me/app", "./a/./b//c"),
            ("/home/me", "~/x"),
            ("/", "/etc/x"),
            ("/Users/me/app", "/Users/me/App/x"),
            ("C:\\Users\\me\\app", "c:/users/me/app/x"),
            ("C:\\Users\\me\\app", "/C/Users/me/app/x"),
            // Only the machine knows these.
            ("/work/app", "~/x"),
            ("/home/me/app", "~you/x"),
            ("C:\\Users\\me\\app", "/usr/bin/x"),
            ("C:\\Users\\me\\app", "\\\\server\\share\\x"),
            ("/mnt/c/app", "C:\\app\\x"),
        ];
        for (folder, path) in table {
            assert_eq!(outside(folder, path), None, "{folder} {path}");
        }
        assert_eq!(AbsolutePath::folder("-home-me-app"), None);
    }

    #[test]
    fn places_differ_in_severity() {
        let severity = |path| AbsolutePath::folder("/home/me/app").and_then(|folder| folder.join(path)).map(|place| place.severity());
        for path in
            ["/tmp/x", "/var/folders/a/b", "~/.claude/plans/x.md", "~/.claude/projects/a/memory/x.md", "~/.claude/projects/a/MEMORY.md"]
        {
            assert_eq!(severity(path), Some(Severity::Low), "{path}");
        }
        for path in ["../other/x", "~/.claude/CLAUDE.md", "~/.claude/projects/x", "/opt/x", "/home/you/.bashrc.d/x"] {
            assert_eq!(severity(path), Some(Severity::Medium), "{path}");
        }
        for path in ["/etc/hosts", "~/.ssh/authorized_keys", "~/.zshrc", "~/.claude/settings.json", "~/.claude/hooks/x.sh"] {
            assert_eq!(severity(path), Some(Severity::High), "{path}");
        }
        let windows = AbsolutePath::folder("C:\\Users\\me\\app").and_then(|folder| folder.join("../AppData/Local/Temp/x"));
        assert_eq!(windows.map(|place| place.severity()), Some(Severity::Low));
    }
}
