//! Which processes are meant: the parameters of lists, counts and bulk jobs, and processes by the
//! beginnings of their ids.

use crate::{
    engine::Call,
    problem::{Code, Problem},
};
use bureaucrat_host::query::{
    Attribute, BrokerState, Detail, Place, ProcessDetail, ProcessSummary, Query, QueryAnswer,
    State, Wanted, WantedField,
};
use bureaucrat_model::{IdPrefix, ProcessId, Timestamp};
use bureaucrat_views::processes::word;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

/// A state that is looked for.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    Running,
    Incident,
    Suspended,
    Completed,
    Failed,
}

impl From<StateName> for State {
    fn from(name: StateName) -> Self {
        match name {
            StateName::Running => Self::Running,
            StateName::Incident => Self::Incident,
            StateName::Suspended => Self::Suspended,
            StateName::Completed => Self::Completed,
            StateName::Failed => Self::Failed,
        }
    }
}

/// Which processes are meant: those that have everything that is given.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Search {
    /// Only processes in one of these states.
    #[serde(default)]
    pub state: Vec<StateName>,
    /// Only processes of this definition, or of this version of it: `NAME` or `NAME@VERSION`.
    pub definition: Option<String>,
    /// Only processes with this business key.
    pub key: Option<String>,
    /// Only processes that this user launched.
    pub user: Option<String>,
    /// Only processes that wait for an answer of this participant.
    pub participant: Option<String>,
    /// Only processes that wait for this event.
    pub event: Option<String>,
    /// Only processes that failed with this fault, or wait for an operator because of it.
    pub fault: Option<String>,
    /// Only processes of which a part waits at this activity: its id or path.
    pub activity: Option<String>,
    /// Only processes that were launched at this time or later.
    pub launched_from: Option<u64>,
    /// Only processes that were launched before this time.
    pub launched_before: Option<u64>,
    /// Only processes whose searchable field has this value: `NAME=VALUE`.
    #[serde(default, rename = "where")]
    pub having: Vec<String>,
}

impl Search {
    /// A search with nothing beside it: a mistyped key would find more than is meant.
    ///
    /// # Errors
    /// If it has another key.
    pub fn alone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = Value::deserialize(deserializer)?;
        let schema = Self::json_schema(&mut SchemaGenerator::default());
        let known = schema.get("properties").and_then(Value::as_object);
        let mut keys = given
            .as_object()
            .into_iter()
            .flat_map(|object| object.keys());
        if let Some(other) = keys.find(|key| known.is_none_or(|known| !known.contains_key(*key))) {
            let shown: String = other.chars().take(40).collect();
            return Err(D::Error::custom(format!("a search has no key `{shown}`")));
        }
        Self::deserialize(given).map_err(D::Error::custom)
    }

    pub fn schema_alone(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Self::json_schema(generator);
        schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        schema
    }

    /// Whether it means all processes.
    pub fn is_empty(&self) -> bool {
        let texts = [
            &self.definition,
            &self.key,
            &self.user,
            &self.participant,
            &self.event,
            &self.fault,
            &self.activity,
        ];
        let times = [self.launched_from, self.launched_before];
        self.state.is_empty()
            && self.having.is_empty()
            && texts.iter().all(|text| text.is_none())
            && times.iter().all(Option::is_none)
    }

    /// The search, within what the caller may see.
    ///
    /// # Errors
    /// If a parameter can't be read.
    pub fn wanted(&self, call: &Call) -> Result<Wanted, Problem> {
        let mut attributes = Vec::new();
        attributes.extend(self.key.clone().map(Attribute::Key));
        if let Some(text) = &self.definition {
            attributes.push(definition(text)?);
        }
        attributes.extend(self.participant.clone().map(Attribute::Participant));
        attributes.extend(self.event.clone().map(Attribute::Event));
        attributes.extend(self.fault.clone().map(Attribute::Fault));
        attributes.extend(self.user.clone().map(Attribute::User));
        if let Some(user) = call.caller.user()
            && self.user.as_deref() != Some(user)
        {
            attributes.push(Attribute::User(user.to_owned()));
        }
        let fields = self.having.iter().map(|text| field(text));
        Ok(Wanted {
            states: self.state.iter().copied().map(State::from).collect(),
            attributes,
            fields: fields.collect::<Result<_, _>>()?,
            activity: self.activity.clone(),
            launched_from: self.launched_from.map(Timestamp),
            launched_before: self.launched_before.map(Timestamp),
        })
    }
}

pub(super) fn definition(text: &str) -> Result<Attribute, Problem> {
    Attribute::of_definition(text).ok_or_else(|| {
        Problem::parameter("`definition` must be a name, or NAME@VERSION with a number from 1")
    })
}

