//! Instructions: what they need, which functions they call, where they lead.
//!
//! An instruction that needs a computed value takes it from the fiber, which [`Op::Evaluate`] gave it just before: values
//! are taken in the order in which they were computed. The numbers beside the variants are those in `docs/formats.md`; a
//! number never changes its meaning.

use crate::{
    called::{Bond, CallTarget},
    fault::FaultCode,
    field_path::FieldPath,
    fields::{Fields, JsonText},
    indexes::{ConditionIndex, ConditionRange, OpIndex},
    operand::Operand,
    recovery::{Handler, Retry},
    time::{Millis, Timestamp},
    via::WrittenWay,
};
use serde::{Deserialize, Serialize};

/// A time, or how long until it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    #[serde(rename = "1")]
    After(Operand<Millis>),
    #[serde(rename = "2")]
    At(Operand<Timestamp>),
}

/// What the task of an action carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carries {
    /// All fields that are visible.
    #[serde(rename = "1")]
    All,
    /// Fields of these names, each with a computed value.
    #[serde(rename = "2")]
    Fields(Vec<String>),
    /// The arguments of a call, each computed: so many by place, then those with these names. They are kept as two
    /// fields, [`Carries::ARGS`] and [`Carries::KWARGS`].
    #[serde(rename = "3")]
    Arguments { args: u32, kwargs: Vec<String> },
}

impl Carries {
    /// The list of the arguments by place.
    pub const ARGS: &'static str = "args";
    /// The object of the arguments by name.
    pub const KWARGS: &'static str = "kwargs";

    /// Which kind it is.
    pub const fn cargo(&self) -> Cargo {
        match self {
            Self::All => Cargo::All,
            Self::Fields(_) => Cargo::Fields,
            Self::Arguments { .. } => Cargo::Arguments,
        }
    }
}

/// The kinds of what a task carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cargo {
    All,
    Fields,
    Arguments,
}

/// What becomes of an answer, an event, or what a called process ended with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taking {
    /// Its fields change those of the process; an event becomes the field `event`.
    #[serde(rename = "1")]
    Fields,
    /// It becomes the value of a field.
    #[serde(rename = "2")]
    Into(FieldPath),
    /// It is there for the functions that follow, until [`Op::Store`].
    #[serde(rename = "3")]
    Functions,
}

/// One of the events that a wait can end with. Computed are, in this order: its name, its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    pub event: Operand<String>,
    /// With one, only events with this key count.
    pub key: Option<Operand<String>>,
    /// One that holds is enough; without any, each event counts.
    pub conditions: ConditionRange,
    pub taking: Taking,
    /// How far back kept events count.
    pub since: Option<Since>,
    /// Where it continues.
    pub at: OpIndex,
}

/// How far back kept events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Since {
    /// To the launch of the process.
    #[serde(rename = "1")]
    Launch,
    #[serde(rename = "2")]
    Span(Millis),
}

/// How long a wait for events lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeout {
    pub when: When,
    /// Where it continues then; none for the fault `Timeout`.
    pub at: Option<OpIndex>,
}

/// What waits for events or a time while a scope is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Where it computes what it waits for.
    pub at: OpIndex,
    /// Where it waits; what follows is what it does.
    pub waits: OpIndex,
}

/// Whether an event stops the body of its scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interrupt {
    #[serde(rename = "1")]
    No,
    #[serde(rename = "2")]
    Yes,
}

/// Whether a part of a message is computed, or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    #[serde(rename = "1")]
    Computed,
    #[serde(rename = "2")]
    Missing,
}

