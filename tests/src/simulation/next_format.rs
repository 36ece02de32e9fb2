//! A format that is made up: the next one after ours, and a program that knows both, as one of ours will that is released
//! after this one.

use bureaucrat_store::{
    Epoch, Group, Hex, Row, ShardGroups, Store, StoreError, Table, Verdict, Write,
    format::{FORMAT, Format},
    neighbours::{Dialect, Neighbours},
    records,
};
use std::borrow::Cow;

/// What a record of the next format begins with; a program of ours cannot decode it.
const MARK: u8 = 0xf2;
/// What each other byte of it differs by.
const DIFFERENCE: u8 = 0x5a;

pub const NEXT: Neighbours = Neighbours {
    older: FORMAT,
    upgrade: upgraded,
    downgrade: downgraded,
};

/// Whether values of a table begin with a format byte.
const fn has_format(table: Table) -> bool {
    !matches!(
        table,
        Table::BusinessKeys | Table::Subscriptions | Table::Seen
    )
}

fn changed(value: &[u8], first: u8) -> Vec<u8> {
    let rest = value.iter().skip(1).map(|byte| byte ^ DIFFERENCE);
    std::iter::once(first).chain(rest).collect()
}

fn upgraded(table: Table, _: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    Ok(match value.first() {
        Some(&records::FORMAT) if has_format(table) => changed(&value, MARK),
        _ => value,
    })
}

fn downgraded(table: Table, _: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    Ok(as_ours(table, value))
}

/// What our program makes of a record that it takes for one of the next format.
fn known(table: Table, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    match value.first() {
        Some(&records::FORMAT) if has_format(table) => Err(StoreError::Damaged {
            table,
            key: Hex(key).to_string(),
            reason: "it has the older format".to_owned(),
        }),
        _ => downgraded(table, key, value),
    }
}

/// Makes of our program one that knows nothing but the next format.
fn made_up() -> Dialect {
    let turned = Neighbours {
        older: FORMAT,
        upgrade: known,
        downgrade: upgraded,
    };
    Dialect::of(Format::whole(FORMAT), Some(&turned))
}

/// A store of this format as the program of the next one uses it.
pub fn next_program<S: Store>(store: S, format: Format) -> Translated<Translated<S>> {
    let translated = Translated::new(store, Dialect::of(format, Some(&NEXT)));
    Translated::new(translated, made_up())
}

/// Whether a record has the next format.
pub fn is_next(table: Table, value: &[u8]) -> bool {
    value.first() == Some(&MARK) && has_format(table)
}

/// A record of either format as ours.
pub fn as_ours(table: Table, value: Vec<u8>) -> Vec<u8> {
    match is_next(table, &value) {
        true => changed(&value, records::FORMAT),
        false => value,
    }
}

/// The same of rows.
pub fn rows_as_ours(table: Table, rows: Vec<Row>) -> Vec<Row> {
    let rows = rows.into_iter();
    rows.map(|(key, value)| (key, as_ours(table, value)))
        .collect()
}

/// The same of what is written.
pub fn group_as_ours(group: &Group) -> Cow<'_, Group> {
    let is_other = |write: &Write| match write {
        Write::Put { table, value, .. } => is_next(*table, value),
        Write::Delete { .. } => false,
    };
    if !group
        .units
        .iter()
        .flat_map(|unit| &unit.writes)
        .any(is_other)
    {
        return Cow::Borrowed(group);
    }
    let mut group = group.clone();
    for write in group.units.iter_mut().flat_map(|unit| &mut unit.writes) {
        if let Write::Put { table, value, .. } = write {
            *value = as_ours(*table, std::mem::take(value));
        }
    }
    Cow::Owned(group)
}

/// A store whose records are translated.
#[derive(Debug)]
pub struct Translated<S> {
    inside: S,
    dialect: Dialect,
}

impl<S: Store> Translated<S> {
    pub const fn new(inside: S, dialect: Dialect) -> Self {
        Self { inside, dialect }
    }
}

impl<S: Store> Store for Translated<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.inside.get(table, key)?;
        let read = found.map(|value| self.dialect.read(table, key, value));
        read.transpose()
    }

    fn scan(
        &self,
        table: Table,
        from: &[u8],
        to: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self.inside.scan(table, from, to, limit)?;
        self.dialect.rows(table, rows)
    }

    fn own(&self, groups: ShardGroups) -> Result<Epoch, StoreError> {
        self.inside.own(groups)
    }

    fn commit(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.inside.commit(&*self.dialect.group(group)?)
    }

    fn commit_whole(&self, group: &Group) -> Result<Vec<Verdict>, StoreError> {
        self.inside.commit_whole(&*self.dialect.group(group)?)
    }
}
