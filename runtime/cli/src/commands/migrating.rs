//! `migrate`: has a process of the running engine continue as another version of its definition.

use super::ordered;
use crate::{
    Exit,
    arguments::{Migrate, Options},
};
use bureaucrat_host::commands::{Migration, Order};

/// Orders the migration, and prints the outcome.
pub fn run(options: &Options, migrate: &Migrate) -> anyhow::Result<Exit> {
    let order = Order::Migrate(Migration {
        to: migrate.to.clone(),
        dry_run: migrate.dry_run,
        reason: migrate.reason.clone(),
    });
    let done = format!("migrated to {}", migrate.to);
    ordered::run(options, &migrate.target, order, &done)
}
