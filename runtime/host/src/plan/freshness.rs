//! What is deployed, as other engines see it: one engine decides about it, and the others look whether it has.
//!
//! Each commit that changes deployed definitions or modules leaves a number in the store. An engine that only uses them
//! compares it before it resolves a name: so what was confirmed to its deployer is there for every launch that comes later.

use super::{Planner, transaction::Transaction};
use crate::{catalog::Catalog, module_catalog::ModuleCatalog, sharing::Sharing};
use bureaucrat_store::{Store, StoreError, Table, Write, records};

/// The key of the number in the table of meta records.
pub(crate) const DEPLOYED: &[u8] = b"deployed";

/// The number that was seen last.
#[derive(Debug, Default)]
pub(crate) struct Freshness(Option<u64>);

impl Freshness {
    /// What is read from now on is as new as what is stored now.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn of(store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self(records::read(store, Table::Meta, DEPLOYED)?))
    }
}

impl Planner {
    /// Reads what is deployed again, if another engine has changed it.
    pub(crate) fn look_for_deployments(&mut self) -> Result<(), StoreError> {
        if self.shared.config.sharing.has_common() {
            return Ok(());
        }
        let store = self.shared.store.clone();
        let damages = self.shared.damages.clone();
        let Freshness(present) = Freshness::of(&*store)?;
        if present == self.freshness.0 {
            return Ok(());
        }
        self.catalog = Catalog::open(&*store, &damages)?.catalog;
        let names = self.shared.definitions.names();
        self.modules = ModuleCatalog::open(&*store, &damages, names)?;
        self.freshness = Freshness(present);
        Ok(())
    }

    /// Leaves another number if a transaction changes what is deployed.
    pub(super) fn tell_of_deployments(
        &self,
        transaction: &mut Transaction,
    ) -> Result<(), StoreError> {
        if self.shared.config.sharing == Sharing::Alone || !transaction.deploys() {
            return Ok(());
        }
        let number = records::encode(&self.shared.draw())?;
        transaction.put(Table::Meta, DEPLOYED.to_vec(), number);
        Ok(())
    }
}

impl Transaction {
    fn deploys(&self) -> bool {
        self.writes.iter().any(|write| {
            let (Write::Put { table, .. } | Write::Delete { table, .. }) = write;
            matches!(
                table,
                Table::Definitions | Table::ModuleNames | Table::ModuleRecords
            )
        })
    }
}
