//! The audit at the end of every fault test: what clients saw, and everything in the storage.

use super::{Load, Tally};
use crate::engine::Engine;
use anyhow::{Result, ensure};
use bureaucrat_host::{HostConfig, audit::audit as audit_store};
use bureaucrat_model::{HistoryEntry, HistoryEvent, Timestamp, Turn};
use bureaucrat_store::{
    Store, Table, histories::HistoryRow, instances::decode_head, keys, reading,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

/// How long a newly started engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Stops the engine cleanly, then checks that every launch ended exactly once, that each history is
/// consistent, and that no row of any table is orphaned, missing or left over.
///
/// # Errors
/// Says what is wrong.
pub fn audit(load: &Load, engine: &mut Engine) -> Result<Tally> {
    load.leave();
    end(engine)?;
    // Events that nobody awaits any more may still be in progress; the next run resumes them.
    let (deadline, mut pause) = (Instant::now() + PATIENCE, Duration::from_millis(300));
    while events_in_hand(engine)? && Instant::now() < deadline {
        engine.start()?;
        std::thread::sleep(pause);
        pause *= 2;
        end(engine)?;
    }
    let tally = load.check()?;
    audit_storage(load, engine, tally)?;
    Ok(tally)
}

fn end(engine: &mut Engine) -> Result<()> {
    engine.answers(PATIENCE)?;
    let code = engine.end()?;
    ensure!(
        code == 0,
        "the engine left with {code}:\n{}",
        engine.log_tail()
    );
    Ok(())
}

fn events_in_hand(engine: &Engine) -> Result<bool> {
    let store = engine.records()?;
    let first = store.scan(Table::Events, &[], &[u8::MAX; 80], 1)?;
    Ok(!first.is_empty())
}

/// Checks the storage of an engine that has exited, with processes that each called one, those that were detached, and
/// those that a schedule launched.
///
/// # Errors
/// Says what is wrong.
fn audit_storage(load: &Load, engine: &Engine, tally: Tally) -> Result<()> {
    let store = engine.records()?;
    let scheduled = scheduled(&*store, &load.schedule())?;
    let unknown: Vec<_> = load.scheduled().difference(&scheduled).cloned().collect();
    ensure!(
        unknown.is_empty(),
        "a schedule launched {unknown:?}, which are not stored"
    );
    let processes = tally.ended * 2 + tally.asides + scheduled.len() as u64;
    let found = audit_store(&*store, &HostConfig::default())?;
    ensure!(
        found.is_clean(),
        "{} findings in the storage, the first: {}",
        found.findings.len(),
        found
            .findings
            .iter()
            .take(5)
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    );
    let count = |table| found.records.get(&table).copied().unwrap_or(0);
    for (table, expected) in [
        (Table::Outbox, 0),
        (Table::Subscriptions, 0),
        (Table::Events, 0),
        (Table::Instances, processes),
        // One per process, to remove it after the retention.
        (Table::Timers, processes),
    ] {
        ensure!(
            count(table) == expected,
            "table {} has {} rows, not {expected}; {}",
            table.name(),
            count(table),
            unended(&*store)?
        );
    }
    histories(&*store)
}

/// The processes of a definition that launches itself. One more may have begun after the last notice that was heard.
fn scheduled(store: &dyn Store, name: &str) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for (key, record) in store.scan(Table::Instances, &[], &[u8::MAX; 80], 100_000)? {
        let head = decode_head(&key, &record)?.head;
        if head.name == name {
            found.insert(head.process.to_string());
        }
    }
    Ok(found)
}

/// The processes that have not ended, and the last thing that happened to each.
fn unended(store: &dyn Store) -> Result<String> {
    let mut found = Vec::new();
    for (key, record) in store.scan(Table::Instances, &[], &[u8::MAX; 80], 100_000)? {
        let instance = decode_head(&key, &record)?.head;
        if !instance.has_ended() {
            let process = keys::instance_of(&key)?;
            let (from, to) = (keys::history(process, 0), keys::history(process, u64::MAX));
            let last = store.scan(Table::History, &from, &to, 1_000)?;
            let last: Vec<HistoryRow> = last
                .iter()
                .rev()
                .take(2)
                .map(|(key, value)| HistoryRow::decode(key, value))
                .collect::<Result<_, _>>()?;
            found.push(format!("{process}: {last:?}"));
        }
    }
    Ok(format!("not ended: {found:?}"))
}

