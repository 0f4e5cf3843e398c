//! What a command may have written, as short hashes of names.
//!
//! A command holds words that somebody typed, and a store keeps none of them. So what
//! it may have written is never a list of names, only one of their hashes: enough to
//! ask whether a file is among them. Of the 32 bits of a hash no long word can be told. Two
//! names in four billion share one by chance: a file is then thought to have changed.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::paths::{base_name, canonical, differs_on_windows, folders_above, way, ways_above};
use crate::shell;

/// What a command may have written, seen from any folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Writes<'m> {
    /// Any file below the folder it ran in.
    pub(crate) is_whole_tree: bool,
    /// Sorted, each once.
    pub(crate) marks: Cow<'m, [u32]>,
}

/// The ways in which a command can name a file. The numbers stand in stores.
#[derive(Clone, Copy)]
enum Name {
    /// The last part of its path.
    Base = 1,
    /// The whole path of a folder above it.
    Folder = 2,
    /// The way to such a folder from where the command ran.
    Way = 3,
    /// The last part of its path, as a word in a text.
    Word = 4,
    /// No way to name one: the command goes on in the background.
    Lasting = 5,
}

fn mark(name: Name, text: &str) -> u32 {
    xxh3_64_with_seed(text.as_bytes(), name as u64) as u32
}

fn lasting_mark() -> u32 {
    mark(Name::Lasting, "")
}

/// The way to a folder, by its steps up and the path from there.
fn way_mark((ups, path): (usize, &str)) -> u32 {
    xxh3_64_with_seed(path.as_bytes(), Name::Way as u64 | (ups as u64) << 8) as u32
}

impl Writes<'_> {
    /// Whether it goes on after the call: what it writes may come at any later time.
    pub(crate) fn is_lasting(&self) -> bool {
        self.marks.binary_search(&lasting_mark()).is_ok()
    }

    /// The hashes of what a command may write, as far as its text tells.
    pub(crate) fn of(written: &shell::WrittenFiles) -> Writes<'static> {
        /// Longer programs may write whatever they like.
        const MOST_MARKS: usize = 4096;
        let mut marks = Vec::new();
        let words = written.named.iter().filter(|text| !text.contains(char::is_whitespace));
        written.paths.iter().chain(words).for_each(|path| add_path(path, &mut marks));
        for text in &written.named {
            marks.extend(words_of(text).map(|word| mark(Name::Word, word)));
        }
        let is_long = marks.len() > MOST_MARKS;
        if is_long {
            marks.clear();
        }
        // Among the marks, as stores have no column for it.
        marks.extend(written.is_lasting.then(lasting_mark));
        marks.sort_unstable();
        marks.dedup();
        Writes { is_whole_tree: written.is_whole_tree || is_long, marks: marks.into() }
    }
}

/// What a path names: a file of that name, or a folder above one.
fn add_path(path: &str, marks: &mut Vec<u32>) {
    // `--body ''` names nothing; as a way it would lead to the folder itself.
    if path.is_empty() {
        return;
    }
    // On Windows some paths are others than elsewhere, and where the command ran is not known.
    let folders = if differs_on_windows(path) { &["/", r"C:\"][..] } else { &["/"] };
    for folder in folders {
        let base = match way(folder, path) {
            Some((ups, way)) => {
                marks.push(way_mark((ups, &way)));
                base_mark(&way)
            }
            None => {
                let place = canonical(folder, path);
                // Where no drive is named, a separator stays at the end.
                marks.push(mark(Name::Folder, place.trim_end_matches(['/', '\\'])));
                base_mark(&place)
            }
        };
        marks.extend(base);
    }
}

fn base_mark(path: &str) -> Option<u32> {
    let base = base_name(path);
    (!base.is_empty()).then(|| mark(Name::Base, base))
}

/// The words of a text that can be names of files, and what stands before each dot in
/// them: `data.rs` says `data.rs` and `data`, never `a.rs`.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let ends = |letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '-' | '.');
    let words = text.split(ends).filter(|word| !word.is_empty());
    words.flat_map(|word| stems(word).chain([word]))
}

/// What stands before each dot of a word.
fn stems(word: &str) -> impl Iterator<Item = &str> {
    word.match_indices('.').map(|(dot, _)| &word[..dot]).filter(|stem| !stem.is_empty())
}

/// A file, by all that a command can call it which ran in one folder.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// Sorted.
    marks: Vec<u32>,
}

impl Names {
    /// The names of a file, a canonical path, seen from a folder.
    pub(crate) fn new(file: &str, folder: &str) -> Names {
        /// Few files have more names.
        const USUAL_MARKS: usize = 32;
        let base = base_name(file);
        let mut marks = Vec::with_capacity(USUAL_MARKS);
        marks.push(mark(Name::Base, base));
        // Of a name with spaces or brackets its longest word must do.
        marks.extend(words_of(base).max_by_key(|word| word.len()).map(|word| mark(Name::Word, word)));
        marks.extend(folders_above(file).map(|folder| mark(Name::Folder, folder)));
        ways_above(folder, file, |ups, path| marks.push(way_mark((ups, path))));
        marks.sort_unstable();
        Names { marks }
    }

