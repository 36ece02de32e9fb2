//! The store: what the host keeps, behind a trait of reads, ordered scans and one atomic, durable commit.
//!
//! It promises an order of keys that equals the order of what they stand for (see `docs/formats.md`), records that
//! begin with a format byte, and an in-memory store that behaves like the real one. What is written when is the
//! host's business.
#![forbid(unsafe_code)]

pub mod instances;
pub mod keys;
mod memory;
pub mod reading;
pub mod records;
mod runs;
mod stored_fiber;
mod table;

pub use bureaucrat_model::ShardId;
pub use memory::MemoryStore;
pub use runs::Part;
pub use table::{
    EPOCH_KEY, Epoch, Group, Owner, Row, Store, StoreError, Table, Unit, Verdict, Write, next_epoch,
};
