//! The store: what the host keeps, behind a trait of reads, ordered scans and one atomic, durable
//! commit.
//!
//! It promises that keys sort like the values that they encode (see `docs/formats.md`), that
//! records begin with a format byte, and that the in-memory store behaves like the real one. The
//! host decides what is written and when.
#![forbid(unsafe_code)]

pub mod attributes;
pub mod figures;
pub mod format;
pub mod histories;
pub mod holds;
mod indexes;
pub mod instances;
pub mod keys;
mod memory;
pub mod neighbours;
mod owners;
pub mod reading;
pub mod records;
mod runs;
mod stored_fiber;
mod table;

pub use bureaucrat_model::{Hex, ShardGroup, ShardGroups, ShardId, lock, unpoisoned};
pub use memory::MemoryStore;
pub use owners::{EPOCH_KEY, Owners, next_epoch, owner_key, owner_of};
pub use runs::Part;
pub use table::{Epoch, Group, Owner, Row, Store, StoreError, Table, Unit, Verdict, Write};
