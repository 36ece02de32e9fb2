//! What one row of the grammar says: an element, its attributes, where it may be and what it holds.

use super::value::Value;

/// An element of the language. Elements of one name have different tags where their meaning
/// differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    Process,
    Schedule,
    Module,
    Condition,
    /// The `context` of the process.
    Context,
    /// The `context` of any other element with activities.
    Scope,
    Property,
    Faults,
    /// A `case` of `faults`.
    Handler,
    Retry,
    /// A `property` of another element's `context`.
    Local,
    Finally,
    /// An event that a `pick` waits for.
    On,
    /// How long a `pick` waits.
    After,
    /// What undoes an element that has completed.
    Compensation,
    Events,
    /// An event that is waited for while an element is active.
    Listener,
    /// A time that is waited for while an element is active.
    Alarm,
    In,
    /// An argument of a call by its place.
    Arg,
    /// An argument of a call by its name.
    Kwarg,
    Out,
    /// A field of an emitted event.
    Field,
    /// A header of a message.
    Header,
    /// The body of a message.
    Payload,
    /// A `case` of `switch`.
    Case,
    /// What is done when no other case of a switch, or of handlers, is for it.
    Default,
    Activity(Activity),
}

impl Tag {
    pub const fn activity(self) -> Option<Activity> {
        if let Self::Activity(activity) = self {
            Some(activity)
        } else {
            None
        }
    }
}

/// An element that is allowed wherever activities are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Activity {
    Sequence,
    Action,
    Switch,
    While,
    All,
    Call,
    Delay,
    Await,
    Assign,
    Fault,
    Foreach,
    Race,
    Pick,
    Emit,
    Compensate,
    Send,
}

/// Where an element may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    Nothing,
    /// In each element with activities that does not have an element of this name already.
    Bodies,
    These(&'static [Tag]),
}

/// How many elements of a kind one parent may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occurs {
    Any,
    Once,
    /// At most once, after everything else.
    Last,
}

/// Whether an element has `id` and `title`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Labels {
    None,
    Allowed,
}

/// What is between an element's tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Elements that name it in their rows.
    Parts,
    /// Those, and activities.
    Body(Least),
    Text(Text),
}

/// How many activities an element needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Least {
    None,
    /// At least one; the text says what would happen without.
    One(&'static str),
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Text {
    /// Anything; another attribute says more.
    Any,
    Base64,
    /// A Python expression. The element also has the attributes `module` and `function`.
    Expression,
    /// The same, or nothing.
    ExpressionOrNothing,
}

/// Whether an attribute has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    /// What holds without it, in words.
    Optional(&'static str),
    /// The value that it has without being written.
    Default(&'static str),
    /// Either this or the other one of that name.
    Either(&'static str),
    /// Either this or the text of the element.
    InsteadOfText,
    /// Only with the attribute that is there instead of the text; the value that it has then
    /// without being written.
    WithThat(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
    pub(crate) need: Need,
    /// For people: what it says.
    pub(crate) meaning: &'static str,
}

impl Attribute {
    /// What is expected, with what is said of a value that stands for something else, such as `0` for all.
    pub(crate) fn wanted(&self) -> String {
        let kind = self.value.written().in_words();
        let special = self.meaning.split_once("; ").map(|(_, special)| special);
        match special.filter(|special| special.starts_with('`')) {
            Some(special) => format!("{kind}, {special}"),
            None => kind,
        }
    }
}

/// One element.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) tag: Tag,
    pub(crate) name: &'static str,
    pub(crate) within: Within,
    pub(crate) occurs: Occurs,
    pub(crate) labels: Labels,
    pub(crate) own_attributes: &'static [Attribute],
    pub(crate) content: Content,
    /// For people, in sentences: what it does.
    pub(crate) purpose: &'static str,
    /// The anchor in docs/language.md.
    pub(crate) section: &'static str,
    /// What to write, for people who write a text where there is none.
    pub(crate) instead_of_text: Option<&'static str>,
}

impl Row {
    pub(super) const fn activity(
        activity: Activity,
        name: &'static str,
        purpose: &'static str,
    ) -> Self {
        Self {
            labels: Labels::Allowed,
            ..Self::part(Tag::Activity(activity), name, Within::Bodies, purpose)
        }
    }

    /// An element that is a part of others.
    pub(super) const fn part(
        tag: Tag,
        name: &'static str,
        within: Within,
        purpose: &'static str,
    ) -> Self {
        Self {
            tag,
            name,
            within,
            occurs: Occurs::Any,
            labels: Labels::None,
            own_attributes: &[],
            content: Content::Parts,
            purpose,
            section: name,
            instead_of_text: None,
        }
    }

    pub(super) const fn attributes_are(self, own_attributes: &'static [Attribute]) -> Self {
        Self {
            own_attributes,
            ..self
        }
    }

    pub(super) const fn holds(self, content: Content) -> Self {
        Self { content, ..self }
    }

    pub(super) const fn occurs(self, occurs: Occurs) -> Self {
        Self { occurs, ..self }
    }

    /// Gives it `id` and `title`, which activities have anyway.
    pub(super) const fn labelled(self) -> Self {
        Self {
            labels: Labels::Allowed,
            ..self
        }
    }

    pub(super) const fn in_section(self, section: &'static str) -> Self {
        Self { section, ..self }
    }

    pub(super) const fn instead_of_text(self, hint: &'static str) -> Self {
        Self {
            instead_of_text: Some(hint),
            ..self
        }
    }
}
