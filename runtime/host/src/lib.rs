//! The host: shards that take what the broker delivers, run the engine, commit, and then act.
//!
//! It promises the order of things: nothing is acknowledged or published before it is durable, each input takes effect
//! once, and what leaves goes through the outbox. It is written against three traits, [`broker::Broker`],
//! `bureaucrat_store::Store` and [`clock::ClockSource`], so that the code that runs in production is the code that runs
//! under the simulator. AMQP, RocksDB and the system's clock are left to others.
#![forbid(unsafe_code)]

pub mod audit;
pub mod broker;
pub mod clock;
pub mod commands;
pub mod compute;
mod config;
pub mod damage;
pub mod definitions;
pub mod events;
mod fair;
mod host;
mod large;
pub mod modules;
mod opened;
mod outbox;
mod programs;
pub mod query;
pub mod questions;
mod restored;
pub mod router;
pub mod shard;
pub mod tenants;
mod timers;
mod transaction;

pub use config::{HostConfig, SHARDS_MAX};
pub use host::{Host, HostError};
pub use opened::Opened;
pub use restored::mark_restored;
