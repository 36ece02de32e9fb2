//! The simulation: the host's own code over a virtual clock, a broker and a store in memory, with power cuts between
//! any two steps, lost connections, repeated and reordered messages. One seed is one run, the same each time.

mod broker;
mod clock;
mod random;
mod store;
mod world;

pub use broker::{Message, SimulatedBroker};
pub use clock::SimulatedClock;
pub use random::Random;
pub use store::{CrashingStore, PowerCut};
pub use world::{Report, World};
