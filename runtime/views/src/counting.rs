//! Counts of what a search finds. The engine counts a portion at a time; how portions are asked for, and how long, is
//! the caller's.

use crate::processes::word;
use bureaucrat_host::query::{Attribute, Place, State, Wanted};
use bureaucrat_model::Term;
use serde_json::Value;
use std::collections::BTreeMap;

/// Adds up portions, each from where the one before it stopped.
///
/// # Errors
/// That of a portion.
pub fn whole<E>(
    mut portion: impl FnMut(Option<Place>) -> Result<(u64, Option<Place>), E>,
) -> Result<u64, E> {
    let (mut sum, mut after) = (0_u64, None);
    loop {
        let (count, next) = portion(after)?;
        sum = sum.saturating_add(count);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(sum),
        }
    }
}

/// How many there are in each wanted state; states without any are left out.
///
/// # Errors
/// That of a count.
pub fn states<E>(
    wanted: &Wanted,
    mut count: impl FnMut(&Wanted) -> Result<u64, E>,
) -> Result<Vec<(Value, u64)>, E> {
    let mut counts = Vec::new();
    for state in State::ALL.into_iter().filter(|state| wanted.has(*state)) {
        let wanted = Wanted {
            states: vec![state],
            ..wanted.clone()
        };
        let count = count(&wanted)?;
        if count > 0 {
            counts.push((word(state).into(), count));
        }
    }
    Ok(counts)
}

/// Where a count by attribute continues.
pub type NextAttribute = Option<(Attribute, Place)>;

/// How many have each value of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values {
    pub counts: Vec<(Value, u64)>,
    /// Whether there may be more values than these.
    pub is_cut: bool,
}

/// Adds up portions until there are more than `values_max` different values.
///
/// # Errors
/// That of a portion.
pub fn values<E>(
    values_max: usize,
    mut portion: impl FnMut(NextAttribute) -> Result<(Vec<(Attribute, u64)>, NextAttribute), E>,
) -> Result<Values, E> {
    let (mut found, mut after) = (BTreeMap::<Attribute, u64>::new(), None);
    let is_cut = loop {
        let (counts, next) = portion(after)?;
        for (attribute, count) in counts {
            let sum = found.entry(attribute).or_default();
            *sum = sum.saturating_add(count);
        }
        if found.len() > values_max {
            break true;
        }
        match next {
            Some(next) => after = Some(next),
            None => break false,
        }
    };
    let counts = found.iter();
    let counts = counts.map(|(attribute, count)| (value(attribute), *count));
    Ok(Values {
        counts: counts.collect(),
        is_cut,
    })
}

/// What an attribute holds, without its kind.
fn value(attribute: &Attribute) -> Value {
    match attribute {
        Attribute::Field(_, Term::Text(text)) => text.as_str().into(),
        Attribute::Field(_, Term::Number(number)) => {
            serde_json::from_str(number).unwrap_or_else(|_| number.as_str().into())
        }
        Attribute::Field(_, Term::Truth(truth)) => (*truth).into(),
        Attribute::Version(name, version) => format!("{name}@{version}").into(),
        Attribute::Definition(text)
        | Attribute::Key(text)
        | Attribute::User(text)
        | Attribute::Fault(text)
        | Attribute::Participant(text)
        | Attribute::Event(text) => text.as_str().into(),
    }
}
