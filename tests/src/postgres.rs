//! The PostgreSQL of the tests, which scripts/test starts.

use anyhow::{Context, Result, ensure};
use bureaucrat_store::format::Formats;
use bureaucrat_store_postgres::{
    Address, Holder, Opening, PATIENCE, PostgresStore, Wish, for_a_while,
};
use std::{
    collections::BTreeMap,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// How the tests' engine opens a database; each run of it is the same engine.
pub fn engine() -> Opening {
    let holder = Holder {
        name: "the tests".to_owned(),
        term: Duration::from_secs(3),
        formats: Formats::OURS,
        queues: String::new(),
    };
    Opening::Engine(holder, Wish::All)
}

/// The records in a schema, made if they are not there, without a lease.
///
/// # Errors
/// When they can't be opened.
pub fn filled(url: &str) -> Result<PostgresStore> {
    let waiting = &mut for_a_while(PATIENCE);
    let opened = PostgresStore::open(url.parse()?, PATIENCE, Opening::Filling, waiting)?;
    Ok(opened)
}

/// The address of the database.
///
/// # Errors
/// When none is named.
pub fn database_url() -> Result<String> {
    std::env::var("BUREAUCRAT_TEST_POSTGRES").context(
        "BUREAUCRAT_TEST_POSTGRES names no database; scripts/test starts one, and so does scripts/postgres",
    )
}

/// The address of a schema that nobody has used.
///
/// # Errors
/// When no database is named.
pub fn new_url() -> Result<String> {
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let schema = format!("test_{}_{number}", std::process::id());
    Ok(format!(
        "{}?options=-csearch_path%3D{schema}",
        database_url()?
    ))
}

/// The same, read.
///
/// # Errors
/// As [`new_url`].
pub fn new_address() -> Result<Address> {
    Ok(new_url()?.parse()?)
}

/// Runs a statement in the schema of an address, and gives what it prints.
///
/// # Errors
/// If it fails.
pub fn sql(address: &str, statement: &str) -> Result<String> {
    let (database, schema) = address
        .split_once("?options=-csearch_path%3D")
        .context("no schema")?;
    let output = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            database,
        ])
        .args([
            "-c",
            &format!("SET search_path TO \"{schema}\""),
            "-c",
            statement,
        ])
        .output()
        .context("psql does not run")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Which engine has which group of shards, as the database sees it now.
///
/// # Errors
/// If that fails.
pub fn holders(address: &str) -> Result<BTreeMap<u8, String>> {
    let asked = "SELECT shard_group || ' ' || holder FROM lease WHERE until > clock_timestamp()";
    let rows = sql(address, asked)?;
    let rows = rows.lines().filter_map(|row| row.split_once(' '));
    rows.map(|(group, holder)| Ok((group.parse()?, holder.to_owned())))
        .collect()
}

/// Ends all connections that engines have to the schema, in the middle of whatever they do.
///
/// # Errors
/// If that fails.
pub fn disconnect(address: &str) -> Result<()> {
    let (_, schema) = address.split_once("search_path%3D").context("no schema")?;
    // The only thing about a session that others see and that names the schema is its lock.
    let statement = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' \
         AND objid = hashtext('{schema}')::bigint & 4294967295"
    );
    sql(address, &statement)?;
    Ok(())
}
