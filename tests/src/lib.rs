//! What the tests share: conformance cases and their runners, the simulated world, the real engine as a process, real faults.

pub mod answering;
pub mod attacks;
pub mod conditions;
pub mod conformance;
pub mod engine;
pub mod faults;
pub mod guests;
pub mod operating;
pub mod polled;
pub mod queues;
pub mod raw_amqp;
pub mod simulation;
