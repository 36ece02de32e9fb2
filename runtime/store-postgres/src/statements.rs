//! The statements of a session, each prepared when it is used first.

use bureaucrat_store::{Table, lock};
use std::{collections::HashMap, sync::Mutex};
use tokio_postgres::{Client, Error, Statement};

/// What a statement does with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// The record at `$1`.
    Get,
    /// At most `$3` records from `$1` to `$2`.
    Scan,
    /// Puts the values `$2` at the keys `$1`.
    Put,
    /// Deletes the keys `$1`.
    Delete,
}

impl Shape {
    fn text(self, table: Table) -> String {
        let name = quoted(table);
        match self {
            Self::Get => format!("SELECT value FROM {name} WHERE key = $1"),
            Self::Scan => format!(
                "SELECT key, value FROM {name} WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3"
            ),
            Self::Put => format!(
                "INSERT INTO {name} (key, value) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            ),
            Self::Delete => format!("DELETE FROM {name} WHERE key = ANY($1::bytea[])"),
        }
    }
}

/// A table's name; some are words of SQL.
pub fn quoted(table: Table) -> String {
    format!("\"{}\"", table.name())
}

/// Checks the epoch `$1`, unless it is null, and notes the number `$2` of the commit.
const FENCE: &str = "SELECT fence($1::bytea, $2::bigint)";

#[derive(Default)]
pub struct Statements(Mutex<HashMap<Which, Statement>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    Fence,
    Of(Shape, Table),
}

impl Statements {
    pub async fn get(&self, client: &Client, which: Which) -> Result<Statement, Error> {
        let known = {
            let known = lock(&self.0);
            known.get(&which).cloned()
        };
        if let Some(statement) = known {
            return Ok(statement);
        }
        let text = match which {
            Which::Fence => FENCE.to_owned(),
            Which::Of(shape, table) => shape.text(table),
        };
        let statement = client.prepare(&text).await?;
        let mut known = lock(&self.0);
        known.insert(which, statement.clone());
        Ok(statement)
    }
}
