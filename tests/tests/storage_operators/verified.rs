//! Whether a history is the one that was written, by its own hashes and by the notice of its process's end.

use super::{commit, rows};
use anyhow::{Context, Result, ensure};
use bureaucrat_model::{HistoryHash, Timestamp};
use bureaucrat_store::{
    Store, StoreError, Table, Write, histories::HistoryRow, instances::decode_head, keys, records,
};
use bureaucrat_tests::{engine::broker_url, operating::Operated};
use futures_lite::StreamExt;
use lapin::{
    Connection, ConnectionProperties,
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use std::time::Duration;

const ENDS: &str =
    r#"<process name="ends"><delay duration="PT0.01S"/><delay duration="PT0.01S"/></process>"#;
const PATIENCE: Duration = Duration::from_secs(60);

/// The notices of the ends of so many processes, one a line.
async fn notices(operated: &Operated, launched: usize) -> Result<String> {
    // The engine declares its exchange before it takes a launch.
    let first = operated.launch(ENDS)?;
    operated.until(&first, "completed")?;
    let connection = Connection::connect(&broker_url()?, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        exclusive: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare("".into(), options, FieldTable::default())
        .await?;
    let name = queue.name().clone();
    channel
        .queue_bind(
            name.clone(),
            operated.engine.name("processes").as_str().into(),
            "completed.#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..BasicConsumeOptions::default()
    };
    let mut heard = channel
        .basic_consume(name, "".into(), options, FieldTable::default())
        .await?;
    for _ in 0..launched {
        operated.launch(ENDS)?;
    }
    let mut lines = String::new();
    for _ in 0..launched {
        let delivery = tokio::time::timeout(PATIENCE, heard.next()).await?;
        let delivery = delivery.context("the consumer ended")??;
        lines += std::str::from_utf8(&delivery.data)?;
        lines.push('\n');
    }
    Ok(lines)
}

/// Who can write to the storage changes when a process was launched, and what has to fit then.
fn forge(store: &dyn Store, process: &str, with_hashes: bool) -> Result<()> {
    let heads = rows(store, Table::Instances).into_iter();
    let mut heads = heads.map(|(key, record)| Ok((decode_head(&key, &record)?, key)));
    let found = heads.find(|found: &Result<_, StoreError>| {
        found
            .as_ref()
            .is_ok_and(|(stored, _)| stored.head.process.to_string() == process)
    });
    let (mut stored, key) = found.context("no such process")??;
    let (mut writes, mut before) = (Vec::new(), HistoryHash::NONE);
    let (from, to) = (
        keys::history(stored.head.process, 0),
        keys::history(stored.head.process, u64::MAX),
    );
    for (number, (key, record)) in store
        .scan(Table::History, &from, &to, 100)?
        .into_iter()
        .enumerate()
    {
        let mut row = HistoryRow::decode(&key, &record)?;
        if number == 0 {
            row.entries[0].at = Timestamp(row.entries[0].at.0 - 60_000);
        }
        if with_hashes {
            row.before = before;
        }
        let value = records::encode(&row)?;
        before = HistoryHash::of_row(&key, &value);
        let table = Table::History;
        writes.push(Write::Put { table, key, value });
    }
    if with_hashes {
        stored.head.history.newest = before;
        let (table, value) = (Table::Instances, records::encode(&stored)?);
        writes.push(Write::Put { table, key, value });
    }
    commit(store, writes);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_history_is_found_by_itself_or_by_a_notice() -> Result<()> {
    let mut operated = Operated::new("sto-verify", &["--retention", "1h"])?;
    operated.start()?;
    let notices = notices(&operated, 3).await?;
    let file = operated.path("notices");
    std::fs::write(&file, &notices)?;
    let file = file.to_str().context("a path in UTF-8")?;
    let first: serde_json::Value =
        serde_json::from_str(notices.lines().next().context("a notice")?)?;
    let process = first["process"].as_str().context("a process")?;

    let told = operated.leaves_with(0, &["verify", process])?;
    let shown = operated.show(process)?;
    let (hash, entries) = (&shown["written"]["hash"], &shown["written"]["entries"]);
    ensure!(
        first["history"]["hash"] == *hash && first["history"]["entries"] == *entries,
        "{first} {shown}"
    );
    ensure!(told.contains(hash.as_str().context("a hash")?), "{told}");
    let told = operated.leaves_with(0, &["verify", "--notices", file])?;
    ensure!(
        told == "3 as the notices say, 0 not, 0 removed meanwhile\n",
        "{told}"
    );
    let object = operated.json(0, &["verify", "--json", "--notices", file, process])?;
    ensure!(object["verdict"] == "whole", "{object}");

    // A change in one row shows in the next one.
    operated.end()?;
    let store = operated.engine.records()?;
    let before = [
        rows(&*store, Table::Instances),
        rows(&*store, Table::History),
    ];
    forge(&*store, process, false)?;
    drop(store);
    let found = operated.run(&["fsck"])?;
    let found = String::from_utf8(found.stdout)?;
    ensure!(found.contains("are not those that were written"), "{found}");
    operated.start()?;
    let told = operated.leaves_with(1, &["verify", "--notices", file])?;
    ensure!(told.contains("2 as the notices say, 1 not"), "{told}");
    ensure!(told.contains("are not those that were written"), "{told}");

    // Where all hashes fit, only the notice knows.
    operated.end()?;
    let store = operated.engine.records()?;
    for (table, rows) in [Table::Instances, Table::History].into_iter().zip(before) {
        let put = |(key, value)| Write::Put { table, key, value };
        commit(&*store, rows.into_iter().map(put).collect());
    }
    forge(&*store, process, true)?;
    drop(store);
    operated.is_clean(&operated.engine.storage())?;
    operated.start()?;
    let told = operated.leaves_with(1, &["verify", "--notices", file])?;
    ensure!(told.contains("and the notice says"), "{told}");
    ensure!(told.contains("2 as the notices say, 1 not"), "{told}");

    // Mistakes are told.
    let nothing = operated.path("nothing");
    std::fs::write(&nothing, r#"{"status": "launched"}"#)?;
    let nothing = nothing.to_str().context("a path in UTF-8")?;
    operated.leaves_with(1, &["verify", "--notices", nothing])?;
    operated.leaves_with(2, &["verify", "--notices", "/nowhere"])?;
    operated.leaves_with(1, &["verify", "00000000-0000-4000-8000-000000000000"])?;
    operated.leaves_with(2, &["verify"])?;
    operated.end()
}
