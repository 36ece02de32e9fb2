//! Who owns the shards: the epoch in which each group of them was taken last.

use crate::{Epoch, Owner, Store, StoreError, Table, Verdict, Write, records};
use bureaucrat_model::{ShardGroup, ShardGroups};

/// The key in [`Table::Meta`] of the newest epoch.
pub const EPOCH_KEY: &[u8] = b"epoch";
/// What the keys in [`Table::Meta`] of the groups' epochs begin with.
const OWNER: &[u8] = b"owner";

/// The key in [`Table::Meta`] of the epoch in which a group was taken.
pub fn owner_key(group: ShardGroup) -> Vec<u8> {
    [OWNER, &[group.number()]].concat()
}

/// The group of such a key.
pub fn owner_of(key: &[u8]) -> Option<ShardGroup> {
    match key.strip_prefix(OWNER)? {
        [number] => ShardGroup::new(*number),
        _ => None,
    }
}

/// The epochs in which the groups were taken, as far as somebody knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Owners([Option<Epoch>; ShardGroup::COUNT]);

impl Owners {
    /// # Errors
    /// If the records cannot be read.
    pub fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let mut owners = Self::default();
        for group in ShardGroup::all() {
            let epoch: Option<u64> = records::read(store, Table::Meta, &owner_key(group))?;
            if let Some(epoch) = epoch {
                owners.take(ShardGroups::NONE.with(group), Epoch(epoch));
            }
        }
        Ok(owners)
    }

    pub fn take(&mut self, groups: ShardGroups, epoch: Epoch) {
        for group in groups.iter() {
            if let Some(owner) = self.0.get_mut(usize::from(group.number())) {
                *owner = Some(epoch);
            }
        }
    }

    pub fn of(&self, group: ShardGroup) -> Option<Epoch> {
        self.0.get(usize::from(group.number())).copied().flatten()
    }

    /// Whether what is written on somebody's behalf counts.
    pub fn verdict(&self, owner: Owner) -> Verdict {
        let Owner::Shard(shard, epoch) = owner else {
            return Verdict::Committed;
        };
        match self.of(shard.group()) {
            Some(present) if present != epoch => Verdict::Fenced { present },
            Some(_) | None => Verdict::Committed,
        }
    }
}

/// The epoch of the next owner of these groups, and the writes that make it current. Nobody else may ask at the same time.
///
/// # Errors
/// If the record of the newest one cannot be read.
pub fn next_epoch(
    store: &dyn Store,
    groups: ShardGroups,
) -> Result<(Epoch, Vec<Write>), StoreError> {
    let newest: Option<u64> = records::read(store, Table::Meta, EPOCH_KEY)?;
    let next = newest.unwrap_or(0).saturating_add(1);
    let value = records::encode(&next)?;
    let keys = groups.iter().map(owner_key);
    let keys = keys.chain([EPOCH_KEY.to_vec()]);
    let writes = keys.map(|key| Write::Put {
        table: Table::Meta,
        key,
        value: value.clone(),
    });
    Ok((Epoch(next), writes.collect()))
}
