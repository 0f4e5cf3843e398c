//! `audit --secrets` on planted secrets and on what looks like them.
//!
//! All are put together when the test runs: none stands in the repository, so
//! that nobody who scans it is alarmed.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{REPORTS, lines, prompt, report, tool_result, tool_use, with, write_transcript};

/// What a secret is made of: its rule, what stands before the part that is drawn
/// by chance (in pieces), letters to draw from, how many, and what follows.
type Shape = (&'static str, &'static [&'static str], &'static str, usize, &'static str);

const HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

const SHAPES: [Shape; 60] = [
    ("anthropic-key", &["sk-", "ant-", "api03-"], LETTERS, 93, "AA"),
    ("anthropic-key", &["sk-", "ant-", "admin01-"], LETTERS, 93, "AA"),
    ("anthropic-key", &["sk-", "ant-", "oat01-"], LETTERS, 93, "AA"),
    ("openai-key", &["sk-", "proj-"], LETTERS, 156, ""),
    ("openai-key", &["sk-", "svcacct-"], LETTERS, 120, ""),
    ("openai-key", &["sk-", "admin-"], LETTERS, 120, ""),
    ("openai-key", &["s", "k-"], LETTERS, 48, ""),
    ("openrouter-key", &["sk-", "or-v1-"], HEX, 64, ""),
    ("github-token", &["gh", "p_"], LETTERS, 36, ""),
    ("github-token", &["gh", "o_"], LETTERS, 36, ""),
    ("github-token", &["gh", "u_"], LETTERS, 36, ""),
    ("github-token", &["gh", "s_"], LETTERS, 36, ""),
    ("github-token", &["gh", "r_"], LETTERS, 76, ""),
    ("github-token", &["github", "_pat_"], LETTERS, 82, ""),
    ("gitlab-token", &["gl", "pat-"], LETTERS, 20, ""),
    ("gitlab-token", &["gl", "rt-"], LETTERS, 20, ""),
    ("aws-access-key", &["AK", "IA"], UPPER, 16, ""),
    ("aws-access-key", &["AS", "IA"], UPPER, 16, ""),
    ("aws-secret-key", &["aws_", "secret_", "access_key = "], LETTERS, 40, ""),
    ("aws-secret-key", &["AWS_", "SECRET_", "ACCESS_KEY="], LETTERS, 40, ""),
    ("slack-token", &["xo", "xb-", "1029384756-5647382910-"], LETTERS, 24, ""),
    ("slack-token", &["xo", "xp-", "1029384756-5647382910-"], LETTERS, 32, ""),
    ("slack-token", &["xo", "xa-", "2-"], LETTERS, 40, ""),
    ("slack-token", &["xo", "xr-"], LETTERS, 40, ""),
    ("slack-token", &["xo", "xs-"], LETTERS, 40, ""),
    ("slack-token", &["xa", "pp-", "1-A0918273-"], LETTERS, 64, ""),
    ("slack-webhook", &["hooks.slack.com", "/services/", "T0918273X/B0817263Y/"], LETTERS, 24, ""),
    ("discord-webhook", &["https://discord.com", "/api/webhooks/", "918273645546372819/"], LETTERS, 68, ""),
    ("gcp-api-key", &["AI", "za"], LETTERS, 35, ""),
    ("gcp-client-secret", &["GOC", "SPX-"], LETTERS, 28, ""),
    ("azure-storage-key", &["Account", "Key="], LETTERS, 86, "=="),
    ("npm-token", &["np", "m_"], LETTERS, 36, ""),
    ("pypi-token", &["py", "pi-AgE", "IcHlwaS5vcmcC"], LETTERS, 140, ""),
    ("docker-token", &["dckr", "_pat_"], LETTERS, 27, ""),
    ("stripe-key", &["sk", "_live_"], LETTERS, 24, ""),
    ("stripe-key", &["rk", "_live_"], LETTERS, 24, ""),
    ("webhook-secret", &["wh", "sec_"], LETTERS, 32, ""),
    ("huggingface-token", &["h", "f_"], LETTERS, 34, ""),
    ("replicate-token", &["r", "8_"], LETTERS, 37, ""),
    ("groq-key", &["gs", "k_"], LETTERS, 52, ""),
    ("xai-key", &["xa", "i-"], LETTERS, 80, ""),
    ("perplexity-key", &["pp", "lx-"], LETTERS, 48, ""),
    ("digitalocean-token", &["dop", "_v1_"], HEX, 64, ""),
    ("shopify-token", &["shp", "at_"], HEX, 32, ""),
    ("supabase-token", &["sb", "p_"], HEX, 40, ""),
    ("linear-key", &["lin", "_api_"], LETTERS, 40, ""),
    ("figma-token", &["fig", "d_"], LETTERS, 43, ""),
    ("databricks-token", &["da", "pi"], HEX, 32, ""),
    ("vault-token", &["hv", "s."], LETTERS, 95, ""),
    ("age-key", &["AGE-", "SECRET-KEY-", "1"], UPPER, 58, ""),
    ("private-key", &["-----", "BEGIN RSA PRIVATE KEY-----\n"], LETTERS, 1600, "\n-----END RSA PRIVATE KEY-----"),
    ("private-key", &["-----", "BEGIN OPENSSH PRIVATE KEY-----\n"], LETTERS, 400, "\n-----END OPENSSH PRIVATE KEY-----"),
    ("private-key", &["-----", "BEGIN EC PRIVATE KEY-----\n"], LETTERS, 160, "\n-----END EC PRIVATE KEY-----"),
    ("private-key", &["-----", "BEGIN PGP PRIVATE KEY BLOCK-----\n\n"], LETTERS, 900, "\n-----END PGP PRIVATE KEY BLOCK-----"),
    ("private-key", &["-----", "BEGIN PRIVATE KEY-----\n"], LETTERS, 1600, "\n-----END PRIVATE KEY-----"),
    ("connection-string", &["postgres", "://app:"], LETTERS, 20, "@db.corp.net:5432/x"),
    ("connection-string", &["mysql", "://app:"], LETTERS, 20, "@db.corp.net/x"),
    ("connection-string", &["mongodb+srv", "://app:"], LETTERS, 20, "@cluster.corp.net"),
    ("connection-string", &["redis", "://:"], LETTERS, 20, "@cache.corp.net:6379"),
    ("connection-string", &["amqps", "://app:"], LETTERS, 20, "@queue.corp.net"),
];

/// Letters by chance, the same for the same seed.
fn drawn(letters: &str, count: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(letters.as_bytes()[(state >> 33) as usize % letters.len()])
    };
    std::iter::repeat_with(letter).take(count).collect()
}

/// What is drawn for each shape: the part that no output may show.
fn values() -> Vec<String> {
    SHAPES.iter().zip(1..).map(|((_, _, letters, count, _), seed)| drawn(letters, *count, seed)).collect()
}

/// A shape around what is to stand in it.
fn shaped((_, before, _, _, after): &Shape, inside: &str) -> String {
    format!("{}{inside}{after}", before.concat())
}

/// The ways in which a look-alike is no secret: a word of manuals, always the same
/// letter, far too short, a run of letters that follow each other.
fn lookalikes() -> Vec<String> {
    let inside = |way: usize, count: usize, value: &str| match way % 4 {
        0 => "your-example-key-goes-here-".chars().cycle().take(count).collect(),
        1 => "x".repeat(count),
        2 => value[..6].to_owned(),
        _ => "abcdefghij0123456789".chars().cycle().take(count).collect::<String>(),
    };
    SHAPES.iter().zip(values()).enumerate().map(|(way, (shape, value))| shaped(shape, &inside(way, shape.3, &value))).collect()
}

/// One line for each text, by turns as a prompt, a result, a command, a file.
fn home_with(texts: &[String]) -> TempDir {
    let line = |(at, text): (usize, &String)| {
        let line = match at % 4 {
            0 => prompt(&format!("p{at}"), &format!("use {text} for it")),
            1 => tool_result(&format!("toolu_r{at}"), &format!("KEY: \"{text}\"\ndone"), false),
            2 => tool_use(&format!("toolu_c{at}"), "Bash", &json!({"command": format!("export KEY='{text}' && ./deploy")})),
            _ => tool_use(&format!("toolu_w{at}"), "Write", &json!({"file_path": "/work/demo/a.rs", "content": format!("// {text}\n")})),
        };
        with(line, &json!({"timestamp": format!("2026-11-03T10:{at:02}:00.000Z")}))
    };
    write_transcript(lines(&texts.iter().enumerate().map(line).collect::<Vec<_>>()))
}

fn leaked(home: &TempDir, options: &[&str]) -> Vec<Value> {
    let audit = report("audit", home.path(), &[&["--secrets", "--json", "--range", "all"], options].concat()).json();
    let rows = audit["rows"].as_array().expect("a report has rows").iter();
    rows.filter(|row| row["rule"] == "leaked-secret").cloned().collect()
}

fn planted() -> TempDir {
    let values = values();
    home_with(&SHAPES.iter().zip(&values).map(|(shape, value)| shaped(shape, value)).collect::<Vec<_>>())
}

#[test]
fn every_planted_secret_is_found_on_its_line() {
    let found = |row: &Value| {
        let line: usize = row["examples"][0].as_str()?.rsplit(':').next()?.parse().ok()?;
        Some((line, row["target"].as_str()?.split(' ').next()?.to_owned()))
    };
    let mut rules: Vec<_> = leaked(&planted(), &[]).iter().map(|row| found(row).expect("a line and a rule")).collect();
    rules.sort();
    assert_eq!(rules, (1..).zip(SHAPES.map(|shape| shape.0.to_owned())).collect::<Vec<_>>());
}

#[test]
fn nothing_that_looks_like_a_secret_is_one() {
    let lookalikes = lookalikes();
    assert_eq!(lookalikes.len(), 60);
    let found: Vec<_> = leaked(&home_with(&lookalikes), &[]).iter().map(|row| (row["target"].clone(), row["examples"].clone())).collect();
    assert_eq!(found, [], "lines are those of the look-alikes");
}

#[test]
fn without_the_option_no_text_is_searched() {
    let audit = report("audit", planted().path(), &["--json", "--range", "all"]).json();
    assert_eq!(audit["totals"]["events"], 0);
}

#[test]
fn no_output_of_the_audit_shows_a_value() {
    let home = planted();
    let values = values();
    for format in ["table", "json", "ndjson", "csv", "markdown"] {
        for hash in [&[][..], &["--hash"]] {
            let run = report("audit", home.path(), &[&["--secrets", "--range", "all", "--format", format], hash].concat());
            assert!(run.text().contains("leaked-secret"), "{format}: {}", run.text());
            for shown in values.iter().map(|value| &value[..12]) {
                assert!(!run.text().contains(shown) && !run.stderr.contains(shown), "{format} {hash:?} shows {shown}");
            }
        }
    }
}

#[test]
fn no_report_quotes_a_value() {
    let (home, values) = (planted(), values());
    let title = report("sessions", home.path(), &["--json", "--range", "all"]).json()["rows"][0]["title"].to_string();
    assert!(title.contains("[anthropic-key]"), "{title}");
    for name in REPORTS {
        let run = report(name, home.path(), &["--json", "--range", "all"]);
        for shown in values.iter().map(|value| &value[..12]) {
            assert!(!run.text().contains(shown), "{name} shows {shown}");
        }
    }
}
