//! The machine's disk, under the in-memory store: a log of groups that is written, then synced.
//! What is not synced when the power fails is lost, or kept up to any byte. Writes, syncs and reads
//! fail, the disk is full, a commit takes time.
//!
//! A group counts once it was synced; then the facts are told.
//!
//! It may also be a store that several machines share, and that loses nothing: then what fails, or loses its power, is the
//! machine that uses it. Each has a handle of its own.

use super::{
    Facts, Random, SimulatedClock,
    away::{Answer, Outage},
    commit_fate::CommitFate,
    disk_log as log,
    next_format::{as_ours, group_as_ours, rows_as_ours},
};
use bureaucrat_host::clock::ClockSource as _;
use bureaucrat_model::lock;
use bureaucrat_store::{
    Epoch, Group, MemoryStore, Owner, Owners, Row, ShardGroups, Store, StoreError, Table, Unit,
    Verdict,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

/// What is stored.
#[derive(Debug)]
struct State {
    seen: MemoryStore,
    lasting: MemoryStore,
    /// Written and not synced.
    tail: Vec<u8>,
    commits: u64,
    owners: Owners,
}

/// What happens to a machine that uses it.
#[derive(Debug, Default)]
struct Machine {
    fate: Option<CommitFate>,
    full: bool,
    /// After a failure nothing is written until the engine restarts, as in the production store.
    refuses: bool,
    reads_left: Option<u64>,
    outage: Option<Outage>,
    power_is_gone: bool,
    /// The first unit of its present engine that was fenced.
    fenced: Option<Unit>,
    /// The groups that its engines took, by their epochs.
    taken: BTreeMap<u64, ShardGroups>,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A machine's own, which ends with it.
    Inside,
    /// Elsewhere: several machines use it.
    Apart,
}

#[derive(Debug)]
pub struct Disk {
    state: Arc<Mutex<State>>,
    machine: Mutex<Machine>,
    place: Place,
    facts: Arc<Facts>,
    clock: Arc<SimulatedClock>,
}

impl Disk {
    /// An empty disk.
    pub fn new(facts: Arc<Facts>, clock: Arc<SimulatedClock>) -> Self {
        let state = State {
            seen: MemoryStore::new(),
            lasting: MemoryStore::new(),
            tail: Vec::new(),
            commits: 0,
            owners: Owners::default(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            machine: Mutex::default(),
            place: Place::Inside,
            facts,
            clock,
        }
    }

    /// The same, as another machine uses it that shares it.
    pub(super) fn shared(&self) -> Self {
        Self {
            state: self.state.clone(),
            machine: Mutex::default(),
            place: Place::Apart,
            facts: self.facts.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The first unit of the present engine of the machine that was fenced.
    pub(super) fn fenced(&self) -> Option<Unit> {
        self.machine().fenced.clone()
    }

    /// Decides what happens to the next commit.
    pub fn set_fate(&self, fate: CommitFate) {
        self.machine().fate = Some(fate);
    }

    /// Whether a machine that shares it has failed to write, after which nothing more of its engine reaches it.
    pub(super) fn is_cut_off(&self) -> bool {
        self.place == Place::Apart && self.machine().refuses
    }

    /// What was fenced so far was an earlier engine's.
    pub(super) fn forget_fenced(&self) {
        self.machine().fenced = None;
    }

    /// Fills the disk, or makes room.
    pub fn set_full(&self, full: bool) {
        self.machine().full = full;
    }

    /// Makes the `count`th read from now fail, or none.
    pub fn fail_reading(&self, count: Option<u64>) {
        self.machine().reads_left = count;
    }

    /// Has it go away, or come back.
    pub(super) fn set_outage(&self, outage: Option<Outage>) {
        self.machine().outage = outage;
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.machine().outage
    }

    /// Whether the power failed during a commit.
    pub fn power_is_gone(&self) -> bool {
        self.machine().power_is_gone
    }

    /// The machine restarts: a part of the tail is there, which ends at any byte, and only its
    /// complete groups count.
    pub fn start(&self, random: &mut Random) {
        let mut machine = self.machine();
        *machine = Machine {
            full: machine.full,
            outage: machine.outage,
            taken: std::mem::take(&mut machine.taken),
            ..Machine::default()
        };
        drop(machine);
        if self.place == Place::Apart {
            return;
        }
        let mut state = self.lock();
        let kept = random.place(state.tail.len() + 1);
        let tail = std::mem::take(&mut state.tail);
        // Half of the time all of it was already in transit.
        let kept = if random.once_in(2) { tail.len() } else { kept };
        let mut rest = &tail[..kept];
        while let Some((group, after)) = log::read(rest) {
            rest = after;
            if let Ok(verdicts) = state.lasting.commit(&group) {
                self.facts.durable(&group_as_ours(&group), &verdicts);
            }
        }
        state.seen = log::copy(&state.lasting);
    }

    /// Everything, in our format.
    pub fn dump(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        let rows = self.lock().lasting.dump().into_iter();
        rows.map(|(table, key, value)| (table, key, as_ours(table, value)))
            .collect()
    }

    /// A record as it is.
    pub(super) fn raw_get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.reading(table)?;
        self.lock().seen.get(table, key)
    }

    /// Rows as they are.
    pub(super) fn raw_scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.reading(table)?;
        self.lock().seen.scan(table, from, to, limit)
    }

    /// All groups are taken from those who have them, by nobody.
    pub(super) fn fence(&self) {
        let mut state = self.lock();
        let _ = state.lasting.own(ShardGroups::ALL);
        if let Ok(epoch) = state.seen.own(ShardGroups::ALL) {
            state.owners.take(ShardGroups::ALL, epoch);
        }
    }

    /// How many commits were attempted.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        lock(&self.machine)
    }

    fn reading(&self, table: Table) -> Result<(), StoreError> {
        let reason = "the simulated disk can't be read".to_owned();
        // A definition whose module can't be read is refused, which its launcher does not expect.
        if table == Table::Modules {
            return Ok(());
        }
        let mut machine = self.machine();
        if let Some(outage) = machine.outage {
            let (millis, is_back) = outage.wait(self.clock.elapsed());
            self.clock.advance(millis);
            if !is_back {
                return Err(StoreError::Read { table, reason });
            }
        }
        match &mut machine.reads_left {
            Some(0) => {
                machine.reads_left = None;
                Err(StoreError::Read { table, reason })
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.raw_get(table, key)?;
        Ok(found.map(|value| as_ours(table, value)))
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.raw_scan(table, from, to, limit)?;
        Ok(rows_as_ours(table, rows))
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        // Everything that can go wrong with a commit can go wrong with this one.
        self.commit(&Group::default())?;
        self.reading(Table::Meta)?;
        let mut state = self.lock();
        let epoch = state.seen.own(groups)?;
        state.lasting.own(groups)?;
        state.owners.take(groups, epoch);
        self.machine().taken.insert(epoch.0, groups);
        self.facts.owned(epoch, groups);
        Ok(epoch)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let (mut state, mut machine) = (self.lock(), self.machine());
        state.commits += 1;
        let failed = |machine: &mut Machine, reason: &str| {
            machine.refuses = true;
            Err(StoreError::Write(reason.into()))
        };
        if machine.refuses {
            return failed(&mut machine, "an earlier write failed");
        }
        if machine.full {
            return failed(&mut machine, "no space left on the disk");
        }
        match machine.outage.map(|outage| outage.answer) {
            None | Some(Answer::Late) => {}
            Some(Answer::Refused) => return failed(&mut machine, "the store is away"),
            Some(Answer::Lost) => {
                self.lasts(&mut state, group)?;
                return failed(&mut machine, "the store is away");
            }
        }
        let record = log::write(group);
        match machine.fate.take() {
            None => {}
            Some(CommitFate::Slow(millis)) => self.clock.advance(millis),
            Some(CommitFate::WriteFails) => {
                let part = record.len() / 3;
                self.is_in_transit(&mut state, &record[..part]);
                return failed(&mut machine, "an input/output error");
            }
            Some(CommitFate::SyncFails) => {
                match self.place {
                    Place::Inside => self.is_in_transit(&mut state, &record),
                    // The answer is lost.
                    Place::Apart => self.lasts(&mut state, group)?,
                }
                return failed(&mut machine, "the sync failed");
            }
            Some(fate) => {
                machine.power_is_gone = true;
                machine.refuses = true;
                match fate {
                    CommitFate::PowerAfterSync => self.lasts(&mut state, group)?,
                    CommitFate::PowerDuringWrite
                    | CommitFate::PowerBeforeSync
                    | CommitFate::WriteFails
                    | CommitFate::SyncFails
                    | CommitFate::Slow(_) => self.is_in_transit(&mut state, &record),
                }
                return Err(StoreError::Write("the power went".into()));
            }
        }
        let owners = state.owners;
        state.lasting.commit(group)?;
        let verdicts = state.seen.commit(group)?;
        let wrong = group
            .units
            .iter()
            .zip(&verdicts)
            .find(|(unit, verdict)| **verdict != owners.verdict(unit.owner));
        if let Some((unit, verdict)) = wrong {
            let owner = unit.owner;
            self.facts.violate(format!(
                "a unit of {owner:?} is {verdict:?}, the owners are {owners:?}"
            ));
        }
        let mut fenced = group.units.iter().zip(&verdicts);
        let fenced = fenced.find(|(_, verdict)| **verdict != Verdict::Committed);
        if let (Some((unit, _)), None) = (fenced, &machine.fenced) {
            machine.fenced = Some(unit.clone());
        }
        self.facts.durable(&group_as_ours(group), &verdicts);
        Ok(verdicts)
    }

    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        if self.place == Place::Apart {
            let (owners, mut machine) = (self.lock().owners, self.machine());
            let lost = |unit: &Unit| match unit.owner {
                Owner::Nobody => None,
                Owner::Shard(_, epoch) => {
                    let mut groups = machine.taken.get(&epoch.0)?.iter();
                    groups.find_map(|group| owners.of(group).filter(|present| *present != epoch))
                }
            };
            let mut units = group.units.iter();
            let found = units.find_map(|unit| Some((unit.clone(), lost(unit)?)));
            if let Some((unit, present)) = found {
                machine.fenced.get_or_insert(unit);
                return Ok(vec![Verdict::Fenced { present }; group.units.len()]);
            }
        }
        self.commit(group)
    }
}

impl Disk {
    /// A group becomes durable, and nobody hears of it.
    fn lasts(&self, state: &mut State, group: &Group) -> Result<(), StoreError> {
        let verdicts = state.lasting.commit(group)?;
        if self.place == Place::Apart {
            state.seen.commit(group)?;
        }
        self.facts.durable(&group_as_ours(group), &verdicts);
        Ok(())
    }

    /// Some bytes of a group are written, and may be there after a restart of the machine.
    fn is_in_transit(&self, state: &mut State, bytes: &[u8]) {
        if self.place == Place::Inside {
            state.tail.extend_from_slice(bytes);
        }
    }
}
