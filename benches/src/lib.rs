//! Trees of transcripts to measure on, and the measurements.

pub mod generate;
pub mod limit;
pub mod program;
pub mod timings;
