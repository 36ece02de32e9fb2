//! The simulation over a host that faults can be planted in: the same sources of both, compiled again.
#![forbid(unsafe_code)]

#[path = "../../src/simulation/mod.rs"]
pub mod simulation;
