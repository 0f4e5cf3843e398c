//! What secrets look like.
//!
//! Every pattern has a literal that one fast pass over the bytes finds; only
//! around it is looked closer, byte by byte and never back, so no text takes
//! more than linear time. Bytes are those of a JSON line: `\n` may stand as two
//! characters, or as three where JSON holds JSON.
//!
//! A false alarm costs trust, so what looks made up is no secret: examples,
//! placeholders, runs such as `123456`, and what repeats itself.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::shell::Severity;

/// A secret in some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The name of its pattern.
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    /// Where it stands.
    pub(super) span: Range<usize>,
    /// The secret itself, the same however it is laid out. Never shown.
    pub(super) value: Vec<u8>,
}

/// Finds secrets.
pub(super) struct Detector(AhoCorasick);

impl Detector {
    pub(super) fn new() -> Detector {
        let literals = PATTERNS.iter().map(|pattern| pattern.literal);
        let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(literals);
        Detector(automaton.expect("a few dozen short literals make an automaton"))
    }

    /// All secrets, in the order of the bytes.
    pub(super) fn find(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for literal in self.0.find_iter(bytes) {
            let pattern = &PATTERNS[literal.pattern().as_usize()];
            let Some(new) = pattern.look(bytes, literal.range()) else { continue };
            // A token as a password: the provider says more than the address.
            found.pop_if(|last| last.span.end > new.span.start && matches!(pattern.shape, Shape::Token(_)));
            if found.last().is_none_or(|last| last.span.end <= new.span.start) {
                found.push(new);
            }
        }
        found
    }

