//! Keyed hashes in the place of names (`--hash`), and fingerprints of secrets.
//!
//! A hash is the start of an HMAC-SHA-256, 16 hex digits: without the key,
//! which stays on the machine, nobody can test whether a name they guess stands
//! behind it. Equal names stay equal under one key, so counts do not change.
//!
//! Columns that are known to hold the words of programs stay as they are, free
//! text is left out, and every other text is hashed: a new column that nobody
//! thought of here cannot give a name away.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::Problem;
use crate::table::{Kind, Table, Value};
use crate::untrusted::Untrusted;

/// The secret that makes hashes useless to others. Its keeper is the caller.
#[derive(Clone)]
pub struct HashKey(Hmac<Sha256>);

impl HashKey {
    /// A key of any length; 32 random bytes are enough.
    pub fn new(secret: &[u8]) -> HashKey {
        HashKey(Hmac::new_from_slice(secret).expect("an HMAC takes a key of any length"))
    }

    /// 16 hex digits that stand for a name.
    pub fn name(&self, name: &str) -> String {
        self.digits(b"name", name.as_bytes())
    }

    /// 16 hex digits that stand for a secret; never those of a name.
    pub(crate) fn secret(&self, secret: &[u8]) -> String {
        self.digits(b"secret", secret)
    }

