//! Real faults: a load on the real engine over a real broker, what can be done to engine, broker, disk and clock, and the
//! audit that every such test ends with.
//!
//! The load is what a user would run: clients that publish again until they are confirmed, participants that answer twice
//! now and then and lose their connections, somebody who listens. What is to come of it can be computed.

mod asked;
mod audit;
mod load;
mod preload;
mod rabbit;

pub use asked::{asked, rounds, row, seed};
pub use audit::audit;
pub use load::{Load, PARTICIPANTS, Plan, Tally};
pub use preload::{Fault, Preload};
pub use rabbit::Rabbit;
