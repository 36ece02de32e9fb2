//! The two classes of guests, and what an instance of each may use.

use crate::limits::SandboxLimits;

/// The class of a guest, by what its instance uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// A few core instances, one memory and two tables, all small: [`SandboxLimits`] has the
    /// numbers.
    Small,
    /// A guest with a language runtime.
    Runtime,
}

impl Class {
    /// The number of the class in files and requests.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Small => 1,
            Self::Runtime => 2,
        }
    }

    /// The class with this number.
    pub(crate) const fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Small),
            2 => Some(Self::Runtime),
            _ => None,
        }
    }

    /// Core instances that one guest may consist of.
    pub(crate) const fn core_instances(self, limits: &SandboxLimits) -> u32 {
        match self {
            Self::Small => limits.instances,
            Self::Runtime => limits.runtime_instances,
        }
    }

    /// Memories that one guest may have.
    pub(crate) const fn memories(self) -> u32 {
        match self {
            Self::Small => 1,
            Self::Runtime => 4,
        }
    }

    /// Tables that one guest may have. A small one has that of its module, which LLVM's linker
    /// always makes, even if it is empty, and that of the shim that component encoders add.
    pub(crate) const fn tables(self) -> u32 {
        match self {
            Self::Small => 2,
            Self::Runtime => 16,
        }
    }

    /// Bytes of one memory.
    pub(crate) const fn memory_bytes(self, limits: &SandboxLimits) -> usize {
        match self {
            Self::Small => limits.memory_bytes,
            Self::Runtime => limits.runtime_memory_bytes,
        }
    }

    pub(crate) const fn table_elements(self, limits: &SandboxLimits) -> usize {
        match self {
            Self::Small => limits.table_elements,
            Self::Runtime => limits.runtime_table_elements,
        }
    }

    /// Bytes of a memory that stay resident between instances.
    pub(crate) const fn resident_bytes(self) -> usize {
        match self {
            Self::Small => 64 << 10,
            Self::Runtime => 4 << 20,
        }
    }
}
