//! Advisory locks of the server: who uses the schema, and in which session an engine commits.
//!
//! Each has two numbers: a class of ours, and a hash of names. If two hashes are the same by chance, one only waits for
//! the other. Those of groups and of the counter of epochs last as long as a transaction; `schema.rs` takes them.

use crate::{
    session::{Session, Trouble},
    user::{COMMAND, Lock, User},
};

/// The schema: engines share it, a command has it alone.
const SCHEMA: i32 = 0x6275_7261;
/// The name of an engine: the session in which it commits has it.
const ENGINE: i32 = 0x6275_7262;
/// A group of shards: commits share it, who takes it over has it alone.
pub const GROUP: i32 = 0x6275_7263;
/// The counter of epochs, and the making of the tables.
pub const EPOCH: i32 = 0x6275_7264;
impl Session {
    /// Takes the locks of a session that commits, which the server holds as long as this session lasts; all or none.
    pub async fn lock(&self, schema: &str, user: &User) -> Result<Lock, Trouble> {
        let (shared, alone) = (
            "SELECT pg_try_advisory_lock_shared($1, hashtext($2))",
            "SELECT pg_try_advisory_lock($1, hashtext($2))",
        );
        if *user == User::Command {
            return Ok(match self.tries(alone, SCHEMA, schema).await? {
                true => Lock::Ours,
                false => Lock::OfSchema,
            });
        }
        if !self.tries(shared, SCHEMA, schema).await? {
            return Ok(Lock::OfSchema);
        }
        let engine = format!("{schema}/{}", user.name());
        if self.tries(alone, ENGINE, &engine).await? {
            return Ok(Lock::Ours);
        }
        self.unlock().await?;
        Ok(Lock::OfEngine)
    }

    async fn tries(&self, lock: &str, class: i32, name: &str) -> Result<bool, Trouble> {
        let row = self.client.query_one(lock, &[&class, &name]).await?;
        Ok(row.try_get(0)?)
    }

    pub async fn unlock(&self) -> Result<(), Trouble> {
        let unlock = "SELECT pg_advisory_unlock_all()";
        Ok(self.client.batch_execute(unlock).await?)
    }

    /// Shows operators of the database whose session it is.
    pub async fn work_as_command(&self) -> Result<(), Trouble> {
        let name = format!("SET application_name = '{COMMAND}'");
        Ok(self.client.batch_execute(&name).await?)
    }

    /// Ends the sessions in which these engines commit, unless they have renewed their leases meanwhile.
    pub async fn evict(&self, schema: &str, engines: &[String]) -> Result<(), Trouble> {
        if engines.is_empty() {
            return Ok(());
        }
        let evict = "SELECT name, pg_terminate_backend(pid) FROM unnest($3::text[]) AS name \
                     JOIN pg_locks ON objid = (hashtext($2::text || '/' || name)::bigint & 4294967295)::oid \
                     WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid() \
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                     AND classid = $1::int::oid AND objsubid = 2 \
                     AND EXISTS (SELECT FROM lease WHERE holder = name AND until <= clock_timestamp())";
        let ended = self
            .client
            .query(evict, &[&ENGINE, &schema, &engines])
            .await?;
        for row in ended {
            let engine: String = row.try_get(0)?;
            tracing::warn!(%engine, "an engine is silent; the session in which it commits was ended");
        }
        Ok(())
    }
}
