//! The figures of one run by name, and what it means that two sets agree.
//!
//! A figure is a whole number, or none where there is no price. Money is in
//! picodollars. Rows without messages hold no tokens and are left out.

use std::collections::BTreeMap;

use serde_json::Value;

/// Such as `tokens.input`, `model[glm-4.7].cost` or `tools[Bash].ok`.
pub(crate) type Figures = BTreeMap<String, Option<i128>>;

pub(crate) const KINDS: [&str; 5] = ["input", "output", "cache_write_5m", "cache_write_1h", "cache_read"];

pub(crate) const OUTCOMES: [&str; 9] =
    ["ok", "failed", "tool_error", "denied", "cancelled", "interrupted", "background", "soft_nonzero", "no_result"];

const ACCOUNT: [&str; 8] = ["transcripts", "bytes", "lines", "parsed", "salvaged", "blank", "malformed", "unfinished"];

const TOTALS: [&str; 9] = [
    "messages",
    "sessions",
    "projects",
    "prompts",
    "unpriced_messages",
    "not_final_messages",
    "api_errors",
    "lines_added",
    "lines_removed",
];

/// A whole number of JSON; those beyond 64 bits come as near as `f64` does.
fn whole(value: &Value) -> Option<i128> {
    let wide = |value: f64| value as i128;
    value.as_u64().map(i128::from).or(value.as_i64().map(i128::from)).or(value.as_f64().map(wide))
}

fn dollars(value: &Value) -> Option<i128> {
    value.as_f64().map(|dollars| (dollars * 1e12).round() as i128)
}

/// The whole number of a key that must be there.
fn number(row: &Value, key: &str) -> i128 {
    whole(&row[key]).unwrap_or_else(|| panic!("`{key}` is a number in {row}"))
}

fn put(figures: &mut Figures, name: String, value: impl Into<Option<i128>>) {
    figures.insert(name, value.into());
}

fn rows<'v>(value: &'v Value, list: &str) -> &'v [Value] {
    value[list].as_array().unwrap_or_else(|| panic!("`{list}` is a list in {value}"))
}

fn name<'v>(row: &'v Value, key: &str) -> &'v str {
    row[key].as_str().unwrap_or_else(|| panic!("`{key}` is a text in {row}"))
}

/// The figures of what `ccstats summary --json` printed.
pub(crate) fn of_summary(report: &Value) -> Figures {
    let mut figures = Figures::new();
    let totals = &report["summary"];
    put(&mut figures, "calls".into(), number(totals, "total_operations"));
    for key in TOTALS {
        put(&mut figures, key.into(), number(totals, key));
    }
    for kind in KINDS.iter().chain(&["total"]) {
        put(&mut figures, format!("tokens.{kind}"), number(&totals["tokens"], kind));
    }
    put(&mut figures, "cost".into(), dollars(&totals["estimated_cost"]["total"]));
    for model in rows(totals, "unpriced_models") {
        put(&mut figures, format!("unpriced[{}]", model.as_str().unwrap()), 1);
    }
    figures.extend(of_rows(rows(report, "models"), "model"));
    figures.extend(of_rows(rows(report, "projects"), "project"));
    for row in rows(report, "projects").iter().filter(|row| number(row, "count") > 0) {
        put(&mut figures, format!("project[{}].calls", name(row, "project")), number(row, "count"));
    }
    for row in rows(report, "tools") {
        for outcome in OUTCOMES.iter().chain(&["count"]) {
            put(&mut figures, format!("tools[{}].{outcome}", name(row, "tool")), number(row, outcome));
        }
    }
    for key in ACCOUNT {
        put(&mut figures, format!("accounting.{key}"), number(&report["accounting"], key));
    }
    figures
}

/// Messages, tokens and cost of rows that are named by `key`.
pub(crate) fn of_rows(rows: &[Value], key: &str) -> Figures {
    let mut figures = Figures::new();
    for row in rows.iter().filter(|row| number(row, "messages") > 0) {
        let name = name(row, key);
        put(&mut figures, format!("{key}[{name}].messages"), number(row, "messages"));
        put(&mut figures, format!("{key}[{name}].cost"), dollars(&row["cost"]));
        for kind in KINDS {
            put(&mut figures, format!("{key}[{name}].tokens.{kind}"), number(&row["tokens"], kind));
        }
    }
    figures
}

