//! The simulation over copies of engine, host and store that faults can be planted in. It is a copy itself, so that a fault
//! can stand on its side of a seam, where production has code of its own.
#![forbid(unsafe_code)]

/// Checked where it was written, so that no lint is asked here.
#[allow(warnings, clippy::all)]
pub mod simulation {
    include!(concat!(env!("OUT_DIR"), "/copy/root.rs"));
}

/// What each copy says of its edits: how many were made in it, and which were not.
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