/// When a fork has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Join {
    /// When all of its branches have.
    #[serde(rename = "1")]
    All,
    /// When one of them has: the others are stopped.
    #[serde(rename = "2")]
    First,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// Sends a task to a participant and waits for its answer. Computed are, in this order: the
    /// participant, its way, the inputs, the timeout, the heartbeat.
    #[serde(rename = "1")]
    Action {
        /// The name of the participant; for Celery the full name of a task. At most 255 bytes with its queue's prefix.
        participant: Operand<String>,
        /// None where the settings alone say where tasks go.
        way: Option<Box<WrittenWay>>,
        carries: Carries,
        taking: Taking,
        /// The most that one attempt may take.
        timeout: Option<Operand<Millis>>,
        /// The longest silence after the first sign of progress.
        heartbeat: Option<Operand<Millis>>,
        retry: Option<Retry>,
        /// Where an attempt begins: at what it computes.
        attempt: OpIndex,
    },
    /// Waits for some time.
    #[serde(rename = "2")]
    Delay { when: When },
    /// Waits for the first of some events. Computed are, in this order: what each alternative needs, the timeout.
    #[serde(rename = "3")]
    Await {
        alternatives: Vec<Alternative>,
        timeout: Option<Timeout>,
    },
    /// Starts a process, and waits for its end or until it is certain to start. Computed are, in this order: what it is
    /// called by, the inputs.
    #[serde(rename = "4")]
    Call {
        target: CallTarget,
        bond: Bond,
        /// The names of the fields that it begins with, each with a computed value; none for all that are visible.
        inputs: Option<Vec<String>>,
        taking: Taking,
    },
    /// Throws a fault. Computed are, in this order: the code, the message, the data.
    #[serde(rename = "5")]
    Fault {
        /// None for the fault that is being handled.
        code: Option<Operand<FaultCode>>,
        message: Operand<String>,
        data: Option<Operand<JsonText>>,
    },
    /// Computes a value.
    #[serde(rename = "6")]
    Evaluate { function: ConditionIndex },
    /// Gives a value that is written in the definition, as if it had been computed.
    #[serde(rename = "10")]
    Constant { value: JsonText },
    /// Puts as many computed values into fields.
    #[serde(rename = "7")]
    Store { targets: Vec<FieldPath> },
    /// Sends an event to all processes. Computed are, in this order: its name, its key, its fields.
    #[serde(rename = "8")]
    Emit {
        event: Operand<String>,
        key: Option<Operand<String>>,
        /// How long it is kept for those who wait later.
        keep: Option<Millis>,
        fields: Vec<String>,
    },
    /// Sends a message to the broker. Computed are, in this order: the exchange, the routing key, the headers, the body.
    #[serde(rename = "13")]
    Send {
        /// None for the default exchange, whose routing keys are the names of queues.
        exchange: Option<Operand<String>>,
        /// None for an empty one.
        routing_key: Option<Operand<String>>,
        content_type: String,
        headers: Vec<String>,
        body: Part,
    },
    /// All attempts of the action that follows have to end within this time.
    #[serde(rename = "9")]
    Within { span: Operand<Millis> },
    /// The process has to end within this time.
    #[serde(rename = "12")]
    Deadline { span: Operand<Millis> },
    /// Continues at another instruction.
    #[serde(rename = "16")]
    Jump { target: OpIndex },
    /// Continues with the next instruction if a condition holds, otherwise at another one.
    #[serde(rename = "17")]
    Test {
        /// Evaluated in order, until one holds.
        conditions: ConditionRange,
        /// Where to continue if none holds.
        otherwise: OpIndex,
    },
    /// Starts a fiber for each branch, waits until all or one of them have ended, then continues at `next`.
    #[serde(rename = "18")]
    Fork {
        branches: Vec<OpIndex>,
        join: Join,
        /// Where the forking fiber continues.
        next: OpIndex,
    },
    /// Ends a branch of a fork.
    #[serde(rename = "19")]
    EndBranch,
    #[serde(rename = "20")]
    Complete,
    /// Enters a scope: until the fiber leaves it, its handlers catch what goes wrong.
    #[serde(rename = "32")]
    EnterScope {
        /// Tried in order; the first that catches a fault handles it.
        handlers: Vec<Handler>,
        /// What runs whenever the scope ends, after its handler.
        finally: Option<OpIndex>,
        /// What undoes the scope after it has completed.
        compensation: Option<OpIndex>,
        /// Where the fiber continues when the scope or a handler of it has ended.
        next: OpIndex,
    },
    /// Ends the body of the innermost scope, a handler of it, or what runs at its end.
    #[serde(rename = "33")]
    LeaveScope,
    /// Declares fields of the innermost scope: those with fixed values, then one whose value is computed.
    #[serde(rename = "34")]
    Declare {
        fixed: Fields,
        computed: Option<String>,
    },
    /// Begins to go through the items of the computed value, in the innermost scope.
    #[serde(rename = "35")]
    EnterItems,
    /// Declares the next item in the innermost scope; continues at another instruction when there is none.
    #[serde(rename = "36")]
    NextItem { names: ItemNames, end: OpIndex },
    /// Starts a fiber for each item, so many at once, at the next instruction, and waits until all have ended.
    #[serde(rename = "37")]
    ForkItems {
        names: ItemNames,
        /// 0 for all at once.
        parallel: u32,
        /// Where the forking fiber continues.
        end: OpIndex,
    },
    /// Keeps the computed value as what this item gave.
    #[serde(rename = "38")]
    Collect,
    /// Puts what all items gave into a field, as a list.
    #[serde(rename = "39")]
    StoreCollected { target: FieldPath },
    /// Runs what follows as the body of the innermost scope, while listeners wait; waits for its end, and for what
    /// listeners still do then.
    #[serde(rename = "40")]
    Listen {
        listeners: Vec<Listener>,
        /// Where the fiber that has the scope continues.
        end: OpIndex,
    },
    /// Waits for events and runs what follows for each of them, one after the other. Computed are, in this order: the name,
    /// the key.
    #[serde(rename = "41")]
    Receive {
        event: Operand<String>,
        key: Option<Operand<String>>,
        /// Since when kept events count, too.
        since: Option<Since>,
        conditions: ConditionRange,
        taking: Taking,
        interrupt: Interrupt,
    },
    /// Waits for some time, then runs what follows once.
    #[serde(rename = "42")]
    Alarm { when: When, interrupt: Interrupt },
    /// In a handler: pauses, then tries the innermost scope again.
    #[serde(rename = "43")]
    TryAgain { retry: Retry, start: OpIndex },
    /// Forgets the fields that the innermost scope has declared, before another round declares them again.
    #[serde(rename = "44")]
    Forget,
    /// Undoes the scopes that completed inside the innermost one that has failed or ends, the last one first.
    #[serde(rename = "48")]
    Compensate {
        /// Only the one that this instruction entered.
        scope: Option<OpIndex>,
    },
}

/// The fields that an item and its place are in; with none, `inst:current` is the item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemNames {
    pub item: Option<String>,
    pub index: Option<String>,
}
