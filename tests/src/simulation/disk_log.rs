//! The records of the simulated disk's log: length, checksum, then the group.

use bureaucrat_store::{Epoch, Group, MemoryStore, Owner, ShardId, Store as _, Table, Unit, Write};

pub(super) fn write(group: &Group) -> Vec<u8> {
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
pub(super) fn read(mut bytes: &[u8]) -> Option<(Group, &[u8])> {
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

/// Another store with the same records.
pub(super) fn copy(store: &MemoryStore) -> MemoryStore {
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