    /// To look up among the [marks](Writes::marks) of commands.
    pub(crate) fn marks(&self) -> &[u32] {
        &self.marks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::paths::is_above;

    fn are_in(names: &Names, writes: &Writes) -> bool {
        writes.is_whole_tree || names.marks().iter().any(|mark| writes.marks.contains(mark))
    }

    fn may_write(command: &str, file: &str) -> bool {
        are_in(&Names::new(file, "/w"), &Writes::of(&shell::parse(command).writes()))
    }

    #[test]
    fn a_command_changes_the_file_it_names_its_base_name_or_a_folder_above_it() {
        let file = "/w/src/a.rs";
        for command in [
            "echo x > src/a.rs",
            "cd src && echo x >> a.rs",
            "rm -r src",
            "rm -r /w",
            "rm -r ../w/src",
            "cp -r /x ./src/",
            "python gen.py src/a.rs",
            "cd $X && touch a.rs",
            "python - <<'E'\nopen('a.rs', 'w')\nE",
            "git checkout .",
            "cargo fmt",
            "python gen.py .",
        ] {
            assert!(may_write(command, file), "{command}");
        }
    }

    #[test]
    fn a_command_that_only_reads_or_writes_elsewhere_changes_nothing() {
        let file = "/w/src/a.rs";
        for command in [
            "cat src/a.rs",
            "grep x src/a.rs",
            "git diff src/a.rs",
            "echo x > src/data.rs",
            "rm -r srcs",
            "rm -r ../v/src",
            "python gen.py data.rs",
            "cargo build",
            "gh pr create --title x --body ''",
            "python gen.py --name \"\"",
            "ssh-keygen -N ''",
            "cd src && touch ''",
        ] {
            assert!(!may_write(command, file), "{command}");
        }
    }

    #[test]
    fn a_command_in_the_background_is_lasting_if_it_may_write() {
        let words: String = (0..5000).map(|word| format!("w{word} ")).collect();
        let long = format!("python - <<'E' &\n{words}\nE");
        let lasting = [
            "npm run dev > out.log 2>&1 &",
            "nohup ./gen.sh src/a > /tmp/l 2>&1 &",
            "(cd web && npm run dev &) && sleep 5",
            "sh -c './gen.sh a &'",
            "git pull &",
            &long,
            "(./gen.sh a &); wait",
            "(./gen.sh a &); sleep 5 & wait",
            "(./gen.sh a & ls) & wait",
            "./gen.sh a & ls && wait",
            "./gen.sh a & wait %2",
            "./gen.sh a & wait & ls",
            "wait; ./gen.sh a &",
        ];
        for command in lasting {
            assert!(Writes::of(&shell::parse(command).writes()).is_lasting(), "{command}");
        }
        for command in ["npm run dev > out.log 2>&1", "sleep 5 & cat a", "a > b && c", "ssh h 'x > y &'"] {
            assert!(!Writes::of(&shell::parse(command).writes()).is_lasting(), "{command}");
        }
    }

    #[test]
    fn a_command_that_is_waited_for_is_not_lasting() {
        for command in [
            "./gen.sh a & wait",
            "./gen.sh a & ./gen.sh b & sleep 5; (ls)\nwait; ls",
            "(cd web && npm i; npm run gen) & (cd api; npm i) & wait",
            "cd web && npm i || npm ci | tail & wait",
            "(./gen.sh a & wait) && ls",
            "sh -c './gen.sh a & wait'",
        ] {
            assert!(!Writes::of(&shell::parse(command).writes()).is_lasting(), "{command}");
        }
    }

    #[test]
    fn a_name_of_several_words_is_found_by_one_of_them() {
        assert!(may_write("python - <<'E'\nopen('x/[slug].tsx', 'w')\nE", "/w/x/[slug].tsx"));
        assert!(!may_write("python - <<'E'\nopen('x/page.tsx', 'w')\nE", "/w/x/[slug].tsx"));
    }

    #[test]
    fn very_long_programs_may_write_anything() {
        let words: String = (0..5000).map(|word| format!("w{word} ")).collect();
        assert!(may_write(&format!("python - <<'E'\n{words}\nE"), "/w/a"));
    }

    /// A folder, and paths as they are written where it is.
    fn places() -> impl Strategy<Value = (&'static str, String, String)> {
        let path = |starts: &'static [&'static str], separator: &'static str| {
            let part = prop_oneof![Just("a"), Just("b"), Just("c.rs"), Just("."), Just(".."), Just("")];
            let parts = prop::collection::vec(part, 1..4).prop_map(move |parts| parts.join(separator));
            (prop::sample::select(starts), parts).prop_map(|(start, parts)| start.to_owned() + &parts)
        };
        let unix = || path(&["", "", "/", "~/"], "/");
        let windows = || path(&["", "", r"C:\", "c:/", "/c/"], r"\");
        let name = |file: String, separator: &str| file + separator + "c.rs";
        prop_oneof![
            (prop::sample::select(&["/a/b/c", "/a"][..]), unix(), unix()).prop_map(move |(folder, word, file)| (
                folder,
                word,
                name(file, "/")
            )),
            (Just(r"C:\a\b\c"), windows(), windows()).prop_map(move |(folder, word, file)| (folder, word, name(file, r"\"))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, max_global_rejects: 20_000, ..ProptestConfig::with_cases(20_000) })]
        /// What the marks say of a path is what the paths themselves say.
        #[test]
        fn paths_are_known_by_their_marks((folder, word, file) in places()) {
            let (file, place) = (canonical(folder, &file), canonical(folder, &word));
            // Nothing is above the root, and the name of the folder that `..` leads to counts for nothing.
            let leads_up = way(folder, &word).is_some_and(|(ups, path)| ups > 0 && path.is_empty() || ups >= folder.matches(['/', '\\']).count());
            let is_drive = folder.starts_with('C') && place.len() <= 2;
            prop_assume!(!word.is_empty() && !leads_up && !is_drive);
            let wanted = is_above(&place, &file) || base_name(&place) == base_name(&file);
            let written = shell::WrittenFiles { paths: vec![word.clone()], ..Default::default() };
            let found = are_in(&Names::new(&file, folder), &Writes::of(&written));
            prop_assert!(found == wanted, "{word} is {place}, {file} from {folder}: {found}");
        }
    }
}
