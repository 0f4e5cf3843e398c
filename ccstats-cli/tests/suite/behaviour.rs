//! What reports say about behaviour, on small stories: `testdata/behaviour/`.
//!
//! A folder is named for what it shows. Each holds what a rule is about beside
//! what only looks like it, and a table here says all that a report may tell of
//! it: a row too many fails as one too few does.
//!
//! Knows the program by its command line and its JSON alone.

mod corpus;
mod names;
mod secrets;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{json_of, workspace};

/// A thing of a story, and what a report tells of it; nothing for near misses.
type Truth = (&'static str, &'static str);

fn story(name: &str) -> PathBuf {
    workspace("testdata/behaviour").join(name)
}

/// The rows of a report over a folder of stories.
fn rows(report: &str, name: &str) -> Vec<Value> {
    json_of(report, &story(name))["rows"].as_array().expect("a report has rows").clone()
}

fn text<'v>(row: &'v Value, column: &str) -> &'v str {
    row[column].as_str().unwrap_or_default()
}

/// The columns of a row that are neither zero nor absent: `edits 2, reverted 1`.
fn told(row: &Value, columns: &[&str]) -> String {
    let says = |column: &&&str| !(row[**column].is_null() || row[**column] == 0);
    let named = columns.iter().filter(says).map(|column| format!("{column} {}", row[*column]));
    named.collect::<Vec<_>>().join(", ")
}

/// The report tells exactly the truth, in whatever order.
fn assert_truth(mut found: Vec<(String, String)>, truth: &[Truth]) {
    let mut wanted: Vec<_> = truth.iter().map(|(what, told)| ((*what).to_owned(), (*told).to_owned())).collect();
    found.sort();
    wanted.sort();
    assert_same(&found, &wanted);
}

