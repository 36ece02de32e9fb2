//! Problems of elements and attributes: what stands where it may not, and what is missing.

use super::words::{Allowed, Nearest, Quoted};

/// What the language does not have, or not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarProblem {
    /// The root is another element.
    #[error("found the element {} at the root{}; `process` must stand here", Quoted(tag), Nearest(*nearest))]
    NotProcess {
        tag: String,
        /// `process`, if that is near.
        nearest: Option<&'static str>,
    },
    /// An element that the language does not have.
    #[error("found the unknown element {} in `{parent}`{}{}", Quoted(tag), Nearest(*nearest), Allowed(allowed, "element"))]
    UnknownElement {
        tag: String,
        parent: &'static str,
        /// Which elements may stand there.
        allowed: &'static [&'static str],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// An element that may stand elsewhere only.
    #[error(
        "the element `{tag}` may not stand in `{parent}`{}",
        Allowed(allowed, "element")
    )]
    MisplacedElement {
        tag: &'static str,
        parent: &'static str,
        /// Which elements may stand there.
        allowed: &'static [&'static str],
    },
    /// An element that the language is to have later.
    #[error(
        "the element `{tag}` in `{parent}` is not in the language yet{}",
        Allowed(allowed, "element")
    )]
    NotYet {
        tag: &'static str,
        parent: &'static str,
        /// Which elements may stand there.
        allowed: &'static [&'static str],
    },
    #[error("this `{tag}` already has a `context`")]
    SecondContext { tag: &'static str },
    #[error("this `action` already has a `retry`")]
    SecondRetry,
    #[error("this `context` already has `faults`")]
    SecondFaults,
    /// What follows the default of a `switch` or of `faults`.
    #[error("this `{tag}` is never tried; `default` must be the last in `{parent}`")]
    AfterDefault {
        tag: &'static str,
        parent: &'static str,
    },
    #[error(
        "a `fault` without `code` throws the handled fault again, with its own message; remove `message` or add `code`"
    )]
    MessageOfAnother,
    /// Text where only elements may stand.
    #[error(
        "found the text {} in `{parent}`{}",
        Quoted(text),
        Allowed(allowed, "text or element")
    )]
    UnexpectedText {
        text: String,
        parent: &'static str,
        /// Which elements may stand there.
        allowed: &'static [&'static str],
    },
    /// An attribute that the element does not have.
    #[error("found the unknown attribute {} of `{tag}`{}{}", Quoted(attribute), Nearest(*nearest), Allowed(allowed, "attribute"))]
    UnknownAttribute {
        tag: &'static str,
        attribute: String,
        /// Which attributes the element has.
        allowed: &'static [&'static str],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A required attribute is missing.
    #[error("`{tag}` needs the attribute `{attribute}`")]
    MissingAttribute {
        tag: &'static str,
        attribute: &'static str,
    },
    /// A definition from outside names a parent.
    #[error(
        "the attribute `parent` of `process` is refused: it would resume another process; `name` may stand here"
    )]
    Parent,
    /// A `while` without activities: nothing in it could ever make its condition false.
    #[error(
        "this `while` has no activities, so that it would never end; at least one must stand in it"
    )]
    EmptyWhile,
}
