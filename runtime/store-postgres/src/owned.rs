//! The records of owners: the epoch in which each group was taken last.

use crate::{
    session::{Session, Trouble},
    statements::Which,
};
use bureaucrat_store::{
    Epoch, Owners, ShardGroup, ShardGroups, Table, owner_key, owner_of, records,
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
