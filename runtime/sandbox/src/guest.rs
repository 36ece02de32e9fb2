//! A guest that is ready to be evaluated.

use crate::{class::Class, host::Run};
use bureaucrat_model::ModuleHash;
use std::{fmt, sync::Arc, time::Duration};
use wasmtime::component::{ComponentExportIndex, InstancePre};

/// A function that a guest exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    pub name: String,
    pub kind: ExportKind,
}

/// What an exported function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExportKind {
    /// `result<bool, string>`
    Verdict,
    /// `result<string, string>`, the text being JSON.
    Value,
}

/// An admitted and compiled guest. Cheap to clone; it keeps no state between evaluations.
#[derive(Clone)]
pub struct Guest(pub(crate) Arc<Ready>);

/// What a [`Guest`] shares.
pub(crate) struct Ready {
    pub(crate) pre: InstancePre<Run>,
    pub(crate) exports: Vec<Export>,
    /// The index of each of `exports` in the component.
    pub(crate) indices: Vec<ComponentExportIndex>,
    pub(crate) class: Class,
    pub(crate) hash: ModuleHash,
    pub(crate) size: usize,
    pub(crate) code_bytes: usize,
    pub(crate) compile_time: Option<Duration>,
}

impl Guest {
    /// The exported functions, in the component's order.
    pub fn exports(&self) -> &[Export] {
        &self.0.exports
    }

    pub fn class(&self) -> Class {
        self.0.class
    }

    /// The hash of its bytes as they were uploaded.
    pub fn hash(&self) -> ModuleHash {
        self.0.hash
    }

    /// The size of the component in bytes.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The size of its machine code in bytes.
    pub fn code_bytes(&self) -> usize {
        self.0.code_bytes
    }

    /// How long it took to compile; `None` if the machine code came from the cache.
    pub fn compile_time(&self) -> Option<Duration> {
        self.0.compile_time
    }
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("hash", &self.0.hash)
            .field("class", &self.0.class)
            .field("exports", &self.0.exports)
            .finish_non_exhaustive()
    }
}
