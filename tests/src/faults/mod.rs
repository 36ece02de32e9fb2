//! Fault tests: a load on the real engine over a real broker, what can be done to engine, broker,
//! disk and clock, and the audit at the end of every such test.
//!
//! The load is what a user would run: clients that publish again until they are confirmed,
//! participants that sometimes answer twice and lose their connections, and a listener. Its outcome
//! can be computed.

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
