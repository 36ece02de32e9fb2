//! The checked tree of an expression: only what can be compiled is representable.
//!
//! Built by [`crate::check`], consumed by [`crate::emit`]. Operators and functions appear as the names of the helper that
//! carries them out.

/// The name of a helper function in the helper sources.
pub(crate) type Helper = &'static str;

/// A literal value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    None,
    True,
    False,
    Integer(i64),
    /// The digits, without leading zeros, of an integer outside 64 bits.
    BigInteger(String),
    Float(f64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Constant(Constant),
    Fields,
    /// `workitem.fields["name"]`.
    Field(String),
    /// `workitem.fields.get("name", default)`.
    FieldOr(String, Box<Node>),
    /// A variable of a comprehension or a lambda, by number.
    Variable(u32),
    /// A variable of `:=` and its name: a fault where nothing was assigned yet.
    Assigned(u32, String),
    /// `name := value`.
    Assign(u32, Box<Node>),
    /// A helper that takes values and returns a value.
    Call(Helper, Vec<Node>),
    /// A helper that takes values and a constant number, and returns a value.
    CallWith(Helper, Vec<Node>, i32),
    /// A helper that takes values and returns a boolean.
    Test(Helper, Vec<Node>),
    /// A helper that takes values and a constant number, and returns a boolean.
    TestWith(Helper, Vec<Node>, i32),
    /// A helper that takes a value and a format packed by `crate::format`, and returns a text; and
    /// the format as it is written, for dates.
    Format(Helper, Box<Node>, i64, String),
    /// The body with a variable bound to a value.
    Let {
        variable: u32,
        value: Box<Node>,
        body: Box<Node>,
    },
    Not(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    If {
        test: Box<Node>,
        body: Box<Node>,
        otherwise: Box<Node>,
    },
    /// `a < b <= c`: each operand is evaluated once, and none after a link that does not hold.
    Chain {
        first: Box<Node>,
        links: Vec<(Helper, Node)>,
    },
    /// A list, tuple or set.
    Sequence(SequenceKind, Vec<Item>),
    Dict(Vec<(Node, Node)>),
    /// The list, or the set, of what a comprehension or generator yields.
    Comprehension {
        collected: SequenceKind,
        element: Box<Node>,
        clauses: Vec<Clause>,
    },
    /// The dict of what a comprehension yields.
    DictComprehension {
        key: Box<Node>,
        value: Box<Node>,
        clauses: Vec<Clause>,
    },
    /// `next(… for …)`: the first element, or the default, or the fault that there is none.
    First {
        element: Box<Node>,
        clauses: Vec<Clause>,
        default: Option<Box<Node>>,
    },
    /// The helper of each step receives the result so far, or `start`, and the next element; for
    /// `sum`, `min` and `max`.
    Fold {
        /// `None` means nothing yet, which is the address 0.
        start: Option<Box<Node>>,
        step: Helper,
        element: Box<Node>,
        clauses: Vec<Clause>,
    },
    /// `any(… for …)` and `all(… for …)`, which stop early.
    Quantified {
        quantifier: Quantifier,
        element: Box<Node>,
        clauses: Vec<Clause>,
    },
}

/// The displays that hold values side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SequenceKind {
    List,
    Tuple,
    Set,
    /// A set that is only used on the right of `in`, where duplicates do no harm.
    Members,
}

/// An item of a display.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    One(Node),
    /// `*source`: every item of the iterable.
    Each(Node),
}

impl Node {
    pub(crate) fn list(values: Vec<Node>) -> Node {
        Node::Sequence(
            SequenceKind::List,
            values.into_iter().map(Item::One).collect(),
        )
    }

    /// A text literal.
    pub(crate) fn text(text: impl Into<String>) -> Node {
        Node::Constant(Constant::Text(text.into()))
    }

    /// An integer literal.
    pub(crate) fn integer(value: i64) -> Node {
        Node::Constant(Constant::Integer(value))
    }
}

/// `any` or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    Any,
    All,
}

/// `for targets in source if condition…`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clause {
    pub(crate) source: Node,
    /// One variable takes each item; several unpack it.
    pub(crate) targets: Vec<u32>,
    pub(crate) conditions: Vec<Node>,
}
