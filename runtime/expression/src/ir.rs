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

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Constant(Constant),
    /// All fields.
    Fields,
    /// `workitem.fields["name"]`.
    Field(String),
    /// `workitem.fields.get("name", default)`.
    FieldOr(String, Box<Node>),
    /// A variable of a comprehension, by number.
    Variable(u32),
    /// A helper that takes values and gives a value.
    Call(Helper, Vec<Node>),
    /// A helper that takes values and a constant number, and gives a value.
    CallWith(Helper, Vec<Node>, i32),
    /// A helper that takes values and gives a truth.
    Test(Helper, Vec<Node>),
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
    /// A list, tuple or set, by the name of its tag.
    Sequence(SequenceKind, Vec<Node>),
    Dict(Vec<(Node, Node)>),
    /// The list of what a comprehension or generator gives.
    Comprehension {
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
