//! Which `user` entries are prompts that a person typed.
//!
//! Most `user` entries are not: tool results, slash commands, notices, summaries
//! after compaction, prompts of subagents (`docs/format.md` 11).

use crate::entry::{Content, ContentBlock, Entry};
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

/// What a person typed, without what an editor put before it.
pub(crate) fn own_words(text: &[u8]) -> &[u8] {
    const BEFORE: [(&[u8], &[u8]); 3] = [
        (b"<ide_opened_file>", b"</ide_opened_file>"),
        (b"<ide_selection>", b"</ide_selection>"),
        (b"<system-reminder>", b"</system-reminder>"),
    ];
    let mut rest = trim_start(text);
    while let Some((_, close)) = BEFORE.iter().find(|(open, _)| rest.starts_with(open)) {
        let Some(at) = memchr::memmem::find(rest, close) else { break };
        rest = trim_start(&rest[at + close.len()..]);
    }
    rest
}

/// The first line of a prompt, cut short: what a session is called without a title.
pub(crate) fn title(text: &[u8]) -> &[u8] {
    const LONGEST: usize = 120;
    let text = trim_start(text);
    let line = text[..text.len().min(2 * LONGEST)].split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let whole = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    &whole.as_bytes()[..whole.floor_char_boundary(LONGEST)]
}

/// Words of frustration that Claude Code's own telemetry was reported to look
/// for. Several words stand next to each other: `damn. It` is no complaint.
const NEGATIVE: [&[&str]; 34] = [
    &["wtf"],
    &["wth"],
    &["ffs"],
    &["omfg"],
    &["shit"],
    &["shitty"],
    &["shittiest"],
    &["dumbass"],
    &["horrible"],
    &["awful"],
    &["piss", "off"],
    &["pissed", "off"],
    &["pissing", "off"],
    &["piece", "of", "shit"],
    &["piece", "of", "crap"],
    &["piece", "of", "junk"],
    &["what", "the", "fuck"],
    &["what", "the", "hell"],
    &["fuck", "broken"],
    &["fuck", "useless"],
    &["fuck", "terrible"],
    &["fuck", "awful"],
    &["fuck", "horrible"],
    &["fucking", "broken"],
    &["fucking", "useless"],
    &["fucking", "terrible"],
    &["fucking", "awful"],
    &["fucking", "horrible"],
    &["fuck", "you"],
    &["screw", "this"],
    &["screw", "you"],
    &["so", "frustrating"],
    &["this", "sucks"],
    &["damn", "it"],
];

/// Whether a prompt holds a word of frustration, as whole words.
pub(crate) fn is_negative(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(start) = rest.iter().position(|byte| is_letter(*byte)) {
        rest = &rest[start..];
        let word = &rest[..word_length(rest)];
        // Few words begin like one of the list: most are passed over by length and letter.
        let known =
            NEGATIVE.iter().filter(|phrase| phrase[0].len() == word.len() && phrase[0].as_bytes()[0] == word[0].to_ascii_lowercase());
        if known.into_iter().any(|phrase| starts_with_words(rest, phrase)) {
            return true;
        }
        rest = &rest[word.len()..];
    }
    false
}

/// What a word is made of: letters and digits of any script, and the low line,
/// as in names: `wtf_count` says nothing.
fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn word_length(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_letter(**byte)).count()
}

fn starts_with_words(text: &[u8], words: &[&str]) -> bool {
    let mut rest = text;
    words.iter().all(|expected| {
        let gap = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let (word, after) = rest[gap..].split_at(word_length(&rest[gap..]));
        rest = after;
        word.eq_ignore_ascii_case(expected.as_bytes())
    })
}

/// Files with secrets that a prompt mentions: `@.env`, `@"my keys/a.pem"`.
pub(crate) fn mentioned_secrets(text: &[u8]) -> Vec<String> {
    memchr::memchr_iter(b'@', text).filter_map(|at| mention(text, at)).filter(|path| shell::secret_path(path).is_some()).collect()
}

/// The path behind an `@` that starts a word; an address has it inside.
fn mention(text: &[u8], at: usize) -> Option<String> {
    const LONGEST_PATH: usize = 512;
    if text[..at].last().is_some_and(|before| !before.is_ascii_whitespace() && !matches!(before, b'(' | b'[' | b'"' | b'\'' | b'`')) {
        return None;
    }
    let rest = &text[at + 1..];
    // Nobody types a longer one, and what never ends would be read again for each `@` in it.
    let rest = &rest[..rest.len().min(LONGEST_PATH)];
    let path = match rest.strip_prefix(b"\"") {
        Some(quoted) => quoted.split(|byte| matches!(byte, b'"' | b'\n')).next()?,
        None => rest.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b')' | b']' | b',' | b';')).next()?,
    };
    Some(String::from_utf8_lossy(path).trim_end_matches(['.', ':', '!', '?']).to_owned())
}

/// Whether the whole prompt says only that Claude should go on.
pub(crate) fn is_keep_going(text: &[u8]) -> bool {
    const LONGEST: usize = 64;
    if text.trim_ascii().len() > LONGEST {
        return false;
    }
    let text = String::from_utf8_lossy(text).to_lowercase();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    matches!(text.trim_end_matches(['.', '!', '…', ' ']), "continue" | "keep going" | "go on")
}

/// The start of the text of a message; see [`Text::head`].
pub(crate) fn head(content: &Content) -> Vec<u8> {
    match content {
        Content::Text(text) => text.head().into_owned(),
        _ => self::text(content),
    }
}

/// The text of a message: of a list, the texts of its blocks in a row.
pub(crate) fn text(content: &Content) -> Vec<u8> {
    match content {
        Content::None => Vec::new(),
        Content::Text(text) => text.decode().into_owned(),
        Content::Blocks(blocks) => {
            let mut joined = Vec::new();
            for block in blocks {
                if let ContentBlock::Text(text) = block {
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

    #[test]
    fn mentions_that_do_not_end_cost_no_more_than_their_text() {
        let text = "(@".repeat(1 << 17);
        assert_eq!(mentioned_secrets(text.as_bytes()), [""; 0]);
    }
}
