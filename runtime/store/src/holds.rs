//! What keeps a store from being used: a copy or a migration that is not finished, or a copy that took its place.
//!
//! Each store looks for it at its opening, after the format, so that nobody forgets to. Commands that deal with a hold
//! open the store with [`Access::Upkeep`].

use crate::{
    format::{Format, Formats},
    records,
    table::{StoreError, Table, Write},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where it is in [`Table::Meta`].
pub const HOLD_KEY: &[u8] = b"hold";

/// Why nobody may use a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// A copy into it was begun, and is not finished.
    #[serde(rename = "1")]
    Unfinished { from: String },
    /// Its records were copied, and continue there.
    #[serde(rename = "2")]
    Copied { to: String },
    /// A migration was begun, and is not finished.
    #[serde(rename = "3")]
    Migrating {
        /// The format that its present step leads to.
        to: u8,
        /// How far the step has come, in its own words.
        #[serde(with = "serde_bytes")]
        place: Vec<u8>,
    },
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unfinished { from } => write!(
                f,
                "they are an unfinished copy of {from}: begin again with `bureaucrat store copy --again`, which \
                 removes them first"
            ),
            Self::Copied { to } => write!(
                f,
                "they were copied to {to} and continue there: start the engine with those. If they are to continue \
                 here instead, and never there again, run `bureaucrat store reopen`"
            ),
            Self::Migrating { to, .. } => write!(
                f,
                "their migration to format {to} is not finished: run `bureaucrat store migrate` again"
            ),
        }
    }
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be changed: by an engine, or by a repair.
    Use,
    /// To be read: also if it was copied.
    Check,
    /// By a command that deals with holds and older formats.
    Upkeep,
}

/// Whether a program that knows these formats may use a store, by its records of format and hold. Returns its format.
///
/// # Errors
/// [`StoreError::Format`] or [`StoreError::Held`] if not, [`StoreError::Damaged`] if the hold does not decode.
pub fn admit(
    path: &str,
    access: Access,
    formats: Formats,
    format: &[u8],
    hold: Option<&[u8]>,
) -> Result<Format, StoreError> {
    let is_upkeep = access == Access::Upkeep;
    let format = match Format::read(format) {
        Some(older) if is_upkeep && older.written() <= formats.newest() => older,
        Some(_) | None => formats.admit(format)?,
    };
    let hold: Option<Hold> = match hold {
        Some(record) => Some(records::decode(Table::Meta, HOLD_KEY, record)?),
        None => None,
    };
    match hold {
        None => Ok(format),
        Some(_) if is_upkeep => Ok(format),
        Some(Hold::Copied { .. }) if access == Access::Check => Ok(format),
        Some(hold) => {
            let path = path.to_owned();
            Err(StoreError::Held { path, hold })
        }
    }
}

/// The write that puts a hold on a store.
///
/// # Errors
/// If it does not encode.
pub fn put(hold: &Hold) -> Result<Write, StoreError> {
    Ok(Write::Put {
        table: Table::Meta,
        key: HOLD_KEY.to_vec(),
        value: records::encode(hold)?,
    })
}

/// The write that ends it.
pub fn remove() -> Write {
    Write::Delete {
        table: Table::Meta,
        key: HOLD_KEY.to_vec(),
    }
}
