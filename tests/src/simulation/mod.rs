//! The simulation: the host's own code with a virtual clock, a broker, a disk and people determined
//! by a seed, and with every kind of trouble between any two steps. One seed is one run, always the
//! same. Everything is checked against a model at each commit, publish and acknowledgement, and at
//! the end.

mod audit;
mod audit_log;
mod away;
mod broker;
mod bulk;
mod clock;
mod config;
mod connecting;
mod content;
mod decided;
mod definition_text;
mod definitions;
mod deploying;
mod disk;
mod disk_log;
mod engine;
mod events;
mod facts;
mod histories;
mod hostile;
mod inbox;
mod initiators;
mod jobs;
mod keeping;
mod kept;
mod late;
mod left;
mod link;
mod modules;
mod operators;
mod outcomes;
mod participants;
mod people;
mod plan;
mod played;
mod publishing;
mod random;
mod replaced;
mod report;
mod rival;
mod scheduled;
mod services;
mod settling;
mod shared;
mod sharing;
mod trouble;
mod withdrawn;
mod world;
mod writes;

pub use broker::{DEAD, Message, NOTICES, SOURCES, Sent, SimulatedBroker};
pub use clock::SimulatedClock;
pub use content::{COMPRESSED, Content, LaunchFacts};
pub use definitions::{Definition, Expected};
pub use disk::Disk;
pub use engine::Engine;
pub use facts::Facts;
pub use link::Link;
pub use plan::{Plan, Trouble};
pub use random::Random;
pub use report::{Report, binary, run, sandbox, sweep, told};
pub use world::{Failure, Tracing, World};
