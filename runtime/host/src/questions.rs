//! Answers to operators' questions, read from the store as it is committed.

use crate::query::{Detail, ProcessDetail, ProcessSummary, Query, QueryAnswer, State, WaitView};
use bureaucrat_model::{
    ActivityId, Ending, FiberId, FiberState, HistoryEntry, Instance, ProcessId, Program, Status,
    Timestamp, WaitKind,
};
use bureaucrat_store::{Store, StoreError, Table, keys, records};

/// The longest page of a list.
const PAGE: usize = 1_000;

/// Processes that one list looks at while it searches for a state.
const LOOKED_AT: usize = 100_000;

/// Answers a question; none when it is no question but an order.
pub fn answer(
    store: &dyn Store,
    now: Timestamp,
    history_entries: u64,
    query: &Query,
) -> Option<QueryAnswer> {
    let found = match query {
        Query::List {
            state,
            after,
            limit,
        } => list(store, now, *state, *after, (*limit).min(PAGE)),
        Query::Show { process, history } => show(store, now, history_entries, *process, *history),
        Query::Order { .. } => return None,
    };
    Some(found.unwrap_or_else(|error| QueryAnswer::Error {
        reason: error.to_string(),
    }))
}

fn list(
    store: &dyn Store,
    now: Timestamp,
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
        let rows = store.scan(Table::Instances, &from, &[u8::MAX; 17], 256)?;
        let end = rows.len() < 256;
        for (key, record) in rows {
            if processes.len() == limit || looked_at == LOOKED_AT {
                return Ok(QueryAnswer::Processes {
                    processes,
                    next: last,
                });
            }
            let (_, instance) = records::decode_instance(&key, &record)?;
            looked_at += 1;
            last = Some(instance.process);
            if state.is_none_or(|state| state == state_of(&instance)) {
                processes.push(summary(store, now, &instance)?);
            }
            from = keys::successor(&key);
        }
        if end {
            return Ok(QueryAnswer::Processes {
                processes,
                next: None,
            });
        }
    }
}

fn show(
    store: &dyn Store,
    now: Timestamp,
    history_entries: u64,
    process: ProcessId,
    detail: Detail,
) -> Result<QueryAnswer, StoreError> {
    let key = keys::instance(process);
    let Some(record) = store.get(Table::Instances, &key)? else {
        return Ok(QueryAnswer::Unknown { process });
    };
    let (_, instance) = records::decode_instance(&key, &record)?;
    let fields = match (&instance.status, instance.fibers.get(&FiberId(0))) {
        (Status::Ended(Ending::Completed(fields)), _) => Some(fields),
        (_, fiber) => fiber.map(|fiber| &fiber.fields),
    };
    let fields = fields
        .and_then(|fields| serde_json::from_str(&fields.to_json()).ok())
        .unwrap_or(serde_json::Value::Null);
    let history = match detail {
        Detail::State => None,
        Detail::History => Some(history(store, process, history_entries)?),
    };
    let incident = match &instance.status {
        Status::Incident { reason, .. } => Some(reason.clone()),
        Status::Running | Status::Ended(_) => None,
    };
    Ok(QueryAnswer::Process(Box::new(ProcessDetail {
        summary: summary(store, now, &instance)?,
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

fn history(
    store: &dyn Store,
    process: ProcessId,
    most: u64,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let most = usize::try_from(most.saturating_add(8)).unwrap_or(usize::MAX);
    let rows = store.scan(
        Table::History,
        &keys::history(process, 0),
        &keys::history(process, u64::MAX),
        most,
    )?;
    rows.iter()
        .map(|(key, record)| records::decode(Table::History, key, record))
        .collect()
}

fn line(entry: &HistoryEntry) -> String {
    format!("{}  {}", entry.at, entry.event)
}

const fn state_of(instance: &Instance) -> State {
    match &instance.status {
        Status::Running => State::Running,
        Status::Incident { .. } => State::Incident,
        Status::Ended(Ending::Completed(_)) => State::Completed,
        Status::Ended(Ending::Failed(_)) => State::Failed,
    }
}

fn summary(
    store: &dyn Store,
    now: Timestamp,
    instance: &Instance,
) -> Result<ProcessSummary, StoreError> {
    let program = if instance.fibers.is_empty() {
        None
    } else {
        store
            .get(Table::Programs, &instance.program.0)?
            .and_then(|bytes| Program::decode(&bytes).ok())
    };
    let mut waits = Vec::new();
    for (id, fiber) in &instance.fibers {
        let FiberState::Waiting(wait) = &fiber.state else {
            continue;
        };
        let site = program
            .as_ref()
            .and_then(|program| program.op(fiber.at))
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
            fiber: *id,
            activity,
            line: site.map_or(0, |site| site.span.line),
            waits_for: words(&wait.kind),
            waited_ms: now.since(wait.since).0,
        });
    }
    Ok(ProcessSummary {
        process: instance.process,
        name: instance.name.clone(),
        state: state_of(instance),
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
