//! The mark: how far time, the sequence and the timers have come, written with every submission.
//!
//! Engines that share a store have a mark each, under the number of their first group. An engine that takes groups
//! continues after all marks: so numbers and times never run backwards, no matter which engine had the groups before. The
//! number of an event comes after all marks, too: so it comes after each wait that is durable when the event arrives, and
//! any engine that hands the event out later knows by their numbers which waits it is for.

use bureaucrat_model::{ShardGroup, ShardGroups, Timestamp};
use bureaucrat_store::{
    Epoch, Group, Owner, Owners, Store, StoreError, Table, Unit, Verdict, Write, keys, records,
};
use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The engine's time.
    pub now: Timestamp,
    pub sequence: u64,
    /// No timer of its groups that is due before this is left.
    pub fired: Timestamp,
    /// The epoch in which its engine had its groups.
    pub epoch: u64,
}

/// What the keys of marks in the table of meta records begin with.
const MARK: &[u8] = b"mark";

/// There are no more of them.
const MARKS: usize = ShardGroup::COUNT;

/// The key of the mark of an engine with this first group.
pub(crate) fn key(group: ShardGroup) -> Vec<u8> {
    [MARK, &[group.number()]].concat()
}

/// The first group of the engine whose mark has this key in the table of meta records.
fn group_of(key: &[u8]) -> Option<ShardGroup> {
    match key.strip_prefix(MARK)? {
        [number] => ShardGroup::new(*number),
        _ => None,
    }
}

/// Whether a key in the table of meta records is a mark's.
pub(crate) fn is_key(key: &[u8]) -> bool {
    group_of(key).is_some()
}

/// Sequence numbers that a run may have used after its last mark.
pub(crate) const SEQUENCE_GAP: u64 = 1 << 20;

/// The write of a mark.
pub(crate) fn write(group: ShardGroup, mark: &Mark) -> Result<Write, StoreError> {
    Ok(Write::Put {
        table: Table::Meta,
        key: key(group),
        value: records::encode(mark)?,
    })
}

/// The readable marks.
///
/// # Errors
/// If the store can't be read, or a mark is damaged.
pub(crate) fn all(store: &dyn Store) -> Result<Vec<(ShardGroup, Mark)>, StoreError> {
    let rows = store.scan(Table::Meta, MARK, &keys::prefix_end(MARK), MARKS)?;
    let marks = rows.iter().filter_map(|(key, value)| {
        let group = group_of(key)?;
        let mark = records::decode::<Mark>(Table::Meta, key, value);
        Some(mark.map(|mark| (group, mark)))
    });
    marks.collect()
}

/// The highest number that any engine may have given to what is durable.
///
/// # Errors
/// As [`all`].
pub(crate) fn highest(store: &dyn Store) -> Result<u64, StoreError> {
    let marks = all(store)?.into_iter();
    Ok(marks.map(|(_, mark)| mark.sequence).max().unwrap_or(0))
}

/// Where an engine continues that takes these groups, which had these owners.
///
/// # Errors
/// As [`all`].
pub(crate) fn after(
    store: &dyn Store,
    groups: ShardGroups,
    owners: &Owners,
) -> Result<Mark, StoreError> {
    let marks: Vec<Mark> = all(store)?.into_iter().map(|(_, mark)| mark).collect();
    let of = |epoch: Epoch| marks.iter().find(|mark| mark.epoch == epoch.0);
    // Nothing is known of the timers of an owner that has written no mark.
    let fired = groups.iter().map(|group| {
        let mark = owners.of(group).and_then(of);
        mark.map_or(Timestamp(0), |mark| mark.fired)
    });
    Ok(Mark {
        now: marks.iter().map(|mark| mark.now).max().unwrap_or_default(),
        sequence: marks.iter().map(|mark| mark.sequence).max().unwrap_or(0) + SEQUENCE_GAP,
        fired: fired.min().unwrap_or_default(),
        epoch: 0,
    })
}

/// Writes the first mark of an engine that shares the store. An engine that takes its groups before it has submitted anything
/// continues after it, too: otherwise both would draw the same numbers.
///
/// # Errors
/// If the store fails, or another engine has the first of the groups already.
pub(crate) fn begin(
    store: &dyn Store,
    groups: ShardGroups,
    epoch: Epoch,
    mark: &Mark,
) -> Result<(), StoreError> {
    let first = groups.iter().next().unwrap_or(ShardGroup::COMMON);
    let mark = Mark {
        epoch: epoch.0,
        ..*mark
    };
    let unit = Unit {
        owner: Owner::Shard(first.first(), epoch),
        writes: vec![write(first, &mark)?],
    };
    let verdicts = store.commit(&Group { units: vec![unit] })?;
    match verdicts.first() {
        Some(Verdict::Fenced { present }) => Err(StoreError::Fenced { present: present.0 }),
        Some(Verdict::Committed) | None => Ok(()),
    }
}

/// The writes that make timers be read from the beginning of time, where marks are readable.
pub(crate) fn from_the_beginning(store: &dyn Store) -> Result<Vec<Write>, StoreError> {
    let marks = match all(store) {
        Ok(marks) => marks,
        Err(StoreError::Damaged { .. }) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let fired = Timestamp(0);
    let writes = marks
        .iter()
        .map(|(group, mark)| write(*group, &Mark { fired, ..*mark }));
    writes.collect()
}
