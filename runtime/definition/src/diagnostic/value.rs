//! Problems of values: attributes and texts that are not of their kind.

use super::words::{Nearest, Quoted};
use bureaucrat_model::Millis;

/// A value that is not what must stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueProblem {
    /// An attribute's value is empty.
    #[error("the attribute `{attribute}` of `{tag}` is empty; a name must stand here")]
    Empty {
        tag: &'static str,
        attribute: &'static str,
    },
    /// A name is too long.
    #[error(
        "the attribute `{attribute}` of `{tag}` has {bytes} bytes; at most {limit} are allowed"
    )]
    Long {
        tag: &'static str,
        attribute: &'static str,
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The type of a property is unknown.
    #[error("the type {} of a property is not known{}; `int`, `float`, `str`, `bool` or `json` may stand here", Quoted(found), Nearest(*nearest))]
    UnknownType {
        found: String,
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The text of a property is not of its type.
    #[error(
        "the property {} holds {}; {wanted} must stand here",
        Quoted(property),
        Quoted(found)
    )]
    BadProperty {
        property: String,
        wanted: &'static str,
        found: String,
    },
    /// The text of a property of type `json` is no JSON.
    #[error(
        "the property {} is no JSON: {reason}; one JSON value must stand here",
        Quoted(property)
    )]
    BadJson {
        property: String,
        /// The JSON parser's words.
        reason: String,
    },
    /// A duration that is no number of seconds.
    #[error(
        "{} is not a duration; use seconds such as `90` or `0.5`, a unit such as `500ms`, `5m`, `2h`, `3d`, or ISO 8601 such as `PT1H30M`",
        Quoted(found)
    )]
    BadDuration { found: String },
    /// A duration beyond the limit.
    #[error("the duration is too long; at most {limit} is allowed")]
    LongDuration { limit: Millis },
    #[error(
        "{} is not the place of a field; use a name, or a JSON Pointer such as `/order/lines/0`",
        Quoted(found)
    )]
    BadPath { found: String },
    #[error("`{attribute}` is {}; use {wanted}", Quoted(found))]
    BadNumber {
        attribute: &'static str,
        found: String,
        wanted: &'static str,
    },
    #[error(
        "{} is not a fault code; use 1 to 64 bytes without spaces, commas and `*`, such as `Declined` or `shop.Declined`",
        Quoted(found)
    )]
    BadCode { found: String },
    #[error(
        "the fault code {} is reserved for the engine; use a code of your own",
        Quoted(found)
    )]
    ReservedCode { found: String },
    #[error(
        "{} is not a pattern of fault codes; use codes separated by commas, `*` for any text, such as `ActionError, shop.*`",
        Quoted(found)
    )]
    BadPattern { found: String },
    /// `process` of a call does not name a field.
    #[error(
        "the call of {} names no field; `$` and the name of the field that holds a definition must stand here",
        Quoted(found)
    )]
    BadCall { found: String },
    /// A second module of a name.
    #[error("there is a module {} already", Quoted(name))]
    DuplicateModule { name: String },
    /// A module with neither bytes nor a hash.
    #[error(
        "the module {} is empty; base64 must stand here, or the attribute `hash`",
        Quoted(name)
    )]
    NoModule { name: String },
    /// A module with both bytes and a hash.
    #[error(
        "the module {} has a hash already; no text may stand here",
        Quoted(name)
    )]
    TwoModules { name: String },
    /// Bytes of a module that are not base64.
    #[error("the module {} is not base64 (RFC 4648, with padding)", Quoted(name))]
    BadBase64 { name: String },
    /// The hash of a module is none.
    #[error(
        "{} is no hash; `sha256:` and 64 lower-case hexadecimal digits must stand here",
        Quoted(found)
    )]
    BadHash { found: String },
    /// A condition without text and module.
    #[error("this condition is empty; an expression must stand here, or the attribute `module`")]
    EmptyCondition,
    /// A condition with both text and module.
    #[error("this condition has a module already; no text may stand here")]
    TwoConditions,
    #[error("the attribute `function` needs the attribute `module` beside it")]
    FunctionWithoutModule,
    /// A function's name that WIT does not allow.
    #[error(
        "{} is no name of a function; words of letters and digits with `-` between them must stand here, such as `is-high`",
        Quoted(found)
    )]
    BadFunction { found: String },
    /// A condition's module is not declared.
    #[error("the module {} is not declared{}; a `module` of that name must stand under `process`", Quoted(found), Nearest(nearest.as_deref()))]
    UnknownModule {
        found: String,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// A condition's expression is refused.
    #[error("the expression is refused: {reason}")]
    Expression { reason: String },
    /// The expressions could not be compiled together.
    #[error("the expressions of this definition do not compile: {reason}")]
    Guest { reason: String },
}
