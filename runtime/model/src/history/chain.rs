//! How far a history has come. Each of its rows holds the hash of the row before it, so the hash of the newest one
//! covers all of them.

use crate::ids::HistoryHash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

impl HistoryHash {
    /// Stands before the first row.
    pub const NONE: Self = Self([0; 32]);

    /// Of a stored row: of its key and its record.
    pub fn of_row(key: &[u8], record: &[u8]) -> Self {
        let hash = Sha256::new_with_prefix(key).chain_update(record);
        Self(hash.finalize().into())
    }
}

/// What the head of an instance says about its history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryHead {
    /// How many entries were written.
    pub entries: u64,
    pub left_out: Option<LeftOut>,
    /// The hash of the newest row.
    pub newest: HistoryHash,
}

impl HistoryHead {
    /// Of a history without entries.
    pub const EMPTY: Self = Self {
        entries: 0,
        left_out: None,
        newest: HistoryHash::NONE,
    };

    /// Whether all entries from `from` up to `to` were left out.
    pub fn leaves_out(&self, from: u64, to: u64) -> bool {
        self.left_out == Some(LeftOut { from, to })
    }

    /// How many entries are still there.
    pub const fn kept(&self) -> u64 {
        match self.left_out {
            Some(left_out) => self.entries.saturating_sub(left_out.count()),
            None => self.entries,
        }
    }
}

/// The entries that were left out of a long history, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub from: u64,
    /// The first that is there again.
    pub to: u64,
}

impl LeftOut {
    pub const fn count(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}
