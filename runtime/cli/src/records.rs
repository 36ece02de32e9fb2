//! Where the records of an engine are: in a folder of its storage, or in a database.

use crate::configuration::Configuration;
use bureaucrat_store::{
    Epoch, Group, Row, Store, StoreError, Table, Verdict,
    figures::{MemoryUse, Spans},
};
use bureaucrat_store_postgres::{Opening, PATIENCE, PostgresStore};
use bureaucrat_store_rocksdb::{LostTail, RocksStore};
use std::{path::Path, sync::Arc, time::Duration};

/// How often it is looked whether another engine has taken the records.
const LOOK: Duration = Duration::from_secs(5);

/// The folder of the records, in the storage.
pub const STATE: &str = "state";

/// The records.
#[derive(Debug)]
pub enum Records {
    Folder(RocksStore),
    Database(PostgresStore),
}

impl Records {
    /// Opens those that are configured.
    ///
    /// # Errors
    /// If they can't be used.
    pub fn open(configuration: &Configuration) -> Result<Self, StoreError> {
        if let Some(address) = &configuration.store {
            let store = PostgresStore::open(address.clone(), PATIENCE, Opening::Engine)?;
            return Ok(Self::Database(store));
        }
        let state = configuration.storage.join(STATE);
        let memory = configuration.memory.store();
        let store = RocksStore::open_with(&state, LostTail::Refuse, memory)?;
        Ok(Self::Folder(store))
    }

    /// Waits until another engine has taken the records: an idle engine would not notice.
    pub async fn taken(self: Arc<Self>) -> StoreError {
        // A folder is locked as long as its engine lives.
        if matches!(*self, Self::Folder(_)) {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            let records = self.clone();
            let looked = tokio::task::spawn_blocking(move || match &*records {
                Self::Folder(_) => Ok(()),
                Self::Database(store) => store.check(),
            });
            if let Ok(Err(error)) = looked.await {
                return error;
            }
        }
    }

    /// Tables that the opening found damaged.
    pub fn damaged_tables(&self) -> &[Table] {
        match self {
            Self::Folder(store) => store.damaged_tables(),
            // A database looks after its own files.
            Self::Database(_) => &[],
        }
    }

    /// The memory that the store has in this process.
    pub fn memory(&self) -> MemoryUse {
        match self {
            Self::Folder(store) => store.memory(),
            // Its memory is the server's.
            Self::Database(_) => MemoryUse::default(),
        }
    }

    /// How long the part of a commit takes that makes it durable.
    pub const fn log(&self) -> &Spans {
        match self {
            Self::Folder(store) => store.log(),
            Self::Database(store) => store.log(),
        }
    }

    /// Writes the records of this moment into a new folder.
    ///
    /// # Errors
    /// Why that can't be done, for a person.
    pub fn checkpoint(&self, folder: &Path) -> Result<(), String> {
        match self {
            Self::Folder(store) => store.checkpoint(folder).map_err(|error| error.to_string()),
            Self::Database(_) => Err(
                "the records are in a database: back it up with what it has for that, such as \
                                      pg_dump or pg_basebackup (docs/postgresql.md)"
                    .to_owned(),
            ),
        }
    }

    const fn store(&self) -> &dyn Store {
        match self {
            Self::Folder(store) => store,
            Self::Database(store) => store,
        }
    }
}

impl Store for Records {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.store().scan(table, from, to, limit)
    }

    fn own(&self) -> Result<Epoch, StoreError> {
        self.store().own()
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.store().commit(group)
    }
}
