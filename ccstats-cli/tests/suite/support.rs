//! Runs the program under test, and writes what it reads.
//!
//! Every run gets an empty home of its own, so that nothing of the person who
//! runs the tests is read or written.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// The reports of the program, by the names of its command line.
pub(crate) const REPORTS: [&str; 16] = [
    "summary", "daily", "weekly", "monthly", "sessions", "projects", "models", "tools", "agents", "reads", "failures", "hotspots", "audit",
    "prompts", "context", "blocks",
];

/// The time of every line that does not say otherwise.
pub(crate) const TIME: &str = "2026-11-03T10:00:00.000Z";

/// Options of every run: UTC, no store, and a *now* after all test data.
const COMMON: [&str; 5] = ["--no-store", "--tz", "UTC", "--now", "2026-11-20T12:00:00Z"];

/// No run of a test takes this long, unless it hangs.
const DEADLINE: Duration = Duration::from_secs(120);

/// What one run of the program left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) time: Duration,
}

impl Run {
    /// The data as text; it is always UTF-8, whatever the transcripts hold.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// The data as JSON, of a run that ended well.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_slice(&self.stdout).unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }
}

/// What an answer with a deadline says when it is whole. On a machine that is busy with
/// other tests it may miss the deadline and lack figures, so it is asked for some times.
pub(crate) fn in_time<T>(mut ask: impl FnMut() -> T, is_whole: impl Fn(&T) -> bool) -> T {
    const TRIES: usize = 20;
    let mut answer = ask();
    for _ in 1..TRIES {
        if is_whole(&answer) {
            break;
        }
        answer = ask();
    }
    answer
}

/// Where the program under test is.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ccstats");

/// The program with nothing of our own environment but the search path.
pub(crate) fn program(home: &Path) -> Command {
    program_at(PROGRAM, home)
}

/// Another program, or this one at another place, with that environment.
pub(crate) fn program_at(path: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_clear().current_dir(home);
    for name in ["PATH", "SystemRoot", "LLVM_PROFILE_FILE"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    for name in ["HOME", "USERPROFILE", "CLAUDE_CONFIG_DIR", "CCSTATS_DATA_DIR"] {
        command.env(name, home);
    }
    command
}

/// Runs `ccstats` with exactly these arguments.
pub(crate) fn ccstats<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Run {
    ccstats_of(tempfile::tempdir().unwrap().path(), args)
}

/// Runs `ccstats` as the user of a home: whoever runs it twice has one key for hashes.
pub(crate) fn ccstats_of<A: AsRef<OsStr>>(home: &Path, args: impl IntoIterator<Item = A>) -> Run {
    finish(program(home).args(args))
}

/// Runs a program to its end. Hundreds may be waited for at once: while they run, nothing
/// asks again and again whether they have ended.
pub(crate) fn finish(command: &mut Command) -> Run {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = read_all(child.stderr.take().unwrap());
    let [stdout, stderr] = [stdout, stderr].map(|pipe| {
        pipe.recv_timeout(DEADLINE.saturating_sub(start.elapsed())).unwrap_or_else(|_| {
            child.kill().unwrap();
            pipe.recv().unwrap()
        })
    });
    // Without its pipes it is about to end, unless it hangs.
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    Run {
        code: status.code().unwrap_or_else(|| panic!("killed: {status:?}")),
        stdout,
        stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
        time: start.elapsed(),
    }
}

/// Reads a pipe on a thread of its own, so that neither pipe blocks the other.
fn read_all(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        sender.send(bytes)
    });
    receiver
}

/// Runs one report over one root with the given options.
pub(crate) fn report(name: &str, root: &Path, options: &[&str]) -> Run {
    let words = [name].into_iter().chain(COMMON).chain(options.iter().copied()).chain(["--root"]);
    ccstats(words.map(OsStr::new).chain([root.as_os_str()]))
}

/// The JSON of one report over everything below `root`.
pub(crate) fn json_of(name: &str, root: &Path) -> Value {
    report(name, root, &["--json", "--range", "all"]).json()
}

/// The JSON of `summary` over everything below `root`.
pub(crate) fn summary(root: &Path) -> Value {
    json_of("summary", root)
}

/// A place in the workspace, from its top.
pub(crate) fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)
}

/// A config directory that holds these files; folders are made as needed.
pub(crate) fn write_home<P: AsRef<Path>, B: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, B)>) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("projects")).unwrap();
    for (path, bytes) in files {
        let path = home.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    home
}

/// A config directory with a single transcript.
pub(crate) fn write_transcript(bytes: impl AsRef<[u8]>) -> TempDir {
    write_home([("projects/-work-demo/s1.jsonl", bytes)])
}

/// Lines as they stand in a transcript, each with its newline.
pub(crate) fn lines(lines: &[Value]) -> Vec<u8> {
    lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

/// The line with the given keys put over its own.
pub(crate) fn with(mut line: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().expect("changes are an object") {
        line[key] = value.clone();
    }
    line
}

/// A line of session `s1` in `/work/demo`.
fn line(kind: &str, uuid: &str, message: &Value) -> Value {
    json!({
        "type": kind, "uuid": uuid, "sessionId": "s1", "cwd": "/work/demo", "gitBranch": "main",
        "timestamp": TIME, "isSidechain": false, "message": message,
    })
}

/// A finished response with some content and usage.
pub(crate) fn assistant_with(id: &str, content: &Value, usage: &Value) -> Value {
    let message = json!({
        "id": id, "role": "assistant", "model": "claude-sonnet-4-5-20250929",
        "stop_reason": "end_turn", "content": content, "usage": usage,
    });
    line("assistant", &format!("u-{id}"), &message)
}

/// A finished response with this usage and nothing else.
pub(crate) fn assistant(id: &str, usage: &Value) -> Value {
    assistant_with(id, &json!([]), usage)
}

/// The smallest usage that can be told from others by its output.
pub(crate) fn output(tokens: u64) -> Value {
    json!({"input_tokens": 1, "output_tokens": tokens})
}

/// A response that calls one tool.
pub(crate) fn tool_use(id: &str, tool: &str, input: &Value) -> Value {
    let block = json!([{"type": "tool_use", "id": id, "name": tool, "input": input}]);
    assistant_with(&format!("msg_of_{id}"), &block, &output(1))
}

/// The result of one call.
pub(crate) fn tool_result(id: &str, text: &str, is_error: bool) -> Value {
    let block = json!([{"type": "tool_result", "tool_use_id": id, "content": text, "is_error": is_error}]);
    line("user", &format!("r-{id}"), &json!({"role": "user", "content": block}))
}

/// A text that a person typed.
pub(crate) fn prompt(uuid: &str, text: &str) -> Value {
    line("user", uuid, &json!({"role": "user", "content": text}))
}

/// A line of a subagent, as versions before 2.1.2xx repeat it in the main transcript.
pub(crate) fn progress(inner: &Value) -> Value {
    let mut outer = line("progress", "u-progress", &Value::Null);
    outer["data"] = json!({"type": "agent_progress", "agentId": "a1", "message": inner});
    outer
}
