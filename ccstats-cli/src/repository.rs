//! Which repository a project belongs to, so that its worktrees can be summed.
//!
//! Git itself is asked first: the `.git` of the folder, where the folder is still
//! there. Most worktrees are gone when somebody looks; for those the transcript may
//! say where the session came from, else the usual layouts of worktrees do. Where
//! neither is sure, a project stays what it is.
//!
//! Paths come from transcripts. Only local, absolute ones are looked at, and
//! nothing but small regular files is read: a path to a pipe or to another machine
//! must not make the program wait.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// The repositories of some projects, by project; those that are their own
/// repository, or have none that is known, are not in it. `worktrees` are the
/// worktrees that transcripts name, with the folders their sessions came from.
pub(crate) fn repositories(projects: &[&str], worktrees: &[(&str, &str)]) -> HashMap<String, String> {
    let search = Search::new(projects, worktrees);
    let found = projects.iter().filter_map(|project| Some((project.to_string(), search.repository(project)?)));
    found.filter(|(project, repository)| project != repository).collect()
}

/// What is looked up for each project is found without a look at all others.
struct Search<'p> {
    projects: HashSet<&'p str>,
    /// By the last parts of their paths.
    named: HashMap<&'p str, Vec<&'p str>>,
    /// The first ones with their paths, with their numbers and the folders they came from.
    worktrees: HashMap<&'p str, (usize, &'p str)>,
    /// What was found for folders that worktrees share.
    called: RefCell<HashMap<String, String>>,
}

impl<'p> Search<'p> {
    fn new(projects: &[&'p str], worktrees: &[(&'p str, &'p str)]) -> Search<'p> {
        let projects: HashSet<&str> = projects.iter().copied().collect();
        let mut named: HashMap<&str, Vec<&str>> = HashMap::new();
        for project in &projects {
            if let Some(last) = parts(project).last() {
                named.entry(&project[last.start..last.end()]).or_default().push(project);
            }
        }
        let mut by_path = HashMap::new();
        for (number, (path, original)) in
            worktrees.iter().enumerate().filter(|(_, (path, original))| !path.is_empty() && !is_in(original, path))
        {
            by_path.entry(without_end(path)).or_insert((number, *original));
        }
        Search { projects, named, worktrees: by_path, called: RefCell::default() }
    }

    fn repository(&self, project: &str) -> Option<String> {
        on_disk(project).or_else(|| self.told(project)).or_else(|| self.by_layout(project))
    }

    /// What a transcript says about the worktree that a project is, or is in.
    fn told(&self, project: &str) -> Option<String> {
        let ends = project.match_indices(['/', '\\']).map(|(at, _)| at).chain([project.len()]);
        let (_, original) = ends.filter_map(|end| self.worktrees.get(&project[..end])).min()?;
        Some(on_disk(original).or_else(|| self.by_layout(original)).unwrap_or_else(|| original.to_string()))
    }

    /// What the places say where people and programs put worktrees.
    fn by_layout(&self, project: &str) -> Option<String> {
        let parts = parts(project);
        // The outermost layout: a worktree may lie inside of another.
        (1..parts.len()).find_map(|at| {
            let before = |parts_left: usize| &project[..parts[at - parts_left].end()];
            match parts[at].name {
                // `REPOSITORY/.claude/worktrees/NAME`
                "worktrees" if at >= 2 && at + 1 < parts.len() && parts[at - 1].name == ".claude" => sure(before(2)),
                // `REPOSITORY/.worktrees/NAME`
                ".worktrees" if at + 1 < parts.len() => sure(before(1)),
                // `~/.claude-worktrees/REPOSITORY/NAME`
                ".claude-worktrees" if at + 2 < parts.len() => Some(self.called(parts[at + 1].name, &project[..parts[at + 1].end()])),
                // `REPOSITORY/worktrees/NAME`, also beside a bare repository
                "worktrees" if at + 1 < parts.len() => sure(before(1)).filter(|repository| self.is_known(repository)),
                // `REPOSITORY-worktrees/NAME`
                name if at + 1 < parts.len() && name.ends_with("-worktrees") => {
                    let repository = &project[..parts[at].end() - "-worktrees".len()];
                    sure(repository).filter(|repository| self.is_known(repository))
                }
                _ => None,
            }
        })
    }

    /// The only other project with a name; else the folder that all its worktrees
    /// share.
    fn called(&self, name: &str, shared: &str) -> String {
        let find = || {
            let mut named = self.named.get(name).into_iter().flatten().filter(|project| !is_in(project, shared));
            match (named.next(), named.next()) {
                (Some(only), None) => only.to_string(),
                _ => shared.into(),
            }
        };
        self.called.borrow_mut().entry(shared.into()).or_insert_with(find).clone()
    }

    fn is_known(&self, repository: &str) -> bool {
        self.projects.contains(repository) || on_disk(repository).is_some()
    }
}

/// A part of a path.
struct Part<'p> {
    name: &'p str,
    start: usize,
}

impl Part<'_> {
    fn end(&self) -> usize {
        self.start + self.name.len()
    }
}

