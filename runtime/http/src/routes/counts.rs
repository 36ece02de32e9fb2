//! How many processes there are, and how many by what they have.

use super::search::Search;
use crate::{
    engine::Call,
    operation::{Access, Operation, Reach},
    problem::{Code, Problem},
    tokens::Role,
};
use bureaucrat_host::{
    backlog::Waiting,
    query::{Attribute, AttributeKind, Place, Query, QueryAnswer, Wanted},
};
use bureaucrat_views::counting;
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
#[derive(Debug, Serialize, JsonSchema)]
pub struct Many {
    pub value: Value,
    pub count: u64,
}

impl Many {
    fn all(counts: Vec<(Value, u64)>) -> Vec<Self> {
        let counts = counts.into_iter();
        counts.map(|(value, count)| Self { value, count }).collect()
    }
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

/// Participants that processes wait for, the one that most wait for first.
#[derive(Serialize, JsonSchema)]
pub struct Participants {
    participants: Vec<Waited>,
}

/// A participant that processes wait for.
#[derive(Serialize, JsonSchema)]
pub struct Waited {
    /// The participant.
    pub value: String,
    /// How many processes wait for it.
    pub count: u64,
    /// The one of them that was launched first.
    pub oldest: String,
    /// When it was.
    pub oldest_launched_at: u64,
}

fn participants(call: &Call, _: All) -> Result<Participants, Problem> {
    let participants = waited(call)?;
    Ok(Participants { participants })
}

fn of_census(waiting: &Waiting) -> Option<Waited> {
    let first = waiting.first?;
    Some(Waited {
        value: waiting.participant.clone()?,
        count: waiting.processes,
        oldest: first.process.to_string(),
        oldest_launched_at: first.launched_at.0,
    })
}

fn sorted(mut waited: Vec<Waited>) -> Vec<Waited> {
    waited.sort_by_key(|one| std::cmp::Reverse(one.count));
    waited
}

/// The participants that the caller's processes wait for; of everybody's, as they were counted last.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn waited(call: &Call) -> Result<Vec<Waited>, Problem> {
    // Of everybody's processes there are numbers, however many there are; those of one user are counted.
    if call.caller.user().is_none()
        && let Some(census) = call.census.look(call)
    {
        return Ok(sorted(
            census.waiting.iter().filter_map(of_census).collect(),
        ));
    }
    let (began, wanted) = (Instant::now(), Search::default().wanted(call)?);
    let mut found: BTreeMap<String, (u64, Place)> = BTreeMap::new();
    let mut after = None;
    loop {
        in_time(began)?;
        let (by, wanted) = (AttributeKind::Participant, wanted.clone());
        let query = Query::CountBy { by, wanted, after };
        let QueryAnswer::CountedBy {
            counts,
            oldest,
            next,
        } = call.ask(&query)?
        else {
            return Err(Problem::unfit());
        };
        for ((attribute, count), place) in counts.into_iter().zip(oldest) {
            if let Attribute::Participant(name) = attribute {
                let sum = found.entry(name).or_insert((0, place));
                // The newest come first, so what is counted later is older.
                *sum = (sum.0.saturating_add(count), place);
            }
        }
        after = next.filter(|_| found.len() <= VALUES_MAX);
        if after.is_none() {
            break;
        }
    }
    let waited = found.into_iter().map(|(value, (count, oldest))| Waited {
        value,
        count,
        oldest: oldest.process.to_string(),
        oldest_launched_at: oldest.launched_at.0,
    });
    Ok(sorted(waited.collect()))
}

fn kind(text: &str) -> Result<AttributeKind, Problem> {
    text.parse().map_err(|_| {
        Problem::parameter(
            "`by` must be state, definition, version, key, user, fault, participant, event \
             or field.NAME",
        )
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
    counting::whole(|after| {
        in_time(began)?;
        portion(call, wanted, after)
    })
}

/// How many it finds after a place, as far as the engine counts at once.
///
/// # Errors
/// If the engine can't answer.
pub fn portion(
    call: &Call,
    wanted: &Wanted,
    after: Option<Place>,
) -> Result<(u64, Option<Place>), Problem> {
    let wanted = wanted.clone();
    let QueryAnswer::Counted { count, next } = call.ask(&Query::Count { wanted, after })? else {
        return Err(Problem::unfit());
    };
    Ok((count, next))
}

/// How many of them are in each state.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn states(call: &Call, wanted: &Wanted) -> Result<Vec<Many>, Problem> {
    let counts = counting::states(wanted, |wanted| whole(call, wanted))?;
    Ok(Many::all(counts))
}

/// How many have each value of a kind.
///
/// # Errors
/// If the engine can't answer, or not in time.
pub fn attributes(call: &Call, by: &AttributeKind, wanted: &Wanted) -> Result<Vec<Many>, Problem> {
    let began = Instant::now();
    let mut found = counting::values(VALUES_MAX, |after| {
        in_time(began)?;
        let query = Query::CountBy {
            by: by.clone(),
            wanted: wanted.clone(),
            after,
        };
        let QueryAnswer::CountedBy { counts, next, .. } = call.ask(&query)? else {
            return Err(Problem::unfit());
        };
        Ok((counts, next))
    })?;
    found.counts.sort_by(|(_, one), (_, other)| other.cmp(one));
    Ok(Many::all(found.counts))
}
