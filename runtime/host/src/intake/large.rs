//! Large messages, across all shards: only a limited number of bytes goes through the store at the
//! same time.
//!
//! The store writes one group after the other, and everything written must be written again by
//! compaction: a flood of large messages at once would delay everyone's small ones for seconds. So
//! large messages wait for room, in memory and unacknowledged (the broker side limits how many),
//! and small ones overtake them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes in progress.
#[derive(Debug)]
pub struct Large {
    least: usize,
    most: usize,
    bytes: AtomicUsize,
}

impl Large {
    /// A message of `least` bytes is large. At most about `most` bytes are in progress, or one
    /// message if it is larger.
    pub fn new(least: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            least,
            most,
            bytes: AtomicUsize::new(0),
        })
    }

    /// Whether a message of this size must wait for room.
    pub fn concerns(&self, bytes: usize) -> bool {
        bytes >= self.least
    }

    pub fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < self.most
    }

    /// Counts a message while the claim exists.
    pub fn claim(self: &Arc<Self>, bytes: usize) -> LargeClaim {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        LargeClaim {
            large: Arc::clone(self),
            bytes,
        }
    }
}

/// A large message in progress.
#[derive(Debug)]
pub struct LargeClaim {
    large: Arc<Large>,
    bytes: usize,
}

impl Drop for LargeClaim {
    fn drop(&mut self) {
        self.large.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
