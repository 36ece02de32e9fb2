//! A process in a list: as an object, and in a line.

use crate::{
    fault::Fault,
    text::{clean, fit},
    waits::{self, Wait},
};
use bureaucrat_host::query::{ProcessSummary, State};
use bureaucrat_model::{ProcessId, Timestamp, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// Digits of an id that people are shown.
pub const SHORT_ID: usize = 8;

/// The beginning of an id, as much as a terminal shows; every command takes it.
pub fn short_id(process: ProcessId) -> String {
    let mut id = process.to_string();
    id.truncate(SHORT_ID);
    id
}

/// A process in a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Summary {
    /// Its id.
    pub process: String,
    /// The name of its definition; empty for none.
    pub name: String,
    /// The version of the deployed definition that it was launched as.
    #[schemars(with = "Option<u64>")]
    pub version: Option<Version>,
    /// Its business key.
    pub key: Option<String>,
    /// When it has to have ended, if that is ahead.
    pub deadline: Option<u64>,
    #[schemars(with = "StateWord")]
    pub state: &'static str,
    /// Milliseconds since the Unix epoch, like all times.
    pub launched_at: u64,
    pub ended_at: Option<u64>,
    /// The fault that it failed with.
    pub fault: Option<Fault>,
    /// Why it is parked.
    pub incident: Option<String>,
    /// What its first fibers wait for.
    pub waits: Vec<Wait>,
}

/// The state of a process.
#[derive(JsonSchema)]
#[schemars(rename = "State", rename_all = "snake_case")]
#[expect(dead_code, reason = "a schema")]
pub(crate) enum StateWord {
    Running,
    Incident,
    Suspended,
    Completed,
    Failed,
}

impl Summary {
    pub fn of(process: &ProcessSummary) -> Self {
        let id = process.process;
        Self {
            process: id.to_string(),
            name: process.name.clone(),
            version: process.version,
            key: process.key.clone(),
            deadline: process.deadline.map(|at| at.0),
            state: word(process.state),
            launched_at: process.launched_at.0,
            ended_at: process.ended_at.map(|at| at.0),
            fault: process.fault.as_ref().map(|fault| Fault::of(id, fault)),
            incident: process.incident.clone(),
            waits: process
                .waits
                .iter()
                .map(|wait| Wait::of(id, wait))
                .collect(),
        }
    }
}

/// A process in one line.
pub fn line(process: &ProcessSummary, now: Timestamp) -> String {
    let name = fit(&clean(&process.name), 24);
    let (id, state, what) = (process.process, word(process.state), what(process, now));
    format!("{id}  {state}  {name}  {what}")
}

/// What somebody who looks at a list wants to know of a process.
pub fn what(process: &ProcessSummary, now: Timestamp) -> String {
    if let Some(fault) = &process.fault {
        return clean(&format!("{}: {}", fault.code, fault.message));
    }
    if let Some(incident) = &process.incident {
        return clean(incident);
    }
    const NAMED: usize = 3;
    let waits: Vec<String> = process
        .waits
        .iter()
        .take(NAMED)
        .map(|wait| waits::short(wait, now))
        .collect();
    let more = if process.waits.len() > NAMED {
        ", …"
    } else {
        ""
    };
    clean(&format!("{}{more}", waits.join(", ")))
}

/// A state in one word.
pub const fn word(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Incident => "incident",
        State::Suspended => "suspended",
        State::Completed => "completed",
        State::Failed => "failed",
    }
}
