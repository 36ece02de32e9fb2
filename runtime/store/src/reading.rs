//! Reading around damage: a scan that continues after unreadable parts and reports what it left
//! out.

use crate::{
    keys,
    table::{Row, Store, StoreError, Table},
};

/// A part of a table that is damaged and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The first key that may be lost.
    pub from: Vec<u8>,
    /// The first key after the gap that can be read again.
    pub to: Vec<u8>,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Portion {
    /// Rows in the order of their keys.
    pub rows: Vec<Row>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// Where the next portion begins; `None` at the end of the range.
    pub next: Option<Vec<u8>>,
}

/// Scans like [`Store::scan`], but continues after damaged parts. The end of such a part is
/// searched among possible keys, so two damaged parts with little between them may count as one.
///
/// # Errors
/// If reading fails for reasons other than damage.
pub fn scan_around(
    store: &dyn Store,
    table: Table,
    from: &[u8],
    to: &[u8],
    limit: usize,
) -> Result<Portion, StoreError> {
    let mut portion = Portion::default();
    let mut at = from.to_vec();
    let mut step = limit.max(1);
    while at.as_slice() < to && portion.rows.len() < limit {
        let wanted = step.min(limit - portion.rows.len());
        match store.scan(table, &at, to, wanted) {
            Ok(rows) => {
                let done = rows.len() < wanted;
                if let Some((key, _)) = rows.last() {
                    at = keys::successor(key);
                }
                portion.rows.extend(rows);
                if done {
                    return Ok(portion);
                }
            }
            // A failed scan returns nothing, not even what comes before the damage.
            Err(StoreError::Damaged { .. }) if wanted > 1 => step = wanted / 2,
            Err(StoreError::Damaged { reason, .. }) => {
                let end = readable_again(store, table, &at, to)?;
                let from = std::mem::replace(&mut at, end.clone());
                portion.gaps.push(Gap {
                    from,
                    to: end,
                    reason,
                });
                step = limit.max(1);
            }
            Err(error) => return Err(error),
        }
    }
    portion.next = (at.as_slice() < to).then_some(at);
    Ok(portion)
}

/// How many rows of a table to read at once when reading many: fewer if records are large.
pub const fn batch_of(table: Table) -> usize {
    match table {
        Table::Programs | Table::Modules | Table::Values | Table::Letters | Table::Sources => 16,
        Table::Kept => 16,
        Table::Instances
        | Table::Timers
        | Table::Subscriptions
        | Table::Events
        | Table::Outbox
        | Table::Seen
        | Table::History
        | Table::Meta
        | Table::Fibers
        | Table::Aside
        | Table::Backlog
        | Table::Recent
        | Table::Searched
        | Table::Definitions
        | Table::BusinessKeys
        | Table::Launches
        | Table::Schedules
        | Table::Recalls
        | Table::ModuleRecords
        | Table::ModuleNames
        | Table::BulkJobs
        | Table::BulkOutcomes
        | Table::AuditLog
        | Table::Taken => 1_000,
    }
}

/// Passes every readable row of a range to `row`, holding [`batch_of`] the table in memory at a
/// time, and returns what cannot be read.
///
/// # Errors
/// As [`scan_around`].
pub fn scan_all(
    store: &dyn Store,
    table: Table,
    from: &[u8],
    to: &[u8],
    mut row: impl FnMut(Vec<u8>, Vec<u8>) -> Result<(), StoreError>,
) -> Result<Vec<Gap>, StoreError> {
    let mut gaps = Vec::new();
    let mut next = Some(from.to_vec());
    while let Some(from) = next {
        let portion = scan_around(store, table, &from, to, batch_of(table))?;
        for (key, value) in portion.rows {
            row(key, value)?;
        }
        gaps.extend(portion.gaps);
        next = portion.next;
    }
    Ok(gaps)
}

/// How many bytes of a key are compared in the search for the end of a damaged part.
const PRECISION: usize = 48;

/// A place in the order of keys: the first bytes of a key, padded with zeros.
type Place = [u8; PRECISION];

