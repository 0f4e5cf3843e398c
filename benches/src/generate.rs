//! Generates trees of transcripts that look like real ones, of any size.
//!
//! Speed can only be measured on data with the right shape: most bytes of a
//! real tree lie in tool results that no count needs, and a few lines are a
//! thousand times longer than the median. Real trees are private and small, so
//! this module copies their measured proportions instead. Compare with
//! [`Generated::compare`].
//!
//! The same shape gives the same bytes, on every machine. Lines are never
//! broken here: damage is the business of `testdata/traps`.

mod calls;
mod commands;
mod era;
mod measure;
mod random;
mod session;
mod text;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use memchr::memmem;

use self::era::Era;
use self::measure::Mark;
pub use self::measure::{Comparison, Generated, Part};
use self::random::Random;
use self::session::{Identity, Session, Shared, Spawned};
use self::text::Text;

/// What to generate.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Other seeds give other trees of the same proportions.
    pub seed: u64,
    /// Size of the whole tree. Reached, and passed by a few lines.
    pub bytes: u64,
    /// `None`: sizes as in real trees, with subagents in files of their own and
    /// copies of resumed sessions. `Some`: exactly so many main transcripts,
    /// the largest thirty times the smallest, and nothing else.
    pub files: Option<u32>,
}

/// Sessions up to this size are kept for a later copy.
const COPIED_BYTES: usize = 1_500_000;
/// A transcript is written out in pieces of about this size.
const PIECE_BYTES: usize = 4 << 20;

/// An earlier session, for a resumed copy of it.
struct Earlier {
    identity: Identity,
    end: u64,
    bytes: Vec<u8>,
    marks: [Mark; 2],
}

/// Writes a tree of transcripts below `dir/projects`.
///
/// Overwrites files of the same name and leaves all others.
///
/// # Errors
///
/// When a folder or a file cannot be written.
pub fn generate(dir: &Path, shape: &Shape) -> io::Result<Generated> {
    let mut random = Random::new(shape.seed);
    let text = Text::new(&mut random);
    let mut tree = Tree { text, shared: Shared { random, generated: Generated::default() }, projects: dir.join("projects"), earlier: None };
    match shape.files {
        Some(files) => tree.fixed(shape.bytes, files)?,
        None => tree.natural(shape.bytes)?,
    }
    Ok(tree.shared.generated)
}

/// A tree that is being written.
struct Tree {
    text: Text,
    shared: Shared,
    projects: PathBuf,
    earlier: Option<Earlier>,
}

impl Tree {
    /// Sessions of natural sizes until the tree is large enough.
    fn natural(&mut self, bytes: u64) -> io::Result<()> {
        while self.shared.generated.bytes < bytes {
            let random = &mut self.shared.random;
            let left = bytes - self.shared.generated.bytes;
            let size = (random.size(320_000.0, 1.9) as u64).clamp(1000, 4_200_000);
            let copies = random.happens(125);
            let spawned = self.session(size.min(left), copies)?;
            for (parent, agent) in spawned {
                self.subagent(&parent, agent)?;
            }
        }
        Ok(())
    }

    /// A given number of transcripts that share the bytes by lot.
    fn fixed(&mut self, bytes: u64, files: u32) -> io::Result<()> {
        let lots: Vec<_> = (0..files).map(|_| 1 + self.shared.random.below(30)).collect();
        let mut lots_left: u64 = lots.iter().sum();
        for lot in lots {
            // Of what is left, as every transcript ends a little late.
            let left = bytes.saturating_sub(self.shared.generated.bytes);
            self.session((u128::from(left) * u128::from(lot) / u128::from(lots_left)) as u64, false)?;
            lots_left -= lot;
        }
        Ok(())
    }

    /// Writes a main transcript; the subagents it started still lack theirs.
    fn session(&mut self, size: u64, resumes: bool) -> io::Result<Vec<(Identity, Spawned)>> {
        let (identity, mut file) = self.begin(resumes)?;
        let before = self.shared.generated.mark();
        let mut session = Session::new(&mut self.shared, &self.text, identity);
        let whole = write(&mut session, &mut file, size)?;
        let Session { identity, spawned, out, now, .. } = session;
        self.shared.generated.add_transcript(file.metadata()?.len());
        if whole && out.len() <= COPIED_BYTES {
            let marks = [before, self.shared.generated.mark()];
            self.earlier = Some(Earlier { identity: identity.clone(), end: now, bytes: out, marks });
        }
        Ok(spawned.into_iter().map(|spawned| (identity.clone(), spawned)).collect())
    }

