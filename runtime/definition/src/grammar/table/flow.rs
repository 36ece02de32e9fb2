//! Activities that wait, branch and repeat, and what they send and take in.

use super::{BODY, attribute};
use crate::{
    Limits,
    grammar::{
        row::{
            Activity, Attribute, Content, Least,
            Need::{Default, Either, Optional, Required},
            Occurs, Row, Tag, Text, Within,
        },
        value::Value::{
            self, Called, Duration, Expression, FieldName, FieldPath, Integer, OneOf, Template,
            Time,
        },
    },
};
use bureaucrat_model::Via;

const EVENT: Value = Value::Name {
    bytes: Limits::EVENT_BYTES,
};
const PARTICIPANT: Value = Value::Name {
    bytes: Limits::PARTICIPANT_BYTES,
};
const KEY: Value = Value::Name {
    bytes: Limits::KEY_BYTES,
};

pub(super) const INTO: Attribute = attribute(
    "into",
    FieldPath,
    Optional("its fields change those of the process"),
    "The field that gets all of it as one value",
);

pub(super) static ACTION: [Attribute; 11] = [
    attribute(
        "participant",
        Template(&PARTICIPANT),
        Required,
        "The participant that gets the task",
    ),
    attribute(
        "timeout",
        Template(&Duration),
        Optional("as long as it takes"),
        "The longest that one attempt may take; after that, the fault `Timeout`",
    ),
    attribute(
        "heartbeat",
        Template(&Duration),
        Optional("as long as it takes"),
        "The longest silence after the first message of progress; after that, the fault \
         `HeartbeatLost`",
    ),
    attribute(
        "within",
        Template(&Duration),
        Optional("as long as it takes"),
        "The longest that all attempts and the pauses between them may take",
    ),
    INTO,
    attribute(
        "via",
        OneOf(&Via::NAMES),
        Optional("what the settings say"),
        "How the task is wrapped",
    ),
    attribute(
        "queue",
        Template(&SHORT),
        Optional("what the settings say"),
        "The queue that gets the task; with `exchange`, the routing key unless `routing-key` is given",
    ),
    attribute(
        "exchange",
        Template(&SHORT),
        Optional(
            "the default exchange if `queue` or `routing-key` is given, else from the settings",
        ),
        "The exchange that gets the task",
    ),
    attribute(
        "routing-key",
        Template(&SHORT),
        Optional("`queue`"),
        "The routing key of the task",
    ),
    attribute(
        "priority",
        Template(&PRIORITY),
        Optional("none"),
        "The priority of the task in its queue",
    ),
    attribute(
        "countdown",
        Template(&Duration),
        Optional("none"),
        "How long the engine waits before it sends the first task",
    ),
];

const PRIORITY: Value = Value::Integer {
    least: 0,
    most: 255,
};

const SHORT: Value = Value::Name {
    bytes: Limits::SHORT_BYTES,
};

pub(super) const IN: Row = Row::part(
    Tag::In,
    "in",
    Within::These(&[
        Tag::Activity(Activity::Action),
        Tag::Activity(Activity::Call),
    ]),
    "A field that the task carries, or that the called process begins with. With one, no other \
     fields are sent.",
)
.in_section("in-and-out")
.attributes_are(&NAME)
.holds(Content::Text(Text::Expression));

pub(super) const ARG: Row = Row::part(
    Tag::Arg,
    "arg",
    Within::These(&[Tag::Activity(Activity::Action)]),
    "An argument of the Celery task that is called, by its place.",
)
.in_section("calls-of-celery-tasks")
.holds(Content::Text(Text::Expression));

pub(super) const KWARG: Row = Row::part(
    Tag::Kwarg,
    "kwarg",
    Within::These(&[Tag::Activity(Activity::Action)]),
    "An argument of the Celery task that is called, by its name.",
)
.in_section("calls-of-celery-tasks")
.attributes_are(&KEYWORD)
.holds(Content::Text(Text::Expression));

static KEYWORD: [Attribute; 1] = [attribute(
    "name",
    FieldName,
    Required,
    "The name of the argument",
)];

pub(super) const OUT: Row = Row::part(
    Tag::Out,
    "out",
    Within::These(&[
        Tag::Activity(Activity::Action),
        Tag::Activity(Activity::Call),
        Tag::Activity(Activity::Await),
        Tag::On,
        Tag::Listener,
    ]),
    "A field that is set from what came back, which is `inst:answer`. With one, nothing else changes.",
)
.in_section("in-and-out")
.attributes_are(&[attribute(
    "name",
    FieldPath,
    Required,
    "Where the value is put",
)])
.holds(Content::Text(Text::Expression));

static NAME: [Attribute; 1] = [attribute(
    "name",
    FieldName,
    Required,
    "The name of the field",
)];

pub(super) const RACE: Row = Row::activity(
    Activity::Race,
    "race",
    "Runs its children at the same time; the first that ends wins, and the others are stopped.",
)
.holds(BODY);

