//! `store`: copies an engine's records elsewhere, and brings them to another format.

mod copy;
mod migrate;
mod place;
mod reopen;

use crate::{
    Exit,
    arguments::{Options, Store},
};

pub fn run(options: &Options, store: &Store) -> anyhow::Result<Exit> {
    match store {
        Store::Copy(copy) => copy::run(options, copy),
        Store::Migrate(migrate) => migrate::run(options, migrate),
        Store::Reopen(reopen) => reopen::run(options, reopen),
    }
}
