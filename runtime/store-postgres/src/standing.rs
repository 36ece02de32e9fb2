//! What is left of what an engine took, as the records of owners say.

use bureaucrat_store::{Owners, ShardGroup, StoreError};

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
