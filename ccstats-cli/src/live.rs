//! What Claude Code starts while somebody waits: a value on stdin, an answer before a
//! deadline, and nothing else ever.

use std::io::{self, IsTerminal as _, Read as _};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use ccstats_core::{Budget, BudgetQuery, Limit, Query, Store, budget_needs, budgets};
use serde_json::Value;

use crate::args::Options;
use crate::config::Config;
use crate::load::{Loaded, load};
use crate::output::Failure;
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

/// One JSON value from stdin; what follows is not waited for. `None` without one.
pub(crate) fn read_value() -> Option<Value> {
    /// Prompts and inputs of tools come along.
    const LARGEST: u64 = 64 << 20;
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return None;
    }
    serde_json::Deserializer::from_reader(stdin.lock().take(LARGEST)).into_iter().next()?.ok()
}

/// What is asked where Claude Code calls. It names the session on stdin, so `--session` is
/// not heeded.
pub(crate) fn request<'r>(options: &'r Options, config: &'r Config) -> Request<'r> {
    let request = Request::new(options, config);
    Request { query: Query { sessions: Vec::new(), ..request.query }, ..request }
}

/// What is spent of some limits, and the store while something is written to it: to be kept
/// until the answer is given.
pub(crate) fn spent(request: &Request, limits: &[Limit], session: Option<&str>) -> Result<(Vec<Budget>, Option<Store>), Failure> {
    let asked = BudgetQuery { query: &request.query, limits, session, now: request.now };
    let Loaded { dataset, store, .. } = load(request, &budget_needs(&asked)?)?;
    // The process ends before it would all be given back.
    let dataset = ManuallyDrop::new(dataset);
    Ok((budgets(&dataset, &request.config.price_list(), &asked)?, store))
}

/// The limits that are about work in a folder.
pub(crate) fn limits_in(folder: Option<&str>, limits: &[Limit]) -> Vec<Limit> {
    limits.iter().filter(|limit| limit.is_about(folder)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
