//! `store copy`: the records continue in another place.

use super::place::Place;
use crate::{
    Exit,
    arguments::{Options, StoreCopy},
    commands::{print_line, settings_of_records},
    failure::{Failure, Kind},
    progress::Progress,
    records::Records,
    screen::tell,
};
use anyhow::bail;
use bureaucrat_host::copying::{self, End, Tallies};
use bureaucrat_model::Hex;
use bureaucrat_store::{
    Owner, ShardId, Store, Table,
    holds::{Access, HOLD_KEY, Hold},
    records,
};
use serde_json::json;
use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Instant,
};

pub fn run(options: &Options, copy: &StoreCopy) -> anyhow::Result<Exit> {
    let configured = settings_of_records(options)?.store;
    let password = copy.from_password_file.as_deref();
    let from = Place::read("FROM", &copy.from, password, configured.as_ref())?;
    let password = copy.to_password_file.as_deref();
    let to = Place::read("TO", &copy.to, password, configured.as_ref())?;
    if from.shown() == to.shown() {
        let words = format!("FROM and TO are the same: {}", from.shown());
        return Err(Failure::new(Kind::Usage, words).into());
    }
    let begun = Instant::now();
    // Nothing is made in TO before it is known that there is something to copy.
    let source = from.open(Access::Check)?;
    let hold = hold_of(&source)?;
    if !copy.again {
        may_be_copied(hold.as_ref(), None, (&from, &to))?;
    }
    let target = target(&to, copy.again)?;
    may_be_copied(hold.as_ref(), hold_of(&target)?, (&from, &to))?;
    let count = Arc::new(AtomicU64::new(0));
    let progress = Progress::counting("copying and comparing", "records", count.clone());
    if copy.again {
        copying::clear(&target)?;
    }
    let owner = match &source {
        // Its lock is ours as long as we live.
        Records::Folder(_) => Owner::Nobody,
        // An engine that has only lost its connection must not continue with these records later.
        Records::Database(store) => Owner::Shard(ShardId(0), store.own(source.groups())?),
    };
    let (from_name, to_name) = (from.shown(), to.shown());
    let ends =
        [(&source, &from_name), (&target, &to_name)].map(|(store, name)| End { store, name });
    let [from_end, to_end] = ends;
    let tallies = copying::transfer(from_end, to_end, owner, &count)?;
    drop(progress);
    let millis = begun.elapsed().as_millis();
    print(&tallies, (&from, &to), copy.json, millis)?;
    Ok(Exit::Done)
}

/// Opens TO; with `again`, also if it has an unfinished copy.
fn target(to: &Place, again: bool) -> anyhow::Result<Records> {
    if !again {
        return Ok(to.make()?);
    }
    let target = to.open(Access::Upkeep)?;
    match hold_of(&target)? {
        Some(Hold::Unfinished { .. }) => Ok(target),
        Some(Hold::Copied { .. } | Hold::Migrating { .. }) | None => {
            let to = to.shown();
            bail!("{to} has no unfinished copy: --again removes nothing else")
        }
    }
}

/// Records that were copied may be copied again only if the copy in TO is that one, and was not finished: no engine
/// has used it then.
fn may_be_copied(
    source: Option<&Hold>,
    target: Option<Hold>,
    (from, to): (&Place, &Place),
) -> anyhow::Result<()> {
    let Some(hold) = source else {
        return Ok(());
    };
    let is_same = matches!(hold, Hold::Copied { to: name } if *name == to.shown());
    let is_unfinished = matches!(
        target,
        Some(Hold::Unfinished { from: name }) if name == from.shown()
    );
    if is_same && is_unfinished {
        return Ok(());
    }
    let words = format!("the records in {} can't be copied: {hold}", from.shown());
    Err(Failure::new(Kind::Unreadable, words).into())
}

pub fn hold_of(store: &Records) -> anyhow::Result<Option<Hold>> {
    Ok(records::read(store, Table::Meta, HOLD_KEY)?)
}

fn print(
    tallies: &Tallies,
    (from, to): (&Place, &Place),
    as_json: bool,
    millis: u128,
) -> anyhow::Result<()> {
    let records: u64 = tallies.values().map(|tally| tally.records).sum();
    let bytes: u64 = tallies.values().map(|tally| tally.bytes).sum();
    let (from_name, to_name) = (from.shown(), to.shown());
    if as_json {
        let tables = tallies.iter().map(|(table, tally)| {
            let sha256 = Hex(&tally.sha256).to_string();
            let tally = json!({
                "records": tally.records, "bytes": tally.bytes, "sha256": sha256
            });
            (table.name().to_owned(), tally)
        });
        let report = json!({
            "from": from_name,
            "to": to_name,
            "records": records,
            "bytes": bytes,
            "tables": tables.collect::<serde_json::Map<_, _>>(),
            "millis": u64::try_from(millis).unwrap_or(u64::MAX),
        });
        return print_line(&report.to_string());
    }
    print_line(&format!(
        "{from_name} -> {to_name}: {records} records, {bytes} bytes, copied and compared"
    ))?;
    tell(&format!(
        "start the engine with {}; no engine starts with the records in {from_name} any more",
        to.setting()
    ));
    Ok(())
}