/// Equal, or the lines that differ.
fn assert_same(found: &[(String, String)], wanted: &[(String, String)]) {
    let without = |some: &[(String, String)], others: &[(String, String)]| -> Vec<_> {
        some.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    assert_eq!(without(found, wanted), without(wanted, found), "left is what the program says");
    assert_eq!(found, wanted);
}

// Reads.

const CLASSES: [&str; 8] =
    ["first", "new_range", "redundant_exact", "redundant_covered", "after_edit", "after_compaction", "other_agent", "stub"];

/// Files of `reads/`, and how often they were read in which class. Files that
/// were read fewer than three times, and none of them in vain, have no row.
const READS: &[Truth] = &[
    // The table that the definitions give.
    ("lexer.rs", "first 1, redundant_exact 1, redundant_covered 1, after_edit 1, after_compaction 1, stub 1"),
    ("stub.rs", "first 1, stub 2"),
    ("text-about-stubs.rs", "first 1, redundant_exact 2"),
    // A refusal, an error and a search give nothing of a file; a command that prints it does.
    ("denied-before.rs", "first 1, redundant_exact 2"),
    ("searched-before.rs", "first 1, redundant_exact 2"),
    ("searched-before.rs", "first 1, redundant_exact 2"),
    ("printed-before.rs", "first 1, redundant_exact 1, redundant_covered 1"),
    ("by-the-agent.rs", "first 1, redundant_exact 1, other_agent 1"),
    ("twice-by-the-agent.rs", "first 1, redundant_exact 1"),
    // Between the first two reads of each, somebody only speaks of compacting or clearing.
    ("compacted.rs", "first 1, redundant_exact 2, after_compaction 1"),
    ("cleared.rs", "first 1, redundant_exact 1, after_compaction 1"),
    ("rewound.rs", "first 1, redundant_exact 1, after_compaction 1"),
    // The thread of a subagent was compacted, not this one; but a subagent ran.
    ("agent-compacted.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("in-parts.rs", "first 1, new_range 2"),
    ("overlapping.rs", "first 1, new_range 1, redundant_exact 1"),
    ("one-line-more.rs", "first 1, new_range 2"),
    ("inside.rs", "first 1, redundant_covered 2"),
    ("joined.rs", "first 1, new_range 1, redundant_covered 1"),
    ("same.rs", "first 1, redundant_exact 2"),
    ("changed-by-somebody.rs", "first 1, redundant_exact 1, after_edit 1"),
    // Between the first two reads of each, this may have changed it …
    ("edited.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("interrupted-edit.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("written.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("changed-meanwhile.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("named.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("formatted.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("replaced.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("base-name.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("checked-out.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("stashed.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("pulled.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("formatted-tree.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("installed.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("moved.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("copied.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("edited-in-place.rs", "first 1, redundant_exact 1, after_edit 1"),
    ("subagent-between.rs", "first 1, redundant_exact 1, after_edit 1"),
    // … and this cannot.
    ("refused.rs", "first 1, redundant_exact 2"),
    ("denied.rs", "first 1, redundant_exact 2"),
    ("denied-command.rs", "first 1, redundant_exact 2"),
    ("beside-the-edited.rs", "first 1, redundant_exact 2"),
    ("beside-the-written.rs", "first 1, redundant_exact 2"),
    ("same-name-elsewhere.rs", "first 1, redundant_exact 2"),
    ("searched.rs", "first 1, redundant_exact 2"),
    ("shown-by-git.rs", "first 1, redundant_exact 2"),
    ("echoed.rs", "first 1, redundant_exact 2"),
    ("logged.rs", "first 1, redundant_exact 2"),
    ("listed.rs", "first 1, redundant_exact 2"),
    ("tested.rs", "first 1, redundant_exact 2"),
];

#[test]
fn each_read_falls_in_the_first_class_that_fits() {
    let of_file = |row: &Value| (base_name(text(row, "file")), told(row, &CLASSES));
    assert_truth(rows("reads", "reads").iter().map(of_file).collect(), READS);
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

// Outcomes.

const OUTCOMES: [&str; 9] = ["ok", "failed", "tool_error", "denied", "cancelled", "interrupted", "background", "soft_nonzero", "no_result"];

/// Stories of `outcomes/`, and what became of their commands. `failed` in a
/// story about something else is what only looks like it.
const COMMANDS: &[Truth] = &[
    ("ok", "ok 3, failed 1"),
    ("failed", "ok 1, failed 1"),
    ("failed-before-exit-codes", "ok 1, failed 2"),
    ("timeout", "ok 1, failed 1, background 1"),
    ("tool-error", "failed 1, tool_error 1"),
    ("denied-by-the-user", "failed 1, denied 2"),
    ("denied-by-the-user-in-2.0", "failed 1, denied 1"),
    ("denied-by-a-rule", "failed 1, denied 3"),
    ("denied-by-a-rule-in-2.0", "failed 1, denied 2"),
    ("denied-by-a-hook", "failed 1, denied 2"),
    ("denied-by-a-hook-in-2.0", "failed 1, denied 1"),
    ("cancelled", "failed 2, cancelled 1"),
    ("cancelled-in-2.0", "failed 2, cancelled 1"),
    ("interrupted", "failed 1, interrupted 1"),
    ("interrupted-in-2.0", "failed 1, interrupted 1"),
    ("background", "ok 1, background 1"),
    ("background-in-1.0", "ok 1, background 1"),
    ("nothing-found", "failed 4, soft_nonzero 3"),
    ("nothing-found-in-1.0", "failed 4, soft_nonzero 3"),
    ("nothing-found-in-2.0", "failed 4, soft_nonzero 3"),
    ("no-result", "ok 1, no_result 1"),
];

#[test]
fn outcomes_are_told_by_what_happened_not_by_what_was_printed() {
    let folders = std::fs::read_dir(story("outcomes")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of_commands = |name: String| {
        let rows = rows("tools", &format!("outcomes/{name}"));
        let bash = rows.iter().find(|row| row["tool"] == "Bash").expect("a row of the tool");
        let told = told(bash, &OUTCOMES);
        (name, told)
    };
    assert_truth(folders.map(of_commands).collect(), COMMANDS);
}

#[test]
fn errors_of_other_tools_than_the_shell_are_tool_errors() {
    let rows = rows("tools", "outcomes/tool-error");
    let others = rows.iter().filter(|row| row["tool"] != "Bash");
    assert_truth(
        others.map(|row| (text(row, "tool").to_owned(), told(row, &OUTCOMES))).collect(),
        &[("Read", "tool_error 1"), ("mcp__db__query", "tool_error 1")],
    );
}

// Failing commands.

fn failures(name: &str, columns: &[&str]) -> Vec<(String, String)> {
    rows("failures", &format!("failures/{name}")).iter().map(|row| (text(row, "command").to_owned(), told(row, columns))).collect()
}

#[test]
fn commands_are_grouped_by_what_they_run_not_by_their_text() {
    let truth = [
        ("cargo test", r#"failures 2, runs 3, last_exit_code 101, last_error "error: no test""#),
        ("cargo run", r#"failures 1, runs 1, last_exit_code 1, last_error "Error: denied""#),
        ("npm run build", r#"failures 1, runs 1, last_exit_code 1, last_error "npm error""#),
        ("npm run lint", r#"failures 1, runs 1, last_exit_code 1, last_error "3 problems""#),
        ("python3 tools/gen.py", r#"failures 1, runs 1, last_exit_code 1, last_error "KeyError: x""#),
        ("python3 -m pytest", r#"failures 1, runs 1, last_exit_code 1, last_error "1 failed""#),
        ("git rebase", r#"failures 1, runs 1, last_exit_code 1, last_error "CONFLICT in a.rs""#),
        ("make all", r#"failures 1, runs 1, last_exit_code 2, last_error "make: *** [all] Error 1""#),
        ("npm ci && npm test", r#"failures 1, runs 1, last_exit_code 1, last_error "npm error", chain 1"#),
        // Commands in a heredoc and in quotes are text.
        ("load", r#"failures 2, runs 2, last_exit_code 3, last_error "bad line""#),
    ];
    assert_truth(failures("keys", &["failures", "runs", "last_exit_code", "last_error", "chain"]), &truth);
}

#[test]
fn what_did_not_run_or_did_not_fail_is_no_failing_command() {
    assert_truth(failures("no-failures", &["failures"]), &[]);
}

#[test]
fn tests_that_are_edited_for_and_pass_later_are_red_green() {
    let truth = [
        ("cargo test", "failures 2, followed_by_success 1, red_green 2"),
        ("pytest", "failures 1, followed_by_success 1"),
        ("npm test", "failures 1"),
    ];
    assert_truth(failures("red-green", &["failures", "followed_by_success", "red_green"]), &truth);
}

#[test]
fn results_that_nobody_saw_are_listed_apart() {
    assert_truth(failures("hidden", &["failures"]), &[]);
    let hidden = json_of("failures", &story("failures/hidden"))["hidden"].as_array().expect("a list").clone();
    let of_runner = |row: &Value| (text(row, "command").to_owned(), told(row, &["results", "pipe", "or", "sequence"]));
    assert_truth(hidden.iter().map(of_runner).collect(), &[("cargo test", "results 3, pipe 1, or 1, sequence 1")]);
}

// Edit hotspots.

/// Files of `hotspots/`; each edit is of one line, but for those of several sessions.
const HOTSPOTS: &[Truth] = &[
    ("refused.rs", "edits 1, errors 5, errors_not_read 1, errors_changed 1, errors_not_found 1, errors_not_unique 1"),
    ("denied.rs", "edits 1"),
    ("back-and-forth.rs", "edits 3, reverted 2"),
    ("onward.rs", "edits 2"),
    ("elsewhere.rs", "edits 2"),
    ("rewritten.rs", "edits 3, reverted 1"),
    ("first.rs", "edits 1"),
    ("another.rs", "edits 1"),
    ("circling.rs", "edits 3, cycles 2"),
    ("passing.rs", "edits 2"),
    ("searching.rs", "edits 2"),
    ("one-file.rs", "edits 1"),
    ("other-file.rs", "edits 1, reads 3"),
    ("every-session.rs", "edits 3"),
    ("one-session.rs", "edits 4"),
];

#[test]
fn edits_are_counted_by_what_came_of_them() {
    let columns = ["edits", "errors", "errors_not_read", "errors_changed", "errors_not_found", "errors_not_unique", "reverted", "cycles"];
    let columns = [&columns[..], &["reads"]].concat();
    let of_file = |row: &Value| (base_name(text(row, "file")), told(row, &columns));
    assert_truth(rows("hotspots", "hotspots").iter().map(of_file).collect(), HOTSPOTS);
}

#[test]
fn files_of_many_sessions_come_before_files_of_many_edits() {
    let rows = rows("hotspots", "hotspots/sessions");
    let found =
        rows.iter().map(|row| format!("{}: {}", base_name(text(row, "file")), told(row, &["sessions", "days", "lines_added", "net"])));
    let wanted = ["every-session.rs: sessions 3, days 2, lines_added 3, net -3", "one-session.rs: sessions 1, days 1, lines_added 4"];
    assert_eq!(found.collect::<Vec<_>>(), wanted);
}

// Audit.

/// What each line of a story says: the command, file, address or pattern of a
/// call, or the text of a prompt, by the number of the line.
fn sayings(name: &str) -> Vec<(usize, String)> {
    let files = std::fs::read_dir(story(name)).unwrap().map(|entry| entry.unwrap().path());
    let transcript = files.into_iter().next().expect("a story has a transcript");
    let lines = std::fs::read_to_string(transcript).unwrap();
    let saying = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let content = &line["message"]["content"];
        let input = &content[0]["input"];
        let names = [&input["command"], &input["path"], &input["file_path"], &input["url"], &input["query"], content];
        names.iter().find_map(|name| name.as_str()).map(str::to_owned)
    };
    lines.lines().enumerate().filter_map(|(at, line)| Some((at + 1, saying(line)?))).collect()
}

/// Every call and prompt of a story with the events that are about it; the lines
/// that are the evidence tell which.
fn audited(name: &str, event: impl Fn(&Value) -> String) -> Vec<(String, String)> {
    let events = rows("audit", name);
    let line = |row: &Value| row["examples"][0].as_str().and_then(|place| place.rsplit(':').next()?.parse().ok());
    let of_line = |at: usize| events.iter().filter(|row| line(row) == Some(at)).map(&event).collect::<Vec<_>>().join(", ");
    sayings(name).into_iter().map(|(at, saying)| (saying, of_line(at))).collect()
}

/// The rule, the severity and what the event names.
fn matched(event: &Value) -> String {
    format!("{} {} {}", text(event, "rule"), text(event, "severity"), text(event, "target"))
}

/// As [`assert_truth`], for all calls of a story in their order.
fn assert_audited(name: &str, truth: &[Truth]) {
    let wanted: Vec<_> = truth.iter().map(|(what, told)| ((*what).to_owned(), (*told).to_owned())).collect();
    assert_same(&audited(name, matched)[1..], &wanted);
}

#[test]
fn reads_of_secrets_are_told_by_path_and_by_program() {
    let truth = [
        ("/work/app/.env", "secrets-read high /work/app/.env"),
        ("/work/app/.env.production", "secrets-read high /work/app/.env.production"),
        ("/work/app/tls/server.pem", "secrets-read high /work/app/tls/server.pem"),
        ("/work/app/tls/server.key", "secrets-read high /work/app/tls/server.key"),
        ("/work/app/store.p12", "secrets-read high /work/app/store.p12"),
        ("/work/app/store.pfx", "secrets-read high /work/app/store.pfx"),
        ("/home/ada/.ssh/id_rsa", "secrets-read high /home/ada/.ssh/id_rsa"),
        ("/home/ada/.ssh/id_ed25519.pub", "secrets-read low /home/ada/.ssh/id_ed25519.pub"),
        ("/home/ada/.netrc", "secrets-read high /home/ada/.netrc"),
        ("/work/app/.npmrc", "secrets-read medium /work/app/.npmrc"),
        ("/home/ada/.pypirc", "secrets-read high /home/ada/.pypirc"),
        ("/home/ada/.pgpass", "secrets-read high /home/ada/.pgpass"),
        ("/home/ada/.kube/config", "secrets-read high /home/ada/.kube/config"),
        ("/home/ada/.aws/credentials", "secrets-read high /home/ada/.aws/credentials"),
        ("/home/ada/.gnupg/pubring.kbx", "secrets-read high /home/ada/.gnupg/pubring.kbx"),
        ("/home/ada/.ssh/config", "secrets-read medium /home/ada/.ssh/config"),
        ("/work/app/.env.example", ""),
        ("/work/app/.env.sample", ""),
        ("/work/app/.env.template", ""),
        ("/work/app/.env.dist", ""),
        ("/work/app/src/env.rs", ""),
        ("/work/app/.envrc", ""),
        ("/work/app/src/credentials.ts", ""),
        ("/work/app/keys.md", ""),
        ("/work/app/src/key", ""),
        // Greps in a file and for its name.
        ("/work/app/.env", "secrets-read high /work/app/.env"),
        ("/work/app/src", ""),
        ("cat .env", "secrets-read high .env"),
        ("cd config && head -3 .env.local", "secrets-read high .env.local"),
        ("grep API_KEY .env", "secrets-read high .env"),
        ("set -a; . ./.env; set +a", "secrets-read high ./.env"),
        ("docker run --env-file .env app", "secrets-read high .env"),
        ("node app.js < ~/.ssh/id_ecdsa", "secrets-read high ~/.ssh/id_ecdsa"),
        ("cat ~/.ssh/id_rsa.pub", "secrets-read low ~/.ssh/id_rsa.pub"),
        ("cat .env.example", ""),
        ("ls -la .env", ""),
        ("test -f .env && echo there", ""),
        ("rm .env", ""),
        (r"grep -rn '\.env' src", ""),
        ("echo 'cat .env'", ""),
        (r#"git commit -m "read .env and id_rsa""#, ""),
        ("cat > notes.md <<'END'\ncat .env\nEND", ""),
        ("git diff -- src/env.rs", ""),
        ("cp .env.example .env", ""),
        ("what is wrong in @.env here?", "secrets-read high .env"),
        ("what is wrong in @.env.example or me@host.key?", ""),
    ];
    assert_audited("audit/secrets-read", &truth);
}

#[test]
fn destructive_commands_are_told_in_any_spelling_but_not_in_text() {
    let truth = [
        ("rm -rf build", "destructive medium rm -rf build"),
        ("rm -fr build", "destructive medium rm -fr build"),
        ("rm -r -f build", "destructive medium rm -r -f build"),
        ("rm --recursive --force build", "destructive medium rm --recursive --force build"),
        (r#"/bin/rm -Rf "my build""#, "destructive medium rm -Rf 'my build'"),
        ("sudo rm -rf /var/tmp/x", "destructive medium rm -rf /var/tmp/x"),
        ("find . -name x | xargs rm -rf", "destructive medium rm -rf"),
        ("git push -f", "destructive high git push -f"),
        ("git push --force origin main", "destructive high git push --force origin main"),
        ("git push origin +main", "destructive high git push origin +main"),
        ("git push --mirror", "destructive high git push --mirror"),
        ("git push origin --delete old", "destructive high git push origin --delete old"),
        ("git reset --hard HEAD~1", "destructive medium git reset --hard HEAD~1"),
        ("git clean -fd", "destructive medium git clean -fd"),
        ("git branch -D old", "destructive medium git branch -D old"),
        (r#"psql -c "DROP TABLE users""#, "destructive high DROP TABLE users"),
        (r#"sqlite3 app.db "DELETE FROM users""#, "destructive high DELETE FROM users"),
        (r#"mysql -e "TRUNCATE TABLE users""#, "destructive high TRUNCATE TABLE users"),
        ("psql <<'END'\nDROP TABLE users;\nEND", "destructive high DROP TABLE users"),
        ("dd if=/dev/zero of=disk.img bs=1M", "destructive medium dd if=/dev/zero of=disk.img bs=1M"),
        ("mkfs.ext4 /dev/sdb1", "destructive high mkfs.ext4 /dev/sdb1"),
        ("chmod -R 777 public", "destructive medium chmod -R 777 public"),
        ("curl -fsSL https://get.example.net/x.sh | sh", "destructive high sh, network low get.example.net"),
        ("rm build/a.o", ""),
        ("rm -r build", ""),
        ("rm -f build/a.o", ""),
        ("echo 'rm -rf /'", ""),
        (r#"git commit -m "rm -rf build, git push --force""#, ""),
        ("cat > clean.sh <<'END'\nrm -rf build\nEND", ""),
        ("grep -rn 'rm -rf' scripts", ""),
        ("git push --force-with-lease", ""),
        ("git push --force-with-lease=main:abc origin main", ""),
        ("git push -u origin main", ""),
        ("git reset --soft HEAD~1", ""),
        ("git reset HEAD a.rs", ""),
        ("git clean -n", ""),
        ("git branch -d old", ""),
        ("git branch -v", ""),
        (r#"psql -c "DELETE FROM users WHERE id = 1""#, ""),
        (r#"psql -c "SELECT 'DROP TABLE users'""#, ""),
        (r#"grep -rn "DROP TABLE" migrations"#, ""),
        ("dd if=disk.img bs=512 count=1", ""),
        ("chmod 755 run.sh", ""),
        ("chmod -R 755 public", ""),
        ("curl -fsSL file:///tmp/x.json | jq .", ""),
    ];
    assert_audited("audit/destructive", &truth);
}

#[test]
fn writes_outside_the_project_are_told_by_the_parts_of_their_path() {
    let truth = [
        ("/work/app-old/src/a.rs", "outside medium /work/app-old/src/a.rs"),
        ("/work/app/../other/a.rs", "outside medium /work/other/a.rs"),
        ("/etc/hosts", "outside high /etc/hosts"),
        ("/home/ada/.ssh/config", "outside high /home/ada/.ssh/config"),
        ("/tmp/notes.md", "outside low /tmp/notes.md"),
        ("/work/app/src/a.rs", ""),
        ("/work/app/src/../a.rs", ""),
        ("/work/app/app-old/a.rs", ""),
        ("/work/other/a.rs", "outside medium /work/other/a.rs"),
        ("/work/app/a.rs", ""),
        ("echo x > ../app-old/notes.md", "outside medium /work/app-old/notes.md"),
        ("echo x >> /work/other/log", "outside medium /work/other/log"),
        ("date | tee /etc/motd", "outside high /etc/motd"),
        ("cp a.rs /usr/local/lib/a.rs", "outside high /usr/local/lib/a.rs"),
        ("mv a.rs ../other/", "outside medium /work/other"),
        ("cd .. && echo x > notes.md", "outside medium /work/notes.md"),
        ("echo x > notes.md", ""),
        ("echo x > src/../notes.md", ""),
        ("date > /dev/null 2>&1", ""),
        ("cp ../other/a.rs src/", ""),
        ("cat < /etc/hosts", ""),
        ("echo 'x > /etc/hosts'", ""),
        ("cat > notes.md <<'END'\necho x > /etc/hosts\nEND", ""),
        (r#"test 3 -gt 2 && echo "a -> /etc/b""#, ""),
        (r#"git log --format="%h => /etc/x""#, ""),
    ];
    assert_audited("audit/outside", &truth);
}

#[test]
fn hosts_are_told_of_tools_and_programs_that_reach_them() {
    let truth = [
        ("https://Docs.Example.org:8443/a?b=c", "network low docs.example.org"),
        ("rust lexer", "network low web search"),
        ("curl -s https://api.example.org/v1", "network low api.example.org"),
        ("wget -q downloads.example.org/x.tar.gz", "network low downloads.example.org"),
        ("nc -z db.example.org 5432", "network low db.example.org"),
        ("scp a.rs ada@host.example.org:/srv/", "network low host.example.org"),
        ("rsync -a build/ ada@host.example.org:/srv/", "network low host.example.org"),
        ("ssh -p 22 ada@host.example.org uptime", "network low host.example.org"),
        ("curl -s localhost:3000/health", "network low localhost"),
        ("x=$(curl -s $URL)", "network low $URL"),
        ("curl --version", ""),
        ("echo curl https://api.example.org", ""),
        (r#"grep -rn "curl https://" ."#, ""),
        (r#"git commit -m "fetch https://api.example.org""#, ""),
        ("rsync -a build/ ../public/", ""),
        ("curl -s file:///tmp/a.json", ""),
        ("cat > fetch.sh <<'END'\ncurl https://api.example.org\nEND", ""),
        ("nc -l 8080", ""),
        ("ls curl/", ""),
    ];
    assert_audited("audit/network", &truth);
}

#[test]
fn an_event_says_what_became_of_the_call() {
    let truth = [
        ("Set the project up.", ""),
        ("rm -rf build-executed", "executed"),
        ("rm -rf build-in-the-background", "executed"),
        ("rm -rf build-failed", "failed"),
        ("rm -rf build-refused", "denied"),
        ("rm -rf build-blocked", "denied"),
        ("rm -rf build-hooked", "denied"),
        ("make", ""),
        ("rm -rf build-cancelled", "cancelled"),
        ("rm -rf build-interrupted", "interrupted"),
        ("rm -rf build-unanswered", "unknown"),
    ];
    assert_truth(audited("audit/outcomes", |row| text(row, "outcome").to_owned()), &truth);
}

// Prompts.

/// One prompt on each day from the third of November on; of what is no prompt,
/// only interruptions make a row.
const PROMPTS: &[Truth] = &[
    ("wtf is this", "prompts 1, negative 1"),
    ("This is a HORRIBLE idea", "prompts 1, negative 1"),
    ("you piece of junk", "prompts 1, negative 1"),
    ("what the hell happened here", "prompts 1, negative 1"),
    ("This sucks!", "prompts 1, negative 1"),
    ("damn it, again", "prompts 1, negative 1"),
    ("an assessment of the parser", "prompts 1"),
    ("add wtf_count to the report", "prompts 1"),
    ("the shitake recipe", "prompts 1"),
    ("fix the help, this is awfully slow", "prompts 1"),
    ("what the heck", "prompts 1"),
    ("continue", "prompts 1, keep_going 1"),
    ("Keep going.", "prompts 1, keep_going 1"),
    ("  go on  ", "prompts 1, keep_going 1"),
    ("continue the refactoring", "prompts 1"),
    ("go on with the tests", "prompts 1"),
    ("continue?", "prompts 1"),
    ("keep going until the tests pass", "prompts 1"),
    ("[Request interrupted by user]", "interrupted 1"),
    ("[Request interrupted by user for tool use]", "interrupted 1"),
    ("why was the [Request interrupted by user] shown?", "prompts 1"),
];

#[test]
fn signals_are_whole_words_and_whole_prompts() {
    let rows = rows("prompts", "prompts");
    assert_eq!(rows.len(), PROMPTS.len());
    for (row, (prompt, wanted)) in rows.iter().zip(PROMPTS) {
        assert_eq!(told(row, &["prompts", "negative", "keep_going", "interrupted"]), *wanted, "{prompt} on {}", row["day"]);
    }
}

// Context.

/// Stories of `context/`, one session each.
const CONTEXTS: &[Truth] = &[
    ("compaction-auto", "compactions 1, auto 1, tokens_before 130060"),
    ("compaction-manual", "compactions 2, auto 1, manual 1, tokens_before 99000"),
    ("compaction-summary-alone", "compactions 1"),
    ("no-compaction", ""),
    ("rebuild-after-a-pause", "cache_rebuilds 1, rebuilt_tokens 40000, pause 1"),
    ("pause-within-the-hour", ""),
    // The cache lives an hour, so ten minutes explain nothing.
    ("rebuild-within-the-hour", "cache_rebuilds 1, rebuilt_tokens 40000, unknown 1"),
    ("rebuild-of-another-model", "cache_rebuilds 1, rebuilt_tokens 40000, other_model 1"),
    ("rebuild-after-tools-changed", "cache_rebuilds 1, rebuilt_tokens 40000, tools_changed 1"),
    ("rebuild-unexplained", "cache_rebuilds 1, rebuilt_tokens 40000, unknown 1"),
    // Counted, but too small to be an event.
    ("rebuild-too-small", "rebuilt_tokens 1000"),
    ("largest-jump", ""),
];

#[test]
fn compactions_and_rebuilds_of_the_cache_have_their_reasons() {
    let columns = ["compactions", "auto", "manual", "tokens_before", "cache_rebuilds", "rebuilt_tokens"];
    let reasons = ["pause", "other_model", "tools_changed", "unknown"];
    let folders = std::fs::read_dir(story("context")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of_session = |name: String| {
        let row = rows("context", &format!("context/{name}")).remove(0);
        let parts = [told(&row, &columns), told(&row["rebuild_reasons"], &reasons)];
        (name, parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "))
    };
    assert_truth(folders.map(of_session).collect(), CONTEXTS);
}

#[test]
fn the_largest_jump_is_what_came_in_less_what_the_model_wrote() {
    let row = rows("context", "context/largest-jump").remove(0);
    assert_eq!(
        told(&row, &["largest_context", "largest_jump", "jump_cause"]),
        r#"largest_context 70610, largest_jump 29980, jump_cause "Bash""#
    );
}

// One story, told by four versions.

/// What versions differ in by their nature: exit codes, places, and what results
/// cost, which is measured only where the output of responses is final.
const BY_VERSION: [&str; 9] = [
    "session",
    "examples",
    "last_exit_code",
    "result_tokens",
    "result_cost",
    "result_basis",
    "redundant_tokens",
    "redundant_cost",
    "redundant_basis",
];

/// The rows that a version makes of the story, without what it cannot know.
fn of_version(report: &str, version: &str) -> Vec<Value> {
    let mut rows = rows(report, &format!("eras/{version}"));
    for row in &mut rows {
        let row = row.as_object_mut().expect("a row is an object");
        row.retain(|column, _| !BY_VERSION.contains(&column.as_str()));
        // The tool that starts subagents has another name since 2.1.78.
        row.values_mut().filter(|value| **value == "Task").for_each(|value| *value = "Agent".into());
    }
    rows
}

#[test]
fn every_version_tells_the_same_story() {
    for report in ["failures", "reads", "hotspots", "tools", "audit", "prompts"] {
        let newest = of_version(report, "2.1.220");
        assert!(!newest.is_empty(), "{report}");
        for version in ["1.0", "2.0", "2.1.50"] {
            assert_eq!(of_version(report, version), newest, "{report} of {version}");
        }
    }
}

#[test]
fn only_versions_without_exit_codes_lack_them() {
    let codes =
        |version: &str| rows("failures", &format!("eras/{version}")).iter().map(|row| row["last_exit_code"].as_u64()).collect::<Vec<_>>();
    // The last one timed out.
    let known = [Some(101), Some(2), Some(2), None];
    for (version, wanted) in [("1.0", [None; 4]), ("2.0", known), ("2.1.50", known), ("2.1.220", known)] {
        assert_eq!(codes(version), wanted, "{version}");
    }
}

#[test]
fn the_story_of_all_versions_is_this() {
    let tools = rows("tools", "eras/1.0");
    let of_tool = |row: &Value| (text(row, "tool").to_owned(), told(row, &OUTCOMES));
    let truth = [
        ("Bash", "ok 4, failed 4, denied 3, cancelled 1, interrupted 1, background 1, soft_nonzero 2"),
        ("Read", "ok 11"),
        ("Edit", "ok 2, tool_error 2"),
        ("Task", "ok 1"),
    ];
    assert_truth(tools.iter().map(of_tool).collect(), &truth);
    let of_file = |row: &Value| (base_name(text(row, "file")), told(row, &CLASSES));
    let truth = [
        ("lexer.rs", "first 1, redundant_exact 2, after_edit 1, after_compaction 1"),
        ("token.rs", "first 1, redundant_exact 2, other_agent 1"),
    ];
    assert_truth(rows("reads", "eras/1.0").iter().map(of_file).collect(), &truth);
}
