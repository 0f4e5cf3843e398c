//! Trees that loop, block, lie about their size or cannot be read (T-7 to T-13).

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{assistant, lines, output, report, summary, with, write_transcript};

fn one_response() -> Vec<u8> {
    lines(&[assistant("msg_1", &output(5))])
}

/// A response whose identity is its line, so that reading it twice would count it twice.
fn nameless_response() -> Vec<u8> {
    let mut line = with(assistant("", &output(5)), &json!({"uuid": null}));
    line["message"]["id"] = Value::Null;
    lines(&[line])
}

fn messages(root: &Path) -> Value {
    summary(root)["summary"]["messages"].clone()
}

/// Nothing that is to be passed over takes longer than this, on the slowest machine of a test.
const SOON: Duration = Duration::from_secs(5);

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    /// T-7
    #[test]
    fn links_inside_a_root_are_not_followed() {
        let home = write_transcript(nameless_response());
        let elsewhere = write_transcript(one_response());
        let projects = home.path().join("projects");
        symlink(&projects, projects.join("loop")).unwrap();
        symlink("self", projects.join("self")).unwrap();
        symlink("/", projects.join("everything")).unwrap();
        symlink(elsewhere.path().join("projects"), projects.join("out-of-the-tree")).unwrap();
        symlink(projects.join("-work-demo/s1.jsonl"), projects.join("-work-demo/s2.jsonl")).unwrap();
        symlink("nowhere", projects.join("-work-demo/s3.jsonl")).unwrap();
        let run = report("summary", home.path(), &["--json", "--range", "all"]);
        assert_eq!(run.json()["summary"]["messages"], 1);
        assert_eq!(run.json()["accounting"]["transcripts"], 1);
        assert!(run.time < SOON, "took {:?}", run.time);
    }

    /// T-7: the root itself may be a link.
    #[test]
    fn root_may_be_a_link() {
        let home = write_transcript(one_response());
        let folder = tempfile::tempdir().unwrap();
        symlink(home.path(), folder.path().join("home")).unwrap();
        assert_eq!(messages(&folder.path().join("home")), 1);
    }

    /// T-7
    #[test]
    fn file_with_two_names_is_read_once() {
        let home = write_transcript(nameless_response());
        let folder = home.path().join("projects/-work-demo");
        fs::hard_link(folder.join("s1.jsonl"), folder.join("twin.jsonl")).unwrap();
        assert_eq!(messages(home.path()), 1);
        assert_eq!(summary(home.path())["accounting"]["transcripts"], 1);
    }

    /// T-8
    #[test]
    fn only_regular_files_are_opened() {
        let home = write_transcript(one_response());
        let folder = home.path().join("projects/-work-demo");
        let fifo = std::process::Command::new("mkfifo").arg(folder.join("fifo.jsonl")).status();
        assert!(fifo.unwrap().success());
        symlink("/dev/zero", folder.join("zero.jsonl")).unwrap();
        fs::create_dir(folder.join("folder.jsonl")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("x.jsonl")).unwrap();
        let run = report("summary", home.path(), &["--json", "--range", "all"]);
        assert_eq!(run.json()["summary"]["messages"], 1);
        assert!(run.time < SOON, "took {:?}", run.time);
    }

    /// T-9: the hole is NUL bytes of one line, dropped before the response behind it.
    #[test]
    fn hole_of_a_terabyte_is_passed_over() {
        let home = write_transcript(one_response());
        let path = home.path().join("projects/-work-demo/sparse.jsonl");
        let mut file = File::create(&path).unwrap();
        file.write_all(&lines(&[assistant("msg_before", &output(7))])).unwrap();
        if file.set_len(1 << 40).and_then(|()| file.seek(SeekFrom::End(0))).is_err() {
            eprintln!("skipped: the file system holds no file of a terabyte");
            return;
        }
        file.write_all(&lines(&[assistant("msg_behind", &output(9))])).unwrap();
        let run = report("summary", home.path(), &["--json", "--range", "all"]);
        assert_eq!(run.json()["summary"]["tokens"]["output"], 5 + 7 + 9);
        assert_eq!(run.json()["accounting"]["lines"], 3);
        let size = path.metadata().unwrap().len() + one_response().len() as u64;
        assert_eq!(run.json()["accounting"]["bytes"], size);
        assert!(run.time < Duration::from_secs(2), "took {:?}", run.time);
    }

    /// T-11
    #[test]
    fn names_need_not_be_utf_8() {
        let line = with(assistant("msg_2", &output(3)), &json!({"sessionId": null, "cwd": null}));
        let home = write_transcript(one_response());
        let folder = home.path().join("projects").join(OsStr::from_bytes(b"-work-\xff\xfe"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(OsStr::from_bytes(b"s\xc3.jsonl")), lines(&[line])).unwrap();
        for name in ["summary", "sessions", "projects"] {
            let run = report(name, home.path(), &["--json", "--range", "all"]);
            assert_eq!(run.code, 0, "{}", run.stderr);
            assert!(run.text().contains("/work/demo") || name == "sessions");
        }
        assert_eq!(messages(home.path()), 2);
        assert_eq!(summary(home.path())["summary"]["projects"], 2);
        std::os::unix::fs::symlink("/", folder.join("link")).unwrap();
        let link = &summary(home.path())["accounting"]["problems"][0]["examples"][0]["path"];
        assert!(link.as_str().unwrap().ends_with("-work-\u{fffd}\u{fffd}/link"), "{link}");
    }

    /// T-13
    #[test]
    fn what_cannot_be_read_is_left_out_and_said() {
        let home = write_transcript(one_response());
        let folder = home.path().join("projects/-work-demo");
        let (file, inner) = (folder.join("locked.jsonl"), folder.join("locked"));
        fs::write(&file, nameless_response()).unwrap();
        fs::create_dir(&inner).unwrap();
        fs::write(inner.join("a.jsonl"), nameless_response()).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o0)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o0)).unwrap();
        if File::open(&file).is_ok() {
            eprintln!("skipped: this user may read everything");
            return;
        }
        let run = report("summary", home.path(), &["--json", "--range", "all"]);
        let strict = report("summary", home.path(), &["--json", "--range", "all", "--strict"]);
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(run.json()["summary"]["messages"], 1);
        assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);
        assert_eq!(strict.code, 3, "{}", strict.stderr);
    }
}

