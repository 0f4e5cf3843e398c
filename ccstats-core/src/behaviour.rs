//! What Claude Code did: tools, repeated reads, failures, edits, risks, prompts, contexts.
//!
//! Each file answers one question over the facts of a dataset (`docs/behaviour.md`).
//! People act on these answers, so a row that cannot be proven is left out.

pub(crate) mod audit;
mod calls;
mod changes;
pub(crate) mod context;
pub(crate) mod cost;
pub(crate) mod epochs;
pub(crate) mod failures;
mod files;
pub(crate) mod hotspots;
mod outside;
mod patterns;
pub(crate) mod prompts;
pub(crate) mod reads;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod tools;

#[cfg(test)]
mod story;
