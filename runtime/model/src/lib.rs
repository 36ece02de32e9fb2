//! Shared types of the runtime: ids, values, time, bytecode, the engine's inputs and effects.
//!
//! Everything here is plain data that can be compared, cloned and serialised. The crate promises
//! that stored and sent numbers do not change (see `docs/formats.md`) and that every text form can
//! be parsed back. It makes no decisions: the engine decides how a process runs; `wire` and `store`
//! decide how bytes are sent and stored. It also has two helpers that every crate needs: [`Hex`]
//! and [`lock`].
#![forbid(unsafe_code)]

mod bases;
mod called;
mod conduct;
mod deployed;
mod durations;
mod evidence;
mod fault;
mod fibers;
mod field_path;
mod fields;
mod groups;
mod held;
mod hex;
mod history;
mod id_bytes;
mod id_prefix;
mod ids;
mod indexes;
mod initiator;
mod input;
mod instance;
mod leads;
mod limits;
mod locks;
mod message;
mod migration;
mod modification;
mod modules;
mod name;
mod op;
mod operand;
mod program;
mod recovery;
mod scope;
mod searching;
mod selecting;
mod shared_map;
mod site;
mod time;
mod unusable;
mod version;
mod via;
mod view;
mod wait;

pub use called::{Bond, CallTarget, Called, ChildDefinition, DeployedProgram};
pub use conduct::{
    Conduct, Deadline, Duplicate, KeyRule, KeyText, Missed, Recorded, Schedule, Unhandled,
};
pub use deployed::{DefinitionRef, DefinitionRefError, SourceHash};
pub use evidence::{
    EvaluationBounds, Evidence, FailedEvaluation, GuestClass, KeptBody, KeptMessage, MessageKind,
    Ran, Seen,
};
pub use fault::{CodePattern, Fault, FaultCode, FaultSource};
pub use fibers::{FiberChange, Fibers};
pub use field_path::{FieldPath, FieldPathError};
pub use fields::{Fields, FieldsError, JsonText};
pub use groups::{ShardGroup, ShardGroups, ShardId};
pub use hex::Hex;
pub use history::{
    ConditionOutcome, Dropped, HistoryEntry, HistoryEvent, HistoryHead, LeftOut, Redelivered,
    Taken, Weight,
};
pub use id_prefix::{IdPrefix, IdPrefixError};
pub use ids::{
    ActivityId, ActivityPath, FiberId, HistoryHash, IdError, ModuleHash, Origin, ProcessId,
    ProgramHash, Turn,
};
pub use indexes::{ConditionIndex, ConditionRange, OpIndex, Span};
pub use initiator::{Initiator, NO_REASON, Operator};
pub use input::{
    AbandonedTask, Answer, Effect, Ending, Evaluation, EvaluationOutcome, EventSource, Input,
    TaskEnd,
};
pub use instance::{
    Branch, Caller, Fiber, FiberState, Head, Instance, Launch, Parking, ReplyTo, Sharing, Status,
};
pub use limits::{EngineLimits, NameLimits};
pub use locks::{lock, unpoisoned};
pub use message::{Message, Toward};
pub use migration::{Misfit, Obstacle, Relocation};
pub use modification::{Change, Modification, PartOf, Refusal, STANDINGS_MAX, Standing};
pub use modules::{Alias, AliasError, ModuleRef, ModuleRefError, Wanted};
pub use name::{DefinitionName, ModuleName, Name, NameError, OfDefinition, OfModule};
pub use op::{
    Alternative, Cargo, Carries, Interrupt, ItemNames, Join, Listener, Op, Part, Since, Taking,
    Timeout, When,
};
pub use operand::Operand;
pub use program::{Condition, Guest, ModuleSource, Program, ProgramError, Reads, SourceModule};
pub use recovery::{Handler, Retry};
pub use scope::{Decision, Items, Locals, Outcome, Phase, Scope};
pub use searching::{Searched, Term};
pub use selecting::SelectStep;
pub use shared_map::SharedMap;
pub use site::{Label, Site};
pub use time::{Millis, Timestamp};
pub use unusable::Unusable;
pub use version::Version;
pub use via::{Dialect, TaskQueue, UnknownName, Via, Way, WrittenWay};
pub use view::View;
pub use wait::{
    Arrivals, Asker, Check, Expiry, LastUntaken, Pace, Progress, Recall, Subscription, Then,
    Untaken, Wait, WaitKind,
};
