//! What `why` asks the engine beyond the process itself: how the queues of its tasks are now, what its
//! conditions give now, what the processes that it called wait for.

use crate::{Ask, waits};
use bureaucrat_host::{
    deployed::{DefinitionAnswer, DefinitionQuery},
    facts::{EvaluationView, FactAnswer, FactQuery, QueueState},
    query::{
        BrokerState, Detail, ProcessDetail, ProcessSummary, Query, QueryAnswer, State, TaskState,
        WaitView, WaitsFor,
    },
};
use bureaucrat_model::{DefinitionName, FiberId, ProcessId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Queues that the broker is asked for.
const QUEUES_MAX: usize = 16;
/// Waits whose conditions are evaluated again.
const EVALUATED_MAX: usize = 10;
/// How deep into called processes it looks, and how many of each process.
const DEPTH_MAX: usize = 3;
const CALLED_MAX: usize = 5;

/// A process that is waited for.
#[derive(Debug, Clone)]
pub struct Called {
    pub process: ProcessId,
    /// None where there is none any more.
    pub found: Option<ProcessSummary>,
    /// What it waits for in turn.
    pub called: Vec<Self>,
    /// Those that were not looked at.
    pub more: usize,
}

#[derive(Debug, Default)]
pub struct Facts {
    pub queues: BTreeMap<String, QueueState>,
    /// Why the broker takes no messages at the moment.
    pub blocked: Option<String>,
    /// What conditions give now for which an event was not taken.
    pub evaluated: BTreeMap<FiberId, Vec<EvaluationView>>,
    pub called: BTreeMap<ProcessId, Called>,
    pub retired: Retired,
}

/// Whether the name of a process that failed can't be launched any more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retired {
    #[default]
    No,
    All,
}

/// Asks all of it.
///
/// # Errors
/// If there is no answer.
pub fn ask<A: Ask>(engine: &mut A, detail: &ProcessDetail) -> Result<Facts, A::Error> {
    let mut facts = Facts::default();
    let waits = &detail.summary.waits;
    if detail.broker != Some(BrokerState::Away) {
        ask_queues(engine, waits, &mut facts)?;
    }
    for wait in waits {
        let WaitsFor::Event {
            untaken: Some(_), ..
        } = &wait.waits_for
        else {
            continue;
        };
        if facts.evaluated.len() == EVALUATED_MAX {
            break;
        }
        let query = FactQuery::Untaken {
            process: detail.summary.process,
            fiber: wait.fiber,
        };
        if let QueryAnswer::Facts(FactAnswer::Untaken { evaluations }) =
            engine.ask(&Query::Facts(query))?
        {
            facts.evaluated.insert(wait.fiber, evaluations);
        }
    }
    facts.retired = retired(engine, &detail.summary)?;
    for called in called_by(engine, &detail.summary, DEPTH_MAX)?.0 {
        facts.called.insert(called.process, called);
    }
    Ok(facts)
}

fn retired<A: Ask>(engine: &mut A, summary: &ProcessSummary) -> Result<Retired, A::Error> {
    let name = summary.name.parse::<DefinitionName>().ok();
    let (Some(name), Some(_), State::Failed) = (name, summary.version, summary.state) else {
        return Ok(Retired::No);
    };
    let version = None;
    let query = Query::Definitions(DefinitionQuery::Show { name, version });
    let answer = engine.ask(&query)?;
    let QueryAnswer::Definitions(DefinitionAnswer::Shown { versions, .. }) = answer else {
        return Ok(Retired::No);
    };
    let are_all = versions.iter().all(|version| version.retired_at.is_some());
    Ok(match are_all {
        true => Retired::All,
        false => Retired::No,
    })
}

/// The queue that a task went to, as far as its address tells.
pub fn queue_of(wait: &WaitView) -> Option<&str> {
    let key = wait.message.as_ref()?.routing_key.as_deref()?;
    Some(key).filter(|key| !key.is_empty())
}

