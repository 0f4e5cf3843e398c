//! What names become: hashes, repositories, and what the configuration says.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{REPORTS, Run, assistant, ccstats, ccstats_of, lines, output, with, workspace, write_transcript};

/// The arguments of a report over a root, for all time.
fn args<'a>(report: &'a str, root: &'a Path, options: &[&'a str]) -> Vec<&'a OsStr> {
    let words = [&[report, "--no-store", "--now", "2026-11-20T12:00:00Z", "--range", "all"], options, &["--root"]].concat();
    words.into_iter().map(OsStr::new).chain([root.as_os_str()]).collect()
}

fn run(report: &str, root: &Path, options: &[&str]) -> Run {
    ccstats(args(report, root, options))
}

/// The leaves of a value, by their place in it.
type Leaves = BTreeMap<String, Value>;

fn leaves(value: &Value) -> Leaves {
    fn walk(place: &str, value: &Value, leaves: &mut Leaves) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| walk(&format!("{place}/{name}"), value, leaves)),
            Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| walk(&format!("{place}/{at}"), value, leaves)),
            leaf => _ = leaves.insert(place.to_owned(), leaf.clone()),
        }
    }
    let mut found = Leaves::new();
    walk("", value, &mut found);
    found
}

// Hashes.

/// Every report over all stories, as it is and hashed, by one user.
fn plain_and_hashed(root: &Path) -> Vec<(&'static str, Leaves, Leaves)> {
    let home = tempfile::tempdir().unwrap();
    let of = |report, options: &[&str]| {
        leaves(&ccstats_of(home.path(), args(report, root, &[&["--json", "--tz", "UTC"], options].concat())).json())
    };
    REPORTS.iter().map(|report| (*report, of(report, &[]), of(report, &["--hash"]))).collect()
}

#[test]
fn a_hash_changes_no_figure() {
    for (report, plain, hashed) in plain_and_hashed(&workspace("testdata/behaviour")) {
        let figures = |leaves: &Leaves| -> Leaves {
            leaves.iter().filter(|(_, leaf)| leaf.is_number()).map(|(place, leaf)| (place.clone(), leaf.clone())).collect()
        };
        assert!(!figures(&plain).is_empty());
        assert_eq!(figures(&hashed), figures(&plain), "{report}");
    }
}

#[test]
fn equal_names_have_equal_hashes_in_all_reports_and_others_have_others() {
    let (mut hashes, mut names) = (BTreeMap::new(), BTreeMap::new());
    for (report, plain, hashed) in plain_and_hashed(&workspace("testdata/behaviour")) {
        let texts = plain.iter().filter_map(|(place, name)| Some((place, name.as_str()?, hashed.get(place)?.as_str()?)));
        // Words of programs stay: an agent `main` is none, a branch of that name is one.
        for (place, name, hash) in texts.filter(|(_, name, hash)| name != hash) {
            let known = hashes.entry(name.to_owned()).or_insert_with(|| hash.to_owned());
            assert_eq!(known, hash, "{name} at {place} of {report}");
            let known = names.entry(hash.to_owned()).or_insert_with(|| name.to_owned());
            assert_eq!(known, name, "{hash} at {place} of {report}");
        }
    }
    assert_ne!(hashes["/work/app"], "/work/app");
}