    fn digits(&self, purpose: &[u8], text: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(purpose);
        mac.update(&[0]);
        mac.update(text);
        mac.finalize().into_bytes()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

/// What becomes of a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Treatment {
    Keep,
    Hash,
    LeaveOut,
}

/// Columns, by the last part of their names, that hold words of programs: of
/// Claude Code, of the API, of this crate.
const OPEN: &[&str] = &[
    "agent",
    "class",
    "currency",
    "jump_cause",
    "kind",
    "model",
    "models",
    "versions",
    "outcome",
    "reason",
    "redundant_basis",
    "result_basis",
    "rule",
    "severity",
    "tool",
    "trigger",
    "unpriced_models",
];

/// Columns of free text, and those that lead to it.
pub(crate) const FREE_TEXT: &[&str] = &["cause", "error", "examples", "last_error", "prompt", "text", "title", "variants"];

/// Replaces every name in a table by its hash and leaves out free text.
/// Numbers, days and the number and order of rows stay.
pub fn hash_table(table: &mut Table, key: &HashKey) {
    let rule = table.column("rule");
    for row in &mut table.rows {
        let rule = rule.and_then(|index| row[index].as_text()).map(str::to_owned);
        for (column, value) in
            table.columns.iter().zip(row.iter_mut()).filter(|(column, _)| matches!(column.kind, Kind::Text | Kind::Phrase))
        {
            apply(treatment(column.name, rule.as_deref()), value, key);
        }
    }
}

/// Replaces the path of a problem by its hash and leaves out what the system said.
pub fn hash_problem(problem: &mut Problem, key: &HashKey) {
    problem.path = key.name(&problem.path.to_string_lossy()).into();
    problem.detail = None;
}

fn treatment(column: &str, rule: Option<&str>) -> Treatment {
    let name = column.rsplit('.').next().unwrap_or(column);
    match (name, rule) {
        // What an audit event is about depends on its rule: a raw command, or
        // a fingerprint that is keyed already.
        ("target" | "targets", Some("destructive")) => Treatment::LeaveOut,
        ("target" | "targets", Some("leaked-secret")) => Treatment::Keep,
        _ if OPEN.contains(&name) => Treatment::Keep,
        _ if FREE_TEXT.contains(&name) => Treatment::LeaveOut,
        _ => Treatment::Hash,
    }
}

fn apply(treatment: Treatment, value: &mut Value, key: &HashKey) {
    *value = match (treatment, &*value) {
        (Treatment::Hash, Value::Text(name)) => Value::Text(hashed(name, key)),
        (Treatment::Hash, Value::List(names)) => Value::List(names.iter().map(|name| hashed(name, key)).collect()),
        (Treatment::LeaveOut, Value::Text(_) | Value::List(_)) => Value::None,
        _ => return,
    };
}

/// The names that reports give to what has none stay, and so do random ids.
pub(crate) fn hashed(name: &Untrusted, key: &HashKey) -> Untrusted {
    let raw = name.raw();
    if matches!(raw, "" | "unknown") || is_random_id(raw) { name.clone() } else { Untrusted::new(key.name(raw)) }
}

/// A UUID, as sessions have: it says nothing about anyone, and the owner can
/// find the session by it. A session that is named otherwise is hashed.
fn is_random_id(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed_row(cells: &[(&'static str, Value)]) -> Vec<Value> {
        let mut table = Table::new(&cells.iter().map(|(name, _)| (*name, Kind::Text)).collect::<Vec<_>>());
        table.push(cells.iter().map(|(_, value)| value.clone()).collect());
        hash_table(&mut table, &HashKey::new(b"key"));
        table.rows.remove(0)
    }

    #[test]
    fn names_become_hashes_and_equal_names_stay_equal() {
        let row =
            hashed_row(&[("project", Value::text("/home/me/app")), ("file", Value::text("/home/me/app")), ("host", Value::text("a.b"))]);
        assert_eq!(row, [Value::text("f8e5610bd84ce929"), Value::text("f8e5610bd84ce929"), Value::text("f92868695287fb0f")]);
    }

    #[test]
    fn another_key_gives_another_hash() {
        assert_ne!(HashKey::new(b"a").name("x"), HashKey::new(b"b").name("x"));
        assert_ne!(HashKey::new(b"a").name("x"), HashKey::new(b"a").secret(b"x"));
    }

    #[test]
    fn a_hash_is_the_start_of_an_hmac_sha_256() {
        // `printf 'name\0x' | openssl dgst -sha256 -hmac key`
        assert_eq!(HashKey::new(b"key").name("x"), "bacf93e390852510");
    }

    #[test]
    fn words_of_programs_and_random_ids_stay() {
        let id = "6f1c0000-0000-4000-8000-000000000000";
        let cells = [("tool", Value::text("Bash")), ("tokens.kind", Value::text("input")), ("session", Value::text(id))];
        assert_eq!(hashed_row(&cells), cells.map(|(_, value)| value));
        assert_ne!(hashed_row(&[("session", Value::text("my-notes"))]), [Value::text("my-notes")]);
    }

    #[test]
    fn free_text_is_left_out() {
        let row = hashed_row(&[("title", Value::text("secret plan")), ("examples", Value::List(vec![Untrusted::new("s:t:1")]))]);
        assert_eq!(row, [Value::None, Value::None]);
    }

    #[test]
    fn the_target_of_an_event_is_treated_by_its_rule() {
        let target = |rule: &str| hashed_row(&[("rule", Value::text(rule)), ("target", Value::text("a.b"))]).remove(1);
        assert_eq!(target("destructive"), Value::None);
        assert_eq!(target("leaked-secret"), Value::text("a.b"));
        assert_eq!(target("network"), Value::text(HashKey::new(b"key").name("a.b")));
    }

    #[test]
    fn problems_name_no_path() {
        let detail = Some("/home/me/x: denied".to_owned());
        let mut problem = Problem { kind: crate::ProblemKind::Unreadable, path: "/home/me/x".into(), line: Some(3), detail };
        hash_problem(&mut problem, &HashKey::new(b"key"));
        assert!(!format!("{problem:?}").contains("home"), "{problem:?}");
        assert_eq!(problem.line, Some(3));
    }

    #[test]
    fn a_column_that_nobody_knows_is_hashed() {
        assert_ne!(hashed_row(&[("brand_new", Value::text("me"))]), [Value::text("me")]);
    }

    #[test]
    fn numbers_days_and_rows_stay() {
        let mut table = Table::new(&[("day", Kind::Day), ("count", Kind::Count), ("project", Kind::Text)]);
        table.push(vec![Value::text("2026-11-03"), Value::Number(3), Value::text("unknown")]);
        let before = table.clone();
        hash_table(&mut table, &HashKey::new(b"key"));
        assert_eq!(table, before);
    }
}
