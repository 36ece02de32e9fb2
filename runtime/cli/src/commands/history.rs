//! Entries of a history as JSON: the kind of what happened, and its facts beside it.

use bureaucrat_model::{
    ActivityPath, Canceller, ConditionOutcome, Fault, HistoryEntry, HistoryEvent, ProcessId,
    Redelivered, Taken,
};
use serde_json::{Value, json};

pub fn json(process: ProcessId, entry: &HistoryEntry) -> Value {
    let (kind, mut facts) = facts(process, &entry.event);
    facts["at"] = json!(entry.at.0);
    facts["event"] = json!(kind);
    facts
}

fn facts(process: ProcessId, event: &HistoryEvent) -> (&'static str, Value) {
    let id = |path: &ActivityPath| format!("{process}{path}");
    match event {
        HistoryEvent::Launched {
            message_id,
            redelivered,
        } => {
            let may_be_a_repeat = *redelivered == Redelivered::Perhaps;
            let facts = json!({"message_id": message_id, "may_be_a_repeat": may_be_a_repeat});
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
        HistoryEvent::EventDropped { activity, event } => (
            "event_dropped",
            json!({"activity": id(activity), "name": event}),
        ),
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
            outcome,
            fuel,
        } => {
            let mut facts =
                json!({"activity": id(activity), "condition": condition.0, "fuel": fuel});
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
        HistoryEvent::Truncated => ("truncated", json!({})),
        HistoryEvent::Cancelled { reason, by } => {
            ("cancelled", json!({"reason": reason, "by": canceller(by)}))
        }
        HistoryEvent::Retried => ("retried", json!({})),
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

/// Who cancelled, with what is known about them.
fn canceller(by: &Canceller) -> Value {
    match by {
        Canceller::Operator => json!({"kind": "operator"}),
        Canceller::Message { user } => json!({"kind": "message", "user": user}),
        Canceller::Replacement { process } => {
            json!({"kind": "replacement", "process": process.to_string()})
        }
    }
}

fn of_fault(process: ProcessId, fault: &Fault) -> Value {
    json!({
        "code": fault.code.as_str(),
        "message": fault.message,
        "activity": format!("{process}{}", fault.activity),
        "line": fault.line,
    })
}
