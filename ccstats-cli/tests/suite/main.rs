//! Everything that is said about the program from the outside.
//!
//! One test binary, because linking the program's libraries once per file
//! would cost more than all tests together.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

mod behaviour;
mod blocks;
mod budget;
mod contrib;
mod filters;
mod generator;
mod golden;
mod hook;
mod hostile;
mod invariants;
mod oracle;
mod reference;
mod statusline;
mod store;
mod support;
mod tidy;
mod traps;
