//! The machine's disk, under the in-memory store: a log of groups that is written, then synced.
//! What is not synced when the power fails is lost, or kept up to any byte. Writes, syncs and reads
//! fail, the disk is full, a commit takes time.
//!
//! A group counts once it was synced; then the facts are told.

use super::{
    Facts, Random, SimulatedClock,
    away::{Answer, Outage},
};
use bureaucrat_host::clock::ClockSource as _;
use bureaucrat_model::{ShardId, lock};
use bureaucrat_store::{
    Epoch, Group, MemoryStore, Owner, Owners, Row, ShardGroups, Store, StoreError, Table, Unit,
    Verdict, Write,
};
use std::sync::{Arc, Mutex, MutexGuard};

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFate {
    /// The power fails during the write; some bytes may be on the disk.
    PowerDuringWrite,
    /// The power fails after the write and before the sync.
    PowerBeforeSync,
    /// The power fails when the commit is durable, before anyone knows.
    PowerAfterSync,
    /// Writing fails after some bytes.
    WriteFails,
    /// The sync fails; what was written may be kept or not.
    SyncFails,
    /// It takes this many milliseconds.
    Slow(u64),
}

#[derive(Debug)]
struct State {
    seen: MemoryStore,
    lasting: MemoryStore,
    /// Written and not synced.
    tail: Vec<u8>,
    fate: Option<CommitFate>,
    full: bool,
    /// After a failure nothing is written until the engine restarts, as in the production store.
    refuses: bool,
    reads_left: Option<u64>,
    outage: Option<Outage>,
    power_is_gone: bool,
    commits: u64,
    owners: Owners,
}

