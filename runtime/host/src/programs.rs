//! Which programs are in use, so that those that nobody runs any more can be removed.
//!
//! A program is stored by the launch that is the first to need it and shared by all that come after. Many launches carry
//! their data in the definition's text, each a program of its own: without removal the storage would grow with every one.
//!
//! It promises that a program is never removed while a stored process, or a transaction under construction, needs it. For
//! that every instance is counted from before its transaction is built until its removal is durable. A program counts as
//! stored as soon as a plan writes it and as gone as soon as a plan removes it: plans become durable in order.

use bureaucrat_model::{Head, Millis, ProgramHash, Timestamp};
use bureaucrat_store::{
    Store, StoreError, Table, Write, instances::decode_head, reading::scan_all,
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Programs that one commit removes.
const PORTION: usize = 256;

/// Fewer than are worth a removal wait this long.
const PATIENCE: Millis = Millis(60_000);

/// What is known of one program.
#[derive(Debug, Default)]
struct Known {
    /// Instances, stored or in a transaction.
    users: u64,
    /// Whether it is durable for sure; otherwise the store has to be asked.
    is_stored: bool,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<ProgramHash, Known>,
    unused: BTreeSet<ProgramHash>,
    /// When some were removed last.
    last: Timestamp,
}

/// The programs of a store, and who uses them.
#[derive(Debug)]
pub struct Programs {
    state: Mutex<State>,
    /// So many that are not in use are worth a removal.
    worth: usize,
    removing: Removing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removing {
    Yes,
    /// A record could not be read: its process may come back, and nobody knows which program it needs.
    No,
}

impl Programs {
    /// Counts what the store holds; `worth` programs that nobody needs are removed together. What is read of each process,
    /// and the bytes of its record, is shown to `see`, so that a start reads them once.
    ///
    /// # Errors
    /// When the store can't be read. Damaged records are passed over, and no program is removed then in this run.
    pub fn open(
        store: &dyn Store,
        worth: usize,
        mut see: impl FnMut(&Head, u64),
    ) -> Result<Self, StoreError> {
        let mut state = State::default();
        let mut damaged = 0;
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
        let gaps = scan_all(
            store,
            Table::Instances,
            &[],
            &[u8::MAX; 17],
            |key, record| {
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
            },
        )?;
        damaged += gaps.len();
        if damaged > 0 {
            tracing::warn!(
                damaged,
                "records are damaged: programs that nobody uses are kept in this run"
            );
        }
        Ok(Self {
            state: Mutex::new(state),
            worth: worth.max(1),
            removing: if damaged > 0 {
                Removing::No
            } else {
                Removing::Yes
            },
        })
    }

    /// Counts an instance that is about to be made. Waits while a commit that removes programs is under way.
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

    /// Whether a program that is in use is durable for sure.
    pub fn is_stored(&self, program: ProgramHash) -> bool {
        let state = self.lock();
        let known = state.known.get(&program);
        known.is_some_and(|known| known.is_stored)
    }

    /// A program that is in use is durable.
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

    /// The removal of programs that nobody uses, to go with the next submission, if there are enough of them or they have
    /// waited long enough. Whoever needs one of them from now on stores it again, later in the order of submissions.
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
        // Counts are changed in one go: what a panic left is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    WhenDropped,
    WithTheInstance,
}

/// One instance that needs a program. Until its transaction is durable it ends with it.
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

    /// Its program is written by what is planned.
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
