//! Mistakes in values: attributes and texts that are invalid.

use super::words::{Alternatives, Choice, Hint, Nearest, Quoted, Try};
use bureaucrat_model::{Millis, ModuleRefError};
use bureaucrat_schedule::TimetableError;

/// A value that is not what is expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// An attribute's value is empty.
    #[error("the attribute `{attribute}` of `{tag}` is empty; expected {wanted}")]
    Empty {
        tag: &'static str,
        attribute: &'static str,
        wanted: &'static str,
    },
    /// A name is too long.
    #[error(
        "the attribute `{attribute}` of `{tag}` has {bytes} bytes; at most {limit} are allowed"
    )]
    Long {
        tag: &'static str,
        attribute: &'static str,
        /// Its length in bytes.
        bytes: usize,
        limit: usize,
    },
    /// The type of a property is unknown.
    #[error("unknown type {}{}; expected {}", Quoted(found), Nearest(*nearest), Alternatives(types))]
    UnknownType {
        found: String,
        types: &'static [&'static str],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    #[error(
        "`expr` is only for the fields of an element inside the process; here, write an `assign` \
         as the first activity"
    )]
    ExpressionOfProcess,
    /// The text of a property does not match its type.
    #[error(
        "the property {} is {}; expected {wanted}{}",
        Quoted(property),
        Quoted(found),
        Hint(*hint, "")
    )]
    BadProperty {
        property: String,
        wanted: &'static str,
        found: String,
        /// What to write instead.
        hint: Option<&'static str>,
    },
    /// The text of a property of type `json` is not JSON.
    #[error("the property {} is not JSON: {reason}", Quoted(property))]
    BadJson {
        property: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A duration that is not a number of seconds.
    #[error(
        "{} is not a duration, such as `90` (seconds), `0.5`, `500ms`, `5m`, `2h`, `3d` or `PT1H30M`{}",
        Quoted(found),
        Meant(meant.as_deref())
    )]
    BadDuration {
        found: String,
        /// The seconds that it probably means.
        meant: Option<String>,
    },
    #[error(
        "{} is not a duration here: months and years differ in length; write days, as in `P30D`",
        Quoted(found)
    )]
    CalendarDuration { found: String },
    /// A duration beyond the limit.
    #[error("the duration is too long; at most {limit} is allowed")]
    LongDuration { limit: Millis },
    #[error(
        "{} is not a place in the fields; use a name, or a JSON Pointer such as `/order/lines/0`",
        Quoted(found)
    )]
    BadPath { found: String },
    #[error(
        "{} is not a time; write it with an offset, such as `2026-12-01T08:00:00Z`, or as Unix seconds",
        Quoted(found)
    )]
    BadTime { found: String },
    #[error(
        "{}: names that begin with `inst:` are reserved for the engine; use another name",
        Quoted(found)
    )]
    ReservedName { found: String },
    #[error("`into` takes all of what comes back, `out` parts of it; remove one")]
    IntoAndOut,
    #[error("nothing comes back from a detached process; remove `out`, or `detached`")]
    OutOfDetached,
    #[error(
        "`since` is {}; use `launch` or a duration, such as `5m`",
        Quoted(found)
    )]
    BadSince { found: String },
    #[error("a `pick` without `on` and `after` would wait for nothing; add one")]
    EmptyPick,
    #[error(
        "`send` needs `exchange`, `routing-key` or both; without `exchange`, `routing-key` names a queue"
    )]
    SendsNowhere,
    #[error(
        "without `exchange`, the task goes to the queue in `queue`, and `routing-key` has no effect; remove one of them, or add `exchange`"
    )]
    QueueAndRoutingKey,
    #[error(
        "`{tag}` is for calls of Celery tasks, and this action has `via=\"{via}\"`; use `in`, or `via=\"celery\"`"
    )]
    ArgumentsOfNoCall {
        tag: &'static str,
        via: &'static str,
    },
    #[error(
        "a Celery task that is called takes arguments, not fields; use `arg` and `kwarg`, or `via=\"celery-workitem\"`"
    )]
    FieldsOfCall,
    #[error(
        "`in` is for fields, `{tag}` for the arguments of a Celery task; an action sends either, so remove one of them"
    )]
    FieldsAndArguments { tag: &'static str },
    #[error("no definition may send to {}: {reason}", Quoted(found))]
    NeverSent { found: String, reason: &'static str },
    #[error(
        "the header {} is for the broker and the engine alone; use another name than `CC`, `BCC`, `x-…` and `bureaucrat-…`",
        Quoted(found)
    )]
    ReservedHeader { found: String },
    #[error(
        "{} is neither a list nor a record, so there is nothing to iterate over; select a field, \
         such as `order.lines`, or write an expression",
        Quoted(found)
    )]
    NothingToSelect { found: String },
    #[error(
        "{} is not the name of a field; did you mean {}?",
        Quoted(found),
        Quoted(meant)
    )]
    BadSelection { found: String, meant: String },
    #[error("`collect` and `into` belong together: what is collected, and where it is put")]
    CollectAlone,
    #[error(
        "`compensate` is for handlers and `finally`, where it undoes what completed inside the \
         element; move it there"
    )]
    CompensateOutside,
    #[error(
        "nothing around a process could undo it; put `compensate` into the `context` of an \
         element inside"
    )]
    ProcessCompensation,
    #[error(
        "no element has the id {}{}",
        Quoted(found),
        Meant(meant.as_deref())
    )]
    UnknownScope {
        found: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    #[error(
        "the element {} has no `compensate` in its `context`, so nothing would undo it",
        Quoted(found)
    )]
    NotCompensable { found: String },
    #[error(
        "the element {} is not inside the one that failed, so it is not undone here",
        Quoted(found)
    )]
    ScopeElsewhere { found: String },
    #[error("`{attribute}` is {}; use {wanted}", Quoted(found))]
    BadNumber {
        attribute: &'static str,
        found: String,
        wanted: String,
    },
    #[error("{} is not an id; use {wanted}", Quoted(found))]
    BadId { found: String, wanted: String },
    #[error(
        "the id {} is already used in line {line}; an id must be unique",
        Quoted(found)
    )]
    RepeatedId { found: String, line: u32 },
    #[error("this title has {characters} characters; at most {limit} are allowed")]
    LongTitle { characters: usize, limit: usize },
    #[error(
        "a `fault` without `code` throws the handled fault again, with its own message; remove `message` or add `code`"
    )]
    MessageOfAnother,
    #[error(
        "a `fault` without `code` throws the handled fault again, with its own data; remove the expression or add `code`"
    )]
    DataOfAnother,
    #[error(
        "{} is not a fault code; use at most 64 letters, digits, `.`, `_`, `-` or `:`, such as `shop.Declined`",
        Quoted(found)
    )]
    BadCode { found: String },
    #[error(
        "the fault code {} is reserved for the engine; use a code of your own",
        Quoted(found)
    )]
    ReservedCode { found: String },
    #[error(
        "{} is not a pattern of fault codes; separate codes by commas and write `*` for any text, as in `ActionError, shop.*`",
        Quoted(found)
    )]
    BadPattern { found: String },
    #[error("{reason}; or write `$` and the name of the field that holds a definition")]
    BadCall { reason: String },
    #[error("expected the name of a field after `$`, as in `$definition`")]
    CallOfNoField,
    #[error("`{attribute}` is {}; use {}", Quoted(found), Choice(words))]
    BadWord {
        attribute: &'static str,
        found: String,
        words: &'static [&'static str],
    },
    #[error("the cron line {} can't be used: {error}", Quoted(found))]
    BadCron {
        found: String,
        error: TimetableError,
    },
    #[error("{}: {error}", Quoted(found))]
    BadZone {
        found: String,
        error: TimetableError,
    },
    #[error("a `key` is unique among the processes of one name; add `name` to `process`")]
    KeyWithoutName,
    #[error(
        "`duplicate` says what happens to a launch whose `key` is taken; add `key` or remove it"
    )]
    DuplicateWithoutKey,
    #[error("the key is computed before the process begins, when there is no `{found}` yet")]
    KeyReads { found: &'static str },
    #[error(
        "the name of a searchable field has at most {limit} bytes; {} is longer",
        Quoted(found)
    )]
    SearchableName { found: String, limit: usize },
    /// A second module with the same name.
    #[error("there is already a module {}", Quoted(name))]
    DuplicateModule { name: String },
    /// A module with neither bytes nor a hash.
    #[error(
        "the module {} is empty; expected base64 text, or one of the attributes `hash` and `use`",
        Quoted(name)
    )]
    NoModule { name: String },
    /// A module that says twice where its bytes are.
    #[error(
        "the module {} has the attribute `{attribute}`, so it cannot have {other} too",
        Quoted(name)
    )]
    TwoModules {
        name: String,
        attribute: &'static str,
        other: &'static str,
    },
    /// What a module uses is no name of one.
    #[error("{0}")]
    BadModuleRef(ModuleRefError),
    /// No module is deployed under the name.
    #[error("the module {}: {reason}", Quoted(name))]
    NotDeployed { name: String, reason: String },
    /// Bytes of a module that are not base64.
    #[error("the module {} is not base64 (RFC 4648, with padding)", Quoted(name))]
    BadBase64 { name: String },
    /// A module's hash is invalid.
    #[error(
        "{} is not a hash; expected `sha256:` and 64 lower-case hexadecimal digits",
        Quoted(found)
    )]
    BadHash { found: String },
    /// A condition without text or module.
    #[error("this condition is empty; expected an expression, or the attribute `module`")]
    EmptyCondition,
    #[error("this has no value; expected an expression, or the attribute `module`")]
    EmptyValue,
    /// A condition with both text and module.
    #[error("this condition has the attribute `module`, so it cannot have text too")]
    TwoConditions,
    #[error("the attribute `function` needs the attribute `module`")]
    FunctionWithoutModule,
    /// A function's name that WIT does not allow.
    #[error(
        "{} is not the name of a function; expected words of letters and digits joined by `-`, such as `is-high`",
        Quoted(found)
    )]
    BadFunction { found: String },
    /// A condition's module is not declared.
    #[error("the module {} is not declared{}; add a `module` of that name to the process", Quoted(found), Nearest(nearest.as_deref()))]
    UnknownModule {
        found: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// An expression is refused.
    #[error("{}: {reason}{}", what.name(), Try(suggestion.as_deref()))]
    Expression {
        what: Wanted,
        reason: String,
        /// What was probably meant, as XML; it compiles.
        suggestion: Option<String>,
    },
    /// The expressions could not be compiled together.
    #[error("the expressions of this definition do not compile: {reason}")]
    Guest { reason: String },
}

/// What an expression is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Condition,
    Value,
    /// What a fault says to machines.
    Data,
}

impl Wanted {
    const fn name(self) -> &'static str {
        match self {
            Self::Condition => "condition",
            Self::Value => "value",
            Self::Data => {
                "data of the fault, as an expression (the text for people goes into `message`)"
            }
        }
    }
}

/// `; did you mean …?`, or nothing.
struct Meant<'a>(Option<&'a str>);

impl std::fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(meant) => write!(f, "; did you mean {}?", Quoted(meant)),
            None => Ok(()),
        }
    }
}
