//! The records of owners: the epoch in which each group was taken last.

use crate::{
    session::{Session, Trouble},
    statements::Which,
};
use bureaucrat_store::{
    Epoch, Owners, ShardGroup, ShardGroups, StoreError, Table, owner_key, owner_of, records,
};

impl Session {
    pub async fn owners(&self) -> Result<Owners, Trouble> {
        let statement = self.prepared(Which::Owners).await?;
        let keys: Vec<Vec<u8>> = ShardGroup::all().map(owner_key).collect();
        let mut owners = Owners::default();
        for row in self.client.query(&statement, &[&keys]).await? {
            let (key, record): (Vec<u8>, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
            let epoch = records::decode(Table::Meta, &key, &record).map_err(Trouble::Lasting)?;
            if let Some(group) = owner_of(&key) {
                owners.take(ShardGroups::NONE.with(group), Epoch(epoch));
            }
        }
        Ok(owners)
    }
}

/// How much of what somebody took is still theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    kept: usize,
    lost: usize,
    newest: u64,
}

impl Standing {
    pub fn of(ours: &Owners, present: &Owners) -> Self {
        let (mut kept, mut lost) = (0, 0);
        for group in ShardGroup::all() {
            let Some(epoch) = ours.of(group) else {
                continue;
            };
            match present.of(group).is_none_or(|present| present == epoch) {
                true => kept += 1,
                false => lost += 1,
            }
        }
        let epochs = ShardGroup::all().filter_map(|group| present.of(group));
        Self {
            kept,
            lost,
            newest: epochs.map(|epoch| epoch.0).max().unwrap_or(0),
        }
    }

    /// Whether nothing was taken away.
    pub const fn is_whole(self) -> bool {
        self.lost == 0
    }

    /// Whether all was.
    pub const fn is_lost(self) -> bool {
        self.lost > 0 && self.kept == 0
    }

    /// What is said of it then.
    pub const fn fenced(self) -> StoreError {
        StoreError::Fenced {
            present: self.newest,
        }
    }
}
