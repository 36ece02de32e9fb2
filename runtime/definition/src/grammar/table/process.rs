//! The root of a definition, and what it says about its processes as wholes.

use super::{BODY, attribute};
use crate::{
    Limits,
    grammar::{
        row::{
            Attribute,
            Need::{Default, Optional, Required},
            Occurs, Row, Tag, Within,
        },
        value::Value::{Cron, Duration, Name, OneOf, Template, Zone},
    },
};

pub(super) const PROCESS: Row = Row::part(
    Tag::Process,
    "process",
    Within::Nothing,
    "Runs its children in order.",
)
.attributes_are(&ATTRIBUTES)
.holds(BODY);

static ATTRIBUTES: [Attribute; 6] = [
    attribute(
        "name",
        Name {
            bytes: Limits::NAME_BYTES,
        },
        Optional("none"),
        "What people, notices and logs call the process",
    ),
    attribute(
        "key",
        Template(&Name {
            bytes: Limits::KEY_BYTES,
        }),
        Optional("none"),
        "The [business key](#business-keys): no other process of the same user and `name` has it \
         at the same time",
    ),
    attribute(
        "duplicate",
        OneOf(&["refuse", "replace"]),
        Default("refuse"),
        "What happens to a launch whose key a process has: it is refused, or that process is \
         cancelled and this one starts when it has ended",
    ),
    attribute(
        "deadline",
        Template(&Duration),
        Optional("as long as it takes"),
        "The longest that the process may take; after that, the fault `Deadline`",
    ),
    attribute(
        "on-fault",
        OneOf(&["fail", "incident"]),
        Optional("what the [policy](policy.md) of its user says, else the setting `on_fault`"),
        "What happens after a fault that nothing handles: the process fails, or what failed waits \
         for an operator",
    ),
    attribute(
        "history",
        OneOf(&["full", "decisions", "ends"]),
        Default("full"),
        "How much of what happens is [recorded](#history)",
    ),
];

pub(super) const SCHEDULE: Row = Row::part(
    Tag::Schedule,
    "schedule",
    Within::These(&[Tag::Process]),
    "Launches the definition again and again, once it is deployed.",
)
.in_section("schedules")
.occurs(Occurs::Once)
.attributes_are(&TIMES);

static TIMES: [Attribute; 3] = [
    attribute("cron", Cron, Required, "When it is launched"),
    attribute("zone", Zone, Default("UTC"), "The time zone of `cron`"),
    attribute(
        "missed",
        OneOf(&["skip", "once"]),
        Default("skip"),
        "What happens to times at which the engine was not running: nothing, or one launch for \
         all of \
         them",
    ),
];
