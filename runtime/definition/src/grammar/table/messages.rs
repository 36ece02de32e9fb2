//! What definitions send to the broker, tasks aside.

use super::attribute;
use crate::{
    Limits,
    grammar::{
        row::{
            Activity, Attribute, Content,
            Need::{Default, Optional, Required},
            Occurs, Row, Tag, Text, Within,
        },
        value::Value::{self, Name, Template},
    },
};

const SHORT: Value = Name {
    bytes: Limits::SHORT_BYTES,
};

pub(super) const SEND: Row = Row::activity(
    Activity::Send,
    "send",
    "Sends a message to the broker, once, in the same step, and awaits nothing.",
)
.attributes_are(&MESSAGE);

static MESSAGE: [Attribute; 3] = [
    attribute(
        "exchange",
        Template(&SHORT),
        Optional("the default exchange, in which a routing key is the name of a queue"),
        "The exchange",
    ),
    attribute(
        "routing-key",
        Template(&SHORT),
        Optional("empty; needed without `exchange`"),
        "The routing key",
    ),
    attribute(
        "content-type",
        SHORT,
        Default("application/json"),
        "What the body is: JSON, or with any other type the text itself",
    ),
];

pub(super) const HEADER: Row = Row::part(
    Tag::Header,
    "header",
    Within::These(&[Tag::Activity(Activity::Send)]),
    "A header of the message.",
)
.in_section("send")
.attributes_are(&HEADER_NAME)
.holds(Content::Text(Text::Expression));

static HEADER_NAME: [Attribute; 1] = [attribute("name", SHORT, Required, "The name of the header")];

pub(super) const BODY_OF: Row = Row::part(
    Tag::Payload,
    "body",
    Within::These(&[Tag::Activity(Activity::Send)]),
    "The body of the message; without it, the body is empty.",
)
.in_section("send")
.occurs(Occurs::Once)
.holds(Content::Text(Text::Expression));
