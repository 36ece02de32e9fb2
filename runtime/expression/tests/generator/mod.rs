//! Expressions to compare: every operator on every pair of types, every function and method on
//! every type, and random trees on random fields.
//!
//! Deterministic: the same seed produces the same cases. Trees are drawn for a wanted type, and
//! sometimes for another, so that faults occur but do not dominate.

mod dated;
mod dates;
mod draw;
mod fields;
mod forms;
mod pairs;
mod samples;
mod scalars;
mod trees;

pub use dates::texts;
pub use pairs::{every_pair, floats};
pub use trees::{random, templates, with_dates};
