//! Large messages, across all shards: only so many bytes of them are on their way through the store at once.
//!
//! The store writes one group after the other, and what is written has to be written out again: a flood of large messages
//! that all went in at once would keep the small ones of everybody waiting for seconds. So large ones wait for room, in memory
//! and unacknowledged (the broker's side bounds how many), and small ones pass them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The bytes on their way.
#[derive(Debug)]
pub struct Large {
    least: usize,
    most: usize,
    bytes: AtomicUsize,
}

impl Large {
    /// A message of `least` bytes is large; at most about `most` bytes are on their way: one message more, if it is larger.
    pub fn new(least: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            least,
            most,
            bytes: AtomicUsize::new(0),
        })
    }

    /// Whether a message of so many bytes has to wait for room.
    pub fn concerns(&self, bytes: usize) -> bool {
        bytes >= self.least
    }

    pub fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Acquire) < self.most
    }

    /// Counts a message for as long as the claim lives.
    pub fn claim(self: &Arc<Self>, bytes: usize) -> LargeClaim {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
        LargeClaim {
            large: Arc::clone(self),
            bytes,
        }
    }
}

/// A large message on its way.
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
