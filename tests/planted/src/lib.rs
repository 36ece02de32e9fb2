//! The simulation over a host that faults can be planted in: the same sources of both, compiled again.
#![forbid(unsafe_code)]

pub use bureaucrat_host::planted::{Fault, plant};

#[path = "../../src/simulation/mod.rs"]
pub mod simulation;
