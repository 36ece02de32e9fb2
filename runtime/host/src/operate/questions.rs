//! Answers operators' questions from the committed store.

use super::{
    audit_log, bulk, listing,
    query::{
        Detail, NumberedEntry, ParkedView, ProcessDetail, ProcessSummary, Query, QueryAnswer,
        State, WaitView,
    },
    verifying,
    waiting::{Seen, Told},
};
use crate::{
    act::timers::{Purpose, reminder},
    damage::Damages,
};
use bureaucrat_model::{
    Deadline, Ending, FiberState, Head, HistoryHead, Input, Instance, OpIndex, Parking, ProcessId,
    Program, Recorded, Status, Timestamp,
};
use bureaucrat_store::{
    Store, StoreError, Table,
    histories::History,
    instances::{StoredHead, StoredInstance, assemble, decode_head, first_fibers},
    keys,
    reading::scan_around,
};

/// Fibers of each process whose waits a list shows; `show` shows all.
const LISTED_FIBERS: usize = 20;

/// What answers are made from.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub store: &'a dyn Store,
    pub now: Timestamp,
    /// The damage that was found.
    pub damages: &'a Damages,
}

/// Answers a question about processes; none for other questions.
pub fn answer(asked: &Asked<'_>, query: &Query) -> Option<QueryAnswer> {
    let found = match query {
        Query::List {
            wanted,
            after,
            limit,
        } => listing::list(asked, wanted, *after, *limit),
        Query::Count { wanted, after } => listing::count(asked, wanted, *after),
        Query::CountBy { by, wanted, after } => {
            listing::count_by(asked, (by, wanted), after.as_ref())
        }
        Query::Find { prefix } => {
            listing::find(asked, prefix).map(|processes| QueryAnswer::Found { processes })
        }
        Query::Show { process, history } => show(asked, *process, *history),
        Query::Verify { process, entries } => verifying::verify(asked, *process, *entries),
        Query::Audit(query) => audit_log::look(asked, query),
        Query::Bulk(query) => match bulk::look(asked, query) {
            Ok(Some(answer)) => Ok(QueryAnswer::Bulk(answer)),
            Ok(None) => return None,
            Err(error) => Err(error),
        },
        Query::Facts(_)
        | Query::Incident { .. }
        | Query::Order { .. }
        | Query::Backup { .. }
        | Query::Modules(_)
        | Query::Letters(_)
        | Query::Definitions(_) => {
            return None;
        }
    };
    Some(found.unwrap_or_else(|error| QueryAnswer::Error {
        reason: error.to_string(),
    }))
}

/// What a list reads of a process.
pub(crate) struct Whole<'a> {
    pub head: &'a Head,
    /// Where its first fibers are.
    pub fibers: Vec<(OpIndex, &'a FiberState)>,
    /// Whether it may have more fibers.
    pub is_cut: bool,
}

/// A process as a list shows it, if it exists.
pub(super) fn found(
    asked: &Asked<'_>,
    process: ProcessId,
) -> Result<Option<ProcessSummary>, StoreError> {
    found_if(asked, process, |_| Ok(true))
}