pub(super) const FOREACH: Row = Row::activity(
    Activity::Foreach,
    "foreach",
    "Runs its children for each item of a list, or for each `[key, value]` of a record.",
)
.attributes_are(&[
    attribute("select", Expression, Required, "The list or record"),
    attribute(
        "property",
        FieldName,
        Optional("the item is `inst:current`"),
        "The field of the round that is the item",
    ),
    attribute(
        "index",
        FieldName,
        Optional("none"),
        "The field of the round that is the number of the item, from 0",
    ),
    attribute(
        "parallel",
        Integer {
            least: 0,
            most: 10_000,
        },
        Default("1"),
        "How many rounds run at once; `0` for all",
    ),
    attribute(
        "collect",
        Expression,
        Optional("nothing is collected"),
        "What is collected at the end of each round",
    ),
    attribute(
        "into",
        FieldPath,
        Optional("it is discarded"),
        "The field that gets what was collected, as a list in the order of the items",
    ),
])
.holds(Content::Body(Least::One("would do nothing for each item")));

pub(super) const PICK: Row = Row::activity(
    Activity::Pick,
    "pick",
    "Waits for the first of several events, or for a time, and runs what belongs to it.",
);

pub(super) const ON: Row = Row::part(
    Tag::On,
    "on",
    Within::These(&[Tag::Activity(Activity::Pick)]),
    "An event that a `pick` waits for, and what is done then.",
)
.in_section("pick")
.labelled()
.attributes_are(&AWAIT_PARTS)
.holds(BODY);

pub(super) const AFTER: Row = Row::part(
    Tag::After,
    "after",
    Within::These(&[Tag::Activity(Activity::Pick)]),
    "What is done when none of the events came in time.",
)
.in_section("pick")
.labelled()
.occurs(Occurs::Last)
.attributes_are(&TIME)
.holds(BODY);

pub(super) const SPAN: [Attribute; 2] = [
    attribute(
        "duration",
        Template(&Duration),
        Either("until"),
        "How long it waits",
    ),
    attribute(
        "until",
        Template(&Time),
        Either("duration"),
        "The time that it waits for; one in the past is over at once",
    ),
];

pub(super) static TIME: [Attribute; 2] = SPAN;

pub(super) const NAME_OF_EVENT: Attribute =
    attribute("event", Template(&EVENT), Required, "The name of the event");
pub(super) const KEY_OF_EVENT: Attribute = attribute(
    "key",
    Template(&KEY),
    Optional("any"),
    "Only an event whose `key` is the same text counts",
);
pub(super) const INTO_OF_EVENT: Attribute = attribute(
    "into",
    FieldPath,
    Optional("`event`"),
    "The field that gets the whole event",
);

pub(super) const SINCE: Attribute = attribute(
    "since",
    Value::Since,
    Optional("only what comes while it waits"),
    "Kept events that came since then count, too, the oldest first",
);

static AWAIT_PARTS: [Attribute; 4] = [NAME_OF_EVENT, KEY_OF_EVENT, INTO_OF_EVENT, SINCE];

pub(super) static AWAIT: [Attribute; 5] = [
    NAME_OF_EVENT,
    KEY_OF_EVENT,
    attribute(
        "timeout",
        Template(&Duration),
        Optional("as long as it takes"),
        "The longest that it waits; after that, the fault `Timeout`",
    ),
    INTO_OF_EVENT,
    SINCE,
];

pub(super) const EMIT: Row = Row::activity(
    Activity::Emit,
    "emit",
    "Sends an event to all processes that wait for it, once, in the same step.",
)
.attributes_are(&[
    NAME_OF_EVENT,
    attribute(
        "key",
        Template(&KEY),
        Optional("none"),
        "The `key` of the event",
    ),
    attribute(
        "keep",
        Duration,
        Optional("it is not kept"),
        "How long it is kept for those who wait for it later, with `since`",
    ),
]);

pub(super) const FIELD: Row = Row::part(
    Tag::Field,
    "field",
    Within::These(&[Tag::Activity(Activity::Emit)]),
    "A field of the event.",
)
.in_section("emit")
.attributes_are(&NAME)
.holds(Content::Text(Text::Expression));

pub(super) const CALL: Row = Row::activity(
    Activity::Call,
    "call",
    "Runs a deployed definition, or the one whose text is in a field, and waits for its end.",
)
.attributes_are(&CALLED)
.instead_of_text("write `<call process=\"NAME\"/>`");

static CALLED: [Attribute; 3] = [
    attribute(
        "process",
        Template(&Called),
        Required,
        "The definition that is run",
    ),
    attribute(
        "detached",
        OneOf(&["no", "yes"]),
        Default("no"),
        "With `yes`, a process of its own is started and not waited for",
    ),
    attribute(
        "into",
        FieldPath,
        Optional(
            "its fields change those of the process; the id of a detached process is not kept",
        ),
        "The field that gets all of it as one value, or the id of a detached process",
    ),
];
