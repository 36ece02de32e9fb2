//! Python-style expressions, compiled to finished WebAssembly components.
//!
//! `workitem.fields["amount"] < 4` becomes a component of the contract `bureaucrat:condition@1.1.0`, without any Wasm
//! toolchain: [`parse`] checks a text, [`compile`] turns checked expressions into one component. What an expression means is
//! what CPython 3 would make of it, within the table of docs/expressions.md; anything else is refused with its place.
//!
//! The crate runs nothing, reads nothing and draws nothing: the same expressions give the same bytes.
//!
//! # Layout
//! - `parse`: bounds the text, then has it parsed by ruff's parser, as `wrapped` has it.
//! - `template`: texts with expressions in braces.
//! - `reserved`: the names of the reserved fields.
//! - `selection` and `literal`: expressions that only select, and literals.
//! - `slips`: what was meant by a text that is refused.
//! - `doubts`: what is odd about a condition that compiles.
//! - `check`: from ruff's tree to `ir`, the tree of what can be compiled.
//! - `format`: format specifications, as the helpers take them.
//! - `emit` and `constants`: from `ir` to instructions and data.
//! - `repr`: how Python writes a text, for the names of fields.
//! - `library`: the helper functions of `helpers/`, and which of them are reached.
//! - `vocabulary`: the names of the functions and methods that there are.
//! - `memory`, `main_module` and `component`: the two core modules, and the component around them.
#![forbid(unsafe_code)]

mod check;
mod component;
mod constants;
mod doubts;
mod emit;
mod format;
mod ir;
mod library;
pub mod limits;
mod literal;
mod main_module;
mod memory;
mod nearest;
mod parse;
mod repr;
mod reserved;
mod selection;
mod slips;
mod template;
pub mod vocabulary;
mod wrapped;

use std::collections::BTreeSet;

pub use doubts::{Doubt, FieldRead, Literal, Review, review};
pub use nearest::nearest;
pub use parse::{parse, parse_unexplained};
pub use selection::{Selection, Step};
pub use template::{Template, template, template_unexplained};

/// A parsed and checked expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    node: ir::Node,
    /// How many variables it has.
    variables: u32,
    /// Whether a set can occur in it.
    sets: bool,
    /// Whether a date can occur in it.
    dates: bool,
    /// The length of its text in bytes.
    source_bytes: usize,
}

/// Why a text is refused: its length or nesting, its syntax, or a construct that is not supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, a fragment without a full stop.
    pub reason: String,
    /// The line within the expression's text, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What was probably meant; it compiles.
    pub suggestion: Option<String>,
}

impl std::error::Error for Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            reason,
            line,
            column,
            suggestion,
        } = self;
        write!(f, "{reason} (line {line}, column {column})")?;
        match suggestion {
            Some(suggestion) => write!(f, "; try `{suggestion}`"),
            None => Ok(()),
        }
    }
}

impl Refusal {
    /// The byte offset of its place in the text that it is about.
    pub fn offset_in(&self, text: &str) -> usize {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let line = self.line.saturating_sub(1) as usize;
        let start = starts.into_iter().nth(line).unwrap_or(0);
        let rest = text.get(start..).unwrap_or_default();
        let column = self.column.saturating_sub(1) as usize;
        let within = rest
            .char_indices()
            .nth(column)
            .map_or(rest.len(), |(at, _)| at);
        start + within
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `func() -> result<bool, string>`: Python's truth of the value.
    Verdict,
    /// `func() -> result<string, string>`: the value as JSON text, as `json.dumps(value, ensure_ascii=False)` writes it.
    Value,
}

/// One export of a component.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its WIT name: lower-case words of letters and digits, joined by hyphens.
    pub name: String,
    pub expression: Expression,
    pub kind: Kind,
}

/// Why expressions cannot become one component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A name that the contract does not allow.
    #[error(
        "`{name}` is not a function name: words of lower-case letters and digits that start with a letter, joined by hyphens"
    )]
    Name { name: String },
    /// Two functions with one name.
    #[error("two functions are called `{name}`")]
    Twice { name: String },
    /// More than [`limits::FUNCTIONS_MAX`] functions.
    #[error("{count} functions are more than a component may have ({most})")]
    TooMany {
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// More than [`limits::COMPONENT_SOURCE_BYTES_MAX`] bytes of text.
    #[error("{bytes} bytes of expressions are more than a component may have ({most})")]
    TooLong {
        /// How many bytes the expressions' texts have.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// The helpers could not be encoded again: a defect of this crate.
    #[error("the helper functions cannot be encoded")]
    Helpers,
}

/// Compiles functions into one component, a WIT export each; the same functions give the same bytes.
///
/// # Errors
/// When a name is no WIT name or occurs twice, or when it is too much for one component.
pub fn compile(functions: &[Function]) -> Result<Vec<u8>, CompileError> {
    admit(functions)?;
    let mut constants = constants::Constants::new();
    let exports: Vec<_> = functions
        .iter()
        .map(|function| main_module::Export {
            name: &function.name,
            kind: function.kind,
            body: emit::function(&function.expression, function.kind, &mut constants),
        })
        .collect();
    let dated = functions.iter().any(|function| function.expression.dates);
    let dates = match dated {
        true => library::Dates::Possible,
        false => library::Dates::Absent,
    };
    component::assemble(&exports, &constants, dates)
}

fn admit(functions: &[Function]) -> Result<(), CompileError> {
    let count = functions.len();
    if count > limits::FUNCTIONS_MAX {
        return Err(CompileError::TooMany {
            count,
            most: limits::FUNCTIONS_MAX,
        });
    }
    let bytes = functions
        .iter()
        .map(|function| function.expression.source_bytes)
        .sum();
    if bytes > limits::COMPONENT_SOURCE_BYTES_MAX {
        return Err(CompileError::TooLong {
            bytes,
            most: limits::COMPONENT_SOURCE_BYTES_MAX,
        });
    }
    let mut seen = BTreeSet::new();
    for Function { name, .. } in functions {
        if !is_wit_name(name) {
            return Err(CompileError::Name { name: name.clone() });
        }
        if !seen.insert(name) {
            return Err(CompileError::Twice { name: name.clone() });
        }
    }
    Ok(())
}

fn is_wit_name(name: &str) -> bool {
    name.split('-').all(|word| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
    })
}
