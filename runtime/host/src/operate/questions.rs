//! Answers to operators' questions, read from the store as it is committed.

use super::query::{Detail, ProcessDetail, ProcessSummary, Query, QueryAnswer, State, WaitView};
use crate::damage::Damages;
use bureaucrat_model::{
    ActivityId, Ending, FiberId, FiberState, Head, HistoryEntry, OpIndex, ProcessId, Program,
    Status, Timestamp, WaitKind,
};
use bureaucrat_store::{
    Store, StoreError, Table,
    instances::{decode_head, first_fibers, read_instance},
    keys,
    reading::scan_around,
    records,
};

/// The longest page of a list.
const PAGE: usize = 1_000;

/// Processes that one list looks at while it searches for a state.
const LOOKED_AT: usize = 100_000;

/// Fibers of each process whose waits a list tells; `show` tells all.
const LISTED_FIBERS: usize = 20;

/// What answers are made from.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub store: &'a dyn Store,
    pub now: Timestamp,
    /// The most history entries of a process.
    pub history_entries: u64,
    /// The damage that was come upon.
    pub damages: &'a Damages,
}

/// Answers a question; none when it is no question about processes.
pub fn answer(asked: &Asked<'_>, query: &Query) -> Option<QueryAnswer> {
    let found = match query {
        Query::List {
            state,
            after,
            limit,
        } => list(asked, *state, *after, (*limit).min(PAGE)),
        Query::Show { process, history } => show(asked, *process, *history),
        Query::Order { .. } | Query::Backup { .. } | Query::Modules(_) => return None,
    };
    Some(found.unwrap_or_else(|error| QueryAnswer::Error {
        reason: error.to_string(),
    }))
}

fn list(
    asked: &Asked<'_>,
    state: Option<State>,
    after: Option<ProcessId>,
    limit: usize,
) -> Result<QueryAnswer, StoreError> {
    let mut from = after.map_or_else(Vec::new, |process| {
        keys::successor(&keys::instance(process))
    });
    let mut processes: Vec<ProcessSummary> = Vec::new();
    let mut looked_at = 0;
    let mut last = None;
    loop {
        let end = [u8::MAX; 17];
        let portion = scan_around(asked.store, Table::Instances, &from, &end, 256)?;
        asked.damages.note_gaps(Table::Instances, &portion.gaps);
        for (key, record) in portion.rows {
            if processes.len() == limit || looked_at == LOOKED_AT {
                return Ok(QueryAnswer::Processes {
                    processes,
                    next: last,
                });
            }
            let Ok(process) = keys::instance_of(&key) else {
                asked.damages.note_key(Table::Instances, &key);
                continue;
            };
            looked_at += 1;
            last = Some(process);
            let read = decode_head(&key, &record).and_then(|stored| {
                let fibers = first_fibers(asked.store, process, LISTED_FIBERS)?;
                Ok((stored.head, fibers))
            });
            let row = match asked.damages.around(Some(process), read)? {
                Some((head, fibers)) => {
                    let fibers = fibers.iter();
                    let fibers = fibers.map(|(id, fiber)| (*id, fiber.at, &fiber.state));
                    summary(asked, &head, fibers)?
                }
                None => hidden(process),
            };
            if state.is_none_or(|state| state == row.state) {
                processes.push(row);
            }
        }
        match portion.next {
            Some(next) => from = next,
            None => {
                return Ok(QueryAnswer::Processes {
                    processes,
                    next: None,
                });
            }
        }
    }
}

fn show(asked: &Asked<'_>, process: ProcessId, detail: Detail) -> Result<QueryAnswer, StoreError> {
    let read = read_instance(asked.store, process);
    let instance = match asked.damages.around(Some(process), read)? {
        Some(Some(stored)) => stored.instance,
        Some(None) => return Ok(QueryAnswer::Unknown { process }),
        None => {
            return Ok(QueryAnswer::Process(Box::new(hidden_detail(
                asked, process,
            ))));
        }
    };
    let fields = match (&instance.status, instance.fibers.get(FiberId(0))) {
        (Status::Ended(Ending::Completed(fields)), _) => Some(fields),
        (_, fiber) => fiber.map(|fiber| &fiber.fields),
    };
    let fields = fields
        .and_then(|fields| serde_json::from_str(&fields.to_json()).ok())
        .unwrap_or(serde_json::Value::Null);
    let history = match detail {
        Detail::State => None,
        Detail::History => Some(history(asked, process)?),
    };
    let incident = match &instance.status {
        Status::Incident { reason, .. } => Some(reason.clone()),
        Status::Running | Status::Ended(_) => {
            let damage = asked.damages.of(process);
            damage.map(|damage| damage.to_string())
        }
    };
    let fibers = instance.fibers.iter();
    let fibers = fibers.map(|(id, fiber)| (id, fiber.at, &fiber.state));
    Ok(QueryAnswer::Process(Box::new(ProcessDetail {
        summary: summary(asked, &instance, fibers)?,
        fields,
        fault: instance.fault().cloned(),
        incident,
        caller: instance.caller.as_ref().map(|caller| caller.process),
        user: instance.user.clone(),
        program: instance.program.to_string(),
        history_lines: history
            .as_ref()
            .map(|entries| entries.iter().map(line).collect()),
        history,
    })))
}