    /// A text with `[rule]` in the place of every secret.
    pub(super) fn redacted(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        for found in self.find(text.as_bytes()).into_iter().rev() {
            bytes.splice(found.span, format!("[{}]", found.rule).into_bytes());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A literal, and what must stand around it.
struct Pattern {
    literal: &'static str,
    rule: &'static str,
    severity: Severity,
    shape: Shape,
}

/// What stands around a literal.
enum Shape {
    /// These one after another, the literal being part of the secret.
    Token(&'static [Step]),
    /// The name of a setting, and behind it 40 letters.
    Setting,
    /// The header of a PEM block that may be a private key.
    Pem,
    /// The `://` of an address that may hold a password.
    Address,
    /// A signed token; only those that open doors for good.
    Jwt,
}

/// A part of a token.
enum Step {
    /// So many letters of an alphabet, and no more.
    Run(Alphabet, usize, usize),
    Literal(&'static str),
}

#[derive(Clone, Copy)]
enum Alphabet {
    Hex,
    Upper,
    Alnum,
    /// With `_`.
    Word,
    /// With `_` and `-`.
    Url,
    /// With `+` and `/`.
    Base64,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Alphabet::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
            Alphabet::Upper => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
            Alphabet::Alnum => byte.is_ascii_alphanumeric(),
            Alphabet::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Alphabet::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Alphabet::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'),
        }
    }

    /// How many of the first bytes are of this alphabet, at most `limit`.
    fn run(self, bytes: &[u8], limit: usize) -> usize {
        bytes.iter().take(limit).take_while(|byte| self.has(**byte)).count()
    }
}

const fn token(literal: &'static str, rule: &'static str, severity: Severity, steps: &'static [Step]) -> Pattern {
    Pattern { literal, rule, severity, shape: Shape::Token(steps) }
}

const fn other(literal: &'static str, rule: &'static str, severity: Severity, shape: Shape) -> Pattern {
    Pattern { literal, rule, severity, shape }
}

use Alphabet::{Alnum, Base64, Hex, Upper, Url, Word};
use Severity::{High, Medium};
use Step::{Literal, Run};

/// Lengths are those of the providers, with room where they may grow.
const PATTERNS: &[Pattern] = &[
    token("sk-ant-", "anthropic-key", High, &[Run(Url, 40, 200)]),
    token("sk-proj-", "openai-key", High, &[Run(Url, 40, 300)]),
    token("sk-svcacct-", "openai-key", High, &[Run(Url, 40, 300)]),
    token("sk-admin-", "openai-key", High, &[Run(Url, 40, 300)]),
    token("sk-or-v1-", "openrouter-key", High, &[Run(Hex, 64, 64)]),
    token("sk-", "openai-key", High, &[Run(Alnum, 48, 48)]),
    token("ghp_", "github-token", High, &[Run(Alnum, 36, 255)]),
    token("gho_", "github-token", High, &[Run(Alnum, 36, 255)]),
    token("ghs_", "github-token", High, &[Run(Alnum, 36, 255)]),
    token("ghu_", "github-token", High, &[Run(Alnum, 36, 255)]),
    token("ghr_", "github-token", High, &[Run(Alnum, 36, 255)]),
    token("github_pat_", "github-token", High, &[Run(Word, 70, 255)]),
    token("glpat-", "gitlab-token", High, &[Run(Url, 20, 300)]),
    token("gldt-", "gitlab-token", High, &[Run(Url, 20, 300)]),
    token("glrt-", "gitlab-token", High, &[Run(Url, 20, 300)]),
    // The public half of a pair.
    token("AKIA", "aws-access-key", Medium, &[Run(Upper, 16, 16)]),
    token("ASIA", "aws-access-key", Medium, &[Run(Upper, 16, 16)]),
    other("secret_access_key", "aws-secret-key", High, Shape::Setting),
    other("SECRET_ACCESS_KEY", "aws-secret-key", High, Shape::Setting),
    other("secretAccessKey", "aws-secret-key", High, Shape::Setting),
    other("SecretAccessKey", "aws-secret-key", High, Shape::Setting),
    token("xoxb-", "slack-token", High, &[Run(Url, 24, 200)]),
    token("xoxp-", "slack-token", High, &[Run(Url, 24, 200)]),
    token("xoxa-", "slack-token", High, &[Run(Url, 24, 200)]),
    token("xoxr-", "slack-token", High, &[Run(Url, 24, 200)]),
    token("xoxs-", "slack-token", High, &[Run(Url, 24, 200)]),
    token("xoxe-", "slack-token", High, &[Run(Url, 24, 300)]),
    token("xoxe.xoxp-", "slack-token", High, &[Run(Url, 24, 300)]),
    token("xapp-", "slack-token", High, &[Run(Url, 40, 300)]),
    token(
        "hooks.slack.com/services/",
        "slack-webhook",
        High,
        &[Literal("T"), Run(Upper, 7, 14), Literal("/B"), Run(Upper, 7, 14), Literal("/"), Run(Alnum, 20, 40)],
    ),
    token("discord.com/api/webhooks/", "discord-webhook", High, &[Run(Alnum, 17, 20), Literal("/"), Run(Url, 60, 80)]),
    // Often meant to stand in web pages.
    token("AIza", "gcp-api-key", Medium, &[Run(Url, 35, 35)]),
    token("GOCSPX-", "gcp-client-secret", High, &[Run(Url, 28, 28)]),
    token("AccountKey=", "azure-storage-key", High, &[Run(Base64, 86, 86), Literal("==")]),
    token("npm_", "npm-token", High, &[Run(Alnum, 36, 36)]),
    token("pypi-AgE", "pypi-token", High, &[Run(Url, 50, 1000)]),
    token("dckr_pat_", "docker-token", High, &[Run(Url, 27, 27)]),
    token("sk_live_", "stripe-key", High, &[Run(Alnum, 24, 250)]),
    token("rk_live_", "stripe-key", High, &[Run(Alnum, 24, 250)]),
    token("whsec_", "webhook-secret", High, &[Run(Base64, 32, 64)]),
    token("SG.", "sendgrid-key", High, &[Run(Url, 22, 22), Literal("."), Run(Url, 43, 43)]),
    token("hf_", "huggingface-token", High, &[Run(Alnum, 34, 40)]),
    token("r8_", "replicate-token", High, &[Run(Alnum, 37, 37)]),
    token("gsk_", "groq-key", High, &[Run(Alnum, 52, 52)]),
    token("xai-", "xai-key", High, &[Run(Alnum, 80, 80)]),
    token("pplx-", "perplexity-key", High, &[Run(Alnum, 48, 56)]),
    token("dop_v1_", "digitalocean-token", High, &[Run(Hex, 64, 64)]),
    token("shpat_", "shopify-token", High, &[Run(Hex, 32, 32)]),
    token("sbp_", "supabase-token", High, &[Run(Hex, 40, 40)]),
    token("lin_api_", "linear-key", High, &[Run(Alnum, 40, 48)]),
    token("ntn_", "notion-token", High, &[Run(Alnum, 43, 50)]),
    token("figd_", "figma-token", High, &[Run(Url, 40, 60)]),
    token("dapi", "databricks-token", High, &[Run(Hex, 32, 32)]),
    token("PMAK-", "postman-key", High, &[Run(Hex, 24, 24), Literal("-"), Run(Hex, 34, 34)]),
    token("tskey-auth-", "tailscale-key", High, &[Run(Alnum, 10, 30), Literal("-"), Run(Alnum, 20, 60)]),
    token("hvs.", "vault-token", High, &[Run(Url, 90, 300)]),
    token("AGE-SECRET-KEY-1", "age-key", High, &[Run(Upper, 58, 58)]),
    other("-----BEGIN ", "private-key", High, Shape::Pem),
    other("://", "connection-string", High, Shape::Address),
    other("eyJ", "jwt", High, Shape::Jwt),
];

impl Pattern {
    /// The secret around a literal.
    fn look(&self, bytes: &[u8], literal: Range<usize>) -> Option<Found> {
        let mut severity = self.severity;
        let (span, value) = match self.shape {
            Shape::Token(steps) => token_around(bytes, literal, steps, is_random)?,
            Shape::Jwt => token_around(bytes, literal, JWT, opens_for_good)?,
            Shape::Setting => setting(bytes, literal.end)?,
            Shape::Pem => {
                let (length, letters) = private_key(&bytes[literal.end..])?;
                (literal.start..literal.end + length, letters)
            }
            Shape::Address => {
                let (span, is_local) = password(bytes, literal)?;
                severity = if is_local { Medium } else { severity };
                (span.clone(), bytes[span].to_vec())
            }
        };
        Some(Found { rule: self.rule, severity, span, value })
    }
}

/// Where a secret stands, and the secret.
type Secret = (Range<usize>, Vec<u8>);

/// The token that a literal starts, if what follows it is no accident.
fn token_around(bytes: &[u8], literal: Range<usize>, steps: &[Step], is_real: fn(&[u8]) -> bool) -> Option<Secret> {
    let length = steps_length(&bytes[literal.end..], steps).filter(|_| starts_word(bytes, literal.start))?;
    let span = literal.start..literal.end + length;
    is_real(&bytes[literal.end..span.end]).then(|| (span.clone(), bytes[span].to_vec()))
}

/// The value behind the name of a setting.
fn setting(bytes: &[u8], name_end: usize) -> Option<Secret> {
    const LENGTH: usize = 40;
    let start = name_end + assignment(&bytes[name_end..])?;
    let span = start..start + Base64.run(&bytes[start..], LENGTH + 1);
    let value = &bytes[span.clone()];
    (span.len() == LENGTH && kinds(value) == 3 && is_random(value)).then(|| (span, value.to_vec()))
}

/// How many bytes the steps take, one after another.
fn steps_length(bytes: &[u8], steps: &[Step]) -> Option<usize> {
    let mut at = 0;
    for step in steps {
        let rest = &bytes[at..];
        at += match step {
            Literal(text) => rest.starts_with(text.as_bytes()).then_some(text.len())?,
            Run(alphabet, shortest, longest) => {
                Some(alphabet.run(rest, longest + 1)).filter(|length| (*shortest..=*longest).contains(length))?
            }
        };
    }
    Some(at)
}

/// Whether nothing before `at` makes the literal the end of a longer word.
fn starts_word(bytes: &[u8], at: usize) -> bool {
    /// Shows the end of a colour, and mostly the dot in the name of a host.
    const NEAR: usize = 8;
    let before = &bytes[at.saturating_sub(NEAR)..at];
    match before {
        [] => true,
        // `\n` of a JSON string, and the end of a colour.
        [.., b'\\', b'n' | b'r' | b't'] => true,
        [head @ .., b'm'] => head.iter().rev().find(|byte| !byte.is_ascii_digit() && **byte != b';') == Some(&b'['),
        // `+` and `/` stand in base64, where any letters may follow.
        [head @ .., b'/' | b'+'] => head.last().is_none_or(|byte| !byte.is_ascii_alphanumeric()) || head.ends_with(b":/") || is_host(head),
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
    }
}

/// `…example.com` before a slash, rather than base64.
fn is_host(before: &[u8]) -> bool {
    before.contains(&b'.')
}

/// The bytes between the name of a setting and its value: `=`, `: "`, `\": \"`.
fn assignment(bytes: &[u8]) -> Option<usize> {
    const LONGEST: usize = 12;
    let length = bytes.iter().take(LONGEST).take_while(|byte| matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b':' | b'=' | b'>')).count();
    (bytes[..length].contains(&b'=') || bytes[..length].contains(&b':')).then_some(length)
}

/// What stands around the first and the last line of a PEM block.
const DASHES: &[u8] = b"-----";

/// The length of a private key behind `-----BEGIN `, and its letters alone.
fn private_key(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    /// No private key is longer: RSA of 16 Ki bits in lines with numbers.
    const LONGEST: usize = 32 << 10;
    /// What an Ed25519 key takes, cut short by a line.
    const SHORTEST: usize = 60;
    /// `OPENSSH PRIVATE KEY` and the like.
    const LONGEST_KIND: usize = 40;
    /// Base64 by chance has nearly six.
    const LEAST_BITS: f64 = 4.0;
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let kind_end = bytes.windows(DASHES.len()).take(LONGEST_KIND).position(|window| window == DASHES)?;
    let kind = &bytes[..kind_end];
    let is_private = kind.ends_with(b"PRIVATE KEY") || kind.ends_with(b"PRIVATE KEY BLOCK");
    if !is_private || !kind.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b' ') {
        return None;
    }
    let start = kind_end + DASHES.len();
    let (length, letters) = pem_letters(&bytes[start..]);
    let looks_random = kinds(&letters) == 3 && bits_per_letter(&letters) > LEAST_BITS;
    (letters.len() >= SHORTEST && looks_random && !is_made_up(&letters, &LONG_WORDS)).then_some((start + length, letters))
}

/// The letters of a PEM block up to its end or the end of the text, whatever
/// stands between its lines: line ends written out or escaped, once or twice,
/// numbers of lines, quotes and plus signs of a program.
fn pem_letters(bytes: &[u8]) -> (usize, Vec<u8>) {
    let mut letters = Vec::new();
    let mut at = 0;
    while at < bytes.len() && !bytes[at..].starts_with(DASHES) {
        let next = at + line_length(&bytes[at..]);
        let line = without_number(&bytes[at..next]);
        let word: Vec<u8> =
            line.iter().copied().filter(|byte| !matches!(byte, b' ' | b'"' | b'\'' | b'\\' | b'\t' | b',' | b'=')).collect();
        let is_header = word.iter().all(|byte| *byte == b'+') || word.contains(&b':');
        if word.contains(&b':') && !letters.is_empty() || !is_header && Base64.run(&word, word.len()) < word.len() {
            break;
        }
        if !is_header {
            letters.extend(word);
        }
        at = next + line_end_length(&bytes[next..]);
        if at == next {
            break;
        }
    }
    (at, letters)
}

/// The bytes before the next line end, raw or escaped, or the dashes of the end.
fn line_length(bytes: &[u8]) -> usize {
    let ends = |at: usize| bytes[at] == b'\n' || bytes[at..].starts_with(DASHES) || line_end_length(&bytes[at..]) > 0;
    (0..bytes.len()).find(|at| ends(*at)).unwrap_or(bytes.len())
}

/// The length of `\n`, `\r\n` or `\\n` in letters; 0 for anything else. A raw
/// newline ends the line of the transcript and is none.
fn line_end_length(bytes: &[u8]) -> usize {
    /// JSON in JSON in JSON writes eight.
    const MOST_SLASHES: usize = 9;
    let slashes = bytes.iter().take(MOST_SLASHES).take_while(|byte| **byte == b'\\').count();
    match bytes.get(slashes) {
        Some(b'n' | b'r') if slashes > 0 => slashes + 1,
        _ => 0,
    }
}

/// Without the `   12→` or `12\t` that Read puts before a line.
fn without_number(line: &[u8]) -> &[u8] {
    let text = line.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[digits..];
    let marks: [&[u8]; 3] = ["→".as_bytes(), b"\\t", b":"];
    marks.iter().find_map(|mark| rest.strip_prefix(*mark)).filter(|_| digits > 0).unwrap_or(text)
}

/// The password of `scheme://user:password@host`, and whether the host is this
/// machine.
fn password(bytes: &[u8], colon: Range<usize>) -> Option<(Range<usize>, bool)> {
    const LONGEST: usize = 256;
    const LONGEST_SCHEME: usize = 20;
    let scheme =
        bytes[..colon.start].iter().rev().take(LONGEST_SCHEME).take_while(|byte| byte.is_ascii_lowercase() || **byte == b'+').count();
    let rest = &bytes[colon.end..bytes.len().min(colon.end + LONGEST)];
    let ends = |byte: &u8| {
        !byte.is_ascii_graphic() || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b'\\' | b'<' | b'>' | b'{' | b'}' | b'(' | b')' | b'|')
    };
    let authority = &rest[..rest.iter().position(ends)?];
    let at = memchr::memrchr(b'@', authority)?;
    let user = memchr::memchr(b':', &authority[..at])?;
    let (name, password, host) = (&authority[..user], &authority[user + 1..at], &authority[at + 1..]);
    let is_real = scheme > 1 && !host.is_empty() && is_password(password, name) && !is_made_up(host, &["example"]);
    let is_local =
        ["localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal", "[::1]"].iter().any(|local| host.starts_with(local.as_bytes()));
    let start = colon.end + user + 1;
    is_real.then_some((start..start + password.len(), is_local))
}

