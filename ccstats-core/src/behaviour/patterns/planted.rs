//! Secrets for tests, put together when they run: none stands in this file, so
//! that nobody who scans it is alarmed.

use super::Alphabet;
use super::Alphabet::{Alnum, Base64, Hex, Upper, Url, Word};

/// Letters by chance, the same for the same seed.
pub(super) fn letters(alphabet: Alphabet, length: usize, seed: u64) -> String {
    let all: Vec<char> = (b'!'..=b'~').filter(|byte| alphabet.has(*byte)).map(char::from).collect();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all[(state >> 33) as usize % all.len()]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Rules with secrets of theirs.
pub(crate) fn secrets() -> Vec<(&'static str, String)> {
    let mut secrets = tokens();
    secrets.extend(settings());
    secrets.extend(keys());
    secrets.extend(addresses());
    secrets.extend(jwts());
    secrets
}

fn tokens() -> Vec<(&'static str, String)> {
    let table: [(&str, &[&str], Alphabet, usize); 51] = [
        ("anthropic-key", &["sk-", "ant-", "api03-"], Url, 95),
        ("anthropic-key", &["sk-", "ant-", "admin01-"], Url, 95),
        ("anthropic-key", &["sk-", "ant-", "oat01-"], Url, 95),
        ("openai-key", &["sk-", "proj-"], Url, 156),
        ("openai-key", &["sk-", "svcacct-"], Url, 156),
        ("openai-key", &["sk-", "admin-"], Url, 120),
        ("openai-key", &["s", "k-"], Alnum, 48),
        ("openrouter-key", &["sk-", "or-v1-"], Hex, 64),
        ("github-token", &["gh", "p_"], Alnum, 36),
        ("github-token", &["gh", "o_"], Alnum, 36),
        ("github-token", &["gh", "s_"], Alnum, 36),
        ("github-token", &["gh", "u_"], Alnum, 36),
        ("github-token", &["gh", "r_"], Alnum, 76),
        ("github-token", &["github", "_pat_"], Word, 82),
        ("gitlab-token", &["gl", "pat-"], Url, 20),
        ("gitlab-token", &["gl", "dt-"], Url, 20),
        ("gitlab-token", &["gl", "rt-"], Url, 20),
        ("aws-access-key", &["AK", "IA"], Upper, 16),
        ("aws-access-key", &["AS", "IA"], Upper, 16),
        ("slack-token", &["xo", "xb-", "1029384756-5647382910-"], Alnum, 24),
        ("slack-token", &["xo", "xp-", "1029384756-5647382910-"], Alnum, 32),
        ("slack-token", &["xo", "xa-", "2-"], Alnum, 40),
        ("slack-token", &["xo", "xr-"], Alnum, 40),
        ("slack-token", &["xo", "xs-"], Alnum, 40),
        ("slack-token", &["xo", "xe-", "1-"], Alnum, 140),
        ("slack-token", &["xo", "xe.", "xoxp-", "1-"], Alnum, 140),
        ("slack-token", &["xa", "pp-", "1-A0918273-"], Url, 64),
        ("slack-webhook", &["hooks.slack.com", "/services/", "T0918273X/B0817263Y/"], Alnum, 24),
        ("discord-webhook", &["https://discord.com", "/api/webhooks/", "918273645546372819/"], Url, 68),
        ("gcp-api-key", &["AI", "za"], Url, 35),
        ("gcp-client-secret", &["GOC", "SPX-"], Url, 28),
        ("npm-token", &["np", "m_"], Alnum, 36),
        ("pypi-token", &["py", "pi-AgE", "IcHlwaS5vcmcC"], Url, 140),
        ("docker-token", &["dckr", "_pat_"], Url, 27),
        ("stripe-key", &["sk", "_live_"], Alnum, 24),
        ("stripe-key", &["sk", "_live_", "51"], Alnum, 98),
        ("stripe-key", &["rk", "_live_"], Alnum, 24),
        ("webhook-secret", &["wh", "sec_"], Alnum, 32),
        ("huggingface-token", &["h", "f_"], Alnum, 34),
        ("replicate-token", &["r", "8_"], Alnum, 37),
        ("groq-key", &["gs", "k_"], Alnum, 52),
        ("xai-key", &["xa", "i-"], Alnum, 80),
        ("perplexity-key", &["pp", "lx-"], Alnum, 48),
        ("digitalocean-token", &["dop", "_v1_"], Hex, 64),
        ("shopify-token", &["shp", "at_"], Hex, 32),
        ("supabase-token", &["sb", "p_"], Hex, 40),
        ("linear-key", &["lin", "_api_"], Alnum, 40),
        ("figma-token", &["fig", "d_"], Url, 43),
        ("databricks-token", &["da", "pi"], Hex, 32),
        ("vault-token", &["hv", "s."], Url, 95),
        ("age-key", &["AGE-", "SECRET-KEY-", "1"], Upper, 58),
    ];
    let made = table.into_iter().enumerate();
    made.map(|(seed, (rule, start, alphabet, length))| (rule, start.concat() + &letters(alphabet, length, seed as u64 + 1))).collect()
}

fn settings() -> Vec<(&'static str, String)> {
    let secret = |seed| letters(Base64, 40, seed);
    let azure = ["Account", "Key="].concat() + &letters(Base64, 86, 205) + "==";
    vec![
        ("aws-secret-key", format!("aws_{}_access_key = {}", "secret", secret(201))),
        ("aws-secret-key", format!("export AWS_{}_ACCESS_KEY=\"{}\"", "SECRET", secret(202))),
        ("aws-secret-key", format!(r#""{}AccessKey": "{}""#, "Secret", secret(203))),
        ("aws-secret-key", format!("{}AccessKey: '{}'", "secret", secret(204))),
        ("azure-storage-key", azure),
        ("sendgrid-key", format!("{}.{}.{}", "SG", letters(Url, 22, 206), letters(Url, 43, 207))),
        ("postman-key", format!("PM{}-{}-{}", "AK", letters(Hex, 24, 208), letters(Hex, 34, 209))),
        ("tailscale-key", format!("ts{}-{}-{}", "key-auth", letters(Alnum, 17, 210), letters(Alnum, 32, 211))),
    ]
}

/// A private key in lines of 64 letters.
pub(super) fn pem(kind: &str, length: usize, seed: u64) -> String {
    let body = letters(Base64, length, seed);
    let lines: Vec<&str> = (0..length).step_by(64).map(|at| &body[at..length.min(at + 64)]).collect();
    format!("-----{} {kind}-----\n{}\n-----END {kind}-----\n", "BEGIN", lines.join("\n"))
}

fn keys() -> Vec<(&'static str, String)> {
    let kinds = ["RSA", "EC", "DSA", "OPENSSH", "ENCRYPTED"].map(|kind| format!("{kind} PRIVATE KEY"));
    let kinds = kinds.into_iter().chain(["PRIVATE KEY".to_owned(), "PGP PRIVATE KEY BLOCK".to_owned()]);
    let mut keys: Vec<_> = kinds.enumerate().map(|(seed, kind)| ("private-key", pem(&kind, 800, seed as u64 + 300))).collect();
    keys.push(("private-key", pem("PRIVATE KEY", 64, 310)));
    let escaped = pem("PRIVATE KEY", 1624, 311).replace('\n', "\\n");
    keys.push(("private-key", format!(r#"{{"type": "service_account", "private_key": "{escaped}"}}"#)));
    let numbered: Vec<String> =
        pem("RSA PRIVATE KEY", 800, 312).lines().enumerate().map(|(line, text)| format!("{:>6}→{text}", line + 1)).collect();
    keys.push(("private-key", numbered.join("\n")));
    let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0918\n\n";
    keys.push(("private-key", pem("RSA PRIVATE KEY", 800, 313).replacen("-----\n", &format!("-----\n{headers}"), 1)));
    keys
}

fn addresses() -> Vec<(&'static str, String)> {
    let schemes = ["postgres", "postgresql+asyncpg", "mysql", "mongodb+srv", "amqps", "https"];
    let made = schemes.iter().enumerate();
    let mut addresses: Vec<_> = made
        .map(|(seed, scheme)| ("connection-string", format!("{scheme}://app:{}@db.corp.net:5432/x", letters(Alnum, 14, seed as u64 + 400))))
        .collect();
    addresses.push(("connection-string", format!("redis://:{}@cache.corp.net:6379", letters(Alnum, 20, 420))));
    addresses.push(("github-token", format!("https://x-access-token:gh{}{}@github.com/a/b", "s_", letters(Alnum, 36, 421))));
    addresses
}

fn jwts() -> Vec<(&'static str, String)> {
    // `{"alg":"HS256","typ":"JWT"}`, `{"role":"service_role","iss":"supabase"}`
    let (header, payload) = ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "eyJyb2xlIjoic2VydmljZV9yb2xlIiwiaXNzIjoic3VwYWJhc2UifQ");
    vec![("jwt", format!("{header}.{payload}.{}", letters(Url, 43, 500)))]
}

/// What looks like a secret and is none.
pub(crate) fn lookalikes() -> Vec<String> {
    let mut texts: Vec<String> = PLAIN.iter().map(|text| (*text).to_owned()).collect();
    let joined = |parts: &[&str]| parts.concat();
    texts.extend([
        joined(&["sk-", "ant-", "api03-", &"x".repeat(95)]),
        joined(&["sk-", "ant-", "your-api-key-goes-here-and-it-is-quite-long-indeed"]),
        joined(&["sk-", "ant-", &letters(Url, 12, 1)]),
        joined(&["sk-", "proj-", "the-name-of-a-project-which-is-only-in-small-letters"]),
        joined(&["task-", "ant-", &letters(Url, 95, 2)]),
        joined(&["s", "k-", &letters(Alnum, 20, 3)]),
        joined(&["s", "k-", &letters(Alnum, 60, 4)]),
        joined(&["gh", "p_", &letters(Alnum, 30, 5)]),
        joined(&["gh", "p_", "0123456789abcdefghijABCDEFGHIJ012345"]),
        joined(&["gh", "p_", &"aA1".repeat(12)]),
        joined(&["weigh", "p_", &letters(Alnum, 36, 6)]),
        joined(&["github", "_pat_", &letters(Word, 20, 7)]),
        joined(&["AK", "IA", "IOSFODNN7EXAMPLE"]),
        joined(&["AK", "IA", &letters(Upper, 17, 8)]),
        joined(&["x", "AK", "IA", &letters(Upper, 16, 9)]),
        joined(&["Zm9v", "/", "AK", "IA", &letters(Upper, 16, 10)]),
        joined(&["aws_", "secret", "_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"]),
        joined(&["aws_", "secret", "_access_key ", &letters(Base64, 40, 11)]),
        joined(&["aws_", "secret", "_access_key = ", &letters(Base64, 39, 12)]),
        joined(&["aws_", "secret", "_access_key = ", &letters(Hex, 40, 13)]),
        joined(&["xo", "xb-", "your-token"]),
        joined(&["xo", "xb-", "xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx"]),
        joined(&["hooks.slack.com", "/services/", "T00000000", "/B00000000/", "XXXXXXXXXXXXXXXXXXXXXXXX"]),
        joined(&["AI", "za", &letters(Url, 34, 14)]),
        joined(&["AI", "za", &letters(Alnum, 36, 15)]),
        joined(&["Q", "AI", "za", &letters(Url, 35, 16)]),
        joined(&["np", "m_", "config_registry_and_some_other_words"]),
        joined(&["py", "pi-", "package-name"]),
        joined(&["sk", "_test_", &letters(Alnum, 24, 17)]),
        joined(&["sk", "_live_", "..."]),
        joined(&["SG", ".", &letters(Url, 22, 18), ".short"]),
        joined(&["h", "f_", "hub_download_and_other_functions_x"]),
        joined(&["-----", "BEGIN PUBLIC KEY-----\n", &letters(Base64, 392, 19), "\n-----END PUBLIC KEY-----"]),
        joined(&["-----", "BEGIN CERTIFICATE-----\n", &letters(Base64, 392, 20), "\n-----END CERTIFICATE-----"]),
        joined(&["-----", "BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"]),
        joined(&["-----", "BEGIN PRIVATE KEY-----\nYOUR_KEY_HERE\n-----END PRIVATE KEY-----"]),
        joined(&["grep -r '-----", "BEGIN RSA PRIVATE KEY-----' ."]),
        joined(&["-----", "BEGIN PRIVATE KEY-----\n", &"A".repeat(200), "\n-----END PRIVATE KEY-----"]),
        // `{"sub":"1","exp":1}`: the pass of one visit.
        format!("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIiwiZXhwIjoxfQ.{}", letters(Url, 43, 21)),
        joined(&["dop", "_v1_", &letters(Hex, 63, 22)]),
    ]);
    texts
}

const PLAIN: &[&str] = &[
    "",
    "sk-",
    "the prefix sk-ant- starts every key",
    "postgres://localhost/db",
    "postgres://app@localhost/db",
    "postgres://postgres:postgres@localhost:5432/x",
    "postgres://user:password@db.corp.net/x",
    "postgres://user:Password1!@db.corp.net/x",
    "postgres://app:${DB_PASSWORD}@db.corp.net/x",
    "postgres://app:$DB_PASSWORD@db.corp.net/x",
    "postgres://app:<password>@db.corp.net/x",
    "postgres://app:{password}@db.corp.net/x",
    "postgres://app:********@db.corp.net/x",
    "mysql://root:s3cr3t@db.corp.net/x",
    "mysql://app:Sw0rdfish99@db.example.com/x",
    "redis://:changeme1@cache/0",
    "https://github.com/a/b@1.2.3",
    "https://host:8080/path?mail=a@b.c",
    "git@github.com:a/b.git",
    "npm_config_registry=https://registry.npmjs.org",
    "SG.pdf hf_ r8_ xai- dapi",
    "http://a:b@c",
];
