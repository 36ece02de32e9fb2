//! Entries of a history: as JSON, the kind of what happened with its facts beside it; in words, with
//! the text of what was evaluated, which the engine's record has as a number.

use crate::{fault::Fault as Told, text::fit};
use bureaucrat_host::query::{ExpressionView, NumberedEntry};
use bureaucrat_model::{
    ActivityPath, ConditionOutcome, Dropped, Fault, HistoryEvent, Initiator, ProcessId,
    Redelivered, Taken, Version,
};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

/// The most characters of an expression in words.
const EXPRESSION_SHOWN: usize = 80;

pub fn json(process: ProcessId, numbered: &NumberedEntry, expressions: &[ExpressionView]) -> Value {
    let NumberedEntry { number, entry } = numbered;
    let (kind, mut facts) = facts(process, &entry.event);
    if entry.event.expression().is_some() {
        let found = expression(&entry.event, expressions);
        facts["text"] = json!(found.map(|found| &found.text));
        facts["line"] = json!(found.map(|found| found.line));
    }
    facts["number"] = json!(number);
    facts["at"] = json!(entry.at.0);
    facts["event"] = json!(kind);
    facts
}

/// What stands for entries that are not there.
pub fn gap(missing: u64, is_known: bool) -> Option<String> {
    let entries = match missing {
        0 => return None,
        1 => "1 entry".to_owned(),
        missing => format!("{missing} entries"),
    };
    Some(match is_known {
        true => format!("({entries} left out)"),
        false => format!("({entries} can't be read)"),
    })
}

/// One line about what happened, still with whatever a definition has put into it.
pub fn words(event: &HistoryEvent, expressions: &[ExpressionView]) -> String {
    let HistoryEvent::ConditionEvaluated {
        activity,
        outcome,
        fuel,
        ..
    } = event
    else {
        return event.to_string();
    };
    let Some(found) = expression(event, expressions) else {
        return event.to_string();
    };
    let text = found.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = fit(&text, EXPRESSION_SHOWN);
    let line = found.line;
    format!("{activity}: `{text}` {outcome} (line {line}, fuel {fuel})")
}

/// What an entry is about, as far as the engine could read the program.
fn expression<'a>(
    event: &HistoryEvent,
    expressions: &'a [ExpressionView],
) -> Option<&'a ExpressionView> {
    let index = event.expression()?;
    expressions.iter().find(|found| found.index == index)
}

