//! Instances in memory, as they are after every planned transaction, durable or not.
//!
//! What is not durable stays here, because the store does not have it. Everything else may be
//! forgotten, least recently used first, and is read again. So a transaction takes an instance out,
//! and its copy need not be made; what it has not changed comes back.

use super::transaction::Held;
use bureaucrat_model::ProcessId;
use std::collections::{BTreeMap, HashMap};

/// What is known of a process.
pub enum Found<'a> {
    Here(&'a Held),
    /// Its removal is planned but not durable: the store still has it.
    Removed,
    /// Nothing: ask the store.
    Unknown,
}

/// What a transaction gets of a process.
pub enum Taken {
    Here(Box<Held>),
    /// Its removal is planned but not durable: the store still has it.
    Removed,
    /// Nothing: ask the store.
    Unknown,
}

struct Resident {
    /// `None` if its removal is planned.
    held: Option<Box<Held>>,
    used: u64,
    /// Plans that changed it and are not durable.
    plans: u32,
}

/// Memory used by an instance in addition to its record.
const OVERHEAD: usize = 1_024;

impl Resident {
    fn bytes(&self) -> usize {
        let stored = self.held.as_ref().map_or(0, |held| held.rows.bytes());
        usize::try_from(stored)
            .unwrap_or(usize::MAX)
            .saturating_add(OVERHEAD)
    }
}

/// The instances in memory.
pub struct Residents {
    known: HashMap<ProcessId, Resident>,
    order: BTreeMap<u64, ProcessId>,
    uses: u64,
    bytes: usize,
    bytes_max: usize,
    count_max: usize,
}

impl Residents {
    /// What they take, as it counts against the limit.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn new(count_max: usize, bytes_max: usize) -> Self {
        Self {
            known: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
            bytes: 0,
            bytes_max,
            count_max,
        }
    }

    pub fn find(&self, process: ProcessId) -> Found<'_> {
        match self.known.get(&process) {
            None => Found::Unknown,
            Some(Resident { held: None, .. }) => Found::Removed,
            Some(Resident {
                held: Some(held), ..
            }) => Found::Here(held),
        }
    }

    pub fn get(&self, process: ProcessId) -> Option<&Held> {
        self.known.get(&process)?.held.as_deref()
    }

    /// Takes an instance out, as if it were forgotten; a copy of one that the store does not have as it is.
    pub fn take(&mut self, process: ProcessId) -> Taken {
        let copy = match self.find(process) {
            Found::Unknown => return Taken::Unknown,
            Found::Removed => return Taken::Removed,
            Found::Here(_) if self.is_durable(process) => None,
            Found::Here(held) => Some(Box::new(held.clone())),
        };
        match copy.or_else(|| self.forget(process)) {
            Some(held) => Taken::Here(held),
            None => Taken::Unknown,
        }
    }

    /// Keeps an instance that no plan has changed, unless there is one that has been planned.
    pub fn remember(&mut self, process: ProcessId, held: Box<Held>) {
        if !self.known.contains_key(&process) {
            self.set(process, Some(held), 0);
        }
    }

    /// A transaction that changed a process is planned; without an instance, the process is
    /// removed.
    pub fn plan(&mut self, process: ProcessId, held: Option<Box<Held>>) {
        let plans = self
            .known
            .get(&process)
            .map_or(0, |resident| resident.plans);
        self.set(process, held, plans + 1);
    }

    /// One of the plans that changed a process is durable.
    pub fn durable(&mut self, process: ProcessId) {
        let Some(resident) = self.known.get_mut(&process) else {
            return;
        };
        resident.plans = resident.plans.saturating_sub(1);
        if resident.plans == 0 && resident.held.is_none() {
            self.forget(process);
        }
    }

    /// Forgets the least recently used instances until the rest is within the limits.
    pub fn shrink(&mut self) {
        let mut from = 0;
        while self.known.len() > self.count_max || self.bytes > self.bytes_max {
            let Some((used, process)) = self.order.range(from..).next().map(|(u, p)| (*u, *p))
            else {
                return;
            };
            from = used + 1;
            if self.is_durable(process) {
                self.forget(process);
            }
        }
    }

    /// Whether the store has a known instance as it is here.
    fn is_durable(&self, process: ProcessId) -> bool {
        let resident = self.known.get(&process);
        resident.is_some_and(|resident| resident.plans == 0)
    }

    fn set(&mut self, process: ProcessId, held: Option<Box<Held>>, plans: u32) {
        self.forget(process);
        self.uses += 1;
        let used = self.uses;
        let resident = Resident { held, used, plans };
        self.bytes += resident.bytes();
        self.order.insert(used, process);
        self.known.insert(process, resident);
    }

    fn forget(&mut self, process: ProcessId) -> Option<Box<Held>> {
        let resident = self.known.remove(&process)?;
        self.bytes -= resident.bytes();
        self.order.remove(&resident.used);
        resident.held
    }
}
