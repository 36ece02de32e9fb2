//! Problems of elements and attributes: what is where it is not allowed, and what is missing.

use super::words::{An, Belongs, Expected, Hint, Nearest, Quoted};
use std::borrow::Cow;

/// Not in the language, or not allowed here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrammarProblem {
    /// The root is another element.
    #[error("the root element is {}{}; expected `process`", Quoted(tag), Nearest(*nearest))]
    NotProcess {
        tag: String,
        /// `process`, if the name is similar.
        nearest: Option<&'static str>,
    },
    /// An element that is not in the language.
    #[error("unknown element {} in `{parent}`{}{}", Quoted(tag), Nearest(*nearest), Hint(hint.as_deref(), Expected(allowed, "element")))]
    UnknownElement {
        tag: String,
        parent: &'static str,
        /// Which elements are allowed there.
        allowed: &'static [&'static str],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
        /// What is written here for such an element of another language.
        hint: Option<Cow<'static, str>>,
    },
    /// An element that is allowed elsewhere only.
    #[error(
        "`{tag}` is not allowed in `{parent}`{}{}",
        Belongs(places),
        Expected(allowed, "element")
    )]
    MisplacedElement {
        tag: &'static str,
        parent: &'static str,
        /// Where it is allowed; none for what is allowed wherever activities are.
        places: &'static [&'static str],
        /// Which elements are allowed there.
        allowed: &'static [&'static str],
    },
    #[error("this is a second `{tag}`; {} has one", An(parent))]
    Second {
        tag: &'static str,
        parent: &'static str,
    },
    /// What follows the default of a `switch` or of `faults`.
    #[error("this `{tag}` is never tried; `{last}` must be the last in `{parent}`")]
    AfterLast {
        tag: &'static str,
        last: &'static str,
        parent: &'static str,
    },
    /// Text where only elements are allowed.
    #[error(
        "unexpected text {} in `{parent}`{}",
        Quoted(text),
        Hint(*hint, Expected(allowed, "text"))
    )]
    UnexpectedText {
        text: String,
        /// What such a text is written as.
        hint: Option<&'static str>,
        parent: &'static str,
        /// Which elements are allowed there.
        allowed: &'static [&'static str],
    },
    /// An unknown attribute.
    #[error("unknown attribute {} of `{tag}`{}{}", Quoted(attribute), Nearest(*nearest), Hint(hint.as_deref(), Expected(allowed, "attribute")))]
    UnknownAttribute {
        tag: &'static str,
        attribute: String,
        /// The element's attributes.
        allowed: &'static [&'static str],
        /// The one that was probably meant.
        nearest: Option<&'static str>,
        /// What is written here for such an attribute of another language.
        hint: Option<Cow<'static, str>>,
    },
    /// A required attribute is missing.
    #[error("`{tag}` needs the attribute `{attribute}`")]
    MissingAttribute {
        tag: &'static str,
        attribute: &'static str,
    },
    #[error("`{tag}` needs the attribute `{one}` or `{other}`")]
    MissingEither {
        tag: &'static str,
        one: &'static str,
        other: &'static str,
    },
    #[error("`{one}` and `{other}` exclude each other; remove one")]
    BothAttributes {
        one: &'static str,
        other: &'static str,
    },
    /// A definition from outside names a parent.
    #[error(
        "the attribute `parent` of `process` is refused: it would resume another process; remove it"
    )]
    Parent,
    /// No activities where some are needed.
    #[error("this `{tag}` is empty and {otherwise}; add at least one activity")]
    NoActivities {
        tag: &'static str,
        /// What would happen.
        otherwise: &'static str,
    },
}
