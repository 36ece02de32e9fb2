//! The checked tree of an expression: only what can be compiled is representable.
//!
//! Built by [`crate::check`], consumed by [`crate::emit`]. Operators and functions appear as the names of the helper that
//! carries them out.

/// The name of a helper function in the helper sources.
pub(crate) type Helper = &'static str;

/// A value that stands in the text itself.
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
    /// A helper that takes values and gives a value.
    Call(Helper, Vec<Node>),
    /// A helper that takes values and a constant number, and gives a value.
    CallWith(Helper, Vec<Node>, i32),
    /// A helper that takes values and gives a truth.
    Test(Helper, Vec<Node>),
    /// A helper that takes values and a constant number, and gives a truth.
    TestWith(Helper, Vec<Node>, i32),
    /// A helper that takes a value and a format as `crate::format` packs it, and gives a text.
    Format(Helper, Box<Node>, i64),
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
    /// The list of what a comprehension or generator gives, or its set.
    Comprehension {
        collected: SequenceKind,
        element: Box<Node>,
        clauses: Vec<Clause>,
    },
    /// The dict of what a comprehension gives.
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
    /// The helper of each step gets what was found so far, or `start`, and the next element; `sum`, `min` and `max`.
    Fold {
        /// None for nothing yet, which is the address 0.
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
    /// A set that only stands right of `in`, where equal items do no harm.
    Members,
}

/// What stands in a display.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    One(Node),
    /// `*source`: everything that can be gone through.
    Each(Node),
}

impl Node {
    pub(crate) fn list(values: Vec<Node>) -> Node {
        Node::Sequence(
            SequenceKind::List,
            values.into_iter().map(Item::One).collect(),
        )
    }

    /// A text that stands in the expression.
    pub(crate) fn text(text: impl Into<String>) -> Node {
        Node::Constant(Constant::Text(text.into()))
    }

    /// An integer that stands in the expression.
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
    /// One variable takes each item; several take its parts.
    pub(crate) targets: Vec<u32>,
    pub(crate) conditions: Vec<Node>,
}