fn ask_queues<A: Ask>(
    engine: &mut A,
    waits: &[WaitView],
    facts: &mut Facts,
) -> Result<(), A::Error> {
    let is_out = |wait: &&WaitView| {
        matches!(
            wait.task,
            Some(TaskState::Delivered | TaskState::UnderWay | TaskState::Undelivered(_))
        )
    };
    let queues: BTreeSet<&str> = waits.iter().filter(is_out).filter_map(queue_of).collect();
    let queues: Vec<String> = queues
        .into_iter()
        .take(QUEUES_MAX)
        .map(Into::into)
        .collect();
    if queues.is_empty() {
        return Ok(());
    }
    let query = FactQuery::Queues {
        queues: queues.clone(),
    };
    if let QueryAnswer::Facts(FactAnswer::Queues {
        queues: states,
        blocked,
    }) = engine.ask(&Query::Facts(query))?
    {
        facts.queues = queues.into_iter().zip(states).collect();
        facts.blocked = blocked;
    }
    Ok(())
}

/// The processes that a process waits for, and how many were left out.
fn called_by<A: Ask>(
    engine: &mut A,
    summary: &ProcessSummary,
    depth: usize,
) -> Result<(Vec<Called>, usize), A::Error> {
    let mut ids: Vec<ProcessId> = Vec::new();
    for wait in &summary.waits {
        if let WaitsFor::Process { process } = wait.waits_for {
            ids.push(process);
        }
    }
    let looked_at = match depth {
        0 => 0,
        _ => CALLED_MAX,
    };
    let more = ids.len().saturating_sub(looked_at);
    let mut all = Vec::new();
    for process in ids.into_iter().take(looked_at) {
        let query = Query::Show {
            process,
            history: Detail::State,
        };
        let answer = engine.ask(&query)?;
        let found = if let QueryAnswer::Process(detail) = answer {
            Some(detail.summary)
        } else {
            None
        };
        let (called, more) = match &found {
            Some(found) => called_by(engine, found, depth - 1)?,
            None => (Vec::new(), 0),
        };
        all.push(Called {
            process,
            found,
            called,
            more,
        });
    }
    Ok((all, more))
}

impl Called {
    /// A line for it, and for each that it waits for in turn.
    pub fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        self.add(0, now, &mut lines);
        lines
    }

    fn add(&self, level: usize, now: Timestamp, lines: &mut Vec<String>) {
        let arrow = match level {
            0 => String::new(),
            level => format!("{} ", "→".repeat(level)),
        };
        lines.push(format!("{arrow}{}", self.line(now)));
        for called in &self.called {
            called.add(level + 1, now, lines);
        }
        if self.more > 0 {
            lines.push(format!("{arrow}and {} more", self.more));
        }
    }

    fn line(&self, now: Timestamp) -> String {
        let id = crate::processes::short_id(self.process);
        let Some(found) = &self.found else {
            return format!("{id} has not started yet, or is gone");
        };
        let name = match found.name.as_str() {
            "" => id,
            name => format!("`{name}` ({id})"),
        };
        if let Some(incident) = &found.incident {
            return format!("{name} is parked: {incident}");
        }
        if let Some(fault) = &found.fault {
            return format!("{name} has failed: {}", fault.code);
        }
        if found.ended_at.is_some() {
            return format!("{name} has completed");
        }
        let waits: Vec<String> = found
            .waits
            .iter()
            .filter(|wait| !waits::is_background(wait))
            .take(CALLED_MAX)
            .map(|wait| match &wait.waits_for {
                WaitsFor::Process { .. } => "a called process".to_owned(),
                WaitsFor::Answer { .. } => format!("an {}", waits::short(wait, now)),
                WaitsFor::Event { .. } => format!("the {}", waits::short(wait, now)),
                WaitsFor::Timer { due } | WaitsFor::Attempt { due, .. } => {
                    format!("a time, {} from now", super::times::span(due.since(now)))
                }
                WaitsFor::Branches { .. }
                | WaitsFor::Stopping { .. }
                | WaitsFor::Condition { .. }
                | WaitsFor::Compensation
                | WaitsFor::Operator { .. }
                | WaitsFor::Admission => waits::short(wait, now),
            })
            .collect();
        match waits.is_empty() {
            true => format!("{name} is running"),
            false => format!("{name} is waiting for {}", waits.join(", ")),
        }
    }
}
