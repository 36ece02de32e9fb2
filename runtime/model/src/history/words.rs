//! Entries in words, for people.

use super::{ConditionOutcome, Dropped, HistoryEvent, Redelivered, Taken};
use crate::{ids::ActivityPath, message::Toward};
use std::fmt;

impl fmt::Display for HistoryEvent {
    /// One line for a person. Activities are shown as index paths below the process.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launched {
                message_id,
                redelivered,
                ..
            } => {
                f.write_str("launched")?;
                if let Some(id) = message_id {
                    write!(f, " by message {id}")?;
                }
                match redelivered {
                    Redelivered::No => Ok(()),
                    Redelivered::Perhaps => {
                        f.write_str(" (may be a repeat: redelivered, without a message id)")
                    }
                }
            }
            Self::TaskSent {
                activity,
                turn,
                participant,
            } => {
                write!(
                    f,
                    "{activity}: task for {participant} put into the outbox (turn {turn})"
                )
            }
            Self::Answered { activity, turn } => {
                write!(f, "{activity}: answer received (turn {turn})")
            }
            Self::Suspended {
                activity,
                turn,
                reason,
            } => {
                write!(
                    f,
                    "{activity}: an answer left it waiting (turn {turn}): {reason}"
                )
            }
            Self::DelayStarted {
                activity,
                duration,
                due,
            } => write!(f, "{activity}: delay of {duration} until {due}"),
            Self::DelayEnded { activity } => write!(f, "{activity}: delay ended"),
            Self::AwaitStarted { activity, event } => {
                write!(f, "{activity}: waits for event {event}")
            }
            Self::EventReceived {
                activity,
                event,
                taken: Taken::Yes,
            } => write!(f, "{activity}: event {event} taken"),
            Self::EventReceived {
                activity,
                event,
                taken: Taken::No,
            } => {
                write!(f, "{activity}: event {event} not taken: no condition held")
            }
            Self::Called { activity, child } => write!(f, "{activity}: called process {child}"),
            Self::Started { activity, process } => {
                write!(f, "{activity}: process {process} started, detached")
            }
            Self::Stuck { fault } => write!(f, "waits for an operator: {fault}"),
            Self::Returned { activity, child } => write!(f, "{activity}: process {child} returned"),
            Self::ConditionEvaluated {
                activity,
                condition,
                outcome,
                fuel,
                ..
            } => {
                let what = match outcome {
                    ConditionOutcome::Verdict(_) => "condition",
                    ConditionOutcome::Value(_) | ConditionOutcome::Fault { .. } => "expression",
                };
                write!(
                    f,
                    "{activity}: {what} {} {outcome} (fuel {fuel})",
                    condition.0
                )
            }
            Self::Forked {
                activity,
                branches: 1,
            } => write!(f, "{activity}: 1 branch started"),
            Self::Forked { activity, branches } => {
                write!(f, "{activity}: {branches} branches started")
            }
            Self::Joined { activity } => write!(f, "{activity}: its branches have ended"),
            Self::Completed => f.write_str("completed"),
            Self::Failed(fault) => write!(f, "failed: {fault}"),
            Self::Parked { reason } => write!(f, "parked as an incident: {reason}"),
            Self::Resumed => f.write_str("continues after it was parked"),
            Self::ProcessSuspended { reason, by } => write!(f, "suspended by {by}: {reason}"),
            Self::ProcessResumed { reason, by } => write!(f, "resumed by {by}: {reason}"),
            Self::Terminated { reason, by } => write!(f, "terminated by {by}: {reason}"),
            Self::Migrated {
                from: Some(from),
                to,
                reason,
                by,
                ..
            } => write!(f, "migrated from version {from} to {to} by {by}: {reason}"),
            Self::Migrated {
                from: None,
                to,
                reason,
                by,
                ..
            } => write!(f, "migrated to version {to} by {by}: {reason}"),
            Self::Cancelled { reason, by } => {
                write!(f, "cancelled by {by}")?;
                match reason.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {reason}"),
                }
            }
            Self::PartRetried {
                activity,
                reason,
                by,
            } => {
                write!(f, "{activity}: retried by {by}: {reason}")
            }
            Self::Skipped {
                activity,
                reason,
                by,
            } => {
                write!(f, "{activity}: skipped by {by}: {reason}")
            }
            Self::FieldsSet {
                activity,
                names,
                reason,
                by,
            } => {
                let names = names.join(", ");
                write!(f, "{activity}: fields set by {by} ({names}): {reason}")
            }
            Self::Moved {
                activity,
                to,
                reason,
                by,
            } => write!(f, "{activity}: moved to {to} by {by}: {reason}"),
            Self::Retried { reason, by } => write!(f, "retried by {by}: {reason}"),
            Self::AttemptFailed {
                attempt,
                fault,
                due,
            } => {
                let next = attempt.saturating_add(1);
                write!(
                    f,
                    "attempt {attempt} failed, attempt {next} begins at {due}: {fault}"
                )
            }
            Self::LeftOut {
                activity,
                turn,
                parts,
            } => {
                write!(f, "{activity}: parts of a message ignored (turn {turn}): ")?;
                let mut between = "";
                parts.iter().try_for_each(|part| {
                    write!(f, "{}{part}", std::mem::replace(&mut between, "; "))
                })
            }
            Self::TimeRestarted {
                activity,
                turn,
                begun,
            } => write!(
                f,
                "{activity}: the broker had not taken the task, so the time of the attempt began \
                 again at {begun} (turn {turn})"
            ),
            Self::Emitted {
                activity,
                event,
                key,
            } => {
                write!(f, "{activity}: event {event} emitted")?;
                key.iter()
                    .try_for_each(|key| write!(f, " with the key {key}"))
            }
            Self::Sent {
                activity,
                exchange,
                routing_key,
            } => write!(
                f,
                "{activity}: message to {} put into the outbox",
                Toward(exchange, routing_key)
            ),
            Self::Finishing { activity } => {
                write_scope(f, activity)?;
                f.write_str(" runs its `finally`")
            }
            Self::EventQueued { activity, event } => {
                write!(f, "{activity}: event {event} is queued behind earlier ones")
            }
            Self::EventDropped {
                activity,
                event,
                why,
            } => write!(f, "{activity}: event {event} dropped: {why}"),
            Self::Interrupted { activity } => write!(f, "{activity}: interrupts its scope"),
            Self::Compensating { activity } => {
                write!(f, "{activity}: undoes what its scope did (compensation)")
            }
            Self::FailedAtEnd { fault } => write!(f, "failed while it was being stopped: {fault}"),
            Self::Caught { activity, fault } => {
                f.write_str("a handler of ")?;
                write_scope(f, activity)?;
                write!(f, " handles {fault}")
            }
        }
    }
}

fn write_scope(f: &mut fmt::Formatter<'_>, activity: &ActivityPath) -> fmt::Result {
    match activity.0.is_empty() {
        true => f.write_str("the process"),
        false => write!(f, "{activity}"),
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too many events already wait to be handled here",
            Self::Ended => "its scope ended before it could be handled",
        })
    }
}

impl fmt::Display for ConditionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Verdict(true) => f.write_str("is true"),
            Self::Verdict(false) => f.write_str("is false"),
            Self::Fault { code, message } => write!(f, "failed: {code}: {message}"),
            Self::Value(value) => write!(f, "is {value}"),
        }
    }
}
