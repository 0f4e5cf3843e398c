//! Which `user` entries are prompts that a person typed.
//!
//! Most `user` entries are not: tool results, slash commands, notices, summaries
//! after compaction, prompts of subagents (`format.md` 11).

use crate::entry::{Block, Content, Entry};
use crate::outcome::trim_start;
use crate::rows::Cut;

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
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let whole = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    whole[..whole.floor_char_boundary(LONGEST)].as_bytes()
}

/// Words of frustration that Claude Code's own telemetry was reported to look
/// for. Several words stand next to each other: `damn. It` is no complaint.
const NEGATIVE: [&str; 34] = [
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
    "fuck broken",
    "fuck useless",
    "fuck terrible",
    "fuck awful",
    "fuck horrible",
    "fucking broken",
    "fucking useless",
    "fucking terrible",
    "fucking awful",
    "fucking horrible",
    "fuck you",
    "screw this",
    "screw you",
    "so frustrating",
    "this sucks",
    "damn it",
];

/// Whether a prompt holds a word of frustration, as whole words.
pub(crate) fn is_negative(text: &[u8]) -> bool {
    let text = in_one_line(text);
    NEGATIVE.iter().any(|phrase| stands_in(&text, phrase))
}

/// Whether a phrase stands in a text with no part of a word on either side. A
/// low line is part of a word, as in names: `wtf_count` says nothing.
fn stands_in(text: &str, phrase: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(phrase).any(|(at, _)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + phrase.len()..].chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Whether the whole prompt says only that Claude should go on.
pub(crate) fn is_keep_going(text: &[u8]) -> bool {
    const LONGEST: usize = 64;
    if text.trim_ascii().len() > LONGEST {
        return false;
    }
    matches!(in_one_line(text).trim_end_matches(['.', '!', '…', ' ']), "continue" | "keep going" | "go on")
}

/// A text in lower case, with one space between words.
fn in_one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
    fn words_of_frustration_count_as_whole_words_only() {
        let complaints = [
            "WTF?",
            "wth is this",
            "ffs, again",
            "omfg",
            "oh shit!",
            "a shitty test",
            "the shittiest test",
            "you dumbass",
            "horrible.",
            "(awful)",
            "piss off",
            "I am pissed off",
            "you are pissing off everyone",
            "piece of shit",
            "this piece of crap fails",
            "piece of junk",
            "what the fuck",
            "What  the\nhell",
            "it is fucking broken",
            "fuck useless",
            "fuck you",
            "screw this",
            "screw you",
            "so frustrating",
            "this sucks",
            "damn it!",
        ];
        for text in complaints {
            assert!(is_negative(text.as_bytes()), "{text}");
        }
        let near = [
            "",
            "shitake mushrooms",
            "shiitake",
            "hell",
            "hello, what then",
            "what the shell does",
            "awfully nice",
            "wtf_count += 1",
            "fucking great",
            "broken",
            "damn. It works",
            "damn its speed",
            "I like this. Sucks to be slow",
            "piece of code",
            "a screwdriver",
            "piss",
            "frustrating",
            "éffs",
        ];
        for text in near {
            assert!(!is_negative(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_an_editor_puts_before_a_prompt_is_not_typed() {
        let text = b"<ide_opened_file>The user opened wtf.rs</ide_opened_file>\n<ide_selection>x</ide_selection> continue";
        assert_eq!(own_words(text), b"continue");
        for text in ["<ide_selection> is a tag", "continue <ide_selection>x</ide_selection>", ""] {
            assert_eq!(own_words(text.as_bytes()), text.as_bytes());
        }
    }

    #[test]
    fn only_a_whole_prompt_says_go_on() {
        for text in ["continue", " Continue.\n", "keep going!", "KEEP  GOING", "go on", "go on …"] {
            assert!(is_keep_going(text.as_bytes()), "{text}");
        }
        for text in ["continue the refactoring", "let us go on", "go on with step 2", "please continue", "", "discontinue", "go on?"] {
            assert!(!is_keep_going(text.as_bytes()), "{text}");
        }
    }
}
