//! The row of the lease, and the session that holds the lock of the schema.

use crate::{
    address::cause,
    session::{HELD, LOCK, Session, Trouble},
};
use std::{fmt, time::Duration};
use tokio_postgres::error::SqlState;

/// The name of sessions that are a command's.
const COMMAND: &str = "bureaucrat command";

/// An engine that wants a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The same for the next run of the same engine, which takes the lease back at once.
    pub name: String,
    /// How long it may be silent.
    pub term: Duration,
}

/// Who has the records while somebody else wants them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// None before an engine has ever had them, and while they are only checked.
    holder: Option<String>,
    /// Until it may be given up.
    left: Duration,
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Some(holder) if self.is_over() => {
                write!(f, "the engine {holder} had them last, and {HELD}")
            }
            Some(holder) => write!(f, "the engine {holder} has them"),
            None => f.write_str(HELD),
        }
    }
}

impl Holding {
    pub const fn unknown() -> Self {
        Self {
            holder: None,
            left: Duration::MAX,
        }
    }

    pub const fn is_over(&self) -> bool {
        self.left.is_zero()
    }
}

/// The table is not as engines leave it.
fn altered(what: &str) -> Trouble {
    Trouble::Refused(format!(
        "the table `lease` was altered: {what}. Stop every engine that uses the schema, give the table its columns \
         `holder text` and `until timestamptz` if they are not there, and one row that is free: `DELETE FROM lease; INSERT INTO lease VALUES ('', '-infinity')`"
    ))
}

/// What a refused statement about the table means.
fn refused(error: tokio_postgres::Error) -> Trouble {
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_COLUMN => altered(&cause(&error)),
        _ => error.into(),
    }
}

impl Session {
    /// Takes the lease, if nobody else has it: whether it is ours.
    pub async fn take(&self, holder: &Holder) -> Result<bool, Trouble> {
        let take = "UPDATE lease SET holder = $1, \
                    until = clock_timestamp() + $2::bigint * interval '1 millisecond' \
                    WHERE holder = $1 OR until <= clock_timestamp()";
        self.change(take, holder).await
    }

    pub async fn renew(&self, holder: &Holder) -> Result<bool, Trouble> {
        let renew = "UPDATE lease SET until = clock_timestamp() + $2::bigint * interval '1 millisecond' \
                     WHERE holder = $1";
        self.change(renew, holder).await
    }

    pub async fn release(&self, holder: &Holder) -> Result<(), Trouble> {
        let release = "UPDATE lease SET until = '-infinity' WHERE holder = $1";
        self.client.execute(release, &[&holder.name]).await?;
        Ok(())
    }

    async fn change(&self, statement: &str, holder: &Holder) -> Result<bool, Trouble> {
        let term = i64::try_from(holder.term.as_millis()).unwrap_or(i64::MAX);
        let changed = self
            .client
            .execute(statement, &[&holder.name, &term])
            .await
            .map_err(refused)?;
        Ok(changed > 0)
    }

    /// Says that this is no engine that could fall silent, so that none ends the session.
    pub async fn work_as_command(&self) -> Result<(), Trouble> {
        let name = format!("SET application_name = '{COMMAND}'");
        Ok(self.client.batch_execute(&name).await?)
    }

    pub async fn unlock(&self) -> Result<(), Trouble> {
        let unlock = "SELECT pg_advisory_unlock_all()";
        Ok(self.client.batch_execute(unlock).await?)
    }

    pub async fn holding(&self) -> Result<Holding, Trouble> {
        let asked = "SELECT holder, CASE WHEN until <= clock_timestamp() THEN 0 WHEN isfinite(until) \
                     THEN ceil(extract(epoch FROM until - clock_timestamp()) * 1000)::bigint END FROM lease";
        let rows = self.client.query(asked, &[]).await.map_err(refused)?;
        let [row] = &*rows else {
            return Err(altered(&format!("it has {} rows, not one", rows.len())));
        };
        let holder: Option<String> = row.try_get(0)?;
        let Some(holder) = holder else {
            return Err(altered("the column `holder` of its row is null"));
        };
        let left: Option<i64> = row.try_get(1)?;
        let Some(left) = left else {
            return Err(altered(&format!(
                "the column `until` of the row of `{holder}` is no time that ends"
            )));
        };
        Ok(Holding {
            holder: Some(holder).filter(|holder| !holder.is_empty()),
            left: Duration::from_millis(left.unsigned_abs()),
        })
    }

    /// Ends the session that holds the lock of the schema, unless its engine has renewed its lease meanwhile.
    pub async fn evict(&self, schema: &str) -> Result<(), Trouble> {
        let evict = "SELECT pg_terminate_backend(pid) FROM pg_locks \
                     WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                     AND classid = $1::int::oid AND objsubid = 2 \
                     AND objid = (hashtext($2)::bigint & 4294967295)::oid \
                     AND NOT EXISTS (SELECT FROM pg_stat_activity AS other \
                     WHERE other.pid = pg_locks.pid AND other.application_name = $3) \
                     AND EXISTS (SELECT FROM lease WHERE until <= clock_timestamp())";
        let ended = self
            .client
            .query(evict, &[&LOCK, &schema, &COMMAND])
            .await?;
        if !ended.is_empty() {
            tracing::warn!("the engine that had the records is silent; its session was ended");
        }
        Ok(())
    }
}