fn write_key(place: &Path, bytes: &[u8], mode: u32) {
    fs::write(place, bytes).unwrap();
    #[cfg(unix)]
    fs::set_permissions(place, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_key_that_others_know_hashes_nothing() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let key = home.path().join("hash.key");
    for mode in [0o644, 0o620, 0o604] {
        write_key(&key, &[7; 32], mode);
        let run = ccstats_of(home.path(), args("daily", home.path(), &["--hash"]));
        let told = format!("error: cannot use the key of hashes: `{}` can be read or changed by others: remove it, ", key.display());
        assert!(run.code == 1 && run.stdout.is_empty() && run.stderr.starts_with(&told), "{run:?}");
    }
    write_key(&key, &[7; 32], 0o600);
    assert_eq!(ccstats_of(home.path(), args("daily", home.path(), &["--hash"])).code, 0);
}

#[test]
fn a_key_that_is_not_whole_hashes_nothing() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let key = home.path().join("hash.key");
    let hashed = || ccstats_of(home.path(), args("daily", home.path(), &["--hash"]));
    for half in [&b""[..], &[7; 31]] {
        write_key(&key, half, 0o600);
        let run = hashed();
        let told =
            format!("error: cannot use the key of hashes: expected 32 bytes in `{}`, found {}: remove it, ", key.display(), half.len());
        assert!(run.code == 1 && run.stdout.is_empty() && run.stderr.starts_with(&told), "{run:?}");
        assert_eq!(fs::read(&key).unwrap(), half);
    }
    fs::remove_file(&key).unwrap();
    let kept = || fs::read_dir(home.path()).unwrap().count();
    let before = kept();
    assert_eq!((hashed().code, fs::read(&key).unwrap().len(), kept()), (0, 32, before + 1), "the key, and nothing beside it");
}

#[test]
fn runs_that_make_the_key_at_once_have_one_key() {
    let home = write_transcript(lines(&[assistant("msg_1", &output(1))]));
    let hashed = || ccstats_of(home.path(), args("projects", home.path(), &["--hash", "--json"])).text().to_owned();
    let texts: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8).map(|_| scope.spawn(hashed)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(texts[0].contains("\"project\": ") && texts.iter().all(|text| *text == texts[0]), "{texts:?}");
}

#[test]
fn no_format_shows_a_name_that_is_hashed() {
    let root = workspace("testdata/behaviour");
    let reports = plain_and_hashed(&root);
    let is_hidden = |name: &str, now: Option<&Value>| now.and_then(Value::as_str) != Some(name);
    let hidden = reports.iter().flat_map(|(_, plain, hashed)| {
        let names = plain.iter().filter_map(|(place, name)| Some((place, name.as_str()?)));
        names.filter(|(place, name)| is_hidden(name, hashed.get(*place))).map(|(_, name)| name)
    });
    // A name of one or two words can stand in the advice by chance; a path cannot.
    let hidden: std::collections::BTreeSet<&str> = hidden.filter(|name| name.contains(['/', '.', ':'])).collect();
    assert!(hidden.len() > 100, "{}", hidden.len());
    for report in REPORTS {
        for format in ["table", "json", "ndjson", "csv", "markdown"] {
            let run = run(report, &root, &["--hash", "--tz", "UTC", "--format", format]);
            let shown: Vec<_> = hidden.iter().filter(|name| run.text().contains(**name) || run.stderr.contains(**name)).collect();
            assert!(shown.is_empty(), "{report} as {format}: {shown:?}");
        }
    }
}

// The configuration.

/// The run of a report with a configuration.
fn configured(config: impl AsRef<[u8]>, report: &str, root: &Path, options: &[&str]) -> Run {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    run(report, root, &[&["--config", file.to_str().unwrap()], options].concat())
}

/// One column of the rows of a configured report.
fn column(config: &str, report: &str, root: &Path, column: &str) -> Vec<Value> {
    let report = configured(config, report, root, &["--json"]).json();
    report["rows"].as_array().expect("a report has rows").iter().map(|row| row[column].clone()).collect()
}

/// A response in a folder.
fn response(id: &str, cwd: &str) -> Value {
    with(assistant(&format!("msg_{id}"), &output(7)), &json!({"cwd": cwd}))
}

#[test]
fn the_configured_zone_makes_the_days_and_the_option_beats_it() {
    let root = workspace("testdata/home");
    let config = "zone = 'Pacific/Kiritimati'";
    let days = |config: &str, options: &[&str]| configured(config, "daily", &root, &[&["--json"], options].concat()).json()["rows"].clone();
    assert_eq!(days(config, &[]), days("", &["--tz", "Pacific/Kiritimati"]));
    assert_eq!(days(config, &["--tz", "UTC"]), days("", &["--tz", "UTC"]));
    assert_ne!(days(config, &[]), days("", &["--tz", "UTC"]));
}