fn facts(process: ProcessId, event: &HistoryEvent) -> (&'static str, Value) {
    let id = |path: &ActivityPath| format!("{process}{path}");
    match event {
        HistoryEvent::Launched {
            message_id,
            redelivered,
            program,
        } => {
            let may_be_a_repeat = *redelivered == Redelivered::Perhaps;
            let facts = json!({
                "message_id": message_id,
                "may_be_a_repeat": may_be_a_repeat,
                "program": program,
            });
            ("launched", facts)
        }
        HistoryEvent::TaskSent {
            activity,
            turn,
            participant,
        } => (
            "task_sent",
            json!({"activity": id(activity), "turn": turn.0, "participant": participant}),
        ),
        HistoryEvent::Answered { activity, turn } => (
            "answered",
            json!({"activity": id(activity), "turn": turn.0}),
        ),
        HistoryEvent::Suspended {
            activity,
            turn,
            reason,
        } => (
            "suspended",
            json!({"activity": id(activity), "turn": turn.0, "reason": reason}),
        ),
        HistoryEvent::LeftOut {
            activity,
            turn,
            parts,
        } => {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            (
                "left_out",
                json!({"activity": id(activity), "turn": turn.0, "parts": parts}),
            )
        }
        HistoryEvent::TimeRestarted {
            activity,
            turn,
            begun,
        } => (
            "time_restarted",
            json!({"activity": id(activity), "turn": turn.0, "begun": begun.0}),
        ),
        HistoryEvent::DelayStarted {
            activity,
            duration,
            due,
        } => (
            "delay_started",
            json!({"activity": id(activity), "duration_ms": duration.0, "due": due.0}),
        ),
        HistoryEvent::DelayEnded { activity } => ("delay_ended", json!({"activity": id(activity)})),
        HistoryEvent::AwaitStarted { activity, event } => (
            "await_started",
            json!({"activity": id(activity), "name": event}),
        ),
        HistoryEvent::EventReceived {
            activity,
            event,
            taken,
        } => (
            "event_received",
            json!({"activity": id(activity), "name": event, "taken": *taken == Taken::Yes}),
        ),
        HistoryEvent::Emitted {
            activity,
            event,
            key,
        } => (
            "emitted",
            json!({"activity": id(activity), "name": event, "key": key}),
        ),
        HistoryEvent::Sent {
            activity,
            exchange,
            routing_key,
        } => (
            "sent",
            json!({"activity": id(activity), "exchange": exchange, "routing_key": routing_key}),
        ),
        HistoryEvent::Finishing { activity } => ("finishing", json!({"activity": id(activity)})),
        HistoryEvent::EventQueued { activity, event } => (
            "event_queued",
            json!({"activity": id(activity), "name": event}),
        ),
        HistoryEvent::EventDropped {
            activity,
            event,
            why,
        } => {
            let reason = match why {
                Dropped::Full => "full",
                Dropped::Ended => "scope_ended",
            };
            (
                "event_dropped",
                json!({"activity": id(activity), "name": event, "reason": reason}),
            )
        }
        HistoryEvent::Interrupted { activity } => {
            ("interrupted", json!({"activity": id(activity)}))
        }
        HistoryEvent::Compensating { activity } => {
            ("compensating", json!({"activity": id(activity)}))
        }
        HistoryEvent::FailedAtEnd { fault } => (
            "failed_at_end",
            json!({"code": fault.code.as_str(), "message": fault.message, "activity": id(&fault.activity), "line": fault.line}),
        ),
        HistoryEvent::Started { activity, process } => (
            "started",
            json!({"activity": id(activity), "process": process.to_string()}),
        ),
        HistoryEvent::Stuck { fault } => (
            "waits_for_operator",
            json!({"code": fault.code.as_str(), "message": fault.message, "activity": id(&fault.activity), "line": fault.line}),
        ),
        HistoryEvent::Called { activity, child } => {
            let child = child.to_string();
            ("called", json!({"activity": id(activity), "child": child}))
        }
        HistoryEvent::Returned { activity, child } => {
            let child = child.to_string();
            (
                "returned",
                json!({"activity": id(activity), "child": child}),
            )
        }
        HistoryEvent::ConditionEvaluated {
            activity,
            condition,
            module,
            outcome,
            fuel,
        } => {
            let mut facts =
                json!({"activity": id(activity), "condition": condition.0, "fuel": fuel});
            facts["module"] = json!(module);
            match outcome {
                ConditionOutcome::Verdict(verdict) => facts["verdict"] = json!(verdict),
                ConditionOutcome::Fault { code, message } => {
                    facts["fault"] = json!({"code": code.as_str(), "message": message});
                }
                ConditionOutcome::Value(value) => facts["value"] = json!(value),
            }
            ("condition_evaluated", facts)
        }
        HistoryEvent::Forked { activity, branches } => (
            "forked",
            json!({"activity": id(activity), "branches": branches}),
        ),
        HistoryEvent::Joined { activity } => ("joined", json!({"activity": id(activity)})),
        HistoryEvent::Completed => ("completed", json!({})),
        HistoryEvent::Failed(fault) => ("failed", of_fault(process, fault)),
        HistoryEvent::Parked { reason } => ("parked", json!({"reason": reason})),
        HistoryEvent::Resumed => ("resumed", json!({})),
        HistoryEvent::Cancelled { reason, by } => {
            ("cancelled", json!({"reason": reason, "by": initiator(by)}))
        }
        HistoryEvent::Retried { reason, by } => {
            ("retried", json!({"reason": reason, "by": initiator(by)}))
        }
        HistoryEvent::ProcessSuspended { reason, by } => (
            "process_suspended",
            json!({"reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::ProcessResumed { reason, by } => (
            "process_resumed",
            json!({"reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::Migrated {
            from,
            to,
            program,
            reason,
            by,
        } => (
            "migrated",
            json!({"from": from.map(Version::number), "to": to.number(), "program": program, "reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::Terminated { reason, by } => {
            ("terminated", json!({"reason": reason, "by": initiator(by)}))
        }
        HistoryEvent::PartRetried {
            activity,
            reason,
            by,
        } => (
            "part_retried",
            json!({"activity": id(activity), "reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::Skipped {
            activity,
            reason,
            by,
        } => (
            "skipped",
            json!({"activity": id(activity), "reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::FieldsSet {
            activity,
            names,
            reason,
            by,
        } => (
            "fields_set",
            json!({"activity": id(activity), "fields": names, "reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::Moved {
            activity,
            to,
            reason,
            by,
        } => (
            "moved",
            json!({"activity": id(activity), "to": id(to), "reason": reason, "by": initiator(by)}),
        ),
        HistoryEvent::Caught { activity, fault } => (
            "caught",
            json!({"activity": id(activity), "fault": of_fault(process, fault)}),
        ),
        HistoryEvent::AttemptFailed {
            attempt,
            fault,
            due,
        } => (
            "attempt_failed",
            json!({"attempt": attempt, "fault": of_fault(process, fault), "due": due.0}),
        ),
    }
}

/// Who gave an order, with what is known about them.
pub(crate) fn initiator(by: &Initiator) -> Value {
    match by {
        Initiator::Operator(operator) => json!({"kind": "operator", "name": operator.name()}),
        Initiator::Message { user } => json!({"kind": "message", "user": user}),
        Initiator::Replacement { process } => {
            json!({"kind": "replacement", "process": process.to_string()})
        }
    }
}

fn of_fault(process: ProcessId, fault: &Fault) -> Value {
    json!(Told::without_data(process, fault))
}

/// An entry of a history: when, what, and the facts of that.
#[derive(JsonSchema)]
#[schemars(rename = "HistoryEntry")]
#[expect(dead_code, reason = "a schema")]
pub(crate) struct EntrySchema {
    number: u64,
    at: u64,
    event: String,
    #[serde(flatten)]
    facts: Map<String, Value>,
}

#[cfg(test)]
mod tests;
