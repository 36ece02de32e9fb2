//! Search attributes: what lists find a process by, besides its state: what it was launched as, what its searchable fields hold, what
//! it waits for, and how it failed. All of it follows from its records.

use bureaucrat_model::{FiberState, Head, Instance, Term, Version, WaitKind};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, str::FromStr};

/// A search attribute: something that processes can be found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// A searchable field, and what it holds.
    Field(String, Term),
    /// The name in its definition.
    Definition(String),
    /// The version of the deployed definition of this name.
    Version(String, Version),
    /// Its business key.
    Key(String),
    /// The user who launched it.
    User(String),
    /// The code of the fault that it failed with, or for which a part of it waits for an operator.
    Fault(String),
    /// A participant for whose answer a part of it waits.
    Participant(String),
    /// An event that a part of it waits for.
    Event(String),
}

/// What attributes can be counted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeKind {
    /// The searchable fields of this name.
    Field(String),
    Definition,
    Version,
    Key,
    User,
    Fault,
    Participant,
    Event,
}

/// The text is not a kind of attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of attribute")]
pub struct UnknownKind;

/// As people write it: one word, or `field.NAME`.
impl FromStr for AttributeKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Ok(match text {
            "definition" => Self::Definition,
            "version" => Self::Version,
            "key" => Self::Key,
            "user" => Self::User,
            "fault" => Self::Fault,
            "participant" => Self::Participant,
            "event" => Self::Event,
            other => match other.strip_prefix("field.") {
                Some(name) if !name.is_empty() => Self::Field(name.to_owned()),
                Some(_) | None => return Err(UnknownKind),
            },
        })
    }
}

impl Attribute {
    /// A definition as people write it: its name, or `NAME@VERSION`. None if what follows the last `@` is not a version.
    pub fn of_definition(text: &str) -> Option<Self> {
        let Some((name, version)) = text.rsplit_once('@') else {
            return Some(Self::Definition(text.to_owned()));
        };
        let version = version.parse().ok().and_then(Version::new)?;
        (!name.is_empty()).then(|| Self::Version(name.to_owned(), version))
    }

    /// The name of a definition, and the version, if this is one.
    pub fn named_definition(self) -> Option<(String, Option<Version>)> {
        match self {
            Self::Definition(name) => Some((name, None)),
            Self::Version(name, version) => Some((name, Some(version))),
            Self::Field(..)
            | Self::Key(_)
            | Self::User(_)
            | Self::Fault(_)
            | Self::Participant(_)
            | Self::Event(_) => None,
        }
    }

    pub fn kind(&self) -> AttributeKind {
        match self {
            Self::Field(name, _) => AttributeKind::Field(name.clone()),
            Self::Definition(_) => AttributeKind::Definition,
            Self::Version(..) => AttributeKind::Version,
            Self::Key(_) => AttributeKind::Key,
            Self::User(_) => AttributeKind::User,
            Self::Fault(_) => AttributeKind::Fault,
            Self::Participant(_) => AttributeKind::Participant,
            Self::Event(_) => AttributeKind::Event,
        }
    }
}

/// All attributes of a process.
pub fn of_instance(instance: &Instance) -> BTreeSet<Attribute> {
    let fibers = instance.fibers.iter();
    let waits = fibers.flat_map(|(_, fiber)| of_state(&fiber.state));
    of_head(instance).into_iter().chain(waits).collect()
}

/// The attributes that follow from the head.
pub fn of_head(head: &Head) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    if !head.name.is_empty() {
        attributes.push(Attribute::Definition(head.name.clone()));
        let version = head.version;
        attributes.extend(version.map(|version| Attribute::Version(head.name.clone(), version)));
    }
    attributes.extend(head.key.clone().map(Attribute::Key));
    attributes.extend(head.user.clone().map(Attribute::User));
    let fault = head.fault();
    attributes.extend(fault.map(|fault| Attribute::Fault(fault.code.to_string())));
    let fields = head.searched.iter();
    attributes.extend(fields.filter_map(|field| {
        let term = field.term.clone()?;
        Some(Attribute::Field(field.name.clone(), term))
    }));
    attributes
}

/// The attributes that follow from what a fiber waits for.
pub fn of_state(state: &FiberState) -> Vec<Attribute> {
    let FiberState::Waiting(wait) = state else {
        return Vec::new();
    };
    match &wait.kind {
        WaitKind::Answer { participant, .. } => vec![Attribute::Participant(participant.clone())],
        WaitKind::Event { subscriptions, .. } => {
            let events = subscriptions.iter();
            events
                .map(|wanted| Attribute::Event(wanted.event.clone()))
                .collect()
        }
        WaitKind::Listening { subscription, .. } => {
            let event = subscription.as_ref();
            event
                .map(|wanted| Attribute::Event(wanted.event.clone()))
                .into_iter()
                .collect()
        }
        WaitKind::Operator { fault, .. } => vec![Attribute::Fault(fault.code.to_string())],
        WaitKind::Timer { .. }
        | WaitKind::Child { .. }
        | WaitKind::Branches { .. }
        | WaitKind::Condition { .. }
        | WaitKind::Stopping { .. }
        | WaitKind::Fault { .. }
        | WaitKind::Compensation { .. }
        | WaitKind::Admission => Vec::new(),
    }
}
