//! What is left of what an engine took, as the records of owners say.

use bureaucrat_store::{Epoch, Owners, ShardGroup, StoreError};

/// How much of what somebody took is still theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    kept: usize,
    /// The epoch in which somebody else took the first group that is lost.
    taken: Option<Epoch>,
    newest: u64,
}

impl Standing {
    pub fn of(ours: &Owners, present: &Owners) -> Self {
        let (mut kept, mut taken) = (0, None);
        for group in ShardGroup::all() {
            let Some(epoch) = ours.of(group) else {
                continue;
            };
            match present.of(group).filter(|present| *present != epoch) {
                None => kept += 1,
                Some(present) => taken = taken.or(Some(present)),
            }
        }
        let epochs = ShardGroup::all().filter_map(|group| present.of(group));
        Self {
            kept,
            taken,
            newest: epochs.map(|epoch| epoch.0).max().unwrap_or(0),
        }
    }

    /// The epoch of who took something away first, in the order of the groups; none if nobody did.
    pub const fn taken(self) -> Option<Epoch> {
        self.taken
    }

    /// Whether nothing was taken away.
    pub const fn is_whole(self) -> bool {
        self.taken.is_none()
    }

    /// Whether all was.
    pub const fn is_lost(self) -> bool {
        self.taken.is_some() && self.kept == 0
    }

    /// What is said of it then.
    pub const fn fenced(self) -> StoreError {
        StoreError::Fenced {
            present: self.newest,
        }
    }
}
