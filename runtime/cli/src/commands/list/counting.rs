//! How many processes there are, and how many by what they have.

use crate::{
    Exit,
    arguments::CountedBy,
    control::Control,
    progress::Progress,
    screen::{self, print_line},
};
use anyhow::bail;
use bureaucrat_host::query::{AttributeKind, Place, Query, QueryAnswer, Wanted};
use bureaucrat_views::counting;
use serde_json::{Value, json};

/// So many different values are counted; a list of more would help nobody.
const VALUES: usize = 100_000;

/// `list --count`.
pub fn all(control: &mut Control, wanted: Wanted, as_json: bool) -> anyhow::Result<Exit> {
    let count = whole(control, &wanted)?;
    print_line(&match as_json {
        true => json!({"count": count}).to_string(),
        false => count.to_string(),
    })?;
    Ok(Exit::Done)
}

/// `list --count-by`.
pub fn by(
    control: &mut Control,
    (by, wanted): (&CountedBy, Wanted),
    as_json: bool,
) -> anyhow::Result<Exit> {
    let mut counts = match by {
        CountedBy::State => states(control, &wanted)?,
        CountedBy::Attribute(kind) => attributes(control, kind, &wanted)?,
    };
    counts.sort_by(|(a, count), (b, other)| other.cmp(count).then_with(|| words(a).cmp(&words(b))));
    if as_json {
        for (value, count) in counts {
            print_line(&json!({"value": value, "count": count}).to_string())?;
        }
        return Ok(Exit::Done);
    }
    if counts.is_empty() {
        screen::tell("no processes");
        return Ok(Exit::Done);
    }
    let width = counts.iter().map(|(_, count)| count.to_string().len());
    let width = width.max().unwrap_or(0).max("COUNT".len());
    let style = screen::heading();
    let what = match by {
        CountedBy::State => "STATE".to_owned(),
        CountedBy::Attribute(kind) => heading(kind),
    };
    print_line(&format!("{style}{:>width$}  {what}{style:#}", "COUNT"))?;
    for (value, count) in counts {
        print_line(&format!(
            "{count:>width$}  {}",
            screen::clean(&words(&value))
        ))?;
    }
    Ok(Exit::Done)
}

/// How many there are after a place, as far as the engine counts at once.
pub fn portion(
    control: &mut Control,
    wanted: Wanted,
    after: Option<Place>,
) -> anyhow::Result<(u64, Option<Place>)> {
    let QueryAnswer::Counted { count, next } = control.ask(&Query::Count { wanted, after })? else {
        bail!("unexpected answer from the engine");
    };
    Ok((count, next))
}

/// How many there are.
pub fn whole(control: &mut Control, wanted: &Wanted) -> anyhow::Result<u64> {
    let _progress = Progress::start("counting processes");
    counting::whole(|after| portion(control, wanted.clone(), after))
}

/// How many there are in each state.
pub fn states(control: &mut Control, wanted: &Wanted) -> anyhow::Result<Vec<(Value, u64)>> {
    counting::states(wanted, |wanted| whole(control, wanted))
}

fn attributes(
    control: &mut Control,
    by: &AttributeKind,
    wanted: &Wanted,
) -> anyhow::Result<Vec<(Value, u64)>> {
    let _progress = Progress::start("counting processes");
    let found = counting::values(VALUES, |after| {
        let query = Query::CountBy {
            by: by.clone(),
            wanted: wanted.clone(),
            after,
        };
        let QueryAnswer::CountedBy { counts, next, .. } = control.ask(&query)? else {
            bail!("unexpected answer from the engine");
        };
        Ok((counts, next))
    })?;
    if found.is_cut {
        screen::tell(&format!(
            "there are more than {VALUES} different values; only these were counted"
        ));
    }
    Ok(found.counts)
}

/// A value in words.
pub fn words(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    }
}

fn heading(kind: &AttributeKind) -> String {
    match kind {
        AttributeKind::Field(name) => return screen::clean(name),
        AttributeKind::Definition => "DEFINITION",
        AttributeKind::Version => "VERSION",
        AttributeKind::Key => "KEY",
        AttributeKind::User => "USER",
        AttributeKind::Fault => "FAULT",
        AttributeKind::Participant => "PARTICIPANT",
        AttributeKind::Event => "EVENT",
    }
    .to_owned()
}
