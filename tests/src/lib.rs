//! What the tests share: conformance cases and their runners, the simulation, the real engine as a
//! process, fault tests.

pub mod answering;
pub mod attacks;
pub mod audited;
pub mod conditions;
pub mod conformance;
pub mod counted;
pub mod database;
pub mod engine;
pub mod failing;
pub mod faults;
pub mod guests;
pub mod http;
pub mod modules;
pub mod operating;
pub mod polled;
pub mod population;
pub mod postgres;
pub mod queues;
pub mod raw_amqp;
pub mod scripts;
pub mod simulation;
pub mod strangers;
pub mod tls;
pub mod waiters;
