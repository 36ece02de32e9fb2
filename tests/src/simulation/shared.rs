//! What the facts know of engines that share a store: their times and numbers, and what they forward to each other.

use super::{Content, Facts, facts::Known, inbox::forward_written};
use bureaucrat_host::forwarded::{Forwarded, forwarded_in};
use bureaucrat_model::{FiberId, ProcessId, ShardGroup, ShardGroups, ShardId, Timestamp, Turn};
use bureaucrat_store::{
    Epoch, Group, Owner, Table, Unit, Verdict, Write,
    keys::{OutboxKey, OutboxKind, WaitKey},
    records,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a number was drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbered {
    Event(ShardId),
    Wait(ProcessId, Turn),
}

#[derive(Debug, Default)]
pub(super) struct SharedFacts {
    /// Whether engines share the store.
    pub is_shared: bool,
    /// The highest number that was durable when an epoch began.
    floors: BTreeMap<u64, u64>,
    /// How far time has come in each epoch.
    times: BTreeMap<u64, Timestamp>,
    /// When something of each group was written last, by the time of who wrote it.
    written: BTreeMap<ShardGroup, Timestamp>,
    /// The epoch of the present unit.
    epoch: u64,
    numbers: BTreeMap<u64, Numbered>,
    /// The rows that forward something, with their bodies.
    forwards: BTreeMap<Content, BTreeMap<OutboxKey, Vec<u8>>>,
    parts: BTreeSet<(ShardGroup, u64)>,
    /// The waits that a part must reach which is on its way.
    expected: BTreeMap<(ShardGroup, u64), BTreeSet<WaitKey>>,
    /// The highest number of the events that a process has taken.
    pub last_taken: BTreeMap<ProcessId, u64>,
    /// How often fibers took events.
    pub taken: BTreeMap<(ProcessId, FiberId, u64), usize>,
    /// The numbers of the questions that engines asked each other.
    asked: BTreeSet<u64>,
    /// The questions of other engines that were carried out.
    carried_out: BTreeSet<u64>,
    /// The highest number that was durable when an event was published, by its publisher's number.
    pub published: BTreeMap<u64, u64>,
    /// What was published to the engines.
    pub sent: BTreeMap<Vec<u8>, Content>,
}

impl SharedFacts {
    /// A unit is written.
    pub fn unit(&mut self, unit: &Unit) {
        if let Owner::Shard(_, epoch) = unit.owner {
            self.epoch = epoch.0;
        }
    }

    /// A part of an event is stored, for the waits that it must reach; `None` if it was before.
    pub fn part_written(&mut self, group: ShardGroup, origin: u64) -> Option<BTreeSet<WaitKey>> {
        let is_new = self.parts.insert((group, origin));
        is_new.then(|| self.expected.remove(&(group, origin)).unwrap_or_default())
    }

    /// A part of an event is on its way to this wait.
    pub fn part_expected(&mut self, group: ShardGroup, origin: u64, wait: WaitKey) {
        let waits = self.expected.entry((group, origin)).or_default();
        waits.insert(wait);
    }
}

impl Facts {
    /// Several engines use the store.
    pub fn is_shared(&self) {
        self.known().shared.is_shared = true;
    }

    /// An engine asks another one: no other question ever has its number.
    pub fn asked(&self, number: u64) {
        let mut known = self.known();
        if !known.shared.asked.insert(number) {
            known.violate(format!("two questions have the number {number}"));
        }
    }

    /// A question of another engine is carried out.
    pub fn carried_out(&self, number: u64) {
        let mut known = self.known();
        if !known.shared.carried_out.insert(number) {
            known.violate(format!("the question {number} was carried out twice"));
        }
    }

    /// How many rows wait in the outbox.
    pub fn waiting(&self) -> usize {
        self.known().outbox.len()
    }

    /// An engine has taken shards: its numbers and times come after what is durable now.
    pub fn owned(&self, epoch: Epoch, groups: ShardGroups) {
        let mut known = self.known();
        let highest = known.highest;
        let shared = &mut known.shared;
        shared.floors.insert(epoch.0, highest);
        // What counts without a mark that says when it was written, says it itself.
        let written = groups.iter().filter_map(|group| shared.written.get(&group));
        let latest = shared.times.values().chain(written).max().copied();
        shared.times.insert(epoch.0, latest.unwrap_or_default());
    }
}

impl Known {
    /// Marks are written: time never runs backwards, no matter which engine had the shards before.
    pub fn time_passes(&mut self, group: &Group, verdicts: &[Verdict]) {
        if !verdicts.contains(&Verdict::Committed) {
            return;
        }
        let mut touched = BTreeSet::new();
        for (unit, verdict) in group.units.iter().zip(verdicts) {
            let now = unit.writes.iter().find_map(|write| Some(mark(write)?.0));
            match (now, unit.owner) {
                (Some(now), _) => {
                    for group in std::mem::take(&mut touched) {
                        let last = self.shared.written.entry(group).or_default();
                        *last = now.max(*last);
                    }
                }
                (None, Owner::Shard(shard, _)) if *verdict == Verdict::Committed => {
                    touched.insert(shard.group());
                }
                (None, Owner::Shard(..) | Owner::Nobody) => {}
            }
            for write in &unit.writes {
                let Some((now, epoch)) = mark(write) else {
                    continue;
                };
                let earlier = self.shared.times.get(&epoch).copied().unwrap_or_default();
                if *verdict == Verdict::Committed {
                    self.shared.times.insert(epoch, now);
                    if now < earlier {
                        self.violate(format!(
                            "time ran backwards: a commit at {now} after one at {earlier}"
                        ));
                    }
                }
                // A mark that is fenced alone still says when the rest was written.
                self.now = now;
            }
        }
    }

    pub fn numbered(&mut self, sequence: u64, what: Numbered) {
        let floor = self.shared.floors.get(&self.shared.epoch).copied();
        let floor = floor.unwrap_or(0);
        if sequence <= floor && floor > 0 {
            self.violate(format!(
                "sequence {sequence} was given again, {floor} was durable at the start"
            ));
        }
        self.highest = self.highest.max(sequence);
        let earlier = self.shared.numbers.insert(sequence, what);
        if self.shared.is_shared && earlier.is_some_and(|earlier| earlier != what) {
            self.violate(format!(
                "sequence {sequence} was given to {what:?} and to {earlier:?}"
            ));
        }
    }

    /// A row of the outbox is written: no other message had its key.
    pub fn row_is_new(&mut self, key: OutboxKey, value: &[u8]) {
        let is_numbered = match key.kind {
            OutboxKind::DeadLetter | OutboxKind::Forward => self.shared.is_shared,
            OutboxKind::Task
            | OutboxKind::Call
            | OutboxKind::Reply
            | OutboxKind::Notice
            | OutboxKind::Resent
            | OutboxKind::Message
            | OutboxKind::Withdrawal
            | OutboxKind::Revocation => false,
        };
        let before = self.outbox.get(&key);
        if is_numbered && before.is_some_and(|before| before != value) {
            self.violate(format!("{key:?} took the place of another message"));
        }
    }

    /// What a unit forwards.
    pub fn forwards(&mut self, unit: &Unit) {
        for write in &unit.writes {
            if let Some((key, body)) = forward_written(write) {
                let content = self.forwarded_content(&body);
                let rows = self.shared.forwards.entry(content).or_default();
                rows.insert(key, body);
            }
        }
    }

    /// What is acknowledged is durable, or is durable as a row that forwards it.
    pub fn is_safe(&self, content: &Content, body: &[u8], count: usize) -> Result<(), String> {
        let Err(why) = self.is_durable(content, body, count) else {
            return Ok(());
        };
        let rows = self.shared.forwards.get(content).map_or(0, BTreeMap::len);
        let wanted = match content {
            Content::Launch(number) => {
                let launch = self.launches.get(*number);
                let starts = launch.and_then(|launch| self.starts.get(&launch.name));
                match launch.is_some_and(|launch| launch.has_id || launch.expected.is_none()) {
                    true => 1,
                    false => {
                        let known = starts.map_or(0, Vec::len) + self.decided.kept(body);
                        count.saturating_sub(known).max(1)
                    }
                }
            }
            Content::Answer { .. }
            | Content::Suspended
            | Content::Event(_)
            | Content::Deployment { .. }
            | Content::Module { .. }
            | Content::Part { .. }
            | Content::BulkOrder { .. }
            | Content::BulkNews
            | Content::Question
            | Content::Forwarded { .. }
            | Content::Hostile => 1,
        };
        if rows >= wanted { Ok(()) } else { Err(why) }
    }

    /// Whether what came to the queue of a group is durable, or is forwarded once more.
    pub fn is_forward_durable(&self, content: &Content, body: &[u8]) -> Result<(), String> {
        let inner = match forwarded_in(body) {
            Some(Forwarded::Message { body, .. }) => body.into_vec(),
            Some(Forwarded::Event { .. } | Forwarded::Between(_)) | None => body.to_vec(),
        };
        let Err(why) = self.is_durable(content, &inner, 1) else {
            return Ok(());
        };
        let rows = self.shared.forwards.get(content);
        let mut others = rows.into_iter().flat_map(BTreeMap::values);
        match others.any(|other| other != body) {
            true => Ok(()),
            false => Err(why),
        }
    }

    pub fn has_part(&self, group: u8, origin: u64) -> Result<(), String> {
        let group = ShardGroup::new(group).unwrap_or(ShardGroup::COMMON);
        match self.shared.parts.contains(&(group, origin)) {
            true => Ok(()),
            false => Err("its part was never written".to_owned()),
        }
    }
}

/// The time of a mark, and the epoch of its engine.
fn mark(write: &Write) -> Option<(Timestamp, u64)> {
    let Write::Put {
        table: Table::Meta,
        key,
        value,
    } = write
    else {
        return None;
    };
    if !key.starts_with(b"mark") {
        return None;
    }
    let mark = records::decode::<(Timestamp, u64, Timestamp, u64)>(Table::Meta, key, value);
    mark.ok().map(|(now, _, _, epoch)| (now, epoch))
}
