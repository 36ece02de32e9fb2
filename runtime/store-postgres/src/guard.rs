//! What must be so for a transaction to count: the owners of its groups are those that are known, or, for one that takes
//! groups over, the newest epoch is.

use crate::{
    session::{Session, Trouble},
    statements::Which,
};
use bureaucrat_store::{Owners, ShardGroups, format::Format, owner_key, records};
use tokio_postgres::{Statement, types::ToSql};

#[derive(Debug)]
pub enum Guard {
    Owners {
        groups: Vec<i32>,
        keys: Vec<Vec<u8>>,
        /// The records at these keys; none before the first owner.
        expected: Vec<Option<Vec<u8>>>,
    },
    TakeOver {
        groups: Vec<i32>,
        /// The record of the newest epoch; none before the first.
        newest: Option<Vec<u8>>,
        /// Whose their leases must be; none for a command.
        leaseholder: Option<String>,
        /// The record of the format that it knows.
        format: Vec<u8>,
    },
}

impl Guard {
    /// For units of these groups, of nobody else's if there are none.
    pub fn owners(groups: ShardGroups, owners: &Owners) -> Result<Self, Trouble> {
        let expected = groups.iter().map(|group| {
            let epoch = owners.of(group);
            epoch.map(|epoch| records::encode(&epoch.0)).transpose()
        });
        let expected: Result<_, _> = expected.collect();
        Ok(Self::Owners {
            groups: numbers(groups),
            keys: groups.iter().map(owner_key).collect(),
            expected: expected.map_err(Trouble::Lasting)?,
        })
    }

    pub fn take_over(
        groups: ShardGroups,
        newest: Option<Vec<u8>>,
        leaseholder: Option<String>,
        format: Format,
    ) -> Self {
        let groups = numbers(groups);
        Self::TakeOver {
            groups,
            newest,
            leaseholder,
            format: format.record(),
        }
    }

    pub async fn statement(&self, session: &Session) -> Result<Statement, tokio_postgres::Error> {
        let which = match self {
            Self::Owners { .. } => Which::Fence,
            Self::TakeOver { .. } => Which::TakeOver,
        };
        session.prepared(which).await
    }

    /// Its parameters, after the name of who commits and the number of the commit.
    pub fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        match self {
            Self::Owners {
                groups,
                keys,
                expected,
            } => vec![groups, keys, expected],
            Self::TakeOver {
                groups,
                newest,
                leaseholder,
                format,
            } => vec![groups, newest, leaseholder, format],
        }
    }
}

fn numbers(groups: ShardGroups) -> Vec<i32> {
    let numbers = groups.iter().map(|group| i32::from(group.number()));
    numbers.collect()
}
