//! Text that a store does not hold, read from the line where it stands.

use crate::dedup::{self, Key};
use crate::discover::Transcript;
use crate::entry::{Content, ContentBlock, Entry};
use crate::lines::entries;
use crate::outcome::ErrorText;
use crate::source::line_at;

/// The last line of the error that a call of a session ended with. `None` where the
/// transcript is gone, or is not what it was.
pub(crate) fn error_line(transcript: &Transcript, offset: u64, call: Key, session: &[u8]) -> Option<String> {
    if transcript.is_gone {
        return None;
    }
    let line = line_at(&transcript.path, offset).ok()?;
    let mut entries = entries(&line).filter_map(|line| line.ok());
    entries.find_map(|(_, entry)| error_in(&entry, call, session))
}

fn error_in(entry: &Entry, call: Key, session: &[u8]) -> Option<String> {
    let entry = entry.agent_progress.as_deref().unwrap_or(entry);
    let Content::Blocks(blocks) = &entry.message.as_ref()?.content else { return None };
    blocks.iter().find_map(|block| match block {
        ContentBlock::ToolResult(result) if result.is_error && dedup::call_key(result.tool_use_id, session) == Some(call) => {
            Some(ErrorText::of(&result.body.decode()).last_line)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::ResultRow;
    use crate::testing::{home, load};

    fn result(uuid: &str, id: &str, text: &str) -> String {
        format!(
            r#"{{"type":"user","uuid":"{uuid}","sessionId":"s","message":{{"content":[{{"type":"tool_result","tool_use_id":"{id}","is_error":true,"content":"{text}"}}]}}}}"#
        )
    }

    #[test]
    fn the_error_of_a_call_is_found_on_its_line() {
        let wrapped = result("w", "toolu_3", "Exit code 3\\nwrapped");
        let lines = [
            result("a", "toolu_1", "Exit code 1\\nfirst"),
            result("b", "gateway", "Exit code 2\\nsecond\\n"),
            format!(r#"{{"type":"progress","sessionId":"s","data":{{"type":"agent_progress","agentId":"x","message":{wrapped}}}}}"#),
            format!("{}{}", result("c", "toolu_4", "Exit code 4"), result("d", "toolu_5", "Exit code 5\\nglued")),
        ];
        let folder = home(&[("p/s.jsonl", &lines)]);
        let dataset = load(folder.path());
        let found = |row: &ResultRow| {
            let (transcript, _) = dataset.locate(row.order.place);
            error_line(transcript, row.error_byte?.get() - 1, row.key, b"s")
        };
        let wanted = |row: &ResultRow| dataset.symbols().name(row.error_line).into_owned();
        let rows = dataset.facts().results.rows();
        assert_eq!(rows.len(), 5);
        for row in rows {
            assert_eq!(found(row).unwrap_or_default(), wanted(row));
        }
    }
}
