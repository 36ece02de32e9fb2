//! The elements of the language, one per row, in the order in which messages name them.

mod flow;
mod messages;
mod process;
mod scopes;

use super::{
    TYPES,
    row::{
        Activity, Attribute, Content, Least,
        Need::{Default, InsteadOfText, Optional, Required, WithThat},
        Occurs, Row, Tag, Text, Within,
    },
    value::Value::{
        Duration, FaultCode, FaultPatterns, FieldName, FieldPath, Function, Id, Integer,
        ModuleHash, ModuleRef, Name, OneOf, Template, Text as AnyText, Thousandths, Title,
    },
};
use crate::Limits;

const fn attribute(
    name: &'static str,
    value: super::value::Value,
    need: super::row::Need,
    meaning: &'static str,
) -> Attribute {
    Attribute {
        name,
        value,
        need,
        meaning,
    }
}

/// The attributes of everything that has a path.
pub(super) static LABELS: [Attribute; 2] = [
    attribute(
        "id",
        Id {
            bytes: Limits::IDENTIFIER_BYTES,
        },
        Optional("none"),
        "A name for the activity, unique in the definition",
    ),
    attribute(
        "title",
        Title {
            characters: Limits::TITLE_CHARACTERS,
        },
        Optional("none"),
        "What people read instead of the name of the element",
    ),
];

/// The attributes of everything whose text is an expression.
pub(super) static EXPRESSION: [Attribute; 2] = [
    attribute(
        "module",
        Name {
            bytes: Limits::IDENTIFIER_BYTES,
        },
        InsteadOfText,
        "The module whose function is evaluated instead of an expression",
    ),
    attribute(
        "function",
        Function {
            bytes: Limits::IDENTIFIER_BYTES,
        },
        WithThat("evaluate"),
        "The function in that module",
    ),
];

/// What holds activities.
const BODY: Content = Content::Body(Least::None);

