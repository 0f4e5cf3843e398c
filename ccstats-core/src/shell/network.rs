//! The hosts that a command reaches.

use super::program::Program;
use super::{Word, effects};

/// Hosts of curl, wget, nc, scp, rsync and ssh, without users and ports.
/// A host that a variable holds is given as it was typed.
pub(super) fn hosts(program: &Program) -> Vec<String> {
    match program.name {
        "curl" => downloads(program.arguments, &CURL),
        "wget" => downloads(program.arguments, &WGET),
        "nc" | "ncat" | "netcat" => connected(program),
        "ssh" | "sftp" => ssh_host(program.arguments).map(|(host, _)| host).into_iter().collect(),
        "scp" | "rsync" => program.operands().filter_map(|word| remote_host(&word.text)).collect(),
        _ => Vec::new(),
    }
}

/// The words that `ssh` runs on its host.
pub(super) fn after_host(arguments: &[Word]) -> Option<&[Word]> {
    ssh_host(arguments).map(|(_, rest)| rest)
}

/// The options of a program whose next word is text, not a place to go.
struct Valued {
    /// One letter each; in a cluster the value follows, as in `-sSLo file` and `-sXPOST`.
    short: &'static str,
    long: &'static [&'static str],
}

const CURL: Valued = Valued {
    short: "AbCcDdEeFHKmoPQrTtUuwXxYyz",
    long: &[
        "--header",
        "--referer",
        "--user-agent",
        "--data",
        "--data-raw",
        "--data-binary",
        "--data-urlencode",
        "--json",
        "--form",
        "--cookie",
        "--cookie-jar",
        "--output",
        "--user",
        "--proxy",
        "--write-out",
        "--upload-file",
        "--request",
        "--max-time",
        "--connect-timeout",
        "--retry",
        "--retry-delay",
        "--config",
        "--cacert",
        "--cert",
        "--key",
        "--resolve",
        "--range",
        "--limit-rate",
        "--dump-header",
    ],
};

/// The options of curl without a value that stand before others in a cluster.
pub(super) const CURL_FLAGS: &str = "#0fgIiJjkLnNqRSsv";

const WGET: Valued = Valued {
    short: "aABDeiIlOoPQRTtUwX",
    long: &[
        "--header",
        "--referer",
        "--user-agent",
        "--user",
        "--password",
        "--post-data",
        "--post-file",
        "--body-data",
        "--method",
        "--output-document",
        "--output-file",
        "--directory-prefix",
        "--tries",
        "--timeout",
        "--wait",
        "--level",
        "--limit-rate",
        "--accept",
        "--reject",
        "--domains",
    ],
};

/// The same of wget.
pub(super) const WGET_FLAGS: &str = "cdmNnqrv";

const SSH: Valued = Valued { short: "BbcDEeFIiJLlmOoPpQRSWw", long: &[] };

impl Valued {
    /// Whether the value of the option `text` is the next word.
    fn takes_next(&self, text: &str) -> bool {
        match text.strip_prefix("--") {
            Some(_) => self.long.contains(&text),
            None => text.starts_with('-') && text.find(|letter| self.short.contains(letter)) == Some(text.len() - 1),
        }
    }
}

fn downloads(arguments: &[Word], valued: &Valued) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if valued.takes_next(text) {
            words.next();
        } else if !text.starts_with('-') {
            hosts.extend(url_host(text).filter(|host| hosts.last() != Some(host)));
        } else if let Some(url) = text.strip_prefix("--url=") {
            hosts.extend(url_host(url));
        }
    }
    hosts
}

/// The host of a URL, with or without its scheme.
pub(crate) fn url_host(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    if scheme == Some("file") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host_only(authority);
    (scheme.is_some() || host.starts_with('$') || looks_like_host(authority)).then_some(host).filter(|host| !host.is_empty())
}

/// Without user, password and port.
fn host_only(authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(end) = host.find(']').filter(|_| host.starts_with('[')) {
        return host[1..end].to_ascii_lowercase();
    }
    // Not the colon of `${HOST:-x}`.
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) || port.starts_with('$') => normal(name),
        _ => normal(host),
    }
}

fn normal(host: &str) -> String {
    if host.contains('$') { host.to_owned() } else { host.to_ascii_lowercase() }
}

