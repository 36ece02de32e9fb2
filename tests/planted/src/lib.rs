//! The simulation over copies of engine, host and store in which faults can be planted. It is
//! itself a copy, so that a fault can be on its side of a trait, where production has other code.
#![forbid(unsafe_code)]

/// Linted where it was written, so no lint runs here.
#[allow(warnings, clippy::all)]
pub mod simulation {
    include!(concat!(env!("OUT_DIR"), "/copy/root.rs"));
}

/// For each copy, how many edits were applied, and which were not.
pub const COPIES: [(usize, &[&str]); 5] = [
    (bureaucrat_engine::APPLIED, bureaucrat_engine::NOT_APPLIED),
    (bureaucrat_host::APPLIED, bureaucrat_host::NOT_APPLIED),
    (bureaucrat_store::APPLIED, bureaucrat_store::NOT_APPLIED),
    (
        bureaucrat_broker_amqp::APPLIED,
        bureaucrat_broker_amqp::NOT_APPLIED,
    ),
    (simulation::APPLIED, simulation::NOT_APPLIED),
];