/// A process whose record can't be read, in a list.
fn hidden(process: ProcessId) -> ProcessSummary {
    ProcessSummary {
        process,
        name: String::new(),
        state: State::Incident,
        launched_at: Timestamp(0),
        ended_at: None,
        waits: Vec::new(),
    }
}

/// The same in full: what is known is which record is damaged.
fn hidden_detail(asked: &Asked<'_>, process: ProcessId) -> ProcessDetail {
    ProcessDetail {
        summary: hidden(process),
        fields: serde_json::Value::Null,
        fault: None,
        incident: asked.damages.of(process).map(|damage| damage.to_string()),
        caller: None,
        user: None,
        program: String::new(),
        history: None,
        history_lines: None,
    }
}

/// What happened to a process; entries that can't be read are left out, and make it an incident.
fn history(asked: &Asked<'_>, process: ProcessId) -> Result<Vec<HistoryEntry>, StoreError> {
    let most = usize::try_from(asked.history_entries.saturating_add(8)).unwrap_or(usize::MAX);
    let portion = scan_around(
        asked.store,
        Table::History,
        &keys::history(process, 0),
        &keys::history(process, u64::MAX),
        most,
    )?;
    asked.damages.note_gaps(Table::History, &portion.gaps);
    let mut entries = Vec::new();
    for (key, record) in &portion.rows {
        let read = records::decode(Table::History, key, record);
        entries.extend(asked.damages.around(Some(process), read)?);
    }
    Ok(entries)
}

fn line(entry: &HistoryEntry) -> String {
    format!("{}  {}", entry.at, entry.event)
}

const fn state_of(instance: &Head) -> State {
    match &instance.status {
        Status::Running => State::Running,
        Status::Incident { .. } => State::Incident,
        Status::Ended(Ending::Completed(_)) => State::Completed,
        Status::Ended(Ending::Failed(_)) => State::Failed,
    }
}

fn summary<'a>(
    asked: &Asked<'_>,
    instance: &Head,
    fibers: impl Iterator<Item = (FiberId, OpIndex, &'a FiberState)>,
) -> Result<ProcessSummary, StoreError> {
    let program = if instance.has_ended() {
        None
    } else {
        let stored = asked.store.get(Table::Programs, &instance.program.0);
        asked
            .damages
            .around(Some(instance.process), stored)?
            .flatten()
            .and_then(|bytes| Program::decode(&bytes).ok())
    };
    let mut waits = Vec::new();
    for (id, at, state) in fibers {
        let FiberState::Waiting(wait) = state else {
            continue;
        };
        let site = program
            .as_ref()
            .and_then(|program| program.op(at))
            .map(|(_, site)| site);
        let activity = site.map_or_else(
            || instance.process.to_string(),
            |site| {
                ActivityId {
                    process: instance.process,
                    path: site.path.clone(),
                }
                .to_string()
            },
        );
        waits.push(WaitView {
            fiber: id,
            activity,
            line: site.map_or(0, |site| site.span.line),
            waits_for: words(&wait.kind),
            waited_ms: asked.now.since(wait.since).0,
        });
    }
    Ok(ProcessSummary {
        process: instance.process,
        name: instance.name.clone(),
        state: if asked.damages.of(instance.process).is_some() {
            State::Incident
        } else {
            state_of(instance)
        },
        launched_at: instance.launched_at,
        ended_at: instance.ended_at,
        waits,
    })
}

fn words(kind: &WaitKind) -> String {
    match kind {
        WaitKind::Answer { participant } => format!("answer of {participant}"),
        WaitKind::Timer { due } => format!("timer {due}"),
        WaitKind::Event { event, .. } => format!("event {event}"),
        WaitKind::Child { child } => format!("process {child}"),
        WaitKind::Branches { remaining } => format!("{remaining} branches"),
        WaitKind::Condition { .. } => "a condition".into(),
    }
}
