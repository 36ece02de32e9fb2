//! How many processes there are, and how many by what they have.

use super::search::Search;
use crate::{
    engine::Call,
    operation::{Access, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::query::{Attribute, AttributeKind, Query, QueryAnswer, State, Wanted};
use bureaucrat_model::Term;
use bureaucrat_views::processes::word;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const READ: Access = Access::Needs(Role::Read, Reach::Processes);
/// How long counting may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many different values are counted.
const VALUES_MAX: usize = 10_000;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/counts",
            "count_processes",
            READ,
            "How many processes a search finds, and how many have each value of what `by` names",
            count,
        ),
        Operation::get(
            "/participants",
            "list_participants",
            READ,
            "Participants that are waited for, with how many processes wait for each",
            participants,
        ),
    ]
}

#[derive(JsonSchema)]
pub struct Counted {
    #[schemars(flatten)]
    search: Search,
    /// `state`, `definition`, `version`, `key`, `user`, `fault`, `participant`, `event` or `field.NAME`.
    by: Option<String>,
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Kind {
            by: Option<String>,
        }
        let object = Value::deserialize(deserializer)?;
        let Kind { by } = Kind::deserialize(&object).map_err(serde::de::Error::custom)?;
        let search = Search::deserialize(object).map_err(serde::de::Error::custom)?;
        Ok(Self { search, by })
    }
}

/// How many there are.
#[derive(Serialize, JsonSchema)]
pub struct Counts {
    count: u64,
    /// The most frequent value first; empty unless `by` was given.
    values: Vec<Many>,
}

/// How many processes have a value.
#[derive(Serialize, JsonSchema)]
pub struct Many {
    pub value: Value,
    pub count: u64,
}

fn count(call: &Call, counted: Counted) -> Result<Counts, Problem> {
    let wanted = counted.search.wanted(call)?;
    let values = match &counted.by {
        None => Vec::new(),
        Some(by) if by == "state" => states(call, &wanted)?,
        Some(by) => attributes(call, &kind(by)?, &wanted)?,
    };
    Ok(Counts {
        count: whole(call, &wanted)?,
        values,
    })
}

#[derive(Deserialize, JsonSchema)]
pub struct All {}

/// Participants that processes wait for.
#[derive(Serialize, JsonSchema)]
pub struct Participants {
    participants: Vec<Many>,
}

fn participants(call: &Call, _: All) -> Result<Participants, Problem> {
    let wanted = Search::default().wanted(call)?;
    let participants = attributes(call, &AttributeKind::Participant, &wanted)?;
    Ok(Participants { participants })
}

fn kind(text: &str) -> Result<AttributeKind, Problem> {
    Ok(match text {
        "definition" => AttributeKind::Definition,
        "version" => AttributeKind::Version,
        "key" => AttributeKind::Key,
        "user" => AttributeKind::User,
        "fault" => AttributeKind::Fault,
        "participant" => AttributeKind::Participant,
        "event" => AttributeKind::Event,
        other => match other.strip_prefix("field.") {
            Some(name) if !name.is_empty() => AttributeKind::Field(name.to_owned()),
            Some(_) | None => {
                return Err(Problem::parameter(
                    "`by` must be state, definition, version, key, user, fault, participant, event \
                     or field.NAME",
                ));
            }
        },
    })
}

fn in_time(began: Instant) -> Result<(), Problem> {
    match began.elapsed() < PATIENCE {
        true => Ok(()),
        false => Err(Problem::new(
            Code::TimedOut,
            "there are too many processes to count them in time; search for fewer",
        )),
    }
}

/// How many processes a search finds.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn whole(call: &Call, wanted: &Wanted) -> Result<u64, Problem> {
    let began = Instant::now();
    let (mut all, mut after) = (0_u64, None);
    loop {
        in_time(began)?;
        let wanted = wanted.clone();
        let QueryAnswer::Counted { count, next } = call.ask(&Query::Count { wanted, after })?
        else {
            return Err(Problem::unfit());
        };
        all = all.saturating_add(count);
        match next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// How many of them are in each state.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn states(call: &Call, wanted: &Wanted) -> Result<Vec<Many>, Problem> {
    let all = [
        State::Running,
        State::Incident,
        State::Suspended,
        State::Completed,
        State::Failed,
    ];
    let mut counts = Vec::new();
    for state in all.into_iter().filter(|state| wanted.has(*state)) {
        let wanted = Wanted {
            states: vec![state],
            ..wanted.clone()
        };
        let count = whole(call, &wanted)?;
        if count > 0 {
            counts.push(Many {
                value: word(state).into(),
                count,
            });
        }
    }
    Ok(counts)
}

/// How many have each value of a kind.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn attributes(call: &Call, by: &AttributeKind, wanted: &Wanted) -> Result<Vec<Many>, Problem> {
    let began = Instant::now();
    let mut found: BTreeMap<Attribute, u64> = BTreeMap::new();
    let mut after = None;
    loop {
        in_time(began)?;
        let query = Query::CountBy {
            by: by.clone(),
            wanted: wanted.clone(),
            after,
        };
        let QueryAnswer::CountedBy { counts, next } = call.ask(&query)? else {
            return Err(Problem::unfit());
        };
        for (attribute, count) in counts {
            let sum = found.entry(attribute).or_default();
            *sum = sum.saturating_add(count);
        }
        match next {
            Some(next) if found.len() <= VALUES_MAX => after = Some(next),
            Some(_) | None => break,
        }
    }
    let mut counts: Vec<(Value, u64)> = found
        .iter()
        .map(|(attribute, count)| (value(attribute), *count))
        .collect();
    counts.sort_by(|(_, one), (_, other)| other.cmp(one));
    let counts = counts.into_iter();
    Ok(counts.map(|(value, count)| Many { value, count }).collect())
}

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