#[test]
fn the_configured_day_starts_the_weeks() {
    let home = write_transcript(lines(&[response("1", "/work/a")]));
    // A Tuesday; the zone is that of the configuration as well.
    for (day, week) in [("monday", "2026-11-02"), ("sun", "2026-11-01"), ("wednesday", "2026-10-28")] {
        assert_eq!(column(&format!("zone = 'UTC'\nweek_start = '{day}'"), "weekly", home.path(), "week"), [week], "{day}");
    }
}

const NAMES: &str = "
[projects.aliases]
'/old/shop' = '/work/shop'
[projects.groups]
work = ['/work/*']
";

#[test]
fn aliases_and_groups_are_summed() {
    let home =
        write_transcript(lines(&[response("1", "/old/shop"), response("2", "/work/shop"), response("3", "/work/b"), response("4", "/c")]));
    let rows = configured(NAMES, "projects", home.path(), &["--json", "--sort", "project:asc"]).json()["rows"].clone();
    let found = rows.as_array().unwrap().iter().map(|row| (row["project"].as_str().unwrap(), row["messages"].as_u64().unwrap()));
    assert_eq!(found.collect::<Vec<_>>(), [("/c", 1), ("work", 3)]);
    // Filters know every name that a project has, also behind that of its group.
    let filtered =
        |project| configured(NAMES, "summary", home.path(), &["--json", "--project", project]).json()["summary"]["messages"].clone();
    assert_eq!(["work", "shop", "/old", "/c"].map(filtered), [3, 2, 1, 1]);
    let config = home.path().join("config.toml");
    std::fs::write(&config, format!("{NAMES}[budget.projects.shop]\nmonthly = 1")).unwrap();
    let words = ["budget", "--no-store", "--json", "--now", "2026-11-20T12:00:00Z", "--config"].map(OsStr::new);
    let budget = ccstats(words.into_iter().chain([config.as_os_str(), OsStr::new("--root"), home.path().as_os_str()]));
    assert_eq!(budget.json()["limits"][0]["messages"], 2);
}

/// Paths in commands are relative to folders, whatever the projects are called.
#[test]
fn the_name_of_a_project_changes_nothing_that_was_done_in_it() {
    let root = workspace("testdata/behaviour");
    for report in ["reads", "failures", "hotspots", "audit", "context"] {
        let rows = |config| {
            let mut report = configured(config, report, &root, &["--json", "--tz", "UTC"]).json();
            report["rows"].as_array_mut().unwrap().iter_mut().for_each(|row| _ = row.as_object_mut().unwrap().remove("project"));
            report["rows"].take()
        };
        assert_eq!(rows("[projects.groups]\nall = ['*']"), rows(""), "{report}");
    }
}

#[test]
fn own_prices_beat_the_list() {
    let home = write_transcript(lines(&[assistant("msg_1", &json!({"input_tokens": 100_000, "output_tokens": 100_000}))]));
    let config = "[prices.'claude-sonnet-4-5']\ninput = 1.0\noutput = 2.5\ncache_write_5m = 1\ncache_write_1h = 1\ncache_read = 1";
    assert_eq!(column(config, "models", home.path(), "cost"), [0.35]);
    assert_eq!(column("", "models", home.path(), "cost"), [1.8]);
}