/// The parts of a path as its own system sees them: the transcript may come from
/// another one.
fn parts(path: &str) -> Vec<Part<'_>> {
    let is_windows = has_drive(path) || path.starts_with(r"\\");
    let is_separator = |letter: char| letter == '/' || is_windows && letter == '\\';
    let mut start = 0;
    let split = path.split(is_separator).map(|name| {
        let part = Part { name, start };
        start += name.len() + 1;
        part
    });
    split.filter(|part| !part.name.is_empty()).collect()
}

fn has_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic())
}

/// A folder that can be a repository: not the root, and not somebody's home, where
/// worktrees of all repositories may lie together.
fn sure(folder: &str) -> Option<String> {
    let mut names: Vec<&str> = parts(folder).iter().map(|part| part.name).collect();
    if has_drive(folder) {
        names.remove(0);
    }
    let is_home = match names[..] {
        [] | ["root"] => true,
        [above] | [above, _] => ["home", "Users", "users"].contains(&above),
        _ => false,
    };
    (!is_home).then(|| on_disk(folder).unwrap_or_else(|| folder.into()))
}

/// Whether a path is a folder or lies below it.
fn is_in(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(without_end(folder));
    !folder.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '\\']))
}

fn without_end(folder: &str) -> &str {
    folder.trim_end_matches(['/', '\\'])
}

/// The repository of a folder that is still there.
fn on_disk(folder: &str) -> Option<String> {
    let folder = Path::new(folder);
    let is_remote = folder.to_str().is_some_and(|path| path.starts_with("//") || path.starts_with(r"\\"));
    if !folder.is_absolute() || is_remote || !folder.is_dir() {
        return None;
    }
    let repository = folder.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        let kind = fs::metadata(&git).ok()?;
        if kind.is_dir() { git.join("HEAD").exists().then(|| folder.to_path_buf()) } else { Some(main_folder(folder, &git)) }
    })?;
    repository.into_os_string().into_string().ok()
}

/// The main folder of the repository that a worktree belongs to. A submodule, and a
/// folder whose `.git` only lies elsewhere, is a repository of its own.
fn main_folder(folder: &Path, git: &Path) -> PathBuf {
    let Some(private) = first_line(git).and_then(|line| Some(lexical(&folder.join(line.strip_prefix("gitdir:")?.trim())))) else {
        return folder.into();
    };
    // Git forgets a worktree that it did not find; the name of the place remains.
    let forgotten = || private.parent().filter(|above| above.ends_with(".git/worktrees")).and_then(Path::parent).map(Path::to_path_buf);
    let common = first_line(&private.join("commondir")).map(|line| lexical(&private.join(line))).or_else(forgotten);
    match common {
        Some(common) if common.file_name().is_some_and(|name| name == ".git") => common.parent().map_or(common.clone(), Path::to_path_buf),
        // A bare repository has no main folder but itself.
        Some(common) => common,
        None => folder.into(),
    }
}

