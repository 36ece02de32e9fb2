//! The store on PostgreSQL 14 and later: a table for each of ours, one transaction for a group.
//!
//! It promises what [`bureaucrat_store::Store`] promises, in a database that other machines can reach. A commit
//! counts once the server says so, however long that takes: when the connection ends in the middle, the store connects
//! again, looks whether the group is there, and writes it if it is not. Several engines can use one schema, each with
//! groups of shards of its own. Who takes a group waits until it was given back or its engine has been silent for longer
//! than its lease, and then raises the epoch of the group, which each commit is checked against in its own transaction. A
//! database that has lost what it had confirmed is refused. The host decides what is written and when. No type of the
//! client library leaves this crate.
#![forbid(unsafe_code)]

mod address;
mod commit;
mod guard;
mod lease;
mod locks;
mod numbers;
mod owned;
mod pulse;
mod reading;
mod schema;
mod session;
mod standing;
mod statements;
mod user;

pub use address::{Address, AddressError};
pub use lease::{Change, Holder, Holding, Lease, Obstacle, Waiting, Wish};

use bureaucrat_store::{
    EPOCH_KEY, Epoch, Group, Row, ShardGroups, Store, StoreError, Table, Verdict, Write,
    figures::Spans,
    format::{FORMAT_KEY, Format, Formats},
    neighbours::{Dialect, NEIGHBOURS},
    next_epoch,
};
use commit::{Commits, Fencing, TakenOver};
use reading::Readers;
use session::Place;
use std::{
    fmt,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};
use user::User;

/// Who opens a store, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// An engine: what is not there is made, and it has groups until it is silent for longer than its lease.
    Engine(Holder, Wish),
    /// A check of what is there.
    Check,
    /// The same, after which what is there is the truth, even if confirmed commits are missing.
    Accept,
    /// A command that deals with holds and older formats.
    Upkeep,
    /// A command that fills it: what is not there is made.
    Filling,
    /// A command that has nothing of it, while engines of a program that knows these formats work.
    Beside(Formats),
}

impl Opening {
    fn user(&self) -> User {
        match self {
            Self::Engine(holder, _) => User::Engine(holder.name.clone()),
            Self::Check | Self::Accept | Self::Upkeep | Self::Filling => User::Command,
            Self::Beside(_) => User::Beside,
        }
    }

    const fn formats(&self) -> Formats {
        match self {
            Self::Engine(holder, _) => holder.formats,
            Self::Beside(formats) => *formats,
            Self::Check | Self::Accept | Self::Upkeep | Self::Filling => Formats::OURS,
        }
    }

    /// Migrations alone see records as they are.
    fn dialect(&self, format: Format) -> Dialect {
        match self {
            Self::Upkeep => Dialect::default(),
            Self::Engine(..) | Self::Check | Self::Accept | Self::Filling | Self::Beside(_) => {
                Dialect::of(format, NEIGHBOURS.as_ref())
            }
        }
    }
}

/// How long a database may be away, unless it is said otherwise.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A store in a schema of a database.
///
/// Commits come from one thread at a time: the host has one committer. Must not be used by tasks of an asynchronous
/// runtime, because it blocks.
pub struct PostgresStore {
    place: Arc<Place>,
    commits: Commits,
    readers: Readers,
    groups: ShardGroups,
    format: Format,
    /// The newest format that this program knows.
    newest: u8,
    dialect: Dialect,
    /// None for a command.
    lease: Option<Lease>,
}

