//! A place of records, as it is named on the command line: a storage folder, or a database.

use crate::{
    failure::{Failure, Kind},
    password,
    records::{Records, STATE},
};
use bureaucrat_store::{StoreError, format::Formats, holds::Access};
use bureaucrat_store_postgres::{
    Address, AddressError, Obstacle, Opening, PATIENCE, PostgresStore,
};
use bureaucrat_store_rocksdb::{LostTail, RocksStore, StoreMemory};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a database may be away when a command begins: somebody waits for it.
const FIRST: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub enum Place {
    /// The storage, whose folder `state` has the records.
    Folder(PathBuf),
    Database(Box<Address>),
}

impl Place {
    /// Reads an argument. The password of the configured database counts for the same one without a password.
    ///
    /// # Errors
    /// If it names no place, or a password where everybody sees it.
    pub fn read(
        argument: &str,
        text: &str,
        password_file: Option<&Path>,
        configured: Option<&Address>,
    ) -> Result<Self, Failure> {
        let unfit = |reason: String| Failure::new(Kind::Usage, format!("{argument}: {reason}"));
        if !text.contains("://") {
            if text.is_empty() {
                return Err(unfit("it names no folder".into()));
            }
            if password_file.is_some() {
                return Err(unfit("a folder has no password".into()));
            }
            let path = Path::new(text);
            // It may not be there yet.
            let absolute = path.canonicalize().or_else(|_| std::path::absolute(path));
            let absolute = absolute.map_err(|error| unfit(error.to_string()))?;
            return Ok(Self::Folder(absolute));
        }
        let address: Address = text
            .parse()
            .map_err(|error: AddressError| unfit(error.to_string()))?;
        if address.has_password() {
            let reason = "every user of this machine can see a password on the command line; put it into a file, \
                          and name that with an option";
            return Err(unfit(reason.into()));
        }
        if let Some(file) = password_file {
            let password = password::in_file(file)
                .map_err(|error| unfit(format!("cannot read {}: {error}", file.display())))?;
            let address = address.with_password(&password);
            return Ok(Self::Database(Box::new(address)));
        }
        let same = configured.filter(|configured| configured.to_string() == address.to_string());
        let address = same.cloned().unwrap_or(address);
        Ok(Self::Database(Box::new(address)))
    }

    /// Its name, without a password.
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Database(address) => address.to_string(),
        }
    }

    /// What `store` or `storage` must be set to for an engine there.
    pub fn setting(&self) -> String {
        match self {
            Self::Folder(folder) => format!("`storage` = {}, without `store`", folder.display()),
            Self::Database(address) => format!("`store` at {address}"),
        }
    }

    /// Opens records that are there.
    ///
    /// # Errors
    /// If there are none, or they can't be used.
    pub fn open(&self, access: Access) -> Result<Records, Failure> {
        if let Self::Folder(folder) = self
            && !folder.join(STATE).join("CURRENT").exists()
        {
            let words = format!("there is no storage in {}", folder.display());
            return Err(Failure::new(Kind::Unreadable, words));
        }
        let opening = match access {
            Access::Use | Access::Check => Opening::Check,
            Access::Upkeep => Opening::Upkeep,
        };
        self.open_for(access, opening)
    }

    /// Opens records while engines work.
    ///
    /// # Errors
    /// If that is not possible, or there are none.
    pub fn open_beside(&self) -> Result<Records, Failure> {
        match self {
            Self::Folder(_) => {
                let words = "--online is for records in a database, which several engines share; stop the engine of a folder";
                Err(Failure::new(Kind::Usage, words))
            }
            Self::Database(_) => self.open_for(Access::Use, Opening::Beside(Formats::OURS)),
        }
    }

    /// The same as [`Self::open`], and makes what is not there.
    ///
    /// # Errors
    /// If it can't be used.
    pub fn make(&self) -> Result<Records, Failure> {
        self.open_for(Access::Use, Opening::Filling)
    }

    fn open_for(&self, access: Access, opening: Opening) -> Result<Records, Failure> {
        let opened = match self {
            Self::Folder(folder) => {
                let (state, memory) = (folder.join(STATE), StoreMemory::default());
                RocksStore::open_for(&state, LostTail::Refuse, memory, access).map(Records::Folder)
            }
            Self::Database(address) => {
                let until = Instant::now() + FIRST;
                let mut waiting = |_: &Obstacle| match Instant::now() < until {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                };
                PostgresStore::open((**address).clone(), PATIENCE, opening, &mut waiting)
                    .map(Records::Database)
            }
        };
        opened.map_err(|error| {
            let words = match &error {
                StoreError::Locked { .. } => {
                    format!(
                        "an engine or a command is using {}; stop it first",
                        self.shown()
                    )
                }
                StoreError::Held { hold, .. } => {
                    format!("the records in {} can't be used: {hold}", self.shown())
                }
                StoreError::Unusable { .. }
                | StoreError::Format { .. }
                | StoreError::LostTail { .. }
                | StoreError::LostCommits { .. }
                | StoreError::Read { .. }
                | StoreError::Write(_)
                | StoreError::Fenced { .. }
                | StoreError::Damaged { .. } => error.to_string(),
            };
            Failure::new(Kind::Unreadable, words)
        })
    }
}
