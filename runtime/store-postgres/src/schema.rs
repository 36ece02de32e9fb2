//! The schema: made in one transaction, or recognised before anything is written into it.

use crate::{
    Opening,
    locks::{EPOCH, GROUP},
    session::{DISPOSSESSED, FENCED, Place, Session, Trouble},
    statements::quoted,
};
use bureaucrat_store::{
    ShardGroup, Table,
    format::{FORMAT_KEY, Format},
    holds::{self, Access, HOLD_KEY},
};

/// Rows are changed and removed all the time, so that what is dead is taken away early.
const OPTIONS: &str = "fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02, \
    autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0";

/// Returns the format of the store.
///
/// # Errors
/// If the server would not keep what it confirms, or the schema is of another format.
pub async fn prepare(
    place: &Place,
    session: &Session,
    opening: &Opening,
) -> Result<Format, Trouble> {
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
    if !matches!(opening, Opening::Engine(..) | Opening::Filling) && !has_tables {
        let reason = format!("there are no records in the schema `{}`", place.schema());
        return Err(refused(reason));
    }
    if !has_schema {
        let create = format!(
            "{}; CREATE SCHEMA IF NOT EXISTS \"{}\"",
            alone(place),
            place.schema()
        );
        client.batch_execute(&create).await?;
    }
    if !has_tables {
        let format = Format::whole(opening.formats().newest());
        client.batch_execute(&tables(place, format)).await?;
    }
    let format = meta(session, FORMAT_KEY).await?.unwrap_or_default();
    let hold = meta(session, HOLD_KEY).await?;
    let access = match opening {
        Opening::Engine(..) | Opening::Beside(_) | Opening::Filling => Access::Use,
        Opening::Check | Opening::Accept => Access::Check,
        Opening::Upkeep => Access::Upkeep,
    };
    let formats = opening.formats();
    let admitted = holds::admit(&place.shown(), access, formats, &format, hold.as_deref());
    let format = admitted.map_err(Trouble::Lasting)?;
    if *opening == Opening::Upkeep {
        // Tables that came with a later format than this one.
        let missing = Table::ALL.map(table_of);
        client.batch_execute(&missing.concat()).await?;
    }
    Ok(format)
}

async fn meta(session: &Session, key: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
    let asked = "SELECT value FROM meta WHERE key = $1";
    let row = session.client.query_opt(asked, &[&key]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

fn table_of(table: Table) -> String {
    let name = quoted(table);
    format!(
        "CREATE TABLE IF NOT EXISTS {name} (key bytea PRIMARY KEY, value bytea NOT NULL) WITH ({OPTIONS});\n"
    )
}

/// Several engines may begin at once: one of them makes what is not there, and the others find it.
fn alone(place: &Place) -> String {
    let schema = place.schema().replace('\'', "''");
    format!("SELECT pg_advisory_xact_lock({EPOCH}, hashtext('{schema}'))")
}

/// Everything, in one transaction: several statements in one text are one.
fn tables(place: &Place, format: Format) -> String {
    let mut text = format!("{};\n", alone(place));
    for table in Table::ALL {
        text.push_str(&table_of(table));
    }
    let last = ShardGroup::COUNT - 1;
    let lock_of_group = format!("{GROUP}, (hashtext(current_schema()) & -16) | shard_group");
    text.push_str(&format!(
        "CREATE TABLE IF NOT EXISTS commits
             (holder text PRIMARY KEY, number bigint NOT NULL, lost bigint NOT NULL DEFAULT 0)
             WITH (fillfactor = 10);
         CREATE TABLE IF NOT EXISTS lease
             (shard_group smallint PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL)
             WITH (fillfactor = 10);
         INSERT INTO lease SELECT number, '', '-infinity' FROM generate_series(0, {last}) AS number
             ON CONFLICT DO NOTHING;
         CREATE TABLE IF NOT EXISTS engines
             (holder text PRIMARY KEY, until timestamptz NOT NULL, queues text NOT NULL DEFAULT '')
             WITH (fillfactor = 10);
         CREATE OR REPLACE FUNCTION note_commit(who text, next bigint) RETURNS void LANGUAGE plpgsql AS $body$
         BEGIN
             UPDATE commits SET number = next WHERE holder = who;
             IF NOT FOUND THEN
                 INSERT INTO commits (holder, number) VALUES (who, next);
             END IF;
         END $body$;
         -- Waits for who takes a group over, then sees the epoch that it left.
         CREATE OR REPLACE FUNCTION fence(who text, next bigint, owned int[], keys bytea[], expected bytea[])
             RETURNS void LANGUAGE plpgsql AS $body$
         BEGIN
             PERFORM pg_advisory_xact_lock_shared({lock_of_group}) FROM unnest(owned) AS shard_group;
             PERFORM note_commit(who, next);
             IF EXISTS (SELECT FROM unnest(keys, expected) AS wanted (name, epoch) WHERE
                 (SELECT value FROM meta WHERE key = wanted.name) IS DISTINCT FROM wanted.epoch)
             THEN
                 RAISE EXCEPTION 'another engine has taken over' USING ERRCODE = '{FENCED}';
             END IF;
         END $body$;
         -- Waits for commits in progress, and lets no other one begin.
         CREATE OR REPLACE FUNCTION take_over(who text, next bigint, taken int[], newest bytea, leaseholder text,
                                              agreed bytea) RETURNS void LANGUAGE plpgsql AS $body$
         BEGIN
             PERFORM pg_advisory_xact_lock({EPOCH}, hashtext(current_schema()));
             PERFORM pg_advisory_xact_lock({lock_of_group}) FROM unnest(taken) AS shard_group;
             PERFORM note_commit(who, next);
             IF (SELECT value FROM meta WHERE key = 'format') IS DISTINCT FROM agreed THEN
                 RAISE EXCEPTION 'the format of the records was raised' USING ERRCODE = '{DISPOSSESSED}';
             END IF;
             IF leaseholder IS NOT NULL AND EXISTS (SELECT FROM unnest(taken) AS number WHERE
                 (SELECT holder FROM lease WHERE lease.shard_group = number) IS DISTINCT FROM leaseholder)
             THEN
                 RAISE EXCEPTION 'the lease is another engine''s' USING ERRCODE = '{DISPOSSESSED}';
             END IF;
             IF (SELECT value FROM meta WHERE key = 'epoch') IS DISTINCT FROM newest THEN
                 RAISE EXCEPTION 'another engine has taken over' USING ERRCODE = '{FENCED}';
             END IF;
         END $body$;
         INSERT INTO meta VALUES ('format', '{format}') ON CONFLICT DO NOTHING;"
    ));
    text
}
