//! Warnings: what compiles, and is hardly what was meant.

use super::words::{Quoted, Try};
use bureaucrat_model::Millis;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error("condition: {reason}{}", Try(suggestion.as_deref()))]
    Condition {
        reason: String,
        /// What was probably meant, as XML; it compiles.
        suggestion: Option<String>,
    },
    #[error("this `case` has no condition, so it is never taken; for a default, write `<default>`")]
    CaseWithoutCondition,
    #[error("this `while` has no condition, so it never runs its activities; add a condition")]
    WhileWithoutCondition,
    #[error("these `faults` are empty and handle nothing; add a `case` or a `default`")]
    EmptyFaults,
    #[error("this is never tried: the `case` in line {line} handles every fault")]
    UnreachableHandler { line: u32 },
    #[error(
        "the fault {} is already handled by the `case` in line {line}",
        Quoted(code)
    )]
    HandledBefore { code: String, line: u32 },
    #[error("no handler runs for `OpBudgetExceeded`: it always ends the process")]
    NeverHandled,
    #[error("this never runs: no handler or `finally` around the element holds a `<compensate/>`")]
    NeverCompensated,
    #[error("there is no further attempt after `{code}`")]
    NeverRetried { code: &'static str },
    #[error("`delay` ({delay}) is longer than `max-delay`, so every pause is {max}")]
    LongDelay { delay: Millis, max: Millis },
    #[error(
        "this never runs: only a deployed definition is scheduled, and deploying needs a `name`"
    )]
    ScheduleWithoutName,
    #[error(
        "{} looks like a file; a `call` names a deployed definition, such as {}",
        Quoted(.found),
        Quoted(.meant)
    )]
    CallOfFile { found: String, meant: String },
    #[error("this `{tag}` is empty and does nothing; add an activity, or remove it")]
    EmptyBody { tag: &'static str },
    #[error("this never runs: the `fault` in line {line} comes first")]
    AfterFault { line: u32 },
    #[error("this `case` is never taken: the condition in line {line} is always true")]
    UnreachableCase { line: u32 },
    #[error("this `case` is never taken: an earlier one has the same condition, in line {line}")]
    RepeatedCase { line: u32 },
    #[error("this is the same condition as in line {line}")]
    RepeatedCondition { line: u32 },
    #[error(
        "no property is called {}; did you mean {}?",
        Quoted(found),
        Quoted(declared)
    )]
    NearField { found: String, declared: String },
    /// A field is compared with a literal that no value of its declared type equals.
    #[error(
        "the property {} is of type `{declared}`; it never equals {literal}",
        Quoted(field)
    )]
    OtherType {
        field: String,
        declared: &'static str,
        literal: &'static str,
    },
    #[error(
        "the property {} is already in line {line}; this one replaces it",
        Quoted(name)
    )]
    RepeatedProperty { name: String, line: u32 },
    #[error(
        "line {line} already has {} `{part}` named {}; this one replaces it",
        article(part),
        Quoted(name)
    )]
    RepeatedName {
        part: &'static str,
        name: String,
        line: u32,
    },
    #[error(
        "this field is dropped: the event's {} comes from the attribute of `emit`",
        Quoted(name)
    )]
    FieldOfEvents { name: String },
    #[error(
        "{} is the name of both the item and its number; rename one of them",
        Quoted(name)
    )]
    ItemAndIndex { name: String },
    #[error("this is never reached: the `on` in line {line} already takes every such event")]
    UnreachableAlternative { line: u32 },
    #[error(
        "`timeout` ({timeout}) is longer than `within` ({within}), which ends the attempt first"
    )]
    LongTimeout { timeout: Millis, within: Millis },
    #[error(
        "another branch (line {line}) also sets a part of {}; branches are merged field by field, so one of the changes is lost; use two fields",
        Quoted(field)
    )]
    PartsOfOneField { field: String, line: u32 },
    #[error("`keep` is 0, so the event is not kept; remove `keep`, or give a time such as `1h`")]
    KeptForNoTime,
    #[error(
        "this field does not keep the event; for that, give `emit` the attribute `keep`, such as \
         `keep=\"1h\"`"
    )]
    KeepsNothing,
    #[error(
        "this loop never ends: its condition is always true, and nothing in it waits or throws a \
         fault, so the process ends with the fault `OpBudgetExceeded`; add an activity that waits, \
         or a condition that changes"
    )]
    EndlessLoop,
}

fn article(word: &str) -> &'static str {
    match word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    }
}
