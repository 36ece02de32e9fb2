//! How much an entry matters, for histories that are kept short, which activity it is about, and who gave an order.

use super::{ConditionOutcome, HistoryEvent, Taken};
use crate::{ids::ActivityPath, indexes::ConditionIndex, initiator::Initiator};

/// What an entry is to somebody who wants to keep few of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The ordinary course of a process.
    Course,
    /// What decided about its course, and handlers, attempts and calls.
    Decision,
    /// The launch, faults, what operators did, and the end.
    End,
}

impl HistoryEvent {
    /// The activity that it is about, if it is about one.
    pub const fn activity(&self) -> Option<&ActivityPath> {
        match self {
            Self::TaskSent { activity, .. }
            | Self::Answered { activity, .. }
            | Self::Suspended { activity, .. }
            | Self::DelayStarted { activity, .. }
            | Self::DelayEnded { activity }
            | Self::AwaitStarted { activity, .. }
            | Self::EventReceived { activity, .. }
            | Self::Called { activity, .. }
            | Self::Returned { activity, .. }
            | Self::ConditionEvaluated { activity, .. }
            | Self::Forked { activity, .. }
            | Self::Joined { activity }
            | Self::Emitted { activity, .. }
            | Self::Sent { activity, .. }
            | Self::Finishing { activity }
            | Self::EventQueued { activity, .. }
            | Self::EventDropped { activity, .. }
            | Self::Interrupted { activity }
            | Self::Compensating { activity }
            | Self::Started { activity, .. }
            | Self::LeftOut { activity, .. }
            | Self::TimeRestarted { activity, .. }
            | Self::PartRetried { activity, .. }
            | Self::Skipped { activity, .. }
            | Self::FieldsSet { activity, .. }
            | Self::Moved { activity, .. }
            | Self::Caught { activity, .. } => Some(activity),
            Self::Failed(fault)
            | Self::AttemptFailed { fault, .. }
            | Self::FailedAtEnd { fault }
            | Self::Stuck { fault } => Some(&fault.activity),
            Self::Launched { .. }
            | Self::Completed
            | Self::Parked { .. }
            | Self::Resumed
            | Self::Cancelled { .. }
            | Self::ProcessSuspended { .. }
            | Self::ProcessResumed { .. }
            | Self::Migrated { .. }
            | Self::Terminated { .. }
            | Self::Retried { .. } => None,
        }
    }

    /// Who gave the order that it is about, if it is about one.
    pub const fn initiator(&self) -> Option<&Initiator> {
        match self {
            Self::Cancelled { by, .. }
            | Self::Retried { by, .. }
            | Self::ProcessSuspended { by, .. }
            | Self::ProcessResumed { by, .. }
            | Self::Migrated { by, .. }
            | Self::Terminated { by, .. }
            | Self::PartRetried { by, .. }
            | Self::Skipped { by, .. }
            | Self::FieldsSet { by, .. }
            | Self::Moved { by, .. } => Some(by),
            Self::Launched { .. }
            | Self::TaskSent { .. }
            | Self::Answered { .. }
            | Self::Suspended { .. }
            | Self::DelayStarted { .. }
            | Self::DelayEnded { .. }
            | Self::AwaitStarted { .. }
            | Self::EventReceived { .. }
            | Self::Called { .. }
            | Self::Returned { .. }
            | Self::ConditionEvaluated { .. }
            | Self::Forked { .. }
            | Self::Joined { .. }
            | Self::Completed
            | Self::Failed(_)
            | Self::Parked { .. }
            | Self::Resumed
            | Self::AttemptFailed { .. }
            | Self::LeftOut { .. }
            | Self::TimeRestarted { .. }
            | Self::Emitted { .. }
            | Self::Sent { .. }
            | Self::Finishing { .. }
            | Self::FailedAtEnd { .. }
            | Self::EventQueued { .. }
            | Self::EventDropped { .. }
            | Self::Interrupted { .. }
            | Self::Compensating { .. }
            | Self::Started { .. }
            | Self::Stuck { .. }
            | Self::Caught { .. } => None,
        }
    }

    /// The condition or other expression that it is about, if it is about one.
    pub const fn expression(&self) -> Option<ConditionIndex> {
        if let Self::ConditionEvaluated { condition, .. } = self {
            return Some(*condition);
        }
        None
    }

    pub const fn weight(&self) -> Weight {
        match self {
            Self::Launched { .. }
            | Self::Completed
            | Self::Failed(_)
            | Self::Parked { .. }
            | Self::Resumed
            | Self::Cancelled { .. }
            | Self::ProcessSuspended { .. }
            | Self::ProcessResumed { .. }
            | Self::Migrated { .. }
            | Self::Terminated { .. }
            | Self::Retried { .. }
            | Self::PartRetried { .. }
            | Self::Skipped { .. }
            | Self::FieldsSet { .. }
            | Self::Moved { .. }
            | Self::Stuck { .. }
            | Self::FailedAtEnd { .. }
            | Self::Caught { .. } => Weight::End,
            Self::EventReceived {
                taken: Taken::Yes, ..
            }
            | Self::ConditionEvaluated {
                outcome: ConditionOutcome::Verdict(_) | ConditionOutcome::Fault { .. },
                ..
            }
            | Self::Called { .. }
            | Self::Started { .. }
            | Self::AttemptFailed { .. }
            | Self::Finishing { .. }
            | Self::EventDropped { .. }
            | Self::LeftOut { .. }
            | Self::TimeRestarted { .. }
            | Self::Interrupted { .. }
            | Self::Compensating { .. } => Weight::Decision,
            Self::TaskSent { .. }
            | Self::Answered { .. }
            | Self::Suspended { .. }
            | Self::DelayStarted { .. }
            | Self::DelayEnded { .. }
            | Self::AwaitStarted { .. }
            | Self::EventReceived {
                taken: Taken::No, ..
            }
            | Self::ConditionEvaluated {
                outcome: ConditionOutcome::Value(_),
                ..
            }
            | Self::Returned { .. }
            | Self::Forked { .. }
            | Self::Joined { .. }
            | Self::Emitted { .. }
            | Self::Sent { .. }
            | Self::EventQueued { .. } => Weight::Course,
        }
    }
}
