//! What a `context` holds.

use super::{BODY, attribute};
use crate::{
    check::LOCAL_TYPES,
    grammar::{
        row::{Content, Need::Required, Occurs, Row, Tag, Text, Within},
        value::Value::{FieldName, OneOf},
    },
};

pub(super) const LOCAL: Row = Row::part(
    Tag::Local,
    "property",
    Within::These(&[Tag::Scope]),
    "Declares a field of the element, set when it is entered, in a loop in each round. It hides a \
     field of the same name outside.",
)
.in_section("scopes")
.attributes_are(&[
    attribute("name", FieldName, Required, "The name of the field"),
    attribute(
        "type",
        OneOf(&LOCAL_TYPES),
        Required,
        "How the text is read; `expr` is the value of an expression",
    ),
])
.holds(Content::Text(Text::Any));

pub(super) const FINALLY: Row = Row::part(
    Tag::Finally,
    "finally",
    Within::These(&[Tag::Context, Tag::Scope]),
    "Runs whenever the element ends: after its last activity, after a handler, before a fault \
     leaves it, and when it is stopped.",
)
.in_section("scopes")
.occurs(Occurs::Once)
.labelled()
.holds(BODY);
