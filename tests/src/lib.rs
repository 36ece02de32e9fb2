//! The test harness (laid out, to be filled in).

pub mod conformance;
pub mod engine;
pub mod simulation;
