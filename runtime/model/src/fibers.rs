//! The fibers of an instance, and what each step asks about them: which can run, which waits under
//! a turn or for an answer, how many bytes they hold. All of this is updated with each change, so
//! the cost of a step depends on what it changes, not on the number of fibers. The module also
//! records which fibers changed, for the code that writes them.

use crate::{
    bases::Bases,
    fields::Fields,
    ids::{FiberId, Turn},
    indexes::OpIndex,
    instance::{Fiber, FiberState, Sharing},
    shared_map::SharedMap,
    wait::WaitKind,
};
use std::collections::{BTreeMap, BTreeSet};

/// What happened to a fiber since its instance was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FiberChange {
    /// It is new or changed.
    Put,
    /// It was written before, and no longer exists.
    Deleted,
}

/// Whether a changed fiber existed when its instance was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Written,
    Absent,
}

/// Copies share the fibers.
#[derive(Debug, Clone, Default)]
pub struct Fibers {
    fibers: SharedMap<Fiber>,
    ready: BTreeSet<FiberId>,
    /// Waiting fibers by turn.
    turns: SharedMap<FiberId>,
    /// Fibers that wait for an answer, by instruction.
    asking: Places,
    /// Fibers that took an answer, by the instruction of the last one.
    answered: Places,
    /// Bytes that fibers hold for themselves.
    own_bytes: usize,
    bases: Bases,
    compensable: usize,
    /// How many wait for an operator.
    stuck: u32,
    changed: BTreeMap<FiberId, Before>,
}

/// Fibers are compared; what was written is not.
impl PartialEq for Fibers {
    fn eq(&self, other: &Self) -> bool {
        self.fibers == other.fibers
    }
}

impl Eq for Fibers {}