    /// Opens a main transcript, with a copy of an earlier one in it or none.
    fn begin(&mut self, resumes: bool) -> io::Result<(Identity, File)> {
        let mut identity = self.identity();
        let earlier = self.earlier.take_if(|_| resumes);
        if let Some(earlier) = &earlier {
            identity.cwd.clone_from(&earlier.identity.cwd);
            identity.start = identity.start.max(earlier.end);
        }
        let name = format!("{}.jsonl", identity.session);
        let mut file = create(&self.folder(&identity).join(name))?;
        if let Some(earlier) = &earlier {
            self.copy(earlier, &identity, &mut file)?;
        }
        Ok((identity, file))
    }

    fn identity(&mut self) -> Identity {
        let random = &mut self.shared.random;
        let era = Era::any(random);
        let cwd = format!("/home/dev/work/project-{}", random.below(24) * random.below(24) / 24);
        Identity { session: text::uuid(random), era, cwd, start: era.start(random), agent: None }
    }

    fn folder(&self, identity: &Identity) -> PathBuf {
        self.projects.join(identity.cwd.replace('/', "-"))
    }

    /// Begins a transcript with the lines of an earlier session under its own
    /// session id, as a fork does.
    fn copy(&mut self, earlier: &Earlier, identity: &Identity, file: &mut File) -> io::Result<()> {
        let (old, new) = (earlier.identity.session.as_bytes(), identity.session.as_bytes());
        let mut bytes = earlier.bytes.clone();
        for place in memmem::find_iter(&earlier.bytes, old) {
            bytes[place..place + new.len()].copy_from_slice(new);
        }
        let [from, to] = &earlier.marks;
        self.shared.generated.add_copy(from, to);
        file.write_all(&bytes)
    }

    fn subagent(&mut self, parent: &Identity, spawned: Spawned) -> io::Result<()> {
        let name = format!("agent-{}", spawned.agent);
        let folder = self.folder(parent);
        let folder = if parent.era.nested_agents { folder.join(&parent.session).join("subagents") } else { folder };
        let mut file = create(&folder.join(format!("{name}.jsonl")))?;
        if parent.era.nested_agents {
            let meta = "{\"agentType\":\"Explore\",\"description\":\"Look around\"}";
            fs::write(folder.join(format!("{name}.meta.json")), meta)?;
        }
        let size = self.shared.random.size(60_000.0, 1.0) as u64;
        let identity = Identity { agent: Some(spawned.agent), start: spawned.start, ..parent.clone() };
        write(&mut Session::new(&mut self.shared, &self.text, identity), &mut file, size)?;
        self.shared.generated.subagents += 1;
        self.shared.generated.add_transcript(file.metadata()?.len());
        Ok(())
    }
}

/// Writes turns until the transcript has `size` bytes. Whether all of them
/// still stand in `session.out`.
fn write(session: &mut Session, file: &mut File, size: u64) -> io::Result<bool> {
    let mut written = 0;
    loop {
        session.turn(usize::try_from(size - written).unwrap_or(usize::MAX));
        let enough = written + session.out.len() as u64 >= size;
        if enough || session.out.len() >= PIECE_BYTES {
            file.write_all(&session.out)?;
        }
        if enough {
            return Ok(written == 0);
        }
        if session.out.len() >= PIECE_BYTES {
            written += session.out.len() as u64;
            session.out.clear();
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;

    /// Every line of one generated transcript of a megabyte.
    fn transcript(name: &str) -> (Generated, Vec<Value>) {
        let dir = std::env::temp_dir().join(format!("ccstats-{name}-{}", std::process::id()));
        let shape = Shape { seed: 7, bytes: 1_000_000, files: Some(1) };
        let generated = generate(&dir, &shape).expect("the tree can be written and read");
        let folder = fs::read_dir(dir.join("projects"))
            .expect("the tree can be written and read")
            .next()
            .expect("the tree can be written and read")
            .expect("the tree can be written and read")
            .path();
        let file = fs::read_dir(folder)
            .expect("the tree can be written and read")
            .next()
            .expect("the tree can be written and read")
            .expect("the tree can be written and read")
            .path();
        let lines = fs::read_to_string(file).expect("the tree can be written and read");
        fs::remove_dir_all(dir).expect("the tree can be written and read");
        (generated, lines.lines().map(|line| serde_json::from_str(line).expect("the tree can be written and read")).collect())
    }

    #[test]
    fn figures_are_those_of_the_lines() {
        let (generated, lines) = transcript("figures");
        let id = |line: &Value| {
            let inner = &line["data"]["message"]["message"]["id"];
            line["message"]["id"].as_str().or(inner.as_str()).map(str::to_owned)
        };
        let ids: HashSet<_> = lines.iter().filter_map(id).collect();
        assert_eq!(generated.lines(), lines.len() as u64);
        assert_eq!(generated.messages, ids.len() as u64);
        assert!((1_000_000..1_300_000).contains(&generated.bytes));
    }

    #[test]
    fn same_shape_gives_the_same_lines() {
        assert_eq!(transcript("one").1, transcript("other").1);
    }
}