pub(super) static ROWS: &[Row] = &[
    process::PROCESS,
    process::SCHEDULE,
    Row::part(
        Tag::Module,
        "module",
        Within::These(&[Tag::Process]),
        "Names a WebAssembly component whose functions conditions and values can use.",
    )
    .attributes_are(&[
        attribute(
            "name",
            Name {
                bytes: Limits::IDENTIFIER_BYTES,
            },
            Required,
            "What conditions call the module, unique in the definition",
        ),
        attribute(
            "hash",
            ModuleHash,
            InsteadOfText,
            "The hash of a module that the engine has stored",
        ),
        attribute(
            "use",
            ModuleRef,
            InsteadOfText,
            "The name of a [deployed module](#modules); the definition keeps the bytes that the name stands for \
             when it is deployed or launched",
        ),
    ])
    .holds(Content::Text(Text::Base64)),
    Row::part(
        Tag::Condition,
        "condition",
        Within::These(&[
            Tag::Case,
            Tag::Activity(Activity::While),
            Tag::Activity(Activity::Await),
            Tag::On,
            Tag::Listener,
            Tag::Handler,
            Tag::Retry,
        ]),
        "A Python expression, or a function of a module, that is true or false. If an element \
         has several conditions, one that holds is enough.",
    )
    .in_section("conditions")
    .holds(Content::Text(Text::Expression)),
    Row::part(
        Tag::Context,
        "context",
        Within::These(&[Tag::Process]),
        "Declares the fields that the process starts with, and can hold handlers of faults.",
    )
    .occurs(Occurs::Once)
    .instead_of_text("write `<property name=\"NAME\" type=\"str\">VALUE</property>`"),
    Row::part(
        Tag::Scope,
        "context",
        Within::Bodies,
        "Declares fields of an element with activities, and holds handlers of the faults inside \
         it.",
    )
    .occurs(Occurs::Once)
    .instead_of_text(HANDLERS),
    scopes::LOCAL,
    Row::part(
        Tag::Property,
        "property",
        Within::These(&[Tag::Context]),
        "Declares one field and its initial value. If two have the same name, the later one \
         counts.",
    )
    .attributes_are(&[
        attribute("name", FieldName, Required, "The name of the field"),
        attribute("type", OneOf(&TYPES), Required, "How the text is read"),
        attribute(
            "searchable",
            OneOf(&["no", "yes"]),
            Default("no"),
            "Whether `bureaucrat list --where` [finds processes](#searchable-fields) by the field",
        ),
    ])
    .holds(Content::Text(Text::Any)),
    Row::part(
        Tag::Faults,
        "faults",
        Within::These(&[Tag::Context, Tag::Scope]),
        "Holds the handlers of the faults inside an element, which are tried in order.",
    )
    .occurs(Occurs::Once)
    .instead_of_text(HANDLERS),
    scopes::FINALLY,
    scopes::COMPENSATION,
    scopes::EVENTS,
    Row::activity(
        Activity::Sequence,
        "sequence",
        "Runs its children in order.",
    )
    .holds(BODY),
    Row::activity(
        Activity::Action,
        "action",
        "Sends the fields to a participant as a task and waits for its answer.",
    )
    .attributes_are(&flow::ACTION)
    .instead_of_text("write `<action participant=\"NAME\"/>`"),
    flow::IN,
    flow::ARG,
    flow::KWARG,
    flow::OUT,
    Row::part(
        Tag::Retry,
        "retry",
        Within::These(&[
            Tag::Activity(Activity::Action),
            Tag::Activity(Activity::Sequence),
        ]),
        "Tries the action, or everything in the sequence, again when a participant fails.",
    )
    .in_section("retries")
    .occurs(Occurs::Once)
    .attributes_are(&RETRY),
    Row::activity(
        Activity::Switch,
        "switch",
        "Runs the first `case` of which a condition holds, or else its `default`.",
    ),
    Row::part(
        Tag::Case,
        "case",
        Within::These(&[Tag::Activity(Activity::Switch)]),
        "Conditions, and what is done if one of them is the first in the `switch` that holds.",
    )
    .in_section("switch")
    .labelled()
    .holds(BODY),
    Row::part(
        Tag::Handler,
        "case",
        Within::These(&[Tag::Faults]),
        "Handles the faults whose codes it lists.",
    )
    .in_section("faults")
    .labelled()
    .attributes_are(&[attribute(
        "code",
        FaultPatterns,
        Required,
        "The faults that it handles",
    )])
    .holds(BODY)
    .instead_of_text(HANDLERS),
    Row::part(
        Tag::Default,
        "default",
        Within::These(&[Tag::Activity(Activity::Switch), Tag::Faults]),
        "What is done when no `case` matches.",
    )
    .in_section("switch")
    .labelled()
    .occurs(Occurs::Last)
    .holds(BODY),
    Row::activity(
        Activity::While,
        "while",
        "Repeats its children while a condition holds.",
    )
    .holds(Content::Body(Least::One("would loop forever"))),
    Row::activity(
        Activity::All,
        "all",
        "Runs its children at the same time and waits for all of them.",
    )
    .holds(BODY),
    flow::RACE,
    flow::FOREACH,
    flow::PICK,
    flow::ON,
    flow::AFTER,
    scopes::LISTENER,
    scopes::ALARM,
    flow::EMIT,
    flow::FIELD,
    messages::SEND,
    messages::HEADER,
    messages::BODY_OF,
    flow::CALL,
    Row::activity(Activity::Delay, "delay", "Waits.")
        .attributes_are(&flow::TIME)
        .instead_of_text("write `<delay duration=\"SECONDS\"/>`"),
    Row::activity(
        Activity::Await,
        "await",
        "Waits for an event for which a condition holds, or for any if there is no condition.",
    )
    .attributes_are(&flow::AWAIT)
    .instead_of_text("write `<await event=\"NAME\"/>`"),
    Row::activity(
        Activity::Assign,
        "assign",
        "Puts the value of an expression, or of a module's function, into a field.",
    )
    .attributes_are(&[attribute(
        "property",
        FieldPath,
        Required,
        "Where the value is put",
    )])
    .holds(Content::Text(Text::Expression)),
    Row::activity(
        Activity::Fault,
        "fault",
        "Throws a fault. Its text is an expression for the `data` of the fault.",
    )
    .in_section("faults")
    .attributes_are(&[
        attribute(
            "code",
            Template(&FaultCode),
            Optional("inside a handler the handled fault, else `terminate`"),
            "The code of the fault",
        ),
        attribute(
            "message",
            Template(&AnyText),
            Optional("empty"),
            "What people read",
        ),
    ])
    .holds(Content::Text(Text::ExpressionOrNothing)),
    scopes::COMPENSATE,
];

const HANDLERS: &str = "write `<faults><case code=\"CODE\">`, then activities";

static RETRY: [Attribute; 6] = [
    attribute(
        "attempts",
        Integer {
            least: 1,
            most: 1_000,
        },
        Default("3"),
        "The number of attempts, including the first",
    ),
    attribute(
        "delay",
        Duration,
        Default("1s"),
        "The pause before the second attempt",
    ),
    attribute(
        "factor",
        Thousandths {
            least: 1_000,
            most: 100_000,
        },
        Default("2"),
        "How many times as long each further pause is",
    ),
    attribute("max-delay", Duration, Default("1d"), "The longest pause"),
    attribute(
        "jitter",
        Thousandths {
            least: 0,
            most: 1_000,
        },
        Default("0"),
        "The fraction of a pause by which it varies at random",
    ),
    attribute(
        "on",
        FaultPatterns,
        Optional("every fault of a participant"),
        "After which faults there is another attempt",
    ),
];
