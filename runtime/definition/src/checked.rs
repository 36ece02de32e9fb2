//! The checked tree: the meaning of a definition. Everything in it is valid, except for what only
//! shows at run time.

use bureaucrat_model::{
    CodePattern, Condition, ConditionIndex, ConditionRange, FaultCode, FieldPath, Fields, Millis,
    Retry, Site, SourceModule,
};

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) site: Site,
    pub(crate) context: Fields,
    pub(crate) modules: Vec<SourceModule>,
    /// The conditions that ranges in the tree refer to.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) body: Body,
}

/// What is done in an element, and who catches what goes wrong there.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) activities: Vec<Activity>,
    pub(crate) handlers: Vec<Handler>,
}

/// A case of `faults`, or its default.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) site: Site,
    /// None of them for the default.
    pub(crate) codes: Vec<CodePattern>,
    pub(crate) body: Body,
}

/// An activity or a case.
#[derive(Debug)]
pub(crate) struct Activity {
    pub(crate) site: Site,
    pub(crate) kind: ActivityKind,
}

#[derive(Debug)]
pub(crate) enum ActivityKind {
    Sequence(Body),
    Action {
        participant: String,
        retry: Option<Retry>,
    },
    Switch(Vec<Case>),
    While {
        conditions: ConditionRange,
        body: Body,
    },
    All(Body),
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
    Assign {
        target: FieldPath,
        value: ConditionIndex,
    },
    Fault {
        /// None for the fault that is being handled.
        code: Option<FaultCode>,
        message: String,
    },
}

/// A case of a switch.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) site: Site,
    /// None for the default.
    pub(crate) conditions: Option<ConditionRange>,
    pub(crate) body: Body,
}
