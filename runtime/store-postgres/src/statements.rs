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

/// Notes the number `$2` of a commit of `$1`, which writes for the groups `$3`: the records of their owners, at the keys
/// `$4`, must be `$5`.
const FENCE: &str = "SELECT fence($1::text, $2::bigint, $3::int[], $4::bytea[], $5::bytea[])";
/// Notes the number `$2` of a commit of `$1`, which takes the groups `$3` over after the epoch of the record `$4`. Their
/// leases must be those of `$5`, unless that is null, and the record of the format `$6`.
const TAKE_OVER: &str =
    "SELECT take_over($1::text, $2::bigint, $3::int[], $4::bytea, $5::text, $6::bytea)";
const OWNERS: &str = "SELECT key, value FROM meta WHERE key = ANY($1::bytea[])";

/// All leases, then all engines that share. Before, the leases of `$1` are renewed for `$2` milliseconds if `$4`, and `$1`
/// counts as an engine that shares for as long, over the queues `$5`, if `$3`.
const LOOK: &str = "\
    WITH renewed AS ( \
        UPDATE lease SET until = clock_timestamp() + $2::bigint * interval '1 millisecond' \
        WHERE holder = $1::text AND $4::boolean RETURNING shard_group), \
    listed AS ( \
        INSERT INTO engines (holder, until, queues) \
        SELECT $1::text, clock_timestamp() + $2::bigint * interval '1 millisecond', $5::text WHERE $3::boolean \
        ON CONFLICT (holder) DO UPDATE SET until = excluded.until, queues = excluded.queues) \
    SELECT shard_group::int, holder, CASE WHEN until <= clock_timestamp() THEN true WHEN isfinite(until) THEN false END, \
        EXISTS (SELECT FROM renewed WHERE renewed.shard_group = lease.shard_group) FROM lease \
    UNION ALL SELECT NULL::int, holder, until <= clock_timestamp(), false FROM engines";

/// `$1` takes those of the groups `$3` that are its own or nobody's, for `$2` milliseconds, if there are at least `$5` of
/// them, and gives the groups `$4` back. The rows are locked first, in their order, so that they are counted as they are.
const TAKE: &str = "\
    WITH found AS MATERIALIZED ( \
        SELECT shard_group FROM lease WHERE shard_group = ANY($3::smallint[]) \
        AND (holder = $1::text OR until <= clock_timestamp()) ORDER BY shard_group FOR UPDATE), \
    given AS ( \
        UPDATE lease SET holder = '', until = '-infinity' \
        WHERE shard_group = ANY($4::smallint[]) AND holder = $1::text), \
    swept AS (DELETE FROM engines WHERE until <= clock_timestamp() AND holder <> $1::text) \
    UPDATE lease SET holder = $1::text, until = clock_timestamp() + $2::bigint * interval '1 millisecond' FROM found \
    WHERE lease.shard_group = found.shard_group AND (SELECT count(*) FROM found) >= $5::bigint \
    RETURNING lease.shard_group::int";

#[derive(Default)]
pub struct Statements(Mutex<HashMap<Which, Statement>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Which {
    Fence,
    TakeOver,
    Owners,
    Look,
    Take,
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
            Which::TakeOver => TAKE_OVER.to_owned(),
            Which::Owners => OWNERS.to_owned(),
            Which::Look => LOOK.to_owned(),
            Which::Take => TAKE.to_owned(),
            Which::Of(shape, table) => shape.text(table),
        };
        let statement = client.prepare(&text).await?;
        let mut known = lock(&self.0);
        known.insert(which, statement.clone());
        Ok(statement)
    }
}