/// Whether somebody chose or made this password, rather than wrote a manual.
fn is_password(password: &[u8], user: &[u8]) -> bool {
    const SHORTEST: usize = 8;
    const LEAST_BITS: f64 = 2.5;
    let is_variable = password.starts_with(b"$") || password.starts_with(b"%") || password.starts_with(b"[") || password.contains(&b'*');
    let is_usual = is_made_up(password, &USUAL_PASSWORDS) || is_made_up(password, &SHORT_WORDS) || is_made_up(password, &LONG_WORDS);
    password.len() >= SHORTEST
        && password != user
        && !is_variable
        && !is_usual
        && kinds(password) > 1
        && bits_per_letter(password) > LEAST_BITS
        && !is_run(password)
}

const JWT: &[Step] = &[Run(Url, 10, 300), Literal(".eyJ"), Run(Url, 10, 4000), Literal("."), Run(Url, 20, 1000)];

/// Whether a token is a key rather than the pass of one visit: most tokens in
/// transcripts last for minutes, or are those of manuals.
fn opens_for_good(jwt: &[u8]) -> bool {
    let payload = jwt.split(|byte| *byte == b'.').nth(1).unwrap_or_default();
    let text = from_base64(payload);
    ["\"role\":\"service_role\"", "kubernetes/serviceaccount"].iter().any(|mark| memchr::memmem::find(&text, mark.as_bytes()).is_some())
        && memchr::memmem::find(&text, b"supabase-demo").is_none()
}

