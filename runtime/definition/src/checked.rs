//! The checked tree: what a definition means. Nothing in it can be wrong any more, apart from what only a run shows.

use bureaucrat_model::{
    ActivityPath, Condition, ConditionRange, Fields, Millis, SourceModule, Span,
};

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) span: Span,
    pub(crate) context: Fields,
    pub(crate) modules: Vec<SourceModule>,
    /// The conditions that ranges in the tree point into.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) body: Vec<Activity>,
}

/// An activity or a case.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) path: ActivityPath,
    pub(crate) span: Span,
    pub(crate) kind: ActivityKind,
}

#[derive(Debug)]
pub(crate) enum ActivityKind {
    Sequence(Vec<Activity>),
    Action {
        participant: String,
    },
    Switch(Vec<Case>),
    While {
        conditions: ConditionRange,
        body: Vec<Activity>,
    },
    All(Vec<Activity>),
    Call {
        field: String,
    },
    Delay {
        duration: Millis,
    },
    Await {
        event: String,
        conditions: ConditionRange,
    },
}

/// A case of a switch.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) path: ActivityPath,
    pub(crate) span: Span,
    pub(crate) conditions: ConditionRange,
    pub(crate) body: Vec<Activity>,
}
