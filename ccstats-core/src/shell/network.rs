//! The hosts that a command reaches.

use super::program::Program;
use super::{Word, effects};

/// Hosts of curl, wget, nc, scp, rsync and ssh, without users and ports.
/// A host that a variable holds is given as it was typed.
pub(super) fn hosts(program: &Program) -> Vec<String> {
    match program.name {
        "curl" | "wget" => downloads(program.arguments),
        "nc" | "ncat" | "netcat" => listened(program),
        "ssh" | "sftp" => ssh_host(program.arguments).map(|(host, _)| host).into_iter().collect(),
        "scp" | "rsync" => program.operands().filter_map(|word| remote_host(&word.text)).collect(),
        _ => Vec::new(),
    }
}

/// The words that `ssh` runs on its host.
pub(super) fn after_host(arguments: &[Word]) -> Option<&[Word]> {
    ssh_host(arguments).map(|(_, rest)| rest)
}

/// Options whose next word is text, not a place to go.
const TEXT_OPTIONS: &[&str] = &[
    "-H",
    "--header",
    "-e",
    "--referer",
    "-A",
    "--user-agent",
    "-U",
    "-d",
    "--data",
    "--data-raw",
    "--data-binary",
    "--data-urlencode",
    "--json",
    "-F",
    "--form",
    "-b",
    "--cookie",
    "-c",
    "-o",
    "--output",
    "-O",
    "-u",
    "--user",
    "-x",
    "--proxy",
    "-w",
    "--write-out",
    "-T",
    "--upload-file",
    "-X",
    "--request",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "-K",
    "--cacert",
    "--cert",
    "--key",
    "--post-data",
    "-P",
    "--resolve",
    "--retry-delay",
    "-r",
    "--range",
    "--limit-rate",
    "-D",
    "--dump-header",
    "-E",
    "-t",
    "--tries",
    "--timeout",
    "-z",
];

fn downloads(arguments: &[Word]) -> Vec<String> {
    let mut hosts: Vec<String> = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        // `-O` takes a file in wget and nothing in curl; a place to go is never a file.
        let takes_text = TEXT_OPTIONS.contains(&text) || is_cluster_with_text(text);
        if takes_text && !(text == "-O" && words.as_slice().first().is_some_and(|next| next.text.contains("://"))) {
            words.next();
        } else if !text.starts_with('-') {
            hosts.extend(url_host(text).filter(|host| hosts.last() != Some(host)));
        } else if let Some(url) = text.strip_prefix("--url=") {
            hosts.extend(url_host(url));
        }
    }
    hosts
}

/// `-sSLo file`: the last letter of a cluster takes the next word.
fn is_cluster_with_text(text: &str) -> bool {
    text.len() > 2 && !text.starts_with("--") && text.starts_with('-') && text.ends_with(['o', 'H', 'd', 'X', 'w', 'u', 'A', 'm'])
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
fn listened(program: &Program) -> Vec<String> {
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
        let takes_value = text.len() == 2 && text.starts_with('-') && "bcDEeFIiJLlmOopQRSWw".contains(&text[1..]);
        if takes_value {
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
    use super::super::{Rule, audit};

    fn hosts(command: &str) -> Vec<String> {
        audit(command).into_iter().filter(|finding| finding.rule == Rule::Network).map(|finding| finding.target).collect()
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
            ("ssh -p 22 -i k bob@h ls", &["h"]),
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
