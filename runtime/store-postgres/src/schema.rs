//! The schema: made in one transaction, or recognised before anything is written into it.

use crate::{
    Opening,
    session::{FENCED, Place, Session, Trouble},
    statements::quoted,
};
use bureaucrat_store::{
    Table,
    format::{FORMAT, FORMAT_KEY},
    holds::{self, Access, HOLD_KEY},
};

/// Rows are changed and removed all the time, so that what is dead is taken away early.
const OPTIONS: &str = "fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, \
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0";

/// # Errors
/// If the server would not keep what it confirms, or the schema is of another format.
pub async fn prepare(place: &Place, session: &Session, opening: &Opening) -> Result<(), Trouble> {
    let client = &session.client;
    let asked = "SELECT current_setting('server_version_num')::int, current_setting('fsync') = 'on', \
                 to_regnamespace($1) IS NOT NULL, to_regclass($1 || '.meta') IS NOT NULL";
    let row = client.query_one(asked, &[&place.schema()]).await?;
    let (version, keeps): (i32, bool) = (row.try_get(0)?, row.try_get(1)?);
    let (has_schema, has_tables): (bool, bool) = (row.try_get(2)?, row.try_get(3)?);
    let refused = |reason: String| Trouble::Lasting(place.unusable(reason));
    if version < 140_000 {
        let version = version / 10_000;
        let reason = format!("it is PostgreSQL {version}; version 14 or later is needed");
        return Err(refused(reason));
    }
    if !keeps {
        let reason = "its setting `fsync` is off, so it would not keep what it confirms";
        return Err(refused(reason.into()));
    }
    if !matches!(opening, Opening::Engine(_) | Opening::Filling) && !has_tables {
        let reason = format!("there are no records in the schema `{}`", place.schema());
        return Err(refused(reason));
    }
    if !has_schema {
        let create = format!("CREATE SCHEMA \"{}\"", place.schema());
        client.batch_execute(&create).await?;
    }
    if !has_tables {
        client.batch_execute(&tables()).await?;
    }
    let format = meta(session, FORMAT_KEY).await?.unwrap_or_default();
    let hold = meta(session, HOLD_KEY).await?;
    let access = match opening {
        Opening::Engine(_) | Opening::Filling => Access::Use,
        Opening::Check | Opening::Accept => Access::Check,
        Opening::Upkeep => Access::Upkeep,
    };
    let admitted = holds::admit(&place.shown(), access, &format, hold.as_deref());
    admitted.map_err(Trouble::Lasting)?;
    if *opening == Opening::Upkeep {
        // Tables that came with a later format than this one.
        let missing = Table::ALL.map(|table| table_of(table, "IF NOT EXISTS"));
        client.batch_execute(&missing.concat()).await?;
    }
    Ok(())
}

async fn meta(session: &Session, key: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
    let asked = "SELECT value FROM meta WHERE key = $1";
    let row = session.client.query_opt(asked, &[&key]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn table_of(table: Table, condition: &str) -> String {
    let name = quoted(table);
    format!(
        "CREATE TABLE {condition} {name} (key bytea PRIMARY KEY, value bytea NOT NULL) WITH ({OPTIONS});\n"
    )
}

/// Everything, in one transaction: several statements in one text are one.
fn tables() -> String {
    let mut text = String::new();
    for table in Table::ALL {
        text.push_str(&table_of(table, ""));
    }
    text.push_str(&format!(
        "CREATE TABLE commits (number bigint NOT NULL, lost bigint NOT NULL DEFAULT 0)
             WITH (fillfactor = 10);
         INSERT INTO commits VALUES (0);
         CREATE TABLE lease (holder text NOT NULL, until timestamptz NOT NULL) WITH (fillfactor = 10);
         INSERT INTO lease VALUES ('', '-infinity');
         -- Waits for a commit of another owner, then sees the epoch that it left.
         CREATE FUNCTION fence(expected bytea, next bigint) RETURNS void LANGUAGE plpgsql AS $body$
         BEGIN
             UPDATE commits SET number = next;
             IF expected IS NOT NULL
                 AND (SELECT value FROM meta WHERE key = 'epoch') IS DISTINCT FROM expected
             THEN
                 RAISE EXCEPTION 'another engine has taken over' USING ERRCODE = '{FENCED}';
             END IF;
         END $body$;
         INSERT INTO meta VALUES ('format', '{FORMAT}');"
    ));
    text
}
