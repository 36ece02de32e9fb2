//! Tracks which programs are in use, so that unused ones can be removed.
//!
//! A program is stored by the first launch that needs it and shared by all later ones. Many
//! launches carry data in the definition's text, so each one has a program of its own: without
//! removal the storage would grow with each of them.
//!
//! The module promises that a program is never removed while a stored process, or a transaction
//! under construction, needs it. Every instance counts from before its transaction is built until
//! its removal is durable, and every version of a deployed definition as long as it is there. A program counts as stored as soon as a plan writes it and as gone as
//! soon as a plan removes it, because plans become durable in order.

use crate::{catalog::Found, sharing::Sharing};
use bureaucrat_model::{Head, Millis, ProgramHash, Timestamp, lock};
use bureaucrat_store::{
    Store, StoreError, Table, Write, instances::decode_head, reading::scan_all,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

/// Programs removed per commit.
const PORTION: usize = 256;

/// How long fewer unused programs than are worth a removal wait.
const PATIENCE: Millis = Millis(60_000);

/// What is known of one program.
#[derive(Debug, Default)]
struct Known {
    /// Instances and deployed versions, stored or in a transaction.
    users: u64,
    /// Whether it is certainly durable; otherwise the store must be asked.
    is_stored: bool,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<ProgramHash, Known>,
    unused: BTreeSet<ProgramHash>,
    /// The time of the last removal.
    last: Timestamp,
}

/// The programs of a store, and their uses.
#[derive(Debug)]
pub struct Programs {
    state: Mutex<State>,
    /// This many unused programs are worth a removal.
    worth: usize,
    removing: Removing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removing {
    Yes,
    /// A record could not be read: its process may come back, and it is unknown which program it
    /// needs. Or other engines may need them.
    No,
}

impl Programs {
    /// Counts what the store holds, with the programs of deployed definitions; `worth` unused programs are removed together. Passes what is
    /// read of each process, and the bytes of its record, to `see`, so that a start reads them only
    /// once.
    ///
    /// # Errors
    /// If the store cannot be read. Damaged records are skipped, and then no program is removed in
    /// this run.
    pub fn open(
        store: &dyn Store,
        sharing: &Sharing,
        worth: usize,
        deployed: &Found,
        mut see: impl FnMut(&Head, u64),
    ) -> Result<Self, StoreError> {
        let mut state = State::default();
        let mut damaged = deployed.damaged;
        let gaps = scan_all(store, Table::Programs, &[], &[u8::MAX; 33], |key, _| {
            if let Ok(hash) = <[u8; 32]>::try_from(key) {
                let hash = ProgramHash(hash);
                let known = state.known.entry(hash).or_default();
                known.is_stored = true;
                state.unused.insert(hash);
            }
            Ok(())
        })?;
        damaged += gaps.len();
        for (from, to) in sharing.groups().ranges() {
            let to = to.map_or(vec![u8::MAX; 17], |to| vec![to.0]);
            let gaps = scan_all(store, Table::Instances, &[from.0], &to, |key, record| {
                match decode_head(&key, &record) {
                    Ok(stored) => {
                        let head = stored.head;
                        see(&head, record.len() as u64 + stored.body_bytes);
                        state.known.entry(head.program).or_default().users += 1;
                        state.unused.remove(&head.program);
                    }
                    Err(_) => damaged += 1,
                }
                Ok(())
            })?;
            damaged += gaps.len();
        }
        for program in &deployed.programs {
            state.known.entry(*program).or_default().users += 1;
            state.unused.remove(program);
        }
        if damaged > 0 {
            tracing::warn!(
                damaged,
                "records are damaged, so unused programs are kept in this run"
            );
        }
        Ok(Self {
            state: Mutex::new(state),
            worth: worth.max(1),
            removing: match sharing {
                Sharing::Alone if damaged == 0 => Removing::Yes,
                Sharing::Alone | Sharing::Shared(_) => Removing::No,
            },
        })
    }

    /// Counts an instance that is about to be made. Waits while a commit that removes programs is
    /// in progress.
    pub fn begin_use(self: &Arc<Self>, program: ProgramHash) -> Use {
        let mut state = self.lock();
        state.known.entry(program).or_default().users += 1;
        state.unused.remove(&program);
        Use {
            programs: self.clone(),
            program,
            ends: Ends::WhenDropped,
        }
    }

    /// Whether a program in use is certainly durable.
    pub fn is_stored(&self, program: ProgramHash) -> bool {
        let state = self.lock();
        let known = state.known.get(&program);
        known.is_some_and(|known| known.is_stored)
    }

    /// A program in use is durable.
    pub fn note_stored(&self, program: ProgramHash) {
        if let Some(known) = self.lock().known.get_mut(&program) {
            known.is_stored = true;
        }
    }

    /// An instance's removal is durable.
    pub fn end_use(&self, program: ProgramHash) {
        let mut state = self.lock();
        let Some(known) = state.known.get_mut(&program) else {
            return;
        };
        known.users = known.users.saturating_sub(1);
        if known.users == 0 {
            state.unused.insert(program);
        }
    }

    /// The removal of unused programs, for the next submission, if there are enough of them or they
    /// have waited long enough. Anything that needs one of them later stores it again, later in the
    /// order of submissions.
    pub fn removal(&self, now: Timestamp) -> Vec<Write> {
        let mut state = self.lock();
        let is_time = state.unused.len() >= self.worth || now >= state.last.after(PATIENCE);
        if self.removing == Removing::No || state.unused.is_empty() || !is_time {
            return Vec::new();
        }
        state.last = now;
        let programs: Vec<_> = state.unused.iter().take(PORTION).copied().collect();
        let removal = programs.into_iter().map(|program| {
            state.known.remove(&program);
            state.unused.remove(&program);
            Write::Delete {
                table: Table::Programs,
                key: program.0.to_vec(),
            }
        });
        removal.collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Counts are changed at once, so they are consistent even after a panic.
        lock(&self.state)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    WhenDropped,
    WithTheInstance,
}

/// One instance that needs a program. Until its transaction is durable, the use ends with it.
#[derive(Debug)]
pub struct Use {
    programs: Arc<Programs>,
    program: ProgramHash,
    ends: Ends,
}

impl Use {
    /// The instance is durable, and its program with it: it counts until [`Programs::end_use`].
    pub fn keep(mut self) {
        self.ends = Ends::WithTheInstance;
    }

    /// The current plan writes its program.
    pub fn is_stored(&self) {
        self.programs.note_stored(self.program);
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        if self.ends == Ends::WhenDropped {
            self.programs.end_use(self.program);
        }
    }
}
