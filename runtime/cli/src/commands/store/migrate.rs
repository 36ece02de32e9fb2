//! `store migrate`: brings records to the format of this engine.

use super::place::Place;
use crate::{
    Exit,
    arguments::{Options, StoreMigrate},
    commands::{print_line, settings_of_records},
    failure::{Failure, Kind},
    progress::Progress,
    records::Records,
};
use bureaucrat_host::formats::{self, MigrationError, STEPS, Step};
use bureaucrat_store::{ShardGroups, Store, StoreError, format::FORMAT, holds::Access};
use serde_json::{Value, json};

pub fn run(options: &Options, migrate: &StoreMigrate) -> anyhow::Result<Exit> {
    let settings = settings_of_records(options)?;
    let place = match (&migrate.place, settings.store) {
        (Some(text), configured) => {
            let password = migrate.password_file.as_deref();
            Place::read("PLACE", text, password, configured.as_ref())?
        }
        (None, Some(address)) => Place::Database(Box::new(address)),
        (None, None) => Place::Folder(settings.storage),
    };
    if migrate.online {
        return online(&place, migrate);
    }
    let store = place.open(Access::Upkeep)?;
    let planned = formats::plan(&store, STEPS, FORMAT);
    let (steps, _) = planned.map_err(|error| unusable(error, &place))?;
    if !migrate.dry_run && !steps.is_empty() {
        if let Records::Database(store) = &store {
            // An engine that has only lost its connection must not continue with what is migrated.
            store.own(ShardGroups::ALL)?;
        }
        let progress = Progress::start("migrating");
        formats::migrate(&store, STEPS, FORMAT, |_, _| {})?;
        drop(progress);
    }
    print(&place.shown(), &steps, migrate)?;
    Ok(Exit::Done)
}

/// Records that a command holds are named by their place.
fn unusable(error: MigrationError, place: &Place) -> anyhow::Error {
    match error {
        MigrationError::Store(StoreError::Held { hold, .. }) => {
            let path = place.shown();
            Failure::new(
                Kind::Unreadable,
                StoreError::Held { path, hold }.to_string(),
            )
            .into()
        }
        error @ (MigrationError::Store(_) | MigrationError::NoStep { .. }) => error.into(),
    }
}

/// Raises the format while engines work; the one before it is the only one from which that is possible.
fn online(place: &Place, migrate: &StoreMigrate) -> anyhow::Result<Exit> {
    let Records::Database(store) = place.open_beside()? else {
        unreachable!("a folder is not opened so")
    };
    let from = store.format().written();
    let to = store.raise()?.written();
    let steps = STEPS.iter().filter(|step| (from..to).contains(&step.from));
    let steps: Vec<Step> = steps.copied().collect();
    print(&place.shown(), &steps, migrate)?;
    Ok(Exit::Done)
}

fn print(place: &str, steps: &[Step], migrate: &StoreMigrate) -> anyhow::Result<()> {
    if migrate.json {
        let steps = steps.iter().map(
            |step| json!({"from": step.from, "to": step.from.saturating_add(1), "what": step.what}),
        );
        let report = json!({
            "place": place,
            "steps": steps.collect::<Vec<Value>>(),
            "format": FORMAT,
            "dry_run": migrate.dry_run,
        });
        return print_line(&report.to_string());
    }
    let verb = if migrate.dry_run { "would run" } else { "done" };
    for step in steps {
        let (from, to, what) = (step.from, step.from.saturating_add(1), step.what);
        print_line(&format!("format {from} to {to}, {verb}: {what}"))?;
    }
    match steps.is_empty() {
        true => print_line(&format!("{place}: format {FORMAT}, nothing to do")),
        false => Ok(()),
    }
}
