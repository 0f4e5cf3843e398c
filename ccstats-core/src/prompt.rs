//! Which `user` entries are prompts that a person typed.
//!
//! Most `user` entries are not: tool results, slash commands, notices, summaries
//! after compaction, prompts of subagents (`format.md` 11).

use crate::entry::{Block, Content, Entry};
use crate::outcome::trim_start;

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
pub(crate) fn is_typed(entry: &Entry, content: &Content) -> bool {
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
    let text = text(content);
    let text = trim_start(&text);
    !NOT_TYPED.iter().any(|start| text.starts_with(start))
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
