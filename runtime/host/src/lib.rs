//! The host: takes what the broker delivers, runs the engine, commits, and then acts. Data flows
//! through the folders in this order: `intake`, `plan`, `commit`, `act`; `driver` connects them.
//! `open` starts them, `operate` answers operators.
//!
//! It guarantees the order of things: nothing is acknowledged or published before it is durable,
//! each input takes effect once, and everything is sent through the outbox. It depends on three
//! traits, [`broker::Broker`], `bureaucrat_store::Store` and [`clock::ClockSource`], so that
//! production code runs unchanged in the simulator. It leaves AMQP, RocksDB and the system's clock
//! to others.
#![forbid(unsafe_code)]

mod act;
pub mod broker;
pub mod catalog;
pub mod clock;
pub mod commit;
pub mod compute;
mod config;
pub mod damage;
pub mod definitions;
mod driver;
mod error;
mod fair;
mod host;
mod intake;
mod marks;
pub mod meters;
pub mod module_catalog;
mod open;
mod operate;
mod plan;
mod programs;
mod shared;
mod sharing;
pub mod tenants;

pub use act::standing::{Held, Standing, TimersDue};
pub use config::{CeleryEvents, Committing, HostConfig};
pub use driver::{Driver, Progress};
pub use error::HostError;
pub use host::Host;
pub use intake::{forwarded, router, waiting};
pub use open::{Opened, mark_restored};
pub use operate::{
    asking, audit, audit_log, backlog, bulk, commands, copying, definitions as deployed, facts,
    formats, handing_in, incidents, letters, modules, query, questions,
};
pub use plan::{decided, events, kept, schedules};
pub use shared::Shared;
pub use sharing::{Share, Sharing};