/// The same figures of what `oracle.py --prices` printed.
pub(crate) fn of_oracle(report: &Value) -> Figures {
    let mut figures = Figures::new();
    let totals = &report["totals"];
    put(&mut figures, "calls".into(), number(totals, "tool_calls"));
    for key in TOTALS {
        put(&mut figures, key.into(), number(totals, key));
    }
    for kind in KINDS.iter().chain(&["total"]) {
        put(&mut figures, format!("tokens.{kind}"), number(totals, &format!("{kind}_tokens")));
    }
    put(&mut figures, "cost".into(), oracle_cost(totals));
    for row in rows(report, "models").iter().filter(|row| number(row, "unpriced_messages") > 0) {
        put(&mut figures, format!("unpriced[{}]", name(row, "model")), 1);
    }
    figures.extend(of_oracle_rows(report, "models", "model"));
    figures.extend(of_oracle_rows(report, "projects", "project"));
    for row in rows(report, "tools") {
        put(&mut figures, format!("tools[{}].count", name(row, "tool")), number(row, "calls"));
        for outcome in OUTCOMES {
            put(&mut figures, format!("tools[{}].{outcome}", name(row, "tool")), whole(&row[outcome]).unwrap_or(0));
        }
    }
    for key in ACCOUNT {
        put(&mut figures, format!("accounting.{key}"), whole(&report["accounting"][key]).unwrap_or(0));
    }
    figures
}

/// Messages, tokens and cost of one list of `oracle.py`.
pub(crate) fn of_oracle_rows(report: &Value, list: &str, key: &str) -> Figures {
    let mut figures = Figures::new();
    for row in rows(report, list) {
        let name = name(row, key);
        put(&mut figures, format!("{key}[{name}].messages"), number(row, "messages"));
        put(&mut figures, format!("{key}[{name}].cost"), oracle_cost(row));
        for kind in KINDS {
            put(&mut figures, format!("{key}[{name}].tokens.{kind}"), number(row, &format!("{kind}_tokens")));
        }
    }
    figures
}

/// `oracle.py` knows no absent cost: it is absent when there are messages and none is priced.
fn oracle_cost(row: &Value) -> Option<i128> {
    let messages = number(row, "messages");
    let is_priced = messages == 0 || number(row, "unpriced_messages") < messages;
    dollars(&row["cost_usd"]).filter(|_| is_priced)
}

/// Money may differ by a millionth of a dollar, wide sums by what `f64` cannot hold.
fn is_same(name: &str, left: Option<i128>, right: Option<i128>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return left == right;
    };
    let exact = if name.ends_with("cost") { 1_000_000 + left.abs() / 1_000_000_000_000 } else { 0 };
    let wide = if left > 1 << 63 { left >> 52 } else { 0 };
    (left - right).abs() <= exact.max(wide)
}

/// Every figure of one is in the other and equal.
pub(crate) fn assert_same(wanted: &Figures, found: &Figures, whose: &str) {
    let names: std::collections::BTreeSet<_> = wanted.keys().chain(found.keys()).collect();
    let show = |value: Option<&Option<i128>>| match value {
        Some(Some(value)) => value.to_string(),
        Some(None) => "null".to_owned(),
        None => "absent".to_owned(),
    };
    let differs = |name: &&&String| match (wanted.get(**name), found.get(**name)) {
        (Some(wanted), Some(found)) => !is_same(name, *wanted, *found),
        _ => true,
    };
    let differences: Vec<_> = names.iter().filter(differs).collect();
    let list = differences
        .iter()
        .take(30)
        .map(|name| format!("\n  {name}: wanted {}, found {}", show(wanted.get(**name)), show(found.get(**name))));
    assert!(differences.is_empty(), "{} figures of {whose} differ:{}", differences.len(), list.collect::<String>());
}

/// What must not be less where a line is not strictly JSON; bytes and lines stay equal.
pub(crate) fn assert_not_less(wanted: &Figures, found: &Figures, whose: &str) {
    for name in ["messages", "calls", "prompts", "api_errors", "tokens.output"] {
        assert!(found[name] >= wanted[name], "{name} of {whose}: wanted {:?}, found {:?}", wanted[name], found[name]);
    }
    for name in ["accounting.transcripts", "accounting.bytes", "accounting.lines", "accounting.blank"] {
        assert_eq!(found[name], wanted[name], "{name} of {whose}");
    }
}