/// The first place after `from` where reading works again, or `to`. Searches in doubling steps,
/// then by bisection.
fn readable_again(
    store: &dyn Store,
    table: Table,
    from: &[u8],
    to: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let is_readable = |place: &Place| match store.scan(table, place, to, 1) {
        Ok(_) => Ok(true),
        Err(StoreError::Damaged { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    let start = place_of(from);
    let (mut low, mut high) = (start, None);
    for bit in 0..PRECISION * 8 {
        let Some(place) = plus_power(&start, bit).filter(|place| place.as_slice() < to) else {
            break;
        };
        if is_readable(&place)? {
            high = Some(place);
            break;
        }
        low = place;
    }
    let mut high = high.unwrap_or_else(|| place_of(to));
    while let Some(middle) = between(&low, &high) {
        if is_readable(&middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(if high.as_slice() < to {
        high.to_vec()
    } else {
        to.to_vec()
    })
}

fn place_of(key: &[u8]) -> Place {
    let mut place = [0; PRECISION];
    let length = key.len().min(PRECISION);
    place[..length].copy_from_slice(&key[..length]);
    place
}

/// The place plus two to the power of `bit`; `None` past the end.
fn plus_power(place: &Place, bit: usize) -> Option<Place> {
    let mut sum = *place;
    let mut at = PRECISION - 1 - bit / 8;
    let (mut byte, mut carry) = sum[at].overflowing_add(1 << (bit % 8));
    loop {
        sum[at] = byte;
        if !carry {
            return Some(sum);
        }
        at = at.checked_sub(1)?;
        (byte, carry) = sum[at].overflowing_add(1);
    }
}

/// The place halfway between two; `None` if they are neighbours.
fn between(low: &Place, high: &Place) -> Option<Place> {
    let mut sum = [0_u16; PRECISION];
    let mut carry = 0;
    for at in (0..PRECISION).rev() {
        let total = u16::from(low[at]) + u16::from(high[at]) + carry;
        sum[at] = total & 0xff;
        carry = total >> 8;
    }
    let mut middle = [0; PRECISION];
    for at in 0..PRECISION {
        let total = carry << 8 | sum[at];
        middle[at] = u8::try_from(total / 2).unwrap_or(u8::MAX);
        carry = total % 2;
    }
    (middle != *low && middle < *high).then_some(middle)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Epoch, Group, MemoryStore, ShardGroups, Unit, Verdict, Write};

    /// A store in which every read that touches one of some keys finds damage.
    struct Damaged {
        inside: MemoryStore,
        bad: std::ops::Range<u32>,
    }

    impl Store for Damaged {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            self.inside.get(table, key)
        }

        fn scan(
            &self,
            table: Table,
            from: &[u8],
            to: &[u8],
            limit: usize,
        ) -> Result<Vec<Row>, StoreError> {
            let rows = self.inside.scan(table, from, to, limit)?;
            let is_bad = |key: &[u8]| self.bad.contains(&number(key));
            match rows.iter().find(|(key, _)| is_bad(key)) {
                Some((key, _)) => Err(StoreError::Damaged {
                    table,
                    key: crate::Hex(key).to_string(),
                    reason: "bad".into(),
                }),
                None => Ok(rows),
            }
        }

        fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
            self.inside.own(groups)
        }

        fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
            self.inside.commit(group)
        }
    }

    fn key(number: u32) -> Vec<u8> {
        [b"prefix".as_slice(), &number.to_be_bytes()].concat()
    }

    fn number(key: &[u8]) -> u32 {
        u32::from_be_bytes(key[6..10].try_into().unwrap())
    }

    #[test]
    fn a_scan_loses_exactly_what_is_damaged() {
        for bad in [0..0, 0..1, 17..18, 40..300, 990..1000, 0..1000] {
            let store = Damaged {
                inside: MemoryStore::new(),
                bad: bad.clone(),
            };
            let writes = (0..1000).map(|number| Write::Put {
                table: Table::Timers,
                key: key(number * 3),
                value: vec![],
            });
            let unit = Unit::of(writes.collect());
            store.commit(&Group { units: vec![unit] }).unwrap();
            for limit in [1, 7, 1000, 5000] {
                let mut found = Vec::new();
                let mut gaps = 0;
                let mut next = Some(Vec::new());
                while let Some(from) = next {
                    let end = [u8::MAX; 20];
                    let portion = scan_around(&store, Table::Timers, &from, &end, limit).unwrap();
                    assert!(portion.rows.len() <= limit);
                    found.extend(portion.rows.iter().map(|(key, _)| number(key)));
                    gaps += portion.gaps.len();
                    next = portion.next;
                }
                let expected = (0..1000).map(|number| number * 3);
                let expected: Vec<_> = expected.filter(|number| !bad.contains(number)).collect();
                assert_eq!(found, expected, "{bad:?}, {limit} at once");
                assert_eq!(gaps, usize::from(expected.len() < 1000), "{bad:?}");
            }
        }
    }
}
