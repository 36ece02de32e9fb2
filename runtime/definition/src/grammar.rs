//! The grammar as a table: the elements of the language, their attributes, and what each may contain.

/// An element of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Process,
    Context,
    Property,
    Module,
    Sequence,
    Action,
    Switch,
    Case,
    /// What is done when no other case of a switch, or of handlers, is for it.
    Default,
    While,
    All,
    Call,
    Delay,
    Await,
    Assign,
    Fault,
    Retry,
    Condition,
    /// The `context` of an activity.
    Scope,
    Faults,
    /// A `case` of `faults`.
    Handler,
}

/// Whether an element directly contains text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Elements,
    Text,
}

/// The names; what an element of one name is may depend on where it is.
const TAGS: [(&str, Tag); 20] = [
    ("process", Tag::Process),
    ("context", Tag::Context),
    ("property", Tag::Property),
    ("module", Tag::Module),
    ("sequence", Tag::Sequence),
    ("action", Tag::Action),
    ("switch", Tag::Switch),
    ("case", Tag::Case),
    ("default", Tag::Default),
    ("while", Tag::While),
    ("all", Tag::All),
    ("call", Tag::Call),
    ("delay", Tag::Delay),
    ("await", Tag::Await),
    ("assign", Tag::Assign),
    ("fault", Tag::Fault),
    ("retry", Tag::Retry),
    ("condition", Tag::Condition),
    ("context", Tag::Scope),
    ("faults", Tag::Faults),
];

/// Elements that later versions of the original had, and that this language does not have yet.
const LATER: [&str; 3] = ["compensate", "finally", "foreach"];

/// What a `process` contains. What other elements contain is a part of it.
const IN_PROCESS: &[&str] = &[
    "module", "context", "sequence", "action", "switch", "while", "all", "call", "delay", "await",
    "assign", "fault",
];
/// What a `while` contains.
const IN_WHILE: &[&str] = &[
    "condition",
    "context",
    "sequence",
    "action",
    "switch",
    "while",
    "all",
    "call",
    "delay",
    "await",
    "assign",
    "fault",
];

impl Tag {
    /// The element of a name in another one.
    pub(crate) fn of(name: &str, parent: Self) -> Option<Self> {
        match (name, parent) {
            ("context", Self::Process) => return Some(Self::Context),
            ("context", _) => return Some(Self::Scope),
            ("case", Self::Faults) => return Some(Self::Handler),
            _ => {}
        }
        let (_, tag) = TAGS.iter().find(|(known, _)| *known == name)?;
        Some(*tag)
    }

    pub(crate) fn name(self) -> &'static str {
        let tag = if self == Self::Handler {
            Self::Case
        } else {
            self
        };
        TAGS.iter()
            .find(|(_, known)| *known == tag)
            .map_or("", |(name, _)| name)
    }

    /// The attributes it may have.
    pub(crate) const fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Process => &["name"],
            Self::Property => &["name", "type"],
            Self::Module => &["name", "hash"],
            Self::Action => &["participant"],
            Self::Call => &["process"],
            Self::Delay => &["duration"],
            Self::Await => &["event"],
            Self::Condition => &["module", "function"],
            Self::Assign => &["property", "module", "function"],
            Self::Fault => &["code", "message"],
            Self::Retry => &["attempts", "delay", "factor", "max-delay", "jitter", "on"],
            Self::Handler => &["code"],
            Self::Context
            | Self::Scope
            | Self::Faults
            | Self::Sequence
            | Self::Switch
            | Self::Case
            | Self::Default
            | Self::While
            | Self::All => &[],
        }
    }

    /// The attributes it must have.
    pub(crate) const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Property => &["name", "type"],
            Self::Module => &["name"],
            Self::Action => &["participant"],
            Self::Call => &["process"],
            Self::Delay => &["duration"],
            Self::Await => &["event"],
            Self::Handler => &["code"],
            Self::Assign => &["property"],
            Self::Process
            | Self::Condition
            | Self::Fault
            | Self::Retry
            | Self::Scope
            | Self::Faults
            | Self::Default
            | Self::Context
            | Self::Sequence
            | Self::Switch
            | Self::Case
            | Self::While
            | Self::All => &[],
        }
    }

    /// The elements that it may contain.
    pub(crate) fn children(self) -> &'static [&'static str] {
        match self {
            Self::Process => IN_PROCESS,
            Self::Context => &["property", "faults"],
            Self::Scope => &["faults"],
            Self::Faults | Self::Switch => &["case", "default"],
            Self::Sequence | Self::All | Self::Default | Self::Handler => {
                IN_PROCESS.get(1..).unwrap_or_default()
            }
            Self::Case | Self::While => IN_WHILE,
            Self::Await => &["condition"],
            Self::Action => &["retry"],
            Self::Property
            | Self::Module
            | Self::Assign
            | Self::Retry
            | Self::Call
            | Self::Delay
            | Self::Fault
            | Self::Condition => &[],
        }
    }

    pub(crate) const fn content(self) -> Content {
        match self {
            Self::Property | Self::Module | Self::Condition | Self::Assign => Content::Text,
            Self::Process
            | Self::Context
            | Self::Sequence
            | Self::Action
            | Self::Switch
            | Self::Case
            | Self::While
            | Self::All
            | Self::Call
            | Self::Delay
            | Self::Await
            | Self::Default
            | Self::Fault
            | Self::Retry
            | Self::Scope
            | Self::Faults
            | Self::Handler => Content::Elements,
        }
    }
}

/// The name in lower case, if it is one that the language is to get, or to get there.
pub(crate) fn later(name: &str, parent: Tag) -> Option<&'static str> {
    match (name, parent) {
        ("property", Tag::Scope) => return Some("property"),
        ("condition", Tag::Handler) => return Some("condition"),
        _ => {}
    }
    LATER
        .into_iter()
        .find(|later| name.eq_ignore_ascii_case(later))
}
