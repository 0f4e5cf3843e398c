//! Which paths hold secrets.

use super::Severity;
use crate::paths;

/// Endings of `.env.*` that hold no secrets.
const TEMPLATES: &[&str] = &["example", "sample", "template", "dist"];

/// How bad it is to read `path`; nothing for ordinary files.
///
/// Judges names alone: the path need not exist. Public halves of keys and
/// files that rarely hold secrets are low.
pub fn secret_path(path: &str) -> Option<Severity> {
    let path = path.trim_end_matches(['/', '\\']);
    let (folders, name) = path.rsplit_once(['/', '\\']).unwrap_or(("", path));
    let by_name = secret_name(name).filter(|_| !is_source_folder(folders, name));
    let in_folder = path.split(['/', '\\']).find_map(secret_folder);
    let kubeconfig = name == "config" && paths::base_name(folders) == ".kube";
    match (by_name, in_folder) {
        _ if is_public(name, in_folder) => Some(Severity::Low),
        (Some(severity), _) | (None, Some(severity)) => Some(severity),
        (None, None) => kubeconfig.then_some(Severity::High),
    }
}

fn secret_name(name: &str) -> Option<Severity> {
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    match name {
        "id_rsa" | "id_ed25519" | "id_ecdsa" | ".netrc" | ".pypirc" | ".pgpass" | "kubeconfig" | "credentials" => Some(Severity::High),
        ".npmrc" => Some(Severity::Medium),
        _ if is_env(name) || has_key_ending(name) => Some(Severity::High),
        _ if name.ends_with(".kubeconfig") => Some(Severity::High),
        _ if stem == "credentials" && !is_source(name) => Some(Severity::High),
        _ => None,
    }
}

/// `.env` and `.env.local`, not `.env.example`; globs over them too.
fn is_env(name: &str) -> bool {
    match name.strip_prefix(".env") {
        None => false,
        Some("" | "*") => true,
        // `.env{,.local}`
        Some(rest) if rest.starts_with('{') => rest.trim_matches(['{', '}']).split(',').any(|rest| is_env(&format!(".env{rest}"))),
        Some(rest) => rest.strip_prefix('.').is_some_and(|rest| !rest.split('.').any(|part| TEMPLATES.contains(&part))),
    }
}

fn has_key_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    name.len() > ending.len() + 1 && matches!(ending, "pem" | "key" | "p12" | "pfx")
}

/// `credentials.ts` is a program, not a secret.
fn is_source(name: &str) -> bool {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    matches!(ending, "py" | "ts" | "tsx" | "js" | "jsx" | "go" | "rs" | "rb" | "java" | "md" | "html" | "c" | "h" | "swift" | "kt")
}

/// `src/credentials` is a folder of a project that deals with them: those with
/// secrets lie in other places, or have an ending.
fn is_source_folder(folders: &str, name: &str) -> bool {
    name == "credentials" && folders.split(['/', '\\']).any(|folder| SOURCES.contains(&folder))
}

/// Folders that hold programs.
const SOURCES: &[&str] = &["src", "lib", "pkg", "internal", "packages", "components", "test", "tests", "spec", "__tests__"];

fn secret_folder(part: &str) -> Option<Severity> {
    match part {
        ".aws" | ".gnupg" => Some(Severity::High),
        ".ssh" => Some(Severity::Medium),
        _ => None,
    }
}

fn is_public(name: &str, folder: Option<Severity>) -> bool {
    let key = name.strip_suffix(".pub").is_some_and(|key| key.starts_with("id_") || folder.is_some());
    key || (folder.is_some() && matches!(name, "known_hosts" | "authorized_keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known() {
        for path in [
            ".env",
            "a/.env",
            ".env.local",
            ".env.production",
            ".env*",
            "server.pem",
            "x/tls.key",
            "a.p12",
            "a.pfx",
            "~/.ssh/id_rsa",
            "id_ed25519",
            "/root/.netrc",
            ".pgpass",
            ".pypirc",
            "kubeconfig",
            "~/.kube/config",
            "~/.aws/credentials",
            "src/.aws/credentials",
            "credentials",
            "config/credentials",
            "credentials.json",
            "src/credentials.json",
            ".env{,.local}",
            ".env{.example,.local}",
            ".env.{a,b}",
            "~/.aws/config",
            "C:\\Users\\a\\.aws\\credentials",
        ] {
            assert_eq!(secret_path(path), Some(Severity::High), "{path}");
        }
        for path in [".npmrc", "~/.ssh/config", "~/.ssh"] {
            assert_eq!(secret_path(path), Some(Severity::Medium), "{path}");
        }
        for path in ["~/.ssh/id_rsa.pub", "id_ed25519.pub", "~/.ssh/known_hosts"] {
            assert_eq!(secret_path(path), Some(Severity::Low), "{path}");
        }
    }

    #[test]
    fn near_misses_are_no_secrets() {
        for path in [
            "",
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            ".env.local.example",
            ".envrc",
            "env",
            "process.env",
            "src/.env/x.py",
            "key",
            ".key",
            "monkey",
            "config",
            "credentials.ts",
            "src/credentials",
            "/home/a/app/src/auth/credentials/",
            "lib/credentials",
            ".env{.example,.sample}",
            ".env{rc,x}",
            "a/credentials_test.go",
            "x.pub",
            "keys.txt",
        ] {
            assert_eq!(secret_path(path), None, "{path}");
        }
    }
}
