//! Broken and hostile input: what `docs/reliability.md` promises, seen from outside.
//!
//! The number before each test is that of the threat there.

mod lines;
mod output;
mod streams;
mod trees;
