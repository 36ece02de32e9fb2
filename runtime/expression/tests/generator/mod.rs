//! Expressions to compare: every operator over every pair of kinds, every function and method over every kind, and random
//! trees over random fields.
//!
//! Deterministic: the same seed gives the same cases. Trees are drawn for a wanted kind, and now and then for another, so
//! that faults occur but do not drown everything.

mod draw;
mod fields;
mod forms;
mod pairs;
mod samples;
mod scalars;
mod trees;

pub use pairs::{every_pair, floats};
pub use trees::random;
