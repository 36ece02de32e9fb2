//! `store reopen`: records that were copied continue where they are.

use super::{copy::hold_of, place::Place};
use crate::{
    Exit,
    arguments::{Options, StoreReopen},
    commands::{print_line, settings_of_records},
};
use anyhow::bail;
use bureaucrat_host::mark_restored;
use bureaucrat_store::{
    Group, Store, Table, Unit,
    format::{FORMAT_KEY, Formats},
    holds::{self, Access, Hold},
};
use serde_json::json;

pub fn run(options: &Options, reopen: &StoreReopen) -> anyhow::Result<Exit> {
    let configured = settings_of_records(options)?.store;
    let password = reopen.password_file.as_deref();
    let place = Place::read("PLACE", &reopen.place, password, configured.as_ref())?;
    let store = place.open(Access::Upkeep)?;
    let shown = place.shown();
    match hold_of(&store)? {
        Some(Hold::Copied { .. }) => {}
        Some(hold @ (Hold::Unfinished { .. } | Hold::Migrating { .. })) => {
            bail!("the records in {shown} can't be used: {hold}")
        }
        None => bail!("the records in {shown} were not copied; an engine can use them"),
    }
    let found = store.get(Table::Meta, FORMAT_KEY)?;
    Formats::OURS.admit(&found.unwrap_or_default())?;
    // The copy may have drawn numbers.
    mark_restored(&store)?;
    let units = vec![Unit::of(vec![holds::remove()])];
    store.commit(&Group { units })?;
    print_line(&match reopen.json {
        true => json!({"place": shown}).to_string(),
        false => format!("{shown}: an engine can use the records again"),
    })?;
    Ok(Exit::Done)
}
