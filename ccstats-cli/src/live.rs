//! What Claude Code starts while somebody waits: a value on stdin, an answer before a
//! deadline, and nothing else ever.

use std::io::{self, IsTerminal as _, Read};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ccstats_core::{Budget, BudgetQuery, Limit, Query, budgets};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::args::Options;
use crate::config::Config;
use crate::load::{OpenStore, Sources};
use crate::members::members;
use crate::output::CliError;
use crate::request::Request;

/// Of the 200 ms that an answer may take. The rest is for starting and ending on a
/// machine that is busy, not least with the work that is given up.
const DEADLINE: Duration = Duration::from_millis(120);

/// Runs work on a thread of its own and gives what it sent before the deadline. The
/// thread is not waited for: it ends with the process.
pub(crate) fn before_deadline<T: Send + 'static>(work: impl FnOnce(&Sender<T>) + Send + 'static) -> Vec<T> {
    let deadline = Instant::now() + DEADLINE;
    let (sender, receiver) = mpsc::channel();
    if thread::Builder::new().spawn(move || work(&sender)).is_err() {
        return Vec::new();
    }
    let next = || receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok();
    std::iter::from_fn(next).collect()
}

/// From now on the program says nothing about a mistake of its own.
pub(crate) fn be_silent() {
    panic::set_hook(Box::new(|_| {}));
}

/// Some members of the JSON object on stdin; what follows it is not waited for. `None`
/// without an object.
pub(crate) fn read_members(names: &[&str]) -> Option<Value> {
    /// Prompts and inputs of tools come along.
    const LARGEST: u64 = 64 << 20;
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    members_of(&first_value(stdin.lock().take(LARGEST))?, names)
}

/// The text of the JSON value that comes first. What stands in it is not looked at:
/// JavaScript writes halves of characters, and nests as deep as it likes.
fn first_value(reader: impl Read) -> Option<String> {
    let mut kept = Kept { reader, bytes: Vec::new() };
    serde_json::Deserializer::from_reader(&mut kept).into_iter::<IgnoredAny>().next()?.ok()?;
    Some(String::from_utf8_lossy(&kept.bytes).into_owned())
}

/// A reader that keeps what was read.
struct Kept<R> {
    reader: R,
    bytes: Vec<u8>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

/// Those members of an object that are named and can be read.
fn members_of(text: &str, names: &[&str]) -> Option<Value> {
    /// No value that is asked for lies deeper inside of a member.
    const DEEPEST: usize = 2;
    readable_members(text, |name| names.contains(&name), DEEPEST)
}

fn readable_members(text: &str, is_wanted: impl Fn(&str) -> bool, depth: usize) -> Option<Value> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let wanted = members(text).into_iter().filter(|member| is_wanted(&member.name));
    let readable = wanted.filter_map(|member| Some((member.name, readable(&text[member.value], depth)?)));
    Some(Value::Object(readable.collect::<Map<_, _>>()))
}

/// A value, or what can be read of it: one member that cannot spoils no other.
fn readable(text: &str, depth: usize) -> Option<Value> {
    let within = || readable_members(text, |_| true, depth.checked_sub(1)?);
    serde_json::from_str(text).ok().or_else(within)
}

/// What is asked where Claude Code calls. It names the session on stdin, so `--session` is
/// not heeded.
pub(crate) fn request<'r>(options: &'r Options, config: &'r Config) -> Request<'r> {
    let request = Request::new(options, config);
    Request { query: Query { sessions: Vec::new(), ..request.query }, ..request }
}

/// What is spent of some limits, and the store, which may still be written to.
pub(crate) fn spent(request: &Request, limits: &[Limit], session: Option<&str>) -> Result<(Vec<Budget>, OpenStore), CliError> {
    let asked = BudgetQuery { query: &request.query, limits, session, now: request.now };
    let mut sources = Sources::open(request.options);
    // The process ends before it would all be given back.
    let dataset = ManuallyDrop::new(sources.load(request, &asked.needs()?)?);
    Ok((budgets(&dataset, &request.config.price_list(), &asked)?, sources.store))
}

/// The limits that are about work in a folder.
pub(crate) fn limits_in(folder: Option<&str>, limits: &[Limit]) -> Vec<Limit> {
    limits.iter().filter(|limit| limit.is_about(folder)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        let value = first_value(text.as_bytes()).and_then(|text| members_of(&text, &["a", "b"]));
        value.map_or_else(|| "nothing".into(), |value| value.to_string())
    }

    #[test]
    fn a_member_that_cannot_be_read_counts_as_missing_and_spoils_no_other() {
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        for odd in [r#""cut \ud83d""#, r#"{"x": {"y": {"z": "\udc00"}}}"#, &deep, "1e999"] {
            assert_eq!(found(&format!(r#" {{"other": {odd}, "a": 1, "\ud83d": 2}}"#)), r#"{"a":1}"#);
        }
        assert_eq!(found(&format!(r#"{{"a": {deep}, "b": "x"}}"#)), r#"{"b":"x"}"#);
        assert_eq!(
            found(r#"{"a": "cut \ud83d", "b": {"c": 1, "d": "\ud83d", "e": {"f": 2, "g": "\ud83d"}}}"#),
            r#"{"b":{"c":1,"e":{"f":2}}}"#
        );
    }

    #[test]
    fn only_the_first_value_is_read_and_only_an_object_has_members() {
        assert_eq!(found(r#"{"a": {"b": [1]}, "c": 2} {"a": 3}"#), r#"{"a":{"b":[1]}}"#);
        for none in ["", "{", r#"{"a": 1"#, r#"[{"a": 1}]"#, r#""{\"a\": 1}""#, "7", "null"] {
            assert_eq!(found(none), "nothing", "{none}");
        }
    }

    #[test]
    fn work_that_takes_too_long_is_not_waited_for() {
        let start = Instant::now();
        let found = before_deadline(|answers| {
            let _ = answers.send("first");
            thread::sleep(Duration::from_secs(3600));
        });
        assert!(found == ["first"] && start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn work_that_breaks_gives_what_it_had() {
        let found = before_deadline(|answers| {
            let _ = answers.send(1);
            panic!("in a thread");
        });
        assert_eq!(found, [1]);
    }
}
