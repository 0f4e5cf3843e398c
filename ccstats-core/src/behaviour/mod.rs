//! What Claude Code did: repeated reads, failures, edits, risks, moods, contexts.
//!
//! Each file answers one question over the facts of a dataset (`behaviour.md`).
//! People act on these answers, so a row that cannot be proven is left out.

pub(crate) mod context;
pub(crate) mod epochs;
pub(crate) mod prompts;
pub(crate) mod sessions;
