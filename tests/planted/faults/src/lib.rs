//! Planted faults: mistakes that a careless programmer could make, as small edits of the sources.
//!
//! The edits are applied to copies of the crates, never to the crates themselves. Each inserted
//! text checks its own switch, so that one build holds all faults; without a planted fault a copy
//! behaves like the original. This crate holds the table of faults, makes the copies ([`copy`], for
//! build scripts) and has the switch ([`plant`], [`is`]).
#![forbid(unsafe_code)]

mod auditing;
mod away;
pub mod copy;
mod decided;
mod deliveries;
mod engine;
mod histories;
mod inline;
mod keeping;
mod messages;
mod modules;
mod named;
mod operating;
mod processes;
mod scopes;
mod seams;
mod searching;
mod sharing;
mod starting;
mod takeovers;
mod tokens;
mod versions;
mod waiting;
mod whole;

use std::{cell::Cell, sync::LazyLock};

/// The environment variable that plants a fault on every thread of a process, by name.
pub const VARIABLE: &str = "BUREAUCRAT_PLANTED";

#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub name: &'static str,
    /// The mistake, in words.
    pub says: &'static str,
    pub found_by: FoundBy,
    pub edits: &'static [Edit],
}

/// What must find a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// A run of the simulation, within a bounded number of seeds.
    Simulation,
    /// A run in which engines take over from one another.
    Takeovers,
    /// A run in which engines share the store.
    Sharing,
    /// The same, in which they are replaced by a newer version.
    Versions,
    /// The same, in which the store is away at times.
    StoreAway,
    /// The same as a usual run, in which launches wait long.
    WaitingLaunches,
    /// The same, in which the driver commits by itself.
    Inline,
    /// The engine's own tests: its laws, or its tables of instructions.
    EngineTests,
}

/// A change of one place in one file.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    /// From the repository's root.
    pub file: &'static str,
    /// The original text. It must occur in the file exactly once; line breaks do not matter.
    pub before: &'static str,
    /// The new text; `PLANTED` in it tells whether this fault is planted.
    pub after: &'static str,
}

const TABLES: [&[Fault]; 22] = [
    deliveries::FAULTS,
    messages::FAULTS,
    keeping::FAULTS,
    processes::FAULTS,
    starting::FAULTS,
    named::FAULTS,
    decided::FAULTS,
    modules::FAULTS,
    whole::FAULTS,
    seams::FAULTS,
    engine::FAULTS,
    scopes::FAULTS,
    operating::FAULTS,
    searching::FAULTS,
    histories::FAULTS,
    takeovers::FAULTS,
    sharing::FAULTS,
    versions::FAULTS,
    auditing::FAULTS,
    away::FAULTS,
    inline::FAULTS,
    waiting::FAULTS,
];

/// All faults, in the order of their numbers.
pub static FAULTS: LazyLock<Vec<Fault>> = LazyLock::new(|| TABLES.concat());

thread_local! {
    static PLANTED: Cell<Option<usize>> = Cell::new(*EVERYWHERE);
}

static EVERYWHERE: LazyLock<Option<usize>> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).ok()?;
    Some(number(&name))
});

fn number(name: &str) -> usize {
    let found = FAULTS.iter().position(|fault| fault.name == name);
    found.unwrap_or_else(|| panic!("there is no fault {name}"))
}

/// Plants a fault on this thread, replacing the previous one.
///
/// # Panics
/// If no fault has this name.
pub fn plant(name: Option<&str>) {
    PLANTED.set(name.map(number));
}

/// Whether the fault with this number is planted on this thread.
#[inline]
pub fn is(number: usize) -> bool {
    PLANTED.get() == Some(number)
}