fn first_line(file: &Path) -> Option<String> {
    const LONGEST: u64 = 4096;
    if !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    fs::File::open(file).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
    text.lines().next().map(|line| line.trim_end().to_string()).filter(|line| !line.is_empty())
}

/// A path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(project: &str, others: &[&str], worktrees: &[(&str, &str)]) -> Option<String> {
        repositories(&[&[project], others].concat(), worktrees).remove(project)
    }

    #[test]
    fn known_layouts_name_their_repository() {
        let table = [
            ("/gone/r/.claude/worktrees/a", "/gone/r"),
            ("/gone/r/.claude/worktrees/a/src/deep", "/gone/r"),
            ("/gone/r/.worktrees/a", "/gone/r"),
            ("/gone/r/.worktrees/a/.claude/worktrees/b", "/gone/r"),
            ("/home/me/.worktrees/r/.worktrees/a", "/home/me/.worktrees/r"),
            (r"C:\gone\r\.worktrees\a", r"C:\gone\r"),
            (r"C:\Users\me\r\.claude\worktrees\a", r"C:\Users\me\r"),
        ];
        for (project, repository) in table {
            assert_eq!(of(project, &[], &[]).as_deref(), Some(repository), "{project}");
        }
    }

    #[test]
    fn what_only_looks_like_a_worktree_stays_what_it_is() {
        let near = [
            "/gone/r",
            "/gone/r/.worktrees",
            "/gone/r/.claude/worktrees",
            "/gone/r/worktrees/a",
            "/gone/r-worktrees/a",
            "/home/me/.worktrees/a",
            "/Users/me/.claude/worktrees/a",
            r"C:\Users\me\.worktrees\a",
            "/.worktrees/a",
            "/root/.worktrees/a",
            r"/gone/r\.worktrees\a",
            "relative/.claude-worktrees/x",
            "",
        ];
        for project in near {
            assert_eq!(of(project, &[], &[]), None, "{project}");
        }
    }

    #[test]
    fn loose_layouts_need_a_project_beside_them() {
        assert_eq!(of("/gone/r-worktrees/a", &["/gone/r"], &[]).as_deref(), Some("/gone/r"));
        assert_eq!(of("/gone/r/worktrees/a/b", &["/gone/r"], &[]).as_deref(), Some("/gone/r"));
        assert_eq!(of("/gone/r-worktrees/a", &["/gone/s"], &[]), None);
    }

    #[test]
    fn worktrees_that_are_gathered_in_the_home_belong_to_the_only_project_of_their_name() {
        let worktree = r"C:\Users\me\.claude-worktrees\shop\busy-bee";
        assert_eq!(of(worktree, &[r"C:\code\shop"], &[]).as_deref(), Some(r"C:\code\shop"));
        let shared = r"C:\Users\me\.claude-worktrees\shop";
        assert_eq!(of(worktree, &[r"C:\code\shop", r"D:\shop"], &[]).as_deref(), Some(shared));
        assert_eq!(of(worktree, &[r"C:\Users\me\.claude-worktrees\shop\shop"], &[]).as_deref(), Some(shared));
    }

    #[test]
    fn a_transcript_tells_where_a_worktree_came_from() {
        let told = [("/gone/w/a", "/gone/r"), ("/gone/x/b", "/gone/r/.worktrees/a")];
        assert_eq!(of("/gone/w/a/src", &[], &told).as_deref(), Some("/gone/r"));
        assert_eq!(of("/gone/x/b", &[], &told).as_deref(), Some("/gone/r"));
        assert_eq!(of("/gone/w/ab", &[], &told), None);
        assert_eq!(of("/gone/w/a", &[], &[("/gone/w/a", "/gone/w/a/src")]), None);
    }

    #[test]
    fn of_several_worktrees_around_a_project_the_first_that_is_told_counts() {
        let told = [("", "/x"), ("/gone/w/", "/gone/w/b"), ("/gone/w/a/", "/gone/r"), ("/gone/w", "/gone/s"), ("/gone/w/a", "/gone/t")];
        assert_eq!(of("/gone/w/a/src", &[], &told).as_deref(), Some("/gone/r"));
        assert_eq!(of("/gone/w/b", &[], &told).as_deref(), Some("/gone/s"));
        assert_eq!(of("/gone/v", &[], &[("/", "relative")]).as_deref(), Some("relative"));
        assert_eq!(of("/gone/v", &[], &[("", "/gone/r")]), None);
    }

    #[test]
    fn many_worktrees_do_not_take_long() {
        let paths: Vec<String> = (0..20_000)
            .flat_map(|at| [format!("/x/.claude-worktrees/r{at}/n"), format!("/x/.claude-worktrees/n/{at}/n"), format!("/w/{at}")])
            .collect();
        let projects: Vec<&str> = paths.iter().map(String::as_str).collect();
        let told: Vec<(&str, &str)> = projects.iter().filter(|path| path.starts_with("/w")).map(|path| (*path, "/gone/r")).collect();
        let start = std::time::Instant::now();
        assert_eq!(repositories(&projects, &told).len(), projects.len());
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    }

    /// A repository with files as git writes them: paths below a folder, and texts.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a temporary folder");
        for (name, text) in files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            fs::write(path, text.replace("HOME", &home.path().to_string_lossy())).expect("a file");
        }
        home
    }

    fn on_disk_below(home: &tempfile::TempDir, folder: &str) -> Option<String> {
        fs::create_dir_all(home.path().join(folder)).expect("a folder");
        let found = on_disk(home.path().join(folder).to_str()?)?;
        Some(Path::new(&found).strip_prefix(home.path()).expect("inside").to_string_lossy().replace('\\', "/"))
    }

    #[test]
    fn git_is_asked_where_the_folder_is_still_there() {
        let home = tree(&[
            ("r/.git/HEAD", ""),
            ("r/.git/worktrees/a/commondir", "../..\n"),
            ("w/a/.git", "gitdir: HOME/r/.git/worktrees/a\n"),
            ("w/forgotten/.git", "gitdir: ../../r/.git/worktrees/forgotten\n"),
            ("r/.git/modules/sub/HEAD", ""),
            ("r/sub/.git", "gitdir: ../.git/modules/sub\n"),
            ("bare.git/worktrees/b/commondir", "../..\n"),
            ("w/b/.git", "gitdir: HOME/bare.git/worktrees/b\n"),
            ("w/odd/.git", "nothing that git wrote"),
            ("r/empty/.git/x", ""),
        ]);
        let table = [
            ("r", "r"),
            ("r/src/deep", "r"),
            ("w/a", "r"),
            ("w/a/src", "r"),
            ("w/forgotten", "r"),
            ("r/sub", "r/sub"),
            ("w/b", "bare.git"),
            ("w/odd", "w/odd"),
            ("r/empty", "r"),
        ];
        for (folder, repository) in table {
            assert_eq!(on_disk_below(&home, folder).as_deref(), Some(repository), "{folder}");
        }
    }

    #[test]
    fn git_knows_better_than_layouts() {
        let home = tree(&[("r/.git/HEAD", ""), ("r/.worktrees/own/.git/HEAD", "")]);
        assert_eq!(on_disk_below(&home, "r/.worktrees/own").as_deref(), Some("r/.worktrees/own"));
        let gone = home.path().join("r/sub/.worktrees/gone");
        fs::create_dir_all(home.path().join("r/sub")).expect("a folder");
        let repository = of(gone.to_str().expect("text"), &[], &[]);
        assert_eq!(repository.as_deref(), home.path().join("r").to_str());
    }

    #[test]
    fn relative_remote_and_missing_folders_are_not_looked_at() {
        for folder in ["", ".", "src", "//host/share/r", r"\\host\share\r", "/nowhere/at/all"] {
            assert_eq!(on_disk(folder), None, "{folder}");
        }
    }
}
