//! Conformance: cases as data, played against the pure engine and against the running binary.
//!
//! A case is a file in `tests/conformance`: a definition and a script of what participants do and
//! what must happen (`README.md` there has the grammar). [`script::play`] runs a script on a
//! [`script::Stage`]: [`pure::Pure`] is the engine with the wire's codecs around it and virtual
//! time, [`broker`] is the binary over RabbitMQ. A case must hold on both, in both dialects unless
//! the file names one.

pub mod broker;
pub mod calls;
pub mod case;
mod matching;
pub mod modifying;
mod participant;
mod parts;
pub mod pure;
pub mod script;

pub use case::{Action, Case, CaseError, load};
pub use pure::{observe_pure, places, run_pure};
pub use script::Trace;
