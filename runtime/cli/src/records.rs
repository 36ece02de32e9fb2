//! Where the records of an engine are: in a folder of its storage, or in a database.

use crate::{arguments::StoreSharing, configuration::Configuration, files};
use bureaucrat_broker_amqp::Exclusion;
use bureaucrat_store::{
    Epoch, Group, Hex, Row, ShardGroups, Store, StoreError, Table, Verdict,
    figures::{MemoryUse, Spans},
    format::Formats,
};
use bureaucrat_store_postgres::{
    Change, Holder, Lease, Opening, PATIENCE, PostgresStore, Waiting, Wish,
};
use bureaucrat_store_rocksdb::{LostTail, RocksStore};
use std::{path::Path, sync::Arc, time::Duration};

/// What tells this engine from others in the storage.
const ENGINE_ID: &str = "engine.id";
/// So many bytes of it are enough to tell engines apart.
const ID_BYTES: usize = 6;

/// How long a database may say nothing before this is said of it.
const SILENCE: Duration = Duration::from_secs(3);

/// The folder of the records, in the storage.
pub const STATE: &str = "state";

/// The records.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of them in a process"
)]
#[derive(Debug)]
pub enum Records {
    Folder(RocksStore),
    Database(PostgresStore),
}

impl Records {
    /// Opens those that are configured. While another engine has them, `waiting` says whether to wait on; only a database
    /// can be another engine's and become ours.
    ///
    /// # Errors
    /// If they can't be used.
    pub fn open(configuration: &Configuration, waiting: Waiting<'_>) -> anyhow::Result<Self> {
        if let Some(address) = &configuration.store {
            let holder = Holder {
                name: name(&configuration.storage)?,
                term: configuration.store_lease,
                formats: Formats::OURS,
                queues: configuration.meeting_place(),
            };
            let wish = match configuration.store_sharing {
                StoreSharing::On => Wish::Share,
                StoreSharing::Off => Wish::All,
            };
            let opening = Opening::Engine(holder, wish);
            let store = PostgresStore::open(address.clone(), PATIENCE, opening, waiting)?;
            return Ok(Self::Database(store));
        }
        let state = configuration.storage.join(STATE);
        let memory = configuration.memory.store();
        let store = RocksStore::open_with(&state, LostTail::Refuse, memory)?;
        Ok(Self::Folder(store))
    }

    /// The groups of shards that are this engine's.
    pub const fn groups(&self) -> ShardGroups {
        match self {
            Self::Folder(_) => ShardGroups::ALL,
            Self::Database(store) => store.groups(),
        }
    }

    /// Waits until the groups of shards have to be others: an idle engine would not notice.
    pub async fn changed(self: Arc<Self>) -> Change {
        let waiting = tokio::task::spawn_blocking(move || {
            let Self::Database(store) = &*self else {
                // A folder is locked as long as its engine lives.
                return None;
            };
            store.lease().and_then(Lease::changed)
        });
        match waiting.await {
            Ok(Some(change)) => change,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Who makes sure that one engine consumes.
    pub const fn exclusion(&self) -> Exclusion {
        match self {
            Self::Folder(_) => Exclusion::Broker,
            Self::Database(_) => Exclusion::Store,
        }
    }

    /// Whether what is durable may be sent: no other engine can have taken the records.
    pub fn may_publish(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Database(store) => store.lease().is_none_or(Lease::holds),
        }
    }

    /// Why nothing that is new counts, if it is so: without asking the database.
    pub fn stalled(&self) -> Option<String> {
        let Self::Database(store) = self else {
            return None;
        };
        if let Some(waited) = store.uncommitted().filter(|waited| *waited >= SILENCE) {
            return Some(format!(
                "a commit has waited for {} seconds: the database is away, or its standby does not confirm",
                waited.as_secs()
            ));
        }
        (!self.may_publish()).then(|| {
            "the lease of the records is over and cannot be renewed: the database or its standby is away, or another \
             engine has taken the records"
                .to_owned()
        })
    }

    /// Why they cannot be read, if it is so: without asking the database.
    pub fn unreadable(&self) -> Option<String> {
        let Self::Database(store) = self else {
            return None;
        };
        let waited = store.unanswered().filter(|waited| *waited >= SILENCE)?;
        Some(format!(
            "the database has not answered for {} seconds; the engine waits for it",
            waited.as_secs()
        ))
    }

    /// They are opened again: leases are kept, and nothing waits for a change of them any more.
    pub fn retire(&self) {
        if let Self::Database(store) = self
            && let Some(lease) = store.lease()
        {
            lease.end();
        }
    }

    /// Leaves them to the next engine, after the last commit.
    pub fn release(&self) {
        if let Self::Database(store) = self
            && let Some(lease) = store.lease()
        {
            lease.release();
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

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.store().own(groups)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.store().commit(group)
    }

    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.store().commit_whole(group)
    }
}

/// What other engines see of this one: its machine, and an id of its storage.
fn name(storage: &Path) -> anyhow::Result<String> {
    let id = files::secret(&storage.join(ENGINE_ID))?;
    let id = Hex(id.get(..ID_BYTES).unwrap_or_default());
    let host = nix::unistd::gethostname().unwrap_or_default();
    Ok(format!("{}/{id}", host.to_string_lossy()))
}