/// The bytes behind the letters of base64 for addresses; nonsense for others.
fn from_base64(letters: &[u8]) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' | b'+' => 62,
        _ => 63,
    };
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4);
    for four in letters.chunks(4) {
        let bits = four.iter().fold(0_u32, |bits, letter| bits << 6 | u32::from(value(*letter))) << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

/// Words of examples, so long that they do not turn up in a key by chance.
const LONG_WORDS: [&str; 8] = ["example", "placeholder", "redacted", "changeme", "your-key", "yourkey", "notreal", "insertkey"];

/// Shorter words of examples, for short texts.
const SHORT_WORDS: [&str; 10] = ["your", "fake", "dummy", "xxxx", "test", "sample", "mock", "demo", "....", "invalid"];

/// What stands for a password in manuals and on developers' machines.
const USUAL_PASSWORDS: [&str; 16] = [
    "pass", "secret", "admin", "root", "user", "guest", "postgres", "mysql", "redis", "mongo", "rabbit", "token", "local", "dev", "qwerty",
    "letmein",
];

/// Whether letters are drawn by chance, as those of keys are.
fn is_random(letters: &[u8]) -> bool {
    /// Of few letters the entropy is small even where they are drawn by chance.
    const SHORT: usize = 30;
    let least_bits = if letters.len() < SHORT { 2.5 } else { 3.0 };
    kinds(letters) > 1
        && bits_per_letter(letters) >= least_bits
        && !is_run(letters)
        && !is_made_up(letters, &LONG_WORDS)
        && !is_made_up(letters, &SHORT_WORDS)
}

fn is_made_up(letters: &[u8], words: &[&str]) -> bool {
    let lower = letters.to_ascii_lowercase();
    words.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// How many kinds of small letters, capitals and digits there are.
fn kinds(letters: &[u8]) -> usize {
    let kinds: [fn(&u8) -> bool; 3] = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit];
    kinds.iter().filter(|kind| letters.iter().any(**kind)).count()
}

/// `123456`, `abcdef`, `000000` somewhere.
fn is_run(letters: &[u8]) -> bool {
    const LENGTH: usize = 6;
    letters.windows(LENGTH).any(|run| {
        let same = |step: u8| run.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(step));
        same(0) || same(1)
    })
}

/// The entropy of the letters, in bits.
fn bits_per_letter(letters: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    letters.iter().for_each(|letter| counts[usize::from(*letter)] += 1);
    let share = |count: &u32| f64::from(*count) / letters.len() as f64;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
pub(super) mod planted;
#[cfg(test)]
mod tests;
