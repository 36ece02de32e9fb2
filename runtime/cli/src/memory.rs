//! How the memory that the engine may use is divided.
//!
//! There is one budget, the setting `memory`. Whatever may fill up has a share of it, in bytes; what has none is small,
//! or bounded by a number. The child processes that compile modules have a limit of their own
//! (`compile_memory_bytes`).

use bureaucrat_host::HostConfig;
use bureaucrat_store_rocksdb::StoreMemory;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The least: messages of 16 MiB have to fit into the shares.
pub const LEAST: u64 = 128 << 20;
pub const MOST: u64 = 1 << 40;
/// What the engine takes of a large machine, unless it is told to take more.
const USUAL_MOST: u64 = 1 << 30;

/// Bytes of memory that the engine may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(u64);

impl Memory {
    pub fn of_bytes(bytes: u64) -> Self {
        Self(bytes.clamp(LEAST, MOST))
    }

    /// A quarter of this machine's memory, or of what its container may use, and at most 1 GiB.
    pub fn usual() -> Self {
        let quarter = of_machine().map_or(USUAL_MOST, |bytes| bytes / 4);
        Self::of_bytes(quarter.min(USUAL_MOST))
    }

    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// A warning, if the machine or the container has less.
    pub fn remark(self) -> Option<String> {
        let there = of_machine()?;
        (self.0 > there).then(|| {
            format!(
                "`memory` is {} MiB, but the machine or the container has {} MiB",
                self.0 >> 20,
                there >> 20
            )
        })
    }

    /// Two sixteenths: recent records, and blocks that were read.
    pub fn store(self) -> StoreMemory {
        StoreMemory {
            recent_bytes: self.share(16),
            cache_bytes: self.share(16),
        }
    }

    /// For each of the four queues, a sixteenth.
    pub fn in_hand(self) -> usize {
        self.share(16)
    }

    /// A quarter: machine code of conditions.
    pub fn machine_code(self) -> usize {
        self.share(4)
    }

    /// A sixteenth for processes, counted as they are stored (in memory they take some times as much), and a thirty-second for
    /// what is on its way to the store.
    pub fn of_host(self, config: HostConfig) -> HostConfig {
        HostConfig {
            residents_bytes: self.share(16),
            submitted_bytes: self.share(64),
            large_under_way: self.share(64),
            ..config
        }
    }

    fn share(self, part: u64) -> usize {
        usize::try_from(self.0 / part).unwrap_or(usize::MAX)
    }
}

/// What this machine has, or what the container may use if that is less, in bytes; `None` if the system does not tell.
fn of_machine() -> Option<u64> {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory)).ok()?;
    let total = Some(system.total_memory()).filter(|bytes| *bytes > 0);
    let of_container = system.cgroup_limits().map(|limits| limits.total_memory);
    total.into_iter().chain(of_container).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_what_fills_up_leave_a_quarter_for_the_rest() {
        for bytes in [LEAST, 512 << 20, 1 << 30, MOST] {
            let memory = Memory::of_bytes(bytes);
            let store = memory.store();
            let host = memory.of_host(HostConfig::default());
            let shares = [
                store.recent_bytes,
                store.cache_bytes,
                4 * memory.in_hand(),
                memory.machine_code(),
                host.residents_bytes,
                host.submitted_bytes,
                host.large_under_way,
            ];
            let divided: usize = shares.iter().sum();
            assert!(divided as u64 <= bytes / 4 * 3, "{bytes}: {shares:?}");
        }
    }

    #[test]
    fn what_is_usual_is_within_the_bounds() {
        let usual = Memory::usual().bytes();
        assert!((LEAST..=USUAL_MOST).contains(&usual), "{usual}");
    }
}
