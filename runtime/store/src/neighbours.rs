//! Two neighbouring formats in one store, while engines are replaced one after another by newer ones.
//!
//! As long as the store has the older format, all engines write that one, and the newer ones translate what they read and
//! write: the rest of a program knows its newest format alone. Once only newer engines are left, an operator raises the
//! store's format, and what they write from then on is not translated any more. Records of the older format stay until they
//! are written again, or `bureaucrat store migrate` does that.
//!
//! So only records may differ, not their keys, and not what a store says about itself ([`Table::Meta`]) or what is named by
//! its content. What only the newer format can say must not be written before the store has it.

use crate::{
    Group, Row, StoreError, Table, Unit, Write,
    format::{FORMAT, Format, Formats},
};
use std::borrow::Cow;

/// The older format that this program also knows, if there is one.
pub const NEIGHBOURS: Option<Neighbours> = None;

/// The same record in another format.
pub type Translation = fn(Table, &[u8], Vec<u8>) -> Result<Vec<u8>, StoreError>;

/// What differs between a format and the next one.
#[derive(Debug, Clone, Copy)]
pub struct Neighbours {
    pub older: u8,
    /// A record in the newer format, made from one of either.
    pub upgrade: Translation,
    /// A record in the older format, made from one of the newer.
    pub downgrade: Translation,
}

impl Formats {
    /// Those of this program.
    pub const OURS: Self = match NEIGHBOURS {
        Some(Neighbours { older, .. }) => Self::between(older, FORMAT),
        None => Self::ALONE,
    };
}

/// Whether records of a table can have either of two formats.
pub const fn is_translated(table: Table) -> bool {
    !matches!(
        table,
        Table::Meta | Table::Programs | Table::Modules | Table::Sources
    )
}

/// What a program that knows the newer one of two formats does with records of a store.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dialect {
    /// None if every record has the format of the program.
    reads: Option<Translation>,
    writes: Option<Translation>,
}

impl Dialect {
    /// For a store of this format.
    pub fn of(format: Format, neighbours: Option<&Neighbours>) -> Self {
        let is = |number: u8| neighbours.filter(|neighbours| neighbours.older == number);
        Self {
            reads: is(format.oldest()).map(|neighbours| neighbours.upgrade),
            writes: is(format.written()).map(|neighbours| neighbours.downgrade),
        }
    }

    /// A record that was read.
    ///
    /// # Errors
    /// If it does not decode.
    pub fn read(&self, table: Table, key: &[u8], value: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        match self.reads.filter(|_| is_translated(table)) {
            Some(upgrade) => upgrade(table, key, value),
            None => Ok(value),
        }
    }

    /// Rows that were read.
    ///
    /// # Errors
    /// If one does not decode.
    pub fn rows(&self, table: Table, rows: Vec<Row>) -> Result<Vec<Row>, StoreError> {
        if self.reads.is_none() {
            return Ok(rows);
        }
        let rows = rows.into_iter().map(|(key, value)| {
            let value = self.read(table, &key, value)?;
            Ok((key, value))
        });
        rows.collect()
    }

    /// What is to be written.
    ///
    /// # Errors
    /// If the store's format cannot say it.
    pub fn group<'a>(&self, group: &'a Group) -> Result<Cow<'a, Group>, StoreError> {
        let Some(downgrade) = self.writes else {
            return Ok(Cow::Borrowed(group));
        };
        let units = group.units.iter().map(|unit| translated(unit, downgrade));
        let units = units.collect::<Result<_, _>>()?;
        Ok(Cow::Owned(Group { units }))
    }
}

fn translated(unit: &Unit, translation: Translation) -> Result<Unit, StoreError> {
    let writes = unit.writes.iter().map(|write| match write {
        Write::Put { table, key, value } if is_translated(*table) => Ok(Write::Put {
            table: *table,
            value: translation(*table, key, value.clone())?,
            key: key.clone(),
        }),
        Write::Put { .. } | Write::Delete { .. } => Ok(write.clone()),
    });
    Ok(Unit {
        owner: unit.owner,
        writes: writes.collect::<Result<_, StoreError>>()?,
    })
}
