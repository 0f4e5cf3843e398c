//! Text that a store does not hold, read from the line where it stands.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::dedup::{self, Key};
use crate::entry::{Content, ContentBlock, Entry};
use crate::lines::entries;
use crate::outcome::ErrorText;
use crate::source::line_at;

/// The line that says what went wrong in a call that failed: its text, or where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ErrorLine {
    Text(String),
    At(ErrorPlace),
}

impl ErrorLine {
    /// The text. `None` where there is none, or the transcript is not what it was.
    pub(crate) fn read(&self) -> Option<String> {
        let line = match self {
            ErrorLine::Text(line) => Some(line.clone()),
            ErrorLine::At(place) => place.read(),
        };
        line.filter(|line| !line.is_empty())
    }
}

/// The line of a transcript that holds the result of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ErrorPlace {
    pub(crate) transcript: PathBuf,
    pub(crate) offset: u64,
    pub(crate) call: Key,
    /// The session of the call.
    pub(crate) session: Vec<u8>,
}

impl ErrorPlace {
    fn read(&self) -> Option<String> {
        let line = line_at(&self.transcript, self.offset).ok()?;
        let mut entries = entries(&line).filter_map(|line| line.ok());
        entries.find_map(|(_, entry)| error_in(&entry, self.call, &self.session))
    }
}

fn error_in(entry: &Entry, call: Key, session: &[u8]) -> Option<String> {
    let entry = entry.agent_progress.as_deref().unwrap_or(entry);
    let Content::Blocks(blocks) = &entry.message.as_ref()?.content else { return None };
    blocks.iter().find_map(|block| match block {
        ContentBlock::ToolResult(result) if result.is_error && dedup::call_key(result.tool_use_id, session) == Some(call) => {
            Some(ErrorText::of(&result.body.decode()).error_line)
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
            let offset = row.error_byte?.get() - 1;
            ErrorPlace { transcript: transcript.path.clone(), offset, call: row.key, session: b"s".to_vec() }.read()
        };
        let wanted = |row: &ResultRow| dataset.symbols().name(row.error_line).into_owned();
        let rows = dataset.facts().results.rows();
        assert_eq!(rows.len(), 5);
        for row in rows {
            assert_eq!(found(row).unwrap_or_default(), wanted(row));
        }
    }
}
