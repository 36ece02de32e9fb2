//! What a picture shows: the elements of a definition that do something, in words.
//!
//! A node is an activity, or a part that holds activities. What else a definition has (conditions, times, retries) is
//! lines of text in it. Where nodes are in a picture is left to `layout`.

use bureaucrat_definition::Tag;
use bureaucrat_model::ActivityPath;

/// What an element is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Process,
    /// Something leaves the process: a task, a call, an event, a message.
    Task,
    /// It waits for an event or a time.
    Wait,
    /// It decides, repeats or does several things at once.
    Flow,
    /// It changes fields.
    Data,
    /// It throws or handles faults.
    Fault,
    /// It runs at an end, or undoes.
    End,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Task => "task",
            Self::Wait => "wait",
            Self::Flow => "flow",
            Self::Data => "data",
            Self::Fault => "fault",
            Self::End => "end",
        }
    }
}

/// What is done with the children of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// It has none.
    Leaf,
    /// One after the other.
    Sequence,
    /// One after the other, again and again.
    Loop,
    /// All at the same time.
    All,
    /// All at the same time, until the first ends.
    Race,
    /// One of them.
    Choice,
    /// One of them, or none.
    ChoiceOrNone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Detail,
    /// An expression.
    Code,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) tone: Tone,
    pub(crate) text: String,
}

/// How a node differs from the older version of its definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change {
    #[default]
    None,
    Added,
    /// Only the older version has it.
    Removed,
    /// What is different, in words.
    Changed(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) tag: Tag,
    pub(crate) kind: Kind,
    /// What it is: the element's name.
    pub(crate) word: &'static str,
    pub(crate) path: ActivityPath,
    pub(crate) line: u32,
    pub(crate) id: Option<String>,
    pub(crate) title: Option<String>,
    /// What it is about: a participant, an event, a duration.
    pub(crate) subject: Option<String>,
    pub(crate) lines: Vec<Line>,
    pub(crate) body: Body,
    pub(crate) children: Vec<Node>,
    /// Handlers, events, and what runs at the end.
    pub(crate) attached: Vec<Node>,
    /// The activities in it that are not drawn.
    pub(crate) hidden: usize,
    /// What is written in it, for comparisons: names and values.
    pub(crate) written: Vec<(String, String)>,
    pub(crate) change: Change,
}

impl Node {
    /// The nodes in it.
    pub(crate) fn inner(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().chain(&self.attached)
    }

    /// How many nodes it is, with those in it. As deep as the definition, which is limited.
    pub(crate) fn count(&self) -> usize {
        1 + self.hidden + self.inner().map(Self::count).sum::<usize>()
    }

    /// A copy without those in it.
    pub(crate) fn shallow(&self) -> Self {
        Self {
            tag: self.tag,
            kind: self.kind,
            word: self.word,
            path: self.path.clone(),
            line: self.line,
            id: self.id.clone(),
            title: self.title.clone(),
            subject: self.subject.clone(),
            lines: self.lines.clone(),
            body: self.body,
            children: Vec::new(),
            attached: Vec::new(),
            hidden: self.hidden,
            written: self.written.clone(),
            change: self.change.clone(),
        }
    }
}