fn field(text: &str) -> Result<WantedField, Problem> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(WantedField {
            name: name.to_owned(),
            value: value.to_owned(),
        }),
        Some(_) | None => Err(Problem::parameter("`where` must be NAME=VALUE")),
    }
}

/// Some of the processes that are wanted.
pub struct Found {
    pub processes: Vec<ProcessSummary>,
    pub next: Option<Place>,
    pub broker: Option<BrokerState>,
    pub now: Timestamp,
}

/// A page of what a search finds.
///
/// # Errors
/// If the engine can't answer.
pub fn find(
    call: &Call,
    wanted: Wanted,
    after: Option<Place>,
    limit: usize,
) -> Result<Found, Problem> {
    let query = Query::List {
        wanted,
        after,
        limit,
    };
    let QueryAnswer::Processes {
        processes,
        next,
        broker,
        now,
    } = call.ask(&query)?
    else {
        return Err(Problem::unfit());
    };
    Ok(Found {
        processes,
        next,
        broker,
        now,
    })
}

/// A place in a list, as a text: what a page begins with.
pub fn cursor(place: &Place) -> String {
    format!("{}-{}", place.launched_at.0, place.process)
}

/// # Errors
/// If it is not a place.
pub fn place(text: &str) -> Result<Place, Problem> {
    let place = text.split_once('-').and_then(|(at, process)| {
        Some(Place {
            launched_at: Timestamp(at.parse().ok()?),
            process: process.parse().ok()?,
        })
    });
    place.ok_or_else(|| Problem::parameter("`after` must be the `next` of an earlier page"))
}

/// A process that the caller may see, by its id or the beginning of it.
///
/// # Errors
/// If there is none, or several.
pub fn process(call: &Call, text: &str) -> Result<ProcessId, Problem> {
    let prefix: IdPrefix = text
        .parse()
        .map_err(|_| Problem::not_found(format!("`{text}` is not the id of a process")))?;
    let process = match prefix.whole() {
        Some(process) => process,
        None => found(call, &prefix)?,
    };
    if call.caller.user().is_some() {
        detail(call, process, Detail::State)?;
    }
    Ok(process)
}

fn found(call: &Call, prefix: &IdPrefix) -> Result<ProcessId, Problem> {
    let query = Query::Find {
        prefix: prefix.clone(),
    };
    let QueryAnswer::Found { mut processes } = call.ask(&query)? else {
        return Err(Problem::unfit());
    };
    if call.caller.user().is_some() {
        processes.retain(|found| detail(call, found.process, Detail::State).is_ok());
    }
    match &processes[..] {
        [] => Err(unknown(&format!("whose id begins with {prefix}"))),
        [one] => Ok(one.process),
        several => {
            let ids: Vec<_> = several
                .iter()
                .map(|found| format!("{} ({})", found.process, word(found.state)))
                .collect();
            let what = format!("several ids begin with {prefix}: {}", ids.join(", "));
            Err(Problem::new(Code::Ambiguous, what))
        }
    }
}

/// A process that the caller may see. One of another user is as unknown as one that is not there.
///
/// # Errors
/// If there is none.
pub fn detail(
    call: &Call,
    process: ProcessId,
    history: Detail,
) -> Result<Box<ProcessDetail>, Problem> {
    let answer = call.ask(&Query::Show { process, history })?;
    if let QueryAnswer::Unknown { .. } = answer {
        return Err(unknown(&process.to_string()));
    }
    let QueryAnswer::Process(detail) = answer else {
        return Err(Problem::unfit());
    };
    match may_see(call, &detail) {
        true => Ok(detail),
        false => Err(unknown(&process.to_string())),
    }
}

fn may_see(call: &Call, detail: &ProcessDetail) -> bool {
    let user = call.caller.user();
    user.is_none() || user == detail.user.as_deref()
}

/// There is no such process.
pub fn unknown(which: &str) -> Problem {
    Problem::not_found(format!(
        "there is no process {which}; processes that ended are removed after the setting `retention`"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_mistyped_key_finds_nothing_rather_than_everything() {
        let found = Search::alone(json!({"definition": "order", "key": "a", "where": ["x=1"]}));
        assert_eq!(found.unwrap().key.as_deref(), Some("a"));
        for wrong in [
            json!({"definition": "order", "keys": "a"}),
            json!({"State": []}),
        ] {
            let error = Search::alone(wrong).unwrap_err().to_string();
            assert!(error.contains("a search has no key"), "{error}");
        }
    }
}
