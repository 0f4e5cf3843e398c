//! What was generated, in the terms in which real transcripts were measured.
//!
//! Sizes are taken while writing, so the table costs no second pass and cannot
//! share a mistake with the reader that will be measured on the result.

/// A part of the bytes of a tree. Parts overlap: an original file is inside a
/// tool use result, which is inside a user line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Lines of type `user`.
    User,
    /// Lines of type `assistant`.
    Assistant,
    /// Lines of type `progress`.
    Progress,
    /// All other lines.
    Rest,
    /// Values of `toolUseResult`.
    ToolUseResult,
    /// Values of `originalFile`.
    OriginalFile,
    /// Blocks of type `tool_result`.
    ToolResult,
    /// Blocks of type `thinking`.
    Thinking,
    /// Pictures in base64.
    Image,
    /// Blocks of type `text` in assistant lines.
    Text,
}

/// Every part with its name and its share, in per cent, in real transcripts.
const PARTS: [(Part, &str, f64); 10] = [
    (Part::User, "user lines", 63.9),
    (Part::Assistant, "assistant lines", 22.1),
    (Part::Progress, "progress lines", 11.2),
    (Part::Rest, "all other lines", 2.9),
    (Part::ToolUseResult, "toolUseResult", 40.0),
    (Part::OriginalFile, "originalFile", 19.0),
    (Part::ToolResult, "tool_result blocks", 16.0),
    (Part::Thinking, "thinking blocks", 4.8),
    (Part::Image, "images", 4.5),
    (Part::Text, "assistant text", 1.4),
];

/// One row of the comparison with real transcripts.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// What is compared, with its unit.
    pub name: String,
    /// The figure of the generated tree.
    pub generated: f64,
    /// The figure of real transcripts.
    pub real: f64,
}

/// What `generate` wrote.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// Transcripts, subagents included.
    pub transcripts: u64,
    /// Transcripts of subagents.
    pub subagents: u64,
    /// Bytes of all transcripts.
    pub bytes: u64,
    /// Distinct message ids.
    pub messages: u64,
    /// Message ids that stand in a second transcript too.
    pub copied_messages: u64,
    /// Distinct tool calls.
    pub calls: u64,
    parts: [u64; PARTS.len()],
    line_bytes: Vec<u32>,
    transcript_bytes: Vec<u32>,
}

/// A moment of the writing.
#[derive(Clone)]
pub(super) struct Mark {
    parts: [u64; PARTS.len()],
    bytes: u64,
    messages: u64,
    lines: usize,
}

impl Generated {
    /// Lines of all transcripts.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.line_bytes.len() as u64
    }

    /// Bytes of one part.
    #[must_use]
    pub fn part(&self, part: Part) -> u64 {
        self.parts[part as usize]
    }

    /// Every figure beside the one of real transcripts.
    #[must_use]
    pub fn compare(&mut self) -> Vec<Comparison> {
        let per_cent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
        let share = |&(part, name, real): &(Part, &str, f64)| Comparison {
            name: format!("{name}, % of bytes"),
            generated: per_cent(self.part(part), self.bytes),
            real,
        };
        let mut rows: Vec<_> = PARTS.iter().map(share).collect();
        let copied = per_cent(self.copied_messages, self.messages);
        rows.push(row("ids in several files, %", copied, 3.8));
        let lines = [(500, 1071.0), (750, 1900.0), (900, 5700.0), (990, 46e3), (999, 149e3)];
        rows.extend(percentiles("line", &mut self.line_bytes, &lines));
        let transcripts = [(500, 191e3), (900, 2.4e6)];
        rows.extend(percentiles("transcript", &mut self.transcript_bytes, &transcripts));
        rows
    }

    pub(super) fn add_part(&mut self, part: Part, bytes: usize) {
        self.parts[part as usize] += bytes as u64;
    }

    pub(super) fn add_line(&mut self, kind: Part, bytes: usize) {
        self.add_part(kind, bytes);
        self.line_bytes.push(bytes as u32);
        self.bytes += bytes as u64;
    }

    /// The present state, as one end of what `add_copy` repeats.
    pub(super) fn mark(&self) -> Mark {
        Mark { parts: self.parts, bytes: self.bytes, messages: self.messages, lines: self.line_bytes.len() }
    }

    /// Adds once more what was written between two marks.
    pub(super) fn add_copy(&mut self, from: &Mark, to: &Mark) {
        for (part, (from, to)) in self.parts.iter_mut().zip(from.parts.iter().zip(to.parts)) {
            *part += to - from;
        }
        self.bytes += to.bytes - from.bytes;
        self.copied_messages += to.messages - from.messages;
        self.line_bytes.extend_from_within(from.lines..to.lines);
    }

    pub(super) fn add_transcript(&mut self, bytes: u64) {
        self.transcripts += 1;
        self.transcript_bytes.push(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}

fn row(name: &str, generated: f64, real: f64) -> Comparison {
    Comparison { name: name.to_owned(), generated, real }
}

/// Sizes at the places `(per mille, real size)` of the sorted list.
fn percentiles(name: &str, sizes: &mut [u32], places: &[(usize, f64)]) -> Vec<Comparison> {
    sizes.sort_unstable();
    let size = |per_mille| sizes.get(sizes.len() * per_mille / 1000).map_or(0.0, |&size| f64::from(size));
    let label = |per_mille| format!("{name} p{}, bytes", per_mille as f64 / 10.0);
    places.iter().map(|&(at, real)| row(&label(at), size(at), real)).collect()
}