fn looks_like_host(authority: &str) -> bool {
    let name = authority.split(':').next().unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    is_name && (name == "localhost" || authority.contains(':') || name.trim_matches('.').contains('.'))
}

/// The first operand of `nc`, unless it listens.
fn connected(program: &Program) -> Vec<String> {
    if program.has_flag('l') {
        return Vec::new();
    }
    let mut words = program.arguments.iter();
    while let Some(word) = words.next() {
        match word.text.as_str() {
            "-w" | "-p" | "-s" | "-x" | "-X" | "-i" | "-q" => _ = words.next(),
            text if text.starts_with('-') => {}
            text => return vec![host_only(text)],
        }
    }
    Vec::new()
}

/// The host of `ssh`, and the words behind it.
fn ssh_host(arguments: &[Word]) -> Option<(String, &[Word])> {
    let mut rest = arguments;
    loop {
        let (word, after) = rest.split_first()?;
        let text = word.text.as_str();
        if SSH.takes_next(text) {
            rest = after.get(1..)?;
        } else if text.starts_with('-') {
            rest = after;
        } else {
            let place = text.strip_prefix("ssh://").unwrap_or(text);
            return Some((host_only(place.split(['/', ':']).next().unwrap_or(place)), after));
        }
    }
}

/// The host of `user@host:path`, `host::module` and URLs.
fn remote_host(text: &str) -> Option<String> {
    if text.contains("://") {
        return url_host(text);
    }
    effects::is_remote(text).then(|| host_only(text.split(':').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::super::{Rule, parse};

    fn hosts(command: &str) -> Vec<String> {
        parse(command).audit().into_iter().filter(|finding| finding.rule == Rule::Network).map(|finding| finding.target).collect()
    }

    #[test]
    fn hosts_are_named_without_users_and_ports() {
        let table: &[(&str, &[&str])] = &[
            ("curl https://Api.X.com/a?b#c", &["api.x.com"]),
            ("curl -sSL -H 'Origin: https://o.x' -o f https://a.b:8080/x", &["a.b"]),
            ("curl -X POST localhost:3000/a -d 'http://no.no'", &["localhost"]),
            ("curl -s example.com", &["example.com"]),
            ("curl https://user:secret@a.b/", &["a.b"]),
            ("curl http://[::1]:80/", &["::1"]),
            ("curl $URL", &["$URL"]),
            ("curl https://$HOST/x", &["$HOST"]),
            ("curl a.b c.d", &["a.b", "c.d"]),
            ("wget -O - https://a.b", &["a.b"]),
            ("wget -q a.b/c", &["a.b"]),
            ("wget -r a.b; wget -c b.c; wget -m c.d; wget -x d.e; wget -b e.f", &["a.b", "b.c", "c.d", "d.e", "e.f"]),
            ("wget -d a.b; wget -nH b.c; wget -nd -np c.d", &["a.b", "b.c", "c.d"]),
            ("wget -qO x.sh -o x.log -P y.z a.b", &["a.b"]),
            ("curl -LO a.b/c; curl -sb x.y -XPOST a.b", &["a.b", "a.b"]),
            ("curl -r 0-9 -x p.q:1 -m 5 -F 'a=@b.c' a.b", &["a.b"]),
            ("ssh -p 22 -i k bob@h ls", &["h"]),
            ("ssh -NfL 8080:localhost:80 h", &["h"]),
            ("ssh -tp22 -oBatchMode=yes -vv h 'cat x'", &["h"]),
            ("scp a bob@h:/x", &["h"]),
            ("rsync -av host::mod/x .", &["host"]),
            ("nc -z -w 2 h 80", &["h"]),
            ("x=$(curl -s a.b)", &["a.b"]),
            ("curl file:///etc/passwd", &[]),
            ("curl --version", &[]),
            ("nc -l 80", &[]),
            ("rsync -a a/ b/", &[]),
            ("scp 'C:\\a' b", &[]),
            ("echo curl a.b", &[]),
            ("git commit -m 'curl a.b'", &[]),
        ];
        for (command, expected) in table {
            assert_eq!(hosts(command), *expected, "{command}");
        }
    }
}
