//! The grammar of definitions, as one table.
//!
//! Made from its rows are: the checks of elements, attributes and texts (`check/shape.rs`), what
//! messages say may be in a place, the tables of docs/language.md, and the schemas
//! definitions/bureaucrat.rng and definitions/bureaucrat.xsd. The meaning of an element is left to
//! its checked form, how a value is read to `check/value.rs`.
//!
//! # A new element
//! 1. A tag in `row.rs`: an `Activity` if it is allowed wherever activities are, else a `Tag`.
//! 2. A row in `table.rs`. A part names its parents; that these hold it, and
//!    that others do not, follows. What holds activities (`Content::Body`) may have a `context`.
//! 3. For an activity, a form in `checked.rs`, a function in `check/` that makes it of a node
//!    whose shape is right, an arm in `check/activity.rs`, and one in `emit.rs`.
//! 4. A section in docs/language.md with the markers of its table; `UPDATE_GOLDEN=1 cargo test -p
//!    bureaucrat-definition` fills it and writes the schemas again.
//!
//! Without the third step, `tests/generated.rs` finds a definition that compiles although something
//! in it is wrong. When an element gets a second part that it holds at most once, docs/language.md
//! has to say that XML Schema does not count those (`xml_schema.rs`).
//!
//! An element whose meaning depends on its parent has a tag and a row for each meaning, as `case`.
//! A part of several elements (`on`, `in`, `out`, `field`) lists them all in one row. Where a text
//! is an expression, `module` and `function` come with `Text::Expression`.
//!
//! Not needed yet, so not there: attributes of which exactly one has to be there (`duration` or
//! `until`), which would be a `Need` that names the others, for `check/shape.rs` and a choice in
//! `relax_ng.rs`; a text that may be missing, a `Content` beside `Text`.
//!
//! A new kind of values is a variant of [`Value`] with its words, its facets for the schemas
//! (`facets.rs`) and a function in `check/value.rs`. A template, which is plain until it
//! holds `{`, is best a variant around a `&'static Value`: its facets are those of the plain value
//! or a pattern that wants a brace, its words those of the plain one and "or a template".
//! `tests/generated.rs` wants samples of each kind.

mod docs;
mod facets;
mod relax_ng;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod xml_schema;

pub use docs::documented;
pub use relax_ng::relax_ng;
pub use xml_schema::xml_schema;

pub use row::{Activity, Tag};
pub(crate) use row::{Attribute, Content, Least, Need, Occurs, Row, Text};
pub(crate) use types::{EXPRESSION_TYPE, LOCAL_TYPES, TYPES};
pub(crate) use value::Value;

use row::{Labels, Within};
use std::{collections::BTreeMap, sync::LazyLock};
use table::{EXPRESSION, LABELS, ROWS};

/// What an element of some name is in another one.
pub(crate) enum Found {
    Allowed(&'static Row),
    /// It is in the language, but allowed elsewhere only.
    Misplaced(&'static Row),
    Unknown,
}

/// What follows from the rows for one of them.
#[derive(Default)]
struct Derived {
    children: Vec<&'static Row>,
    child_names: Vec<&'static str>,
    attributes: Vec<&'static Attribute>,
    attribute_names: Vec<&'static str>,
}

static DERIVED: LazyLock<BTreeMap<Tag, Derived>> =
    LazyLock::new(|| ROWS.iter().map(|row| (row.tag, derive(row))).collect());

/// The names of the parents of each name that is not allowed wherever activities are.
static PLACES: LazyLock<BTreeMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let parts = ROWS.iter().filter(|row| row.tag.activity().is_none());
    parts.map(|row| (row.name, places(row.name))).collect()
});

fn derive(row: &Row) -> Derived {
    let children: Vec<&'static Row> = ROWS.iter().filter(|child| is_child(child, row)).collect();
    let attributes: Vec<&'static Attribute> = row
        .own_attributes
        .iter()
        .chain(match row.content {
            Content::Text(Text::Expression | Text::ExpressionOrNothing) => &EXPRESSION[..],
            Content::Text(Text::Any | Text::Base64) | Content::Parts | Content::Body(_) => &[],
        })
        .chain(match row.labels {
            Labels::Allowed => &LABELS[..],
            Labels::None => &[],
        })
        .collect();
    Derived {
        child_names: children.iter().map(|child| child.name).collect(),
        children,
        attribute_names: attributes.iter().map(|attribute| attribute.name).collect(),
        attributes,
    }
}

fn is_child(child: &Row, parent: &Row) -> bool {
    match child.within {
        Within::Nothing => false,
        Within::These(parents) => parents.contains(&parent.tag),
        Within::Bodies => {
            let is_named = |other: &Row| match other.within {
                Within::These(parents) => other.name == child.name && parents.contains(&parent.tag),
                Within::Nothing | Within::Bodies => false,
            };
            matches!(parent.content, Content::Body(_)) && !ROWS.iter().any(is_named)
        }
    }
}

fn places(name: &str) -> Vec<&'static str> {
    let mut places: Vec<&'static str> = Vec::new();
    for parent in ROWS {
        let holds = ROWS
            .iter()
            .any(|child| child.name == name && is_child(child, parent));
        if holds && !places.contains(&parent.name) {
            places.push(parent.name);
        }
    }
    places
}

/// The root of a definition.
pub(crate) fn root() -> &'static Row {
    &ROWS[0]
}

impl Row {
    fn derived(&self) -> Option<&'static Derived> {
        DERIVED.get(&self.tag)
    }

    /// The elements that it may contain.
    pub(crate) fn children(&self) -> &'static [&'static Self] {
        self.derived().map_or(&[], |derived| &derived.children)
    }

    pub(crate) fn child_names(&self) -> &'static [&'static str] {
        self.derived().map_or(&[], |derived| &derived.child_names)
    }

    pub(crate) fn attributes(&self) -> &'static [&'static Attribute] {
        self.derived().map_or(&[], |derived| &derived.attributes)
    }

    pub(crate) fn attribute_names(&self) -> &'static [&'static str] {
        self.derived()
            .map_or(&[], |derived| &derived.attribute_names)
    }

    /// Whether its text is an expression.
    pub(crate) const fn takes_expression(&self) -> bool {
        matches!(
            self.content,
            Content::Text(Text::Expression | Text::ExpressionOrNothing)
        )
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        let mut attributes = self.attributes().iter();
        attributes.find(|known| known.name == name).copied()
    }

    /// The names of the elements that elements of this name are parts of; none if it is an
    /// activity.
    pub(crate) fn places(&self) -> &'static [&'static str] {
        PLACES.get(self.name).map_or(&[], |places| places)
    }

    /// What an element of a name is in this one.
    pub(crate) fn find(&self, name: &str) -> Found {
        if let Some(row) = self.children().iter().find(|row| row.name == name) {
            return Found::Allowed(row);
        }
        let mut rows = ROWS.iter();
        rows.find(|row| row.name == name)
            .map_or(Found::Unknown, Found::Misplaced)
    }
}
