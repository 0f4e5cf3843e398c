//! Which `user` entries are prompts that a person typed.
//!
//! Most `user` entries are not: tool results, slash commands, notices, summaries
//! after compaction, prompts of subagents (`format.md` 11).

use crate::entry::{Block, Content, Entry};
use crate::outcome::trim_start;
use crate::rows::Cut;
use crate::shell;

/// How text starts that Claude Code wrote into a `user` entry.
const NOT_TYPED: [&[u8]; 9] = [
    b"<command-",
    b"<local-command",
    b"<task-notification",
    b"<bash-",
    b"<teammate-message",
    b"<system-reminder",
    b"Caveat: The messages below",
    b"[Request interrupted",
    b"This session is being continued from a previous conversation",
];

/// Whether a person typed this `user` entry, which holds no tool result.
pub(crate) fn is_typed(entry: &Entry, content: &Content, text: &[u8]) -> bool {
    let is_marked = entry.is_meta
        || entry.is_sidechain
        || entry.is_compact_summary
        || entry.is_visible_in_transcript_only
        || entry.has_other_origin
        || entry.has_other_turn_origin;
    let has_content = match content {
        Content::None => false,
        Content::Text(text) => !text.is_empty(),
        Content::Blocks(blocks) => !blocks.is_empty(),
    };
    if is_marked || !has_content {
        return false;
    }
    let text = trim_start(text);
    !NOT_TYPED.iter().any(|start| text.starts_with(start))
}

/// What a `user` entry that nobody typed says about the conversation.
pub(crate) fn cut(entry: &Entry, text: &[u8]) -> Option<Cut> {
    let text = trim_start(text);
    if entry.is_compact_summary || text.starts_with(b"This session is being continued from a previous conversation") {
        Some(Cut::CompactSummary)
    } else if text.starts_with(b"[Request interrupted") {
        Some(Cut::Interruption)
    } else {
        memchr::memmem::find(text, b"<command-name>/clear</command-name>").map(|_| Cut::Clear)
    }
}

/// The first line of a prompt, cut short: what a session is called without a title.
pub(crate) fn title(text: &[u8]) -> &[u8] {
    const LONGEST: usize = 120;
    let line = trim_start(text).split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let whole = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    whole[..whole.floor_char_boundary(LONGEST)].as_bytes()
}

/// Words of frustration that Claude Code's own telemetry was reported to look
/// for; several words stand next to each other.
const NEGATIVE: [&str; 24] = [
    "wtf",
    "wth",
    "ffs",
    "omfg",
    "shit",
    "shitty",
    "shittiest",
    "dumbass",
    "horrible",
    "awful",
    "piss off",
    "pissed off",
    "pissing off",
    "piece of shit",
    "piece of crap",
    "piece of junk",
    "what the fuck",
    "what the hell",
    "fuck you",
    "screw this",
    "screw you",
    "so frustrating",
    "this sucks",
    "damn it",
];

/// What follows `fuck` and `fucking` in a complaint.
const BROKEN: [&str; 5] = ["broken", "useless", "terrible", "awful", "horrible"];

/// Whether a prompt holds a word of frustration, as whole words.
pub(crate) fn is_negative(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (0..words.len()).any(|at| complains(&words[at..]))
}

fn complains(words: &[&str]) -> bool {
    if matches!(words[0], "fuck" | "fucking") && words.get(1).is_some_and(|next| BROKEN.contains(next)) {
        return true;
    }
    NEGATIVE.iter().any(|phrase| {
        let mut expected = phrase.split(' ');
        words.len() >= phrase.split(' ').count() && expected.by_ref().zip(words).all(|(expected, word)| expected == *word)
    })
}

/// Files with secrets that a prompt mentions: `@.env`, `@"my keys/a.pem"`.
pub(crate) fn mentioned_secrets(text: &[u8]) -> Vec<String> {
    memchr::memchr_iter(b'@', text).filter_map(|at| mention(text, at)).filter(|path| shell::secret_path(path).is_some()).collect()
}

/// The path behind an `@` that starts a word; an address has it inside.
fn mention(text: &[u8], at: usize) -> Option<String> {
    if text[..at].last().is_some_and(|before| !before.is_ascii_whitespace() && !matches!(before, b'(' | b'[' | b'"' | b'\'' | b'`')) {
        return None;
    }
    let rest = &text[at + 1..];
    let path = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| matches!(byte, b'"' | b'\n')).next()?,
        None => rest.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b')' | b']' | b',' | b';')).next()?,
    };
    Some(String::from_utf8_lossy(path).trim_end_matches(['.', ':', '!', '?']).to_owned())
}

/// Whether the whole prompt says only that Claude should go on.
pub(crate) fn is_keep_going(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    let text = text.trim().trim_end_matches(['.', '!', '…']);
    matches!(text, "continue" | "keep going" | "go on")
}

/// The text of a message: of a list, the texts of its blocks in a row.
pub(crate) fn text(content: &Content) -> Vec<u8> {
    match content {
        Content::None => Vec::new(),
        Content::Text(text) => text.decode().into_owned(),
        Content::Blocks(blocks) => {
            let mut joined = Vec::new();
            for block in blocks {
                if let Block::Text(text) = block {
                    joined.extend_from_slice(&text.decode());
                }
            }
            joined
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_with_secrets_behind_an_at_are_mentioned() {
        let mentioned = |text: &str| mentioned_secrets(text.as_bytes());
        assert_eq!(mentioned("look at @.env and (@a/server.pem), @\"my keys/id_rsa\"."), [".env", "a/server.pem", "my keys/id_rsa"]);
        assert_eq!(mentioned("what is in @.env.local?"), [".env.local"]);
        for text in ["", "@", "me@host.key", "@src/main.rs", ".env", "@.env.example", "git@host:.env"] {
            assert_eq!(mentioned(text), [""; 0], "{text}");
        }
    }
}