impl Fibers {
    pub fn get(&self, id: FiberId) -> Option<&Fiber> {
        self.fibers.get(u64::from(id.0))
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (FiberId, &Fiber)> {
        self.fibers.iter().map(|(id, fiber)| (fiber_of(id), fiber))
    }

    pub fn len(&self) -> usize {
        self.fibers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fibers.is_empty()
    }

    pub fn first(&self) -> Option<FiberId> {
        self.fibers.iter().next().map(|(id, _)| fiber_of(id))
    }

    /// The first fiber that can run.
    pub fn first_ready(&self) -> Option<FiberId> {
        self.ready.first().copied()
    }

    pub fn waiting(&self, turn: Turn) -> Option<(FiberId, &Fiber)> {
        let id = *self.turns.get(turn.0)?;
        Some((id, self.fibers.get(u64::from(id.0))?))
    }

    /// The first fiber that waits for an answer at this instruction.
    pub fn asking_at(&self, at: OpIndex) -> Option<FiberId> {
        self.asking.first(at)
    }

    /// How many fibers wait for an answer at this instruction.
    pub fn count_asking_at(&self, at: OpIndex) -> usize {
        self.asking.count(at)
    }

    /// Whether a fiber's last answer was for this instruction.
    pub fn has_answered(&self, at: OpIndex) -> bool {
        self.answered.first(at).is_some()
    }

    /// Bytes of what all fibers hold. What branches began with counts once for all that began with
    /// the same, until they change it.
    pub const fn held_bytes(&self) -> usize {
        self.own_bytes.saturating_add(self.bases.bytes())
    }

    /// How many scopes can be compensated, now or once they have completed.
    pub fn compensable(&self) -> usize {
        self.compensable
    }

    pub const fn stuck(&self) -> u32 {
        self.stuck
    }

    /// Adds a fiber, or replaces the one with this number.
    pub fn insert(&mut self, id: FiberId, mut fiber: Fiber) {
        self.bases.enter(&mut fiber);
        let after = Standing::of(&fiber);
        let before = self.fibers.insert(u64::from(id.0), fiber);
        if let Some(before) = &before {
            self.bases.leave(before);
        }
        let before = before.as_ref().map(Standing::of);
        self.mark(id, before.is_some());
        self.note(id, before, Some(after));
    }

    /// The fiber as if all fields that it shares in place were its own: its scopes begin with those of the fiber whose
    /// fields it shares.
    pub fn joined(&self, id: FiberId) -> Option<Fiber> {
        let mut joined = self.get(id)?.clone();
        let mut at = joined.branch.clone();
        // A damaged instance may have a circle.
        for _ in 0..self.len() {
            let Some(branch) = at.filter(|branch| branch.sharing == Sharing::InPlace) else {
                break;
            };
            let owner = self.get(branch.parent)?;
            joined.scopes.splice(0..0, owner.scopes.iter().cloned());
            joined.fields = owner.fields.clone();
            at = owner.branch.clone();
        }
        Some(joined)
    }

    /// Puts the fields of a joined fiber back to where they belong. Its scopes are those that it was joined with.
    pub fn part(&mut self, id: FiberId, joined: &Fiber) -> Option<()> {
        let mut end = joined.scopes.len();
        let mut at = id;
        for _ in 0..self.len() {
            let begin = end.checked_sub(self.get(at)?.scopes.len())?;
            let locals = joined.scopes.get(begin..end)?;
            let owner = self.change(at, |fiber| {
                if at == id {
                    fiber.scopes = locals.to_vec();
                }
                for (scope, joined) in fiber.scopes.iter_mut().zip(locals) {
                    scope.locals = joined.locals.clone();
                }
                let shares = fiber.shares_in_place();
                if !shares {
                    fiber.fields = joined.fields.clone();
                }
                fiber
                    .branch
                    .as_ref()
                    .map(|branch| branch.parent)
                    .filter(|_| shares)
            })?;
            let Some(owner) = owner else {
                return Some(());
            };
            (end, at) = (begin, owner);
        }
        None
    }

    /// The fields that are visible where the fiber is.
    pub fn visible(&self, id: FiberId) -> Option<Fields> {
        let fiber = self.get(id)?;
        match fiber.shares_in_place() {
            true => Some(self.joined(id)?.visible()),
            false => Some(fiber.visible()),
        }
    }

    /// Changes a fiber; `None` if it does not exist.
    pub fn change<T>(&mut self, id: FiberId, change: impl FnOnce(&mut Fiber) -> T) -> Option<T> {
        let fiber = self.fibers.get_mut(u64::from(id.0))?;
        let before = Standing::of(fiber);
        let begun_with = fiber.branch.as_ref().map(|branch| branch.base.clone());
        let result = change(fiber);
        self.bases.follow(begun_with, fiber);
        let after = Standing::of(fiber);
        self.mark(id, true);
        self.note(id, Some(before), Some(after));
        Some(result)
    }

    pub fn remove(&mut self, id: FiberId) -> Option<Fiber> {
        let fiber = self.fibers.remove(u64::from(id.0))?;
        self.bases.leave(&fiber);
        self.note(id, Some(Standing::of(&fiber)), None);
        if self.changed.get(&id) == Some(&Before::Absent) {
            self.changed.remove(&id);
        } else {
            self.changed.insert(id, Before::Written);
        }
        Some(fiber)
    }

    pub fn clear(&mut self) {
        while let Some(id) = self.first() {
            self.remove(id);
        }
    }

    pub(crate) fn take_changes(&mut self) -> BTreeMap<FiberId, FiberChange> {
        let changed = std::mem::take(&mut self.changed);
        let change = |id: &FiberId| match self.fibers.get(u64::from(id.0)) {
            Some(_) => FiberChange::Put,
            None => FiberChange::Deleted,
        };
        changed.into_keys().map(|id| (id, change(&id))).collect()
    }

    fn mark(&mut self, id: FiberId, was_there: bool) {
        let before = match was_there {
            true => Before::Written,
            false => Before::Absent,
        };
        // The first change since the last write decides what is written.
        self.changed.entry(id).or_insert(before);
    }

    /// Brings what is asked about fibers up to date. Most changes touch little of it, so only what differs is changed.
    fn note(&mut self, id: FiberId, before: Option<Standing>, after: Option<Standing>) {
        let held = |standing: Option<Standing>| standing.map_or(0, |standing| standing.held);
        self.own_bytes = self.own_bytes.saturating_sub(held(before));
        self.own_bytes = self.own_bytes.saturating_add(held(after));
        let open = |standing: Option<Standing>| standing.map_or(0, |standing| standing.compensable);
        self.compensable = self.compensable.saturating_sub(open(before));
        self.compensable = self.compensable.saturating_add(open(after));
        let stuck = |standing: Option<Standing>| standing.map_or(0, |standing| standing.stuck);
        self.stuck = self.stuck.saturating_sub(stuck(before));
        self.stuck = self.stuck.saturating_add(stuck(after));

        let turn = |standing: Option<Standing>| standing.map(|standing| standing.turn);
        if turn(before) != turn(after) {
            match turn(before) {
                Some(None) => {
                    self.ready.remove(&id);
                }
                // A damaged instance may have two waits under one turn.
                Some(Some(turn)) if self.turns.get(turn.0) == Some(&id) => {
                    self.turns.remove(turn.0);
                }
                Some(Some(_)) | None => {}
            }
            match turn(after) {
                Some(None) => {
                    self.ready.insert(id);
                }
                Some(Some(turn)) => {
                    self.turns.insert(turn.0, id);
                }
                None => {}
            }
        }
        let asking = |standing: Option<Standing>| standing.and_then(|standing| standing.asking);
        self.asking.move_to(id, asking(before), asking(after));
        let answered = |standing: Option<Standing>| standing.and_then(|standing| standing.answered);
        self.answered.move_to(id, answered(before), answered(after));
    }
}

/// What is asked about a fiber.
#[derive(Debug, Clone, Copy)]
struct Standing {
    held: usize,
    compensable: usize,
    stuck: u32,
    /// `None` if it can run.
    turn: Option<Turn>,
    /// The instruction at which it waits for an answer.
    asking: Option<OpIndex>,
    /// The instruction of its last answer.
    answered: Option<OpIndex>,
}

impl Standing {
    fn of(fiber: &Fiber) -> Self {
        let (turn, asking, stuck) = match &fiber.state {
            FiberState::Ready => (None, None, 0),
            FiberState::Waiting(wait) => {
                let asks = matches!(wait.kind, WaitKind::Answer { .. });
                let stuck = matches!(wait.kind, WaitKind::Operator { .. });
                (Some(wait.turn), asks.then_some(fiber.at), u32::from(stuck))
            }
        };
        Self {
            held: fiber.held_bytes(),
            compensable: compensable(fiber),
            stuck,
            turn,
            asking,
            answered: fiber.answered,
        }
    }
}

fn compensable(fiber: &Fiber) -> usize {
    let open = fiber.scopes.iter();
    let open = open.filter(|scope| scope.compensation.is_some()).count();
    open + usize::from(fiber.is_compensation())
}

fn fiber_of(key: u64) -> FiberId {
    FiberId(u32::try_from(key).unwrap_or(u32::MAX))
}

/// Fibers by instructions.
#[derive(Debug, Clone, Default)]
struct Places(SharedMap<BTreeSet<FiberId>>);

impl Places {
    fn first(&self, at: OpIndex) -> Option<FiberId> {
        self.0.get(u64::from(at.0))?.first().copied()
    }

    fn count(&self, at: OpIndex) -> usize {
        self.0.get(u64::from(at.0)).map_or(0, BTreeSet::len)
    }

    fn add(&mut self, at: OpIndex, id: FiberId) {
        let key = u64::from(at.0);
        if let Some(here) = self.0.get_mut(key) {
            here.insert(id);
        } else {
            self.0.insert(key, BTreeSet::from([id]));
        }
    }

    fn move_to(&mut self, id: FiberId, before: Option<OpIndex>, after: Option<OpIndex>) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.remove(at, id);
        }
        if let Some(at) = after {
            self.add(at, id);
        }
    }

    fn remove(&mut self, at: OpIndex, id: FiberId) {
        let key = u64::from(at.0);
        let Some(here) = self.0.get_mut(key) else {
            return;
        };
        here.remove(&id);
        if here.is_empty() {
            self.0.remove(key);
        }
    }
}