#[derive(Debug)]
pub struct Disk {
    state: Mutex<State>,
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
            fate: None,
            full: false,
            refuses: false,
            reads_left: None,
            outage: None,
            power_is_gone: false,
            commits: 0,
            owners: Owners::default(),
        };
        Self {
            state: Mutex::new(state),
            facts,
            clock,
        }
    }

    /// Decides what happens to the next commit.
    pub fn set_fate(&self, fate: CommitFate) {
        self.lock().fate = Some(fate);
    }

    /// Fills the disk, or makes room.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Makes the `count`th read from now fail, or none.
    pub fn fail_reading(&self, count: Option<u64>) {
        self.lock().reads_left = count;
    }

    /// Has it go away, or come back.
    pub(super) fn set_outage(&self, outage: Option<Outage>) {
        self.lock().outage = outage;
    }

    pub(super) fn outage(&self) -> Option<Outage> {
        self.lock().outage
    }

    /// Whether the power failed during a commit.
    pub fn power_is_gone(&self) -> bool {
        self.lock().power_is_gone
    }

    /// The machine restarts: a part of the tail is there, which ends at any byte, and only its
    /// complete groups count.
    pub fn start(&self, random: &mut Random) {
        let mut state = self.lock();
        let kept = random.place(state.tail.len() + 1);
        let tail = std::mem::take(&mut state.tail);
        // Half of the time all of it was already in transit.
        let kept = if random.once_in(2) { tail.len() } else { kept };
        let mut rest = &tail[..kept];
        while let Some((group, after)) = log::read(rest) {
            rest = after;
            if let Ok(verdicts) = state.lasting.commit(&group) {
                self.facts.durable(&group, &verdicts);
            }
        }
        state.seen = copy(&state.lasting);
        state.fate = None;
        state.refuses = false;
        state.reads_left = None;
        state.power_is_gone = false;
    }

    pub fn dump(&self) -> Vec<(Table, Vec<u8>, Vec<u8>)> {
        self.lock().lasting.dump()
    }

    /// How many commits were attempted.
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn reading(&self, state: &mut State, table: Table) -> Result<(), StoreError> {
        let reason = "the simulated disk can't be read".to_owned();
        // A definition whose module can't be read is refused, which its launcher does not expect.
        if table == Table::Modules {
            return Ok(());
        }
        if let Some(outage) = state.outage {
            let (millis, is_back) = outage.wait(self.clock.elapsed());
            self.clock.advance(millis);
            if !is_back {
                return Err(StoreError::Read { table, reason });
            }
        }
        match &mut state.reads_left {
            Some(0) => {
                state.reads_left = None;
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

fn copy(store: &MemoryStore) -> MemoryStore {
    let copy = MemoryStore::new();
    let rows = store.dump().into_iter();
    let writes = rows
        .map(|(table, key, value)| Write::Put { table, key, value })
        .collect();
    // On behalf of nobody, so that nothing is fenced.
    let _ = copy.commit(&Group {
        units: vec![Unit::of(writes)],
    });
    copy
}

impl Store for Disk {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut state = self.lock();
        self.reading(&mut state, table)?;
        state.seen.get(table, key)
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut state = self.lock();
        self.reading(&mut state, table)?;
        state.seen.scan(table, from, to, limit)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        // Everything that can go wrong with a commit can go wrong with this one.
        self.commit(&Group::default())?;
        let mut state = self.lock();
        self.reading(&mut state, Table::Meta)?;
        let epoch = state.seen.own(groups)?;
        state.lasting.own(groups)?;
        state.owners.take(groups, epoch);
        Ok(epoch)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        let mut state = self.lock();
        state.commits += 1;
        let failed = |state: &mut State, reason: &str| {
            state.refuses = true;
            Err(StoreError::Write(reason.into()))
        };
        if state.refuses {
            return failed(&mut state, "an earlier write failed");
        }
        if state.full {
            return failed(&mut state, "no space left on the disk");
        }
        match state.outage.map(|outage| outage.answer) {
            None | Some(Answer::Late) => {}
            Some(Answer::Refused) => return failed(&mut state, "the store is away"),
            Some(Answer::Lost) => {
                let verdicts = state.lasting.commit(group)?;
                self.facts.durable(group, &verdicts);
                return failed(&mut state, "the store is away");
            }
        }
        let record = log::write(group);
        match state.fate.take() {
            None => {}
            Some(CommitFate::Slow(millis)) => self.clock.advance(millis),
            Some(CommitFate::WriteFails) => {
                let part = record.len() / 3;
                state.tail.extend_from_slice(&record[..part]);
                return failed(&mut state, "an input/output error");
            }
            Some(CommitFate::SyncFails) => {
                state.tail.extend_from_slice(&record);
                return failed(&mut state, "the sync failed");
            }
            Some(fate) => {
                state.power_is_gone = true;
                state.refuses = true;
                match fate {
                    CommitFate::PowerAfterSync => {
                        let verdicts = state.lasting.commit(group)?;
                        self.facts.durable(group, &verdicts);
                    }
                    CommitFate::PowerDuringWrite
                    | CommitFate::PowerBeforeSync
                    | CommitFate::WriteFails
                    | CommitFate::SyncFails
                    | CommitFate::Slow(_) => state.tail.extend_from_slice(&record),
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
        self.facts.durable(group, &verdicts);
        Ok(verdicts)
    }
}

/// The log's records: length, checksum, then the group.
mod log {
    use super::{Epoch, Group, Owner, ShardId, Table, Unit, Write};

    pub fn write(group: &Group) -> Vec<u8> {
        let mut body = Vec::new();
        number(&mut body, group.units.len());
        for unit in &group.units {
            let (kind, shard, epoch) = match unit.owner {
                Owner::Nobody => (0, 0, 0),
                Owner::Shard(shard, epoch) => (1, shard.0, epoch.0),
            };
            body.extend_from_slice(&[kind, shard]);
            body.extend_from_slice(&u64::to_be_bytes(epoch));
            number(&mut body, unit.writes.len());
            for write in &unit.writes {
                let (table, key, value) = match write {
                    Write::Put { table, key, value } => (table, key, Some(value)),
                    Write::Delete { table, key } => (table, key, None),
                };
                body.push(*table as u8);
                bytes(&mut body, key);
                body.push(u8::from(value.is_some()));
                bytes(&mut body, value.map_or(&[], Vec::as_slice));
            }
        }
        let mut record = Vec::with_capacity(body.len() + 12);
        number(&mut record, body.len());
        record.extend_from_slice(&checksum(&body).to_be_bytes());
        record.extend_from_slice(&body);
        record
    }

    /// The first complete record, and what follows it.
    pub fn read(mut bytes: &[u8]) -> Option<(Group, &[u8])> {
        let length = take_number(&mut bytes)?;
        let sum = take(&mut bytes, 8)?;
        let mut body = take(&mut bytes, length)?;
        if sum != checksum(body).to_be_bytes() {
            return None;
        }
        let mut group = Group::default();
        for _ in 0..take_number(&mut body)? {
            let mut unit = Unit::default();
            let (kind, shard) = (take(&mut body, 1)?[0], take(&mut body, 1)?[0]);
            let epoch = u64::from_be_bytes(take(&mut body, 8)?.try_into().ok()?);
            if kind == 1 {
                unit.owner = Owner::Shard(ShardId(shard), Epoch(epoch));
            }
            for _ in 0..take_number(&mut body)? {
                let number = take(&mut body, 1)?[0];
                let table = Table::ALL
                    .into_iter()
                    .find(|table| *table as u8 == number)?;
                let key = take_bytes(&mut body)?;
                let is_put = take(&mut body, 1)? == [1];
                let value = take_bytes(&mut body)?;
                unit.writes.push(if is_put {
                    Write::Put { table, key, value }
                } else {
                    Write::Delete { table, key }
                });
            }
            group.units.push(unit);
        }
        Some((group, bytes))
    }

    fn checksum(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    fn number(out: &mut Vec<u8>, number: usize) {
        out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
        number(out, bytes.len());
        out.extend_from_slice(bytes);
    }

    fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        Some(taken)
    }

    fn take_number(bytes: &mut &[u8]) -> Option<usize> {
        let number = u32::from_be_bytes(take(bytes, 4)?.try_into().ok()?);
        usize::try_from(number).ok()
    }

    fn take_bytes(bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let length = take_number(bytes)?;
        Some(take(bytes, length)?.to_vec())
    }
}
