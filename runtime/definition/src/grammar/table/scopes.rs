//! What a `context` holds.

use super::{
    BODY, attribute,
    flow::{INTO_OF_EVENT, KEY_OF_EVENT, NAME_OF_EVENT, SINCE, SPAN},
};
use crate::{
    Limits,
    grammar::{
        LOCAL_TYPES,
        row::{
            Activity, Attribute, Content,
            Need::{Default, Optional, Required},
            Occurs, Row, Tag, Text, Within,
        },
        value::Value::{FieldName, Id, OneOf},
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

pub(super) const COMPENSATION: Row = Row::part(
    Tag::Compensation,
    "compensate",
    Within::These(&[Tag::Scope]),
    "Undoes the element after it has completed, when a `compensate` in a handler around it says so.",
)
.in_section("compensation")
.occurs(Occurs::Once)
.labelled()
.holds(BODY);

pub(super) const EVENTS: Row = Row::part(
    Tag::Events,
    "events",
    Within::These(&[Tag::Context, Tag::Scope]),
    "Holds what is done about events and times while the element is active.",
)
.in_section("scope-events")
.occurs(Occurs::Once)
.instead_of_text("write `<on event=\"NAME\">`, then activities");

const INTERRUPT: Attribute = attribute(
    "interrupt",
    OneOf(&["yes", "no"]),
    Default("no"),
    "Whether the element is stopped first, and has ended after these activities",
);

pub(super) const LISTENER: Row = Row::part(
    Tag::Listener,
    "on",
    Within::These(&[Tag::Events]),
    "What is done for each such event, one after the other, while the element is active.",
)
.in_section("scope-events")
.labelled()
.attributes_are(&LISTENED)
.holds(BODY);

static LISTENED: [Attribute; 5] = [NAME_OF_EVENT, KEY_OF_EVENT, INTO_OF_EVENT, SINCE, INTERRUPT];

pub(super) const ALARM: Row = Row::part(
    Tag::Alarm,
    "after",
    Within::These(&[Tag::Events]),
    "What is done once when the element is still active after this time.",
)
.in_section("scope-events")
.labelled()
.attributes_are(&ALARMED)
.holds(BODY);

static ALARMED: [Attribute; 3] = [SPAN[0], SPAN[1], INTERRUPT];

pub(super) const COMPENSATE: Row = Row::activity(
    Activity::Compensate,
    "compensate",
    "In a handler or `finally`: runs the `compensate` of each element that completed inside the \
     one that failed, the \
     last one first.",
)
.in_section("compensation")
.attributes_are(&[attribute(
    "scope",
    Id {
        bytes: Limits::IDENTIFIER_BYTES,
    },
    Optional("all of them"),
    "The `id` of the only element that is undone",
)]);