#[test]
fn allowed_hosts_are_no_events() {
    let root = workspace("testdata/behaviour/audit/network");
    let hosts =
        |config: &str| column(config, "audit", &root, "target").iter().map(|host| host.as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let all = hosts("");
    for (allowed, gone) in [("api.example.org", 1), ("*.example.org", 7), ("example.org", 0), ("*.ample.org", 0), ("localhost", 1)] {
        let left = hosts(&format!("[audit]\nallowed_hosts = ['{allowed}']"));
        assert_eq!(left.len() + gone, all.len(), "{allowed}: {left:?}");
    }
}

#[test]
fn mistakes_in_the_configuration_name_line_and_key() {
    let root = workspace("testdata/home");
    let table = [
        ("zone = 'UTC'\nweek_strat = 'monday'", "config.toml` line 2: unknown key `week_strat`: did you mean `week_start`?"),
        ("[projects]\nalias = {}", "config.toml` line 2: unknown key `alias`: did you mean `aliases`?"),
        ("[prices.x]\ncache_raed = 1", "config.toml` line 2: unknown key `cache_raed`: did you mean `cache_read`?"),
        ("zone = 'Vienna'", "config.toml` line 1: expected a zone of the tz database, such as UTC or Europe/Vienna, found `'Vienna'`"),
    ];
    for (config, wanted) in table {
        let run = configured(config, "summary", &root, &[]);
        assert_eq!((run.code, run.text()), (2, ""), "{config}");
        assert!(run.stderr.starts_with("error: ") && run.stderr.contains(wanted), "{}", run.stderr);
    }
    let run = configured(b"zone = 'UTC'\nweek_start = 'm\xff'", "summary", &root, &[]);
    assert_eq!((run.code, run.text()), (2, ""));
    assert!(run.stderr.ends_with("config.toml` line 2: expected UTF-8, found the byte 0xff\n"), "{}", run.stderr);
}

// Repositories.

/// Projects of `--by repo` and their messages.
fn by_repository(lines_of: &[Value]) -> Vec<(String, u64)> {
    let home = write_transcript(lines(lines_of));
    let rows = run("projects", home.path(), &["--json", "--by", "repo", "--sort", "project:asc"]).json()["rows"].clone();
    let row = |row: &Value| (row["project"].as_str().unwrap().to_owned(), row["messages"].as_u64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

/// A folder with a repository `r`, its worktree `w`, a branch of it in `r/.worktrees/b`,
/// and another repository `r/other`; nothing, said loudly, where there is no git.
fn repositories() -> Option<TempDir> {
    let top = tempfile::tempdir().unwrap();
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(top.path()).env("HOME", top.path()).env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
        git.args(["-c", "user.name=ada", "-c", "user.email=ada@example.org"]).args(words).output()
    };
    if git(&["--version"]).is_err() {
        eprintln!("skipped: there is no git");
        return None;
    }
    let steps: [&[&str]; 5] = [
        &["init", "-q", "r"],
        &["-C", "r", "commit", "-q", "--allow-empty", "-m", "start"],
        &["-C", "r", "worktree", "add", "-q", "../w"],
        &["-C", "r", "worktree", "add", "-q", ".worktrees/b"],
        &["init", "-q", "r/other"],
    ];
    for step in steps {
        let done = git(step).unwrap();
        assert!(done.status.success(), "{step:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    std::fs::create_dir_all(top.path().join("w/src/deep")).unwrap();
    Some(top)
}

#[test]
fn worktrees_and_subfolders_are_their_repository() {
    let Some(top) = repositories() else { return };
    let top = top.path().canonicalize().unwrap();
    let folder = |name: &str| top.join(name).to_str().unwrap().to_owned();
    let folders = ["r", "w", "w/src/deep", "r/.worktrees/b", "r/.worktrees/gone", "r/other"];
    let all: Vec<_> = folders.iter().map(|name| response(&name.replace('/', "_"), &folder(name))).collect();
    assert_eq!(by_repository(&all), [(folder("r"), 5), (folder("r/other"), 1)]);
}

#[test]
fn worktrees_that_are_gone_are_told_by_their_layout_or_by_the_transcript() {
    let went =
        json!({"type": "worktree-state", "sessionId": "s1", "worktreeSession": {"originalCwd": "/gone/told", "worktreePath": "/gone/w/a"}});
    let found = by_repository(&[
        response("1", "/gone/r"),
        response("2", "/gone/r/.claude/worktrees/a/src"),
        response("3", "/gone/r/.worktrees/b"),
        response("4", "/gone/r-worktrees/c"),
        response("5", "/gone/r-old"),
        response("6", "/gone/w/a"),
        response("7", "/gone/w/ab"),
        went,
    ]);
    let wanted = [("/gone/r", 4), ("/gone/r-old", 1), ("/gone/told", 1), ("/gone/w/ab", 1)];
    assert_eq!(found, wanted.map(|(project, messages)| (project.to_owned(), messages)));
}
