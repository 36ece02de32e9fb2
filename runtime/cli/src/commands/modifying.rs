//! `skip`, `set`, `move`, and `retry` of a part: change where a process of the running engine stands.

use super::ordered;
use crate::{
    Exit,
    arguments::{GivenFields, Meant, Move, Options, Retry, Set, Skip},
    failure::{Failure, Kind},
    files::{self, Given},
};
use bureaucrat_host::commands::Order;
use bureaucrat_model::{Change, FiberId, Fields, Modification, PartOf};

/// Retries the process, or the part that is named, and prints the outcome.
pub fn retry(options: &Options, retry: &Retry) -> anyhow::Result<Exit> {
    let order = match part(&retry.meant) {
        PartOf::Only => Order::Retry {
            reason: retry.meant.reason.clone(),
        },
        PartOf::Activity(_) | PartOf::Fiber(_) => order(&retry.meant, Change::Retry, false),
    };
    ordered::run(options, &retry.target, order, "retried")
}

/// Skips an activity, and prints the outcome.
pub fn skip(options: &Options, skip: &Skip) -> anyhow::Result<Exit> {
    let fields = fields(&skip.given)?;
    let order = order(&skip.meant, Change::Skip { fields }, skip.dry_run);
    ordered::run(options, &skip.target, order, "skipped")
}

/// Sets fields, and prints the outcome.
pub fn set(options: &Options, set: &Set) -> anyhow::Result<Exit> {
    let change = setting(&set.given, &set.remove)?;
    let order = order(&set.meant, change, set.dry_run);
    ordered::run(options, &set.target, order, "fields set")
}

/// Has a part continue elsewhere, and prints the outcome.
pub fn relocate(options: &Options, relocate: &Move) -> anyhow::Result<Exit> {
    let to = relocate.to.clone();
    let order = order(&relocate.meant, Change::Move { to }, relocate.dry_run);
    ordered::run(options, &relocate.target, order, "moved")
}

/// The fields that are set and removed.
pub fn setting(given: &GivenFields, removed: &[String]) -> anyhow::Result<Change> {
    let fields = fields(given)?;
    if fields.is_empty() && removed.is_empty() {
        let what = "nothing to set: name fields with --field, --text, --fields or --remove";
        return Err(Failure::new(Kind::Usage, what).into());
    }
    if let Some(name) = removed.iter().find(|name| fields.get(name).is_some()) {
        let what = format!("the field `{name}` cannot be both set and removed");
        return Err(Failure::new(Kind::Usage, what).into());
    }
    let removed = removed.to_vec();
    Ok(Change::Set { fields, removed })
}

/// The fields that were given.
pub fn fields(given: &GivenFields) -> anyhow::Result<Fields> {
    files::fields(&Given {
        object: given.fields.as_deref(),
        single: &given.field,
        texts: &given.text,
    })
}

fn order(meant: &Meant, change: Change, dry_run: bool) -> Order {
    Order::Modify(Modification {
        part: part(meant),
        change,
        reason: meant.reason.clone(),
        dry_run,
    })
}

fn part(meant: &Meant) -> PartOf {
    match (&meant.activity, meant.part) {
        (Some(activity), _) => PartOf::Activity(activity.clone()),
        (None, Some(number)) => PartOf::Fiber(FiberId(number)),
        (None, None) => PartOf::Only,
    }
}
