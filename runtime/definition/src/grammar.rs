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
    While,
    All,
    Call,
    Delay,
    Await,
    Condition,
}

/// Whether an element directly contains text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Elements only.
    Elements,
    /// Text only.
    Text,
}

const TAGS: [(&str, Tag); 14] = [
    ("process", Tag::Process),
    ("context", Tag::Context),
    ("property", Tag::Property),
    ("module", Tag::Module),
    ("sequence", Tag::Sequence),
    ("action", Tag::Action),
    ("switch", Tag::Switch),
    ("case", Tag::Case),
    ("while", Tag::While),
    ("all", Tag::All),
    ("call", Tag::Call),
    ("delay", Tag::Delay),
    ("await", Tag::Await),
    ("condition", Tag::Condition),
];

/// Elements that later versions of the original had and that this language is to get.
const LATER: [&str; 12] = [
    "assign",
    "catch",
    "compensate",
    "fault",
    "faulthandler",
    "faulthandlers",
    "faults",
    "foreach",
    "handler",
    "handlers",
    "scope",
    "throw",
];

/// What a `process` contains.
const IN_PROCESS: &[&str] = &[
    "context", "module", "sequence", "action", "switch", "while", "all", "call", "delay", "await",
];
/// What a `while` contains.
const IN_WHILE: &[&str] = &[
    "condition",
    "sequence",
    "action",
    "switch",
    "while",
    "all",
    "call",
    "delay",
    "await",
];

impl Tag {
    /// The element of a name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (_, tag) = TAGS.iter().find(|(known, _)| *known == name)?;
        Some(*tag)
    }

    pub(crate) fn name(self) -> &'static str {
        TAGS.iter()
            .find(|(_, tag)| *tag == self)
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
            Self::Context
            | Self::Sequence
            | Self::Switch
            | Self::Case
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
            Self::Process
            | Self::Condition
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
            Self::Context => &["property"],
            // As in a process, without `context` and `module`.
            Self::Sequence | Self::All => IN_PROCESS.get(2..).unwrap_or_default(),
            Self::Switch => &["case"],
            Self::Case | Self::While => IN_WHILE,
            Self::Await => &["condition"],
            Self::Property
            | Self::Module
            | Self::Action
            | Self::Call
            | Self::Delay
            | Self::Condition => &[],
        }
    }

    pub(crate) const fn content(self) -> Content {
        match self {
            Self::Property | Self::Module | Self::Condition => Content::Text,
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
            | Self::Await => Content::Elements,
        }
    }
}

/// The name in lower case, if it is one that the language is to get; `context` is one of them inside of activities.
pub(crate) fn later(name: &str, parent: Tag) -> Option<&'static str> {
    if name == "context" && parent != Tag::Process {
        return (parent.content() == Content::Elements).then_some("context");
    }
    LATER
        .into_iter()
        .find(|later| name.eq_ignore_ascii_case(later))
}
