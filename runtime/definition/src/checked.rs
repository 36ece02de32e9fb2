//! The checked tree: the meaning of a definition. Everything in it is valid, except for what only
//! shows at run time.

use bureaucrat_model::{
    ActivityPath, Bond, CodePattern, Condition, ConditionIndex, ConditionRange, Duplicate,
    FaultCode, FieldPath, Fields, Interrupt, ItemNames, JsonText, Millis, Recorded, Retry,
    Schedule, Since, Site, SourceModule, Timestamp, Unhandled, Way,
};
use std::collections::BTreeMap;

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) name: String,
    pub(crate) whole: Whole,
    pub(crate) site: Site,
    pub(crate) context: Context,
    pub(crate) modules: Vec<SourceModule>,
    /// The conditions that ranges in the tree refer to.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) body: Body,
    /// The scopes that can be compensated by their ids.
    pub(crate) compensable: BTreeMap<String, ActivityPath>,
}

/// The fields that a process begins with.
#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) fields: Fields,
    /// The names of those that lists can be searched by.
    pub(crate) searchable: Vec<String>,
}

/// What holds for a process as a whole.
#[derive(Debug, Default)]
pub(crate) struct Whole {
    pub(crate) key: Option<(Written<String>, Duplicate)>,
    pub(crate) deadline: Option<Written<Millis>>,
    pub(crate) unhandled: Option<Unhandled>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) recorded: Recorded,
}

/// What a call names.
#[derive(Debug)]
pub(crate) enum Called {
    Field(String),
    Named(Written<String>),
}

/// What is done in an element, and what its context holds.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) activities: Vec<Activity>,
    pub(crate) scope: Scope,
}

/// What the context of an element holds.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) locals: Vec<Local>,
    pub(crate) handlers: Vec<Handler>,
    pub(crate) finally: Option<Box<Finally>>,
    /// None when nothing around it compensates.
    pub(crate) compensation: Option<Box<Finally>>,
    pub(crate) events: Vec<Event>,
}

/// What is done about an event or a time while an element is active.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) site: Site,
    pub(crate) what: Happening,
    pub(crate) interrupt: Interrupt,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) enum Happening {
    Event(Expected),
    Time(When),
}

impl Scope {
    pub(crate) fn is_empty(&self) -> bool {
        self.locals.is_empty()
            && self.handlers.is_empty()
            && self.finally.is_none()
            && self.compensation.is_none()
            && self.events.is_empty()
    }
}

/// A field that is declared in an element.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) name: String,
    pub(crate) value: Written<JsonText>,
}

/// What runs at the end of an element.
#[derive(Debug)]
pub(crate) struct Finally {
    pub(crate) site: Site,
    pub(crate) body: Body,
}

/// What is written in the definition, or computed by a function.
#[derive(Debug, Clone)]
pub(crate) enum Written<T> {
    Fixed(T),
    Computed(ConditionIndex),
}

/// An argument of a call: a literal, or the value of a function.
pub(crate) type Argument = Written<JsonText>;

/// A time, or how long until it.
#[derive(Debug)]
pub(crate) enum When {
    After(Written<Millis>),
    At(Written<Timestamp>),
}

/// What becomes of what comes back.
#[derive(Debug)]
pub(crate) enum Taking {
    Fields,
    Into(FieldPath),
    /// Places, and the functions whose values are put there.
    Out(Vec<(FieldPath, ConditionIndex)>),
}

/// Names of fields, and the functions whose values they get.
pub(crate) type Inputs = Vec<(String, ConditionIndex)>;

/// What the task of an action carries.
#[derive(Debug)]
pub(crate) enum Carries {
    All,
    Fields(Inputs),
    Arguments {
        args: Vec<Argument>,
        kwargs: Vec<(String, Argument)>,
    },
}

#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) participant: Written<String>,
    pub(crate) way: Way<Written<String>, Written<u8>>,
    pub(crate) carries: Carries,
    pub(crate) taking: Taking,
    /// How long the engine waits before it sends the first task.
    pub(crate) countdown: Option<Written<Millis>>,
    pub(crate) timeout: Option<Written<Millis>>,
    pub(crate) heartbeat: Option<Written<Millis>>,
    pub(crate) within: Option<Written<Millis>>,
    pub(crate) retry: Option<Retry>,
}

/// An event that is waited for.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) event: Written<String>,
    pub(crate) key: Option<Written<String>>,
    pub(crate) conditions: ConditionRange,
    pub(crate) taking: Taking,
    pub(crate) since: Option<Since>,
}

#[derive(Debug)]
pub(crate) struct On {
    pub(crate) site: Site,
    pub(crate) expected: Expected,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) struct After {
    pub(crate) site: Site,
    pub(crate) when: When,
    pub(crate) body: Body,
}

#[derive(Debug)]
pub(crate) struct Foreach {
    pub(crate) select: ConditionIndex,
    pub(crate) names: ItemNames,
    pub(crate) parallel: u32,
    pub(crate) collect: Option<ConditionIndex>,
    pub(crate) into: Option<FieldPath>,
    pub(crate) body: Body,
}

/// A message to the broker.
#[derive(Debug)]
pub(crate) struct Send {
    pub(crate) exchange: Option<Written<String>>,
    pub(crate) routing_key: Option<Written<String>>,
    pub(crate) content_type: String,
    pub(crate) headers: Inputs,
    pub(crate) body: Option<ConditionIndex>,
}

/// A case of `faults`, or its default.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) site: Site,
    /// None of them for the default.
    pub(crate) codes: Vec<CodePattern>,
    pub(crate) conditions: ConditionRange,
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
    Sequence {
        body: Body,
        retry: Option<Retry>,
    },
    Action(Box<Action>),
    Switch(Vec<Case>),
    While {
        conditions: ConditionRange,
        body: Body,
    },
    All(Body),
    Race(Body),
    Foreach(Box<Foreach>),
    Pick {
        on: Vec<On>,
        after: Option<Box<After>>,
    },
    Call {
        target: Called,
        bond: Bond,
        inputs: Option<Inputs>,
        taking: Taking,
    },
    Delay {
        when: When,
    },
    Await {
        expected: Box<Expected>,
        timeout: Option<Written<Millis>>,
    },
    Emit {
        event: Written<String>,
        key: Option<Written<String>>,
        keep: Option<Millis>,
        fields: Inputs,
    },
    Send(Box<Send>),
    Assign {
        target: FieldPath,
        value: ConditionIndex,
    },
    Fault {
        /// None for the fault that is being handled.
        code: Option<Written<FaultCode>>,
        message: Written<String>,
        data: Option<ConditionIndex>,
    },
    Compensate {
        /// The only scope; none for all.
        scope: Option<String>,
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
