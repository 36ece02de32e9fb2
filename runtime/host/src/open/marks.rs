//! The mark: how far time, the sequence and the timers have come, written with every submission.
//!
//! An engine that shares its store writes one for each group in which a submission changes something, in a unit of that
//! group: so whatever counts of a submission when some of its groups are another engine's by now, the marks of these groups
//! count with it. An engine that takes groups continues after all marks, so numbers and times never run backwards, no matter
//! which engine had the groups before.

use bureaucrat_model::{ShardGroup, ShardGroups, Timestamp};
use bureaucrat_store::{
    Epoch, Group, Owner, Owners, Store, StoreError, Table, Unit, Verdict, Write, records,
};
use serde::{Deserialize, Serialize};

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The engine's time.
    pub now: Timestamp,
    pub sequence: u64,
    /// No timer of what it is about is left that is due before this.
    pub fired: Timestamp,
    /// The epoch in which its engine had its groups.
    pub epoch: u64,
}

/// What a mark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// All groups, of an engine alone.
    All,
    /// A group, of an engine that shares.
    Group(ShardGroup),
}

impl Of {
    fn covers(self, group: ShardGroup) -> bool {
        match self {
            Self::All => true,
            Self::Group(one) => one == group,
        }
    }
}

/// What the keys of marks in the table of meta records begin with.
const MARK: &[u8] = b"mark";

/// The key of a mark.
pub(crate) fn key(of: Of) -> Vec<u8> {
    match of {
        Of::All => MARK.to_vec(),
        Of::Group(group) => [MARK, &[group.number()]].concat(),
    }
}

/// Whether a key in the table of meta records is a mark's.
pub(crate) fn is_key(key: &[u8]) -> bool {
    match key.strip_prefix(MARK) {
        Some([]) => true,
        Some([number]) => ShardGroup::new(*number).is_some(),
        Some(_) | None => false,
    }
}

/// Sequence numbers that a run may have used after its last mark.
pub(crate) const SEQUENCE_GAP: u64 = 1 << 20;

/// The write of a mark.
pub(crate) fn write(of: Of, mark: &Mark) -> Result<Write, StoreError> {
    Ok(Write::Put {
        table: Table::Meta,
        key: key(of),
        value: records::encode(mark)?,
    })
}

/// The readable marks.
///
/// # Errors
/// If the store can't be read, or a mark is damaged.
pub(crate) fn all(store: &dyn Store) -> Result<Vec<(Of, Mark)>, StoreError> {
    let mut marks = Vec::new();
    for of in std::iter::once(Of::All).chain(ShardGroup::all().map(Of::Group)) {
        if let Some(mark) = records::read::<Mark>(store, Table::Meta, &key(of))? {
            marks.push((of, mark));
        }
    }
    Ok(marks)
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
    let found = all(store)?;
    // Nothing is known of the timers of a group whose owner has written no mark of it.
    let fired = groups.iter().map(|group| {
        let owner = owners.of(group);
        let is_its =
            |(of, mark): &&(Of, Mark)| of.covers(group) && owner == Some(Epoch(mark.epoch));
        found
            .iter()
            .find(is_its)
            .map_or(Timestamp(0), |(_, mark)| mark.fired)
    });
    let marks: Vec<Mark> = found.iter().map(|(_, mark)| *mark).collect();
    Ok(Mark {
        now: marks.iter().map(|mark| mark.now).max().unwrap_or_default(),
        sequence: marks.iter().map(|mark| mark.sequence).max().unwrap_or(0) + SEQUENCE_GAP,
        fired: fired.min().unwrap_or_default(),
        epoch: 0,
    })
}

/// Writes the first marks of an engine that shares the store. An engine that takes its groups before it has submitted anything
/// continues after them, too: otherwise both would draw the same numbers.
///
/// # Errors
/// If the store fails, or another engine has one of the groups already.
pub(crate) fn begin(
    store: &dyn Store,
    groups: ShardGroups,
    epoch: Epoch,
    mark: &Mark,
) -> Result<(), StoreError> {
    let mark = Mark {
        epoch: epoch.0,
        ..*mark
    };
    let units = groups.iter().map(|group| of_group(group, epoch, &mark));
    let units = units.collect::<Result<Vec<Unit>, StoreError>>()?;
    for verdict in store.commit(&Group { units })? {
        if let Verdict::Fenced { present } = verdict {
            return Err(StoreError::Fenced { present: present.0 });
        }
    }
    Ok(())
}

/// The unit with the mark of a group.
pub(crate) fn of_group(group: ShardGroup, epoch: Epoch, mark: &Mark) -> Result<Unit, StoreError> {
    Ok(Unit {
        owner: Owner::Shard(group.first(), epoch),
        writes: vec![write(Of::Group(group), mark)?],
    })
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
        .map(|(of, mark)| write(*of, &Mark { fired, ..*mark }));
    writes.collect()
}