/// Each history begins with one launch, ends with one end, and never goes back in time; each of its
/// tasks was answered once.
fn histories(store: &dyn Store) -> Result<()> {
    let mut entries: BTreeMap<Vec<u8>, Vec<HistoryEntry>> = BTreeMap::new();
    let gaps = reading::scan_all(store, Table::History, &[], &[u8::MAX; 80], |key, value| {
        let row = HistoryRow::decode(&key, &value)?;
        let process = key.get(..16).unwrap_or_default().to_vec();
        entries.entry(process).or_default().extend(row.entries);
        Ok(())
    })?;
    ensure!(gaps.is_empty(), "histories can't be read: {gaps:?}");
    for (process, entries) in entries {
        let process = keys::instance_of(&process)?;
        let mut last = Timestamp(0);
        // Attempts that failed, and the task of the one race.
        let mut unanswered = 0;
        let (mut launched, mut completed) = (0, 0);
        let (mut sent, mut answered) = (BTreeSet::<Turn>::new(), BTreeSet::<Turn>::new());
        let head = store.get(Table::Instances, process.as_bytes())?;
        let head = head.map(|record| decode_head(process.as_bytes(), &record));
        let whole = head
            .transpose()?
            .is_none_or(|stored| stored.head.history.left_out.is_none());
        for entry in &entries {
            ensure!(
                entry.at >= last,
                "{process}: its history goes back in time: {entry:?}"
            );
            last = entry.at;
            let once = match &entry.event {
                HistoryEvent::Launched { .. } => {
                    launched += 1;
                    launched == 1
                }
                HistoryEvent::Completed => {
                    completed += 1;
                    completed == 1
                }
                HistoryEvent::AttemptFailed { fault, .. } if fault.code.as_str() == "Moody" => {
                    unanswered += 1 + usize::from(unanswered == 0);
                    true
                }
                HistoryEvent::TaskSent { turn, .. } => sent.insert(*turn),
                HistoryEvent::Answered { turn, .. } => answered.insert(*turn),
                HistoryEvent::Suspended { .. }
                | HistoryEvent::DelayStarted { .. }
                | HistoryEvent::DelayEnded { .. }
                | HistoryEvent::AwaitStarted { .. }
                | HistoryEvent::EventReceived { .. }
                | HistoryEvent::Called { .. }
                | HistoryEvent::Returned { .. }
                | HistoryEvent::Started { .. }
                | HistoryEvent::Stuck { .. }
                | HistoryEvent::ConditionEvaluated { .. }
                | HistoryEvent::Forked { .. }
                | HistoryEvent::Joined { .. }
                | HistoryEvent::Failed(_)
                | HistoryEvent::Parked { .. }
                | HistoryEvent::Resumed
                | HistoryEvent::Cancelled { .. }
                | HistoryEvent::Retried { .. }
                | HistoryEvent::ProcessSuspended { .. }
                | HistoryEvent::ProcessResumed { .. }
                | HistoryEvent::Migrated { .. }
                | HistoryEvent::Terminated { .. }
                | HistoryEvent::PartRetried { .. }
                | HistoryEvent::Skipped { .. }
                | HistoryEvent::FieldsSet { .. }
                | HistoryEvent::Moved { .. }
                | HistoryEvent::Caught { .. }
                | HistoryEvent::Emitted { .. }
                | HistoryEvent::LeftOut { .. }
                | HistoryEvent::TimeRestarted { .. }
                | HistoryEvent::Sent { .. }
                | HistoryEvent::Finishing { .. }
                | HistoryEvent::Compensating { .. }
                | HistoryEvent::EventQueued { .. }
                | HistoryEvent::EventDropped { .. }
                | HistoryEvent::Interrupted { .. }
                | HistoryEvent::FailedAtEnd { .. }
                | HistoryEvent::AttemptFailed { .. } => true,
            };
            ensure!(once, "{process}: happened twice: {entry:?}");
        }
        ensure!(
            launched == 1
                && completed == 1
                && (!whole
                    || answered.is_subset(&sent) && sent.len() - answered.len() == unanswered),
            "{process}: {launched} launches, {completed} ends, {sent:?} sent, {answered:?} answered"
        );
    }
    Ok(())
}