/// T-7
#[test]
fn deep_tree_is_read_to_its_end() {
    let home = write_transcript(one_response());
    let mut deep = home.path().join("projects");
    (0..200).for_each(|_| deep.push("deep"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("s2.jsonl"), nameless_response()).unwrap();
    assert_eq!(messages(home.path()), 2);
}

/// T-10
#[test]
fn ids_of_lines_are_no_paths() {
    let escape = |i: usize, id: &str| with(assistant(&format!("msg_{i}"), &output(1)), &json!({"sessionId": id, "agentId": id, "cwd": id}));
    let long = "x".repeat(10_000);
    let ids = ["../../escaped", "/tmp/escaped", "a\0b", long.as_str(), "..", "con"];
    let home = write_transcript(lines(&ids.iter().enumerate().map(|(i, id)| escape(i, id)).collect::<Vec<_>>()));
    let names = |folder: &Path| {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = names(home.path());
    let mut command = crate::support::program(home.path());
    command.env("CCSTATS_DATA_DIR", home.path().join("store")).args(["sessions", "--json", "--range", "all", "--root"]);
    let output = command.arg(home.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut after = names(home.path());
    after.remove(OsStr::new("store"));
    assert_eq!(before, after);
}

#[test]
fn empty_files_are_transcripts_of_no_lines() {
    let home = write_transcript(one_response());
    fs::write(home.path().join("projects/-work-demo/empty.jsonl"), "").unwrap();
    fs::write(home.path().join("projects/-work-demo/newline.jsonl"), "\n").unwrap();
    let found = summary(home.path());
    assert_eq!(found["summary"]["messages"], 1);
    assert_eq!(found["accounting"]["transcripts"], 3);
    assert_eq!(found["accounting"]["blank"], 1);
}
