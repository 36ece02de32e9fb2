//! The guests kept ready in memory: as many as the limits allow; the least recently used are
//! dropped first.

use crate::{guest::Guest, limits::SandboxLimits};
use bureaucrat_model::ModuleHash;
use std::collections::HashMap;

/// Where a guest came from. A stranger's bytes are never treated as admitted because a program's
/// guest has the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    Inline,
    Module,
}

/// Guests by origin and hash.
pub(crate) struct Loaded {
    guests: HashMap<(Origin, ModuleHash), Kept>,
    bytes: usize,
    uses: u64,
    guests_max: usize,
    bytes_max: usize,
}

struct Kept {
    guest: Guest,
    last_use: u64,
}

impl Loaded {
    pub(crate) fn new(limits: &SandboxLimits) -> Self {
        Self {
            guests: HashMap::new(),
            bytes: 0,
            uses: 0,
            guests_max: limits.loaded_guests,
            bytes_max: limits.loaded_bytes,
        }
    }

    pub(crate) fn get(&mut self, origin: Origin, hash: ModuleHash) -> Option<Guest> {
        self.uses += 1;
        let kept = self.guests.get_mut(&(origin, hash))?;
        kept.last_use = self.uses;
        Some(kept.guest.clone())
    }

    pub(crate) fn insert(&mut self, origin: Origin, guest: Guest) {
        self.uses += 1;
        self.bytes += guest.code_bytes();
        let kept = Kept {
            last_use: self.uses,
            guest,
        };
        if let Some(old) = self.guests.insert((origin, kept.guest.hash()), kept) {
            self.bytes -= old.guest.code_bytes();
        }
        while self.guests.len() > self.guests_max || self.bytes > self.bytes_max {
            // Linear, but only after a compilation, which takes far longer.
            let oldest = self
                .guests
                .iter()
                .min_by_key(|(_, kept)| kept.last_use)
                .map(|(key, _)| *key);
            let Some(removed) = oldest.and_then(|key| self.guests.remove(&key)) else {
                break;
            };
            self.bytes -= removed.guest.code_bytes();
        }
    }
}
