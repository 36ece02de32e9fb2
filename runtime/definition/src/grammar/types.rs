//! The types of fields, as definitions write them.

pub(crate) const TYPES: [&str; 5] = ["int", "float", "str", "bool", "json"];
/// Those of a scope's own fields.
pub(crate) const LOCAL_TYPES: [&str; 6] = ["int", "float", "str", "bool", "json", EXPRESSION_TYPE];

/// The type of a field whose value is that of an expression.
pub(crate) const EXPRESSION_TYPE: &str = "expr";