/// A process as a list shows it, if it exists and is wanted. What is damaged is.
pub(super) fn found_if(
    asked: &Asked<'_>,
    process: ProcessId,
    is_wanted: impl FnOnce(&Whole<'_>) -> Result<bool, StoreError>,
) -> Result<Option<ProcessSummary>, StoreError> {
    let key = keys::instance(process);
    let read = asked.store.get(Table::Instances, &key).and_then(|record| {
        let Some(record) = record else {
            return Ok(None);
        };
        let StoredHead {
            head, fibers, only, ..
        } = decode_head(&key, &record)?;
        let fibers = first_fibers(asked.store, process, (fibers, only), LISTED_FIBERS)?;
        Ok(Some((head, fibers)))
    });
    let (head, fibers) = match asked.damages.around(Some(process), read)? {
        Some(Some(read)) => read,
        Some(None) => return Ok(None),
        None => return Ok(Some(hidden(asked, process))),
    };
    let states = fibers.iter().map(|(_, fiber)| (fiber.at, &fiber.state));
    let whole = Whole {
        head: &head,
        fibers: states.collect(),
        is_cut: fibers.len() == LISTED_FIBERS,
    };
    if !is_wanted(&whole)? {
        return Ok(None);
    }
    let fibers = fibers.iter().map(|(id, fiber)| Seen::stored(*id, fiber));
    summary(asked, &head, fibers, None).map(Some)
}

fn show(asked: &Asked<'_>, process: ProcessId, detail: Detail) -> Result<QueryAnswer, StoreError> {
    let read = read_whole(asked.store, process);
    let instance = match asked.damages.around(Some(process), read)? {
        Some(Some(stored)) => stored.instance,
        Some(None) => return Ok(QueryAnswer::Unknown { process }),
        None => {
            return Ok(QueryAnswer::Process(Box::new(hidden_detail(
                asked, process,
            ))));
        }
    };
    let fields = instance
        .own_fields()
        .and_then(|fields| serde_json::from_str(&fields.to_json()).ok())
        .unwrap_or(serde_json::Value::Null);
    let (labels, expressions, history) = match detail {
        Detail::State => (Vec::new(), Vec::new(), None),
        Detail::History => {
            let history = history(asked, process)?;
            let program = program(asked, &instance)?;
            let program = program.as_ref();
            let told = Told { process, program };
            let entries = history.entries().map(NumberedEntry::of).collect();
            (told.labels(), told.expressions(&history), Some(entries))
        }
    };
    let fibers = instance.fibers.iter();
    let fibers = fibers.map(|(id, fiber)| Seen::of(id, fiber));
    Ok(QueryAnswer::Process(Box::new(ProcessDetail {
        summary: summary(asked, &instance, fibers, Some(&instance))?,
        fields,
        parked: parked(asked, &instance)?,
        broker: None,
        caller: instance.caller.as_ref().map(|caller| caller.process),
        user: instance.user.clone(),
        program: instance.program.to_string(),
        recorded: instance.recorded,
        written: instance.history,
        searched: instance.searched.clone(),
        labels,
        expressions,
        history,
        now: asked.now,
    })))
}

/// What was read of a process.
pub(super) enum Settled<T> {
    /// There is no such process.
    Absent,
    Read(T),
    /// It does not fit to the head, which was another one each time.
    Restless(T),
}

/// Reads rows of a process that may be written meanwhile, each time with the record of its head: what does not fit is
/// read again as long as the head, which every commit writes, is another one.
pub(super) fn read_settled<T>(
    store: &dyn Store,
    process: ProcessId,
    read: impl Fn(&[u8]) -> Result<T, StoreError>,
    fits: impl Fn(&T) -> bool,
) -> Result<Settled<T>, StoreError> {
    const TRIES: usize = 100;
    let key = keys::instance(process);
    let mut head = store.get(Table::Instances, &key)?;
    let mut tries = 0;
    while let Some(record) = head {
        let found = read(&record)?;
        if fits(&found) {
            return Ok(Settled::Read(found));
        }
        head = store.get(Table::Instances, &key)?;
        tries += 1;
        if head.as_ref() == Some(&record) {
            return Ok(Settled::Read(found));
        }
        if tries == TRIES {
            return Ok(Settled::Restless(found));
        }
    }
    Ok(Settled::Absent)
}

/// The instance of a process.
pub(super) fn read_whole(
    store: &dyn Store,
    process: ProcessId,
) -> Result<Option<StoredInstance>, StoreError> {
    let read = |record: &[u8]| Ok(assemble(store, process, record));
    let fits = |read: &Result<_, _>| !matches!(read, Err(StoreError::Damaged { .. }));
    match read_settled(store, process, read, fits)? {
        Settled::Absent => Ok(None),
        Settled::Read(read) | Settled::Restless(read) => read.map(Some),
    }
}

/// A process whose record can't be read, in a list: what is known is which record is damaged.
fn hidden(asked: &Asked<'_>, process: ProcessId) -> ProcessSummary {
    ProcessSummary {
        process,
        name: String::new(),
        state: State::Incident,
        launched_at: Timestamp(0),
        ended_at: None,
        fault: None,
        incident: asked.damages.of(process).map(|damage| damage.to_string()),
        waits: Vec::new(),
        version: None,
        key: None,
        deadline: None,
    }
}

fn hidden_detail(asked: &Asked<'_>, process: ProcessId) -> ProcessDetail {
    ProcessDetail {
        summary: hidden(asked, process),
        fields: serde_json::Value::Null,
        parked: None,
        broker: None,
        caller: None,
        user: None,
        program: String::new(),
        recorded: Recorded::Full,
        written: HistoryHead::EMPTY,
        searched: Vec::new(),
        labels: Vec::new(),
        expressions: Vec::new(),
        history: None,
        now: asked.now,
    }
}

/// What becomes of a process that the engine has parked. The row that reminds of it is among the
/// shard's timers that are due first, since the pause is short.
fn parked(asked: &Asked<'_>, instance: &Head) -> Result<Option<ParkedView>, StoreError> {
    const LOOKED_AT: usize = 10_000;
    let Status::Parked { inputs, .. } = &instance.status else {
        return Ok(None);
    };
    let process = instance.process;
    let from = keys::timers_from(process.shard(), Timestamp(0));
    let end = keys::timers_from(process.shard(), Timestamp(u64::MAX));
    let portion = scan_around(asked.store, Table::Timers, &from, &end, LOOKED_AT)?;
    let wanted = reminder(process, Purpose::Retry);
    let mut timers = portion.rows.iter().flat_map(|(key, _)| keys::timer_of(key));
    let found = timers.find(|(_, wait)| Some(*wait) == wanted);
    Ok(Some(ParkedView {
        kept: inputs
            .iter()
            .filter(|input| matches!(input, Input::Answer { .. } | Input::Event { .. }))
            .count(),
        next_try: found.map(|(due, _)| due),
    }))
}

/// The program of a process, if it can be read.
pub(crate) fn program(asked: &Asked<'_>, instance: &Head) -> Result<Option<Program>, StoreError> {
    let stored = asked.store.get(Table::Programs, &instance.program.0);
    let stored = asked.damages.around(Some(instance.process), stored)?;
    Ok(stored
        .flatten()
        .and_then(|bytes| Program::decode(&bytes).ok()))
}

/// The history of a process. Unreadable rows are skipped, and make the process an incident.
fn history(asked: &Asked<'_>, process: ProcessId) -> Result<History, StoreError> {
    let history = History::read(asked.store, process)?;
    asked.damages.note_gaps(Table::History, &history.gaps);
    for stored in &history.rows {
        let row = stored.row.as_ref().map_err(Clone::clone);
        asked.damages.around(Some(process), row)?;
    }
    Ok(history)
}

pub(crate) const fn state_of(instance: &Head) -> State {
    match &instance.status {
        Status::Running if instance.stuck > 0 => State::Incident,
        Status::Running => State::Running,
        Status::Parked { parking, .. } => match parking {
            Parking::Incident => State::Incident,
            Parking::Suspended => State::Suspended,
        },
        Status::Ended(Ending::Completed(_)) => State::Completed,
        Status::Ended(Ending::Failed(_)) => State::Failed,
    }
}

fn summary<'a>(
    asked: &Asked<'_>,
    instance: &Head,
    fibers: impl Iterator<Item = Seen<'a>>,
    whole: Option<&Instance>,
) -> Result<ProcessSummary, StoreError> {
    let program = match instance.has_ended() {
        true => None,
        false => program(asked, instance)?,
    };
    let told = Told {
        process: instance.process,
        program: program.as_ref(),
    };
    let mut waits = Vec::new();
    for seen in fibers {
        let Some(mut wait) = told.wait(&seen) else {
            continue;
        };
        if let Some(whole) = whole {
            wait.scopes = told.scopes(whole, seen.id);
        }
        waits.push(wait);
    }
    let damage = asked.damages.of(instance.process);
    let (state, incident) = match (&instance.status, damage) {
        (_, Some(damage)) => (State::Incident, Some(damage.to_string())),
        (Status::Parked { reason, .. }, None) => (state_of(instance), Some(reason.clone())),
        (Status::Running | Status::Ended(_), None) => (state_of(instance), stuck(&waits)),
    };
    Ok(ProcessSummary {
        process: instance.process,
        name: instance.name.clone(),
        state,
        launched_at: instance.launched_at,
        ended_at: instance.ended_at,
        fault: instance.fault().cloned(),
        incident,
        waits,
        version: instance.version,
        key: instance.key.clone(),
        deadline: match instance.deadline {
            Some(Deadline::Ahead { due, .. }) => Some(due),
            Some(Deadline::Passed) | None => None,
        },
    })
}

/// The fault of the first activity that waits for an operator.
fn stuck(waits: &[WaitView]) -> Option<String> {
    let mut faults = waits
        .iter()
        .filter_map(|wait| wait.waits_for.fault_for_operator());
    faults.next().map(ToString::to_string)
}