impl PostgresStore {
    /// Connects, and creates schema and tables if they are not there. Waits up to `patience` for a database that is
    /// away, here and later, and for records that others have as long as `waiting` says so. An engine that shares, and opens
    /// its records again, keeps what is left of its leases as far as it is its share, and gives the rest back.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if others have the records, [`StoreError::Format`] if an engine with another format
    /// wrote it, [`StoreError::Held`] if a command holds it, [`StoreError::LostCommits`] if it is known that some are
    /// missing, [`StoreError::Unusable`] if it cannot be reached, or would not keep what it confirms.
    pub fn open(
        address: Address,
        patience: Duration,
        opening: Opening,
        waiting: Waiting<'_>,
    ) -> Result<Self, StoreError> {
        let place = Arc::new(Place::new(address, patience, opening.user())?);
        let acquired = lease::acquire(&place, &opening, waiting)?;
        let format = acquired.format;
        let begins = (acquired.number, acquired.owners, format);
        Ok(Self {
            commits: Commits::begin(place.clone(), acquired.session, begins),
            groups: acquired.groups,
            format,
            newest: opening.formats().newest(),
            dialect: opening.dialect(format),
            readers: Readers::new(place.clone()),
            place,
            lease: acquired.lease,
        })
    }

    /// The groups that it may own: all of them, unless it is an engine that shares.
    pub const fn groups(&self) -> ShardGroups {
        self.groups
    }

    /// The format that the records had when it was opened; an engine is fenced when that is raised.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Has all engines write the newest format that this program knows, from now on: those that work open the records again,
    /// and those that do not know it end. Returns the format after that, and does nothing if the store has it already.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if somebody else raised it meanwhile; or if the store fails.
    pub fn raise(&self) -> Result<Format, StoreError> {
        let Some(raised) = self.format.raised() else {
            return Ok(self.format);
        };
        if raised.written() > self.newest {
            return Ok(self.format);
        }
        let write = Write::Put {
            table: Table::Meta,
            key: FORMAT_KEY.to_vec(),
            value: raised.record(),
        };
        self.take(ShardGroups::ALL, &[write])?;
        Ok(raised)
    }

    /// Takes groups over, and writes something in the same transaction.
    fn take(&self, groups: ShardGroups, also: &[Write]) -> Result<Epoch, StoreError> {
        loop {
            // In this order: if an epoch comes in between, it is the record that is out of date.
            let newest = self.get(Table::Meta, EPOCH_KEY)?;
            let (epoch, mut writes) = next_epoch(self, groups)?;
            writes.extend_from_slice(also);
            match self.commits.take_over(groups, epoch, newest, &writes)? {
                TakenOver::Done => return Ok(epoch),
                TakenOver::TooLate => {}
                TakenOver::NotOurs(error) => return Err(error),
            }
        }
    }

    /// The lease of an engine.
    pub const fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// For how long a commit has waited for the server and its standby, if one does.
    pub fn uncommitted(&self) -> Option<Duration> {
        self.commits.silence()
    }

    /// For how long the server has answered none of the reads that wait for it, if any do.
    pub fn unanswered(&self) -> Option<Duration> {
        self.readers.silence()
    }

    /// How long each transaction took, with its sync and the way to the server and back.
    pub const fn log(&self) -> &Spans {
        self.commits.log()
    }
}

/// Waits so long for records that others have: a session that has just ended is still known to the server.
pub fn for_a_while(span: Duration) -> impl FnMut(&Obstacle) -> ControlFlow<()> {
    let until = Instant::now() + span;
    move |obstacle| match obstacle {
        Obstacle::Held(_) if Instant::now() >= until => ControlFlow::Break(()),
        Obstacle::Held(_) | Obstacle::Away(_) => ControlFlow::Continue(()),
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("address", &self.place.shown())
            .finish_non_exhaustive()
    }
}

impl Store for PostgresStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.readers.get(table, key)?;
        let read = found.map(|value| self.dialect.read(table, key, value));
        read.transpose()
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        if from >= to || limit == 0 {
            return Ok(Vec::new());
        }
        let rows = self.readers.scan(table, (from, to), limit)?;
        self.dialect.rows(table, rows)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.take(groups, &[])
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let group = self.dialect.group(group)?;
        self.commits.commit(&group, Fencing::EachAlone)
    }

    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let group = self.dialect.group(group)?;
        self.commits.commit(&group, Fencing::AllOrNone)
    }
}
